/* SPDX-License-Identifier: Apache-2.0 */
#include "response.h"

#include "wire.h"

enum {
    RESPONSE_ERROR = 1,
    RESPONSE_FEATURES = 2,
    RESPONSE_FILE = 15,
    FILE_NAME = 1,
    FILE_CONTENT = 15
};

/* protoc refuses files with proto3 optional fields otherwise. */
enum { FEATURE_PROTO3_OPTIONAL = 1 };

void response_done(response *r) {
    printer_done(&r->files);
}

void response_add(response *r, const char *name, const printer *content) {
    printer entry = {0};
    wire_put_string(&entry, FILE_NAME, name);
    wire_put_bytes(&entry, FILE_CONTENT, content->data, content->len);
    wire_put_bytes(&r->files, RESPONSE_FILE, entry.data, entry.len);
    r->files.overflow |= entry.overflow || content->overflow;
    printer_done(&entry);
    r->count++;
}

void response_write(const response *r, printer *out) {
    wire_put_int(out, RESPONSE_FEATURES, FEATURE_PROTO3_OPTIONAL);
    printer_bytes(out, r->files.data, r->files.len);
    out->overflow |= r->files.overflow;
}

void response_write_error(const char *text, size_t len, printer *out) {
    wire_put_bytes(out, RESPONSE_ERROR, text, len);
    wire_put_int(out, RESPONSE_FEATURES, FEATURE_PROTO3_OPTIONAL);
}
