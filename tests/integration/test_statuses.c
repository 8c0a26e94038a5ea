/* SPDX-License-Identifier: Apache-2.0 */
/* How calls end: deadlines, cancels, failures of handlers, refusals, and what is said about
 * execution. */
#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- Deadlines ---- */

/* A call that the handler does not answer ends after 300 ms. */
static void expect_late(seal_channel *channel, it_sync_fn *method, uint64_t timeout_us) {
    it_expect(it_sync(channel, method,
                      &(it_request){.mode = ITEST__MODE__LATER, .timeout_us = timeout_us}),
              SEAL_STATUS_DEADLINE_EXCEEDED, SEAL_EXECUTION_UNKNOWN, "300 ms");
}

static void slow_handler(void **state) {
    (void)state;
    it_echo(it_c.channel, 1);
    expect_late(it_c.channel, NULL, 300000);
    it_server_wait_held(&it_s, 1);
    /* Its late answer goes nowhere, and the connection goes on. */
    it_server_release(&it_s);
    it_echo(it_c.channel, 1);
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.connections_accepted, 1);
}

static void deadline_of_the_method(void **state) {
    (void)state;
    it_echo(it_c.channel, 1);
    expect_late(it_c.channel, itest_echo_sync_timed, 0);
    it_server_wait_held(&it_s, 1);
}

static void deadline_of_the_channel(void **state) {
    (void)state;
    seal_channel_options options;
    it_channel_options(&options);
    options.timeout_ms = 300;
    seal_channel *channel = it_channel(&it_c, it_s.target, &options);
    it_expect_ok(it_sync(channel, NULL, &(it_request){.timeout_us = SEAL_NO_DEADLINE}));
    expect_late(channel, NULL, 0);
    seal_channel_free(channel);
}

static void the_handler_learns_of_the_deadline(void **state) {
    (void)state;
    it_echo(it_c.channel, 1);
    seal_result *result = it_sync(
        it_c.channel, NULL, &(it_request){.mode = ITEST__MODE__CANCELLED, .timeout_us = 300000});
    /* What the told handler answers may come before the client's own clock has rung. */
    assert_true(seal_result_status(result) == SEAL_STATUS_DEADLINE_EXCEEDED ||
                seal_result_status(result) == SEAL_STATUS_CANCELLED);
    seal_result_free(result);
    it_wait_at_least(&it_s.cancels, 1, "the handler to be told");
}

static void over_before_it_began(void **state) {
    (void)state;
    it_expect(it_sync(it_c.channel, NULL, &(it_request){.timeout_us = 1}),
              SEAL_STATUS_DEADLINE_EXCEEDED, SEAL_NOT_EXECUTED, "the deadline of 1 us passed");
    it_echo(it_c.channel, 1);
    /* On a connection; what had left by then is unknown. */
    seal_result *result =
        it_sync(it_c.channel, NULL, &(it_request){.mode = ITEST__MODE__LATER, .timeout_us = 999});
    assert_int_equal(seal_result_status(result), SEAL_STATUS_DEADLINE_EXCEEDED);
    assert_non_null(strstr(seal_result_message(result), "the deadline of 999 us passed"));
    seal_result_free(result);
}

static void no_deadline(void **state) {
    (void)state;
    it_expect_ok(
        it_sync(it_c.channel, NULL,
                &(it_request){.mode = ITEST__MODE__THREAD, .timeout_us = SEAL_NO_DEADLINE}));
    it_expect_ok(
        it_sync(it_c.channel, NULL,
                &(it_request){.mode = ITEST__MODE__THREAD, .timeout_us = SEAL_NO_DEADLINE - 1}));
}

