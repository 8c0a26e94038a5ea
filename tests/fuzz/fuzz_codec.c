/* SPDX-License-Identifier: Apache-2.0 */
/* Encoded messages: memory within the budget; what was accepted can be checked, packed and read
 * again; and all that protobuf-c decodes, packs or refuses the codec does alike. */
#include <stdlib.h>
#include <string.h>

#include "codec/measure.h"
#include "codec/reference.h"
#include "kitchen.pb-c.h"
#include "required.pb-c.h"
#include "support/failing_alloc.h"
#include "wild.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
    if (!condition)
        abort();
}

static ProtobufCMessage *decode(const ProtobufCMessageDescriptor *type, const uint8_t *data,
                                size_t size, failing_alloc *alloc, seal__arena *arena) {
    failing_alloc_init(alloc);
    seal__arena_init(arena, &alloc->allocator, seal__codec_budget(size));
    ProtobufCMessage *message = NULL;
    int rc = seal__codec_unpack(type, data, size, SEAL__CODEC_COPIES, arena, &message, NULL);
    must(rc == 0 || rc == SEAL_ERROR_MALFORMED || rc == SEAL_ERROR_TOO_BIG);
    must(alloc->peak <= seal__codec_budget(size) + 128 * 1024);
    return rc == 0 ? message : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const ProtobufCMessageDescriptor *const types[] = {
        &kitchen__sink__descriptor,  &kitchen__tree__descriptor,   &kitchen__wide__descriptor,
        &kitchen__flat__descriptor,  &kitchen2__needy__descriptor, &wild__required__descriptor,
        &wild__optional__descriptor, &wild__lists__descriptor,     &wild__choices__descriptor,
        &wild__imports__descriptor,  &wild__many__descriptor};
    if (size == 0)
        return 0;
    const ProtobufCMessageDescriptor *type = types[data[0] % (sizeof types / sizeof types[0])];
    int code = 0;
    must(reference_compare(type, data + 1, size - 1, &code) == NULL);
    failing_alloc alloc, alloc2;
    seal__arena arena, arena2;
    ProtobufCMessage *message = decode(type, data + 1, size - 1, &alloc, &arena);
    if (message != NULL) {
        must(codec_check(type, message, NULL) == 0);
        size_t len = codec_size(message);
        uint8_t *packed = malloc(len + 1);
        seal__codec_pack(message, packed);
        ProtobufCMessage *again = decode(type, packed, len, &alloc2, &arena2);
        /* the second time the bytes may be fewer, and the budget with them */
        if (again != NULL)
            must(codec_size(again) == len);
        seal__arena_done(&arena2);
        must(alloc2.live == 0);
        free(packed);
    }
    seal__arena_done(&arena);
    must(alloc.live == 0);
    return 0;
}
