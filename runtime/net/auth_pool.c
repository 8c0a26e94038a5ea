/* SPDX-License-Identifier: Apache-2.0 */
#include "net/auth_pool.h"

#include <pthread.h>
#include <signal.h>
#include <uv.h>

struct seal__auth_pool {
    seal__shared *shared;
    pthread_mutex_t lock;
    pthread_cond_t work;  /* a job was queued, or the pool was stopped */
    pthread_cond_t ended; /* an idle thread has ended, or a job was posted */
    seal__list queue;
    seal__list running;
    seal__list posting; /* finished jobs that are on their way to their users */
    uint32_t queued;
    uint32_t max_queue;
    uint32_t threads;
    uint32_t busy;
    uint32_t making_keys; /* not busy, but not waiting either */
    uint32_t asides;      /* the same */
    bool wants_keys;      /* until there are enough */
    uint32_t waiting;
    bool waking; /* one of those that wait was woken up and has not looked yet */
    uint32_t max_threads;
    uint32_t refs; /* the owner and every thread */
    bool stopped;
    seal__auth_post_fn *post;
    void *user;
    seal__key_stock keys;
};

int seal__auth_pool_new(seal__shared *shared, uint32_t max_threads, uint32_t max_queue,
                        seal__auth_post_fn *post, void *user, seal__auth_pool **ret_pool) {
    seal__auth_pool *pool = seal__alloc_zeroed(&shared->alloc, 1, sizeof *pool);
    if (pool == NULL)
        return SEAL_ERROR_NO_MEMORY;
    pool->shared = seal__shared_ref(shared);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->ended, NULL);
    seal__list_init(&pool->queue);
    seal__list_init(&pool->running);
    seal__list_init(&pool->posting);
    seal__key_stock_init(&pool->keys);
    pool->max_threads = max_threads;
    pool->max_queue = max_queue;
    pool->refs = 1;
    pool->post = post;
    pool->user = user;
    *ret_pool = pool;
    return 0;
}

/* Called with the lock held; gives it up. */
static void unlock_and_unref(seal__auth_pool *pool) {
    bool last = --pool->refs == 0;
    pthread_mutex_unlock(&pool->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->ended);
    seal__key_stock_done(&pool->keys);
    seal__shared *shared = pool->shared;
    seal__release(&shared->alloc, pool);
    seal__shared_unref(shared);
}

typedef struct posting {
    seal__list node;
    void *user;
} posting;

/* Called with the lock held, which it gives up meanwhile: whoever is woken by it may want the lock
 * at once. The user lives until then, see seal__auth_pool_leave and seal__auth_pool_stop. */
static void post(seal__auth_pool *pool, seal__auth_job *job) {
    posting mine = {.user = job->user};
    seal__list_init(&mine.node);
    seal__list_append(&pool->posting, &mine.node);
    pthread_mutex_unlock(&pool->lock);
    pool->post(mine.user, job);
    pthread_mutex_lock(&pool->lock);
    seal__list_remove(&mine.node);
    pthread_cond_broadcast(&pool->ended);
}

/* Called with the lock held; gives it up, and wakes somebody up then, if there is work. One is
 * enough: whoever takes a job and leaves others behind wakes up the next. So many short jobs that
 * come together do not wake up a thread each, and one that blocks holds nobody up. */
static void unlock_and_wake(seal__auth_pool *pool) {
    bool has_work =
        !seal__list_is_empty(&pool->queue) || (pool->wants_keys && pool->making_keys == 0);
    bool wake = has_work && pool->waiting > 0 && !pool->waking;
    pool->waking = pool->waking || wake;
    pthread_mutex_unlock(&pool->lock);
    if (wake)
        pthread_cond_signal(&pool->work);
}

static void await_work(seal__auth_pool *pool) {
    pool->waiting++;
    pthread_cond_wait(&pool->work, &pool->lock);
    pool->waiting--;
    pool->waking = false;
}

/* Called with the lock held, which it gives up meanwhile. */
static void run_one(seal__auth_pool *pool, seal__auth_job *job) {
    uint32_t *working = job->is_aside ? &pool->asides : &pool->busy;
    pool->queued--;
    (*working)++;
    seal__list_append(&pool->running, &job->node);
    unlock_and_wake(pool);
    job->ran = uv_hrtime() <= job->deadline_ns;
    if (job->ran)
        job->work(job);
    pthread_mutex_lock(&pool->lock);
    (*working)--;
    seal__list_remove(&job->node);
    if (!pool->stopped && !job->left) {
        post(pool, job);
        return;
    }
    pthread_mutex_unlock(&pool->lock);
    job->orphaned(job);
    pthread_mutex_lock(&pool->lock);
}

