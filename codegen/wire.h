/* SPDX-License-Identifier: Apache-2.0 */
/* The protobuf wire format, field by field: to copy a message while changing some of it, without
 * losing the fields that this program does not know. */
#ifndef CODEGEN_WIRE_H
#define CODEGEN_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "printer.h"

typedef enum wire_type {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_FIXED32 = 5
} wire_type;

typedef struct wire_view {
    const uint8_t *data;
    size_t len;
} wire_view;

typedef struct wire_field {
    uint32_t number;
    wire_type type;
    uint64_t varint; /* of WIRE_VARINT */
    wire_view bytes; /* of WIRE_BYTES: the payload */
    wire_view whole; /* tag and value, as they stand */
} wire_field;

typedef struct wire_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool malformed;
} wire_reader;

wire_reader wire_read(wire_view message);

/* Returns false at the end, or when the bytes are malformed (groups are). */
bool wire_next(wire_reader *reader, wire_field *ret_field);

void wire_put_varint(printer *out, uint64_t value);
void wire_put_int(printer *out, uint32_t number, uint64_t value);
void wire_put_bytes(printer *out, uint32_t number, const void *data, size_t len);
void wire_put_string(printer *out, uint32_t number, const char *text);
void wire_put_field(printer *out, const wire_field *field);

#endif
