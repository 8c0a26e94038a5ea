/* SPDX-License-Identifier: Apache-2.0 */
/* Streams at the server, with handlers on the loop: order, asking, back-pressure, early answers,
 * cancels in every state. */
#include "flow_rig.h"

#include <string.h>

/* ---- Handlers ---- */

enum { DOWN_MESSAGES = 4096, DOWN_SIZE = 1024 };

static const uint32_t read_all = SEAL_READ_ALL;

static void on_cancel(seal_call *call, void *user) {
    (void)user;
    FLOW_CHECK(seal_call_is_cancelled(call));
    atomic_fetch_add(&flow_s.cancels, 1);
}

/* Sends every message back, one at a time; what has no room waits. */
typedef struct echo {
    uint32_t waiting; /* its number + 1; 0: none */
    size_t size;
    bool ended; /* the client sends no more: that is not asked for, and comes while one waits */
} echo;

static void echo_finish(seal_call *call) {
    FLOW_CHECK(seal_call_finish(call) == 0);
    FLOW_CHECK(seal_call_finish(call) == SEAL_ERROR_ALREADY);
    seal_call_unref(call);
}

static void echo_send(seal_call *call, echo *state) {
    Flow__Item item = flow_item(state->waiting - 1, state->size);
    int rc = flow_flow_send_both(call, &item);
    if (rc == SEAL_ERROR_AGAIN) {
        atomic_fetch_add(&flow_s.agains, 1);
        return;
    }
    FLOW_CHECK(rc == 0);
    state->waiting = 0;
    if (state->ended)
        echo_finish(call);
    else
        seal_call_read(call, 1);
}

static void echo_writable(seal_call *call, void *user) {
    atomic_fetch_add(&flow_s.writables, 1);
    echo *state = user;
    if (state->waiting > 0)
        echo_send(call, state);
}

static void echo_message(seal_call *call, const Flow__Item *message, void *user) {
    echo *state = user;
    if (message == NULL) {
        atomic_fetch_add(&flow_s.ends, 1);
        state->ended = true;
        if (state->waiting == 0)
            echo_finish(call);
        return;
    }
    FLOW_CHECK(message->number == atomic_fetch_add(&flow_s.messages, 1));
    state->waiting = message->number + 1;
    state->size = message->data.len;
    echo_send(call, state);
}

static echo the_echo;

static void echo_both(seal_call *call, void *user) {
    (void)user;
    const Flow__Item *message = NULL;
    Flow__Item item = flow_item(0, 0);
    the_echo = (echo){.waiting = 0};
    atomic_fetch_add(&flow_s.runs, 1);
    seal_call_ref(call);
    FLOW_CHECK(flow_flow_take_both(call, &message) == SEAL_ERROR_INVALID); /* it does not block */
    FLOW_CHECK(flow_flow_put_both(call, &item) == SEAL_ERROR_INVALID);
    seal_call_on_writable(call, echo_writable, &the_echo);
    FLOW_CHECK(flow_flow_receive_up(call, echo_message, &the_echo) == SEAL_ERROR_INVALID);
    FLOW_CHECK(flow_flow_receive_both(call, echo_message, &the_echo) == 0);
    FLOW_CHECK(flow_flow_receive_both(call, echo_message, &the_echo) == SEAL_ERROR_ALREADY);
    seal_call_read(call, 1);
}

/* Sends as much as there is room for, and goes on when there is more. */
typedef struct source {
    uint32_t next;
    uint32_t n;
} source;

static source the_source;

static void pour(seal_call *call, void *user) {
    source *s = user;
    for (; s->next < s->n; s->next++) {
        Flow__Item item = flow_item(s->next, DOWN_SIZE);
        int rc = flow_flow_send_down(call, &item);
        if (rc == SEAL_ERROR_AGAIN) {
            atomic_fetch_add(&flow_s.agains, 1);
            return;
        }
        FLOW_CHECK(rc == 0);
        atomic_fetch_add(&flow_s.sent, 1);
    }
    FLOW_CHECK(seal_call_finish(call) == 0);
    seal_call_unref(call);
}

static void pour_more(seal_call *call, void *user) {
    atomic_fetch_add(&flow_s.writables, 1);
    pour(call, user);
}

