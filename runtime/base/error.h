/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making error objects. The lowest layer that knows the facts writes the message; upper layers put
 * context in front of it or leave it alone.
 */
#ifndef SEAL_BASE_ERROR_H
#define SEAL_BASE_ERROR_H

#include <sealrpc/error.h>

/* Stores a new error in *reterr (which may be NULL; must not hold one already) and returns code:
 *     return seal__error(reterr, SEAL_ERROR_INVALID, "port %u: ...", port); */
int seal__error(seal_error **reterr, int code, const char *format, ...) SEAL_PRINTF(3, 4);

/* The same for "out of memory": needs no memory. */
int seal__error_no_memory(seal_error **reterr);

/* Puts "context: " in front of the message of *error. Does nothing when *error is NULL. */
void seal__error_prefix(seal_error **error, const char *format, ...) SEAL_PRINTF(2, 3);

/* Hands an error on: stores it in *reterr, or frees it when that is NULL. Returns its code. */
int seal__error_pass(seal_error **reterr, seal_error *error);

/* A copy, never NULL unless error is. */
seal_error *seal__error_copy(const seal_error *error);

#endif
