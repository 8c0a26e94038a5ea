/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting before there is a call: once, for everybody who asks, and with the words of a call
 * where it fails. */
#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STREAMS = 8 }; /* the least that a server may allow */

static seal_result *connect_with(seal_channel *channel, uint64_t timeout_us, seal_level level,
                                 bool wait_for_ready) {
    seal_call_options options;
    seal_call_options_init(&options);
    options.timeout_us = timeout_us;
    options.min_level = level;
    options.wait_for_ready = wait_for_ready;
    return seal_channel_connect_sync(channel, &options);
}

static void expect_connected(seal_result *result) {
    assert_int_equal(seal_result_status(result), SEAL_STATUS_OK);
    assert_null(seal_result_reply(result));
    const seal_peer *peer = seal_result_peer(result);
    assert_non_null(peer);
    assert_string_equal(seal_peer_principal(peer), IT_SERVICE "@" IT_REALM);
    seal_result_free(result);
}

static void expect_stats(seal_channel *channel, unsigned connections, unsigned calls) {
    seal_channel_stats stats = it_channel_stats(channel);
    assert_int_equal(stats.connections_made, connections);
    assert_int_equal(stats.calls_started, calls);
    assert_int_equal(stats.calls_ok, calls);
    assert_int_equal(stats.calls_failed, 0);
}

/* ---- It is there ---- */

static void one_connection(void **state) {
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        expect_connected(seal_channel_connect_sync(it_c.channel, NULL));
        expect_stats(it_c.channel, 1, 0);
    }
    it_echo(it_c.channel, 100);
    expect_stats(it_c.channel, 1, 1);
}

typedef struct told {
    atomic_uint n;
    atomic_uint by_status[17];
} told;

static void on_connected(const seal_result *result, void *user) {
    told *t = user;
    atomic_fetch_add(&t->by_status[seal_result_status(result)], 1);
    atomic_fetch_add(&t->n, 1);
}

static void many_at_once(void **state) {
    (void)state;
    told t = {0};
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(seal_channel_connect(it_c.channel, NULL, on_connected, &t), 0);
    it_wait_at_least(&t.n, 100, "the ends of 100 connects");
    assert_int_equal(t.by_status[SEAL_STATUS_OK], 100);
    expect_stats(it_c.channel, 1, 0);
}

/* Calls fill all streams; a connect needs none. */
static void beside_full_streams(void **state) {
    (void)state;
    seal_server_options options;
    it_server_options(&options);
    options.max_streams = STREAMS;
    it_start(&options, NULL);
    it_ends ends = {0};
    it_async_many(it_c.channel, &(it_request){.mode = ITEST__MODE__LATER}, STREAMS + 1, &ends);
    it_server_wait_held(&it_s, STREAMS); /* and one waits */
    expect_connected(seal_channel_connect_sync(it_c.channel, NULL));
    it_server_release(&it_s);
    it_server_wait_held(&it_s, 1);
    it_server_release(&it_s);
    it_wait_ends(&ends, STREAMS + 1);
}

static bool has_completed(void *arg) {
    seal_server_stats stats;
    it_server_stats(arg, &stats);
    return stats.handshakes_completed == 1;
}

/* The server hears the end of the handshake although nothing else is said. */
static void closed_at_once(void **state) {
    (void)state;
    static it_client c;
    it_client_start(&c, it_s.target, NULL);
    expect_connected(seal_channel_connect_sync(c.channel, NULL));
    it_client_done(&c);
    it_wait(has_completed, &it_s, "a handshake");
    it_server_wait_idle(&it_s);
}

static int unseen_begin(seal_client_call *call, seal_metadata *metadata, void **call_state,
                        void *user) {
    (void)call;
    (void)metadata;
    (void)call_state;
    atomic_fetch_add((atomic_uint *)user, 1);
    return 0;
}

static void interceptors_do_not_see_it(void **state) {
    (void)state;
    static atomic_uint begun;
    seal_client_interceptor interceptor;
    seal_client_interceptor_init(&interceptor);
    interceptor.begin = unseen_begin;
    atomic_store(&begun, 0);
    assert_int_equal(seal_channel_add_interceptor(it_c.channel, &interceptor, &begun, NULL), 0);
    expect_connected(seal_channel_connect_sync(it_c.channel, NULL));
    assert_int_equal(atomic_load(&begun), 0);
    it_echo(it_c.channel, 1);
    assert_int_equal(atomic_load(&begun), 1);
}

/* ---- It is not ---- */

