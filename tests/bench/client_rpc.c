/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/client.h"
#include "echo.seal.h"

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

static bench_conn *open_conn(bench_client *client) {
    char target[64];
    snprintf(target, sizeof target, "127.0.0.1:%u", client->port);
    seal_channel_options options;
    seal_channel_options_init(&options);
    options.server_principal = "bench/localhost";
    options.suites = &client->system->suite;
    options.n_suites = 1;
    options.min_level = client->system->level;
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

static void call_echo(bench_conn *conn, bench_call *call, const uint8_t *payload, size_t len) {
    Sealbench__EchoRequest request = SEALBENCH__ECHO_REQUEST__INIT;
    memcpy(&request.payload.data, &payload, sizeof payload); /* it is only read */
    request.payload.len = len;
    int rc = sealbench_echo_call_echo(conn->channel, &request, NULL, on_reply, call, NULL);
    if (rc < 0)
        bench_die("cannot start a call", seal_error_code_text(rc));
}

/* Nothing is asked for, so nothing comes. */
static void on_flood(seal_client_call *call, const Sealbench__EchoReply *reply, void *user) {
    (void)call;
    (void)reply;
    (void)user;
    bench_die("a stream", "a message came that nobody asked for");
}

static void on_flood_ended(const seal_result *result, void *user) {
    (void)user;
    if (seal_result_status(result) != SEAL_STATUS_CANCELLED)
        bench_die("the stream ended", seal_result_message(result));
}

static void leave_unread(bench_conn *conn, const uint8_t *payload, size_t len) {
    Sealbench__EchoRequest request = SEALBENCH__ECHO_REQUEST__INIT;
    memcpy(&request.payload.data, &payload, sizeof payload); /* it is only read */
    request.payload.len = len;
    seal_call_options options;
    seal_call_options_init(&options);
    options.timeout_us = SEAL_NO_DEADLINE;
    int rc = sealbench_streams_open_flood(conn->channel, &request, &options, on_flood,
                                          on_flood_ended, NULL, NULL);
    if (rc < 0)
        bench_die("cannot open a stream", seal_error_code_text(rc));
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
                                             .call = call_echo,
                                             .leave_unread = leave_unread,
                                             .close = close_conn,
                                             .end = end};
