/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming calls: messages out and in, from any thread. */
#include <string.h>

#include "call/metadata.h"
#include "client/client_internal.h"
#include "codec/codec.h"

enum { ROOM = SEAL__OUTGOING_LIMIT / 2 }; /* no more than this is queued: there is room again */

int seal_channel_open(seal_channel *channel, const seal_method *method,
                      const ProtobufCMessage *request, const seal_call_options *options,
                      const seal_stream_callbacks *callbacks, seal_client_call **ret_call) {
    if (callbacks == NULL)
        return SEAL_ERROR_INVALID;
    return seal__client_call_start(
        channel,
        &(seal__start){
            .method = method, .request = request, .options = options, .callbacks = *callbacks},
        ret_call);
}

/* ---- Out ---- */

static bool is_over(const seal_client_call *call) {
    return atomic_load(&call->delivered);
}

/* On the loop, and nothing of another thread is to be sent before. */
static bool is_next(seal_client_call *call) {
    return seal__client_call_on_loop(call) && call->owned &&
           seal__outgoing_is_empty(&call->outgoing);
}

void seal__client_call_publish(seal_client_call *call) {
    size_t queued = call->history.unsent;
    if (call->stream != NULL)
        queued += seal__stream_queued(call->stream);
    seal__outgoing_publish(&call->outgoing, queued);
}

void seal__client_call_check_room(seal_client_call *call) {
    if (!call->streams_out)
        return;
    seal__client_call_publish(call);
    if (!atomic_load(&call->wants_room))
        return;
    if (seal__outgoing_is_full(&call->outgoing)) {
        if (seal__client_call_can_send(call)) {
            seal__stream_notify_writable(call->conn->session, call->stream, ROOM);
            seal__conn_mark_dirty(call->conn);
        }
        return;
    }
    atomic_store(&call->wants_room, false);
    seal_client_call_writable_fn *writable = atomic_load(&call->on_writable);
    if (call->blocking != NULL)
        seal__blocking_writable(call);
    else if (writable != NULL)
        writable(call, call->writable_user);
}

void seal__client_call_take_outgoing(seal_client_call *call) {
    seal__list items;
    seal__list *node = NULL;
    seal__list_init(&items);
    seal__outgoing_take(&call->outgoing, &items);
    while ((node = seal__list_take_first(&items)) != NULL)
        seal__client_call_add(call, SEAL__CONTAINER_OF(node, seal__out_item, node));
    seal__client_call_feed(call);
    seal__client_call_check_room(call);
}

static void send_here(seal_client_call *call, seal__out_item *item) {
    seal__client_call_add(call, item);
    seal__client_call_feed(call);
    seal__client_call_publish(call);
}

/* To the loop, unless the call is over or END stands there. */
static int hand_over(seal_client_call *call, seal__out_item *item) {
    bool tell = false;
    int rc = 0;
    pthread_mutex_lock(&call->lock);
    if (is_over(call))
        rc = SEAL_ERROR_CLOSED;
    else if (atomic_load(&call->ended) && (item->kind & SEAL__OUT_END) == 0)
        rc = SEAL_ERROR_STATE;
    else
        tell = seal__outgoing_put(&call->outgoing, item);
    pthread_mutex_unlock(&call->lock);
    if (tell)
        seal__client_call_post(call, SEAL__WORK_OUTGOING);
    return rc;
}

static int check_write(seal_client_call *call, const seal_method *method,
                       const ProtobufCMessage *message, size_t *ret_size) {
    if (call == NULL || call->method != method || !call->streams_out ||
        seal__codec_measure(method->request, message, ret_size, NULL) < 0)
        return SEAL_ERROR_INVALID;
    if (is_over(call))
        return SEAL_ERROR_CLOSED;
    return atomic_load(&call->ended) ? SEAL_ERROR_STATE : 0;
}

/* Whatever is true of the room now: the loop looks again, after the wish is known. */
static int ask_for_room(seal_client_call *call) {
    atomic_store(&call->wants_room, true);
    seal__client_call_post(call, SEAL__WORK_ROOM);
    return SEAL_ERROR_AGAIN;
}

