/* SPDX-License-Identifier: Apache-2.0 */
/* Maps 64-bit numbers, such as stream ids, to pointers. Open addressing, linear probing. Small and
 * allocation-free per entry, because every frame looks its stream up here. */
#ifndef SEAL_BASE_IDMAP_H
#define SEAL_BASE_IDMAP_H

#include "base/alloc.h"

typedef struct seal__idmap_entry {
    uint64_t id;
    void *value; /* NULL: free */
} seal__idmap_entry;

typedef struct seal__idmap {
    seal__idmap_entry *entries;
    size_t len;
    size_t cap; /* 0 or a power of two, more than twice len */
    const seal_allocator *alloc;
} seal__idmap;

void seal__idmap_init(seal__idmap *map, const seal_allocator *alloc);
void seal__idmap_done(seal__idmap *map);
/* value is not NULL; id is not in the map. Returns false when out of memory. */
bool seal__idmap_insert(seal__idmap *map, uint64_t id, void *value);
/* NULL when id is not in the map. */
void *seal__idmap_find(const seal__idmap *map, uint64_t id);
/* Returns the value, NULL when there was none. */
void *seal__idmap_remove(seal__idmap *map, uint64_t id);
/* Walks all entries, in no order: start with *cursor = 0; NULL at the end. The map must not be
 * changed meanwhile. */
void *seal__idmap_next(const seal__idmap *map, size_t *cursor);

#endif
