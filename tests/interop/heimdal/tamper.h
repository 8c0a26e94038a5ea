/* SPDX-License-Identifier: Apache-2.0 */
/* Spoils what this end sends, once for each connection, so that the other end can show that it
 * notices (tests/interop/README.md, "Tampering"). */
#ifndef SEAL_INTEROP_TAMPER_H
#define SEAL_INTEROP_TAMPER_H

#include "secure/mech.h"

typedef enum tamper_kind {
    TAMPER_NONE = 0,
    TAMPER_TOKEN,      /* the lowest bit of the last byte of the first TOKEN, on the wire */
    TAMPER_FINISHED,   /* of the last but one byte of FINISHED (the receiver flips the last) */
    TAMPER_TRANSCRIPT, /* of the hash, before it is wrapped */
    TAMPER_RECORD,     /* of the last byte of the first record, on the wire */
    TAMPER_CLOSE       /* the stream ends without CLOSE: the owner's affair */
} tamper_kind;

typedef struct tamper {
    tamper_kind kind;
    bool done;
    seal__mech_source inner;
} tamper;

bool tamper_parse(const char *text, tamper_kind *ret_kind);
/* Puts itself in the place of the source, where it has to. */
void tamper_init(tamper *tampering, tamper_kind kind, seal__mech_source *source);
/* Whole messages on their way to the socket. */
void tamper_bytes(tamper *tampering, uint8_t *bytes, size_t len);

#endif
