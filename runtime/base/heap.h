/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap of deadlines: smallest key first, O(log n) insert and remove of any node. */
#ifndef SEAL_BASE_HEAP_H
#define SEAL_BASE_HEAP_H

#include "base/alloc.h"

typedef struct seal__heap_node {
    uint64_t key;
    size_t position; /* 1-based; 0: in no heap */
} seal__heap_node;

typedef struct seal__heap {
    seal__heap_node **nodes;
    size_t len;
    size_t cap;
    const seal_allocator *alloc;
} seal__heap;

void seal__heap_init(seal__heap *heap, const seal_allocator *alloc);
void seal__heap_done(seal__heap *heap);
/* Returns false when out of memory. */
bool seal__heap_insert(seal__heap *heap, seal__heap_node *node, uint64_t key);
/* Harmless when node is in no heap. */
void seal__heap_remove(seal__heap *heap, seal__heap_node *node);
/* NULL when empty. */
static inline seal__heap_node *seal__heap_first(const seal__heap *heap) {
    return heap->len == 0 ? NULL : heap->nodes[0];
}

#endif
