/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_CODEC_UTF8_H
#define SEAL_CODEC_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True when the bytes are UTF-8 (RFC 3629) without NUL: protobuf-c hands strings out
 * NUL-terminated, so a NUL inside would make the program see another string than the one that was
 * sent. */
bool seal__utf8_is_text(const uint8_t *bytes, size_t len);

#endif
