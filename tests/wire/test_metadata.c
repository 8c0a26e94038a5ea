/* SPDX-License-Identifier: Apache-2.0 */
/* Metadata blocks: what is one, entry by entry, and every truncation. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "wire/metadata.h"

/* In memory of exactly that size, so that a sanitizer sees a read beyond it. */
static bool check(const void *bytes, size_t len) {
    uint8_t *copy = calloc(1, len == 0 ? 1 : len); /* zeroed: gcc would complain */
    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, bytes, len);
    bool ok = seal__metadata_check(copy, len);
    free(copy);
    return ok;
}

static size_t put(uint8_t *at, const char *key, const void *value, size_t len) {
    const seal__metadata_entry e = {key, strlen(key), value, len};
    return (size_t)(seal__metadata_write(at, &e) - at);
}

static void keys(void **state) {
    (void)state;
    static const char *const good[] = {"a", "0", "-", "x-y_z.9", "-bin", "seal", "seald-x", "sea"};
    static const char *const bad[] = {
        "", "A", "a b", "a:", "\xc3\xa4", "seal-", "seal-trace", "a\n"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(seal__metadata_key_ok(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(seal__metadata_key_ok(bad[i], strlen(bad[i])));
    assert_false(seal__metadata_key_ok("a\0b", 3));
    char key[256];
    memset(key, 'k', sizeof key);
    assert_true(seal__metadata_key_ok(key, 255));
    assert_false(seal__metadata_key_ok(key, 256));
    assert_true(seal__metadata_is_binary("x-bin", 5));
    assert_true(seal__metadata_is_binary("-bin", 4));
    assert_false(seal__metadata_is_binary("bin", 3));
    assert_false(seal__metadata_is_binary("x-bin2", 6));
}

static void values(void **state) {
    (void)state;
    static const struct {
        const char *value;
        size_t len;
        bool ok;
    } cases[] = {{"", 0, true},      {"a", 1, true},     {"a b", 3, true},
                 {"~!", 2, true},    {" a", 2, false},   {"a ", 2, false},
                 {" ", 1, false},    {"a\tb", 3, false}, {"a\0b", 3, false},
                 {"\x7f", 1, false}, {"\x1f", 1, false}, {"\xc3\xa4", 2, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *value = (const uint8_t *)cases[i].value;
        assert_int_equal(seal__metadata_value_ok(false, value, cases[i].len), cases[i].ok);
        assert_true(seal__metadata_value_ok(true, value, cases[i].len));
    }
}

static void blocks_both_ways(void **state) {
    (void)state;
    uint8_t block[64];
    size_t ends[4] = {0};
    ends[1] = put(block, "a", "1", 1);
    ends[2] = ends[1] + put(block + ends[1], "k-bin", "\0\xff", 2);
    ends[3] = ends[2] + put(block + ends[2], "a", "", 0);
    assert_memory_equal(block, "\1\0\1a1\5\0\2k-bin\0\xff\1\0\0a", 19);
    assert_int_equal(ends[3], 19);
    for (size_t cut = 0; cut <= 19; cut++) {
        bool whole = cut == ends[0] || cut == ends[1] || cut == ends[2] || cut == ends[3];
        assert_int_equal(check(block, cut), whole);
    }
    seal__reader r;
    seal__metadata_entry e;
    seal__reader_init(&r, block, 19);
    assert_true(seal__metadata_next(&r, &e));
    assert_true(e.key_len == 1 && e.value_len == 1 && e.key[0] == 'a' && e.value[0] == '1');
    assert_true(seal__metadata_next(&r, &e));
    assert_true(e.key_len == 5 && e.value_len == 2 && e.value[1] == 0xff);
    assert_true(seal__metadata_next(&r, &e));
    assert_true(e.key_len == 1 && e.value_len == 0);
    assert_false(seal__metadata_next(&r, &e));
    assert_true(seal__reader_at_end(&r));
}

static void broken_blocks(void **state) {
    (void)state;
    assert_true(check("", 0));
    assert_true(seal__metadata_check(NULL, 0));
    assert_false(check("\0\0\0", 3));            /* no key */
    assert_false(check("\1\0\1Av", 5));          /* upper case */
    assert_false(check("\1\0\1a\n", 5));         /* control character */
    assert_false(check("\1\0\1a ", 5));          /* blank at the end */
    assert_false(check("\6\0\0seal-x", 9));      /* reserved */
    assert_false(check("\1\0\1a1\1\0\1Bv", 10)); /* the second one */
    assert_true(check("\1\0\1a1\1\0\1bv", 10));
}

static void at_most_8192_bytes(void **state) {
    (void)state;
    static uint8_t block[SEAL__METADATA_MAX + 1], value[SEAL__METADATA_MAX];
    memset(value, 'v', sizeof value);
    size_t len = put(block, "k", value, SEAL__METADATA_MAX - SEAL__METADATA_ENTRY - 1);
    assert_int_equal(len, SEAL__METADATA_MAX);
    assert_true(check(block, len));
    len = put(block, "k", value, SEAL__METADATA_MAX - SEAL__METADATA_ENTRY);
    assert_int_equal(len, SEAL__METADATA_MAX + 1);
    assert_false(check(block, len));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(values),
        cmocka_unit_test(blocks_both_ways),
        cmocka_unit_test(broken_blocks),
        cmocka_unit_test(at_most_8192_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
