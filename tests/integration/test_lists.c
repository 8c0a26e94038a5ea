/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of endpoints that change while the channel lives. The lists come through the channel's own
 * resolver, as if its source had them. */
#include "own_loop.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/client_internal.h"

#define OTHER_SERVICE "echo/other.test"

enum { ENDPOINTS = 4 };

static it_server a;
static it_server b;
static it_client c;

/* ---- Lists ---- */

typedef struct publication {
    seal_channel *channel;
    seal__endpoint items[ENDPOINTS];
    size_t n;
    seal_error *error;
    bool away; /* the source cannot be asked */
} publication;

static void add(publication *p, const char *address, const char *principal) {
    seal__endpoint *endpoint = &p->items[p->n];
    assert_int_equal(seal__address_parse(address, &endpoint->address, NULL), 0);
    snprintf(endpoint->principal, sizeof endpoint->principal, "%s", principal);
    endpoint->priority = (uint16_t)p->n++;
}

static void publish_now(void *arg) {
    const publication *p = arg;
    seal__resolver *resolver = p->channel->source.resolver;
    if (p->away)
        seal__resolver_source_away(resolver, p->error);
    else
        seal__resolver_publish(
            resolver, seal__endpoints_new(p->channel->runtime->shared, p->items, p->n), p->error);
}

/* The channel has been used before: its resolver is there. */
static void publish(seal_channel *channel, publication *p) {
    p->channel = channel;
    assert_int_equal(seal__runtime_run(channel->runtime, publish_now, p), 0);
    seal_error_free(p->error);
}

static void publish_one(seal_channel *channel, const char *address, const char *principal) {
    publication p = {.n = 0};
    add(&p, address, principal);
    publish(channel, &p);
}

static void publish_empty(seal_channel *channel, int code, const char *text) {
    publication p = {.n = 0};
    if (code != 0)
        seal__error(&p.error, code, "%s", text);
    publish(channel, &p);
}

static void source_away(seal_channel *channel, const char *text) {
    publication p = {.away = true};
    seal__error(&p.error, SEAL_ERROR_DNS, "%s", text);
    publish(channel, &p);
}

/* ---- Two servers, and a channel that begins with the first ---- */

static char both[IT_TWO_TARGETS];

static int setup(void **state) {
    (void)state;
    static const char *const aliases[] = {OTHER_SERVICE, NULL};
    seal_server_options options;
    it_server_options(&options);
    options.aliases = aliases;
    it_start_two(&a, &b, &c, &options, both);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    it_client_done(&c);
    it_server_done(&a);
    it_server_done(&b);
    return 0;
}

/* ---- The endpoint in use ---- */

static void still_there(void **state) {
    (void)state;
    publication p = {.n = 0};
    add(&p, "127.0.0.1:1", IT_SERVICE);
    add(&p, b.target, IT_SERVICE);
    add(&p, a.target, IT_SERVICE);
    publish(c.channel, &p);
    it_echo(c.channel, 1);
    assert_int_equal(atomic_load(&a.runs), 2);
    seal_channel_stats stats = it_channel_stats(c.channel);
    assert_int_equal(stats.connections_made, 1);
    assert_int_equal(stats.endpoints, 3);
    assert_int_equal(stats.resolver_updates, 2);
}

static void removed_while_calls_run(void **state) {
    (void)state;
    it_ends ends = {0};
    it_async_many(c.channel, &(it_request){.mode = ITEST__MODE__LATER}, 5, &ends);
    it_server_wait_held(&a, 5);
    publish_one(c.channel, b.target, IT_SERVICE);
    it_echo(c.channel, 100);
    assert_int_equal(atomic_load(&b.runs), 1);
    assert_int_equal(atomic_load(&a.runs), 6);
    assert_int_equal(atomic_load(&ends.n), 0);
    it_server_release(&a);
    it_wait_ends(&ends, 5);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 5);
    it_server_wait_idle(&a); /* the connection went with its last call */
    it_echo(c.channel, 1);
    assert_int_equal(atomic_load(&b.runs), 2);
}

