/* SPDX-License-Identifier: Apache-2.0 */
#include "call/details.h"

#include <string.h>

#define URL_PREFIX "type.googleapis.com/"

enum {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_FIXED32 = 5,
    VARINT_MAX = 10, /* bytes of one */
    STATUS_DETAILS = 3,
    ANY_TYPE_URL = 1,
    ANY_VALUE = 2
};

#define TAG(field, wire_type) ((uint8_t)((field) << 3 | (wire_type)))

/* ---- Writing ---- */

static size_t varint_size(size_t value) {
    size_t n = 1;
    while (value >>= 7)
        n++;
    return n;
}

static uint8_t *write_field(uint8_t *at, uint8_t tag, size_t len) {
    *at++ = tag;
    for (; len >= 0x80; len >>= 7)
        *at++ = (uint8_t)(len | 0x80);
    *at++ = (uint8_t)len;
    return at;
}

static uint8_t *write_bytes(uint8_t *at, const void *bytes, size_t len) {
    if (len > 0)
        memcpy(at, bytes, len);
    return at + len;
}

void seal__details_add(seal__buf *details, const char *type_name, const uint8_t *value,
                       size_t len) {
    size_t prefix = sizeof URL_PREFIX - 1, name = strlen(type_name), url = prefix + name;
    if (len > SEAL__DETAILS_MAX || name > SEAL__DETAILS_MAX) {
        details->failed = true;
        return;
    }
    size_t any = 1 + varint_size(url) + url + (len > 0 ? 1 + varint_size(len) + len : 0);
    uint8_t *at = seal__buf_reserve(details, 1 + varint_size(any) + any);
    if (at == NULL)
        return;
    at = write_field(at, TAG(STATUS_DETAILS, WIRE_BYTES), any);
    at = write_field(at, TAG(ANY_TYPE_URL, WIRE_BYTES), url);
    at = write_bytes(at, URL_PREFIX, prefix);
    at = write_bytes(at, type_name, name);
    if (len > 0) {
        at = write_field(at, TAG(ANY_VALUE, WIRE_BYTES), len);
        write_bytes(at, value, len);
    }
}

/* ---- Reading ---- */

typedef struct field {
    uint64_t tag;         /* field number and wire type */
    const uint8_t *bytes; /* of wire type 2 */
    size_t len;
} field;

static void skip(seal__reader *r, uint64_t n, field *ret_field) {
    if (n > r->left) {
        r->failed = true;
        return;
    }
    ret_field->len = (size_t)n;
    ret_field->bytes = seal__read_bytes(r, (size_t)n);
}

/* False at the end, and where there is no field; groups are none. */
static bool next_field(seal__reader *r, field *ret_field) {
    if (r->failed || r->left == 0)
        return false;
    *ret_field = (field){.tag = seal__read_varint(r, VARINT_MAX)};
    switch (ret_field->tag & 7) {
    case WIRE_VARINT:
        seal__read_varint(r, VARINT_MAX);
        break;
    case WIRE_FIXED64:
        skip(r, 8, ret_field);
        break;
    case WIRE_BYTES:
        skip(r, seal__read_varint(r, VARINT_MAX), ret_field);
        break;
    case WIRE_FIXED32:
        skip(r, 4, ret_field);
        break;
    default:
        r->failed = true;
    }
    if (ret_field->tag >> 3 == 0)
        r->failed = true;
    return !r->failed;
}

static bool is_type_name(const char *name, size_t len) {
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '.'))
            return false;
    }
    return len > 0;
}

static void take_type(seal__detail *detail, const field *url) {
    const uint8_t *slash = url->len > 0 ? memrchr(url->bytes, '/', url->len) : NULL;
    const uint8_t *name = slash != NULL ? slash + 1 : url->bytes;
    detail->type = (const char *)name;
    detail->type_len = url->len - (size_t)(name - url->bytes);
}

static bool read_any(const field *any, seal__detail *ret_detail) {
    seal__reader r;
    field f;
    seal__reader_init(&r, any->bytes, any->len);
    *ret_detail = (seal__detail){.type = "", .value = any->bytes};
    while (next_field(&r, &f)) {
        if (f.tag == TAG(ANY_TYPE_URL, WIRE_BYTES)) {
            take_type(ret_detail, &f);
        } else if (f.tag == TAG(ANY_VALUE, WIRE_BYTES)) {
            ret_detail->value = f.bytes;
            ret_detail->value_len = f.len;
        }
    }
    return seal__reader_ok(&r) && is_type_name(ret_detail->type, ret_detail->type_len);
}

bool seal__details_next(seal__reader *details, seal__detail *ret_detail) {
    field f;
    while (next_field(details, &f)) {
        if (f.tag != TAG(STATUS_DETAILS, WIRE_BYTES))
            continue;
        if (!read_any(&f, ret_detail))
            details->failed = true;
        return !details->failed;
    }
    return false;
}
