/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that are not there yet, not there any more, or going away: which calls wait, which fail,
 * and how often connecting is tried. */
#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "client/client_internal.h"
#include "relay.h"

#define MS 1000000ull

static it_server a;
static it_server b;
static it_client c;

/* ---- Inside the channel ---- */

typedef struct inside {
    seal_channel *channel;
    uint64_t interval_ns;
    uint32_t n_pending;
    uint32_t retry_after_ms;
    const char *target; /* a new list; NULL: it is empty */
    uint64_t timer_ns;
} inside;

static void look(void *arg) {
    inside *i = arg;
    i->interval_ns = i->channel->backoff.interval_ns;
    i->n_pending = i->channel->n_pending;
    i->timer_ns = i->channel->timer_ns;
}

static inside look_inside(seal_channel *channel) {
    inside i = {.channel = channel};
    assert_int_equal(seal__runtime_run(channel->runtime, look, &i), 0);
    return i;
}

typedef struct pending_count {
    seal_channel *channel;
    uint32_t n;
} pending_count;

static bool has_pending(void *arg) {
    const pending_count *p = arg;
    return look_inside(p->channel).n_pending >= p->n;
}

static void wait_pending(seal_channel *channel, uint32_t n) {
    pending_count p = {.channel = channel, .n = n};
    it_wait(has_pending, &p, "calls to wait for a connection");
}

/* As if the server had said so. */
static void say_goodbye(void *arg) {
    const inside *i = arg;
    const seal__event event = {.kind = SEAL__EVENT_GOAWAY, .retry_after_ms = i->retry_after_ms};
    seal__conn *conn = i->channel->conn;
    seal__channel_going_away(conn, &event);
    seal__channel_retire(i->channel, conn);
}

static void goodbye(seal_channel *channel, uint32_t retry_after_ms) {
    inside i = {.channel = channel, .retry_after_ms = retry_after_ms};
    assert_int_equal(seal__runtime_run(channel->runtime, say_goodbye, &i), 0);
}

/* As if the source of the list had said so. */
static void publish_now(void *arg) {
    const inside *i = arg;
    seal__endpoint item = {.priority = 0};
    if (i->target != NULL)
        assert_int_equal(seal__address_parse(i->target, &item.address, NULL), 0);
    snprintf(item.principal, sizeof item.principal, "%s", IT_SERVICE);
    seal__resolver_publish(
        i->channel->source.resolver,
        seal__endpoints_new(i->channel->runtime->shared, &item, i->target != NULL), NULL);
}

static void publish(seal_channel *channel, const char *target) {
    inside i = {.channel = channel, .target = target};
    assert_int_equal(seal__runtime_run(channel->runtime, publish_now, &i), 0);
}

/* ---- Nobody listens ---- */

static char nowhere[64];

static int setup_nowhere(void **state) {
    (void)state;
    it_server_init(&a);
    snprintf(nowhere, sizeof nowhere, "127.0.0.1:%u", it_closed_port());
    it_client_start(&c, nowhere, NULL);
    return 0;
}

static int teardown_nowhere(void **state) {
    (void)state;
    it_client_done(&c);
    it_server_done(&a);
    return 0;
}

/* One call; returns whether it failed without an attempt, because of the one before. */
static bool fails_at_once(seal_channel *channel, const char *reason) {
    uint64_t before = it_channel_stats(channel).connections_failed;
    seal_result *result = it_sync(channel, NULL, &(it_request){.size = 1});
    bool at_once = strstr(seal_result_message(result), "; the next attempt is in ") != NULL;
    it_expect(result, SEAL_STATUS_UNAVAILABLE, SEAL_NOT_EXECUTED, reason);
    assert_int_equal(it_channel_stats(channel).connections_failed, before + !at_once);
    return at_once;
}

