/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of endpoints, their order, what changed between two, and who must answer. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "naming/endpoints.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static char logged[512];

static void keep_line(void *user, seal_log_level level, const char *line) {
    (void)user;
    (void)level;
    snprintf(logged, sizeof logged, "%s", line);
}

static seal__shared *shared_new(void) {
    seal__shared *shared = calloc(1, sizeof *shared);
    assert_non_null(shared);
    atomic_init(&shared->refs, 1);
    shared->alloc = seal__default_allocator;
    seal__blocks_init(&shared->blocks, &shared->alloc);
    shared->log.fn = keep_line;
    return shared;
}

static seal__endpoint endpoint(const char *where, const char *principal, uint16_t priority,
                               uint16_t weight) {
    seal__endpoint e = {.priority = priority, .weight = weight};
    assert_int_equal(seal__address_parse(where, &e.address, NULL), 0);
    snprintf(e.principal, sizeof e.principal, "%s", principal);
    return e;
}

/* "a:1 b:2": in this order, with principal x/y. */
static seal__endpoints *list_of(seal__shared *shared, const char *words) {
    seal__endpoint items[16];
    char copy[256];
    char *save = NULL;
    size_t n = 0;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
        items[n++] = endpoint(w, "x/y", 0, 0);
    seal__endpoints *list = seal__endpoints_new(shared, items, n);
    assert_non_null(list);
    return list;
}

/* ---- Lists ---- */

static void one_of_each_place(void **state) {
    (void)state;
    seal__shared *shared = shared_new();
    const seal__endpoint items[] = {
        endpoint("a:1", "x/1", 1, 1),     endpoint("a:2", "x/2", 0, 0),
        endpoint("A:1", "x/3", 0, 0),     endpoint("unix:@s", "x/4", 0, 0),
        endpoint("unix:@s", "x/5", 0, 0), endpoint("unix:@t", "x/6", 0, 0)};
    seal__endpoints *list = seal__endpoints_new(shared, items, COUNT(items));
    assert_int_equal(list->n, 4);
    assert_string_equal(list->items[0].principal, "x/1");
    assert_string_equal(list->items[1].principal, "x/2");
    assert_string_equal(list->items[2].principal, "x/4");
    assert_string_equal(list->items[3].principal, "x/6");
    assert_ptr_equal(seal__endpoints_find(list, &items[2]), &list->items[0]);
    const seal__endpoint other = endpoint("b:1", "x/1", 0, 0);
    assert_null(seal__endpoints_find(list, &other));
    assert_true(seal__endpoint_same_place(&items[0], &items[2]));
    assert_false(seal__endpoint_equal(&items[0], &items[2]));
    assert_true(seal__endpoint_equal(&items[0], &list->items[0]));
    assert_ptr_equal(seal__endpoints_ref(list), list);
    seal__endpoints_unref(list);
    seal__endpoints_unref(list);
    seal__endpoints_unref(NULL);
    list = seal__endpoints_new(shared, NULL, 0);
    assert_int_equal(list->n, 0);
    seal__endpoints_unref(list);
    assert_int_equal(atomic_load(&shared->refs), 1);
    seal__shared_unref(shared);
}

static void too_many_are_cut(void **state) {
    (void)state;
    seal__shared *shared = shared_new();
    enum { N = SEAL__ENDPOINTS_MAX + 1 };
    seal__endpoint *items = calloc(N, sizeof *items);
    assert_non_null(items);
    for (int i = 0; i < N; i++) {
        items[i] = endpoint("h:1", "x/y", 0, 0);
        items[i].address.port = (uint16_t)(i + 1);
    }
    logged[0] = '\0';
    seal__endpoints *list = seal__endpoints_new(shared, items, N - 1);
    assert_int_equal(list->n, SEAL__ENDPOINTS_MAX);
    assert_string_equal(logged, "");
    seal__endpoints_unref(list);
    list = seal__endpoints_new(shared, items, N);
    assert_int_equal(list->n, SEAL__ENDPOINTS_MAX);
    assert_string_equal(logged, "a list of 1025 endpoints is cut to 1024, which is the limit");
    seal__endpoints_unref(list);
    items[N - 1].address.port = 1;
    logged[0] = '\0';
    list = seal__endpoints_new(shared, items, N);
    assert_int_equal(list->n, SEAL__ENDPOINTS_MAX);
    assert_string_equal(logged, "");
    seal__endpoints_unref(list);
    free(items);
    seal__shared_unref(shared);
}

