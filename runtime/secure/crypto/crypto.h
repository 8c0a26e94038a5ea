/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The primitives of the secure channel. The only folder that includes OpenSSL's headers. Every
 * function that can fail returns 0 or a negative seal_error_code, and leaves OpenSSL's error queue
 * empty.
 *
 * Thread-safe in the sense that different objects may be used on different threads.
 */
#ifndef SEAL_SECURE_CRYPTO_CRYPTO_H
#define SEAL_SECURE_CRYPTO_CRYPTO_H

#include "base/gather.h"
#include "base/scatter.h"

enum {
    SEAL__HASH = 32,  /* SHA-256 */
    SEAL__SHARE = 32, /* X25519 */
    SEAL__AEAD_KEY_MAX = 32,
    SEAL__AEAD_NONCE = 12,
    SEAL__AEAD_TAG = 16
};

/* ---- AEAD ---- */

typedef enum seal__aead_kind {
    SEAL__AEAD_AES256_GCM = 0,
    SEAL__AEAD_AES128_GCM = 1,
    SEAL__AEAD_CHACHA20_POLY1305 = 2
} seal__aead_kind;

/* One key in one direction. */
typedef struct seal__aead {
    void *ctx; /* NULL: not initialized */
    seal__aead_kind kind;
    bool sealing;
    bool quick; /* how the nonce is set */
} seal__aead;

/* False when this build of OpenSSL does not have it (FIPS providers lack ChaCha20). */
bool seal__aead_available(seal__aead_kind kind);
size_t seal__aead_key_size(seal__aead_kind kind);

/* The aead is zeroed or was done. */
int seal__aead_init(seal__aead *aead, seal__aead_kind kind, bool sealing, const uint8_t *key);
void seal__aead_done(seal__aead *aead);
int seal__aead_rekey(seal__aead *aead, const uint8_t *key);

/* Encrypts data where it stands. A nonce is used once for a key; the caller sees to it. */
int seal__aead_seal(seal__aead *aead, const uint8_t nonce[SEAL__AEAD_NONCE], seal_bytes aad,
                    uint8_t *data, size_t len, uint8_t ret_tag[SEAL__AEAD_TAG]);
/* The same where parts of data are still elsewhere: they come to stand in it encrypted. gather may
 * be NULL. */
int seal__aead_seal_with(seal__aead *aead, const uint8_t nonce[SEAL__AEAD_NONCE], seal_bytes aad,
                         uint8_t *data, size_t len, const seal__gather *gather,
                         uint8_t ret_tag[SEAL__AEAD_TAG]);
/* Decrypts data where it stands. SEAL_ERROR_TAMPERED: the data has been wiped. */
int seal__aead_open(seal__aead *aead, const uint8_t nonce[SEAL__AEAD_NONCE], seal_bytes aad,
                    uint8_t *data, size_t len, const uint8_t tag[SEAL__AEAD_TAG]);
/* The same where parts of data go elsewhere; these have been wiped, too. scatter may be NULL. */
int seal__aead_open_with(seal__aead *aead, const uint8_t nonce[SEAL__AEAD_NONCE], seal_bytes aad,
                         uint8_t *data, size_t len, seal__scatter *scatter,
                         const uint8_t tag[SEAL__AEAD_TAG]);

/* ---- SHA-256, HMAC, HKDF ---- */

typedef struct seal__sha256 {
    void *ctx;
    void *copy; /* for peek */
} seal__sha256;

int seal__sha256_init(seal__sha256 *hash);
void seal__sha256_done(seal__sha256 *hash);
int seal__sha256_update(seal__sha256 *hash, const void *bytes, size_t len);
/* The digest of what has been added so far; more may be added. */
int seal__sha256_peek(seal__sha256 *hash, uint8_t ret_digest[SEAL__HASH]);

/* HMAC-SHA-256 with one key, for many messages. */
typedef struct seal__hmac {
    void *ctx; /* NULL: not initialized */
} seal__hmac;

int seal__hmac_init(seal__hmac *hmac, const uint8_t *key, size_t len);
void seal__hmac_done(seal__hmac *hmac);
/* Of the concatenation of the parts. */
int seal__hmac_compute(seal__hmac *hmac, const seal_bytes *parts, size_t n_parts,
                       uint8_t ret_mac[SEAL__HASH]);

/* RFC 5869. */
int seal__hkdf_extract(seal_bytes salt, seal_bytes ikm, uint8_t ret_prk[SEAL__HASH]);
int seal__hkdf_expand(const uint8_t prk[SEAL__HASH], seal_bytes info, uint8_t *ret_okm, size_t len);
/* The same, for several expansions of one key: `prk` is initialized with it. */
int seal__hkdf_expand_with(seal__hmac *prk, seal_bytes info, uint8_t *ret_okm, size_t len);

/* ---- X25519 (RFC 7748) ---- */

typedef struct seal__x25519 {
    void *key; /* NULL: not initialized */
    uint8_t share[SEAL__SHARE];
} seal__x25519;

int seal__x25519_new_key(seal__x25519 *pair);
int seal__x25519_from_private(seal__x25519 *pair, const uint8_t private_key[32]);
void seal__x25519_done(seal__x25519 *pair);
/* SEAL_ERROR_AUTHENTICATION when the peer's share is our own, or one that makes the secret all
 * zero. */
int seal__x25519_derive(const seal__x25519 *pair, const uint8_t peer[SEAL__SHARE],
                        uint8_t ret_secret[SEAL__SHARE]);

/* ---- Other ---- */

int seal__random(uint8_t *bytes, size_t len);
/* Frees what the library keeps for this thread, which uses it no more. A thread that is not waited
 * for may end after the library has. */
void seal__crypto_thread_end(void);
/* Takes the same time whatever the bytes are. */
bool seal__equal(const void *a, const void *b, size_t len);

#endif
