/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random messages of every type, whole and damaged, against protobuf-c: the same bytes, the same
 * messages, the same refusals, the same price. Once with a seed that is always the same and once
 * with one that is printed; SEAL_SEED sets it.
 */
#include "support/cmocka_all.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/measure.h"
#include "kitchen.pb-c.h"
#include "random.h"
#include "reference.h"
#include "required.pb-c.h"
#include "support/failing_alloc.h"
#include "wild.pb-c.h"

enum { ROUNDS = 400, DAMAGES = 12, DEPTH = 4, FAILURES = 12, MAX_PACKED = 4 << 20 };

static const ProtobufCMessageDescriptor *const types[] = {
    &kitchen__sink__descriptor,   &kitchen__flat__descriptor, &kitchen__leaf__descriptor,
    &kitchen__tree__descriptor,   &kitchen__wide__descriptor, &kitchen__with_choice__descriptor,
    &kitchen2__needy__descriptor, &wild__inner__descriptor,   &wild__required__descriptor,
    &wild__optional__descriptor,  &wild__lists__descriptor,   &wild__choices__descriptor,
    &wild__imports__descriptor,   &wild__many__descriptor};

enum { TYPES = sizeof types / sizeof types[0] };

static uint64_t seed;

/* A packed message; room for damage behind it. */
static uint8_t *packed(const ProtobufCMessage *message, size_t *ret_len) {
    size_t size = 0;
    seal_error *error = NULL;
    if (seal__codec_measure(message->descriptor, message, &size, &error) < 0)
        fail_msg("%s", seal_error_message(error));
    assert_int_equal(codec_check(message->descriptor, message, NULL), 0);
    assert_int_equal(size, codec_size(message));
    assert_int_equal(size, protobuf_c_message_get_packed_size(message));
    uint8_t *ours = malloc(2 * size + 64), *theirs = malloc(size + 1);
    seal__codec_pack(message, ours);
    assert_int_equal(protobuf_c_message_pack(message, theirs), size);
    assert_memory_equal(ours, theirs, size);
    free(theirs);
    *ret_len = size;
    return ours;
}

/* In memory of exactly that size, for the sanitizer. Returns the code of the reference. */
static int agree(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t len,
                 size_t round) {
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    int rc = 0;
    memcpy(copy, bytes, len);
    const char *what = reference_compare(type, copy, len, &rc);
    free(copy);
    if (what != NULL)
        fail_msg("%s, round %zu, %zu bytes: %s (seed %" PRIu64 ")", type->name, round, len, what,
                 seed);
    return rc;
}

static void same_as_protobuf_c(void **state) {
    (void)state;
    size_t whole = 0, accepted = 0, refused = 0;
    for (size_t round = 0; round < ROUNDS * TYPES; round++) {
        chance c;
        chance_init(&c, seed + round);
        const ProtobufCMessageDescriptor *type = types[round % TYPES];
        size_t len = 0;
        uint8_t *bytes = packed(chance_message(&c, type, DEPTH), &len);
        int rc = agree(type, bytes, len, round);
        assert_true(rc == 0 || rc == SEAL_ERROR_TOO_BIG);
        whole += rc == 0;
        uint8_t *damaged = malloc(2 * len + 64);
        for (int i = 0; i < DAMAGES && len < 20000; i++) {
            memcpy(damaged, bytes, len);
            size_t n = chance_damage(&c, damaged, len);
            if (agree(type, damaged, n, round) == 0)
                accepted++;
            else
                refused++;
        }
        free(damaged);
        free(bytes);
        chance_done(&c);
    }
    print_message("seed %" PRIu64 ": %zu whole, %zu damaged and accepted, %zu refused\n", seed,
                  whole, accepted, refused);
    assert_true(whole > ROUNDS * TYPES * 9 / 10 && accepted > 100 && refused > 100);
}

static int decode(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t len,
                  size_t budget, size_t fail_at, bool *ret_failed, size_t *ret_left) {
    failing_alloc alloc;
    seal__arena arena;
    ProtobufCMessage *message = NULL;
    failing_alloc_init(&alloc);
    if (fail_at > 0)
        failing_alloc_fail_at(&alloc, fail_at, false);
    seal__arena_init(&arena, &alloc.allocator, budget);
    int rc = seal__codec_unpack(type, bytes, len, SEAL__CODEC_COPIES, &arena, &message, NULL);
    *ret_failed = failing_alloc_has_failed(&alloc);
    *ret_left = arena.budget;
    seal__arena_done(&arena);
    assert_int_equal(alloc.live, 0);
    return rc;
}

