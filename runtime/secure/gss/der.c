/* SPDX-License-Identifier: Apache-2.0 */
/* DER, as little of it as a ticket needs: libkrb5 exports no encoder that a header declares. */
#include "secure/gss/gss_internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void seal__der_init(seal__der *der) {
    der->at = sizeof der->bytes;
    der->failed = false;
}

size_t seal__der_open(const seal__der *der) {
    return der->at;
}

void seal__der_bytes(seal__der *der, const void *bytes, size_t len) {
    if (der->failed || len > der->at) {
        der->failed = true;
        return;
    }
    der->at -= len;
    if (len > 0)
        memcpy(der->bytes + der->at, bytes, len);
}

void seal__der_close(seal__der *der, uint8_t tag, size_t end) {
    size_t len = end - der->at;
    uint8_t head[4] = {tag, 0x82, (uint8_t)(len >> 8), (uint8_t)len};
    if (len >= 0x100) {
        seal__der_bytes(der, head, 4);
    } else if (len >= 0x80) {
        head[1] = 0x81;
        head[2] = (uint8_t)len;
        seal__der_bytes(der, head, 3);
    } else {
        head[1] = (uint8_t)len;
        seal__der_bytes(der, head, 2);
    }
}

void seal__der_string(seal__der *der, uint8_t tag, const void *bytes, size_t len) {
    size_t end = seal__der_open(der);
    seal__der_bytes(der, bytes, len);
    seal__der_close(der, tag, end);
}

void seal__der_integer(seal__der *der, int64_t value) {
    size_t end = seal__der_open(der);
    uint8_t octet = 0;
    do {
        octet = (uint8_t)value;
        seal__der_bytes(der, &octet, 1);
        value = value < 0 ? -(-(value + 1) / 256) - 1 : value / 256;
    } while ((value != 0 || (octet & 0x80) != 0) && (value != -1 || (octet & 0x80) == 0));
    seal__der_close(der, 0x02, end);
}

void seal__der_bits32(seal__der *der, uint32_t bits) {
    uint8_t content[5] = {0};
    seal__store_u32(content + 1, bits);
    seal__der_string(der, 0x03, content, sizeof content);
}

void seal__der_time(seal__der *der, int64_t seconds) {
    time_t at = (time_t)seconds;
    struct tm utc;
    char text[32];
    if (gmtime_r(&at, &utc) == NULL || strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &utc) != 15) {
        der->failed = true;
        return;
    }
    seal__der_string(der, 0x18, text, 15);
}
