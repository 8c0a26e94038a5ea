/* SPDX-License-Identifier: Apache-2.0 */
/* Metadata lists: what may stand in them, what a user reads, and the block that travels. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "call/metadata.h"
#include "support/failing_alloc.h"
#include "wire/metadata.h"

static failing_alloc alloc;

static seal_metadata *new_list(void) {
    seal_metadata *list = NULL;
    failing_alloc_init(&alloc);
    assert_int_equal(seal_metadata_new(&alloc.allocator, &list), 0);
    return list;
}

static void free_list(seal_metadata *list) {
    seal_metadata_free(list);
    assert_int_equal(alloc.live, 0);
}

static void assert_entry(const seal_metadata *list, size_t index, const char *key,
                         const void *value, size_t len) {
    seal_metadata_entry entry;
    assert_true(seal_metadata_at(list, index, &entry));
    assert_string_equal(entry.key, key);
    assert_int_equal(entry.value_len, len);
    assert_memory_equal(entry.value, value, len);
    assert_int_equal(entry.value[len], '\0');
}

static void keeps_order_and_doubles(void **state) {
    (void)state;
    seal_metadata *list = new_list();
    static const uint8_t bytes[] = {0, 255, '\n', 0};
    assert_int_equal(seal_metadata_add(list, "b", "one two", NULL), 0);
    assert_int_equal(seal_metadata_add_bytes(list, "x-bin", bytes, sizeof bytes, NULL), 0);
    assert_int_equal(seal_metadata_add(list, "a", "", NULL), 0);
    assert_int_equal(seal_metadata_add(list, "b", "three", NULL), 0);
    assert_int_equal(seal_metadata_add_bytes(list, "empty-bin", NULL, 0, NULL), 0);
    assert_int_equal(seal_metadata_count(list), 5);
    assert_entry(list, 0, "b", "one two", 7);
    assert_entry(list, 1, "x-bin", bytes, sizeof bytes);
    assert_entry(list, 2, "a", "", 0);
    assert_entry(list, 3, "b", "three", 5);
    assert_entry(list, 4, "empty-bin", "", 0);
    seal_metadata_entry entry;
    assert_false(seal_metadata_at(list, 5, &entry));
    assert_false(seal_metadata_at(list, SIZE_MAX, &entry));
    size_t len = 99;
    assert_string_equal(seal_metadata_get(list, "b", &len), "one two");
    assert_int_equal(len, 7);
    assert_string_equal(seal_metadata_get(list, "b", NULL), "one two");
    assert_null(seal_metadata_get(list, "c", NULL));
    free_list(list);
}

static void removes(void **state) {
    (void)state;
    seal_metadata *list = new_list();
    size_t empty = seal__metadata_block_size(list);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(seal_metadata_add(list, "again", "v", NULL), 0);
        assert_int_equal(seal_metadata_add(list, "stays", i == 0 ? "0" : "1", NULL), 0);
    }
    /* A key that is borrowed from an entry which goes. */
    seal_metadata_entry entry;
    assert_true(seal_metadata_at(list, 0, &entry));
    seal_metadata_remove(list, entry.key);
    assert_int_equal(seal_metadata_count(list), 3);
    assert_entry(list, 0, "stays", "0", 1);
    assert_entry(list, 2, "stays", "1", 1);
    assert_int_equal(seal__metadata_block_size(list), 3 * (3 + 5 + 1));
    seal_metadata_remove(list, "missing");
    assert_int_equal(seal_metadata_count(list), 3);
    /* A value that is borrowed from the list. */
    assert_int_equal(seal_metadata_add(list, "copy", seal_metadata_get(list, "stays", NULL), NULL),
                     0);
    assert_entry(list, 3, "copy", "0", 1);
    seal_metadata_remove(list, NULL);
    assert_int_equal(seal_metadata_count(list), 0);
    assert_int_equal(seal__metadata_block_size(list), empty);
    assert_int_equal(seal_metadata_add(list, "again", "v", NULL), 0);
    assert_entry(list, 0, "again", "v", 1);
    free_list(list);
}

static void nothing_is_an_empty_list(void **state) {
    (void)state;
    const seal_metadata *lists[] = {NULL, seal__metadata_none()};
    for (size_t i = 0; i < 2; i++) {
        seal_metadata_entry entry;
        assert_int_equal(seal_metadata_count(lists[i]), 0);
        assert_false(seal_metadata_at(lists[i], 0, &entry));
        assert_null(seal_metadata_get(lists[i], "a", NULL));
        assert_int_equal(seal__metadata_block_size(lists[i]), 0);
        seal__metadata_write_block(lists[i], NULL);
    }
    seal_metadata_free(NULL);
    seal_metadata_remove(NULL, NULL);
    seal_metadata *own = NULL;
    assert_int_equal(seal_metadata_new(NULL, &own), 0);
    assert_int_equal(seal_metadata_add(own, "k", "v", NULL), 0);
    seal_metadata_free(own);
}

