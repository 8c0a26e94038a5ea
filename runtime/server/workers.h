/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads for what may block. What waits for one of them is taken in the order of its deadlines;
 * what has none comes after all that have, first come, first served.
 */
#ifndef SEAL_SERVER_WORKERS_H
#define SEAL_SERVER_WORKERS_H

#include "base/error.h"
#include "base/heap.h"

typedef struct seal__workers seal__workers;

/* Lives in the object it concerns. */
typedef struct seal__work {
    seal__heap_node node;
    uint64_t deadline_ns; /* of uv_hrtime; UINT64_MAX: none */
    /* On a worker, once. expired: the deadline had passed when a worker came to it. */
    void (*run)(struct seal__work *work, bool expired);
} seal__work;

/* No thread is started before there is work. `alloc` is borrowed. Returns 0 or
 * SEAL_ERROR_NO_MEMORY. */
int seal__workers_new(const seal_allocator *alloc, uint32_t max_threads, uint32_t max_queue,
                      seal__workers **ret_workers);
/* Waits for what runs. Nothing may be waiting any more. NULL is allowed. */
void seal__workers_free(seal__workers *workers);

/* Any thread. Returns 0; SEAL_ERROR_TOO_MANY (all threads are at work, and max_queue wait);
 * SEAL_ERROR_SYSTEM (not a single thread can be started) or SEAL_ERROR_NO_MEMORY. */
int seal__workers_submit(seal__workers *workers, seal__work *work);
/* Any thread. True: it was waiting, and does not run. */
bool seal__workers_withdraw(seal__workers *workers, seal__work *work);

uint32_t seal__workers_thread_count(seal__workers *workers);

#endif
