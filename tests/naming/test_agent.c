/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that work for the loop: their messages, their sleep, and every order of ending. */
#include "support/cmocka_all.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "naming/agent.h"

/* Lives in the test's frame until the thread has released it. */
typedef struct job {
    seal__agent *agent;
    seal_runtime *runtime;
    seal_runtime_options options;
    unsigned to_post;
    bool close_in_deliver; /* after the first message */
    int fd;                /* to sleep on; -1: none */
    sem_t begun;
    sem_t go_on;
    sem_t released;
    sem_t delivered_one;
    atomic_uint delivered; /* on the loop */
    atomic_uint wakes;
    atomic_uint readables;
    unsigned out_of_order;
    uintptr_t last;
    bool elsewhere; /* something ran on a wrong thread */
    int rc;
} job;

static void job_init(job *j) {
    memset(j, 0, sizeof *j);
    j->fd = -1;
    seal_runtime_options_init(&j->options);
    sem_init(&j->begun, 0, 0);
    sem_init(&j->go_on, 0, 0);
    sem_init(&j->released, 0, 0);
    sem_init(&j->delivered_one, 0, 0);
}

static void job_done(job *j) {
    sem_wait(&j->released);
    sem_destroy(&j->begun);
    sem_destroy(&j->go_on);
    sem_destroy(&j->released);
    sem_destroy(&j->delivered_one);
}

static void release(seal__shared *shared, void *state) {
    job *j = state;
    assert_non_null(shared);
    sem_post(&j->released);
}

/* Messages are numbers, 1 to to_post. What is not delivered may be dropped after the job has gone.
 */
static atomic_uint dropped;

static void deliver(void *owner, void *message) {
    job *j = owner;
    atomic_fetch_add(&j->delivered, 1);
    if (!seal__runtime_on_loop(j->runtime))
        j->elsewhere = true;
    if ((uintptr_t)message != j->last + 1)
        j->out_of_order++;
    j->last = (uintptr_t)message;
    if (j->close_in_deliver) {
        j->close_in_deliver = false;
        seal__agent_close(j->agent);
    }
    sem_post(&j->delivered_one);
}

static void drop(seal__shared *shared, void *message) {
    assert_non_null(shared);
    assert_non_null(message);
    atomic_fetch_add(&dropped, 1);
}

static void post_messages(seal__agent *agent, const job *j) {
    for (uintptr_t i = 1; i <= j->to_post; i++)
        seal__agent_post(agent, (void *)i);
}

static void post_all(seal__agent *agent, void *state) {
    job *j = state;
    sem_post(&j->begun);
    post_messages(agent, j);
}

static void wait_then_post(seal__agent *agent, void *state) {
    job *j = state;
    sem_post(&j->begun);
    sem_wait(&j->go_on);
    post_messages(agent, j);
}

static void sleep_until_closed(seal__agent *agent, void *state) {
    job *j = state;
    sem_post(&j->begun);
    while (!seal__agent_is_closed(agent)) {
        int happened = seal__agent_sleep(agent, j->fd, UINT32_MAX);
        if ((happened & SEAL__AGENT_READABLE) != 0) {
            char byte;
            if (read(j->fd, &byte, 1) == 1)
                atomic_fetch_add(&j->readables, 1);
        }
        if ((happened & SEAL__AGENT_WOKEN) != 0)
            atomic_fetch_add(&j->wakes, 1);
        if (happened == 0)
            j->elsewhere = true;
        sem_post(&j->delivered_one);
    }
}

static void look_at_the_time(seal__agent *agent, void *state) {
    job *j = state;
    j->rc = seal__agent_sleep(agent, -1, 1);
    sem_post(&j->begun);
}

static seal__agent_ops ops_with(void (*work)(seal__agent *agent, void *state)) {
    return (seal__agent_ops){.work = work, .deliver = deliver, .drop = drop, .release = release};
}

typedef struct starting {
    job *j;
    seal__agent_ops ops;
    int rc;
} starting;

static void start_here(void *arg) {
    starting *st = arg;
    st->rc = seal__agent_start(st->j->runtime, &st->ops, st->j, st->j, &st->j->agent, NULL);
}

static void start(job *j, void (*work)(seal__agent *agent, void *state)) {
    starting st = {.j = j, .ops = ops_with(work)};
    atomic_store(&dropped, 0);
    assert_int_equal(seal__runtime_run(j->runtime, start_here, &st), 0);
    assert_int_equal(st.rc, 0);
}

/* With a runtime of its own. */
static void begin(job *j, void (*work)(seal__agent *agent, void *state)) {
    assert_int_equal(seal_runtime_new(&j->options, &j->runtime, NULL), 0);
    start(j, work);
}

