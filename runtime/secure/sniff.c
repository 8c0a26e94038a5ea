/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody else's protocol, recognized for the sake of the message. */
#include "secure/handshake.h"

#include <stdio.h>
#include <string.h>

/* A NUL-free prefix, and what it means. */
static const struct {
    const char *prefix;
    const char *what;
} others[] = {
    {"PRI * HTTP/2", "an HTTP/2 connection preface"},
    {"GET ", "an HTTP request"},
    {"POST ", "an HTTP request"},
    {"PUT ", "an HTTP request"},
    {"HEAD ", "an HTTP request"},
    {"OPTIONS ", "an HTTP request"},
    {"DELETE ", "an HTTP request"},
    {"PATCH ", "an HTTP request"},
    {"CONNECT ", "an HTTP request"},
    {"TRACE ", "an HTTP request"},
    {"HTTP/", "an HTTP response"},
    {"SSH-", "an SSH banner"},
    {"\x16\x03", "a TLS handshake"},
    {"\x15\x03", "a TLS alert"},
    {"220 ", "an FTP or SMTP greeting"},
};

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static seal__sniffed describe(const uint8_t *bytes, size_t len, char *ret_text) {
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        size_t n = strlen(others[i].prefix);
        if (memcmp(bytes, others[i].prefix, least(n, len)) != 0)
            continue;
        if (len < n)
            return SEAL__SNIFF_MORE;
        snprintf(ret_text, SEAL__SNIFF_TEXT, "it sent %s", others[i].what);
        return SEAL__SNIFF_OTHER;
    }
    if (bytes[0] == 0x80 && (len < 2 || bytes[1] == 0)) {
        snprintf(ret_text, SEAL__SNIFF_TEXT, "it sent an ONC RPC record");
        return len < 2 ? SEAL__SNIFF_MORE : SEAL__SNIFF_OTHER;
    }
    if (len < SEAL__RECORD_HEADER) /* so that the message shows as much, however they arrive */
        return SEAL__SNIFF_MORE;
    int n = snprintf(ret_text, SEAL__SNIFF_TEXT, "it sent unknown bytes 0x");
    for (size_t i = 0; i < least(len, 8); i++)
        n += snprintf(ret_text + n, SEAL__SNIFF_TEXT - (size_t)n, "%02x", bytes[i]);
    return SEAL__SNIFF_OTHER;
}

/* The first frame of an HTTP/2 server. Its type is the number of our FINISHED. */
static seal__sniffed check_http2_settings(const uint8_t *bytes, size_t len, char *ret_text) {
    static const uint8_t flags_and_stream[5] = {0};
    size_t body = seal__load_u24(bytes);
    if (body < 5 || body % 6 != 0 || memcmp(bytes + 4, flags_and_stream, least(len - 4, 5)) != 0)
        return SEAL__SNIFF_OURS;
    snprintf(ret_text, SEAL__SNIFF_TEXT, "it sent an HTTP/2 SETTINGS frame");
    return len < 9 ? SEAL__SNIFF_MORE : SEAL__SNIFF_OTHER;
}

static bool is_our_type(uint8_t type) {
    return (type >= SEAL__CLIENT_HELLO && type <= SEAL__SWITCH) || (type >= 0x20 && type <= 0x23);
}

seal__sniffed seal__sniff(seal__role receiver, const uint8_t *bytes, size_t len,
                          char ret_text[SEAL__SNIFF_TEXT]) {
    uint8_t hello = receiver == SEAL__SERVER ? SEAL__CLIENT_HELLO : SEAL__SERVER_HELLO;
    if (len == 0)
        return SEAL__SNIFF_MORE;
    if (bytes[0] != 0 || (len > 3 && !is_our_type(bytes[3])))
        return describe(bytes, len, ret_text);
    if (len < 4)
        return SEAL__SNIFF_MORE;
    if (bytes[3] == SEAL__FINISHED)
        return check_http2_settings(bytes, len, ret_text);
    if (bytes[3] != hello)
        return SEAL__SNIFF_OURS; /* a message of ours where it does not belong */
    if (seal__load_u24(bytes) < SEAL__MAGIC)
        return describe(bytes, len, ret_text);
    size_t n = least(len - 4, SEAL__MAGIC);
    if (memcmp(bytes + 4, seal__magic, n) != 0)
        return describe(bytes, len, ret_text);
    return n < SEAL__MAGIC ? SEAL__SNIFF_MORE : SEAL__SNIFF_OURS;
}
