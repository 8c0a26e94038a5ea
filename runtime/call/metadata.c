/* SPDX-License-Identifier: Apache-2.0 */
#include "call/metadata.h"

#include <stdint.h>
#include <string.h>

#include "call/metadata_rules.h"
#include "wire/metadata.h"

/* Key and value lie one after the other, each with its NUL. */
typedef struct item {
    const char *key;
    const char *value;
    size_t key_len;
    size_t value_len;
    char *own; /* memory of this item alone; NULL: it lies in the list's `texts` */
} item;

struct seal_metadata {
    seal_allocator alloc;
    item *items;
    size_t count;
    size_t cap;
    size_t block_size;
    char *texts; /* of all items that were made together */
};

static const seal_metadata none;

const seal_metadata *seal__metadata_none(void) {
    return &none;
}

int seal_metadata_new(const seal_allocator *allocator, seal_metadata **ret_metadata) {
    const seal_allocator *alloc = allocator != NULL ? allocator : &seal__default_allocator;
    seal_metadata *metadata = seal__alloc_zeroed(alloc, 1, sizeof *metadata);
    if (metadata == NULL)
        return SEAL_ERROR_NO_MEMORY;
    metadata->alloc = *alloc;
    *ret_metadata = metadata;
    return 0;
}

void seal_metadata_free(seal_metadata *metadata) {
    if (metadata == NULL)
        return;
    seal_metadata_remove(metadata, NULL);
    seal_allocator alloc = metadata->alloc;
    seal__release(&alloc, metadata->items);
    seal__release(&alloc, metadata->texts);
    seal__release(&alloc, metadata);
}

static bool reserve_items(seal_metadata *metadata, size_t n) {
    if (n <= metadata->cap)
        return true;
    size_t cap = metadata->cap < 4 ? 4 : metadata->cap * 2;
    if (cap < n)
        cap = n;
    size_t size = 0;
    if (!seal__mul(cap, sizeof *metadata->items, &size))
        return false;
    item *items = seal__resize(&metadata->alloc, metadata->items, size);
    if (items == NULL)
        return false;
    metadata->items = items;
    metadata->cap = cap;
    return true;
}

/* Copies an entry to `text`, which has room for both NULs, and takes it into the list. Returns the
 * end. */
static char *append(seal_metadata *metadata, const seal__metadata_entry *entry, char *text,
                    char *own) {
    char *value = text + entry->key_len + 1;
    memcpy(text, entry->key, entry->key_len);
    text[entry->key_len] = '\0';
    if (entry->value_len > 0)
        memcpy(value, entry->value, entry->value_len);
    value[entry->value_len] = '\0';
    metadata->items[metadata->count++] = (item){.key = text,
                                                .value = value,
                                                .key_len = entry->key_len,
                                                .value_len = entry->value_len,
                                                .own = own};
    metadata->block_size += SEAL__METADATA_ENTRY + entry->key_len + entry->value_len;
    return value + entry->value_len + 1;
}

static int add(seal_metadata *metadata, const seal__metadata_entry *entry, bool binary,
               seal_error **reterr) {
    int r = seal__metadata_explain(entry, binary, metadata->block_size, reterr);
    if (r < 0)
        return r;
    char *text = seal__alloc(&metadata->alloc, entry->key_len + entry->value_len + 2);
    if (text == NULL || !reserve_items(metadata, metadata->count + 1)) {
        seal__release(&metadata->alloc, text);
        return seal__error_no_memory(reterr);
    }
    append(metadata, entry, text, text);
    return 0;
}

int seal_metadata_add(seal_metadata *metadata, const char *key, const char *value,
                      seal_error **reterr) {
    if (metadata == NULL || key == NULL || value == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "metadata: list, key and value may not be NULL");
    const seal__metadata_entry entry = {.key = key,
                                        .key_len = strlen(key),
                                        .value = (const uint8_t *)value,
                                        .value_len = strlen(value)};
    return add(metadata, &entry, false, reterr);
}

int seal_metadata_add_bytes(seal_metadata *metadata, const char *key, const void *bytes, size_t len,
                            seal_error **reterr) {
    if (metadata == NULL || key == NULL || (bytes == NULL && len > 0))
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "metadata: list and key may not be NULL, and bytes only where there are "
                           "none of them");
    const seal__metadata_entry entry = {
        .key = key, .key_len = strlen(key), .value = bytes, .value_len = len};
    return add(metadata, &entry, true, reterr);
}

static void swap(item *a, item *b) {
    item kept = *a;
    *a = *b;
    *b = kept;
}

