/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that are sent away without failing a call: the client is asked to make its new calls
 * elsewhere, and when it has heard that and the last call is over, the connection is closed. So end
 * connections that have grown old, those without calls, and all when the server stops.
 */
#include "secure/crypto/crypto.h"
#include "server/server_internal.h"

static seal__server_conn *conn_of(seal__list *node) {
    return SEAL__CONTAINER_OF(node, seal__server_conn, node);
}

void seal__server_drain_conn(seal__server_conn *sc, const char *text) {
    if (sc->draining)
        return;
    sc->draining = true;
    (void)seal__session_drain(sc->conn->session, SEAL__CLOSE_GOING_AWAY, text);
    seal__conn_mark_dirty(sc->conn); /* where it failed, the flush finds out */
}

/* Once everything is with the socket: a closed connection gives its last bytes little time. */
void seal__server_maybe_close_idle(seal__server_conn *sc) {
    if (sc->draining && seal__conn_is_drained(sc->conn) &&
        seal__session_is_drained(sc->conn->session))
        seal__conn_close(sc->conn, SEAL__CLOSE_GOING_AWAY, NULL);
}

/* ---- All of a loop's ---- */

static void close_all(seal__list *conns) {
    while (!seal__list_is_empty(conns))
        seal__conn_close(conn_of(conns->next)->conn, SEAL__CLOSE_GOING_AWAY, NULL);
}

void seal__server_drain_loop(seal__server_loop *loop) {
    loop->stopping = true;
    close_all(&loop->half_open);
    for (seal__list *node = loop->established.next; node != &loop->established; node = node->next)
        seal__server_drain_conn(conn_of(node), "the server is stopping");
    seal__server_maybe_stopped(loop);
}

/* A call that is answered, but not to the last byte, has not ended for its client. */
void seal__server_cut_loop(seal__server_loop *loop) {
    uint32_t n = 0;
    seal__server_refuse_queued(loop);
    for (seal__list *node = loop->established.next; node != &loop->established; node = node->next)
        n += seal__session_stream_count(conn_of(node)->conn->session);
    atomic_fetch_add(&loop->n_cut, n);
    close_all(&loop->established);
}

/* ---- Age and idleness ---- */

/* Give or take a tenth, so that connections that were made together do not end together. */
static uint64_t spread(uint64_t age_ns) {
    uint16_t dice = 0;
    if (seal__random((uint8_t *)&dice, sizeof dice) < 0)
        dice = UINT16_MAX / 2;
    uint64_t tenth = age_ns / 10;
    return age_ns - tenth + tenth / UINT16_MAX * 2 * dice;
}

static uint64_t idle_end(const seal__server_conn *sc, uint64_t now) {
    uint64_t idle_ns = sc->server->config.idle_ns;
    if (idle_ns == 0)
        return UINT64_MAX;
    return (sc->had_calls ? now : sc->idle_since_ns) + idle_ns;
}

static void set_alarm(seal__server_conn *sc, uint64_t now) {
    uint64_t at = idle_end(sc, now);
    seal__conn_set_alarm(sc->conn, at < sc->age_end_ns ? at : sc->age_end_ns);
}

void seal__server_watch(seal__server_conn *sc) {
    const seal__server_config *config = &sc->server->config;
    uint64_t now = uv_hrtime();
    sc->idle_since_ns = now;
    sc->age_end_ns = config->age_ns == 0 ? UINT64_MAX : now + spread(config->age_ns);
    set_alarm(sc, now);
}

void seal__server_note_idle(seal__server_conn *sc) {
    if (sc->server->config.idle_ns == 0 || !sc->had_calls ||
        seal__session_stream_count(sc->conn->session) > 0)
        return;
    sc->had_calls = false;
    sc->idle_since_ns = uv_hrtime();
}

static void send_away(seal__server_conn *sc, uint64_t now, const char *text) {
    uint64_t grace_ns = (uint64_t)sc->server->config.stop_grace_ms * 1000000u;
    seal__count(&sc->loop->stats.connections_drained_age, 1);
    seal__server_drain_conn(sc, text);
    seal__conn_set_alarm(sc->conn, now + grace_ns);
}

/* While the server stops, its own grace counts. */
void seal__server_on_alarm(seal__conn *conn) {
    seal__server_conn *sc = conn->owner;
    uint64_t now = uv_hrtime();
    if (sc->loop->stopping)
        return;
    if (sc->draining)
        seal__conn_close(conn, SEAL__CLOSE_GOING_AWAY, NULL);
    else if (now >= sc->age_end_ns)
        send_away(sc, now, "the connection has reached its greatest age");
    else if (now >= idle_end(sc, now))
        send_away(sc, now, "the connection has been idle for too long");
    else
        set_alarm(sc, now);
}

/* ---- The whole server, waiting for it ---- */

typedef struct drain_wait {
    uv_sem_t done;
    uint64_t n_cut;
} drain_wait;

static void on_stopped(seal_server *server, void *user) {
    drain_wait *wait = user;
    wait->n_cut = atomic_load(&server->main.n_cut);
    for (uint32_t i = 0; i + 1 < server->config.loops; i++)
        wait->n_cut += atomic_load(&server->crew->loops[i].n_cut);
    uv_sem_post(&wait->done);
}

int seal_server_drain(seal_server *server, uint32_t deadline_ms, seal_error **reterr) {
    if (server == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID, "server must not be NULL");
    if (seal__runtime_on_any_loop(server->runtime))
        return seal__error(reterr, SEAL_ERROR_WRONG_THREAD,
                           "seal_server_drain blocks; on a loop use seal_server_stop");
    drain_wait wait = {.n_cut = 0};
    if (uv_sem_init(&wait.done, 0) != 0)
        return seal__error(reterr, SEAL_ERROR_SYSTEM, "no semaphore");
    int rc = seal__server_ask_stop(server, deadline_ms, on_stopped, &wait);
    if (rc == 0)
        uv_sem_wait(&wait.done);
    uv_sem_destroy(&wait.done);
    if (rc < 0)
        return seal__error(reterr, rc, "cannot drain the server: %s", seal_error_code_text(rc));
    if (wait.n_cut > 0)
        return seal__error(
            reterr, SEAL_ERROR_TIMEOUT,
            "%llu calls had not ended after %u ms and were cancelled; give them more "
            "time, or their clients earlier deadlines",
            (unsigned long long)wait.n_cut, deadline_ms);
    return 0;
}
