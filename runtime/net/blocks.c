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

static size_t class_size(size_t class) {
    return (SMALLEST << class) + EXTRA;
}

/* The class of a block of this size; for a size that is asked for, the first that suffices.
 * SEAL__BLOCK_CLASSES: too small or too large to be kept. */
static size_t class_of(size_t size) {
    size_t class = 0;
    while (class < SEAL__BLOCK_CLASSES && class_size(class) < size)
        class ++;
    return size > SMALLEST / 2 ? class : SEAL__BLOCK_CLASSES;
}

static seal__block *block_of(void *ptr) {
    return SEAL__CONTAINER_OF(ptr, seal__block, bytes);
}

static seal__block *take_kept(seal__blocks *blocks, size_t class) {
    pthread_mutex_lock(&blocks->lock);
    seal__block *block = blocks->kept[class];
    if (block != NULL) {
        blocks->kept[class] = block->next;
        blocks->kept_bytes -= block->size;
    }
    pthread_mutex_unlock(&blocks->lock);
    return block;
}

static bool keep(seal__blocks *blocks, seal__block *block, size_t class) {
    pthread_mutex_lock(&blocks->lock);
    bool fits = block->size <= KEPT - blocks->kept_bytes;
    if (fits) {
        block->next = blocks->kept[class];
        blocks->kept[class] = block;
        blocks->kept_bytes += block->size;
    }
    pthread_mutex_unlock(&blocks->lock);
    return fits;
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
    size_t class = class_of(size);
    if (class == SEAL__BLOCK_CLASSES)
        return from_below(blocks, NULL, size);
    seal__block *block = take_kept(blocks, class);
    return block != NULL ? block->bytes : from_below(blocks, NULL, class_size(class));
}

static void give_back(void *user, void *ptr) {
    seal__blocks *blocks = user;
    if (ptr == NULL)
        return;
    seal__block *block = block_of(ptr);
    size_t class = class_of(block->size);
    if (class == SEAL__BLOCK_CLASSES || !keep(blocks, block, class))
        seal__release(blocks->below, block);
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
    for (size_t class = 0; class < SEAL__BLOCK_CLASSES; class ++) {
        for (seal__block *block = blocks->kept[class]; block != NULL;) {
            seal__block *next = block->next;
            seal__release(blocks->below, block);
            block = next;
        }
    }
    pthread_mutex_destroy(&blocks->lock);
}
