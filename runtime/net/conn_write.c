/* SPDX-License-Identifier: Apache-2.0 */
/* From the session to the socket. Everything that was queued within one turn of the loop goes out
 * in as few records and as few writes as possible. */
#include "net/conn.h"

#include <sys/socket.h>

enum {
    PUMP_LIMIT = 64 * 1024, /* bytes of bulk messages that are sealed ahead of the socket: what a
                             * small message may have to wait for */
    PUMP_MOST = 3 * PUMP_LIMIT,  /* ... while the socket takes everything at once */
    PUMP_WRITE = 2 * PUMP_LIMIT, /* what is worth a write before the turn of the loop ends */
    PUMP_ROOM = 40 * 1024,       /* for the piece that goes beyond it */
    KEEP_BUFFER = 16 * 1024      /* an idle connection keeps no larger buffer */
};

static void flush(seal__conn *conn);
static void tell_room(seal__conn *conn);

void seal__conn_mark_dirty(seal__conn *conn) {
    if (conn->state < SEAL__CONN_CLOSED && seal__list_is_empty(&conn->dirty))
        seal__list_append(&conn->runtime->dirty, &conn->dirty);
}

/* What can be sent now stands sealed in the outbox afterwards; *ret_more: not all of it. */
static int fill(seal__conn *conn, size_t limit, bool *ret_more) {
    int rc = 0;
    *ret_more = false;
    if (seal__secure_wants_flush(conn->secure)) {
        rc = seal__outbox_seal(&conn->outbox);
        if (rc == 0)
            rc = seal__secure_flush(conn->secure, &conn->outbox.wire);
    }
    if (rc == 0 && conn->state == SEAL__CONN_OPEN) {
        if (seal__session_pump(conn->session, 0)) { /* room at once, not in steps */
            if (conn->outbox.wire.len < limit)
                seal__buf_ensure(&conn->outbox.wire, limit + PUMP_ROOM - conn->outbox.wire.len);
            *ret_more = seal__session_pump(conn->session, limit);
        }
    }
    /* Whatever the state: nothing leaves that is not sealed. */
    if (rc == 0)
        rc = seal__outbox_seal(&conn->outbox);
    return rc;
}

static void shrink(seal__conn *conn) {
    if (conn->writing.cap > KEEP_BUFFER)
        seal__buf_done(&conn->writing);
    if (conn->outbox.wire.len == 0 && conn->outbox.wire.cap > KEEP_BUFFER)
        seal__buf_done(&conn->outbox.wire);
}

static void write_failed(seal__conn *conn, int status) {
    seal_error *error = NULL;
    seal__error(&error, SEAL_ERROR_TRANSPORT, "cannot send to %s: %s", conn->address,
                uv_strerror(status));
    seal__conn_fail(conn, SEAL_ERROR_TRANSPORT, error);
}

static void on_written(uv_write_t *request, int status) {
    seal__conn *conn = request->handle->data;
    conn->write_active = false;
    seal__buf_reset(&conn->writing);
    if (conn->state == SEAL__CONN_CLOSED)
        return;
    if (status < 0) {
        write_failed(conn, status);
        return;
    }
    if (conn->read_paused && conn->step == NULL && conn->state == SEAL__CONN_OPEN)
        seal__conn_read_start(conn);
    flush(conn);
    tell_room(conn);
}

/* The last bytes wait in the kernel for the end of this side, which follows at once, and leave in
 * one segment with it. */
