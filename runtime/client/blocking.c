/* SPDX-License-Identifier: Apache-2.0 */
/* Blocking calls: the asynchronous one, and a wait for its end. */
#include "client/client_internal.h"

typedef struct waiter {
    uv_sem_t done;
    seal_result *result;
} waiter;

static void nothing(void) {}

static void keep_result(const seal_result *result, seal_any_fn *done, void *user) {
    (void)done;
    waiter *w = user;
    w->result = seal_result_ref(result);
    uv_sem_post(&w->done);
}

static seal_result *failed(seal_channel *channel, int rc) {
    seal_result *result = seal__result_new(channel->runtime->shared);
    if (result == NULL)
        return seal__result_no_memory();
    seal__outcome outcome = {
        .status = rc == SEAL_ERROR_INVALID ? SEAL_STATUS_INVALID_ARGUMENT : seal__status_of(rc),
        .execution = SEAL_NOT_EXECUTED,
        .cause = (seal_error_code)rc,
        .message = rc == SEAL_ERROR_INVALID
                       ? "the request is not a message of the method's type, or a "
                         "required part of it is NULL"
                       : seal_error_code_text(rc)};
    seal__result_set(result, &outcome, NULL);
    return result;
}

seal_result *seal_channel_call_sync(seal_channel *channel, const seal_method *method,
                                    const ProtobufCMessage *request,
                                    const seal_call_options *options) {
    if (seal__runtime_on_loop(channel->runtime))
        return seal__result_wrong_thread();
    waiter w = {.result = NULL};
    if (uv_sem_init(&w.done, 0) != 0)
        return seal__result_no_memory();
    int rc = seal_channel_call(channel, method, request, options, keep_result, nothing, &w, NULL);
    if (rc == 0)
        uv_sem_wait(&w.done);
    uv_sem_destroy(&w.done);
    return rc == 0 ? w.result : failed(channel, rc);
}
