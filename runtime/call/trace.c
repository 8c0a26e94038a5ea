/* SPDX-License-Identifier: Apache-2.0 */
#include "call/trace.h"

#include <string.h>

/* Where the parts of a value stand. */
enum { VERSION_AT = 0, TRACE_AT = 3, SPAN_AT = 36, FLAGS_AT = 53, TRACE_DIGITS = 32 };

static bool is_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool are_digits(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(text[i]))
            return false;
    }
    return true;
}

static bool is_id(const char *text, size_t digits) {
    return are_digits(text, digits) && strspn(text, "0") < digits;
}

static bool parts_ok(const char *text) {
    return are_digits(text + VERSION_AT, 2) && text[TRACE_AT - 1] == '-' &&
           is_id(text + TRACE_AT, TRACE_DIGITS) && text[SPAN_AT - 1] == '-' &&
           is_id(text + SPAN_AT, (size_t)2 * SEAL__SPAN_ID) && text[FLAGS_AT - 1] == '-' &&
           are_digits(text + FLAGS_AT, 2);
}

bool seal__traceparent_ok(const char *text, size_t len) {
    if (len < SEAL__TRACEPARENT || !parts_ok(text) || memcmp(text, "ff", 2) == 0)
        return false;
    if (len == SEAL__TRACEPARENT)
        return true;
    return memcmp(text, "00", 2) != 0 && text[SEAL__TRACEPARENT] == '-';
}

static bool is_odd(char digit) {
    return ((digit <= '9' ? digit - '0' : digit - 'a') & 1) != 0;
}

void seal__traceparent_child(const char *parent, const uint8_t span[SEAL__SPAN_ID],
                             char text[SEAL__TRACEPARENT + 1]) {
    static const char digits[] = "0123456789abcdef";
    memcpy(text, "00-", TRACE_AT);
    memcpy(text + TRACE_AT, parent + TRACE_AT, TRACE_DIGITS);
    text[SPAN_AT - 1] = '-';
    for (size_t i = 0; i < SEAL__SPAN_ID; i++) {
        text[SPAN_AT + 2 * i] = digits[span[i] >> 4];
        text[SPAN_AT + 2 * i + 1] = digits[span[i] & 15];
    }
    text[FLAGS_AT - 1] = '-';
    text[FLAGS_AT] = '0';
    text[FLAGS_AT + 1] = is_odd(parent[FLAGS_AT + 1]) ? '1' : '0';
    text[SEAL__TRACEPARENT] = '\0';
}
