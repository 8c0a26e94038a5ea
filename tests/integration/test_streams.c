/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming calls of a client with callbacks: what is handed out, in which order, and how they end.
 */
#include "stream_service.h"

#include <stdio.h>
#include <string.h>

enum { BIG = 20000 };

/* What a call has told. */
typedef struct record {
    seal_client_call *call;
    atomic_uint messages;
    atomic_uint disorder; /* messages that did not have the number that was to come */
    atomic_uint ends;
    atomic_uint writable; /* callbacks */
    uint32_t ask;         /* for so many more, with each message */
    size_t bytes;
    seal_status status;
    seal_execution execution;
    seal_error_code cause;
    uint32_t attempts;
    char text[512];
    uint32_t number; /* of the reply */
    char sum[32];
} record;

static void got(seal_client_call *call, const Flow__Item *item, void *user) {
    record *r = user;
    if (item->number != atomic_load(&r->messages) || atomic_load(&r->ends) != 0)
        atomic_fetch_add(&r->disorder, 1);
    r->bytes += item->data.len;
    atomic_fetch_add(&r->messages, 1);
    if (r->ask > 0)
        seal_client_call_read(call, r->ask);
}

static void keep(record *r, const seal_result *result) {
    r->status = seal_result_status(result);
    r->execution = seal_result_execution(result);
    r->cause = seal_result_cause(result);
    r->attempts = seal_result_attempts(result);
    snprintf(r->text, sizeof r->text, "%s", seal_result_message(result));
    atomic_fetch_add(&r->ends, 1);
}

static void ended(const seal_result *result, void *user) {
    keep(user, result);
}

static void ended_up(const seal_result *result, const Flow__Item *reply, void *user) {
    record *r = user;
    if (reply != NULL) {
        r->number = reply->number;
        snprintf(r->sum, sizeof r->sum, "%s", reply->text);
    }
    keep(r, result);
}

static void on_writable(seal_client_call *call, void *user) {
    record *r = user;
    (void)call;
    atomic_fetch_add(&r->writable, 1);
}

/* The end comes once, and the record may go. */
static void expect(record *r, seal_status status, seal_execution execution) {
    it_wait_at_least(&r->ends, 1, "the end of a stream");
    if (r->status != status || r->execution != execution)
        print_error("got %s (%s): %s\n", seal_status_name(r->status),
                    seal_execution_name(r->execution), r->text);
    assert_int_equal(r->status, status);
    assert_int_equal(r->execution, execution);
    assert_int_equal(atomic_load(&r->disorder), 0);
    seal_client_call_unref(r->call);
}

/* Both ends watch the time: what the handler says then may come first. */
static void expect_late(record *r) {
    it_wait_at_least(&r->ends, 1, "the deadline of a stream");
    assert_int_equal(r->status, SEAL_STATUS_DEADLINE_EXCEEDED);
    assert_int_not_equal(r->execution, SEAL_NOT_EXECUTED);
    seal_client_call_unref(r->call);
}

static void open_down(record *r, uint32_t n, const char *text, size_t size) {
    Flow__Item item = flow_item_with_text(n, text, size);
    memset(r, 0, sizeof *r);
    assert_int_equal(flow_flow_open_down(it_c.channel, &item, NULL, got, ended, r, &r->call), 0);
}

/* Off the loop: waits where there is no room. */
static int write_up(record *r, const Flow__Item *item) {
    unsigned before = atomic_load(&r->writable);
    int rc = 0;
    while ((rc = flow_flow_write_up(r->call, item)) == SEAL_ERROR_AGAIN)
        it_wait_at_least(&r->writable, ++before, "room to write");
    return rc;
}

static void open_up(record *r) {
    memset(r, 0, sizeof *r);
    assert_int_equal(flow_flow_open_up(it_c.channel, NULL, ended_up, r, &r->call), 0);
    seal_client_call_on_writable(r->call, on_writable, r);
}

/* ---- Replies ---- */

