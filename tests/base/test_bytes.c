/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation, buffers, the reader, arenas. */
#include "support/cmocka_all.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/reader.h"
#include "support/failing_alloc.h"

static failing_alloc alloc;

static int fresh(void **state) {
    (void)state;
    failing_alloc_init(&alloc);
    return 0;
}

static int nothing_is_left(void **state) {
    (void)state;
    return alloc.live == 0 ? 0 : -1;
}

static void sizes_do_not_overflow(void **state) {
    (void)state;
    size_t result = 0;
    assert_true(seal__add(SIZE_MAX - 1, 1, &result));
    assert_true(result == SIZE_MAX);
    assert_false(seal__add(SIZE_MAX, 1, &result));
    assert_true(seal__mul(SIZE_MAX / 2, 2, &result));
    assert_false(seal__mul(SIZE_MAX / 2 + 1, 2, &result));
    assert_null(seal__alloc_zeroed(&alloc.allocator, SIZE_MAX / 2, 3));
    assert_null(seal__alloc(&alloc.allocator, 0));
    assert_null(seal__alloc_zeroed(&alloc.allocator, 0, 8));
    assert_int_equal(alloc.calls, 0);
    seal__release(&alloc.allocator, NULL);
    seal__release(&seal__default_allocator, NULL);
}

static void allocation(void **state) {
    (void)state;
    uint8_t *zeroed = seal__alloc_zeroed(&alloc.allocator, 3, 100);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(zeroed[i], 0);
    char *copy = seal__strdup(&alloc.allocator, "text");
    assert_string_equal(copy, "text");
    failing_alloc_fail_at(&alloc, 1, true);
    assert_null(seal__strdup(&alloc.allocator, "text"));
    memset(zeroed, 1, 300);
    seal__wipe(zeroed, 300);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(zeroed[i], 0);
    seal__wipe(NULL, 0);
    seal__release(&alloc.allocator, zeroed);
    seal__release(&alloc.allocator, copy);
}

static void buffer_writes_network_order(void **state) {
    (void)state;
    seal__buf buf;
    seal__buf_init(&buf, &alloc.allocator, 1000);
    seal__buf_put_u8(&buf, 0x01);
    seal__buf_put_u16(&buf, 0x0203);
    seal__buf_put_u32(&buf, 0x04050607);
    seal__buf_put_u64(&buf, 0x08090a0b0c0d0e0f);
    seal__buf_put(&buf, "\x10\x11", 2);
    seal__buf_put(&buf, NULL, 0);
    assert_int_equal(buf.len, 17);
    for (size_t i = 0; i < 17; i++)
        assert_int_equal(buf.data[i], i + 1);
    uint8_t three[3];
    seal__store_u24(three, 0x123456);
    assert_int_equal(seal__load_u24(three), 0x123456);
    assert_int_equal(seal__load_u16(buf.data + 1), 0x0203);
    assert_true(seal__load_u64(buf.data + 7) == 0x08090a0b0c0d0e0f);
    seal__buf_consume(&buf, 15);
    assert_memory_equal(buf.data, "\x10\x11", 2);
    seal__buf_consume(&buf, 0);
    seal__buf_consume(&buf, 2);
    assert_int_equal(buf.len, 0);
    seal__buf_done_wiped(&buf);
    seal__buf_done(&buf);
}

static void buffer_never_exceeds_its_maximum(void **state) {
    (void)state;
    for (size_t max = 0; max < 1200; max += 37) {
        seal__buf buf;
        seal__buf_init(&buf, &alloc.allocator, max);
        for (size_t i = 0; i < max; i++)
            seal__buf_put_u8(&buf, (uint8_t)i);
        assert_false(buf.failed);
        assert_int_equal(buf.len, max);
        assert_in_range(buf.cap, max, max < 256 ? 256 : max);
        seal__buf_put_u8(&buf, 0);
        assert_true(buf.failed);
        assert_int_equal(buf.len, max);
        assert_null(seal__buf_reserve(&buf, 0));
        seal__buf_put_u64(&buf, 1); /* sticky */
        assert_int_equal(buf.len, max);
        seal__buf_reset(&buf);
        assert_false(buf.failed);
        assert_true(max == 0 || seal__buf_reserve(&buf, max) != NULL);
        seal__buf_done(&buf);
    }
    seal__buf buf;
    seal__buf_init(&buf, &alloc.allocator, SIZE_MAX);
    seal__buf_put_u8(&buf, 1);
    assert_null(seal__buf_reserve(&buf, SIZE_MAX));
    seal__buf_done(&buf);
}

static void buffer_without_memory(void **state) {
    (void)state;
    seal__buf buf;
    seal__buf_init(&buf, &alloc.allocator, 10000);
    seal__buf_put(&buf, "abc", 3);
    failing_alloc_fail_at(&alloc, 1, true);
    assert_false(seal__buf_ensure(&buf, 5000));
    assert_true(buf.failed);
    assert_memory_equal(buf.data, "abc", 3);
    seal__buf_put(&buf, "d", 1);
    assert_int_equal(buf.len, 3);
    seal__buf_done(&buf);
}

