/* SPDX-License-Identifier: Apache-2.0 */
#include "server/workers.h"

#include <pthread.h>
#include <signal.h>
#include <uv.h>

struct seal__workers {
    const seal_allocator *alloc;
    pthread_mutex_t lock;
    pthread_cond_t work; /* something waits, or it is over */
    seal__heap queue;
    uint64_t sequence; /* orders what has no deadline */
    uint32_t max_queue;
    uint32_t max_threads;
    uint32_t n_threads;
    uint32_t busy; /* of them, at work */
    bool ended;
    pthread_t threads[];
};

int seal__workers_new(const seal_allocator *alloc, uint32_t max_threads, uint32_t max_queue,
                      seal__workers **ret_workers) {
    seal__workers *workers =
        seal__alloc_zeroed(alloc, 1, sizeof *workers + max_threads * sizeof workers->threads[0]);
    if (workers == NULL)
        return SEAL_ERROR_NO_MEMORY;
    workers->alloc = alloc;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->work, NULL);
    seal__heap_init(&workers->queue, alloc);
    workers->max_threads = max_threads;
    workers->max_queue = max_queue;
    *ret_workers = workers;
    return 0;
}

void seal__workers_free(seal__workers *workers) {
    if (workers == NULL)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->ended = true;
    pthread_cond_broadcast(&workers->work);
    uint32_t n = workers->n_threads;
    pthread_mutex_unlock(&workers->lock);
    for (uint32_t i = 0; i < n; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_mutex_destroy(&workers->lock);
    pthread_cond_destroy(&workers->work);
    seal__heap_done(&workers->queue);
    seal__release(workers->alloc, workers);
}

/* Called with the lock held, which it gives up meanwhile. */
static void run_first(seal__workers *workers) {
    seal__heap_node *first = seal__heap_first(&workers->queue);
    seal__heap_remove(&workers->queue, first);
    workers->busy++;
    pthread_mutex_unlock(&workers->lock);
    seal__work *work = SEAL__CONTAINER_OF(first, seal__work, node);
    work->run(work, uv_hrtime() >= work->deadline_ns);
    pthread_mutex_lock(&workers->lock);
    workers->busy--;
}

static void *worker(void *arg) {
    seal__workers *workers = arg;
    pthread_setname_np(pthread_self(), "seal-worker");
    pthread_mutex_lock(&workers->lock);
    while (!workers->ended) {
        if (seal__heap_first(&workers->queue) != NULL)
            run_first(workers);
        else
            pthread_cond_wait(&workers->work, &workers->lock);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

/* Signals are for the program's own threads. */
static int start_thread(seal__workers *workers) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&workers->threads[workers->n_threads], NULL, worker, workers);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return SEAL_ERROR_SYSTEM;
    workers->n_threads++;
    return 0;
}

static uint64_t key_of(seal__workers *workers, const seal__work *work) {
    return work->deadline_ns != UINT64_MAX ? work->deadline_ns
                                           : UINT64_MAX / 2 + workers->sequence++;
}

/* Called with the lock held. */
static int submit(seal__workers *workers, seal__work *work) {
    uint32_t at_hand = workers->max_threads - workers->busy;
    if (workers->queue.len >= (uint64_t)workers->max_queue + at_hand)
        return SEAL_ERROR_TOO_MANY;
    if (!seal__heap_insert(&workers->queue, &work->node, key_of(workers, work)))
        return SEAL_ERROR_NO_MEMORY;
    uint32_t idle = workers->n_threads - workers->busy;
    if (workers->queue.len > idle && workers->n_threads < workers->max_threads &&
        start_thread(workers) < 0 && workers->n_threads == 0) {
        seal__heap_remove(&workers->queue, &work->node);
        return SEAL_ERROR_SYSTEM;
    }
    pthread_cond_signal(&workers->work);
    return 0;
}

int seal__workers_submit(seal__workers *workers, seal__work *work) {
    pthread_mutex_lock(&workers->lock);
    int rc = submit(workers, work);
    pthread_mutex_unlock(&workers->lock);
    return rc;
}

bool seal__workers_withdraw(seal__workers *workers, seal__work *work) {
    pthread_mutex_lock(&workers->lock);
    bool waited = work->node.position != 0;
    seal__heap_remove(&workers->queue, &work->node);
    pthread_mutex_unlock(&workers->lock);
    return waited;
}

uint32_t seal__workers_thread_count(seal__workers *workers) {
    pthread_mutex_lock(&workers->lock);
    uint32_t n = workers->n_threads;
    pthread_mutex_unlock(&workers->lock);
    return n;
}
