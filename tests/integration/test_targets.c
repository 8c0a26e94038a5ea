/* SPDX-License-Identifier: Apache-2.0 */
/* Targets with several endpoints: which one is used, when the next one is tried, what is said when
 * none works, and who must answer. */
#include "harness.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OTHER_SERVICE "echo/other.test"
#define NAMED_SERVICE "echo/localhost/blue"

static it_server a;
static it_server b;
static it_client c;

static int setup(void **state) {
    (void)state;
    it_server_init(&a);
    it_server_init(&b);
    it_server_start(&b, NULL, NULL);
    it_client_init(&c);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    it_client_done(&c);
    it_server_done(&a);
    it_server_done(&b);
    return 0;
}

static void start_other(it_server *server) {
    seal_server_options options;
    it_server_options(&options);
    options.principal = OTHER_SERVICE;
    it_server_start(server, &options, NULL);
}

static void expect_stats(seal_channel *channel, unsigned endpoints, unsigned made,
                         unsigned failed) {
    seal_channel_stats stats = it_channel_stats(channel);
    assert_int_equal(stats.endpoints, endpoints);
    assert_int_equal(stats.resolver_updates, endpoints > 0);
    assert_int_equal(stats.resolver_outages, 0);
    assert_int_equal(stats.resolver_away_ms, 0);
    assert_int_equal(stats.connections_made, made);
    assert_int_equal(stats.connections_failed, failed);
}

/* ---- One of several works ---- */

static void the_first_that_works(void **state) {
    (void)state;
    char target[512];
    start_other(&a);
    snprintf(target, sizeof target, "seal:///%s,127.0.0.1:%u", b.target, it_closed_port());
    c.channel = it_channel(&c, target, NULL);
    expect_stats(c.channel, 0, 0, 0);
    it_echo(c.channel, 10);
    it_echo(c.channel, 10);
    expect_stats(c.channel, 2, 1, 0);
}

static void the_first_is_dead(void **state) {
    (void)state;
    char target[512];
    snprintf(target, sizeof target, "seal:///127.0.0.1:%u,unix:@sealrpc-nobody-is-here,%s",
             it_closed_port(), b.target);
    c.channel = it_channel(&c, target, NULL);
    it_echo(c.channel, 10);
    it_echo(c.channel, 10);
    expect_stats(c.channel, 3, 1, 2);
}

/* It takes connections, and says nothing: it gets its share of the time, and not all of it. */
static void the_first_is_silent(void **state) {
    (void)state;
    char target[512];
    uint16_t port = 0;
    int fd = it_listen(&port);
    seal_channel_options options;
    it_channel_options(&options);
    options.connect_timeout_ms = 6000;
    snprintf(target, sizeof target, "seal:///127.0.0.1:%u,%s", port, b.target);
    c.channel = it_channel(&c, target, &options);
    it_echo(c.channel, 10);
    expect_stats(c.channel, 2, 1, 1);
    close(fd);
}

static void the_first_is_somebody_else(void **state) {
    (void)state;
    char target[512];
    start_other(&a);
    snprintf(target, sizeof target, "seal:///%s,%s", a.target, b.target);
    c.channel = it_channel(&c, target, NULL);
    it_echo(c.channel, 10);
    expect_stats(c.channel, 2, 1, 1);
    assert_int_equal(atomic_load(&a.runs), 0);
    assert_int_equal(atomic_load(&b.runs), 1);
}

/* When the one in use goes away, the next call finds the other. */
static void the_next_takes_over(void **state) {
    (void)state;
    char target[512];
    it_server_start(&a, NULL, NULL);
    snprintf(target, sizeof target, "seal:///%s,%s", a.target, b.target);
    c.channel = it_channel(&c, target, NULL);
    it_echo(c.channel, 10);
    assert_int_equal(atomic_load(&a.runs), 1);
    it_server_free(&a);
    it_wait_disconnected(c.channel);
    it_echo(c.channel, 10);
    assert_int_equal(atomic_load(&b.runs), 1);
}

/* ---- None works ---- */

