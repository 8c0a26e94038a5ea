/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/text.h"

size_t seal__text_send_len(const char *text) {
    if (text == NULL)
        return 0;
    size_t len = strnlen(text, SEAL__TEXT_MAX + 1);
    if (len <= SEAL__TEXT_MAX)
        return len;
    len = SEAL__TEXT_MAX;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

/* Length of the UTF-8 character at `at`; 0 when it is none (RFC 3629: no overlong form, no
 * surrogate). */
static size_t character_len(const uint8_t *at, size_t left) {
    uint8_t first = at[0];
    if (first < 0x80)
        return 1;
    size_t n = first >= 0xc2 && first <= 0xdf   ? 2
               : (first & 0xf0) == 0xe0         ? 3
               : first >= 0xf0 && first <= 0xf4 ? 4
                                                : 0;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((first == 0xe0 && at[1] < 0xa0) || (first == 0xed && at[1] > 0x9f) ||
        (first == 0xf0 && at[1] < 0x90) || (first == 0xf4 && at[1] > 0x8f))
        return 0;
    return n;
}

void seal__text_receive(const uint8_t *text, size_t len, char *to) {
    if (len > SEAL__TEXT_MAX)
        len = SEAL__TEXT_MAX;
    for (size_t i = 0; i < len;) {
        size_t n = character_len(text + i, len - i);
        if (n == 0) {
            to[i++] = '?';
        } else if (n == 1) {
            to[i] = text[i] < 0x20 || text[i] == 0x7f ? ' ' : (char)text[i];
            i++;
        } else {
            memcpy(to + i, text + i, n);
            i += n;
        }
    }
    to[len] = '\0';
}
