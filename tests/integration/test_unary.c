/* SPDX-License-Identifier: Apache-2.0 */
/* Unary calls: addresses, sizes, many at once, every suite, level and mechanism, a loop of the
 * caller's. */
#include "own_loop.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KIB = 1024, MIB = 1024 * 1024 };

static void calls_over(const char *address) {
    it_server_init(&it_s);
    it_server_start(&it_s, NULL, address);
    it_client_start(&it_c, it_s.target, NULL);
    for (size_t i = 0; i < 3; i++)
        it_echo(it_c.channel, i * 100);
    it_ends ends = {0};
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(it_async(it_c.channel, &(it_request){.size = i}, &ends, NULL), 0);
    it_wait_ends(&ends, 50);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 50);
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.connections_accepted, 1);
    assert_int_equal(stats.handshakes_completed, 1);
    assert_int_equal(stats.calls_started, 53);
    assert_int_equal(atomic_load(&it_s.runs), 53);
    it_client_done(&it_c);
    it_server_wait_idle(&it_s);
    it_server_done(&it_s);
}

static void ipv4(void **state) {
    (void)state;
    calls_over("127.0.0.1:0");
}

static void ipv6(void **state) {
    (void)state;
    if (access("/proc/net/if_inet6", R_OK) != 0) {
        print_message("skipped: this machine has no IPv6\n");
        skip();
    }
    calls_over("[::1]:0");
}

static void host_name(void **state) {
    (void)state;
    calls_over("localhost:0");
}

static void unix_path(void **state) {
    (void)state;
    char address[300];
    snprintf(address, sizeof address, "unix:%s", it_path("socket"));
    calls_over(address);
    assert_int_not_equal(access(it_path("socket"), F_OK), 0);
    calls_over(address);
}

static void unix_abstract(void **state) {
    (void)state;
    char address[100];
    snprintf(address, sizeof address, "unix:@sealrpc-test-%d", (int)getpid());
    calls_over(address);
}

static void every_interface(void **state) {
    (void)state;
    it_server_init(&it_s);
    it_server_start(&it_s, NULL, "*:0");
    char target[32];
    snprintf(target, sizeof target, "127.0.0.1:%u", seal_server_port(it_s.server));
    it_client_start(&it_c, target, NULL);
    it_echo(it_c.channel, 10);
}

static void composed_principal(void **state) {
    (void)state;
    it_server_init(&it_s);
    it_server_start(&it_s, NULL, "localhost:0");
    seal_channel_options options;
    seal_channel_options_init(&options);
    char target[64];
    snprintf(target, sizeof target, "LocalHost:%u", seal_server_port(it_s.server));
    it_client_start(&it_c, target, &options);
    seal_result *result = it_sync(it_c.channel, NULL, &(it_request){.size = 1});
    assert_non_null(seal_result_peer(result));
    assert_string_equal(seal_peer_principal(seal_result_peer(result)), IT_SERVICE "@" IT_REALM);
    it_expect_ok(result);
}

static void message_sizes(void **state) {
    (void)state;
    static const size_t sizes[] = {0,
                                   1,
                                   64,
                                   16 * KIB - 1,
                                   16 * KIB,
                                   16 * KIB + 1,
                                   64 * KIB - 16,
                                   64 * KIB - 9,
                                   64 * KIB - 1,
                                   64 * KIB,
                                   64 * KIB + 1,
                                   64 * KIB + 16,
                                   MIB - 1,
                                   MIB,
                                   3 * MIB};
    it_start(NULL, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        it_echo(it_c.channel, sizes[i]);
    it_ends ends = {0};
    for (unsigned round = 0; round < 4; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            assert_int_equal(it_async(it_c.channel, &(it_request){.size = sizes[i]}, &ends, NULL),
                             0);
    }
    it_wait_ends(&ends, 4 * sizeof sizes / sizeof sizes[0]);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), atomic_load(&ends.n));
}

/* The encoded size of a request or reply whose data are so long: tag, length, data (and mode, if
 * any). */
static size_t data_for(size_t encoded, size_t other) {
    size_t len = encoded - other - 2;
    for (;; len--) {
        size_t prefix = len < 128 ? 2 : len < 16384 ? 3 : len < 2097152 ? 4 : 5;
        if (prefix + len + other <= encoded)
            return len;
    }
}

