/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The yardstick: messages over TCP with libuv and nothing else. A record is a 4-byte length, the
 * message, and for raw-aead a 16-byte tag: one AES-256-GCM operation for each message, in place.
 * raw-tls has TLS 1.3 around plain records: one SSL_write for all that leaves at once. Whatever is
 * sent while a chunk of input is handled leaves in one write.
 */
#ifndef SEAL_BENCH_RAW_H
#define SEAL_BENCH_RAW_H

#include <openssl/ssl.h>
#include <uv.h>

#include "base/buf.h"
#include "bench/loads.h"
#include "secure/crypto/crypto.h"

typedef struct raw_conn raw_conn;

typedef struct raw_ops {
    /* The payload is borrowed, and may be changed. */
    void (*message)(raw_conn *conn, const uint8_t *payload, size_t len);
    /* There is room: sends what streams have to send, until raw_conn_is_full or there is no more.
     * NULL: there are no streams. */
    void (*fill)(raw_conn *conn);
    /* The other end is gone, or has sent nonsense. Close it. */
    void (*ended)(raw_conn *conn);
    /* The last thing; the owner frees the conn. */
    void (*closed)(raw_conn *conn);
} raw_ops;

enum { RAW_CHUNK = 256 * 1024, RAW_BATCH = 128 * 1024 };

/* What the connections of a loop share. */
typedef struct raw_shared {
    uv_loop_t *loop;
    bench_sealing sealing;
    bool is_server;
    SSL_CTX *tls; /* NULL: no TLS */
    uint8_t chunk[RAW_CHUNK];
    uint8_t opened[RAW_CHUNK]; /* what was in a chunk of TLS */
} raw_shared;

struct raw_conn {
    uv_tcp_t tcp;
    const raw_ops *ops;
    raw_shared *shared;
    seal__aead sealing;
    seal__aead opening;
    uint64_t n_sealed;
    uint64_t n_opened;
    SSL *tls;
    seal__buf in; /* the beginning of a record */
    seal__buf out;
    seal__buf writing;
    uv_write_t write_request;
    bool write_active;
    bool in_read;
    bool in_fill;
    bool closing;
};

/* Returns 0, or -1, having said why. */
int raw_shared_init(raw_shared *shared, uv_loop_t *loop, bench_sealing sealing, bool is_server);
void raw_shared_done(raw_shared *shared);

/* Returns 0, or -1. On failure there is nothing to close. */
int raw_conn_init(raw_conn *conn, const raw_ops *ops, raw_shared *shared);
/* The socket is connected. */
void raw_conn_start(raw_conn *conn);
/* Inside ops->message and ops->fill it leaves when the chunk has been handled, or when there is
 * enough; else at once. */
void raw_conn_send(raw_conn *conn, const uint8_t *payload, size_t len);
/* A stream has something to send: as raw_conn_send. */
void raw_conn_want_fill(raw_conn *conn);
bool raw_conn_is_full(const raw_conn *conn);
void raw_conn_close(raw_conn *conn);

/* ---- raw_tls.c ---- */

/* NULL, having said why. Keys are in the folder that SEAL_BENCH_TLS_DIR names. */
SSL_CTX *raw_tls_context(bool is_server);
/* NULL: no memory. */
SSL *raw_tls_new(const raw_shared *shared);
/* False: it is broken, or the other end is not who it must be. */
bool raw_tls_seal(raw_conn *conn, seal__buf *plain, seal__buf *sealed);
/* Opens what was read; *ret_len: how much of shared->opened is filled. Call it again with len 0
 * while that is all of it. */
bool raw_tls_open(raw_conn *conn, const uint8_t *bytes, size_t len, size_t *ret_len);

/* ---- How messages of streams are told from others: by the top byte of their number ---- */

typedef enum raw_kind { RAW_ECHO, RAW_PULL, RAW_PUSH, RAW_PUSH_LAST } raw_kind;

/* A request of RAW_PULL: number, messages, size. */
enum { RAW_KIND_SHIFT = 56, RAW_PULL_SIZE = 16 };

#endif
