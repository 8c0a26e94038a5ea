/* SPDX-License-Identifier: Apache-2.0 */
/* The value of "traceparent", by the Recommendation's own examples and by every wrong byte. */
#include "support/cmocka_all.h"

#include <string.h>

#include "call/trace.h"

#define EXAMPLE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static bool ok(const char *text) {
    return seal__traceparent_ok(text, strlen(text));
}

static void accepts(void **state) {
    (void)state;
    assert_int_equal(strlen(EXAMPLE), SEAL__TRACEPARENT);
    assert_true(ok(EXAMPLE));
    assert_true(ok("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"));
    assert_true(ok("00-00000000000000000000000000000001-0000000000000001-ff"));
    assert_true(ok("00-10000000000000000000000000000000-1000000000000000-00"));
}

static void later_versions(void **state) {
    (void)state;
    assert_true(ok("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    assert_true(ok("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes"));
    assert_true(ok("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-"));
    assert_false(ok("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what"));
    assert_false(ok("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    assert_false(ok("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"));
}

static void refuses(void **state) {
    (void)state;
    assert_false(seal__traceparent_ok(NULL, 0));
    assert_false(ok("00-00000000000000000000000000000000-b7ad6b7169203331-01"));
    assert_false(ok("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"));
    assert_false(ok("00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01"));
    assert_false(ok(" 0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    for (size_t len = 0; len < SEAL__TRACEPARENT; len++)
        assert_false(seal__traceparent_ok(EXAMPLE, len));
}

static bool is_hex(int c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* At each place, each byte: digits stay right, and dashes are dashes. */
static void every_byte(void **state) {
    (void)state;
    for (size_t at = 0; at < SEAL__TRACEPARENT; at++) {
        for (int c = 0; c < 256; c++) {
            char text[] = EXAMPLE;
            text[at] = (char)c;
            bool expected = EXAMPLE[at] == '-' ? c == '-' : is_hex(c);
            assert_int_equal(seal__traceparent_ok(text, SEAL__TRACEPARENT), expected);
        }
    }
}

static void child(void **state) {
    (void)state;
    static const uint8_t span[SEAL__SPAN_ID] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    char text[SEAL__TRACEPARENT + 1];
    seal__traceparent_child(EXAMPLE, span, text);
    assert_string_equal(text, "00-0af7651916cd43dd8448eb211c80319c-0123456789abcdef-01");
    assert_true(ok(text));
    seal__traceparent_child("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", span, text);
    assert_string_equal(text, "00-0af7651916cd43dd8448eb211c80319c-0123456789abcdef-00");
    /* What version 00 does not know is neither kept nor invented. */
    seal__traceparent_child("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe-x", span,
                            text);
    assert_string_equal(text, "00-0af7651916cd43dd8448eb211c80319c-0123456789abcdef-00");
    seal__traceparent_child("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fb-x", span,
                            text);
    assert_string_equal(text, "00-0af7651916cd43dd8448eb211c80319c-0123456789abcdef-01");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),    cmocka_unit_test(later_versions), cmocka_unit_test(refuses),
        cmocka_unit_test(every_byte), cmocka_unit_test(child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