/* The key may be borrowed from the list: nothing is released before the last comparison. */
void seal_metadata_remove(seal_metadata *metadata, const char *key) {
    if (metadata == NULL)
        return;
    size_t kept = 0;
    for (size_t i = 0; key != NULL && i < metadata->count; i++) {
        if (strcmp(metadata->items[i].key, key) != 0)
            swap(&metadata->items[kept++], &metadata->items[i]);
    }
    for (size_t i = kept; i < metadata->count; i++) {
        const item *gone = &metadata->items[i];
        metadata->block_size -= SEAL__METADATA_ENTRY + gone->key_len + gone->value_len;
        seal__release(&metadata->alloc, gone->own);
    }
    metadata->count = kept;
}

size_t seal_metadata_count(const seal_metadata *metadata) {
    return metadata == NULL ? 0 : metadata->count;
}

bool seal_metadata_at(const seal_metadata *metadata, size_t index, seal_metadata_entry *ret_entry) {
    if (index >= seal_metadata_count(metadata))
        return false;
    const item *at = &metadata->items[index];
    *ret_entry =
        (seal_metadata_entry){.key = at->key, .value = at->value, .value_len = at->value_len};
    return true;
}

const char *seal_metadata_get(const seal_metadata *metadata, const char *key, size_t *ret_len) {
    for (size_t i = 0; i < seal_metadata_count(metadata); i++) {
        const item *at = &metadata->items[i];
        if (strcmp(at->key, key) != 0)
            continue;
        if (ret_len != NULL)
            *ret_len = at->value_len;
        return at->value;
    }
    return NULL;
}

static size_t count_entries(seal_bytes block) {
    seal__reader reader;
    seal__metadata_entry entry;
    seal__reader_init(&reader, block.data, block.len);
    size_t n = 0;
    while (seal__metadata_next(&reader, &entry))
        n++;
    return n;
}

/* The texts of n entries take no more than the block does: two NULs stand for its three bytes. */
static int fill_from_block(seal_metadata *metadata, seal_bytes block) {
    size_t n = count_entries(block);
    if (n == 0)
        return 0;
    metadata->texts = seal__alloc(&metadata->alloc, block.len);
    if (metadata->texts == NULL || !reserve_items(metadata, n))
        return SEAL_ERROR_NO_MEMORY;
    seal__reader reader;
    seal__metadata_entry entry;
    seal__reader_init(&reader, block.data, block.len);
    char *at = metadata->texts;
    while (seal__metadata_next(&reader, &entry))
        at = append(metadata, &entry, at, NULL);
    return 0;
}

int seal__metadata_from_block(const seal_allocator *alloc, seal_bytes block,
                              seal_metadata **ret_metadata) {
    seal_metadata *metadata = NULL;
    int r = seal_metadata_new(alloc, &metadata);
    if (r < 0)
        return r;
    r = fill_from_block(metadata, block);
    if (r < 0)
        seal_metadata_free(metadata);
    else
        *ret_metadata = metadata;
    return r;
}

static seal__metadata_entry entry_of(const item *at) {
    return (seal__metadata_entry){.key = at->key,
                                  .key_len = at->key_len,
                                  .value = (const uint8_t *)at->value,
                                  .value_len = at->value_len};
}

/* block_size is also enough for the texts: see fill_from_block. */
static int fill_from_list(seal_metadata *metadata, const seal_metadata *from) {
    if (seal_metadata_count(from) == 0)
        return 0;
    metadata->texts = seal__alloc(&metadata->alloc, from->block_size);
    if (metadata->texts == NULL || !reserve_items(metadata, from->count))
        return SEAL_ERROR_NO_MEMORY;
    char *at = metadata->texts;
    for (size_t i = 0; i < from->count; i++) {
        const seal__metadata_entry entry = entry_of(&from->items[i]);
        at = append(metadata, &entry, at, NULL);
    }
    return 0;
}

int seal__metadata_copy(const seal_allocator *alloc, const seal_metadata *from,
                        seal_metadata **ret_metadata) {
    seal_metadata *metadata = NULL;
    int r = seal_metadata_new(alloc, &metadata);
    if (r < 0)
        return r;
    r = fill_from_list(metadata, from);
    if (r < 0)
        seal_metadata_free(metadata);
    else
        *ret_metadata = metadata;
    return r;
}

size_t seal__metadata_block_size(const seal_metadata *metadata) {
    return metadata == NULL ? 0 : metadata->block_size;
}

void seal__metadata_write_block(const seal_metadata *metadata, uint8_t *at) {
    for (size_t i = 0; i < seal_metadata_count(metadata); i++) {
        const seal__metadata_entry entry = entry_of(&metadata->items[i]);
        at = seal__metadata_write(at, &entry);
    }
}

int seal__metadata_pack(const seal_allocator *alloc, const seal_metadata *metadata,
                        uint8_t **ret_block, size_t *ret_len) {
    size_t len = seal__metadata_block_size(metadata);
    uint8_t *block = NULL;
    if (len > 0) {
        block = seal__alloc(alloc, len);
        if (block == NULL)
            return SEAL_ERROR_NO_MEMORY;
        seal__metadata_write_block(metadata, block);
    }
    *ret_block = block;
    *ret_len = len;
    return 0;
}
