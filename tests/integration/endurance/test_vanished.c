/* SPDX-License-Identifier: Apache-2.0 */
/* A peer that vanishes without a word, as when a cable is cut: keepalive notices, at both ends. */
#include "harness.h"
#include "relay.h"

#include <stdio.h>

enum { HELD = 5, KEEPALIVE_MS = 200 };

static bool client_noticed(void *arg) {
    seal_channel_stats stats;
    seal_channel_get_stats(arg, &stats);
    return stats.connections_silent == 1;
}

static bool server_noticed(void *arg) {
    seal_server_stats stats;
    it_server_stats(arg, &stats);
    return stats.connections_silent == 1 && stats.connections_open == 0;
}

static void pair_start(it_server *server, it_client *client, relay *r, uint32_t server_ms,
                       uint32_t client_ms) {
    seal_server_options with;
    seal_channel_options options;
    char target[64];
    it_server_options(&with);
    with.keepalive_ms = server_ms;
    with.keepalive_timeout_ms = KEEPALIVE_MS;
    it_server_init(server);
    it_server_start(server, &with, NULL);
    relay_start(r, seal_server_port(server->server), NULL);
    snprintf(target, sizeof target, "127.0.0.1:%u", r->port);
    it_channel_options(&options);
    options.keepalive_ms = client_ms;
    options.keepalive_timeout_ms = KEEPALIVE_MS;
    it_client_start(client, target, &options);
}

static void pair_done(it_server *server, it_client *client, relay *r) {
    relay_thaw(r);
    it_client_done(client);
    it_server_done(server);
    relay_join(r);
    relay_free(r);
}

static void server_vanishes(void **state) {
    (void)state;
    static it_server server;
    static it_client client;
    static relay r;
    it_ends ends = {0};
    pair_start(&server, &client, &r, SEAL_NEVER, KEEPALIVE_MS);
    for (int i = 0; i < HELD; i++)
        assert_int_equal(
            it_async(client.channel, &(it_request){.mode = ITEST__MODE__LATER}, &ends, NULL), 0);
    it_server_wait_held(&server, HELD);
    relay_freeze(&r);
    it_wait_ends(&ends, HELD);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_UNAVAILABLE]), HELD);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_EXECUTION_UNKNOWN]), HELD);
    it_wait(client_noticed, client.channel, "the figure of silent connections");
    pair_done(&server, &client, &r);
}

static void client_vanishes(void **state) {
    (void)state;
    static it_server server;
    static it_client client;
    static relay r;
    it_ends ends = {0};
    pair_start(&server, &client, &r, KEEPALIVE_MS, SEAL_NEVER);
    for (int i = 0; i < HELD; i++)
        assert_int_equal(
            it_async(client.channel, &(it_request){.mode = ITEST__MODE__CANCELLED}, &ends, NULL),
            0);
    it_wait_at_least(&server.runs, HELD, "handlers");
    relay_freeze(&r);
    it_wait_at_least(&server.cancels, HELD, "handlers to hear of it");
    it_wait(server_noticed, &server, "the figure of silent connections");
    assert_int_equal(atomic_load(&ends.n), 0);
    pair_done(&server, &client, &r);
}

/* A pair that only has nothing to say is left alone. */
static void silent_pair_lives(void **state) {
    (void)state;
    static it_server server;
    static it_client client;
    static relay r;
    it_ends ends = {0};
    pair_start(&server, &client, &r, KEEPALIVE_MS, KEEPALIVE_MS);
    assert_int_equal(
        it_async(client.channel, &(it_request){.mode = ITEST__MODE__LATER}, &ends, NULL), 0);
    it_server_wait_held(&server, 1);
    /* Several times as long as it takes to notice; nothing is measured. */
    const struct timespec pause = {.tv_sec = 1, .tv_nsec = 500000000};
    nanosleep(&pause, NULL);
    assert_int_equal(atomic_load(&ends.n), 0);
    it_server_release(&server);
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 1);
    seal_channel_stats stats;
    seal_channel_get_stats(client.channel, &stats);
    assert_int_equal(stats.connections_silent, 0);
    assert_int_equal(stats.connections_made, 1);
    pair_done(&server, &client, &r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(server_vanishes),
                                       cmocka_unit_test(client_vanishes),
                                       cmocka_unit_test(silent_pair_lives)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
