/* SPDX-License-Identifier: Apache-2.0 */
/* The generated functions of the streaming methods, in one table for each method. */
#include "script.h"

typedef Grpc__Testing__StreamingInputCallRequest input_request;
typedef Grpc__Testing__StreamingOutputCallRequest output_request;
typedef Grpc__Testing__StreamingInputCallResponse input_response;

/* ---- StreamingInputCall ---- */

static void input_done(const seal_result *result, const input_response *reply, void *user) {
    (void)reply; /* it is in the result, too */
    script_ended(result, user);
}

static int input_open(seal_channel *channel, const ProtobufCMessage *request,
                      const seal_call_options *options, void *user, seal_client_call **ret_call) {
    (void)request;
    return grpc_testing_test_service_open_streaming_input_call(channel, options, input_done, user,
                                                               ret_call);
}

static int input_write(seal_client_call *call, const ProtobufCMessage *message) {
    return grpc_testing_test_service_write_streaming_input_call(call,
                                                                (const input_request *)message);
}

static int input_start(seal_channel *channel, const ProtobufCMessage *request,
                       const seal_call_options *options, seal_client_call **ret_call) {
    (void)request;
    return grpc_testing_test_service_start_streaming_input_call(channel, options, ret_call);
}

static int input_push(seal_client_call *call, const ProtobufCMessage *message) {
    return grpc_testing_test_service_push_streaming_input_call(call,
                                                               (const input_request *)message);
}

static seal_result *input_finish(seal_client_call *call) {
    return grpc_testing_test_service_finish_streaming_input_call(call, NULL);
}

const stream_method stream_input_call = {.open = input_open,
                                         .write = input_write,
                                         .start = input_start,
                                         .push = input_push,
                                         .finish = input_finish};

/* ---- StreamingOutputCall ---- */

static int output_open(seal_channel *channel, const ProtobufCMessage *request,
                       const seal_call_options *options, void *user, seal_client_call **ret_call) {
    return grpc_testing_test_service_open_streaming_output_call(
        channel, (const output_request *)request, options, script_got, script_ended, user,
        ret_call);
}

static int output_start(seal_channel *channel, const ProtobufCMessage *request,
                        const seal_call_options *options, seal_client_call **ret_call) {
    return grpc_testing_test_service_start_streaming_output_call(
        channel, (const output_request *)request, options, ret_call);
}

const stream_method stream_output_call = {.open = output_open,
                                          .start = output_start,
                                          .read =
                                              grpc_testing_test_service_read_streaming_output_call,
                                          .finish = seal_client_call_finish};

/* ---- FullDuplexCall ---- */

static int full_open(seal_channel *channel, const ProtobufCMessage *request,
                     const seal_call_options *options, void *user, seal_client_call **ret_call) {
    (void)request;
    return grpc_testing_test_service_open_full_duplex_call(channel, options, script_got,
                                                           script_ended, user, ret_call);
}

static int full_write(seal_client_call *call, const ProtobufCMessage *message) {
    return grpc_testing_test_service_write_full_duplex_call(call, (const output_request *)message);
}

static int full_start(seal_channel *channel, const ProtobufCMessage *request,
                      const seal_call_options *options, seal_client_call **ret_call) {
    (void)request;
    return grpc_testing_test_service_start_full_duplex_call(channel, options, ret_call);
}

static int full_push(seal_client_call *call, const ProtobufCMessage *message) {
    return grpc_testing_test_service_push_full_duplex_call(call, (const output_request *)message);
}

const stream_method stream_full_duplex = {.open = full_open,
                                          .write = full_write,
                                          .start = full_start,
                                          .push = full_push,
                                          .read = grpc_testing_test_service_read_full_duplex_call,
                                          .finish = seal_client_call_finish};

/* ---- HalfDuplexCall ---- */

static int half_open(seal_channel *channel, const ProtobufCMessage *request,
                     const seal_call_options *options, void *user, seal_client_call **ret_call) {
    (void)request;
    return grpc_testing_test_service_open_half_duplex_call(channel, options, script_got,
                                                           script_ended, user, ret_call);
}

static int half_write(seal_client_call *call, const ProtobufCMessage *message) {
    return grpc_testing_test_service_write_half_duplex_call(call, (const output_request *)message);
}

static int half_start(seal_channel *channel, const ProtobufCMessage *request,
                      const seal_call_options *options, seal_client_call **ret_call) {
    (void)request;
    return grpc_testing_test_service_start_half_duplex_call(channel, options, ret_call);
}

static int half_push(seal_client_call *call, const ProtobufCMessage *message) {
    return grpc_testing_test_service_push_half_duplex_call(call, (const output_request *)message);
}

const stream_method stream_half_duplex = {.open = half_open,
                                          .write = half_write,
                                          .start = half_start,
                                          .push = half_push,
                                          .read = grpc_testing_test_service_read_half_duplex_call,
                                          .finish = seal_client_call_finish};
