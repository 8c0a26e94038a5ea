/* SPDX-License-Identifier: Apache-2.0 */
#include "support/failing_alloc.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

typedef struct header {
    alignas(max_align_t) size_t size;
} header;

enum { TOO_LARGE = 1 << 30 }; /* what no test can mean; some mallocs abort on it */

static bool must_fail(failing_alloc *alloc, size_t size) {
    alloc->calls++;
    if (size > TOO_LARGE)
        return true;
    if (alloc->fail_at == 0)
        return false;
    return alloc->once ? alloc->calls == alloc->fail_at : alloc->calls >= alloc->fail_at;
}

/* Always moves, so that a pointer kept over a resize is found by the sanitizers. */
static void *resize(void *user, void *ptr, size_t size) {
    failing_alloc *alloc = user;
    header *old = ptr == NULL ? NULL : (header *)ptr - 1;
    header *block = must_fail(alloc, size) ? NULL : malloc(sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->size = size;
    alloc->bytes += size;
    alloc->live++;
    if (alloc->bytes > alloc->peak)
        alloc->peak = alloc->bytes;
    if (old != NULL) {
        memcpy(block + 1, ptr, old->size < size ? old->size : size);
        alloc->allocator.release(alloc, ptr);
    }
    return block + 1;
}

static void release(void *user, void *ptr) {
    failing_alloc *alloc = user;
    if (ptr == NULL)
        return;
    header *block = (header *)ptr - 1;
    alloc->live--;
    alloc->bytes -= block->size;
    memset(ptr, 0xdd, block->size);
    free(block);
}

void failing_alloc_init(failing_alloc *alloc) {
    *alloc = (failing_alloc){.allocator = {.resize = resize, .release = release, .user = alloc}};
}

void failing_alloc_fail_at(failing_alloc *alloc, size_t nth, bool once) {
    alloc->calls = 0;
    alloc->fail_at = nth;
    alloc->once = once;
}

bool failing_alloc_has_failed(const failing_alloc *alloc) {
    return alloc->fail_at != 0 && alloc->calls >= alloc->fail_at;
}
