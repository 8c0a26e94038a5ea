/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>

enum { FIRST_BLOCK = 512, LARGEST_BLOCK = 64 * 1024 };

struct seal__arena_block {
    seal__arena_block *next;
    size_t size;
    alignas(max_align_t) uint8_t bytes[];
};

void seal__arena_init(seal__arena *arena, const seal_allocator *alloc, size_t budget) {
    *arena = (seal__arena){.budget = budget, .alloc = alloc};
}

static void drop_adopted(seal__arena *arena) {
    if (arena->adopted != NULL)
        seal__release(arena->alloc, arena->adopted);
    arena->adopted = NULL;
}

void seal__arena_done(seal__arena *arena) {
    drop_adopted(arena);
    while (arena->blocks != NULL) {
        seal__arena_block *next = arena->blocks->next;
        seal__release(arena->alloc, arena->blocks);
        arena->blocks = next;
    }
    arena->at = NULL;
    arena->left = 0;
}

void seal__arena_reset(seal__arena *arena, size_t budget) {
    seal__arena_block *kept = arena->blocks; /* the last one, which tends to be the largest */
    arena->budget = budget;
    drop_adopted(arena);
    if (kept == NULL)
        return;
    if (kept->size > LARGEST_BLOCK) {
        seal__arena_done(arena);
        return;
    }
    arena->blocks = kept->next;
    seal__arena_done(arena);
    kept->next = NULL;
    arena->blocks = kept;
    arena->at = kept->bytes;
    arena->left = kept->size;
}

static bool add_block(seal__arena *arena, size_t need) {
    size_t size = arena->blocks == NULL ? FIRST_BLOCK : arena->blocks->size * 2;
    if (size > LARGEST_BLOCK)
        size = LARGEST_BLOCK;
    if (size < need)
        size = need;
    size_t total = 0;
    if (!seal__add(size, sizeof(seal__arena_block), &total))
        return false;
    seal__arena_block *block = seal__alloc(arena->alloc, total);
    if (block == NULL)
        return false;
    block->next = arena->blocks;
    block->size = size;
    arena->blocks = block;
    arena->at = block->bytes;
    arena->left = size;
    return true;
}

void *seal__arena_alloc(seal__arena *arena, size_t size) {
    const size_t align = alignof(max_align_t);
    size_t rounded = 0;
    if (!seal__add(size == 0 ? 1 : size, align - 1, &rounded))
        return NULL;
    rounded &= ~(align - 1);
    if (rounded > arena->budget || (rounded > arena->left && !add_block(arena, rounded)))
        return NULL;
    uint8_t *bytes = arena->at;
    arena->at += rounded;
    arena->left -= rounded;
    arena->budget -= rounded;
    return bytes;
}
