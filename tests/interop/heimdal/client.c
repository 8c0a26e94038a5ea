/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "greeter.h"

enum { HOST_MAX = 256, WHY_MAX = 256, CALL_S = 30 };

typedef struct client {
    const peer_options *options;
    connection conn;
    unsigned left; /* calls */
    seal_status status;
    char *reply;
    char why[WHY_MAX];
} client;

static void next_call(client *c) {
    static const uint64_t SECOND = UINT64_C(1000000000);
    seal__session *session = c->conn.session;
    seal__stream *stream = NULL;
    uint64_t now = connection_now(&c->conn);
    int rc = seal__session_open(session, now, GREETER_METHOD, now + CALL_S * SECOND, 0, c, &stream);
    if (rc == 0)
        rc = seal__session_send(session, stream, greeter_size(c->options->name), greeter_pack,
                                c->options->name, true);
    if (rc < 0)
        connection_fail(&c->conn, rc, NULL);
}

static void ended(client *c) {
    if (c->status == SEAL_STATUS_OK && --c->left > 0) {
        if (c->options->renew)
            connection_renew(&c->conn);
        else
            next_call(c);
    } else if (c->options->tampering == TAMPER_CLOSE)
        connection_cut(&c->conn);
    else
        connection_close(&c->conn);
}

static void on_ready(connection *conn) {
    next_call(conn->user);
}

static void on_event(connection *conn, const seal__event *event) {
    client *c = conn->user;
    switch (event->kind) {
    case SEAL__EVENT_MESSAGE:
        free(c->reply);
        c->reply = greeter_unpack(event->data, event->len);
        c->status = c->reply != NULL ? SEAL_STATUS_OK : SEAL_STATUS_INTERNAL;
        if (event->end)
            ended(c);
        return;
    case SEAL__EVENT_STATUS:
        c->status = event->status;
        snprintf(c->why, sizeof c->why, "%s", event->text);
        ended(c);
        return;
    case SEAL__EVENT_TOO_BIG:
    case SEAL__EVENT_EXPIRED:
        c->status = event->kind == SEAL__EVENT_EXPIRED ? SEAL_STATUS_DEADLINE_EXCEEDED
                                                       : SEAL_STATUS_RESOURCE_EXHAUSTED;
        ended(c);
        return;
    case SEAL__EVENT_NONE:
    case SEAL__EVENT_SETTINGS:
    case SEAL__EVENT_HEADERS:
    case SEAL__EVENT_END:
    case SEAL__EVENT_CANCELLED:
    case SEAL__EVENT_GOAWAY:
        return;
    }
}

/* ---- The socket ---- */

static int connect_any(const struct addrinfo *at) {
    for (; at != NULL; at = at->ai_next) {
        int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) == 0)
            return fd;
        if (fd >= 0)
            close(fd);
    }
    return -1;
}

static int open_socket(const char *address) {
    char host[HOST_MAX];
    const char *colon = strrchr(address, ':');
    if (colon == NULL || (size_t)(colon - address) >= sizeof host)
        return -1;
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = '\0';
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return -1;
    int fd = connect_any(found);
    freeaddrinfo(found);
    return fd;
}

static void run(connection *conn) {
    connection_settle(conn);
    while (conn->state != CONNECTION_OVER) {
        struct pollfd wanted = {.fd = conn->fd, .events = POLLIN};
        int n = poll(&wanted, 1, connection_poll_timeout(conn));
        if (n < 0 && errno != EINTR)
            return;
        if (n > 0)
            connection_read(conn);
        else
            connection_settle(conn);
    }
}

static int report(const client *c) {
    const connection *conn = &c->conn;
    if (conn->result < 0) {
        peer_report("error", conn->result, seal_error_message(conn->error));
        return 1;
    }
    if (c->left > 0) {
        printf("error: STATUS: %s %s\n", seal_status_name(c->status), c->why);
        return 1;
    }
    const seal__secure_info *info = seal__secure_get_info(conn->channel);
    printf("server: %s\nclient: %s\nprotection: %s (%s)\nreply: %s\n", info->peer, info->local,
           seal_level_name(info->level), seal_suite_name(info->suite), c->reply);
    return 0;
}

int client_run(const peer_options *options) {
    client c = {.options = options, .left = options->calls};
    static const connection_ops ops = {
        .established = on_ready, .event = on_event, .renewed = on_ready};
    int fd = open_socket(options->address);
    if (fd < 0) {
        printf("error: OTHER: cannot connect to %s\n", options->address);
        return 1;
    }
    if (connection_init(&c.conn, fd, &options->secure, &ops, &c, options->tampering) == 0)
        run(&c.conn);
    int status = report(&c);
    connection_done(&c.conn);
    free(c.reply);
    return status;
}