static void equal_lists(void **state) {
    (void)state;
    seal__shared *shared = shared_new();
    seal__endpoints *a = list_of(shared, "a:1 b:2 c:3");
    seal__endpoints *b = list_of(shared, "c:3 a:1 b:2");
    seal__endpoints *c = list_of(shared, "a:1 b:2 d:3");
    seal__endpoints *d = list_of(shared, "a:1 b:2");
    seal__endpoints *none = list_of(shared, "");
    assert_true(seal__endpoints_equal(a, a));
    assert_true(seal__endpoints_equal(a, b));
    assert_false(seal__endpoints_equal(a, c));
    assert_false(seal__endpoints_equal(a, d));
    assert_false(seal__endpoints_equal(d, a));
    assert_false(seal__endpoints_equal(a, none));
    assert_true(seal__endpoints_equal(none, none));
    b->items[0].weight = 1;
    assert_false(seal__endpoints_equal(a, b));
    b->items[0].weight = 0;
    b->items[1].priority = 1;
    assert_false(seal__endpoints_equal(a, b));
    b->items[1].priority = 0;
    b->items[2].principal[0] = 'z';
    assert_false(seal__endpoints_equal(a, b));
    seal__endpoints_unref(a);
    seal__endpoints_unref(b);
    seal__endpoints_unref(c);
    seal__endpoints_unref(d);
    seal__endpoints_unref(none);
    seal__shared_unref(shared);
}

static void note(char *line, char sign, const seal__endpoint *e) {
    char text[64];
    seal__endpoint_text(e, text, sizeof text);
    size_t len = strlen(line);
    snprintf(line + len, 256 - len, "%c%s ", sign, text);
}

static void on_added(void *user, const seal__endpoint *e) {
    note(user, '+', e);
}

static void on_changed(void *user, const seal__endpoint *before, const seal__endpoint *after) {
    assert_true(seal__endpoint_same_place(before, after));
    note(user, '~', after);
}

static void on_removed(void *user, const seal__endpoint *e) {
    note(user, '-', e);
}

static void differ(const seal__endpoints *before, const seal__endpoints *after,
                   const char *wanted) {
    static const seal__endpoints_diff diff = {
        .added = on_added, .changed = on_changed, .removed = on_removed};
    char line[256] = "";
    seal__endpoints_compare(before, after, &diff, line);
    assert_string_equal(line, wanted);
    seal__endpoints_compare(before, after, &(seal__endpoints_diff){.added = NULL}, NULL);
}

static void differences(void **state) {
    (void)state;
    seal__shared *shared = shared_new();
    seal__endpoints *a = list_of(shared, "a:1 b:2 c:3");
    seal__endpoints *b = list_of(shared, "d:4 c:3 b:2");
    differ(a, b, "+d:4 -a:1 ");
    differ(b, a, "+a:1 -d:4 ");
    differ(a, a, "");
    differ(NULL, a, "+a:1 +b:2 +c:3 ");
    differ(a, NULL, "-a:1 -b:2 -c:3 ");
    differ(NULL, NULL, "");
    b->items[1].weight = 3;
    b->items[2].principal[0] = 'z';
    differ(a, b, "+d:4 ~c:3 ~b:2 -a:1 ");
    seal__endpoints_unref(a);
    seal__endpoints_unref(b);
    seal__shared_unref(shared);
}

static void texts(void **state) {
    (void)state;
    static const char *const cases[] = {"host.example:7", "127.0.0.1:7", "[::1]:7", "unix:/a/b",
                                        "unix:@a"};
    char text[64];
    for (size_t i = 0; i < COUNT(cases); i++) {
        const seal__endpoint e = endpoint(cases[i], "", 0, 0);
        seal__endpoint_text(&e, text, sizeof text);
        assert_string_equal(text, cases[i]);
    }
    const seal__endpoint e = endpoint("abcdefgh:7", "", 0, 0);
    seal__endpoint_text(&e, text, 5);
    assert_string_equal(text, "abcd");
}

/* ---- Order ---- */

static uint32_t seeded(void *user, uint32_t bound) {
    uint64_t *x = user;
    assert_true(bound > 0);
    if (bound == 0)
        return 0;
    *x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*x >> 33) % bound);
}

