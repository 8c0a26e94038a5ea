/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <string.h>

#include "keywords.h"
#include "names.h"

static pool scratch;

static int clean(void **state) {
    (void)state;
    pool_done(&scratch);
    return 0;
}

static void snake_names_have_single_underscores(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"demo.v1.Greeter", "demo_v1_greeter"},
        {"Greeter", "greeter"},
        {"SayHello", "say_hello"},
        {"GetHTTPUrl2", "get_http_url2"},
        {"ListVMs", "list_vms"},
        {"GetIDsByName", "get_ids_by_name"},
        {"HTTP", "http"},
        {"a1B2", "a1_b2"},
        {"v1beta1", "v1beta1"},
        {"_Hidden__Name_", "hidden_name"},
        {"UPPER_SNAKE", "upper_snake"},
        {"a.b_c.D", "a_b_c_d"},
        {"x", "x"},
        {"IsA", "is_a"},
        {"__", ""},
        {"_9Lives", "9_lives"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        assert_string_equal(name_snake(&scratch, pairs[i][0]), pairs[i][1]);
}

static void slots_avoid_words_and_the_size_member(void **state) {
    (void)state;
    assert_string_equal(name_slot(&scratch, "say_hello"), "say_hello");
    assert_string_equal(name_slot(&scratch, "delete"), "delete_");
    assert_string_equal(name_slot(&scratch, "errno"), "errno_");
    assert_string_equal(name_slot(&scratch, "size"), "size_");
    assert_string_equal(name_slot(&scratch, "assert"), "assert");
    assert_string_equal(name_slot(&scratch, "9_lives"), "_9_lives");
}

static void guards_differ_when_paths_do(void **state) {
    (void)state;
    assert_string_equal(name_guard(&scratch, "demo/v1/greeter.proto"),
                        "SEAL_GEN_DEMO_V1_GREETER_H");
    static const char *const paths[] = {"a/b.proto", "a_b.proto", "a-b.proto", "A/b.proto",
                                        "ab.proto"};
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(name_guard(&scratch, paths[i]), name_guard(&scratch, paths[k]));
}

static void types_follow_protobuf_c(void **state) {
    (void)state;
    assert_string_equal(name_pbc_type(&scratch, "demo.v1.foo_bar", "demo.v1", NULL),
                        "Demo__V1__FooBar");
    assert_string_equal(name_pbc_lower(&scratch, "demo.v1.GetHTTPUrl2", "demo.v1", NULL),
                        "demo__v1__get_httpurl2");
    assert_string_equal(name_pbc_upper(&scratch, "demo.v1.a1B2", "demo.v1", NULL),
                        "DEMO__V1__A1_B2");
    assert_string_equal(name_pbc_type(&scratch, "Top", "", NULL), "Top");
}

static void c_package_replaces_the_package(void **state) {
    (void)state;
    assert_string_equal(name_pbc_type(&scratch, "demo.v1.M", "demo.v1", "other"), "Other__M");
    assert_string_equal(name_pbc_type(&scratch, "M", "", "other.one"), "Other__One__M");
}

static void fields_follow_protobuf_c(void **state) {
    (void)state;
    assert_string_equal(name_pbc_field(&scratch, "UserName"), "username");
    assert_string_equal(name_pbc_field(&scratch, "Default"), "default_");
    assert_string_equal(name_pbc_field(&scratch, "constexpr"), "constexpr");
}

static void keywords_and_macros_are_known(void **state) {
    (void)state;
    assert_true(keyword_bad_member("class"));
    assert_true(keyword_bad_member("thread_local"));
    assert_true(keyword_bad_member("linux"));
    assert_false(keyword_bad_member("interface"));
    assert_false(keyword_known_to_protobuf_c("restrict"));
    assert_true(keyword_bad_type("NULL"));
    assert_false(keyword_bad_type("Null"));
}

static void paths_must_stay_below_the_output(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",           "/x.proto",   "../x.proto", "a/../x.proto", "a//x.proto",  "a/", "./x.proto",
        "a\nb.proto", "a\"b.proto", "a\\b.proto", "a*/.proto",    "a?\?/.proto", "..", "a/.."};
    static const char *const good[] = {"x.proto", "a/b-c.d/x.proto", "...proto", "a b.proto"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(name_is_safe_path(bad[i]));
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(name_is_safe_path(good[i]));
}

static void identifiers_are_checked(void **state) {
    (void)state;
    assert_true(name_is_identifier("_a9"));
    assert_false(name_is_identifier(""));
    assert_false(name_is_identifier("9a"));
    assert_false(name_is_identifier("a.b"));
    assert_false(name_is_identifier("a\xc3\xa9"));
    assert_true(name_is_full("a.b_c.D9"));
    assert_false(name_is_full("a..b"));
    assert_false(name_is_full(".a"));
    assert_false(name_is_full("a."));
    assert_false(name_is_full("a.9b"));
}

static void long_names_work(void **state) {
    (void)state;
    char name[4097];
    memset(name, 'A', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (size_t i = 1; i < sizeof name - 1; i += 2)
        name[i] = 'b';
    assert_int_equal(strlen(name_snake(&scratch, name)), 4096 + 2047);
    assert_int_equal(strlen(name_pbc_lower(&scratch, name, "", NULL)), 4096 + 2047);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(snake_names_have_single_underscores, clean),
        cmocka_unit_test_teardown(slots_avoid_words_and_the_size_member, clean),
        cmocka_unit_test_teardown(guards_differ_when_paths_do, clean),
        cmocka_unit_test_teardown(types_follow_protobuf_c, clean),
        cmocka_unit_test_teardown(c_package_replaces_the_package, clean),
        cmocka_unit_test_teardown(fields_follow_protobuf_c, clean),
        cmocka_unit_test_teardown(keywords_and_macros_are_known, clean),
        cmocka_unit_test_teardown(paths_must_stay_below_the_output, clean),
        cmocka_unit_test_teardown(identifiers_are_checked, clean),
        cmocka_unit_test_teardown(long_names_work, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