int seal_client_call_write(seal_client_call *call, const seal_method *method,
                           const ProtobufCMessage *message) {
    size_t size = 0;
    int rc = check_write(call, method, message, &size);
    if (rc < 0)
        return rc;
    bool here = is_next(call);
    if (here)
        seal__client_call_publish(call);
    if (seal__outgoing_is_full(&call->outgoing))
        return ask_for_room(call);
    if (size > UINT32_MAX)
        return SEAL_ERROR_TOO_BIG;
    seal__chain_sent(call, message);
    if (here && call->committed && seal__client_call_can_send(call)) {
        rc = seal__client_call_send(call, message, size, false);
        return rc == SEAL_ERROR_STATE ? SEAL_ERROR_CLOSED : rc;
    }
    seal__out_item *item = seal__out_item_new(&call->shared->blocks.alloc, SEAL__OUT_MESSAGE, size);
    if (item == NULL)
        return SEAL_ERROR_NO_MEMORY;
    seal__codec_pack(message, item->bytes);
    if (is_next(call)) {
        send_here(call, item);
        return 0;
    }
    rc = hand_over(call, item);
    if (rc < 0)
        seal__release(&call->shared->blocks.alloc, item);
    return rc;
}

void seal_client_call_end(seal_client_call *call) {
    if (call == NULL || is_over(call))
        return;
    pthread_mutex_lock(&call->lock);
    bool is_first = !atomic_exchange(&call->ended, true);
    pthread_mutex_unlock(&call->lock);
    if (!is_first)
        return;
    seal__out_item *item = seal__history_place(call->end, SEAL__OUT_END, 0);
    if (is_next(call))
        send_here(call, item);
    else
        (void)hand_over(call, item);
}

/* The function last: who sees it sees what goes with it. */
void seal_client_call_on_writable(seal_client_call *call, seal_client_call_writable_fn *writable,
                                  void *user) {
    if (call == NULL)
        return;
    call->writable_user = user;
    atomic_store(&call->on_writable, writable);
}

/* ---- In ---- */

static uint32_t add_saturated(uint32_t a, uint32_t b) {
    uint32_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? SEAL__READ_ALL : sum;
}

void seal__client_call_pass_read(seal_client_call *call) {
    uint32_t n = atomic_exchange(&call->asked_new, 0);
    if (n == 0 || call->asked == SEAL__READ_ALL)
        return;
    call->asked = add_saturated(call->asked, n);
    if (call->stream == NULL || call->conn->state != SEAL__CONN_OPEN)
        return;
    seal__stream_read(call->conn->session, call->stream, n);
    seal__conn_mark_dirty(call->conn);
}

void seal_client_call_read(seal_client_call *call, uint32_t n) {
    if (call == NULL || n == 0 || is_over(call))
        return;
    unsigned before = atomic_load(&call->asked_new);
    while (!atomic_compare_exchange_weak(&call->asked_new, &before, add_saturated(before, n))) {
    }
    if (seal__client_call_on_loop(call) && call->owned)
        seal__client_call_pass_read(call);
    else
        seal__client_call_post(call, SEAL__WORK_READ);
}

int seal__client_call_hand_out(seal_client_call *call, const seal__event *event,
                               seal_error **reterr) {
    const seal_method *method = call->method;
    ProtobufCMessage *message = NULL;
    if (call->blocking != NULL) {
        int rc = seal__blocking_message(call, event->data, event->len);
        return rc < 0 ? seal__error_no_memory(reterr) : 0;
    }
    if (call->received == NULL)
        return 0;
    seal__arena_reset(&call->arena, seal__codec_budget(event->len));
    seal__buf held;
    bool is_held = seal__session_take(call->conn->session, event, &held);
    if (is_held)
        seal__arena_adopt(&call->arena, &held);
    int rc = seal__codec_unpack(method->response, event->data, event->len,
                                is_held ? SEAL__CODEC_VIEWS : SEAL__CODEC_COPIES, &call->arena,
                                &message, reterr);
    if (rc < 0)
        return rc;
    seal__chain_received(call, message);
    call->message(call, message, call->received, call->user);
    return 0;
}

/* ---- Initial metadata ---- */

void seal__client_call_tell_metadata(seal_client_call *call) {
    seal_client_call_metadata_fn *received = atomic_load(&call->on_metadata);
    if (received == NULL || call->initial == NULL || call->initial_told)
        return;
    call->initial_told = true;
    seal__client_call_commit(call);
    received(call, call->initial, call->metadata_user);
}

void seal_client_call_on_metadata(seal_client_call *call, seal_client_call_metadata_fn *received,
                                  void *user) {
    if (call == NULL || is_over(call))
        return;
    call->metadata_user = user;
    atomic_store(&call->on_metadata, received);
    seal__client_call_post(call, SEAL__WORK_METADATA); /* it may have come already */
}
