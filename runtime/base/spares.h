/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of one size that one thread uses again and again: what is given back last is taken first,
 * because it is in the cache. No more than `max` pieces are kept, and none before one was given
 * back. For an address sanitizer what lies here counts as freed.
 */
#ifndef SEAL_BASE_SPARES_H
#define SEAL_BASE_SPARES_H

#include "base/alloc.h"

typedef struct seal__spare {
    struct seal__spare *next;
} seal__spare;

typedef struct seal__spares {
    seal__spare *first;
    uint32_t n;
    uint32_t max;
    size_t size;
    const seal_allocator *alloc;
} seal__spares;

/* size: at least a pointer's. alloc is borrowed. */
void seal__spares_init(seal__spares *spares, const seal_allocator *alloc, size_t size,
                       uint32_t max);
/* Releases what lies here. */
void seal__spares_done(seal__spares *spares);

/* One that was kept, with what it held but for its first pointer; NULL: there is none, and
 * seal__alloc has to make one. */
void *seal__spares_take(seal__spares *spares);
/* Keeps memory of `size` bytes from `alloc`, or releases it. */
void seal__spares_give(seal__spares *spares, void *memory);

#endif
