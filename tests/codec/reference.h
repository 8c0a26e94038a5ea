/* SPDX-License-Identifier: Apache-2.0 */
/* What the codec is compared with: protobuf-c's own functions, behind a scan of the bytes. */
#ifndef SEAL_TESTS_CODEC_REFERENCE_H
#define SEAL_TESTS_CODEC_REFERENCE_H

#include "codec/codec.h"

/* Like seal__codec_unpack with copies; the code of the error is all that it says. */
int reference_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len,
                     seal__arena *arena, ProtobufCMessage **ret_message);

/* Whether two messages are the same, member by member. */
bool reference_same(const ProtobufCMessage *a, const ProtobufCMessage *b);

/* Decodes in both ways. NULL: they agree; otherwise what they do not agree on. */
const char *reference_compare(const ProtobufCMessageDescriptor *type, const uint8_t *data,
                              size_t len, int *ret_code);

#endif