/* Accepts by the kernel, and never says a word. */
static void silent_server(void **state) {
    (void)state;
    uint16_t port = 0;
    int fd = it_listen(&port);
    seal_channel *channel = it_channel_to(&it_c, port, NULL);
    it_expect(it_sync(channel, NULL, &(it_request){.timeout_us = 50000}),
              SEAL_STATUS_DEADLINE_EXCEEDED, SEAL_NOT_EXECUTED, "authenticating");
    it_echo(it_c.channel, 1);
    seal_channel_free(channel);
    /* And when the time to connect is shorter than the call's. */
    seal_channel_options options;
    it_channel_options(&options);
    options.connect_timeout_ms = 50;
    channel = it_channel_to(&it_c, port, &options);
    it_expect(it_sync(channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAVAILABLE,
              SEAL_NOT_EXECUTED, "within 50 ms");
    seal_channel_free(channel);
    close(fd);
}

static void nobody_listens(void **state) {
    (void)state;
    char target[64];
    snprintf(target, sizeof target, "127.0.0.1:%u", it_closed_port());
    seal_channel *channel = it_channel(&it_c, target, NULL);
    for (int i = 0; i < 2; i++)
        it_expect(it_sync(channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAVAILABLE,
                  SEAL_NOT_EXECUTED, target);
    seal_channel_free(channel);
    channel = it_channel(&it_c, "unix:@sealrpc-nobody-is-here", NULL);
    it_expect(it_sync(channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAVAILABLE,
              SEAL_NOT_EXECUTED, "@sealrpc-nobody-is-here");
    seal_channel_free(channel);
    channel = it_channel(&it_c, "no-such-host.invalid:1", NULL);
    it_expect(it_sync(channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAVAILABLE,
              SEAL_NOT_EXECUTED, "no-such-host.invalid");
    seal_channel_free(channel);
}

/* ---- Cancels ---- */

static void cancel_before_connected(void **state) {
    (void)state;
    uint16_t port = 0;
    int fd = it_listen(&port);
    seal_channel *channel = it_channel_to(&it_c, port, NULL);
    it_ends ends = {0};
    seal_client_call *call = NULL;
    assert_int_equal(it_async(channel, &(it_request){.size = 1}, &ends, &call), 0);
    seal_client_call_cancel(call);
    seal_client_call_cancel(call);
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_CANCELLED]), 1);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_NOT_EXECUTED]), 1);
    seal_client_call_unref(call);
    seal_channel_free(channel);
    close(fd);
}

static void cancel_in_flight(void **state) {
    (void)state;
    it_ends ends = {0};
    seal_client_call *call = NULL;
    assert_int_equal(
        it_async(it_c.channel, &(it_request){.mode = ITEST__MODE__CANCELLED}, &ends, &call), 0);
    it_wait_at_least(&it_s.runs, 1, "the handler");
    seal_client_call_cancel(call);
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_CANCELLED]), 1);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_EXECUTION_UNKNOWN]), 1);
    it_wait_at_least(&it_s.cancels, 1, "the handler to be told");
    seal_client_call_cancel(call);
    seal_client_call_unref(call);
    seal_client_call_unref(NULL);
    it_echo(it_c.channel, 1);
}

static void cancel_after_the_end(void **state) {
    (void)state;
    it_ends ends = {0};
    seal_client_call *call = NULL;
    assert_int_equal(it_async(it_c.channel, &(it_request){.size = 1}, &ends, &call), 0);
    it_wait_ends(&ends, 1);
    seal_client_call_cancel(call);
    seal_client_call_unref(call);
    it_echo(it_c.channel, 1);
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 1);
}

/* Whichever comes first: exactly one end for each. */
static void cancels_race_with_replies(void **state) {
    (void)state;
    enum { N = 300 };
    it_ends ends = {0};
    static seal_client_call *calls[N];
    it_echo(it_c.channel, 1);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(it_async(it_c.channel, &(it_request){.size = i}, &ends, &calls[i]), 0);
    for (size_t i = 0; i < N; i += 2)
        seal_client_call_cancel(calls[i]);
    it_wait_ends(&ends, N);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]) +
                         atomic_load(&ends.by_status[SEAL_STATUS_CANCELLED]),
                     N);
    assert_true(atomic_load(&ends.by_status[SEAL_STATUS_OK]) >= N / 2);
    for (size_t i = 0; i < N; i++)
        seal_client_call_unref(calls[i]);
    it_echo(it_c.channel, 1);
}

/* ---- Handlers ---- */

