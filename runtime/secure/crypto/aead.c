/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/crypto/crypto.h"

#include "base/alloc.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <pthread.h>
#include <sealrpc/error.h>

static const struct {
    const char *name;
    size_t key_size;
} kinds[] = {
    [SEAL__AEAD_AES256_GCM] = {"AES-256-GCM", 32},
    [SEAL__AEAD_AES128_GCM] = {"AES-128-GCM", 16},
    [SEAL__AEAD_CHACHA20_POLY1305] = {"ChaCha20-Poly1305", 32},
};

enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

/* Fetched once: an implicit fetch for each record would cost more than the record. */
static EVP_CIPHER *ciphers[N_KINDS];
static pthread_once_t ciphers_once = PTHREAD_ONCE_INIT;

static void fetch_ciphers(void) {
    for (size_t i = 0; i < N_KINDS; i++)
        ciphers[i] = EVP_CIPHER_fetch(NULL, kinds[i].name, NULL);
    ERR_clear_error();
}

static const EVP_CIPHER *cipher_of(seal__aead_kind kind) {
    pthread_once(&ciphers_once, fetch_ciphers);
    return ciphers[kind];
}

static int failed(int code) {
    ERR_clear_error();
    return code;
}

bool seal__aead_available(seal__aead_kind kind) {
    return cipher_of(kind) != NULL;
}

size_t seal__aead_key_size(seal__aead_kind kind) {
    return kinds[kind].key_size;
}

int seal__aead_init(seal__aead *aead, seal__aead_kind kind, bool sealing, const uint8_t *key) {
    const EVP_CIPHER *cipher = cipher_of(kind);
    EVP_CIPHER_CTX *ctx = cipher == NULL ? NULL : EVP_CIPHER_CTX_new();
    if (ctx == NULL)
        return failed(cipher == NULL ? SEAL_ERROR_PROTECTION : SEAL_ERROR_NO_MEMORY);
    *aead = (seal__aead){.ctx = ctx, .kind = kind, .sealing = sealing};
    int rc = seal__aead_rekey(aead, key);
    if (rc != 0)
        seal__aead_done(aead);
    return rc;
}

void seal__aead_done(seal__aead *aead) {
    EVP_CIPHER_CTX_free(aead->ctx);
    aead->ctx = NULL;
}

int seal__aead_rekey(seal__aead *aead, const uint8_t *key) {
    if (EVP_CipherInit_ex2(aead->ctx, cipher_of(aead->kind), key, NULL, aead->sealing, NULL) != 1)
        return failed(SEAL_ERROR_INTERNAL);
    return 0;
}

/* EVP_Cipher goes straight to the provider: for a small record a fifth cheaper than the Update and
 * Final calls. With out NULL it takes associated data, with in NULL it finishes. */
static bool run(EVP_CIPHER_CTX *ctx, seal_bytes aad, uint8_t *data, size_t len) {
    if (aad.len > 0 && EVP_Cipher(ctx, NULL, aad.data, (unsigned)aad.len) < 0)
        return false;
    if (len > 0 && EVP_Cipher(ctx, data, data, (unsigned)len) < 0)
        return false;
    return EVP_Cipher(ctx, NULL, NULL, 0) >= 0;
}

int seal__aead_seal(seal__aead *aead, const uint8_t nonce[SEAL__AEAD_NONCE], seal_bytes aad,
                    uint8_t *data, size_t len, uint8_t ret_tag[SEAL__AEAD_TAG]) {
    OSSL_PARAM params[2] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, ret_tag, SEAL__AEAD_TAG),
        OSSL_PARAM_construct_end()};
    if (EVP_CipherInit_ex2(aead->ctx, NULL, NULL, nonce, -1, NULL) != 1 ||
        !run(aead->ctx, aad, data, len) || EVP_CIPHER_CTX_get_params(aead->ctx, params) != 1)
        return failed(SEAL_ERROR_INTERNAL);
    return 0;
}

int seal__aead_open(seal__aead *aead, const uint8_t nonce[SEAL__AEAD_NONCE], seal_bytes aad,
                    uint8_t *data, size_t len, const uint8_t tag[SEAL__AEAD_TAG]) {
    uint8_t expected[SEAL__AEAD_TAG];
    for (size_t i = 0; i < sizeof expected; i++)
        expected[i] = tag[i];
    OSSL_PARAM params[2] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, expected, sizeof expected),
        OSSL_PARAM_construct_end()};
    if (EVP_CipherInit_ex2(aead->ctx, NULL, NULL, nonce, -1, params) != 1)
        return failed(SEAL_ERROR_INTERNAL);
    if (!run(aead->ctx, aad, data, len)) {
        seal__wipe(data, len);
        return failed(SEAL_ERROR_TAMPERED);
    }
    return 0;
}