static uint32_t lowest(void *user, uint32_t bound) {
    (void)user;
    (void)bound;
    return 0;
}

static uint32_t highest(void *user, uint32_t bound) {
    (void)user;
    return bound - 1;
}

/* Each index once, and priorities never go down. */
static void assert_is_order(const seal__endpoints *list, const uint16_t *order) {
    bool seen[SEAL__ENDPOINTS_MAX] = {false};
    for (size_t i = 0; i < list->n; i++) {
        assert_true(order[i] < list->n);
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
        if (i > 0)
            assert_true(list->items[order[i - 1]].priority <= list->items[order[i]].priority);
    }
}

static void priorities(void **state) {
    (void)state;
    seal__shared *shared = shared_new();
    seal__endpoints *list = list_of(shared, "a:1 b:2 c:3 d:4");
    uint16_t order[4];
    uint64_t seed = 1;
    const uint16_t given[] = {65535, 0, 7, 1};
    for (size_t i = 0; i < 4; i++) {
        list->items[i].priority = given[i];
        list->items[i].weight = (uint16_t)(i * 100);
    }
    for (int i = 0; i < 100; i++) {
        seal__endpoints_order(list, seeded, &seed, order);
        assert_int_equal(order[0], 1);
        assert_int_equal(order[1], 3);
        assert_int_equal(order[2], 2);
        assert_int_equal(order[3], 0);
    }
    seal__endpoints_unref(list);
    list = seal__endpoints_new(shared, NULL, 0);
    seal__endpoints_order(list, seeded, &seed, order);
    seal__endpoints_unref(list);
    seal__shared_unref(shared);
}

enum { DRAWS = 20000 };

/* How often each is the first of DRAWS orders. */
static void count_first(const seal__endpoints *list, uint32_t *counts, uint64_t seed) {
    uint16_t order[16];
    memset(counts, 0, list->n * sizeof *counts);
    for (int i = 0; i < DRAWS; i++) {
        seal__endpoints_order(list, seeded, &seed, order);
        assert_is_order(list, order);
        counts[order[0]]++;
    }
}

static void near(uint32_t count, uint32_t expected) {
    assert_in_range(count, expected - DRAWS / 50, expected + DRAWS / 50);
}

static void weights(void **state) {
    (void)state;
    seal__shared *shared = shared_new();
    seal__endpoints *list = list_of(shared, "a:1 b:2 c:3 d:4");
    uint32_t counts[4];
    list->items[0].weight = 70;
    list->items[1].weight = 0;
    list->items[2].weight = 30;
    list->items[3].weight = 1000;
    list->items[3].priority = 1;
    count_first(list, counts, 42);
    near(counts[0], DRAWS * 70 / 101);
    near(counts[2], DRAWS * 30 / 101);
    assert_in_range(counts[1], 1, DRAWS / 50); /* a very small chance, but one */
    assert_int_equal(counts[3], 0);
    /* Nothing but zeros: all alike. */
    for (size_t i = 0; i < 4; i++) {
        list->items[i].weight = 0;
        list->items[i].priority = 0;
    }
    count_first(list, counts, 43);
    for (size_t i = 0; i < 4; i++)
        near(counts[i], DRAWS / 4);
    for (size_t i = 0; i < 4; i++)
        list->items[i].weight = 65535;
    count_first(list, counts, 44);
    for (size_t i = 0; i < 4; i++)
        near(counts[i], DRAWS / 4);
    seal__endpoints_unref(list);
    seal__shared_unref(shared);
}

/* The second one is drawn by weight too. */
static void weights_of_the_rest(void **state) {
    (void)state;
    seal__shared *shared = shared_new();
    seal__endpoints *list = list_of(shared, "a:1 b:2 c:3");
    list->items[0].weight = 60000;
    list->items[1].weight = 3000;
    list->items[2].weight = 1000;
    uint32_t second[3] = {0};
    uint32_t of = 0;
    uint64_t seed = 7;
    uint16_t order[3];
    for (int i = 0; i < DRAWS; i++) {
        seal__endpoints_order(list, seeded, &seed, order);
        if (order[0] == 0) {
            of++;
            second[order[1]]++;
        }
    }
    near(of, DRAWS * 60 / 64);
    near(second[1], of * 3 / 4);
    near(second[2], of / 4);
    seal__endpoints_unref(list);
    seal__shared_unref(shared);
}

