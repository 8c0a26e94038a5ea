/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/crypto/crypto.h"

#include "base/alloc.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <pthread.h>
#include <sealrpc/error.h>
#include <string.h>

static EVP_MD *sha256;
static EVP_MAC_CTX *hmac_sha256; /* without a key; copied, because naming the hash fetches it */
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static EVP_MAC_CTX *hmac_template(void) {
    char digest[] = "SHA2-256";
    const OSSL_PARAM params[2] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) == 1)
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

static void fetch(void) {
    sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    hmac_sha256 = hmac_template();
    ERR_clear_error();
}

static int failed(int code) {
    ERR_clear_error();
    return code;
}

int seal__sha256_init(seal__sha256 *hash) {
    pthread_once(&fetched, fetch);
    hash->ctx = EVP_MD_CTX_new();
    hash->copy = EVP_MD_CTX_new();
    if (hash->ctx == NULL || hash->copy == NULL || sha256 == NULL ||
        EVP_DigestInit_ex2(hash->ctx, sha256, NULL) != 1) {
        seal__sha256_done(hash);
        return failed(SEAL_ERROR_NO_MEMORY);
    }
    return 0;
}

void seal__sha256_done(seal__sha256 *hash) {
    EVP_MD_CTX_free(hash->ctx);
    EVP_MD_CTX_free(hash->copy);
    *hash = (seal__sha256){0};
}

int seal__sha256_update(seal__sha256 *hash, const void *bytes, size_t len) {
    return EVP_DigestUpdate(hash->ctx, bytes, len) == 1 ? 0 : failed(SEAL_ERROR_INTERNAL);
}

int seal__sha256_peek(seal__sha256 *hash, uint8_t ret_digest[SEAL__HASH]) {
    if (EVP_MD_CTX_copy_ex(hash->copy, hash->ctx) != 1 ||
        EVP_DigestFinal_ex(hash->copy, ret_digest, NULL) != 1)
        return failed(SEAL_ERROR_INTERNAL);
    return 0;
}

int seal__hmac_init(seal__hmac *hmac, const uint8_t *key, size_t len) {
    static const uint8_t no_key[1] = {0};
    pthread_once(&fetched, fetch);
    EVP_MAC_CTX *ctx = hmac_sha256 == NULL ? NULL : EVP_MAC_CTX_dup(hmac_sha256);
    if (ctx == NULL)
        return failed(SEAL_ERROR_NO_MEMORY);
    if (EVP_MAC_init(ctx, len == 0 ? no_key : key, len, NULL) != 1) {
        EVP_MAC_CTX_free(ctx);
        return failed(SEAL_ERROR_INTERNAL);
    }
    hmac->ctx = ctx;
    return 0;
}

void seal__hmac_done(seal__hmac *hmac) {
    EVP_MAC_CTX_free(hmac->ctx);
    hmac->ctx = NULL;
}

int seal__hmac_compute(seal__hmac *hmac, const seal_bytes *parts, size_t n_parts,
                       uint8_t ret_mac[SEAL__HASH]) {
    size_t len = 0;
    if (EVP_MAC_init(hmac->ctx, NULL, 0, NULL) != 1)
        return failed(SEAL_ERROR_INTERNAL);
    for (size_t i = 0; i < n_parts; i++) {
        if (parts[i].len > 0 && EVP_MAC_update(hmac->ctx, parts[i].data, parts[i].len) != 1)
            return failed(SEAL_ERROR_INTERNAL);
    }
    if (EVP_MAC_final(hmac->ctx, ret_mac, &len, SEAL__HASH) != 1 || len != SEAL__HASH)
        return failed(SEAL_ERROR_INTERNAL);
    return 0;
}

int seal__hkdf_extract(seal_bytes salt, seal_bytes ikm, uint8_t ret_prk[SEAL__HASH]) {
    seal__hmac hmac = {0};
    int rc = seal__hmac_init(&hmac, salt.data, salt.len);
    if (rc == 0)
        rc = seal__hmac_compute(&hmac, &ikm, 1, ret_prk);
    seal__hmac_done(&hmac);
    return rc;
}

int seal__hkdf_expand_with(seal__hmac *prk, seal_bytes info, uint8_t *ret_okm, size_t len) {
    uint8_t block[SEAL__HASH];
    size_t block_len = 0;
    uint8_t counter = 0;
    int rc = 0;
    if (len > (size_t)255 * SEAL__HASH)
        return SEAL_ERROR_INVALID;
    while (rc == 0 && len > 0) {
        counter++;
        const seal_bytes parts[] = {{block, block_len}, info, {&counter, 1}};
        rc = seal__hmac_compute(prk, parts, 3, block);
        if (rc != 0)
            break;
        block_len = SEAL__HASH;
        size_t n = len < block_len ? len : block_len;
        memcpy(ret_okm, block, n);
        ret_okm += n;
        len -= n;
    }
    seal__wipe(block, sizeof block);
    return rc;
}

int seal__hkdf_expand(const uint8_t prk[SEAL__HASH], seal_bytes info, uint8_t *ret_okm,
                      size_t len) {
    seal__hmac hmac = {0};
    int rc = seal__hmac_init(&hmac, prk, SEAL__HASH);
    if (rc == 0)
        rc = seal__hkdf_expand_with(&hmac, info, ret_okm, len);
    seal__hmac_done(&hmac);
    return rc;
}
