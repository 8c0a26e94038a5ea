/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attacker on the wire: relays one connection between a client and a server, knows where
 * messages and records begin, and does one thing to one of them. Both directions are recorded.
 */
#ifndef SEAL_TESTS_INTEGRATION_RELAY_H
#define SEAL_TESTS_INTEGRATION_RELAY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RELAY_TO_SERVER = 0, RELAY_TO_CLIENT = 1, RELAY_MESSAGES = 256 };

typedef enum relay_action {
    RELAY_PASS,
    RELAY_FLIP, /* one bit of it, the header included */
    RELAY_DROP,
    RELAY_DUPLICATE,
    RELAY_SWAP,    /* with the one behind it */
    RELAY_REFLECT, /* back to its sender, too */
    RELAY_CUT      /* after `bytes` of it the stream ends, in both directions */
} relay_action;

/* What becomes of the bytes of a direction; may be changed at any time. */
typedef enum relay_flow {
    RELAY_FLOWS,
    RELAY_WAITS,    /* nothing is read */
    RELAY_TRICKLES, /* a little at a time, and not recorded */
    RELAY_SINKS     /* lost, and the end of the stream, too: a network that is gone */
} relay_flow;

typedef struct relay_plan {
    relay_action action;
    int direction;
    unsigned message; /* counted from 0 in its direction: hello, token, finished, then records */
    size_t bit;       /* modulo the message's length */
    size_t bytes;
} relay_plan;

typedef struct relay_side {
    int from;
    int to;
    bool ended;
    atomic_int flow; /* relay_flow */
    uint8_t *bytes;  /* everything received */
    size_t len;
    size_t cap;
    size_t taken; /* of them, passed on (or not) */
    unsigned n;   /* messages taken */
    size_t starts[RELAY_MESSAGES];
    uint8_t *kept; /* the message that waits for its successor */
    size_t kept_len;
} relay_side;

typedef struct relay {
    int listener;
    uint16_t port;
    uint16_t server_port;
    pthread_t thread;
    relay_plan plan;
    relay_side sides[2];
    atomic_bool acted; /* the plan was carried out */
    atomic_bool frozen;
} relay;

/* For both directions. */
void relay_set_flow(relay *r, relay_flow flow);
/* Accepts one connection; later ones are refused. */
void relay_start(relay *r, uint16_t server_port, const relay_plan *plan);
/* Waits until both ends have closed. */
void relay_join(relay *r);
void relay_free(relay *r);
/* Passes nothing on, and closes nothing, until it is thawed. */
void relay_freeze(relay *r);
void relay_thaw(relay *r);
/* Without a client: gives up listening. */
void relay_abort(relay *r);

#endif
