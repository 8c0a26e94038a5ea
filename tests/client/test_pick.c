/* SPDX-License-Identifier: Apache-2.0 */
/* One round over a list: which endpoint is next, how long it may take, what is said at the end. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "client/pick.h"

enum { MS = 1000000 };

static seal__shared shared;

static uint32_t first(void *user, uint32_t bound) {
    (void)user;
    (void)bound;
    return 0;
}

/* Endpoints h0:1, h1:1, ... in this order. */
static seal__endpoints *list_of(size_t n, const char *principal) {
    static seal__endpoint items[SEAL__ENDPOINTS_MAX];
    memset(items, 0, sizeof items);
    for (size_t i = 0; i < n; i++) {
        snprintf(items[i].address.host, sizeof items[i].address.host, "h%zu", i);
        snprintf(items[i].principal, sizeof items[i].principal, "%s", principal);
        items[i].address.port = 1;
        items[i].priority = (uint16_t)i;
    }
    return seal__endpoints_new(&shared, items, n);
}

static int setup(void **state) {
    (void)state;
    memset(&shared, 0, sizeof shared);
    atomic_init(&shared.refs, 1);
    shared.alloc = seal__default_allocator;
    return 0;
}

/* Nothing keeps a list, or memory of it. */
static int teardown(void **state) {
    (void)state;
    return atomic_load(&shared.refs) == 1 ? 0 : -1;
}

static seal__round *round_of(size_t n) {
    seal__endpoints *list = list_of(n, "s/h");
    seal__round *round = seal__round_new(list, first, NULL);
    assert_non_null(round);
    seal__endpoints_unref(list);
    return round;
}

static const seal__endpoint *next(seal__round *round) {
    return seal__round_next(round, seal__round_list(round));
}

static void fails(seal__round *round, int code, const char *text) {
    const seal__endpoint *endpoint = next(round);
    seal_error *error = NULL;
    assert_non_null(endpoint);
    seal__error(&error, code, "%s", text);
    seal__round_failed(round, endpoint, error);
    seal_error_free(error);
}

static void in_order(void **state) {
    (void)state;
    seal__round *round = round_of(3);
    for (int i = 0; i < 3; i++) {
        char host[8];
        snprintf(host, sizeof host, "h%d", i);
        assert_string_equal(next(round)->address.host, host);
    }
    assert_null(next(round));
    assert_null(next(round));
    assert_null(seal__round_error(round));
    seal__round_free(round);
}

static void what_has_left_is_passed_over(void **state) {
    (void)state;
    seal__round *round = round_of(4);
    seal__endpoints *fewer = list_of(2, "s/h");
    seal__endpoints *others = list_of(4, "s/other");
    assert_string_equal(seal__round_next(round, fewer)->address.host, "h0");
    assert_string_equal(seal__round_next(round, fewer)->address.host, "h1");
    assert_null(seal__round_next(round, fewer));
    seal__round_free(round);
    round = round_of(4);
    assert_null(seal__round_next(round, others)); /* somebody else at the same place */
    seal__round_free(round);
    seal__endpoints_unref(fewer);
    seal__endpoints_unref(others);
}

/* Those whose bit is set in the mask. */
static bool in_mask(void *user, const seal__endpoint *endpoint) {
    const unsigned *mask = user;
    return (*mask >> (endpoint->address.host[1] - '0') & 1u) != 0;
}

static void assert_next(seal__round *round, unsigned mask, bool wanted) {
    for (char i = '0'; i < '5'; i++) {
        if ((mask >> (i - '0') & 1u) == wanted)
            assert_int_equal(next(round)->address.host[1], i);
    }
}

/* Whoever is deferred: all the others in their order, then those in theirs. */
static void deferred_ones_come_last(void **state) {
    (void)state;
    for (unsigned mask = 0; mask < 32; mask++) {
        seal__round *round = round_of(5);
        seal__round_defer(round, in_mask, &mask);
        assert_next(round, mask, false);
        assert_next(round, mask, true);
        assert_null(next(round));
        seal__round_free(round);
    }
}

