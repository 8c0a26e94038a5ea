/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a connection. The owner is told at once; the last bytes (an authenticated close, or an
 * alert) get a bounded time to leave; then the handles are closed and everything is freed.
 */
#include "net/conn.h"

#include <sys/socket.h>

enum { LINGER_MS = 1000 };

static void release(seal__conn *conn) {
    seal_runtime *runtime = conn->runtime;
    if (conn->session != NULL)
        seal__session_free(conn->session);
    seal__secure_free(conn->secure);
    seal__peer_unref(conn->peer);
    seal__buf_done_wiped(&conn->in);
    seal__buf_done(&conn->writing);
    seal__outbox_done(&conn->outbox);
    seal_error_free(conn->error);
    seal__release(seal__runtime_alloc(runtime), conn->target);
    seal__release(seal__runtime_alloc(runtime), conn);
    runtime->connections--;
    seal__runtime_let_go(runtime);
}

static void on_handle_closed(uv_handle_t *handle) {
    seal__conn *conn = handle->data;
    if (--conn->handles_open == 0)
        release(conn);
}

void seal__conn_drop(seal__conn *conn) {
    if (conn->state == SEAL__CONN_CLOSED)
        return;
    conn->state = SEAL__CONN_CLOSED;
    seal__list_remove(&conn->dirty);
    uv_close(&conn->socket.handle, on_handle_closed);
    uv_close((uv_handle_t *)&conn->timer, on_handle_closed);
}

static void on_linger(uv_timer_t *timer) {
    seal__conn_drop(timer->data);
}

/* Half-close, then wait for the peer's end: closing with unread bytes would reset the connection,
 * and the peer would lose what was sent last. */
void seal__conn_finish_close(seal__conn *conn) {
    if (conn->shutdown_started)
        return;
    conn->shutdown_started = true;
    int fd = -1;
    if (uv_fileno(&conn->socket.handle, &fd) != 0 || shutdown(fd, SHUT_WR) != 0)
        seal__conn_drop(conn);
}

/* From here on the step, if there is one on a worker, belongs to itself. */
static void leave_step(seal__conn *conn) {
    if (conn->step != NULL)
        conn->step->conn = NULL;
    conn->step = NULL;
}

static void end(seal__conn *conn, seal__close_code code, bool can_write) {
    seal__conn_state before = conn->state;
    leave_step(conn);
    if (before == SEAL__CONN_OPEN)
        seal__outbox_seal(&conn->outbox);
    conn->outbox.parting = can_write && before == SEAL__CONN_OPEN;
    conn->state = SEAL__CONN_CLOSING;
    conn->ops->closed(conn, conn->error);
    if (before == SEAL__CONN_OPEN) /* what was sent meanwhile, too: nothing leaves in clear */
        seal__outbox_seal(&conn->outbox);
    if (!can_write || before == SEAL__CONN_IDLE) {
        seal__conn_drop(conn);
        return;
    }
    seal__secure_close(conn->secure, code, &conn->outbox.wire);
    if (conn->read_paused)
        seal__conn_read_start(conn);
    uv_update_time(conn->runtime->loop);
    uv_timer_start(&conn->timer, on_linger, LINGER_MS, 0);
    seal__conn_flush(conn);
}

void seal__conn_close(seal__conn *conn, seal__close_code code, seal_error *why) {
    if (conn->state >= SEAL__CONN_CLOSING) {
        seal_error_free(why);
        return;
    }
    conn->error = why;
    end(conn, code, true);
}

void seal__conn_fail(seal__conn *conn, int code, seal_error *error) {
    if (conn->state >= SEAL__CONN_CLOSING) {
        seal_error_free(error);
        if (conn->state == SEAL__CONN_CLOSING)
            seal__conn_drop(conn);
        return;
    }
    if (error == NULL)
        seal__error(&error, code, "connection with %s: %s", conn->address,
                    seal_error_code_text(code));
    conn->error = error;
    bool socket_lives = code != SEAL_ERROR_TRANSPORT && code != SEAL_ERROR_TRUNCATED &&
                        code != SEAL_ERROR_CLOSED && code != SEAL_ERROR_NOT_SEALRPC;
    end(conn, seal__close_code_for(code), socket_lives);
}
