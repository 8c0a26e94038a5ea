/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses in the target, and what all resolvers have in common. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "naming/rig.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void one_address(void **state) {
    (void)state;
    rig r;
    rig_init(&r);
    rig_start(&r, "Host.Example:7001", &rig_greeter);
    assert_int_equal(r.told, 0); /* but whoever wants to may know it already */
    assert_non_null(r.resolver->known);
    assert_int_equal(r.resolver->known->n, 1);
    rig_until_told(&r, 1);
    assert_null(r.resolver->known);
    assert_int_equal(r.code, 0);
    assert_string_equal(r.list, "host.example:7001");
    assert_string_equal(r.principals, "greeter/host.example");
    assert_int_equal(r.resolver->updates, 1);
    assert_int_equal(r.resolver->outages, 0);
    assert_int_equal(seal__resolver_away_ms(r.resolver), 0);
    assert_true(rig_logged(&r, "Host.Example:7001: 1 endpoint (added host.example:7001)"));
    seal__resolver_refresh(r.resolver);
    seal__resolver_refresh(r.resolver);
    /* Nothing more to say, and nothing keeps the loop alive. */
    assert_int_equal(uv_run(&r.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(r.told, 1);
    rig_done(&r);
}

static void a_list_in_its_order(void **state) {
    (void)state;
    rig r;
    rig_init(&r);
    rig_start(&r, "seal:///c:3,a:1,b:2,a:1", &rig_greeter);
    rig_until_told(&r, 1);
    assert_string_equal(r.list, "c:3 a:1 b:2");
    assert_string_equal(r.principals, "greeter/c greeter/a greeter/b");
    assert_string_equal(r.ranks, "0/0 1/0 2/0");
    assert_true(rig_logged(&r, ": 3 endpoints (added c:3, a:1, b:2)"));
    rig_done(&r);
}

static void policies(void **state) {
    (void)state;
    rig r;
    rig_init(&r);
    const seal__spn_policy whole = {.server_principal = "x/y@R"};
    rig_start(&r, "seal:///unix:@s,[::1]:5,a:1", &whole);
    rig_until_told(&r, 1);
    assert_string_equal(r.list, "unix:@s [::1]:5 a:1");
    assert_string_equal(r.principals, "x/y@R x/y@R x/y@R");
    rig_close(&r);
    const seal__spn_policy parts = {.spn_class = "g", .spn_name = "n", .spn_port = true};
    rig_start(&r, "seal:///a:1,b:2", &parts);
    rig_until_told(&r, 2);
    assert_string_equal(r.principals, "g/a:1/n g/b:2/n");
    rig_done(&r);
}

static void cannot_start(const char *target, const seal__spn_policy *policy, const char *part) {
    rig r;
    seal_error *error = NULL;
    rig_init(&r);
    assert_int_equal(rig_try(&r, target, policy, &error), SEAL_ERROR_INVALID);
    if (strstr(seal_error_message(error), part) == NULL)
        print_error("%s\n", seal_error_message(error));
    assert_non_null(strstr(seal_error_message(error), part));
    seal_error_free(error);
    assert_int_equal(rig_try(&r, target, policy, NULL), SEAL_ERROR_INVALID);
    rig_done(&r);
}

static void without_principal(void **state) {
    (void)state;
    cannot_start("127.0.0.1:5", &rig_greeter, "127.0.0.1:5");
    cannot_start("127.0.0.1:5", &rig_greeter, "server_principal");
    cannot_start("seal:///a:1,[::1]:2", &rig_greeter, "[::1]:2");
    cannot_start("unix:@s", &rig_greeter, "unix:@s");
    cannot_start("a:1", &(seal__spn_policy){.spn_class = NULL}, "spn_class");
    cannot_start("dns:///a", &(seal__spn_policy){.spn_class = NULL}, "spn_class");
}

/* ---- Closing ---- */

static void closed_before_it_is_told(void **state) {
    (void)state;
    rig r;
    rig_init(&r);
    rig_start(&r, "a:1", &rig_greeter);
    rig_close(&r);
    rig_done(&r);
    assert_int_equal(r.told, 0);
}

static void closed_from_the_callback(void **state) {
    (void)state;
    rig r;
    rig_init(&r);
    r.close_when_told = true;
    rig_start(&r, "seal:///a:1,b:2", &rig_greeter);
    rig_until_told(&r, 1);
    rig_done(&r);
    assert_int_equal(r.told, 1);
}

static void runtime_freed_first(void **state) {
    (void)state;
    rig r;
    rig_init(&r);
    rig_start(&r, "a:1", &rig_greeter);
    seal_runtime_free(r.runtime);
    rig_until_told(&r, 1);
    rig_close(&r);
    rig_end(&r);
}

static void without_memory(void **state) {
    (void)state;
    rig r;
    int rc = SEAL_ERROR_NO_MEMORY;
    rig_init(&r);
    for (size_t n = 1; rc != 0; n++) {
        seal_error *error = NULL;
        assert_true(n < 10);
        failing_alloc_fail_at(&r.alloc, n, true);
        rc = rig_try(&r, "seal:///a:1,b:2", &rig_greeter, &error);
        assert_int_equal(rc, rc == 0 ? 0 : SEAL_ERROR_NO_MEMORY);
        seal_error_free(error);
    }
    failing_alloc_fail_at(&r.alloc, 0, true);
    rig_until_told(&r, 1);
    rig_done(&r);
}

/* ---- What is told and logged: a resolver that says what the test wants ---- */

static void no_refresh(seal__resolver *resolver) {
    (*(unsigned *)resolver->user)++;
}

static void no_close(seal__resolver *resolver) {
    seal__resolver_done(resolver);
}

static const seal__resolver_ops script_ops = {.refresh = no_refresh, .close = no_close};

typedef struct script {
    unsigned refreshed; /* first: see no_refresh */
    unsigned told;
    size_t n;
    bool has_list;
    int code;
} script;

static void note_script(void *user, const seal__endpoints *list, const seal_error *error) {
    script *s = user;
    s->told++;
    s->has_list = list != NULL;
    s->n = list != NULL ? list->n : 0;
    s->code = seal_error_get_code(error);
}

static seal__endpoints *list_of(rig *r, const char *const *where, size_t n) {
    seal__endpoint items[32];
    memset(items, 0, sizeof items);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(seal__address_parse(where[i], &items[i].address, NULL), 0);
    return seal__endpoints_new(r->runtime->shared, items, n);
}

static void away(seal__resolver *resolver, const char *why) {
    seal_error *error = NULL;
    seal__error(&error, SEAL_ERROR_DNS, "%s", why);
    seal__resolver_source_away(resolver, error);
    seal_error_free(error);
}

static void last_line(const rig *r, const char *wanted) {
    assert_true(r->n_lines > 0);
    assert_string_equal(r->lines[r->n_lines - 1], wanted);
}

static void tells_what_is_new(void **state) {
    (void)state;
    static const char *const ab[] = {"a:1", "b:2"};
    static const char *const ba[] = {"b:2", "a:1"};
    static const char *const bc[] = {"b:2", "c:3", "d:4"};
    rig r;
    script s = {.told = 0};
    seal__resolver resolver;
    rig_init(&r);
    seal__resolver_init(&resolver, &script_ops, r.runtime, note_script, &s);
    resolver.target = seal__strdup(&r.alloc.allocator, "T");
    away(&resolver, "one");
    assert_int_equal(s.told, 1);
    assert_false(s.has_list);
    assert_int_equal(s.code, SEAL_ERROR_DNS);
    last_line(&r, "T: the source cannot be asked: one; there has been no list yet");
    assert_true(seal__resolver_away_ms(&resolver) > 0);
    away(&resolver, "one");
    assert_int_equal(s.told, 1);
    away(&resolver, "two");
    assert_int_equal(s.told, 2);
    assert_int_equal(r.n_lines, 1);
    seal__resolver_publish(&resolver, list_of(&r, ab, 2), NULL);
    assert_int_equal(s.told, 3);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.code, 0);
    assert_string_equal(r.lines[1], "T: the source is back");
    last_line(&r, "T: 2 endpoints (added a:1, b:2)");
    seal__resolver_publish(&resolver, list_of(&r, ba, 2), NULL);
    assert_int_equal(s.told, 3);
    assert_int_equal(r.n_lines, 3);
    away(&resolver, "three");
    assert_int_equal(s.told, 4);
    assert_int_equal(s.n, 2);
    last_line(&r,
              "T: the source cannot be asked: three; the last list of 2 endpoints stays in use");
    seal__resolver_publish(&resolver, list_of(&r, ab, 2), NULL);
    assert_int_equal(s.told, 5);
    assert_int_equal(s.code, 0);
    last_line(&r, "T: the source is back");
    seal__resolver_publish(&resolver, list_of(&r, bc, 3), NULL);
    last_line(&r, "T: 3 endpoints (added c:3, d:4; removed a:1)");
    seal_error *nothing = NULL;
    seal__error(&nothing, SEAL_ERROR_NOT_FOUND, "nothing there");
    seal__resolver_publish(&resolver, list_of(&r, NULL, 0), nothing);
    last_line(&r, "T: 0 endpoints (removed b:2, c:3, d:4): nothing there");
    assert_int_equal(s.told, 7);
    assert_true(s.has_list);
    assert_int_equal(s.code, SEAL_ERROR_NOT_FOUND);
    seal__resolver_publish(&resolver, list_of(&r, NULL, 0), nothing);
    assert_int_equal(s.told, 7);
    seal_error_free(nothing);
    assert_int_equal(resolver.updates, 3);
    assert_int_equal(resolver.outages, 2);
    assert_int_equal(seal__resolver_away_ms(&resolver), 0);
    seal__resolver_close(&resolver);
    /* Closed: nothing is told or kept. */
    seal__resolver_publish(&resolver, list_of(&r, ab, 2), NULL);
    away(&resolver, "four");
    assert_int_equal(s.told, 7);
    rig_done(&r);
}

