/* SPDX-License-Identifier: Apache-2.0 */
/* What the server and the client of ZeroMQ have in common. */
#ifndef SEAL_BENCH_ZMQ_H
#define SEAL_BENCH_ZMQ_H

#include <zmq.h>

#include "bench/peers/common/peer.h"

/* Ends the program with the reason ZeroMQ has for the last failure. */
_Noreturn void zmq_peer_die(const char *what);

/* A context for so many sockets; ends the program when libzmq has no GSSAPI. */
void *zmq_peer_context(unsigned sockets);
/* A socket without limits on its queues, which gives up what is queued when it is closed. */
void *zmq_peer_socket(void *context, int type);
void zmq_peer_set(void *socket, int option, int value);

#endif
