/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming calls of threads that block: read, push and finish, alone and together. */
#include "stream_service.h"

#include <stdio.h>
#include <string.h>

enum { SIZE = 5000 };

static seal_client_call *start_down(uint32_t n, const char *text, size_t size) {
    seal_client_call *call = NULL;
    Flow__Item item = flow_item_with_text(n, text, size);
    assert_int_equal(flow_flow_start_down(it_c.channel, &item, NULL, &call), 0);
    return call;
}

static void finish(seal_client_call *call, seal_status status) {
    seal_result *result = seal_client_call_finish(call);
    if (seal_result_status(result) != status)
        print_error("got %s: %s\n", seal_status_name(seal_result_status(result)),
                    seal_result_message(result));
    assert_int_equal(seal_result_status(result), status);
    seal_result_free(result);
    seal_client_call_unref(call);
}

static void read_to_the_end(void **state) {
    (void)state;
    seal_client_call *call = start_down(300, NULL, SIZE);
    const Flow__Item *item = NULL;
    uint32_t n = 0;
    for (; flow_flow_read_down(call, &item) == 1; n++) {
        assert_int_equal(item->number, n);
        assert_int_equal(item->data.len, SIZE);
    }
    assert_int_equal(n, 300);
    assert_int_equal(flow_flow_read_down(call, &item), 0);
    finish(call, SEAL_STATUS_OK);
}

static void messages_before_a_failure(void **state) {
    (void)state;
    seal_client_call *call = start_down(20, "fail", 10);
    const Flow__Item *item = NULL;
    uint32_t n = 0;
    while (flow_flow_read_down(call, &item) == 1)
        n++;
    assert_int_equal(n, 20);
    finish(call, SEAL_STATUS_ABORTED);
}

/* What was not read is passed over, however much it is. */
static void finish_without_reading(void **state) {
    (void)state;
    const Flow__Item *item = NULL;
    seal_client_call *call = start_down(500, NULL, SIZE);
    finish(call, SEAL_STATUS_OK);
    call = start_down(500, NULL, SIZE);
    assert_int_equal(flow_flow_read_down(call, &item), 1);
    finish(call, SEAL_STATUS_OK);
}

/* No more than the windows and the box lie here: the server has to wait. */
static void little_lies_here(void **state) {
    (void)state;
    seal_client_call *call = start_down(100000, NULL, SIZE);
    const Flow__Item *item = NULL;
    assert_int_equal(flow_flow_read_down(call, &item), 1);
    it_echo(it_c.channel, 10);
    it_wait_at_least(&it_flow.alive, 1, "the handler");
    seal_client_call_cancel(call);
    uint32_t n = 0;
    while (flow_flow_read_down(call, &item) == 1)
        n++;
    assert_true(n <= (64 + 256 + 64) * 1024 / SIZE + 10);
    finish(call, SEAL_STATUS_CANCELLED);
}

static void push_to_the_end(void **state) {
    (void)state;
    seal_client_call *call = NULL;
    const Flow__Item *reply = NULL;
    assert_int_equal(flow_flow_start_up(it_c.channel, NULL, &call), 0);
    for (uint32_t i = 1; i <= 1000; i++) {
        Flow__Item item = flow_item(i, SIZE);
        assert_int_equal(flow_flow_push_up(call, &item), 0);
    }
    seal_result *result = flow_flow_finish_up(call, &reply);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_OK);
    assert_non_null(reply);
    assert_int_equal(reply->number, 1000);
    assert_string_equal(reply->text, "500500");
    seal_result_free(result);
    seal_client_call_unref(call);
}

static void server_ends_while_pushing(void **state) {
    (void)state;
    seal_client_call *call = NULL;
    Flow__Item item = flow_item_with_text(1, "fail", 1);
    int rc = 0;
    assert_int_equal(flow_flow_start_up(it_c.channel, NULL, &call), 0);
    while ((rc = flow_flow_push_up(call, &item)) == 0) {
    }
    assert_int_equal(rc, SEAL_ERROR_CLOSED);
    finish(call, SEAL_STATUS_ABORTED);
}

/* ---- Two threads ---- */

enum { EXCHANGED = 2000 };