static void it_grows(void **state) {
    (void)state;
    assert_int_equal(it_channel_stats(c.channel).backoff_ms, 0);
    uint64_t wanted = 100 * MS;
    for (int i = 0; i < 6; i++) { /* up to 1 s is waited for */
        assert_false(fails_at_once(c.channel, "refused"));
        assert_int_equal(look_inside(c.channel).interval_ns, wanted);
        const uint64_t longest = wanted * 6 / 5;
        assert_true(it_channel_stats(c.channel).backoff_ms <= (longest + MS - 1) / MS);
        wanted = wanted * 16 / 10;
    }
    int quick = 0;
    for (int i = 0; i < 100 && quick < 20; i++)
        quick += fails_at_once(c.channel, "refused");
    assert_int_equal(quick, 20);
    seal_channel_stats stats = it_channel_stats(c.channel);
    assert_true(stats.backoff_ms > 0 && stats.backoff_ms <= 6000);
    assert_int_equal(stats.connections_made, 0);
}

/* Somebody must act: no use in asking again soon. */
static void no_credentials(void **state) {
    (void)state;
    seal_channel_options options;
    it_channel_options(&options);
    options.ccache = "FILE:/nonexistent";
    it_server_start(&a, NULL, NULL);
    seal_channel *channel = it_channel(&c, a.target, &options);
    it_expect(it_sync(channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAUTHENTICATED,
              SEAL_NOT_EXECUTED, "/nonexistent");
    assert_int_equal(look_inside(channel).interval_ns, 1000 * MS);
    it_expect(it_sync(channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAUTHENTICATED,
              SEAL_NOT_EXECUTED, "/nonexistent");
    assert_int_equal(look_inside(channel).interval_ns, 2000 * MS);
    seal_channel_free(channel);
}

typedef struct failures {
    seal_channel *channel;
    uint64_t n;
} failures;

static bool has_failed(void *arg) {
    const failures *f = arg;
    return it_channel_stats(f->channel).connections_failed >= f->n;
}

static void wait_failures(seal_channel *channel, uint64_t n) {
    failures f = {.channel = channel, .n = n};
    it_wait(has_failed, &f, "attempts to connect that fail");
}

static void ready_at_last(void **state) {
    (void)state;
    it_ends patient = {0};
    it_ends others = {0};
    for (int i = 0; i < 5; i++) {
        const it_request request = {.size = 100, .wait_for_ready = true};
        assert_int_equal(it_async(c.channel, &request, &patient, NULL), 0);
        assert_int_equal(it_async(c.channel, &(it_request){.size = 1}, &others, NULL), 0);
    }
    it_wait_ends(&others, 5);
    assert_int_equal(atomic_load(&others.by_status[SEAL_STATUS_UNAVAILABLE]), 5);
    wait_failures(c.channel, 4);
    assert_int_equal(atomic_load(&patient.n), 0);
    it_server_start(&a, NULL, nowhere);
    it_wait_ends(&patient, 5);
    assert_int_equal(atomic_load(&patient.by_status[SEAL_STATUS_OK]), 5);
    seal_channel_stats stats = it_channel_stats(c.channel);
    assert_int_equal(stats.connections_made, 1);
    assert_int_equal(stats.backoff_ms, 0);
    assert_int_equal(look_inside(c.channel).interval_ns, 0); /* a call has succeeded */
}

static void ready_too_late(void **state) {
    (void)state;
    const it_request request = {.size = 1, .wait_for_ready = true, .timeout_us = 700000};
    seal_result *result = it_sync(c.channel, NULL, &request);
    assert_non_null(strstr(seal_result_message(result), "refused"));
    it_expect(result, SEAL_STATUS_DEADLINE_EXCEEDED, SEAL_NOT_EXECUTED, "the deadline of 700 ms");
    assert_true(it_channel_stats(c.channel).connections_failed >= 2);
}

static void cancelled_and_freed(void **state) {
    (void)state;
    const it_request request = {.size = 1, .wait_for_ready = true, .timeout_us = SEAL_NO_DEADLINE};
    it_ends ends = {0};
    seal_client_call *call = NULL;
    assert_int_equal(it_async(c.channel, &request, &ends, &call), 0);
    assert_int_equal(it_async(c.channel, &request, &ends, NULL), 0);
    wait_failures(c.channel, 2);
    seal_client_call_cancel(call);
    it_wait_ends(&ends, 1);
    seal_client_call_unref(call);
    seal_channel_free(c.channel);
    c.channel = NULL;
    it_wait_ends(&ends, 2);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_CANCELLED]), 2);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_NOT_EXECUTED]), 2);
}

