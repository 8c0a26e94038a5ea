/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to protobuf-c's structures. What most messages are made of is read here, in one walk; where
 * something else comes, unpack_rest.c goes on.
 */
#include "base/utf8.h"
#include "codec/decoder.h"

/* Bytes or text, which begin at `at`. Returns the end; NULL with *ret_rc 0: it is malformed. */
SEAL__ALWAYS_INLINE const uint8_t *read_plain_bytes(const seal__decoder *d, bool is_text,
                                                    const uint8_t *at, const uint8_t *end,
                                                    void *member, int *ret_rc) {
    uint64_t len = 0;
    at = seal__varint_get(at, end, 5, &len);
    if (at == NULL || len > INT32_MAX || len > (size_t)(end - at))
        return NULL;
    if (!is_text)
        *ret_rc = seal__decoder_keep_bytes(d, at, (size_t)len, member);
    else if (seal__utf8_is_text(at, (size_t)len))
        *ret_rc = seal__decoder_keep_text(d, at, (size_t)len, member);
    else
        return NULL;
    return *ret_rc == 0 ? at + len : NULL;
}

static const uint8_t *read_plain_number(const ProtobufCFieldDescriptor *field, unsigned wire,
                                        const uint8_t *at, const uint8_t *end, void *member) {
    seal__item item __attribute__((uninitialized));
    item.wire = wire;
    item.start = at;
    const uint8_t *next = wire == SEAL__WIRE_BYTES ? NULL : seal__item_value(&item, at, end);
    return next != NULL && seal__number_store(field->type, &item, next, member) ? next : NULL;
}

static bool is_plain(const ProtobufCFieldDescriptor *field) {
    return (field->label == PROTOBUF_C_LABEL_NONE || field->label == PROTOBUF_C_LABEL_OPTIONAL) &&
           !seal__field_is_oneof(field) && field->type != PROTOBUF_C_TYPE_MESSAGE;
}

SEAL__ALWAYS_INLINE const uint8_t *read_plain(const seal__decoder *d,
                                              const ProtobufCFieldDescriptor *field, unsigned wire,
                                              const seal__partial *s, int *ret_rc) {
    void *member = seal__field_of(s->message, field->offset);
    if (field->type < PROTOBUF_C_TYPE_STRING)
        return read_plain_number(field, wire, s->at + 1, s->end, member);
    if (wire != SEAL__WIRE_BYTES)
        return NULL;
    return read_plain_bytes(d, field->type == PROTOBUF_C_TYPE_STRING, s->at + 1, s->end, member,
                            ret_rc);
}

/* Nothing is allocated for what ends within its first field. */
SEAL__ALWAYS_INLINE bool may_start(const uint8_t *at, const uint8_t *end) {
    uint64_t len = 0;
    if (end - at < 2)
        return at == end;
    if ((*at & 7) != SEAL__WIRE_BYTES)
        return true;
    at = seal__varint_get(at + 1, end, 5, &len);
    return at != NULL && len <= (size_t)(end - at);
}

/*
 * Reads what most messages are made of: numbers, bytes and strings in the order of their numbers,
 * with tags of one byte, each at most once. Stops before anything else, and before what is wrong.
 */
SEAL__ALWAYS_INLINE int read_start(const seal__decoder *d, const ProtobufCMessageDescriptor *type,
                                   seal__partial *s) {
    const ProtobufCFieldDescriptor *field = type->fields, *last = field + type->n_fields;
    int rc = 0;
    for (; field < last && field->label != PROTOBUF_C_LABEL_REQUIRED; field++) {
        if (s->at == s->end)
            continue; /* no other field may be required */
        unsigned tag = *s->at, number = tag >> 3;
        if (tag >= 0x80 || field->id > number)
            break;
        if (field->id < number)
            continue;
        if (!is_plain(field) || s->n_fields == SEAL__FREE_NOTES)
            break;
        const uint8_t *next = read_plain(d, field, tag & 7, s, &rc);
        if (next == NULL)
            return rc;
        seal__field_set_has(s->message, field);
        s->at = next;
        s->n_fields++;
    }
    s->is_whole = field == last && s->at == s->end;
    return rc;
}

int seal__read_message(seal__decoder *d, const ProtobufCMessageDescriptor *type,
                       const uint8_t *bytes, size_t len, unsigned depth,
                       ProtobufCMessage **ret_message) {
    if (depth > SEAL__CODEC_MAX_DEPTH)
        return seal__error(d->reterr, SEAL_ERROR_TOO_BIG, "%s: nested more than %d deep",
                           d->type->name, SEAL__CODEC_MAX_DEPTH);
    int rc = 0;
    seal__partial s = {.at = bytes, .end = bytes + len};
    if (may_start(s.at, s.end)) {
        s.message = seal__decoder_new(d, type, &rc);
        if (s.message != NULL)
            rc = read_start(d, type, &s);
    }
    if (rc == 0 && !s.is_whole)
        rc = seal__read_rest(d, type, &s, depth);
    *ret_message = s.message;
    return rc;
}

int seal__codec_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len,
                       seal__codec_bytes bytes, seal__arena *arena, ProtobufCMessage **ret_message,
                       seal_error **reterr) {
    static const uint8_t nothing[1] = {0};
    seal__decoder d = {.type = type,
                       .len = len,
                       .arena = arena,
                       .reterr = reterr,
                       .views = bytes == SEAL__CODEC_VIEWS};
    ProtobufCMessage *message = NULL;
    int rc = seal__read_message(&d, type, len == 0 ? nothing : data, len, 1, &message);
    if (rc == 0)
        *ret_message = message;
    return rc;
}
