/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes on their way out. Frames are appended to an open record, many to one record; the record is
 * sealed where it stands when it is full or when the owner flushes. What is sealed waits in the
 * same buffer for the socket.
 */
#ifndef SEAL_SESSION_OUTBOX_H
#define SEAL_SESSION_OUTBOX_H

#include <sealrpc/error.h>

#include "base/buf.h"
#include "base/gather.h"

/* How the owner seals: begin reserves the header and returns the record's start (SIZE_MAX: failed),
 * end seals everything behind it. Signatures of secure_channel.h, so that this layer does not know
 * it. */
typedef struct seal__sealer {
    size_t (*begin)(void *user, seal__buf *out);
    int (*end)(void *user, seal__buf *out, size_t start);
    /* The same where parts of the content stand elsewhere. NULL: they are copied before end. */
    int (*end_with)(void *user, seal__buf *out, size_t start, const seal__gather *gather);
    void *user;
} seal__sealer;

typedef struct seal__outbox {
    seal__buf wire; /* sealed records, then the open one */
    seal__sealer sealer;
    size_t start;      /* of the open record in wire; SIZE_MAX: none is open */
    size_t overhead;   /* bytes begin() put before the content */
    uint64_t written;  /* bytes ever taken away for the socket */
    seal__gather lent; /* to the open record */
    bool failed;       /* out of memory or sealing failed: the connection must end */
    bool parting;      /* the connection ends, and what lies here is written before */
} seal__outbox;

enum { SEAL__OUTBOX_RECORD = 65536 }; /* content of one record */

void seal__outbox_init(seal__outbox *outbox, const seal_allocator *alloc,
                       const seal__sealer *sealer);
void seal__outbox_done(seal__outbox *outbox);

/* Room for n more bytes of content, in one record; n is at most SEAL__OUTBOX_RECORD. NULL: failed.
 */
uint8_t *seal__outbox_reserve(seal__outbox *outbox, size_t n);
/* Room left in the open record; SEAL__OUTBOX_RECORD when none is open. */
size_t seal__outbox_room(const seal__outbox *outbox);
/* Seals the open record, if any. Afterwards wire holds only sealed bytes. Returns 0 or a negative
 * code. */
int seal__outbox_seal(seal__outbox *outbox);
/* The last bytes that were reserved, but for the `behind` after them, are not written there, but
 * sealed from where they stand: they stay valid until the record is sealed. False: it had to be
 * sealed now, and failed. */
bool seal__outbox_lend(seal__outbox *outbox, seal_bytes bytes, size_t behind);
/* Where the record that takes the next byte starts, in the stream of all bytes ever sent (sealing
 * may move bytes inside a record, never its start). What was put there may have left once `written`
 * is greater. */
uint64_t seal__outbox_position(const seal__outbox *outbox);
/* The owner has moved n sealed bytes from the front of wire to the socket. */
void seal__outbox_taken(seal__outbox *outbox, size_t n);

#endif
