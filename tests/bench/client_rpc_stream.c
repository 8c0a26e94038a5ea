/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/client_rpc.h"

static seal_call_options endless(void) {
    seal_call_options options;
    seal_call_options_init(&options);
    options.timeout_us = SEAL_NO_DEADLINE;
    return options;
}

static Sealbench__EchoRequest request_of(bench_client *client, uint64_t number) {
    Sealbench__EchoRequest request = SEALBENCH__ECHO_REQUEST__INIT;
    bench_payload_mark(client->payload, number);
    request.payload.data = client->payload;
    request.payload.len = client->load.size;
    return request;
}

static void check(int rc, const char *what) {
    if (rc < 0)
        bench_die(what, seal_error_code_text(rc));
}

static const char *failure(const seal_result *result) {
    return seal_result_status(result) == SEAL_STATUS_OK ? NULL : seal_result_message(result);
}

/* ---- Pull ---- */

static void on_pulled(seal_client_call *stream, const Sealbench__EchoReply *reply, void *user) {
    bench_call *call = user;
    (void)stream;
    bench_check_message(call, reply->payload.data, reply->payload.len, call->done++);
}

static void on_pull_ended(const seal_result *result, void *user) {
    bench_call *call = user;
    seal_client_call_unref(call->stream);
    bench_stream_ended(call, call->done, failure(result));
}

void bench_rpc_pull(seal_channel *channel, bench_call *call) {
    Sealbench__PullRequest request = SEALBENCH__PULL_REQUEST__INIT;
    request.messages = call->messages;
    request.size = (uint32_t)call->client->load.size;
    seal_call_options options = endless();
    seal_client_call *stream = NULL;
    check(sealbench_streams_open_pull(channel, &request, &options, on_pulled, on_pull_ended, call,
                                      &stream),
          "cannot open a stream");
    call->stream = stream;
    seal_client_call_read(stream, SEAL_READ_ALL);
}

/* ---- Push ---- */

/* As many as there is room for. */
static void push_more(seal_client_call *stream, void *user) {
    bench_call *call = user;
    while (call->done < call->messages) {
        Sealbench__EchoRequest request = request_of(call->client, call->done);
        int rc = sealbench_streams_write_push(stream, &request);
        if (rc == SEAL_ERROR_AGAIN)
            return;
        check(rc, "cannot write to a stream");
        call->done++;
    }
    seal_client_call_end(stream);
}

static void on_push_ended(const seal_result *result, const Sealbench__PushReply *reply,
                          void *user) {
    bench_call *call = user;
    seal_client_call_unref(call->stream);
    bench_stream_ended(call, reply != NULL ? reply->messages : 0, failure(result));
}

void bench_rpc_push(seal_channel *channel, bench_call *call) {
    seal_call_options options = endless();
    seal_client_call *stream = NULL;
    check(sealbench_streams_open_push(channel, &options, on_push_ended, call, &stream),
          "cannot open a stream");
    call->stream = stream;
    seal_client_call_on_writable(stream, push_more, call);
    push_more(stream, call);
}

/* ---- Ping ---- */

static void on_pong(seal_client_call *stream, const Sealbench__EchoReply *reply, void *user) {
    (void)stream;
    bench_call_ended(user, reply->payload.data, reply->payload.len, NULL);
}

static void on_ping_ended(const seal_result *result, void *user) {
    bench_call *call = user;
    const char *why = failure(result);
    if (why != NULL)
        bench_die("a stream failed", why);
    seal_client_call_unref(call->stream);
    call->client->in_flight--;
}

void bench_rpc_ping(seal_channel *channel, bench_call *call) {
    if (call->stream == NULL) {
        seal_call_options options = endless();
        seal_client_call *stream = NULL;
        check(sealbench_streams_open_ping(channel, &options, on_pong, on_ping_ended, call, &stream),
              "cannot open a stream");
        call->stream = stream;
        seal_client_call_read(stream, SEAL_READ_ALL);
    }
    Sealbench__EchoRequest request = request_of(call->client, call->number);
    check(sealbench_streams_write_ping(call->stream, &request), "cannot write to a stream");
}

void bench_rpc_retire(bench_call *call) {
    if (call->client->load.kind != BENCH_PING)
        return;
    call->client->in_flight++; /* until it has ended */
    seal_client_call_end(call->stream);
}

/* ---- Unread ---- */

/* Nothing is asked for, so nothing comes. */
static void on_flood(seal_client_call *stream, const Sealbench__EchoReply *reply, void *user) {
    (void)stream;
    (void)reply;
    (void)user;
    bench_die("a stream", "a message came that nobody asked for");
}

static void on_flood_ended(const seal_result *result, void *user) {
    (void)user;
    if (seal_result_status(result) != SEAL_STATUS_CANCELLED)
        bench_die("the stream ended", seal_result_message(result));
}

void bench_rpc_leave_unread(seal_channel *channel, bench_client *client) {
    Sealbench__EchoRequest request = request_of(client, 0);
    seal_call_options options = endless();
    check(sealbench_streams_open_flood(channel, &request, &options, on_flood, on_flood_ended, NULL,
                                       NULL),
          "cannot open a stream");
}
