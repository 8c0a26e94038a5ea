/* SPDX-License-Identifier: Apache-2.0 */
/* Peers and networks that fall silent without a word, seen from both ends; and those that are only
 * quiet or slow, and must not be dropped. */
#include "harness.h"
#include "relay.h"

#include <string.h>
#include <time.h>

enum { QUICK_MS = 200, ANSWER_MS = 1500 };

static void server_start(it_server *s, uint32_t keepalive_ms) {
    seal_server_options options;
    it_server_options(&options);
    options.keepalive_ms = keepalive_ms;
    options.keepalive_timeout_ms = ANSWER_MS;
    options.max_streams = 1000;
    it_server_init(s);
    it_server_start(s, &options, NULL);
}

/* A client of it through a relay. */
typedef struct distant {
    relay r;
    seal_channel *channel;
} distant;

static void connect_through(distant *d, const it_server *s, uint32_t keepalive_ms) {
    seal_channel_options options;
    it_channel_options(&options);
    options.keepalive_ms = keepalive_ms;
    options.keepalive_timeout_ms = ANSWER_MS;
    relay_start(&d->r, seal_server_port(s->server), NULL);
    d->channel = it_channel_to(&it_c, d->r.port, &options);
    it_echo(d->channel, 10);
}

static void end(distant *d) {
    relay_set_flow(&d->r, RELAY_FLOWS);
    seal_channel_free(d->channel);
    d->channel = NULL;
    relay_join(&d->r);
    relay_free(&d->r);
}

static distant d;
static it_ends ends;

static int teardown(void **state) {
    if (d.channel != NULL) /* the test has failed */
        end(&d);
    return it_teardown(state);
}

/* A server, and a client of it through a relay. */
static void start(uint32_t server_keepalive_ms, uint32_t client_keepalive_ms) {
    memset(&ends, 0, sizeof ends);
    server_start(&it_s, server_keepalive_ms);
    it_client_init(&it_c);
    connect_through(&d, &it_s, client_keepalive_ms);
}

typedef struct silent_at_least {
    it_server *s;
    uint64_t n;
} silent_at_least;

static bool is_silent(void *arg) {
    const silent_at_least *a = arg;
    seal_server_stats stats;
    it_server_stats(a->s, &stats);
    return stats.connections_silent >= a->n;
}

static void wait_silent(it_server *s, uint64_t n) {
    silent_at_least a = {.s = s, .n = n};
    it_wait(is_silent, &a, "the server to notice that a peer is silent");
}

static void both_ends_notice(void **state) {
    (void)state;
    start(QUICK_MS, QUICK_MS);
    it_async_many(d.channel, &(it_request){.mode = ITEST__MODE__CANCELLED, .timeout_us = 600000000},
                  5, &ends);
    it_wait_at_least(&it_s.runs, 6, "handlers");
    relay_set_flow(&d.r, RELAY_SINKS);
    it_wait_ends(&ends, 5);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_UNAVAILABLE]), 5);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_EXECUTION_UNKNOWN]), 5);
    wait_silent(&it_s, 1);
    it_wait_at_least(&it_s.cancels, 5, "the handlers to be told");
    it_log_wait(&it_s.log, "no answer for");
    it_server_wait_idle(&it_s);
    end(&d);
}

/* Quiet ones outlive, on the same connection, others that are silent and came later. */
static void quiet_ones_are_left_alone(void **state) {
    (void)state;
    enum { ROUNDS = 3 };
    server_start(&it_s, QUICK_MS);
    it_client_start(&it_c, it_s.target, NULL);
    it_echo(it_c.channel, 10);
    for (unsigned i = 0; i < ROUNDS; i++) {
        connect_through(&d, &it_s, SEAL_NEVER);
        relay_set_flow(&d.r, RELAY_SINKS);
        wait_silent(&it_s, i + 1);
        end(&d);
    }
    it_echo(it_c.channel, 10);
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.connections_accepted, 1 + ROUNDS);
    assert_int_equal(stats.connections_silent, ROUNDS);
}

/* A server that does not ask keeps what another one has given up. */
static void never(void **state) {
    (void)state;
    static it_server trusting;
    static distant kept;
    start(QUICK_MS, SEAL_NEVER);
    server_start(&trusting, SEAL_NEVER);
    connect_through(&kept, &trusting, SEAL_NEVER);
    relay_set_flow(&kept.r, RELAY_SINKS);
    relay_set_flow(&d.r, RELAY_SINKS);
    wait_silent(&it_s, 1);
    seal_server_stats stats;
    it_server_stats(&trusting, &stats);
    assert_int_equal(stats.connections_silent, 0);
    assert_int_equal(stats.connections_open, 1);
    end(&kept);
    end(&d);
    it_server_done(&trusting);
}

/* A client behind a slow line asks for so much that the server stops listening to it for longer
 * than it would wait for an answer; it is not given up as long as something gets through. */
static void slow_ones_are_not_silent(void **state) {
    (void)state;
    /* Not so large that they wait for the socket before they are sealed: these stand in the outbox,
     * and over SEAL__CONN_PAUSE the server stops listening. */
    enum { CALLS = 900, SIZE = 16 * 1024 - 64 };
    start(QUICK_MS, SEAL_NEVER);
    atomic_store(&d.r.sides[RELAY_TO_CLIENT].flow, RELAY_TRICKLES);
    it_async_many(
        d.channel,
        &(it_request){.mode = ITEST__MODE__SIZED, .number = SIZE, .timeout_us = 600000000}, CALLS,
        &ends);
    it_wait_ends(&ends, CALLS);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), CALLS);
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.connections_silent, 0);
    end(&d);
}

/* ---- A loop that was busy ---- */

typedef struct pause {
    relay *r;
    atomic_uint over;
} pause;

static void sleep_ms(unsigned ms) {
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

/* The answer comes meanwhile, and the time for it is over before the loop goes on. */
static void keep_busy(void *user) {
    pause *p = user;
    relay_set_flow(p->r, RELAY_FLOWS);
    sleep_ms(ANSWER_MS);
    atomic_store(&p->over, 1);
}

static void busy_loop_reads_before_it_gives_up(void **state) {
    (void)state;
    start(SEAL_NEVER, QUICK_MS);
    atomic_store(&d.r.sides[RELAY_TO_CLIENT].flow, RELAY_WAITS);
    assert_int_equal(
        it_async(d.channel, &(it_request){.mode = ITEST__MODE__CANCELLED, .timeout_us = 600000000},
                 &ends, NULL),
        0);
    it_wait_at_least(&it_s.runs, 2, "the handler");
    sleep_ms(2 * QUICK_MS); /* now it has asked */
    pause p = {.r = &d.r};
    assert_int_equal(seal_runtime_post(it_c.runtime, keep_busy, &p), 0);
    it_wait_at_least(&p.over, 1, "the loop");
    it_echo(d.channel, 10);
    seal_channel_stats stats = it_channel_stats(d.channel);
    assert_int_equal(stats.connections_made, 1);
    assert_int_equal(atomic_load(&ends.n), 0);
    end(&d);
    it_wait_ends(&ends, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(both_ends_notice, teardown),
        cmocka_unit_test_teardown(quiet_ones_are_left_alone, teardown),
        cmocka_unit_test_teardown(never, teardown),
        cmocka_unit_test_teardown(slow_ones_are_not_silent, teardown),
        cmocka_unit_test_teardown(busy_loop_reads_before_it_gives_up, teardown),
    };
    return cmocka_run_group_tests_name("integration.keepalive", tests, NULL, NULL);
}
