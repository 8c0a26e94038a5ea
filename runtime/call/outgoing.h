/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What threads other than the loop's want to send on a call, packed, in order, until the loop takes
 * it; and how much of a call waits in all, so that any thread can tell when it is too much.
 */
#ifndef SEAL_CALL_OUTGOING_H
#define SEAL_CALL_OUTGOING_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/list.h"

enum { SEAL__OUTGOING_LIMIT = 64 * 1024 }; /* bytes that may wait before a sender has to */

typedef struct seal__out_item {
    seal__list node;
    int kind; /* the owner's */
    size_t size;
    uint8_t bytes[]; /* size of them */
} seal__out_item;

typedef struct seal__outgoing {
    pthread_mutex_t lock;
    seal__list items;
    atomic_bool scheduled; /* something lies there: the loop has been told. Changes under lock */
    atomic_size_t handed;  /* bytes in items */
    atomic_size_t queued;  /* bytes in the session, as the loop has said last, and taken since */
} seal__outgoing;

void seal__outgoing_init(seal__outgoing *out);
/* Releases what was not taken. */
void seal__outgoing_drop(seal__outgoing *out, const seal_allocator *alloc);
void seal__outgoing_done(seal__outgoing *out, const seal_allocator *alloc);
/* One that is empty, and of which only this thread knows, for the next call. */
static inline void seal__outgoing_reset(seal__outgoing *out) {
    atomic_store_explicit(&out->scheduled, false, memory_order_relaxed);
    atomic_store_explicit(&out->handed, 0, memory_order_relaxed);
    atomic_store_explicit(&out->queued, 0, memory_order_relaxed);
}

/* NULL: out of memory. */
seal__out_item *seal__out_item_new(const seal_allocator *alloc, int kind, size_t size);

/* Any thread. Takes the item. True: the loop must be told (once until it takes). */
bool seal__outgoing_put(seal__outgoing *out, seal__out_item *item);
/* Loop: moves everything to `items`, in order. */
void seal__outgoing_take(seal__outgoing *out, seal__list *items);
/* Any thread: nothing waits to be taken. A loop that sends directly must not overtake others. */
bool seal__outgoing_is_empty(const seal__outgoing *out);

/* Loop: how much the session holds now. */
void seal__outgoing_publish(seal__outgoing *out, size_t queued);
/* Any thread: SEAL__OUTGOING_LIMIT bytes or more wait, here and in the session together. */
bool seal__outgoing_is_full(const seal__outgoing *out);

#endif
