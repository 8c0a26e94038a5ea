/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that are sent again, and calls that must not be: which, when, and how often. */
#include "attempts.h"

#include <stdlib.h>

#include "client/client_internal.h"

/* ---- Which ---- */

static void by_idempotency(void **state) {
    (void)state;
    at_expect(at_run(itest_attempts_sync_plain, at_script_of(1, 2, SEAL_STATUS_UNAVAILABLE)), 1,
              SEAL_STATUS_UNAVAILABLE, SEAL_EXECUTED, 1);
    at_expect(at_run(itest_attempts_sync_reads, at_script_of(2, 2, SEAL_STATUS_UNAVAILABLE)), 2,
              SEAL_STATUS_OK, SEAL_EXECUTED, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(at_attempt(i), i + 1);
    assert_true(at_gap_ns(0) >= 80 * MS);
    assert_true(at_gap_ns(1) >= 160 * MS);
    at_expect(at_run(itest_attempts_sync_repeats, at_script_of(3, 1, SEAL_STATUS_UNAVAILABLE)), 3,
              SEAL_STATUS_OK, SEAL_EXECUTED, 2);
    seal_channel_stats s = at_stats();
    assert_int_equal(s.calls_started, 3);
    assert_int_equal(s.calls_ok, 2);
    assert_int_equal(s.calls_failed, 1);
    assert_int_equal(s.calls_retried, 3);
    assert_int_equal(s.calls_budget_spent, 0);
}

static void by_status(void **state) {
    (void)state;
    for (uint32_t status = 1; status <= SEAL_STATUS_UNAUTHENTICATED; status++) {
        if (status != SEAL_STATUS_UNAVAILABLE)
            at_expect(
                at_run(itest_attempts_sync_repeats, at_script_of(status, 1, (seal_status)status)),
                status, (seal_status)status, SEAL_EXECUTED, 1);
    }
    assert_int_equal(at_stats().calls_retried, 0);
}

static void how_often(void **state) {
    (void)state;
    at_script s = at_script_of(1, 5, SEAL_STATUS_UNAVAILABLE);
    for (unsigned i = 0; i < AT_STEPS_MAX; i++)
        s.steps[i].advises = true; /* at once */
    at_expect(at_run(itest_attempts_sync_reads, s), 1, SEAL_STATUS_UNAVAILABLE, SEAL_EXECUTED, 3);
    seal_channel_free(it_c.channel);
    seal_channel_options options;
    it_channel_options(&options);
    options.max_attempts = 4;
    it_c.channel = it_channel(&it_c, it_s.target, &options);
    s.key = 2;
    at_expect(at_run(itest_attempts_sync_reads, s), 2, SEAL_STATUS_UNAVAILABLE, SEAL_EXECUTED, 4);
    s.key = 3;
    s.max_attempts = 1;
    at_expect(at_run(itest_attempts_sync_reads, s), 3, SEAL_STATUS_UNAVAILABLE, SEAL_EXECUTED, 1);
}

/* ---- When ---- */

static void as_the_server_says(void **state) {
    (void)state;
    at_script s = at_script_of(1, 1, SEAL_STATUS_UNAVAILABLE);
    s.steps[0].advises = true;
    s.steps[0].retry_after_ms = 400;
    at_expect(at_run(itest_attempts_sync_reads, s), 1, SEAL_STATUS_OK, SEAL_EXECUTED, 2);
    assert_true(at_gap_ns(0) >= 400 * MS);
    s.key = 2;
    s.steps[0].retry_after_ms = 0;
    at_expect(at_run(itest_attempts_sync_reads, s), 2, SEAL_STATUS_OK, SEAL_EXECUTED, 2);
    s.key = 3;
    s.steps[0].retry_after_ms = SEAL_NEVER;
    at_expect(at_run(itest_attempts_sync_reads, s), 3, SEAL_STATUS_UNAVAILABLE, SEAL_EXECUTED, 1);
    s.key = 4;
    s.steps[0].retry_after_ms = 60000; /* after the deadline: so not at all, and known now */
    s.timeout_us = 20000000;
    at_expect(at_run(itest_attempts_sync_reads, s), 4, SEAL_STATUS_UNAVAILABLE, SEAL_EXECUTED, 1);
}

static void one_deadline(void **state) {
    (void)state;
    at_script s = at_script_of(1, 2, SEAL_STATUS_UNAVAILABLE);
    s.steps[1].status = 0; /* no answer */
    s.timeout_us = 600000;
    at_expect(at_run(itest_attempts_sync_reads, s), 1, SEAL_STATUS_DEADLINE_EXCEEDED,
              SEAL_EXECUTION_UNKNOWN, 2);
}

typedef struct waiting {
    seal_channel *channel;
    size_t n;
} waiting;

static void count_waiting(void *arg) {
    waiting *w = arg;
    w->n = w->channel->retries.len;
}

static bool has_waiting(void *arg) {
    waiting *w = arg;
    return seal__runtime_run(w->channel->runtime, count_waiting, w) == 0 && w->n > 0;
}

static at_script to_come_back_later(uint32_t key) {
    at_script s = at_script_of(key, 1, SEAL_STATUS_UNAVAILABLE);
    s.steps[0].advises = true;
    s.steps[0].retry_after_ms = 600000;
    s.timeout_us = SEAL_NO_DEADLINE;
    return s;
}

/* The first attempt may have done something, so nobody says that the call was not executed. */
static void cancelled_between(void **state) {
    (void)state;
    it_ends ends = {0};
    seal_client_call *call = NULL;
    at_begin(to_come_back_later(1), &ends, &call);
    it_wait(has_waiting, &(waiting){.channel = it_c.channel}, "the call to wait");
    seal_client_call_cancel(call);
    it_wait_ends(&ends, 1);
    seal_client_call_unref(call);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_CANCELLED]), 1);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_EXECUTION_UNKNOWN]), 1);
    waiting w = {.channel = it_c.channel};
    assert_false(has_waiting(&w));
}

