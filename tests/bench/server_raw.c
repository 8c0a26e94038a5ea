/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bench/payload.h"
#include "bench/raw.h"
#include "bench/server.h"

typedef struct raw_server {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_signal_t signal;
    raw_shared shared;
    uint8_t pattern[BENCH_MAX_SIZE];
    size_t filled; /* of it: memory that nobody asks for is not touched */
} raw_server;

/* A stream that is being sent; those behind it wait. */
typedef struct pull {
    struct pull *next;
    uint32_t messages;
    uint32_t sent;
    uint32_t size;
} pull;

typedef struct server_conn {
    raw_conn raw;
    pull *pulls;
    uint64_t pushed; /* of the stream that is coming */
} server_conn;

static raw_server server;

/* ---- Streams ---- */

static void fill(raw_conn *raw) {
    server_conn *conn = (server_conn *)(void *)raw;
    while (conn->pulls != NULL && !raw_conn_is_full(raw)) {
        pull *first = conn->pulls;
        bench_payload_mark(server.pattern, first->sent++);
        raw_conn_send(raw, server.pattern, first->size);
        if (first->sent < first->messages)
            continue;
        conn->pulls = first->next;
        seal__release(&seal__default_allocator, first);
    }
}

static void start_pull(server_conn *conn, const uint8_t *request, size_t len) {
    pull *added = seal__alloc_zeroed(&seal__default_allocator, 1, sizeof *added);
    if (added != NULL && len == RAW_PULL_SIZE) {
        memcpy(&added->messages, request + BENCH_MARK, sizeof added->messages);
        memcpy(&added->size, request + BENCH_MARK + sizeof added->messages, sizeof added->size);
    }
    if (added == NULL || added->messages == 0 || added->size < BENCH_MARK ||
        added->size > BENCH_MAX_SIZE) {
        seal__release(&seal__default_allocator, added);
        raw_conn_close(&conn->raw);
        return;
    }
    if (added->size > server.filled) {
        bench_payload_fill(server.pattern, added->size);
        server.filled = added->size;
    }
    pull **last = &conn->pulls;
    while (*last != NULL)
        last = &(*last)->next;
    *last = added;
    raw_conn_want_fill(&conn->raw);
}

static void take_pushed(server_conn *conn, uint64_t number, bool is_last) {
    if (number != conn->pushed++) {
        raw_conn_close(&conn->raw);
        return;
    }
    if (!is_last)
        return;
    uint8_t reply[BENCH_MARK];
    bench_payload_mark(reply, conn->pushed);
    conn->pushed = 0;
    raw_conn_send(&conn->raw, reply, sizeof reply);
}

/* ---- Connections ---- */

static void on_message(raw_conn *raw, const uint8_t *payload, size_t len) {
    server_conn *conn = (server_conn *)(void *)raw;
    if (len < BENCH_MARK) {
        raw_conn_close(raw);
        return;
    }
    uint64_t number = bench_payload_number(payload);
    uint64_t kind = number >> RAW_KIND_SHIFT;
    if (kind == RAW_ECHO)
        raw_conn_send(raw, payload, len);
    else if (kind == RAW_PULL)
        start_pull(conn, payload, len);
    else
        take_pushed(conn, number & (((uint64_t)1 << RAW_KIND_SHIFT) - 1), kind == RAW_PUSH_LAST);
}

static void on_closed(raw_conn *raw) {
    server_conn *conn = (server_conn *)(void *)raw;
    while (conn->pulls != NULL) {
        pull *first = conn->pulls;
        conn->pulls = first->next;
        seal__release(&seal__default_allocator, first);
    }
    seal__release(&seal__default_allocator, conn);
}

static const raw_ops ops = {
    .message = on_message, .fill = fill, .ended = raw_conn_close, .closed = on_closed};

static void on_connection(uv_stream_t *listener, int status) {
    server_conn *conn = seal__alloc_zeroed(&seal__default_allocator, 1, sizeof *conn);
    if (status < 0 || conn == NULL || raw_conn_init(&conn->raw, &ops, &server.shared) < 0) {
        seal__release(&seal__default_allocator, conn);
        return;
    }
    if (uv_accept(listener, (uv_stream_t *)&conn->raw.tcp) == 0)
        raw_conn_start(&conn->raw);
    else
        raw_conn_close(&conn->raw);
}

static void close_one(uv_handle_t *handle, void *arg) {
    (void)arg;
    if (handle == (uv_handle_t *)&server.listener || handle == (uv_handle_t *)&server.signal)
        uv_close(handle, NULL);
    else
        raw_conn_close(handle->data);
}

static void on_signal(uv_signal_t *handle, int number) {
    (void)number;
    uv_walk(handle->loop, close_one, NULL);
}

static int listen_on_loopback(void) {
    struct sockaddr_in addr;
    int len = sizeof addr;
    uv_ip4_addr("127.0.0.1", 0, &addr);
    uv_tcp_init(&server.loop, &server.listener);
    int rc = uv_tcp_bind(&server.listener, (const struct sockaddr *)(const void *)&addr, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&server.listener, 1024, on_connection);
    if (rc == 0)
        rc = uv_tcp_getsockname(&server.listener, (struct sockaddr *)(void *)&addr, &len);
    if (rc == 0)
        printf("port: %u\n", ntohs(addr.sin_port));
    fflush(stdout);
    return rc;
}

int bench_serve_raw(const bench_system *system) {
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&server.loop);
    if (raw_shared_init(&server.shared, &server.loop, system->sealing, true) < 0)
        return 1;
    uv_signal_init(&server.loop, &server.signal);
    uv_signal_start(&server.signal, on_signal, SIGTERM);
    int rc = listen_on_loopback();
    if (rc != 0) {
        fprintf(stderr, "seal-bench-server: %s\n", uv_strerror(rc));
        uv_walk(&server.loop, close_one, NULL);
    }
    uv_run(&server.loop, UV_RUN_DEFAULT);
    raw_shared_done(&server.shared);
    uv_loop_close(&server.loop);
    return rc != 0;
}
