/* SPDX-License-Identifier: Apache-2.0 */
/* Incoming connections: limits, the loop that serves them, handshake, and their place in the loop's
 * lists. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/server_internal.h"

/* ---- Log ---- */

static seal__log_limit *limit_of(seal__server_loop *loop, int code) {
    size_t i = 0;
    while (i < SEAL__SERVER_LOG_CAUSES - 1 && loop->log_limits[i].code != 0 &&
           loop->log_limits[i].code != code)
        i++;
    loop->log_limits[i].code = code;
    return &loop->log_limits[i].limit;
}

void seal__server_log_peer(seal__server_loop *loop, seal_log_level level, const char *address,
                           const seal_error *why) {
    seal__log_limit *limit = limit_of(loop, seal_error_get_code(why));
    uint64_t suppressed = limit->suppressed;
    if (!seal__log_allowed(limit, uv_hrtime()))
        return;
    const seal__log *log = seal__runtime_log(loop->runtime);
    if (suppressed > 0)
        seal__log_line(log, level,
                       "connection from %s refused: %s (%llu more like it were not logged)",
                       address, seal_error_message(why), (unsigned long long)suppressed);
    else
        seal__log_line(log, level, "connection from %s refused: %s", address,
                       seal_error_message(why));
}

/* ---- Connection ---- */

static void on_established(seal__conn *conn) {
    seal__server_conn *sc = conn->owner;
    seal__server_loop *loop = sc->loop;
    seal__server_admit_established(sc);
    seal__list_remove(&sc->node);
    seal__list_append(&loop->established, &sc->node);
    loop->n_half_open--;
    loop->n_established++;
    seal__count(&loop->stats.handshakes_completed, 1);
    seal__log_line(seal__runtime_log(loop->runtime), SEAL_LOG_DEBUG,
                   "%s connected from %s (%s, %s)", seal_peer_principal(conn->peer), conn->address,
                   seal_level_name(seal_peer_level(conn->peer)),
                   seal_suite_name(seal_peer_suite(conn->peer)));
    if (loop->stopping)
        seal__conn_close(conn, SEAL__CLOSE_GOING_AWAY, NULL);
    else
        seal__server_watch(sc);
}

static void on_event(seal__conn *conn, const seal__event *event) {
    seal__server_conn *sc = conn->owner;
    if (event->kind == SEAL__EVENT_HEADERS)
        sc->had_calls = true;
    seal__server_event(conn, event);
}

static void log_end(seal__server_loop *loop, const seal__conn *conn, bool established,
                    const seal_error *why) {
    if (why == NULL)
        return;
    if (!established)
        seal__server_log_peer(loop, SEAL_LOG_WARNING, conn->address, why);
    else if (seal__log_allowed(limit_of(loop, seal_error_get_code(why)), uv_hrtime()))
        seal__log_line(seal__runtime_log(loop->runtime),
                       seal_error_get_code(why) == SEAL_ERROR_TRUNCATED ? SEAL_LOG_DEBUG
                                                                        : SEAL_LOG_INFO,
                       "connection of %s from %s ended: %s", seal_peer_principal(conn->peer),
                       conn->address, seal_error_message(why));
}

static void on_closed(seal__conn *conn, const seal_error *why) {
    seal__server_conn *sc = conn->owner;
    seal__server_loop *loop = sc->loop;
    bool established = conn->peer != NULL;
    log_end(loop, conn, established, why);
    seal__list_remove(&sc->node);
    seal__server_detach_calls(sc);
    if (established) {
        loop->n_established--;
        seal__count(&loop->stats.connections_silent, conn->silent);
    } else {
        loop->n_half_open--;
        seal__count(&loop->stats.handshakes_failed, 1);
    }
    seal__calls_drop_peer(loop);
    seal__server_admit_end(sc);
    seal__release(seal__runtime_alloc(loop->runtime), sc);
    seal__server_maybe_stopped(loop);
}

static void on_drained(seal__conn *conn) {
    seal__server_note_idle(conn->owner);
    seal__server_maybe_close_idle(conn->owner);
}

static const seal__conn_ops conn_ops = {.established = on_established,
                                        .event = on_event,
                                        .drained = on_drained,
                                        .alarm = seal__server_on_alarm,
                                        .closed = on_closed};

static int make_mech(void *user, seal_mechanism mechanism, const char *target,
                     seal__mech **ret_mech, seal_error **reterr) {
    seal_server *server = user;
    return seal__gss_acceptor_context(server->acceptor, mechanism, target, ret_mech, reterr);
}

/* Where the windows of all streams come to more than the defaults, the rest grows with them. */
static void set_windows(const seal__server_config *config, seal__session_options *options) {
    uint64_t all = (uint64_t)config->stream_window * config->max_streams;
    options->stream_window = config->stream_window;
    if (all > SEAL__SERVER_WINDOWS) {
        options->connection_window = (uint32_t)all;
        options->max_buffered = all;
    }
}

static seal__conn *new_conn(seal__server_loop *loop, seal__server_conn *sc, bool is_unix) {
    seal_server *server = loop->server;
    seal_runtime *runtime = loop->runtime;
    seal__conn_options options = {.ops = &conn_ops, .owner = sc, .pool = runtime->acceptors};
    options.secure = server->config.secure;
    options.secure.alloc = seal__runtime_alloc(runtime);
    options.secure.mechs = (seal__mech_source){.make = make_mech, .user = server};
    memcpy(options.secure.instance_id, runtime->instance_id, sizeof runtime->instance_id);
    options.session.role = SEAL__SESSION_SERVER;
    options.session.max_streams = server->config.max_streams;
    options.session.max_message = server->config.max_request;
    options.session.keepalive_ns = server->config.keepalive_ns;
    options.session.keepalive_timeout_ns = server->config.keepalive_timeout_ns;
    options.session.keepalive_idle = true;
    set_windows(&server->config, &options.session);
    seal__conn *conn = NULL;
    return seal__conn_new(runtime, &options, is_unix, &conn) == 0 ? conn : NULL;
}

