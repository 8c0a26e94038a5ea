/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain calls: one request, one reply, a callback, begun on the loop's thread, without a handle, a
 * parent, metadata or interceptors. Most calls are. Nobody but the loop can know of such a call, so
 * it needs no lock and counts no references; what it uses of the channel it borrows, because the
 * channel is there when its callback returns. Its memory is used again for the next one.
 */
#include <string.h>

#include "base/deadline.h"
#include "client/client_internal.h"
#include "codec/codec.h"

enum {
    SPARES = 128,         /* calls, and results, whose memory is kept */
    SPARE_REQUESTS = 32,  /* requests that do not fit into their calls */
    SPARE_REQUEST = 2048, /* bytes of one, with its header */
    FAR_US = 1000000      /* a deadline for which a few milliseconds are nothing */
};

void seal__plain_prepare(seal_runtime *runtime) {
    const seal_allocator *alloc = seal__runtime_alloc(runtime);
    if (runtime->spare_calls.max != 0)
        return;
    seal__spares_init(&runtime->spare_calls, alloc, sizeof(seal_client_call), SPARES);
    seal__spares_init(&runtime->spare_requests, alloc, SPARE_REQUEST, SPARE_REQUESTS);
    seal__results_prepare(runtime, SPARES);
}

bool seal__plain_is(const seal_channel *channel, const seal__start *start,
                    const seal_call_options *options) {
    const unsigned streams = SEAL_METHOD_CLIENT_STREAMING | SEAL_METHOD_SERVER_STREAMING;
    return seal__runtime_on_loop(channel->runtime) && channel->chain->n == 1 &&
           options->parent == NULL && options->metadata == NULL && start->blocking == NULL &&
           (start->method->flags & streams) == 0;
}

/* ---- Memory ---- */

static seal_client_call *take(seal_runtime *runtime) {
    seal_client_call *call = seal__spares_take(&runtime->spare_calls);
    if (call == NULL)
        return seal__client_call_new(runtime, 1);
    seal__clear(&call->refs, offsetof(seal_client_call, shared) - offsetof(seal_client_call, refs));
    atomic_init(&call->refs, 1);
    return call;
}

static bool is_inside(const seal_client_call *call, const seal__out_item *item) {
    return (const uint8_t *)item == call->small;
}

/* What a touched call has used may outlive its channel, by the end of this turn of the loop. */
void seal__plain_release(seal_client_call *call) {
    bool is_apart = call->request != NULL && !is_inside(call, call->request);
    if (!call->touched) {
        seal_runtime *runtime = call->channel->runtime;
        if (is_apart)
            seal__spares_give(&runtime->spare_requests, call->request);
        seal__spares_give(&runtime->spare_calls, call);
        return;
    }
    seal__out_item *request = is_apart ? call->request : NULL;
    const seal_allocator *alloc = &call->shared->alloc;
    seal__client_call_destroy(call);
    seal__release(alloc, request);
}

static void *take_request(seal_client_call *call, size_t size) {
    seal_runtime *runtime = call->channel->runtime;
    if (size <= SEAL__SMALL_REQUEST)
        return call->small;
    void *memory = seal__spares_take(&runtime->spare_requests);
    return memory != NULL ? memory : seal__alloc(seal__runtime_alloc(runtime), SPARE_REQUEST);
}

/* ---- Beginning ---- */

/* To read the clock takes as long as a tenth of a call. For a deadline that is far away it will do
 * what this turn of the loop has read, if the kernel's clock has not ticked since. */
static uint64_t now(const seal_channel *channel, uint64_t timeout_us) {
    if (timeout_us >= FAR_US && channel->is_open) {
        uint64_t tick_ns = seal__last_tick_ns();
        if (tick_ns != 0 && channel->conn->fed_ns >= tick_ns)
            return channel->conn->fed_ns;
    }
    return uv_hrtime();
}

static void set(seal_client_call *call, seal_channel *channel, const seal__start *start,
                const seal_call_options *options, uint64_t timeout_us) {
    call->plain = true;
    call->owned = true;
    call->n_begun = 1;
    call->channel = channel;
    call->method = start->method;
    call->chain = channel->chain;
    call->deliver = start->callbacks.deliver;
    call->done = start->callbacks.done;
    call->user = start->callbacks.user;
    seal__client_call_limit(call, options, timeout_us, now(channel, timeout_us));
}

/* Packs the request where it stays until the call has ended. Returns false when it is too large for
 * that, or there is no memory. */
static bool pack(seal_client_call *call, const ProtobufCMessage *request, size_t size) {
    if (size > SPARE_REQUEST - sizeof(seal__out_item))
        return false;
    void *memory = take_request(call, size);
    if (memory == NULL)
        return false;
    call->request = seal__history_place(memory, SEAL__OUT_MESSAGE | SEAL__OUT_LAST, size);
    call->direct = true;
    call->messages_out = 1;
    seal__codec_pack(request, call->request->bytes);
    return true;
}

int seal__plain_start(seal_channel *channel, const seal__start *start,
                      const seal_call_options *options, uint64_t timeout_us, size_t size) {
    if (channel->freeing)
        return SEAL_ERROR_STATE;
    seal_client_call *call = take(channel->runtime);
    if (call == NULL)
        return SEAL_ERROR_NO_MEMORY;
    set(call, channel, start, options, timeout_us);
    int rc = seal__client_call_check_deadline(call, start->reterr);
    if (rc < 0) {
        seal__plain_release(call);
        return rc;
    }
    seal__chain_count(channel->chain);
    if (!pack(call, start->request, size)) {
        call->touched = true;
        seal__client_call_submit(call, start->request, size);
    } else if (seal__channel_is_ready(channel, call->min_level) &&
               seal__client_call_attempt(call, call->started_ns) == 0) {
        call->submitted = true;
    } else {
        seal__plain_keep(call);
        seal__client_call_post(call, SEAL__WORK_SUBMIT);
    }
    return 0;
}

void seal__plain_keep(seal_client_call *call) {
    call->touched = true;
    if (!call->direct)
        return;
    call->direct = false;
    seal__history_add(&call->history, call->request);
}

/* ---- The end ---- */

void seal__plain_replied(seal_client_call *call) {
    seal_runtime *runtime = call->channel->runtime;
    seal_result *result = call->result;
    call->result = NULL;
    call->stream = NULL;
    atomic_store_explicit(&call->delivered, true, memory_order_relaxed);
    seal__result_replied(result, call->conn->peer, call->attempts);
    if (call->touched) {
        seal__result_set_call(result, call->attempts, call->initial);
        call->initial = NULL;
    }
    seal__retry_ended(call, SEAL_STATUS_OK);
    call->deliver(result, call->done, call->user);
    seal__result_hand_back(runtime, result);
    if (atomic_load_explicit(&call->refs, memory_order_relaxed) == 1)
        seal__plain_release(call);
    else
        seal__client_call_unref(call);
}