/* A new weight is news; a long list does not make a long line. */
static void changes_and_long_lists(void **state) {
    (void)state;
    static const char *const many[] = {"h:1", "h:2", "h:3", "h:4",  "h:5",  "h:6",
                                       "h:7", "h:8", "h:9", "h:10", "h:11", "h:12"};
    rig r;
    script s = {.told = 0};
    seal__resolver resolver;
    rig_init(&r);
    seal__resolver_init(&resolver, &script_ops, r.runtime, note_script, &s);
    seal__resolver_publish(&resolver, list_of(&r, many, COUNT(many)), NULL);
    last_line(&r, "target: 12 endpoints (added h:1, h:2, h:3, h:4, h:5, h:6, h:7, h:8 and 4 more)");
    seal__endpoints *list = list_of(&r, many, COUNT(many));
    list->items[3].weight = 5;
    seal__resolver_publish(&resolver, list, NULL);
    last_line(&r, "target: 12 endpoints (changed h:4)");
    assert_int_equal(s.told, 2);
    char longest[8][260];
    const char *texts[8];
    for (size_t i = 0; i < 8; i++) {
        memset(longest[i], 'a' + (char)i, 250);
        snprintf(longest[i] + 250, 10, ":1");
        texts[i] = longest[i];
    }
    seal__resolver_publish(&resolver, list_of(&r, texts, 8), NULL);
    assert_true(strlen(r.lines[r.n_lines - 1]) < 1200);
    seal__resolver_close(&resolver);
    rig_done(&r);
}