static ssize_t try_write(seal__conn *conn, const uv_buf_t *buf) {
    int fd = -1;
    if (conn->state != SEAL__CONN_CLOSING || uv_fileno(&conn->socket.handle, &fd) != 0)
        return uv_try_write(&conn->socket.stream, buf, 1);
    return send(fd, buf->base, buf->len, MSG_MORE | MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Takes the outbox's bytes and writes them; what the socket does not take now is written later.
 * Returns 0, or libuv's code. */
static int write_out(seal__conn *conn) {
    seal__buf taken = conn->outbox.wire;
    conn->outbox.wire = conn->writing;
    conn->writing = taken;
    conn->outbox.written += taken.len;
    conn->last_write = taken.len > KEEP_BUFFER ? taken.len : 0;
    uv_buf_t buf = uv_buf_init((char *)taken.data, (unsigned int)taken.len);
    ssize_t written = try_write(conn, &buf);
    size_t done = written > 0 ? (size_t)written : 0;
    if (done == taken.len) {
        seal__buf_reset(&conn->writing);
        return 0;
    }
    buf = uv_buf_init((char *)taken.data + done, (unsigned int)(taken.len - done));
    int rc = uv_write(&conn->write_request, &conn->socket.stream, &buf, 1, on_written);
    conn->write_active = rc == 0;
    if (rc != 0)
        seal__buf_reset(&conn->writing);
    return rc;
}

static void all_is_written(seal__conn *conn) {
    shrink(conn);
    if (conn->has_stepped)
        seal__conn_use_wait(conn);
    if (conn->state == SEAL__CONN_CLOSING)
        seal__conn_finish_close(conn);
    else if (conn->state == SEAL__CONN_OPEN && conn->ops->drained != NULL)
        conn->ops->drained(conn);
}

/* Seals and writes as much as the socket takes; nobody is told of anything. The first write is
 * small, so that the peer has something to do while the next is being sealed. Returns 0 or a code
 * for what cannot be sealed; what cannot be written stands in write_error. *ret_all: nothing is
 * left. */
static int push(seal__conn *conn, bool *ret_all) {
    size_t limit = PUMP_LIMIT;
    bool more = true;
    while (more && !conn->write_active && conn->write_error == 0) {
        int rc = fill(conn, limit, &more);
        if (rc < 0 || conn->outbox.wire.failed)
            return rc < 0 ? rc : SEAL_ERROR_NO_MEMORY;
        if (conn->outbox.wire.len > 0)
            conn->write_error = write_out(conn);
        limit = limit < PUMP_MOST ? limit + PUMP_LIMIT : limit;
    }
    *ret_all = !more && !conn->write_active && conn->write_error == 0;
    return 0;
}

static void flush(seal__conn *conn) {
    bool all = false;
    if (conn->state == SEAL__CONN_CLOSED)
        return;
    int rc = push(conn, &all);
    if (rc < 0) {
        seal_error *error = NULL;
        seal__error(&error, rc, "cannot send to %s: %s", conn->address, seal_error_code_text(rc));
        seal__conn_fail(conn, rc, error);
        return;
    }
    if (conn->write_error != 0) {
        int status = conn->write_error;
        conn->write_error = 0;
        write_failed(conn, status);
        return;
    }
    if (all) {
        all_is_written(conn);
        return;
    }
    if (conn->state == SEAL__CONN_OPEN && !conn->read_paused &&
        conn->session_options.role == SEAL__SESSION_SERVER &&
        conn->outbox.wire.len + conn->writing.len > SEAL__CONN_PAUSE)
        seal__conn_read_stop(conn);
}

/* Seals what was borrowed. A message that is no more than a write or two is written together with
 * those that follow in this turn: each write wakes the peer. */
static void push_borrowed(seal__conn *conn, size_t size) {
    bool more = true;
    bool all = false;
    if (size < PUMP_MOST && fill(conn, PUMP_MOST, &more) < 0)
        return; /* the next flush fails, too, and says so */
    if (more || conn->outbox.wire.len >= PUMP_WRITE)
        (void)push(conn, &all);
}

static bool may_borrow(const seal__conn *conn, const seal__stream *stream) {
    return conn->state == SEAL__CONN_OPEN && !conn->write_active && conn->write_error == 0 &&
           seal__session_may_borrow(conn->session, stream);
}

int seal__conn_send(seal__conn *conn, seal__stream *stream, const seal__parts *parts, size_t size,
                    seal__pack_fn *pack, const void *message, bool end) {
    if (parts == NULL || !may_borrow(conn, stream))
        return seal__session_send(conn->session, stream, size, pack, message, end);
    int rc = seal__session_send_borrowed(conn->session, stream, parts, end);
    if (rc == 0)
        push_borrowed(conn, size);
    seal__session_own(conn->session);
    seal__conn_mark_dirty(conn);
    return rc;
}

/* Streams whose messages have left have room for more. */
static void tell_room(seal__conn *conn) {
    if (conn->state != SEAL__CONN_OPEN || conn->delivering ||
        !seal__session_has_events(conn->session))
        return;
    seal__conn_deliver(conn);
    if (conn->state == SEAL__CONN_OPEN)
        seal__conn_mark_dirty(conn);
}

void seal__conn_flush(seal__conn *conn) {
    if (conn->state == SEAL__CONN_IDLE || conn->state == SEAL__CONN_CLOSED)
        return;
    flush(conn);
    tell_room(conn);
    if (conn->state == SEAL__CONN_HANDSHAKE || conn->state == SEAL__CONN_OPEN)
        seal__conn_arm_timer(conn);
}

void seal__conn_flush_dirty(seal__conn *conn) {
    if (seal__list_is_empty(&conn->dirty))
        return;
    seal__list_remove(&conn->dirty);
    seal__conn_flush(conn);
}

bool seal__conn_is_drained(const seal__conn *conn) {
    return conn->outbox.wire.len == 0 && !conn->write_active;
}