static void removed_without_calls(void **state) {
    (void)state;
    publish_one(c.channel, b.target, IT_SERVICE);
    it_server_wait_idle(&a);
    assert_int_equal(it_channel_stats(c.channel).connections_made,
                     1); /* nobody needs another one yet */
    it_echo(c.channel, 1);
    assert_int_equal(atomic_load(&b.runs), 1);
}

static void another_principal(void **state) {
    (void)state;
    publish_one(c.channel, a.target, OTHER_SERVICE);
    seal_result *result = it_sync(c.channel, NULL, &(it_request){.size = 1});
    assert_int_equal(seal_result_status(result), SEAL_STATUS_OK);
    assert_string_equal(seal_peer_principal(seal_result_peer(result)), OTHER_SERVICE "@" IT_REALM);
    it_expect_ok(result);
    assert_int_equal(it_channel_stats(c.channel).connections_made, 2);
    /* And one that the server is not. */
    publish_one(c.channel, b.target, OTHER_SERVICE);
    it_expect(it_sync(c.channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAUTHENTICATED,
              SEAL_NOT_EXECUTED, OTHER_SERVICE " at 127.0.0.1:");
    assert_int_equal(atomic_load(&b.runs), 0);
}

/* Calls from another thread all the time, while the list goes to and fro. */
typedef struct traffic {
    pthread_t thread;
    atomic_bool stop;
    atomic_uint calls;
    unsigned failed;
} traffic;

static void *run_traffic(void *arg) {
    traffic *t = arg;
    while (!atomic_load(&t->stop)) {
        t->failed += !it_echo_works(c.channel, 2000);
        atomic_fetch_add(&t->calls, 1);
    }
    return NULL;
}

static void to_and_fro(void **state) {
    (void)state;
    static traffic threads[3];
    memset(threads, 0, sizeof threads);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i].thread, NULL, run_traffic, &threads[i]), 0);
    for (unsigned i = 0; i < 30; i++) {
        publish_one(c.channel, i % 2 == 0 ? b.target : a.target, IT_SERVICE);
        /* Of two that end from now on, one has begun after the change. */
        for (size_t k = 0; k < 3; k++)
            it_wait_at_least(&threads[k].calls, atomic_load(&threads[k].calls) + 2,
                             "calls between two lists");
    }
    for (size_t i = 0; i < 3; i++) {
        atomic_store(&threads[i].stop, true);
        pthread_join(threads[i].thread, NULL);
        assert_int_equal(threads[i].failed, 0);
    }
    assert_true(atomic_load(&a.runs) > 1);
    assert_true(atomic_load(&b.runs) > 1);
}

/* ---- No endpoint, no source ---- */

static void empty(void **state) {
    (void)state;
    it_ends ends = {0};
    assert_int_equal(it_async(c.channel, &(it_request){.mode = ITEST__MODE__LATER}, &ends, NULL),
                     0);
    it_server_wait_held(&a, 1);
    publish_empty(c.channel, SEAL_ERROR_NOT_FOUND, "nobody offers that any more");
    for (int i = 0; i < 2; i++) {
        seal_result *result = it_sync(c.channel, NULL, &(it_request){.size = 1});
        assert_int_equal(seal_result_cause(result), SEAL_ERROR_NOT_FOUND);
        assert_memory_equal(seal_result_message(result), both, strlen(both));
        it_expect(result, SEAL_STATUS_UNAVAILABLE, SEAL_NOT_EXECUTED, "nobody offers that");
    }
    it_server_release(&a);
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 1);
    it_server_wait_idle(&a);
    seal_channel_stats stats = it_channel_stats(c.channel);
    assert_int_equal(stats.endpoints, 0);
    assert_int_equal(stats.resolver_outages, 0);
    publish_one(c.channel, b.target, IT_SERVICE);
    it_echo(c.channel, 1);
    publish_empty(c.channel, 0, NULL);
    it_expect(it_sync(c.channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAVAILABLE,
              SEAL_NOT_EXECUTED, "empty");
}