static void pour_down(seal_call *call, const Flow__Item *request, void *user) {
    (void)user;
    atomic_fetch_add(&flow_s.runs, 1);
    the_source = (source){.n = request->number};
    seal_call_on_cancel(call, on_cancel, NULL);
    seal_call_on_writable(call, pour_more, &the_source);
    pour(seal_call_ref(call), &the_source);
}

static void pour_and_hold(seal_call *call, const Flow__Item *request, void *user) {
    flow_hold(call);
    pour_down(call, request, user);
}

/* Leaves everything to the test. */
static void hold_both(seal_call *call, void *user) {
    (void)user;
    atomic_fetch_add(&flow_s.runs, 1);
    seal_call_on_cancel(call, on_cancel, NULL);
    flow_hold(call);
}

static void hold_down(seal_call *call, const Flow__Item *request, void *user) {
    (void)request;
    hold_both(call, user);
}

static void count_message(seal_call *call, const Flow__Item *message, void *user) {
    (void)call;
    (void)user;
    if (message == NULL)
        atomic_fetch_add(&flow_s.ends, 1);
    else
        FLOW_CHECK(message->number == atomic_fetch_add(&flow_s.messages, 1));
}

static void start(const flow_flow_ops *ops) {
    flow_start(&(flow_setup){.ops = ops});
}

static const flow_flow_ops echo_ops = {
    .size = sizeof echo_ops, .both = echo_both, .down = pour_down};
static const flow_flow_ops hold_ops = {.size = sizeof hold_ops,
                                       .both = hold_both,
                                       .small = hold_both,
                                       .up = hold_both,
                                       .bob_only = hold_both,
                                       .down = hold_down};

/* ---- Order ---- */

static void messages_both_ways(void **state) {
    (void)state;
    enum { N = 1000 };
    flow_call fc;
    start(&echo_ops);
    flow_open_both(&fc, NULL);
    seal_client_call_read(fc.call, read_all);
    flow_write_all(&fc, N, 100);
    seal_client_call_end(fc.call);
    flow_await(&fc);
    assert_int_equal(atomic_load(&fc.received), N);
    flow_expect_ok(&fc);
    assert_int_equal(atomic_load(&flow_s.messages), N);
    assert_int_equal(atomic_load(&flow_s.ends), 1);
    flow_stop();
}

static void large_messages_both_ways(void **state) {
    (void)state;
    enum { N = 60 };
    flow_call fc;
    start(&echo_ops);
    flow_open_both(&fc, NULL);
    seal_client_call_read(fc.call, read_all);
    flow_write_all(&fc, N, 200 * 1024);
    seal_client_call_end(fc.call);
    flow_await(&fc);
    assert_int_equal(atomic_load(&fc.received), N);
    flow_expect_ok(&fc);
    flow_stop();
}

static void handler_runs_before_any_message(void **state) {
    (void)state;
    flow_call fc;
    start(&echo_ops);
    flow_open_both(&fc, NULL);
    it_wait_at_least(&flow_s.runs, 1, "the handler");
    assert_int_equal(atomic_load(&flow_s.messages), 0);
    seal_client_call_end(fc.call);
    flow_expect_ok(&fc);
    assert_int_equal(atomic_load(&flow_s.ends), 1);
    flow_stop();
}

/* ---- Asking ---- */

static void set_receiver(void *arg) {
    FLOW_CHECK(flow_flow_receive_both(arg, count_message, NULL) == 0);
}

static void set_receiver_again(void *arg) {
    FLOW_CHECK(flow_flow_receive_both(arg, count_message, NULL) == SEAL_ERROR_ALREADY);
}

/* What is not asked for stays with the client; asking works from any thread. */
static void messages_come_when_asked_for(void **state) {
    (void)state;
    flow_call fc;
    start(&hold_ops);
    flow_open_both(&fc, NULL);
    seal_call *call = flow_held();
    uint32_t n = 0;
    int rc = 0;
    while ((rc = flow_write(&fc, n, 4096)) == 0)
        assert_true(++n < 10000);
    assert_int_equal(rc, SEAL_ERROR_AGAIN);
    flow_on_loop(set_receiver, call);
    seal_call_read(call, 3);
    it_wait_at_least(&flow_s.messages, 3, "three messages");
    flow_on_loop(set_receiver_again, call);
    assert_int_equal(atomic_load(&flow_s.messages), 3);
    seal_client_call_end(fc.call);
    assert_int_equal(atomic_load(&flow_s.ends), 0);
    seal_call_read(call, read_all);
    it_wait_at_least(&flow_s.ends, 1, "the end of the request");
    assert_int_equal(atomic_load(&flow_s.messages), n);
    assert_int_equal(seal_call_finish(call), 0);
    seal_call_unref(call);
    flow_expect_ok(&fc);
    flow_stop();
}

