/* SPDX-License-Identifier: Apache-2.0 */
/* Incoming connections: limits, handshake, and their place in the server's lists. */
#include <netinet/in.h>
#include <string.h>

#include "secure/crypto/crypto.h"
#include "server/server_internal.h"

/* ---- Log ---- */

static seal__log_limit *limit_of(seal_server *server, int code) {
    size_t i = 0;
    while (i < SEAL__SERVER_LOG_CAUSES - 1 && server->log_limits[i].code != 0 &&
           server->log_limits[i].code != code)
        i++;
    server->log_limits[i].code = code;
    return &server->log_limits[i].limit;
}

void seal__server_log_peer(seal_server *server, seal_log_level level, const char *address,
                           const seal_error *why) {
    seal__log_limit *limit = limit_of(server, seal_error_get_code(why));
    uint64_t suppressed = limit->suppressed;
    if (!seal__log_allowed(limit, uv_hrtime()))
        return;
    const seal__log *log = seal__runtime_log(server->runtime);
    if (suppressed > 0)
        seal__log_line(log, level,
                       "connection from %s refused: %s (%llu more like it were not logged)",
                       address, seal_error_message(why), (unsigned long long)suppressed);
    else
        seal__log_line(log, level, "connection from %s refused: %s", address,
                       seal_error_message(why));
}

/* ---- Limits ---- */

