/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a channel may try to connect again after it has failed. How long depends on the cause: a
 * server that restarts is back soon, while credentials do not mend themselves. Pure: time and
 * chance are parameters.
 */
#ifndef SEAL_CLIENT_BACKOFF_H
#define SEAL_CLIENT_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

/* The shortest waits first. */
typedef enum seal__backoff_cause {
    SEAL__BACKOFF_NONE = 0,
    SEAL__BACKOFF_NETWORK, /* 100 ms, x1.6, up to 5 s */
    SEAL__BACKOFF_AWAY,    /* KDC or directory: 500 ms, x1.6, up to 10 s */
    SEAL__BACKOFF_REFUSED  /* somebody must act: 1 s, x2, up to 30 s */
} seal__backoff_cause;

/* A connection that has lived so long, or has carried a call, ends the row of failures. */
#define SEAL__BACKOFF_LIVED_NS 1000000000u
/* A call that comes meanwhile waits when no more than this is left: 1 s, and the fifth that chance
 * may add, so that the first wait of every cause is one that calls wait for. */
#define SEAL__BACKOFF_PATIENCE_NS 1200000000u

/* All zero: nothing has failed. */
typedef struct seal__backoff {
    seal__backoff_cause cause; /* the best of the round under way */
    uint64_t interval_ns;      /* of the last failure, without jitter; 0: none */
    uint64_t until_ns;         /* no attempt before */
    uint64_t connected_ns;     /* since when there is a connection; 0: there is none */
    uint32_t short_lived;      /* connections in a row */
} seal__backoff;

/* Of a SEAL_ERROR_*. */
seal__backoff_cause seal__backoff_cause_of(int code);

/* An endpoint was of no use. Where several were tried the most hopeful of the causes counts. */
void seal__backoff_saw(seal__backoff *backoff, int code);
/* The round is over without a connection. random: any number. */
void seal__backoff_failed(seal__backoff *backoff, uint64_t now_ns, uint32_t random);
/* Nothing before this time, whatever else: the servers have asked for it. */
void seal__backoff_not_before(seal__backoff *backoff, uint64_t until_ns);

void seal__backoff_connected(seal__backoff *backoff, uint64_t now_ns);
/* A call has succeeded. */
void seal__backoff_proved(seal__backoff *backoff);
/* The connection was given up from this end. */
void seal__backoff_left(seal__backoff *backoff);
/* The connection is gone. The next attempt may begin at once, unless connections are made and lost
 * again and again. */
void seal__backoff_lost(seal__backoff *backoff, uint64_t now_ns, uint32_t random);

/* There is something new to try: the wait is over, but the next one will be no shorter. */
void seal__backoff_skip(seal__backoff *backoff);
/* 0: an attempt may begin. */
uint64_t seal__backoff_rest_ns(const seal__backoff *backoff, uint64_t now_ns);

#endif