/* Asked for before there is somebody to give it to; the client has ended already. */
static void receiver_comes_late(void **state) {
    (void)state;
    flow_call fc;
    start(&hold_ops);
    flow_open_both(&fc, NULL);
    seal_call *call = flow_held();
    seal_call_read(call, 5);
    assert_int_equal(flow_write(&fc, 0, 10), 0);
    seal_client_call_end(fc.call);
    it_echo(it_c.channel, 10); /* all of it has reached the server */
    assert_int_equal(atomic_load(&flow_s.messages), 0);
    flow_on_loop(set_receiver, call);
    it_wait_at_least(&flow_s.ends, 1, "the end");
    assert_int_equal(atomic_load(&flow_s.messages), 1);
    assert_int_equal(seal_call_finish(call), 0);
    seal_call_unref(call);
    flow_expect_ok(&fc);
    flow_stop();
}

/* ---- Back-pressure ---- */

static void client_that_does_not_read(void **state) {
    (void)state;
    flow_call fc;
    start(&echo_ops);
    flow_open_down(&fc, DOWN_MESSAGES, NULL);
    it_wait_at_least(&flow_s.agains, 1, "a sender that is told to wait");
    it_echo(it_c.channel, 10); /* another call is not held up */
    unsigned sent = atomic_load(&flow_s.sent);
    assert_in_range(sent, 64, 1024); /* the window of a stream, and what may wait */
    seal_client_call_read(fc.call, read_all);
    flow_await(&fc);
    assert_int_equal(atomic_load(&fc.received), DOWN_MESSAGES);
    assert_true(atomic_load(&flow_s.writables) > 0);
    flow_expect_ok(&fc);
    assert_int_equal(atomic_load(&flow_s.cancels), 0);
    flow_stop();
}

static void cancel_while_there_is_no_room(void **state) {
    (void)state;
    static const flow_flow_ops ops = {.size = sizeof ops, .down = pour_and_hold};
    flow_call fc;
    start(&ops);
    flow_open_down(&fc, DOWN_MESSAGES, NULL);
    seal_call *call = flow_held();
    it_wait_at_least(&flow_s.agains, 1, "a sender that is told to wait");
    it_echo(it_c.channel, 10);
    unsigned writables = atomic_load(&flow_s.writables);
    seal_client_call_cancel(fc.call);
    flow_expect(&fc, SEAL_STATUS_CANCELLED, SEAL_EXECUTION_UNKNOWN, NULL);
    it_wait_at_least(&flow_s.cancels, 1, "the handler is told");
    it_echo(it_c.channel, 10);
    assert_int_equal(atomic_load(&flow_s.writables), writables);
    flow_wait_figure(flow_cancelled, 1, "one call was cancelled");
    flow_wait_figure(flow_running, 1, "it runs until it is let go of");
    assert_int_equal(seal_call_finish(call), 0);
    seal_call_unref(call); /* what pour_down has */
    seal_call_unref(call);
    flow_wait_figure(flow_running, 0, "it was let go of");
    flow_stop();
}

/* ---- Answers ---- */

static void refuse_at_once(seal_call *call, void *user) {
    (void)user;
    atomic_fetch_add(&flow_s.runs, 1);
    seal_call_fail(call, SEAL_STATUS_FAILED_PRECONDITION, "not today");
    FLOW_CHECK(seal_call_finish(call) != 0);
    Flow__Item item = flow_item(0, 0);
    FLOW_CHECK(strcmp(seal_call_method(call), "flow.Flow/Both") != 0 ||
               flow_flow_send_both(call, &item) == SEAL_ERROR_ALREADY);
}

static void reply_to_first(seal_call *call, const Flow__Item *message, void *user) {
    (void)user;
    if (message == NULL) {
        atomic_fetch_add(&flow_s.ends, 1);
        return;
    }
    atomic_fetch_add(&flow_s.messages, 1);
    Flow__Item item = flow_item(message->number, 0);
    FLOW_CHECK(seal_call_finish(call) == SEAL_ERROR_INVALID);
    FLOW_CHECK(flow_flow_reply_up(call, &item) == 0);
    seal_call_unref(call);
}

