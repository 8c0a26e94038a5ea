/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/crypto/crypto.h"

#include "base/alloc.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <pthread.h>
#include <sealrpc/error.h>
#include <string.h>

static const struct {
    const char *name;
    size_t key_size;
} kinds[] = {
    [SEAL__AEAD_AES256_GCM] = {"AES-256-GCM", 32},
    [SEAL__AEAD_AES128_GCM] = {"AES-128-GCM", 16},
    [SEAL__AEAD_CHACHA20_POLY1305] = {"ChaCha20-Poly1305", 32},
};

enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

/*
 * Sets the nonce and, where tag is not NULL, the tag that is expected. The size -1 stands for a
 * whole nonce, as in EVP_CTRL_GCM_SET_IV_FIXED: one call takes both. EVP_CipherInit_ex2 first asks
 * the provider by name for the nonce's length, and costs 400 instructions more for each record.
 * Only GCM takes it; fetch_ciphers tries.
 */
static bool set_nonce(EVP_CIPHER_CTX *ctx, bool quick, const uint8_t *nonce, uint8_t *tag) {
    OSSL_PARAM params[3] = {OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end(),
                            OSSL_PARAM_construct_end()};
    OSSL_PARAM *next = params;
    if (quick)
        *next++ = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED,
                                                    (void *)(uintptr_t)nonce, SIZE_MAX);
    if (tag != NULL)
        *next = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, SEAL__AEAD_TAG);
    if (quick)
        return EVP_CIPHER_CTX_set_params(ctx, params) == 1;
    return EVP_CipherInit_ex2(ctx, NULL, NULL, nonce, -1, params) == 1;
}

static bool get_tag(EVP_CIPHER_CTX *ctx, uint8_t *ret_tag) {
    OSSL_PARAM params[2] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, ret_tag, SEAL__AEAD_TAG),
        OSSL_PARAM_construct_end()};
    return EVP_CIPHER_CTX_get_params(ctx, params) == 1;
}

/* EVP_Cipher goes straight to the provider: for a small record a fifth cheaper than the Update and
 * Final calls. With out NULL it takes associated data, with in NULL it finishes. */
static bool run_part(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *in, size_t len) {
    return len == 0 || EVP_Cipher(ctx, out, in, (unsigned)len) >= 0;
}

static bool run_aad(EVP_CIPHER_CTX *ctx, seal_bytes aad) {
    return aad.len == 0 || EVP_Cipher(ctx, NULL, aad.data, (unsigned)aad.len) >= 0;
}

static bool run(EVP_CIPHER_CTX *ctx, seal_bytes aad, uint8_t *data, size_t len,
                const seal__gather *gather) {
    size_t at = 0;
    if (!run_aad(ctx, aad))
        return false;
    for (size_t i = 0; gather != NULL && i < gather->n; i++) {
        const seal__gathered *piece = &gather->pieces[i];
        if (!run_part(ctx, data + at, data + at, piece->at - at) ||
            !run_part(ctx, data + piece->at, piece->bytes.data, piece->bytes.len))
            return false;
        at = piece->at + piece->bytes.len;
    }
    return run_part(ctx, data + at, data + at, len - at) && EVP_Cipher(ctx, NULL, NULL, 0) >= 0;
}

static bool run_scattered(EVP_CIPHER_CTX *ctx, seal_bytes aad, uint8_t *data, size_t len,
                          seal__scatter *scatter) {
    size_t at = 0;
    if (!run_aad(ctx, aad))
        return false;
    while (at < len) {
        size_t n = scatter->n;
        size_t here = scatter->next(scatter->user, data, at, len);
        if (scatter->n > n) {
            const seal__scattered *piece = &scatter->pieces[n];
            if (!run_part(ctx, piece->to, piece->from, piece->len))
                return false;
            at += piece->len;
        }
        if (here > len - at)
            here = len - at;
        if (!run_part(ctx, data + at, data + at, here))
            return false;
        at += here;
    }
    return EVP_Cipher(ctx, NULL, NULL, 0) >= 0;
}

/* ---- Does the quick way lead to the same result? ---- */

enum { PROBE_RECORDS = 3, PROBE_BYTES = 40 };

