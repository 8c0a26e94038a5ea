/* SPDX-License-Identifier: Apache-2.0 */
#include "extras.h"

#include <stdlib.h>
#include <string.h>

#include "call/details.h"
#include "wire/metadata.h"

enum { VALUE_MAX = 1024 };

static void add(seal__buf *block, const seal__metadata_entry *entry) {
    uint8_t *at =
        seal__buf_reserve(block, SEAL__METADATA_ENTRY + entry->key_len + entry->value_len);
    if (at != NULL)
        seal__metadata_write(at, entry);
}

bool extras_parse(const char *text, seal__buf *block) {
    uint8_t value[VALUE_MAX];
    const char *equals = strchr(text, '=');
    if (equals == NULL || strlen(equals + 1) > (size_t)2 * VALUE_MAX)
        return false;
    size_t len = 0;
    for (const char *at = equals + 1; *at != '\0'; at += 2) {
        const char pair[3] = {at[0], at[1], '\0'};
        char *end = NULL;
        value[len++] = (uint8_t)strtoul(pair, &end, 16);
        if (end != pair + 2)
            return false;
    }
    size_t key_len = (size_t)(equals - text);
    add(block,
        &(seal__metadata_entry){.key = text, .key_len = key_len, .value = value, .value_len = len});
    return !block->failed && seal__metadata_check(block->data, block->len);
}

void extras_pick(seal_bytes block, const char *prefix, seal__buf *picked) {
    seal__reader in;
    seal__metadata_entry entry;
    size_t len = strlen(prefix);
    seal__reader_init(&in, block.data, block.len);
    while (seal__metadata_next(&in, &entry)) {
        if (entry.key_len >= len && memcmp(entry.key, prefix, len) == 0)
            add(picked, &entry);
    }
}

static void print(FILE *to, const char *word, const char *key, size_t key_len, const uint8_t *value,
                  size_t len) {
    fprintf(to, "%s: %.*s=", word, (int)key_len, key);
    for (size_t i = 0; i < len; i++)
        fprintf(to, "%02x", value[i]);
    fputc('\n', to);
}

void extras_print(FILE *to, const char *word, seal_bytes block) {
    seal__reader in;
    seal__metadata_entry entry;
    seal__reader_init(&in, block.data, block.len);
    while (seal__metadata_next(&in, &entry))
        print(to, word, entry.key, entry.key_len, entry.value, entry.value_len);
}

void extras_print_details(FILE *to, seal_bytes details) {
    seal__reader in;
    seal__detail detail;
    seal__reader_init(&in, details.data, details.len);
    while (seal__details_next(&in, &detail))
        print(to, "detail", detail.type, detail.type_len, detail.value, detail.value_len);
}
