/* SPDX-License-Identifier: Apache-2.0 */
#include "random.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ELEMENTS = 6, MAX_UNKNOWN = 3 };

void chance_init(chance *c, uint64_t seed) {
    c->state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    seal__arena_init(&c->memory, &seal__default_allocator, SIZE_MAX);
}

void chance_done(chance *c) {
    seal__arena_done(&c->memory);
}

/* splitmix64 */
uint64_t chance_bits(chance *c) {
    uint64_t z = c->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

size_t chance_below(chance *c, size_t end) {
    return (size_t)(chance_bits(c) % end);
}

static void *give(chance *c, size_t size) {
    void *ptr = seal__arena_alloc(&c->memory, size);
    if (ptr == NULL)
        abort();
    return ptr;
}

/* Small and large ones alike, and zero. */
static uint64_t number(chance *c) {
    uint64_t bits = chance_bits(c) >> chance_below(c, 64);
    return chance_below(c, 4) == 0 ? 0 - bits : bits;
}

static size_t some_length(chance *c) {
    return chance_below(c, chance_below(c, 8) == 0 ? 300 : 12);
}

static char *text(chance *c) {
    static const char *const parts[] = {
        "a", "sealed", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x94\x92", "0123456789abcdef"};
    size_t n = some_length(c);
    char *made = give(c, n * 16 + 1), *end = made;
    for (size_t i = 0; i < n; i++) {
        const char *part = parts[chance_below(c, sizeof parts / sizeof parts[0])];
        size_t len = strlen(part);
        memcpy(end, part, len);
        end += len;
    }
    *end = '\0';
    return made;
}

static void fill_bytes(chance *c, ProtobufCBinaryData *bytes) {
    bytes->len = some_length(c);
    bytes->data = bytes->len == 0 && chance_below(c, 2) == 0 ? NULL : give(c, bytes->len);
    for (size_t i = 0; i < bytes->len; i++)
        bytes->data[i] = (uint8_t)chance_bits(c);
}

static size_t fill_value(chance *c, const ProtobufCFieldDescriptor *field, unsigned depth,
                         void *at) {
    uint64_t wide = number(c);
    uint32_t half = (uint32_t)wide;
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        *(char **)at = text(c);
        return sizeof(char *);
    case PROTOBUF_C_TYPE_BYTES:
        fill_bytes(c, at);
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_MESSAGE:
        *(ProtobufCMessage **)at = chance_message(c, field->descriptor, depth - 1);
        return sizeof(ProtobufCMessage *);
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)at = (protobuf_c_boolean)(wide & 1);
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        memcpy(at, &wide, sizeof wide);
        return sizeof wide;
    default:
        memcpy(at, &half, sizeof half);
        return sizeof half;
    }
}

static void *member(ProtobufCMessage *message, unsigned offset) {
    return (char *)message + offset;
}

static void fill_list(chance *c, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                      unsigned depth) {
    size_t n = chance_below(c, chance_below(c, 10) == 0 ? 40 : MAX_ELEMENTS);
    if (depth > 1 && field->type == PROTOBUF_C_TYPE_MESSAGE && n > 3)
        n = 3;
    char *array = give(c, n * sizeof(ProtobufCBinaryData)), *at = array;
    for (size_t i = 0; i < n; i++)
        at += fill_value(c, field, depth, at);
    *(size_t *)member(message, field->quantifier_offset) = n;
    *(char **)member(message, field->offset) = array;
}

static void fill_field(chance *c, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                       unsigned depth) {
    bool required = field->label == PROTOBUF_C_LABEL_REQUIRED;
    bool oneof = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    uint32_t *says = member(message, field->quantifier_offset);
    if (!required && (chance_below(c, 2) == 0 || (oneof && *says != 0) ||
                      (field->type == PROTOBUF_C_TYPE_MESSAGE && depth == 1)))
        return;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        fill_list(c, message, field, depth);
        return;
    }
    fill_value(c, field, depth == 1 ? 2 : depth, member(message, field->offset));
    if (oneof)
        *says = field->id;
    else if (!required && field->quantifier_offset != 0)
        *(protobuf_c_boolean *)says = 1;
}

static void fill_unknown(chance *c, ProtobufCMessageUnknownField *field) {
    static uint8_t values[][9] = {
        {0x85, 0x01}, {1, 2, 3, 4, 5, 6, 7, 8}, {2, 'a', 'b'}, {9, 8, 7, 6}};
    static const struct {
        ProtobufCWireType wire;
        size_t len;
    } kinds[] = {{PROTOBUF_C_WIRE_TYPE_VARINT, 2},
                 {PROTOBUF_C_WIRE_TYPE_64BIT, 8},
                 {PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, 3},
                 {PROTOBUF_C_WIRE_TYPE_32BIT, 4}};
    size_t kind = chance_below(c, 4);
    field->tag = (uint32_t)(5000 + chance_below(c, 100000));
    field->wire_type = kinds[kind].wire;
    field->len = kinds[kind].len;
    field->data = values[kind];
}

ProtobufCMessage *chance_message(chance *c, const ProtobufCMessageDescriptor *type,
                                 unsigned depth) {
    ProtobufCMessage *message = give(c, type->sizeof_message);
    protobuf_c_message_init(type, message);
    for (unsigned i = 0; i < type->n_fields; i++)
        fill_field(c, message, &type->fields[i], depth);
    if (chance_below(c, 4) != 0)
        return message;
    message->n_unknown_fields = (unsigned)chance_below(c, MAX_UNKNOWN);
    message->unknown_fields = give(c, MAX_UNKNOWN * sizeof *message->unknown_fields);
    for (unsigned i = 0; i < message->n_unknown_fields; i++)
        fill_unknown(c, &message->unknown_fields[i]);
    return message;
}

/* ---- Damage ---------------------------------------------------------------------------------- */

static size_t move(chance *c, uint8_t *bytes, size_t len) {
    size_t n = 1 + chance_below(c, 8), from = chance_below(c, len + 1);
    switch (chance_below(c, 4)) {
    case 0: /* cut */
        return from;
    case 1: /* leave out */
        if (n > len - from)
            n = len - from;
        memmove(bytes + from, bytes + from + n, len - from - n);
        return len - n;
    case 2: /* insert */
        memmove(bytes + from + n, bytes + from, len - from);
        for (size_t i = 0; i < n; i++)
            bytes[from + i] = (uint8_t)chance_bits(c);
        return len + n;
    default: /* twice */
        memcpy(bytes + len, bytes, from);
        return len + from;
    }
}

size_t chance_damage(chance *c, uint8_t *bytes, size_t len) {
    static const uint8_t telling[] = {0, 1, 2, 5, 7, 8, 10, 13, 0x7f, 0x80, 0xff};
    if (chance_below(c, 3) == 0)
        len = move(c, bytes, len);
    for (size_t n = chance_below(c, 4); n > 0 && len > 0; n--) {
        uint8_t *at = &bytes[chance_below(c, len)];
        switch (chance_below(c, 3)) {
        case 0:
            *at ^= (uint8_t)(1u << chance_below(c, 8));
            break;
        case 1:
            *at = telling[chance_below(c, sizeof telling)];
            break;
        default:
            *at = (uint8_t)chance_bits(c);
        }
    }
    return len;
}
