/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends in memory without a test framework: for fuzz targets and measurements. */
#ifndef PAIR_PLAIN_H
#define PAIR_PLAIN_H

#include "secure/channel_internal.h"
#include "support/fake_mech.h"

typedef struct plain_end {
    seal__secure_channel *channel;
    seal__secure_config config;
    fake_source source;
    seal__buf in;
    seal__buf out;
} plain_end;

typedef struct plain_pair {
    plain_end ends[2]; /* client, server */
    uint64_t now;
} plain_pair;

void plain_start(plain_pair *p, seal_suite suite, seal_level level);
/* So many deliveries in turn, the client's first. */
void plain_exchange(plain_pair *p, unsigned deliveries);
/* Bytes to one end; its steps are run, its output stays in `out`. */
void plain_feed(plain_pair *p, seal__role to, const uint8_t *bytes, size_t len);
/* A record of the other end, sealed as it should be, to this one. */
void plain_record(plain_pair *p, seal__role to, uint8_t type, const uint8_t *content, size_t len);
void plain_time(plain_pair *p, uint64_t ns);
void plain_done(plain_pair *p);

#endif
