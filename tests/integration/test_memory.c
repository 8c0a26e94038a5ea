/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nth allocation fails, for every n: at a client from its runtime to the end of its channel, at
 * a server while it starts and while it serves. Errors are clean, nothing leaks, nothing hangs, and
 * the server goes on. (Memory inside libkrb5, OpenSSL and libuv is theirs; they are not made to
 * fail.)
 */
#include "harness.h"

#include "support/failing_alloc.h"

#include <stdio.h>
#include <string.h>

enum { MAX_N = 3000 };

static failing_alloc failing;

static bool nothing_lives(void *arg) {
    (void)arg;
    return failing_alloc_live(&failing) == 0;
}

static int setup(void **state) {
    (void)state;
    failing_alloc_init(&failing);
    return 0;
}

static bool is_clean(const seal_result *result) {
    seal_status status = seal_result_status(result);
    bool clean = status != SEAL_STATUS_DEADLINE_EXCEEDED && status != SEAL_STATUS_UNKNOWN &&
                 seal_result_message(result) != NULL;
    if (!clean)
        print_error("%s: %s\n", seal_status_name(status), seal_result_message(result));
    return clean;
}

/* Everything a client does, once. */
static void one_client(const char *target) {
    seal_runtime_options ro;
    seal_channel_options co;
    seal_runtime *runtime = NULL;
    seal_channel *channel = NULL;
    seal_error *error = NULL;
    seal_runtime_options_init(&ro);
    it_channel_options(&co);
    ro.allocator = &failing.allocator;
    ro.initiator_threads = 1;
    int rc = seal_runtime_new(&ro, &runtime, &error);
    if (rc == 0)
        rc = itest_echo_channel_new(runtime, target, &co, &channel, &error);
    if (rc == 0) {
        for (int i = 0; i < 2; i++) {
            seal_result *result = it_sync(channel, NULL, &(it_request){.size = 20000});
            assert_true(is_clean(result));
            seal_result_free(result);
        }
        it_ends ends = {0};
        seal_client_call *call = NULL;
        if (it_async(channel, &(it_request){.mode = ITEST__MODE__LATER}, &ends, &call) == 0) {
            seal_client_call_cancel(call);
            it_wait_ends(&ends, 1);
            seal_client_call_unref(call);
        }
    } else {
        assert_int_equal(rc, SEAL_ERROR_NO_MEMORY);
        assert_int_equal(seal_error_get_code(error), SEAL_ERROR_NO_MEMORY);
    }
    seal_error_free(error);
    seal_channel_free(channel);
    seal_runtime_free(runtime);
}

static void client_of(const char *before) {
    static it_server s;
    char target[256];
    size_t n = 1;
    it_server_init(&s);
    it_server_start(&s, NULL, NULL);
    snprintf(target, sizeof target, "%s%s", before, s.target);
    for (; n < MAX_N; n++) {
        failing_alloc_fail_at(&failing, n, true);
        one_client(target);
        it_wait(nothing_lives, NULL, "the client's memory to be released");
        if (!failing_alloc_has_failed(&failing))
            break;
    }
    print_message("%zu allocations\n", n - 1);
    assert_true(n > 20 && n < MAX_N);
    it_server_done(&s);
}

static void client(void **state) {
    (void)state;
    client_of("");
}

static void client_of_a_list(void **state) {
    (void)state;
    client_of("seal:///unix:@sealrpc-nobody-is-here,");
}

/* All allocations fail from the nth on. */
static void client_for_good(void **state) {
    (void)state;
    static it_server s;
    size_t n = 1;
    it_server_init(&s);
    it_server_start(&s, NULL, NULL);
    for (; n < MAX_N; n += 3) {
        failing_alloc_fail_at(&failing, n, false);
        one_client(s.target);
        it_wait(nothing_lives, NULL, "the client's memory to be released");
        if (!failing_alloc_has_failed(&failing))
            break;
    }
    assert_true(n > 20 && n < MAX_N);
    it_server_done(&s);
}

static void start_of(uint32_t loops) {
    size_t n = 1;
    seal_server_options options;
    it_server_options(&options);
    options.loops = loops;
    for (; n < MAX_N; n++) {
        static it_server s;
        seal_error *error = NULL;
        it_server_init(&s);
        s.runtime_options.allocator = &failing.allocator;
        failing_alloc_fail_at(&failing, n, true);
        int rc = it_server_try_start(&s, &options, NULL, &error);
        bool failed = failing_alloc_has_failed(&failing);
        failing_alloc_fail_at(&failing, 0, true);
        if (rc != 0) {
            if (rc != SEAL_ERROR_NO_MEMORY)
                print_error("allocation %zu: %s\n", n, seal_error_message(error));
            assert_int_equal(rc, SEAL_ERROR_NO_MEMORY);
            assert_int_equal(seal_error_get_code(error), rc);
        }
        seal_error_free(error);
        it_server_done(&s);
        it_wait(nothing_lives, NULL, "the server's memory to be released");
        if (!failed)
            break;
    }
    print_message("%zu allocations\n", n - 1);
    assert_true(n > 10 && n < MAX_N);
}