typedef struct refusal {
    const char *key;
    const char *value;
    const char *names[3]; /* what the message must say */
} refusal;

static void assert_refused(seal_metadata *list, int r, seal_error *error, int code,
                           const char *const *names) {
    assert_int_equal(r, code);
    assert_non_null(error);
    assert_int_equal(seal_error_get_code(error), code);
    for (size_t i = 0; i < 3 && names[i] != NULL; i++) {
        if (strstr(seal_error_message(error), names[i]) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", seal_error_message(error), names[i]);
    }
    assert_null(strchr(seal_error_message(error), '\n'));
    seal_error_free(error);
    assert_int_equal(seal_metadata_count(list), 1);
    assert_int_equal(seal__metadata_block_size(list), 3 + 5 + 5);
}

static void refuses_with_a_reason(void **state) {
    (void)state;
    static const refusal refusals[] = {
        {"", "v", {"empty", "1 to 255"}},
        {"Key", "v", {"\"Key\"", "0x4b at offset 0", "lower case"}},
        {"a b", "v", {"\"a b\"", "0x20 at offset 1", "a-z 0-9 - _ ."}},
        {"a\nb", "v", {"\"a?b\"", "0x0a at offset 1"}},
        {"k\xc3\xa9", "v", {"0xc3 at offset 1"}},
        {"seal-x", "v", {"\"seal-x\"", "reserved"}},
        {"seal-", "v", {"\"seal-\"", "reserved"}},
        {"x-bin", "v", {"\"x-bin\"", "seal_metadata_add_bytes"}},
        {"k", " v", {"\"k\"", "begins with a blank"}},
        {"k", "v ", {"\"k\"", "ends with a blank"}},
        {"k", " ", {"\"k\"", "blank"}},
        {"k", "a\tb", {"\"k\"", "0x09 at offset 1", "\"-bin\""}},
        {"k", "a\x7f", {"\"k\"", "0x7f at offset 1"}},
        {"k", "\xc3\xa9", {"\"k\"", "0xc3 at offset 0", "printable ASCII"}},
    };
    seal_metadata *list = new_list();
    assert_int_equal(seal_metadata_add(list, "there", "stays", NULL), 0);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        seal_error *error = NULL;
        int r = seal_metadata_add(list, refusals[i].key, refusals[i].value, &error);
        assert_refused(list, r, error, SEAL_ERROR_INVALID, refusals[i].names);
        assert_int_equal(seal_metadata_add(list, refusals[i].key, refusals[i].value, NULL),
                         SEAL_ERROR_INVALID);
    }
    seal_error *error = NULL;
    int r = seal_metadata_add_bytes(list, "plain", "v", 1, &error);
    static const char *const plain[3] = {"\"plain\"", "seal_metadata_add", "\"-bin\""};
    assert_refused(list, r, error, SEAL_ERROR_INVALID, plain);
    assert_int_equal(seal_metadata_add(list, NULL, "v", NULL), SEAL_ERROR_INVALID);
    assert_int_equal(seal_metadata_add(list, "k", NULL, NULL), SEAL_ERROR_INVALID);
    assert_int_equal(seal_metadata_add(NULL, "k", "v", NULL), SEAL_ERROR_INVALID);
    assert_int_equal(seal_metadata_add_bytes(list, "k-bin", NULL, 1, NULL), SEAL_ERROR_INVALID);
    assert_int_equal(seal_metadata_add_bytes(list, NULL, "v", 1, NULL), SEAL_ERROR_INVALID);
    assert_int_equal(seal_metadata_count(list), 1);
    free_list(list);
}

/* Each of the 256 bytes, in a key, in a value, and in bytes. */
static void every_byte(void **state) {
    (void)state;
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    seal_metadata *list = new_list();
    for (int c = 1; c < 256; c++) {
        const char text[] = {'a', (char)c, 'a', '\0'};
        int key = strchr(allowed, c) != NULL ? 0 : SEAL_ERROR_INVALID;
        assert_int_equal(seal_metadata_add(list, text, "v", NULL), key);
        int value = c >= 0x20 && c <= 0x7e ? 0 : SEAL_ERROR_INVALID;
        assert_int_equal(seal_metadata_add(list, "k", text, NULL), value);
        assert_int_equal(seal_metadata_add_bytes(list, "k-bin", text, 3, NULL), 0);
        seal_metadata_remove(list, NULL);
    }
    free_list(list);
}

