/* SPDX-License-Identifier: Apache-2.0 */
#include "net/blocks.h"

#include <stdalign.h>
#include <string.h>

#define SMALLEST ((size_t)32 << 10)
#define EXTRA                                                                                      \
    ((size_t)4 << 10) /* so that a message of a power of two fits with what goes around it */

struct seal__block {
    size_t size;       /* of bytes */
    seal__block *next; /* while it is kept */
    alignas(max_align_t) uint8_t bytes[];
};

/* A sanitizer wants to see memory being freed. */
#if defined(__SANITIZE_ADDRESS__)
#define KEPT 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEPT 0
#endif
#endif
#ifndef KEPT
#define KEPT SEAL__BLOCKS_KEPT
#endif

static size_t class_size(size_t order) {
    return (SMALLEST << order) + EXTRA;
}

/* The class of a block of this size; for a size that is asked for, the first that suffices.
 * SEAL__BLOCK_CLASSES: too small or too large to be kept. */
static size_t class_of(size_t size) {
    size_t order = 0;
    while (order < SEAL__BLOCK_CLASSES && class_size(order) < size)
        order++;
    return size > SMALLEST / 2 ? order : SEAL__BLOCK_CLASSES;
}

static seal__block *block_of(void *ptr) {
    return SEAL__CONTAINER_OF(ptr, seal__block, bytes);
}

static seal__block *pop(seal__blocks *blocks, size_t order) {
    seal__block *block = blocks->kept[order];
    if (block != NULL) {
        blocks->kept[order] = block->next;
        blocks->kept_bytes[order] -= block->size;
        blocks->kept_total -= block->size;
    }
    return block;
}

static seal__block *take_kept(seal__blocks *blocks, size_t order) {
    pthread_mutex_lock(&blocks->lock);
    seal__block *block = pop(blocks, order);
    pthread_mutex_unlock(&blocks->lock);
    return block;
}

static void push(seal__blocks *blocks, seal__block *block, size_t order) {
    block->next = blocks->kept[order];
    blocks->kept[order] = block;
    blocks->kept_bytes[order] += block->size;
    blocks->kept_total += block->size;
}

/* What is given back now is what will be asked for next: when there is no room, a block of the
 * class that has most goes. */
static seal__block *push_or_swap(seal__blocks *blocks, seal__block *block, size_t order) {
    if (block->size > KEPT)
        return block;
    seal__block *dropped = NULL;
    while (block->size > KEPT - blocks->kept_total) {
        size_t most = 0;
        for (size_t i = 1; i < SEAL__BLOCK_CLASSES; i++)
            most = blocks->kept_bytes[i] > blocks->kept_bytes[most] ? i : most;
        seal__block *next = pop(blocks, most);
        next->next = dropped;
        dropped = next;
    }
    push(blocks, block, order);
    return dropped;
}

/* Keeps the block, and releases what had to go for it. */
static void keep(seal__blocks *blocks, seal__block *block, size_t order) {
    pthread_mutex_lock(&blocks->lock);
    block->next = NULL;
    seal__block *dropped = push_or_swap(blocks, block, order);
    pthread_mutex_unlock(&blocks->lock);
    while (dropped != NULL) {
        seal__block *next = dropped->next;
        seal__release(blocks->below, dropped);
        dropped = next;
    }
}

static void *from_below(seal__blocks *blocks, seal__block *old, size_t size) {
    size_t total = 0;
    if (!seal__add(size, sizeof(seal__block), &total))
        return NULL;
    seal__block *block = seal__resize(blocks->below, old, total);
    if (block == NULL)
        return NULL;
    block->size = size;
    return block->bytes;
}

static void *take(seal__blocks *blocks, size_t size) {
    size_t order = class_of(size);
    if (order == SEAL__BLOCK_CLASSES)
        return from_below(blocks, NULL, size);
    seal__block *block = take_kept(blocks, order);
    return block != NULL ? block->bytes : from_below(blocks, NULL, class_size(order));
}

static void give_back(void *user, void *ptr) {
    seal__blocks *blocks = user;
    if (ptr == NULL)
        return;
    seal__block *block = block_of(ptr);
    size_t order = class_of(block->size);
    if (order == SEAL__BLOCK_CLASSES)
        seal__release(blocks->below, block);
    else
        keep(blocks, block, order);
}

static void *resize(void *user, void *ptr, size_t size) {
    seal__blocks *blocks = user;
    if (ptr == NULL)
        return take(blocks, size);
    seal__block *block = block_of(ptr);
    if (size <= block->size)
        return ptr;
    if (class_of(block->size) == SEAL__BLOCK_CLASSES && class_of(size) == SEAL__BLOCK_CLASSES)
        return from_below(blocks, block, size);
    void *larger = take(blocks, size);
    if (larger == NULL)
        return NULL;
    memcpy(larger, ptr, block->size);
    give_back(blocks, ptr);
    return larger;
}

void seal__blocks_init(seal__blocks *blocks, const seal_allocator *below) {
    *blocks = (seal__blocks){.below = below};
    blocks->alloc = (seal_allocator){.resize = resize, .release = give_back, .user = blocks};
    pthread_mutex_init(&blocks->lock, NULL);
}

void seal__blocks_done(seal__blocks *blocks) {
    for (size_t order = 0; order < SEAL__BLOCK_CLASSES; order++) {
        for (seal__block *block = blocks->kept[order]; block != NULL;) {
            seal__block *next = block->next;
            seal__release(blocks->below, block);
            block = next;
        }
    }
    pthread_mutex_destroy(&blocks->lock);
}