static void server_start(void **state) {
    (void)state;
    start_of(1);
}

static void server_start_with_loops(void **state) {
    (void)state;
    start_of(4);
}

/* One allocation of a serving server fails: at most the call or the connection does, and the next
 * one works. */
static void serving(bool once, uint32_t loops) {
    static it_server s;
    seal_server_options options;
    it_server_options(&options);
    options.loops = loops;
    static it_client c;
    size_t n = 1;
    it_server_init(&s);
    s.runtime_options.allocator = &failing.allocator;
    failing_alloc_fail_at(&failing, 0, true);
    it_server_start(&s, &options, NULL);
    it_client_init(&c);
    for (; n < MAX_N; n += once ? 1 : 5) {
        seal_channel *channel = it_channel(&c, s.target, NULL);
        failing_alloc_fail_at(&failing, n, once);
        for (int i = 0; i < 2; i++) {
            seal_result *result = it_sync(
                channel, NULL, &(it_request){.size = 20000, .timeout_us = once ? 0 : 300000});
            if (once)
                assert_true(is_clean(result));
            seal_result_free(result);
        }
        seal_result_free(
            it_sync(channel, NULL,
                    &(it_request){.mode = ITEST__MODE__THREAD, .timeout_us = once ? 0 : 300000}));
        bool failed = failing_alloc_has_failed(&failing);
        failing_alloc_fail_at(&failing, 0, true);
        it_echo(channel, 100);
        seal_channel_free(channel);
        channel = it_channel(&c, s.target, NULL);
        it_echo(channel, 100);
        seal_channel_free(channel);
        if (!failed)
            break;
    }
    print_message("%zu allocations\n", n - 1);
    assert_true(n > 10 && n < MAX_N);
    it_client_done(&c);
    it_server_done(&s);
    it_wait(nothing_lives, NULL, "the server's memory to be released");
}

static void server_serving(void **state) {
    (void)state;
    serving(true, 1);
}

static void server_serving_with_loops(void **state) {
    (void)state;
    serving(true, 3);
    serving(false, 3);
}

/* No memory at all for a while: connections are refused, and afterwards everything works again. */
static void server_without_memory(void **state) {
    (void)state;
    static it_server s;
    static it_client c;
    it_server_init(&s);
    s.runtime_options.allocator = &failing.allocator;
    failing_alloc_fail_at(&failing, 0, true);
    it_server_start(&s, NULL, NULL);
    it_client_start(&c, s.target, NULL);
    it_echo(c.channel, 1);
    failing_alloc_fail_at(&failing, 1, false);
    for (int i = 0; i < 20; i++)
        it_expect_shed(seal_server_port(s.server));
    assert_true(failing_alloc_has_failed(&failing));
    failing_alloc_fail_at(&failing, 0, true);
    it_echo(c.channel, 1);
    seal_channel *channel = it_channel(&c, s.target, NULL);
    it_echo(channel, 1);
    seal_channel_free(channel);
    seal_server_stats stats;
    it_server_stats(&s, &stats);
    assert_int_equal(stats.connections_shed, 20);
    it_client_done(&c);
    it_server_done(&s);
    it_wait(nothing_lives, NULL, "the server's memory to be released");
    serving(false, 1);
}

static void stop_here(void *arg) {
    failing_alloc_fail_at(&failing, 1, false);
    seal_server_stop(arg, 0, NULL, NULL);
    failing_alloc_fail_at(&failing, 0, false);
}

/* A signal handler on the loop must be able to stop a server that is out of memory. */
static void stopped_without_memory(void **state) {
    (void)state;
    static it_server s;
    it_server_init(&s);
    s.runtime_options.allocator = &failing.allocator;
    it_server_start(&s, NULL, NULL);
    assert_int_equal(seal_runtime_post(s.runtime, stop_here, s.server), 0);
    it_log_wait(&s.log, "has stopped");
    it_server_done(&s);
    it_wait(nothing_lives, NULL, "memory that is all released");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(client, setup),
        cmocka_unit_test_setup(client_of_a_list, setup),
        cmocka_unit_test_setup(client_for_good, setup),
        cmocka_unit_test_setup(server_start, setup),
        cmocka_unit_test_setup(server_start_with_loops, setup),
        cmocka_unit_test_setup(server_serving, setup),
        cmocka_unit_test_setup(server_serving_with_loops, setup),
        cmocka_unit_test_setup(server_without_memory, setup),
        cmocka_unit_test_setup(stopped_without_memory, setup),
    };
    return cmocka_run_group_tests_name("integration.memory", tests, NULL, NULL);
}
