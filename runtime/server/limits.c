/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections there are, half-open and in all, from one source and at one loop. Exact over
 * all loops, because only the first one admits: for the others the numbers can only go down. */
#include <string.h>

#include "secure/crypto/crypto.h"
#include "server/server_internal.h"

int seal__server_limits_init(seal__server_limits *limits) {
    for (size_t i = 0; i < SEAL__SERVER_SOURCES; i++)
        seal__list_init(&limits->half_open[i]);
    return uv_mutex_init(&limits->lock) == 0 ? 0 : SEAL_ERROR_SYSTEM;
}

void seal__server_limits_done(seal__server_limits *limits) {
    uv_mutex_destroy(&limits->lock);
}

/* Random early drop, as sshd's MaxStartups: from a quarter of the limit on, with a probability that
 * rises from 30 % to 100 %, so that a flood does not shut everybody else out. */
static bool drop_early(uint32_t n, uint32_t max) {
    uint32_t begin = max / 4;
    if (n >= max)
        return true;
    if (max < 16 || n < begin)
        return false;
    uint32_t percent = 30 + 70 * (n - begin) / (max - begin);
    uint8_t dice = 0;
    return seal__random(&dice, 1) < 0 || dice * 100u / 256u < percent;
}

bool seal__server_is_full(seal_server *server) {
    seal__server_limits *limits = &server->limits;
    uv_mutex_lock(&limits->lock);
    uint32_t n_open = limits->n_open;
    uint32_t n_half_open = limits->n_half_open;
    uv_mutex_unlock(&limits->lock);
    return server->state != SEAL__SERVER_LISTENING || n_open >= server->config.max_connections ||
           drop_early(n_half_open, server->config.max_half_open);
}

seal__server_loop *seal__server_choose_loop(seal_server *server) {
    seal__server_loop *best = &server->main;
    seal__server_loop *loop = NULL;
    uv_mutex_lock(&server->limits.lock);
    for (uint32_t i = 1; (loop = seal__server_loop_at(server, i)) != NULL; i++) {
        if (loop->n_given < best->n_given)
            best = loop;
    }
    uv_mutex_unlock(&server->limits.lock);
    return best;
}

static seal__list *sources_of(seal__server_limits *limits, const uint8_t source[16]) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < 16; i++)
        hash = (hash ^ source[i]) * 16777619u;
    return &limits->half_open[hash % SEAL__SERVER_SOURCES];
}

static uint32_t count_source(const seal__list *conns, const uint8_t source[16]) {
    uint32_t n = 0;
    for (const seal__list *node = conns->next; node != conns; node = node->next) {
        const seal__server_conn *sc =
            (const seal__server_conn *)(const void *)((const char *)node -
                                                      offsetof(seal__server_conn, by_source));
        n += memcmp(sc->source, source, 16) == 0;
    }
    return n;
}

bool seal__server_admit(seal__server_conn *sc, bool limit_source) {
    seal__server_limits *limits = &sc->server->limits;
    seal__list *same = sources_of(limits, sc->source);
    uv_mutex_lock(&limits->lock);
    bool ok = !limit_source ||
              count_source(same, sc->source) < sc->server->config.max_half_open_per_source;
    if (ok) {
        seal__list_append(same, &sc->by_source);
        limits->n_open++;
        limits->n_half_open++;
        sc->loop->n_given++;
    }
    uv_mutex_unlock(&limits->lock);
    return ok;
}

static void leave_half_open(seal__server_limits *limits, seal__server_conn *sc) {
    if (seal__list_is_empty(&sc->by_source))
        return;
    seal__list_remove(&sc->by_source);
    limits->n_half_open--;
}

void seal__server_admit_established(seal__server_conn *sc) {
    seal__server_limits *limits = &sc->server->limits;
    uv_mutex_lock(&limits->lock);
    leave_half_open(limits, sc);
    uv_mutex_unlock(&limits->lock);
}

void seal__server_admit_end(seal__server_conn *sc) {
    seal__server_limits *limits = &sc->server->limits;
    uv_mutex_lock(&limits->lock);
    leave_half_open(limits, sc);
    limits->n_open--;
    sc->loop->n_given--;
    uv_mutex_unlock(&limits->lock);
}

uint32_t seal__server_open_count(seal_server *server) {
    uv_mutex_lock(&server->limits.lock);
    uint32_t n = server->limits.n_open;
    uv_mutex_unlock(&server->limits.lock);
    return n;
}
