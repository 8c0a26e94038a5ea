/* SPDX-License-Identifier: Apache-2.0 */
#include "connection.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const uint64_t SECOND = UINT64_C(1000000000);

enum { LINGER_S = 2, READ_SIZE = 64 * 1024, PUMP_LIMIT = 256 * 1024, MAX_MESSAGE = 4 << 20 };

uint64_t connection_now(const connection *conn) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec + conn->leapt;
}

static size_t record_begin(void *user, seal__buf *out) {
    const connection *conn = user;
    return seal__secure_record_begin(conn->channel, out);
}

static int record_end(void *user, seal__buf *out, size_t start) {
    const connection *conn = user;
    return seal__secure_record_end(conn->channel, out, start);
}

int connection_init(connection *conn, int fd, const seal__secure_config *config,
                    const connection_ops *ops, void *user, tamper_kind tampering) {
    *conn = (connection){.fd = fd, .ops = ops, .user = user};
    const struct timeval patience = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    seal__buf_init(&conn->in, &seal__default_allocator, 2 * SEAL__TOKEN_MAX + READ_SIZE);
    seal__sealer sealer = {.begin = record_begin, .end = record_end, .user = conn};
    seal__outbox_init(&conn->outbox, &seal__default_allocator, &sealer);
    seal__secure_config mine = *config;
    tamper_init(&conn->tamper, tampering, &mine.mechs);
    int rc = seal__secure_new(&mine, connection_now(conn), &conn->channel, &conn->error);
    if (rc < 0) {
        conn->result = rc;
        conn->state = CONNECTION_OVER;
    }
    return rc;
}

void connection_done(connection *conn) {
    if (conn->session != NULL)
        seal__session_free(conn->session);
    seal__secure_free(conn->channel);
    seal__outbox_done(&conn->outbox);
    seal__buf_done_wiped(&conn->in);
    seal_error_free(conn->error);
    if (conn->fd >= 0)
        close(conn->fd);
    conn->fd = -1;
}

static bool is_live(const connection *conn) {
    return conn->state < CONNECTION_LINGERING;
}

/* ---- Sending ---- */

static int fill(connection *conn) {
    int rc = 0;
    if (seal__secure_wants_flush(conn->channel)) {
        rc = seal__outbox_seal(&conn->outbox);
        if (rc == 0)
            rc = seal__secure_flush(conn->channel, &conn->outbox.wire);
    }
    if (rc == 0 && conn->state == CONNECTION_OPEN)
        seal__session_pump(conn->session, PUMP_LIMIT);
    return rc == 0 ? seal__outbox_seal(&conn->outbox) : rc;
}

