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
    unsigned n_sent; /* of these, those that are sent altogether */
};

static void begin(bench_client *client) {
    signal(SIGPIPE, SIG_IGN);
    raw_shared *shared = bench_alloc(1, sizeof *shared);
    if (raw_shared_init(shared, &client->loop, client->system->sealing, false) < 0)
        bench_die("raw", "cannot start");
    client->transport_state = shared;
}

/* ---- Out ---- */

static void send_pull(bench_conn *conn, const bench_call *call) {
    uint8_t request[RAW_PULL_SIZE];
    uint32_t messages = call->messages;
    uint32_t size = (uint32_t)call->client->load.size;
    bench_payload_mark(request, call->number | (uint64_t)RAW_PULL << RAW_KIND_SHIFT);
    memcpy(request + BENCH_MARK, &messages, sizeof messages);
    memcpy(request + BENCH_MARK + sizeof messages, &size, sizeof size);
    raw_conn_send(&conn->raw, request, sizeof request);
}

/* False: not all of it, there is no room. */
static bool send_push(bench_conn *conn, bench_call *call) {
    bench_client *client = call->client;
    while (call->done < call->messages) {
        if (raw_conn_is_full(&conn->raw))
            return false;
        uint64_t number = call->done++;
        uint64_t kind = call->done == call->messages ? RAW_PUSH_LAST : RAW_PUSH;
        bench_payload_mark(client->payload, number | kind << RAW_KIND_SHIFT);
        raw_conn_send(&conn->raw, client->payload, client->load.size);
    }
    return true;
}

/* False: not all of it. */
static bool send_call(bench_conn *conn, bench_call *call) {
    bench_client *client = call->client;
    if (client->load.kind == BENCH_PUSH)
        return send_push(conn, call);
    if (client->load.kind == BENCH_PULL) {
        send_pull(conn, call);
        return true;
    }
    bench_payload_mark(client->payload, call->number);
    raw_conn_send(&conn->raw, client->payload, client->load.size);
    return true;
}

static void fill(raw_conn *raw) {
    bench_conn *conn = (bench_conn *)(void *)raw;
    while (conn->connected && conn->n_sent < conn->n) {
        if (!send_call(conn, conn->waiting[(conn->first + conn->n_sent) % conn->cap]))
            return;
        conn->n_sent++;
    }
}

/* Calls that are made while input is handled leave together, after it. */
static void start(bench_conn *conn, bench_call *call) {
    conn->waiting[(conn->first + conn->n++) % conn->cap] = call;
    if (conn->connected)
        raw_conn_want_fill(&conn->raw);
}

/* ---- In ---- */

static void take_answer(bench_conn *conn) {
    conn->first = (conn->first + 1) % conn->cap;
    conn->n--;
    conn->n_sent--;
}

static void on_message(raw_conn *raw, const uint8_t *payload, size_t len) {
    bench_conn *conn = (bench_conn *)(void *)raw;
    if (conn->n_sent == 0 || len < BENCH_MARK)
        bench_die("raw", "an answer that nobody waits for");
    bench_call *call = conn->waiting[conn->first];
    bench_load_kind kind = call->client->load.kind;
    if (kind == BENCH_PULL) {
        bench_check_message(call, payload, len, call->done++);
        if (call->done < call->messages)
            return;
    }
    take_answer(conn);
    if (kind == BENCH_PULL)
        bench_stream_ended(call, call->done, NULL);
    else if (kind == BENCH_PUSH)
        bench_stream_ended(call, (unsigned)bench_payload_number(payload), NULL);
    else
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

static const raw_ops ops = {
    .message = on_message, .fill = fill, .ended = on_ended, .closed = on_closed};

/* ---- Life ---- */

static void on_connected(uv_connect_t *request, int status) {
    bench_conn *conn = request->data;
    if (status < 0)
        bench_die("cannot connect", uv_strerror(status));
    conn->connected = true;
    raw_conn_start(&conn->raw);
}

static bench_conn *open_conn(bench_client *client, const char *ccache) {
    (void)ccache;
    bench_conn *conn = bench_alloc(1, sizeof *conn);
    conn->cap = client->load.in_flight;
    conn->waiting = bench_alloc(conn->cap, sizeof(bench_call *));
    if (raw_conn_init(&conn->raw, &ops, client->transport_state) < 0)
        bench_die("raw", "no cipher");
    struct sockaddr_in addr;
    uv_ip4_addr("127.0.0.1", client->port, &addr);
    conn->connect.data = conn;
    int rc = uv_tcp_connect(&conn->connect, &conn->raw.tcp,
                            (const struct sockaddr *)(const void *)&addr, on_connected);
    if (rc != 0)
        bench_die("cannot connect", uv_strerror(rc));
    return conn;
}

static void close_conn(bench_conn *conn) {
    raw_conn_close(&conn->raw);
}

static void end(bench_client *client) {
    uv_run(&client->loop, UV_RUN_DEFAULT);
    raw_shared_done(client->transport_state);
    free(client->transport_state);
}

const bench_transport bench_raw_transport = {
    .begin = begin, .open = open_conn, .start = start, .close = close_conn, .end = end};