static void begin(seal__server_conn *sc) {
    seal__server_loop *loop = sc->loop;
    loop->n_half_open++;
    seal__list_append(&loop->half_open, &sc->node);
    seal__conn_start(sc->conn);
}

/* ---- Accepting ---- */

/* What counts as one source: an IPv4 address, an IPv6 /64; all unix sockets together. */
static void source_of(int fd, uint8_t source[16]) {
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof peer;
    memset(source, 0, 16);
    if (getpeername(fd, (struct sockaddr *)(void *)&peer, &len) != 0)
        return;
    if (peer.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&peer;
        memcpy(source, &in->sin_addr, 4);
    } else if (peer.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&peer;
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
            memcpy(source, in6->sin6_addr.s6_addr + 12, 4);
        else
            memcpy(source, in6->sin6_addr.s6_addr, 8);
    }
}

static seal__server_conn *new_server_conn(seal__server_loop *loop) {
    seal__server_conn *sc = seal__alloc_zeroed(seal__runtime_alloc(loop->runtime), 1, sizeof *sc);
    if (sc == NULL)
        return NULL;
    sc->server = loop->server;
    sc->loop = loop;
    seal__list_init(&sc->node);
    seal__list_init(&sc->by_source);
    return sc;
}

static bool admit(seal__server_conn *sc, const seal__listener *listener, int fd) {
    seal__server_loop *main = &sc->server->main;
    source_of(fd, sc->source);
    bool ok = seal__server_admit(sc, !seal__listener_is_unix(listener));
    seal__count(ok ? &main->stats.connections_accepted : &main->stats.connections_shed, 1);
    return ok;
}

/* On the first loop itself. Returns false when the connection still waits to be accepted. */
static bool accept_here(seal__server_loop *loop, seal__listener *listener) {
    const seal_allocator *alloc = seal__runtime_alloc(loop->runtime);
    seal__server_conn *sc = new_server_conn(loop);
    if (sc != NULL)
        sc->conn = new_conn(loop, sc, seal__listener_is_unix(listener));
    if (sc == NULL || sc->conn == NULL) {
        seal__release(alloc, sc);
        return false;
    }
    int fd = -1;
    if (seal__listener_accept(listener, sc->conn) < 0 ||
        uv_fileno(&sc->conn->socket.handle, &fd) != 0 || !admit(sc, listener, fd)) {
        seal__conn_drop(sc->conn);
        seal__release(alloc, sc);
        return true;
    }
    begin(sc);
    return true;
}

/* A connection on its way from the first loop to another one. */
typedef struct arrival {
    seal__task task;
    seal__server_conn *sc;
    int fd;
    bool is_unix;
    char address[sizeof(((seal__conn *)NULL)->address)];
} arrival;

static int take_over(arrival *a, seal__server_conn *sc) {
    sc->conn = new_conn(sc->loop, sc, a->is_unix);
    if (sc->conn == NULL || seal__conn_open(sc->conn, a->fd) < 0) {
        if (sc->conn != NULL)
            seal__conn_drop(sc->conn);
        close(a->fd);
        return SEAL_ERROR_NO_MEMORY;
    }
    memcpy(sc->conn->address, a->address, sizeof a->address);
    return 0;
}

/* On its loop. An order to drain comes after it. */
static void arrive(seal__task *task) {
    arrival *a = SEAL__CONTAINER_OF(task, arrival, task);
    seal__server_conn *sc = a->sc;
    seal__server_loop *loop = sc->loop;
    const seal_allocator *alloc = seal__runtime_alloc(loop->runtime);
    int rc = take_over(a, sc);
    seal__release(alloc, a);
    if (rc == 0) {
        begin(sc);
        return;
    }
    seal__count(&loop->stats.connections_shed, 1);
    seal__server_admit_end(sc);
    seal__release(alloc, sc);
}

static bool accept_for(seal__server_loop *loop, seal__listener *listener) {
    const seal_allocator *alloc = seal__runtime_alloc(loop->server->runtime);
    arrival *a = seal__alloc_zeroed(alloc, 1, sizeof *a);
    seal__server_conn *sc = new_server_conn(loop);
    if (a == NULL || sc == NULL ||
        seal__listener_take(listener, &a->fd, a->address, sizeof a->address) < 0) {
        seal__release(alloc, a);
        seal__release(alloc, sc);
        return false;
    }
    if (!admit(sc, listener, a->fd)) {
        close(a->fd);
        seal__release(alloc, a);
        seal__release(alloc, sc);
        return true;
    }
    a->task.run = arrive;
    a->sc = sc;
    a->is_unix = seal__listener_is_unix(listener);
    seal__runtime_queue(loop->runtime, &a->task);
    return true;
}

void seal__server_incoming(void *user, seal__listener *listener) {
    seal_server *server = user;
    seal__server_loop *loop =
        seal__server_is_full(server) ? NULL : seal__server_choose_loop(server);
    bool taken = loop != NULL &&
                 (loop == &server->main ? accept_here(loop, listener) : accept_for(loop, listener));
    if (taken)
        return;
    seal__count(&server->main.stats.connections_shed, 1);
    seal__listener_shed(listener);
}
