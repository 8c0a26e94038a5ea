/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a byte string with a sticky error: read straight through, then test seal__reader_ok or
 * seal__reader_at_end once. After a failure every read gives 0 or NULL. No length arithmetic
 * outside.
 */
#ifndef SEAL_BASE_READER_H
#define SEAL_BASE_READER_H

#include "base/buf.h"

typedef struct seal__reader {
    const uint8_t *at;
    size_t left;
    bool failed;
} seal__reader;

static inline void seal__reader_init(seal__reader *r, const void *data, size_t len) {
    r->at = data;
    r->left = len;
    r->failed = false;
}

/* The next n bytes, borrowed from the input; NULL on failure. */
static inline const uint8_t *seal__read_bytes(seal__reader *r, size_t n) {
    static const uint8_t nothing[1] = {0};
    if (r->failed || n > r->left) {
        r->failed = true;
        return NULL;
    }
    if (n == 0)
        return r->at != NULL ? r->at : nothing;
    const uint8_t *bytes = r->at;
    r->at += n;
    r->left -= n;
    return bytes;
}

static inline uint8_t seal__read_u8(seal__reader *r) {
    const uint8_t *p = seal__read_bytes(r, 1);
    return p == NULL ? 0 : p[0];
}
static inline uint16_t seal__read_u16(seal__reader *r) {
    const uint8_t *p = seal__read_bytes(r, 2);
    return p == NULL ? 0 : seal__load_u16(p);
}
static inline uint32_t seal__read_u32(seal__reader *r) {
    const uint8_t *p = seal__read_bytes(r, 4);
    return p == NULL ? 0 : seal__load_u32(p);
}
static inline uint64_t seal__read_u64(seal__reader *r) {
    const uint8_t *p = seal__read_bytes(r, 8);
    return p == NULL ? 0 : seal__load_u64(p);
}
/* A base-128 varint of protobuf, in at most max_bytes (up to 10) bytes. */
static inline uint64_t seal__read_varint(seal__reader *r, unsigned max_bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < max_bytes; i++) {
        uint8_t byte = seal__read_u8(r);
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80)
            return value;
    }
    r->failed = true;
    return 0;
}
static inline bool seal__reader_ok(const seal__reader *r) {
    return !r->failed;
}
/* Nothing failed and nothing is left over. */
static inline bool seal__reader_at_end(const seal__reader *r) {
    return !r->failed && r->left == 0;
}

#endif
