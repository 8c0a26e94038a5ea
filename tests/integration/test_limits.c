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
static const it_request later = {.mode = ITEST__MODE__LATER};

static bool has_shed(void *arg) {
    const uint64_t *n = arg;
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    return stats.connections_shed >= *n;
}

static void wait_shed(uint64_t n) {
    it_wait(has_shed, &n, "connections to be shed");
}

static void connections(void **state) {
    (void)state;
    seal_server_options options;
    it_server_options(&options);
    options.max_connections = 3;
    it_start(&options, NULL);
    it_echo(it_c.channel, 1);
    int fds[2] = {it_connect(seal_server_port(it_s.server)),
                  it_connect(seal_server_port(it_s.server))};
    seal_channel *fourth = it_channel(&it_c, it_s.target, NULL);
    it_expect(it_sync(fourth, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAVAILABLE,
              SEAL_NOT_EXECUTED, NULL);
    wait_shed(1);
    it_echo(it_c.channel, 1);
    close(fds[0]);
    close(fds[1]);
    it_log_wait(&it_s.log, "refused");
    while (it_log_count(&it_s.log, "refused") < 2)
        usleep(1000);
    it_echo(fourth, 1);
    int fd = it_connect(seal_server_port(it_s.server));
    it_expect_shed(seal_server_port(it_s.server));
    close(fd);
    seal_channel_free(fourth);
}

static void half_open_per_source(void **state) {
    (void)state;
    enum { LIMIT = 5 };
    seal_server_options options;
    it_server_options(&options);
    options.max_half_open_per_source = LIMIT;
    it_start(&options, NULL);
    int fds[LIMIT];
    for (int i = 0; i < LIMIT; i++)
        fds[i] = it_connect(seal_server_port(it_s.server));
    it_expect_shed(seal_server_port(it_s.server));
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.connections_open, LIMIT);
    assert_int_equal(stats.connections_shed, 1);
    for (int i = 0; i < LIMIT; i++)
        close(fds[i]);
    it_server_wait_idle(&it_s);
    it_echo(it_c.channel, 1);
}

static void half_open_in_all(void **state) {
    (void)state;
    enum { LIMIT = 40, TRIES = 400 };
    seal_server_options options;
    it_server_options(&options);
    options.max_half_open = LIMIT;
    options.max_half_open_per_source = 100000;
    it_start(&options, NULL);
    it_echo(it_c.channel, 1);
    static int fds[TRIES];
    for (int i = 0; i < TRIES; i++)
        fds[i] = it_connect(seal_server_port(it_s.server));
    wait_shed(TRIES - LIMIT);
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_true(stats.connections_open <= LIMIT + 1);
    assert_true(stats.connections_open >= LIMIT / 4);
    it_echo(it_c.channel, 1);
    for (int i = 0; i < TRIES; i++)
        close(fds[i]);
    seal_channel_free(it_c.channel);
    it_c.channel = NULL;
    it_server_wait_idle(&it_s);
}

/* A channel takes so many calls that wait; the others are told at once. */
static void pending_calls(void **state) {
    (void)state;
    enum { STREAMS = 100, PENDING = 20, MORE = 30 };
    seal_channel_options options;
    it_channel_options(&options);
    options.max_pending = PENDING;
    it_start(NULL, &options);
    it_echo(it_c.channel, 1);
    it_ends ends = {0};
    for (size_t i = 0; i < STREAMS; i++) {
        it_async_many(it_c.channel, &later, 1, &ends);
        it_server_wait_held(&it_s, i + 1);
    }
    it_async_many(it_c.channel, &later, PENDING + MORE, &ends);
    it_wait_at_least(&ends.n, MORE, "calls to be refused");
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_RESOURCE_EXHAUSTED]), MORE);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_NOT_EXECUTED]), MORE);
    while (atomic_load(&ends.n) < STREAMS + PENDING + MORE)
        it_server_release(&it_s);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), STREAMS + PENDING);
}

