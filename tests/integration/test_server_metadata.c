/* SPDX-License-Identifier: Apache-2.0 */
/* What travels beside the messages, as a server's handler sees and sends it. */
#include "flow_rig.h"

#include <stdio.h>
#include <string.h>

#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static seal_metadata *make(void) {
    seal_metadata *metadata = NULL;
    assert_int_equal(seal_metadata_new(NULL, &metadata), 0);
    return metadata;
}

static seal_metadata *make_one(const char *key, const char *value) {
    seal_metadata *metadata = make();
    assert_int_equal(seal_metadata_add(metadata, key, value, NULL), 0);
    return metadata;
}

/* ---- A handler that answers with what it was sent ---- */

static void add(seal_metadata *metadata, const char *key, const char *value) {
    FLOW_CHECK(seal_metadata_add(metadata, key, value, NULL) == 0);
}

static void describe(seal_call *call, seal_metadata *trailing) {
    char number[32];
    const seal_metadata *given = seal_call_metadata(call);
    const char *name = seal_metadata_get(given, "name", NULL);
    snprintf(number, sizeof number, "%zu", seal_metadata_count(given));
    add(trailing, "count", number);
    add(trailing, "name", name != NULL ? name : "none");
    snprintf(number, sizeof number, "%u", seal_call_attempt(call));
    add(trailing, "attempt", number);
    add(trailing, "parent", seal_call_traceparent(call));
    add(trailing, "state", seal_call_tracestate(call));
}

static void answer(seal_call *call, uint32_t number) {
    seal_metadata *trailing = NULL;
    seal_metadata *first = NULL;
    FLOW_CHECK(seal_metadata_new(NULL, &trailing) == 0 && seal_metadata_new(NULL, &first) == 0);
    add(first, "first", "initial");
    FLOW_CHECK(seal_call_send_metadata(call, first) == 0);
    FLOW_CHECK(seal_call_send_metadata(call, first) == SEAL_ERROR_ALREADY);
    FLOW_CHECK(seal_call_set_trailing_metadata(call, first) == 0); /* replaced by the next */
    describe(call, trailing);
    FLOW_CHECK(seal_call_set_trailing_metadata(call, trailing) == 0);
    Flow__Item item = flow_item(number, 10);
    if (number == 1)
        FLOW_CHECK(seal_call_fail(call, SEAL_STATUS_ABORTED, "as asked") == 0);
    else
        FLOW_CHECK(flow_flow_reply_one(call, &item) == 0);
    FLOW_CHECK(seal_call_set_trailing_metadata(call, trailing) == SEAL_ERROR_ALREADY);
    FLOW_CHECK(seal_call_add_detail(call, &item.base) == SEAL_ERROR_ALREADY);
    FLOW_CHECK(seal_call_send_metadata(call, first) == SEAL_ERROR_ALREADY);
    seal_metadata_free(trailing);
    seal_metadata_free(first);
}

static void one(seal_call *call, const Flow__Item *request, void *user) {
    (void)user;
    answer(call, request->number);
}

/* Two messages, and metadata around them. */
static void down(seal_call *call, const Flow__Item *request, void *user) {
    (void)user;
    (void)request;
    seal_metadata *metadata = NULL;
    FLOW_CHECK(seal_metadata_new(NULL, &metadata) == 0);
    add(metadata, "first", "initial");
    FLOW_CHECK(seal_call_send_metadata(call, metadata) == 0);
    for (uint32_t i = 0; i < 2; i++) {
        Flow__Item item = flow_item(i, 40000); /* so that the end has to wait behind them */
        FLOW_CHECK(flow_flow_send_down(call, &item) == 0);
    }
    FLOW_CHECK(seal_call_set_trailing_metadata(call, metadata) == 0);
    FLOW_CHECK(seal_call_finish(call) == 0);
    seal_metadata_free(metadata);
}

static void hold(seal_call *call, void *user) {
    (void)user;
    flow_hold(call);
}

static const flow_flow_ops ops = {
    .size = sizeof ops, .one = one, .down = down, .both = hold, .up = hold};
static const flow_flow_ops blocking_ops = {.size = sizeof blocking_ops, .one = one};

static seal_result *call_with(const seal_metadata *metadata, uint32_t number) {
    seal_call_options options;
    seal_call_options_init(&options);
    options.metadata = metadata;
    return flow_one(number, &options);
}

