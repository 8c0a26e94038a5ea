/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf-c messages from and to bytes, driven by protobuf-c's descriptors: the same bytes and the
 * same structures as protobuf-c's own functions, within limits that those do not have: depth, and
 * bytes of memory. The only layer that knows protobuf-c.
 */
#ifndef SEAL_CODEC_CODEC_H
#define SEAL_CODEC_CODEC_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/gather.h"

enum { SEAL__CODEC_MAX_DEPTH = 64 }; /* messages inside one another, the outermost counted */

/* Memory that decoding `len` bytes may take: min(16 MiB, 64 KiB + 8 * len), but at least 2 * len +
 * 64 KiB, so that a message of plain bytes up to the message limit always fits. */
size_t seal__codec_budget(size_t len);

/* Where the bytes of a decoded message are. */
typedef enum seal__codec_bytes {
    SEAL__CODEC_COPIES, /* in the arena */
    SEAL__CODEC_VIEWS   /* those of `bytes` fields and unknown fields stay in the data, which must
                           live as long as the message, unchanged */
} seal__codec_bytes;

/*
 * Decodes into the arena: the tree lives there and is never freed with protobuf-c. Strings are
 * always copies; views are charged to the budget as if they were, so that what is accepted does
 * not depend on `bytes`. Errors: SEAL_ERROR_MALFORMED (not such a message; a string that is not
 * UTF-8 or contains NUL; a singular message given twice), SEAL_ERROR_TOO_BIG (deeper than
 * SEAL__CODEC_MAX_DEPTH, or over the arena's budget), SEAL_ERROR_NO_MEMORY. Where several are true,
 * any of them.
 */
int seal__codec_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len,
                       seal__codec_bytes bytes, seal__arena *arena, ProtobufCMessage **ret_message,
                       seal_error **reterr);

/* Checks what protobuf-c would crash on, leave out, or the peer refuse: the right descriptors, no
 * NULL in required, repeated or selected oneof fields, strings of UTF-8, no deeper than
 * SEAL__CODEC_MAX_DEPTH; and says how many bytes the message is when packed. Returns 0 or
 * SEAL_ERROR_INVALID naming the field. */
int seal__codec_measure(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *message,
                        size_t *ret_size, seal_error **reterr);

enum {
    SEAL__CODEC_BODY = 32 * 1024, /* bytes of a field that is worth a write of its own */
    SEAL__CODEC_AROUND = 512      /* bytes of all that stands around it, at most */
};

/* Packs a message that has been checked, and has `size` bytes, but for the data of its largest
 * `bytes` field, which stay where they are; the rest goes to `around`. False: there is no such
 * field in the message itself, or too much around it, and nothing is packed. */
bool seal__codec_split(const ProtobufCMessage *message, size_t size,
                       uint8_t around[SEAL__CODEC_AROUND], seal__parts *ret);

/* A seal__pack_fn (session.h): writes a message that has been checked. */
void seal__codec_pack(const void *message, uint8_t *at);

#endif
