/* SPDX-License-Identifier: Apache-2.0 */
/* What C programs see of fields with and without presence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "optional.pb-c.h"

static char empty[] = "";

/* Packs message and returns what unpacks; *ret_len receives the encoded size. */
static Opt__All *through_the_wire(const Opt__All *message, size_t *ret_len) {
    uint8_t bytes[1024];
    assert_true(opt__all__get_packed_size(message) <= sizeof bytes);
    *ret_len = opt__all__pack(message, bytes);
    Opt__All *copy = opt__all__unpack(NULL, *ret_len, bytes);
    assert_non_null(copy);
    return copy;
}

static void a_new_message_is_empty(void **state) {
    (void)state;
    Opt__All message = OPT__ALL__INIT;
    size_t len;
    assert_null(message.s);
    assert_string_equal(message.plain_s, "");
    Opt__All *copy = through_the_wire(&message, &len);
    assert_int_equal(len, 0);
    assert_false(copy->has_i || copy->has_u || copy->has_d || copy->has_b || copy->has_y ||
                 copy->has_c || copy->has_f);
    assert_null(copy->s);
    assert_null(copy->m);
    assert_string_equal(copy->plain_s, "");
    assert_string_equal(copy->linux_, "");
    opt__all__free_unpacked(copy, NULL);
}

static void optional_fields_are_sent_when_they_are_zero(void **state) {
    (void)state;
    Opt__All message = OPT__ALL__INIT;
    size_t len;
    message.has_i = true;
    message.has_c = true;
    message.has_y = true;
    message.s = empty;
    Opt__All *copy = through_the_wire(&message, &len);
    assert_true(copy->has_i && copy->has_c && copy->has_y);
    assert_int_equal(copy->i, 0);
    assert_string_equal(copy->s, "");
    assert_false(copy->has_u);
    opt__all__free_unpacked(copy, NULL);
}

static void plain_fields_are_not_sent_when_they_are_zero(void **state) {
    (void)state;
    Opt__All message = OPT__ALL__INIT;
    size_t len;
    message.plain_s = empty;
    Opt__All *copy = through_the_wire(&message, &len);
    assert_int_equal(len, 0);
    opt__all__free_unpacked(copy, NULL);
    message.plain_i = 1; /* and there is nothing else to set */
    copy = through_the_wire(&message, &len);
    assert_int_equal(copy->plain_i, 1);
    opt__all__free_unpacked(copy, NULL);
}

static void numbers_are_packed_as_in_proto3(void **state) {
    (void)state;
    Opt__All message = OPT__ALL__INIT;
    int32_t numbers[] = {1, 2, 3};
    size_t len;
    message.packed = numbers;
    message.n_packed = 3;
    Opt__All *copy = through_the_wire(&message, &len);
    assert_int_equal(len, 2 + 1 + 3); /* tag (two bytes), length, and one byte for each */
    assert_int_equal(copy->n_packed, 3);
    opt__all__free_unpacked(copy, NULL);
    message.n_packed = 0;
    message.loose = numbers;
    message.n_loose = 3;
    copy = through_the_wire(&message, &len);
    assert_int_equal(len, 3 * 3);
    opt__all__free_unpacked(copy, NULL);
}

static void unknown_enum_values_are_kept(void **state) {
    (void)state;
    Opt__All message = OPT__ALL__INIT;
    size_t len;
    message.plain_c = (Opt__Color)5;
    Opt__All *copy = through_the_wire(&message, &len);
    assert_int_equal((int)copy->plain_c, 5);
    opt__all__free_unpacked(copy, NULL);
}

static void renamed_fields_keep_their_numbers(void **state) {
    (void)state;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(&opt__all__descriptor, 41);
    assert_non_null(field);
    assert_string_equal(field->name, "errno_");
    assert_int_equal(field->offset, offsetof(Opt__All, errno_));
}

static void fields_without_presence_have_no_label(void **state) {
    (void)state;
    for (unsigned i = 0; i < opt__all__descriptor.n_fields; i++)
        assert_int_not_equal(opt__all__descriptor.fields[i].label, PROTOBUF_C_LABEL_REQUIRED);
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(&opt__all__descriptor, 15);
    assert_int_equal(field->label, PROTOBUF_C_LABEL_NONE);
    assert_ptr_equal(field->default_value, protobuf_c_empty_string);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_message_is_empty),
        cmocka_unit_test(optional_fields_are_sent_when_they_are_zero),
        cmocka_unit_test(plain_fields_are_not_sent_when_they_are_zero),
        cmocka_unit_test(numbers_are_packed_as_in_proto3),
        cmocka_unit_test(unknown_enum_values_are_kept),
        cmocka_unit_test(renamed_fields_keep_their_numbers),
        cmocka_unit_test(fields_without_presence_have_no_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
