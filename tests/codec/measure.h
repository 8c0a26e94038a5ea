/* SPDX-License-Identifier: Apache-2.0 */
/* seal__codec_measure for those who want one of the two things it finds. */
#ifndef SEAL_TESTS_CODEC_MEASURE_H
#define SEAL_TESTS_CODEC_MEASURE_H

#include "codec/codec.h"

static inline int codec_check(const ProtobufCMessageDescriptor *type,
                              const ProtobufCMessage *message, seal_error **reterr) {
    size_t size;
    return seal__codec_measure(type, message, &size, reterr);
}

/* 0: it is not one that can be packed. */
static inline size_t codec_size(const ProtobufCMessage *message) {
    size_t size = 0;
    return seal__codec_measure(message->descriptor, message, &size, NULL) == 0 ? size : 0;
}

#endif
