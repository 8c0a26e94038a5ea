/* SPDX-License-Identifier: Apache-2.0 */
/* Generated stubs compiled, linked and called, over a fake library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bare.seal.h"
#include "demo/v1/greeter.seal.h"
#include "everything.seal.h"
#include "fake_runtime.h"
#include "odd_names.seal.h"
#include "recursive.seal.h"

static char hello[] = "hello";

static void say_hello(seal_call *call, const Demo__V1__HelloRequest *request, void *user) {
    Demo__V1__HelloReply reply = DEMO__V1__HELLO_REPLY__INIT;
    reply.message = hello;
    *(const char **)user = request->name;
    assert_int_equal(demo_v1_greeter_reply_say_hello(call, &reply), 0);
}

/* Answers with the reply of another method, which is the wrong one. */
static void get_http_url2(seal_call *call, const Demo__V1__HelloRequest *request, void *user) {
    Demo__V1__HelloReply reply = DEMO__V1__HELLO_REPLY__INIT;
    (void)request;
    (void)user;
    assert_int_equal(demo_v1_greeter_reply_say_hello(call, &reply), SEAL_ERROR_INVALID);
}

static const demo_v1_greeter_ops greeter = {
    .size = sizeof(demo_v1_greeter_ops), .say_hello = say_hello, .get_http_url2 = get_http_url2};

static void sync_call_reaches_the_handler(void **state) {
    (void)state;
    const char *seen = NULL;
    const Demo__V1__HelloReply *reply;
    Demo__V1__HelloRequest request = DEMO__V1__HELLO_REQUEST__INIT;
    request.name = hello;
    assert_int_equal(demo_v1_greeter_register(fake_server, &greeter, &seen, NULL), 0);
    assert_ptr_equal(fake_registered, &demo_v1_greeter_service);
    seal_result *result = demo_v1_greeter_sync_say_hello(fake_channel, &request, NULL, &reply);
    assert_non_null(result);
    assert_ptr_equal(seen, hello);
    assert_ptr_equal(reply, fake_reply);
    assert_string_equal(fake_method->name, "SayHello");
    result = demo_v1_greeter_sync_get_http_url2(fake_channel, &request, NULL, NULL);
    assert_null(seal_result_reply(result));
}

static void said(const seal_result *result, const Demo__V1__HelloReply *reply, void *user) {
    assert_ptr_equal(seal_result_reply(result), reply);
    assert_non_null(reply);
    *(bool *)user = true;
}

static void asynchronous_call_delivers_typed_replies(void **state) {
    (void)state;
    const char *seen = NULL;
    bool done = false;
    Demo__V1__HelloRequest request = DEMO__V1__HELLO_REQUEST__INIT;
    assert_int_equal(demo_v1_greeter_register(fake_server, &greeter, &seen, NULL), 0);
    assert_int_equal(
        demo_v1_greeter_call_say_hello(fake_channel, &request, NULL, said, &done, NULL), 0);
    assert_true(done);
}

static void methods_without_handler_are_not_invoked(void **state) {
    (void)state;
    seal_invoke_fn *invoke = demo_v1_greeter_service.methods[0].invoke;
    demo_v1_greeter_ops ops = {.size = sizeof ops};
    assert_false(invoke(&ops, NULL, NULL, NULL));
    ops.say_hello = say_hello;
    ops.size = offsetof(demo_v1_greeter_ops, say_hello); /* of an older header */
    assert_false(invoke(&ops, NULL, NULL, NULL));
}

static void tables_say_what_the_options_say(void **state) {
    (void)state;
    const seal_service *s = &demo_v1_greeter_service;
    const seal_method *m = &s->methods[0];
    assert_int_equal(s->abi, SEAL_GEN_ABI);
    assert_int_equal(s->method_size, sizeof(seal_method));
    assert_string_equal(s->full_name, "demo.v1.Greeter");
    assert_string_equal(s->spn_class, "greeter");
    assert_int_equal(s->n_methods, 7);
    assert_string_equal(m->full_name, "demo.v1.Greeter/SayHello");
    assert_ptr_equal(m->request, &demo__v1__hello_request__descriptor);
    assert_ptr_equal(m->response, &demo__v1__hello_reply__descriptor);
    assert_int_equal(m->flags, 0);
    assert_int_equal(m->min_level, SEAL_LEVEL_INTEGRITY);
    assert_int_equal(m->idempotency, SEAL_NO_SIDE_EFFECTS);
    assert_int_equal(m->timeout_us, 2000000);
    assert_int_equal(m->max_request, 65536);
    assert_int_equal(m->max_response, 1048576);
    assert_string_equal(m->allow[0], "alice@EXAMPLE.COM");
    assert_string_equal(m->allow[2], "*@PARTNER.EXAMPLE");
    assert_null(m->allow[3]);
    assert_int_equal(s->methods[1].min_level, SEAL_LEVEL_PRIVACY);
    assert_int_equal(s->methods[1].idempotency, SEAL_IDEMPOTENT);
    assert_int_equal(s->methods[1].flags, SEAL_METHOD_DEPRECATED | SEAL_METHOD_RESPONSE_RECURSIVE);
    assert_int_equal(s->methods[1].timeout_us, 0);
    assert_null(s->methods[1].allow);
}

