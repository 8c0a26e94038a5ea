/* SPDX-License-Identifier: Apache-2.0 */
/* A map from strings to pointers. Keys are borrowed, insertion only. */
#ifndef CODEGEN_STRMAP_H
#define CODEGEN_STRMAP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct strmap_entry {
    const char *key;
    const void *value;
} strmap_entry;

typedef struct strmap {
    strmap_entry *entries;
    size_t count;
    size_t capacity;
} strmap;

void strmap_done(strmap *map);

/* Returns the value of key, or NULL. */
const void *strmap_get(const strmap *map, const char *key);

/* Adds key with a value that is not NULL. Returns NULL, or the value that key has already, and then
 * nothing is changed. */
const void *strmap_add(strmap *map, const char *key, const void *value);

#endif
