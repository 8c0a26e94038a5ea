/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call/details.h"
#include "extras.h"
#include "greeter.h"
#include "wire/metadata.h"

enum { MAX_CONNECTIONS = 64, PATH_SIZE = 4096, DRAIN_AFTER = 5, RETRY_AFTER_MS = 1500 };

typedef struct server {
    const peer_options *options;
    int listener;
    connection *conns[MAX_CONNECTIONS];
    struct pollfd polled[MAX_CONNECTIONS + 1];
    size_t n_conns;
} server;

static volatile sig_atomic_t stopped;

static void on_signal(int number) {
    (void)number;
    stopped = 1;
}

/* ---- Calls ---- */

static char *greeting(const char *name, const char *principal) {
    size_t size = strlen(name) + strlen(principal) + sizeof "Hello, ! You are .";
    char *text = malloc(size);
    if (text != NULL)
        snprintf(text, size, "Hello, %s! You are %s.", name, principal);
    return text;
}

/* What the client has marked to come back with the status. Kept at the stream until then. */
static void keep_trailing(seal__stream *stream, seal_bytes metadata) {
    seal__buf *trailing = malloc(sizeof *trailing);
    if (trailing == NULL)
        abort();
    seal__buf_init(trailing, &seal__default_allocator, SEAL__METADATA_MAX);
    extras_pick(metadata, "trailing-", trailing);
    seal__stream_set_user(stream, trailing);
}

static void release_trailing(seal__stream *stream) {
    seal__buf *trailing = seal__stream_user(stream);
    if (trailing != NULL)
        seal__buf_done(trailing);
    free(trailing);
    seal__stream_set_user(stream, NULL);
}

static void finish(connection *conn, seal__stream *stream, seal_status status,
                   seal_execution execution, const char *text) {
    release_trailing(stream);
    int rc = seal__session_finish(conn->session, stream, status, execution, text);
    if (rc < 0)
        connection_fail(conn, rc, NULL);
}

static void add_detail(seal__buf *details, const char *type, const char *text) {
    uint8_t *message = malloc(greeter_size(text) + 1);
    if (message == NULL)
        abort();
    greeter_pack(text, message);
    seal__details_add(details, type, message, greeter_size(text));
    free(message);
}

/* A failure with all that one can have: two details, and advice. */
static int refuse(connection *conn, seal__stream *stream, const char *name, seal_bytes trailing) {
    seal__buf details;
    seal__buf_init(&details, &seal__default_allocator, SEAL__DETAILS_MAX);
    add_detail(&details, "demo.HelloReply", seal__secure_get_info(conn->channel)->peer);
    add_detail(&details, "demo.HelloRequest", name);
    const seal__ending ending = {.status = SEAL_STATUS_NOT_FOUND,
                                 .execution = SEAL_EXECUTED,
                                 .text = "I do not know you.",
                                 .metadata = trailing,
                                 .details = {details.data, details.len},
                                 .has_retry_after = true,
                                 .retry_after_ms = RETRY_AFTER_MS};
    int rc = seal__session_finish_with(conn->session, stream, &ending);
    seal__buf_done(&details);
    return rc;
}

static int greet(connection *conn, seal__stream *stream, const char *name, seal_bytes trailing) {
    char *text = greeting(name, seal__secure_get_info(conn->channel)->peer);
    if (text == NULL)
        return SEAL_ERROR_NO_MEMORY;
    int rc = seal__session_send(conn->session, stream, greeter_size(text), greeter_pack, text,
                                trailing.len == 0);
    free(text);
    const seal__ending ending = {
        .status = SEAL_STATUS_OK, .execution = SEAL_EXECUTED, .metadata = trailing};
    if (rc == 0 && trailing.len > 0)
        rc = seal__session_finish_with(conn->session, stream, &ending);
    return rc;
}

static int answer(connection *conn, seal__stream *stream, const char *name) {
    const seal__buf *kept = seal__stream_user(stream);
    seal_bytes trailing = {kept->data, kept->len};
    if (name == NULL)
        return seal__session_finish(conn->session, stream, SEAL_STATUS_INVALID_ARGUMENT,
                                    SEAL_NOT_EXECUTED, "the request cannot be decoded");
    return strcmp(name, "nobody") == 0 ? refuse(conn, stream, name, trailing)
                                       : greet(conn, stream, name, trailing);
}

static void say_hello(connection *conn, const seal__event *event) {
    const server *s = conn->user;
    if (s->options->tampering == TAMPER_CLOSE) {
        connection_cut(conn);
        return;
    }
    char *name = greeter_unpack(event->data, event->len);
    seal__buf *trailing = seal__stream_user(event->stream);
    int rc = answer(conn, event->stream, name);
    seal__buf_done(trailing);
    free(trailing);
    free(name);
    if (rc < 0)
        connection_fail(conn, rc, NULL);
    else if (++conn->served == DRAIN_AFTER && s->options->drain)
        connection_drain(conn);
}

static void send_initial(connection *conn, const seal__event *event) {
    seal__buf initial;
    seal__buf_init(&initial, &seal__default_allocator, SEAL__METADATA_MAX);
    extras_pick(event->metadata, "initial-", &initial);
    int rc = initial.len == 0
                 ? 0
                 : seal__session_send_metadata(conn->session, event->stream,
                                               (seal_bytes){initial.data, initial.len});
    seal__buf_done(&initial);
    if (rc < 0)
        connection_fail(conn, rc, NULL);
}

