/* SPDX-License-Identifier: Apache-2.0 */
/* Every way to end a server with several loops, and starts that come to nothing. */
#include "own_loop.h"
#include "server_ends.h"

#include <stdio.h>
#include <string.h>

enum { LOOPS = 4 };

static void loops_options(seal_server_options *options) {
    it_server_options(options);
    options->loops = LOOPS;
    options->stop_grace_ms = 100;
}

static void start(void) {
    seal_server_options options;
    loops_options(&options);
    it_server_init(&it_s);
    it_server_start(&it_s, &options, NULL);
}

static int setup(void **state) {
    (void)state;
    start();
    it_client_init(&it_c);
    return 0;
}

/* ---- Stopping ---- */

static atomic_uint stops;

enum { HELD = 3 * LOOPS };

/* A call on each of so many connections. */
static void hold_calls(seal_channel *channels[HELD], it_ends *ends, Itest__Mode mode) {
    for (unsigned i = 0; i < HELD; i++) {
        channels[i] = it_channel(&it_c, it_s.target, NULL);
        assert_int_equal(it_async(channels[i], &(it_request){.mode = mode}, ends, NULL), 0);
    }
    it_wait_at_least(&it_s.runs, HELD, "handlers");
}

static void free_channels(seal_channel *channels[HELD]) {
    for (int i = 0; i < HELD; i++)
        seal_channel_free(channels[i]);
}

static void stop_lets_calls_finish_on_every_loop(void **state) {
    (void)state;
    static it_ends ends;
    seal_channel *channels[HELD];
    memset(&ends, 0, sizeof ends);
    atomic_store(&stops, 0);
    hold_calls(channels, &ends, ITEST__MODE__LATER);
    it_server_wait_held(&it_s, HELD);
    seal_server_stop(it_s.server, 60000, it_count_stopped, &stops);
    for (int i = 0; i < HELD; i++)
        it_wait_disconnected(channels[i]);
    assert_int_equal(atomic_load(&ends.n), 0);
    assert_int_equal(atomic_load(&stops), 0);
    it_server_release(&it_s);
    it_wait_ends(&ends, HELD);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), HELD);
    it_wait_at_least(&stops, 1, "the server to stop");
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.connections_open, 0);
    assert_int_equal(stats.calls_running, 0);
    free_channels(channels);
}

static void stop_cuts_on_every_loop(void **state) {
    (void)state;
    static it_ends ends;
    seal_channel *channels[HELD];
    memset(&ends, 0, sizeof ends);
    hold_calls(channels, &ends, ITEST__MODE__CANCELLED);
    seal_error *error = NULL;
    assert_int_equal(seal_server_drain(it_s.server, 50, &error), SEAL_ERROR_TIMEOUT);
    char expected[32];
    snprintf(expected, sizeof expected, "%d calls ", HELD);
    assert_non_null(strstr(seal_error_message(error), expected));
    seal_error_free(error);
    it_wait_ends(&ends, HELD);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_UNAVAILABLE]), HELD);
    assert_int_equal(atomic_load(&it_s.cancels), HELD);
    free_channels(channels);
}

static void post_free(void *user) {
    seal_server_free(user);
}

/* With a call on every loop, in all ways, and the runtime freed at once afterwards. */
static void freed_in_every_way(void **state) {
    (void)state;
    for (int round = 0; round < 12; round++) {
        static it_ends ends;
        seal_channel *channels[HELD];
        memset(&ends, 0, sizeof ends);
        atomic_store(&stops, 0);
        hold_calls(channels, &ends, ITEST__MODE__CANCELLED);
        switch (round % 4) {
        case 0:
            seal_server_stop(it_s.server, 0, NULL, NULL);
            seal_server_free(it_s.server);
            break;
        case 1:
            seal_server_stop(it_s.server, 0, it_free_stopped, &stops);
            it_wait_at_least(&stops, 1, "the server to stop");
            break;
        case 2:
            seal_server_stop(it_s.server, 20, NULL, NULL);
            assert_int_equal(seal_runtime_post(it_s.runtime, post_free, it_s.server), 0);
            break;
        default:
            assert_int_equal(seal_server_drain(it_s.server, 0, NULL), SEAL_ERROR_TIMEOUT);
            assert_int_equal(seal_server_drain(it_s.server, 0, NULL), SEAL_ERROR_TIMEOUT);
            seal_server_free(it_s.server);
            break;
        }
        it_s.server = NULL;
        it_wait_ends(&ends, HELD);
        assert_int_equal(atomic_load(&it_s.cancels), HELD);
        free_channels(channels);
        it_server_done(&it_s);
        start();
    }
}

static _Atomic(seal_server *) to_be_freed;

/* From whatever loop the call came on. */
static void free_from_handler(seal_call *call, const Itest__Request *request, void *user) {
    seal_server *server = atomic_load(&to_be_freed);
    (void)request;
    (void)user;
    Itest__Reply reply = ITEST__REPLY__INIT;
    seal_error *error = NULL;
    bool refused = seal_server_drain(server, 0, &error) == SEAL_ERROR_WRONG_THREAD;
    seal_error_free(error);
    reply.number = refused && seal_server_run(server, NULL) == SEAL_ERROR_WRONG_THREAD;
    itest_elsewhere_reply_call(call, &reply);
    seal_server_free(server);
}

