/* SPDX-License-Identifier: Apache-2.0 */
/* Random messages of any type, and random damage. The same seed gives the same. */
#ifndef SEAL_TESTS_CODEC_RANDOM_H
#define SEAL_TESTS_CODEC_RANDOM_H

#include "codec/codec.h"

typedef struct chance {
    uint64_t state;
    seal__arena memory; /* of the messages */
} chance;

void chance_init(chance *c, uint64_t seed);
/* Frees the messages. */
void chance_done(chance *c);

uint64_t chance_bits(chance *c);
size_t chance_below(chance *c, size_t end);

/* A message that may be packed, at most `depth` deep. */
ProtobufCMessage *chance_message(chance *c, const ProtobufCMessageDescriptor *type, unsigned depth);

/* Changes a few bytes, cuts, repeats, inserts. There is room for twice the length and 64 bytes. */
size_t chance_damage(chance *c, uint8_t *bytes, size_t len);

#endif
