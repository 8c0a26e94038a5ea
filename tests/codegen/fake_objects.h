/* SPDX-License-Identifier: Apache-2.0 */
/* The objects of the fake library: for its own files. */
#ifndef TESTS_CODEGEN_FAKE_OBJECTS_H
#define TESTS_CODEGEN_FAKE_OBJECTS_H

#include "fake_runtime.h"

struct seal_call {
    const seal_method *method;
    seal_client_call *client; /* NULL: unary */
    seal_call_message_fn *deliver;
    seal_any_fn *received;
    void *user;
};

struct seal_result {
    const ProtobufCMessage *reply;
};

/* Of the last call. */
extern struct seal_result fake_result;

/* Runs the registered handler. */
void fake_invoke(seal_call *call, const ProtobufCMessage *request);

/* Tells the client of a streaming call. */
int fake_call_ended(seal_call *call, const ProtobufCMessage *reply);

#endif