static void answers(void **state) {
    (void)state;
    it_expect_ok(it_sync(it_c.channel, NULL, &(it_request){.mode = ITEST__MODE__THREAD}));
    it_expect_ok(it_sync(it_c.channel, NULL, &(it_request){.mode = ITEST__MODE__TWICE, .size = 5}));
    it_expect_ok(
        it_sync(it_c.channel, NULL, &(it_request){.mode = ITEST__MODE__WRONG_METHOD, .size = 5}));
    it_expect(it_sync(it_c.channel, NULL, &(it_request){.mode = ITEST__MODE__NEVER}),
              SEAL_STATUS_INTERNAL, SEAL_EXECUTED,
              "the handler of itest.Echo/Call ended without an answer: answer before it returns, "
              "or keep the call with seal_call_ref and answer later");
    it_log_wait(&it_s.log, "call of " IT_ALICE ": the handler of itest.Echo/Call ended without");
    it_expect(it_sync(it_c.channel, NULL, &(it_request){.mode = ITEST__MODE__NULL_TEXT}),
              SEAL_STATUS_INTERNAL, SEAL_EXECUTED, "list");
    it_ends ends = {0};
    assert_int_equal(it_async(it_c.channel, &(it_request){.mode = ITEST__MODE__LATER}, &ends, NULL),
                     0);
    it_server_wait_held(&it_s, 1);
    it_server_release(&it_s);
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 1);
}

static void failures(void **state) {
    (void)state;
    for (uint32_t status = 1; status <= 16; status++)
        it_expect(
            it_sync(it_c.channel, NULL,
                    &(it_request){.mode = ITEST__MODE__FAIL, .number = status, .text = "because"}),
            (seal_status)status, SEAL_EXECUTED, "because");
    static const uint32_t odd[] = {0, 17, 1000000, UINT32_MAX};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        it_expect(
            it_sync(it_c.channel, NULL,
                    &(it_request){.mode = ITEST__MODE__FAIL, .number = odd[i], .text = "odd"}),
            SEAL_STATUS_UNKNOWN, SEAL_EXECUTED, "odd");
    char text[3001];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    seal_result *result = it_sync(
        it_c.channel, NULL, &(it_request){.mode = ITEST__MODE__FAIL, .number = 10, .text = text});
    assert_int_equal(strlen(seal_result_message(result)), 1024);
    assert_int_equal(seal_result_cause(result), SEAL_OK);
    it_expect(result, SEAL_STATUS_ABORTED, SEAL_EXECUTED, "xxx");
    it_expect(it_sync(it_c.channel, NULL, &(it_request){.mode = ITEST__MODE__FAIL, .number = 10}),
              SEAL_STATUS_ABORTED, SEAL_EXECUTED, "ABORTED");
}

static void methods_that_are_not_there(void **state) {
    (void)state;
    it_expect(it_sync(it_c.channel, itest_echo_sync_absent, &(it_request){.size = 1}),
              SEAL_STATUS_UNIMPLEMENTED, SEAL_NOT_EXECUTED, NULL);
    it_expect(it_sync(it_c.channel, itest_elsewhere_sync_call, &(it_request){.size = 1}),
              SEAL_STATUS_UNIMPLEMENTED, SEAL_NOT_EXECUTED, "itest.Elsewhere/Call");
    assert_int_equal(atomic_load(&it_s.runs), 0);
    it_echo(it_c.channel, 1);
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.calls_refused, 2);
    assert_int_equal(stats.calls_started, 1);
    assert_int_equal(stats.connections_accepted, 1);
}

