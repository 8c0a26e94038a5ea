/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "bench/client.h"
#include "bench/raw.h"

/* Answers come in the order of the calls. */
struct bench_conn {
    raw_conn raw;
    uv_connect_t connect;
    bool connected;
    bench_call **waiting; /* ring */
    unsigned cap;
    unsigned first;
    unsigned n;
};

static void begin(bench_client *client) {
    signal(SIGPIPE, SIG_IGN);
    client->transport_state = bench_alloc(1, RAW_CHUNK);
}

static void on_message(raw_conn *raw, const uint8_t *payload, size_t len) {
    bench_conn *conn = (bench_conn *)(void *)raw;
    if (conn->n == 0)
        bench_die("raw", "an answer that nobody waits for");
    bench_call *call = conn->waiting[conn->first];
    conn->first = (conn->first + 1) % conn->cap;
    conn->n--;
    bench_call_ended(call, payload, len, NULL);
}

static void on_ended(raw_conn *raw) {
    const bench_conn *conn = (const bench_conn *)(void *)raw;
    if (conn->n > 0)
        bench_die("raw", "connection lost");
    raw_conn_close(raw);
}

static void on_closed(raw_conn *raw) {
    bench_conn *conn = (bench_conn *)(void *)raw;
    free(conn->waiting);
    free(conn);
}

static const raw_ops ops = {.message = on_message, .ended = on_ended, .closed = on_closed};

static void send_payload(bench_conn *conn, const bench_call *call) {
    bench_client *client = call->client;
    memcpy(client->payload, &call->number, sizeof call->number);
    raw_conn_send(&conn->raw, client->payload, client->load.size);
}

static void on_connected(uv_connect_t *request, int status) {
    bench_conn *conn = request->data;
    if (status < 0)
        bench_die("cannot connect", uv_strerror(status));
    conn->connected = true;
    raw_conn_start(&conn->raw);
    conn->raw.in_read = true; /* all in one write */
    for (unsigned i = 0; i < conn->n; i++) {
        conn->raw.in_read = i + 1 < conn->n;
        send_payload(conn, conn->waiting[(conn->first + i) % conn->cap]);
    }
    conn->raw.in_read = false;
}

static bench_conn *open_conn(bench_client *client) {
    bench_conn *conn = bench_alloc(1, sizeof *conn);
    conn->cap = client->load.in_flight;
    conn->waiting = bench_alloc(conn->cap, sizeof(bench_call *));
    if (raw_conn_init(&conn->raw, &client->loop, &ops, client->transport_state,
                      client->system->is_sealed, false) < 0)
        bench_die("raw", "no AES-256-GCM");
    struct sockaddr_in addr;
    uv_ip4_addr("127.0.0.1", client->port, &addr);
    conn->connect.data = conn;
    int rc = uv_tcp_connect(&conn->connect, &conn->raw.tcp,
                            (const struct sockaddr *)(const void *)&addr, on_connected);
    if (rc != 0)
        bench_die("cannot connect", uv_strerror(rc));
    return conn;
}

static void call_echo(bench_conn *conn, bench_call *call, const uint8_t *payload, size_t len) {
    conn->waiting[(conn->first + conn->n++) % conn->cap] = call;
    if (conn->connected)
        raw_conn_send(&conn->raw, payload, len);
}

static void close_conn(bench_conn *conn) {
    raw_conn_close(&conn->raw);
}

static void end(bench_client *client) {
    uv_run(&client->loop, UV_RUN_DEFAULT);
    free(client->transport_state);
}

const bench_transport bench_raw_transport = {
    .begin = begin, .open = open_conn, .call = call_echo, .close = close_conn, .end = end};
