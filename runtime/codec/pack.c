/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to bytes: the same bytes as protobuf-c writes, in fewer steps. */
#include "codec/codec.h"
#include "codec/numbers.h"

static uint8_t *put_message(uint8_t *to, const ProtobufCMessage *message);

SEAL__ALWAYS_INLINE uint8_t *put_tag(uint8_t *to, uint32_t number, unsigned wire) {
    return seal__varint_put(to, (uint64_t)number << 3 | wire);
}

SEAL__ALWAYS_INLINE uint8_t *put_bytes(uint8_t *to, const void *bytes, size_t len) {
    to = seal__varint_put(to, len);
    if (len > 0)
        memcpy(to, bytes, len);
    return to + len;
}

/* Its length is known afterwards: what is longer than a length of one byte can say is moved. */
static uint8_t *put_inner(uint8_t *to, const ProtobufCMessage *message) {
    if (message == NULL)
        return seal__varint_put(to, 0);
    size_t len = (size_t)(put_message(to + 1, message) - (to + 1));
    size_t prefix = seal__varint_size(len);
    if (prefix > 1)
        memmove(to + prefix, to + 1, len);
    return seal__varint_put(to, len) + len;
}

static uint8_t *put_string(uint8_t *to, uint32_t number, const char *text) {
    return put_bytes(put_tag(to, number, SEAL__WIRE_BYTES), text, text == NULL ? 0 : strlen(text));
}

/* A number without its tag. */
static uint8_t *put_number(uint8_t *to, ProtobufCType type, const void *at) {
    switch (type) {
    case PROTOBUF_C_TYPE_SINT32:
        return seal__varint_put(to, seal__zigzag(*(const int32_t *)at));
    case PROTOBUF_C_TYPE_UINT32:
        return seal__varint_put(to, *(const uint32_t *)at);
    case PROTOBUF_C_TYPE_SINT64:
        return seal__varint_put(to, seal__zigzag(*(const int64_t *)at));
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        return seal__varint_put(to, *(const uint64_t *)at);
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return seal__little_32_put(to, *(const uint32_t *)at);
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return seal__little_64_put(to, *(const uint64_t *)at);
    case PROTOBUF_C_TYPE_BOOL:
        *to = *(const protobuf_c_boolean *)at != 0;
        return to + 1;
    default: /* int32 and enum */
        return seal__varint_put(to, (uint64_t)(int64_t) * (const int32_t *)at);
    }
}

/* One value with its tag. */
SEAL__ALWAYS_INLINE uint8_t *put_value(uint8_t *to, const ProtobufCFieldDescriptor *field,
                                       const void *at) {
    const ProtobufCBinaryData *bytes = at;
    switch (field->type) {
    case PROTOBUF_C_TYPE_BYTES:
        return put_bytes(put_tag(to, field->id, SEAL__WIRE_BYTES), bytes->data, bytes->len);
    case PROTOBUF_C_TYPE_STRING:
        return put_string(to, field->id, *(const char *const *)at);
    case PROTOBUF_C_TYPE_MESSAGE:
        return put_inner(put_tag(to, field->id, SEAL__WIRE_BYTES),
                         *(const ProtobufCMessage *const *)at);
    default:
        to = put_tag(to, field->id, seal__field_wire(field->type));
        return put_number(to, field->type, at);
    }
}

static uint8_t *put_packed(uint8_t *to, const ProtobufCFieldDescriptor *field, const char *array,
                           size_t n) {
    size_t step = seal__field_size(field->type), size = seal__numbers_size(field->type, array, n);
    to = put_tag(to, field->id, SEAL__WIRE_BYTES);
    if (SEAL__IS_LITTLE_ENDIAN && seal__field_wire(field->type) != SEAL__WIRE_VARINT)
        return put_bytes(to, array, size);
    to = seal__varint_put(to, size);
    for (size_t i = 0; i < n; i++)
        to = put_number(to, field->type, array + i * step);
    return to;
}

static uint8_t *put_repeated(uint8_t *to, const ProtobufCFieldDescriptor *field,
                             const ProtobufCMessage *message, const void *at) {
    size_t n = *(const size_t *)seal__field_in(message, field->quantifier_offset);
    const char *array = *(const char *const *)at;
    if (n == 0)
        return to;
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_PACKED) != 0)
        return put_packed(to, field, array, n);
    size_t step = seal__field_size(field->type);
    for (size_t i = 0; i < n; i++)
        to = put_value(to, field, array + i * step);
    return to;
}

static uint8_t *put_unknown(uint8_t *to, const ProtobufCMessageUnknownField *field) {
    to = put_tag(to, field->tag, field->wire_type);
    if (field->len > 0)
        memcpy(to, field->data, field->len);
    return to + field->len;
}

static uint8_t *put_fields(uint8_t *to, const ProtobufCMessage *message,
                           const ProtobufCFieldDescriptor *field,
                           const ProtobufCFieldDescriptor *end) {
    for (; field < end; field++) {
        const void *at = seal__field_in(message, field->offset);
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            to = put_repeated(to, field, message, at);
        else if (seal__field_is_set(field, message, at))
            to = put_value(to, field, at);
    }
    return to;
}

static uint8_t *put_unknowns(uint8_t *to, const ProtobufCMessage *message) {
    for (unsigned i = 0; i < message->n_unknown_fields; i++)
        to = put_unknown(to, &message->unknown_fields[i]);
    return to;
}

static uint8_t *put_message(uint8_t *to, const ProtobufCMessage *message) {
    const ProtobufCMessageDescriptor *type = message->descriptor;
    to = put_fields(to, message, type->fields, type->fields + type->n_fields);
    return put_unknowns(to, message);
}

void seal__codec_pack(const void *message, uint8_t *at) {
    put_message(at, message);
}

/* ---- Around a large field ---- */

/* The largest `bytes` field of the message itself, if it is large. */
static const ProtobufCFieldDescriptor *find_body(const ProtobufCMessage *message) {
    const ProtobufCMessageDescriptor *type = message->descriptor;
    const ProtobufCFieldDescriptor *found = NULL;
    size_t most = SEAL__CODEC_BODY - 1;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (field->type != PROTOBUF_C_TYPE_BYTES || field->label == PROTOBUF_C_LABEL_REPEATED)
            continue;
        const ProtobufCBinaryData *bytes = seal__field_in(message, field->offset);
        if (seal__field_is_set(field, message, bytes) && bytes->len > most) {
            most = bytes->len;
            found = field;
        }
    }
    return found;
}

bool seal__codec_split(const ProtobufCMessage *message, size_t size,
                       uint8_t around[SEAL__CODEC_AROUND], seal__parts *ret) {
    const ProtobufCMessageDescriptor *type = message->descriptor;
    const ProtobufCFieldDescriptor *field = size < SEAL__CODEC_BODY ? NULL : find_body(message);
    if (field == NULL)
        return false;
    const ProtobufCBinaryData *body = seal__field_in(message, field->offset);
    if (size - body->len > SEAL__CODEC_AROUND)
        return false;
    uint8_t *tail = put_fields(around, message, type->fields, field);
    tail = seal__varint_put(put_tag(tail, field->id, SEAL__WIRE_BYTES), body->len);
    uint8_t *end = put_fields(tail, message, field + 1, type->fields + type->n_fields);
    end = put_unknowns(end, message);
    *ret = (seal__parts){.head = {.data = around, .len = (size_t)(tail - around)},
                         .body = {.data = body->data, .len = body->len},
                         .tail = {.data = tail, .len = (size_t)(end - tail)}};
    return true;
}
