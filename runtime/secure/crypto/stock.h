/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X25519 keys made ahead, so that a handshake need not wait for one. Each is given out once; what
 * is left is wiped. Thread-safe.
 */
#ifndef SEAL_SECURE_CRYPTO_STOCK_H
#define SEAL_SECURE_CRYPTO_STOCK_H

#include "secure/crypto/crypto.h"

#include <pthread.h>

enum { SEAL__KEY_STOCK_MAX = 16 };

typedef struct seal__key_stock {
    pthread_mutex_t lock;
    seal__x25519 keys[SEAL__KEY_STOCK_MAX];
    size_t n;
    size_t wanted; /* grows when it is found empty */
} seal__key_stock;

void seal__key_stock_init(seal__key_stock *stock);
void seal__key_stock_done(seal__key_stock *stock);
/* One from the stock, which may be NULL, else a new one. */
int seal__key_stock_take(seal__key_stock *stock, seal__x25519 *pair);
/* There are fewer than wanted. */
bool seal__key_stock_is_low(seal__key_stock *stock);
/* Makes one. Returns 0 or a negative code. */
int seal__key_stock_add(seal__key_stock *stock);

#endif
