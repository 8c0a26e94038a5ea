/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers that are killed while calls run: each call ends once, and what its execution state says
 * is what stands in the journal.
 */
#include "busy.h"

#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS = 4, HELD = 150, STREAMS = 100 };

/* ---- Under load ---- */

/* Counts the calls whose end does not agree with the journal. */
static size_t contradictions(const busy_client *c, const uint64_t *ids, size_t n) {
    size_t wrong = 0;
    for (size_t k = 0; k < c->next; k++) {
        size_t executed = journal_count(ids, n, busy_id(c, k));
        busy_end end = (busy_end)c->ends[k];
        bool right = end == BUSY_OK             ? executed == 1
                     : end == BUSY_NOT_EXECUTED ? executed == 0
                     : end == BUSY_UNKNOWN      ? executed <= 1
                                                : false;
        if (!right && wrong++ < 5)
            print_error("call %llu.%zu: end %d, executed %zu times\n",
                        (unsigned long long)c->number, k, (int)end, executed);
    }
    return wrong;
}

typedef struct load {
    busy_client *clients;
    unsigned long done;
} load;

static bool has_done(void *arg) {
    const load *l = arg;
    unsigned long done = 0;
    for (size_t i = 0; i < CLIENTS; i++)
        done += atomic_load(&l->clients[i].done);
    return done >= l->done;
}

/* One of two servers is killed at some moment. Returns how many ends were unknown. */
static size_t kill_one(process pair[2], uint64_t round, unsigned long after) {
    static busy_client clients[CLIENTS];
    char target[96];
    size_t n = 0;
    size_t wrong = 0;
    size_t unknown = 0;
    snprintf(target, sizeof target, "seal:///localhost:%u,localhost:%u", pair[0].port,
             pair[1].port);
    for (size_t i = 0; i < CLIENTS; i++)
        busy_start(&clients[i], round * CLIENTS + i + 1, target);
    it_wait(has_done, &(load){.clients = clients, .done = after}, "calls");
    process_kill(&pair[0]);
    /* They go on with the other server. */
    it_wait(has_done, &(load){.clients = clients, .done = after + 1000}, "calls after the kill");
    for (size_t i = 0; i < CLIENTS; i++)
        busy_stop(&clients[i]);
    for (size_t i = 0; i < CLIENTS; i++) {
        busy_await_idle(&clients[i]);
        busy_close(&clients[i]);
    }
    uint64_t *ids = journal_read(pair, 2, &n);
    for (size_t i = 0; i < CLIENTS; i++) {
        wrong += contradictions(&clients[i], ids, n);
        assert_true(clients[i].is_unavailable_only);
        for (size_t k = 0; k < clients[i].next; k++)
            unknown += clients[i].ends[k] == BUSY_UNKNOWN;
        busy_done(&clients[i]);
    }
    free(ids);
    assert_int_equal(wrong, 0);
    process_start(&pair[0]);
    return unknown;
}

static void killed_under_load(void **state) {
    (void)state;
    process pair[2];
    size_t unknown = 0;
    uint64_t rounds = is_full() ? 100 : 10;
    process_init(&pair[0], "killed0", 2);
    process_init(&pair[1], "killed1", 2);
    for (size_t i = 0; i < 2; i++)
        process_start(&pair[i]);
    for (uint64_t round = 0; round < rounds; round++)
        unknown += kill_one(pair, round, 500 + 137 * (round % 10));
    print_message("%llu servers killed, %zu calls with an unknown end\n",
                  (unsigned long long)rounds, unknown);
    assert_true(unknown > 0);
    for (size_t i = 0; i < 2; i++)
        process_drain(&pair[i]);
}

/* ---- In handlers ---- */

typedef struct held_call {
    uint64_t id;
    atomic_uint ends;
    seal_status status;
    seal_execution execution;
} held_call;

static atomic_uint held_ends;

static void on_held(const seal_result *result, const Jtest__Receipt *receipt, void *user) {
    held_call *h = user;
    (void)receipt;
    h->status = seal_result_status(result);
    h->execution = seal_result_execution(result);
    atomic_fetch_add(&h->ends, 1);
    atomic_fetch_add(&held_ends, 1);
}

typedef struct journal_size {
    const process *p;
    size_t n;
} journal_size;

static bool has_journaled(void *arg) {
    const journal_size *size = arg;
    size_t n = 0;
    free(journal_read(size->p, 1, &n));
    return n >= size->n;
}

/* A hundred handlers run, and fifty calls wait for a stream, when the server dies. */
static void killed_in_handlers(void **state) {
    (void)state;
    static held_call calls[HELD];
    process p;
    it_client client;
    char target[64];
    process_init(&p, "held", 1);
    p.max_streams = STREAMS;
    process_start(&p);
    snprintf(target, sizeof target, "localhost:%u", p.port);
    it_client_init(&client);
    it_client_start(&client, target, NULL);
    for (uint64_t i = 0; i < HELD; i++) {
        Jtest__Order order = JTEST__ORDER__INIT;
        order.id = calls[i].id = i + 1;
        assert_int_equal(
            jtest_journal_call_hold(client.channel, &order, NULL, on_held, &calls[i], NULL), 0);
    }
    it_wait(has_journaled, &(journal_size){.p = &p, .n = STREAMS}, "handlers");
    assert_int_equal(atomic_load(&held_ends), 0);
    process_kill(&p);
    double killed = seconds_now();
    it_wait_at_least(&held_ends, HELD, "the end of each call");
    print_message("%d calls ended within %.3f s\n", HELD, seconds_now() - killed);
    it_client_done(&client);
    size_t n = 0;
    size_t not_executed = 0;
    uint64_t *ids = journal_read(&p, 1, &n);
    assert_int_equal(n, STREAMS);
    for (size_t i = 0; i < HELD; i++) {
        size_t executed = journal_count(ids, n, calls[i].id);
        assert_int_equal(atomic_load(&calls[i].ends), 1);
        assert_int_equal(calls[i].status, SEAL_STATUS_UNAVAILABLE);
        assert_int_equal(calls[i].execution,
                         executed > 0 ? SEAL_EXECUTION_UNKNOWN : SEAL_NOT_EXECUTED);
        not_executed += executed == 0;
    }
    assert_int_equal(not_executed, HELD - STREAMS);
    free(ids);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(killed_in_handlers),
                                       cmocka_unit_test(killed_under_load)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
