/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a thread that blocks waits for its call: for the next message, still encoded, for room to
 * send, or for the end. One thread waits for messages while others wait for room; the loop never
 * does.
 */
#ifndef SEAL_CALL_MAILBOX_H
#define SEAL_CALL_MAILBOX_H

#include <pthread.h>

#include <sealrpc/error.h>

#include "base/alloc.h"
#include "base/list.h"

typedef struct seal__mail {
    seal__list node;
    size_t len;
    uint8_t bytes[];
} seal__mail;

typedef struct seal__mailbox {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    seal__list messages;
    bool ended;     /* no more messages will come */
    bool cancelled; /* nor is there anybody to send to */
    bool writable;  /* since it was last waited for */
    const seal_allocator *alloc;
} seal__mailbox;

void seal__mailbox_init(seal__mailbox *box, const seal_allocator *alloc);
void seal__mailbox_done(seal__mailbox *box);

/* Loop. put copies; returns 0 or SEAL_ERROR_NO_MEMORY. */
int seal__mailbox_put(seal__mailbox *box, const uint8_t *data, size_t len);
void seal__mailbox_end(seal__mailbox *box);
void seal__mailbox_cancel(seal__mailbox *box);
void seal__mailbox_set_writable(seal__mailbox *box);

/* Waits for a message. Returns 1 (*ret_mail is the caller's: seal__release with box->alloc), 0
 * (there is none any more), or SEAL_ERROR_CANCELLED, which comes before messages that still lie
 * there. */
int seal__mailbox_take(seal__mailbox *box, seal__mail **ret_mail);
/* Waits until writable was set since the last call; then forgets it. Returns 0 or
 * SEAL_ERROR_CANCELLED. */
int seal__mailbox_await_writable(seal__mailbox *box);

#endif
