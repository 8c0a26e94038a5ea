/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "bench/payload.h"
#include "bench/server.h"
#include "echo.seal.h"

typedef struct stream {
    uint32_t messages; /* sent or received */
    uint32_t wanted;
    uint32_t size;
} stream;

/* What messages are made of; each is sent before the next one is numbered. A server with several
 * loops has no streams here. */
static uint8_t pattern[BENCH_MAX_SIZE];

/* Memory that nobody asks for is not touched. */
static void fill_pattern(size_t size) {
    static size_t filled;
    if (size <= filled)
        return;
    bench_payload_fill(pattern, size);
    filled = size;
}

static void drop(seal_call *call, void *user) {
    free(user);
    seal_call_unref(call);
}

/* Returns NULL, having failed the call, when there is no memory. */
static stream *begin(seal_call *call) {
    stream *s = calloc(1, sizeof *s);
    if (s == NULL)
        seal_call_fail(call, SEAL_STATUS_RESOURCE_EXHAUSTED, "no memory");
    else
        seal_call_ref(call);
    return s;
}

static void on_cancel(seal_call *call, void *user) {
    seal_call_fail(call, SEAL_STATUS_CANCELLED, "cancelled");
    drop(call, user);
}

/* ---- Pull ---- */

/* As many as there is room for. */
static void pull_more(seal_call *call, void *user) {
    stream *s = user;
    Sealbench__EchoReply message = SEALBENCH__ECHO_REPLY__INIT;
    message.payload.data = pattern;
    message.payload.len = s->size;
    while (s->messages < s->wanted) {
        bench_payload_mark(pattern, s->messages);
        int rc = sealbench_streams_send_pull(call, &message);
        if (rc == SEAL_ERROR_AGAIN || rc == SEAL_ERROR_CANCELLED)
            return;
        if (rc < 0)
            break;
        s->messages++;
    }
    if (s->messages == s->wanted)
        seal_call_finish(call);
    else
        seal_call_fail(call, SEAL_STATUS_INTERNAL, "a message cannot be sent");
    drop(call, s);
}

static void pull(seal_call *call, const Sealbench__PullRequest *request, void *user) {
    (void)user;
    if (request->size < BENCH_MARK || request->size > sizeof pattern) {
        seal_call_fail(call, SEAL_STATUS_INVALID_ARGUMENT, "no such size");
        return;
    }
    stream *s = begin(call);
    if (s == NULL)
        return;
    fill_pattern(request->size);
    s->wanted = request->messages;
    s->size = request->size;
    seal_call_on_writable(call, pull_more, s);
    seal_call_on_cancel(call, on_cancel, s);
    pull_more(call, s);
}

/* ---- Push ---- */

static void on_pushed(seal_call *call, const Sealbench__EchoRequest *message, void *user) {
    stream *s = user;
    if (message != NULL && message->payload.len >= BENCH_MARK &&
        bench_payload_number(message->payload.data) == s->messages) {
        s->messages++;
        return;
    }
    Sealbench__PushReply reply = SEALBENCH__PUSH_REPLY__INIT;
    reply.messages = s->messages;
    if (message == NULL)
        sealbench_streams_reply_push(call, &reply);
    else
        seal_call_fail(call, SEAL_STATUS_DATA_LOSS, "message %u is another one", s->messages);
    drop(call, s);
}

static void push(seal_call *call, void *user) {
    (void)user;
    stream *s = begin(call);
    if (s == NULL)
        return;
    seal_call_on_cancel(call, on_cancel, s);
    if (sealbench_streams_receive_push(call, on_pushed, s) < 0)
        abort();
    seal_call_read(call, SEAL_READ_ALL);
}

/* ---- Ping ---- */

static void on_ping(seal_call *call, const Sealbench__EchoRequest *message, void *user) {
    if (message == NULL) {
        seal_call_finish(call);
        drop(call, user);
        return;
    }
    Sealbench__EchoReply reply = SEALBENCH__ECHO_REPLY__INIT;
    reply.payload = message->payload;
    if (sealbench_streams_send_ping(call, &reply) < 0) {
        seal_call_fail(call, SEAL_STATUS_INTERNAL, "a message cannot be sent");
        drop(call, user);
    }
}

static void ping(seal_call *call, void *user) {
    (void)user;
    stream *s = begin(call);
    if (s == NULL)
        return;
    seal_call_on_cancel(call, on_cancel, s);
    if (sealbench_streams_receive_ping(call, on_ping, s) < 0)
        abort();
    seal_call_read(call, SEAL_READ_ALL);
}

/* ---- Flood ---- */

static void end_flood(seal_call *call, void *user) {
    (void)user;
    seal_call_finish(call);
    seal_call_unref(call);
}

/* As many as the client takes; then it waits for room. */
static void flood_more(seal_call *call, void *user) {
    const Sealbench__EchoReply *reply = user;
    while (sealbench_streams_send_flood(call, reply) == 0)
        continue;
}

static void flood(seal_call *call, const Sealbench__EchoRequest *request, void *user) {
    static Sealbench__EchoReply reply;
    (void)user;
    sealbench__echo_reply__init(&reply);
    reply.payload.len =
        request->payload.len < sizeof pattern ? request->payload.len : sizeof pattern;
    reply.payload.data = pattern;
    fill_pattern(reply.payload.len);
    seal_call_on_writable(call, flood_more, &reply);
    seal_call_on_cancel(call, end_flood, NULL);
    flood_more(seal_call_ref(call), &reply);
}

int bench_register_streams(seal_server *server, seal_error **reterr) {
    static const sealbench_streams_ops streams = {
        .size = sizeof streams, .flood = flood, .pull = pull, .push = push, .ping = ping};
    return sealbench_streams_register(server, &streams, NULL, reterr);
}
