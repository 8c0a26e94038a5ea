/* SPDX-License-Identifier: Apache-2.0 */
/* Frames both ways: layout by hand, every truncation, bad lengths. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "wire/frame.h"
#include "wire/text.h"

/* A copy of exactly len bytes, so that a sanitizer sees a read beyond them. */
static uint8_t *exact(const void *bytes, size_t len) {
    uint8_t *copy = calloc(1, len == 0 ? 1 : len);
    if (len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

static bool headers_of(const void *bytes, size_t len, seal__headers *ret) {
    uint8_t *copy = exact(bytes, len);
    bool ok = seal__headers_read(copy, len, ret);
    free(copy);
    return ok;
}

static bool status_of(const void *bytes, size_t len, seal__status_frame *ret) {
    uint8_t *copy = exact(bytes, len);
    bool ok = seal__status_read(copy, len, ret);
    free(copy);
    return ok;
}

static bool goaway_of(const void *bytes, size_t len, seal__goaway *ret) {
    uint8_t *copy = exact(bytes, len);
    bool ok = seal__goaway_read(copy, len, ret);
    free(copy);
    return ok;
}

static bool settings_of(const void *bytes, size_t len, seal__settings *ret) {
    uint8_t *copy = exact(bytes, len);
    bool ok = seal__settings_read(copy, len, ret);
    free(copy);
    return ok;
}

static void header_layout(void **state) {
    (void)state;
    uint8_t bytes[16];
    uint8_t *payload =
        seal__frame_put_header(bytes, SEAL__FRAME_DATA, 3, 0x1234, 0x0102030405060708);
    assert_ptr_equal(payload, bytes + 12);
    assert_memory_equal(bytes, "\x03\x03\x12\x34\1\2\3\4\5\6\7\x08", 12);
}

static void frames_follow_each_other(void **state) {
    (void)state;
    uint8_t bytes[64];
    uint8_t *at = seal__frame_put_header(bytes, SEAL__FRAME_PING, 0, 8, 0) + 8;
    at = seal__frame_put_header(at, SEAL__FRAME_DATA, 2, 0, UINT64_MAX);
    size_t len = (size_t)(at - bytes);
    for (size_t cut = 0; cut <= len; cut++) {
        uint8_t *copy = exact(bytes, cut);
        seal__reader record;
        seal__frame frame;
        seal__reader_init(&record, copy, cut);
        bool first = seal__frame_read(&record, &frame);
        assert_int_equal(first, cut >= 20);
        if (first)
            assert_true(frame.type == SEAL__FRAME_PING && frame.len == 8 && frame.stream == 0);
        bool second = first && seal__frame_read(&record, &frame);
        assert_int_equal(second, cut == 32);
        if (second)
            assert_true(frame.flags == 2 && frame.len == 0 && frame.stream == UINT64_MAX);
        assert_int_equal(seal__reader_at_end(&record), cut == 32);
        free(copy);
    }
}

static void length_beyond_the_record(void **state) {
    (void)state;
    uint8_t bytes[20] = {0};
    seal__frame_put_header(bytes, SEAL__FRAME_DATA, 0, 9, 1);
    seal__reader record;
    seal__frame frame;
    seal__reader_init(&record, bytes, sizeof bytes);
    assert_false(seal__frame_read(&record, &frame));
    seal__frame_put_header(bytes, SEAL__FRAME_DATA, 0, 65535, 1);
    seal__reader_init(&record, bytes, sizeof bytes);
    assert_false(seal__frame_read(&record, &frame));
}

static void headers_both_ways(void **state) {
    (void)state;
    uint8_t bytes[64];
    seal__headers_write(bytes, 7, 1500000, "a/b", 3);
    assert_memory_equal(bytes,
                        "\0\0\0\x07\0\0\0\0\0\x16\xe3\x60\0\3"
                        "a/b",
                        17);
    seal__headers h;
    for (size_t cut = 0; cut < 17; cut++)
        assert_false(headers_of(bytes, cut, &h));
    assert_true(seal__headers_read(bytes, 17, &h));
    assert_true(h.method == 7 && h.timeout_us == 1500000 && h.name_len == 3 && !h.critical);
    assert_memory_equal(h.name, "a/b", 3);
    /* extensions */
    memcpy(bytes + 17, "\x05\0\2xy\x80\0\0", 8);
    for (size_t cut = 18; cut < 25; cut++)
        assert_int_equal(headers_of(bytes, cut, &h), cut == 22);
    assert_false(headers_of(bytes, 24, &h));
    assert_true(headers_of(bytes, 22, &h));
    assert_false(h.critical);
    assert_true(headers_of(bytes, 25, &h));
    assert_true(h.critical);
}

static void status_both_ways(void **state) {
    (void)state;
    uint8_t bytes[2000];
    seal__status_write(bytes, 5, 2, "gone", 4);
    assert_memory_equal(bytes, "\5\2\0\4gone", 8);
    seal__status_frame s;
    for (size_t cut = 0; cut < 8; cut++)
        assert_false(status_of(bytes, cut, &s));
    assert_true(status_of(bytes, 8, &s));
    assert_true(s.code == 5 && s.execution == 2 && s.text_len == 4);
    memcpy(bytes + 8, "\x7f\0\1x", 4);
    assert_true(status_of(bytes, 12, &s));
    bytes[8] = 0x80;
    assert_false(status_of(bytes, 12, &s));
    memset(bytes, 'x', sizeof bytes);
    seal__store_u16(bytes + 2, 1024);
    assert_true(status_of(bytes, 1028, &s));
    seal__store_u16(bytes + 2, 1025);
    assert_false(status_of(bytes, 1029, &s));
    seal__status_write(bytes, 0, 2, NULL, 0);
    assert_true(status_of(bytes, 4, &s));
}

static void goaway_both_ways(void **state) {
    (void)state;
    uint8_t bytes[64];
    seal__goaway in = {.last = 0x1122334455667788,
                       .code = 0x99aa,
                       .retry_after_ms = 5000,
                       .text = (const uint8_t *)"bye",
                       .text_len = 3};
    seal__goaway_write(bytes, &in);
    assert_memory_equal(bytes,
                        "\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\0\0\x13\x88\0\3"
                        "bye",
                        19);
    seal__goaway out;
    for (size_t cut = 0; cut < 19; cut++)
        assert_false(goaway_of(bytes, cut, &out));
    assert_false(goaway_of(bytes, 20, &out));
    assert_true(goaway_of(bytes, 19, &out));
    assert_true(out.last == in.last && out.code == in.code && out.retry_after_ms == 5000);
}

static void settings_both_ways(void **state) {
    (void)state;
    uint8_t bytes[300];
    seal__settings in = {.has_max_streams = true,
                         .max_streams = 100,
                         .has_max_message = true,
                         .max_message = 4 << 20};
    assert_int_equal(seal__settings_write(bytes, &in), 12);
    assert_memory_equal(bytes, "\0\1\0\0\0\x64\0\2\0\x40\0\0", 12);
    seal__settings out;
    for (size_t cut = 0; cut <= 12; cut++)
        assert_int_equal(settings_of(bytes, cut, &out), cut % 6 == 0);
    assert_true(settings_of(bytes, 12, &out));
    assert_true(out.has_max_streams && out.max_streams == 100 && out.max_message == 4 << 20);
    assert_true(settings_of(bytes, 0, &out));
    assert_false(out.has_max_streams || out.has_max_message);
    assert_false(settings_of("\0\1\0\0\0\1\0\1\0\0\0\2", 12, &out)); /* twice */
    assert_false(settings_of("\0\2\0\0\0\1\0\1\0\0\0\2", 12, &out)); /* falling */
    assert_false(settings_of("\0\0\0\0\0\1", 6, &out));              /* 0 */
    assert_true(settings_of("\0\1\0\0\0\1\xff\xff\0\0\0\2", 12, &out));
    assert_true(out.stream_window == 65536 && out.connection_window == 65536);
    for (size_t i = 0; i < 50; i++)
        seal__store_u16(bytes + i * 6, (uint16_t)(i + 5));
    assert_true(settings_of(bytes, 32 * 6, &out));
    assert_false(settings_of(bytes, 33 * 6, &out));
}

static void windows_in_settings(void **state) {
    (void)state;
    uint8_t bytes[64];
    seal__settings in = {
        .has_windows = true, .stream_window = 0x10203, .connection_window = INT32_MAX};
    assert_int_equal(seal__settings_write(bytes, &in), 12);
    assert_memory_equal(bytes, "\0\3\0\1\2\3\0\4\x7f\xff\xff\xff", 12);
    seal__settings out;
    assert_true(settings_of(bytes, 12, &out));
    assert_true(out.stream_window == 0x10203 && out.connection_window == INT32_MAX);
    assert_true(settings_of(bytes + 6, 6, &out));
    assert_true(out.stream_window == 65536 && out.connection_window == INT32_MAX);
    assert_true(settings_of("\0\3\0\1\0\0", 6, &out));
    assert_false(settings_of("\0\3\0\0\xff\xff", 6, &out));
    assert_false(settings_of("\0\4\0\0\0\0", 6, &out));
    assert_false(settings_of("\0\4\x80\0\0\0", 6, &out));
    assert_false(settings_of("\0\3\xff\xff\xff\xff", 6, &out));
}

static void headers_extensions(void **state) {
    (void)state;
    uint8_t bytes[64];
    const seal_bytes block = {(const uint8_t *)"\1\0\1kv", 5};
    seal__headers_write(bytes, 1, 2, "m", 1);
    assert_int_equal(seal__headers_extensions_size((seal_bytes){NULL, 0}, 0), 0);
    assert_int_equal(seal__headers_extensions_size((seal_bytes){NULL, 0}, 1), 0);
    assert_int_equal(seal__headers_extensions_size(block, 3), 12);
    seal__headers_extensions_write(bytes + 15, block, 3);
    assert_memory_equal(bytes + 15, "\1\0\5\1\0\1kv\2\0\1\3", 12);
    seal__headers h;
    for (size_t cut = 16; cut < 27; cut++)
        assert_int_equal(headers_of(bytes, cut, &h), cut == 23);
    assert_true(seal__headers_read(bytes, 27, &h));
    assert_true(h.attempt == 3 && h.metadata.len == 5 && h.metadata.data == bytes + 18);
    assert_true(headers_of(bytes, 15, &h));
    assert_true(h.attempt == 1 && h.metadata.len == 0);
    seal__headers_extensions_write(bytes + 15, (seal_bytes){NULL, 0}, 1000);
    assert_memory_equal(bytes + 15, "\2\0\1\xff", 4);
    bytes[18] = 0;
    assert_true(headers_of(bytes, 19, &h));
    assert_int_equal(h.attempt, 1);
    memcpy(bytes + 15, "\2\0\1\2\2\0\1\2", 8);
    assert_false(headers_of(bytes, 23, &h)); /* twice */
    memcpy(bytes + 15, "\x80\0\0\x80\0\0", 6);
    assert_false(headers_of(bytes, 21, &h));
}

static void status_extensions(void **state) {
    (void)state;
    static uint8_t bytes[SEAL__STATUS_MAX + 1];
    const seal__status_frame in = {.metadata = {(const uint8_t *)"\1\0\1kv", 5},
                                   .details = {(const uint8_t *)"dd", 2},
                                   .has_retry_after = true,
                                   .retry_after_ms = 0x01020304};
    seal__status_write(bytes, 14, 1, "x", 1);
    assert_int_equal(seal__status_extensions_size(&in), 8 + 5 + 7);
    seal__status_extensions_write(bytes + 5, &in);
    assert_memory_equal(bytes + 5, "\1\0\5\1\0\1kv\2\0\2dd\3\0\4\1\2\3\4", 20);
    seal__status_frame s;
    for (size_t cut = 6; cut < 25; cut++)
        assert_int_equal(status_of(bytes, cut, &s), cut == 13 || cut == 18);
    assert_true(seal__status_read(bytes, 25, &s));
    assert_true(s.metadata.len == 5 && s.details.len == 2 && s.details.data[0] == 'd');
    assert_true(s.has_retry_after && s.retry_after_ms == 0x01020304);
    assert_true(status_of(bytes, 5, &s));
    assert_true(s.metadata.len == 0 && s.details.len == 0 && !s.has_retry_after);
    seal__store_u16(bytes + 6, SEAL__DETAILS_MAX);
    bytes[5] = SEAL__STATUS_DETAILS;
    assert_true(status_of(bytes, 8 + SEAL__DETAILS_MAX, &s));
    seal__store_u16(bytes + 6, SEAL__DETAILS_MAX + 1);
    assert_false(status_of(bytes, 9 + SEAL__DETAILS_MAX, &s));
    bytes[5] = 100;
    seal__store_u16(bytes + 6, SEAL__STATUS_MAX - 8);
    assert_true(status_of(bytes, SEAL__STATUS_MAX, &s));
    seal__store_u16(bytes + 6, SEAL__STATUS_MAX - 7);
    assert_false(status_of(bytes, SEAL__STATUS_MAX + 1, &s));
}

/* ---- Texts ---- */

static void received(const char *bytes, size_t len, const char *expected) {
    char to[SEAL__TEXT_MAX + 1];
    uint8_t *copy = exact(bytes, len);
    seal__text_receive(copy, len, to);
    free(copy);
    assert_string_equal(to, expected);
}

static void texts_are_cleaned(void **state) {
    (void)state;
    received("", 0, "");
    received("plain", 5, "plain");
    received("a\nb\tc\x1b[31m\x7f", 11, "a\nb\tc [31m ");
    received("\t\nx\r\n", 5, "\t\nx\r\n");
    received("a\0b", 3, "a b");
    received("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    received("\xff\x80"
             "a\xc3",
             4, "??a?");
    received("\xc0\xaf", 2, "??");           /* overlong */
    received("\xed\xa0\x80", 3, "???");      /* surrogate */
    received("\xf4\x90\x80\x80", 4, "????"); /* above U+10FFFF */
    received("\xe2\x82", 2, "??");           /* cut off */
    static char long_text[3000];
    memset(long_text, 'x', sizeof long_text);
    char to[SEAL__TEXT_MAX + 1];
    seal__text_receive((const uint8_t *)long_text, sizeof long_text, to);
    assert_int_equal(strlen(to), SEAL__TEXT_MAX);
}

static void texts_are_cut_between_characters(void **state) {
    (void)state;
    assert_int_equal(seal__text_send_len(NULL), 0);
    assert_int_equal(seal__text_send_len("abc"), 3);
    static char text[2000];
    memset(text, 'x', sizeof text - 1);
    assert_int_equal(seal__text_send_len(text), 1024);
    memcpy(text + 1023, "\xe2\x82\xac", 3);
    assert_int_equal(seal__text_send_len(text), 1023);
    memcpy(text + 1021,
           "\xe2\x82\xac"
           "xx",
           5);
    assert_int_equal(seal__text_send_len(text), 1024);
    text[1024] = '\0';
    assert_int_equal(seal__text_send_len(text), 1024);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_layout),
        cmocka_unit_test(frames_follow_each_other),
        cmocka_unit_test(length_beyond_the_record),
        cmocka_unit_test(headers_both_ways),
        cmocka_unit_test(status_both_ways),
        cmocka_unit_test(goaway_both_ways),
        cmocka_unit_test(settings_both_ways),
        cmocka_unit_test(windows_in_settings),
        cmocka_unit_test(headers_extensions),
        cmocka_unit_test(status_extensions),
        cmocka_unit_test(texts_are_cleaned),
        cmocka_unit_test(texts_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
