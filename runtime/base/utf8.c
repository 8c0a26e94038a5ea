/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <string.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Eight bytes of 0x01 to 0x7f: subtracting 1 borrows into the top bit of none of them. */
static bool is_plain(uint64_t bytes) {
    return ((bytes | (bytes - EACH(0x01))) & EACH(0x80)) == 0;
}

static bool is_tail(uint8_t byte) {
    return (byte & 0xc0) == 0x80;
}

/* Length of the character that starts with a byte from 0x80 on; 0: it is none. */
static size_t long_character(const uint8_t *at, size_t left) {
    if (left >= 2 && at[0] >= 0xc2 && at[0] <= 0xdf && is_tail(at[1]))
        return 2;
    if (left >= 3 && (at[0] & 0xf0) == 0xe0 && is_tail(at[1]) && is_tail(at[2])) {
        bool overlong = at[0] == 0xe0 && at[1] < 0xa0;
        bool surrogate = at[0] == 0xed && at[1] > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    if (left >= 4 && at[0] >= 0xf0 && at[0] <= 0xf4 && is_tail(at[1]) && is_tail(at[2]) &&
        is_tail(at[3])) {
        bool overlong = at[0] == 0xf0 && at[1] < 0x90;
        bool above = at[0] == 0xf4 && at[1] > 0x8f;
        return overlong || above ? 0 : 4;
    }
    return 0;
}

size_t seal__utf8_character(const uint8_t *at, size_t left) {
    return at[0] < 0x80 ? 1 : long_character(at, left);
}

bool seal__utf8_is_text(const uint8_t *bytes, size_t len) {
    size_t i = 0;
    while (i < len) {
        uint64_t eight;
        if (len - i >= sizeof eight) {
            memcpy(&eight, bytes + i, sizeof eight);
            if (is_plain(eight)) {
                i += sizeof eight;
                continue;
            }
        }
        if (bytes[i] == 0)
            return false;
        size_t n = seal__utf8_character(bytes + i, len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}
