/* SPDX-License-Identifier: Apache-2.0 */
/* Details of a status: the bytes protobuf makes, and bytes that nobody would. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "call/details.h"
#include "support/failing_alloc.h"

static failing_alloc alloc;

static void open_buf(seal__buf *buf) {
    failing_alloc_init(&alloc);
    seal__buf_init(buf, &alloc.allocator, SEAL__DETAILS_MAX);
}

static void close_buf(seal__buf *buf) {
    seal__buf_done(buf);
    assert_int_equal(alloc.live, 0);
}

static void assert_detail(const seal__detail *detail, const char *type, const void *value,
                          size_t len) {
    assert_int_equal(detail->type_len, strlen(type));
    assert_memory_equal(detail->type, type, detail->type_len);
    assert_int_equal(detail->value_len, len);
    assert_memory_equal(detail->value, value, len);
}

/* google.rpc.Status{details: [Any{type_url: "type.googleapis.com/a.B", value: "hi"}]} */
static const char known[] = "\x1a\x1d\x0a\x17type.googleapis.com/a.B\x12\x02hi";

static void as_protobuf_writes_it(void **state) {
    (void)state;
    seal__buf buf;
    open_buf(&buf);
    seal__details_add(&buf, "a.B", (const uint8_t *)"hi", 2);
    assert_false(buf.failed);
    assert_int_equal(buf.len, sizeof known - 1);
    assert_memory_equal(buf.data, known, buf.len);
    close_buf(&buf);
}

static void there_and_back(void **state) {
    (void)state;
    static uint8_t big[10000];
    memset(big, 0xab, sizeof big);
    seal__buf buf;
    open_buf(&buf);
    static const size_t sizes[] = {0, 1, 127, 128, 300, sizeof big};
    for (size_t i = 0; i < 6; i++)
        seal__details_add(&buf, "google.rpc.RetryInfo", big, sizes[i]);
    assert_false(buf.failed);
    seal__reader reader;
    seal__detail detail;
    seal__reader_init(&reader, buf.data, buf.len);
    for (size_t i = 0; i < 6; i++) {
        assert_true(seal__details_next(&reader, &detail));
        assert_detail(&detail, "google.rpc.RetryInfo", big, sizes[i]);
    }
    assert_false(seal__details_next(&reader, &detail));
    assert_true(seal__reader_at_end(&reader));
    close_buf(&buf);
}

static void what_does_not_fit(void **state) {
    (void)state;
    static uint8_t big[SEAL__DETAILS_MAX];
    seal__buf buf;
    open_buf(&buf);
    seal__details_add(&buf, "a.B", (const uint8_t *)"hi", 2);
    seal__details_add(&buf, "a.B", big, SEAL__DETAILS_MAX - 60);
    assert_true(buf.failed);
    assert_int_equal(buf.len, sizeof known - 1);
    buf.failed = false;
    seal__details_add(&buf, "a.B", big, SIZE_MAX);
    assert_true(buf.failed);
    assert_int_equal(buf.len, sizeof known - 1);
    buf.failed = false;
    size_t first = sizeof known - 1, second = first - 2 + 1 + 1; /* lengths of two bytes */
    seal__details_add(&buf, "a.B", big, SEAL__DETAILS_MAX - first - second);
    assert_false(buf.failed);
    assert_int_equal(buf.len, SEAL__DETAILS_MAX);
    close_buf(&buf);
    open_buf(&buf);
    failing_alloc_fail_at(&alloc, 1, true);
    seal__details_add(&buf, "a.B", (const uint8_t *)"hi", 2);
    assert_true(buf.failed);
    close_buf(&buf);
}

typedef struct sample {
    const char *bytes;
    size_t len;
    size_t details; /* that come before the end or the fault */
    bool ok;
} sample;

#define BYTES(text) text, sizeof(text) - 1

