/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/crypto/stock.h"

void seal__key_stock_init(seal__key_stock *stock) {
    *stock = (seal__key_stock){.n = 0};
    pthread_mutex_init(&stock->lock, NULL);
}

void seal__key_stock_done(seal__key_stock *stock) {
    for (size_t i = 0; i < stock->n; i++)
        seal__x25519_done(&stock->keys[i]);
    stock->n = 0;
    pthread_mutex_destroy(&stock->lock);
}

/* Whoever finds it empty makes it larger: a process with few handshakes holds few keys. */
static bool take_first(seal__key_stock *stock, seal__x25519 *pair) {
    pthread_mutex_lock(&stock->lock);
    bool found = stock->n > 0;
    if (found) {
        *pair = stock->keys[--stock->n];
        stock->keys[stock->n] = (seal__x25519){0};
    } else if (stock->wanted < SEAL__KEY_STOCK_MAX) {
        stock->wanted = stock->wanted == 0 ? 1 : stock->wanted * 2;
    }
    pthread_mutex_unlock(&stock->lock);
    return found;
}

int seal__key_stock_take(seal__key_stock *stock, seal__x25519 *pair) {
    if (stock != NULL && take_first(stock, pair))
        return 0;
    return seal__x25519_new_key(pair);
}

bool seal__key_stock_is_low(seal__key_stock *stock) {
    pthread_mutex_lock(&stock->lock);
    bool low = stock->n < stock->wanted;
    pthread_mutex_unlock(&stock->lock);
    return low;
}

int seal__key_stock_add(seal__key_stock *stock) {
    seal__x25519 pair = {0};
    int rc = seal__x25519_new_key(&pair);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&stock->lock);
    bool room = stock->n < SEAL__KEY_STOCK_MAX;
    if (room)
        stock->keys[stock->n++] = pair;
    pthread_mutex_unlock(&stock->lock);
    if (!room)
        seal__x25519_done(&pair);
    return 0;
}
