/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of servers, channels, runtimes and connections while calls are going on. */
#include "own_loop.h"
#include "relay.h"
#include "server_ends.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- Stopping a server ---- */

static atomic_uint stops;

/* What runs is finished, and what comes later is not executed. */
static void stop_lets_calls_finish(void **state) {
    (void)state;
    it_ends ends = {0};
    atomic_store(&stops, 0);
    it_async_many(it_c.channel, &(it_request){.mode = ITEST__MODE__LATER}, 10, &ends);
    it_server_wait_held(&it_s, 10);
    seal_server_stop(it_s.server, 60000, it_count_stopped, &stops);
    /* A call that comes when the client has heard of it may wait for another server, but not run.
     */
    it_wait_disconnected(it_c.channel);
    it_ends late = {0};
    assert_int_equal(it_async(it_c.channel, &(it_request){.timeout_us = 200000}, &late, NULL), 0);
    it_wait_ends(&late, 1);
    assert_int_equal(atomic_load(&late.by_execution[SEAL_NOT_EXECUTED]), 1);
    assert_int_equal(atomic_load(&ends.n), 0);
    it_server_release(&it_s);
    it_wait_ends(&ends, 10);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 10);
    it_wait_at_least(&stops, 1, "the server to stop");
    assert_int_equal(atomic_load(&it_s.runs), 10);
}

static void stop_cuts_after_the_grace(void **state) {
    (void)state;
    it_ends ends = {0};
    atomic_store(&stops, 0);
    it_async_many(it_c.channel, &(it_request){.mode = ITEST__MODE__CANCELLED}, 10, &ends);
    it_wait_at_least(&it_s.runs, 10, "handlers");
    seal_server_stop(it_s.server, 50, it_count_stopped, &stops);
    it_wait_ends(&ends, 10);
    it_wait_at_least(&stops, 1, "the server to stop");
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_UNAVAILABLE]), 10);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_EXECUTION_UNKNOWN]), 10);
    assert_int_equal(atomic_load(&it_s.cancels), 10);
}

/* Twice, and after the stop, and before the start. */
static void stop_in_every_state(void **state) {
    (void)state;
    static it_server other;
    atomic_store(&stops, 0);
    seal_server_stop(it_s.server, 1000, NULL, NULL);
    seal_server_stop(it_s.server, 0, it_count_stopped, &stops);
    it_wait_at_least(&stops, 1, "the server to stop");
    seal_server_stop(it_s.server, 0, it_count_stopped, &stops);
    it_wait_at_least(&stops, 2, "the second callback");
    it_server_init(&other);
    seal_server_options options;
    it_server_options(&options);
    assert_int_equal(seal_runtime_new(NULL, &other.runtime, NULL), 0);
    assert_int_equal(seal_server_new(other.runtime, &options, &other.server, NULL), 0);
    seal_server_stop(other.server, 0, it_count_stopped, &stops);
    it_wait_at_least(&stops, 3, "a server that was never started to stop");
    it_server_done(&other);
}

/* While the credentials are being checked. */
static void free_during_start(void **state) {
    (void)state;
    seal_server_options options;
    it_server_options(&options);
    for (int i = 0; i < 20; i++) {
        options.skip_startup_check = i % 2 == 0;
        it_free_while_starting(&options, i % 3 != 0);
    }
}

/* ---- Freeing ---- */

static void free_server_with_calls(void **state) {
    (void)state;
    static it_server other;
    seal_server_options options;
    it_server_options(&options);
    options.stop_grace_ms = 30;
    it_server_init(&other);
    it_server_start(&other, &options, NULL);
    seal_channel *channel = it_channel(&it_c, other.target, NULL);
    it_ends ends = {0};
    it_async_many(channel, &(it_request){.mode = ITEST__MODE__CANCELLED}, 20, &ends);
    it_wait_at_least(&other.runs, 20, "handlers");
    seal_server_free(other.server);
    other.server = NULL;
    it_wait_ends(&ends, 20);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_EXECUTION_UNKNOWN]), 20);
    seal_channel_free(channel);
    seal_runtime_free(other.runtime);
    other.runtime = NULL;
    it_log_done(&other.log);
}

