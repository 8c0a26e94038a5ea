/* SPDX-License-Identifier: Apache-2.0 */
/* From the socket to the owner's events. */
#include "net/conn.h"

#include <string.h>

enum {
    HANDSHAKE_CHUNK = 8 * 1024,
    EARLY_LEAST = 4, /* messages */
    BURST_FALL = 16  /* a fraction, each time fewer come */
};

/* How many messages come together: it follows a rise at once, and a fall slowly. */
static void note_burst(seal__conn *conn, uint32_t n) {
    uint32_t fall = (conn->burst + BURST_FALL - 1) / BURST_FALL;
    if (n > 0)
        conn->burst = n > conn->burst ? n : conn->burst - fall;
}

/* After so many messages what they caused is sent, although more have come: so that the peer works
 * on it meanwhile, and both ends do not wait for each other by turns. A quarter of a client's calls
 * keeps both busy, and records full; the server does not break up what its client sends at once. */
static uint32_t early(const seal__conn *conn) {
    uint32_t n = conn->session_options.role == SEAL__SESSION_CLIENT
                     ? seal__session_stream_count(conn->session) / 4
                     : conn->burst;
    return n > EARLY_LEAST ? n : EARLY_LEAST;
}

static void deliver(seal__conn *conn) {
    seal_error *error = NULL;
    seal__event event;
    uint32_t told = 0;
    uint32_t unsent = 0;
    for (;;) {
        int rc = seal__session_next(conn->session, &event, &error);
        if (rc < 0) {
            conn->silent = rc == SEAL_ERROR_TIMEOUT;
            seal__conn_fail(conn, rc, error);
            return;
        }
        if (event.kind == SEAL__EVENT_NONE)
            break;
        conn->ops->event(conn, &event);
        if (conn->state == SEAL__CONN_OPEN && event.kind == SEAL__EVENT_MESSAGE) {
            told++;
            if (++unsent >= early(conn) && conn->outbox.wire.len > 0) {
                seal__conn_flush(conn);
                unsent = 0;
            }
        }
        if (conn->state != SEAL__CONN_OPEN)
            return;
    }
    note_burst(conn, told);
}

/* Whoever is being told an event gets the next one when he returns. */
void seal__conn_deliver(seal__conn *conn) {
    if (conn->delivering)
        return;
    conn->delivering = true;
    deliver(conn);
    conn->delivering = false;
}

static int start_session(seal__conn *conn, uint64_t now, seal_error **reterr) {
    conn->session_options.alloc = seal__runtime_blocks(conn->runtime);
    conn->session_options.outbox = &conn->outbox;
    int rc = seal__session_new(&conn->session_options, now, &conn->session, reterr);
    if (rc == 0)
        seal__secure_set_scatter(conn->secure, seal__session_scatter(conn->session));
    if (rc == 0 && (rc = seal__session_start(conn->session)) < 0)
        seal__error(reterr, rc, "cannot start a session: %s", seal_error_code_text(rc));
    return rc;
}

/* First authentication, or a later one with the same principal and a new expiry. */
static void on_authenticated(seal__conn *conn, uint64_t now, bool first) {
    seal_error *error = NULL;
    seal_peer *peer = seal__peer_new(conn->runtime->shared, seal__secure_get_info(conn->secure),
                                     now, conn->address);
    int rc = peer != NULL ? 0 : seal__error_no_memory(&error);
    if (rc == 0) {
        seal__peer_unref(conn->peer);
        conn->peer = peer;
        if (first) {
            /* The channel's own messages go out before its first record. */
            rc = seal__secure_flush(conn->secure, &conn->outbox.wire);
            if (rc == 0)
                rc = start_session(conn, now, &error);
        }
    }
    if (rc < 0) {
        seal__conn_fail(conn, rc, error);
        return;
    }
    if (first) {
        conn->state = SEAL__CONN_OPEN;
        conn->ops->established(conn);
    }
}

static void on_peer_closed(seal__conn *conn, uint16_t code) {
    seal_error *why = NULL;
    if (code != SEAL__CLOSE_DONE && code != SEAL__CLOSE_GOING_AWAY)
        seal__error(&why, SEAL_ERROR_CLOSED, "%s closed the connection: %s", conn->address,
                    seal__close_text(code));
    seal__conn_close(conn, SEAL__CLOSE_DONE, why);
}

static void handle_event(seal__conn *conn, uint64_t now, const seal__secure_event *event) {
    switch (event->kind) {
    case SEAL__SECURE_NONE:
    case SEAL__SECURE_STEP:
        break;
    case SEAL__SECURE_ESTABLISHED:
        on_authenticated(conn, now, true);
        break;
    case SEAL__SECURE_REAUTHENTICATED:
        on_authenticated(conn, now, false);
        break;
    case SEAL__SECURE_RECORD:
        seal__session_feed(conn->session, now, event->record, event->record_len);
        seal__conn_deliver(conn);
        break;
    case SEAL__SECURE_CLOSED:
        on_peer_closed(conn, event->close_code);
        break;
    }
}

static bool is_live(const seal__conn *conn) {
    return conn->state == SEAL__CONN_HANDSHAKE || conn->state == SEAL__CONN_OPEN;
}

