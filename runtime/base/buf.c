/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <string.h>

void seal__buf_init(seal__buf *buf, const seal_allocator *alloc, size_t max) {
    *buf = (seal__buf){.max = max, .alloc = alloc};
}

void seal__buf_done(seal__buf *buf) {
    if (buf->data != NULL)
        seal__release(buf->alloc, buf->data);
    *buf = (seal__buf){.max = buf->max, .alloc = buf->alloc};
}

void seal__buf_done_wiped(seal__buf *buf) {
    seal__wipe(buf->data, buf->cap);
    seal__buf_done(buf);
}

static bool grow(seal__buf *buf, size_t need) {
    size_t cap = buf->cap < 256 ? 256 : buf->cap;
    while (cap < need)
        cap = cap > buf->max / 2 ? buf->max : cap * 2;
    if (cap > buf->max)
        cap = need;
    uint8_t *data = seal__resize(buf->alloc, buf->data, cap);
    if (data == NULL)
        return false;
    buf->data = data;
    buf->cap = cap;
    return true;
}

bool seal__buf_ensure(seal__buf *buf, size_t n) {
    if (buf->failed)
        return false;
    size_t need = 0;
    if (!seal__add(buf->len, n, &need) || need > buf->max || (need > buf->cap && !grow(buf, need)))
        buf->failed = true;
    return !buf->failed;
}

static uint8_t *take(seal__buf *buf, size_t n) {
    uint8_t *at = buf->data + buf->len;
    buf->len += n;
    return at;
}

/* Out of line, so that the common case saves no registers. */
__attribute__((noinline)) static uint8_t *grow_and_take(seal__buf *buf, size_t n) {
    return seal__buf_ensure(buf, n) && buf->data != NULL ? take(buf, n) : NULL;
}

uint8_t *seal__buf_reserve(seal__buf *buf, size_t n) {
    bool has_room = !buf->failed && buf->data != NULL && n <= buf->cap - buf->len;
    return has_room && buf->len + n <= buf->max ? take(buf, n) : grow_and_take(buf, n);
}

void seal__buf_put(seal__buf *buf, const void *bytes, size_t n) {
    uint8_t *at = n == 0 ? NULL : seal__buf_reserve(buf, n);
    if (at != NULL)
        memcpy(at, bytes, n);
}

void seal__buf_put_u8(seal__buf *buf, uint8_t value) {
    seal__buf_put(buf, &value, 1);
}

void seal__buf_put_u16(seal__buf *buf, uint16_t value) {
    uint8_t *at = seal__buf_reserve(buf, 2);
    if (at != NULL)
        seal__store_u16(at, value);
}

void seal__buf_put_u32(seal__buf *buf, uint32_t value) {
    uint8_t *at = seal__buf_reserve(buf, 4);
    if (at != NULL)
        seal__store_u32(at, value);
}

void seal__buf_put_u64(seal__buf *buf, uint64_t value) {
    uint8_t *at = seal__buf_reserve(buf, 8);
    if (at != NULL)
        seal__store_u64(at, value);
}

void seal__buf_consume(seal__buf *buf, size_t n) {
    if (n == 0)
        return;
    buf->len -= n;
    memmove(buf->data, buf->data + n, buf->len);
}

void seal__buf_reset(seal__buf *buf) {
    buf->len = 0;
    buf->failed = false;
}