static void free_channel_with_calls(void **state) {
    (void)state;
    seal_channel *channel = it_channel(&it_c, it_s.target, NULL);
    it_ends ends = {0};
    seal_client_call *handle = NULL;
    for (int i = 0; i < 150; i++) /* more than there are streams */
        assert_int_equal(it_async(channel, &(it_request){.mode = ITEST__MODE__CANCELLED}, &ends,
                                  i == 0 ? &handle : NULL),
                         0);
    it_wait_at_least(&it_s.runs, 100, "handlers");
    seal_channel_free(channel);
    assert_int_equal(atomic_load(&ends.n), 150);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_CANCELLED]), 150);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_NOT_EXECUTED]), 50);
    seal_client_call_cancel(handle);
    seal_client_call_unref(handle);
    it_wait_at_least(&it_s.cancels, 100, "the server to notice");
}

typedef struct on_loop {
    it_server *server;
    seal_channel *channel;
    atomic_uint done;
} on_loop;

static void free_channel_on_loop(void *user) {
    on_loop *o = user;
    seal_channel_free(o->channel);
    atomic_fetch_add(&o->done, 1);
}

static void free_on_the_loop(void **state) {
    (void)state;
    on_loop o = {.channel = it_channel(&it_c, it_s.target, NULL)};
    it_ends ends = {0};
    it_async_many(o.channel, &(it_request){.mode = ITEST__MODE__CANCELLED}, 20, &ends);
    it_wait_at_least(&it_s.runs, 20, "handlers");
    assert_int_equal(seal_runtime_post(it_c.runtime, free_channel_on_loop, &o), 0);
    it_wait_ends(&ends, 20);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_CANCELLED]), 20);
    it_wait_at_least(&it_s.cancels, 20, "the server to notice");
}

static void free_server_on_loop(void *user) {
    seal_server_free(user);
}

static void free_server_on_the_loop(void **state) {
    (void)state;
    static it_server other;
    it_server_init(&other);
    it_server_start(&other, NULL, NULL);
    seal_channel *channel = it_channel(&it_c, other.target, NULL);
    it_echo(channel, 1);
    assert_int_equal(seal_runtime_post(other.runtime, free_server_on_loop, other.server), 0);
    it_log_wait(&other.log, "has stopped");
    seal_channel_free(channel);
    seal_runtime_free(other.runtime);
    it_log_done(&other.log);
}

static void free_in_the_callback(const seal_result *result, const Itest__Reply *reply, void *user) {
    (void)result;
    (void)reply;
    on_loop *o = user;
    if (atomic_fetch_add(&o->done, 1) == 0)
        seal_channel_free(o->channel);
}

static void free_in_a_callback(void **state) {
    (void)state;
    on_loop o = {.channel = it_channel(&it_c, it_s.target, NULL)};
    for (int i = 0; i < 20; i++) {
        Itest__Request request = ITEST__REQUEST__INIT;
        assert_int_equal(
            itest_echo_call_call(o.channel, &request, NULL, free_in_the_callback, &o, NULL), 0);
    }
    it_wait_at_least(&o.done, 20, "callbacks");
}

/* ---- Runtimes that a channel or server made for itself ---- */

/* Freed by a callback, on the runtime's own thread, that thread ends, too. The usual server's do
 * not become more meanwhile. */
