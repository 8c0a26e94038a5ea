/* SPDX-License-Identifier: Apache-2.0 */
/* What a server and a channel refuse because there is too much of it. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char self[300];

typedef struct shed_at_least {
    it_server *server;
    uint64_t n;
} shed_at_least;

static bool has_shed(void *arg) {
    const shed_at_least *a = arg;
    seal_server_stats stats;
    it_server_stats(a->server, &stats);
    return stats.connections_shed >= a->n;
}

static void wait_shed(it_server *server, uint64_t n) {
    shed_at_least a = {.server = server, .n = n};
    it_wait(has_shed, &a, "connections to be shed");
}

static void connections(void **state) {
    (void)state;
    static it_server s;
    static it_client c;
    uint8_t rest[64];
    seal_server_options options;
    it_server_options(&options);
    options.max_connections = 3;
    it_server_init(&s);
    it_server_start(&s, &options, NULL);
    it_client_start(&c, s.target, NULL);
    it_echo(c.channel, 1);
    int fds[2] = {it_connect(seal_server_port(s.server)), it_connect(seal_server_port(s.server))};
    seal_channel *fourth = it_channel(&c, s.target, NULL);
    it_expect(it_sync(fourth, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAVAILABLE,
              SEAL_NOT_EXECUTED, NULL);
    wait_shed(&s, 1);
    it_echo(c.channel, 1);
    close(fds[0]);
    close(fds[1]);
    it_log_wait(&s.log, "refused");
    while (it_log_count(&s.log, "refused") < 2)
        usleep(1000);
    it_echo(fourth, 1);
    int fd = it_connect(seal_server_port(s.server));
    int over = it_connect(seal_server_port(s.server));
    assert_int_equal(it_read_to_end(over, rest, sizeof rest), 0);
    close(over);
    close(fd);
    seal_channel_free(fourth);
    it_client_done(&c);
    it_server_done(&s);
}

static void half_open_per_source(void **state) {
    (void)state;
    enum { LIMIT = 5 };
    static it_server s;
    static it_client c;
    uint8_t rest[64];
    seal_server_options options;
    it_server_options(&options);
    options.max_half_open_per_source = LIMIT;
    it_server_init(&s);
    it_server_start(&s, &options, NULL);
    int fds[LIMIT];
    for (int i = 0; i < LIMIT; i++)
        fds[i] = it_connect(seal_server_port(s.server));
    int over = it_connect(seal_server_port(s.server));
    assert_int_equal(it_read_to_end(over, rest, sizeof rest), 0);
    close(over);
    seal_server_stats stats;
    it_server_stats(&s, &stats);
    assert_int_equal(stats.connections_open, LIMIT);
    assert_int_equal(stats.connections_shed, 1);
    for (int i = 0; i < LIMIT; i++)
        close(fds[i]);
    it_server_wait_idle(&s);
    it_client_start(&c, s.target, NULL);
    it_echo(c.channel, 1);
    it_client_done(&c);
    it_server_done(&s);
}

static void half_open_in_all(void **state) {
    (void)state;
    enum { LIMIT = 40, TRIES = 400 };
    static it_server s;
    static it_client c;
    seal_server_options options;
    it_server_options(&options);
    options.max_half_open = LIMIT;
    options.max_half_open_per_source = 100000;
    it_server_init(&s);
    it_server_start(&s, &options, NULL);
    it_client_start(&c, s.target, NULL);
    it_echo(c.channel, 1);
    static int fds[TRIES];
    for (int i = 0; i < TRIES; i++)
        fds[i] = it_connect(seal_server_port(s.server));
    wait_shed(&s, TRIES - LIMIT);
    seal_server_stats stats;
    it_server_stats(&s, &stats);
    assert_true(stats.connections_open <= LIMIT + 1);
    assert_true(stats.connections_open >= LIMIT / 4);
    it_echo(c.channel, 1);
    for (int i = 0; i < TRIES; i++)
        close(fds[i]);
    it_client_done(&c);
    it_server_wait_idle(&s);
    it_server_done(&s);
}

/* A channel takes so many calls that wait; the others are told at once. */
static void pending_calls(void **state) {
    (void)state;
    enum { STREAMS = 100, PENDING = 20, MORE = 30 };
    static it_server s;
    static it_client c;
    seal_channel_options options;
    it_channel_options(&options);
    options.max_pending = PENDING;
    it_server_init(&s);
    it_server_start(&s, NULL, NULL);
    it_client_start(&c, s.target, &options);
    it_echo(c.channel, 1);
    it_ends ends = {0};
    for (int i = 0; i < STREAMS; i++) {
        assert_int_equal(
            it_async(c.channel, &(it_request){.mode = ITEST__MODE__LATER}, &ends, NULL), 0);
        it_server_wait_held(&s, (size_t)i + 1);
    }
    for (int i = 0; i < PENDING + MORE; i++)
        assert_int_equal(
            it_async(c.channel, &(it_request){.mode = ITEST__MODE__LATER}, &ends, NULL), 0);
    it_wait_at_least(&ends.n, MORE, "calls to be refused");
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_RESOURCE_EXHAUSTED]), MORE);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_NOT_EXECUTED]), MORE);
    while (atomic_load(&ends.n) < STREAMS + PENDING + MORE)
        it_server_release(&s);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), STREAMS + PENDING);
    it_client_done(&c);
    it_server_done(&s);
}

