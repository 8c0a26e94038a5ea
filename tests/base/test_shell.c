/* SPDX-License-Identifier: Apache-2.0 */
/* Names in commands: what a shell makes of the word is the name again, and nothing else happens. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/shell.h"

enum { WORD = 64 };

/* The word, as the shell reads it. */
static void reads_back(const char *text) {
    char word[WORD];
    char command[WORD + 32];
    char got[WORD] = "";
    assert_ptr_equal(seal__shell_word(text, "INSTEAD", word, sizeof word), word);
    snprintf(command, sizeof command, "printf '[%%s]' %s", word);
    FILE *shell = popen(command, "r");
    assert_non_null(shell);
    size_t len = fread(got, 1, sizeof got - 1, shell);
    assert_int_equal(pclose(shell), 0);
    got[len] = '\0';
    assert_int_equal(got[0], '[');
    assert_int_equal(got[len - 1], ']');
    got[len - 1] = '\0';
    assert_string_equal(got + 1, text);
}

static void a_word_is_the_name(void **state) {
    (void)state;
    static const char *const names[] = {
        "greeter/node1.sealrpc.test:7001@REALM",
        "NODE1$@REALM",
        "cn=node 1,ou=Accounts",
        "cn=x'; touch /tmp/never; echo ',dc=test",
        "'",
        "''''",
        "$(id)`id`",
        "\"\\|&;<>(){}*?[]~#!",
        "-rf",
        "\xc3\xbc",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        reads_back(names[i]);
}

static void plain_words_stay_as_they_are(void **state) {
    (void)state;
    char word[WORD];
    assert_string_equal(seal__shell_word("FILE:/etc/a_b-1.keytab", "", word, sizeof word),
                        "FILE:/etc/a_b-1.keytab");
    assert_string_equal(seal__shell_word("cn=a", "", word, sizeof word), "'cn=a'");
}

/* Half a name is another name. */
static void never_a_part(void **state) {
    (void)state;
    static const char *const names[] = {"abcdefgh", "abcd fg", "abc'", "a\nb", "a\x1b", "\x7f", ""};
    char word[8];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_string_equal(seal__shell_word(names[i], "INSTEAD", word, sizeof word), "INSTEAD");
    assert_string_equal(seal__shell_word("abcdefg", "INSTEAD", word, sizeof word), "abcdefg");
    assert_string_equal(seal__shell_word("a b c", "INSTEAD", word, sizeof word), "'a b c'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_the_name),
        cmocka_unit_test(plain_words_stay_as_they_are),
        cmocka_unit_test(never_a_part),
    };
    return cmocka_run_group_tests_name("base.shell", tests, NULL, NULL);
}
