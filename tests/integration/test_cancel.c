/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cancels on the loop's own thread, in the turn in which the call was made: nothing has left yet,
 * so that it is certain that no handler runs. The loop is the test's own; it turns only when it is
 * told to.
 */
#include "own_loop.h"
#include "stream_service.h"

static void start(own_loop *own) {
    own_loop_init(own);
    own_loop_connect(own, it_s.target, &flow_flow_service);
}

typedef struct ended_call {
    unsigned ends;
    unsigned messages;
    seal_client_call *cancel; /* another one, when this one ends */
    seal_result *result;
} ended_call;

static void done(const seal_result *result, void *user) {
    ended_call *e = user;
    e->ends++;
    e->result = seal_result_ref(result);
    seal_client_call_cancel(e->cancel);
}

static void done_one(const seal_result *result, const Flow__Item *reply, void *user) {
    (void)reply;
    done(result, user);
}

static void got(seal_client_call *call, const Flow__Item *item, void *user) {
    (void)call;
    (void)item;
    ((ended_call *)user)->messages++;
}

static void run_until(own_loop *own, const unsigned *counter, unsigned n) {
    for (unsigned turns = 0; *counter < n && turns < 100000; turns++)
        uv_run(&own->loop, UV_RUN_ONCE);
    assert_int_equal(*counter, n);
}

/* never: the server does not answer. */
static seal_client_call *call_as(own_loop *own, ended_call *e, bool never) {
    static char text[] = "never";
    seal_client_call *call = NULL;
    Flow__Item item = flow_item(1, 10);
    if (never)
        item.text = text;
    *e = (ended_call){.ends = 0};
    assert_int_equal(flow_flow_call_one(own->channel, &item, NULL, done_one, e, &call), 0);
    return call;
}

static seal_client_call *call_one(own_loop *own, ended_call *e) {
    return call_as(own, e, false);
}

static void is_ok(own_loop *own, ended_call *e) {
    run_until(own, &e->ends, 1);
    assert_int_equal(seal_result_status(e->result), SEAL_STATUS_OK);
    seal_result_free(e->result);
}

static void one_works(own_loop *own) {
    ended_call e;
    seal_client_call_unref(call_one(own, &e));
    is_ok(own, &e);
}

static void is_taken_back(own_loop *own, ended_call *e) {
    assert_int_equal(e->ends, 0);
    run_until(own, &e->ends, 1);
    assert_int_equal(seal_result_status(e->result), SEAL_STATUS_CANCELLED);
    assert_int_equal(seal_result_execution(e->result), SEAL_NOT_EXECUTED);
    assert_int_equal(seal_result_attempts(e->result), 0);
    seal_result_free(e->result);
}

static uint64_t calls_of_the_server(void) {
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    return stats.calls_started;
}

static void in_the_same_turn(void **state) {
    (void)state;
    own_loop own;
    start(&own);
    one_works(&own);
    for (int i = 0; i < 20; i++) {
        ended_call e;
        seal_client_call *call = call_one(&own, &e);
        seal_client_call_cancel(call);
        seal_client_call_cancel(call);
        is_taken_back(&own, &e);
        seal_client_call_unref(call);
    }
    one_works(&own);
    assert_int_equal(calls_of_the_server(), 2);
    own_loop_done(&own);
}

/* What is done to a call between its cancel and its end does no harm. */
static void streams_in_the_same_turn(void **state) {
    (void)state;
    own_loop own;
    start(&own);
    one_works(&own);
    for (int i = 0; i < 20; i++) {
        ended_call e = {.ends = 0};
        seal_client_call *call = NULL;
        Flow__Item item = flow_item(1, 100);
        assert_int_equal(flow_flow_open_both(own.channel, NULL, got, done, &e, &call), 0);
        assert_int_equal(flow_flow_write_both(call, &item), 0);
        seal_client_call_cancel(call);
        assert_int_equal(flow_flow_write_both(call, &item), 0);
        seal_client_call_read(call, 1);
        seal_client_call_end(call);
        is_taken_back(&own, &e);
        assert_int_equal(flow_flow_write_both(call, &item), SEAL_ERROR_CLOSED);
        assert_int_equal(e.messages, 0);
        seal_client_call_unref(call);
    }
    one_works(&own);
    assert_int_equal(calls_of_the_server(), 2);
    own_loop_done(&own);
}

