/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory and its replica fail and come back while servers and clients work. Clients know
 * nothing but the name of the service.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TARGET "ldap:///itest.Echo"

static it_server a;
static it_server b;
static it_client c;

static void realm(const char *verb, const char *what) {
    char command[256];
    snprintf(command, sizeof command, "\"$SEAL_REALM_PROGRAM\" %s %s", verb, what);
    it_shell(command);
}

static void on_published(seal_server *server, const seal_error *error, void *user) {
    (void)server;
    if (error != NULL)
        print_error("not published: %s\n", seal_error_message(error));
    atomic_fetch_add((atomic_uint *)user, error == NULL ? 1 : 100);
}

static void start_published(it_server *s) {
    atomic_uint published = 0;
    it_server_init(s);
    it_server_start(s, NULL, NULL);
    assert_int_equal(seal_server_publish(s->server, NULL, on_published, &published, NULL), 0);
    it_wait_at_least(&published, 1, "published");
    assert_int_equal(atomic_load(&published), 1);
}

typedef struct wanted {
    seal_channel *channel;
    uint32_t endpoints;
    bool away;
} wanted;

static bool has_come(void *arg) {
    const wanted *w = arg;
    seal_channel_stats stats = it_channel_stats(w->channel);
    return stats.endpoints == w->endpoints && (stats.resolver_away_ms > 0) == w->away;
}

static void wait_for(seal_channel *channel, uint32_t endpoints, bool away) {
    it_wait(has_come, &(wanted){.channel = channel, .endpoints = endpoints, .away = away},
            away ? "the source to be away" : "the source to say so many endpoints");
}

static seal_channel *channel_by_name(void) {
    seal_channel_options options;
    it_channel_options(&options);
    options.server_principal = NULL; /* composed, and checked against its owner */
    return it_channel(&c, TARGET, &options);
}

static void echo_by_name(void) {
    seal_channel *channel = channel_by_name();
    it_echo(channel, 1);
    seal_channel_free(channel);
}

static void outage(void **state) {
    (void)state;
    start_published(&a);
    it_client_init(&c);
    seal_channel *channel = channel_by_name();
    it_echo(channel, 1);
    wait_for(channel, 1, false);

    realm("kill", "directory"); /* the replica knows the same */
    echo_by_name();
    it_echo(channel, 1);

    realm("kill", "replica"); /* nobody knows any more; the last list stays */
    wait_for(channel, 1, true);
    it_log_wait(&c.log, "stays in use");
    it_echo(channel, 1);
    seal_channel *late = channel_by_name();
    it_expect(it_sync(late, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAVAILABLE,
              SEAL_NOT_EXECUTED, "ldap://");
    seal_channel_free(late);
    seal_channel_stats stats = it_channel_stats(channel);
    assert_true(stats.resolver_outages > 0);

    realm("restart", "directory"); /* and what changes arrives */
    realm("restart", "replica");
    wait_for(channel, 1, false);
    it_log_wait(&c.log, "is back");
    start_published(&b);
    wait_for(channel, 2, false);
    unsigned before = atomic_load(&b.runs);
    it_server_done(&a);
    wait_for(channel, 1, false);
    it_echo(channel, 1);
    assert_int_equal(atomic_load(&b.runs), before + 1);
    seal_channel_free(channel);
    it_client_done(&c);
    it_server_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(outage)};
    return cmocka_run_group_tests_name("integration.outage", tests, NULL, NULL);
}
