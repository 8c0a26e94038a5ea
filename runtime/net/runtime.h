/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's inside: loop, tasks from other threads, pools, and the connections to be flushed.
 */
#ifndef SEAL_NET_RUNTIME_H
#define SEAL_NET_RUNTIME_H

#include <uv.h>

#include <sealrpc/runtime.h>

#include "base/spares.h"
#include "net/auth_pool.h"
#include "secure/secure_channel.h"

/* Something to be run on the loop thread; lives in the object it concerns. */
typedef struct seal__task {
    seal__list node;
    void (*run)(struct seal__task *task);
} seal__task;

enum { SEAL__READ_CHUNK = 256 * 1024 };

struct seal_runtime {
    seal__shared *shared;
    uv_loop_t *loop;
    bool owns_loop;
    uv_loop_t own_loop;
    uv_thread_t thread; /* the one that runs the loop */
    uv_thread_t join;   /* the same, when it is ours */
    uv_sem_t started;
    uv_async_t wakeup;     /* tasks were posted */
    uv_prepare_t prepare;  /* flushes the connections of `dirty` before the loop sleeps */
    uint32_t handles_open; /* of the two above, while they are being closed */
    uint32_t holders;      /* servers, channels, sockets: all must go before the runtime does */
    uint32_t connections;  /* whose sockets are open */
    bool freeing;
    bool handles_closing;
    bool frees_itself; /* nobody joins its thread: see seal__runtime_free_here */
    seal__task free_task;
    uv_mutex_t lock;
    seal__list tasks;         /* under lock */
    seal__list finished_jobs; /* under lock */
    bool stopping;            /* under lock: no more posts by users */
    seal__list dirty;         /* connections with something to send */
    void *tickets; /* what the channels' handshakes leave to later ones; made by the first */
    void (*release_tickets)(void *tickets);
    seal__auth_pool *initiators; /* NULL: see seal__runtime_new_beside */
    seal__auth_pool *acceptors;
    const seal_runtime *beside; /* the first one, whose acceptors these are; NULL: none */
    seal_runtime *told;         /* when its thread has ended: see seal__runtime_end */
    seal__task *ended;
    uint32_t jobs;       /* in either pool, or awaited: keep the loop alive */
    uint32_t loop_tasks; /* queued by the loop thread itself: the same */
    /* Memory of calls that have ended, for the next ones: see client/plain.c. */
    seal__spares spare_calls;
    seal__spares spare_results;
    seal__spares spare_requests;
    uint8_t *read_chunk; /* shared by all connections: used within one callback */
    uint8_t instance_id[SEAL__INSTANCE_ID];
};

static inline const seal_allocator *seal__runtime_alloc(const seal_runtime *runtime) {
    return &runtime->shared->alloc;
}
/* For what may be large and does not live long. */
static inline const seal_allocator *seal__runtime_blocks(const seal_runtime *runtime) {
    return &runtime->shared->blocks.alloc;
}
static inline const seal__log *seal__runtime_log(const seal_runtime *runtime) {
    return &runtime->shared->log;
}

bool seal__runtime_on_loop(const seal_runtime *runtime);
/* The same, or on one that was made beside it. */
bool seal__runtime_on_any_loop(const seal_runtime *runtime);
/* On a loop thread that a runtime has made, whichever. */
bool seal__on_loop_thread(void);
/* The same, or on the runtime's own: whoever waited here would hold up a loop. */
bool seal__runtime_must_not_block(const seal_runtime *runtime);

/* Queues a task; any thread; never fails. A task that is queued must not be queued again. */
void seal__runtime_queue(seal_runtime *runtime, seal__task *task);

/* Runs fn on the loop thread and waits for it; on that thread: just runs it. Returns 0, or
 * SEAL_ERROR_WRONG_THREAD for the caller's loop, because nobody may be running that. */
int seal__runtime_run(seal_runtime *runtime, void (*fn)(void *arg), void *arg);

/* Submits a job to a pool and keeps the loop alive until it is done. Loop thread. */
int seal__runtime_submit(seal_runtime *runtime, seal__auth_pool *pool, seal__auth_job *job);

/* Something else comes back from another thread: the same. */
void seal__runtime_await(seal_runtime *runtime);
void seal__runtime_awaited(seal_runtime *runtime);

/* Whatever lives on the loop holds its runtime: the last one out releases a runtime that is being
 * freed. */
void seal__runtime_hold(seal_runtime *runtime);
void seal__runtime_let_go(seal_runtime *runtime);

/*
 * One more loop with a thread of its own, with the allocator, the log, the instance id and the
 * acceptor threads of `first`, which must outlive it. It initiates nothing. Its end does not block:
 * when its thread is over, `ended` is run on first's loop, which then joins and releases.
 */
int seal__runtime_new_beside(seal_runtime *first, seal_runtime **ret_runtime, seal_error **reterr);
void seal__runtime_end(seal_runtime *runtime, seal_runtime *first, seal__task *ended);
void seal__runtime_join(seal_runtime *runtime);

/* For runtimes that a server or channel makes for itself. */
int seal__runtime_new_private(seal_runtime **ret_runtime, seal_error **reterr);
/* Frees one on its own loop thread, which cannot wait for itself: what is left is released by that
 * thread at its end. */
void seal__runtime_free_here(seal_runtime *runtime);

#endif
