/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/metadata.h"

#include <string.h>

static bool is_key_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool seal__metadata_key_ok(const char *key, size_t len) {
    static const char reserved[] = {'s', 'e', 'a', 'l', '-'};
    if (len == 0 || len > SEAL__METADATA_KEY_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_key_character(key[i]))
            return false;
    }
    return len < sizeof reserved || memcmp(key, reserved, sizeof reserved) != 0;
}

bool seal__metadata_is_binary(const char *key, size_t len) {
    static const char suffix[] = {'-', 'b', 'i', 'n'};
    return len >= sizeof suffix && memcmp(key + len - sizeof suffix, suffix, sizeof suffix) == 0;
}

bool seal__metadata_value_ok(bool binary, const uint8_t *value, size_t len) {
    if (len > UINT16_MAX)
        return false;
    if (binary || len == 0)
        return true;
    for (size_t i = 0; i < len; i++) {
        if (value[i] < 0x20 || value[i] > 0x7e)
            return false;
    }
    return value[0] != ' ' && value[len - 1] != ' ';
}

bool seal__metadata_next(seal__reader *block, seal__metadata_entry *ret_entry) {
    if (block->failed || block->left == 0)
        return false;
    ret_entry->key_len = seal__read_u8(block);
    ret_entry->value_len = seal__read_u16(block);
    ret_entry->key = (const char *)seal__read_bytes(block, ret_entry->key_len);
    ret_entry->value = seal__read_bytes(block, ret_entry->value_len);
    return seal__reader_ok(block);
}

bool seal__metadata_check(const uint8_t *block, size_t len) {
    if (len > SEAL__METADATA_MAX)
        return false;
    seal__reader r;
    seal__reader_init(&r, block, len);
    for (seal__metadata_entry e; seal__metadata_next(&r, &e);) {
        bool binary = seal__metadata_is_binary(e.key, e.key_len);
        if (!seal__metadata_key_ok(e.key, e.key_len) ||
            !seal__metadata_value_ok(binary, e.value, e.value_len))
            return false;
    }
    return seal__reader_at_end(&r);
}

uint8_t *seal__metadata_write(uint8_t *at, const seal__metadata_entry *entry) {
    at[0] = (uint8_t)entry->key_len;
    seal__store_u16(at + 1, (uint16_t)entry->value_len);
    at += SEAL__METADATA_ENTRY;
    memcpy(at, entry->key, entry->key_len);
    at += entry->key_len;
    if (entry->value_len > 0)
        memcpy(at, entry->value, entry->value_len);
    return at + entry->value_len;
}
