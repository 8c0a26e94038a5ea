/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets. Loop thread only, but for the limit on sources, which is pure. */
#ifndef SEAL_NET_LISTEN_H
#define SEAL_NET_LISTEN_H

#include "net/conn.h"
#include "net/resolve.h"

typedef struct seal__listener seal__listener;

/* A connection waits to be accepted: make one and call seal__listener_accept, or
 * seal__listener_shed. */
typedef void seal__incoming_fn(void *user, seal__listener *listener);

/* Binds and listens. A stale unix socket, to which nobody listens, is replaced. Returns 0 or
 * SEAL_ERROR_ADDRESS. */
int seal__listener_new(seal_runtime *runtime, const struct sockaddr *addr, socklen_t len,
                       seal__incoming_fn *incoming, void *user, seal__listener **ret_listener,
                       seal_error **reterr);
/* Closes it and removes its unix socket; the memory goes later. NULL is allowed. */
void seal__listener_close(seal__listener *listener);

bool seal__listener_is_unix(const seal__listener *listener);
/* 0 for unix sockets. */
uint16_t seal__listener_port(const seal__listener *listener);
/* For the log. */
const char *seal__listener_address(const seal__listener *listener);

/* Accepts into conn and fills in its address. Returns 0 or a negative code. */
int seal__listener_accept(seal__listener *listener, seal__conn *conn);
/* Accepts for another loop: a descriptor that is the caller's, and an address for people. */
int seal__listener_take(seal__listener *listener, int *ret_fd, char *address, size_t size);
/* Accepts and closes at once. */
void seal__listener_shed(seal__listener *listener);

#endif