/* What counts as one source: an IPv4 address, an IPv6 /64; all unix sockets together. */
static void source_of(const seal__listener *listener, seal__conn *conn, uint8_t source[16]) {
    memset(source, 0, 16);
    struct sockaddr_storage peer;
    int len = (int)sizeof peer;
    if (seal__listener_is_unix(listener) ||
        uv_tcp_getpeername(&conn->socket.tcp, (struct sockaddr *)(void *)&peer, &len) != 0)
        return;
    if (peer.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&peer;
        memcpy(source, &in->sin_addr, 4);
        return;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&peer;
    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
        memcpy(source, in6->sin6_addr.s6_addr + 12, 4);
    else
        memcpy(source, in6->sin6_addr.s6_addr, 8);
}

static uint32_t half_open_from(const seal_server *server, const uint8_t source[16]) {
    uint32_t n = 0;
    for (const seal__list *node = server->half_open.next; node != &server->half_open;
         node = node->next) {
        const seal__server_conn *sc =
            (const seal__server_conn *)(const void *)((const char *)node -
                                                      offsetof(seal__server_conn, node));
        n += memcmp(sc->source, source, 16) == 0;
    }
    return n;
}

/* Random early drop, as sshd's MaxStartups: from a quarter of the limit on, with a probability that
 * rises from 30 % to 100 %, so that a flood does not shut everybody else out. */
static bool drop_early(const seal_server *server) {
    uint32_t max = server->config.max_half_open;
    uint32_t begin = max / 4;
    if (server->n_half_open >= max)
        return true;
    if (max < 16 || server->n_half_open < begin)
        return false;
    uint32_t percent = 30 + 70 * (server->n_half_open - begin) / (max - begin);
    uint8_t dice = 0;
    return seal__random(&dice, 1) < 0 || dice * 100u / 256u < percent;
}

static bool is_full(const seal_server *server) {
    return server->state != SEAL__SERVER_LISTENING ||
           server->n_half_open + server->n_established >= server->config.max_connections ||
           drop_early(server);
}

/* ---- Connection ---- */

static void on_established(seal__conn *conn) {
    seal__server_conn *sc = conn->owner;
    seal_server *server = sc->server;
    seal__list_remove(&sc->node);
    seal__list_append(&server->established, &sc->node);
    server->n_half_open--;
    server->n_established++;
    server->stats.handshakes_completed++;
    seal__log_line(seal__runtime_log(server->runtime), SEAL_LOG_DEBUG,
                   "%s connected from %s (%s, %s)", seal_peer_principal(conn->peer), conn->address,
                   seal_level_name(seal_peer_level(conn->peer)),
                   seal_suite_name(seal_peer_suite(conn->peer)));
    if (server->state != SEAL__SERVER_LISTENING)
        seal__conn_close(conn, SEAL__CLOSE_GOING_AWAY, NULL);
}

static void log_end(seal_server *server, const seal__conn *conn, bool established,
                    const seal_error *why) {
    if (why == NULL)
        return;
    if (!established)
        seal__server_log_peer(server, SEAL_LOG_WARNING, conn->address, why);
    else if (seal__log_allowed(limit_of(server, seal_error_get_code(why)), uv_hrtime()))
        seal__log_line(seal__runtime_log(server->runtime),
                       seal_error_get_code(why) == SEAL_ERROR_TRUNCATED ? SEAL_LOG_DEBUG
                                                                        : SEAL_LOG_INFO,
                       "connection of %s from %s ended: %s", seal_peer_principal(conn->peer),
                       conn->address, seal_error_message(why));
}

static void on_closed(seal__conn *conn, const seal_error *why) {
    seal__server_conn *sc = conn->owner;
    seal_server *server = sc->server;
    bool established = conn->peer != NULL;
    log_end(server, conn, established, why);
    seal__list_remove(&sc->node);
    seal__server_detach_calls(sc);
    if (established) {
        server->n_established--;
    } else {
        server->n_half_open--;
        server->stats.handshakes_failed++;
    }
    seal__release(seal__runtime_alloc(server->runtime), sc);
    seal__server_maybe_stopped(server);
}

static void on_drained(seal__conn *conn) {
    seal__server_maybe_close_idle(conn->owner);
}

static const seal__conn_ops conn_ops = {.established = on_established,
                                        .event = seal__server_event,
                                        .drained = on_drained,
                                        .closed = on_closed};

static int make_mech(void *user, seal_mechanism mechanism, const char *target,
                     seal__mech **ret_mech, seal_error **reterr) {
    seal_server *server = user;
    return seal__gss_acceptor_context(server->acceptor, mechanism, target, ret_mech, reterr);
}

static seal__conn *new_conn(seal_server *server, seal__server_conn *sc, bool is_unix) {
    seal_runtime *runtime = server->runtime;
    seal__conn_options options = {.ops = &conn_ops, .owner = sc, .pool = runtime->acceptors};
    options.secure = server->config.secure;
    options.secure.alloc = seal__runtime_alloc(runtime);
    options.secure.mechs = (seal__mech_source){.make = make_mech, .user = server};
    memcpy(options.secure.instance_id, runtime->instance_id, sizeof runtime->instance_id);
    options.session.role = SEAL__SESSION_SERVER;
    options.session.max_streams = server->config.max_streams;
    options.session.max_message = server->config.max_request;
    seal__conn *conn = NULL;
    return seal__conn_new(runtime, &options, is_unix, &conn) == 0 ? conn : NULL;
}

static void accept_into(seal_server *server, seal__listener *listener, seal__server_conn *sc) {
    if (seal__listener_accept(listener, sc->conn) < 0) {
        seal__conn_drop(sc->conn);
        seal__release(seal__runtime_alloc(server->runtime), sc);
        return;
    }
    source_of(listener, sc->conn, sc->source);
    bool is_unix = seal__listener_is_unix(listener);
    if (!is_unix && half_open_from(server, sc->source) >= server->config.max_half_open_per_source) {
        server->stats.connections_shed++;
        seal__conn_drop(sc->conn);
        seal__release(seal__runtime_alloc(server->runtime), sc);
        return;
    }
    server->stats.connections_accepted++;
    server->n_half_open++;
    seal__list_append(&server->half_open, &sc->node);
    seal__conn_start(sc->conn);
}

void seal__server_incoming(void *user, seal__listener *listener) {
    seal_server *server = user;
    const seal_allocator *alloc = seal__runtime_alloc(server->runtime);
    seal__server_conn *sc = is_full(server) ? NULL : seal__alloc_zeroed(alloc, 1, sizeof *sc);
    if (sc != NULL) {
        sc->server = server;
        seal__list_init(&sc->node);
        sc->conn = new_conn(server, sc, seal__listener_is_unix(listener));
    }
    if (sc == NULL || sc->conn == NULL) {
        seal__release(alloc, sc);
        server->stats.connections_shed++;
        seal__listener_shed(listener);
        return;
    }
    accept_into(server, listener, sc);
}
