/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A metadata block, as it travels: entries one after the other, each
 *
 *   u8 length of the key, u16 length of the value, key, value
 *
 * Keys: 1 to 255 of a-z 0-9 - _ . ; not beginning with "seal-", which is reserved. Values:
 * printable ASCII (0x20..0x7e), no blanks at the ends; of keys that end in "-bin" any bytes. A key
 * may stand several times. At most SEAL__METADATA_MAX bytes in all. An empty block stands for no
 * metadata.
 */
#ifndef SEAL_WIRE_METADATA_H
#define SEAL_WIRE_METADATA_H

#include <sealrpc/base.h>

#include "base/reader.h"

enum {
    SEAL__METADATA_MAX = 8192,
    SEAL__METADATA_KEY_MAX = 255,
    SEAL__METADATA_ENTRY = 1 + 2 /* bytes of an entry besides key and value */
};

typedef struct seal__metadata_entry {
    const char *key; /* not NUL-terminated */
    size_t key_len;
    const uint8_t *value;
    size_t value_len;
} seal__metadata_entry;

/* Whether an entry is as above. */
bool seal__metadata_key_ok(const char *key, size_t len);
bool seal__metadata_is_binary(const char *key, size_t len);
bool seal__metadata_value_ok(bool binary, const uint8_t *value, size_t len);

/* Takes the next entry of a block; false at the end, or where the block is broken. */
bool seal__metadata_next(seal__reader *block, seal__metadata_entry *ret_entry);
/* Whether the whole block is as above. */
bool seal__metadata_check(const uint8_t *block, size_t len);
/* Writes an entry of SEAL__METADATA_ENTRY + key_len + value_len bytes and returns its end. */
uint8_t *seal__metadata_write(uint8_t *at, const seal__metadata_entry *entry);

#endif