static void streams(void **state) {
    (void)state;
    enum { STREAMS = 37, CALLS = 111 };
    static it_server s;
    static it_client c;
    seal_server_options options;
    it_server_options(&options);
    options.max_streams = STREAMS;
    it_server_init(&s);
    it_server_start(&s, &options, NULL);
    it_client_start(&c, s.target, NULL);
    it_echo(c.channel, 1);
    it_ends ends = {0};
    for (int i = 0; i < CALLS; i++)
        assert_int_equal(
            it_async(c.channel, &(it_request){.mode = ITEST__MODE__LATER}, &ends, NULL), 0);
    it_server_wait_held(&s, STREAMS);
    /* A call that waits for a stream may run out of time, and has certainly not run. */
    it_expect(it_sync(c.channel, NULL, &(it_request){.timeout_us = 50000}),
              SEAL_STATUS_DEADLINE_EXCEEDED, SEAL_NOT_EXECUTED, "waiting for another call");
    seal_server_stats stats;
    it_server_stats(&s, &stats);
    assert_int_equal(stats.calls_running, STREAMS);
    while (atomic_load(&ends.n) < CALLS)
        it_server_release(&s);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), CALLS);
    it_client_done(&c);
    it_server_done(&s);
}

/* Handlers that ignore a cancel keep their places: open and cancel in a loop does not start more of
 * them. */
static void cancelled_calls_keep_their_places(void **state) {
    (void)state;
    enum { STREAMS = 10 };
    static it_server s;
    static it_client c;
    seal_server_options options;
    it_server_options(&options);
    options.max_streams = STREAMS;
    it_server_init(&s);
    it_server_start(&s, &options, NULL);
    it_client_start(&c, s.target, NULL);
    it_echo(c.channel, 1);
    it_ends ends = {0};
    unsigned n = 0;
    for (; n < 100; n++) {
        seal_client_call *call = NULL;
        assert_int_equal(
            it_async(c.channel, &(it_request){.mode = ITEST__MODE__LATER}, &ends, &call), 0);
        if (n < STREAMS)
            it_server_wait_held(&s, n + 1);
        seal_client_call_cancel(call);
        seal_client_call_unref(call);
    }
    it_wait_ends(&ends, n);
    seal_server_stats stats;
    it_server_stats(&s, &stats);
    assert_true(stats.calls_running <= STREAMS);
    it_server_release(&s);
    it_client_done(&c);
    it_server_done(&s);
}

/* The client has given up calls that still run, so that it takes more places to be free than there
 * are. What the server then refuses for that waits until there is room. */