static void only_what_was_asked_for(void **state) {
    (void)state;
    record r;
    open_down(&r, 100, NULL, 10);
    it_echo(it_c.channel, 10); /* a turn of everybody: nothing was asked for */
    assert_int_equal(atomic_load(&r.messages), 0);
    seal_client_call_read(r.call, 1);
    it_wait_at_least(&r.messages, 1, "a message");
    seal_client_call_read(r.call, 6);
    it_wait_at_least(&r.messages, 7, "messages");
    it_echo(it_c.channel, 10);
    assert_int_equal(atomic_load(&r.messages), 7);
    assert_int_equal(atomic_load(&r.ends), 0);
    seal_client_call_read(r.call, SEAL_READ_ALL);
    expect(&r, SEAL_STATUS_OK, SEAL_EXECUTED);
    assert_int_equal(atomic_load(&r.messages), 100);
    assert_int_equal(r.bytes, 1000);
    assert_int_equal(r.attempts, 1);
}

static void one_by_one_from_the_callback(void **state) {
    (void)state;
    record r;
    open_down(&r, 500, NULL, 3000); /* more than the window */
    r.ask = 1;
    seal_client_call_read(r.call, 1);
    expect(&r, SEAL_STATUS_OK, SEAL_EXECUTED);
    assert_int_equal(atomic_load(&r.messages), 500);
}

static void no_messages_at_all(void **state) {
    (void)state;
    record r;
    open_down(&r, 0, NULL, 0);
    expect(&r, SEAL_STATUS_OK, SEAL_EXECUTED);
    assert_int_equal(atomic_load(&r.messages), 0);
}

static void messages_before_a_failure(void **state) {
    (void)state;
    record r;
    open_down(&r, 9, "fail", 10);
    seal_client_call_read(r.call, SEAL_READ_ALL);
    expect(&r, SEAL_STATUS_ABORTED, SEAL_EXECUTED);
    assert_int_equal(atomic_load(&r.messages), 9);
    assert_string_equal(r.text, "as asked");
}

static void passed_over(void **state) {
    (void)state;
    record r = {.messages = 0};
    Flow__Item item = flow_item(300, 3000);
    assert_int_equal(flow_flow_open_down(it_c.channel, &item, NULL, NULL, ended, &r, &r.call), 0);
    expect(&r, SEAL_STATUS_OK, SEAL_EXECUTED);
    assert_int_equal(atomic_load(&r.messages), 0);
}

/* ---- Requests ---- */

static void requests_in_order(void **state) {
    (void)state;
    record r;
    open_up(&r);
    for (uint32_t i = 1; i <= 3000; i++) {
        Flow__Item item = flow_item(i, 100);
        assert_int_equal(write_up(&r, &item), 0);
    }
    seal_client_call_end(r.call);
    seal_client_call_end(r.call);
    Flow__Item late = flow_item(1, 1);
    assert_int_equal(flow_flow_write_up(r.call, &late), SEAL_ERROR_STATE);
    it_wait_at_least(&r.ends, 1, "the answer");
    assert_int_equal(flow_flow_write_up(r.call, &late), SEAL_ERROR_CLOSED);
    expect(&r, SEAL_STATUS_OK, SEAL_EXECUTED);
    assert_int_equal(r.number, 3000);
    assert_string_equal(r.sum, "4501500");
}

static void no_requests_at_all(void **state) {
    (void)state;
    record r;
    open_up(&r);
    seal_client_call_end(r.call);
    expect(&r, SEAL_STATUS_OK, SEAL_EXECUTED);
    assert_int_equal(r.number, 0);
}

static void messages_of_every_size(void **state) {
    (void)state;
    record r;
    open_up(&r);
    size_t total = 0;
    uint32_t n = 0;
    for (size_t size = 0; size <= BIG; size = size * 3 / 2 + 1, n++) {
        Flow__Item item = flow_item(1, size);
        assert_int_equal(write_up(&r, &item), 0);
        total += size;
    }
    assert_true(total > 0);
    seal_client_call_end(r.call);
    expect(&r, SEAL_STATUS_OK, SEAL_EXECUTED);
    assert_int_equal(r.number, n);
}

/* The server answers before this end has said that it is done. */
static void answered_early(void **state) {
    (void)state;
    record r;
    Flow__Item item = flow_item_with_text(1, "early", 0);
    open_up(&r);
    assert_int_equal(write_up(&r, &item), 0);
    it_wait_at_least(&r.ends, 1, "the answer");
    assert_int_equal(flow_flow_write_up(r.call, &item), SEAL_ERROR_CLOSED);
    seal_client_call_end(r.call);
    seal_client_call_read(r.call, 1);
    seal_client_call_cancel(r.call);
    expect(&r, SEAL_STATUS_OK, SEAL_EXECUTED);
    assert_int_equal(atomic_load(&r.ends), 1);
    it_echo(it_c.channel, 10);
}

