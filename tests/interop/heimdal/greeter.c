/* SPDX-License-Identifier: Apache-2.0 */
#include "greeter.h"

#include <string.h>

#include "base/reader.h"
#include "base/utf8.h"

enum { TAG_TEXT = 1 << 3 | 2, WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static size_t varint_size(size_t value) {
    size_t n = 1;
    for (; value > 0x7f; value >>= 7)
        n++;
    return n;
}

size_t greeter_size(const char *text) {
    size_t len = strlen(text);
    return len == 0 ? 0 : 1 + varint_size(len) + len;
}

void greeter_pack(const void *text, uint8_t *at) {
    size_t len = strlen(text);
    if (len == 0)
        return;
    *at++ = TAG_TEXT;
    size_t left = len;
    for (; left > 0x7f; left >>= 7)
        *at++ = (uint8_t)(0x80 | (left & 0x7f));
    *at++ = (uint8_t)left;
    const char *from = text;
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)from[i];
}

static uint64_t read_varint(seal__reader *in) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = seal__read_u8(in);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
    in->failed = true;
    return 0;
}

static const uint8_t *read_string(seal__reader *in, size_t *ret_len) {
    uint64_t len = read_varint(in);
    *ret_len = len > in->left ? 0 : (size_t)len;
    return seal__read_bytes(in, len > in->left ? SIZE_MAX : (size_t)len);
}

static void skip(seal__reader *in, unsigned wire) {
    size_t len = 0;
    if (wire == WIRE_VARINT)
        read_varint(in);
    else if (wire == WIRE_BYTES)
        read_string(in, &len);
    else if (wire == WIRE_64 || wire == WIRE_32)
        seal__read_bytes(in, wire == WIRE_64 ? 8 : 4);
    else
        in->failed = true;
}

char *greeter_unpack(const uint8_t *message, size_t len) {
    seal__reader in;
    seal__reader_init(&in, message, len);
    const uint8_t *text = message;
    size_t text_len = 0;
    while (seal__reader_ok(&in) && in.left > 0) {
        uint64_t tag = read_varint(&in);
        if (tag == TAG_TEXT)
            text = read_string(&in, &text_len);
        else
            skip(&in, (unsigned)(tag & 7));
    }
    if (!seal__reader_ok(&in) || !seal__utf8_is_text(text, text_len))
        return NULL;
    return strndup((const char *)text, text_len);
}
