/* SPDX-License-Identifier: Apache-2.0 */
/* The details of a status, for a result: types and values in one piece of memory. */
#include <string.h>

#include "call/details.h"
#include "client/client_internal.h"

typedef struct detail {
    const char *type;
    seal_bytes value;
} detail;

struct seal__details {
    size_t count;
    detail list[]; /* then the bytes */
};

static size_t count_details(seal_bytes encoded, size_t *ret_bytes) {
    seal__reader reader;
    seal__detail one;
    size_t n = 0;
    *ret_bytes = 0;
    seal__reader_init(&reader, encoded.data, encoded.len);
    for (; seal__details_next(&reader, &one); n++)
        *ret_bytes += one.type_len + 1 + one.value_len;
    return n;
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t len) {
    if (len > 0)
        memcpy(at, bytes, len);
    return at + len;
}

static void copy_details(seal__details *details, seal_bytes encoded) {
    seal__reader reader;
    seal__detail one;
    uint8_t *at = (uint8_t *)&details->list[details->count];
    seal__reader_init(&reader, encoded.data, encoded.len);
    for (size_t i = 0; i < details->count && seal__details_next(&reader, &one); i++) {
        details->list[i].type = (const char *)at;
        at = put(at, one.type, one.type_len);
        *at++ = '\0';
        details->list[i].value = (seal_bytes){.data = at, .len = one.value_len};
        at = put(at, one.value, one.value_len);
    }
}

seal__details *seal__details_parse(const seal_allocator *alloc, seal_bytes encoded) {
    size_t bytes = 0;
    size_t size = 0;
    size_t n = encoded.len <= SEAL__DETAILS_MAX ? count_details(encoded, &bytes) : 0;
    if (n == 0 || !seal__mul(n, sizeof(detail), &size) || !seal__add(size, bytes, &size) ||
        !seal__add(size, sizeof(seal__details), &size))
        return NULL;
    seal__details *details = seal__alloc(alloc, size);
    if (details == NULL)
        return NULL;
    details->count = n;
    copy_details(details, encoded);
    return details;
}

size_t seal__details_count(const seal__details *details) {
    return details != NULL ? details->count : 0;
}

const char *seal__details_type(const seal__details *details, size_t index) {
    return index < seal__details_count(details) ? details->list[index].type : "";
}

seal_bytes seal__details_value(const seal__details *details, size_t index) {
    return index < seal__details_count(details) ? details->list[index].value
                                                : (seal_bytes){.data = NULL};
}
