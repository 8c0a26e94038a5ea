/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

void seal__heap_init(seal__heap *heap, const seal_allocator *alloc) {
    *heap = (seal__heap){.alloc = alloc};
}

void seal__heap_done(seal__heap *heap) {
    seal__release(heap->alloc, heap->nodes);
    seal__heap_init(heap, heap->alloc);
}

static void place(seal__heap *heap, seal__heap_node *node, size_t index) {
    heap->nodes[index] = node;
    node->position = index + 1;
}

static void sift_up(seal__heap *heap, seal__heap_node *node, size_t index) {
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (heap->nodes[parent]->key <= node->key)
            break;
        place(heap, heap->nodes[parent], index);
        index = parent;
    }
    place(heap, node, index);
}

static void sift_down(seal__heap *heap, seal__heap_node *node, size_t index) {
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= heap->len)
            break;
        if (child + 1 < heap->len && heap->nodes[child + 1]->key < heap->nodes[child]->key)
            child++;
        if (node->key <= heap->nodes[child]->key)
            break;
        place(heap, heap->nodes[child], index);
        index = child;
    }
    place(heap, node, index);
}

bool seal__heap_insert(seal__heap *heap, seal__heap_node *node, uint64_t key) {
    if (heap->len == heap->cap) {
        size_t cap = heap->cap == 0 ? 16 : heap->cap * 2;
        size_t size = 0;
        if (!seal__mul(cap, sizeof *heap->nodes, &size))
            return false;
        seal__heap_node **nodes = seal__resize(heap->alloc, heap->nodes, size);
        if (nodes == NULL)
            return false;
        heap->nodes = nodes;
        heap->cap = cap;
    }
    node->key = key;
    heap->len++;
    sift_up(heap, node, heap->len - 1);
    return true;
}

void seal__heap_remove(seal__heap *heap, seal__heap_node *node) {
    if (node->position == 0)
        return;
    size_t index = node->position - 1;
    node->position = 0;
    heap->len--;
    if (index == heap->len)
        return;
    seal__heap_node *last = heap->nodes[heap->len];
    if (index > 0 && last->key < heap->nodes[(index - 1) / 2]->key)
        sift_up(heap, last, index);
    else
        sift_down(heap, last, index);
}
