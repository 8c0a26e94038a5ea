/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of threads for what may block: limits, deadlines, stuck jobs, its end. */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/alloc.h"
#include "net/auth_pool.h"

/* A gate that jobs wait at; the counters say what has become of them. */
typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    unsigned waiting;
    unsigned most;
    unsigned worked;
    unsigned posted;
    unsigned done;
    unsigned dropped; /* done with ran = false */
    unsigned orphaned;
    unsigned asides; /* that have worked */
    seal__list finished;
} gate;

typedef struct job {
    seal__auth_job job;
    gate *g;
    bool blocks;
    bool is_late; /* it must not run before one that is aside */
} job;

static seal__shared *shared;

static void gate_init(gate *g) {
    *g = (gate){.open = false};
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->changed, NULL);
    seal__list_init(&g->finished);
}

static void gate_done(gate *g) {
    pthread_mutex_destroy(&g->lock);
    pthread_cond_destroy(&g->changed);
}

static void gate_open(gate *g) {
    pthread_mutex_lock(&g->lock);
    g->open = true;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

static void wait_for(gate *g, const unsigned *value, unsigned n) {
    pthread_mutex_lock(&g->lock);
    while (*value < n)
        pthread_cond_wait(&g->changed, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static unsigned value_of(gate *g, const unsigned *value) {
    pthread_mutex_lock(&g->lock);
    unsigned n = *value;
    pthread_mutex_unlock(&g->lock);
    return n;
}

static void work(seal__auth_job *base) {
    job *j = SEAL__CONTAINER_OF(base, job, job);
    gate *g = j->g;
    pthread_mutex_lock(&g->lock);
    g->worked++;
    g->asides += base->is_aside;
    assert_true(!j->is_late || g->asides > 0);
    g->waiting++;
    if (g->waiting > g->most)
        g->most = g->waiting;
    pthread_cond_broadcast(&g->changed);
    while (j->blocks && !g->open)
        pthread_cond_wait(&g->changed, &g->lock);
    g->waiting--;
    pthread_mutex_unlock(&g->lock);
}

static void done(seal__auth_job *base, bool ran) {
    job *j = SEAL__CONTAINER_OF(base, job, job);
    gate *g = j->g;
    pthread_mutex_lock(&g->lock);
    g->done++;
    g->dropped += !ran;
    pthread_mutex_unlock(&g->lock);
    free(j);
}

static void orphaned(seal__auth_job *base) {
    job *j = SEAL__CONTAINER_OF(base, job, job);
    gate *g = j->g;
    pthread_mutex_lock(&g->lock);
    g->orphaned++;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
    free(j);
}

/* On a worker: the test's thread carries it out. */
static void post(void *user, seal__auth_job *base) {
    gate *g = user;
    pthread_mutex_lock(&g->lock);
    seal__list_append(&g->finished, &base->node);
    g->posted++;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

static void run_done(gate *g) {
    for (;;) {
        pthread_mutex_lock(&g->lock);
        seal__list *node = seal__list_take_first(&g->finished);
        pthread_mutex_unlock(&g->lock);
        if (node == NULL)
            return;
        seal__auth_job *base = SEAL__CONTAINER_OF(node, seal__auth_job, node);
        base->done(base, base->ran);
    }
}

/* g is the job's, and who it is posted to when the pool belongs to another one. */
static int submit(seal__auth_pool *pool, gate *g, bool blocks, uint64_t deadline_ns) {
    job *j = calloc(1, sizeof *j);
    *j = (job){
        .g = g,
        .blocks = blocks,
        .job = {.deadline_ns = deadline_ns, .work = work, .done = done, .orphaned = orphaned}};
    int rc = seal__auth_pool_submit_for(pool, g, &j->job);
    if (rc < 0)
        free(j);
    return rc;
}

static int submit_aside(seal__auth_pool *pool, gate *g, bool blocks) {
    job *j = calloc(1, sizeof *j);
    *j = (job){.g = g,
               .blocks = blocks,
               .job = {.deadline_ns = UINT64_MAX,
                       .work = work,
                       .done = done,
                       .orphaned = orphaned,
                       .is_aside = true}};
    int rc = seal__auth_pool_submit_for(pool, g, &j->job);
    if (rc < 0)
        free(j);
    return rc;
}

static seal__auth_pool *pool_new(uint32_t threads, uint32_t queue, gate *g) {
    seal__auth_pool *pool = NULL;
    gate_init(g);
    assert_int_equal(seal__auth_pool_new(shared, threads, queue, post, g, &pool), 0);
    return pool;
}

static int setup(void **state) {
    (void)state;
    shared = seal__alloc_zeroed(&seal__default_allocator, 1, sizeof *shared);
    atomic_init(&shared->refs, 1);
    shared->alloc = seal__default_allocator;
    return 0;
}

static bool is_last_reference(void) {
    return atomic_load(&shared->refs) == 1;
}

static int teardown(void **state) {
    (void)state;
    seal__shared_unref(shared);
    return 0;
}

static void many_jobs(void **state) {
    (void)state;
    gate g;
    seal__auth_pool *pool = pool_new(4, 1000, &g);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(submit(pool, &g, false, UINT64_MAX), 0);
    wait_for(&g, &g.posted, 1000);
    run_done(&g);
    assert_int_equal(g.worked, 1000);
    assert_int_equal(g.done, 1000);
    assert_int_equal(g.dropped, 0);
    assert_true(g.most <= 4);
    seal__auth_pool_stop(pool);
    assert_true(is_last_reference());
    gate_done(&g);
}

/* Threads that sleep are woken up one by the other: each of several jobs that block gets one, and a
 * job behind them that does not block is done meanwhile. */
static void blocked_jobs_hold_nobody_up(void **state) {
    (void)state;
    gate g;
    seal__auth_pool *pool = pool_new(4, 100, &g);
    unsigned posted = 0;
    for (unsigned round = 0; round < 200; round++) {
        unsigned worked = g.worked;
        g.open = false;
        for (int i = 0; i < 3; i++)
            assert_int_equal(submit(pool, &g, true, UINT64_MAX), 0);
        assert_int_equal(submit(pool, &g, false, UINT64_MAX), 0);
        wait_for(&g, &g.worked, worked + 4);
        wait_for(&g, &g.posted, ++posted);
        assert_int_equal(value_of(&g, &g.waiting), 3);
        gate_open(&g);
        posted += 3;
        wait_for(&g, &g.posted, posted);
    }
    run_done(&g);
    assert_int_equal(g.done, 800);
    seal__auth_pool_stop(pool);
    assert_true(is_last_reference());
    gate_done(&g);
}

static void never_used(void **state) {
    (void)state;
    gate g;
    seal__auth_pool_stop(pool_new(4, 4, &g));
    seal__auth_pool_stop(NULL);
    assert_true(is_last_reference());
    gate_done(&g);
}

/* As many threads as there are jobs that block, up to the maximum; then the queue; then no more. */
static void limits(void **state) {
    (void)state;
    gate g;
    seal__auth_pool *pool = pool_new(3, 5, &g);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(submit(pool, &g, true, UINT64_MAX), 0);
        wait_for(&g, &g.worked, i + 1);
    }
    for (int i = 0; i < 5; i++)
        assert_int_equal(submit(pool, &g, true, UINT64_MAX), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(submit(pool, &g, true, UINT64_MAX), SEAL_ERROR_TOO_MANY);
    assert_int_equal(value_of(&g, &g.worked), 3);
    gate_open(&g);
    wait_for(&g, &g.posted, 8);
    run_done(&g);
    assert_int_equal(g.done, 8);
    assert_int_equal(g.most, 3);
    assert_int_equal(submit(pool, &g, true, UINT64_MAX), 0);
    wait_for(&g, &g.posted, 9);
    run_done(&g);
    seal__auth_pool_stop(pool);
    assert_true(is_last_reference());
    gate_done(&g);
}

/* A job whose time has passed while it waited is not begun. */
static void deadlines(void **state) {
    (void)state;
    gate g;
    seal__auth_pool *pool = pool_new(1, 10, &g);
    assert_int_equal(submit(pool, &g, true, UINT64_MAX), 0);
    wait_for(&g, &g.worked, 1);
    assert_int_equal(submit(pool, &g, false, 1), 0);
    assert_int_equal(submit(pool, &g, false, uv_hrtime()), 0);
    assert_int_equal(submit(pool, &g, false, UINT64_MAX), 0);
    gate_open(&g);
    wait_for(&g, &g.posted, 4);
    run_done(&g);
    assert_int_equal(g.done, 4);
    assert_int_equal(g.dropped, 2);
    assert_int_equal(g.worked, 2);
    seal__auth_pool_stop(pool);
    gate_done(&g);
}

/* Stopped with a job that does not come back: stop does not wait for it, and the last thread cleans
 * up. */
static void stuck_jobs(void **state) {
    (void)state;
    gate g;
    seal__auth_pool *pool = pool_new(2, 10, &g);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(submit(pool, &g, true, UINT64_MAX), 0);
        wait_for(&g, &g.worked, i + 1);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(submit(pool, &g, false, UINT64_MAX), 0);
    seal__auth_pool_stop(pool);
    assert_int_equal(value_of(&g, &g.done), 4);
    assert_int_equal(value_of(&g, &g.dropped), 4);
    assert_int_equal(value_of(&g, &g.orphaned), 0);
    assert_false(is_last_reference());
    gate_open(&g);
    wait_for(&g, &g.orphaned, 2);
    while (!is_last_reference())
        sched_yield();
    assert_int_equal(g.posted, 0);
    assert_int_equal(g.worked, 2);
    gate_done(&g);
}

static void stop_while_jobs_end(void **state) {
    (void)state;
    for (int round = 0; round < 200; round++) {
        gate g;
        seal__auth_pool *pool = pool_new(4, 100, &g);
        for (int i = 0; i < 20; i++)
            assert_int_equal(submit(pool, &g, false, UINT64_MAX), 0);
        if (round % 2 == 0)
            wait_for(&g, &g.worked, (unsigned)(round % 20));
        seal__auth_pool_stop(pool);
        while (!is_last_reference())
            sched_yield();
        run_done(&g);
        assert_int_equal(g.done + g.orphaned, 20);
        assert_int_equal(g.worked, 20 - g.dropped);
        gate_done(&g);
    }
}

static void *submitter(void *arg) {
    void **args = arg;
    for (int i = 0; i < 200; i++) {
        while (submit(args[0], args[1], false, UINT64_MAX) == SEAL_ERROR_TOO_MANY)
            sched_yield();
    }
    return NULL;
}

static void many_submitters(void **state) {
    (void)state;
    gate g;
    pthread_t threads[4];
    seal__auth_pool *pool = pool_new(3, 16, &g);
    void *args[] = {pool, &g};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, submitter, args), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    wait_for(&g, &g.posted, 800);
    run_done(&g);
    assert_int_equal(g.done, 800);
    seal__auth_pool_stop(pool);
    assert_true(is_last_reference());
    gate_done(&g);
}

/* One of two users goes: what he had in the pool is let go of, the other one's is not. */
static void a_user_leaves(void **state) {
    (void)state;
    gate stays;
    gate leaves;
    seal__auth_pool *pool = pool_new(2, 10, &stays);
    gate_init(&leaves);
    assert_int_equal(submit(pool, &leaves, true, UINT64_MAX), 0);
    assert_int_equal(submit(pool, &stays, true, UINT64_MAX), 0);
    wait_for(&leaves, &leaves.worked, 1);
    wait_for(&stays, &stays.worked, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(submit(pool, &leaves, true, UINT64_MAX), 0);
        assert_int_equal(submit(pool, &stays, true, UINT64_MAX), 0);
    }
    seal__auth_pool_leave(pool, &leaves);
    assert_int_equal(leaves.dropped, 3);
    gate_open(&leaves);
    wait_for(&leaves, &leaves.orphaned, 1);
    gate_open(&stays);
    wait_for(&stays, &stays.posted, 4);
    run_done(&stays);
    assert_int_equal(stays.done, 4);
    assert_int_equal(stays.dropped, 0);
    assert_int_equal(stays.orphaned, 0);
    assert_int_equal(leaves.posted, 0);
    assert_int_equal(leaves.done, 3);
    seal__auth_pool_leave(pool, &leaves);
    seal__auth_pool_stop(pool);
    assert_true(is_last_reference());
    gate_done(&stays);
    gate_done(&leaves);
}

/* When they are told to, threads without a job make the keys that handshakes will want, and jobs do
 * not wait for that. */
static void keys_are_made_ahead(void **state) {
    (void)state;
    gate g;
    seal__auth_pool *pool = pool_new(2, 100, &g);
    seal__key_stock *keys = seal__auth_pool_keys(pool);
    seal__x25519 pair = {0};
    for (unsigned round = 1; round <= 4; round++) {
        unsigned many = 10 * round;
        for (unsigned i = 0; i < many; i++) {
            assert_int_equal(seal__key_stock_take(keys, &pair), 0);
            seal__x25519_done(&pair);
        }
        assert_true(seal__key_stock_is_low(keys));
        for (unsigned i = 0; i < 10; i++)
            assert_int_equal(submit(pool, &g, false, UINT64_MAX), 0);
        wait_for(&g, &g.posted, 10 * round);
        run_done(&g);
        seal__auth_pool_refill(pool);
        for (int i = 0; i < 30000 && seal__key_stock_is_low(keys); i++)
            usleep(1000);
        assert_false(seal__key_stock_is_low(keys));
    }
    /* Stopped while keys are being made. */
    for (unsigned i = 0; i < SEAL__KEY_STOCK_MAX; i++) {
        assert_int_equal(seal__key_stock_take(keys, &pair), 0);
        seal__x25519_done(&pair);
    }
    assert_int_equal(submit(pool, &g, false, UINT64_MAX), 0);
    wait_for(&g, &g.posted, 41);
    run_done(&g);
    seal__auth_pool_refill(pool);
    seal__auth_pool_stop(pool);
    assert_true(is_last_reference());
    gate_done(&g);
}

static void take_key(seal__key_stock *keys) {
    seal__x25519 pair = {0};
    assert_int_equal(seal__key_stock_take(keys, &pair), 0);
    seal__x25519_done(&pair);
}

/* What nobody waits for goes first, is told to nobody, brings keys, and goes with its user. */
static void jobs_aside(void **state) {
    (void)state;
    gate g;
    seal__auth_pool *pool = pool_new(1, 4, &g);
    seal__key_stock *keys = seal__auth_pool_keys(pool);
    take_key(keys);
    assert_true(seal__key_stock_is_low(keys));
    assert_int_equal(submit(pool, &g, true, UINT64_MAX), 0);
    wait_for(&g, &g.worked, 1);
    job *late = calloc(1, sizeof *late);
    *late = (job){
        .g = &g, .is_late = true, .job = {.deadline_ns = UINT64_MAX, .work = work, .done = done}};
    assert_int_equal(seal__auth_pool_submit_for(pool, &g, &late->job), 0);
    assert_int_equal(submit_aside(pool, &g, false), 0);
    gate_open(&g);
    wait_for(&g, &g.posted, 2);
    wait_for(&g, &g.orphaned, 1);
    run_done(&g);
    assert_int_equal(g.done, 2);
    for (int i = 0; i < 30000 && seal__key_stock_is_low(keys); i++)
        usleep(1000);
    assert_false(seal__key_stock_is_low(keys));
    g.open = false;
    assert_int_equal(submit_aside(pool, &g, true), 0);
    wait_for(&g, &g.worked, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(submit_aside(pool, &g, false), 0);
    assert_int_equal(submit_aside(pool, &g, false), SEAL_ERROR_TOO_MANY);
    seal__auth_pool_leave(pool, &g);
    assert_int_equal(g.dropped, 4);
    gate_open(&g);
    wait_for(&g, &g.orphaned, 2);
    assert_int_equal(g.posted, 2);
    seal__auth_pool_stop(pool);
    assert_true(is_last_reference());
    gate_done(&g);
}

static nlink_t threads_of_this_process(void) {
    struct stat st;
    assert_int_equal(stat("/proc/self/task", &st), 0);
    return st.st_nlink;
}

/* What nobody waits for is worth no thread where there is one, however busy. */
static void asides_start_no_thread(void **state) {
    (void)state;
    gate g;
    seal__auth_pool *pool = pool_new(4, 8, &g);
    assert_int_equal(submit(pool, &g, true, UINT64_MAX), 0);
    wait_for(&g, &g.worked, 1);
    nlink_t before = threads_of_this_process();
    for (int i = 0; i < 3; i++)
        assert_int_equal(submit_aside(pool, &g, false), 0);
    assert_int_equal(threads_of_this_process(), before);
    gate_open(&g);
    wait_for(&g, &g.orphaned, 3);
    wait_for(&g, &g.posted, 1);
    run_done(&g);
    seal__auth_pool_stop(pool);
    assert_true(is_last_reference());
    gate_done(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        /* First, since it counts threads: those of a pool before it may be about to end. */
        cmocka_unit_test(asides_start_no_thread),
        cmocka_unit_test(many_jobs),
        cmocka_unit_test(blocked_jobs_hold_nobody_up),
        cmocka_unit_test(never_used),
        cmocka_unit_test(limits),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(stuck_jobs),
        cmocka_unit_test(stop_while_jobs_end),
        cmocka_unit_test(many_submitters),
        cmocka_unit_test(a_user_leaves),
        cmocka_unit_test(jobs_aside),
        cmocka_unit_test(keys_are_made_ahead),
    };
    return cmocka_run_group_tests_name("net.auth_pool", tests, setup, teardown);
}
