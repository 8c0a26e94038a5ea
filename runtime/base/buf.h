/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer with a maximum and a sticky error: write straight through, then test
 * `failed` once. Integers are written in network byte order.
 */
#ifndef SEAL_BASE_BUF_H
#define SEAL_BASE_BUF_H

#include <endian.h>
#include <string.h>

#include "base/alloc.h"

typedef struct seal__buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max;  /* len never exceeds it */
    bool failed; /* out of memory, or over max; everything after it is dropped */
    const seal_allocator *alloc;
} seal__buf;

void seal__buf_init(seal__buf *buf, const seal_allocator *alloc, size_t max);
void seal__buf_done(seal__buf *buf);
/* For buffers that held secrets. */
void seal__buf_done_wiped(seal__buf *buf);

/* Appends n bytes, not initialized, and returns them; NULL on failure (and when n is 0 and the
 * buffer is still empty). */
uint8_t *seal__buf_reserve(seal__buf *buf, size_t n);
/* Makes room for n more bytes without appending them. */
bool seal__buf_ensure(seal__buf *buf, size_t n);

void seal__buf_put(seal__buf *buf, const void *bytes, size_t n);
void seal__buf_put_u8(seal__buf *buf, uint8_t value);
void seal__buf_put_u16(seal__buf *buf, uint16_t value);
void seal__buf_put_u32(seal__buf *buf, uint32_t value);
void seal__buf_put_u64(seal__buf *buf, uint64_t value);

/* Removes n bytes from the front; n is at most len. */
void seal__buf_consume(seal__buf *buf, size_t n);
/* Empties the buffer and clears the error; keeps the memory. */
void seal__buf_reset(seal__buf *buf);

/* Integers at a given place. */
static inline void seal__store_u16(uint8_t *at, uint16_t v) {
    v = htobe16(v);
    memcpy(at, &v, sizeof v);
}
static inline void seal__store_u24(uint8_t *at, uint32_t v) {
    at[0] = (uint8_t)(v >> 16);
    seal__store_u16(at + 1, (uint16_t)v);
}
static inline void seal__store_u32(uint8_t *at, uint32_t v) {
    v = htobe32(v);
    memcpy(at, &v, sizeof v);
}
static inline void seal__store_u64(uint8_t *at, uint64_t v) {
    v = htobe64(v);
    memcpy(at, &v, sizeof v);
}
static inline uint16_t seal__load_u16(const uint8_t *at) {
    uint16_t v = 0;
    memcpy(&v, at, sizeof v);
    return be16toh(v);
}
static inline uint32_t seal__load_u24(const uint8_t *at) {
    return ((uint32_t)at[0] << 16) | seal__load_u16(at + 1);
}
static inline uint32_t seal__load_u32(const uint8_t *at) {
    uint32_t v = 0;
    memcpy(&v, at, sizeof v);
    return be32toh(v);
}
static inline uint64_t seal__load_u64(const uint8_t *at) {
    uint64_t v = 0;
    memcpy(&v, at, sizeof v);
    return be64toh(v);
}

#endif
