/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

typedef union any_socket {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
} any_socket;

struct seal__listener {
    any_socket socket;
    any_socket shed;  /* takes a connection that is refused: needs no memory */
    bool is_shedding; /* shed is being closed */
    bool shed_again;  /* another one waits for it meanwhile */
    bool is_closed;   /* socket is closed */
    seal_runtime *runtime;
    seal__incoming_fn *incoming;
    void *user;
    char address[128];
    char unix_path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1]; /* "": nothing to remove */
    uint16_t port;
    bool is_unix;
};

static void maybe_release(seal__listener *listener) {
    seal_runtime *runtime = listener->runtime;
    if (!listener->is_closed || listener->is_shedding)
        return;
    seal__release(seal__runtime_alloc(runtime), listener);
    seal__runtime_let_go(runtime);
}

static void on_closed(uv_handle_t *handle) {
    seal__listener *listener = handle->data;
    listener->is_closed = true;
    maybe_release(listener);
}

static void on_connection(uv_stream_t *server, int status) {
    seal__listener *listener = server->data;
    if (status == 0)
        listener->incoming(listener->user, listener);
}

/* Removes a socket file that nobody listens to any more. */
static void remove_stale(const struct sockaddr_un *un, socklen_t len) {
    struct stat st;
    if (un->sun_path[0] == '\0' || lstat(un->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)(const void *)un, len) < 0 && errno == ECONNREFUSED)
        unlink(un->sun_path);
    close(fd);
}

static int bind_unix(seal__listener *listener, const struct sockaddr *addr, socklen_t len) {
    const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)addr;
    remove_stale(un, len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return uv_translate_sys_error(errno);
    if (bind(fd, addr, len) < 0) {
        int rc = uv_translate_sys_error(errno);
        close(fd);
        return rc;
    }
    if (un->sun_path[0] != '\0')
        snprintf(listener->unix_path, sizeof listener->unix_path, "%s", un->sun_path);
    return uv_pipe_open(&listener->socket.pipe, fd);
}

static int bind_tcp(seal__listener *listener, const struct sockaddr *addr) {
    /* The IPv4 half of all interfaces is an address of its own. */
    unsigned flags = addr->sa_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0;
    int rc = uv_tcp_bind(&listener->socket.tcp, addr, flags);
    struct sockaddr_storage bound;
    int len = (int)sizeof bound;
    if (rc == 0)
        rc = uv_tcp_getsockname(&listener->socket.tcp, (struct sockaddr *)(void *)&bound, &len);
    if (rc != 0)
        return rc;
    /* Port and family stand at the same place in both kinds of address. */
    listener->port = ntohs(((const struct sockaddr_in *)(const void *)&bound)->sin_port);
    seal__address_format((const struct sockaddr *)(const void *)&bound, (socklen_t)len,
                         listener->address, sizeof listener->address);
    return 0;
}

static int init_handle(seal__listener *listener, any_socket *sock) {
    uv_loop_t *loop = listener->runtime->loop;
    int rc = listener->is_unix ? uv_pipe_init(loop, &sock->pipe, 0) : uv_tcp_init(loop, &sock->tcp);
    sock->handle.data = listener;
    return rc;
}

static const char *remedy_of(int rc) {
    switch (rc) {
    case UV_EADDRINUSE:
        return "; somebody else listens there (ss -lp shows who): stop that, or take another one";
    case UV_EADDRNOTAVAIL:
        return "; this machine has no such address: ip address shows those that it has";
    case UV_EACCES:
        return "; take a port above 1023 and a folder that may be written, or give this program "
               "the right";
    default:
        return "";
    }
}

int seal__listener_new(seal_runtime *runtime, const struct sockaddr *addr, socklen_t len,
                       seal__incoming_fn *incoming, void *user, seal__listener **ret_listener,
                       seal_error **reterr) {
    const seal_allocator *alloc = seal__runtime_alloc(runtime);
    seal__listener *listener = seal__alloc_zeroed(alloc, 1, sizeof *listener);
    if (listener == NULL)
        return seal__error_no_memory(reterr);
    listener->runtime = runtime;
    listener->incoming = incoming;
    listener->user = user;
    listener->is_unix = addr->sa_family == AF_UNIX;
    seal__address_format(addr, len, listener->address, sizeof listener->address);
    int rc = init_handle(listener, &listener->socket);
    if (rc != 0) {
        seal__release(alloc, listener);
        return seal__error(reterr, SEAL_ERROR_SYSTEM, "cannot make a socket: %s", uv_strerror(rc));
    }
    seal__runtime_hold(runtime);
    rc = listener->is_unix ? bind_unix(listener, addr, len) : bind_tcp(listener, addr);
    if (rc == 0)
        rc = uv_listen(&listener->socket.stream, BACKLOG, on_connection);
    if (rc != 0) {
        int code = seal__error(reterr, SEAL_ERROR_ADDRESS, "cannot listen on %s: %s%s",
                               listener->address, uv_strerror(rc), remedy_of(rc));
        seal__listener_close(listener);
        return code;
    }
    *ret_listener = listener;
    return 0;
}