static void key_length(void **state) {
    (void)state;
    char key[SEAL__METADATA_KEY_MAX + 2];
    memset(key, 'k', sizeof key);
    key[SEAL__METADATA_KEY_MAX] = '\0';
    seal_metadata *list = new_list();
    assert_int_equal(seal_metadata_add(list, key, "v", NULL), 0);
    key[SEAL__METADATA_KEY_MAX] = 'k';
    key[SEAL__METADATA_KEY_MAX + 1] = '\0';
    seal_error *error = NULL;
    assert_int_equal(seal_metadata_add(list, key, "v", &error), SEAL_ERROR_INVALID);
    assert_non_null(strstr(seal_error_message(error), "kkk...\" is 256 characters long; 255"));
    seal_error_free(error);
    free_list(list);
}

static void limit_of_the_list(void **state) {
    (void)state;
    static char value[SEAL_METADATA_MAX + 1];
    memset(value, 'v', sizeof value - 1);
    seal_metadata *list = new_list();
    seal_error *error = NULL;
    assert_int_equal(seal_metadata_add(list, "k", value + 3, &error), SEAL_ERROR_TOO_BIG);
    assert_non_null(strstr(seal_error_message(error), "\"k\""));
    assert_non_null(strstr(seal_error_message(error), "8192"));
    seal_error_free(error);
    assert_int_equal(seal_metadata_add_bytes(list, "k-bin", value, SIZE_MAX, NULL),
                     SEAL_ERROR_TOO_BIG);
    assert_int_equal(seal_metadata_add(list, "k", value + 4 + 5, NULL), 0);
    assert_int_equal(seal__metadata_block_size(list), SEAL_METADATA_MAX - 5);
    assert_int_equal(seal_metadata_add(list, "kk", "v", NULL), SEAL_ERROR_TOO_BIG);
    assert_int_equal(seal_metadata_add(list, "kkkkkk", "", NULL), SEAL_ERROR_TOO_BIG);
    assert_int_equal(seal_metadata_add(list, "k", "v", NULL), 0);
    assert_int_equal(seal__metadata_block_size(list), SEAL_METADATA_MAX);
    assert_int_equal(seal_metadata_add(list, "k", "", NULL), SEAL_ERROR_TOO_BIG);
    assert_int_equal(seal_metadata_count(list), 2);
    seal_metadata_remove(list, NULL);
    assert_int_equal(seal_metadata_add(list, "k", value + 4, NULL), 0);
    free_list(list);
}

/* ---- The block ---- */

static void assert_same(const seal_metadata *a, const seal_metadata *b) {
    assert_int_equal(seal_metadata_count(a), seal_metadata_count(b));
    assert_int_equal(seal__metadata_block_size(a), seal__metadata_block_size(b));
    for (size_t i = 0; i < seal_metadata_count(a); i++) {
        seal_metadata_entry entry;
        assert_true(seal_metadata_at(a, i, &entry));
        assert_entry(b, i, entry.key, entry.value, entry.value_len);
    }
}

static void block_as_specified(void **state) {
    (void)state;
    static const uint8_t expected[] = {1,   0,   2,   'k', 'v', '1', 5,   0,   3,
                                       'b', '-', 'b', 'i', 'n', 0,   255, '\n'};
    seal_metadata *list = new_list();
    assert_int_equal(seal_metadata_add(list, "k", "v1", NULL), 0);
    assert_int_equal(seal_metadata_add_bytes(list, "b-bin", expected + 14, 3, NULL), 0);
    uint8_t *block = NULL;
    size_t len = 0;
    assert_int_equal(seal__metadata_pack(&alloc.allocator, list, &block, &len), 0);
    assert_int_equal(len, sizeof expected);
    assert_memory_equal(block, expected, len);
    assert_true(seal__metadata_check(block, len));
    seal_metadata *back = NULL;
    const seal_bytes bytes = {block, len};
    assert_int_equal(seal__metadata_from_block(&alloc.allocator, bytes, &back), 0);
    seal__release(&alloc.allocator, block);
    assert_same(list, back);
    seal_metadata_free(back);
    free_list(list);
}

static void empty_blocks(void **state) {
    (void)state;
    seal_metadata *list = new_list(), *back = NULL;
    uint8_t byte = 0, *block = &byte;
    size_t len = 1;
    assert_int_equal(seal__metadata_pack(&alloc.allocator, list, &block, &len), 0);
    assert_null(block);
    assert_int_equal(len, 0);
    const seal_bytes nothing = {NULL, 0};
    assert_int_equal(seal__metadata_from_block(&alloc.allocator, nothing, &back), 0);
    assert_int_equal(seal_metadata_count(back), 0);
    seal_metadata_free(back);
    assert_int_equal(seal__metadata_copy(&alloc.allocator, NULL, &back), 0);
    assert_int_equal(seal_metadata_count(back), 0);
    assert_int_equal(seal_metadata_add(back, "k", "v", NULL), 0);
    seal_metadata_free(back);
    free_list(list);
}

