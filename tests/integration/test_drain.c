/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that are sent away: no call fails or is refused because of it. Whole servers, by
 * seal_server_drain and by signals, and connections that are old or idle. */
#include "harness.h"
#include "relay.h"

#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static it_ends ends;

static void start(uint32_t age_ms, uint32_t idle_ms, uint32_t grace_ms) {
    seal_server_options options;
    it_server_options(&options);
    options.max_connection_age_ms = age_ms;
    options.max_connection_idle_ms = idle_ms;
    options.stop_grace_ms = grace_ms;
    memset(&ends, 0, sizeof ends);
    it_start(&options, NULL);
}

static void restart(uint32_t age_ms, uint32_t idle_ms, uint32_t grace_ms) {
    it_teardown(NULL);
    start(age_ms, idle_ms, grace_ms);
}

static int setup(void **state) {
    (void)state;
    start(0, 0, 0);
    return 0;
}

static seal_server_stats stats_now(void) {
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    return stats;
}

static void call_many(seal_channel *channel, Itest__Mode mode, unsigned n, it_ends *count) {
    it_async_many(channel, &(it_request){.mode = mode, .timeout_us = 600000000}, n, count);
}

/* ---- A thread that drains ---- */

typedef struct drainer {
    pthread_t thread;
    uint32_t deadline_ms;
    int rc;
    seal_error *error;
} drainer;

static void *drain(void *arg) {
    drainer *d = arg;
    d->rc = seal_server_drain(it_s.server, d->deadline_ms, &d->error);
    return NULL;
}

static void drain_begin(drainer *d, uint32_t deadline_ms) {
    *d = (drainer){.deadline_ms = deadline_ms};
    assert_int_equal(pthread_create(&d->thread, NULL, drain, d), 0);
}

static void drain_end(drainer *d, int rc, const char *part) {
    pthread_join(d->thread, NULL);
    assert_int_equal(d->rc, rc);
    if (part != NULL)
        assert_non_null(strstr(seal_error_message(d->error), part));
    seal_error_free(d->error);
}

/* ---- The whole server ---- */

static void running_calls_finish(void **state) {
    (void)state;
    drainer d;
    call_many(it_c.channel, ITEST__MODE__LATER, 20, &ends);
    it_server_wait_held(&it_s, 20);
    drain_begin(&d, 600000);
    it_wait_disconnected(it_c.channel);
    assert_int_equal(atomic_load(&ends.n), 0);
    it_server_release(&it_s);
    drain_end(&d, 0, NULL);
    it_wait_ends(&ends, 20);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 20);
    assert_int_equal(stats_now().connections_open, 0);
}

static bool is_refusing(void *arg) {
    (void)arg;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(seal_server_port(it_s.server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    int rc = connect(fd, (struct sockaddr *)&address, sizeof address);
    close(fd);
    return rc < 0;
}

/* What the client opened before it heard that the server goes is taken like any other call. */
static void calls_that_cross_the_goodbye_are_taken(void **state) {
    (void)state;
    enum { BEFORE = 5, CROSSING = 40 };
    static relay r;
    drainer d;
    relay_start(&r, seal_server_port(it_s.server), NULL);
    seal_channel *channel = it_channel_to(&it_c, r.port, NULL);
    it_echo(channel, 1); /* before its answer come the server's SETTINGS: how many calls it takes */
    call_many(channel, ITEST__MODE__LATER, BEFORE, &ends);
    it_server_wait_held(&it_s, BEFORE);
    atomic_store(&r.sides[RELAY_TO_CLIENT].flow, RELAY_WAITS);
    drain_begin(&d, 600000);
    it_wait(is_refusing, NULL, "the server to listen no more"); /* then the goodbye has left */
    call_many(channel, ITEST__MODE__ECHO, CROSSING / 2, &ends);
    call_many(channel, ITEST__MODE__LATER, CROSSING / 2, &ends);
    it_wait_at_least(&it_s.runs, 1 + BEFORE + CROSSING, "calls that cross the goodbye to be taken");
    assert_int_equal(atomic_load(&ends.n), 0);
    atomic_store(&r.sides[RELAY_TO_CLIENT].flow, RELAY_FLOWS);
    it_wait_ends(&ends, CROSSING / 2);
    it_server_release(&it_s);
    drain_end(&d, 0, NULL);
    it_wait_ends(&ends, BEFORE + CROSSING);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), BEFORE + CROSSING);
    assert_int_equal(stats_now().calls_refused, 0);
    seal_channel_free(channel);
    relay_join(&r);
    relay_free(&r);
}

