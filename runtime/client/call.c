/* SPDX-License-Identifier: Apache-2.0 */
/* One client call: from the stub to the channel, and its single delivery. */
#include <string.h>

#include "client/client_internal.h"
#include "codec/codec.h"

static void call_unref(seal_client_call *call) {
    if (atomic_fetch_sub_explicit(&call->refs, 1, memory_order_acq_rel) != 1)
        return;
    seal__shared *shared = call->shared;
    seal__release(&shared->alloc, call->request);
    seal_result_free(call->result);
    seal__release(&shared->alloc, call);
    seal__shared_unref(shared);
}

void seal__client_call_deliver(seal_client_call *call, const seal__outcome *outcome) {
    seal_result *result = call->result != NULL ? call->result : seal__result_new(call->shared);
    call->result = NULL;
    atomic_store(&call->delivered, true);
    if (result != NULL)
        seal__result_set(result, outcome, call->conn != NULL ? call->conn->peer : NULL);
    else
        result = seal__result_no_memory();
    call->deliver(result, call->done, call->user);
    seal_result_free(result);
    call_unref(call);
}

/* ---- Starting ---- */

static uint64_t timeout_of(const seal_channel *channel, const seal_method *method,
                           const seal_call_options *options) {
    if (options->timeout_us != 0)
        return options->timeout_us;
    return method->timeout_us != 0 ? method->timeout_us : channel->config.timeout_us;
}

static uint64_t deadline_after(uint64_t now, uint64_t timeout_us) {
    uint64_t deadline = 0;
    if (timeout_us == SEAL_NO_DEADLINE || __builtin_mul_overflow(timeout_us, 1000u, &deadline) ||
        __builtin_add_overflow(deadline, now, &deadline))
        return UINT64_MAX;
    return deadline;
}

static seal_client_call *call_new(seal_channel *channel, const seal_method *method,
                                  const seal_call_options *options) {
    seal__shared *shared = channel->runtime->shared;
    seal_client_call *call = seal__alloc_zeroed(&shared->alloc, 1, sizeof *call);
    if (call == NULL)
        return NULL;
    atomic_init(&call->refs, 1);
    atomic_init(&call->delivered, false);
    atomic_init(&call->cancel_queued, false);
    call->shared = seal__shared_ref(shared);
    call->channel = channel;
    call->method = method;
    call->timeout_us = timeout_of(channel, method, options);
    call->started_ns = uv_hrtime();
    call->deadline_ns = deadline_after(call->started_ns, call->timeout_us);
    call->min_level =
        options->min_level > method->min_level ? options->min_level : method->min_level;
    seal__list_init(&call->node);
    return call;
}

static void run_submit(seal__task *task) {
    seal_client_call *call = SEAL__CONTAINER_OF(task, seal_client_call, submit_task);
    seal__channel_enqueue(call->channel, call);
}

static int pack_request(seal_client_call *call, const ProtobufCMessage *request, size_t size) {
    call->request_len = size;
    call->request = seal__alloc(&call->shared->alloc, size == 0 ? 1 : size);
    if (call->request == NULL)
        return SEAL_ERROR_NO_MEMORY;
    seal__codec_pack(request, call->request);
    return 0;
}

/* On the loop with a connection at hand the request is packed straight into the outbox; else it
 * waits in memory of its own. */
static int submit(seal_client_call *call, const ProtobufCMessage *request) {
    seal_channel *channel = call->channel;
    size_t size = seal__codec_size(request);
    bool on_loop = seal__runtime_on_loop(channel->runtime);
    if (on_loop && channel->freeing)
        return SEAL_ERROR_STATE;
    if (on_loop && seal__channel_is_ready(channel, call->min_level) &&
        seal__channel_send_request(channel, call, size, seal__codec_pack, request) == 0)
        return 0;
    int rc = pack_request(call, request, size);
    if (rc < 0)
        return rc;
    call->submit_task.run = run_submit;
    seal__runtime_queue(channel->runtime, &call->submit_task);
    return 0;
}

int seal_channel_call(seal_channel *channel, const seal_method *method,
                      const ProtobufCMessage *request, const seal_call_options *options,
                      seal_deliver_fn *deliver, seal_any_fn *done, void *user,
                      seal_client_call **ret_call) {
    seal_call_options defaults;
    seal_call_options_init(&defaults);
    if (channel == NULL || method == NULL || deliver == NULL || done == NULL ||
        (options != NULL && options->struct_size < sizeof defaults) ||
        seal__codec_check(method->request, request, NULL) < 0)
        return SEAL_ERROR_INVALID;
    seal_client_call *call = call_new(channel, method, options != NULL ? options : &defaults);
    if (call == NULL)
        return SEAL_ERROR_NO_MEMORY;
    call->deliver = deliver;
    call->done = done;
    call->user = user;
    if (ret_call != NULL) {
        atomic_fetch_add(&call->refs, 1);
        *ret_call = call;
    }
    int rc = submit(call, request);
    if (rc < 0) {
        if (ret_call != NULL) {
            *ret_call = NULL;
            call_unref(call);
        }
        call_unref(call);
    }
    return rc;
}

/* ---- The caller's handle ---- */

static void cancel_now(seal_client_call *call) {
    seal_channel *channel = call->channel;
    seal__outcome outcome = {.status = SEAL_STATUS_CANCELLED,
                             .execution = SEAL_NOT_EXECUTED,
                             .cause = SEAL_ERROR_CANCELLED,
                             .message = "cancelled by the caller"};
    seal__conn *conn = call->stream != NULL ? call->conn : NULL;
    if (conn != NULL) {
        if (!seal__session_cancel(conn->session, call->stream))
            outcome.execution = SEAL_EXECUTION_UNKNOWN;
        seal__conn_mark_dirty(conn);
        call->stream = NULL;
    } else {
        seal__channel_unqueue(channel, call);
    }
    seal__client_call_deliver(call, &outcome);
    if (conn != NULL && conn->state == SEAL__CONN_OPEN)
        seal__channel_let_leave(channel, conn);
    seal__channel_serve_pending(channel);
}

static void run_cancel(seal__task *task) {
    seal_client_call *call = SEAL__CONTAINER_OF(task, seal_client_call, cancel_task);
    if (!atomic_load(&call->delivered))
        cancel_now(call);
    call_unref(call);
}

void seal_client_call_cancel(seal_client_call *call) {
    if (call == NULL || atomic_load(&call->delivered) ||
        atomic_exchange(&call->cancel_queued, true))
        return;
    atomic_fetch_add(&call->refs, 1);
    call->cancel_task.run = run_cancel;
    seal__runtime_queue(call->channel->runtime, &call->cancel_task);
}

void seal_client_call_unref(seal_client_call *call) {
    if (call != NULL)
        call_unref(call);
}
