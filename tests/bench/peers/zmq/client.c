/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: seal-bench-zmq-client SYSTEM PORT SERVER_PID LOAD SECONDS [CALLS]
 * Puts one load on seal-bench-zmq-server. All connections belong to one DEALER socket, which takes
 * them in turn: with a socket for each, waiting for them costs more than the calls. Connections
 * that come and go (handshake-nN) have sockets of their own. One thread carries the load; the
 * library has its usual one beside it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "zmq_peer.h"

/* A call in flight. Its number says which slot it is in, because answers tell nothing else. */
typedef struct slot {
    uint64_t number;
    uint64_t started_ns;
    void *socket; /* NULL: none at present */
    int fd;
} slot;

enum { SLOT_BITS = 12 };
_Static_assert(BENCH_MAX_IN_FLIGHT <= 1 << SLOT_BITS, "a slot's number has to fit");

static void *context;
static slot *slots;
static unsigned in_flight;
static int epoll = -1; /* of the sockets' descriptors, where each call has its own */

/* ---- Connections ---- */

static void *open_socket(void) {
    static const char service[] = "bench/localhost";
    void *socket = zmq_peer_socket(context, ZMQ_DEALER);
    zmq_peer_set(socket, ZMQ_RCVTIMEO, PEER_TIMEOUT_S * 1000);
    zmq_peer_set(socket, ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE, ZMQ_GSSAPI_NT_KRB5_PRINCIPAL);
    if (zmq_setsockopt(socket, ZMQ_GSSAPI_SERVICE_PRINCIPAL, service, strlen(service)) < 0)
        zmq_peer_die("ZMQ_GSSAPI_SERVICE_PRINCIPAL");
    return socket;
}

/* A socket does not connect twice to the same endpoint, so each further connection is from another
 * address of this host. */
static void add_connection(const peer_client *client, void *socket, unsigned i) {
    char source[32] = "";
    char endpoint[64];
    if (i > 0)
        snprintf(source, sizeof source, "127.1.%u.%u:0;", i / 250, i % 250 + 1);
    snprintf(endpoint, sizeof endpoint, "tcp://%s127.0.0.1:%u", source, client->port);
    if (zmq_connect(socket, endpoint) < 0)
        zmq_peer_die("cannot connect");
}

static void watch(slot *self, int operation) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = self};
    if (epoll_ctl(epoll, operation, self->fd, &event) < 0)
        peer_die("epoll_ctl", strerror(errno));
}

static void open_own(const peer_client *client, slot *self) {
    size_t len = sizeof self->fd;
    self->socket = open_socket();
    add_connection(client, self->socket, 0);
    if (zmq_getsockopt(self->socket, ZMQ_FD, &self->fd, &len) < 0)
        zmq_peer_die("ZMQ_FD");
    watch(self, EPOLL_CTL_ADD);
}

static void close_own(slot *self) {
    watch(self, EPOLL_CTL_DEL);
    zmq_close(self->socket);
    self->socket = NULL;
}

/* ---- Calls ---- */

static void send_call(const peer_client *client, void *socket, uint64_t number) {
    zmq_msg_t request;
    if (zmq_msg_init_size(&request, client->load.size) < 0)
        zmq_peer_die("memory");
    peer_fill(client, number, zmq_msg_data(&request));
    if (zmq_msg_send(&request, socket, 0) < 0)
        zmq_peer_die("cannot send");
}

static void start_call(peer_client *client, slot *self, uint64_t now) {
    uint64_t number = 0;
    if (!peer_begin_call(client, &number))
        return;
    if (self->socket == NULL)
        open_own(client, self);
    self->number = number << SLOT_BITS | (uint64_t)(self - slots);
    self->started_ns = now;
    in_flight++;
    send_call(client, self->socket, self->number);
}

static slot *find_slot(const peer_client *client, zmq_msg_t *reply) {
    bool numbered = zmq_msg_size(reply) >= BENCH_MARK;
    uint64_t number = numbered ? bench_payload_number(zmq_msg_data(reply)) : UINT64_MAX;
    uint64_t i = number & ((1 << SLOT_BITS) - 1);
    if (!numbered || i >= client->load.in_flight)
        peer_die("echo", "an answer to no call");
    peer_check(client, slots[i].number, zmq_msg_data(reply), zmq_msg_size(reply));
    return &slots[i];
}

static void end_call(peer_client *client, zmq_msg_t *reply) {
    slot *self = find_slot(client, reply);
    uint64_t now = bench_now_ns();
    in_flight--;
    self->number = UINT64_MAX;
    bench_window_count(&client->window, self->started_ns, now, 1);
    if (client->load.kind == BENCH_HANDSHAKE)
        close_own(self);
    start_call(client, self, now);
}

