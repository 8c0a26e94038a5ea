/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small bounded pool of threads for work that may block: KDC, keytab, names. Not libuv's pool,
 * which four silent KDC calls would stop for the whole process. Threads are started when they are
 * needed, up to a maximum. A call into a silent KDC cannot be cancelled: its job is left to itself,
 * and its thread is not waited for at shutdown.
 */
#ifndef SEAL_NET_AUTH_POOL_H
#define SEAL_NET_AUTH_POOL_H

#include "base/error.h"
#include "base/list.h"
#include "net/shared.h"
#include "secure/crypto/stock.h"

typedef struct seal__auth_pool seal__auth_pool;
typedef struct seal__auth_job seal__auth_job;

struct seal__auth_job {
    seal__list node;
    void *user;                        /* of the post; set by submit */
    uint64_t deadline_ns;              /* not begun after it */
    void (*work)(seal__auth_job *job); /* on a worker */
    /* Once, on the thread that the pool's `post` leads to; ran is false when the job was dropped
     * because its deadline had passed or the pool was stopped. Frees the job. */
    void (*done)(seal__auth_job *job, bool ran);
    /* Instead of done, on the worker, when nobody waits for the job any more. Frees it. */
    void (*orphaned)(seal__auth_job *job);
    /* Something short for a time of waiting: nobody waits for it, so it is orphaned after it has
     * run; it is taken before the others, and keys are made after it, as with refill. No thread is
     * started for it where there is one. */
    bool is_aside;
    bool ran;
    bool left; /* under the pool's lock: nobody waits for it any more */
};

/* Hands a finished job to the loop thread, which then calls its done. Called on a worker. */
typedef void seal__auth_post_fn(void *user, seal__auth_job *job);

int seal__auth_pool_new(seal__shared *shared, uint32_t max_threads, uint32_t max_queue,
                        seal__auth_post_fn *post, void *user, seal__auth_pool **ret_pool);

/* Keys that the pool's threads make ahead. Lives as long as the pool has threads. */
seal__key_stock *seal__auth_pool_keys(seal__auth_pool *pool);
/* Lets an idle thread make those that are missing. Any thread. Whoever has just sent what the peer
 * waits for says so: a thread that made them at the end of its job would hold up, where cores are
 * few, the very loop that it has woken up. */
void seal__auth_pool_refill(seal__auth_pool *pool);

/* Queues a job. Any thread. Returns 0, SEAL_ERROR_TOO_MANY (queue full), SEAL_ERROR_STATE (stopped)
 * or SEAL_ERROR_SYSTEM (no thread can be started); then neither done nor orphaned is called. */
int seal__auth_pool_submit(seal__auth_pool *pool, seal__auth_job *job);
/* The same for another user than the pool's: it is his post. */
int seal__auth_pool_submit_for(seal__auth_pool *pool, void *user, seal__auth_job *job);

/* This user goes: his queued jobs are done with ran = false, on the calling thread; those that run
 * are orphaned. What was posted has been posted when it returns. */
void seal__auth_pool_leave(seal__auth_pool *pool, void *user);

/* Stops and frees: queued jobs are done with ran = false, on the calling thread; threads that are
 * idle, or do something aside, have ended when it returns; busy ones end with their job. */
void seal__auth_pool_stop(seal__auth_pool *pool);

#endif