static void samples(void **state) {
    (void)state;
    static const sample all[] = {
        {BYTES(""), 0, true},
        /* code 5, message "m", then a detail, then an unknown fixed64 and fixed32 */
        {BYTES("\x08\x05\x12\x01m\x1a\x05\x0a\x03x/a\x21"
               "12345678\x2d"
               "1234"),
         1, true},
        {BYTES("\x1a\x07\x12\x02vv\x0a\x01"
               "a"),
         1, true},                                              /* no slash, value first */
        {BYTES("\x1a\x06\x0a\x01z\x0a\x01y"), 1, true},         /* twice: the last one counts */
        {BYTES("\x1a\x08\x08\x01\x0a\x02/a\x50\x01"), 1, true}, /* unknown fields in it */
        {BYTES("\x18\x01"), 0, true},                           /* field 3, but a varint */
        {BYTES("\x1a\x00"), 0, false},                          /* no type */
        {BYTES("\x1a\x02\x0a\x00"), 0, false},
        {BYTES("\x1a\x04\x0a\x02x/"), 0, false},
        {BYTES("\x1a\x04\x0a\x02"
               "a\n"),
         0, false}, /* no name */
        {BYTES("\x1a\x04\x0a\x02"
               "a\0"),
         0, false},
        {BYTES("\x1a\x03\x0a\x01"
               "a\x1a"),
         1, false}, /* what came before counts */
        {BYTES("\x1a\x03\x0a\x02"
               "a"),
         0, false}, /* longer than the Any */
        {BYTES("\x1a\x04\x0a\x01"
               "a"),
         0, false},                    /* longer than the block */
        {BYTES("\x1b\x1c"), 0, false}, /* a group */
        {BYTES("\x02\x00"), 0, false}, /* field 0 */
        {BYTES("\x1f"), 0, false},     /* wire type 7 */
        {BYTES("\x21"
               "1234567"),
         0, false},
        {BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 0, true},
        {BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 0, false}, /* 11 bytes */
        {BYTES("\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 0, false},     /* huge length */
        {BYTES("\x1a\x0b\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 0, false},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        seal__reader reader;
        seal__detail detail;
        size_t n = 0;
        uint8_t *exact = malloc(all[i].len + 1); /* so that the sanitizers see every byte beyond */
        assert_non_null(exact);
        memcpy(exact + 1, all[i].bytes, all[i].len);
        seal__reader_init(&reader, exact + 1, all[i].len);
        while (seal__details_next(&reader, &detail))
            n++;
        if (n != all[i].details || seal__reader_ok(&reader) != all[i].ok)
            fail_msg("sample %zu: %zu details, ok: %d", i, n, seal__reader_ok(&reader));
        assert_false(seal__details_next(&reader, &detail));
        free(exact);
    }
}

/* Cut short, with every byte changed, and noise: never beyond the input, and always to an end. */
static void hostile_bytes(void **state) {
    (void)state;
    srand(7);
    for (size_t round = 0; round < 20000; round++) {
        size_t len = round < 10000 ? (size_t)rand() % sizeof known : (size_t)rand() % 100;
        uint8_t *bytes = malloc(len + 1);
        assert_non_null(bytes);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)(round < 10000 ? known[i] : rand());
        if (len > 0)
            bytes[(size_t)rand() % len] = (uint8_t)rand();
        seal__reader reader;
        seal__detail detail;
        size_t n = 0;
        seal__reader_init(&reader, bytes, len);
        while (seal__details_next(&reader, &detail)) {
            assert_true(detail.type_len > 0 && detail.type_len <= len && detail.value_len <= len);
            assert_null(memchr(detail.type, '\0', detail.type_len));
            assert_true(detail.value_len == 0 ||
                        (detail.value >= bytes && detail.value + detail.value_len <= bytes + len));
            n++;
        }
        assert_in_range(n, 0, len / 5 + 1);
        free(bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_protobuf_writes_it), cmocka_unit_test(there_and_back),
        cmocka_unit_test(what_does_not_fit),     cmocka_unit_test(samples),
        cmocka_unit_test(hostile_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