static void all_are_dead(void **state) {
    (void)state;
    char target[512];
    char first[32];
    char second[32];
    snprintf(first, sizeof first, "127.0.0.1:%u", it_closed_port());
    snprintf(second, sizeof second, "127.0.0.2:%u", it_closed_port());
    snprintf(target, sizeof target, "seal:///%s,%s", first, second);
    c.channel = it_channel(&c, target, NULL);
    for (int i = 0; i < 2; i++) {
        seal_result *result = it_sync(c.channel, NULL, &(it_request){.size = 1});
        const char *text = seal_result_message(result);
        assert_memory_equal(text, target, strlen(target));
        assert_non_null(strstr(text, "2 endpoints were tried"));
        assert_non_null(strstr(text, first));
        assert_non_null(strstr(text, second));
        assert_int_equal(seal_result_cause(result), SEAL_ERROR_CONNECT);
        it_expect(result, SEAL_STATUS_UNAVAILABLE, SEAL_NOT_EXECUTED, IT_SERVICE);
    }
    expect_stats(c.channel, 2, 0, 4);
}

/* What is said first, and decides the status, is what concerns security. */
static void security_is_said_first(void **state) {
    (void)state;
    char target[512];
    char dead[32];
    char begin[800];
    start_other(&a);
    snprintf(dead, sizeof dead, "127.0.0.1:%u", it_closed_port());
    snprintf(target, sizeof target, "seal:///%s,%s", dead, a.target);
    snprintf(begin, sizeof begin, "%s: 2 endpoints were tried: %s at %s: ", target, IT_SERVICE,
             a.target);
    c.channel = it_channel(&c, target, NULL);
    seal_result *result = it_sync(c.channel, NULL, &(it_request){.size = 1});
    const char *text = seal_result_message(result);
    assert_memory_equal(text, begin, strlen(begin));
    assert_non_null(strstr(text + strlen(begin), dead));
    it_expect(result, SEAL_STATUS_UNAUTHENTICATED, SEAL_NOT_EXECUTED, NULL);
    assert_int_equal(atomic_load(&a.runs), 0);
}

/* Nobody gets more than the time for all of them. */
static void all_are_silent(void **state) {
    (void)state;
    char target[512];
    uint16_t ports[2];
    int fds[2] = {it_listen(&ports[0]), it_listen(&ports[1])};
    seal_channel_options options;
    it_channel_options(&options);
    options.connect_timeout_ms = 2100;
    snprintf(target, sizeof target, "seal:///127.0.0.1:%u,127.0.0.1:%u", ports[0], ports[1]);
    c.channel = it_channel(&c, target, &options);
    seal_result *result = it_sync(c.channel, NULL, &(it_request){.timeout_us = SEAL_NO_DEADLINE});
    assert_int_equal(seal_result_cause(result), SEAL_ERROR_TIMEOUT);
    it_expect(result, SEAL_STATUS_UNAVAILABLE, SEAL_NOT_EXECUTED, "2 endpoints were tried");
    options.connect_timeout_ms = 50;
    seal_channel *channel = it_channel(&c, target, &options);
    it_expect(it_sync(channel, NULL, &(it_request){.timeout_us = SEAL_NO_DEADLINE}),
              SEAL_STATUS_UNAVAILABLE, SEAL_NOT_EXECUTED, "no time was left for 1 more");
    seal_channel_free(channel);
    close(fds[0]);
    close(fds[1]);
}

static void a_deadline_names_the_endpoint(void **state) {
    (void)state;
    char target[512];
    char part[800];
    uint16_t port = 0;
    int fd = it_listen(&port);
    snprintf(target, sizeof target, "seal:///127.0.0.1:%u,%s", port, b.target);
    snprintf(part, sizeof part, "(%s at 127.0.0.1:%u (%s))", IT_SERVICE, port, target);
    c.channel = it_channel(&c, target, NULL);
    it_expect(it_sync(c.channel, NULL, &(it_request){.timeout_us = 300000}),
              SEAL_STATUS_DEADLINE_EXCEEDED, SEAL_NOT_EXECUTED, part);
    close(fd);
}

/* ---- No list ---- */

