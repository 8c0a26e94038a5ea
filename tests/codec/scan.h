/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over encoded bytes, guided by the message's descriptor, before protobuf-c sees them: it
 * recurses once for each level of nesting, without a limit, and takes any bytes for a string.
 */
#ifndef SEAL_TESTS_CODEC_SCAN_H
#define SEAL_TESTS_CODEC_SCAN_H

#include <protobuf-c/protobuf-c.h>

#include "base/error.h"

/* Constant stack. Returns 0, SEAL_ERROR_MALFORMED or SEAL_ERROR_TOO_BIG (nested too deeply). */
int seal__scan(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len,
               seal_error **reterr);

#endif
