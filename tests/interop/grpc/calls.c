/* SPDX-License-Identifier: Apache-2.0 */
/* Calls without a stream, in both modes, and what all cases check. */
#include "cases.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

enum { ZEROS_MAX = 1024 * 1024 };

static uint8_t zeros[ZEROS_MAX]; /* never written */

/* ---- Failures ---- */

bool interop_fail(interop_test *test, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(test->why, sizeof test->why, format, args);
    va_end(args);
    return false;
}

/* That the connection is protected as the options say. */
static bool is_protected(interop_test *test, const seal_peer *peer) {
    if (peer == NULL)
        return true;
    seal_level level = seal_peer_level(peer);
    seal_suite suite = seal_peer_suite(peer);
    if (test->protection.level != 0 && level != test->protection.level)
        return interop_fail(test, "the connection's level is %s", seal_level_name(level));
    if (test->protection.suite != 0 && suite != test->protection.suite)
        return interop_fail(test, "the connection's suite is %s", seal_suite_name(suite));
    return true;
}

bool interop_has_status(interop_test *test, const seal_result *result, seal_status status) {
    if (result == NULL)
        return interop_fail(test, "the call could not begin");
    seal_status got = seal_result_status(result);
    if (got != status)
        return interop_fail(test, "the status is %s instead of %s%s%s", seal_status_name(got),
                            seal_status_name(status), got != SEAL_STATUS_OK ? ": " : "",
                            seal_result_message(result));
    if (got == SEAL_STATUS_OK && seal_result_peer(result) == NULL)
        return interop_fail(test, "the result does not say who answered");
    return is_protected(test, seal_result_peer(result));
}

bool interop_all_zeros(const uint8_t *bytes, size_t len) {
    return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

bool interop_is_zeros(interop_test *test, const Grpc__Testing__Payload *payload, size_t size) {
    size_t len = payload != NULL ? payload->body.len : 0;
    if (len != size)
        return interop_fail(test, "the payload has %zu bytes instead of %zu", len, size);
    if (len > 0 && !interop_all_zeros(payload->body.data, len))
        return interop_fail(test, "the payload is not all zeros");
    return true;
}

/* ---- Requests ---- */

void interop_zeros(Grpc__Testing__Payload *payload, size_t size) {
    grpc__testing__payload__init(payload);
    payload->body.data = zeros;
    payload->body.len = size <= ZEROS_MAX ? size : ZEROS_MAX;
}

void interop_unary_request(unary_request *r, size_t payload_size, size_t response_size) {
    grpc__testing__simple_request__init(&r->request);
    interop_zeros(&r->payload, payload_size);
    r->request.payload = &r->payload;
    r->request.response_size = (int32_t)response_size;
}

/* ---- Calls ---- */

/* Where an asynchronous call is waited for. */
typedef struct awaited {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    seal_result *result;
} awaited;

static void awaited_set(awaited *a, const seal_result *result) {
    pthread_mutex_lock(&a->lock);
    a->result = seal_result_ref(result);
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

/* The end of a call that was begun with `rc`. No result: it did not begin. */
static seal_result *awaited_get(awaited *a, int rc) {
    pthread_mutex_lock(&a->lock);
    while (rc == 0 && a->result == NULL)
        pthread_cond_wait(&a->changed, &a->lock);
    pthread_mutex_unlock(&a->lock);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    return a->result;
}

#define AWAITED_INIT                                                                               \
    { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER }

static void on_empty(const seal_result *result, const Grpc__Testing__Empty *reply, void *user) {
    (void)reply;
    awaited_set(user, result);
}

static void on_unary(const seal_result *result, const Grpc__Testing__SimpleResponse *reply,
                     void *user) {
    (void)reply;
    awaited_set(user, result);
}

seal_result *interop_empty_call(interop_test *test) {
    const Grpc__Testing__Empty request = GRPC__TESTING__EMPTY__INIT;
    if (test->mode == INTEROP_BLOCKING)
        return grpc_testing_test_service_sync_empty_call(test->channel, &request, NULL, NULL);
    awaited a = AWAITED_INIT;
    return awaited_get(&a, grpc_testing_test_service_call_empty_call(test->channel, &request, NULL,
                                                                     on_empty, &a, NULL));
}

seal_result *interop_unary_call(interop_test *test, seal_channel *channel,
                                const Grpc__Testing__SimpleRequest *request,
                                const seal_call_options *options) {
    if (test->mode == INTEROP_BLOCKING)
        return grpc_testing_test_service_sync_unary_call(channel, request, options, NULL);
    awaited a = AWAITED_INIT;
    return awaited_get(&a, grpc_testing_test_service_call_unary_call(channel, request, options,
                                                                     on_unary, &a, NULL));
}

seal_result *interop_unimplemented_method(interop_test *test) {
    const Grpc__Testing__Empty request = GRPC__TESTING__EMPTY__INIT;
    if (test->mode == INTEROP_BLOCKING)
        return grpc_testing_test_service_sync_unimplemented_call(test->channel, &request, NULL,
                                                                 NULL);
    awaited a = AWAITED_INIT;
    return awaited_get(&a, grpc_testing_test_service_call_unimplemented_call(
                               test->channel, &request, NULL, on_empty, &a, NULL));
}

seal_result *interop_unimplemented_service(interop_test *test) {
    const Grpc__Testing__Empty request = GRPC__TESTING__EMPTY__INIT;
    if (test->mode == INTEROP_BLOCKING)
        return grpc_testing_unimplemented_service_sync_unimplemented_call(test->channel, &request,
                                                                          NULL, NULL);
    awaited a = AWAITED_INIT;
    return awaited_get(&a, grpc_testing_unimplemented_service_call_unimplemented_call(
                               test->channel, &request, NULL, on_empty, &a, NULL));
}
