/* SPDX-License-Identifier: Apache-2.0 */
#include "reference.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "codec/measure.h"
#include "scan.h"

/* protobuf-c's view of an arena, and why it was refused memory. */
typedef struct arena_allocator {
    seal__arena *arena;
    bool over_budget;
    bool no_memory;
} arena_allocator;

static void *take(void *user, size_t size) {
    arena_allocator *allocator = user;
    size_t budget = allocator->arena->budget;
    void *ptr = seal__arena_alloc(allocator->arena, size);
    if (ptr == NULL && (size > budget || budget - size < alignof(max_align_t)))
        allocator->over_budget = true;
    else if (ptr == NULL)
        allocator->no_memory = true;
    return ptr;
}

/* The arena frees all at once, also what protobuf-c gives up halfway. */
static void keep(void *user, void *ptr) {
    (void)user;
    (void)ptr;
}

int reference_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len,
                     seal__arena *arena, ProtobufCMessage **ret_message) {
    int rc = seal__scan(type, data, len, NULL);
    if (rc != 0)
        return rc;
    arena_allocator memory = {.arena = arena};
    ProtobufCAllocator allocator = {.alloc = take, .free = keep, .allocator_data = &memory};
    *ret_message = protobuf_c_message_unpack(type, &allocator, len, data);
    if (*ret_message != NULL)
        return 0;
    if (memory.no_memory)
        return SEAL_ERROR_NO_MEMORY;
    return memory.over_budget ? SEAL_ERROR_TOO_BIG : SEAL_ERROR_MALFORMED;
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static const void *member(const ProtobufCMessage *message, unsigned offset) {
    return (const char *)message + offset;
}

static size_t size_of(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    default:
        return 4;
    }
}

static bool same_value(ProtobufCType type, const void *a, const void *b) {
    if (type == PROTOBUF_C_TYPE_BYTES) {
        const ProtobufCBinaryData *x = a, *y = b;
        return x->len == y->len && (x->data == NULL) == (y->data == NULL) &&
               (x->len == 0 || memcmp(x->data, y->data, x->len) == 0);
    }
    if (type != PROTOBUF_C_TYPE_STRING && type != PROTOBUF_C_TYPE_MESSAGE)
        return memcmp(a, b, size_of(type)) == 0;
    const void *x = *(const void *const *)a, *y = *(const void *const *)b;
    if (x == NULL || y == NULL)
        return x == y;
    return type == PROTOBUF_C_TYPE_STRING ? strcmp(x, y) == 0 : reference_same(x, y);
}

static bool same_list(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *a,
                      const ProtobufCMessage *b) {
    size_t n = *(const size_t *)member(a, field->quantifier_offset), size = size_of(field->type);
    if (n != *(const size_t *)member(b, field->quantifier_offset))
        return false;
    const char *x = *(const char *const *)member(a, field->offset);
    const char *y = *(const char *const *)member(b, field->offset);
    for (size_t i = 0; i < n; i++)
        if (!same_value(field->type, x + i * size, y + i * size))
            return false;
    return true;
}

static bool same_field(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *a,
                       const ProtobufCMessage *b) {
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return same_list(field, a, b);
    const uint32_t *x = member(a, field->quantifier_offset);
    const uint32_t *y = member(b, field->quantifier_offset);
    if (field->quantifier_offset != 0 && *x != *y) /* has, or which of a oneof */
        return false;
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 && *x != field->id)
        return true;
    return same_value(field->type, member(a, field->offset), member(b, field->offset));
}

bool reference_same(const ProtobufCMessage *a, const ProtobufCMessage *b) {
    const ProtobufCMessageDescriptor *type = a->descriptor;
    if (type != b->descriptor || a->n_unknown_fields != b->n_unknown_fields)
        return false;
    for (unsigned i = 0; i < type->n_fields; i++)
        if (!same_field(&type->fields[i], a, b))
            return false;
    for (unsigned i = 0; i < a->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *x = &a->unknown_fields[i], *y = &b->unknown_fields[i];
        if (x->tag != y->tag || x->wire_type != y->wire_type || x->len != y->len ||
            memcmp(x->data, y->data, x->len) != 0)
            return false;
    }
    return true;
}

/* What the codec refuses on purpose: docs/codegen.md, "Messages on the wire". */
static bool is_on_purpose(const char *message) {
    return strstr(message, "has another wire type") != NULL || /* a bool */
           strstr(message, "is given twice") != NULL;          /* beyond the first 64 fields */
}

static const char *compare_codes(int theirs, int ours, const char *message) {
    if (ours == theirs)
        return NULL;
    if (ours == 0)
        return "accepted, and should not be";
    if (theirs == 0)
        return is_on_purpose(message) ? NULL : "refused, and should not be";
    /* where more than one thing is wrong */
    bool either = theirs == SEAL_ERROR_TOO_BIG || ours == SEAL_ERROR_TOO_BIG;
    return either ? NULL : "refused with another code";
}

static const char *compare_packed(const ProtobufCMessage *message) {
    size_t len = protobuf_c_message_get_packed_size(message), size = 0;
    if (seal__codec_measure(message->descriptor, message, &size, NULL) != 0)
        return "what was accepted does not pass the check";
    if (size != len || codec_size(message) != len)
        return "another size";
    uint8_t *theirs = malloc(len + 1), *ours = malloc(len + 1);
    protobuf_c_message_pack(message, theirs);
    seal__codec_pack(message, ours);
    bool same = memcmp(theirs, ours, len) == 0;
    free(theirs);
    free(ours);
    return same ? NULL : "other bytes";
}

static const char *compare_decoded(const ProtobufCMessageDescriptor *type, const uint8_t *data,
                                   size_t len, seal__codec_bytes bytes, int theirs,
                                   const ProtobufCMessage *message, size_t budget) {
    seal__arena arena;
    seal__arena_init(&arena, &seal__default_allocator, seal__codec_budget(len));
    ProtobufCMessage *mine = NULL;
    seal_error *error = NULL;
    int ours = seal__codec_unpack(type, data, len, bytes, &arena, &mine, &error);
    const char *what = compare_codes(theirs, ours, seal_error_message(error));
    if (what == NULL && ours == 0 && !reference_same(message, mine))
        what = "another message";
    if (what == NULL && ours == 0 && arena.budget != budget)
        what = "another price";
    if (what == NULL && ours == 0)
        what = compare_packed(mine);
    seal_error_free(error);
    seal__arena_done(&arena);
    return what;
}

const char *reference_compare(const ProtobufCMessageDescriptor *type, const uint8_t *data,
                              size_t len, int *ret_code) {
    seal__arena arena;
    seal__arena_init(&arena, &seal__default_allocator, seal__codec_budget(len));
    ProtobufCMessage *message = NULL;
    *ret_code = reference_unpack(type, data, len, &arena, &message);
    const char *what =
        compare_decoded(type, data, len, SEAL__CODEC_COPIES, *ret_code, message, arena.budget);
    if (what == NULL)
        what =
            compare_decoded(type, data, len, SEAL__CODEC_VIEWS, *ret_code, message, arena.budget);
    seal__arena_done(&arena);
    return what;
}
