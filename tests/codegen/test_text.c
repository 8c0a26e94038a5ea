/* SPDX-License-Identifier: Apache-2.0 */
/* Printer, comments, maps, the wire, settings, and lists of problems. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "comments.h"
#include "problems.h"
#include "settings.h"
#include "strmap.h"

static void assert_text(printer *p, const char *expected) {
    printer_char(p, '\0');
    assert_string_equal(p->data, expected);
    printer_done(p);
}

static void assert_comment(const char *text, const char *expected) {
    printer p = {0};
    comments_print(&p, text);
    assert_text(&p, expected);
}

static void printer_indents_lines(void **state) {
    (void)state;
    printer p = {0};
    printer_line(&p, "a {");
    printer_indent(&p);
    printer_line(&p, "%s;", "b");
    printer_line(&p, "%s", "");
    printer_outdent(&p);
    printer_outdent(&p);
    printer_line(&p, "}");
    assert_text(&p, "a {\n    b;\n    \n}\n");
}

static void printer_stops_at_its_limit(void **state) {
    (void)state;
    printer p = {.limit = 10};
    printer_text(&p, "123456789");
    assert_false(p.overflow);
    printer_text(&p, "ab");
    assert_true(p.overflow);
    printer_char(&p, 'c');
    assert_int_equal(p.len, 9);
    printer_done(&p);
}

static void strings_are_escaped(void **state) {
    (void)state;
    printer p = {0};
    printer_c_escaped(&p, "a\"b\\c?\?/\n\x7f\xc3");
    assert_text(&p, "a\\\"b\\\\c\\?\\?/\\012\\177\\303");
}

static void comments_keep_their_text(void **state) {
    (void)state;
    assert_comment(" One.\n\n Two: alice@EXAMPLE.COM  \n",
                   " * One.\n *\n * Two: alice@EXAMPLE.COM\n");
    assert_comment("\n\n caf\xc3\xa9\n\n", " * caf\xc3\xa9\n");
    assert_comment("", "");
    assert_comment(NULL, "");
}

static void comments_cannot_end_early(void **state) {
    (void)state;
    assert_comment(" a */ b /* c\n/ d\n*/", " * a * / b / * c\n *  / d\n * * /\n");
}

static void comments_cannot_splice_or_form_trigraphs(void **state) {
    (void)state;
    assert_comment(" a \\\n b ?\?/\n", " * a &#92;\n * b ? ?/\n");
    assert_comment(" a\\n", " * a\\\\n\n");
}

static void comments_cannot_start_commands(void **state) {
    (void)state;
    assert_comment(" @param x\n (@see y)\n \\brief z",
                   " * @@param x\n * (@@see y)\n * \\\\brief z\n");
}

static void comments_hide_nothing(void **state) {
    (void)state;
    assert_comment(" a\xe2\x80\xae"
                   "b\xd8\x9c\xff\x01\xc0\x80\xed\xa0\x80",
                   " * a?b????????\n");
}

static void map_finds_what_was_added(void **state) {
    (void)state;
    static char keys[1000][8];
    strmap map = {0};
    assert_null(strmap_get(&map, "x"));
    for (size_t i = 0; i < 1000; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        assert_null(strmap_add(&map, keys[i], keys[i]));
    }
    for (size_t i = 0; i < 1000; i++)
        assert_ptr_equal(strmap_get(&map, keys[i]), keys[i]);
    assert_ptr_equal(strmap_add(&map, "k7", "other"), keys[7]);
    assert_null(strmap_get(&map, "k1000"));
    strmap_done(&map);
}

