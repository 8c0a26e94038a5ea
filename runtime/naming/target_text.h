/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a target's text. */
#ifndef SEAL_NAMING_TARGET_TEXT_H
#define SEAL_NAMING_TARGET_TEXT_H

#include "base/error.h"

typedef struct seal__piece {
    const char *at;
    size_t len;
} seal__piece;

/* Cuts off what stands before the first `c`, or all of it; *rest is what follows. false: there is
 * no `c`, and the rest is empty. */
bool seal__piece_cut(seal__piece *rest, char c, seal__piece *ret_head);

/* Takes percent-encoding off. What comes out is UTF-8 of 1 to size - 1 bytes, without control
 * characters. 0 or SEAL_ERROR_INVALID. */
int seal__piece_decode(seal__piece in, char *text, size_t size, seal_error **reterr);

#endif
