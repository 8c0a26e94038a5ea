/* SPDX-License-Identifier: Apache-2.0 */
#include "base/idmap.h"

void seal__idmap_init(seal__idmap *map, const seal_allocator *alloc) {
    *map = (seal__idmap){.alloc = alloc};
}

void seal__idmap_done(seal__idmap *map) {
    seal__release(map->alloc, map->entries);
    seal__idmap_init(map, map->alloc);
}

/* Ids count up. Fibonacci hashing spreads neighbours as far apart as can be: in a row they would
 * make one long run, and removing walks to the end of a run. */
static size_t home(const seal__idmap *map, uint64_t id) {
    return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (map->cap - 1);
}

static void put(seal__idmap *map, uint64_t id, void *value) {
    size_t i = home(map, id);
    while (map->entries[i].value != NULL)
        i = (i + 1) & (map->cap - 1);
    map->entries[i] = (seal__idmap_entry){.id = id, .value = value};
}

static bool grow(seal__idmap *map) {
    size_t cap = map->cap == 0 ? 16 : map->cap * 2;
    seal__idmap_entry *entries = seal__alloc_zeroed(map->alloc, cap, sizeof *entries);
    if (entries == NULL)
        return false;
    seal__idmap old = *map;
    map->entries = entries;
    map->cap = cap;
    for (size_t i = 0; i < old.cap; i++) {
        if (old.entries[i].value != NULL)
            put(map, old.entries[i].id, old.entries[i].value);
    }
    seal__release(map->alloc, old.entries);
    return true;
}

bool seal__idmap_insert(seal__idmap *map, uint64_t id, void *value) {
    if ((map->len + 1) * 2 > map->cap && !grow(map))
        return false;
    put(map, id, value);
    map->len++;
    return true;
}

static seal__idmap_entry *find(const seal__idmap *map, uint64_t id) {
    if (map->cap == 0)
        return NULL;
    for (size_t i = home(map, id); map->entries[i].value != NULL; i = (i + 1) & (map->cap - 1)) {
        if (map->entries[i].id == id)
            return &map->entries[i];
    }
    return NULL;
}

void *seal__idmap_find(const seal__idmap *map, uint64_t id) {
    const seal__idmap_entry *entry = find(map, id);
    return entry == NULL ? NULL : entry->value;
}

void *seal__idmap_remove(seal__idmap *map, uint64_t id) {
    seal__idmap_entry *entry = find(map, id);
    if (entry == NULL)
        return NULL;
    void *value = entry->value;
    size_t mask = map->cap - 1;
    size_t hole = (size_t)(entry - map->entries);
    map->entries[hole].value = NULL;
    map->len--;
    /* Close the hole: move back every later entry of the run that may stand there. */
    for (size_t i = (hole + 1) & mask; map->entries[i].value != NULL; i = (i + 1) & mask) {
        size_t distance = (i - home(map, map->entries[i].id)) & mask;
        if (distance >= ((i - hole) & mask)) {
            map->entries[hole] = map->entries[i];
            map->entries[i].value = NULL;
            hole = i;
        }
    }
    return value;
}

void *seal__idmap_next(const seal__idmap *map, size_t *cursor) {
    while (*cursor < map->cap) {
        void *value = map->entries[(*cursor)++].value;
        if (value != NULL)
            return value;
    }
    return NULL;
}