static void a_copy_is_its_own(void **state) {
    (void)state;
    seal_metadata *list = new_list(), *copy = NULL;
    for (int i = 0; i < 20; i++)
        assert_int_equal(seal_metadata_add(list, i % 2 != 0 ? "odd" : "even", "v", NULL), 0);
    assert_int_equal(seal__metadata_copy(&alloc.allocator, list, &copy), 0);
    assert_same(list, copy);
    seal_metadata_remove(copy, "odd");
    assert_int_equal(seal_metadata_add(copy, "new", "w", NULL), 0);
    assert_int_equal(seal_metadata_count(list), 20);
    seal_metadata_free(list);
    assert_int_equal(seal_metadata_count(copy), 11);
    assert_entry(copy, 10, "new", "w", 1);
    seal_metadata *second = NULL;
    assert_int_equal(seal__metadata_copy(&alloc.allocator, copy, &second), 0);
    assert_same(copy, second);
    seal_metadata_free(second);
    free_list(copy);
}

/* As many entries as fit, and random ones, there and back. */
static void round_trips(void **state) {
    (void)state;
    static uint8_t block[SEAL_METADATA_MAX];
    srand(3);
    for (int round = 0; round < 100; round++) {
        seal_metadata *list = new_list(), *back = NULL;
        char key[8] = "k", value[64];
        int r = 0;
        while (r == 0) {
            size_t len = round == 0 ? 0 : (size_t)rand() % sizeof value;
            for (size_t i = 0; i < len; i++)
                value[i] = (char)rand();
            memcpy(key, rand() % 2 != 0 ? "k-bin" : "b-bin", 6);
            r = seal_metadata_add_bytes(list, key, value, len, NULL);
        }
        assert_int_equal(r, SEAL_ERROR_TOO_BIG);
        size_t len = seal__metadata_block_size(list);
        assert_in_range(len, SEAL_METADATA_MAX - 80, SEAL_METADATA_MAX);
        seal__metadata_write_block(list, block);
        assert_true(seal__metadata_check(block, len));
        const seal_bytes bytes = {block, len};
        assert_int_equal(seal__metadata_from_block(&alloc.allocator, bytes, &back), 0);
        assert_same(list, back);
        seal_metadata_free(back);
        free_list(list);
    }
}

static int build_everything(const seal_bytes *block) {
    seal_metadata *list = NULL, *copy = NULL, *back = NULL;
    uint8_t *packed = NULL;
    size_t len = 0;
    int r = seal_metadata_new(&alloc.allocator, &list);
    for (int i = 0; r == 0 && i < 9; i++) {
        r = seal_metadata_add(list, "k", "value", NULL);
        assert_int_equal(seal_metadata_count(list), i + (r == 0 ? 1 : 0));
    }
    if (r == 0)
        r = seal__metadata_copy(&alloc.allocator, list, &copy);
    if (r == 0)
        r = seal__metadata_from_block(&alloc.allocator, *block, &back);
    if (r == 0)
        r = seal__metadata_pack(&alloc.allocator, back, &packed, &len);
    seal_metadata_free(list);
    seal_metadata_free(copy);
    seal_metadata_free(back);
    seal__release(&alloc.allocator, packed);
    return r;
}

static void without_memory(void **state) {
    (void)state;
    static const uint8_t bytes[] = {1, 0, 1, 'k', 'v'};
    const seal_bytes block = {bytes, sizeof bytes};
    size_t failures = 0;
    for (size_t nth = 1;; nth++) {
        failing_alloc_init(&alloc);
        failing_alloc_fail_at(&alloc, nth, true);
        int r = build_everything(&block);
        assert_int_equal(alloc.live, 0);
        if (!failing_alloc_has_failed(&alloc)) {
            assert_int_equal(r, 0);
            break;
        }
        assert_int_equal(r, SEAL_ERROR_NO_MEMORY);
        failures++;
    }
    assert_in_range(failures, 18, 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_and_doubles),
        cmocka_unit_test(removes),
        cmocka_unit_test(nothing_is_an_empty_list),
        cmocka_unit_test(refuses_with_a_reason),
        cmocka_unit_test(every_byte),
        cmocka_unit_test(key_length),
        cmocka_unit_test(limit_of_the_list),
        cmocka_unit_test(block_as_specified),
        cmocka_unit_test(empty_blocks),
        cmocka_unit_test(a_copy_is_its_own),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