static void blocking_handlers_are_registered_as_such(void **state) {
    (void)state;
    const char *seen = NULL;
    assert_int_equal(demo_v1_greeter_register_blocking(fake_server, &greeter, &seen, NULL), 0);
    assert_ptr_equal(fake_registered, &demo_v1_greeter_service);
    assert_true(fake_registered_blocking);
    assert_int_equal(demo_v1_greeter_register(fake_server, &greeter, &seen, NULL), 0);
    assert_false(fake_registered_blocking);
}

static void services_without_methods_work(void **state) {
    (void)state;
    demo_v1_silent_ops ops = {.size = sizeof ops};
    assert_int_equal(demo_v1_silent_service.n_methods, 0);
    assert_null(demo_v1_silent_service.methods);
    assert_int_equal(demo_v1_silent_register(fake_server, &ops, NULL, NULL), 0);
}

static void channels_know_their_service(void **state) {
    (void)state;
    seal_channel *channel = NULL;
    assert_int_equal(bare_channel_new(NULL, "host:1", NULL, &channel, NULL), 0);
    assert_ptr_equal(fake_channel_service, &bare_service);
    assert_ptr_equal(channel, fake_channel);
    assert_string_equal(bare_service.spn_class, "bare");
    assert_string_equal(bare_service.full_name, "Bare");
    assert_string_equal(bare_service.methods[0].full_name, "Bare/Do");
}

static void depth_is_flagged(void **state) {
    (void)state;
    const uint32_t request = SEAL_METHOD_REQUEST_RECURSIVE;
    const uint32_t response = SEAL_METHOD_RESPONSE_RECURSIVE;
    const uint32_t expected[] = {0, request, response, request | response, request};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(rec_depth_service.methods[i].flags, expected[i]);
}

static void bare_do(seal_call *call, const Words *request, void *user) {
    (void)user;
    assert_int_equal(bare_reply_do(call, request), 0);
}

static void names_that_are_words_work(void **state) {
    (void)state;
    bare_ops ops = {.size = sizeof ops,
                    .do_ = bare_do,
                    .delete_ = bare_do,
                    .size_ = bare_do,
                    .register_ = bare_do,
                    .linux_ = bare_do,
                    .assert = bare_do,
                    .null = bare_do};
    Words words = WORDS__INIT;
    const Words *reply = NULL;
    assert_int_equal(bare_register(fake_server, &ops, NULL, NULL), 0);
    assert_non_null(bare_sync_do(fake_channel, &words, NULL, &reply));
    assert_ptr_equal(reply, &words);
}

static void several_services_of_a_file_are_apart(void **state) {
    (void)state;
    assert_ptr_equal(every_thing_things_service.methods[0].request,
                     &google__protobuf__duration__descriptor);
    assert_ptr_equal(every_thing_things2_service.methods[0].request,
                     &every__thing__range__descriptor);
    assert_string_equal(odd_foo_bar_baz_v1beta1_odd_service_service.full_name,
                        "Odd.fooBar_baz.v1beta1.OddService");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sync_call_reaches_the_handler),
        cmocka_unit_test(asynchronous_call_delivers_typed_replies),
        cmocka_unit_test(methods_without_handler_are_not_invoked),
        cmocka_unit_test(tables_say_what_the_options_say),
        cmocka_unit_test(blocking_handlers_are_registered_as_such),
        cmocka_unit_test(services_without_methods_work),
        cmocka_unit_test(channels_know_their_service),
        cmocka_unit_test(depth_is_flagged),
        cmocka_unit_test(names_that_are_words_work),
        cmocka_unit_test(several_services_of_a_file_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
