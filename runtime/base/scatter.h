/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where parts of a record's content go when it is opened: straight to where they are wanted, so
 * that they need not be copied there. It is decided while the content is being decrypted, before
 * anything of it is authenticated: nothing but the place may depend on it.
 */
#ifndef SEAL_BASE_SCATTER_H
#define SEAL_BASE_SCATTER_H

#include <stddef.h>
#include <stdint.h>

enum { SEAL__SCATTER_MAX = 4 };

typedef struct seal__scattered {
    const uint8_t *from; /* where they would stand in the content; what is there means nothing */
    uint8_t *to;
    size_t len;
} seal__scattered;

typedef struct seal__scatter {
    /* Asked when `at` bytes of `len` have been decrypted, at < len: the next ones go to a piece, if
     * it adds one, and as many behind them as it returns stay in the content. */
    size_t (*next)(void *user, const uint8_t *content, size_t at, size_t len);
    void *user;
    size_t n;
    seal__scattered pieces[SEAL__SCATTER_MAX]; /* of the last record */
} seal__scatter;

#endif
