/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that are lost and servers that restart while calls run. */
#include "attempts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client_internal.h"

/* ---- Lost connections ---- */

static void lose_connection(void *arg) {
    seal_channel *channel = arg;
    seal_error *why = NULL;
    seal__error(&why, SEAL_ERROR_TRANSPORT, "the cable was pulled");
    seal__conn_close(channel->conn, SEAL__CLOSE_INTERNAL, why);
}

static void lost_by_idempotency(void **state) {
    (void)state;
    static const struct {
        bool is_idempotent;
        seal_status status;
        unsigned executions;
    } rows[] = {{false, SEAL_STATUS_UNAVAILABLE, 1}, {true, SEAL_STATUS_OK, 2}};
    for (uint32_t i = 0; i < 2; i++) {
        it_ends ends = {0};
        at_script s = at_script_of(i, 1, SEAL_STATUS_OK); /* no answer to the first */
        at_packed p;
        at_pack(&s, &p);
        assert_int_equal(
            (rows[i].is_idempotent ? itest_attempts_call_repeats : itest_attempts_call_plain)(
                it_c.channel, &p.message, &p.options, at_count_end, &ends, NULL),
            0);
        free(p.message.data.data);
        at_wait_executed(i);
        assert_int_equal(seal__runtime_run(it_c.runtime, lose_connection, it_c.channel), 0);
        it_wait_ends(&ends, 1);
        assert_int_equal(atomic_load(&ends.by_status[rows[i].status]), 1);
        assert_int_equal(at_executions(i), rows[i].executions);
        assert_int_equal(atomic_load(&ends.by_execution[SEAL_EXECUTION_UNKNOWN]),
                         !rows[i].is_idempotent);
    }
}

typedef struct sudden_end {
    it_ends ends;
    bool is_polite;
} sudden_end;

/* In one turn of the loop, so that nothing was written. */
static void call_and_lose(void *arg) {
    sudden_end *e = arg;
    at_script s = at_script_of(7, 0, SEAL_STATUS_OK);
    at_packed p;
    at_pack(&s, &p);
    atomic_fetch_add(&e->ends.wrong_data,
                     itest_attempts_call_plain(it_c.channel, &p.message, &p.options, at_count_end,
                                               &e->ends, NULL) != 0);
    free(p.message.data.data);
    if (e->is_polite)
        lose_connection(it_c.channel);
    else
        seal__conn_fail(it_c.channel->conn, SEAL_ERROR_TRANSPORT, NULL);
}

static void call_on_a_lost_connection(sudden_end *e) {
    it_expect_ok(at_run(itest_attempts_sync_plain, at_script_of(1, 0, SEAL_STATUS_OK)));
    assert_int_equal(seal__runtime_run(it_c.runtime, call_and_lose, e), 0);
    it_wait_ends(&e->ends, 1);
    it_expect_ok(at_run(itest_attempts_sync_plain, at_script_of(2, 0, SEAL_STATUS_OK)));
    assert_int_equal(at_stats().calls_retried, 0);
    assert_int_equal(at_stats().connections_made, 2);
}

static void never_left(void **state) {
    (void)state;
    sudden_end e = {.is_polite = false};
    call_on_a_lost_connection(&e);
    assert_int_equal(atomic_load(&e.ends.by_status[SEAL_STATUS_OK]), 1);
    assert_int_equal(at_executions(7), 1);
    assert_int_equal(at_all_executions(), 3);
}

/* What lies in the outbox leaves with the farewell, and then it may have run. */
static void left_with_the_farewell(void **state) {
    (void)state;
    sudden_end e = {.is_polite = true};
    call_on_a_lost_connection(&e);
    assert_int_equal(atomic_load(&e.ends.by_status[SEAL_STATUS_UNAVAILABLE]), 1);
    assert_int_equal(atomic_load(&e.ends.by_execution[SEAL_EXECUTION_UNKNOWN]), 1);
    assert_true(at_executions(7) <= 1);
}

/* ---- Restarts ---- */

enum { THREADS = 4, RESTARTS = 6, CALLS_BETWEEN = 30 };

static struct {
    at_sync_fn *method;
    atomic_bool stop;
    atomic_uint next_key;
    atomic_uint ok[THREADS];
    atomic_uint failed;
} traffic;

static void *run_traffic(void *arg) {
    atomic_uint *ok = arg;
    while (!atomic_load(&traffic.stop)) {
        at_script s = at_script_of(atomic_fetch_add(&traffic.next_key, 1), 0, SEAL_STATUS_OK);
        s.wait_for_ready = true;
        seal_result *result = at_run(traffic.method, s);
        bool works = seal_result_status(result) == SEAL_STATUS_OK;
        if (!works)
            print_error("%s (%s): %s\n", seal_status_name(seal_result_status(result)),
                        seal_execution_name(seal_result_execution(result)),
                        seal_result_message(result));
        seal_result_free(result);
        atomic_fetch_add(works ? ok : &traffic.failed, 1);
    }
    return NULL;
}

static void wait_traffic(void) {
    unsigned from[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        from[i] = atomic_load(&traffic.ok[i]);
    for (size_t i = 0; i < THREADS; i++)
        it_wait_at_least(&traffic.ok[i], from[i] + CALLS_BETWEEN, "calls to succeed");
}

static void under_traffic(at_sync_fn *method, void (*stop)(void)) {
    pthread_t threads[THREADS];
    char target[160];
    memset(&traffic, 0, sizeof traffic);
    traffic.method = method;
    snprintf(target, sizeof target, "%s", it_s.target);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_traffic, &traffic.ok[i]), 0);
    for (unsigned n = 0; n < RESTARTS; n++) {
        wait_traffic();
        stop();
        it_server_start(&it_s, NULL, target);
    }
    wait_traffic();
    atomic_store(&traffic.stop, true);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&traffic.failed), 0);
    assert_true(atomic_load(&traffic.next_key) < AT_KEYS);
    assert_true(at_stats().connections_made > RESTARTS);
}

static void drain(void) {
    seal_error *error = NULL;
    int rc = seal_server_drain(it_s.server, 60000, &error);
    if (rc != 0)
        print_error("%s\n", seal_error_message(error));
    seal_error_free(error);
    assert_int_equal(rc, 0);
    it_server_free(&it_s);
}

/* Calls that may run once only: none fails, and each has run once. */
static void drained(void **state) {
    (void)state;
    under_traffic(itest_attempts_sync_plain, drain);
    for (uint32_t key = 0; key < atomic_load(&traffic.next_key); key++)
        assert_int_equal(at_executions(key), 1);
}

static void kill_it(void) {
    it_server_free(&it_s);
}

/* A server that goes without a word: those that may run twice do. */
static void killed(void **state) {
    (void)state;
    under_traffic(itest_attempts_sync_repeats, kill_it);
    for (uint32_t key = 0; key < atomic_load(&traffic.next_key); key++)
        assert_in_range(at_executions(key), 1, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lost_by_idempotency, at_setup, at_teardown),
        cmocka_unit_test_setup_teardown(never_left, at_setup, at_teardown),
        cmocka_unit_test_setup_teardown(left_with_the_farewell, at_setup, at_teardown),
        cmocka_unit_test_setup_teardown(drained, at_setup, at_teardown),
        cmocka_unit_test_setup_teardown(killed, at_setup, at_teardown),
    };
    return cmocka_run_group_tests_name("integration.restarts", tests, NULL, NULL);
}
