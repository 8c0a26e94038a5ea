/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/client_rpc.h"

#include <stdio.h>
#include <stdlib.h>

struct bench_conn {
    seal_channel *channel;
};

static void begin(bench_client *client) {
    seal_runtime_options options;
    seal_runtime_options_init(&options);
    options.loop = &client->loop;
    seal_runtime *runtime = NULL;
    seal_error *error = NULL;
    if (seal_runtime_new(&options, &runtime, &error) < 0)
        bench_die("cannot start", seal_error_message(error));
    client->transport_state = runtime;
}

static bench_conn *open_conn(bench_client *client, const char *ccache) {
    char target[64];
    snprintf(target, sizeof target, "127.0.0.1:%u", client->port);
    seal_channel_options options;
    seal_channel_options_init(&options);
    options.server_principal = "bench/localhost";
    options.suites = &client->system->suite;
    options.n_suites = 1;
    options.min_level = client->system->level;
    options.ccache = ccache;
    bench_conn *conn = bench_alloc(1, sizeof *conn);
    seal_error *error = NULL;
    if (sealbench_echo_channel_new(client->transport_state, target, &options, &conn->channel,
                                   &error) < 0)
        bench_die("cannot make a channel", seal_error_message(error));
    return conn;
}

static void on_reply(const seal_result *result, const Sealbench__EchoReply *reply, void *user) {
    if (reply != NULL)
        bench_call_ended(user, reply->payload.data, reply->payload.len, NULL);
    else
        bench_call_ended(user, NULL, 0, seal_result_message(result));
}

static void call_echo(seal_channel *channel, bench_call *call) {
    bench_client *client = call->client;
    Sealbench__EchoRequest request = SEALBENCH__ECHO_REQUEST__INIT;
    bench_payload_mark(client->payload, call->number);
    request.payload.data = client->payload;
    request.payload.len = client->load.size;
    int rc = sealbench_echo_call_echo(channel, &request, NULL, on_reply, call, NULL);
    if (rc < 0)
        bench_die("cannot start a call", seal_error_code_text(rc));
}

static void on_connected(const seal_result *result, void *user) {
    bool ok = seal_result_status(result) == SEAL_STATUS_OK;
    bench_connected(user, ok ? NULL : seal_result_message(result));
}

static void connect_only(seal_channel *channel, bench_call *call) {
    int rc = seal_channel_connect(channel, NULL, on_connected, call);
    if (rc < 0)
        bench_die("cannot connect", seal_error_code_text(rc));
}

static void start(bench_conn *conn, bench_call *call) {
    switch (call->client->load.kind) {
    case BENCH_PULL:
        bench_rpc_pull(conn->channel, call);
        break;
    case BENCH_PUSH:
        bench_rpc_push(conn->channel, call);
        break;
    case BENCH_PING:
        bench_rpc_ping(conn->channel, call);
        break;
    case BENCH_CONNECT:
        connect_only(conn->channel, call);
        break;
    default:
        call_echo(conn->channel, call);
        break;
    }
}

static void leave_unread(bench_conn *conn, bench_client *client) {
    bench_rpc_leave_unread(conn->channel, client);
}

static void close_conn(bench_conn *conn) {
    seal_channel_free(conn->channel);
    free(conn);
}

static void end(bench_client *client) {
    seal_runtime_free(client->transport_state);
    uv_run(&client->loop, UV_RUN_DEFAULT);
}

const bench_transport bench_rpc_transport = {.begin = begin,
                                             .open = open_conn,
                                             .start = start,
                                             .retire = bench_rpc_retire,
                                             .leave_unread = leave_unread,
                                             .close = close_conn,
                                             .end = end};