static void expect_trailing(const seal_result *result, const char *key, const char *value) {
    const char *got = seal_metadata_get(seal_result_trailing_metadata(result), key, NULL);
    if (got == NULL || strcmp(got, value) != 0)
        print_error("%s: wanted \"%s\", got \"%s\"\n", key, value, got != NULL ? got : "nothing");
    assert_true(got != NULL && strcmp(got, value) == 0);
}

/* ---- Tests ---- */

static void there_and_back(void) {
    seal_metadata *metadata = make_one("name", "value");
    assert_int_equal(seal_metadata_add_bytes(metadata, "raw-bin", "\0\xff", 2, NULL), 0);
    seal_result *result = call_with(metadata, 0);
    expect_trailing(result, "name", "value");
    expect_trailing(result, "count", "2");
    expect_trailing(result, "attempt", "1");
    expect_trailing(result, "parent", "");
    assert_non_null(seal_metadata_get(seal_result_initial_metadata(result), "first", NULL));
    assert_null(seal_metadata_get(seal_result_trailing_metadata(result), "first", NULL));
    it_expect_ok(result);
    result = call_with(NULL, 1);
    expect_trailing(result, "name", "none");
    expect_trailing(result, "count", "0");
    it_expect(result, SEAL_STATUS_ABORTED, SEAL_EXECUTED, "as asked");
    seal_metadata_free(metadata);
}

static void on_the_loop(void **state) {
    (void)state;
    flow_start(&(flow_setup){.ops = &ops});
    there_and_back();
    flow_stop();
}

static void on_a_worker(void **state) {
    (void)state;
    flow_start(&(flow_setup){.ops = &blocking_ops, .blocking = true});
    there_and_back();
    flow_stop();
}

static void around_a_stream(void **state) {
    (void)state;
    flow_call fc;
    flow_start(&(flow_setup){.ops = &ops});
    flow_open_down(&fc, 0, NULL);
    seal_client_call_read(fc.call, SEAL_READ_ALL);
    flow_await(&fc);
    assert_int_equal(atomic_load(&fc.metadata), 1);
    assert_string_equal(fc.initial, "initial");
    assert_int_equal(atomic_load(&fc.received), 2);
    expect_trailing(fc.result, "first", "initial");
    flow_expect_ok(&fc);
    flow_stop();
}

/* From another thread, and too late. */
static void metadata_after_a_message(void **state) {
    (void)state;
    flow_call fc;
    seal_metadata *metadata = make_one("first", "now");
    Flow__Item item = flow_item(0, 0);
    flow_start(&(flow_setup){.ops = &ops});
    flow_open_both(&fc, NULL);
    seal_client_call_read(fc.call, SEAL_READ_ALL);
    seal_call *call = flow_held();
    assert_int_equal(seal_call_send_metadata(call, metadata), 0);
    assert_int_equal(flow_flow_send_both(call, &item), 0);
    assert_int_equal(seal_call_finish(call), 0);
    seal_call_unref(call);
    flow_await(&fc);
    assert_string_equal(fc.initial, "now");
    flow_expect_ok(&fc);
    flow_open_both(&fc, NULL);
    seal_client_call_read(fc.call, SEAL_READ_ALL);
    call = flow_held();
    assert_int_equal(flow_flow_send_both(call, &item), 0);
    assert_int_equal(seal_call_send_metadata(call, metadata), SEAL_ERROR_ALREADY);
    assert_int_equal(seal_call_finish(call), 0);
    seal_call_unref(call);
    flow_await(&fc);
    assert_int_equal(atomic_load(&fc.metadata), 0);
    flow_expect_ok(&fc);
    seal_metadata_free(metadata);
    flow_stop();
}

/* As much as is possible, both ways. */
static void at_the_limit(void **state) {
    (void)state;
    static char text[SEAL_METADATA_MAX];
    const size_t len = SEAL_METADATA_MAX - 3 - strlen("filled");
    memset(text, 'x', len);
    text[len] = '\0';
    seal_metadata *metadata = make_one("filled", text);
    assert_int_equal(seal_metadata_add(metadata, "a", "", NULL), SEAL_ERROR_TOO_BIG);
    flow_start(&(flow_setup){.ops = &ops});
    seal_result *result = call_with(metadata, 0);
    expect_trailing(result, "count", "1");
    it_expect_ok(result);
    flow_call fc;
    flow_open_both(&fc, NULL);
    seal_call *call = flow_held();
    assert_int_equal(seal_call_send_metadata(call, metadata), 0);
    assert_int_equal(seal_call_set_trailing_metadata(call, metadata), 0);
    assert_int_equal(seal_call_finish(call), 0);
    seal_call_unref(call);
    flow_await(&fc);
    expect_trailing(fc.result, "filled", text);
    flow_expect_ok(&fc);
    seal_metadata_free(metadata);
    flow_stop();
}