/* A name server that takes questions, and never answers. */
static int silent_name_server(char *target, size_t size) {
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr *any = (struct sockaddr *)(void *)&addr;
    assert_int_equal(bind(fd, any, sizeof addr), 0);
    assert_int_equal(getsockname(fd, any, &len), 0);
    snprintf(target, size, "dns://127.0.0.1:%u/example.test", ntohs(addr.sin_port));
    return fd;
}

static void no_list_in_time(void **state) {
    (void)state;
    char target[512];
    char part[600];
    int fd = silent_name_server(target, sizeof target);
    seal_channel_options options;
    it_channel_options(&options);
    options.connect_timeout_ms = 100;
    snprintf(part, sizeof part, "%s: no connection within 100 ms, while waiting for the list",
             target);
    c.channel = it_channel(&c, target, &options);
    for (int i = 0; i < 2; i++)
        it_expect(it_sync(c.channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAVAILABLE,
                  SEAL_NOT_EXECUTED, part);
    it_expect(it_sync(c.channel, NULL, &(it_request){.timeout_us = 20000}),
              SEAL_STATUS_DEADLINE_EXCEEDED, SEAL_NOT_EXECUTED, "waiting for the list");
    expect_stats(c.channel, 0, 0, 0);
    close(fd);
}

static void freed_while_resolving(void **state) {
    (void)state;
    char target[512];
    char first;
    it_ends ends = {0};
    int fd = silent_name_server(target, sizeof target);
    c.channel = it_channel(&c, target, NULL);
    it_async_many(c.channel, &(it_request){.size = 1}, 3, &ends);
    assert_true(recv(fd, &first, 1, 0) == 1); /* it has asked */
    seal_channel_free(c.channel);
    c.channel = NULL;
    it_wait_ends(&ends, 3);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_CANCELLED]), 3);
    close(fd);
}

/* ---- Who must answer ---- */

static void refused(const char *target, const char *spn_class, const char *part) {
    seal_channel_options options;
    seal_channel *channel = NULL;
    seal_error *error = NULL;
    seal_channel_options_init(&options);
    options.spn_class = spn_class;
    assert_int_equal(seal_channel_new(c.runtime, target, &options, &channel, &error),
                     SEAL_ERROR_INVALID);
    assert_null(channel);
    if (strstr(seal_error_message(error), part) == NULL)
        print_error("%s\n", seal_error_message(error));
    assert_non_null(strstr(seal_error_message(error), part));
    assert_int_equal(seal_channel_new(c.runtime, target, &options, &channel, NULL),
                     SEAL_ERROR_INVALID);
    seal_error_free(error);
}

static void names_that_cannot_be_composed(void **state) {
    (void)state;
    static const char *const without_name[] = {"127.0.0.1:1",
                                               "[::1]:1",
                                               "unix:/run/x",
                                               "unix:@x",
                                               "seal:///localhost:1,127.0.0.1:1",
                                               "seal:///[::1]:1,x:2"};
    for (size_t i = 0; i < sizeof without_name / sizeof without_name[0]; i++) {
        refused(without_name[i], "echo", "server_principal");
        refused(without_name[i], "echo", without_name[i]);
    }
    refused("localhost:1", NULL, "must be named");
    refused("seal:///localhost:1,x:2", NULL, "must be named");
    refused("dns:///example.com", NULL, "must be named");
    refused("ldap:///demo.Greeter", NULL, "must be named");
    refused("localhost:1", "no class", "class");
    refused("ldap:///demo.Greeter", "a/b", "class");
    refused("http://localhost:1", "echo", "");
    refused("seal:///", "echo", "");
    refused("seal:///localhost", "echo", "");
}

static void expect_peer(seal_channel *channel, const char *principal) {
    char full[300];
    snprintf(full, sizeof full, "%s@%s", principal, IT_REALM);
    seal_result *result = it_sync(channel, NULL, &(it_request){.size = 1});
    assert_int_equal(seal_result_status(result), SEAL_STATUS_OK);
    assert_string_equal(seal_peer_principal(seal_result_peer(result)), full);
    it_expect_ok(result);
}