static void size_limits(void **state) {
    (void)state;
    seal_server_options so;
    seal_channel_options co;
    it_server_options(&so);
    it_channel_options(&co);
    so.max_request = 100 * KIB;
    co.max_response = 200 * KIB;
    it_start(&so, &co);
    it_echo(it_c.channel, data_for(100 * KIB, 0));
    unsigned runs = atomic_load(&it_s.runs);
    it_expect(it_sync(it_c.channel, NULL, &(it_request){.size = data_for(100 * KIB, 0) + 1}),
              SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_NOT_EXECUTED, "102400");
    it_expect(it_sync(it_c.channel, NULL, &(it_request){.size = 3 * MIB}),
              SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_NOT_EXECUTED, "limit");
    assert_int_equal(atomic_load(&it_s.runs), runs);
    const it_request fits = {.mode = ITEST__MODE__SIZED,
                             .number = (uint32_t)data_for(200 * KIB, 0)};
    const it_request too_big = {.mode = ITEST__MODE__SIZED, .number = fits.number + 1};
    const it_request huge = {.mode = ITEST__MODE__SIZED, .number = 8 * MIB};
    it_expect_ok(it_sync(it_c.channel, NULL, &fits));
    it_expect(it_sync(it_c.channel, NULL, &too_big), SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_EXECUTED,
              "204800");
    it_expect(it_sync(it_c.channel, NULL, &huge), SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_EXECUTED,
              "limit");
    it_echo(it_c.channel, 1000);
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.connections_accepted, 1);
}

static void limits_of_a_method(void **state) {
    (void)state;
    it_start(NULL, NULL);
    it_expect_ok(
        it_sync(it_c.channel, itest_echo_sync_small, &(it_request){.size = data_for(1024, 0)}));
    it_expect(
        it_sync(it_c.channel, itest_echo_sync_small, &(it_request){.size = data_for(1024, 0) + 1}),
        SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_NOT_EXECUTED, "1024");
    it_expect(it_sync(it_c.channel, itest_echo_sync_small,
                      &(it_request){.mode = ITEST__MODE__SIZED, .number = 2000}),
              SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_EXECUTED, "1024");
}

static void the_servers_reply_limit(void **state) {
    (void)state;
    seal_server_options so;
    it_server_options(&so);
    so.max_response = 1000;
    it_start(&so, NULL);
    it_expect(
        it_sync(it_c.channel, NULL, &(it_request){.mode = ITEST__MODE__SIZED, .number = 1001}),
        SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_EXECUTED, "1000");
}

/* Far more than the server lets a connection have at once: they wait their turn on one connection.
 */
static void a_thousand_at_once(void **state) {
    (void)state;
    seal_server_options so;
    it_server_options(&so);
    so.max_streams = 100;
    it_start(&so, NULL);
    static it_ends ends;
    memset(&ends, 0, sizeof ends);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(it_async(it_c.channel,
                                  &(it_request){.mode = ITEST__MODE__LATER, .size = i}, &ends,
                                  NULL),
                         0);
    it_server_wait_held(&it_s, 100);
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.calls_running, 100);
    while (atomic_load(&ends.n) < 1000)
        it_server_release(&it_s);
    it_wait_ends(&ends, 1000);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 1000);
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.connections_accepted, 1);
    assert_int_equal(stats.calls_started, 1000);
    assert_int_equal(stats.calls_refused, 0);
}

/* ---- Suites, levels, mechanisms ---- */

static void one_protection(seal_suite suite, seal_level level, seal_mechanism mechanism) {
    static const seal_mechanism accepted[] = {SEAL_MECHANISM_KRB5, SEAL_MECHANISM_SPNEGO};
    seal_server_options so;
    seal_channel_options co;
    it_server_options(&so);
    it_channel_options(&co);
    so.min_level = SEAL_LEVEL_INTEGRITY;
    so.mechanisms = accepted;
    so.n_mechanisms = 2;
    co.min_level = level;
    co.mechanism = mechanism;
    co.suites = &suite;
    co.n_suites = 1;
    it_start(&so, &co);
    it_echo(it_c.channel, 0);
    it_echo(it_c.channel, 200 * KIB);
    seal_result *result = it_sync(it_c.channel, NULL, &(it_request){.mode = ITEST__MODE__WHO});
    const Itest__Reply *reply = seal_result_reply(result);
    assert_non_null(reply);
    char expected[256];
    snprintf(expected, sizeof expected, "%s|%s|%s@%s|krb5|%s|%s|127.0.0.1:", IT_ALICE, IT_REALM,
             IT_SERVICE, IT_REALM, seal_level_name(level), seal_suite_name(suite));
    assert_memory_equal(reply->text, expected, strlen(expected));
    const seal_peer *peer = seal_result_peer(result);
    assert_int_equal(seal_peer_level(peer), level);
    assert_int_equal(seal_peer_suite(peer), suite);
    assert_string_equal(seal_peer_mechanism(peer), "krb5");
    assert_string_equal(seal_peer_local_principal(peer), IT_ALICE);
    assert_string_equal(seal_peer_address(peer), it_s.target);
    it_expect_ok(result);
    it_ends ends = {0};
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(it_async(it_c.channel, &(it_request){.size = i * 1000}, &ends, NULL), 0);
    it_wait_ends(&ends, 20);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 20);
    it_teardown(NULL);
}

