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

#include "extras.h"
#include "greeter.h"

enum { HOST_MAX = 256, WHY_MAX = 256, CALL_S = 30 };

typedef struct client {
    const peer_options *options;
    connection conn;
    unsigned left;  /* calls */
    bool draining;  /* calls go on until the server sends this end away */
    bool sent_away; /* the server takes no more calls on this connection */
    bool again;     /* connect once more */
    seal_status status;
    seal_execution execution;
    char *reply;
    char why[WHY_MAX];
    FILE *rest; /* what else the server said of the last call, in lines: */
    char *lines;
    size_t lines_len;
} client;

static void forget_rest(client *c) {
    if (c->rest != NULL)
        fclose(c->rest);
    free(c->lines);
    c->rest = open_memstream(&c->lines, &c->lines_len);
    if (c->rest == NULL)
        abort();
}

static void next_call(client *c) {
    static const uint64_t SECOND = UINT64_C(1000000000);
    seal__session *session = c->conn.session;
    seal__stream *stream = NULL;
    uint64_t now = connection_now(&c->conn);
    const seal__buf *metadata = &c->options->metadata;
    const seal__open with = {.method = GREETER_METHOD,
                             .deadline_ns = now + CALL_S * SECOND,
                             .wanted = SEAL__READ_ALL,
                             .metadata = {metadata->data, metadata->len},
                             .user = c};
    forget_rest(c);
    int rc = seal__session_open_call(session, now, &with, &stream);
    if (rc == 0)
        rc = seal__session_send(session, stream, greeter_size(c->options->name), greeter_pack,
                                c->options->name, true);
    if (rc < 0)
        connection_fail(&c->conn, rc, NULL);
}

static void ended(client *c) {
    if (c->draining && c->sent_away)
        c->draining = false;
    else if (!c->draining && c->status == SEAL_STATUS_OK)
        c->left--;
    if (c->status == SEAL_STATUS_OK && c->left > 0) {
        c->again = c->sent_away;
        if (c->again)
            connection_close(&c->conn);
        else if (c->options->renew)
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
        c->execution = event->execution;
        extras_print(c->rest, "trailing", event->metadata);
        extras_print_details(c->rest, event->details);
        if (event->has_retry_after)
            fprintf(c->rest, "retry-after: %u\n", event->retry_after_ms);
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
    case SEAL__EVENT_WRITABLE:
        return;
    case SEAL__EVENT_METADATA:
        extras_print(c->rest, "initial", event->metadata);
        return;
    case SEAL__EVENT_GOAWAY:
        c->sent_away = true;
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
    if (c->rest != NULL)
        fflush(c->rest);
    const char *rest = c->rest != NULL ? c->lines : "";
    if (c->left > 0) {
        printf("error: STATUS: %s %s\ncode: %d\nexecution: %d\n%s", seal_status_name(c->status),
               c->why, (int)c->status, (int)c->execution, rest);
        return 1;
    }
    const seal__secure_info *info = seal__secure_get_info(conn->channel);
    printf("server: %s\nclient: %s\nprotection: %s (%s)\nreply: %s\n%s", info->peer, info->local,
           seal_level_name(info->level), seal_suite_name(info->suite), c->reply, rest);
    return 0;
}

/* One connection, from its beginning to its end. Returns the exit status, of the last one. */
static int connect_once(client *c) {
    static const connection_ops ops = {
        .established = on_ready, .event = on_event, .renewed = on_ready};
    c->again = false;
    c->sent_away = false;
    int fd = open_socket(c->options->address);
    if (fd < 0) {
        printf("error: OTHER: cannot connect to %s\n", c->options->address);
        return 1;
    }
    if (connection_init(&c->conn, fd, &c->options->secure, &ops, c, c->options->tampering) == 0)
        run(&c->conn);
    c->again = c->again && c->conn.result == 0;
    int status = c->again ? 0 : report(c);
    connection_done(&c->conn);
    return status;
}

int client_run(const peer_options *options) {
    client c = {.options = options, .left = options->calls, .draining = options->until_drained};
    int status = 0;
    do
        status = connect_once(&c);
    while (c.again);
    free(c.reply);
    if (c.rest != NULL)
        fclose(c.rest);
    free(c.lines);
    return status;
}
