/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The yardstick: messages over TCP with libuv and nothing else. A record is a 4-byte length, the
 * message, and for raw-aead a 16-byte tag: one AES-256-GCM operation for each message, in place.
 * Whatever is sent while a chunk of input is handled leaves in one write.
 */
#ifndef SEAL_BENCH_RAW_H
#define SEAL_BENCH_RAW_H

#include <uv.h>

#include "base/buf.h"
#include "secure/crypto/crypto.h"

typedef struct raw_conn raw_conn;

typedef struct raw_ops {
    /* The payload is borrowed, and may be changed. */
    void (*message)(raw_conn *conn, const uint8_t *payload, size_t len);
    /* The other end is gone, or has sent nonsense. Close it. */
    void (*ended)(raw_conn *conn);
    /* The last thing; the owner frees the conn. */
    void (*closed)(raw_conn *conn);
} raw_ops;

struct raw_conn {
    uv_tcp_t tcp;
    const raw_ops *ops;
    uint8_t *chunk; /* RAW_CHUNK bytes, shared by the connections of a loop */
    bool sealed;
    seal__aead sealing;
    seal__aead opening;
    uint64_t n_sealed;
    uint64_t n_opened;
    seal__buf in; /* the beginning of a record */
    seal__buf out;
    seal__buf writing;
    uv_write_t write_request;
    bool write_active;
    bool in_read;
    bool closing;
};

enum { RAW_CHUNK = 256 * 1024 };

/* Returns 0, or -1. On failure there is nothing to close. */
int raw_conn_init(raw_conn *conn, uv_loop_t *loop, const raw_ops *ops, uint8_t *chunk, bool sealed,
                  bool is_server);
/* The socket is connected. */
void raw_conn_start(raw_conn *conn);
/* Inside ops->message it leaves when the chunk has been handled; else at once. */
void raw_conn_send(raw_conn *conn, const uint8_t *payload, size_t len);
void raw_conn_close(raw_conn *conn);

#endif