static void close_here(void *arg) {
    job *j = arg;
    seal__agent_close(j->agent);
}

static void wake_here(void *arg) {
    job *j = arg;
    seal__agent_wake(j->agent);
}

static void on_loop(job *j, void (*fn)(void *arg)) {
    assert_int_equal(seal__runtime_run(j->runtime, fn, j), 0);
}

static void finish(job *j) {
    on_loop(j, close_here);
    seal_runtime_free(j->runtime);
    job_done(j);
}

/* All messages that were not delivered come to be dropped. */
static void wait_for_dropped(const job *j) {
    while (atomic_load(&j->delivered) + atomic_load(&dropped) < j->to_post)
        sched_yield();
    assert_int_equal(atomic_load(&j->delivered) + atomic_load(&dropped), j->to_post);
}

/* ---- Messages ---- */

enum { MESSAGES = 5000 };

static void messages_in_order(void **state) {
    (void)state;
    job j;
    job_init(&j);
    j.to_post = MESSAGES;
    begin(&j, post_all);
    for (int i = 0; i < MESSAGES; i++)
        sem_wait(&j.delivered_one);
    finish(&j);
    assert_int_equal(atomic_load(&j.delivered), MESSAGES);
    assert_int_equal(atomic_load(&dropped), 0);
    assert_int_equal(j.out_of_order, 0);
    assert_false(j.elsewhere);
}

static void closed_between_messages(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        job j;
        job_init(&j);
        j.to_post = 300;
        j.close_in_deliver = true;
        begin(&j, post_all);
        sem_wait(&j.delivered_one);
        seal_runtime_free(j.runtime);
        job_done(&j);
        assert_int_equal(atomic_load(&j.delivered), 1);
        wait_for_dropped(&j);
    }
}

static void no_message_is_lost(void **state) {
    (void)state;
    for (int i = 0; i < 50; i++) {
        job j;
        job_init(&j);
        j.to_post = 200;
        begin(&j, post_all);
        sem_wait(&j.begun);
        if (i % 2 == 0)
            sem_wait(&j.delivered_one);
        on_loop(&j, close_here);
        unsigned delivered = atomic_load(&j.delivered);
        seal_runtime_free(j.runtime);
        job_done(&j);
        assert_int_equal(atomic_load(&j.delivered), delivered);
        assert_int_equal(j.out_of_order, 0);
        wait_for_dropped(&j);
    }
}

/* ---- Sleeping ---- */

static void wakes_and_sleeps(void **state) {
    (void)state;
    job j;
    int fds[2];
    job_init(&j);
    assert_int_equal(pipe(fds), 0);
    j.fd = fds[0];
    begin(&j, sleep_until_closed);
    sem_wait(&j.begun);
    for (unsigned i = 1; i <= 20; i++) {
        on_loop(&j, wake_here);
        sem_wait(&j.delivered_one);
        assert_int_equal(atomic_load(&j.wakes), i);
        assert_int_equal(write(fds[1], "x", 1), 1);
        sem_wait(&j.delivered_one);
        assert_int_equal(atomic_load(&j.readables), i);
    }
    finish(&j);
    assert_false(j.elsewhere);
    close(fds[0]);
    close(fds[1]);
}

static void time_passes(void **state) {
    (void)state;
    job j;
    job_init(&j);
    j.rc = -1;
    begin(&j, look_at_the_time);
    sem_wait(&j.begun);
    assert_int_equal(j.rc, 0);
    finish(&j);
}

/* ---- Ending ---- */

/* The work is stuck: neither close nor the end of the runtime waits for it. */
static void a_stuck_agent_is_left_behind(void **state) {
    (void)state;
    job j;
    job_init(&j);
    j.to_post = 3;
    begin(&j, wait_then_post);
    sem_wait(&j.begun);
    on_loop(&j, close_here);
    seal_runtime_free(j.runtime);
    sem_post(&j.go_on);
    job_done(&j);
    assert_int_equal(atomic_load(&j.delivered), 0);
    assert_int_equal(atomic_load(&dropped), 3);
}

static void end_slowly(seal__agent *agent, void *state) {
    job *j = state;
    sem_post(&j->begun);
    while (!seal__agent_is_closed(agent))
        seal__agent_sleep(agent, -1, UINT32_MAX);
    uv_sleep(100);
}

/* A program that ends now would take the libraries away that the thread is using. */
static void one_that_is_about_to_end_is_waited_for(void **state) {
    (void)state;
    job j;
    job_init(&j);
    begin(&j, end_slowly);
    sem_wait(&j.begun);
    on_loop(&j, close_here);
    seal_runtime_free(j.runtime);
    int rc = sem_trywait(&j.released);
    assert_int_equal(rc, 0);
    sem_post(&j.released);
    job_done(&j);
}

