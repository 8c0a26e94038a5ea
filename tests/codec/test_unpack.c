/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile bytes against the decoder. Names P1 to P15 follow the list of bad payloads in the test
 * plan. */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "codec/measure.h"
#include "base/utf8.h"
#include "support/failing_alloc.h"
#include "kitchen.pb-c.h"
#include "required.pb-c.h"

#define SINK (&kitchen__sink__descriptor)
#define TREE (&kitchen__tree__descriptor)

typedef struct decoder {
    failing_alloc alloc;
    seal__arena arena;
    ProtobufCMessage *message;
    size_t stack_hint;
} decoder;

static int decode(decoder *d, const ProtobufCMessageDescriptor *type, const void *data,
                  size_t len) {
    failing_alloc_init(&d->alloc);
    seal__arena_init(&d->arena, &d->alloc.allocator, seal__codec_budget(len));
    d->message = NULL;
    uint8_t *copy = malloc(len == 0 ? 1 : len); /* of the right size, for the sanitizer */
    if (len > 0)
        memcpy(copy, data, len);
    seal_error *error = NULL;
    int rc =
        seal__codec_unpack(type, copy, len, SEAL__CODEC_COPIES, &d->arena, &d->message, &error);
    assert_true((rc != 0) == (error != NULL));
    if (rc != 0)
        assert_int_equal(seal_error_get_code(error), rc);
    seal_error_free(error);
    free(copy);
    return rc;
}

static void done(decoder *d) {
    seal__arena_done(&d->arena);
    assert_int_equal(d->alloc.live, 0);
}

static int outcome(const ProtobufCMessageDescriptor *type, const void *data, size_t len) {
    decoder d;
    int rc = decode(&d, type, data, len);
    done(&d);
    return rc;
}

#define OUTCOME(type, bytes) outcome(type, bytes, sizeof(bytes) - 1)

/* ---- Messages with everything in them ---- */

static Kitchen__Leaf leaf_a, leaf_b;
static Kitchen__Leaf *leaves[] = {&leaf_a, &leaf_b};
static char *names[] = {(char[]){"one"}, (char[]){"zwei \xe2\x82\xac"}, (char[]){""}};
static int32_t numbers[] = {1, -1, 300, INT32_MIN};
static uint64_t words[] = {1, UINT64_MAX};
static protobuf_c_boolean flags[] = {1, 0, 1};
static ProtobufCBinaryData blobs[] = {{3, (uint8_t[]){0, 1, 2}}, {0, NULL}};

static void fill(Kitchen__Sink *s, Kitchen__Sink *inner) {
    kitchen__sink__init(s);
    kitchen__leaf__init(&leaf_a);
    kitchen__leaf__init(&leaf_b);
    leaf_a.number = 7;
    leaf_a.name = names[1];
    s->int32_field = -5;
    s->uint64_field = UINT64_MAX;
    s->sint64_field = INT64_MIN;
    s->fixed32_field = 77;
    s->double_field = 2.5;
    s->bool_field = 1;
    s->string_field = names[0];
    s->bytes_field = blobs[0];
    s->colour = KITCHEN__COLOUR__BLUE;
    s->leaf = &leaf_a;
    s->n_numbers = 4;
    s->numbers = numbers;
    s->n_words = 2;
    s->words = words;
    s->n_names = 3;
    s->names = names;
    s->n_blobs = 2;
    s->blobs = blobs;
    s->n_leaves = 2;
    s->leaves = leaves;
    s->choice_case = KITCHEN__SINK__CHOICE_CHOICE_TEXT;
    s->choice_text = names[1];
    s->n_flags = 3;
    s->flags = flags;
    s->n_loose = 4;
    s->loose = numbers;
    s->inner = inner;
}

static size_t pack_full(uint8_t *to, size_t room) {
    Kitchen__Sink outer, inner;
    fill(&inner, NULL);
    fill(&outer, &inner);
    assert_int_equal(codec_check(SINK, &outer.base, NULL), 0);
    size_t len = codec_size(&outer.base);
    assert_in_range(len, 100, room);
    seal__codec_pack(&outer, to);
    return len;
}