static void freed_between(void **state) {
    (void)state;
    it_ends ends = {0};
    for (uint32_t i = 0; i < 3; i++)
        at_begin(to_come_back_later(i), &ends, NULL);
    it_wait(has_waiting, &(waiting){.channel = it_c.channel}, "the calls to wait");
    seal_channel_free(it_c.channel);
    it_c.channel = NULL;
    it_wait_ends(&ends, 3);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_CANCELLED]), 3);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_NOT_EXECUTED]), 0);
}

/* ---- Budget ---- */

static at_script hopeless(uint32_t key) {
    at_script s = at_script_of(key, 5, SEAL_STATUS_UNAVAILABLE);
    for (unsigned i = 0; i < AT_STEPS_MAX; i++)
        s.steps[i].advises = true;
    return s;
}

static void fails_after(uint32_t key, unsigned n) {
    at_expect(at_run(itest_attempts_sync_reads, hopeless(key)), key, SEAL_STATUS_UNAVAILABLE,
              SEAL_EXECUTED, n);
}

static void budget(void **state) {
    (void)state;
    fails_after(1, 3); /* 10 - 3 */
    fails_after(2, 3); /* 7 - 3 */
    for (uint32_t key = 3; key < 20; key++)
        fails_after(key, 1);
    assert_int_equal(at_stats().calls_budget_spent, 17);
    for (uint32_t key = 100; key < 159; key++) /* 5.9: the next failure leaves less than half */
        it_expect_ok(at_run(itest_attempts_sync_reads, at_script_of(key, 0, SEAL_STATUS_OK)));
    fails_after(20, 1);
    for (uint32_t key = 200; key < 221; key++) /* 4.9 + 2.1 */
        it_expect_ok(at_run(itest_attempts_sync_reads, at_script_of(key, 0, SEAL_STATUS_OK)));
    fails_after(21, 3);
    seal_channel_stats s = at_stats();
    assert_int_equal(s.calls_ok, 80);
    assert_int_equal(s.calls_failed, 21);
    assert_int_equal(s.calls_retried, 6);
    assert_int_equal(s.calls_budget_spent, 18);
}

