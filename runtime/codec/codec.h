/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf-c messages from and to bytes, within limits that protobuf-c does not have: depth, and
 * bytes of memory. The only layer that calls protobuf-c.
 */
#ifndef SEAL_CODEC_CODEC_H
#define SEAL_CODEC_CODEC_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/error.h"

enum { SEAL__CODEC_MAX_DEPTH = 64 }; /* messages inside one another, the outermost counted */

/* Memory that decoding `len` bytes may take: min(16 MiB, 64 KiB + 8 * len), but at least 2 * len +
 * 64 KiB, so that a message of plain bytes up to the message limit always fits. */
size_t seal__codec_budget(size_t len);

/*
 * Decodes into the arena: the tree lives there and is never freed with protobuf-c. Depth and
 * strings are checked first, without recursion; only a type without strings and inner messages
 * needs no such check, unless `recursive` asks for it all the same. Errors: SEAL_ERROR_MALFORMED
 * (not such a message; a string that is not UTF-8 or contains NUL), SEAL_ERROR_TOO_BIG (deeper than
 * SEAL__CODEC_MAX_DEPTH, or over the arena's budget), SEAL_ERROR_NO_MEMORY.
 */
int seal__codec_unpack(const ProtobufCMessageDescriptor *type, bool recursive, const uint8_t *data,
                       size_t len, seal__arena *arena, ProtobufCMessage **ret_message,
                       seal_error **reterr);

/* Size when packed. */
size_t seal__codec_size(const ProtobufCMessage *message);

/* A seal__pack_fn (session.h): writes the packed message. */
void seal__codec_pack(const void *message, uint8_t *at);

/* Checks what protobuf-c would crash on, leave out, or the peer refuse: the right descriptors, no
 * NULL in required, repeated or selected oneof fields, strings of UTF-8, no deeper than
 * SEAL__CODEC_MAX_DEPTH. Returns 0 or SEAL_ERROR_INVALID naming the field. */
int seal__codec_check(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *message,
                      seal_error **reterr);

#endif