static void memory_runs_out_anywhere(void **state) {
    (void)state;
    for (size_t round = 0; round < FAILURES * TYPES; round++) {
        chance c;
        chance_init(&c, seed + round);
        const ProtobufCMessageDescriptor *type = types[round % TYPES];
        size_t len = 0, left = 0, plenty = SIZE_MAX / 2;
        uint8_t *bytes = packed(chance_message(&c, type, DEPTH), &len);
        bool failed = true;
        for (size_t n = 1; failed; n++) {
            int rc = decode(type, bytes, len, plenty, n, &failed, &left);
            assert_int_equal(rc, failed ? SEAL_ERROR_NO_MEMORY : 0);
        }
        size_t price = plenty - left;
        assert_int_equal(decode(type, bytes, len, price, 0, &failed, &left), 0);
        assert_int_equal(left, 0);
        for (size_t less = 1; less <= price && less < 20000; less += 1 + less / 2)
            assert_int_equal(decode(type, bytes, len, price - less, 0, &failed, &left),
                             SEAL_ERROR_TOO_BIG);
        free(bytes);
        chance_done(&c);
    }
}

static void views_stay_in_the_data(void **state) {
    (void)state;
    static const uint8_t bytes[] = "\x22\x03xyz\x92\x03\x02ok";
    seal__arena arena;
    ProtobufCMessage *message = NULL;
    seal__arena_init(&arena, &seal__default_allocator, 4096);
    assert_int_equal(seal__codec_unpack(&kitchen__flat__descriptor, bytes, sizeof bytes - 1,
                                        SEAL__CODEC_VIEWS, &arena, &message, NULL),
                     0);
    assert_ptr_equal(((Kitchen__Flat *)message)->data.data, bytes + 2);
    assert_int_equal(message->n_unknown_fields, 1);
    assert_ptr_equal(message->unknown_fields[0].data, bytes + 7);
    seal__arena_done(&arena);
}

static int outcome(const ProtobufCMessageDescriptor *type, const char *bytes, size_t len) {
    bool failed;
    size_t left;
    return decode(type, (const uint8_t *)bytes, len, 4096, 0, &failed, &left);
}

/* What protobuf-c accepts and the codec does not. */
static void refused_on_purpose(void **state) {
    (void)state;
    const ProtobufCMessageDescriptor *flat = &kitchen__flat__descriptor;
    assert_int_equal(outcome(flat, "\x28\x01", 2), 0);
    assert_int_equal(outcome(flat, "\x2d\x01\0\0\0", 5), SEAL_ERROR_MALFORMED); /* bool, 32 bits */
    assert_int_equal(outcome(flat, "\x2a\x01\x01", 3), SEAL_ERROR_MALFORMED);   /* bool, bytes */
    assert_int_equal(outcome(flat, "\x80\0\x01", 3), SEAL_ERROR_MALFORMED);     /* field 0 */
    assert_int_equal(outcome(flat, "\x80\x80\x80\x80\x10\x01", 6), SEAL_ERROR_MALFORMED);
    static const char twice[] = "\xba\x04\x02\x08\x01\xba\x04\x02\x08\x01\xe0\x08\x01";
    assert_int_equal(outcome(&wild__many__descriptor, twice, 5), SEAL_ERROR_MALFORMED);
    assert_int_equal(outcome(&wild__many__descriptor, twice + 5, 8), 0);
    assert_int_equal(outcome(&wild__many__descriptor, twice, 13), SEAL_ERROR_MALFORMED);
}

/* A type that was generated without functions that initialize. */
static void types_without_init(void **state) {
    (void)state;
    ProtobufCMessageDescriptor type = wild__optional__descriptor;
    type.message_init = NULL;
    seal__arena arena;
    ProtobufCMessage *message = NULL;
    seal__arena_init(&arena, &seal__default_allocator, 65536);
    assert_int_equal(seal__codec_unpack(&type, (const uint8_t *)"\x08\x05", 2, SEAL__CODEC_COPIES,
                                        &arena, &message, NULL),
                     0);
    Wild__Optional expected = WILD__OPTIONAL__INIT;
    expected.o_int32 = 5;
    expected.has_o_int32 = 1;
    message->descriptor = &wild__optional__descriptor;
    assert_true(reference_same(message, &expected.base));
    seal__arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_protobuf_c),     cmocka_unit_test(memory_runs_out_anywhere),
        cmocka_unit_test(views_stay_in_the_data), cmocka_unit_test(refused_on_purpose),
        cmocka_unit_test(types_without_init),
    };
    const char *given = getenv("SEAL_SEED");
    seed = 1;
    int failed = given != NULL ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
    seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000;
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