static void on_headers(connection *conn, const seal__event *event) {
    static const uint64_t US = 1000;
    uint64_t now = connection_now(conn);
    uint64_t timeout = event->timeout_us;
    uint64_t deadline = timeout > (UINT64_MAX - now) / US ? UINT64_MAX : now + timeout * US;
    if (strcmp(event->method->name, GREETER_METHOD) != 0) {
        finish(conn, event->stream, SEAL_STATUS_UNIMPLEMENTED, SEAL_NOT_EXECUTED, "no such method");
        return;
    }
    seal__stream_limit(event->stream, 0, deadline, conn->session);
    keep_trailing(event->stream, event->metadata);
    send_initial(conn, event);
}

static void on_event(connection *conn, const seal__event *event) {
    switch (event->kind) {
    case SEAL__EVENT_HEADERS:
        on_headers(conn, event);
        return;
    case SEAL__EVENT_MESSAGE:
        say_hello(conn, event);
        return;
    case SEAL__EVENT_END:
        finish(conn, event->stream, SEAL_STATUS_INVALID_ARGUMENT, SEAL_NOT_EXECUTED, "no message");
        return;
    case SEAL__EVENT_TOO_BIG:
        finish(conn, event->stream, SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_NOT_EXECUTED,
               "the message is too big");
        return;
    case SEAL__EVENT_CANCELLED:
    case SEAL__EVENT_EXPIRED:
        finish(conn, event->stream, SEAL_STATUS_CANCELLED, SEAL_NOT_EXECUTED, NULL);
        return;
    case SEAL__EVENT_NONE:
    case SEAL__EVENT_SETTINGS:
    case SEAL__EVENT_STATUS:
    case SEAL__EVENT_GOAWAY:
    case SEAL__EVENT_METADATA:
    case SEAL__EVENT_WRITABLE:
        return;
    }
}

/* ---- Connections ---- */

static void accept_one(server *s) {
    static const connection_ops ops = {.event = on_event};
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    connection *conn = s->n_conns < MAX_CONNECTIONS ? calloc(1, sizeof *conn) : NULL;
    if (conn == NULL) {
        close(fd);
        return;
    }
    connection_init(conn, fd, &s->options->secure, &ops, s, s->options->tampering);
    s->conns[s->n_conns++] = conn;
}

static void drop(server *s, size_t i) {
    connection *conn = s->conns[i];
    peer_report("end", conn->result, conn->error != NULL ? seal_error_message(conn->error) : "");
    size_t cursor = 0;
    seal__stream *stream = NULL;
    while (conn->session != NULL &&
           (stream = seal__session_next_stream(conn->session, &cursor)) != NULL)
        release_trailing(stream);
    connection_done(conn);
    free(conn);
    s->conns[i] = s->conns[--s->n_conns];
}

static int wait_for_events(server *s, const sigset_t *unblocked) {
    int timeout = -1;
    s->polled[MAX_CONNECTIONS] = (struct pollfd){.fd = s->listener, .events = POLLIN};
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        s->polled[i] = (struct pollfd){.fd = -1};
        if (i >= s->n_conns)
            continue;
        s->polled[i] = (struct pollfd){.fd = s->conns[i]->fd, .events = POLLIN};
        int mine = connection_poll_timeout(s->conns[i]);
        if (timeout < 0 || (mine >= 0 && mine < timeout))
            timeout = mine;
    }
    struct timespec time = {.tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000L};
    return ppoll(s->polled, MAX_CONNECTIONS + 1, timeout < 0 ? NULL : &time, unblocked);
}

static void serve(server *s, const sigset_t *unblocked) {
    while (!stopped) {
        int n = wait_for_events(s, unblocked);
        if (n < 0 && errno != EINTR)
            return;
        if (n < 0)
            continue;
        for (size_t i = s->n_conns; i-- > 0;) {
            if (s->polled[i].revents != 0)
                connection_read(s->conns[i]);
            else
                connection_settle(s->conns[i]);
            if (s->conns[i]->state == CONNECTION_OVER)
                drop(s, i);
        }
        if (s->polled[MAX_CONNECTIONS].revents != 0)
            accept_one(s);
    }
}

/* ---- The listener ---- */

static int listen_anywhere(unsigned *ret_port) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct sockaddr *generic = (struct sockaddr *)(void *)&address;
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, generic, len) < 0 || listen(fd, MAX_CONNECTIONS) < 0 ||
        getsockname(fd, generic, &len) < 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static bool announce(const char *path, unsigned port) {
    char fresh[PATH_SIZE];
    int n = snprintf(fresh, sizeof fresh, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof fresh)
        return false;
    FILE *file = fopen(fresh, "w");
    if (file == NULL)
        return false;
    bool written = fprintf(file, "%u\n", port) > 0;
    return fclose(file) == 0 && written && rename(fresh, path) == 0;
}

static void catch_signals(sigset_t *ret_unblocked) {
    sigset_t ours;
    const struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigprocmask(SIG_BLOCK, &ours, ret_unblocked);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

int server_run(const peer_options *options) {
    server s = {.options = options};
    sigset_t unblocked;
    unsigned port = 0;
    catch_signals(&unblocked);
    s.listener = listen_anywhere(&port);
    if (s.listener < 0 || !announce(options->port_file, port)) {
        fprintf(stderr, "seal-interop-heimdal: cannot listen, or write %s: %s\n",
                options->port_file, strerror(errno));
        return 1;
    }
    serve(&s, &unblocked);
    while (s.n_conns > 0) {
        connection_cut(s.conns[s.n_conns - 1]);
        drop(&s, s.n_conns - 1);
    }
    close(s.listener);
    return 0;
}
