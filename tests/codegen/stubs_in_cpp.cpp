/* SPDX-License-Identifier: Apache-2.0 */
/* Generated headers in C++17: every one is included, and stubs are called. */
#include <cerrno>
#include <cstdio>

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

int main() {
    int handled = 0;
    bool delivered = false;
    demo_v1_greeter_ops ops = {};
    ops.size = sizeof ops;
    ops.say_hello = say_hello;
    Demo__V1__HelloRequest request;
    demo__v1__hello_request__init(&request);
    if (demo_v1_greeter_register(fake_server, &ops, &handled, nullptr) != 0 ||
        demo_v1_greeter_call_say_hello(fake_channel, &request, nullptr, said, &delivered,
                                       nullptr) != 0)
        return 1;
    return handled == 1 && delivered ? 0 : 1;
}