static void *push_all(void *arg) {
    seal_client_call *call = arg;
    for (uint32_t i = 0; i < EXCHANGED; i++) {
        Flow__Item item = flow_item(i, i % 1000);
        if (flow_flow_push_both(call, &item) != 0)
            return call;
    }
    seal_client_call_end(call);
    return NULL;
}

static void one_thread_writes_and_one_reads(void **state) {
    (void)state;
    seal_client_call *call = NULL;
    const Flow__Item *item = NULL;
    pthread_t thread;
    void *failed = NULL;
    uint32_t n = 0;
    assert_int_equal(flow_flow_start_both(it_c.channel, NULL, &call), 0);
    assert_int_equal(pthread_create(&thread, NULL, push_all, call), 0);
    for (; flow_flow_read_both(call, &item) == 1; n++)
        assert_int_equal(item->number, n);
    assert_int_equal(n, EXCHANGED);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    finish(call, SEAL_STATUS_OK);
}

static void *push_for_ever(void *arg) {
    seal_client_call *call = arg;
    Flow__Item item = flow_item_with_text(0, "stall", SIZE);
    int rc = 0;
    while ((rc = flow_flow_push_both(call, &item)) == 0) {
    }
    return rc == SEAL_ERROR_CLOSED ? NULL : call;
}

static void *read_for_ever(void *arg) {
    seal_client_call *call = arg;
    const Flow__Item *item = NULL;
    int rc = 0;
    while ((rc = flow_flow_read_both(call, &item)) == 1) {
    }
    return rc == 0 ? NULL : call;
}

typedef void end_fn(seal_client_call *call);

static void cancel(seal_client_call *call) {
    seal_client_call_cancel(call);
}

static void stop_server(seal_client_call *call) {
    (void)call;
    seal_server_stop(it_s.server, 0, NULL, NULL);
}

/* Two that wait for room, and one that waits for a message. */
static void ends_for_all(end_fn *end, seal_channel *channel) {
    seal_client_call *call = NULL;
    pthread_t threads[3];
    assert_int_equal(flow_flow_start_both(channel, NULL, &call), 0);
    assert_int_equal(pthread_create(&threads[0], NULL, push_for_ever, call), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, push_for_ever, call), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, read_for_ever, call), 0);
    it_wait_at_least(&it_flow.received, 1, "the server to read, and stall");
    end(call);
    for (size_t i = 0; i < 3; i++) {
        void *wrong = NULL;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    seal_result *result = seal_client_call_finish(call);
    assert_int_not_equal(seal_result_status(result), SEAL_STATUS_OK);
    seal_result_free(result);
    seal_client_call_unref(call);
}

static void cancel_wakes_everybody(void **state) {
    (void)state;
    ends_for_all(cancel, it_c.channel);
}

static void a_lost_connection_wakes_everybody(void **state) {
    (void)state;
    ends_for_all(stop_server, it_c.channel);
}

static void a_freed_channel_wakes_everybody(void **state) {
    (void)state;
    seal_channel *channel = it_channel(&it_c, it_s.target, NULL);
    seal_client_call *call = NULL;
    const Flow__Item *item = NULL;
    assert_int_equal(flow_flow_start_both(channel, NULL, &call), 0);
    seal_channel_free(channel);
    assert_int_equal(flow_flow_read_both(call, &item), 0);
    Flow__Item one = flow_item(0, 1);
    assert_int_equal(flow_flow_push_both(call, &one), SEAL_ERROR_CLOSED);
    finish(call, SEAL_STATUS_CANCELLED);
}

static void deadline_wakes(void **state) {
    (void)state;
    seal_client_call *call = NULL;
    const Flow__Item *item = NULL;
    seal_call_options options;
    Flow__Item request = flow_item_with_text(1, "hold", 1);
    seal_call_options_init(&options);
    options.timeout_us = 200000;
    assert_int_equal(flow_flow_start_down(it_c.channel, &request, &options, &call), 0);
    assert_int_equal(flow_flow_read_down(call, &item), 1);
    assert_int_equal(flow_flow_read_down(call, &item), 0);
    finish(call, SEAL_STATUS_DEADLINE_EXCEEDED);
}

