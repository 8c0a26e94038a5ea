/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns how many bytes the character has, 0 where it is none. */
static size_t character(const unsigned char *bytes) {
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = bytes[0];
    size_t len = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (len < 2)
        return len;
    uint32_t value = first & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3fu);
    }
    bool surrogate = value >= 0xd800 && value < 0xe000;
    return first < 0xf8 && value >= smallest[len] && value <= 0x10ffff && !surrogate ? len : 0;
}

static bool is_control(const unsigned char *bytes) {
    return bytes[0] < 0x20 || bytes[0] == 0x7f || (bytes[0] == 0xc2 && bytes[1] < 0xa0);
}

void text_clean(char *text) {
    unsigned char *at = (unsigned char *)text;
    while (*at != '\0') {
        size_t len = character(at);
        if (len == 0 || is_control(at))
            *at = '?'; /* what is left of it is not UTF-8 either */
        at += len > 0 && *at != '?' ? len : 1;
    }
}
