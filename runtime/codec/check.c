/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program hands in to be sent, and how many bytes it will be. protobuf_c_message_check does
 * not compare descriptors of inner messages, does not know of oneofs, and recurses without a limit;
 * packing what it lets through can crash, or leave a set oneof out without a word.
 */
#include "base/utf8.h"
#include "codec/codec.h"
#include "codec/numbers.h"

#define COLD __attribute__((cold, noinline))

/* One message on its way out. */
typedef struct outgoing {
    const ProtobufCMessageDescriptor *type;
    const ProtobufCMessage *message;
    seal_error **reterr;
    size_t size; /* so far */
    unsigned depth;
} outgoing;

COLD static int wrong(const outgoing *o, const ProtobufCFieldDescriptor *field, const char *what) {
    return seal__error(o->reterr, SEAL_ERROR_INVALID, "field %s of %s %s", field->name,
                       o->type->name, what);
}

COLD static int not_one(const outgoing *o) {
    return seal__error(o->reterr, SEAL_ERROR_INVALID, "message is not initialized, or not a %s",
                       o->type->name);
}

static int check_message(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *message,
                         unsigned depth, size_t *ret_size, seal_error **reterr);

SEAL__ALWAYS_INLINE size_t tag_size(uint32_t number) {
    return seal__varint_size((uint64_t)number << 3);
}

/* A value with its length and its tag. */
SEAL__ALWAYS_INLINE void add_bytes(outgoing *o, const ProtobufCFieldDescriptor *field, size_t len) {
    o->size += tag_size(field->id) + seal__varint_size(len) + len;
}

static int add_string(outgoing *o, const ProtobufCFieldDescriptor *field, const char *text) {
    if (text == NULL)
        return wrong(o, field, "is NULL");
    size_t len = strlen(text);
    if (!seal__utf8_is_text((const uint8_t *)text, len))
        return wrong(o, field, "is not UTF-8");
    add_bytes(o, field, len);
    return 0;
}

static int add_inner(outgoing *o, const ProtobufCFieldDescriptor *field,
                     const ProtobufCMessage *inner) {
    size_t size = 0;
    if (inner == NULL)
        return wrong(o, field, "is NULL");
    if (o->depth == SEAL__CODEC_MAX_DEPTH)
        return wrong(o, field, "is nested too deeply, or contains itself");
    int rc = check_message(field->descriptor, inner, o->depth + 1, &size, o->reterr);
    add_bytes(o, field, size);
    return rc;
}

static bool lacks_data(const ProtobufCBinaryData *bytes) {
    return bytes->len > 0 && bytes->data == NULL;
}

static int add_numbers(outgoing *o, const ProtobufCFieldDescriptor *field, const void *array,
                       size_t n) {
    size_t size = seal__numbers_size(field->type, array, n);
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_PACKED) != 0)
        add_bytes(o, field, size);
    else
        o->size += n * tag_size(field->id) + size;
    return 0;
}

static int add_repeated(outgoing *o, const ProtobufCFieldDescriptor *field, const void *at) {
    size_t n = *(const size_t *)seal__field_in(o->message, field->quantifier_offset);
    const void *array = *(const void *const *)at;
    if (n == 0)
        return 0;
    if (array == NULL)
        return wrong(o, field, "has a count but no array");
    if (seal__field_is_scalar(field))
        return add_numbers(o, field, array, n);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        const ProtobufCBinaryData *bytes = (const ProtobufCBinaryData *)array + i;
        if (field->type == PROTOBUF_C_TYPE_STRING)
            rc = add_string(o, field, ((const char *const *)array)[i]);
        else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            rc = add_inner(o, field, ((const ProtobufCMessage *const *)array)[i]);
        else if (lacks_data(bytes))
            rc = wrong(o, field, "has a length but no data");
        else
            add_bytes(o, field, bytes->len);
    }
    return rc;
}

/* Where NULL means "not set", and where something says that it is set all the same. */
static bool is_needed(const ProtobufCFieldDescriptor *field) {
    return field->label == PROTOBUF_C_LABEL_REQUIRED || seal__field_is_oneof(field);
}

/* A string or a message that is not repeated. */
static int add_pointer(outgoing *o, const ProtobufCFieldDescriptor *field, const void *at) {
    const void *pointer = *(const void *const *)at;
    bool is_string = field->type == PROTOBUF_C_TYPE_STRING;
    if (pointer == NULL)
        return is_needed(field) ? wrong(o, field, "is NULL") : 0;
    size_t before = o->size;
    int rc = is_string ? add_string(o, field, pointer) : add_inner(o, field, pointer);
    if (!seal__field_is_set(field, o->message, at)) /* its default */
        o->size = before;
    return rc;
}

/* A field that is not repeated. */
SEAL__ALWAYS_INLINE int add_single(outgoing *o, const ProtobufCFieldDescriptor *field,
                                   const void *at) {
    if (field->type == PROTOBUF_C_TYPE_BYTES) {
        const ProtobufCBinaryData *bytes = at;
        if (lacks_data(bytes))
            return wrong(o, field, "has a length but no data");
        if (seal__field_is_set(field, o->message, at))
            add_bytes(o, field, bytes->len);
        return 0;
    }
    if (!seal__field_is_scalar(field))
        return add_pointer(o, field, at);
    if (seal__field_is_set(field, o->message, at))
        o->size += tag_size(field->id) + seal__number_size(field->type, at);
    return 0;
}

static int add_unknown(outgoing *o) {
    if (o->message->unknown_fields == NULL)
        return seal__error(o->reterr, SEAL_ERROR_INVALID,
                           "%s has a count of unknown fields but no array", o->type->name);
    for (unsigned i = 0; i < o->message->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *unknown = &o->message->unknown_fields[i];
        o->size += tag_size(unknown->tag) + unknown->len;
    }
    return 0;
}

static int check_message(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *message,
                         unsigned depth, size_t *ret_size, seal_error **reterr) {
    outgoing o = {.type = type, .message = message, .reterr = reterr, .depth = depth};
    if (message->descriptor != type)
        return not_one(&o);
    const ProtobufCFieldDescriptor *end = type->fields + type->n_fields;
    int rc = 0;
    for (const ProtobufCFieldDescriptor *field = type->fields; field < end && rc == 0; field++) {
        const void *at = seal__field_in(message, field->offset);
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            rc = add_repeated(&o, field, at);
        else if (!seal__field_is_oneof(field) || seal__field_is_selected(field, message))
            rc = add_single(&o, field, at);
    }
    if (rc == 0 && message->n_unknown_fields > 0)
        rc = add_unknown(&o);
    *ret_size = o.size;
    return rc;
}

int seal__codec_measure(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *message,
                        size_t *ret_size, seal_error **reterr) {
    if (message == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID, "no message where a %s is needed",
                           type->name);
    return check_message(type, message, 1, ret_size, reterr);
}
