/* SPDX-License-Identifier: Apache-2.0 */
/* Generated stubs of streaming methods compiled, linked and called, over a fake library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Converse is deprecated, and tested all the same. */
#define PROTOBUF_C__NO_DEPRECATED

#include "demo/v1/greeter.seal.h"
#include "fake_runtime.h"

/* What both ends have noted of the call under test. */
typedef struct notes {
    char heard[100]; /* by the server, names joined by commas */
    char told[100];  /* by the client */
    unsigned ended;
} notes;

static void note(char *list, const char *text) {
    size_t len = strlen(list);
    snprintf(list + len, 100 - len, "%s%s", len > 0 ? "," : "", text);
}

static Demo__V1__HelloRequest request_of(char *name) {
    Demo__V1__HelloRequest request = DEMO__V1__HELLO_REQUEST__INIT;
    request.name = name;
    return request;
}

static Demo__V1__HelloReply reply_of(char *message) {
    Demo__V1__HelloReply reply = DEMO__V1__HELLO_REPLY__INIT;
    reply.message = message;
    return reply;
}

static char one[] = "one";
static char two[] = "two";

/* Of the test that runs. */
static notes seen;
static seal_client_call *stream;

/* ---- Asynchronous handlers ---- */

static void watch(seal_call *call, const Demo__V1__HelloRequest *request, void *user) {
    notes *n = user;
    note(n->heard, request->name);
    Demo__V1__HelloReply first = reply_of(one);
    Demo__V1__HelloReply second = reply_of(two);
    assert_int_equal(demo_v1_greeter_send_watch(call, &first), 0);
    assert_int_equal(demo_v1_greeter_send_converse(call, &second), SEAL_ERROR_INVALID);
    assert_int_equal(demo_v1_greeter_send_watch(call, &second), 0);
    assert_int_equal(seal_call_finish(call), 0);
}

static void told(seal_call *call, const Demo__V1__HelloRequest *message, void *user) {
    notes *n = user;
    if (message != NULL) {
        note(n->heard, message->name);
        return;
    }
    Demo__V1__HelloReply reply = reply_of(n->heard);
    assert_int_equal(demo_v1_greeter_reply_tell(call, &reply), 0);
}

static void tell(seal_call *call, void *user) {
    assert_int_equal(demo_v1_greeter_receive_converse(call, told, user), SEAL_ERROR_INVALID);
    assert_int_equal(demo_v1_greeter_receive_tell(call, told, user), 0);
}

static void conversed(seal_call *call, const Demo__V1__HelloRequest *message, void *user) {
    notes *n = user;
    if (message == NULL) {
        assert_int_equal(seal_call_finish(call), 0);
        return;
    }
    note(n->heard, message->name);
    Demo__V1__HelloReply reply = reply_of(message->name);
    assert_int_equal(demo_v1_greeter_send_converse(call, &reply), 0);
}

static void converse(seal_call *call, void *user) {
    assert_int_equal(demo_v1_greeter_receive_converse(call, conversed, user), 0);
}

static const demo_v1_greeter_ops async_ops = {
    .size = sizeof async_ops, .watch = watch, .tell = tell, .converse = converse};

static int setup_async(void **state) {
    (void)state;
    memset(&seen, 0, sizeof seen);
    stream = NULL;
    return demo_v1_greeter_register(fake_server, &async_ops, &seen, NULL);
}

static int teardown(void **state) {
    (void)state;
    seal_client_call_unref(stream);
    return 0;
}

/* ---- Asynchronous clients ---- */

static void got_watch(seal_client_call *call, const Demo__V1__HelloReply *message, void *user) {
    notes *n = user;
    assert_non_null(call);
    note(n->told, message->message);
}

static void done_watch(const seal_result *result, void *user) {
    notes *n = user;
    assert_non_null(result);
    n->ended++;
}

static void done_tell(const seal_result *result, const Demo__V1__HelloReply *reply, void *user) {
    notes *n = user;
    assert_ptr_equal(seal_result_reply(result), reply);
    note(n->told, reply->message);
    n->ended++;
}

