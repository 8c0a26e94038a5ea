/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints that are going away: for how long, and what is remembered. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "client/avoid.h"

#define MS 1000000ull
#define NOW (9000 * MS)

static const seal_allocator *const alloc = &seal__default_allocator;

static const seal__endpoint *place(unsigned n) {
    static seal__endpoint endpoints[64];
    snprintf(endpoints[n].address.host, sizeof endpoints[n].address.host, "h%u", n);
    snprintf(endpoints[n].principal, sizeof endpoints[n].principal, "s/h");
    endpoints[n].address.port = 7;
    return &endpoints[n];
}

static void nothing(void **state) {
    (void)state;
    seal__avoid avoid = {.places = NULL};
    assert_false(seal__avoid_has(&avoid, place(1), NOW));
    assert_int_equal(seal__avoid_ban(&avoid, place(1), NOW), 0);
    seal__avoid_remove(&avoid, place(1));
    seal__avoid_done(&avoid, alloc);
}

static void for_a_while(void **state) {
    (void)state;
    seal__avoid avoid = {.places = NULL};
    seal__avoid_add(&avoid, alloc, place(1), 0, NOW);
    assert_true(seal__avoid_has(&avoid, place(1), NOW));
    assert_true(seal__avoid_has(&avoid, place(1), NOW + SEAL__AVOID_NS - 1));
    assert_false(seal__avoid_has(&avoid, place(1), NOW + SEAL__AVOID_NS));
    assert_int_equal(seal__avoid_ban(&avoid, place(1), NOW), 0); /* the last resort */
    assert_false(seal__avoid_has(&avoid, place(2), NOW));
    seal__avoid_remove(&avoid, place(1));
    assert_false(seal__avoid_has(&avoid, place(1), NOW));
    seal__avoid_done(&avoid, alloc);
}

static void as_the_server_says(void **state) {
    (void)state;
    seal__avoid avoid = {.places = NULL};
    seal__avoid_add(&avoid, alloc, place(1), 0, NOW);
    seal__avoid_add(&avoid, alloc, place(1), 250, NOW);
    assert_int_equal(seal__avoid_ban(&avoid, place(1), NOW), NOW + 250 * MS);
    assert_int_equal(seal__avoid_ban(&avoid, place(1), NOW + 250 * MS - 1), NOW + 250 * MS);
    assert_int_equal(seal__avoid_ban(&avoid, place(1), NOW + 250 * MS), 0);
    assert_false(seal__avoid_has(&avoid, place(1), NOW + 250 * MS));
    seal__avoid_add(&avoid, alloc, place(1), UINT32_MAX, NOW); /* no server says never */
    assert_int_equal(seal__avoid_ban(&avoid, place(1), NOW), NOW + SEAL__AVOID_MAX_NS);
    seal__avoid_done(&avoid, alloc);
}

static void the_oldest_makes_room(void **state) {
    (void)state;
    seal__avoid avoid = {.places = NULL};
    for (unsigned i = 0; i < 20; i++) {
        seal__avoid_add(&avoid, alloc, place(i), 100, NOW);
        seal__avoid_add(&avoid, alloc, place(i), 100, NOW); /* takes no more room */
    }
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(seal__avoid_has(&avoid, place(i), NOW), i >= 20 - SEAL__AVOID_PLACES);
    seal__avoid_done(&avoid, alloc);
}

static void first_of_a_list(void **state) {
    (void)state;
    seal__shared shared;
    seal__endpoint items[3] = {*place(1), *place(2), *place(3)};
    seal__avoid avoid = {.places = NULL};
    memset(&shared, 0, sizeof shared);
    atomic_init(&shared.refs, 1);
    shared.alloc = seal__default_allocator;
    seal__endpoints *list = seal__endpoints_new(&shared, items, 3);
    assert_non_null(list);
    assert_int_equal(seal__avoid_bans_end(&avoid, list, NOW), 0);
    seal__avoid_add(&avoid, alloc, place(1), 500, NOW);
    seal__avoid_add(&avoid, alloc, place(2), 300, NOW);
    assert_int_equal(seal__avoid_bans_end(&avoid, list, NOW), 0);
    seal__avoid_add(&avoid, alloc, place(3), 0, NOW);
    assert_int_equal(seal__avoid_bans_end(&avoid, list, NOW), 0);
    seal__avoid_add(&avoid, alloc, place(3), 400, NOW);
    assert_int_equal(seal__avoid_bans_end(&avoid, list, NOW), NOW + 300 * MS);
    assert_int_equal(seal__avoid_bans_end(&avoid, list, NOW + 300 * MS), 0);
    seal__endpoints_unref(list);
    seal__avoid_done(&avoid, alloc);
    assert_int_equal(atomic_load(&shared.refs), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing),
        cmocka_unit_test(for_a_while),
        cmocka_unit_test(as_the_server_says),
        cmocka_unit_test(the_oldest_makes_room),
        cmocka_unit_test(first_of_a_list),
    };
    return cmocka_run_group_tests_name("client.avoid", tests, NULL, NULL);
}