static void round_trip(void **state) {
    (void)state;
    uint8_t bytes[1024], again[1024];
    size_t len = pack_full(bytes, sizeof bytes);
    decoder d;
    assert_int_equal(decode(&d, SINK, bytes, len), 0);
    assert_int_equal(codec_size(d.message), len);
    seal__codec_pack(d.message, again);
    assert_memory_equal(bytes, again, len);
    assert_string_equal(((Kitchen__Sink *)d.message)->inner->choice_text, names[1]);
    done(&d);
}

static void p1_empty(void **state) {
    (void)state;
    assert_int_equal(outcome(SINK, NULL, 0), 0);
    assert_int_equal(outcome(TREE, NULL, 0), 0);
    assert_int_equal(outcome(&kitchen__empty__descriptor, NULL, 0), 0);
    assert_int_equal(outcome(&kitchen__flat__descriptor, NULL, 0), 0);
}

/* A cut between two fields leaves a message; anywhere else it is malformed. Never anything worse.
 */
static void p2_truncated(void **state) {
    (void)state;
    uint8_t bytes[1024];
    size_t len = pack_full(bytes, sizeof bytes);
    size_t accepted = 0;
    for (size_t cut = 0; cut < len; cut++) {
        int rc = outcome(SINK, bytes, cut);
        assert_true(rc == 0 || rc == SEAL_ERROR_MALFORMED);
        accepted += rc == 0;
    }
    assert_in_range(accepted, 10, 40);
    for (size_t cut = 1; cut < 9; cut++)
        assert_int_equal(outcome(&kitchen__flat__descriptor, "\x19\1\2\3\4\5\6\7\x10", cut),
                         SEAL_ERROR_MALFORMED);
}

