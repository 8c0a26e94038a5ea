/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rolling restart fails no call, and every call is executed exactly once: three servers, eight
 * busy clients, and one server after the other is told to drain and started again.
 */
#include "busy.h"

#include <stdio.h>
#include <stdlib.h>

enum { SERVERS = 3, CLIENTS = 8, RESTARTS = 10 };

static process servers[SERVERS];
static busy_client clients[CLIENTS];

static size_t wanted_calls(void) {
    return is_full() ? 1000000 : 100000;
}

static size_t done_calls(void) {
    size_t done = 0;
    for (size_t i = 0; i < CLIENTS; i++)
        done += atomic_load(&clients[i].done);
    return done;
}

static size_t failed_calls(void) {
    size_t failed = 0;
    for (size_t i = 0; i < CLIENTS; i++)
        failed += atomic_load(&clients[i].failed);
    return failed;
}

typedef struct progress {
    size_t done;
} progress;

static bool has_progressed(void *arg) {
    const progress *p = arg;
    return done_calls() >= p->done || failed_calls() > 0;
}

static void await_calls(size_t done) {
    progress p = {.done = done};
    size_t before = 0;
    /* As long as there is progress, however slow. */
    while (!has_progressed(&p)) {
        before = done_calls();
        progress next = {.done = before + 1000 < done ? before + 1000 : done};
        it_wait(has_progressed, &next, "calls to go on");
    }
}

/* The list, which begins with another server for each client. */
static void make_target(char *target, size_t size, size_t first) {
    snprintf(target, size, "seal:///localhost:%u,localhost:%u,localhost:%u",
             servers[first % SERVERS].port, servers[(first + 1) % SERVERS].port,
             servers[(first + 2) % SERVERS].port);
}

static void say_failures(void) {
    for (size_t i = 0; i < CLIENTS; i++) {
        if (atomic_load(&clients[i].failed) > 0)
            print_error("client %zu: %lu of %zu calls failed; the first: %s\n", i,
                        atomic_load(&clients[i].failed), clients[i].next, clients[i].first_failure);
    }
}

static void check_journal(void) {
    size_t n = 0;
    size_t calls = 0;
    size_t wrong = 0;
    uint64_t *ids = journal_read(servers, SERVERS, &n);
    for (size_t i = 0; i < CLIENTS; i++) {
        calls += clients[i].next;
        for (size_t k = 0; k < clients[i].next; k++) {
            size_t executed = journal_count(ids, n, busy_id(&clients[i], k));
            if (executed == 1 && clients[i].ends[k] == BUSY_OK)
                continue;
            if (wrong++ < 5)
                print_error("client %zu, call %zu: end %d, executed %zu times\n", i, k,
                            clients[i].ends[k], executed);
        }
    }
    free(ids);
    assert_int_equal(wrong, 0);
    assert_int_equal(n, calls);
}

static void rolling_restart(void **state) {
    (void)state;
    double start = seconds_now();
    for (unsigned i = 0; i < SERVERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "rolling%u", i);
        process_init(&servers[i], name, i == 0 ? 1 : 2);
        process_start(&servers[i]);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        char target[128];
        make_target(target, sizeof target, i);
        busy_start(&clients[i], i + 1, target);
    }
    for (size_t i = 0; i < RESTARTS; i++) {
        await_calls(wanted_calls() * (i + 1) / (RESTARTS + 1));
        process_drain(&servers[i % SERVERS]);
        process_start(&servers[i % SERVERS]);
    }
    await_calls(wanted_calls());
    uint64_t connections = 0;
    for (size_t i = 0; i < CLIENTS; i++)
        busy_stop(&clients[i]);
    for (size_t i = 0; i < CLIENTS; i++) {
        seal_channel_stats stats;
        busy_await_idle(&clients[i]);
        seal_channel_get_stats(clients[i].channel, &stats);
        connections += stats.connections_made;
        busy_close(&clients[i]);
    }
    for (size_t i = 0; i < SERVERS; i++)
        process_drain(&servers[i]);
    print_message("%zu calls, %d restarts, %llu connections, %.1f s\n", done_calls(), RESTARTS,
                  (unsigned long long)connections, seconds_now() - start);
    say_failures();
    check_journal();
    assert_int_equal(failed_calls(), 0);
    assert_true(connections > CLIENTS); /* the restarts did concern them */
    for (size_t i = 0; i < CLIENTS; i++)
        busy_done(&clients[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rolling_restart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
