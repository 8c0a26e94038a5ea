/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/decoder.h"

int seal__decoder_too_big(const seal__decoder *d) {
    return seal__error(d->reterr, SEAL_ERROR_TOO_BIG,
                       "%s: %zu bytes need too much memory when decoded", d->type->name, d->len);
}

void *seal__decoder_take_block(const seal__decoder *d, size_t size, int *ret_rc) {
    bool fits = seal__decoder_cost(size) <= d->arena->budget;
    void *ptr = fits ? seal__arena_alloc(d->arena, size) : NULL;
    if (ptr == NULL)
        *ret_rc = fits ? seal__error_no_memory(d->reterr) : seal__decoder_too_big(d);
    return ptr;
}

void seal__decoder_init_fields(const ProtobufCMessageDescriptor *type, ProtobufCMessage *message) {
    memset(message, 0, type->sizeof_message);
    message->descriptor = type;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        void *at = seal__field_of(message, field->offset);
        if (field->default_value == NULL || field->label == PROTOBUF_C_LABEL_REPEATED)
            continue;
        if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE)
            memcpy(at, &field->default_value, sizeof field->default_value);
        else
            memcpy(at, field->default_value, seal__field_size(field->type));
    }
}