static void the_deadline_cancels_what_is_left(void **state) {
    (void)state;
    static it_ends quick;
    static it_ends slow;
    drainer d;
    memset(&quick, 0, sizeof quick);
    memset(&slow, 0, sizeof slow);
    call_many(it_c.channel, ITEST__MODE__LATER, 4, &quick);
    call_many(it_c.channel, ITEST__MODE__CANCELLED, 3, &slow);
    it_wait_at_least(&it_s.runs, 7, "handlers");
    it_server_wait_held(&it_s, 4);
    it_server_release(&it_s);
    it_wait_ends(&quick, 4);
    drain_begin(&d, 300);
    drain_end(&d, SEAL_ERROR_TIMEOUT, "3 calls had not ended after 300 ms");
    it_wait_ends(&slow, 3);
    assert_int_equal(atomic_load(&quick.by_status[SEAL_STATUS_OK]), 4);
    assert_int_equal(atomic_load(&slow.by_status[SEAL_STATUS_UNAVAILABLE]), 3);
    assert_int_equal(atomic_load(&it_s.cancels), 3);
}

/* Without calls it is no failure, only slower. */
static void a_client_that_does_not_hear_it(void **state) {
    (void)state;
    static relay r;
    relay_start(&r, seal_server_port(it_s.server), NULL);
    seal_channel *channel = it_channel_to(&it_c, r.port, NULL);
    it_echo(channel, 1);
    relay_set_flow(&r, RELAY_SINKS);
    assert_int_equal(seal_server_drain(it_s.server, 200, NULL), 0);
    assert_int_equal(stats_now().connections_open, 0);
    relay_set_flow(&r, RELAY_FLOWS);
    seal_channel_free(channel);
    relay_join(&r);
    relay_free(&r);
}

static void drain_here(void *user) {
    atomic_store((atomic_int *)user, seal_server_drain(it_s.server, 0, NULL));
}

static bool is_set(void *arg) {
    return atomic_load((atomic_int *)arg) != 0;
}

static void in_every_state(void **state) {
    (void)state;
    atomic_int rc = 0;
    seal_server_options options;
    seal_server *other = NULL;
    assert_int_equal(seal_server_drain(NULL, 0, NULL), SEAL_ERROR_INVALID);
    assert_int_equal(seal_runtime_post(it_s.runtime, drain_here, &rc), 0);
    it_wait(is_set, &rc, "an answer on the loop");
    assert_int_equal(atomic_load(&rc), SEAL_ERROR_WRONG_THREAD);
    it_echo(it_c.channel, 1);
    assert_int_equal(seal_server_drain(it_s.server, 60000, NULL), 0);
    assert_int_equal(seal_server_drain(it_s.server, 60000, NULL), 0);
    it_server_options(&options);
    assert_int_equal(seal_server_new(NULL, &options, &other, NULL), 0);
    assert_int_equal(seal_server_drain(other, 60000, NULL), 0);
    seal_server_free(other);
}

/* ---- Signals ---- */

static void *serve(void *arg) {
    *(int *)arg = seal_server_run(it_s.server, NULL);
    return NULL;
}

/* seal_server_run watches for them: from then on they do not end this program. */
static bool is_watched(void *arg) {
    struct sigaction action;
    (void)arg;
    return sigaction(SIGTERM, NULL, &action) == 0 && action.sa_handler != SIG_DFL;
}

