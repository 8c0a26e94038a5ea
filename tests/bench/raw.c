/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/raw.h"

#include <string.h>

enum { EARLY_LEAST = 4, EARLY_MOST = 32 }; /* records */
enum { HEADER = 4, RECORD_MAX = HEADER + BENCH_MAX_SIZE + SEAL__AEAD_TAG };

/* ---- Out ---- */

static void make_nonce(uint64_t number, uint8_t nonce[SEAL__AEAD_NONCE]) {
    memset(nonce, 0, SEAL__AEAD_NONCE);
    seal__store_u64(nonce + SEAL__AEAD_NONCE - sizeof number, number);
}

static void flush(raw_conn *conn);

static void on_written(uv_write_t *request, int status) {
    raw_conn *conn = request->data;
    conn->write_active = false;
    seal__buf_reset(&conn->writing);
    if (status == 0)
        flush(conn);
}

/* What is to be written, in conn->writing; false: nothing, or the connection has ended. */
static bool take_out(raw_conn *conn) {
    if (conn->tls != NULL) {
        if (!raw_tls_seal(conn, &conn->out, &conn->writing))
            conn->ops->ended(conn);
        return !conn->closing && conn->writing.len > 0;
    }
    seal__buf taken = conn->out;
    conn->out = conn->writing;
    conn->writing = taken;
    return taken.len > 0;
}

/* False: the socket takes no more for now. */
static bool write_out(raw_conn *conn) {
    seal__buf *writing = &conn->writing;
    uv_buf_t buf = uv_buf_init((char *)writing->data, (unsigned)writing->len);
    int written = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
    size_t done = written > 0 ? (size_t)written : 0;
    if (done == writing->len) {
        seal__buf_reset(writing);
        return true;
    }
    buf = uv_buf_init((char *)writing->data + done, (unsigned)(writing->len - done));
    conn->write_request.data = conn;
    conn->write_active =
        uv_write(&conn->write_request, (uv_stream_t *)&conn->tcp, &buf, 1, on_written) == 0;
    if (!conn->write_active)
        conn->ops->ended(conn);
    return false;
}

static void fill(raw_conn *conn) {
    if (conn->ops->fill == NULL || raw_conn_is_full(conn))
        return;
    conn->in_fill = true;
    conn->ops->fill(conn);
    conn->in_fill = false;
}

static void flush(raw_conn *conn) {
    while (!conn->write_active && !conn->closing) {
        fill(conn);
        if (conn->closing || !take_out(conn) || !write_out(conn))
            return;
    }
}

bool raw_conn_is_full(const raw_conn *conn) {
    return conn->out.len >= RAW_BATCH;
}

void raw_conn_want_fill(raw_conn *conn) {
    if (!conn->in_read && !conn->in_fill)
        flush(conn);
}

void raw_conn_send(raw_conn *conn, const uint8_t *payload, size_t len) {
    bool sealed = conn->shared->sealing == BENCH_AEAD;
    size_t body = len + (sealed ? SEAL__AEAD_TAG : 0);
    uint8_t *header = seal__buf_reserve(&conn->out, HEADER + body);
    if (header == NULL) {
        conn->ops->ended(conn);
        return;
    }
    seal__store_u32(header, (uint32_t)body);
    memcpy(header + HEADER, payload, len);
    if (sealed) {
        uint8_t nonce[SEAL__AEAD_NONCE];
        make_nonce(conn->n_sealed++, nonce);
        if (seal__aead_seal(&conn->sealing, nonce, (seal_bytes){header, HEADER}, header + HEADER,
                            len, header + HEADER + len) < 0)
            conn->ops->ended(conn);
    }
    if (!conn->in_read && !conn->in_fill)
        flush(conn);
}

/* ---- In ---- */

static bool open_record(raw_conn *conn, uint8_t *header, size_t len) {
    uint8_t nonce[SEAL__AEAD_NONCE];
    uint8_t *content = header + HEADER;
    if (conn->shared->sealing != BENCH_AEAD)
        return true;
    make_nonce(conn->n_opened++, nonce);
    return seal__aead_open(&conn->opening, nonce, (seal_bytes){header, HEADER}, content, len,
                           content + len) == 0;
}

/* Hands out all whole records; returns how many bytes that were. What they caused is written after
 * 4 of them, then 8, 16, 32: so that the peer works on it meanwhile, and the two ends do not wait
 * for each other by turns. */
static size_t take_records(raw_conn *conn, uint8_t *bytes, size_t len) {
    size_t tag = conn->shared->sealing == BENCH_AEAD ? SEAL__AEAD_TAG : 0;
    size_t at = 0;
    unsigned unsent = 0;
    unsigned early = EARLY_LEAST;
    while (!conn->closing && len - at >= HEADER) {
        size_t body = seal__load_u32(bytes + at);
        bool wrong = body < tag || body > RECORD_MAX - HEADER;
        if (!wrong && len - at - HEADER < body)
            break;
        if (wrong || !open_record(conn, bytes + at, body - tag)) {
            conn->ops->ended(conn);
            break;
        }
        conn->ops->message(conn, bytes + at + HEADER, body - tag);
        at += HEADER + body;
        if (++unsent == early) {
            flush(conn);
            unsent = 0;
            early = early < EARLY_MOST ? 2 * early : EARLY_MOST;
        }
    }
    return at;
}

