/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/codec.h"

#include <stdalign.h>

#include "codec/scan.h"

#define BASE_BUDGET ((size_t)64 << 10)
#define CAP_BUDGET ((size_t)16 << 20)

size_t seal__codec_budget(size_t len) {
    size_t amplified = len > (CAP_BUDGET - BASE_BUDGET) / 8 ? CAP_BUDGET : BASE_BUDGET + 8 * len;
    size_t plain = len > (SIZE_MAX - BASE_BUDGET) / 2 ? SIZE_MAX : BASE_BUDGET + 2 * len;
    return amplified > plain ? amplified : plain;
}

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

int seal__codec_unpack(const ProtobufCMessageDescriptor *type, bool recursive, const uint8_t *data,
                       size_t len, seal__arena *arena, ProtobufCMessage **ret_message,
                       seal_error **reterr) {
    static const uint8_t nothing[1] = {0};
    if (len == 0)
        data = nothing;
    if (recursive || seal__scan_is_needed(type)) {
        int rc = seal__scan(type, data, len, reterr);
        if (rc != 0)
            return rc;
    }
    arena_allocator memory = {.arena = arena};
    ProtobufCAllocator allocator = {.alloc = take, .free = keep, .allocator_data = &memory};
    ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, len, data);
    if (message != NULL) {
        *ret_message = message;
        return 0;
    }
    if (memory.no_memory)
        return seal__error_no_memory(reterr);
    if (memory.over_budget)
        return seal__error(reterr, SEAL_ERROR_TOO_BIG,
                           "%s: %zu bytes need too much memory when decoded", type->name, len);
    return seal__error(reterr, SEAL_ERROR_MALFORMED, "%s: %zu bytes cannot be decoded", type->name,
                       len);
}

size_t seal__codec_size(const ProtobufCMessage *message) {
    return protobuf_c_message_get_packed_size(message);
}

void seal__codec_pack(const void *message, uint8_t *at) {
    protobuf_c_message_pack(message, at);
}