void seal__listener_close(seal__listener *listener) {
    if (listener == NULL)
        return;
    if (listener->unix_path[0] != '\0')
        unlink(listener->unix_path);
    uv_close(&listener->socket.handle, on_closed);
}

bool seal__listener_is_unix(const seal__listener *listener) {
    return listener->is_unix;
}

uint16_t seal__listener_port(const seal__listener *listener) {
    return listener->port;
}

const char *seal__listener_address(const seal__listener *listener) {
    return listener->address;
}

static void describe(const seal__listener *listener, const uv_tcp_t *tcp, char *address,
                     size_t size) {
    struct sockaddr_storage peer;
    int len = (int)sizeof peer;
    if (listener->is_unix)
        snprintf(address, size, "%s", listener->address);
    else if (uv_tcp_getpeername(tcp, (struct sockaddr *)(void *)&peer, &len) == 0)
        seal__address_format((const struct sockaddr *)(const void *)&peer, (socklen_t)len, address,
                             size);
    else
        snprintf(address, size, "a peer that is gone");
}

int seal__listener_accept(seal__listener *listener, seal__conn *conn) {
    if (uv_accept(&listener->socket.stream, &conn->socket.stream) != 0)
        return SEAL_ERROR_TRANSPORT;
    describe(listener, &conn->socket.tcp, conn->address, sizeof conn->address);
    return 0;
}

/* A handle belongs to its loop for ever, so the descriptor is duplicated for the other one. */
typedef struct taken {
    any_socket socket;
    seal_runtime *runtime;
} taken;

static void on_taken_closed(uv_handle_t *handle) {
    taken *t = handle->data;
    seal_runtime *runtime = t->runtime;
    seal__release(seal__runtime_alloc(runtime), t);
    seal__runtime_let_go(runtime);
}

int seal__listener_take(seal__listener *listener, int *ret_fd, char *address, size_t size) {
    seal_runtime *runtime = listener->runtime;
    taken *t = seal__alloc_zeroed(seal__runtime_alloc(runtime), 1, sizeof *t);
    if (t == NULL)
        return SEAL_ERROR_NO_MEMORY;
    if (init_handle(listener, &t->socket) != 0) {
        seal__release(seal__runtime_alloc(runtime), t);
        return SEAL_ERROR_SYSTEM;
    }
    t->runtime = runtime;
    t->socket.handle.data = t;
    seal__runtime_hold(runtime);
    int fd = -1;
    int copy = -1;
    int rc = uv_accept(&listener->socket.stream, &t->socket.stream);
    if (rc == 0) {
        describe(listener, &t->socket.tcp, address, size);
        rc = uv_fileno(&t->socket.handle, &fd);
    }
    if (rc == 0)
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    uv_close(&t->socket.handle, on_taken_closed);
    *ret_fd = copy;
    return copy >= 0 ? 0 : SEAL_ERROR_TRANSPORT;
}

static void on_shed(uv_handle_t *handle) {
    seal__listener *listener = handle->data;
    bool again = listener->shed_again && !uv_is_closing(&listener->socket.handle);
    listener->is_shedding = false;
    listener->shed_again = false;
    if (again)
        seal__listener_shed(listener);
    maybe_release(listener);
}

/* libuv takes no further connection before this one is accepted, so it must be, whatever the state
 * of memory. */
void seal__listener_shed(seal__listener *listener) {
    if (listener->is_shedding) {
        listener->shed_again = true;
        return;
    }
    init_handle(listener, &listener->shed);
    listener->is_shedding = true;
    uv_accept(&listener->socket.stream, &listener->shed.stream);
    uv_close(&listener->shed.handle, on_shed);
}