/* ---- Mistakes ---- */

typedef struct on_loop {
    seal_client_call *call;
    atomic_uint done;
    int start;
    int read;
    int push;
    seal_error_code finish;
    seal_error_code sync;
} on_loop;

static void try_on_the_loop(void *user) {
    on_loop *o = user;
    seal_client_call *other = NULL;
    const Flow__Item *item = NULL;
    Flow__Item one = flow_item(0, 1);
    o->start = flow_flow_start_both(it_c.channel, NULL, &other);
    o->read = flow_flow_read_both(o->call, &item);
    o->push = flow_flow_push_both(o->call, &one);
    seal_result *result = seal_client_call_finish(o->call);
    o->finish = seal_result_cause(result);
    seal_result_free(result);
    result = flow_flow_sync_one(it_c.channel, &one, NULL, NULL);
    o->sync = seal_result_cause(result);
    if (strstr(seal_result_message(result), "use the asynchronous one, or") == NULL)
        o->sync = SEAL_OK;
    seal_result_free(result);
    atomic_fetch_add(&o->done, 1);
}

static void refused_on(seal_runtime *runtime) {
    on_loop o = {.done = 0};
    assert_int_equal(flow_flow_start_both(it_c.channel, NULL, &o.call), 0);
    assert_int_equal(seal_runtime_post(runtime, try_on_the_loop, &o), 0);
    it_wait_at_least(&o.done, 1, "the task on the loop");
    assert_int_equal(o.start, SEAL_ERROR_WRONG_THREAD);
    assert_int_equal(o.read, SEAL_ERROR_WRONG_THREAD);
    assert_int_equal(o.push, SEAL_ERROR_WRONG_THREAD);
    assert_int_equal(o.finish, SEAL_ERROR_WRONG_THREAD);
    assert_int_equal(o.sync, SEAL_ERROR_WRONG_THREAD);
    finish(o.call, SEAL_STATUS_OK);
}

static void not_on_the_loop(void **state) {
    (void)state;
    refused_on(it_c.runtime);
}

/* Such as that of a server with a runtime of its own. */
static void not_on_another_loop(void **state) {
    (void)state;
    seal_runtime *another = NULL;
    assert_int_equal(seal_runtime_new(NULL, &another, NULL), 0);
    refused_on(another);
    seal_runtime_free(another);
}

static void ended(const seal_result *result, void *user) {
    (void)result;
    atomic_fetch_add((atomic_uint *)user, 1);
}

static void not_for_asynchronous_calls(void **state) {
    (void)state;
    atomic_uint ends = 0;
    seal_client_call *call = NULL;
    const Flow__Item *item = NULL;
    Flow__Item one = flow_item(0, 1);
    assert_int_equal(flow_flow_open_both(it_c.channel, NULL, NULL, ended, &ends, &call), 0);
    assert_int_equal(flow_flow_read_both(call, &item), SEAL_ERROR_INVALID);
    assert_int_equal(flow_flow_push_both(call, &one), SEAL_ERROR_INVALID);
    seal_result *result = seal_client_call_finish(call);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_FAILED_PRECONDITION);
    seal_result_free(result);
    seal_client_call_end(call);
    it_wait_at_least(&ends, 1, "the end");
    seal_client_call_unref(call);
}

static void dropped_without_a_finish(void **state) {
    (void)state;
    const Flow__Item *item = NULL;
    seal_client_call *call = start_down(3, NULL, 10);
    assert_int_equal(flow_flow_read_down(call, &item), 1);
    seal_client_call_unref(call);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stream_setup, stream_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(read_to_the_end),
        TEST(messages_before_a_failure),
        TEST(finish_without_reading),
        TEST(little_lies_here),
        TEST(push_to_the_end),
        TEST(server_ends_while_pushing),
        TEST(one_thread_writes_and_one_reads),
        TEST(cancel_wakes_everybody),
        TEST(a_lost_connection_wakes_everybody),
        TEST(a_freed_channel_wakes_everybody),
        TEST(deadline_wakes),
        TEST(not_on_the_loop),
        TEST(not_on_another_loop),
        TEST(not_for_asynchronous_calls),
        TEST(dropped_without_a_finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