static void requests_that_cannot_be_sent(void **state) {
    (void)state;
    it_ends ends = {0};
    Itest__Request request = ITEST__REQUEST__INIT;
    request.text = NULL; /* not set: allowed in proto3 */
    seal_result *result = itest_echo_sync_call(it_c.channel, &request, NULL, NULL);
    it_expect_ok(result);
    request.data.len = 5; /* and no bytes */
    result = itest_echo_sync_call(it_c.channel, &request, NULL, NULL);
    it_expect(result, SEAL_STATUS_INVALID_ARGUMENT, SEAL_NOT_EXECUTED,
              "itest.Echo/Call is not called: field data of itest.Request");
    result = itest_echo_sync_call(it_c.channel, NULL, NULL, NULL);
    it_expect(result, SEAL_STATUS_INVALID_ARGUMENT, SEAL_NOT_EXECUTED,
              "no message where a itest.Request is needed");
    Itest__Reply of_another_type = ITEST__REPLY__INIT;
    result = seal_channel_call_sync(it_c.channel, &itest_echo_service.methods[0],
                                    &of_another_type.base, NULL);
    it_expect(result, SEAL_STATUS_INVALID_ARGUMENT, SEAL_NOT_EXECUTED, "not a itest.Request");
    assert_int_equal(it_async(NULL, &(it_request){.size = 1}, &ends, NULL), SEAL_ERROR_INVALID);
    seal_call_options options = {0};
    Itest__Request good = ITEST__REQUEST__INIT;
    result = itest_echo_sync_call(it_c.channel, &good, &options, NULL);
    it_expect(result, SEAL_STATUS_INVALID_ARGUMENT, SEAL_NOT_EXECUTED, "seal_call_options_init");
    assert_int_equal(atomic_load(&ends.n), 0);
}

static void options_that_cannot_be(void **state) {
    (void)state;
    Itest__Request request = ITEST__REQUEST__INIT;
    seal_call_options options;
    seal_call_options_init(&options);
    options.max_attempts = 5;
    it_expect_ok(itest_echo_sync_call(it_c.channel, &request, &options, NULL));
    options.max_attempts = 6;
    it_expect(itest_echo_sync_call(it_c.channel, &request, &options, NULL),
              SEAL_STATUS_INVALID_ARGUMENT, SEAL_NOT_EXECUTED,
              "max_attempts is 6; it is at most 5");
    it_expect(it_sync(it_c.channel, NULL, &(it_request){.min_level = (seal_level)3}),
              SEAL_STATUS_INVALID_ARGUMENT, SEAL_NOT_EXECUTED, "min_level 3 is not a level");
    seal_channel_options co;
    it_channel_options(&co);
    co.keepalive_ms = SEAL_NEVER;
    seal_channel *channel = it_channel(&it_c, it_s.target, &co);
    it_expect(it_sync(channel, NULL, &(it_request){.timeout_us = SEAL_NO_DEADLINE}),
              SEAL_STATUS_INVALID_ARGUMENT, SEAL_NOT_EXECUTED, "SEAL_NO_DEADLINE");
    it_expect_ok(it_sync(channel, NULL, &(it_request){.timeout_us = 20000000}));
    seal_channel_free(channel);
}

/* Its author has forgotten to set the size. */
static void handlers_without_a_size(void **state) {
    (void)state;
    static const itest_echo_ops ops = {.size = 0};
    seal_server_options options;
    seal_server *server = NULL;
    it_server_options(&options);
    assert_int_equal(seal_server_new(it_s.runtime, &options, &server, NULL), 0);
    seal_error *errors[2] = {NULL, NULL};
    int rcs[] = {itest_echo_register(server, &ops, NULL, &errors[0]),
                 itest_echo_register_blocking(server, &ops, NULL, &errors[1])};
    seal_server_free(server);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rcs[i], SEAL_ERROR_INVALID);
        assert_string_equal(seal_error_message(errors[i]),
                            "service itest.Echo: ops.size is 0: set .size = sizeof ops");
        seal_error_free(errors[i]);
    }
}

/* ---- Permission ---- */

static void allow_lists(void **state) {
    (void)state;
    it_expect_ok(it_sync(it_c.channel, itest_echo_sync_alice_only, &(it_request){.size = 1}));
    it_expect_ok(it_sync(it_c.channel, itest_echo_sync_realm_only, &(it_request){.size = 1}));
    assert_int_equal(atomic_load(&it_s.runs), 2);
    it_expect(it_sync(it_c.channel, itest_echo_sync_bob_only, &(it_request){.size = 1}),
              SEAL_STATUS_PERMISSION_DENIED, SEAL_NOT_EXECUTED, IT_ALICE);
    assert_int_equal(atomic_load(&it_s.runs), 2);
    it_expect_ok(it_sync(it_c.channel, itest_echo_sync_private, &(it_request){.size = 1}));
}

