/* SPDX-License-Identifier: Apache-2.0 */
/* The members of protobuf-c's structures, as its descriptors describe them. */
#ifndef SEAL_CODEC_FIELDS_H
#define SEAL_CODEC_FIELDS_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <string.h>

#include "codec/varint.h"

static inline const void *seal__field_in(const ProtobufCMessage *message, unsigned offset) {
    return (const char *)message + offset;
}

static inline void *seal__field_of(ProtobufCMessage *message, unsigned offset) {
    return (char *)message + offset;
}

static inline bool seal__field_is_oneof(const ProtobufCFieldDescriptor *field) {
    return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

/* Numbers, enums and bools: those that a repeated field may pack. */
static inline bool seal__field_is_scalar(const ProtobufCFieldDescriptor *field) {
    return field->type < PROTOBUF_C_TYPE_STRING;
}

static inline size_t seal__field_size(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return sizeof(uint64_t);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    default:
        return sizeof(uint32_t);
    }
}

/* How its values are written. */
static inline unsigned seal__field_wire(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return SEAL__WIRE_32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return SEAL__WIRE_64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return SEAL__WIRE_BYTES;
    default:
        return SEAL__WIRE_VARINT;
    }
}

/* A member without presence is left out when it has its default. */
static inline bool seal__field_is_zero(const ProtobufCFieldDescriptor *field, const void *at) {
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)at)->len == 0;
    switch (field->type) {
    case PROTOBUF_C_TYPE_FLOAT:
        return *(const float *)at == 0;
    case PROTOBUF_C_TYPE_DOUBLE:
        return *(const double *)at == 0;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return *(const uint64_t *)at == 0;
    case PROTOBUF_C_TYPE_BOOL:
        return *(const protobuf_c_boolean *)at == 0;
    case PROTOBUF_C_TYPE_STRING:
        return *(const char *const *)at == NULL || **(const char *const *)at == '\0';
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(const ProtobufCMessage *const *)at == NULL;
    default:
        return *(const uint32_t *)at == 0;
    }
}

static inline bool seal__field_is_selected(const ProtobufCFieldDescriptor *field,
                                           const ProtobufCMessage *message) {
    return *(const uint32_t *)seal__field_in(message, field->quantifier_offset) == field->id;
}

/* Whether a field that is not repeated is encoded. */
static inline bool seal__field_is_set(const ProtobufCFieldDescriptor *field,
                                      const ProtobufCMessage *message, const void *at) {
    if (field->label == PROTOBUF_C_LABEL_REQUIRED)
        return true;
    bool oneof = seal__field_is_oneof(field);
    if (field->label == PROTOBUF_C_LABEL_NONE && !oneof)
        return !seal__field_is_zero(field, at);
    if (oneof && !seal__field_is_selected(field, message))
        return false;
    if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const void *pointer = *(const void *const *)at;
        return pointer != NULL && pointer != field->default_value;
    }
    return oneof ||
           *(const protobuf_c_boolean *)seal__field_in(message, field->quantifier_offset) != 0;
}

#endif
