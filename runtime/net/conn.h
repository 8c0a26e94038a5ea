/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: pumps bytes between a socket, the secure channel and the session. A byte from the
 * wire goes: conn_read.c -> secure channel (open) -> session (frames) -> the owner's `event`. A
 * byte to the wire: session -> outbox -> sealed -> conn_write.c. Loop thread only.
 */
#ifndef SEAL_NET_CONN_H
#define SEAL_NET_CONN_H

#include "net/peer.h"
#include "net/runtime.h"
#include "session/session.h"

typedef struct seal__conn seal__conn;

/* What the owner (server or client) is told. */
typedef struct seal__conn_ops {
    /* Both ends are authenticated; conn->peer and conn->session are there. */
    void (*established)(seal__conn *conn);
    /* An event of the session. The owner may close the connection. */
    void (*event)(seal__conn *conn, const seal__event *event);
    /* Everything that was queued has been handed to the socket. May be NULL. */
    void (*drained)(seal__conn *conn);
    /* The time of seal__conn_set_alarm has come. The owner may close the connection. May be NULL.
     */
    void (*alarm)(seal__conn *conn);
    /* Once, when the connection is over, whoever ended it: no more events. The session is still
     * there, to let go of its streams; both are freed afterwards. `why` is NULL after an orderly
     * close. */
    void (*closed)(seal__conn *conn, const seal_error *why);
} seal__conn_ops;

/* A server stops reading while more than this waits to be written. A client never does: two ends
 * that both wait for the other to read would wait for ever. */
enum { SEAL__CONN_PAUSE = 1024 * 1024 };

typedef enum seal__conn_state {
    SEAL__CONN_IDLE, /* no socket yet */
    SEAL__CONN_HANDSHAKE,
    SEAL__CONN_OPEN,
    SEAL__CONN_CLOSING, /* over for the owner; last bytes are on their way out */
    SEAL__CONN_CLOSED   /* handles are being closed */
} seal__conn_state;

/* A step of the mechanism on a worker; outlives its connection when that ends first. */
typedef struct seal__conn_step {
    seal__auth_job job;
    seal__conn *conn; /* NULL: the connection has gone */
    seal__secure_step *step;
    seal__shared *shared;
} seal__conn_step;

struct seal__conn {
    seal_runtime *runtime;
    const seal__conn_ops *ops;
    void *owner;
    seal__list owned; /* for the owner's list of connections */
    seal__list dirty; /* in runtime->dirty */
    seal__conn_state state;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    uv_timer_t timer;
    uint64_t timer_ns; /* when the timer fires; UINT64_MAX: not armed */
    uint64_t alarm_ns; /* the owner's; UINT64_MAX: none */
    uint32_t handles_open;
    char address[128]; /* of the peer, for people */
    char *target;      /* client: whom it wants, for the secure channel; NULL: server */

    seal__auth_pool *pool; /* for steps */
    seal__conn_step *step; /* on a worker; NULL: none */
    bool has_stepped;      /* a step has ended, and what it caused may not have been sent yet */
    seal__secure_channel *secure;
    seal__session *session; /* from ESTABLISHED on */
    seal__session_options session_options;
    seal_peer *peer;

    uint32_t burst;  /* messages that come together, lately */
    uint64_t fed_ns; /* when the bytes that are being handled had come */
    seal__buf in;    /* the beginning of a message or record that is not complete */
    seal__outbox outbox;
    size_t last_write; /* bytes of the last write, when they were many */
    uint64_t taken;    /* by the peer's kernel, when it was looked at last */
    bool was_behind;   /* ... and there was more */
    seal__buf writing; /* what a uv_write is sending */
    uv_write_t write_request;
    int write_error; /* of libuv, before anybody could be told */
    bool write_active;
    bool delivering; /* the session's events are being told */
    bool silent;     /* the peer has not answered keepalive */
    bool read_paused;
    bool shutdown_started;
    const seal_error *renewal_logged; /* the last one: compared, never read */
    seal_error *error;                /* why it ends */
};

typedef struct seal__conn_options {
    const seal__conn_ops *ops;
    void *owner;
    seal__secure_config secure;
    seal__session_options session; /* outbox and alloc are set by the connection */
    seal__auth_pool *pool;
} seal__conn_options;

/* Makes a connection with a socket handle for the loop: conn->socket, to be connected or accepted
 * into. Returns 0 or a negative code. */
int seal__conn_new(seal_runtime *runtime, const seal__conn_options *options, bool is_unix,
                   seal__conn **ret_conn);

/* Takes a connected socket; on failure it is still the caller's. */
int seal__conn_open(seal__conn *conn, int fd);

/* The socket is connected: starts the handshake. May end the connection at once (closed is called).
 */
void seal__conn_start(seal__conn *conn);

/* By uv_hrtime; UINT64_MAX: none. Established connections only. */
void seal__conn_set_alarm(seal__conn *conn, uint64_t at_ns);

/* Something is in the outbox: it is sent before the loop sleeps. */
void seal__conn_mark_dirty(seal__conn *conn);
/* seal__session_send for a message that also stands in parts (NULL: it does not). If it can leave
 * now, it does so from there: sealed and written as far as the socket takes it, the rest copied.
 * Tells nobody of anything, so that handlers may call it. */
int seal__conn_send(seal__conn *conn, seal__stream *stream, const seal__parts *parts, size_t size,
                    seal__pack_fn *pack, const void *message, bool end);
/* Seals and writes now. */
void seal__conn_flush(seal__conn *conn);
/* The same, where something has been queued since the last time. */
void seal__conn_flush_dirty(seal__conn *conn);
/* Everything that was queued has been handed to the socket. */
bool seal__conn_is_drained(const seal__conn *conn);

/* Ends the connection: sends an authenticated close, calls closed, frees. `why` is taken; NULL:
 * orderly. Does nothing when it is ending already. */
void seal__conn_close(seal__conn *conn, seal__close_code code, seal_error *why);

/* ---- Between the conn_*.c files ---- */

void seal__conn_read_start(seal__conn *conn);
void seal__conn_read_stop(seal__conn *conn);
/* Tells the owner of all the session's events. */
void seal__conn_deliver(seal__conn *conn);
/* Carries on with bytes that waited for a step. */
void seal__conn_process_waiting(seal__conn *conn);
/* The connection failed: takes *error; tells the peer what it may know. */
void seal__conn_fail(seal__conn *conn, int code, seal_error *error);
/* Takes the next step of the mechanism to a worker, if there is one. */
void seal__conn_submit_steps(seal__conn *conn);
/* What a step has caused is out: gives idle threads something to do until the peer answers. */
void seal__conn_use_wait(seal__conn *conn);
/* All bytes are out: half-closes and waits for the peer, bounded. */
void seal__conn_finish_close(seal__conn *conn);
/* Closes the handles now. */
void seal__conn_drop(seal__conn *conn);
void seal__conn_arm_timer(seal__conn *conn);

#endif