static void reply_early(seal_call *call, void *user) {
    (void)user;
    atomic_fetch_add(&flow_s.runs, 1);
    FLOW_CHECK(flow_flow_receive_up(seal_call_ref(call), reply_to_first, NULL) == 0);
    seal_call_read(call, read_all);
}

static void no_answer(seal_call *call, void *user) {
    (void)call;
    (void)user;
    atomic_fetch_add(&flow_s.runs, 1);
}

/* An answer need not wait for the end of the request. */
static void early_answers(void **state) {
    (void)state;
    static const flow_flow_ops ops = {
        .size = sizeof ops, .both = refuse_at_once, .up = reply_early, .small = no_answer};
    flow_call fc;
    start(&ops);
    flow_open_both(&fc, NULL);
    flow_write(&fc, 0, 10);
    flow_expect(&fc, SEAL_STATUS_FAILED_PRECONDITION, SEAL_EXECUTED, "not today");
    flow_open_up(&fc, NULL);
    flow_write_up(&fc, 0);
    flow_write_up(&fc, 1);
    flow_expect_ok(&fc);
    assert_int_equal(atomic_load(&flow_s.messages), 1);
    assert_int_equal(atomic_load(&flow_s.ends), 0);
    flow_open_small(&fc, NULL);
    flow_expect(&fc, SEAL_STATUS_INTERNAL, SEAL_EXECUTED, "without an answer");
    it_echo(it_c.channel, 100);
    flow_wait_figure(flow_running, 0, "nothing runs any more");
    flow_stop();
}

static void refusals(void **state) {
    (void)state;
    flow_call fc;
    start(&hold_ops);
    flow_open_bob_only(&fc);
    flow_expect(&fc, SEAL_STATUS_PERMISSION_DENIED, SEAL_NOT_EXECUTED, "allow list");
    flow_open_absent(&fc);
    flow_expect(&fc, SEAL_STATUS_UNIMPLEMENTED, SEAL_NOT_EXECUTED, NULL);
    it_expect(flow_one(0, NULL), SEAL_STATUS_UNIMPLEMENTED, SEAL_NOT_EXECUTED, NULL);
    assert_int_equal(atomic_load(&flow_s.runs), 0);
    flow_wait_figure(flow_refused, 3, "three were refused");
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.calls_started, 0);
    flow_stop();
}

/* ---- Messages that cannot be taken ---- */

/* The handler is told as of a cancel, and its answer does not count. */
static void too_big_in_a_stream(void **state) {
    (void)state;
    flow_call fc;
    start(&hold_ops);
    flow_open_small(&fc, NULL);
    seal_call *call = flow_held();
    seal_call_read(call, 1);
    Flow__Item item = flow_item(0, 2000);
    assert_int_equal(flow_flow_send_small(call, &item), SEAL_ERROR_TOO_BIG);
    assert_int_equal(flow_flow_write_small(fc.call, &item), 0);
    it_wait_at_least(&flow_s.cancels, 1, "the handler is told");
    assert_int_equal(atomic_load(&fc.ended), 0); /* the slot is kept until it has answered */
    assert_int_equal(seal_call_finish(call), 0);
    seal_call_unref(call);
    flow_expect(&fc, SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_EXECUTION_UNKNOWN, "1024");
    flow_wait_figure(flow_cancelled, 0, "nobody has given it up");
    flow_stop();
}

/* As the method Both, but with bytes that are no text where text is wanted. */
static void malformed_in_a_stream(void **state) {
    (void)state;
    static uint8_t no_utf8[] = {0xff, 0xfe};
    seal_method method = flow_flow_service.methods[3];
    assert_string_equal(method.full_name, "flow.Flow/Both");
    method.request = &itest__request__descriptor;
    Itest__Request wrong = ITEST__REQUEST__INIT;
    wrong.data.data = no_utf8;
    wrong.data.len = sizeof no_utf8;
    flow_call fc;
    start(&hold_ops);
    flow_open_as(&fc, &method);
    seal_call *call = flow_held();
    flow_on_loop(set_receiver, call);
    seal_call_read(call, read_all);
    assert_int_equal(seal_client_call_write(fc.call, &method, &wrong.base), 0);
    it_wait_at_least(&flow_s.cancels, 1, "the handler is told");
    assert_int_equal(atomic_load(&flow_s.messages), 0);
    assert_int_equal(seal_call_fail(call, SEAL_STATUS_ABORTED, "does not count"), 0);
    seal_call_unref(call);
    flow_expect(&fc, SEAL_STATUS_INVALID_ARGUMENT, SEAL_EXECUTION_UNKNOWN, "flow.Item");
    flow_stop();
}

