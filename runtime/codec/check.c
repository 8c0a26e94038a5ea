/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program hands in to be sent. protobuf_c_message_check does not compare descriptors of
 * inner messages, does not know of oneofs, and recurses without a limit; packing what it lets
 * through can crash, or leave a set oneof out without a word.
 */
#include <string.h>

#include "codec/codec.h"
#include "base/utf8.h"

static const void *member(const ProtobufCMessage *message, size_t offset) {
    return (const char *)message + offset;
}

static int wrong(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field,
                 const char *what, seal_error **reterr) {
    return seal__error(reterr, SEAL_ERROR_INVALID, "field %s of %s %s", field->name, type->name,
                       what);
}

static int check_message(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *message,
                         unsigned depth, seal_error **reterr);

static int check_string(const ProtobufCMessageDescriptor *type,
                        const ProtobufCFieldDescriptor *field, const char *text,
                        seal_error **reterr) {
    if (text == NULL)
        return wrong(type, field, "is NULL", reterr);
    if (!seal__utf8_is_text((const uint8_t *)text, strlen(text)))
        return wrong(type, field, "is not UTF-8", reterr);
    return 0;
}

static int check_bytes(const ProtobufCMessageDescriptor *type,
                       const ProtobufCFieldDescriptor *field, const ProtobufCBinaryData *bytes,
                       seal_error **reterr) {
    return bytes->len > 0 && bytes->data == NULL
               ? wrong(type, field, "has a length but no data", reterr)
               : 0;
}

static int check_inner(const ProtobufCMessageDescriptor *type,
                       const ProtobufCFieldDescriptor *field, const ProtobufCMessage *inner,
                       unsigned depth, seal_error **reterr) {
    if (inner == NULL)
        return wrong(type, field, "is NULL", reterr);
    if (depth == SEAL__CODEC_MAX_DEPTH)
        return wrong(type, field, "is nested too deeply, or contains itself", reterr);
    return check_message(field->descriptor, inner, depth + 1, reterr);
}

static int check_repeated(const ProtobufCMessageDescriptor *type,
                          const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message,
                          unsigned depth, seal_error **reterr) {
    size_t n = *(const size_t *)member(message, field->quantifier_offset);
    const void *array = *(const void *const *)member(message, field->offset);
    if (n > 0 && array == NULL)
        return wrong(type, field, "has a count but no array", reterr);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (field->type == PROTOBUF_C_TYPE_STRING)
            rc = check_string(type, field, ((const char *const *)array)[i], reterr);
        else if (field->type == PROTOBUF_C_TYPE_BYTES)
            rc = check_bytes(type, field, &((const ProtobufCBinaryData *)array)[i], reterr);
        else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            rc = check_inner(type, field, ((const ProtobufCMessage *const *)array)[i], depth,
                             reterr);
        else
            break;
    }
    return rc;
}

/* Fields that are not repeated: NULL means "not set", except where something says that it is. */
static int check_single(const ProtobufCMessageDescriptor *type,
                        const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message,
                        unsigned depth, seal_error **reterr) {
    bool needed = field->label == PROTOBUF_C_LABEL_REQUIRED;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        if (*(const uint32_t *)member(message, field->quantifier_offset) != field->id)
            return 0;
        needed = true;
    }
    const void *at = member(message, field->offset);
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return check_bytes(type, field, at, reterr);
    const void *pointer = *(const void *const *)at;
    if (pointer == NULL && !needed)
        return 0;
    return field->type == PROTOBUF_C_TYPE_STRING ? check_string(type, field, pointer, reterr)
                                                 : check_inner(type, field, pointer, depth, reterr);
}

static int check_message(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *message,
                         unsigned depth, seal_error **reterr) {
    if (message->descriptor != type)
        return seal__error(reterr, SEAL_ERROR_INVALID, "message is not initialized, or not a %s",
                           type->name);
    if (message->n_unknown_fields > 0 && message->unknown_fields == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "%s has a count of unknown fields but no array", type->name);
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        bool pointers = field->type == PROTOBUF_C_TYPE_STRING ||
                        field->type == PROTOBUF_C_TYPE_BYTES ||
                        field->type == PROTOBUF_C_TYPE_MESSAGE;
        int rc = 0;
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            rc = check_repeated(type, field, message, depth, reterr);
        else if (pointers)
            rc = check_single(type, field, message, depth, reterr);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int seal__codec_check(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *message,
                      seal_error **reterr) {
    if (message == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID, "no message where a %s is needed",
                           type->name);
    return check_message(type, message, 1, reterr);
}