static void server_streams_reach_the_client(void **state) {
    (void)state;
    Demo__V1__HelloRequest request = request_of(one);
    assert_int_equal(demo_v1_greeter_open_watch(fake_channel, &request, NULL, got_watch, done_watch,
                                                &seen, &stream),
                     0);
    assert_string_equal(fake_method->name, "Watch");
    assert_string_equal(seen.heard, "one");
    assert_string_equal(seen.told, "one,two");
    assert_int_equal(seen.ended, 1);
}

static void messages_nobody_wants_are_passed_over(void **state) {
    (void)state;
    Demo__V1__HelloRequest request = request_of(one);
    assert_int_equal(
        demo_v1_greeter_open_watch(fake_channel, &request, NULL, NULL, done_watch, &seen, &stream),
        0);
    assert_string_equal(seen.told, "");
    assert_int_equal(seen.ended, 1);
}

static void client_streams_reach_the_server(void **state) {
    (void)state;
    Demo__V1__HelloRequest first = request_of(one);
    Demo__V1__HelloRequest second = request_of(two);
    assert_int_equal(demo_v1_greeter_open_tell(fake_channel, NULL, done_tell, &seen, &stream), 0);
    assert_int_equal(demo_v1_greeter_write_tell(stream, &first), 0);
    assert_int_equal(demo_v1_greeter_write_converse(stream, &second), SEAL_ERROR_INVALID);
    assert_int_equal(demo_v1_greeter_write_tell(stream, &second), 0);
    assert_int_equal(seen.ended, 0);
    seal_client_call_end(stream);
    assert_string_equal(seen.told, "one,two");
    assert_int_equal(seen.ended, 1);
}

static void both_streams_run_at_once(void **state) {
    (void)state;
    Demo__V1__HelloRequest request = request_of(two);
    assert_int_equal(
        demo_v1_greeter_open_converse(fake_channel, NULL, got_watch, done_watch, &seen, &stream),
        0);
    assert_int_equal(demo_v1_greeter_write_converse(stream, &request), 0);
    assert_string_equal(seen.told, "two");
    assert_int_equal(demo_v1_greeter_write_converse(stream, &request), 0);
    assert_string_equal(seen.told, "two,two");
    seal_client_call_end(stream);
    assert_int_equal(seen.ended, 1);
}

/* ---- Blocking handlers and clients ---- */

static void blocking_watch(seal_call *call, const Demo__V1__HelloRequest *request, void *user) {
    (void)user;
    Demo__V1__HelloReply reply = reply_of(request->name);
    assert_int_equal(demo_v1_greeter_put_converse(call, &reply), SEAL_ERROR_INVALID);
    assert_int_equal(demo_v1_greeter_put_watch(call, &reply), 0);
    assert_int_equal(demo_v1_greeter_put_watch(call, &reply), 0);
    assert_int_equal(seal_call_finish(call), 0);
}

static void blocking_tell(seal_call *call, void *user) {
    notes *n = user;
    const Demo__V1__HelloRequest *message = NULL;
    assert_int_equal(demo_v1_greeter_take_converse(call, &message), SEAL_ERROR_INVALID);
    while (demo_v1_greeter_take_tell(call, &message) == 1)
        note(n->heard, message->name);
    assert_null(message);
    Demo__V1__HelloReply reply = reply_of(n->heard);
    assert_int_equal(demo_v1_greeter_reply_tell(call, &reply), 0);
}

static void blocking_converse(seal_call *call, void *user) {
    (void)user;
    const Demo__V1__HelloRequest *message = NULL;
    while (demo_v1_greeter_take_converse(call, &message) == 1) {
        Demo__V1__HelloReply reply = reply_of(message->name);
        assert_int_equal(demo_v1_greeter_put_converse(call, &reply), 0);
    }
    assert_int_equal(seal_call_finish(call), 0);
}

static const demo_v1_greeter_ops blocking_ops = {.size = sizeof blocking_ops,
                                                 .watch = blocking_watch,
                                                 .tell = blocking_tell,
                                                 .converse = blocking_converse};

static int setup_blocking(void **state) {
    (void)state;
    memset(&seen, 0, sizeof seen);
    stream = NULL;
    return demo_v1_greeter_register_blocking(fake_server, &blocking_ops, &seen, NULL);
}

