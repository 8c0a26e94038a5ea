/* SPDX-License-Identifier: Apache-2.0 */
#include "relay.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

/* A change of `flow` or of `frozen` is noticed after LOOK_MS. */
enum { HEADER = 4, CHUNK = 65536, LOOK_MS = 20, ROOM = 64 * 1024 };

static void put(int fd, const uint8_t *bytes, size_t len) {
    it_send(fd, bytes, len);
}

static void flip(uint8_t *message, size_t len, size_t bit) {
    bit %= len * 8;
    message[bit / 8] ^= (uint8_t)(1u << (bit % 8));
}

static void cut(relay *r, relay_side *side, const uint8_t *message, size_t len) {
    put(side->to, message, r->plan.bytes < len ? r->plan.bytes : len);
    for (int i = 0; i < 2; i++)
        shutdown(r->sides[i].to, SHUT_WR);
}

static void keep(relay_side *side, const uint8_t *message, size_t len) {
    side->kept = malloc(len);
    side->kept_len = len;
    memcpy(side->kept, message, len);
}

/* The planned message: a copy, so that the record stays what was sent. */
static void act(relay *r, relay_side *side, const uint8_t *original, size_t len) {
    uint8_t *message = malloc(len);
    memcpy(message, original, len);
    atomic_store(&r->acted, true);
    switch (r->plan.action) {
    case RELAY_PASS:
        put(side->to, message, len);
        break;
    case RELAY_FLIP:
        flip(message, len, r->plan.bit);
        put(side->to, message, len);
        break;
    case RELAY_DROP:
        break;
    case RELAY_DUPLICATE:
        put(side->to, message, len);
        put(side->to, message, len);
        break;
    case RELAY_SWAP:
        keep(side, message, len);
        break;
    case RELAY_REFLECT:
        put(side->to, message, len);
        put(side->from, message, len);
        break;
    case RELAY_CUT:
        cut(r, side, message, len);
        break;
    }
    free(message);
}

static void pass(relay *r, relay_side *side, const uint8_t *message, size_t len) {
    bool is_planned = &r->sides[r->plan.direction] == side && side->n == r->plan.message;
    if (side->n < RELAY_MESSAGES)
        side->starts[side->n] = (size_t)(message - side->bytes);
    side->n++;
    if (is_planned && r->plan.action != RELAY_PASS) {
        act(r, side, message, len);
        return;
    }
    put(side->to, message, len);
    if (side->kept != NULL) {
        put(side->to, side->kept, side->kept_len);
        free(side->kept);
        side->kept = NULL;
    }
}

static void take_messages(relay *r, relay_side *side) {
    while (side->len - side->taken >= HEADER) {
        const uint8_t *m = side->bytes + side->taken;
        size_t len = HEADER + ((size_t)m[0] << 16 | (size_t)m[1] << 8 | m[2]);
        if (side->len - side->taken < len)
            return;
        side->taken += len;
        pass(r, side, m, len);
    }
}

static void receive(relay_side *side) {
    if (side->cap - side->len < CHUNK) {
        side->cap = side->cap * 2 + CHUNK;
        side->bytes = realloc(side->bytes, side->cap);
    }
    ssize_t n = read(side->from, side->bytes + side->len, CHUNK);
    bool is_lost = atomic_load(&side->flow) == RELAY_SINKS;
    if (n <= 0) {
        side->ended = true;
        if (!is_lost)
            shutdown(side->to, SHUT_WR);
        return;
    }
    if (is_lost)
        return;
    side->len += (size_t)n;
}

/* To grow what has become large takes so long, with a sanitizer on a busy machine, that it looks
 * like a peer that has gone. */
static void forget_taken(relay_side *side) {
    side->len -= side->taken;
    memmove(side->bytes, side->bytes + side->taken, side->len);
    side->taken = 0;
}

void relay_set_flow(relay *r, relay_flow flow) {
    for (int i = 0; i < 2; i++)
        atomic_store(&r->sides[i].flow, (int)flow);
}

static bool is_read(relay_side *side) {
    return !side->ended && atomic_load(&side->flow) != RELAY_WAITS;
}

static void *run(void *arg) {
    relay *r = arg;
    int client = accept(r->listener, NULL, NULL);
    close(r->listener);
    if (client < 0)
        return NULL;
    int server = it_connect(r->server_port);
    int room = ROOM; /* what waits in here is no delay that the ends could not see */
    setsockopt(server, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    r->sides[RELAY_TO_SERVER].from = r->sides[RELAY_TO_CLIENT].to = client;
    r->sides[RELAY_TO_SERVER].to = r->sides[RELAY_TO_CLIENT].from = server;
    while (!r->sides[0].ended || !r->sides[1].ended) {
        struct pollfd fds[2];
        for (int i = 0; i < 2; i++)
            fds[i] = (struct pollfd){.fd = is_read(&r->sides[i]) ? r->sides[i].from : -1,
                                     .events = POLLIN};
        poll(fds, 2, LOOK_MS);
        while (atomic_load(&r->frozen))
            poll(NULL, 0, 1);
        for (int i = 0; i < 2; i++) {
            if (fds[i].revents != 0 && is_read(&r->sides[i]))
                receive(&r->sides[i]);
            /* It may have been told to wait meanwhile, before what was read was sent. */
            if (atomic_load(&r->sides[i].flow) != RELAY_WAITS)
                take_messages(r, &r->sides[i]);
            if (atomic_load(&r->sides[i].flow) == RELAY_TRICKLES) {
                forget_taken(&r->sides[i]);
                poll(NULL, 0, LOOK_MS);
            }
        }
    }
    close(client);
    close(server);
    return NULL;
}

void relay_start(relay *r, uint16_t server_port, const relay_plan *plan) {
    memset(r, 0, sizeof *r);
    r->server_port = server_port;
    if (plan != NULL)
        r->plan = *plan;
    r->listener = it_listen(&r->port);
    assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
}

void relay_join(relay *r) {
    assert_int_equal(pthread_join(r->thread, NULL), 0);
}

void relay_freeze(relay *r) {
    atomic_store(&r->frozen, true);
}

void relay_thaw(relay *r) {
    atomic_store(&r->frozen, false);
}

void relay_abort(relay *r) {
    shutdown(r->listener, SHUT_RDWR);
}

void relay_free(relay *r) {
    for (int i = 0; i < 2; i++) {
        free(r->sides[i].bytes);
        free(r->sides[i].kept);
    }
}