static void signals(void **state) {
    (void)state;
    for (int n = 1; n <= 2; n++) {
        pthread_t thread;
        int rc = -1;
        restart(0, 0, 600000);
        assert_int_equal(pthread_create(&thread, NULL, serve, &rc), 0);
        it_wait(is_watched, NULL, "seal_server_run to watch for signals");
        call_many(it_c.channel, n == 1 ? ITEST__MODE__LATER : ITEST__MODE__CANCELLED, 10, &ends);
        it_wait_at_least(&it_s.runs, 10, "handlers");
        kill(getpid(), SIGTERM);
        it_wait_disconnected(it_c.channel);
        assert_int_equal(atomic_load(&ends.n), 0);
        if (n == 1) {
            it_server_wait_held(&it_s, 10);
            it_server_release(&it_s);
        } else {
            kill(getpid(), SIGTERM);
        }
        it_wait_ends(&ends, 10);
        pthread_join(thread, NULL);
        assert_int_equal(rc, 0);
        assert_int_equal(
            atomic_load(&ends.by_status[n == 1 ? SEAL_STATUS_OK : SEAL_STATUS_UNAVAILABLE]), 10);
    }
}

/* ---- Age and idleness ---- */

static bool has_sent_away(void *arg) {
    return stats_now().connections_drained_age >= *(uint64_t *)arg;
}

static void wait_sent_away(uint64_t n) {
    it_wait(has_sent_away, &n, "the server to send connections away");
}

static bool has_so_many_open(void *arg) {
    return stats_now().connections_open == *(uint64_t *)arg;
}

static void wait_open(uint64_t n) {
    it_wait(has_so_many_open, &n, "connections to close");
}

static void old_connections_go_without_a_failure(void **state) {
    (void)state;
    restart(150, 0, 600000);
    while (stats_now().connections_drained_age < 5)
        it_echo(it_c.channel, 1000);
    seal_server_stats stats = stats_now();
    assert_int_equal(stats.calls_refused, 0);
    assert_true(stats.connections_accepted >= 5);
}

static void old_connections_wait_for_their_calls(void **state) {
    (void)state;
    restart(150, 0, 600000);
    call_many(it_c.channel, ITEST__MODE__LATER, 5, &ends);
    it_server_wait_held(&it_s, 5);
    wait_sent_away(1);
    it_wait_disconnected(it_c.channel);
    it_echo(it_c.channel, 10); /* on another connection */
    assert_int_equal(atomic_load(&ends.n), 0);
    it_server_release(&it_s);
    it_wait_ends(&ends, 5);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 5);
    wait_open(0);
    seal_server_stats stats = stats_now();
    assert_int_equal(stats.connections_accepted, 2);
    assert_int_equal(stats.connections_drained_age, 2);
}

static void the_grace_of_old_connections_ends(void **state) {
    (void)state;
    restart(100, 0, 100);
    call_many(it_c.channel, ITEST__MODE__CANCELLED, 5, &ends);
    it_wait_ends(&ends, 5);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_UNAVAILABLE]), 5);
    it_wait_at_least(&it_s.cancels, 5, "the handlers to be told");
    assert_true(stats_now().connections_drained_age >= 1);
}

static void idle_connections_go(void **state) {
    (void)state;
    restart(0, 100, 600000);
    call_many(it_c.channel, ITEST__MODE__LATER, 1, &ends);
    it_server_wait_held(&it_s, 1);
    /* One with a call outlives, on the same connection, three that came later and are idle. */
    for (uint64_t i = 1; i <= 3; i++) {
        seal_channel *idle = it_channel(&it_c, it_s.target, NULL);
        it_echo(idle, 1);
        wait_sent_away(i);
        wait_open(1);
        it_echo(idle, 1); /* it connects again */
        seal_channel_free(idle);
        wait_open(1);
    }
    assert_int_equal(atomic_load(&ends.n), 0);
    uint64_t accepted = stats_now().connections_accepted;
    it_server_release(&it_s);
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 1);
    wait_open(0);
    assert_int_equal(stats_now().connections_accepted, accepted);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, it_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(running_calls_finish),
        TEST(calls_that_cross_the_goodbye_are_taken),
        TEST(the_deadline_cancels_what_is_left),
        TEST(a_client_that_does_not_hear_it),
        TEST(in_every_state),
        TEST(signals),
        TEST(old_connections_go_without_a_failure),
        TEST(old_connections_wait_for_their_calls),
        TEST(the_grace_of_old_connections_ends),
        TEST(idle_connections_go),
    };
    return cmocka_run_group_tests_name("integration.drain", tests, NULL, NULL);
}
