/* SPDX-License-Identifier: Apache-2.0 */
/* Worker threads: in which order they take what waits, how much may wait, what comes too late. */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "server/workers.h"
#include "support/failing_alloc.h"

enum { JOBS = 200 };

typedef struct job {
    seal__work work;
    unsigned id;
    uv_sem_t *gate; /* waited for; NULL: not */
    bool ran;
    bool expired;
    bool named;
    bool signals_blocked;
} job;

static seal__workers *workers;
static job jobs[JOBS];
static unsigned order[JOBS];
static unsigned n_order; /* under lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uv_sem_t gate;
static uv_sem_t begun;
static uv_sem_t done;

static void look_at_thread(job *j) {
    char name[16] = "";
    sigset_t mask;
    pthread_getname_np(pthread_self(), name, sizeof name);
    j->named = strcmp(name, "seal-worker") == 0;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    j->signals_blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGINT) == 1;
}

static void run(seal__work *work, bool expired) {
    job *j = SEAL__CONTAINER_OF(work, job, work);
    pthread_mutex_lock(&lock);
    order[n_order++] = j->id;
    pthread_mutex_unlock(&lock);
    j->ran = true;
    j->expired = expired;
    look_at_thread(j);
    uv_sem_post(&begun);
    if (j->gate != NULL)
        uv_sem_wait(j->gate);
    uv_sem_post(&done);
}

static job *make(unsigned id, uint64_t deadline_ns, uv_sem_t *wait_for) {
    job *j = &jobs[id];
    *j = (job){.work = {.deadline_ns = deadline_ns, .run = run}, .id = id, .gate = wait_for};
    return j;
}

static int submit(unsigned id, uint64_t deadline_ns, uv_sem_t *wait_for) {
    return seal__workers_submit(workers, &make(id, deadline_ns, wait_for)->work);
}

static void await(uv_sem_t *sem, unsigned n) {
    while (n-- > 0)
        uv_sem_wait(sem);
}

static void open_gate(unsigned n) {
    while (n-- > 0)
        uv_sem_post(&gate);
}

static void start(uint32_t max_threads, uint32_t max_queue) {
    n_order = 0;
    uv_sem_init(&gate, 0);
    uv_sem_init(&begun, 0);
    uv_sem_init(&done, 0);
    assert_int_equal(seal__workers_new(&seal__default_allocator, max_threads, max_queue, &workers),
                     0);
    assert_int_equal(seal__workers_thread_count(workers), 0);
}

static void stop(void) {
    seal__workers_free(workers);
    uv_sem_destroy(&gate);
    uv_sem_destroy(&begun);
    uv_sem_destroy(&done);
}

/* Far enough that none passes during a test. */
static uint64_t in_hours(unsigned n) {
    return uv_hrtime() + (uint64_t)n * 3600u * 1000000000u;
}

static void earliest_deadline_first(void **state) {
    (void)state;
    static const unsigned hours[] = {7, 3, 9, 1, 8, 2, 6, 4, 5};
    enum { N = sizeof hours / sizeof hours[0] };
    start(1, 100);
    assert_int_equal(submit(0, UINT64_MAX, &gate), 0);
    await(&begun, 1); /* the only thread is busy */
    assert_int_equal(submit(20, UINT64_MAX, NULL), 0);
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(submit(hours[i], in_hours(hours[i]), NULL), 0);
    assert_int_equal(submit(21, UINT64_MAX, NULL), 0);
    open_gate(1);
    await(&done, N + 3);
    for (unsigned i = 0; i <= N; i++)
        assert_int_equal(order[i], i);
    assert_int_equal(order[N + 1], 20); /* without a deadline: in the order in which they came */
    assert_int_equal(order[N + 2], 21);
    assert_int_equal(seal__workers_thread_count(workers), 1);
    stop();
}

static void as_many_as_allowed(void **state) {
    (void)state;
    start(2, 3);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(submit(i, UINT64_MAX, &gate), 0);
    assert_int_equal(submit(5, UINT64_MAX, &gate), SEAL_ERROR_TOO_MANY);
    await(&begun, 2);
    assert_int_equal(seal__workers_thread_count(workers), 2);
    assert_int_equal(submit(5, UINT64_MAX, &gate), SEAL_ERROR_TOO_MANY);
    open_gate(1);
    await(&begun, 1); /* one has left the queue */
    assert_int_equal(submit(5, UINT64_MAX, &gate), 0);
    assert_int_equal(submit(6, UINT64_MAX, &gate), SEAL_ERROR_TOO_MANY);
    open_gate(5);
    await(&done, 6);
    for (unsigned i = 0; i < 6; i++)
        assert_true(jobs[i].ran && !jobs[i].expired);
    assert_false(jobs[6].ran);
    stop();
}

