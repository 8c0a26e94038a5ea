/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/target_text.h"

#include <string.h>

#include "base/utf8.h"

bool seal__piece_cut(seal__piece *rest, char c, seal__piece *ret_head) {
    const char *at = rest->len > 0 ? memchr(rest->at, c, rest->len) : NULL;
    if (at == NULL) {
        *ret_head = *rest;
        *rest = (seal__piece){.at = rest->at + rest->len, .len = 0};
        return false;
    }
    *ret_head = (seal__piece){.at = rest->at, .len = (size_t)(at - rest->at)};
    *rest = (seal__piece){.at = at + 1, .len = rest->len - ret_head->len - 1};
    return true;
}

static int hex(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What is wrong with what cannot be decoded. */
static const char *reason(seal__piece in, size_t size) {
    size_t len = 0;
    if (in.len == 0)
        return "is empty: something is missing there";
    for (size_t i = 0; i < in.len; i++, len++) {
        if (in.at[i] != '%')
            continue;
        if (i + 2 >= in.len || hex(in.at[i + 1]) < 0 || hex(in.at[i + 2]) < 0)
            return "has a '%' without two hexadecimal digits; a '%' itself is written %25";
        i += 2;
    }
    return len >= size ? "is too long" : "has control characters, or is not UTF-8";
}

int seal__piece_decode(seal__piece in, char *text, size_t size, seal_error **reterr) {
    size_t len = 0;
    bool ok = in.len > 0;
    for (size_t i = 0; ok && i < in.len; i++) {
        int c = (unsigned char)in.at[i];
        if (c == '%') {
            int high = i + 2 < in.len ? hex(in.at[i + 1]) : -1;
            int low = i + 2 < in.len ? hex(in.at[i + 2]) : -1;
            c = high < 0 || low < 0 ? 0 : high * 16 + low;
            i += 2;
        }
        ok = c >= 0x20 && c != 0x7f && len + 1 < size;
        if (ok)
            text[len++] = (char)c;
    }
    ok = ok && seal__utf8_is_text((const uint8_t *)text, len);
    if (!ok)
        return seal__error(reterr, SEAL_ERROR_INVALID, "\"%.*s\" %s",
                           (int)(in.len < 200 ? in.len : 200), in.at, reason(in, size));
    text[len] = '\0';
    return 0;
}
