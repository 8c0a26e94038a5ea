/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <string.h>

/* protobuf-c decodes by recursion, so the depth is limited before. protoc stops much earlier. */
enum { MAX_NESTING = 64 };

enum {
    REQUEST_FILE_TO_GENERATE = 1,
    REQUEST_PARAMETER = 2,
    REQUEST_PROTO_FILE = 15,
    FILE_NAME = 1,
    FILE_DEPENDENCY = 3,
    FILE_MESSAGE = 4,
    MESSAGE_NESTED = 3
};

static bool has_nul(wire_view text) {
    return text.len > 0 && memchr(text.data, '\0', text.len) != NULL;
}

static const char *check_message(wire_view message, unsigned depth) {
    if (depth > MAX_NESTING)
        return "messages are nested too deeply";
    wire_reader reader = wire_read(message);
    wire_field field;
    while (wire_next(&reader, &field)) {
        if (field.number != MESSAGE_NESTED || field.type != WIRE_BYTES)
            continue;
        const char *wrong = check_message(field.bytes, depth + 1);
        if (wrong != NULL)
            return wrong;
    }
    return reader.malformed ? "it is malformed" : NULL;
}

static const char *check_file(wire_view file) {
    wire_reader reader = wire_read(file);
    wire_field field;
    while (wire_next(&reader, &field)) {
        if (field.type != WIRE_BYTES)
            continue;
        if ((field.number == FILE_NAME || field.number == FILE_DEPENDENCY) && has_nul(field.bytes))
            return "a file name contains NUL";
        const char *wrong = field.number == FILE_MESSAGE ? check_message(field.bytes, 1) : NULL;
        if (wrong != NULL)
            return wrong;
    }
    return reader.malformed ? "it is malformed" : NULL;
}

static const char *check_request(wire_view request) {
    wire_reader reader = wire_read(request);
    wire_field field;
    while (wire_next(&reader, &field)) {
        if (field.type != WIRE_BYTES)
            continue;
        if ((field.number == REQUEST_FILE_TO_GENERATE || field.number == REQUEST_PARAMETER) &&
            has_nul(field.bytes))
            return "a file name or parameter contains NUL";
        const char *wrong = field.number == REQUEST_PROTO_FILE ? check_file(field.bytes) : NULL;
        if (wrong != NULL)
            return wrong;
    }
    return reader.malformed ? "it is malformed" : NULL;
}

Spb__CodeGeneratorRequest *request_decode(wire_view bytes, const char **ret_wrong) {
    *ret_wrong = check_request(bytes);
    if (*ret_wrong != NULL)
        return NULL;
    Spb__CodeGeneratorRequest *request =
        spb__code_generator_request__unpack(NULL, bytes.len, bytes.data);
    if (request == NULL)
        *ret_wrong = "it is malformed, or there is too little memory for it";
    return request;
}

void request_free(Spb__CodeGeneratorRequest *request) {
    if (request != NULL)
        spb__code_generator_request__free_unpacked(request, NULL);
}
