/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call at the server hands on to the calls that are made for it: its deadline, its cancel,
 * its trace, and which attempt it is. Lives in the call. Any thread.
 */
#ifndef SEAL_CALL_SCOPE_H
#define SEAL_CALL_SCOPE_H

#include <pthread.h>

#include <sealrpc/base.h>

#include "base/list.h"

struct seal_call;

typedef struct seal__scope seal__scope;
typedef struct seal__scope_hook seal__scope_hook;

/* A child. Zeroed, it is in none. Called once, at most, when the parent is cancelled; from inside
 * seal__scope_cancel, with the scope locked: it must neither block nor touch the scope. */
struct seal__scope_hook {
    seal__list node;
    void (*cancelled)(seal__scope_hook *hook);
};

struct seal__scope {
    pthread_mutex_t lock;
    seal__list hooks;
    bool cancelled;
    uint64_t deadline_ns;    /* of uv_hrtime; UINT64_MAX: none */
    const char *traceparent; /* "" where there is none; live as long as the scope */
    const char *tracestate;
    uint32_t attempt;
    void (*ref)(seal__scope *scope); /* of the call around it */
    void (*unref)(seal__scope *scope);
};

/* No deadline, no trace, first attempt; the owner sets the others, ref and unref always. */
void seal__scope_init(seal__scope *scope);
void seal__scope_done(seal__scope *scope);
/* Takes a reference too. False: it is cancelled already, and nothing was done. */
bool seal__scope_join(seal__scope *scope, seal__scope_hook *hook);
/* Harmless for a hook that is in none, and for NULL as the scope. Drops the reference of a hook
 * that had joined, cancelled or not. Afterwards the hook is not called any more, on any thread. */
void seal__scope_leave(seal__scope *scope, seal__scope_hook *hook);
/* Tells every hook. Only the first call has an effect. */
void seal__scope_cancel(seal__scope *scope);

/* The scope of a call. Declared here so that clients need not know servers; defined in server/. */
seal__scope *seal__scope_of(struct seal_call *call);

#endif