static void p2_every_bit_flipped(void **state) {
    (void)state;
    uint8_t bytes[1024];
    size_t len = pack_full(bytes, sizeof bytes);
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int rc = outcome(SINK, bytes, len);
        assert_true(rc == 0 || rc == SEAL_ERROR_MALFORMED || rc == SEAL_ERROR_TOO_BIG);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void p3_long_varints(void **state) {
    (void)state;
    assert_int_equal(OUTCOME(SINK, "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), 0);
    assert_int_equal(OUTCOME(SINK, "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"),
                     SEAL_ERROR_MALFORMED);
    assert_int_equal(OUTCOME(SINK, "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
                     SEAL_ERROR_MALFORMED);
    assert_int_equal(OUTCOME(SINK, "\x08\x80"), SEAL_ERROR_MALFORMED);
    assert_int_equal(OUTCOME(SINK, "\x08"), SEAL_ERROR_MALFORMED);
    assert_int_equal(OUTCOME(SINK, "\x80\x80\x80\x80\x80"), SEAL_ERROR_MALFORMED);
}

static void p4_field_numbers_and_wire_types(void **state) {
    (void)state;
    assert_int_equal(OUTCOME(SINK, "\x00\x01"), SEAL_ERROR_MALFORMED);     /* field 0 */
    assert_int_equal(OUTCOME(SINK, "\x80\x00\x01"), SEAL_ERROR_MALFORMED); /* the same, longer */
    assert_int_equal(OUTCOME(SINK, "\xf8\xff\xff\xff\x0f\x01"), 0);        /* 2^29 - 1 */
    assert_int_equal(OUTCOME(SINK, "\x80\x80\x80\x80\x10\x01"), SEAL_ERROR_MALFORMED); /* 2^29 */
    assert_int_equal(OUTCOME(SINK, "\xf2\x81\x80\x80\x10\x00"),
                     SEAL_ERROR_MALFORMED);                            /* "30", with a top bit */
    assert_int_equal(OUTCOME(SINK, "\x0b\x0c"), SEAL_ERROR_MALFORMED); /* group */
    assert_int_equal(OUTCOME(SINK, "\xa3\x06\xa4\x06"),
                     SEAL_ERROR_MALFORMED); /* group, unknown field */
    assert_int_equal(OUTCOME(SINK, "\x0e"), SEAL_ERROR_MALFORMED);
    assert_int_equal(OUTCOME(SINK, "\x0f"), SEAL_ERROR_MALFORMED);
    assert_int_equal(OUTCOME(SINK, "\x0d\1\2\3\4"), SEAL_ERROR_MALFORMED); /* int32 as fixed32 */
    assert_int_equal(OUTCOME(SINK, "\x8a\x01\x00"), 0);                    /* leaf, empty */
    assert_int_equal(OUTCOME(SINK, "\x88\x01\x00"), SEAL_ERROR_MALFORMED); /* leaf as varint */
    assert_int_equal(OUTCOME(SINK, "\x70\x01"), SEAL_ERROR_MALFORMED);     /* string as varint */
}

static void p5_inner_lengths(void **state) {
    (void)state;
    static const char *const lengths[] = {"\xff\xff\xff\xff\x07", "\x80\x80\x80\x80\x08",
                                          "\xff\xff\xff\xff\x0f", "\xff\xff\xff\xff\x7f",
                                          "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"};
    static const char tags[] = "\x72\x7a"; /* string, bytes */
    for (size_t i = 0; i < 5; i++) {
        for (size_t t = 0; t < 2; t++) {
            uint8_t bytes[32] = {(uint8_t)tags[t]};
            size_t n = strlen(lengths[i]);
            memcpy(bytes + 1, lengths[i], n);
            decoder d;
            assert_int_equal(decode(&d, SINK, bytes, 1 + n + 3), SEAL_ERROR_MALFORMED);
            assert_int_equal(d.alloc.calls, 0);
            done(&d);
            /* without strings there is no scan; protobuf-c must see it itself */
            bytes[0] = 0x22;
            assert_int_equal(outcome(&kitchen__flat__descriptor, bytes, 1 + n + 3),
                             SEAL_ERROR_MALFORMED);
        }
    }
}

static void p6_packed_lengths(void **state) {
    (void)state;
    assert_int_equal(OUTCOME(SINK, "\x9a\x01\x10"
                                   "12345678"
                                   "12345678"),
                     0);
    assert_int_equal(OUTCOME(SINK, "\x9a\x01\x07"
                                   "1234567"),
                     SEAL_ERROR_MALFORMED);
    assert_int_equal(OUTCOME(SINK, "\x9a\x01\x00"), 0);
    assert_int_equal(OUTCOME(SINK, "\x92\x01\x02\x80\x80"),
                     SEAL_ERROR_MALFORMED); /* varint cut off */
    assert_int_equal(OUTCOME(SINK, "\x92\x01\x03\x80\x80\x01"), 0);
    int rc = OUTCOME(SINK, "\xea\x01\x02\x01\x02"); /* a bool of 2: versions of protobuf-c differ */
    assert_true(rc == 0 || rc == SEAL_ERROR_MALFORMED);
}

/* `levels` trees inside one another, the outermost counted. Returns the start within the buffer. */
static uint8_t *nest(uint8_t *end, size_t levels, uint8_t tag, size_t *ret_len) {
    uint8_t *at = end;
    for (size_t i = 1; i < levels; i++) {
        size_t len = (size_t)(end - at);
        uint8_t prefix[6];
        size_t n = 0;
        do {
            prefix[n++] = (uint8_t)((len & 0x7f) | (len > 0x7f ? 0x80 : 0));
            len >>= 7;
        } while (len > 0);
        at -= n;
        memcpy(at, prefix, n);
        *--at = tag;
    }
    *ret_len = (size_t)(end - at);
    return at;
}

static int outcome_of_depth(size_t levels, uint8_t tag) {
    size_t room = levels * 6 + 16, len = 0;
    uint8_t *buffer = malloc(room);
    uint8_t *start = nest(buffer + room, levels, tag, &len);
    int rc = outcome(TREE, start, len);
    free(buffer);
    return rc;
}

static void *on_small_stack(void *unused) {
    (void)unused;
    for (uint8_t tag = 0x0a; tag <= 0x12; tag = (uint8_t)(tag + 8)) {
        assert_int_equal(outcome_of_depth(63, tag), 0);
        assert_int_equal(outcome_of_depth(64, tag), 0);
        assert_int_equal(outcome_of_depth(65, tag), SEAL_ERROR_TOO_BIG);
        assert_int_equal(outcome_of_depth(8700, tag), SEAL_ERROR_TOO_BIG);
        assert_int_equal(outcome_of_depth(1000000, tag), SEAL_ERROR_TOO_BIG);
    }
    return NULL;
}

static void p7_depth(void **state) {
    (void)state;
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 * 1024);
    assert_int_equal(pthread_create(&thread, &attr, on_small_stack, NULL), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
}

/* Decodes n copies of a few bytes; the memory stays within the budget in every case. */
static int outcome_of_bomb(const ProtobufCMessageDescriptor *type, const char *unit,
                           size_t unit_len, size_t n) {
    uint8_t *bytes = malloc(unit_len * n);
    for (size_t i = 0; i < n; i++)
        memcpy(bytes + i * unit_len, unit, unit_len);
    decoder d;
    int rc = decode(&d, type, bytes, unit_len * n);
    /* blocks are not filled to the last byte */
    assert_in_range(d.alloc.peak, 0, seal__codec_budget(unit_len * n) + 128 * 1024);
    done(&d);
    free(bytes);
    return rc;
}

static void p8_bombs(void **state) {
    (void)state;
    assert_int_equal(outcome_of_bomb(SINK, "\xba\x01\x00", 3, 349525),
                     SEAL_ERROR_TOO_BIG); /* empties */
    assert_int_equal(outcome_of_bomb(TREE, "\x12\x00", 2, 524288), SEAL_ERROR_TOO_BIG);
    assert_int_equal(outcome_of_bomb(&kitchen__wide__descriptor, "\x0a\x00", 2, 524288),
                     SEAL_ERROR_TOO_BIG);
    assert_int_equal(outcome_of_bomb(SINK, "\x98\x06\x01", 3, 100000),
                     SEAL_ERROR_TOO_BIG); /* unknown */
    assert_int_equal(outcome_of_bomb(SINK, "\xa2\x01\x00", 3, 100000),
                     SEAL_ERROR_TOO_BIG); /* strings */
    assert_int_equal(outcome_of_bomb(TREE, "\x12\x00", 2, 300), 0);
    assert_int_equal(outcome_of_bomb(SINK,
                                     "\xa2\x01\x14"
                                     "abcdefghijklmnopqrst",
                                     23, 20000),
                     0);
}

static void plain_bytes_always_fit(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 4096, 1 << 20, 4 << 20, 64 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *data = calloc(1, sizes[i] + 1);
        Kitchen__Flat flat;
        kitchen__flat__init(&flat);
        flat.data.data = data;
        flat.data.len = sizes[i];
        size_t len = codec_size(&flat.base);
        uint8_t *packed = malloc(len + 1);
        seal__codec_pack(&flat, packed);
        assert_int_equal(outcome(&kitchen__flat__descriptor, packed, len), 0);
        free(packed);
        free(data);
    }
    assert_int_equal(seal__codec_budget(0), 64 << 10);
    assert_int_equal(seal__codec_budget(1000), (64 << 10) + 8000);
    assert_int_equal(seal__codec_budget(4 << 20), 16 << 20);
    assert_int_equal(seal__codec_budget(64 << 20), (128 << 20) + (64 << 10));
    assert_int_equal(seal__codec_budget(SIZE_MAX), SIZE_MAX);
}

static void p9_given_again(void **state) {
    (void)state;
    uint8_t many[20000];
    for (size_t i = 0; i < sizeof many; i += 2) {
        many[i] = 0x08;
        many[i + 1] = (uint8_t)(i / 2 % 100);
    }
    decoder d;
    assert_int_equal(decode(&d, SINK, many, 2000), 0);
    assert_int_equal(((Kitchen__Sink *)d.message)->int32_field, 99);
    done(&d);
    /* oneof: number, text, leaf, text */
    static const char oneof[] = "\xc8\x01\x05\xd2\x01\x01"
                                "a\xda\x01\x02\x08\x01\xd2\x01\x02"
                                "bc";
    assert_int_equal(decode(&d, SINK, oneof, sizeof oneof - 1), 0);
    assert_int_equal(((Kitchen__Sink *)d.message)->choice_case, KITCHEN__SINK__CHOICE_CHOICE_TEXT);
    assert_string_equal(((Kitchen__Sink *)d.message)->choice_text, "bc");
    done(&d);
    /* a map is a list of entries here: both are there */
    static const char map[] = "\xc2\x01\x05\x0a\x01k\x10\x01\xc2\x01\x05\x0a\x01k\x10\x02";
    assert_int_equal(decode(&d, SINK, map, sizeof map - 1), 0);
    assert_int_equal(((Kitchen__Sink *)d.message)->n_ages, 2);
    assert_int_equal(((Kitchen__Sink *)d.message)->ages[1]->value, 2);
    done(&d);
}

/* protobuf-c would lose `number` here. */
static void p9_singular_messages_are_not_merged(void **state) {
    (void)state;
    assert_int_equal(OUTCOME(SINK, "\x8a\x01\x02\x08\x07\x8a\x01\x03\x12\x01y"),
                     SEAL_ERROR_MALFORMED);
    assert_int_equal(OUTCOME(SINK, "\x82\x02\x02\x18\x01\x82\x02\x02\x18\x02"),
                     SEAL_ERROR_MALFORMED);
    assert_int_equal(OUTCOME(SINK, "\xda\x01\x02\x08\x07\xda\x01\x03\x12\x01y"),
                     SEAL_ERROR_MALFORMED);
    assert_int_equal(OUTCOME(SINK, "\xb2\x01\x02\x08\x07\xb2\x01\x03\x12\x01y"), 0); /* repeated */
    assert_int_equal(OUTCOME(TREE, "\x12\x02\x0a\x00\x12\x02\x0a\x00"),
                     0); /* each in another one */
    assert_int_equal(OUTCOME(TREE, "\x12\x04\x0a\x00\x0a\x00"), SEAL_ERROR_MALFORMED);
}

static void p10_strings(void **state) {
    (void)state;
    assert_int_equal(OUTCOME(SINK, "\x72\x03"
                                   "a\0b"),
                     SEAL_ERROR_MALFORMED);
    assert_int_equal(OUTCOME(SINK, "\x72\x01\x80"), SEAL_ERROR_MALFORMED);
    assert_int_equal(OUTCOME(SINK, "\x72\x02\xc3\xa4"), 0);
    assert_int_equal(OUTCOME(SINK, "\x7a\x03"
                                   "a\0\x80"),
                     0); /* bytes */
    assert_int_equal(OUTCOME(SINK, "\xa2\x01\x01"
                                   "a\xa2\x01\x01\xff"),
                     SEAL_ERROR_MALFORMED);                                    /* repeated */
    assert_int_equal(OUTCOME(SINK, "\xd2\x01\x01\xff"), SEAL_ERROR_MALFORMED); /* oneof */
    assert_int_equal(OUTCOME(SINK, "\xc2\x01\x03\x0a\x01\xff"),
                     SEAL_ERROR_MALFORMED); /* key of a map */
    assert_int_equal(OUTCOME(SINK, "\x8a\x01\x03\x12\x01\xff"), SEAL_ERROR_MALFORMED); /* inside */
    assert_int_equal(OUTCOME(SINK, "\x9a\x06\x01\xff"), 0); /* unknown field */
}

static void utf8_is_what_the_rfc_says(void **state) {
    (void)state;
    static const char *const good[] = {"",
                                       "a",
                                       "abcdefgh",
                                       "abcdefghi",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "1234567\303\2441234567"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x41",
                                      "\xe0\x80\x80",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xfe",
                                      "\xf0\x90\x80",
                                      "abcdefg\200abcdefgh",
                                      "abcdefgh\xc2"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(seal__utf8_is_text((const uint8_t *)good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(seal__utf8_is_text((const uint8_t *)bad[i], strlen(bad[i])));
    for (size_t len = 1; len < 40; len++) {
        for (size_t at = 0; at < len; at++) {
            uint8_t text[40];
            memset(text, 'a', sizeof text);
            assert_true(seal__utf8_is_text(text, len));
            text[at] = 0;
            assert_false(seal__utf8_is_text(text, len));
            text[at] = 0x80;
            assert_false(seal__utf8_is_text(text, len));
        }
    }
}

static void p11_required_and_enums(void **state) {
    (void)state;
    const ProtobufCMessageDescriptor *needy = &kitchen2__needy__descriptor;
    assert_int_equal(OUTCOME(needy, "\x08\x01\x12\x01"
                                    "a\x32\x03\x0a\x01p"),
                     0);
    assert_int_equal(OUTCOME(needy, "\x12\x01"
                                    "a\x32\x03\x0a\x01p"),
                     SEAL_ERROR_MALFORMED);
    assert_int_equal(OUTCOME(needy, "\x08\x01\x12\x01"
                                    "a"),
                     SEAL_ERROR_MALFORMED);
    assert_int_equal(OUTCOME(needy, "\x08\x01\x12\x01"
                                    "a\x32\x00"),
                     SEAL_ERROR_MALFORMED);
    assert_int_equal(OUTCOME(needy, ""), SEAL_ERROR_MALFORMED);
    decoder d;
    static const char size_9[] = "\x08\x01\x12\x01"
                                 "a\x20\x09\x32\x03\x0a\x01p";
    assert_int_equal(decode(&d, needy, size_9, sizeof size_9 - 1), 0);
    assert_int_equal(((Kitchen2__Needy *)d.message)->size, 9);
    assert_string_equal(((Kitchen2__Needy *)d.message)->motto, "none");
    done(&d);
}

static void p12_allocator_fails(void **state) {
    (void)state;
    uint8_t bytes[1024];
    size_t len = pack_full(bytes, sizeof bytes);
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        failing_alloc alloc;
        failing_alloc_init(&alloc);
        failing_alloc_fail_at(&alloc, n, false);
        seal__arena arena;
        seal__arena_init(&arena, &alloc.allocator, seal__codec_budget(len));
        ProtobufCMessage *message = NULL;
        seal_error *error = NULL;
        int rc = seal__codec_unpack(SINK, bytes, len, SEAL__CODEC_COPIES, &arena, &message, &error);
        failed = failing_alloc_has_failed(&alloc);
        assert_int_equal(rc, failed ? SEAL_ERROR_NO_MEMORY : 0);
        seal_error_free(error);
        seal__arena_done(&arena);
        assert_int_equal(alloc.live, 0);
    }
    /* the same with the budget */
    for (size_t budget = 0; budget < 20000; budget += 16) {
        failing_alloc alloc;
        failing_alloc_init(&alloc);
        seal__arena arena;
        seal__arena_init(&arena, &alloc.allocator, budget);
        ProtobufCMessage *message = NULL;
        int rc = seal__codec_unpack(SINK, bytes, len, SEAL__CODEC_COPIES, &arena, &message, NULL);
        assert_true(rc == SEAL_ERROR_TOO_BIG || (rc == 0 && budget > 1000));
        seal__arena_done(&arena);
        assert_int_equal(alloc.live, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(p1_empty),
        cmocka_unit_test(p2_truncated),
        cmocka_unit_test(p2_every_bit_flipped),
        cmocka_unit_test(p3_long_varints),
        cmocka_unit_test(p4_field_numbers_and_wire_types),
        cmocka_unit_test(p5_inner_lengths),
        cmocka_unit_test(p6_packed_lengths),
        cmocka_unit_test(p7_depth),
        cmocka_unit_test(p8_bombs),
        cmocka_unit_test(plain_bytes_always_fit),
        cmocka_unit_test(p9_given_again),
        cmocka_unit_test(p9_singular_messages_are_not_merged),
        cmocka_unit_test(p10_strings),
        cmocka_unit_test(utf8_is_what_the_rfc_says),
        cmocka_unit_test(p11_required_and_enums),
        cmocka_unit_test(p12_allocator_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