static void reader_sticks_to_its_failure(void **state) {
    (void)state;
    static const uint8_t bytes[] = {1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 'a', 'b'};
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        uint8_t *copy = malloc(cut == 0 ? 1 : cut);
        memcpy(copy, bytes, cut);
        seal__reader r;
        seal__reader_init(&r, copy, cut);
        assert_int_equal(seal__read_u8(&r), cut >= 1 ? 1 : 0);
        assert_int_equal(seal__read_u16(&r), cut >= 3 ? 2 : 0);
        assert_int_equal(seal__read_u32(&r), cut >= 7 ? 3 : 0);
        assert_int_equal(seal__read_u64(&r), cut >= 15 ? 4 : 0);
        const uint8_t *two = seal__read_bytes(&r, 2);
        assert_int_equal(two != NULL, cut == sizeof bytes);
        assert_int_equal(seal__reader_ok(&r), cut == sizeof bytes);
        assert_int_equal(seal__reader_at_end(&r), cut == sizeof bytes);
        if (cut < sizeof bytes)
            assert_null(seal__read_bytes(&r, 0));
        free(copy);
    }
    seal__reader r;
    seal__reader_init(&r, NULL, 0);
    assert_non_null(seal__read_bytes(&r, 0));
    assert_true(seal__reader_at_end(&r));
    assert_null(seal__read_bytes(&r, SIZE_MAX));
    assert_false(seal__reader_at_end(&r));
}

static void arena_releases_what_it_adopted(void **state) {
    (void)state;
    seal__arena arena;
    seal__arena_init(&arena, &alloc.allocator, 1000);
    for (int i = 0; i < 3; i++) {
        seal__buf buf;
        seal__buf_init(&buf, &alloc.allocator, 100);
        seal__buf_put(&buf, "abc", 3);
        const uint8_t *at = buf.data;
        seal__arena_adopt(&arena, &buf);
        assert_null(buf.data);
        assert_non_null(seal__arena_alloc(&arena, 10));
        assert_memory_equal(at, "abc", 3);
        if (i < 2)
            seal__arena_reset(&arena, 1000);
        assert_int_equal(alloc.live, i < 2 ? 1 : 2);
    }
    seal__arena_done(&arena);
    assert_int_equal(alloc.live, 0);
}

static void arena_hands_out_its_budget(void **state) {
    (void)state;
    seal__arena arena;
    seal__arena_init(&arena, &alloc.allocator, 100000);
    assert_int_equal(alloc.calls, 0);
    size_t given = 0;
    uint8_t *last = NULL;
    for (size_t size = 0;; size = (size * 7 + 3) % 500) {
        uint8_t *at = seal__arena_alloc(&arena, size);
        if (at == NULL)
            break;
        assert_ptr_not_equal(at, last);
        assert_int_equal((uintptr_t)at % alignof(max_align_t), 0);
        memset(at, 0xee, size);
        given += size;
        last = at;
    }
    assert_in_range(given, 90000, 100000);
    assert_in_range(alloc.bytes, given, 200000);
    seal__arena_done(&arena);
    assert_int_equal(alloc.live, 0);
    seal__arena_init(&arena, &alloc.allocator, SIZE_MAX);
    assert_null(seal__arena_alloc(&arena, SIZE_MAX));
    assert_null(seal__arena_alloc(&arena, SIZE_MAX - 64));
    uint8_t *large = seal__arena_alloc(&arena, 1 << 20);
    memset(large, 1, 1 << 20);
    assert_non_null(seal__arena_alloc(&arena, 1));
    failing_alloc_fail_at(&alloc, 1, true);
    assert_null(seal__arena_alloc(&arena, 1 << 20));
    assert_non_null(seal__arena_alloc(&arena, 1 << 20));
    seal__arena_done(&arena);
    seal__arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sizes_do_not_overflow, fresh, nothing_is_left),
        cmocka_unit_test_setup_teardown(allocation, fresh, nothing_is_left),
        cmocka_unit_test_setup_teardown(buffer_writes_network_order, fresh, nothing_is_left),
        cmocka_unit_test_setup_teardown(buffer_never_exceeds_its_maximum, fresh, nothing_is_left),
        cmocka_unit_test_setup_teardown(buffer_without_memory, fresh, nothing_is_left),
        cmocka_unit_test_setup_teardown(reader_sticks_to_its_failure, fresh, nothing_is_left),
        cmocka_unit_test_setup_teardown(arena_releases_what_it_adopted, fresh, nothing_is_left),
        cmocka_unit_test_setup_teardown(arena_hands_out_its_budget, fresh, nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
