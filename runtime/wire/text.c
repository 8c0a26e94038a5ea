/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/text.h"

#include "base/utf8.h"

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

/* White space may stand in a text of several lines. Others could do things to a terminal. */
static bool is_harmful(uint8_t c) {
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

void seal__text_receive(const uint8_t *text, size_t len, char *to) {
    if (len > SEAL__TEXT_MAX)
        len = SEAL__TEXT_MAX;
    for (size_t i = 0; i < len;) {
        size_t n = seal__utf8_character(text + i, len - i);
        if (n == 0) {
            to[i++] = '?';
        } else if (n == 1) {
            to[i] = is_harmful(text[i]) ? ' ' : (char)text[i];
            i++;
        } else {
            memcpy(to + i, text + i, n);
            i += n;
        }
    }
    to[len] = '\0';
}
