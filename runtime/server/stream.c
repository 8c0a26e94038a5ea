/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of a call, both ways. Those of the client come when they were asked for. Those of the
 * handler go straight to the session on the loop thread, and through `out` on others.
 */
#include <string.h>

#include "codec/codec.h"
#include "server/server_internal.h"

/* A sender that was told to wait hears when no more than this is left. */
enum { LOW_WATER = SEAL__OUTGOING_LIMIT / 2 };

static const char out_of_memory[] = "the server is out of memory";

/* ---- Coming in ---- */

int seal__call_decode(seal_call *call, const uint8_t *data, size_t len, seal__buf *held,
                      ProtobufCMessage **ret_message) {
    const seal_method *method = call->method->method;
    seal_error *error = NULL;
    seal__call_reset_arena(call, seal__codec_budget(len));
    if (held != NULL)
        seal__arena_adopt(&call->arena, held);
    int rc = seal__codec_unpack(method->request, data, len,
                                held != NULL ? SEAL__CODEC_VIEWS : SEAL__CODEC_COPIES, &call->arena,
                                ret_message, &error);
    if (rc < 0) {
        seal__call_judge(call,
                         rc == SEAL_ERROR_MALFORMED ? SEAL_STATUS_INVALID_ARGUMENT
                                                    : SEAL_STATUS_RESOURCE_EXHAUSTED,
                         seal_error_message(error));
        seal_error_free(error);
        return rc;
    }
    call->messages_in++;
    seal__call_show_received(call, *ret_message);
    return 0;
}

/* Nothing more is handed out. */
static bool is_deaf(const seal_call *call) {
    return atomic_load(&call->answered) || atomic_load(&call->cancelled) ||
           atomic_load(&call->has_verdict);
}

static void put_into_box(seal_call *call, const uint8_t *data, size_t len) {
    if (seal__mailbox_put(&call->work->box, data, len) == 0)
        return;
    seal__call_judge(call, SEAL_STATUS_RESOURCE_EXHAUSTED, out_of_memory);
    seal__call_cancel(call);
}

int seal__call_decode_event(seal_call *call, const seal__event *event,
                            ProtobufCMessage **ret_message) {
    seal__buf held;
    bool is_held = seal__session_take(call->sc->conn->session, event, &held);
    return seal__call_decode(call, event->data, event->len, is_held ? &held : NULL, ret_message);
}

void seal__call_message(seal_call *call, const seal__event *event) {
    ProtobufCMessage *message = NULL;
    if (is_deaf(call))
        return;
    if (call->work != NULL)
        put_into_box(call, event->data, event->len);
    else if (seal__call_decode_event(call, event, &message) < 0)
        seal__call_cancel(call);
    else
        call->deliver(call, message, call->received, call->receive_user);
}

static void tell_end(seal_call *call) {
    if (!call->client_ended || call->end_told || call->deliver == NULL || is_deaf(call))
        return;
    call->end_told = true;
    call->deliver(call, NULL, call->received, call->receive_user);
}

void seal__call_ended(seal_call *call) {
    call->client_ended = true;
    if (call->work != NULL)
        seal__mailbox_end(&call->work->box);
    else
        tell_end(call);
}

/* Nothing is asked for before there is somebody to give it to. */
static void pass_wanted_on(seal_call *call) {
    if (call->stream == NULL || (call->deliver == NULL && call->work == NULL))
        return;
    uint32_t n = atomic_exchange(&call->wanted, 0);
    if (n == 0)
        return;
    seal__stream_read(call->sc->conn->session, call->stream, n);
    seal__conn_mark_dirty(call->sc->conn);
}

void seal__call_want(seal_call *call, uint32_t n) {
    unsigned before = atomic_load(&call->wanted);
    unsigned after = 0;
    do {
        after = n > SEAL_READ_ALL - before ? SEAL_READ_ALL : before + n;
    } while (!atomic_compare_exchange_weak(&call->wanted, &before, after));
    if (seal__call_on_loop(call))
        pass_wanted_on(call);
    else
        seal__call_wake(call);
}

static bool streams_requests(const seal_call *call) {
    return (call->method->method->flags & SEAL_METHOD_CLIENT_STREAMING) != 0;
}

void seal_call_read(seal_call *call, uint32_t n) {
    if (n > 0 && streams_requests(call) && call->work == NULL)
        seal__call_want(call, n);
}

int seal_call_receive(seal_call *call, const seal_method *method, seal_call_message_fn *deliver,
                      seal_any_fn *received, void *user) {
    if (call->method->method != method || deliver == NULL || !streams_requests(call) ||
        call->work != NULL)
        return SEAL_ERROR_INVALID;
    if (call->deliver != NULL)
        return SEAL_ERROR_ALREADY;
    call->deliver = deliver;
    call->received = received;
    call->receive_user = user;
    if (call->client_ended || atomic_load(&call->wanted) > 0)
        seal__call_wake(call);
    return 0;
}

/* ---- Going out ---- */

static uint32_t reply_limit(const seal_call *call) {
    uint32_t limit = call->method->method->max_response;
    return limit != 0 ? limit : call->server->config.max_response;
}

