/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that belong into the content of a record, where there is room for them, but stand
 * elsewhere: they are sealed from there, without being copied.
 */
#ifndef SEAL_BASE_GATHER_H
#define SEAL_BASE_GATHER_H

#include <string.h>

#include <sealrpc/base.h>

enum { SEAL__GATHER_MAX = 2 };

typedef struct seal__gathered {
    size_t at; /* offset in the content, behind the piece before */
    seal_bytes bytes;
} seal__gathered;

typedef struct seal__gather {
    size_t n;
    seal__gathered pieces[SEAL__GATHER_MAX];
} seal__gather;

/* Bytes that belong together: most of them in `body`, which is somebody else's. */
typedef struct seal__parts {
    seal_bytes head;
    seal_bytes body;
    seal_bytes tail;
} seal__parts;

static inline size_t seal__parts_size(const seal__parts *parts) {
    return parts->head.len + parts->body.len + parts->tail.len;
}

/* For a receiver that wants the content in one place. */
static inline void seal__gather_copy(const seal__gather *gather, uint8_t *content) {
    for (size_t i = 0; gather != NULL && i < gather->n; i++)
        memcpy(content + gather->pieces[i].at, gather->pieces[i].bytes.data,
               gather->pieces[i].bytes.len);
}

#endif
