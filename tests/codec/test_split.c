/* SPDX-License-Identifier: Apache-2.0 */
/* Messages packed around a large field: the same bytes as packed whole. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"
#include "kitchen.pb-c.h"

enum { LARGE = SEAL__CODEC_BODY };

static uint8_t large[2 * LARGE];

static ProtobufCBinaryData bytes(size_t len) {
    return (ProtobufCBinaryData){.data = large, .len = len};
}

/* Whether it was split; if so, with the body in place and nothing changed. */
static bool splits(const Kitchen__Sink *sink, size_t body) {
    uint8_t around[SEAL__CODEC_AROUND];
    seal__parts parts = {0};
    const ProtobufCMessage *message = &sink->base;
    size_t size = 0;
    assert_int_equal(seal__codec_measure(&kitchen__sink__descriptor, message, &size, NULL), 0);
    if (!seal__codec_split(message, size, around, &parts))
        return false;
    uint8_t *whole = malloc(size), *put = malloc(size);
    assert_true(whole != NULL && put != NULL);
    seal__codec_pack(message, whole);
    assert_int_equal(seal__parts_size(&parts), size);
    assert_ptr_equal(parts.body.data, large);
    assert_int_equal(parts.body.len, body);
    memcpy(put, parts.head.data, parts.head.len);
    memcpy(put + parts.head.len, parts.body.data, parts.body.len);
    memcpy(put + parts.head.len + parts.body.len, parts.tail.data, parts.tail.len);
    assert_memory_equal(put, whole, size);
    free(whole);
    free(put);
    return true;
}

static void alone(void **state) {
    (void)state;
    Kitchen__Sink s;
    kitchen__sink__init(&s);
    assert_false(splits(&s, 0));
    s.bytes_field = bytes(LARGE - 1);
    assert_false(splits(&s, 0));
    s.bytes_field = bytes(LARGE);
    assert_true(splits(&s, LARGE));
    s.bytes_field = bytes(sizeof large);
    assert_true(splits(&s, sizeof large));
}

static void among_others(void **state) {
    (void)state;
    static char text[] = "before", name[] = "behind";
    char *names[] = {name, text};
    Kitchen__Sink s;
    kitchen__sink__init(&s);
    s.int64_field = -1;
    s.string_field = text;
    s.bytes_field = bytes(LARGE + 5);
    s.n_names = 2;
    s.names = names;
    uint8_t unknown[] = {1, 2, 3};
    ProtobufCMessageUnknownField field = {.tag = 900,
                                          .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
                                          .len = sizeof unknown,
                                          .data = unknown};
    unknown[0] = 2; /* a length, and two bytes */
    s.base.n_unknown_fields = 1;
    s.base.unknown_fields = &field;
    assert_true(splits(&s, LARGE + 5));
}

static void in_a_oneof(void **state) {
    (void)state;
    Kitchen__Sink s;
    kitchen__sink__init(&s);
    s.choice_case = KITCHEN__SINK__CHOICE_CHOICE_BYTES;
    s.choice_bytes = bytes(LARGE + 9);
    assert_true(splits(&s, LARGE + 9));
    s.bytes_field = bytes(LARGE); /* too much around the larger one */
    assert_false(splits(&s, 0));
    s.bytes_field = bytes(300);
    assert_true(splits(&s, LARGE + 9));
    s.choice_case = KITCHEN__SINK__CHOICE_CHOICE_NUMBER; /* what lies there is no bytes */
    s.choice_number = 5;
    s.bytes_field = bytes(LARGE);
    assert_true(splits(&s, LARGE));
}

static void not_there(void **state) {
    (void)state;
    Kitchen__Sink s, inner;
    kitchen__sink__init(&s);
    kitchen__sink__init(&inner);
    ProtobufCBinaryData blob = bytes(LARGE);
    s.n_blobs = 1;
    s.blobs = &blob;
    assert_false(splits(&s, 0));
    kitchen__sink__init(&s);
    inner.bytes_field = bytes(LARGE);
    s.inner = &inner;
    assert_false(splits(&s, 0));
}

/* Up to the last byte of the room around the body, and no further. */
static void room_around(void **state) {
    (void)state;
    static char text[SEAL__CODEC_AROUND + 1];
    size_t split = 0;
    for (size_t len = 400; len <= SEAL__CODEC_AROUND; len++) {
        Kitchen__Sink s;
        kitchen__sink__init(&s);
        memset(text, 'x', len);
        text[len] = '\0';
        s.string_field = text;
        s.bytes_field = bytes(LARGE);
        split += splits(&s, LARGE);
    }
    /* Tag and length take 3 bytes before the text, 4 before the body. */
    assert_int_equal(split, SEAL__CODEC_AROUND - 7 - 400 + 1);
}

int main(void) {
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (uint8_t)(i * 7);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone),     cmocka_unit_test(among_others), cmocka_unit_test(in_a_oneof),
        cmocka_unit_test(not_there), cmocka_unit_test(room_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
