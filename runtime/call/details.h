/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Details of a status, as they travel: the protobuf encoding of a google.rpc.Status that has only
 * its field 3, repeated google.protobuf.Any { 1: string type_url, 2: bytes value }.
 */
#ifndef SEAL_CALL_DETAILS_H
#define SEAL_CALL_DETAILS_H

#include "base/buf.h"
#include "base/reader.h"
#include "wire/frame.h" /* SEAL__DETAILS_MAX */

typedef struct seal__detail {
    const char *type; /* full name, what follows the last '/' of the type_url; not NUL-terminated */
    size_t type_len;
    const uint8_t *value;
    size_t value_len;
} seal__detail;

/* Appends one, with the type_url "type.googleapis.com/NAME". Where it does not fit, `details` fails
 * and keeps what it had. */
void seal__details_add(seal__buf *details, const char *type_name, const uint8_t *value, size_t len);
/* Takes the next one; other fields are skipped. False at the end, or where the bytes are no such
 * message, or the type is not a name (letters, digits, _ and dots): what came before counts. */
bool seal__details_next(seal__reader *details, seal__detail *ret_detail);

#endif
