/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request of a call, packed: what the present attempt has sent, what it has not, and all of it
 * for another attempt, as long as it is not too much and no reply was handed out. Loop thread.
 */
#ifndef SEAL_CLIENT_HISTORY_H
#define SEAL_CLIENT_HISTORY_H

#include "call/outgoing.h"

/* Kinds of seal__out_item. */
enum {
    SEAL__OUT_MESSAGE = 0,
    SEAL__OUT_END = 1,      /* without bytes: this end sends no more */
    SEAL__OUT_IN_PLACE = 2, /* flag: its memory is somebody else's */
    SEAL__OUT_LAST = 4      /* flag of a message: END goes with it, and has no item of its own */
};

enum { SEAL__HISTORY_ITEMS = 4096 }; /* kept; bytes: SEAL__HISTORY_MAX */

typedef struct seal__history {
    seal__list items; /* seal__out_item */
    seal__list *next; /* the first one that is not sent; the head: none */
    size_t bytes;     /* that lie here */
    size_t count;
    size_t unsent;   /* bytes */
    bool has_end;    /* what is added after it is dropped */
    bool is_kept;    /* else an item goes when it was sent */
    bool incomplete; /* one has gone */
    const seal_allocator *alloc;
} seal__history;

void seal__history_init(seal__history *history, const seal_allocator *alloc);
void seal__history_done(seal__history *history);

/* An item in memory that is not given back. */
seal__out_item *seal__history_place(void *memory, int kind, size_t size);

/* At the end; takes the item. */
void seal__history_add(seal__history *history, seal__out_item *item);
static inline seal__out_item *seal__history_item(seal__list *node) {
    return SEAL__CONTAINER_OF(node, seal__out_item, node);
}
/* The first one that is not sent; NULL: none. */
static inline seal__out_item *seal__history_next(const seal__history *history) {
    return history->next == &history->items ? NULL : seal__history_item(history->next);
}
/* END goes with that one, or follows it. */
bool seal__history_ends(const seal__history *history);
/* That one was sent. */
void seal__history_sent(seal__history *history);
/* Nothing is sent; where nothing has gone. */
void seal__history_rewind(seal__history *history);
/* There will be no other attempt. */
void seal__history_commit(seal__history *history);

#endif