/* Feeds the channel until it wants more bytes, and returns how many it took. */
static size_t feed(seal__conn *conn, uint8_t *bytes, size_t len) {
    size_t at = 0;
    uint64_t now = uv_hrtime();
    conn->fed_ns = now;
    if (conn->last_write > conn->outbox.wire.cap) /* as much will come again: room at once */
        seal__buf_ensure(&conn->outbox.wire, conn->last_write);
    while (is_live(conn)) {
        seal__secure_event event = {.kind = SEAL__SECURE_NONE};
        seal_error *error = NULL;
        size_t consumed = 0;
        int rc =
            seal__secure_feed(conn->secure, now, bytes + at, len - at, &consumed, &event, &error);
        at += consumed;
        if (rc < 0) {
            seal__conn_fail(conn, rc, error);
            break;
        }
        handle_event(conn, now, &event);
        if (is_live(conn) && event.kind != SEAL__SECURE_RECORD) /* a step is told before records */
            seal__conn_submit_steps(conn);
        bool is_all = event.kind == SEAL__SECURE_RECORD && at == len;
        if (is_all || (event.kind == SEAL__SECURE_NONE && consumed == 0))
            break;
    }
    return at;
}

/* A peer that is not authenticated yet has nothing to say while its token is being looked at. */
static void pause_for_step(seal__conn *conn) {
    bool wait = conn->step != NULL && conn->state == SEAL__CONN_HANDSHAKE;
    if (wait && !conn->read_paused)
        seal__conn_read_stop(conn);
    else if (!wait && conn->read_paused &&
             conn->outbox.wire.len + conn->writing.len < SEAL__CONN_PAUSE)
        seal__conn_read_start(conn);
}

static void after_feed(seal__conn *conn) {
    if (conn->in.failed) {
        seal_error *error = NULL;
        seal__conn_fail(conn, seal__error_no_memory(&error), error);
        return;
    }
    if (conn->in.len == 0 && conn->in.data != NULL)
        seal__buf_done(&conn->in);
    pause_for_step(conn);
    /* libuv may read several times in one turn: what these bytes caused to be sent must not pile
     * up. */
    if (conn->outbox.wire.len > SEAL__CONN_PAUSE)
        seal__conn_flush(conn);
    else
        seal__conn_mark_dirty(conn);
}

void seal__conn_process_waiting(seal__conn *conn) {
    if (!is_live(conn))
        return;
    size_t taken = feed(conn, conn->in.data, conn->in.len);
    if (!is_live(conn))
        return;
    seal__buf_consume(&conn->in, taken);
    if (conn->session != NULL)
        seal__conn_deliver(conn);
    after_feed(conn);
}

/* New bytes: in the chunk that all connections share, or behind those that wait in conn->in. */
static void process(seal__conn *conn, uint8_t *bytes, size_t len) {
    if (conn->in.len > 0) {
        conn->in.len += len;
        if (conn->session != NULL)
            seal__session_heard(conn->session, uv_hrtime());
        seal__conn_process_waiting(conn);
        return;
    }
    size_t taken = feed(conn, bytes, len);
    if (!is_live(conn))
        return;
    if (conn->session != NULL)
        seal__session_heard(conn->session, conn->fed_ns);
    seal__buf_put(&conn->in, bytes + taken, len - taken);
    after_feed(conn);
}

/* What a stranger sends is read in small portions: it can make us keep no more than one token. */
static size_t read_size(const seal__conn *conn) {
    if (conn->state != SEAL__CONN_OPEN)
        return HANDSHAKE_CHUNK;
    return conn->in.len <= SEAL__RECORD_MAX_BODY ? SEAL__READ_CHUNK : SEAL__RECORD_MAX_BODY;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    seal__conn *conn = handle->data;
    size_t size = read_size(conn);
    if (conn->in.len == 0 || !is_live(conn)) {
        *buf = uv_buf_init((char *)conn->runtime->read_chunk, (unsigned int)size);
    } else if (seal__buf_ensure(&conn->in, size)) {
        size_t room = conn->in.cap - conn->in.len;
        bool stranger = conn->state != SEAL__CONN_OPEN;
        *buf = uv_buf_init((char *)conn->in.data + conn->in.len,
                           (unsigned int)(stranger && room > size ? size : room));
    } else {
        *buf = uv_buf_init(NULL, 0);
    }
}

static void on_end(seal__conn *conn, ssize_t status) {
    seal_error *error = NULL;
    int rc = seal__secure_eof(conn->secure, &error);
    if (rc == 0 && seal__secure_awaits_reason(conn->secure)) {
        seal__conn_read_stop(conn);
        return;
    }
    if (rc < 0 && status != UV_EOF) {
        seal_error_free(error);
        error = NULL;
        seal__error(&error, rc, "connection with %s was lost: %s", conn->address,
                    uv_strerror((int)status));
    }
    seal__conn_fail(conn, rc < 0 ? rc : SEAL_ERROR_CLOSED, error);
}

/* libuv has no more for the loop's only connection in this turn: what that caused to be sent need
 * not wait until the loop has gone round. Of many, all write after all have read, so that the peers
 * do not wake up for each. */
static void flush_after_read(seal__conn *conn) {
    if (conn->runtime->connections == 1)
        seal__conn_flush_dirty(conn);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
    seal__conn *conn = stream->data;
    if (nread == 0)
        return;
    if (conn->state == SEAL__CONN_CLOSING) {
        /* What still comes is not read for its content, only for its end. */
        if (nread < 0)
            seal__conn_drop(conn);
        return;
    }
    if (nread < 0) {
        on_end(conn, nread);
        return;
    }
    process(conn, (uint8_t *)buf->base, (size_t)nread);
    if ((size_t)nread < buf->len)
        flush_after_read(conn);
}

void seal__conn_read_start(seal__conn *conn) {
    conn->read_paused = false;
    uv_read_start(&conn->socket.stream, on_alloc, on_read);
}

void seal__conn_read_stop(seal__conn *conn) {
    conn->read_paused = true;
    uv_read_stop(&conn->socket.stream);
}