/* Seals records under different nonces. */
static bool probe_seal(const EVP_CIPHER *cipher, bool quick, uint8_t out[], uint8_t tags[]) {
    static const uint8_t key[SEAL__AEAD_KEY_MAX] = {1, 2, 3};
    uint8_t nonce[SEAL__AEAD_NONCE] = {4, 5, 6};
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx != NULL && EVP_CipherInit_ex2(ctx, cipher, key, NULL, 1, NULL) == 1;
    memset(out, 7, (size_t)PROBE_RECORDS * PROBE_BYTES);
    for (size_t i = 0; i < PROBE_RECORDS && ok; i++) {
        nonce[SEAL__AEAD_NONCE - 1]++;
        nonce[0] ^= 0x55;
        ok = set_nonce(ctx, quick, nonce, NULL) &&
             run(ctx, (seal_bytes){key, 5}, out + i * PROBE_BYTES, PROBE_BYTES, NULL) &&
             get_tag(ctx, tags + i * SEAL__AEAD_TAG);
    }
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static bool takes_whole_nonce(const EVP_CIPHER *cipher) {
    uint8_t plain_way[PROBE_RECORDS * PROBE_BYTES];
    uint8_t quick_way[PROBE_RECORDS * PROBE_BYTES];
    uint8_t tags[2][PROBE_RECORDS * SEAL__AEAD_TAG];
    return EVP_CIPHER_get_mode(cipher) == EVP_CIPH_GCM_MODE &&
           probe_seal(cipher, false, plain_way, tags[0]) &&
           probe_seal(cipher, true, quick_way, tags[1]) &&
           memcmp(plain_way, quick_way, sizeof plain_way) == 0 &&
           memcmp(tags[0], tags[1], sizeof tags[0]) == 0;
}

/* ---- Ciphers ---- */

/* Fetched once: an implicit fetch for each record would cost more than the record. */
static EVP_CIPHER *ciphers[N_KINDS];
static bool quick_ways[N_KINDS];
static pthread_once_t ciphers_once = PTHREAD_ONCE_INIT;

static void fetch_ciphers(void) {
    for (size_t i = 0; i < N_KINDS; i++) {
        ciphers[i] = EVP_CIPHER_fetch(NULL, kinds[i].name, NULL);
        quick_ways[i] = ciphers[i] != NULL && takes_whole_nonce(ciphers[i]);
    }
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
    *aead = (seal__aead){.ctx = ctx, .kind = kind, .sealing = sealing, .quick = quick_ways[kind]};
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

/* ---- Records ---- */

int seal__aead_seal_with(seal__aead *aead, const uint8_t nonce[SEAL__AEAD_NONCE], seal_bytes aad,
                         uint8_t *data, size_t len, const seal__gather *gather,
                         uint8_t ret_tag[SEAL__AEAD_TAG]) {
    if (!set_nonce(aead->ctx, aead->quick, nonce, NULL) ||
        !run(aead->ctx, aad, data, len, gather) || !get_tag(aead->ctx, ret_tag))
        return failed(SEAL_ERROR_INTERNAL);
    return 0;
}

int seal__aead_seal(seal__aead *aead, const uint8_t nonce[SEAL__AEAD_NONCE], seal_bytes aad,
                    uint8_t *data, size_t len, uint8_t ret_tag[SEAL__AEAD_TAG]) {
    return seal__aead_seal_with(aead, nonce, aad, data, len, NULL, ret_tag);
}

static void wipe_all(uint8_t *data, size_t len, const seal__scatter *scatter) {
    seal__wipe(data, len);
    for (size_t i = 0; scatter != NULL && i < scatter->n; i++)
        seal__wipe(scatter->pieces[i].to, scatter->pieces[i].len);
}

int seal__aead_open_with(seal__aead *aead, const uint8_t nonce[SEAL__AEAD_NONCE], seal_bytes aad,
                         uint8_t *data, size_t len, seal__scatter *scatter,
                         const uint8_t tag[SEAL__AEAD_TAG]) {
    uint8_t expected[SEAL__AEAD_TAG];
    memcpy(expected, tag, sizeof expected);
    if (!set_nonce(aead->ctx, aead->quick, nonce, expected))
        return failed(SEAL_ERROR_INTERNAL);
    bool ok = scatter != NULL ? run_scattered(aead->ctx, aad, data, len, scatter)
                              : run(aead->ctx, aad, data, len, NULL);
    if (!ok) {
        wipe_all(data, len, scatter);
        return failed(SEAL_ERROR_TAMPERED);
    }
    return 0;
}

int seal__aead_open(seal__aead *aead, const uint8_t nonce[SEAL__AEAD_NONCE], seal_bytes aad,
                    uint8_t *data, size_t len, const uint8_t tag[SEAL__AEAD_TAG]) {
    return seal__aead_open_with(aead, nonce, aad, data, len, NULL, tag);
}
