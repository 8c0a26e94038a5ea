/* SPDX-License-Identifier: Apache-2.0 */
#include "zmq_peer.h"

_Noreturn void zmq_peer_die(const char *what) {
    peer_die(what, zmq_strerror(zmq_errno()));
}

void *zmq_peer_context(unsigned sockets) {
    void *context = zmq_ctx_new();
    if (context == NULL)
        zmq_peer_die("zmq_ctx_new");
    if (!zmq_has("gssapi"))
        peer_die("libzmq", "this one was built without GSSAPI");
    if (sockets > ZMQ_MAX_SOCKETS_DFLT && zmq_ctx_set(context, ZMQ_MAX_SOCKETS, (int)sockets) < 0)
        zmq_peer_die("ZMQ_MAX_SOCKETS");
    return context;
}

void zmq_peer_set(void *socket, int option, int value) {
    if (zmq_setsockopt(socket, option, &value, sizeof value) < 0)
        zmq_peer_die("zmq_setsockopt");
}

void *zmq_peer_socket(void *context, int type) {
    void *socket = zmq_socket(context, type);
    if (socket == NULL)
        zmq_peer_die("zmq_socket");
    zmq_peer_set(socket, ZMQ_SNDHWM, 0);
    zmq_peer_set(socket, ZMQ_RCVHWM, 0);
    zmq_peer_set(socket, ZMQ_LINGER, 0);
    return socket;
}
