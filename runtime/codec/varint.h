/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of protobuf's encoding: base-128 varints, and little-endian words. */
#ifndef SEAL_CODEC_VARINT_H
#define SEAL_CODEC_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define SEAL__IS_LITTLE_ENDIAN (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

/* For what is small, and in the middle of every loop. */
#define SEAL__ALWAYS_INLINE static inline __attribute__((always_inline))

enum {
    SEAL__WIRE_VARINT = 0,
    SEAL__WIRE_64 = 1,
    SEAL__WIRE_BYTES = 2,
    SEAL__WIRE_32 = 5,
    SEAL__WIRE_NONE = 8 /* no tag */
};

static inline size_t seal__varint_size(uint64_t value) {
    if (value < 0x80)
        return 1;
    unsigned bits = 64u - (unsigned)__builtin_clzll(value | 1);
    return (bits * 9 + 64) / 64; /* bits / 7, rounded up, for 1 to 64 */
}

/* Writes at most ten bytes; returns the end of them. */
static inline uint8_t *seal__varint_put(uint8_t *at, uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at = (uint8_t)value;
    return at + 1;
}

const uint8_t *seal__varint_get_long(const uint8_t *at, const uint8_t *end, size_t limit,
                                     uint64_t *ret_value);

/* Reads at most `limit` bytes. Returns the end of them, or NULL: it is longer, or cut off. Bits
 * beyond 64 are dropped. */
SEAL__ALWAYS_INLINE const uint8_t *seal__varint_get(const uint8_t *at, const uint8_t *end,
                                                    size_t limit, uint64_t *ret_value) {
    if (at != end && *at < 0x80) {
        *ret_value = *at;
        return at + 1;
    }
    if (end - at >= 2 && at[1] < 0x80) {
        *ret_value = (uint64_t)at[1] << 7 | (*at & 0x7f);
        return at + 2;
    }
    return seal__varint_get_long(at, end, limit, ret_value);
}

static inline uint32_t seal__little_32(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t seal__little_64(const uint8_t *at) {
    return seal__little_32(at) | (uint64_t)seal__little_32(at + 4) << 32;
}

static inline uint8_t *seal__little_32_put(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
    at[2] = (uint8_t)(value >> 16);
    at[3] = (uint8_t)(value >> 24);
    return at + 4;
}

static inline uint8_t *seal__little_64_put(uint8_t *at, uint64_t value) {
    at = seal__little_32_put(at, (uint32_t)value);
    return seal__little_32_put(at, (uint32_t)(value >> 32));
}

/* Of signed integers, small ones of either sign first. */
static inline uint64_t seal__zigzag(int64_t value) {
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static inline uint64_t seal__unzigzag(uint64_t value) {
    return value >> 1 ^ (0 - (value & 1));
}

#endif