static void empty_for_a_reason(int code, seal_status status) {
    publish_empty(c.channel, code, "why");
    seal_result *result = it_sync(c.channel, NULL, &(it_request){.size = 1});
    assert_int_equal((int)seal_result_cause(result), code);
    it_expect(result, status, SEAL_NOT_EXECUTED, "why");
}

static void reasons_and_statuses(void **state) {
    (void)state;
    empty_for_a_reason(SEAL_ERROR_DNS, SEAL_STATUS_UNAVAILABLE);
    empty_for_a_reason(SEAL_ERROR_DIRECTORY, SEAL_STATUS_UNAVAILABLE);
    empty_for_a_reason(SEAL_ERROR_NOT_FOUND, SEAL_STATUS_UNAVAILABLE);
    empty_for_a_reason(SEAL_ERROR_DIRECTORY_UNTRUSTED, SEAL_STATUS_UNAUTHENTICATED);
    empty_for_a_reason(SEAL_ERROR_SPN_OWNER, SEAL_STATUS_UNAUTHENTICATED);
    empty_for_a_reason(SEAL_ERROR_SPN_DUPLICATE, SEAL_STATUS_UNAUTHENTICATED);
    empty_for_a_reason(SEAL_ERROR_DIRECTORY_DENIED, SEAL_STATUS_PERMISSION_DENIED);
}

static void the_source_is_away(void **state) {
    (void)state;
    source_away(c.channel, "no answer");
    it_echo(c.channel, 1);
    seal_channel_stats stats = it_channel_stats(c.channel);
    assert_int_equal(stats.resolver_outages, 1);
    assert_true(stats.resolver_away_ms > 0);
    assert_int_equal(stats.endpoints, 2);
    assert_int_equal(stats.connections_made, 1);
    /* Also when a new connection is needed. */
    it_server_free(&a);
    it_wait_disconnected(c.channel);
    it_echo(c.channel, 1);
    assert_int_equal(atomic_load(&b.runs), 1);
    source_away(c.channel, "still no answer");
    assert_int_equal(it_channel_stats(c.channel).resolver_outages, 1);
    publish_one(c.channel, b.target, IT_SERVICE);
    stats = it_channel_stats(c.channel);
    assert_int_equal(stats.resolver_away_ms, 0);
    assert_int_equal(stats.resolver_outages, 1);
    it_echo(c.channel, 1);
    assert_int_equal(it_channel_stats(c.channel).connections_made, 2);
}

/* When nothing works any more, the age of the list may be why. */
static void the_list_is_old(void **state) {
    (void)state;
    source_away(c.channel, "no answer");
    it_server_free(&a);
    it_server_free(&b);
    it_wait_disconnected(c.channel);
    it_expect(it_sync(c.channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAVAILABLE,
              SEAL_NOT_EXECUTED, "out of date: no answer");
}

/* ---- While a connection is being made ---- */

/* A call waits in the handshake with a silent server; returns the server's socket. */
static int call_a_silent_server(const seal_channel_options *options, bool with_dead_one,
                                it_ends *ends, int *ret_listener) {
    char target[128];
    uint16_t port = 0;
    *ret_listener = it_listen(&port);
    snprintf(target, sizeof target, "seal:///127.0.0.1:%u", port);
    if (with_dead_one)
        snprintf(target + strlen(target), sizeof target - strlen(target), ",127.0.0.1:%u",
                 it_closed_port());
    seal_channel_free(c.channel);
    c.channel = it_channel(&c, target, options);
    assert_int_equal(it_async(c.channel, &(it_request){.timeout_us = SEAL_NO_DEADLINE}, ends, NULL),
                     0);
    int fd = accept(*ret_listener, NULL, NULL);
    assert_true(fd >= 0);
    return fd;
}

/* The one that is being tried has left the list: the others at once. */
static void changed_while_connecting(void **state) {
    (void)state;
    it_ends ends = {0};
    int listener = -1;
    int fd = call_a_silent_server(NULL, false, &ends, &listener);
    publish_one(c.channel, b.target, IT_SERVICE);
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 1);
    assert_int_equal(atomic_load(&b.runs), 1);
    close(fd);
    close(listener);
}