/* So many calls run at once. */
static void start_with_streams(uint32_t max_streams) {
    seal_server_options options;
    it_server_options(&options);
    options.max_streams = max_streams;
    it_start(&options, NULL);
    it_echo(it_c.channel, 1);
}

static void streams(void **state) {
    (void)state;
    enum { STREAMS = 37, CALLS = 111 };
    start_with_streams(STREAMS);
    it_ends ends = {0};
    it_async_many(it_c.channel, &later, CALLS, &ends);
    it_server_wait_held(&it_s, STREAMS);
    /* A call that waits for a stream may run out of time, and has certainly not run. */
    it_expect(it_sync(it_c.channel, NULL, &(it_request){.timeout_us = 50000}),
              SEAL_STATUS_DEADLINE_EXCEEDED, SEAL_NOT_EXECUTED, "waiting for another call");
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.calls_running, STREAMS);
    while (atomic_load(&ends.n) < CALLS)
        it_server_release(&it_s);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), CALLS);
}

/* A call of which the handler goes on; cancelled when so many handlers run. */
static void call_and_cancel(it_ends *ends, size_t running) {
    seal_client_call *call = NULL;
    assert_int_equal(it_async(it_c.channel, &later, ends, &call), 0);
    it_server_wait_held(&it_s, running);
    seal_client_call_cancel(call);
    seal_client_call_unref(call);
}

/* Handlers that ignore a cancel keep their places: open and cancel in a loop does not start more of
 * them. */
static void cancelled_calls_keep_their_places(void **state) {
    (void)state;
    enum { STREAMS = 10, CALLS = 100 };
    start_with_streams(STREAMS);
    it_ends ends = {0};
    for (unsigned n = 0; n < CALLS; n++)
        call_and_cancel(&ends, n < STREAMS ? n + 1 : 0);
    it_wait_ends(&ends, CALLS);
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_true(stats.calls_running <= STREAMS);
    it_server_release(&it_s);
}

/* The client has given up calls that still run, so that it takes more places to be free than there
 * are. What the server then refuses for that waits until there is room. */
static void calls_wait_for_those_that_were_given_up(void **state) {
    (void)state;
    enum { STREAMS = 8 };
    start_with_streams(STREAMS);
    it_ends given_up = {0};
    for (unsigned n = 0; n < STREAMS; n++)
        call_and_cancel(&given_up, n + 1);
    it_wait_ends(&given_up, STREAMS);
    unsigned before = atomic_load(&it_s.runs);
    it_ends waiting = {0};
    it_async_many(it_c.channel, &(it_request){.size = 10}, STREAMS, &waiting);
    it_ends impatient = {0};
    it_async_many(it_c.channel, &(it_request){.size = 10, .timeout_us = 700000}, 1, &impatient);
    it_wait_ends(&impatient, 1); /* several refusals, and no time left for another attempt */
    assert_int_equal(atomic_load(&impatient.by_execution[SEAL_NOT_EXECUTED]), 1);
    assert_int_equal(atomic_load(&impatient.by_status[SEAL_STATUS_RESOURCE_EXHAUSTED]), 1);
    assert_int_equal(atomic_load(&waiting.n), 0);
    assert_int_equal(atomic_load(&it_s.runs), before);
    it_server_release(&it_s);
    it_wait_ends(&waiting, STREAMS);
    assert_int_equal(atomic_load(&waiting.by_status[SEAL_STATUS_OK]), STREAMS);
    assert_int_equal(atomic_load(&it_s.runs), before + STREAMS);
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
        cmocka_unit_test_teardown(connections, it_teardown),
        cmocka_unit_test_teardown(half_open_per_source, it_teardown),
        cmocka_unit_test_teardown(half_open_in_all, it_teardown),
        cmocka_unit_test_teardown(pending_calls, it_teardown),
        cmocka_unit_test_teardown(streams, it_teardown),
        cmocka_unit_test_teardown(cancelled_calls_keep_their_places, it_teardown),
        cmocka_unit_test_teardown(calls_wait_for_those_that_were_given_up, it_teardown),
    };
    return cmocka_run_group_tests_name("integration.limits", tests, NULL, NULL);
}
