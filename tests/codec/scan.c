/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

#include "base/reader.h"
#include "codec/codec.h"
#include "base/utf8.h"

enum {
    WIRE_VARINT = 0,
    WIRE_64 = 1,
    WIRE_BYTES = 2,
    WIRE_32 = 5,
    TAG_BYTES = 5,
    VARINT_BYTES = 10
};

typedef struct level {
    const ProtobufCMessageDescriptor *type;
    const ProtobufCFieldDescriptor *last; /* elements of a repeated field come in a row */
    uint64_t seen; /* singular message fields, by index; only the first 64 fields are watched */
    seal__reader rest;
} level;

static const ProtobufCFieldDescriptor *find_field(level *in, unsigned number) {
    if (in->last == NULL || in->last->id != number)
        in->last = protobuf_c_message_descriptor_get_field(in->type, number);
    return in->last;
}

static int malformed(const level *in, const char *what, seal_error **reterr) {
    return seal__error(reterr, SEAL_ERROR_MALFORMED, "%s: %s", in->type->name, what);
}

/* The specification says that a singular message given twice is merged. protobuf-c tries, but loses
 * scalars and oneofs of the first one, or fails: better to refuse than to hand out something else.
 */
static bool is_repeated_singular(level *in, const ProtobufCFieldDescriptor *field) {
    size_t index = (size_t)(field - in->type->fields);
    if (field->label == PROTOBUF_C_LABEL_REPEATED || index >= 64)
        return false;
    bool seen = (in->seen >> index & 1) != 0;
    in->seen |= UINT64_C(1) << index;
    return seen;
}

/* Enters a message inside. */
static int descend(level *levels, size_t *depth, const ProtobufCFieldDescriptor *field,
                   const uint8_t *bytes, size_t len, seal_error **reterr) {
    if (*depth == SEAL__CODEC_MAX_DEPTH)
        return seal__error(reterr, SEAL_ERROR_TOO_BIG, "%s: nested more than %d deep",
                           levels[0].type->name, SEAL__CODEC_MAX_DEPTH);
    if (is_repeated_singular(&levels[*depth - 1], field))
        return malformed(&levels[*depth - 1], "a singular message is given twice", reterr);
    level *inner = &levels[(*depth)++];
    inner->type = field->descriptor;
    inner->last = NULL;
    inner->seen = 0;
    seal__reader_init(&inner->rest, bytes, len);
    return 0;
}

static int scan_bytes(level *levels, size_t *depth, const ProtobufCFieldDescriptor *field,
                      seal_error **reterr) {
    level *in = &levels[*depth - 1];
    uint64_t len = seal__read_varint(&in->rest, TAG_BYTES);
    const uint8_t *bytes = len > INT32_MAX ? NULL : seal__read_bytes(&in->rest, (size_t)len);
    if (bytes == NULL)
        return malformed(in, "length goes beyond the end", reterr);
    if (field == NULL)
        return 0;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return descend(levels, depth, field, bytes, (size_t)len, reterr);
    if (field->type == PROTOBUF_C_TYPE_STRING && !seal__utf8_is_text(bytes, (size_t)len))
        return seal__error(reterr, SEAL_ERROR_MALFORMED, "%s: string field %s is not UTF-8 text",
                           in->type->name, field->name);
    return 0;
}

static int scan_field(level *levels, size_t *depth, seal_error **reterr) {
    level *in = &levels[*depth - 1];
    uint64_t tag = seal__read_varint(&in->rest, TAG_BYTES);
    if (!seal__reader_ok(&in->rest) || tag > UINT32_MAX || tag >> 3 == 0)
        return malformed(in, "bad field number", reterr);
    switch (tag & 7) {
    case WIRE_VARINT:
        seal__read_varint(&in->rest, VARINT_BYTES);
        break;
    case WIRE_64:
        seal__read_bytes(&in->rest, 8);
        break;
    case WIRE_BYTES:
        return scan_bytes(levels, depth, find_field(in, (unsigned)(tag >> 3)), reterr);
    case WIRE_32:
        seal__read_bytes(&in->rest, 4);
        break;
    default:
        return malformed(in, "groups and unknown wire types are not supported", reterr);
    }
    return seal__reader_ok(&in->rest) ? 0 : malformed(in, "a value is cut off", reterr);
}

int seal__scan(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len,
               seal_error **reterr) {
    level levels[SEAL__CODEC_MAX_DEPTH];
    size_t depth = 1;
    levels[0].type = type;
    levels[0].last = NULL;
    levels[0].seen = 0;
    seal__reader_init(&levels[0].rest, data, len);
    while (depth > 0) {
        if (levels[depth - 1].rest.left == 0) {
            depth--;
            continue;
        }
        int rc = scan_field(levels, &depth, reterr);
        if (rc != 0)
            return rc;
    }
    return 0;
}