static void wire_copies_every_kind_of_field(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0x08, 0x96, 0x01, 0x11, 1,   2,    3, 4, 5, 6, 7,
                                    8,    0x1a, 0x02, 'h',  'i', 0x25, 1, 2, 3, 4};
    wire_reader reader = wire_read((wire_view){bytes, sizeof bytes});
    wire_field part;
    printer copy = {0};
    unsigned count = 0;
    while (wire_next(&reader, &part)) {
        wire_put_field(&copy, &part);
        assert_int_equal(part.number, ++count);
    }
    assert_false(reader.malformed);
    assert_int_equal(copy.len, sizeof bytes);
    assert_memory_equal(copy.data, bytes, sizeof bytes);
    printer_done(&copy);
}

static void wire_refuses_what_is_malformed(void **state) {
    (void)state;
    static const struct {
        uint8_t bytes[12];
        size_t len;
    } bad[] = {
        {{0x08}, 1},                                                           /* no value */
        {{0x1a, 0x05, 'x'}, 3},                                                /* too short */
        {{0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, 11}, /* length wraps */
        {{0x0b}, 1},                                                           /* group */
        {{0x00, 0x00}, 2},                                                     /* field 0 */
        {{0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, 12},
        {{0x0d, 1, 2}, 3},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        wire_reader reader = wire_read((wire_view){bad[i].bytes, bad[i].len});
        wire_field part;
        while (wire_next(&reader, &part))
            continue;
        assert_true(reader.malformed);
    }
}

static void settings_are_read(void **state) {
    (void)state;
    pool p = {0};
    settings s;
    assert_null(settings_parse(&s, "", &p));
    assert_true(s.client && s.server);
    assert_string_equal(s.protoc_gen_c, "protoc-gen-c");
    assert_null(settings_parse(&s, "side=client,prefix=my_,protoc_gen_c=/opt/x", &p));
    assert_true(s.client && !s.server);
    assert_string_equal(s.prefix, "my_");
    assert_string_equal(s.protoc_gen_c, "/opt/x");
    pool_done(&p);
}

static void settings_that_are_wrong_are_named(void **state) {
    (void)state;
    static const char *const bad[] = {
        "side=left", "side",          "prefix=9",      "prefix=_a", "prefix=a__b",
        "prefix=",   "prefix=seal_x", "protoc_gen_c=", "color=red", "side=client,oops"};
    pool p = {0};
    settings s;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(settings_parse(&s, bad[i], &p));
    assert_string_equal(settings_parse(&s, "color=red", &p),
                        "option 'color' is unknown; there are side, prefix and protoc_gen_c");
    pool_done(&p);
}

static void problems_are_lines(void **state) {
    (void)state;
    problems list = {0};
    problems_add(&list, "a.proto", "S.M", "is %d; do that", 3);
    problems_add(&list, "b.proto", NULL, "bad");
    assert_int_equal(list.count, 2);
    printer_char(&list.text, '\0');
    assert_string_equal(list.text.data, "a.proto: S.M: is 3; do that\nb.proto: bad");
    problems_done(&list);
}

static void problems_are_not_endless(void **state) {
    (void)state;
    problems list = {0};
    for (unsigned i = 0; i < 1000; i++)
        problems_add(&list, "f", NULL, "x");
    printer_char(&list.text, '\0');
    assert_int_equal(strlen(list.text.data), 20 * strlen("f: x\n") + strlen("and more problems"));
    problems_done(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printer_indents_lines),
        cmocka_unit_test(printer_stops_at_its_limit),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(comments_keep_their_text),
        cmocka_unit_test(comments_cannot_end_early),
        cmocka_unit_test(comments_cannot_splice_or_form_trigraphs),
        cmocka_unit_test(comments_cannot_start_commands),
        cmocka_unit_test(comments_hide_nothing),
        cmocka_unit_test(map_finds_what_was_added),
        cmocka_unit_test(wire_copies_every_kind_of_field),
        cmocka_unit_test(wire_refuses_what_is_malformed),
        cmocka_unit_test(settings_are_read),
        cmocka_unit_test(settings_that_are_wrong_are_named),
        cmocka_unit_test(problems_are_lines),
        cmocka_unit_test(problems_are_not_endless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
