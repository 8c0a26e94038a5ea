/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's X25519 exchange. Its result is not needed before the client's FINISHED has come, so it
 * is left to a thread that has nothing to do while the client works. If FINISHED is there first,
 * the handshake does it itself, and waits for nobody.
 */
#include "secure/handshake.h"

#include <stdatomic.h>
#include <string.h>

enum { IDLE, NEEDED, DONE, REFUSED };

struct seal__exchange {
    seal_allocator alloc; /* a copy: it may outlive the channel */
    atomic_size_t refs;
    atomic_int state;
    seal__x25519 pair;
    uint8_t peer_share[SEAL__SHARE];
    uint8_t shared[SEAL__SHARE]; /* written once, by seal__exchange_run */
};

seal__exchange *seal__exchange_new(const seal_allocator *alloc, seal__x25519 *pair,
                                   const uint8_t peer_share[SEAL__SHARE]) {
    seal__exchange *exchange = seal__alloc_zeroed(alloc, 1, sizeof *exchange);
    if (exchange == NULL)
        return NULL;
    exchange->alloc = *alloc;
    atomic_init(&exchange->refs, 1);
    atomic_init(&exchange->state, IDLE);
    exchange->pair = *pair;
    pair->key = NULL;
    memcpy(exchange->peer_share, peer_share, SEAL__SHARE);
    return exchange;
}

seal__exchange *seal__exchange_ref(seal__exchange *exchange) {
    atomic_fetch_add_explicit(&exchange->refs, 1, memory_order_relaxed);
    return exchange;
}

void seal__exchange_unref(seal__exchange *exchange) {
    if (exchange == NULL ||
        atomic_fetch_sub_explicit(&exchange->refs, 1, memory_order_acq_rel) != 1)
        return;
    seal_allocator alloc = exchange->alloc;
    seal__x25519_done(&exchange->pair);
    seal__wipe(exchange->shared, sizeof exchange->shared);
    seal__release(&alloc, exchange);
}

void seal__exchange_run(seal__exchange *exchange) {
    if (atomic_load_explicit(&exchange->state, memory_order_relaxed) != IDLE)
        return;
    int rc = seal__x25519_derive(&exchange->pair, exchange->peer_share, exchange->shared);
    atomic_store_explicit(&exchange->state, rc == 0 ? DONE : REFUSED, memory_order_release);
}

int seal__exchange_take(seal__exchange *exchange, uint8_t ret_shared[SEAL__SHARE]) {
    int state = IDLE;
    atomic_compare_exchange_strong_explicit(&exchange->state, &state, NEEDED, memory_order_acquire,
                                            memory_order_acquire);
    if (state == REFUSED)
        return SEAL_ERROR_AUTHENTICATION;
    if (state != DONE)
        return seal__x25519_derive(&exchange->pair, exchange->peer_share, ret_shared);
    memcpy(ret_shared, exchange->shared, SEAL__SHARE);
    return 0;
}
