/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: seal-bench-zmq-server SYSTEM [MAX_STREAMS]
 * An echo server with ZeroMQ: a ROUTER socket with the GSSAPI mechanism, which seals messages. The
 * library has its usual one thread for sockets and ciphers beside the one that echoes.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zmq_peer.h"

/* Ends every wait on a socket of the context. */
static void *wait_for_sigterm(void *context) {
    sigset_t signals;
    int number = 0;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigwait(&signals, &number);
    zmq_ctx_shutdown(context);
    return NULL;
}

static bool is_end(void) {
    if (zmq_errno() != ETERM)
        zmq_peer_die("echo");
    return true;
}

/* The parts of a message, the client's name first, go back as they are. */
static void serve(void *socket) {
    zmq_msg_t part;
    for (;;) {
        zmq_msg_init(&part);
        int rc = zmq_msg_recv(&part, socket, 0);
        if (rc >= 0)
            rc = zmq_msg_send(&part, socket, zmq_msg_more(&part) ? ZMQ_SNDMORE : 0);
        if (rc < 0 && is_end())
            break;
    }
    zmq_msg_close(&part);
}

/* No principal is set: with one, libzmq would want a ticket and not only the keytab. */
static void *listen_on_loopback(void *context) {
    char endpoint[64];
    size_t len = sizeof endpoint;
    void *socket = zmq_peer_socket(context, ZMQ_ROUTER);
    zmq_peer_set(socket, ZMQ_GSSAPI_SERVER, 1);
    zmq_peer_set(socket, ZMQ_BACKLOG, 4096);
    if (zmq_bind(socket, "tcp://127.0.0.1:*") < 0 ||
        zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &len) < 0)
        zmq_peer_die("cannot listen on 127.0.0.1");
    printf("port: %s\n", strrchr(endpoint, ':') + 1);
    fflush(stdout);
    return socket;
}

int main(void) {
    pthread_t watcher;
    peer_prepare_process();
    peer_block_sigterm();
    void *context = zmq_peer_context(1);
    void *socket = listen_on_loopback(context);
    if (pthread_create(&watcher, NULL, wait_for_sigterm, context) != 0)
        peer_die("cannot start", "no thread");
    serve(socket);
    pthread_join(watcher, NULL);
    zmq_close(socket);
    zmq_ctx_term(context);
    return 0;
}
