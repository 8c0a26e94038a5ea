/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends of a secure channel joined in memory, in simulated time, with a hand on the wire. */
#ifndef PAIR_H
#define PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secure/handshake.h"
#include "secure/record.h"
#include "secure/secure_channel.h"
#include "support/fake_mech.h"

#define SECOND UINT64_C(1000000000)

typedef struct pair_end {
    seal__secure_channel *channel; /* NULL when it could not be made */
    seal__secure_config config;
    seal__mech_source mechs; /* make NULL: the fake */
    fake_source source;
    seal__buf sent;   /* everything this end has ever sent */
    size_t delivered; /* how much of it the other end has been given */
    seal__buf in;     /* given to this end, not consumed */
    seal__buf data;   /* records received: u32 length and content of each */
    char events[256]; /* E, R, A (re-authenticated), C */
    int rc;           /* first failure */
    seal_error *error;
    uint16_t close_code;
    bool hold_steps; /* steps are left in `held` */
    seal__secure_step *held;
} pair_end;

typedef struct pair {
    pair_end client;
    pair_end server;
    uint64_t now;
    size_t chunk; /* bytes per delivery; 0: all */
    /* The bit that is flipped on the way, counted from the first bit that `flip_from` sends. */
    pair_end *flip_from;
    size_t flip_bit;
} pair;

/* Fills in configurations that work; change them before pair_start. */
void pair_init(pair *p);
/* With this suite and protection alone. */
void pair_init_as(pair *p, seal_suite suite, seal_level level);
/* pair_init_as with every suite and level in turn. */
enum { PAIR_VARIANTS = 8 };
void pair_init_variant(pair *p, size_t variant);
void pair_start(pair *p);
void pair_done(pair *p);
/* What an end has sent, at most `chunk` bytes of it, to the other one; false: there was nothing. */
bool pair_deliver(pair *p, pair_end *from);
/* Runs until nothing moves any more. */
void pair_pump(pair *p);
/* pair_start and pair_pump, and both ends must be established. */
void pair_connect(pair *p);

/* pair_start and pair_pump; neither is established, because one insists on mutual authentication.
 */
void pair_expect_not_mutual(pair *p);

/* One end: output to `sent`, steps run. */
void pair_settle(pair *p, pair_end *end);
/* Bytes to one end, whatever their origin. */
void pair_feed(pair *p, pair_end *end, const void *bytes, size_t len);
/* A record of content; returns what end returned, or -1 when begin failed. */
int pair_send(pair_end *end, const void *content, size_t len);
int pair_send_text(pair_end *end, const char *text);
pair_end *pair_other(pair *p, const pair_end *end);
/* The received contents, joined with '|', as text; static storage. */
const char *pair_text(const pair_end *end);
size_t pair_records(const pair_end *end);

extern const seal_suite pair_suites[4];

#endif