static void failed_early(void **state) {
    (void)state;
    record r;
    Flow__Item item = flow_item_with_text(1, "fail", 0);
    open_up(&r);
    assert_int_equal(write_up(&r, &item), 0);
    expect(&r, SEAL_STATUS_ABORTED, SEAL_EXECUTED);
    it_echo(it_c.channel, 10);
}

/* Nobody reads: what waits here is limited, and the room comes back when the server goes on. */
static void nobody_reads(void **state) {
    (void)state;
    record r;
    Flow__Item item = flow_item_with_text(1, "stall", 10000);
    open_up(&r);
    unsigned taken = 0;
    int rc = 0;
    while ((rc = flow_flow_write_up(r.call, &item)) != SEAL_ERROR_AGAIN || taken < 26) {
        if (rc == SEAL_ERROR_AGAIN) { /* perhaps it is only on its way */
            unsigned before = atomic_load(&r.writable);
            it_wait_at_least(&r.writable, before + 1, "room for a whole window");
            continue;
        }
        assert_int_equal(rc, 0);
        assert_true(++taken < 1000);
    }
    it_echo(it_c.channel, 10); /* others are not held up */
    assert_int_equal(atomic_load(&r.ends), 0);
    assert_true(taken <= (256 + 64 + 64) * 1024 / 10000 + 2);
    seal_client_call_cancel(r.call);
    expect(&r, SEAL_STATUS_CANCELLED, SEAL_EXECUTION_UNKNOWN);
    it_wait_at_least(&it_flow.cancelled, 1, "the server to hear of it");
}

/* Before there is a connection messages are taken up to the limit, and go out in order. */
static void before_there_is_a_connection(void **state) {
    (void)state;
    seal_channel *channel = it_channel(&it_c, it_s.target, NULL);
    record r = {.messages = 0};
    assert_int_equal(flow_flow_open_both(channel, NULL, got, ended, &r, &r.call), 0);
    seal_client_call_on_writable(r.call, on_writable, &r);
    seal_client_call_read(r.call, SEAL_READ_ALL);
    for (uint32_t i = 0; i < 40; i++) {
        Flow__Item item = flow_item(i, 5000);
        unsigned before = atomic_load(&r.writable);
        while (flow_flow_write_both(r.call, &item) == SEAL_ERROR_AGAIN)
            it_wait_at_least(&r.writable, ++before, "room to write");
    }
    seal_client_call_end(r.call);
    expect(&r, SEAL_STATUS_OK, SEAL_EXECUTED);
    assert_int_equal(atomic_load(&r.messages), 40);
    seal_channel_free(channel);
}

/* ---- Both ---- */

/* Everything from the loop: the next message is written where one comes. */
static void got_and_answer(seal_client_call *call, const Flow__Item *item, void *user) {
    record *r = user;
    Flow__Item next = flow_item(item->number + 1, item->data.len);
    got(call, item, user);
    if (next.number < 200)
        atomic_fetch_add(&r->disorder, flow_flow_write_both(call, &next) != 0);
    else
        seal_client_call_end(call);
}

static void begin_on_the_loop(void *user) {
    record *r = user;
    Flow__Item first = flow_item(0, 1000);
    if (flow_flow_open_both(it_c.channel, NULL, got_and_answer, ended, r, &r->call) != 0 ||
        flow_flow_write_both(r->call, &first) != 0)
        atomic_fetch_add(&r->disorder, 1);
    seal_client_call_read(r->call, SEAL_READ_ALL);
    if (atomic_load(&r->messages) != 0) /* never from inside the call that asks */
        atomic_fetch_add(&r->disorder, 1);
}

static void back_and_forth_on_the_loop(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) { /* without a connection, and with one */
        record r = {.messages = 0};
        assert_int_equal(seal_runtime_post(it_c.runtime, begin_on_the_loop, &r), 0);
        expect(&r, SEAL_STATUS_OK, SEAL_EXECUTED);
        assert_int_equal(atomic_load(&r.messages), 200);
    }
}

