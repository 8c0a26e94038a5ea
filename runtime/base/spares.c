/* SPDX-License-Identifier: Apache-2.0 */
#include "base/spares.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define HAS_SANITIZER 1
#endif

#ifdef HAS_SANITIZER
#include <sanitizer/asan_interface.h>
static void hide(void *memory, size_t size) {
    ASAN_POISON_MEMORY_REGION(memory, size);
}
static void show(void *memory, size_t size) {
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
}
#else
static inline void hide(void *memory, size_t size) {
    (void)memory;
    (void)size;
}
static inline void show(void *memory, size_t size) {
    (void)memory;
    (void)size;
}
#endif

void seal__spares_init(seal__spares *spares, const seal_allocator *alloc, size_t size,
                       uint32_t max) {
    *spares = (seal__spares){.max = max, .size = size, .alloc = alloc};
}

void seal__spares_done(seal__spares *spares) {
    for (void *memory; (memory = seal__spares_take(spares)) != NULL;)
        seal__release(spares->alloc, memory);
}

void *seal__spares_take(seal__spares *spares) {
    seal__spare *spare = spares->first;
    if (spare == NULL)
        return NULL;
    show(spare, spares->size);
    spares->first = spare->next;
    spares->n--;
    return spare;
}

void seal__spares_give(seal__spares *spares, void *memory) {
    if (spares->n >= spares->max) {
        seal__release(spares->alloc, memory);
        return;
    }
    seal__spare *spare = memory;
    spare->next = spares->first;
    spares->first = spare;
    spares->n++;
    hide(spare, spares->size);
}
