/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, enums and bools of encoded messages. */
#ifndef SEAL_CODEC_NUMBERS_H
#define SEAL_CODEC_NUMBERS_H

#include "codec/walk.h"

/* Bytes of a number, and of all numbers of an array, without tags. */
size_t seal__number_size(ProtobufCType type, const void *at);
size_t seal__numbers_size(ProtobufCType type, const void *array, size_t n);

/* Stores what was read into a member or an element; false: the wire type is another one. */
bool seal__number_store(ProtobufCType type, const seal__item *item, const uint8_t *end, void *at);

/* How many elements a packed value has room for. Returns false when it cannot be divided. */
bool seal__numbers_count(ProtobufCType type, const uint8_t *bytes, size_t len, size_t *ret_count);

/* Stores the elements of a packed value; false: one is cut off. */
bool seal__numbers_store(ProtobufCType type, const uint8_t *bytes, size_t len, void *array,
                         size_t *ret_count);

#endif
