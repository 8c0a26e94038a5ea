/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/numbers.h"

const uint8_t *seal__varint_get_long(const uint8_t *at, const uint8_t *end, size_t limit,
                                     uint64_t *ret_value) {
    if ((size_t)(end - at) > limit)
        end = at + limit;
    uint64_t value = 0;
    for (unsigned shift = 0; at < end; shift += 7) {
        uint8_t byte = *at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return at;
        }
    }
    return NULL;
}

size_t seal__number_size(ProtobufCType type, const void *at) {
    switch (type) {
    case PROTOBUF_C_TYPE_SINT32:
        return seal__varint_size(seal__zigzag(*(const int32_t *)at));
    case PROTOBUF_C_TYPE_UINT32:
        return seal__varint_size(*(const uint32_t *)at);
    case PROTOBUF_C_TYPE_SINT64:
        return seal__varint_size(seal__zigzag(*(const int64_t *)at));
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        return seal__varint_size(*(const uint64_t *)at);
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return sizeof(uint32_t);
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return sizeof(uint64_t);
    case PROTOBUF_C_TYPE_BOOL:
        return 1;
    default: /* int32 and enum */
        return seal__varint_size((uint64_t)(int64_t) * (const int32_t *)at);
    }
}

size_t seal__numbers_size(ProtobufCType type, const void *array, size_t n) {
    size_t step = seal__field_size(type), size = 0;
    unsigned wire = seal__field_wire(type);
    if (wire == SEAL__WIRE_32 || wire == SEAL__WIRE_64)
        return n * step;
    for (size_t i = 0; i < n; i++)
        size += seal__number_size(type, (const char *)array + i * step);
    return size;
}

static void store_32(void *at, uint64_t value) {
    uint32_t half = (uint32_t)value;
    memcpy(at, &half, sizeof half);
}

/* All bits of a varint count, also those beyond 64. */
static void store_bool(void *at, uint64_t value, const uint8_t *start, const uint8_t *end) {
    for (; value == 0 && start < end; start++)
        value = *start & 0x7f;
    *(protobuf_c_boolean *)at = value != 0;
}

/* `start` to `end` is the value as it was encoded. */
static void store(ProtobufCType type, uint64_t value, const uint8_t *start, const uint8_t *end,
                  void *at) {
    switch (type) {
    case PROTOBUF_C_TYPE_SINT32:
        store_32(at, seal__unzigzag((uint32_t)value));
        return;
    case PROTOBUF_C_TYPE_SINT64:
        value = seal__unzigzag(value);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        break;
    case PROTOBUF_C_TYPE_BOOL:
        store_bool(at, value, start, end);
        return;
    default:
        store_32(at, value);
        return;
    }
    memcpy(at, &value, sizeof value);
}

bool seal__number_store(ProtobufCType type, const seal__item *item, const uint8_t *end, void *at) {
    if (item->wire != seal__field_wire(type))
        return false;
    store(type, item->value, item->start, end, at);
    return true;
}

bool seal__numbers_count(ProtobufCType type, const uint8_t *bytes, size_t len, size_t *ret_count) {
    unsigned wire = seal__field_wire(type);
    size_t n = 0;
    if (type == PROTOBUF_C_TYPE_BOOL) {
        n = len;
    } else if (wire == SEAL__WIRE_VARINT) {
        for (size_t i = 0; i < len; i++)
            n += bytes[i] < 0x80;
    } else {
        size_t size = seal__field_size(type);
        if (len % size != 0)
            return false;
        n = len / size;
    }
    *ret_count = n;
    return true;
}

bool seal__numbers_store(ProtobufCType type, const uint8_t *bytes, size_t len, void *array,
                         size_t *ret_count) {
    const uint8_t *end = bytes + len;
    unsigned wire = seal__field_wire(type);
    size_t n = 0, size = seal__field_size(type);
    if (wire != SEAL__WIRE_VARINT && SEAL__IS_LITTLE_ENDIAN) {
        if (len > 0)
            memcpy(array, bytes, len);
        *ret_count = len / size;
        return true;
    }
    while (bytes < end) {
        seal__item item = {.wire = wire};
        const uint8_t *next = seal__item_value(&item, bytes, end);
        if (next == NULL)
            return false;
        store(type, item.value, bytes, next, (char *)array + n++ * size);
        bytes = next;
    }
    *ret_count = n;
    return true;
}
