/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protection of records in one direction: keys, numbers, key update (docs/protocol.md, "Records").
 * Any failure of seal or open leaves the half unusable: the channel is dead.
 */
#ifndef SEAL_SECURE_RECORD_H
#define SEAL_SECURE_RECORD_H

#include "secure/mech.h"
#include "secure/suite.h"

typedef enum seal__record_type {
    SEAL__RECORD_DATA = 0x20,
    SEAL__RECORD_KEY_UPDATE = 0x21,
    SEAL__RECORD_CLOSE = 0x22,
    SEAL__RECORD_HANDSHAKE = 0x23
} seal__record_type;

/* No key protects more than this in one direction, whoever is sending. */
#define SEAL__KEY_MAX_RECORDS ((uint64_t)1 << 24)
#define SEAL__KEY_MAX_BYTES ((uint64_t)1 << 36)

typedef struct seal__half {
    const seal__suite *suite; /* NULL: not initialized */
    seal_level level;
    bool sealing;
    uint64_t number; /* of the next record under this key */
    uint64_t bytes;  /* bodies under this key */
    uint8_t secret[SEAL__HASH];
    uint8_t iv[SEAL__AEAD_NONCE];
    seal__aead aead;
    seal__hmac mac;   /* gss suite */
    seal__mech *mech; /* gss suite; borrowed */
} seal__half;

int seal__half_init(seal__half *half, const seal__suite *suite, seal_level level, bool sealing,
                    const uint8_t secret[SEAL__HASH], seal__mech *mech);
void seal__half_done(seal__half *half);

/* The key update: the next generation of keys, numbers from 0. */
int seal__half_update(seal__half *half);

/* Turns the bytes of `out` from `start` on, room for a header and content, into a record. `gather`:
 * the parts of the content that were only reserved; may be NULL. `scratch` is used by the gss
 * suite. */
int seal__half_seal(seal__half *half, seal__record_type type, seal__buf *out, size_t start,
                    const seal__gather *gather, seal__buf *scratch);

/* Opens a record where it stands (AEAD) or into `scratch` (gss). `record` begins with the header
 * and its body has body_len bytes. Parts of the content of an AEAD record may go elsewhere:
 * scatter->pieces says which have; scatter may be NULL. Codes: SEAL_ERROR_TAMPERED, PROTOCOL (too
 * short), TOO_BIG (key worn out). */
int seal__half_open(seal__half *half, uint8_t *record, size_t body_len, seal__scatter *scatter,
                    seal__buf *scratch, uint8_t **ret_content, size_t *ret_len);

#endif