static void trace_case(const char *parent, const char *second, const char *given_state,
                       const char *wanted, const char *wanted_state) {
    seal_metadata *metadata = make_one("traceparent", parent);
    if (second != NULL)
        assert_int_equal(seal_metadata_add(metadata, "traceparent", second, NULL), 0);
    assert_int_equal(seal_metadata_add(metadata, "tracestate", given_state, NULL), 0);
    seal_result *result = call_with(metadata, 0);
    expect_trailing(result, "parent", wanted);
    expect_trailing(result, "state", wanted_state);
    it_expect_ok(result);
    seal_metadata_free(metadata);
}

static void trace_context(void **state) {
    (void)state;
    flow_start(&(flow_setup){.ops = &ops});
    trace_case(TRACEPARENT, NULL, "vendor=1", TRACEPARENT, "vendor=1");
    trace_case(TRACEPARENT, NULL, "", TRACEPARENT, "");
    trace_case("00-00000000000000000000000000000000-b7ad6b7169203331-01", NULL, "v=1", "", "");
    trace_case("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", NULL, "v=1", "", "");
    trace_case("nonsense", NULL, "v=1", "", "");
    trace_case(TRACEPARENT, TRACEPARENT, "v=1", "", "");
    flow_stop();
}

/* ---- Details and advice ---- */

static void details(void **state) {
    (void)state;
    flow_call fc;
    Flow__Item small = flow_item(7, 5);
    Flow__Item large = flow_item(8, 17 * 1024);
    Itest__Reply other = ITEST__REPLY__INIT;
    char *list[] = {NULL};
    Itest__Reply invalid = ITEST__REPLY__INIT;
    invalid.n_list = 1;
    invalid.list = list;
    flow_start(&(flow_setup){.ops = &ops});
    flow_open_up(&fc, NULL);
    seal_call *call = flow_held();
    assert_int_equal(seal_call_add_detail(call, &small.base), 0);
    assert_int_equal(seal_call_add_detail(call, &large.base), SEAL_ERROR_TOO_BIG);
    assert_int_equal(seal_call_add_detail(call, &invalid.base), SEAL_ERROR_INVALID);
    assert_int_equal(seal_call_add_detail(call, NULL), SEAL_ERROR_INVALID);
    Flow__Item half = flow_item(9, 9000);
    assert_int_equal(seal_call_add_detail(call, &half.base), 0);
    assert_int_equal(seal_call_add_detail(call, &half.base), SEAL_ERROR_TOO_BIG);
    assert_int_equal(seal_call_add_detail(call, &other.base), 0);
    seal_call_set_retry_after(call, SEAL_NEVER);
    assert_int_equal(seal_call_fail(call, SEAL_STATUS_UNAVAILABLE, "see the details"), 0);
    seal_call_unref(call);
    flow_await(&fc);
    assert_int_equal(seal_result_detail_count(fc.result), 3);
    assert_string_equal(seal_result_detail_type(fc.result, 0), "flow.Item");
    assert_string_equal(seal_result_detail_type(fc.result, 2), "itest.Reply");
    seal_bytes value = seal_result_detail_value(fc.result, 0);
    Flow__Item *item = flow__item__unpack(NULL, value.len, value.data);
    assert_non_null(item);
    assert_int_equal(item->number, 7);
    flow__item__free_unpacked(item, NULL);
    flow_expect(&fc, SEAL_STATUS_UNAVAILABLE, SEAL_EXECUTED, "see the details");
    flow_stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_the_loop),     cmocka_unit_test(on_a_worker),
        cmocka_unit_test(around_a_stream), cmocka_unit_test(metadata_after_a_message),
        cmocka_unit_test(at_the_limit),    cmocka_unit_test(trace_context),
        cmocka_unit_test(details),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
