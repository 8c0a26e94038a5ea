/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/crypto/crypto.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <limits.h>
#include <sealrpc/error.h>

int seal__random(uint8_t *bytes, size_t len) {
    if (len > INT_MAX || RAND_priv_bytes(bytes, (int)len) != 1) {
        ERR_clear_error();
        return SEAL_ERROR_SYSTEM;
    }
    return 0;
}

bool seal__equal(const void *a, const void *b, size_t len) {
    return CRYPTO_memcmp(a, b, len) == 0;
}

void seal__crypto_thread_end(void) {
    OPENSSL_thread_stop();
}