static void private_runtime_freed_by_a_callback(void **state) {
    (void)state;
    it_server_init(&it_s);
    it_s.runtime_options.acceptor_threads = 1;
    it_server_start(&it_s, NULL, NULL);
    it_client_start(&it_c, it_s.target, NULL);
    it_echo(it_c.channel, 1); /* the threads of the usual client and server are there now */
    unsigned before = it_threads();
    for (int round = 0; round < 5; round++) {
        seal_channel_options options;
        on_loop o = {.channel = NULL};
        it_channel_options(&options);
        assert_int_equal(itest_echo_channel_new(NULL, it_s.target, &options, &o.channel, NULL), 0);
        for (int i = 0; i < 5; i++) {
            Itest__Request request = ITEST__REQUEST__INIT;
            assert_int_equal(
                itest_echo_call_call(o.channel, &request, NULL, free_in_the_callback, &o, NULL), 0);
        }
        it_wait_at_least(&o.done, 5, "callbacks");
        it_wait_threads(before);
    }
}

static void private_server_freed_by_a_callback(void **state) {
    (void)state;
    unsigned before = it_threads();
    seal_server_options options;
    it_server_options(&options);
    atomic_store(&stops, 0);
    seal_server *server = it_start_private_server(&options);
    seal_server_stop(server, 0, it_free_stopped, &stops);
    it_wait_at_least(&stops, 1, "the server to stop");
    it_wait_threads(before);
}

/* ---- Everything on one loop of the caller's ---- */

static void loop_end(const seal_result *result, const Itest__Reply *reply, void *user) {
    (void)result;
    (void)reply;
    (*(unsigned *)user)++;
}

/* Freed in the middle of whatever was going on: the loop ends, nothing is leaked. */
static void callers_loop_ends(void **state) {
    (void)state;
    for (int turns = 0; turns < 40; turns++) {
        own_loop own;
        unsigned ends = 0;
        own_loop_init(&own);
        own_loop_connect(&own, it_s.target, &itest_echo_service);
        for (int i = 0; i < 5; i++) {
            Itest__Request request = ITEST__REQUEST__INIT;
            assert_int_equal(
                itest_echo_call_call(own.channel, &request, NULL, loop_end, &ends, NULL), 0);
        }
        for (int i = 0; i < turns && ends < 5; i++)
            uv_run(&own.loop, turns % 2 == 0 ? UV_RUN_ONCE : UV_RUN_NOWAIT);
        own_loop_done(&own);
        assert_int_equal(ends, 5);
    }
}

static void loop_started(seal_server *server, const seal_error *error, void *user) {
    (void)server;
    *(int *)user = error == NULL ? 1 : -1;
}

static void server_on_a_callers_loop(void **state) {
    (void)state;
    for (int round = 0; round < 5; round++) {
        own_loop own;
        seal_server_options options;
        seal_server *server = NULL;
        int started = 0;
        own_loop_init(&own);
        it_server_options(&options);
        assert_int_equal(seal_server_new(own.runtime, &options, &server, NULL), 0);
        assert_int_equal(seal_server_add_address(server, "127.0.0.1:0", NULL), 0);
        assert_int_equal(seal_server_start(server, NULL), SEAL_ERROR_WRONG_THREAD);
        assert_int_equal(seal_server_start_async(server, loop_started, &started, NULL), 0);
        while (round > 0 && started == 0)
            uv_run(&own.loop, UV_RUN_ONCE);
        if (round > 0)
            assert_int_equal(started, 1);
        if (round > 1) {
            it_ends ends = {0};
            seal_channel *channel = it_channel_to(&it_c, seal_server_port(server), NULL);
            assert_int_equal(it_async(channel, &(it_request){.size = 1}, &ends, NULL), 0);
            while (round > 2 && atomic_load(&ends.n) == 0)
                uv_run(&own.loop, UV_RUN_NOWAIT);
            if (round > 2)
                assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_UNIMPLEMENTED]), 1);
            seal_channel_free(channel);
        }
        seal_server_free(server);
        own_loop_done(&own);
    }
}

/* ---- Lost connections ---- */