static void calls_wait_for_those_that_were_given_up(void **state) {
    (void)state;
    enum { STREAMS = 8 };
    static it_server s;
    static it_client c;
    seal_server_options options;
    it_server_options(&options);
    options.max_streams = STREAMS;
    it_server_init(&s);
    it_server_start(&s, &options, NULL);
    it_client_start(&c, s.target, NULL);
    it_echo(c.channel, 1);
    it_ends given_up = {0};
    for (unsigned n = 0; n < STREAMS; n++) {
        seal_client_call *call = NULL;
        assert_int_equal(
            it_async(c.channel, &(it_request){.mode = ITEST__MODE__LATER}, &given_up, &call), 0);
        it_server_wait_held(&s, n + 1);
        seal_client_call_cancel(call);
        seal_client_call_unref(call);
    }
    it_wait_ends(&given_up, STREAMS);
    unsigned before = atomic_load(&s.runs);
    it_ends waiting = {0};
    for (unsigned n = 0; n < STREAMS; n++)
        assert_int_equal(it_async(c.channel, &(it_request){.size = 10}, &waiting, NULL), 0);
    it_ends impatient = {0};
    assert_int_equal(
        it_async(c.channel, &(it_request){.size = 10, .timeout_us = 700000}, &impatient, NULL), 0);
    it_wait_ends(&impatient, 1); /* several refusals, and no time left for another attempt */
    assert_int_equal(atomic_load(&impatient.by_execution[SEAL_NOT_EXECUTED]), 1);
    assert_int_equal(atomic_load(&impatient.by_status[SEAL_STATUS_RESOURCE_EXHAUSTED]), 1);
    assert_int_equal(atomic_load(&waiting.n), 0);
    assert_int_equal(atomic_load(&s.runs), before);
    it_server_release(&s);
    it_wait_ends(&waiting, STREAMS);
    assert_int_equal(atomic_load(&waiting.by_status[SEAL_STATUS_OK]), STREAMS);
    assert_int_equal(atomic_load(&s.runs), before + STREAMS);
    it_client_done(&c);
    it_server_done(&s);
}

/* ---- Out of file descriptors: in a process of its own ---- */

static int run_out_of_descriptors(void) {
    static it_server s;
    struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};
    it_server_init(&s);
    it_server_start(&s, NULL, NULL);
    uint16_t port = seal_server_port(s.server);
    printf("%u\n", port);
    fflush(stdout);
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 2;
    /* Serves until standard input ends. */
    char byte = 0;
    while (read(0, &byte, 1) > 0) {
    }
    it_server_done(&s);
    return atomic_load(&s.runs) >= 1 ? 0 : 3;
}

static void descriptors(void **state) {
    (void)state;
    enum { TRIES = 150 };
    static it_client c;
    static int fds[TRIES];
    int in[2];
    int out[2];
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        for (int fd = 3; fd < 100; fd++)
            close(fd);
        execl(self, self, "--out-of-descriptors", (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    FILE *lines = fdopen(out[0], "r");
    unsigned port = 0;
    assert_int_equal(fscanf(lines, "%u", &port), 1);
    for (int i = 0; i < TRIES; i++)
        fds[i] = it_connect((uint16_t)port);
    for (int i = 0; i < TRIES; i++)
        close(fds[i]);
    /* It recovers: a client gets in, at the latest when the server has seen the others go. */
    char target[64];
    snprintf(target, sizeof target, "127.0.0.1:%u", port);
    it_client_start(&c, target, NULL);
    bool works = false;
    for (int i = 0; i < 1000 && !works; i++) {
        seal_result *result = it_sync(c.channel, NULL, &(it_request){.size = 1});
        works = seal_result_status(result) == SEAL_STATUS_OK;
        seal_result_free(result);
        if (!works)
            usleep(5000);
    }
    assert_true(works);
    it_client_done(&c);
    close(in[1]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    fclose(lines);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--out-of-descriptors") == 0)
        return run_out_of_descriptors();
    snprintf(self, sizeof self, "%s", argv[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors),
        cmocka_unit_test(connections),
        cmocka_unit_test(half_open_per_source),
        cmocka_unit_test(half_open_in_all),
        cmocka_unit_test(pending_calls),
        cmocka_unit_test(streams),
        cmocka_unit_test(cancelled_calls_keep_their_places),
        cmocka_unit_test(calls_wait_for_those_that_were_given_up),
    };
    return cmocka_run_group_tests_name("integration.limits", tests, NULL, NULL);
}