static void process(raw_conn *conn, uint8_t *bytes, size_t len) {
    if (conn->in.len == 0) {
        size_t taken = take_records(conn, bytes, len);
        seal__buf_put(&conn->in, bytes + taken, len - taken);
        return;
    }
    if (bytes == conn->in.data + conn->in.len)
        conn->in.len += len;
    else
        seal__buf_put(&conn->in, bytes, len);
    seal__buf_consume(&conn->in, take_records(conn, conn->in.data, conn->in.len));
}

static void process_tls(raw_conn *conn, const uint8_t *bytes, size_t len) {
    size_t opened = 0;
    do {
        if (!raw_tls_open(conn, bytes, len, &opened)) {
            conn->ops->ended(conn);
            return;
        }
        process(conn, conn->shared->opened, opened);
        len = 0;
    } while (opened == RAW_CHUNK && !conn->closing);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    raw_conn *conn = handle->data;
    if (conn->in.len == 0 || conn->tls != NULL) {
        *buf = uv_buf_init((char *)conn->shared->chunk, RAW_CHUNK);
        return;
    }
    /* A large record is read straight to where it is opened. */
    size_t need = RAW_CHUNK;
    if (conn->in.len >= HEADER && seal__load_u32(conn->in.data) < RECORD_MAX)
        need = HEADER + seal__load_u32(conn->in.data);
    size_t room = need > conn->in.len ? need - conn->in.len : RAW_CHUNK;
    *buf = uv_buf_init(NULL, 0);
    if (seal__buf_ensure(&conn->in, room))
        *buf = uv_buf_init((char *)conn->in.data + conn->in.len,
                           (unsigned)(conn->in.cap - conn->in.len));
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
    raw_conn *conn = stream->data;
    if (nread < 0)
        conn->ops->ended(conn);
    if (nread <= 0)
        return;
    conn->in_read = true;
    if (conn->tls != NULL)
        process_tls(conn, (const uint8_t *)buf->base, (size_t)nread);
    else
        process(conn, (uint8_t *)buf->base, (size_t)nread);
    conn->in_read = false;
    if (conn->in.failed)
        conn->ops->ended(conn);
    flush(conn);
}

/* ---- Life ---- */

/* Both ends know the keys, which are no secret: it is the price of the operations that is wanted.
 */
static int init_keys(raw_conn *conn) {
    bool is_server = conn->shared->is_server;
    uint8_t keys[2][SEAL__AEAD_KEY_MAX];
    memset(keys[0], 's', sizeof keys[0]);
    memset(keys[1], 'c', sizeof keys[1]);
    if (seal__aead_init(&conn->sealing, SEAL__AEAD_AES256_GCM, true, keys[is_server ? 0 : 1]) < 0)
        return -1;
    if (seal__aead_init(&conn->opening, SEAL__AEAD_AES256_GCM, false, keys[is_server ? 1 : 0]) == 0)
        return 0;
    seal__aead_done(&conn->sealing);
    return -1;
}

int raw_conn_init(raw_conn *conn, const raw_ops *ops, raw_shared *shared) {
    *conn = (raw_conn){.ops = ops, .shared = shared};
    if (shared->sealing == BENCH_AEAD && init_keys(conn) < 0)
        return -1;
    if (shared->sealing == BENCH_TLS && (conn->tls = raw_tls_new(shared)) == NULL)
        return -1;
    seal__buf_init(&conn->in, &seal__default_allocator, 2 * RECORD_MAX);
    seal__buf_init(&conn->out, &seal__default_allocator, SIZE_MAX / 2);
    seal__buf_init(&conn->writing, &seal__default_allocator, SIZE_MAX / 2);
    uv_tcp_init(shared->loop, &conn->tcp);
    conn->tcp.data = conn;
    return 0;
}

void raw_conn_start(raw_conn *conn) {
    uv_tcp_nodelay(&conn->tcp, 1);
    uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
    flush(conn);
}

static void on_closed(uv_handle_t *handle) {
    raw_conn *conn = handle->data;
    seal__aead_done(&conn->sealing);
    seal__aead_done(&conn->opening);
    SSL_free(conn->tls);
    seal__buf_done(&conn->in);
    seal__buf_done(&conn->out);
    seal__buf_done(&conn->writing);
    conn->ops->closed(conn);
}

void raw_conn_close(raw_conn *conn) {
    if (conn->closing)
        return;
    conn->closing = true;
    uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

int raw_shared_init(raw_shared *shared, uv_loop_t *loop, bench_sealing sealing, bool is_server) {
    shared->loop = loop;
    shared->sealing = sealing;
    shared->is_server = is_server;
    shared->tls = sealing == BENCH_TLS ? raw_tls_context(is_server) : NULL;
    return sealing == BENCH_TLS && shared->tls == NULL ? -1 : 0;
}

void raw_shared_done(raw_shared *shared) {
    SSL_CTX_free(shared->tls);
}