static void connection_lost(void **state) {
    (void)state;
    static relay r;
    relay_start(&r, seal_server_port(it_s.server), NULL);
    seal_channel *channel = it_channel_to(&it_c, r.port, NULL);
    it_ends ends = {0};
    it_async_many(channel, &(it_request){.mode = ITEST__MODE__CANCELLED}, 20, &ends);
    it_wait_at_least(&it_s.runs, 20, "handlers");
    for (int d = 0; d < 2; d++)
        shutdown(r.sides[d].from, SHUT_RDWR);
    relay_join(&r);
    it_wait_ends(&ends, 20);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_UNAVAILABLE]), 20);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_EXECUTION_UNKNOWN]), 20);
    it_wait_at_least(&it_s.cancels, 20, "the handlers to be told");
    seal_channel_free(channel);
    relay_free(&r);
}

/* On a port that is known, so that the second server can have it, too. */
static void server_restarts(void **state) {
    (void)state;
    static it_server first;
    static it_server second;
    char address[64];
    snprintf(address, sizeof address, "127.0.0.1:%u", it_closed_port());
    it_server_init(&first);
    it_server_start(&first, NULL, address);
    seal_channel *channel = it_channel(&it_c, first.target, NULL);
    it_echo(channel, 1);
    it_server_done(&first);
    it_expect(it_sync(channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAVAILABLE,
              SEAL_NOT_EXECUTED, NULL);
    it_server_init(&second);
    it_server_start(&second, NULL, address);
    it_echo(channel, 1);
    assert_int_equal(atomic_load(&second.runs), 1);
    seal_channel_free(channel);
    it_server_done(&second);
}

/* A call that is made while the old server still works on another one is run by the new server. */
static void the_next_server_takes_over(void **state) {
    (void)state;
    static it_server first;
    static it_server second;
    char address[64];
    it_ends old_calls = {0};
    it_ends new_calls = {0};
    snprintf(address, sizeof address, "127.0.0.1:%u", it_closed_port());
    it_server_init(&first);
    it_server_start(&first, NULL, address);
    seal_channel *channel = it_channel(&it_c, first.target, NULL);
    it_async_many(channel, &(it_request){.mode = ITEST__MODE__LATER}, 1, &old_calls);
    it_server_wait_held(&first, 1);
    atomic_store(&stops, 0);
    seal_server_stop(first.server, 60000, it_count_stopped, &stops);
    seal_server_stats stats;
    it_server_stats(&first, &stats); /* the stop has been begun: the port is free */
    it_server_init(&second);
    it_server_start(&second, NULL, address);
    /* A call that crosses the goodbye on the wire is refused unexecuted, and may be made again. */
    for (unsigned made = 1; atomic_load(&new_calls.by_status[SEAL_STATUS_OK]) == 0; made++) {
        assert_true(made < 1000);
        assert_int_equal(it_async(channel, &(it_request){.size = 5}, &new_calls, NULL), 0);
        it_wait_ends(&new_calls, made);
    }
    assert_int_equal(atomic_load(&old_calls.n), 0);
    it_server_release(&first);
    it_wait_ends(&old_calls, 1);
    assert_int_equal(atomic_load(&old_calls.by_status[SEAL_STATUS_OK]), 1);
    assert_int_equal(atomic_load(&new_calls.by_status[SEAL_STATUS_OK]), 1);
    assert_int_equal(atomic_load(&first.runs), 1);
    assert_int_equal(atomic_load(&second.runs), 1);
    it_wait_at_least(&stops, 1, "the first server to stop");
    seal_channel_free(channel);
    it_server_done(&first);
    it_server_done(&second);
}

typedef struct load {
    seal_channel *channel;
    atomic_bool stop;
    atomic_uint ok;
    atomic_uint not_executed;
    atomic_uint wrong; /* anything else */
} load;

static void *call_and_call(void *arg) {
    load *l = arg;
    while (!atomic_load(&l->stop)) {
        seal_result *result = it_sync(l->channel, NULL, &(it_request){.size = 100});
        if (seal_result_status(result) == SEAL_STATUS_OK) {
            atomic_fetch_add(&l->ok, 1);
        } else if (seal_result_execution(result) == SEAL_NOT_EXECUTED) {
            atomic_fetch_add(&l->not_executed, 1);
            usleep(1000);
        } else {
            print_error("%s: %s\n", seal_status_name(seal_result_status(result)),
                        seal_result_message(result));
            atomic_fetch_add(&l->wrong, 1);
        }
        seal_result_free(result);
    }
    return NULL;
}

/* Stopped in order, under load: what fails has certainly not run, and may be tried again. */
static void restarts_lose_no_call(void **state) {
    (void)state;
    enum { THREADS = 4, RESTARTS = 8 };
    static it_server server;
    pthread_t threads[THREADS];
    load l = {.ok = 0};
    char address[64];
    unsigned runs = 0;
    snprintf(address, sizeof address, "127.0.0.1:%u", it_closed_port());
    it_server_init(&server);
    it_server_start(&server, NULL, address);
    l.channel = it_channel(&it_c, server.target, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_and_call, &l), 0);
    for (int i = 0; i < RESTARTS; i++) {
        unsigned ok = atomic_load(&l.ok);
        it_wait_at_least(&l.ok, ok + 50, "calls");
        it_server_free(&server);
        runs += atomic_load(&server.runs);
        it_server_done(&server);
        it_server_init(&server);
        it_server_start(&server, NULL, address);
    }
    it_wait_at_least(&l.ok, atomic_load(&l.ok) + 50, "calls");
    atomic_store(&l.stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    runs += atomic_load(&server.runs);
    print_message("%u calls, %u not executed\n", atomic_load(&l.ok), atomic_load(&l.not_executed));
    assert_int_equal(atomic_load(&l.wrong), 0);
    assert_int_equal(atomic_load(&l.ok), runs);
    seal_channel_free(l.channel);
    it_server_done(&server);
}

static void many_rounds(void **state) {
    (void)state;
    for (int i = 0; i < 30; i++) {
        static it_server server;
        static it_client client;
        it_server_init(&server);
        it_server_start(&server, NULL, NULL);
        it_client_start(&client, server.target, NULL);
        it_echo(client.channel, 10);
        if (i % 2 == 0) {
            it_client_done(&client);
            it_server_done(&server);
        } else {
            it_server_done(&server);
            it_client_done(&client);
        }
    }
}

/* A result keeps what it needs, even the runtime's allocator. */
static void a_result_outlives_everything(void **state) {
    (void)state;
    static it_client client;
    it_client_start(&client, it_s.target, NULL);
    seal_result *result = it_sync(client.channel, NULL, &(it_request){.size = 100});
    seal_result *again = seal_result_ref(result);
    seal_result_free(result);
    it_client_done(&client);
    const Itest__Reply *reply = seal_result_reply(again);
    assert_int_equal(reply->data.len, 100);
    assert_string_equal(seal_peer_principal(seal_result_peer(again)), IT_SERVICE "@" IT_REALM);
    seal_result_free(again);
    seal_result_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stop_lets_calls_finish, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(stop_cuts_after_the_grace, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(stop_in_every_state, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(free_during_start, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(free_server_with_calls, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(free_channel_with_calls, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(free_on_the_loop, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(free_server_on_the_loop, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(free_in_a_callback, it_setup, it_teardown),
        cmocka_unit_test_teardown(private_runtime_freed_by_a_callback, it_teardown),
        cmocka_unit_test_setup_teardown(private_server_freed_by_a_callback, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(callers_loop_ends, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(server_on_a_callers_loop, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(connection_lost, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(server_restarts, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(the_next_server_takes_over, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(restarts_lose_no_call, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(many_rounds, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(a_result_outlives_everything, it_setup, it_teardown),
    };
    return cmocka_run_group_tests_name("integration.endings", tests, NULL, NULL);
}
