/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/crypto/crypto.h"

#include "base/alloc.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <sealrpc/error.h>

static int failed(int code) {
    ERR_clear_error();
    return code;
}

static int adopt(seal__x25519 *pair, EVP_PKEY *key) {
    size_t len = SEAL__SHARE;
    if (key == NULL || EVP_PKEY_get_raw_public_key(key, pair->share, &len) != 1 ||
        len != SEAL__SHARE) {
        EVP_PKEY_free(key);
        return failed(SEAL_ERROR_INTERNAL);
    }
    pair->key = key;
    return 0;
}

int seal__x25519_new_key(seal__x25519 *pair) {
    return adopt(pair, EVP_PKEY_Q_keygen(NULL, NULL, "X25519"));
}

int seal__x25519_from_private(seal__x25519 *pair, const uint8_t private_key[32]) {
    return adopt(pair, EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key, 32));
}

void seal__x25519_done(seal__x25519 *pair) {
    EVP_PKEY_free(pair->key);
    pair->key = NULL;
}

static bool derive(EVP_PKEY *own, EVP_PKEY *peer, uint8_t *ret_secret) {
    size_t len = SEAL__SHARE;
    EVP_PKEY_CTX *ctx = peer == NULL ? NULL : EVP_PKEY_CTX_new(own, NULL);
    bool ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
              EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
              EVP_PKEY_derive(ctx, ret_secret, &len) == 1 && len == SEAL__SHARE;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

int seal__x25519_derive(const seal__x25519 *pair, const uint8_t peer[SEAL__SHARE],
                        uint8_t ret_secret[SEAL__SHARE]) {
    static const uint8_t zero[SEAL__SHARE] = {0};
    if (seal__equal(pair->share, peer, SEAL__SHARE))
        return SEAL_ERROR_AUTHENTICATION;
    EVP_PKEY *peer_key = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer, SEAL__SHARE);
    bool ok = derive(pair->key, peer_key, ret_secret);
    EVP_PKEY_free(peer_key);
    if (!ok || seal__equal(ret_secret, zero, sizeof zero)) {
        seal__wipe(ret_secret, SEAL__SHARE);
        return failed(SEAL_ERROR_AUTHENTICATION);
    }
    return 0;
}