static bool write_all(const connection *conn, const uint8_t *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = send(conn->fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* Whole messages leave, so that a tamperer finds them. */
static bool write_out(connection *conn) {
    size_t len = conn->outbox.wire.len;
    tamper_bytes(&conn->tamper, conn->outbox.wire.data, len);
    bool written = write_all(conn, conn->outbox.wire.data, len);
    seal__outbox_taken(&conn->outbox, len);
    return written;
}

static void flush(connection *conn) {
    while (conn->state < CONNECTION_LINGERING) {
        int rc = fill(conn);
        seal_error *error = NULL;
        if (rc == 0 && conn->outbox.wire.len == 0)
            return;
        if (rc == 0 && !write_out(conn))
            rc = seal__error(&error, SEAL_ERROR_TRANSPORT, "cannot send: %s", strerror(errno));
        if (rc < 0)
            connection_fail(conn, rc, error);
    }
}

/* ---- The end ---- */

/* Half-closes and waits for the peer's end: closing with unread bytes would reset the connection,
 * and the peer would lose what was sent last. */
static void linger(connection *conn) {
    seal__outbox_seal(&conn->outbox);
    seal__close_code code =
        conn->result == 0 ? SEAL__CLOSE_DONE : seal__close_code_for(conn->result);
    seal__secure_close(conn->channel, code, &conn->outbox.wire);
    write_out(conn);
    shutdown(conn->fd, SHUT_WR);
    conn->state = CONNECTION_LINGERING;
    conn->linger_until = connection_now(conn) + LINGER_S * SECOND;
}

void connection_fail(connection *conn, int code, seal_error *error) {
    if (conn->state >= CONNECTION_LINGERING) {
        seal_error_free(error);
        return;
    }
    if (error == NULL)
        seal__error(&error, code, "%s", seal_error_code_text(code));
    conn->result = code;
    conn->error = error;
    bool socket_lives =
        code != SEAL_ERROR_TRANSPORT && code != SEAL_ERROR_TRUNCATED && code != SEAL_ERROR_CLOSED;
    if (socket_lives)
        linger(conn);
    else
        conn->state = CONNECTION_OVER;
}

void connection_close(connection *conn) {
    seal__outbox_seal(&conn->outbox);
    seal__secure_close(conn->channel, SEAL__CLOSE_DONE, &conn->outbox.wire);
    conn->close_sent = true;
}

void connection_drain(connection *conn) {
    int rc = seal__session_drain(conn->session, SEAL__CLOSE_GOING_AWAY, "time to go");
    conn->draining = true;
    if (rc < 0)
        connection_fail(conn, rc, NULL);
}

static bool is_drained(const connection *conn) {
    return conn->state == CONNECTION_OPEN && conn->draining && !conn->close_sent &&
           seal__session_is_drained(conn->session);
}

void connection_cut(connection *conn) {
    shutdown(conn->fd, SHUT_RDWR);
    conn->state = CONNECTION_OVER;
}

static void on_peer_closed(connection *conn, uint16_t code) {
    if (code != SEAL__CLOSE_DONE && code != SEAL__CLOSE_GOING_AWAY) {
        seal_error *error = NULL;
        seal__error(&error, SEAL_ERROR_PEER_REFUSED, "the peer closed the connection: it %s",
                    seal__close_text(code));
        connection_fail(conn, SEAL_ERROR_PEER_REFUSED, error);
        return;
    }
    flush(conn);
    linger(conn);
}

/* ---- Receiving ---- */

static void deliver(connection *conn) {
    while (conn->state == CONNECTION_OPEN && !conn->close_sent) {
        seal__event event;
        seal_error *error = NULL;
        int rc = seal__session_next(conn->session, &event, &error);
        if (rc < 0)
            connection_fail(conn, rc, error);
        else if (event.kind == SEAL__EVENT_NONE)
            return;
        else
            conn->ops->event(conn, &event);
    }
}

static void on_established(connection *conn, seal__session_role role) {
    const seal__session_options options = {.role = role,
                                           .alloc = &seal__default_allocator,
                                           .outbox = &conn->outbox,
                                           .max_streams = 100,
                                           .max_message = MAX_MESSAGE};
    seal_error *error = NULL;
    /* The channel's own messages go out before its first record. */
    int rc = seal__secure_flush(conn->channel, &conn->outbox.wire);
    if (rc == 0)
        rc = seal__session_new(&options, connection_now(conn), &conn->session, &error);
    if (rc == 0)
        rc = seal__session_start(conn->session);
    if (rc < 0) {
        connection_fail(conn, rc, error);
        return;
    }
    conn->state = CONNECTION_OPEN;
    if (conn->ops->established != NULL)
        conn->ops->established(conn);
}

static void handle(connection *conn, const seal__secure_event *event) {
    switch (event->kind) {
    case SEAL__SECURE_NONE:
    case SEAL__SECURE_STEP:
        break;
    case SEAL__SECURE_REAUTHENTICATED:
        if (conn->renewing)
            conn->ops->renewed(conn);
        conn->renewing = false;
        break;
    case SEAL__SECURE_ESTABLISHED:
        on_established(conn, conn->ops->established != NULL ? SEAL__SESSION_CLIENT
                                                            : SEAL__SESSION_SERVER);
        break;
    case SEAL__SECURE_RECORD:
        seal__session_feed(conn->session, connection_now(conn), event->record, event->record_len);
        deliver(conn);
        break;
    case SEAL__SECURE_CLOSED:
        on_peer_closed(conn, event->close_code);
        break;
    }
}

static void run_step(connection *conn) {
    seal_error *error = NULL;
    /* An ALERT with an error token has come: the step only finds words for it. */
    bool refused = seal__secure_awaits_reason(conn->channel);
    seal__secure_step *step = seal__secure_take_step(conn->channel);
    seal__secure_step_run(step);
    int rc = seal__secure_finish_step(conn->channel, connection_now(conn), step, &error);
    if (rc < 0)
        connection_fail(conn, refused ? SEAL_ERROR_PEER_REFUSED : rc, error);
}

/* Returns false when nothing more can be done with what is there. */
static bool feed(connection *conn) {
    seal__secure_event event = {.kind = SEAL__SECURE_NONE};
    seal_error *error = NULL;
    size_t consumed = 0;
    int rc = seal__secure_feed(conn->channel, connection_now(conn), conn->in.data, conn->in.len,
                               &consumed, &event, &error);
    if (rc < 0)
        connection_fail(conn, rc, error);
    else
        handle(conn, &event);
    seal__buf_consume(&conn->in, consumed);
    return event.kind != SEAL__SECURE_NONE || consumed > 0;
}

static void tick(connection *conn) {
    uint64_t now = connection_now(conn);
    seal_error *error = NULL;
    int rc = seal__secure_tick(conn->channel, now, &error);
    if (rc < 0)
        connection_fail(conn, rc, error);
    if (conn->state == CONNECTION_OPEN) {
        seal__session_tick(conn->session, now);
        deliver(conn);
    }
}

void connection_renew(connection *conn) {
    uint64_t now = connection_now(conn);
    uint64_t due = seal__secure_next_deadline(conn->channel);
    conn->leapt += due == UINT64_MAX || due < now ? 0 : due - now;
    conn->renewing = true;
}

static void check_renewal(connection *conn) {
    const seal_error *why = seal__secure_renewal_error(conn->channel);
    if (conn->renewing && is_live(conn) && why != NULL)
        connection_fail(conn, seal_error_get_code(why), seal__error_copy(why));
}

void connection_settle(connection *conn) {
    if (conn->state == CONNECTION_LINGERING && connection_now(conn) >= conn->linger_until)
        conn->state = CONNECTION_OVER;
    for (bool more = true; more && is_live(conn);) {
        if (seal__secure_has_step(conn->channel))
            run_step(conn);
        more = is_live(conn) && feed(conn);
        if (is_live(conn))
            tick(conn); /* a call may have asked for a renewal */
        more = more || seal__secure_has_step(conn->channel);
    }
    check_renewal(conn);
    flush(conn);
    if (is_drained(conn)) {
        connection_close(conn);
        flush(conn);
    }
}

static void on_end(connection *conn, const char *why) {
    if (conn->state == CONNECTION_LINGERING) {
        conn->state = CONNECTION_OVER;
        return;
    }
    seal_error *error = NULL;
    int rc = seal__secure_eof(conn->channel, &error);
    if (rc < 0 && why != NULL)
        seal__error_prefix(&error, "%s", why);
    connection_fail(conn, rc < 0 ? rc : SEAL_ERROR_CLOSED, error);
}

void connection_read(connection *conn) {
    uint8_t waste[READ_SIZE];
    bool keep = is_live(conn);
    uint8_t *room = waste;
    if (keep && seal__buf_ensure(&conn->in, READ_SIZE))
        room = conn->in.data + conn->in.len;
    else if (keep)
        connection_fail(conn, SEAL_ERROR_NO_MEMORY, NULL);
    ssize_t n = recv(conn->fd, room, READ_SIZE, 0);
    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        on_end(conn, n < 0 ? strerror(errno) : NULL);
        return;
    }
    if (is_live(conn)) {
        conn->in.len += (size_t)n;
        connection_settle(conn);
    }
}

int connection_poll_timeout(const connection *conn) {
    uint64_t at = conn->linger_until;
    if (is_live(conn)) {
        at = seal__secure_next_deadline(conn->channel);
        uint64_t calls =
            conn->session != NULL ? seal__session_next_deadline(conn->session) : UINT64_MAX;
        at = calls < at ? calls : at;
    }
    if (at == UINT64_MAX)
        return -1;
    uint64_t now = connection_now(conn);
    uint64_t ms = at <= now ? 0 : (at - now) / 1000000 + 1;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}