/* Called with the lock held, which it gives up meanwhile. One thread at a time is enough. */
static bool make_key(seal__auth_pool *pool) {
    if (pool->making_keys > 0 || !pool->wants_keys)
        return false;
    pool->wants_keys = seal__key_stock_is_low(&pool->keys);
    if (!pool->wants_keys)
        return false;
    pool->making_keys++;
    pthread_mutex_unlock(&pool->lock);
    bool made = seal__key_stock_add(&pool->keys) == 0;
    pthread_mutex_lock(&pool->lock);
    pool->making_keys--;
    return made;
}

static void *worker(void *arg) {
    seal__auth_pool *pool = arg;
    pthread_mutex_lock(&pool->lock);
    while (!pool->stopped) {
        seal__list *node = seal__list_take_first(&pool->queue);
        if (node != NULL)
            run_one(pool, SEAL__CONTAINER_OF(node, seal__auth_job, node));
        else if (!make_key(pool))
            await_work(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    seal__crypto_thread_end();
    pthread_mutex_lock(&pool->lock);
    pool->threads--;
    pthread_cond_broadcast(&pool->ended);
    unlock_and_unref(pool);
    return NULL;
}

/* Signals are for the program's own threads. */
static int start_thread(seal__auth_pool *pool) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int rc = pthread_create(&thread, &attr, worker, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (rc != 0)
        return SEAL_ERROR_SYSTEM;
    pool->threads++;
    pool->refs++;
    return 0;
}

static int submit_locked(seal__auth_pool *pool, seal__auth_job *job) {
    if (pool->stopped)
        return SEAL_ERROR_STATE;
    if (pool->queued >= pool->max_queue)
        return SEAL_ERROR_TOO_MANY;
    bool all_at_work =
        pool->queued >= pool->threads - pool->busy - pool->making_keys - pool->asides;
    bool may_start = pool->threads < pool->max_threads && !(job->is_aside && pool->threads > 0);
    if (all_at_work && may_start) {
        int rc = start_thread(pool);
        if (rc < 0 && pool->threads == 0)
            return rc;
    }
    /* After the node that comes next: before all others. */
    seal__list_append(job->is_aside ? pool->queue.next : &pool->queue, &job->node);
    pool->wants_keys = pool->wants_keys || job->is_aside;
    pool->queued++;
    return 0;
}

seal__key_stock *seal__auth_pool_keys(seal__auth_pool *pool) {
    return &pool->keys;
}

void seal__auth_pool_refill(seal__auth_pool *pool) {
    if (!seal__key_stock_is_low(&pool->keys))
        return;
    pthread_mutex_lock(&pool->lock);
    pool->wants_keys = true;
    unlock_and_wake(pool);
}

int seal__auth_pool_submit_for(seal__auth_pool *pool, void *user, seal__auth_job *job) {
    seal__list_init(&job->node);
    job->user = user;
    job->ran = false;
    job->left = job->is_aside;
    pthread_mutex_lock(&pool->lock);
    int rc = submit_locked(pool, job);
    unlock_and_wake(pool);
    return rc;
}

int seal__auth_pool_submit(seal__auth_pool *pool, seal__auth_job *job) {
    return seal__auth_pool_submit_for(pool, pool->user, job);
}

static void drop(seal__list *jobs) {
    for (seal__list *node = seal__list_take_first(jobs); node != NULL;
         node = seal__list_take_first(jobs)) {
        seal__auth_job *job = SEAL__CONTAINER_OF(node, seal__auth_job, node);
        job->done(job, false);
    }
}

static bool is_posting(const seal__auth_pool *pool, const void *user) {
    for (seal__list *node = pool->posting.next; node != &pool->posting; node = node->next) {
        if (SEAL__CONTAINER_OF(node, posting, node)->user == user)
            return true;
    }
    return false;
}

void seal__auth_pool_leave(seal__auth_pool *pool, void *user) {
    seal__list dropped;
    seal__list_init(&dropped);
    pthread_mutex_lock(&pool->lock);
    for (seal__list *node = pool->queue.next, *next = NULL; node != &pool->queue; node = next) {
        next = node->next;
        if (SEAL__CONTAINER_OF(node, seal__auth_job, node)->user != user)
            continue;
        seal__list_remove(node);
        seal__list_append(&dropped, node);
        pool->queued--;
    }
    for (seal__list *node = pool->running.next; node != &pool->running; node = node->next) {
        seal__auth_job *job = SEAL__CONTAINER_OF(node, seal__auth_job, node);
        job->left = job->left || job->user == user;
    }
    while (is_posting(pool, user))
        pthread_cond_wait(&pool->ended, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    drop(&dropped);
}

void seal__auth_pool_stop(seal__auth_pool *pool) {
    if (pool == NULL)
        return;
    seal__list dropped;
    seal__list_init(&dropped);
    pthread_mutex_lock(&pool->lock);
    pool->stopped = true;
    seal__list_append_all(&dropped, &pool->queue);
    pthread_cond_broadcast(&pool->work);
    while (pool->threads > pool->busy)
        pthread_cond_wait(&pool->ended, &pool->lock);
    unlock_and_unref(pool);
    drop(&dropped);
}
