/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ECHO_INITIAL "x-grpc-test-echo-initial"
#define ECHO_TRAILING "x-grpc-test-echo-trailing-bin"

enum { PAYLOAD_MAX = 16 * 1024 * 1024 };

static uint8_t zeros[PAYLOAD_MAX]; /* never written */

bool interop_zeros(Grpc__Testing__Payload *payload, int32_t size) {
    if (size < 0 || size > PAYLOAD_MAX)
        return false;
    payload->type = GRPC__TESTING__PAYLOAD_TYPE__COMPRESSABLE;
    payload->body.data = zeros;
    payload->body.len = (size_t)size;
    return true;
}

static void echo_initial(seal_call *call, const char *value, seal_metadata *metadata) {
    if (seal_metadata_add(metadata, ECHO_INITIAL, value, NULL) == 0)
        seal_call_send_metadata(call, metadata);
}

static void echo_trailing(seal_call *call, const char *value, size_t len, seal_metadata *metadata) {
    if (seal_metadata_add_bytes(metadata, ECHO_TRAILING, value, len, NULL) == 0)
        seal_call_set_trailing_metadata(call, metadata);
}

void interop_echo_metadata(seal_call *call) {
    const seal_metadata *request = seal_call_metadata(call);
    size_t len = 0;
    const char *initial = seal_metadata_get(request, ECHO_INITIAL, NULL);
    const char *trailing = seal_metadata_get(request, ECHO_TRAILING, &len);
    seal_metadata *metadata = NULL;
    if ((initial == NULL && trailing == NULL) || seal_metadata_new(NULL, &metadata) < 0)
        return;
    if (initial != NULL)
        echo_initial(call, initial, metadata);
    seal_metadata_remove(metadata, NULL);
    if (trailing != NULL)
        echo_trailing(call, trailing, len, metadata);
    seal_metadata_free(metadata);
}

bool interop_echo_status(seal_call *call, const Grpc__Testing__EchoStatus *status) {
    if (status == NULL || status->code == 0)
        return false;
    seal_call_fail(call, (seal_status)status->code, "%s", status->message);
    return true;
}

bool interop_refuse(seal_call *call, Grpc__Testing__PayloadType type,
                    const Grpc__Testing__BoolValue *expect_compressed) {
    if (type != GRPC__TESTING__PAYLOAD_TYPE__COMPRESSABLE)
        seal_call_fail(call, SEAL_STATUS_INVALID_ARGUMENT, "there is no payload type %d",
                       (int)type);
    else if (expect_compressed != NULL && expect_compressed->value)
        seal_call_fail(call, SEAL_STATUS_INVALID_ARGUMENT, "the request is not compressed");
    else
        return false;
    return true;
}

bool interop_orders_add(interop_orders *orders, const stream_request *request) {
    if (request->n_response_parameters == 0)
        return true;
    size_t n = orders->n + request->n_response_parameters;
    interop_order *list = realloc(orders->list, n * sizeof *list);
    if (list == NULL)
        return false;
    for (size_t i = 0; i < request->n_response_parameters; i++) {
        const Grpc__Testing__ResponseParameters *p = request->response_parameters[i];
        list[orders->n + i] = (interop_order){.size = p->size, .interval_us = p->interval_us};
    }
    orders->list = list;
    orders->n = n;
    return true;
}

void interop_orders_done(interop_orders *orders) {
    free(orders->list);
}

/* ---- Methods without a stream ---- */

void interop_empty_call(seal_call *call, const Grpc__Testing__Empty *request, void *user) {
    (void)request;
    (void)user;
    Grpc__Testing__Empty reply = GRPC__TESTING__EMPTY__INIT;
    interop_echo_metadata(call);
    grpc_testing_test_service_reply_empty_call(call, &reply);
}

void interop_unary_call(seal_call *call, const Grpc__Testing__SimpleRequest *request, void *user) {
    interop_service *service = user;
    interop_echo_metadata(call);
    if (interop_echo_status(call, request->response_status) ||
        interop_refuse(call, request->response_type, request->expect_compressed))
        return;
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
    Grpc__Testing__SimpleResponse reply = GRPC__TESTING__SIMPLE_RESPONSE__INIT;
    char principal[256];
    if (!interop_zeros(&payload, request->response_size)) {
        seal_call_fail(call, SEAL_STATUS_INVALID_ARGUMENT, "response_size is %d",
                       request->response_size);
        return;
    }
    reply.payload = &payload;
    if (request->fill_username) {
        snprintf(principal, sizeof principal, "%s", seal_peer_principal(seal_call_peer(call)));
        reply.username = principal;
    }
    if (request->fill_server_id)
        reply.server_id = service->id;
    grpc_testing_test_service_reply_unary_call(call, &reply);
}

void interop_cacheable_unary_call(seal_call *call, const Grpc__Testing__SimpleRequest *request,
                                  void *user) {
    (void)request;
    (void)user;
    struct timespec now;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &now);
    int len = snprintf(text, sizeof text, "%lld%09ld", (long long)now.tv_sec, now.tv_nsec);
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
    Grpc__Testing__SimpleResponse reply = GRPC__TESTING__SIMPLE_RESPONSE__INIT;
    payload.body.data = (uint8_t *)text;
    payload.body.len = (size_t)len;
    reply.payload = &payload;
    interop_echo_metadata(call);
    grpc_testing_test_service_reply_cacheable_unary_call(call, &reply);
}