int seal__call_check(seal_call *call, const ProtobufCMessage *message, size_t *ret_size,
                     seal_error **reterr) {
    if (seal__codec_measure(call->method->method->response, message, ret_size, reterr) < 0)
        return SEAL_ERROR_INVALID;
    if (*ret_size > reply_limit(call))
        return seal__error(reterr, SEAL_ERROR_TOO_BIG, "the reply has %zu bytes; the limit is %u",
                           *ret_size, reply_limit(call));
    return 0;
}

seal__out_item *seal__call_pack(seal_call *call, const ProtobufCMessage *message, size_t size) {
    seal__out_item *item =
        seal__out_item_new(seal__runtime_alloc(call->loop->runtime), SEAL__OUT_MESSAGE, size);
    if (item != NULL && size > 0)
        seal__codec_pack(message, item->bytes);
    return item;
}

void seal__call_copy_item(const void *item, uint8_t *at) {
    const seal__out_item *from = item;
    memcpy(at, from->bytes, from->size);
}

void seal__call_publish(seal_call *call) {
    seal__outgoing_publish(&call->out,
                           call->stream != NULL ? seal__stream_queued(call->stream) : 0);
}

/* Asks the session to tell when there is room again. */
static void await_room(seal_call *call) {
    if (!atomic_exchange(&call->is_stuck, false) || call->stream == NULL)
        return;
    seal__call_publish(call);
    seal__stream_notify_writable(call->sc->conn->session, call->stream, LOW_WATER);
    seal__conn_mark_dirty(call->sc->conn);
}

static int told_to_wait(seal_call *call) {
    atomic_store(&call->is_stuck, true);
    if (seal__call_on_loop(call))
        await_room(call);
    else
        seal__call_wake(call);
    return SEAL_ERROR_AGAIN;
}

int seal__call_send_here(seal_call *call, const ProtobufCMessage *message, size_t size, bool end) {
    uint8_t around[SEAL__CODEC_AROUND];
    seal__parts parts;
    bool split = seal__codec_split(message, size, around, &parts);
    return seal__conn_send(call->sc->conn, call->stream, split ? &parts : NULL, size,
                           seal__codec_pack, message, end);
}

static int send_here(seal_call *call, const ProtobufCMessage *message, size_t size) {
    if (call->stream == NULL)
        return SEAL_ERROR_CANCELLED;
    int rc = seal__call_send_here(call, message, size, false);
    seal__call_publish(call);
    seal__conn_mark_dirty(call->sc->conn);
    return rc;
}

int seal__call_hand_over(seal_call *call, seal__out_item *item, bool must_be_first) {
    pthread_mutex_lock(&call->lock);
    bool late = atomic_load(&call->answered) || (must_be_first && call->has_sent);
    bool tell = !late && seal__outgoing_put(&call->out, item);
    call->has_sent = true;
    pthread_mutex_unlock(&call->lock);
    if (late)
        seal__release(seal__runtime_alloc(call->loop->runtime), item);
    if (tell)
        seal__call_wake(call);
    return late ? SEAL_ERROR_ALREADY : 0;
}

static int send_from_elsewhere(seal_call *call, const ProtobufCMessage *message, size_t size) {
    seal__out_item *item = seal__call_pack(call, message, size);
    if (item == NULL)
        return SEAL_ERROR_NO_MEMORY;
    return seal__call_hand_over(call, item, false);
}

static int may_send(seal_call *call, const seal_method *method) {
    if (call->method->method != method || (method->flags & SEAL_METHOD_SERVER_STREAMING) == 0)
        return SEAL_ERROR_INVALID;
    if (atomic_load(&call->answered))
        return SEAL_ERROR_ALREADY;
    return atomic_load(&call->cancelled) ? SEAL_ERROR_CANCELLED : 0;
}

/* From here on there is no more initial metadata. */
static void begin_messages(seal_call *call) {
    pthread_mutex_lock(&call->lock);
    call->has_sent = true;
    pthread_mutex_unlock(&call->lock);
}

int seal_call_send(seal_call *call, const seal_method *method, const ProtobufCMessage *message) {
    size_t size = 0;
    int rc = may_send(call, method);
    if (rc < 0)
        return rc;
    bool here = seal__call_on_loop(call);
    if (here && !seal__outgoing_is_empty(&call->out))
        seal__call_flush(call); /* what other threads have sent goes first */
    if (here)
        seal__call_publish(call);
    if (seal__outgoing_is_full(&call->out))
        return told_to_wait(call);
    rc = seal__call_check(call, message, &size, NULL);
    if (rc < 0)
        return rc;
    begin_messages(call);
    seal__call_show_sent(call, message);
    rc = here ? send_here(call, message, size) : send_from_elsewhere(call, message, size);
    if (rc == 0)
        seal__call_count_out(call);
    return rc;
}

void seal_call_on_writable(seal_call *call, seal_call_writable_fn *writable, void *user) {
    call->on_writable = writable;
    call->on_writable_user = user;
}

void seal__call_writable(seal_call *call) {
    seal__call_publish(call);
    if (atomic_load(&call->answered) || atomic_load(&call->cancelled))
        return;
    if (call->work != NULL)
        seal__mailbox_set_writable(&call->work->box);
    if (call->on_writable != NULL)
        call->on_writable(call, call->on_writable_user);
}

/* ---- For other threads ---- */

void seal__call_catch_up(seal_call *call) {
    if (atomic_load(&call->has_verdict) && seal__call_has_begun(call))
        seal__call_cancel(call);
    pass_wanted_on(call);
    tell_end(call);
    await_room(call);
}
