/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_BASE_UTF8_H
#define SEAL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the character (RFC 3629: no overlong form, no surrogate) at `at`, of which `left`
 * bytes, at least one, are there; 0: it is none. */
size_t seal__utf8_character(const uint8_t *at, size_t left);

/* True when the bytes are UTF-8 (RFC 3629) without NUL: protobuf-c hands strings out
 * NUL-terminated, so a NUL inside would make the program see another string than the one that was
 * sent. */
bool seal__utf8_is_text(const uint8_t *bytes, size_t len);

#endif