/* What has just been found is tried at once. */
static void a_new_list_ends_it(void **state) {
    (void)state;
    bool quick = false;
    for (int i = 0; i < 100 && !quick; i++)
        quick = fails_at_once(c.channel, "refused");
    assert_true(quick);
    it_server_start(&a, NULL, NULL);
    publish(c.channel, a.target);
    it_echo(c.channel, 1);
    assert_int_equal(it_channel_stats(c.channel).backoff_ms, 0);
}

static bool is_quiet(void *arg) {
    seal_channel *channel = arg;
    inside i = look_inside(channel);
    return i.n_pending == 1 && i.timer_ns > uv_hrtime() + 2000 * MS;
}

/* With nothing to try there is nothing to do but to wait for a list. */
static void nothing_to_try(void **state) {
    (void)state;
    it_ends ends = {0};
    const it_request request = {.size = 1, .wait_for_ready = true, .timeout_us = 600000000};
    assert_false(fails_at_once(c.channel, "refused"));
    publish(c.channel, NULL);
    assert_int_equal(it_async(c.channel, &request, &ends, NULL), 0);
    it_expect(it_sync(c.channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAVAILABLE,
              SEAL_NOT_EXECUTED, "the list of endpoints is empty");
    it_wait(is_quiet, c.channel, "the channel to be quiet");
    it_server_start(&a, NULL, NULL);
    publish(c.channel, a.target);
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 1);
}

/* ---- Restarts ---- */

static void between_calls(void **state) {
    (void)state;
    char target[160];
    it_server_start(&a, NULL, NULL);
    snprintf(target, sizeof target, "%s", a.target);
    seal_channel *channel = it_channel(&c, target, NULL);
    for (unsigned i = 1; i <= 10; i++) {
        it_echo(channel, 1);
        assert_int_equal(it_channel_stats(channel).connections_made, i);
        assert_int_equal(it_channel_stats(channel).connections_failed, 0);
        it_server_free(&a);
        it_wait_disconnected(channel);
        assert_int_equal(it_channel_stats(channel).backoff_ms, 0);
        it_server_start(&a, NULL, target);
    }
    seal_channel_free(channel);
}

/* ---- Silence ---- */

/* A network that is gone says nothing; the calls on it may have run, the next one finds another
 * way. */
static void silence(void **state) {
    (void)state;
    relay r;
    char target[200];
    it_ends ends = {0};
    seal_channel_options options;
    it_channel_options(&options);
    options.keepalive_ms = 100;
    options.keepalive_timeout_ms = 200;
    it_server_start(&a, NULL, NULL);
    relay_start(&r, seal_server_port(a.server), &(relay_plan){.action = RELAY_PASS});
    snprintf(target, sizeof target, "seal:///127.0.0.1:%u,%s", r.port, a.target);
    seal_channel *channel = it_channel(&c, target, &options);
    it_echo(channel, 1);
    assert_int_equal(it_async(channel, &(it_request){.mode = ITEST__MODE__LATER}, &ends, NULL), 0);
    it_server_wait_held(&a, 1);
    relay_set_flow(&r, RELAY_SINKS);
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_UNAVAILABLE]), 1);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_EXECUTION_UNKNOWN]), 1);
    assert_int_equal(it_channel_stats(channel).connections_silent, 1);
    it_echo(channel, 1);
    assert_int_equal(it_channel_stats(channel).connections_made, 2);
    assert_int_equal(it_channel_stats(channel).connections_silent, 1);
    seal_channel_free(channel);
    relay_set_flow(&r, RELAY_FLOWS);
    it_server_free(&a);
    relay_join(&r);
    relay_free(&r);
}

/* ---- Going away ---- */

static int setup_two(void **state) {
    (void)state;
    char both[IT_TWO_TARGETS];
    it_start_two(&a, &b, &c, NULL, both);
    return 0;
}

static int teardown_two(void **state) {
    (void)state;
    it_client_done(&c);
    it_server_done(&a);
    it_server_done(&b);
    return 0;
}