static void refresh_is_rare(void **state) {
    (void)state;
    rig r;
    script s = {.told = 0};
    seal__resolver resolver;
    rig_init(&r);
    seal__resolver_init(&resolver, &script_ops, r.runtime, note_script, &s);
    seal__resolver_refresh(&resolver);
    assert_int_equal(s.refreshed, 1);
    /* As if it had been a second ago. */
    resolver.last_refresh_ns = uv_hrtime() - 1000000000u;
    seal__resolver_refresh(&resolver);
    assert_int_equal(s.refreshed, 2);
    /* However slow the machine is: of many in a row, some are within the same second. */
    unsigned before = s.refreshed;
    for (int i = 0; i < 1000; i++)
        seal__resolver_refresh(&resolver);
    assert_true(s.refreshed - before < 1000);
    seal__resolver_close(&resolver);
    rig_done(&r);
}

static void backoff(void **state) {
    (void)state;
    bool differs = false;
    for (int i = 0; i < 200; i++) {
        for (uint32_t failures = 0; failures < 12; failures++) {
            uint32_t base = failures < 2 ? 1000 : 1000u << (failures - 1);
            base = base > 60000 ? 60000 : base;
            assert_in_range(seal__backoff_ms(failures), base * 4 / 5, base * 6 / 5);
        }
        assert_in_range(seal__backoff_ms(UINT32_MAX), 48000, 72000);
        differs = differs || seal__backoff_ms(9) != seal__backoff_ms(9);
    }
    assert_true(differs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_address),
        cmocka_unit_test(a_list_in_its_order),
        cmocka_unit_test(policies),
        cmocka_unit_test(without_principal),
        cmocka_unit_test(closed_before_it_is_told),
        cmocka_unit_test(closed_from_the_callback),
        cmocka_unit_test(runtime_freed_first),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(tells_what_is_new),
        cmocka_unit_test(changes_and_long_lists),
        cmocka_unit_test(refresh_is_rare),
        cmocka_unit_test(backoff),
    };
    return cmocka_run_group_tests_name("naming.static", tests, NULL, NULL);
}
