/* SPDX-License-Identifier: Apache-2.0 */
#include "strmap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

void strmap_done(strmap *map) {
    free(map->entries);
    *map = (strmap){0};
}

static uint64_t hash(const char *key) {
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
    for (; *key != '\0'; key++)
        h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
    return h ^ (h >> 29);
}

/* Returns the entry of key, or the free one where it belongs. */
static strmap_entry *find(const strmap *map, const char *key) {
    size_t i = (size_t)hash(key) & (map->capacity - 1);
    while (map->entries[i].key != NULL && strcmp(map->entries[i].key, key) != 0)
        i = (i + 1) & (map->capacity - 1);
    return &map->entries[i];
}

static void grow(strmap *map) {
    strmap bigger = {.capacity = map->capacity != 0 ? map->capacity * 2 : 64, .count = map->count};
    bigger.entries = memory_resize(NULL, bigger.capacity * sizeof *bigger.entries);
    memset(bigger.entries, 0, bigger.capacity * sizeof *bigger.entries);
    for (size_t i = 0; i < map->capacity; i++)
        if (map->entries[i].key != NULL)
            *find(&bigger, map->entries[i].key) = map->entries[i];
    free(map->entries);
    *map = bigger;
}

const void *strmap_get(const strmap *map, const char *key) {
    return map->capacity == 0 ? NULL : find(map, key)->value;
}

const void *strmap_add(strmap *map, const char *key, const void *value) {
    if (map->count + 1 > map->capacity / 2)
        grow(map);
    strmap_entry *entry = find(map, key);
    if (entry->key != NULL)
        return entry->value;
    *entry = (strmap_entry){key, value};
    map->count++;
    return NULL;
}
