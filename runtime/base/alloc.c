/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static void *default_resize(void *user, void *ptr, size_t size) {
    (void)user;
    return ptr == NULL ? malloc(size) : realloc(ptr, size);
}

static void default_release(void *user, void *ptr) {
    (void)user;
    free(ptr);
}

const seal_allocator seal__default_allocator = {
    .resize = default_resize, .release = default_release, .user = NULL};

void *seal__alloc(const seal_allocator *alloc, size_t size) {
    return seal__resize(alloc, NULL, size);
}

void *seal__alloc_zeroed(const seal_allocator *alloc, size_t count, size_t size) {
    size_t total = 0;
    if (!seal__mul(count, size, &total))
        return NULL;
    void *ptr = seal__alloc(alloc, total);
    if (ptr != NULL)
        memset(ptr, 0, total);
    return ptr;
}

void *seal__resize(const seal_allocator *alloc, void *ptr, size_t size) {
    return size == 0 ? NULL : alloc->resize(alloc->user, ptr, size);
}

char *seal__strdup(const seal_allocator *alloc, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = seal__alloc(alloc, size);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

void seal__release(const seal_allocator *alloc, void *ptr) {
    if (ptr != NULL)
        alloc->release(alloc->user, ptr);
}

void seal__clear(void *ptr, size_t size) {
    memset(ptr, 0, size);
}

void seal__wipe(void *ptr, size_t size) {
    if (size > 0)
        explicit_bzero(ptr, size);
}
