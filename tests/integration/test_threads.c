/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads on one channel, answers from threads, calls and cancels and frees at the same time.
 */
#include "harness.h"

#include <string.h>

enum { THREADS = 8 };

typedef struct worker {
    pthread_t thread;
    unsigned n;
    unsigned ok;
} worker;

static void run_workers(void *(*run)(void *arg), unsigned n) {
    worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){.n = n};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].ok, n);
    }
}

static void *blocking(void *arg) {
    worker *w = arg;
    for (unsigned i = 0; i < w->n; i++)
        w->ok += it_echo_works(it_c.channel, i * 37);
    return NULL;
}

static void blocking_calls(void **state) {
    (void)state;
    run_workers(blocking, 200);
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.connections_accepted, 1);
    assert_int_equal(stats.calls_started, THREADS * 200);
}

static void *answered_elsewhere(void *arg) {
    worker *w = arg;
    for (unsigned i = 0; i < w->n; i++) {
        seal_result *result =
            it_sync(it_c.channel, NULL, &(it_request){.mode = ITEST__MODE__THREAD});
        w->ok += seal_result_status(result) == SEAL_STATUS_OK;
        seal_result_free(result);
    }
    return NULL;
}

static void answers_from_threads(void **state) {
    (void)state;
    run_workers(answered_elsewhere, 50);
}

static void *call_and_cancel(void *arg) {
    worker *w = arg;
    for (unsigned i = 0; i < w->n; i++) {
        it_ends ends = {0};
        seal_client_call *call = NULL;
        if (it_async(it_c.channel,
                     &(it_request){.mode = i % 2 == 0 ? ITEST__MODE__ECHO : ITEST__MODE__CANCELLED},
                     &ends, &call) != 0)
            return NULL;
        seal_client_call_cancel(call);
        it_wait_at_least(&ends.n, 1, "the end of a call");
        seal_client_call_unref(call);
        w->ok += atomic_load(&ends.n) == 1;
    }
    return NULL;
}

static void cancels(void **state) {
    (void)state;
    run_workers(call_and_cancel, 50);
}

/* Channels and their connections, all of one runtime, made and freed by many threads. */
static void *own_channel(void *arg) {
    worker *w = arg;
    for (unsigned i = 0; i < w->n; i++) {
        seal_channel_options options;
        seal_channel *channel = NULL;
        it_channel_options(&options);
        if (itest_echo_channel_new(it_c.runtime, it_s.target, &options, &channel, NULL) != 0)
            return NULL;
        w->ok += it_echo_works(channel, 10);
        seal_channel_free(channel);
    }
    return NULL;
}

static void channels(void **state) {
    (void)state;
    run_workers(own_channel, 10);
}

/* The channel is freed while calls are going on, but none is being made. */
static void free_while_calls_run(void **state) {
    (void)state;
    for (int round = 0; round < 20; round++) {
        static it_ends ends;
        memset(&ends, 0, sizeof ends);
        seal_channel *channel = it_channel(&it_c, it_s.target, NULL);
        for (int i = 0; i < 30; i++)
            assert_int_equal(it_async(channel,
                                      &(it_request){.mode = i % 3 == 0 ? ITEST__MODE__THREAD
                                                                       : ITEST__MODE__ECHO},
                                      &ends, NULL),
                             0);
        if (round % 2 == 0)
            it_wait_at_least(&ends.n, 5, "some calls");
        seal_channel_free(channel);
        assert_int_equal(atomic_load(&ends.n), 30);
    }
}

/* The server stops while threads answer. */
static void stop_while_threads_answer(void **state) {
    (void)state;
    for (int round = 0; round < 10; round++) {
        static it_server other;
        it_ends ends = {0};
        it_server_init(&other);
        it_server_start(&other, NULL, NULL);
        seal_channel *channel = it_channel(&it_c, other.target, NULL);
        it_async_many(channel, &(it_request){.mode = ITEST__MODE__THREAD, .timeout_us = 5000000},
                      30, &ends);
        it_wait_at_least(&other.runs, 1, "a handler");
        it_server_done(&other);
        seal_channel_free(channel);
        assert_int_equal(atomic_load(&ends.n), 30);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocking_calls, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(answers_from_threads, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(cancels, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(channels, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(free_while_calls_run, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(stop_while_threads_answer, it_setup, it_teardown),
    };
    return cmocka_run_group_tests_name("integration.threads", tests, NULL, NULL);
}