static void start_as(it_server *server, const char *principal) {
    seal_server_options options;
    it_server_options(&options);
    options.principal = principal;
    it_server_start(server, &options, NULL);
}

static void composed_of_class_and_host(void **state) {
    (void)state;
    char target[512];
    seal_channel_options options;
    seal_channel_options_init(&options);
    snprintf(target, sizeof target, "seal:///localhost:%u,LocalHost:%u", it_closed_port(),
             seal_server_port(b.server));
    c.channel = it_channel(&c, target, &options);
    expect_peer(c.channel, IT_SERVICE);
}

static void composed_with_a_third_part(void **state) {
    (void)state;
    char target[512];
    seal_channel_options options;
    seal_channel_options_init(&options);
    options.spn_name = "blue";
    start_as(&a, NAMED_SERVICE);
    snprintf(target, sizeof target, "localhost:%u", seal_server_port(a.server));
    c.channel = it_channel(&c, target, &options);
    expect_peer(c.channel, NAMED_SERVICE);
    /* The server without that part is another one. */
    snprintf(target, sizeof target, "localhost:%u", seal_server_port(b.server));
    seal_channel *channel = it_channel(&c, target, &options);
    it_expect(it_sync(channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAUTHENTICATED,
              SEAL_NOT_EXECUTED, NAMED_SERVICE " at ");
    seal_channel_free(channel);
}

/* The port stands in the principal, so it must be known before the server is. */
static bool start_on(it_server *server, uint16_t port) {
    char principal[64];
    char command[512];
    char address[64];
    const char *keytab = it_path("port.keytab");
    seal_server_options options;
    it_server_options(&options);
    snprintf(principal, sizeof principal, "echo/localhost:%u", port);
    snprintf(command, sizeof command,
             "kadmin.local -q 'addprinc -randkey %s' >/dev/null 2>&1 && "
             "kadmin.local -q 'ktadd -k %s %s' >/dev/null 2>&1",
             principal, keytab, principal);
    it_shell(command);
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    options.principal = principal;
    options.keytab = keytab;
    return it_server_try_start(server, &options, address, NULL) == 0;
}

static void composed_with_the_port(void **state) {
    (void)state;
    char target[512];
    char principal[64];
    uint16_t port = 0;
    bool started = false;
    for (int i = 0; i < 5 && !started; i++) { /* somebody may take the port meanwhile */
        port = it_closed_port();
        it_server_free(&a);
        started = start_on(&a, port);
    }
    assert_true(started);
    snprintf(principal, sizeof principal, "echo/localhost:%u", port);
    snprintf(target, sizeof target, "localhost:%u", port);
    seal_channel_options options;
    seal_channel_options_init(&options);
    options.spn_port = true;
    c.channel = it_channel(&c, target, &options);
    expect_peer(c.channel, principal);
    /* Each endpoint has its own. */
    snprintf(target, sizeof target, "seal:///localhost:%u,localhost:%u", it_closed_port(), port);
    seal_channel *channel = it_channel(&c, target, &options);
    expect_peer(channel, principal);
    seal_channel_free(channel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_that_works, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_is_dead, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_is_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_is_somebody_else, setup, teardown),
        cmocka_unit_test_setup_teardown(the_next_takes_over, setup, teardown),
        cmocka_unit_test_setup_teardown(all_are_dead, setup, teardown),
        cmocka_unit_test_setup_teardown(security_is_said_first, setup, teardown),
        cmocka_unit_test_setup_teardown(all_are_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deadline_names_the_endpoint, setup, teardown),
        cmocka_unit_test_setup_teardown(no_list_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(freed_while_resolving, setup, teardown),
        cmocka_unit_test_setup_teardown(names_that_cannot_be_composed, setup, teardown),
        cmocka_unit_test_setup_teardown(composed_of_class_and_host, setup, teardown),
        cmocka_unit_test_setup_teardown(composed_with_a_third_part, setup, teardown),
        cmocka_unit_test_setup_teardown(composed_with_the_port, setup, teardown),
    };
    return cmocka_run_group_tests_name("integration.targets", tests, NULL, NULL);
}
