/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What outlives a runtime as long as somebody still uses it: a worker that is stuck in a silent
 * KDC, a result that a caller keeps. Reference counted, thread-safe.
 */
#ifndef SEAL_NET_SHARED_H
#define SEAL_NET_SHARED_H

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/log.h"
#include "net/blocks.h"

typedef struct seal__shared {
    atomic_size_t refs;
    seal_allocator alloc;
    seal__blocks blocks; /* for buffers and messages */
    seal__log log;
    atomic_uint agents; /* threads of naming/agent.c */
} seal__shared;

static inline seal__shared *seal__shared_ref(seal__shared *shared) {
    atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return shared;
}

static inline void seal__shared_unref(seal__shared *shared) {
    if (atomic_fetch_sub_explicit(&shared->refs, 1, memory_order_acq_rel) != 1)
        return;
    seal__blocks_done(&shared->blocks);
    seal_allocator alloc = shared->alloc;
    seal__release(&alloc, shared);
}

#endif
