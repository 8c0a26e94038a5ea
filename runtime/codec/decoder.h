/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoder works with: memory within a budget, and how far it has come. */
#ifndef SEAL_CODEC_DECODER_H
#define SEAL_CODEC_DECODER_H

#include <stdalign.h>

#include "codec/codec.h"
#include "codec/numbers.h"

/* Kept out of the way of what is usual. */
#define SEAL__COLD __attribute__((cold, noinline))

enum { SEAL__FREE_NOTES = 16 }; /* fields of which protobuf-c takes notes on its stack */

typedef struct seal__decoder {
    const ProtobufCMessageDescriptor *type; /* the outermost */
    size_t len;
    seal__arena *arena;
    seal_error **reterr;
    bool views;
} seal__decoder;

/* What has been read of a message: plain fields only. */
typedef struct seal__partial {
    const uint8_t *at; /* up to here */
    const uint8_t *end;
    ProtobufCMessage *message; /* NULL: nothing yet */
    unsigned n_fields;
    bool is_whole; /* there is no more, and nothing is missing */
} seal__partial;

/* unpack.c: one message, whatever is in it. */
int seal__read_message(seal__decoder *d, const ProtobufCMessageDescriptor *type,
                       const uint8_t *bytes, size_t len, unsigned depth,
                       ProtobufCMessage **ret_message);

/* unpack_rest.c: everything that may be in a message, and whatever may be wrong with it. */
int seal__read_rest(seal__decoder *d, const ProtobufCMessageDescriptor *type, seal__partial *s,
                    unsigned depth);

/* For code that was generated without functions that initialize. */
void seal__decoder_init_fields(const ProtobufCMessageDescriptor *type, ProtobufCMessage *message);

SEAL__COLD int seal__decoder_too_big(const seal__decoder *d);
SEAL__COLD void *seal__decoder_take_block(const seal__decoder *d, size_t size, int *ret_rc);

/* What an allocation, never of size 0, takes out of the budget. */
SEAL__ALWAYS_INLINE size_t seal__decoder_cost(size_t size) {
    const size_t align = alignof(max_align_t);
    return size > SIZE_MAX - align ? SIZE_MAX : (size + align - 1) & ~(align - 1);
}

SEAL__ALWAYS_INLINE int seal__decoder_charge(const seal__decoder *d, size_t size) {
    size_t cost = seal__decoder_cost(size);
    if (cost > d->arena->budget)
        return seal__decoder_too_big(d);
    d->arena->budget -= cost;
    return 0;
}

/* NULL: *ret_rc says why. What fits into the current block is taken here. */
SEAL__ALWAYS_INLINE void *seal__decoder_take(const seal__decoder *d, size_t size, int *ret_rc) {
    seal__arena *arena = d->arena;
    size_t cost = seal__decoder_cost(size);
    if (cost > arena->left || cost > arena->budget)
        return seal__decoder_take_block(d, size, ret_rc);
    void *ptr = arena->at;
    arena->at += cost;
    arena->left -= cost;
    arena->budget -= cost;
    return ptr;
}

SEAL__ALWAYS_INLINE ProtobufCMessage *
seal__decoder_new(const seal__decoder *d, const ProtobufCMessageDescriptor *type, int *ret_rc) {
    ProtobufCMessage *message = seal__decoder_take(d, type->sizeof_message, ret_rc);
    if (message == NULL)
        return NULL;
    if (type->message_init != NULL)
        type->message_init(message);
    else
        seal__decoder_init_fields(type, message);
    return message;
}

/* A view, or a copy: at the same price, so that both fit the same budget. */
SEAL__ALWAYS_INLINE int seal__decoder_keep(const seal__decoder *d, const uint8_t *bytes, size_t len,
                                           uint8_t **ret_bytes) {
    int rc = 0;
    if (d->views) {
        *ret_bytes = (uint8_t *)(uintptr_t)bytes; /* the program only reads what it receives */
        return seal__decoder_charge(d, len);
    }
    *ret_bytes = seal__decoder_take(d, len, &rc);
    if (*ret_bytes != NULL)
        memcpy(*ret_bytes, bytes, len);
    return rc;
}

/* Text that has been checked. */
SEAL__ALWAYS_INLINE int seal__decoder_keep_text(const seal__decoder *d, const uint8_t *bytes,
                                                size_t len, char **ret_text) {
    int rc = 0;
    char *text = seal__decoder_take(d, len + 1, &rc);
    if (text == NULL)
        return rc;
    memcpy(text, bytes, len);
    text[len] = '\0';
    *ret_text = text;
    return 0;
}

SEAL__ALWAYS_INLINE int seal__decoder_keep_bytes(const seal__decoder *d, const uint8_t *bytes,
                                                 size_t len, ProtobufCBinaryData *data) {
    data->len = len;
    data->data = NULL;
    return len == 0 ? 0 : seal__decoder_keep(d, bytes, len, &data->data);
}

static inline void seal__field_set_has(ProtobufCMessage *message,
                                       const ProtobufCFieldDescriptor *field) {
    if (field->quantifier_offset != 0)
        *(protobuf_c_boolean *)seal__field_of(message, field->quantifier_offset) = 1;
}

#endif
