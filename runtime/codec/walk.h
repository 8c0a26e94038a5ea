/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of one encoded message, one after another; those inside its fields are not looked at.
 */
#ifndef SEAL_CODEC_WALK_H
#define SEAL_CODEC_WALK_H

#include "codec/fields.h"
#include "codec/varint.h"

typedef struct seal__walk {
    const uint8_t *at;
    const uint8_t *end;
    const ProtobufCMessageDescriptor *type;
    const ProtobufCFieldDescriptor *near; /* the last one found: fields tend to come in order */
    const ProtobufCFieldDescriptor *last; /* behind all of them */
} seal__walk;

typedef struct seal__item {
    const ProtobufCFieldDescriptor *field; /* NULL: unknown */
    const uint8_t *start;                  /* after the tag */
    const uint8_t *bytes;                  /* WIRE_BYTES: after the length */
    size_t len;
    uint64_t value; /* the other wire types */
    uint32_t number;
    unsigned wire;
} seal__item;

static inline void seal__walk_init(seal__walk *walk, const ProtobufCMessageDescriptor *type,
                                   const uint8_t *at, const uint8_t *end) {
    walk->at = at;
    walk->end = end;
    walk->type = type;
    walk->near = type->fields;
    walk->last = type->fields + type->n_fields;
}

/* Where a field is not the last one found, or the next. */
static inline const ProtobufCFieldDescriptor *seal__walk_find(seal__walk *walk, uint32_t number) {
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(walk->type, number);
    if (field != NULL)
        walk->near = field;
    return field;
}

/* Reads a value. Returns the end of it, or NULL: it is cut off, or of no wire type that there is.
 */
SEAL__ALWAYS_INLINE const uint8_t *seal__item_value(seal__item *item, const uint8_t *at,
                                                    const uint8_t *end) {
    uint64_t len = 0;
    size_t width = item->wire == SEAL__WIRE_64 ? 8 : 4;
    if (item->wire == SEAL__WIRE_BYTES) {
        at = seal__varint_get(at, end, 5, &len);
        if (at == NULL || len > INT32_MAX || len > (size_t)(end - at))
            return NULL;
        item->bytes = at;
        item->len = (size_t)len;
        return at + len;
    }
    if (item->wire == SEAL__WIRE_VARINT)
        return seal__varint_get(at, end, 10, &item->value);
    if ((item->wire != SEAL__WIRE_64 && item->wire != SEAL__WIRE_32) || (size_t)(end - at) < width)
        return NULL;
    item->value = width == 8 ? seal__little_64(at) : seal__little_32(at);
    return at + width;
}

/* The next field, while walk->at < walk->end. Returns false when it is malformed. */
SEAL__ALWAYS_INLINE bool seal__walk_next(seal__walk *walk, seal__item *item) {
    uint64_t tag = 0;
    const uint8_t *at = seal__varint_get(walk->at, walk->end, 5, &tag);
    if (at == NULL || tag > UINT32_MAX || tag < 8) {
        item->wire = SEAL__WIRE_NONE;
        return false;
    }
    item->start = at;
    item->number = (uint32_t)tag >> 3;
    item->wire = (uint32_t)tag & 7;
    walk->at = seal__item_value(item, at, walk->end);
    if (walk->at == NULL)
        return false;
    const ProtobufCFieldDescriptor *near = walk->near;
    if (near != walk->last && near->id != item->number)
        near++;
    if (near != walk->last && near->id == item->number)
        walk->near = near;
    else
        near = seal__walk_find(walk, item->number);
    item->field = near;
    return true;
}

#endif
