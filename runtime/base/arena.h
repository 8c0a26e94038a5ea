/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of one message: blocks that grow and are freed together, with a cap on the bytes handed
 * out, so that a peer's bytes cannot make us allocate more than the budget.
 */
#ifndef SEAL_BASE_ARENA_H
#define SEAL_BASE_ARENA_H

#include "base/buf.h"

typedef struct seal__arena_block seal__arena_block;

typedef struct seal__arena {
    seal__arena_block *blocks;
    uint8_t *at;
    size_t left;   /* in the current block */
    size_t budget; /* bytes that may still be handed out */
    const seal_allocator *alloc;
    void *adopted; /* memory of the same allocator that goes with it, or NULL */
} seal__arena;

/* No memory is taken before the first allocation. */
void seal__arena_init(seal__arena *arena, const seal_allocator *alloc, size_t budget);
/* Frees everything. The budget stays as it is. */
void seal__arena_done(seal__arena *arena);
/* Takes everything back, for the next message; keeps one block, if it is not large. */
void seal__arena_reset(seal__arena *arena, size_t budget);
/* Takes the memory of a buffer over, whose allocator is the arena's: it is released with the rest.
 * One at a time: right after init or reset. */
static inline void seal__arena_adopt(seal__arena *arena, seal__buf *buf) {
    arena->adopted = buf->data;
    *buf = (seal__buf){.max = buf->max, .alloc = buf->alloc};
}
/* Aligned for any type. NULL when out of memory or over the budget; size 0 is allowed. */
void *seal__arena_alloc(seal__arena *arena, size_t size);

#endif