_Noreturn static void die_of_silence(void) {
    peer_die("no answer", "ZeroMQ does not say why; see klist, and klist -k for the server");
}

/* Takes an answer and starts the call that follows. False: there is none. */
static bool take_answer(peer_client *client, void *socket, int flags) {
    zmq_msg_t reply;
    zmq_msg_init(&reply);
    int rc = zmq_msg_recv(&reply, socket, flags);
    if (rc < 0 && zmq_errno() != EAGAIN)
        zmq_peer_die("cannot receive");
    if (rc < 0 && flags == 0)
        die_of_silence();
    if (rc >= 0)
        end_call(client, &reply);
    zmq_msg_close(&reply);
    return rc >= 0;
}

/* ---- Loads ---- */

static void start_calls(peer_client *client) {
    bench_window_start(&client->window, &client->load, client->server, client->seconds,
                       client->calls);
    for (unsigned i = 0; i < client->load.in_flight; i++)
        start_call(client, &slots[i], bench_now_ns());
}

/* One call on each connection, so that all are authenticated before anything is measured. */
static void warm_up(const peer_client *client, void *socket) {
    unsigned n = client->load.connections;
    for (unsigned i = 0; i < n; i++)
        send_call(client, socket, i);
    for (unsigned i = 0; i < n; i++) {
        zmq_msg_t reply;
        zmq_msg_init(&reply);
        if (zmq_msg_recv(&reply, socket, 0) < 0)
            die_of_silence();
        zmq_msg_close(&reply);
    }
}

static void run_calls(peer_client *client) {
    void *socket = open_socket();
    for (unsigned i = 0; i < client->load.connections; i++)
        add_connection(client, socket, i);
    if (client->calls == 0)
        warm_up(client, socket);
    for (unsigned i = 0; i < client->load.in_flight; i++)
        slots[i].socket = socket;
    start_calls(client);
    while (in_flight > 0)
        take_answer(client, socket, 0);
    zmq_close(socket);
}

/* The descriptor of a socket tells only what was not looked at since, so everything is taken. */
static void take_answers(peer_client *client, const slot *self) {
    while (self->socket != NULL && take_answer(client, self->socket, ZMQ_DONTWAIT))
        continue;
}

static void wait_for_answers(peer_client *client) {
    struct epoll_event events[64];
    int n = epoll_wait(epoll, events, 64, PEER_TIMEOUT_S * 1000);
    if (n == 0)
        die_of_silence();
    for (int i = 0; i < n; i++)
        take_answers(client, events[i].data.ptr);
}

static void run_handshakes(peer_client *client) {
    epoll = epoll_create1(EPOLL_CLOEXEC);
    start_calls(client);
    for (unsigned i = 0; i < client->load.in_flight; i++)
        take_answers(client, &slots[i]);
    while (in_flight > 0)
        wait_for_answers(client);
    close(epoll);
}

/* ---- Idle connections ---- */

static void *open_idle(peer_client *client) {
    zmq_msg_t reply;
    void *socket = open_socket();
    add_connection(client, socket, 0);
    send_call(client, socket, 0);
    zmq_msg_init(&reply);
    if (zmq_msg_recv(&reply, socket, 0) < 0)
        die_of_silence();
    peer_check(client, 0, zmq_msg_data(&reply), zmq_msg_size(&reply));
    zmq_msg_close(&reply);
    return socket;
}

static void close_idle(peer_client *client, void *socket) {
    (void)client;
    zmq_close(socket);
}

int main(int argc, char **argv) {
    static const peer_idle_ops idle_ops = {.open = open_idle, .close = close_idle, .files_each = 2};
    static peer_client client;
    peer_client_init(&client, argc, argv, BENCH_MAX_SIZE,
                     1 << BENCH_ECHO | 1 << BENCH_HANDSHAKE | 1 << BENCH_IDLE);
    context = zmq_peer_context(client.load.connections + 200);
    slots = peer_alloc(client.load.in_flight, sizeof *slots);
    if (client.load.kind == BENCH_IDLE)
        peer_run_idle(&client, &idle_ops);
    else if (client.load.kind == BENCH_HANDSHAKE)
        run_handshakes(&client);
    else
        run_calls(&client);
    if (client.load.kind != BENCH_IDLE)
        peer_print_window(&client);
    free(slots);
    zmq_ctx_term(context);
    peer_client_done(&client);
    return 0;
}
