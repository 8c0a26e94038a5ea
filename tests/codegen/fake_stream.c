/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of the fake library. Opened calls are handed on at once. Started ones collect what is
 * pushed; the handler runs when something is read, or at the end. */
#include <stdlib.h>
#include <string.h>

#include "fake_objects.h"

enum { MAX_MESSAGES = 8, MAX_BYTES = 64 };

/* Encoded messages on their way. */
typedef struct queue {
    const ProtobufCMessageDescriptor *type;
    ProtobufCMessage *last; /* what was taken last */
    size_t first;
    size_t count;
    size_t len[MAX_MESSAGES];
    uint8_t bytes[MAX_MESSAGES][MAX_BYTES];
} queue;

struct seal_client_call {
    seal_call server;
    seal_stream_callbacks callbacks;
    bool started; /* and not opened */
    bool handled;
    queue requests;
    queue replies;
    queue outcome; /* the one reply */
};

static struct seal_client_call stream;

static void reset(const seal_method *method) {
    protobuf_c_message_free_unpacked(stream.requests.last, NULL);
    protobuf_c_message_free_unpacked(stream.replies.last, NULL);
    protobuf_c_message_free_unpacked(stream.outcome.last, NULL);
    memset(&stream, 0, sizeof stream);
    stream.server.method = method;
    stream.server.client = &stream;
    stream.requests.type = method->request;
    stream.replies.type = method->response;
    stream.outcome.type = method->response;
    fake_method = method;
    fake_reply = NULL;
}

static int add(queue *q, const ProtobufCMessage *message) {
    if (q->count == MAX_MESSAGES || protobuf_c_message_get_packed_size(message) > MAX_BYTES)
        return SEAL_ERROR_AGAIN;
    q->len[q->count] = protobuf_c_message_pack(message, q->bytes[q->count]);
    q->count++;
    return 0;
}

static int take(queue *q, const ProtobufCMessage **ret_message) {
    protobuf_c_message_free_unpacked(q->last, NULL);
    q->last = NULL;
    if (q->first == q->count)
        return 0;
    q->last = protobuf_c_message_unpack(q->type, NULL, q->len[q->first], q->bytes[q->first]);
    q->first++;
    *ret_message = q->last;
    return q->last != NULL ? 1 : SEAL_ERROR_INVALID;
}

/* ---- Server ---- */

int seal_call_receive(seal_call *call, const seal_method *method, seal_call_message_fn *deliver,
                      seal_any_fn *received, void *user) {
    if (call->method != method)
        return SEAL_ERROR_INVALID;
    call->deliver = deliver;
    call->received = received;
    call->user = user;
    return 0;
}

int seal_call_send(seal_call *call, const seal_method *method, const ProtobufCMessage *message) {
    const seal_stream_callbacks *callbacks = &call->client->callbacks;
    if (call->method != method)
        return SEAL_ERROR_INVALID;
    if (callbacks->received != NULL)
        callbacks->message(call->client, message, callbacks->received, callbacks->user);
    return 0;
}

int seal_call_take(seal_call *call, const seal_method *method,
                   const ProtobufCMessage **ret_message) {
    return call->method != method ? SEAL_ERROR_INVALID : take(&call->client->requests, ret_message);
}

int seal_call_put(seal_call *call, const seal_method *method, const ProtobufCMessage *message) {
    return call->method != method ? SEAL_ERROR_INVALID : add(&call->client->replies, message);
}

int seal_call_finish(seal_call *call) {
    return fake_call_ended(call, NULL);
}

int fake_call_ended(seal_call *call, const ProtobufCMessage *reply) {
    const seal_stream_callbacks *callbacks = &call->client->callbacks;
    fake_result.reply = NULL;
    if (reply != NULL && (add(&call->client->outcome, reply) != 0 ||
                          take(&call->client->outcome, &fake_result.reply) != 1))
        return SEAL_ERROR_INVALID;
    if (!call->client->started)
        callbacks->deliver(&fake_result, callbacks->done, callbacks->user);
    return 0;
}

/* ---- Client ---- */

int seal_channel_open(seal_channel *channel, const seal_method *method,
                      const ProtobufCMessage *request, const seal_call_options *options,
                      const seal_stream_callbacks *callbacks, seal_client_call **ret_call) {
    (void)channel;
    (void)options;
    reset(method);
    stream.callbacks = *callbacks;
    if (ret_call != NULL)
        *ret_call = &stream;
    fake_invoke(&stream.server, request);
    return 0;
}

int seal_client_call_write(seal_client_call *call, const seal_method *method,
                           const ProtobufCMessage *message) {
    if (call->server.method != method)
        return SEAL_ERROR_INVALID;
    call->server.deliver(&call->server, message, call->server.received, call->server.user);
    return 0;
}

void seal_client_call_end(seal_client_call *call) {
    call->server.deliver(&call->server, NULL, call->server.received, call->server.user);
}

int seal_channel_start(seal_channel *channel, const seal_method *method,
                       const ProtobufCMessage *request, const seal_call_options *options,
                       seal_client_call **ret_call) {
    (void)channel;
    (void)options;
    reset(method);
    stream.started = true;
    *ret_call = &stream;
    if (request != NULL) {
        stream.handled = true;
        fake_invoke(&stream.server, request);
    }
    return 0;
}

static void handle(seal_client_call *call) {
    if (!call->handled)
        fake_invoke(&call->server, NULL);
    call->handled = true;
}

int seal_client_call_put(seal_client_call *call, const seal_method *method,
                         const ProtobufCMessage *message) {
    return call->server.method != method ? SEAL_ERROR_INVALID : add(&call->requests, message);
}

int seal_client_call_take(seal_client_call *call, const seal_method *method,
                          const ProtobufCMessage **ret_message) {
    if (call->server.method != method)
        return SEAL_ERROR_INVALID;
    handle(call);
    return take(&call->replies, ret_message);
}

seal_result *seal_client_call_finish(seal_client_call *call) {
    handle(call);
    return &fake_result;
}

void seal_client_call_unref(seal_client_call *call) {
    if (call != NULL)
        reset(call->server.method);
}
