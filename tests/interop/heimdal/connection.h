/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: the runtime's secure channel and session over a blocking socket. The owner polls
 * the socket and says what happened; everything else, steps of the mechanism included, is done
 * inside these calls.
 */
#ifndef SEAL_INTEROP_CONNECTION_H
#define SEAL_INTEROP_CONNECTION_H

#include "secure/secure_channel.h"
#include "session/session.h"
#include "tamper.h"

typedef struct connection connection;

typedef struct connection_ops {
    void (*established)(connection *conn);
    void (*event)(connection *conn, const seal__event *event);
    void (*renewed)(connection *conn);
} connection_ops;

typedef enum connection_state {
    CONNECTION_HANDSHAKE,
    CONNECTION_OPEN,
    CONNECTION_LINGERING, /* has ended, and waits for the end of the peer's stream */
    CONNECTION_OVER
} connection_state;

struct connection {
    int fd;
    connection_state state;
    const connection_ops *ops;
    void *user;
    seal__secure_channel *channel;
    seal__session *session;
    seal__outbox outbox;
    seal__buf in;
    tamper tamper;
    uint64_t linger_until;
    uint64_t leapt; /* how far the connection's clock is ahead */
    bool renewing;
    bool draining;   /* server: it is over when the client has been sent away */
    unsigned served; /* the owner's */
    bool close_sent;
    int result; /* 0: ended in order */
    seal_error *error;
};

/* The connection's clock. */
uint64_t connection_now(const connection *conn);

/* Takes the socket over, also on failure. The config is copied, but for its strings. */
int connection_init(connection *conn, int fd, const seal__secure_config *config,
                    const connection_ops *ops, void *user, tamper_kind tampering);
void connection_done(connection *conn);

/* Carries on what needs no bytes of the peer: steps, deadlines, output. */
void connection_settle(connection *conn);
/* Reads once (the socket is readable, or has ended) and settles. */
void connection_read(connection *conn);
/* Milliseconds until connection_settle has to be called, as poll(2) takes them. */
int connection_poll_timeout(const connection *conn);

/* Client: re-authenticates now, which is when the channel means to do it anyway: the connection's
 * clock leaps there. Calls `renewed`, or the connection fails. */
void connection_renew(connection *conn);
/* Server: sends the client away, in two phases. */
void connection_drain(connection *conn);
/* CLOSE; the connection is over when the peer has answered. */
void connection_close(connection *conn);
/* Ends the stream as it is. */
void connection_cut(connection *conn);
/* Ends the connection because of an error, which it takes. */
void connection_fail(connection *conn, int code, seal_error *error);

#endif