static void stopped_by_the_server(void **state) {
    (void)state;
    record r = {.messages = 0};
    Flow__Item item = flow_item(0, 10);
    Flow__Item stop = flow_item_with_text(0, "stop", 0);
    assert_int_equal(flow_flow_open_both(it_c.channel, NULL, got, ended, &r, &r.call), 0);
    assert_int_equal(flow_flow_write_both(r.call, &item), 0);
    seal_client_call_read(r.call, SEAL_READ_ALL);
    it_wait_at_least(&r.messages, 1, "the item");
    assert_int_equal(flow_flow_write_both(r.call, &stop), 0);
    expect(&r, SEAL_STATUS_OK, SEAL_EXECUTED);
}

/* ---- Ends ---- */

static void cancelled_while_it_runs(void **state) {
    (void)state;
    record r;
    open_down(&r, 3, "hold", 10);
    seal_client_call_read(r.call, SEAL_READ_ALL);
    it_wait_at_least(&r.messages, 3, "messages");
    seal_client_call_cancel(r.call);
    seal_client_call_cancel(r.call);
    expect(&r, SEAL_STATUS_CANCELLED, SEAL_EXECUTION_UNKNOWN);
    assert_int_equal(r.cause, SEAL_ERROR_CANCELLED);
    it_wait_at_least(&it_flow.cancelled, 1, "the server to hear of it");
    assert_int_equal(atomic_load(&r.ends), 1);
}

static void cancelled_at_once(void **state) {
    (void)state;
    seal_channel *channel = it_channel(&it_c, it_s.target, NULL);
    record r = {.messages = 0};
    assert_int_equal(flow_flow_open_both(channel, NULL, got, ended, &r, &r.call), 0);
    seal_client_call_cancel(r.call);
    expect(&r, SEAL_STATUS_CANCELLED, SEAL_NOT_EXECUTED);
    assert_int_equal(r.attempts, 0);
    seal_channel_free(channel);
}

static void deadline(void **state) {
    (void)state;
    record r = {.messages = 0};
    seal_call_options options;
    Flow__Item item = flow_item_with_text(2, "hold", 10);
    seal_call_options_init(&options);
    options.timeout_us = 200000;
    assert_int_equal(flow_flow_open_down(it_c.channel, &item, &options, got, ended, &r, &r.call),
                     0);
    seal_client_call_read(r.call, SEAL_READ_ALL);
    expect_late(&r);
    assert_int_equal(atomic_load(&r.messages), 2);
}

static void connection_lost(void **state) {
    (void)state;
    record r;
    open_down(&r, 2, "hold", 10);
    seal_client_call_read(r.call, SEAL_READ_ALL);
    it_wait_at_least(&r.messages, 2, "messages");
    seal_server_stop(it_s.server, 0, NULL, NULL);
    it_wait_at_least(&r.ends, 1, "the end of a stream");
    assert_int_not_equal(r.status, SEAL_STATUS_OK);
    assert_int_not_equal(r.execution, SEAL_NOT_EXECUTED);
    seal_client_call_unref(r.call);
}

static void channel_freed(void **state) {
    (void)state;
    seal_channel *channel = it_channel(&it_c, it_s.target, NULL);
    record r = {.messages = 0};
    Flow__Item item = flow_item_with_text(1, "hold", 10);
    assert_int_equal(flow_flow_open_down(channel, &item, NULL, got, ended, &r, &r.call), 0);
    seal_client_call_read(r.call, SEAL_READ_ALL);
    it_wait_at_least(&r.messages, 1, "a message");
    seal_channel_free(channel);
    assert_int_equal(atomic_load(&r.ends), 1);
    assert_int_equal(r.status, SEAL_STATUS_CANCELLED);
    /* The handle outlives it. */
    seal_client_call_read(r.call, 1);
    seal_client_call_end(r.call);
    seal_client_call_cancel(r.call);
    seal_client_call_unref(r.call);
}

static void absent(void **state) {
    (void)state;
    record r = {.messages = 0};
    assert_int_equal(flow_flow_open_absent(it_c.channel, NULL, got, ended, &r, &r.call), 0);
    expect(&r, SEAL_STATUS_UNIMPLEMENTED, SEAL_NOT_EXECUTED);
}

/* ---- Mistakes ---- */

static void never(const seal_result *result, seal_any_fn *done, void *user) {
    (void)result;
    (void)done;
    atomic_fetch_add((atomic_uint *)user, 1);
}

static void nothing(void) {}