static void every_protection(void **state) {
    (void)state;
    for (int suite = SEAL_SUITE_AES256_GCM; suite <= SEAL_SUITE_GSS; suite++) {
        for (int level = SEAL_LEVEL_INTEGRITY; level <= SEAL_LEVEL_PRIVACY; level++) {
            one_protection((seal_suite)suite, (seal_level)level, SEAL_MECHANISM_KRB5);
            one_protection((seal_suite)suite, (seal_level)level, SEAL_MECHANISM_SPNEGO);
        }
    }
}

/* ---- A loop of the caller's ---- */

static void loop_done(const seal_result *result, const Itest__Reply *reply, void *user) {
    unsigned *left = user;
    if (reply != NULL && seal_result_status(result) == SEAL_STATUS_OK)
        (*left)--;
}

static void callers_loop(void **state) {
    (void)state;
    it_start(NULL, NULL);
    own_loop own;
    own_loop_init(&own);
    own_loop_connect(&own, it_s.target, &itest_echo_service);
    unsigned left = 300;
    for (int i = 0; i < 300; i++) {
        Itest__Request request = ITEST__REQUEST__INIT;
        assert_int_equal(itest_echo_call_call(own.channel, &request, NULL, loop_done, &left, NULL),
                         0);
    }
    assert_int_equal(left, 300);
    while (left > 0 && uv_run(&own.loop, UV_RUN_ONCE) != 0) {
    }
    assert_int_equal(left, 0);
    /* A blocking call would wait for itself. */
    it_expect(it_sync(own.channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_FAILED_PRECONDITION,
              SEAL_NOT_EXECUTED, "loop");
    own_loop_done(&own);
    it_server_wait_idle(&it_s);
}

/* With runtimes that server and channel make for themselves. */
static void private_runtimes(void **state) {
    (void)state;
    seal_channel_options co;
    seal_channel *channel = NULL;
    it_start(NULL, NULL);
    it_channel_options(&co);
    assert_int_equal(itest_echo_channel_new(NULL, it_s.target, &co, &channel, NULL), 0);
    it_echo(channel, 100);
    seal_channel_free(channel);
}

static void talking_to_itself_is_refused(void **state) {
    (void)state;
    seal_channel_options co;
    seal_channel *channel = NULL;
    it_start(NULL, NULL);
    it_channel_options(&co);
    assert_int_equal(itest_echo_channel_new(it_s.runtime, it_s.target, &co, &channel, NULL), 0);
    seal_result *result = it_sync(channel, NULL, &(it_request){.size = 1});
    assert_int_not_equal(seal_result_status(result), SEAL_STATUS_OK);
    assert_int_equal(seal_result_execution(result), SEAL_NOT_EXECUTED);
    seal_result_free(result);
    assert_int_equal(atomic_load(&it_s.runs), 0);
    seal_channel_free(channel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4),
        cmocka_unit_test(ipv6),
        cmocka_unit_test(host_name),
        cmocka_unit_test(unix_path),
        cmocka_unit_test(unix_abstract),
        cmocka_unit_test_teardown(every_interface, it_teardown),
        cmocka_unit_test_teardown(composed_principal, it_teardown),
        cmocka_unit_test_teardown(message_sizes, it_teardown),
        cmocka_unit_test_teardown(size_limits, it_teardown),
        cmocka_unit_test_teardown(limits_of_a_method, it_teardown),
        cmocka_unit_test_teardown(the_servers_reply_limit, it_teardown),
        cmocka_unit_test_teardown(a_thousand_at_once, it_teardown),
        cmocka_unit_test(every_protection),
        cmocka_unit_test_teardown(callers_loop, it_teardown),
        cmocka_unit_test_teardown(private_runtimes, it_teardown),
        cmocka_unit_test_teardown(talking_to_itself_is_refused, it_teardown),
    };
    return cmocka_run_group_tests_name("integration.unary", tests, NULL, NULL);
}
