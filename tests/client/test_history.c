/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a request, and for how long. */
#include "support/cmocka_all.h"

#include <string.h>

#include "client/history.h"
#include "client/retry.h"
#include "support/failing_alloc.h"

typedef struct fixture {
    failing_alloc alloc;
    seal__history history;
} fixture;

static int setup(void **state) {
    static fixture f;
    failing_alloc_init(&f.alloc);
    seal__history_init(&f.history, &f.alloc.allocator);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    seal__history_done(&f->history);
    assert_int_equal(f->alloc.live, 0);
    return 0;
}

static void add(fixture *f, int kind, size_t size) {
    seal__out_item *item = seal__out_item_new(&f->alloc.allocator, kind, size);
    assert_non_null(item);
    memset(item->bytes, (int)size, size);
    seal__history_add(&f->history, item);
}

/* Sends all there is; returns how many items that were. */
static size_t send_all(seal__history *history) {
    size_t n = 0;
    for (; seal__history_next(history) != NULL; n++)
        seal__history_sent(history);
    return n;
}

static void kept_for_another_attempt(void **state) {
    fixture *f = *state;
    seal__history *h = &f->history;
    assert_null(seal__history_next(h));
    add(f, SEAL__OUT_MESSAGE, 10);
    add(f, SEAL__OUT_MESSAGE, 20);
    assert_int_equal(h->unsent, 30);
    assert_int_equal(seal__history_next(h)->size, 10);
    assert_int_equal(send_all(h), 2);
    assert_int_equal(h->unsent, 0);
    add(f, SEAL__OUT_MESSAGE, 30);
    assert_int_equal(seal__history_next(h)->size, 30);
    assert_int_equal(send_all(h), 1);
    seal__history_rewind(h);
    assert_int_equal(h->unsent, 60);
    assert_int_equal(seal__history_next(h)->size, 10);
    assert_int_equal(send_all(h), 3);
    assert_false(h->incomplete);
}

static void the_end_is_seen_with_the_last_message(void **state) {
    fixture *f = *state;
    seal__history *h = &f->history;
    add(f, SEAL__OUT_MESSAGE, 10);
    assert_false(seal__history_ends(h));
    add(f, SEAL__OUT_MESSAGE, 10);
    add(f, SEAL__OUT_END, 0);
    assert_false(seal__history_ends(h));
    seal__history_sent(h);
    assert_true(seal__history_ends(h));
    seal__history_sent(h);
    assert_int_equal(seal__history_next(h)->kind, SEAL__OUT_END);
    assert_false(seal__history_ends(h));
    seal__history_sent(h);
    assert_false(seal__history_ends(h));
    add(f, SEAL__OUT_MESSAGE, 10); /* too late */
    assert_null(seal__history_next(h));
    assert_int_equal(h->unsent, 0);
}

static void the_end_goes_with_the_last_message(void **state) {
    fixture *f = *state;
    seal__history *h = &f->history;
    add(f, SEAL__OUT_MESSAGE, 10);
    add(f, SEAL__OUT_MESSAGE | SEAL__OUT_LAST, 20);
    assert_false(seal__history_ends(h));
    seal__history_sent(h);
    assert_true(seal__history_ends(h));
    add(f, SEAL__OUT_MESSAGE, 30); /* too late */
    assert_int_equal(h->unsent, 20);
    seal__history_sent(h);
    assert_false(seal__history_ends(h));
    assert_null(seal__history_next(h));
    seal__history_rewind(h);
    assert_int_equal(send_all(h), 2);
}

static void committed(void **state) {
    fixture *f = *state;
    seal__history *h = &f->history;
    add(f, SEAL__OUT_MESSAGE, 10);
    add(f, SEAL__OUT_MESSAGE, 20);
    seal__history_sent(h);
    seal__history_commit(h);
    assert_true(h->incomplete);
    assert_int_equal(f->alloc.live, 1); /* what was not sent stays */
    assert_int_equal(h->bytes, 20);
    assert_int_equal(seal__history_next(h)->size, 20);
    assert_int_equal(send_all(h), 1);
    assert_int_equal(f->alloc.live, 0);
    add(f, SEAL__OUT_MESSAGE, 30);
    assert_int_equal(h->unsent, 30);
    assert_int_equal(send_all(h), 1);
    assert_int_equal(f->alloc.live, 0);
}

static void committed_before_anything_was_sent(void **state) {
    fixture *f = *state;
    seal__history_commit(&f->history);
    assert_false(f->history.incomplete);
    add(f, SEAL__OUT_MESSAGE, 10);
    assert_false(f->history.incomplete);
    assert_int_equal(send_all(&f->history), 1);
    assert_true(f->history.incomplete);
}

static void too_much_to_keep(void **state) {
    fixture *f = *state;
    seal__history *h = &f->history;
    add(f, SEAL__OUT_MESSAGE, SEAL__HISTORY_MAX / 2);
    add(f, SEAL__OUT_MESSAGE, SEAL__HISTORY_MAX / 2);
    assert_int_equal(send_all(h), 2);
    assert_false(h->incomplete); /* exactly as much as is kept */
    add(f, SEAL__OUT_MESSAGE, 1);
    assert_true(h->incomplete);
    assert_int_equal(h->bytes, 1);
    assert_int_equal(send_all(h), 1);
    assert_int_equal(f->alloc.live, 0);
}

/* As long as nothing of it was sent, it waits whole, however much it is. */
static void too_much_but_not_sent(void **state) {
    fixture *f = *state;
    seal__history *h = &f->history;
    add(f, SEAL__OUT_MESSAGE, SEAL__HISTORY_MAX);
    add(f, SEAL__OUT_MESSAGE, SEAL__HISTORY_MAX);
    assert_false(h->incomplete);
    assert_int_equal(f->alloc.live, 2);
    assert_int_equal(send_all(h), 2);
    assert_int_equal(f->alloc.live, 0);
}

static void too_many_to_keep(void **state) {
    fixture *f = *state;
    for (int i = 0; i < SEAL__HISTORY_ITEMS; i++)
        add(f, SEAL__OUT_MESSAGE, 0);
    send_all(&f->history);
    assert_false(f->history.incomplete);
    add(f, SEAL__OUT_MESSAGE, 0);
    assert_true(f->history.incomplete);
    assert_int_equal(f->alloc.live, 1);
}

static void in_place(void **state) {
    fixture *f = *state;
    seal__history *h = &f->history;
    _Alignas(max_align_t) uint8_t memory[2][sizeof(seal__out_item) + 8];
    seal__out_item *first = seal__history_place(memory[0], SEAL__OUT_MESSAGE, 8);
    seal__out_item *end = seal__history_place(memory[1], SEAL__OUT_END, 0);
    memset(first->bytes, 7, 8);
    seal__history_add(h, first);
    seal__history_add(h, end);
    assert_true(seal__history_ends(h));
    assert_int_equal(send_all(h), 2);
    seal__history_rewind(h);
    assert_ptr_equal(seal__history_next(h), first);
    seal__history_commit(h);
    assert_int_equal(send_all(h), 2);
    assert_int_equal(f->alloc.calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(kept_for_another_attempt),
        TEST(the_end_is_seen_with_the_last_message),
        TEST(the_end_goes_with_the_last_message),
        TEST(committed),
        TEST(committed_before_anything_was_sent),
        TEST(too_much_to_keep),
        TEST(too_much_but_not_sent),
        TEST(too_many_to_keep),
        TEST(in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