static void blocking_server_streams_work(void **state) {
    (void)state;
    Demo__V1__HelloRequest request = request_of(one);
    const Demo__V1__HelloReply *reply = NULL;
    assert_int_equal(demo_v1_greeter_start_watch(fake_channel, &request, NULL, &stream), 0);
    assert_int_equal(demo_v1_greeter_read_converse(stream, &reply), SEAL_ERROR_INVALID);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(demo_v1_greeter_read_watch(stream, &reply), 1);
        assert_string_equal(reply->message, "one");
    }
    assert_int_equal(demo_v1_greeter_read_watch(stream, &reply), 0);
    assert_null(reply);
    assert_non_null(seal_client_call_finish(stream));
}

static void blocking_client_streams_work(void **state) {
    (void)state;
    Demo__V1__HelloRequest request = request_of(two);
    const Demo__V1__HelloReply *reply = NULL;
    assert_int_equal(demo_v1_greeter_start_tell(fake_channel, NULL, &stream), 0);
    assert_int_equal(demo_v1_greeter_push_tell(stream, &request), 0);
    assert_int_equal(demo_v1_greeter_push_converse(stream, &request), SEAL_ERROR_INVALID);
    assert_int_equal(demo_v1_greeter_push_tell(stream, &request), 0);
    seal_result *result = demo_v1_greeter_finish_tell(stream, &reply);
    assert_non_null(reply);
    assert_ptr_equal(seal_result_reply(result), reply);
    assert_string_equal(reply->message, "two,two");
    assert_ptr_equal(demo_v1_greeter_finish_tell(stream, NULL), result);
}

static void blocking_streams_work_both_ways(void **state) {
    (void)state;
    Demo__V1__HelloRequest request = request_of(one);
    const Demo__V1__HelloReply *reply = NULL;
    assert_int_equal(demo_v1_greeter_start_converse(fake_channel, NULL, &stream), 0);
    assert_int_equal(demo_v1_greeter_push_converse(stream, &request), 0);
    assert_int_equal(demo_v1_greeter_read_converse(stream, &reply), 1);
    assert_string_equal(reply->message, "one");
    assert_int_equal(demo_v1_greeter_read_converse(stream, &reply), 0);
    assert_null(seal_result_reply(seal_client_call_finish(stream)));
}

/* A call of another method has a reply of another type, which must not be handed out as this one.
 */
static void replies_of_other_types_are_kept_back(void **state) {
    (void)state;
    const Google__Protobuf__Struct *other = NULL;
    assert_int_equal(demo_v1_greeter_start_tell(fake_channel, NULL, &stream), 0);
    assert_non_null(seal_result_reply(demo_v1_greeter_finish_collect(stream, &other)));
    assert_null(other);
}

static void handlers_beyond_an_older_structure_are_not_invoked(void **state) {
    (void)state;
    demo_v1_greeter_ops ops = blocking_ops;
    const seal_method *m = demo_v1_greeter_service.methods;
    ops.size = offsetof(demo_v1_greeter_ops, converse);
    assert_false(m[6].invoke(&ops, NULL, NULL, NULL));
    ops.size = sizeof ops;
    ops.converse = NULL;
    assert_false(m[6].invoke(&ops, NULL, NULL, NULL));
}

static void flags_say_what_streams(void **state) {
    (void)state;
    const seal_method *m = demo_v1_greeter_service.methods;
    assert_int_equal(m[2].flags, SEAL_METHOD_SERVER_STREAMING);
    assert_int_equal(m[3].flags, SEAL_METHOD_CLIENT_STREAMING);
    assert_int_equal(m[6].flags, SEAL_METHOD_CLIENT_STREAMING | SEAL_METHOD_SERVER_STREAMING |
                                     SEAL_METHOD_DEPRECATED);
    for (size_t i = 0; i < demo_v1_greeter_service.n_methods; i++)
        assert_non_null(m[i].invoke);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(server_streams_reach_the_client, setup_async),
        TEST(messages_nobody_wants_are_passed_over, setup_async),
        TEST(client_streams_reach_the_server, setup_async),
        TEST(both_streams_run_at_once, setup_async),
        TEST(blocking_server_streams_work, setup_blocking),
        TEST(blocking_client_streams_work, setup_blocking),
        TEST(blocking_streams_work_both_ways, setup_blocking),
        TEST(replies_of_other_types_are_kept_back, setup_blocking),
        cmocka_unit_test(handlers_beyond_an_older_structure_are_not_invoked),
        cmocka_unit_test(flags_say_what_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
