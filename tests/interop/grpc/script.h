/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call with streams as a list of steps, which are done one after another: by a thread that blocks
 * (script_blocking.c), or by the callbacks of an asynchronous call (script_async.c). Behind the
 * last step all messages are read that are still to come, up to the end of the call.
 */
#ifndef SEAL_INTEROP_GRPC_SCRIPT_H
#define SEAL_INTEROP_GRPC_SCRIPT_H

#include "cases.h"

typedef Grpc__Testing__StreamingOutputCallResponse stream_response;

typedef enum step_kind {
    STEP_SEND, /* a message */
    STEP_READ, /* waits for the next message */
    STEP_END,  /* sends no more */
    STEP_CANCEL
} step_kind;

typedef struct step {
    step_kind kind;
    const ProtobufCMessage *message; /* SEND */
} step;

enum { SCRIPT_STEPS = 16, SCRIPT_MESSAGES = 16 };

/* The functions of one method, as far as it has them. The messages are of its type. */
typedef struct stream_method {
    int (*open)(seal_channel *channel, const ProtobufCMessage *request,
                const seal_call_options *options, void *user, seal_client_call **ret_call);
    int (*write)(seal_client_call *call, const ProtobufCMessage *message);
    int (*start)(seal_channel *channel, const ProtobufCMessage *request,
                 const seal_call_options *options, seal_client_call **ret_call);
    int (*push)(seal_client_call *call, const ProtobufCMessage *message);
    int (*read)(seal_client_call *call, const stream_response **ret_message);
    seal_result *(*finish)(seal_client_call *call);
} stream_method;

extern const stream_method stream_input_call;
extern const stream_method stream_output_call;
extern const stream_method stream_full_duplex;
extern const stream_method stream_half_duplex;

typedef struct script {
    const stream_method *method;
    const ProtobufCMessage *request; /* of a method with one request */
    const seal_call_options *options;
    step steps[SCRIPT_STEPS];
    size_t n_steps;
    /* What came of it. */
    seal_result *result;
    size_t n_messages;
    size_t sizes[SCRIPT_MESSAGES]; /* of their payloads */
    bool all_zeros;
} script;

void script_init(script *s, const stream_method *method);
void script_send(script *s, const ProtobufCMessage *message);
void script_step(script *s, step_kind kind);
/* Runs it in the test's mode; afterwards there is a result. False: test->why. */
bool script_run(interop_test *test, script *s);
void script_done(script *s);

/* For the two ways of running it. */
void script_take(script *s, const stream_response *message);
bool script_run_blocking(interop_test *test, script *s);
bool script_run_async(interop_test *test, script *s);
/* What stream_method.open is given as user calls these. */
void script_got(seal_client_call *call, const stream_response *message, void *user);
void script_ended(const seal_result *result, void *user);

#endif
