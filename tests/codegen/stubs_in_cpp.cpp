/* SPDX-License-Identifier: Apache-2.0 */
/* Generated headers in C++17: every one is included, and stubs are called. */
#include <cerrno>
#include <cstdio>
#include <cstring>

/* Converse is deprecated, and tested all the same. */
#define PROTOBUF_C__NO_DEPRECATED

#include "bare.seal.h"
#include "demo/v1/greeter.seal.h"
#include "everything.seal.h"
#include "fake_runtime.h"
#include "odd_names.seal.h"
#include "optional.seal.h"
#include "recursive.seal.h"
#include "small.seal.h"

static void say_hello(seal_call *call, const Demo__V1__HelloRequest *, void *user) {
    Demo__V1__HelloReply reply;
    demo__v1__hello_reply__init(&reply);
    *static_cast<int *>(user) = demo_v1_greeter_reply_say_hello(call, &reply) == 0 ? 1 : 0;
}

static void said(const seal_result *, const Demo__V1__HelloReply *reply, void *user) {
    *static_cast<bool *>(user) = reply != nullptr;
}

/* ---- The other kinds of methods ---- */

static void watch(seal_call *call, const Demo__V1__HelloRequest *request, void *) {
    Demo__V1__HelloReply reply;
    demo__v1__hello_reply__init(&reply);
    reply.message = request->name;
    demo_v1_greeter_send_watch(call, &reply);
    seal_call_finish(call);
}

static void told(seal_call *call, const Demo__V1__HelloRequest *message, void *) {
    Demo__V1__HelloReply reply;
    demo__v1__hello_reply__init(&reply);
    if (message == nullptr)
        demo_v1_greeter_reply_tell(call, &reply);
}

static void tell(seal_call *call, void *user) {
    demo_v1_greeter_receive_tell(call, told, user);
}

static void converse(seal_call *call, void *) {
    const Demo__V1__HelloRequest *message = nullptr;
    while (demo_v1_greeter_take_converse(call, &message) == 1) {
        Demo__V1__HelloReply reply;
        demo__v1__hello_reply__init(&reply);
        reply.message = message->name;
        demo_v1_greeter_put_converse(call, &reply);
    }
    seal_call_finish(call);
}

static void got(seal_client_call *, const Demo__V1__HelloReply *message, void *user) {
    *static_cast<int *>(user) += std::strcmp(message->message, "me") == 0 ? 1 : 100;
}

static void watched(const seal_result *, void *user) {
    *static_cast<int *>(user) += 10;
}

static bool streams_work(Demo__V1__HelloRequest *request) {
    int count = 0;
    bool delivered = false;
    seal_client_call *call = nullptr;
    if (demo_v1_greeter_open_watch(fake_channel, request, nullptr, got, watched, &count, &call) !=
            0 ||
        count != 11)
        return false;
    seal_client_call_unref(call);
    if (demo_v1_greeter_open_tell(fake_channel, nullptr, said, &delivered, &call) != 0 ||
        demo_v1_greeter_write_tell(call, request) != 0)
        return false;
    seal_client_call_end(call);
    seal_client_call_unref(call);
    return delivered;
}

static bool blocking_streams_work(Demo__V1__HelloRequest *request) {
    const Demo__V1__HelloReply *reply = nullptr;
    seal_client_call *call = nullptr;
    if (demo_v1_greeter_start_converse(fake_channel, nullptr, &call) != 0 ||
        demo_v1_greeter_push_converse(call, request) != 0 ||
        demo_v1_greeter_read_converse(call, &reply) != 1 ||
        std::strcmp(reply->message, "me") != 0 || seal_client_call_finish(call) == nullptr)
        return false;
    seal_client_call_unref(call);
    return true;
}

int main() {
    int handled = 0;
    bool delivered = false;
    demo_v1_greeter_ops ops = {};
    ops.size = sizeof ops;
    ops.say_hello = say_hello;
    ops.watch = watch;
    ops.tell = tell;
    ops.converse = converse;
    Demo__V1__HelloRequest request;
    demo__v1__hello_request__init(&request);
    if (demo_v1_greeter_register(fake_server, &ops, &handled, nullptr) != 0 ||
        demo_v1_greeter_call_say_hello(fake_channel, &request, nullptr, said, &delivered,
                                       nullptr) != 0)
        return 1;
    char me[] = "me";
    request.name = me;
    if (!streams_work(&request) ||
        demo_v1_greeter_register_blocking(fake_server, &ops, nullptr, nullptr) != 0 ||
        !blocking_streams_work(&request))
        return 1;
    return handled == 1 && delivered ? 0 : 1;
}
