/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>

#include "bench/raw.h"
#include "bench/server.h"

typedef struct raw_server {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_signal_t signal;
    bool sealed;
    uint8_t chunk[RAW_CHUNK];
} raw_server;

static raw_server server;

static void on_message(raw_conn *conn, const uint8_t *payload, size_t len) {
    raw_conn_send(conn, payload, len);
}

static void on_closed(raw_conn *conn) {
    seal__release(&seal__default_allocator, conn);
}

static const raw_ops ops = {.message = on_message, .ended = raw_conn_close, .closed = on_closed};

static void on_connection(uv_stream_t *listener, int status) {
    raw_conn *conn = seal__alloc(&seal__default_allocator, sizeof *conn);
    if (status < 0 || conn == NULL ||
        raw_conn_init(conn, &server.loop, &ops, server.chunk, server.sealed, true) < 0) {
        seal__release(&seal__default_allocator, conn);
        return;
    }
    if (uv_accept(listener, (uv_stream_t *)&conn->tcp) == 0)
        raw_conn_start(conn);
    else
        raw_conn_close(conn);
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
    server.sealed = system->is_sealed;
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&server.loop);
    uv_signal_init(&server.loop, &server.signal);
    uv_signal_start(&server.signal, on_signal, SIGTERM);
    int rc = listen_on_loopback();
    if (rc != 0) {
        fprintf(stderr, "seal-bench-server: %s\n", uv_strerror(rc));
        uv_walk(&server.loop, close_one, NULL);
    }
    uv_run(&server.loop, UV_RUN_DEFAULT);
    uv_loop_close(&server.loop);
    return rc != 0;
}