/* ---- Cancels ---- */

static void cancelled_call_is_over_for_its_client(seal_call *call) {
    Flow__Item item = flow_item(0, 0);
    it_wait_at_least(&flow_s.cancels, 1, "the handler is told");
    assert_true(seal_call_is_cancelled(call));
    assert_int_equal(flow_flow_send_both(call, &item), SEAL_ERROR_CANCELLED);
    flow_wait_figure(flow_cancelled, 1, "it was cancelled");
    flow_wait_figure(flow_running, 1, "its handler has it");
    assert_int_equal(seal_call_finish(call), 0);
    assert_int_equal(seal_call_finish(call), SEAL_ERROR_ALREADY);
    seal_call_unref(call);
    flow_wait_figure(flow_running, 0, "it was let go of");
    assert_int_equal(atomic_load(&flow_s.cancels), 1);
}

static void client_cancels(void **state) {
    (void)state;
    flow_call fc;
    start(&hold_ops);
    flow_open_both(&fc, NULL);
    seal_call *call = flow_held();
    flow_on_loop(set_receiver, call);
    seal_call_read(call, read_all);
    assert_int_equal(flow_write(&fc, 0, 10), 0);
    it_wait_at_least(&flow_s.messages, 1, "a message");
    seal_client_call_cancel(fc.call);
    flow_expect(&fc, SEAL_STATUS_CANCELLED, SEAL_EXECUTION_UNKNOWN, NULL);
    cancelled_call_is_over_for_its_client(call);
    assert_int_equal(atomic_load(&flow_s.ends), 0);
    it_echo(it_c.channel, 10);
    flow_stop();
}

static void deadline_passes(void **state) {
    (void)state;
    flow_call fc;
    seal_call_options options = flow_timeout(100000);
    start(&hold_ops);
    it_echo(it_c.channel, 1); /* connected */
    flow_open_both(&fc, &options);
    seal_call *call = flow_held();
    flow_expect(&fc, SEAL_STATUS_DEADLINE_EXCEEDED, SEAL_EXECUTION_UNKNOWN, NULL);
    cancelled_call_is_over_for_its_client(call);
    flow_stop();
}

static void connection_is_lost(void **state) {
    (void)state;
    flow_call fc;
    start(&hold_ops);
    flow_open_both(&fc, NULL);
    seal_call *call = flow_held();
    seal_channel_free(it_c.channel);
    it_c.channel = NULL;
    flow_expect(&fc, SEAL_STATUS_CANCELLED, SEAL_EXECUTION_UNKNOWN, NULL);
    cancelled_call_is_over_for_its_client(call);
    flow_stop();
}

/* The grace of a stop is over: handlers are told and waited for. */
static void stop_cancels_streams(void **state) {
    (void)state;
    flow_call fc;
    start(&hold_ops);
    flow_open_both(&fc, NULL);
    seal_call *call = flow_held();
    seal_server_stop(it_s.server, 0, NULL, NULL);
    flow_expect(&fc, SEAL_STATUS_UNAVAILABLE, SEAL_EXECUTION_UNKNOWN, NULL);
    cancelled_call_is_over_for_its_client(call);
    flow_stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_both_ways),
        cmocka_unit_test(large_messages_both_ways),
        cmocka_unit_test(handler_runs_before_any_message),
        cmocka_unit_test(messages_come_when_asked_for),
        cmocka_unit_test(receiver_comes_late),
        cmocka_unit_test(client_that_does_not_read),
        cmocka_unit_test(cancel_while_there_is_no_room),
        cmocka_unit_test(early_answers),
        cmocka_unit_test(refusals),
        cmocka_unit_test(too_big_in_a_stream),
        cmocka_unit_test(malformed_in_a_stream),
        cmocka_unit_test(client_cancels),
        cmocka_unit_test(deadline_passes),
        cmocka_unit_test(connection_is_lost),
        cmocka_unit_test(stop_cancels_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
