/* SPDX-License-Identifier: Apache-2.0 */
/* The key schedule (docs/protocol.md, "Keys"). */
#ifndef SEAL_SECURE_KEYS_H
#define SEAL_SECURE_KEYS_H

#include "secure/crypto/crypto.h"

/* What a handshake leaves behind. Wipe it. */
typedef struct seal__secrets {
    uint8_t c_traffic[SEAL__HASH];
    uint8_t s_traffic[SEAL__HASH];
    uint8_t id[SEAL__HASH]; /* not secret: the channel's name */
} seal__secrets;

/* The inputs of the schedule. Wipe it. */
typedef struct seal__key_inputs {
    uint8_t transcript[SEAL__HASH];    /* after both Finished */
    uint8_t server_secret[SEAL__HASH]; /* from its Finished */
    uint8_t client_secret[SEAL__HASH];
    uint8_t shared[SEAL__SHARE]; /* X25519 */
} seal__key_inputs;

/* HKDF-Expand-Label of TLS 1.3 with the prefix "sealrpc1 " and an empty context. */
int seal__expand_label(const uint8_t secret[SEAL__HASH], const char *label, uint8_t *ret_out,
                       size_t len);

/* The same for several labels of one secret, which is cheaper. */
typedef struct seal__label {
    const char *text;
    uint8_t *out;
    size_t len;
} seal__label;
int seal__expand_labels(const uint8_t secret[SEAL__HASH], const seal__label *labels, size_t n);

int seal__derive_secrets(const seal__key_inputs *inputs, seal__secrets *ret_secrets);

#endif
