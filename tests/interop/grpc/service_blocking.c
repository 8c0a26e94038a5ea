/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that run on a worker thread each, and wait there. */
#include "service.h"

#include <time.h>

typedef int put_fn(seal_call *call, const stream_response *message);

static void wait_us(int32_t us) {
    struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    while (us > 0 && nanosleep(&time, &time) != 0)
        continue;
}

/* Answers a call whose stream cannot go on. */
static void give_up(seal_call *call, int rc) {
    if (rc == SEAL_ERROR_CANCELLED)
        seal_call_fail(call, SEAL_STATUS_CANCELLED, "cancelled");
    else
        seal_call_fail(call, SEAL_STATUS_INTERNAL, "%s", seal_error_code_text(rc));
}

/* False: the call was answered. */
static bool put_one(seal_call *call, put_fn *put, int32_t size, int32_t interval_us) {
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
    stream_response reply = GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
    if (!interop_zeros(&payload, size)) {
        seal_call_fail(call, SEAL_STATUS_INVALID_ARGUMENT, "size is %d", size);
        return false;
    }
    reply.payload = &payload;
    wait_us(interval_us);
    int rc = put(call, &reply);
    if (rc < 0)
        give_up(call, rc);
    return rc == 0;
}

/* All that one request asks for. False: the call was answered. */
static bool put_all(seal_call *call, put_fn *put, const stream_request *request) {
    if (interop_echo_status(call, request->response_status) ||
        interop_refuse(call, request->response_type, NULL))
        return false;
    for (size_t i = 0; i < request->n_response_parameters; i++) {
        const Grpc__Testing__ResponseParameters *p = request->response_parameters[i];
        if (!put_one(call, put, p->size, p->interval_us))
            return false;
    }
    return true;
}

static void streaming_output_call(seal_call *call, const stream_request *request, void *user) {
    (void)user;
    interop_echo_metadata(call);
    if (put_all(call, grpc_testing_test_service_put_streaming_output_call, request))
        seal_call_finish(call);
}

static void streaming_input_call(seal_call *call, void *user) {
    (void)user;
    const Grpc__Testing__StreamingInputCallRequest *request = NULL;
    Grpc__Testing__StreamingInputCallResponse reply =
        GRPC__TESTING__STREAMING_INPUT_CALL_RESPONSE__INIT;
    int rc = 0;
    interop_echo_metadata(call);
    while ((rc = grpc_testing_test_service_take_streaming_input_call(call, &request)) == 1) {
        if (interop_refuse(call, GRPC__TESTING__PAYLOAD_TYPE__COMPRESSABLE,
                           request->expect_compressed))
            return;
        if (request->payload != NULL)
            reply.aggregated_payload_size += (int32_t)request->payload->body.len;
    }
    if (rc < 0)
        give_up(call, rc);
    else
        grpc_testing_test_service_reply_streaming_input_call(call, &reply);
}

static void full_duplex_call(seal_call *call, void *user) {
    (void)user;
    const stream_request *request = NULL;
    int rc = 0;
    interop_echo_metadata(call);
    while ((rc = grpc_testing_test_service_take_full_duplex_call(call, &request)) == 1) {
        if (!put_all(call, grpc_testing_test_service_put_full_duplex_call, request))
            return;
    }
    if (rc < 0)
        give_up(call, rc);
    else
        seal_call_finish(call);
}

static void half_duplex_call(seal_call *call, void *user) {
    (void)user;
    const stream_request *request = NULL;
    interop_orders orders = {.n = 0};
    bool answered = false;
    int rc = 0;
    interop_echo_metadata(call);
    while (!answered &&
           (rc = grpc_testing_test_service_take_half_duplex_call(call, &request)) == 1) {
        answered = interop_echo_status(call, request->response_status) ||
                   interop_refuse(call, request->response_type, NULL);
        if (!answered && !interop_orders_add(&orders, request)) {
            seal_call_fail(call, SEAL_STATUS_RESOURCE_EXHAUSTED, "out of memory");
            answered = true;
        }
    }
    if (!answered && rc < 0)
        give_up(call, rc);
    for (size_t i = 0; !answered && rc == 0 && i < orders.n; i++)
        answered = !put_one(call, grpc_testing_test_service_put_half_duplex_call,
                            orders.list[i].size, orders.list[i].interval_us);
    if (!answered && rc == 0)
        seal_call_finish(call);
    interop_orders_done(&orders);
}

const grpc_testing_test_service_ops interop_blocking_ops = {
    .size = sizeof interop_blocking_ops,
    .empty_call = interop_empty_call,
    .unary_call = interop_unary_call,
    .cacheable_unary_call = interop_cacheable_unary_call,
    .streaming_output_call = streaming_output_call,
    .streaming_input_call = streaming_input_call,
    .full_duplex_call = full_duplex_call,
    .half_duplex_call = half_duplex_call};