/* It is still there, among others: its time goes on, and then the new list counts. */
static void longer_while_connecting(void **state) {
    (void)state;
    it_ends ends = {0};
    int listener = -1;
    seal_channel_options options;
    it_channel_options(&options);
    options.connect_timeout_ms = 6000;
    int fd = call_a_silent_server(&options, true, &ends, &listener);
    publication p = {.n = 0};
    p.items[p.n++] = c.channel->source.list->items[0];
    add(&p, b.target, IT_SERVICE);
    p.items[0].priority = 7;
    publish(c.channel, &p);
    assert_int_equal(atomic_load(&ends.n), 0);
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 1);
    assert_int_equal(it_channel_stats(c.channel).connections_failed, 1);
    close(fd);
    close(listener);
}

static void empty_while_connecting(void **state) {
    (void)state;
    it_ends ends = {0};
    int listener = -1;
    int fd = call_a_silent_server(NULL, false, &ends, &listener);
    publish_empty(c.channel, SEAL_ERROR_NOT_FOUND, "gone");
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_UNAVAILABLE]), 1);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_NOT_EXECUTED]), 1);
    close(fd);
    close(listener);
}

/* ---- Freed at any moment ---- */

static void freed_in_handshake(void **state) {
    (void)state;
    it_ends ends = {0};
    int listener = -1;
    int fd = call_a_silent_server(NULL, true, &ends, &listener);
    seal_channel_free(c.channel);
    c.channel = NULL;
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_CANCELLED]), 1);
    close(fd);
    close(listener);
}

static void freed_while_one_leaves(void **state) {
    (void)state;
    it_ends ends = {0};
    assert_int_equal(it_async(c.channel, &(it_request){.mode = ITEST__MODE__LATER}, &ends, NULL),
                     0);
    it_server_wait_held(&a, 1);
    publish_one(c.channel, b.target, IT_SERVICE);
    seal_channel_free(c.channel);
    c.channel = NULL;
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_CANCELLED]), 1);
    it_server_wait_idle(&a);
    it_server_wait_idle(&b);
}

/* On a loop of the caller's, after so many turns: resolving, dialing, in the handshake, calling. */
static void freed_after(int n, const char *target) {
    own_loop own;
    it_ends ends = {0};
    own_loop_init(&own);
    own_loop_connect(&own, target, &itest_echo_service);
    it_async_many(own.channel, &(it_request){.size = 1}, 2, &ends);
    for (int i = 0; i < n && atomic_load(&ends.n) < 2; i++)
        uv_run(&own.loop, UV_RUN_ONCE);
    own_loop_done(&own);
    assert_int_equal(atomic_load(&ends.n), 2);
}

static void freed_at_every_turn(void **state) {
    (void)state;
    char target[256];
    snprintf(target, sizeof target, "seal:///127.0.0.1:%u,localhost:%u,%s", it_closed_port(),
             it_closed_port(), b.target);
    for (int n = 0; n < 25; n++)
        freed_after(n, target);
    it_server_wait_idle(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(still_there, setup, teardown),
        cmocka_unit_test_setup_teardown(removed_while_calls_run, setup, teardown),
        cmocka_unit_test_setup_teardown(removed_without_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(another_principal, setup, teardown),
        cmocka_unit_test_setup_teardown(to_and_fro, setup, teardown),
        cmocka_unit_test_setup_teardown(empty, setup, teardown),
        cmocka_unit_test_setup_teardown(reasons_and_statuses, setup, teardown),
        cmocka_unit_test_setup_teardown(the_source_is_away, setup, teardown),
        cmocka_unit_test_setup_teardown(the_list_is_old, setup, teardown),
        cmocka_unit_test_setup_teardown(changed_while_connecting, setup, teardown),
        cmocka_unit_test_setup_teardown(longer_while_connecting, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_while_connecting, setup, teardown),
        cmocka_unit_test_setup_teardown(freed_in_handshake, setup, teardown),
        cmocka_unit_test_setup_teardown(freed_while_one_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(freed_at_every_turn, setup, teardown),
    };
    return cmocka_run_group_tests_name("integration.lists", tests, NULL, NULL);
}