/* On a connection with integrity only. */
static void floors(void **state) {
    (void)state;
    seal_server_options so;
    seal_channel_options co;
    it_server_options(&so);
    it_channel_options(&co);
    so.min_level = co.min_level = SEAL_LEVEL_INTEGRITY;
    static it_server low;
    it_server_init(&low);
    it_server_start(&low, &so, NULL);
    seal_channel *channel = it_channel(&it_c, low.target, &co);
    it_expect_ok(it_sync(channel, NULL, &(it_request){.size = 1}));
    it_expect(it_sync(channel, itest_echo_sync_private, &(it_request){.size = 1}),
              SEAL_STATUS_FAILED_PRECONDITION, SEAL_NOT_EXECUTED, "privacy");
    it_expect(it_sync(channel, NULL, &(it_request){.min_level = SEAL_LEVEL_PRIVACY}),
              SEAL_STATUS_FAILED_PRECONDITION, SEAL_NOT_EXECUTED, "privacy");
    /* A client that does not know of the method's floor is refused by the server. */
    seal_method liar = itest_echo_service.methods[1];
    liar.min_level = 0;
    Itest__Request request = ITEST__REQUEST__INIT;
    it_expect(seal_channel_call_sync(channel, &liar, &request.base, NULL),
              SEAL_STATUS_PERMISSION_DENIED, SEAL_NOT_EXECUTED, "privacy");
    assert_int_equal(atomic_load(&low.runs), 1);
    seal_channel_free(channel);
    it_server_done(&low);
}

/* A server that asks for privacy refuses a client that offers integrity, and the other way round.
 */
static void no_common_level(void **state) {
    (void)state;
    seal_channel_options co;
    it_channel_options(&co);
    co.min_level = SEAL_LEVEL_INTEGRITY;
    seal_channel *channel = it_channel(&it_c, it_s.target, &co);
    seal_result *result = it_sync(channel, NULL, &(it_request){.size = 1});
    /* Levels are floors: the connection has what the higher one asks for, or there is none. */
    if (seal_result_status(result) == SEAL_STATUS_OK)
        assert_int_equal(seal_peer_level(seal_result_peer(result)), SEAL_LEVEL_PRIVACY);
    else
        assert_int_equal(seal_result_execution(result), SEAL_NOT_EXECUTED);
    seal_result_free(result);
    seal_channel_free(channel);
}

static void no_common_suite(void **state) {
    (void)state;
    static const seal_suite ours[] = {SEAL_SUITE_CHACHA20_POLY1305};
    static const seal_suite theirs[] = {SEAL_SUITE_AES128_GCM, SEAL_SUITE_GSS};
    seal_server_options so;
    seal_channel_options co;
    it_server_options(&so);
    it_channel_options(&co);
    so.suites = theirs;
    so.n_suites = 2;
    co.suites = ours;
    co.n_suites = 1;
    static it_server other;
    it_server_init(&other);
    it_server_start(&other, &so, NULL);
    seal_channel *channel = it_channel(&it_c, other.target, &co);
    it_expect(it_sync(channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAUTHENTICATED,
              SEAL_NOT_EXECUTED, "suite");
    it_log_wait(&other.log, "suite");
    seal_channel_free(channel);
    it_server_done(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(slow_handler, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(deadline_of_the_method, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(deadline_of_the_channel, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(the_handler_learns_of_the_deadline, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(over_before_it_began, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(no_deadline, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(silent_server, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(nobody_listens, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(cancel_before_connected, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(cancel_in_flight, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(cancel_after_the_end, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(cancels_race_with_replies, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(answers, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(failures, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(methods_that_are_not_there, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(requests_that_cannot_be_sent, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(options_that_cannot_be, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(handlers_without_a_size, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(allow_lists, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(floors, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(no_common_level, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(no_common_suite, it_setup, it_teardown),
    };
    return cmocka_run_group_tests_name("integration.statuses", tests, NULL, NULL);
}