/* More than a record: the first part of the call is sealed, and nobody can take it back. */
static void too_late(void **state) {
    (void)state;
    own_loop own;
    ended_call e = {.ends = 0};
    seal_client_call *call = NULL;
    start(&own);
    one_works(&own);
    assert_int_equal(flow_flow_open_both(own.channel, NULL, got, done, &e, &call), 0);
    for (uint32_t i = 0; i < 6; i++) {
        Flow__Item item = flow_item(i, 15000);
        (void)flow_flow_write_both(call, &item);
    }
    seal_client_call_cancel(call);
    assert_int_equal(e.ends, 0);
    run_until(&own, &e.ends, 1);
    assert_int_equal(seal_result_status(e.result), SEAL_STATUS_CANCELLED);
    assert_int_equal(seal_result_execution(e.result), SEAL_EXECUTION_UNKNOWN);
    assert_int_equal(seal_result_attempts(e.result), 1);
    seal_result_free(e.result);
    seal_client_call_unref(call);
    own_loop_done(&own);
}

/* It waits for the connection, which comes before its end is told. */
static void while_it_waits(void **state) {
    (void)state;
    own_loop own;
    ended_call e;
    ended_call other;
    start(&own);
    seal_client_call *call = call_one(&own, &e);
    seal_client_call_cancel(call);
    is_taken_back(&own, &e);
    seal_client_call_unref(call);
    seal_client_call_unref(call_one(&own, &other));
    for (int i = 0; i < 3; i++)
        uv_run(&own.loop, UV_RUN_NOWAIT);
    call = call_one(&own, &e);
    seal_client_call_cancel(call);
    is_taken_back(&own, &e);
    seal_client_call_unref(call);
    is_ok(&own, &other);
    assert_int_equal(calls_of_the_server(), 1);
    own_loop_done(&own);
}

/* In the callbacks of others: of one that has got its reply, and of one that ends with the channel.
 */
static void in_callbacks(void **state) {
    (void)state;
    own_loop own;
    ended_call first;
    ended_call second;
    start(&own);
    one_works(&own);
    seal_client_call_unref(call_one(&own, &first));
    run_until(&own, &first.ends, 1);
    seal_result_free(first.result);
    seal_client_call_unref(call_one(&own, &first));
    seal_client_call *call = call_one(&own, &second);
    first.cancel = call;
    run_until(&own, &first.ends, 1);
    run_until(&own, &second.ends, 1);
    seal_result_free(first.result);
    seal_result_free(second.result);
    seal_client_call_unref(call);
    seal_client_call_unref(call_as(&own, &first, true));
    call = call_as(&own, &second, true);
    first.cancel = call;
    own_loop_done(&own);
    assert_int_equal(first.ends, 1);
    assert_int_equal(second.ends, 1);
    assert_int_equal(seal_result_status(second.result), SEAL_STATUS_CANCELLED);
    seal_result_free(first.result);
    seal_result_free(second.result);
    seal_client_call_unref(call);
}

/* Taken back, and then the channel is freed before the end was told. */
static void freed_before_the_end(void **state) {
    (void)state;
    own_loop own;
    ended_call e;
    start(&own);
    one_works(&own);
    seal_client_call *call = call_one(&own, &e);
    seal_client_call_cancel(call);
    own_loop_done(&own);
    assert_int_equal(e.ends, 1);
    assert_int_equal(seal_result_execution(e.result), SEAL_NOT_EXECUTED);
    seal_result_free(e.result);
    seal_client_call_unref(call);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stream_setup, stream_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(in_the_same_turn), TEST(streams_in_the_same_turn),
        TEST(too_late),         TEST(while_it_waits),
        TEST(in_callbacks),     TEST(freed_before_the_end),
    };
    return cmocka_run_group_tests_name("integration.cancel", tests, NULL, NULL);
}