static void mistakes(void **state) {
    (void)state;
    atomic_uint calls = 0;
    const seal_method *methods = flow_flow_service.methods;
    const seal_method *method_down = &methods[1];
    const seal_method *method_both = &methods[3];
    Flow__Item item = flow_item(0, 1);
    seal_stream_callbacks callbacks = {.deliver = never, .done = nothing, .user = &calls};
    seal_client_call *call = NULL;
    /* A stream is no unary call, and the other way round. */
    assert_int_equal(seal_channel_call(it_c.channel, method_down, &item.base, NULL, never, nothing,
                                       &calls, NULL),
                     SEAL_ERROR_INVALID);
    assert_int_equal(
        seal_channel_open(it_c.channel, method_both, &item.base, NULL, &callbacks, &call),
        SEAL_ERROR_INVALID);
    assert_int_equal(seal_channel_open(it_c.channel, method_down, NULL, NULL, &callbacks, &call),
                     SEAL_ERROR_INVALID);
    assert_int_equal(seal_channel_open(it_c.channel, method_both, NULL, NULL, NULL, &call),
                     SEAL_ERROR_INVALID);
    /* Another method's message; a message that is none. */
    assert_int_equal(seal_channel_open(it_c.channel, method_both, NULL, NULL, &callbacks, &call),
                     0);
    assert_int_equal(seal_client_call_write(call, method_down, &item.base), SEAL_ERROR_INVALID);
    assert_int_equal(seal_client_call_write(call, method_both, NULL), SEAL_ERROR_INVALID);
    assert_int_equal(atomic_load(&calls), 0);
    seal_client_call_cancel(call);
    it_wait_at_least(&calls, 1, "the end");
    assert_int_equal(atomic_load(&calls), 1);
    seal_client_call_unref(call);
    seal_client_call_read(NULL, 1);
    seal_client_call_end(NULL);
    seal_client_call_cancel(NULL);
    seal_client_call_unref(NULL);
}

static void no_deadline_needs_keepalive(void **state) {
    (void)state;
    seal_channel_options options;
    seal_call_options call_options;
    Flow__Item item = flow_item(0, 1);
    it_channel_options(&options);
    options.keepalive_ms = SEAL_NEVER;
    seal_channel *channel = it_channel(&it_c, it_s.target, &options);
    seal_call_options_init(&call_options);
    call_options.timeout_us = SEAL_NO_DEADLINE;
    seal_client_call *call = NULL;
    assert_int_equal(flow_flow_open_down(channel, &item, &call_options, NULL, ended, NULL, &call),
                     SEAL_ERROR_INVALID);
    assert_null(call);
    seal_channel_free(channel);
    record r = {.messages = 0};
    assert_int_equal(
        flow_flow_open_down(it_c.channel, &item, &call_options, NULL, ended, &r, &r.call), 0);
    expect(&r, SEAL_STATUS_OK, SEAL_EXECUTED);
}

/* Options of a program that was built with an older header. */
static void shorter_options(void **state) {
    (void)state;
    record r = {.messages = 0};
    seal_call_options options;
    Flow__Item item = flow_item_with_text(1, "hold", 1);
    memset(&options, 0xff, sizeof options);
    options.struct_size = offsetof(seal_call_options, min_level);
    options.timeout_us = 150000;
    assert_int_equal(flow_flow_open_down(it_c.channel, &item, &options, NULL, ended, &r, &r.call),
                     0);
    expect_late(&r);
    options.struct_size = 0;
    assert_int_equal(flow_flow_open_down(it_c.channel, &item, &options, NULL, ended, &r, &r.call),
                     SEAL_ERROR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stream_setup, stream_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(only_what_was_asked_for),
        TEST(one_by_one_from_the_callback),
        TEST(no_messages_at_all),
        TEST(messages_before_a_failure),
        TEST(passed_over),
        TEST(requests_in_order),
        TEST(no_requests_at_all),
        TEST(messages_of_every_size),
        TEST(answered_early),
        TEST(failed_early),
        TEST(nobody_reads),
        TEST(before_there_is_a_connection),
        TEST(back_and_forth_on_the_loop),
        TEST(stopped_by_the_server),
        TEST(cancelled_while_it_runs),
        TEST(cancelled_at_once),
        TEST(deadline),
        TEST(connection_lost),
        TEST(channel_freed),
        TEST(absent),
        TEST(mistakes),
        TEST(no_deadline_needs_keepalive),
        TEST(shorter_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
