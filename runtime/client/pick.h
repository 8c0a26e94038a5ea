/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One round over a list of endpoints: which one is next, how long it may take, and what became of
 * those before it. No I/O; time is a parameter.
 */
#ifndef SEAL_CLIENT_PICK_H
#define SEAL_CLIENT_PICK_H

#include "naming/endpoints.h"

typedef struct seal__round seal__round;

/* Draws the order: see seal__endpoints_order. Keeps the list. NULL: out of memory. */
seal__round *seal__round_new(seal__endpoints *list, uint32_t (*random)(void *user, uint32_t bound),
                             void *user);
void seal__round_free(seal__round *round); /* NULL is allowed */
const seal__endpoints *seal__round_list(const seal__round *round);

/* Moves those for which it returns true behind the others. Before the first one is taken. */
void seal__round_defer(seal__round *round, bool (*defer)(void *user, const seal__endpoint *),
                       void *user);

/* The next endpoint that `current`, the newest list, still has with the same principal. It lives as
 * long as the round. NULL: there is none left. */
const seal__endpoint *seal__round_next(seal__round *round, const seal__endpoints *current);

/* How long the endpoint that was taken last may take, of the time that is left for the round: the
 * last one all of it, others a third, but at least SEAL__SHARE_MIN_NS. */
#define SEAL__SHARE_MIN_NS 2000000000u
uint64_t seal__round_share(const seal__round *round, uint64_t left_ns);

/* Remembers why an endpoint of this round was of no use. The error is copied. */
void seal__round_failed(seal__round *round, const seal__endpoint *endpoint,
                        const seal_error *error);

/* The most informative of these errors: about security before the protocol before the network.
 * NULL: nothing has failed. Borrowed. */
const seal_error *seal__round_error(const seal__round *round);
const seal__endpoint *seal__round_error_endpoint(const seal__round *round);

enum { SEAL__ROUND_TEXT = 4096 }; /* always enough for the following */
/* "TARGET: 3 endpoints were tried: PRINCIPAL at HOST:PORT: MESSAGE; ...", the most informative
 * first; what does not fit is counted. Something must have failed. */
void seal__round_describe(const seal__round *round, const char *target, char *text, size_t size);

#endif
