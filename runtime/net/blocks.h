/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allocator in front of the user's that keeps some of the large blocks it gets back. Buffers and
 * messages of tens of kilobytes come and go with every call; given back to malloc each time, their
 * pages go back to the kernel and are faulted in and cleared again, which costs more than
 * encrypting what is in them. Small sizes are passed on. Thread-safe.
 */
#ifndef SEAL_NET_BLOCKS_H
#define SEAL_NET_BLOCKS_H

#include <pthread.h>

#include "base/alloc.h"

enum {
    SEAL__BLOCK_CLASSES = 8,             /* 32 KiB to 4 MiB, and a little more for headers */
    SEAL__BLOCKS_KEPT = 16 * 1024 * 1024 /* bytes kept in all */
};

typedef struct seal__block seal__block;

typedef struct seal__blocks {
    seal_allocator alloc; /* what others use */
    const seal_allocator *below;
    pthread_mutex_t lock;
    seal__block *kept[SEAL__BLOCK_CLASSES];
    size_t kept_bytes[SEAL__BLOCK_CLASSES];
    size_t kept_total;
} seal__blocks;

/* below is borrowed. */
void seal__blocks_init(seal__blocks *blocks, const seal_allocator *below);
/* All that was taken has been given back. */
void seal__blocks_done(seal__blocks *blocks);

#endif