static void shares_of_the_time(void **state) {
    (void)state;
    seal__round *round = round_of(3);
    next(round);
    assert_int_equal(seal__round_share(round, 20000ull * MS), 20000ull * MS / 3);
    assert_int_equal(seal__round_share(round, 3000ull * MS), SEAL__SHARE_MIN_NS);
    assert_int_equal(seal__round_share(round, 1500ull * MS), 1500ull * MS);
    next(round);
    assert_int_equal(seal__round_share(round, 12000ull * MS), 4000ull * MS);
    next(round);
    assert_int_equal(seal__round_share(round, 12000ull * MS), 12000ull * MS);
    assert_int_equal(seal__round_share(round, 0), 0);
    seal__round_free(round);
}

static void one_reason(void **state) {
    (void)state;
    char text[SEAL__ROUND_TEXT];
    seal__round *round = round_of(1);
    fails(round, SEAL_ERROR_CONNECT, "nobody there");
    seal__round_describe(round, "dns:///d", text, sizeof text);
    assert_string_equal(text, "dns:///d: s/h at h0:1: nobody there");
    seal__round_free(round);
}

static void security_comes_first(void **state) {
    (void)state;
    char text[SEAL__ROUND_TEXT];
    seal__round *round = round_of(5);
    fails(round, SEAL_ERROR_CONNECT, "one");
    fails(round, SEAL_ERROR_NOT_SEALRPC, "two");
    fails(round, SEAL_ERROR_WRONG_TARGET, "three");
    fails(round, SEAL_ERROR_AUTHENTICATION, "four");
    assert_int_equal(seal_error_get_code(seal__round_error(round)), SEAL_ERROR_WRONG_TARGET);
    assert_string_equal(seal__round_error_endpoint(round)->address.host, "h2");
    seal__round_describe(round, "T", text, sizeof text);
    assert_string_equal(text, "T: 4 endpoints were tried: s/h at h2:1: three; s/h at h0:1: one; "
                              "s/h at h1:1: two; s/h at h3:1: four; no time was left for 1 more");
    seal__round_free(round);
}

static void a_long_story_is_cut(void **state) {
    (void)state;
    char text[SEAL__ROUND_TEXT];
    char reason[1500];
    seal__round *round = round_of(SEAL__ENDPOINTS_MAX);
    memset(reason, 'x', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    for (size_t i = 0; i < SEAL__ENDPOINTS_MAX; i++)
        fails(round, i == 1000 ? SEAL_ERROR_TAMPERED : SEAL_ERROR_CONNECT,
              i == 1000 ? "look at this" : reason);
    seal__round_describe(round, "T", text, sizeof text);
    assert_true(strlen(text) < sizeof text - 1);
    const char begin[] =
        "T: 1024 endpoints were tried: s/h at h1000:1: look at this; s/h at h1:1: ";
    assert_memory_equal(text, begin, sizeof begin - 1);
    assert_non_null(strstr(text, "xxx...; "));
    const char *end = strstr(text, "; and ");
    assert_non_null(end);
    unsigned shown = 0;
    for (const char *at = text; (at = strstr(at, "s/h at h")) != NULL; at++)
        shown++;
    char expected[64];
    snprintf(expected, sizeof expected, "; and %u more", SEAL__ENDPOINTS_MAX - shown);
    assert_string_equal(end, expected);
    seal__round_free(round);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_left_is_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(deferred_ones_come_last, setup, teardown),
        cmocka_unit_test_setup_teardown(shares_of_the_time, setup, teardown),
        cmocka_unit_test_setup_teardown(one_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(security_comes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_story_is_cut, setup, teardown),
    };
    return cmocka_run_group_tests_name("client.pick", tests, NULL, NULL);
}
