/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <string.h>

wire_reader wire_read(wire_view message) {
    if (message.len == 0)
        return (wire_reader){0};
    return (wire_reader){.at = message.data, .end = message.data + message.len};
}

static bool fail(wire_reader *reader) {
    reader->malformed = true;
    return false;
}

static bool get_varint(wire_reader *reader, uint64_t *ret_value) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (reader->at == reader->end)
            return fail(reader);
        uint8_t byte = *reader->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return fail(reader);
}

static bool get_span(wire_reader *reader, uint64_t len, wire_view *ret_view) {
    if (len > (uint64_t)(reader->end - reader->at))
        return fail(reader);
    *ret_view = (wire_view){reader->at, (size_t)len};
    reader->at += len;
    return true;
}

static bool get_value(wire_reader *reader, wire_field *field) {
    uint64_t len;
    switch (field->type) {
    case WIRE_VARINT:
        return get_varint(reader, &field->varint);
    case WIRE_FIXED64:
        return get_span(reader, 8, &field->bytes);
    case WIRE_FIXED32:
        return get_span(reader, 4, &field->bytes);
    case WIRE_BYTES:
        return get_varint(reader, &len) && get_span(reader, len, &field->bytes);
    }
    return fail(reader);
}

bool wire_next(wire_reader *reader, wire_field *ret_field) {
    uint64_t tag;
    const uint8_t *start = reader->at;
    if (reader->malformed || reader->at == reader->end || !get_varint(reader, &tag))
        return false;
    if (tag > UINT32_MAX || tag >> 3 == 0)
        return fail(reader);
    *ret_field = (wire_field){.number = (uint32_t)(tag >> 3), .type = (wire_type)(tag & 7)};
    if (!get_value(reader, ret_field))
        return false;
    ret_field->whole = (wire_view){start, (size_t)(reader->at - start)};
    return true;
}

void wire_put_varint(printer *out, uint64_t value) {
    while (value >= 0x80) {
        printer_char(out, (char)(unsigned char)(value | 0x80));
        value >>= 7;
    }
    printer_char(out, (char)value);
}

void wire_put_int(printer *out, uint32_t number, uint64_t value) {
    wire_put_varint(out, (uint64_t)number << 3 | WIRE_VARINT);
    wire_put_varint(out, value);
}

void wire_put_bytes(printer *out, uint32_t number, const void *data, size_t len) {
    wire_put_varint(out, (uint64_t)number << 3 | WIRE_BYTES);
    wire_put_varint(out, len);
    printer_bytes(out, data, len);
}

void wire_put_string(printer *out, uint32_t number, const char *text) {
    wire_put_bytes(out, number, text, strlen(text));
}

void wire_put_field(printer *out, const wire_field *field) {
    printer_bytes(out, field->whole.data, field->whole.len);
}
