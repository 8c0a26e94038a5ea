/* SPDX-License-Identifier: Apache-2.0 */
#include "counting.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void counting_raise(atomic_ullong *max, unsigned long long value) {
    unsigned long long old = atomic_load(max);
    while (value > old && !atomic_compare_exchange_weak(max, &old, value))
        continue;
}

static void *resize(void *user, void *ptr, size_t size) {
    counting *c = user;
    size_t before = ptr != NULL ? malloc_usable_size(ptr) : 0;
    void *block = realloc(ptr, size);
    if (block == NULL)
        return NULL;
    size_t after = malloc_usable_size(block);
    atomic_fetch_sub(&c->bytes, before);
    counting_raise(&c->peak, atomic_fetch_add(&c->bytes, after) + after);
    return block;
}

static void release(void *user, void *ptr) {
    counting *c = user;
    if (ptr != NULL)
        atomic_fetch_sub(&c->bytes, malloc_usable_size(ptr));
    free(ptr);
}

void counting_init(counting *c) {
    memset(c, 0, sizeof *c);
    c->allocator = (seal_allocator){.resize = resize, .release = release, .user = c};
}