static void extremes(void **state) {
    (void)state;
    seal__shared *shared = shared_new();
    enum { N = SEAL__ENDPOINTS_MAX };
    seal__endpoint *items = calloc(N, sizeof *items);
    uint16_t *order = calloc(N, sizeof *order);
    assert_non_null(items);
    assert_non_null(order);
    for (int i = 0; i < N; i++) {
        items[i] = endpoint("h:1", "x/y", (uint16_t)(i % 3), (uint16_t)(i % 5 == 0 ? 0 : 65535));
        items[i].address.port = (uint16_t)(i + 1);
    }
    seal__endpoints *list = seal__endpoints_new(shared, items, N);
    seal__endpoints_order(list, lowest, NULL, order);
    assert_is_order(list, order);
    seal__endpoints_order(list, highest, NULL, order);
    assert_is_order(list, order);
    seal__endpoints_unref(list);
    free(items);
    free(order);
    seal__shared_unref(shared);
}

/* ---- Who must answer ---- */

static void composes(const seal__spn_policy *policy, const char *host, const char *wanted) {
    char principal[SEAL_SPN_MAX];
    seal_error *error = NULL;
    int rc = seal__spn_policy_compose(policy, host, 7001, principal, &error);
    if (rc != 0)
        print_error("%s\n", seal_error_message(error));
    seal_error_free(error);
    assert_int_equal(rc, 0);
    assert_string_equal(principal, wanted);
}

static void does_not_compose(const seal__spn_policy *policy, const char *host, const char *part) {
    char principal[SEAL_SPN_MAX];
    seal_error *error = NULL;
    assert_int_equal(seal__spn_policy_compose(policy, host, 1, principal, &error),
                     SEAL_ERROR_INVALID);
    assert_non_null(strstr(seal_error_message(error), part));
    seal_error_free(error);
}

static void policies(void **state) {
    (void)state;
    composes(&(seal__spn_policy){.spn_class = "g"}, "Host.Example", "g/host.example");
    composes(&(seal__spn_policy){.spn_class = "g", .spn_port = true}, "h", "g/h:7001");
    composes(&(seal__spn_policy){.spn_class = "g", .spn_name = "n"}, "h", "g/h/n");
    composes(&(seal__spn_policy){.spn_class = "g", .spn_name = "n", .spn_port = true}, "h",
             "g/h:7001/n");
    const seal__spn_policy fixed = {
        .server_principal = "X/Y@R", .spn_class = "g", .spn_name = "n", .spn_port = true};
    composes(&fixed, "h", "X/Y@R");
    composes(&fixed, NULL, "X/Y@R");
    composes(&fixed, "127.0.0.1", "X/Y@R");
    const seal__spn_policy composed = {.spn_class = "g"};
    does_not_compose(&composed, NULL, "server_principal");
    does_not_compose(&composed, "", "server_principal");
    does_not_compose(&composed, "127.0.0.1", "server_principal");
    does_not_compose(&composed, "::1", "server_principal");
    does_not_compose(&composed, "[::1]", "server_principal");
    does_not_compose(&composed, "a b", "a b");
    does_not_compose(&(seal__spn_policy){.spn_class = NULL}, "h", "spn_class");
    does_not_compose(&(seal__spn_policy){.spn_class = ""}, "h", "spn_class");
    does_not_compose(&(seal__spn_policy){.spn_class = "a/b"}, "h", "class");
    does_not_compose(&(seal__spn_policy){.spn_class = "g", .spn_name = "a b"}, "h", "third part");
    does_not_compose(&(seal__spn_policy){.server_principal = "alice@R"}, "h", "alice@R");
    char text[1100] = "a/";
    memset(text + 2, 'b', sizeof text - 3);
    does_not_compose(&(seal__spn_policy){.server_principal = text}, "h", "class/host");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_each_place),
        cmocka_unit_test(too_many_are_cut),
        cmocka_unit_test(equal_lists),
        cmocka_unit_test(differences),
        cmocka_unit_test(texts),
        cmocka_unit_test(priorities),
        cmocka_unit_test(weights),
        cmocka_unit_test(weights_of_the_rest),
        cmocka_unit_test(extremes),
        cmocka_unit_test(policies),
    };
    return cmocka_run_group_tests_name("naming.endpoints", tests, NULL, NULL);
}