/* Calls do not wait for the one that is going away to finish what it has. */
static void another_one_at_once(void **state) {
    (void)state;
    it_ends ends = {0};
    it_async_many(c.channel, &(it_request){.mode = ITEST__MODE__LATER}, 3, &ends);
    it_server_wait_held(&a, 3);
    goodbye(c.channel, 0);
    it_echo(c.channel, 1);
    assert_int_equal(atomic_load(&b.runs), 1); /* though the first comes first in the list */
    assert_int_equal(atomic_load(&ends.n), 0);
    it_server_release(&a);
    it_wait_ends(&ends, 3);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 3);
    seal_channel_stats stats = it_channel_stats(c.channel);
    assert_int_equal(stats.connections_made, 2);
    assert_int_equal(stats.connections_failed, 0);
}

static void the_last_resort(void **state) {
    (void)state;
    it_server_free(&b);
    goodbye(c.channel, 0);
    it_echo(c.channel, 1); /* where nobody else answers, the one that is going away is asked */
    assert_int_equal(atomic_load(&a.runs), 2);
    assert_int_equal(it_channel_stats(c.channel).connections_failed, 1);
}

static void to_be_left_alone(void **state) {
    (void)state;
    goodbye(c.channel, 60000);
    it_echo(c.channel, 1);
    assert_int_equal(atomic_load(&b.runs), 1);
    it_server_free(&b);
    it_wait_disconnected(c.channel);
    it_expect(it_sync(c.channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAVAILABLE,
              SEAL_NOT_EXECUTED, "has asked for time without calls");
    assert_int_equal(atomic_load(&a.runs), 1);
}

static void alone_for_a_while(void **state) {
    (void)state;
    publish(c.channel, a.target);
    it_echo(c.channel, 1);
    uint64_t began = uv_hrtime();
    goodbye(c.channel, 1100);
    it_ends ends = {0};
    assert_int_equal(it_async(c.channel, &(it_request){.size = 1}, &ends, NULL), 0);
    wait_pending(c.channel, 1);
    assert_true(it_channel_stats(c.channel).backoff_ms > 0);
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 1);
    assert_true(uv_hrtime() - began >= 1100 * MS);
}

static void alone_for_long(void **state) {
    (void)state;
    publish(c.channel, a.target);
    it_echo(c.channel, 1);
    goodbye(c.channel, 60000);
    seal_channel_stats before = it_channel_stats(c.channel);
    for (int i = 0; i < 3; i++)
        it_expect(it_sync(c.channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAVAILABLE,
                  SEAL_NOT_EXECUTED, "has asked for time without calls");
    seal_channel_stats stats = it_channel_stats(c.channel);
    assert_int_equal(stats.connections_failed, before.connections_failed);
    assert_in_range(stats.backoff_ms, 1, 60000);
    publish(c.channel, b.target); /* somebody else is not affected */
    it_echo(c.channel, 1);
    assert_int_equal(atomic_load(&b.runs), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_grows, setup_nowhere, teardown_nowhere),
        cmocka_unit_test_setup_teardown(no_credentials, setup_nowhere, teardown_nowhere),
        cmocka_unit_test_setup_teardown(ready_at_last, setup_nowhere, teardown_nowhere),
        cmocka_unit_test_setup_teardown(ready_too_late, setup_nowhere, teardown_nowhere),
        cmocka_unit_test_setup_teardown(cancelled_and_freed, setup_nowhere, teardown_nowhere),
        cmocka_unit_test_setup_teardown(a_new_list_ends_it, setup_nowhere, teardown_nowhere),
        cmocka_unit_test_setup_teardown(nothing_to_try, setup_nowhere, teardown_nowhere),
        cmocka_unit_test_setup_teardown(between_calls, setup_nowhere, teardown_nowhere),
        cmocka_unit_test_setup_teardown(silence, setup_nowhere, teardown_nowhere),
        cmocka_unit_test_setup_teardown(another_one_at_once, setup_two, teardown_two),
        cmocka_unit_test_setup_teardown(the_last_resort, setup_two, teardown_two),
        cmocka_unit_test_setup_teardown(to_be_left_alone, setup_two, teardown_two),
        cmocka_unit_test_setup_teardown(alone_for_a_while, setup_two, teardown_two),
        cmocka_unit_test_setup_teardown(alone_for_long, setup_two, teardown_two),
    };
    return cmocka_run_group_tests_name("integration.backoff", tests, NULL, NULL);
}