static const itest_elsewhere_ops freeing = {.size = sizeof freeing, .call = free_from_handler};

static void add_freeing(seal_server *server) {
    atomic_store(&to_be_freed, server);
    assert_int_equal(itest_elsewhere_register(server, &freeing, NULL, NULL), 0);
}

static uint64_t ask(seal_channel *channel) {
    seal_result *result = it_sync(channel, itest_elsewhere_sync_call, &(it_request){.size = 0});
    const Itest__Reply *reply = seal_result_reply(result);
    uint64_t number = reply != NULL ? reply->number : 0;
    seal_result_free(result);
    return number;
}

/* On each loop in turn. */
static void freed_by_a_handler(void **state) {
    (void)state;
    for (int loop = 0; loop < LOOPS; loop++) {
        seal_server_options options;
        seal_channel *channels[LOOPS];
        loops_options(&options);
        it_server_done(&it_s);
        it_server_init(&it_s);
        it_s.prepare = add_freeing;
        it_server_start(&it_s, &options, NULL);
        for (int i = 0; i <= loop; i++) {
            channels[i] = it_channel(&it_c, it_s.target, NULL);
            it_echo(channels[i], 1);
        }
        assert_int_equal(ask(channels[loop]), 1); /* the last one is on that loop */
        it_s.server = NULL;
        it_log_wait(&it_s.log, "has stopped");
        for (int i = 0; i <= loop; i++)
            seal_channel_free(channels[i]);
    }
}

static void private_server_freed_by_a_callback(void **state) {
    (void)state;
    unsigned before = it_threads();
    for (int round = 0; round < 3; round++) {
        seal_server_options options;
        loops_options(&options);
        atomic_store(&stops, 0);
        seal_server *server = it_start_private_server(&options);
        assert_true(it_threads() >= before + LOOPS);
        if (round == 0) {
            seal_server_free(server);
        } else {
            seal_server_stop(server, 0, it_free_stopped, &stops);
            it_wait_at_least(&stops, 1, "the server to stop");
        }
        it_wait_threads(before);
    }
}

/* The address is taken: the loops that were there already go again. */
static void a_start_that_fails_is_rolled_back(void **state) {
    (void)state;
    static it_server other;
    seal_server_options options;
    seal_error *error = NULL;
    loops_options(&options);
    it_server_init(&other);
    assert_int_equal(seal_runtime_new(&other.runtime_options, &other.runtime, NULL), 0);
    assert_int_equal(it_server_try_start(&other, &options, it_s.target, &error),
                     SEAL_ERROR_ADDRESS);
    seal_error_free(error);
    unsigned before = it_threads();
    it_server_free(&other);
    assert_int_equal(it_server_try_start(&other, &options, it_s.target, NULL), SEAL_ERROR_ADDRESS);
    it_wait_threads(before);
    it_server_done(&other);
}

static void freed_during_the_start(void **state) {
    (void)state;
    seal_server_options options;
    loops_options(&options);
    for (int i = 0; i < 20; i++)
        it_free_while_starting(&options, i % 3 != 0);
}

static void loop_started(seal_server *server, const seal_error *error, void *user) {
    (void)server;
    *(int *)user = error == NULL ? 1 : -1;
}

/* The first loop is the caller's, and ends when the server has gone. */
static void on_a_callers_loop(void **state) {
    (void)state;
    for (int round = 0; round < 6; round++) {
        own_loop own;
        seal_server_options options;
        seal_server *server = NULL;
        seal_channel *channels[LOOPS] = {NULL};
        static it_ends ends;
        int started = 0;
        memset(&ends, 0, sizeof ends);
        own_loop_init(&own);
        loops_options(&options);
        assert_int_equal(seal_server_new(own.runtime, &options, &server, NULL), 0);
        assert_int_equal(seal_server_add_address(server, "127.0.0.1:0", NULL), 0);
        assert_int_equal(seal_server_start_async(server, loop_started, &started, NULL), 0);
        while (round > 0 && started == 0)
            uv_run(&own.loop, UV_RUN_ONCE);
        for (int i = 0; round > 1 && i < LOOPS; i++) {
            channels[i] = it_channel_to(&it_c, seal_server_port(server), NULL);
            assert_int_equal(it_async(channels[i], &(it_request){.size = 1}, &ends, NULL), 0);
        }
        while (round > 2 && atomic_load(&ends.n) < LOOPS)
            uv_run(&own.loop, UV_RUN_NOWAIT);
        if (round > 2)
            assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_UNIMPLEMENTED]), LOOPS);
        seal_server_free(server);
        if (round % 2 == 0)
            assert_int_equal(uv_run(&own.loop, UV_RUN_DEFAULT), 0);
        own_loop_done(&own);
        for (int i = 0; i < LOOPS; i++)
            seal_channel_free(channels[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, it_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(stop_lets_calls_finish_on_every_loop),
        TEST(stop_cuts_on_every_loop),
        TEST(freed_in_every_way),
        TEST(freed_by_a_handler),
        TEST(private_server_freed_by_a_callback),
        TEST(a_start_that_fails_is_rolled_back),
        TEST(freed_during_the_start),
        TEST(on_a_callers_loop),
    };
    return cmocka_run_group_tests_name("integration.loop_ends", tests, NULL, NULL);
}