static void too_late(void **state) {
    (void)state;
    start(1, 10);
    assert_int_equal(submit(0, UINT64_MAX, &gate), 0);
    await(&begun, 1);
    assert_int_equal(submit(1, uv_hrtime(), NULL), 0);
    assert_int_equal(submit(2, in_hours(1), NULL), 0);
    open_gate(1);
    await(&done, 3);
    assert_false(jobs[0].expired);
    assert_true(jobs[1].expired);
    assert_false(jobs[2].expired);
    stop();
}

static void taken_back(void **state) {
    (void)state;
    start(1, 10);
    assert_int_equal(submit(0, UINT64_MAX, &gate), 0);
    await(&begun, 1);
    assert_int_equal(submit(1, UINT64_MAX, NULL), 0);
    assert_int_equal(submit(2, UINT64_MAX, NULL), 0);
    assert_false(seal__workers_withdraw(workers, &jobs[0].work)); /* it runs */
    assert_true(seal__workers_withdraw(workers, &jobs[1].work));
    assert_false(seal__workers_withdraw(workers, &jobs[1].work));
    open_gate(1);
    await(&done, 2);
    assert_false(jobs[1].ran);
    assert_true(jobs[2].ran);
    stop();
}

static void threads_when_needed(void **state) {
    (void)state;
    start(3, 10);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(submit(i, UINT64_MAX, &gate), 0);
        await(&begun, 1);
        assert_int_equal(seal__workers_thread_count(workers), i + 1);
    }
    assert_int_equal(submit(3, UINT64_MAX, &gate), 0);
    assert_int_equal(seal__workers_thread_count(workers), 3);
    open_gate(4);
    await(&done, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_true(jobs[i].named && jobs[i].signals_blocked);
    stop();
}

/* From several threads at once, and ending right behind them. */
typedef struct sender {
    pthread_t thread;
    unsigned first;
    unsigned n;
    atomic_uint *failures;
} sender;

static void *send_jobs(void *arg) {
    sender *s = arg;
    for (unsigned i = s->first; i < s->first + s->n; i++) {
        if (submit(i, i % 3 == 0 ? UINT64_MAX : in_hours(i % 7 + 1), NULL) != 0)
            atomic_fetch_add(s->failures, 1);
    }
    return NULL;
}

static void from_many_threads(void **state) {
    (void)state;
    enum { SENDERS = 4 };
    sender senders[SENDERS];
    atomic_uint failures;
    atomic_init(&failures, 0);
    start(8, JOBS);
    for (unsigned i = 0; i < SENDERS; i++) {
        senders[i] = (sender){.first = i * (JOBS / SENDERS), .n = JOBS / SENDERS};
        senders[i].failures = &failures;
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_jobs, &senders[i]), 0);
    }
    for (unsigned i = 0; i < SENDERS; i++)
        pthread_join(senders[i].thread, NULL);
    await(&done, JOBS);
    assert_int_equal(atomic_load(&failures), 0);
    for (unsigned i = 0; i < JOBS; i++)
        assert_true(jobs[i].ran && !jobs[i].expired);
    assert_true(seal__workers_thread_count(workers) <= 8);
    stop();
}

static void without_memory(void **state) {
    (void)state;
    static failing_alloc alloc;
    failing_alloc_init(&alloc);
    failing_alloc_fail_at(&alloc, 1, true);
    assert_int_equal(seal__workers_new(&alloc.allocator, 1, 1, &workers), SEAL_ERROR_NO_MEMORY);
    failing_alloc_init(&alloc);
    assert_int_equal(seal__workers_new(&alloc.allocator, 1, 1, &workers), 0);
    failing_alloc_fail_at(&alloc, 1, true);
    assert_int_equal(seal__workers_submit(workers, &make(0, 1, NULL)->work), SEAL_ERROR_NO_MEMORY);
    seal__workers_free(workers);
    seal__workers_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(earliest_deadline_first),
        cmocka_unit_test(as_many_as_allowed),
        cmocka_unit_test(too_late),
        cmocka_unit_test(taken_back),
        cmocka_unit_test(threads_when_needed),
        cmocka_unit_test(from_many_threads),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