/* The runtime ends only when the agent has been closed. */
static void the_runtime_waits_for_close(void **state) {
    (void)state;
    uv_loop_t loop;
    job j;
    job_init(&j);
    uv_loop_init(&loop);
    j.options.loop = &loop;
    j.to_post = 1;
    begin(&j, wait_then_post);
    sem_wait(&j.begun);
    seal_runtime_free(j.runtime);
    assert_int_not_equal(uv_run(&loop, UV_RUN_NOWAIT), 0);
    sem_post(&j.go_on);
    while (atomic_load(&j.delivered) == 0)
        uv_run(&loop, UV_RUN_ONCE);
    seal__agent_close(j.agent);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    job_done(&j);
}

static void as_many_as_allowed(void **state) {
    (void)state;
    static job jobs[SEAL__AGENTS_MAX + 1];
    uv_loop_t loop;
    seal_runtime_options options;
    seal_runtime *runtime = NULL;
    uv_loop_init(&loop);
    seal_runtime_options_init(&options);
    options.loop = &loop;
    assert_int_equal(seal_runtime_new(&options, &runtime, NULL), 0);
    for (size_t i = 0; i <= SEAL__AGENTS_MAX; i++) {
        job_init(&jobs[i]);
        jobs[i].runtime = runtime;
        if (i < SEAL__AGENTS_MAX)
            start(&jobs[i], wait_then_post);
    }
    job *one_more = &jobs[SEAL__AGENTS_MAX];
    seal__agent_ops ops = ops_with(wait_then_post);
    seal_error *error = NULL;
    assert_int_equal(seal__agent_start(runtime, &ops, one_more, one_more, &one_more->agent, &error),
                     SEAL_ERROR_TOO_MANY);
    assert_non_null(strstr(seal_error_message(error), "64"));
    seal_error_free(error);
    /* A closed one that still runs counts; one that has ended does not. */
    seal__agent_close(jobs[0].agent);
    assert_int_equal(seal__agent_start(runtime, &ops, one_more, one_more, &one_more->agent, NULL),
                     SEAL_ERROR_TOO_MANY);
    sem_post(&jobs[0].go_on);
    job_done(&jobs[0]);
    while (atomic_load(&runtime->shared->agents) == SEAL__AGENTS_MAX)
        sched_yield();
    assert_int_equal(seal__agent_start(runtime, &ops, one_more, one_more, &one_more->agent, NULL),
                     0);
    for (size_t i = 1; i <= SEAL__AGENTS_MAX; i++) {
        seal__agent_close(jobs[i].agent);
        sem_post(&jobs[i].go_on);
        job_done(&jobs[i]);
    }
    seal_runtime_free(runtime);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* ---- Memory ---- */

static atomic_bool no_memory;

static void *resize(void *user, void *ptr, size_t size) {
    (void)user;
    return atomic_load(&no_memory) ? NULL : realloc(ptr, size);
}

static void free_block(void *user, void *ptr) {
    (void)user;
    free(ptr);
}

static const seal_allocator allocator = {.resize = resize, .release = free_block};

static void without_memory(void **state) {
    (void)state;
    uv_loop_t loop;
    job j;
    job_init(&j);
    uv_loop_init(&loop);
    j.options.loop = &loop;
    j.options.allocator = &allocator;
    j.to_post = 10;
    assert_int_equal(seal_runtime_new(&j.options, &j.runtime, NULL), 0);
    seal__agent_ops ops = ops_with(wait_then_post);
    seal_error *error = NULL;
    atomic_store(&no_memory, true);
    assert_int_equal(seal__agent_start(j.runtime, &ops, &j, &j, &j.agent, &error),
                     SEAL_ERROR_NO_MEMORY);
    seal_error_free(error);
    atomic_store(&no_memory, false);
    /* A message for which there is no memory is dropped. */
    start(&j, wait_then_post);
    sem_wait(&j.begun);
    atomic_store(&no_memory, true);
    sem_post(&j.go_on);
    job_done(&j);
    assert_int_equal(atomic_load(&dropped), 10);
    atomic_store(&no_memory, false);
    seal__agent_close(j.agent);
    seal_runtime_free(j.runtime);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_in_order),
        cmocka_unit_test(closed_between_messages),
        cmocka_unit_test(no_message_is_lost),
        cmocka_unit_test(wakes_and_sleeps),
        cmocka_unit_test(time_passes),
        cmocka_unit_test(a_stuck_agent_is_left_behind),
        cmocka_unit_test(one_that_is_about_to_end_is_waited_for),
        cmocka_unit_test(the_runtime_waits_for_close),
        cmocka_unit_test(as_many_as_allowed),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests_name("naming.agent", tests, NULL, NULL);
}