static void as_a_call_would_fail(seal_channel *channel) {
    seal_result *connect = seal_channel_connect_sync(channel, NULL);
    seal_result *call = it_sync(channel, NULL, &(it_request){.size = 1});
    assert_int_not_equal(seal_result_status(connect), SEAL_STATUS_OK);
    assert_int_equal(seal_result_status(connect), seal_result_status(call));
    assert_int_equal(seal_result_execution(connect), SEAL_NOT_EXECUTED);
    assert_int_equal(seal_result_cause(connect), seal_result_cause(call));
    assert_true(strlen(seal_result_message(connect)) > 0);
    seal_result_free(connect);
    seal_result_free(call);
}

static void nobody_listens(void **state) {
    (void)state;
    seal_channel *channel = it_channel_to(&it_c, it_closed_port(), NULL);
    as_a_call_would_fail(channel);
    seal_channel_free(channel);
}

static void another_principal(void **state) {
    (void)state;
    seal_channel_options options;
    it_channel_options(&options);
    options.server_principal = "echo/other.test";
    seal_channel *channel = it_channel(&it_c, it_s.target, &options);
    as_a_call_would_fail(channel);
    seal_channel_free(channel);
}

static void a_lower_level(void **state) {
    (void)state;
    seal_server_options server_options;
    it_server_options(&server_options);
    server_options.min_level = SEAL_LEVEL_INTEGRITY;
    seal_channel_options options;
    it_channel_options(&options);
    options.min_level = SEAL_LEVEL_INTEGRITY;
    it_start(&server_options, &options);
    for (unsigned i = 0; i < 2; i++) /* while it is being made, and when it is there */
        it_expect(connect_with(it_c.channel, 0, SEAL_LEVEL_PRIVACY, false),
                  SEAL_STATUS_FAILED_PRECONDITION, SEAL_NOT_EXECUTED,
                  "seal_channel_connect asks for level privacy");
    expect_connected(connect_with(it_c.channel, 0, SEAL_LEVEL_INTEGRITY, false));
}

static void waits_until_it_is(void **state) {
    (void)state;
    static it_server s;
    static it_client c;
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", it_closed_port());
    it_client_start(&c, address, NULL);
    it_expect(connect_with(c.channel, 300000, 0, true), SEAL_STATUS_DEADLINE_EXCEEDED,
              SEAL_NOT_EXECUTED, "the deadline of 300 ms passed");
    told t = {0};
    seal_call_options options;
    seal_call_options_init(&options);
    options.wait_for_ready = true;
    options.timeout_us = 60 * 1000 * 1000;
    assert_int_equal(seal_channel_connect(c.channel, &options, on_connected, &t), 0);
    it_server_init(&s);
    it_server_start(&s, NULL, address);
    it_wait_at_least(&t.n, 1, "the connection");
    assert_int_equal(t.by_status[SEAL_STATUS_OK], 1);
    it_client_done(&c);
    it_server_done(&s);
}

/* Nobody answers there; freeing the channel ends it. */
static void the_channel_is_freed(void **state) {
    (void)state;
    static it_client c;
    uint16_t port = 0;
    int listener = it_listen(&port);
    char target[32];
    snprintf(target, sizeof target, "127.0.0.1:%u", port);
    it_client_start(&c, target, NULL);
    told t = {0};
    assert_int_equal(seal_channel_connect(c.channel, NULL, on_connected, &t), 0);
    it_client_done(&c);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.by_status[SEAL_STATUS_CANCELLED], 1);
    close(listener);
}

static void bad_options(void **state) {
    (void)state;
    told t = {0};
    seal_call_options options;
    seal_call_options_init(&options);
    assert_int_equal(seal_channel_connect(it_c.channel, NULL, NULL, &t), SEAL_ERROR_INVALID);
    assert_int_equal(seal_channel_connect(NULL, NULL, on_connected, &t), SEAL_ERROR_INVALID);
    options.min_level = (seal_level)77;
    assert_int_equal(seal_channel_connect(it_c.channel, &options, on_connected, &t),
                     SEAL_ERROR_INVALID);
    it_expect(seal_channel_connect_sync(it_c.channel, &options), SEAL_STATUS_INVALID_ARGUMENT,
              SEAL_NOT_EXECUTED, "min_level 77");
    assert_int_equal(t.n, 0);
    expect_stats(it_c.channel, 0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_connection, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(many_at_once, it_setup, it_teardown),
        cmocka_unit_test_teardown(beside_full_streams, it_teardown),
        cmocka_unit_test_setup_teardown(closed_at_once, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(interceptors_do_not_see_it, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(nobody_listens, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(another_principal, it_setup, it_teardown),
        cmocka_unit_test_teardown(a_lower_level, it_teardown),
        cmocka_unit_test(waits_until_it_is),
        cmocka_unit_test(the_channel_is_freed),
        cmocka_unit_test_setup_teardown(bad_options, it_setup, it_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
