/* SPDX-License-Identifier: Apache-2.0 */
#include "call/metadata_rules.h"

enum { SHOWN = 64 };

/* The key as far as a message shows it, on one line. */
typedef struct shown {
    char text[SHOWN + sizeof "..."];
} shown;

static shown show(const seal__metadata_entry *entry) {
    shown ret = {{0}};
    size_t len = entry->key_len < SHOWN ? entry->key_len : SHOWN;
    for (size_t i = 0; i < len; i++) {
        char c = entry->key[i];
        ret.text[i] = c >= 0x20 && c <= 0x7e ? c : '?';
    }
    for (size_t i = 0; i < 3 && entry->key_len > SHOWN; i++)
        ret.text[len + i] = '.';
    return ret;
}

static int explain_key(const seal__metadata_entry *entry, seal_error **reterr) {
    const shown key = show(entry);
    if (entry->key_len == 0)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "metadata: the key is empty; a key is 1 to %d of the characters "
                           "a-z 0-9 - _ .",
                           SEAL__METADATA_KEY_MAX);
    for (size_t i = 0; i < entry->key_len; i++) {
        unsigned char c = (unsigned char)entry->key[i];
        if (!seal__metadata_key_ok(entry->key + i, 1))
            return seal__error(reterr, SEAL_ERROR_INVALID,
                               "metadata key \"%s\": byte 0x%02x at offset %zu is not allowed; a "
                               "key is of the characters a-z 0-9 - _ .%s",
                               key.text, c, i, c >= 'A' && c <= 'Z' ? ": use lower case" : "");
    }
    if (entry->key_len > SEAL__METADATA_KEY_MAX)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "metadata key \"%s\" is %zu characters long; %d are the most", key.text,
                           entry->key_len, SEAL__METADATA_KEY_MAX);
    return seal__error(reterr, SEAL_ERROR_INVALID,
                       "metadata key \"%s\": keys that begin with \"seal-\" are reserved for the "
                       "library; choose another name",
                       key.text);
}

static int explain_kind(const seal__metadata_entry *entry, bool binary, seal_error **reterr) {
    const shown key = show(entry);
    if (binary)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "metadata key \"%s\" is for text: use seal_metadata_add, or a key that "
                           "ends in \"-bin\" for bytes",
                           key.text);
    return seal__error(reterr, SEAL_ERROR_INVALID,
                       "metadata key \"%s\" ends in \"-bin\" and is for bytes: use "
                       "seal_metadata_add_bytes",
                       key.text);
}

/* Blanks are allowed between other characters. */
static bool character_ok(uint8_t c) {
    const uint8_t between[3] = {'x', c, 'x'};
    return seal__metadata_value_ok(false, between, sizeof between);
}

static int explain_value(const seal__metadata_entry *entry, seal_error **reterr) {
    const shown key = show(entry);
    for (size_t i = 0; i < entry->value_len; i++) {
        if (!character_ok(entry->value[i]))
            return seal__error(reterr, SEAL_ERROR_INVALID,
                               "metadata key \"%s\": byte 0x%02x at offset %zu of the value is not "
                               "allowed; a value is printable ASCII: use a key that ends in "
                               "\"-bin\", and seal_metadata_add_bytes, for anything else",
                               key.text, entry->value[i], i);
    }
    return seal__error(reterr, SEAL_ERROR_INVALID,
                       "metadata key \"%s\": the value %s with a blank (byte 0x20), which is not "
                       "allowed: remove it",
                       key.text, entry->value[0] == ' ' ? "begins" : "ends");
}

int seal__metadata_explain(const seal__metadata_entry *entry, bool binary, size_t used,
                           seal_error **reterr) {
    if (!seal__metadata_key_ok(entry->key, entry->key_len))
        return explain_key(entry, reterr);
    if (seal__metadata_is_binary(entry->key, entry->key_len) != binary)
        return explain_kind(entry, binary, reterr);
    /* key_len is small by now, used never exceeds the limit, and value_len may be anything. */
    size_t before = used + SEAL__METADATA_ENTRY + entry->key_len;
    if (before > SEAL__METADATA_MAX || entry->value_len > SEAL__METADATA_MAX - before)
        return seal__error(reterr, SEAL_ERROR_TOO_BIG,
                           "metadata key \"%s\": with its value of %zu bytes the list would exceed "
                           "%d bytes, of which %zu are used (each entry takes its key, its value "
                           "and %d bytes): send large data as a message",
                           show(entry).text, entry->value_len, SEAL__METADATA_MAX, used,
                           SEAL__METADATA_ENTRY);
    if (!seal__metadata_value_ok(binary, entry->value, entry->value_len))
        return explain_value(entry, reterr);
    return 0;
}