static void storm(void **state) {
    (void)state;
    enum { CALLS = 300 };
    it_ends ends = {0};
    for (uint32_t key = 0; key < CALLS; key++)
        at_begin(hopeless(key), &ends, NULL);
    it_wait_ends(&ends, CALLS);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_UNAVAILABLE]), CALLS);
    assert_true(at_all_executions() > CALLS);
    assert_true(at_all_executions() <= CALLS + 5);
    assert_int_equal(at_stats().calls_retried, at_all_executions() - CALLS);
}

/* ---- Until something was handed out, or is too much to be kept ---- */

typedef struct watched {
    unsigned messages;
    uint32_t last_attempt;
    seal_result *result;
} watched;

static watched watch(at_script s) {
    watched w = {.messages = 0};
    at_packed p;
    seal_client_call *call = NULL;
    const Itest__Done *message = NULL;
    at_pack(&s, &p);
    assert_int_equal(itest_attempts_start_watch(it_c.channel, &p.message, &p.options, &call), 0);
    while (itest_attempts_read_watch(call, &message) == 1) {
        w.messages++;
        w.last_attempt = message->attempt;
    }
    w.result = seal_client_call_finish(call);
    seal_client_call_unref(call);
    free(p.message.data.data);
    return w;
}

static void streams(void **state) {
    (void)state;
    watched w = watch(at_script_of(1, 2, SEAL_STATUS_UNAVAILABLE));
    assert_int_equal(w.messages, 3);
    assert_int_equal(w.last_attempt, 3);
    assert_int_equal(seal_result_attempts(w.result), 3);
    assert_int_equal(seal_result_status(w.result), SEAL_STATUS_OK);
    seal_result_free(w.result);
    at_script s = at_script_of(2, 2, SEAL_STATUS_UNAVAILABLE);
    s.steps[1].messages = 2;
    w = watch(s);
    assert_int_equal(w.messages, 2);
    assert_int_equal(seal_result_attempts(w.result), 2);
    assert_int_equal(seal_result_status(w.result), SEAL_STATUS_UNAVAILABLE);
    assert_int_equal(at_executions(2), 2);
    seal_result_free(w.result);
}

static void what_is_kept(void **state) {
    (void)state;
    at_script s = at_script_of(1, 1, SEAL_STATUS_UNAVAILABLE);
    at_packed p;
    const Itest__Done *reply = NULL;
    s.size = 250 * 1024;
    at_pack(&s, &p);
    seal_result *result = itest_attempts_sync_reads(it_c.channel, &p.message, &p.options, &reply);
    free(p.message.data.data);
    assert_non_null(reply);
    assert_int_equal(reply->size, 250 * 1024);
    assert_int_equal(reply->attempt, 2);
    at_expect(result, 1, SEAL_STATUS_OK, SEAL_EXECUTED, 2);
    s.key = 2;
    s.size = 256 * 1024 + 1;
    at_expect(at_run(itest_attempts_sync_reads, s), 2, SEAL_STATUS_UNAVAILABLE, SEAL_EXECUTED, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(by_idempotency, at_setup, at_teardown),
        cmocka_unit_test_setup_teardown(by_status, at_setup, at_teardown),
        cmocka_unit_test_setup_teardown(how_often, at_setup, at_teardown),
        cmocka_unit_test_setup_teardown(as_the_server_says, at_setup, at_teardown),
        cmocka_unit_test_setup_teardown(one_deadline, at_setup, at_teardown),
        cmocka_unit_test_setup_teardown(cancelled_between, at_setup, at_teardown),
        cmocka_unit_test_setup_teardown(freed_between, at_setup, at_teardown),
        cmocka_unit_test_setup_teardown(budget, at_setup, at_teardown),
        cmocka_unit_test_setup_teardown(storm, at_setup, at_teardown),
        cmocka_unit_test_setup_teardown(streams, at_setup, at_teardown),
        cmocka_unit_test_setup_teardown(what_is_kept, at_setup, at_teardown),
    };
    return cmocka_run_group_tests_name("integration.retry", tests, NULL, NULL);
}
