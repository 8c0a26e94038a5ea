/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, names, the log hook, options. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include <sealrpc/runtime.h>

#include "base/error.h"
#include "base/log.h"
#include "base/options.h"
#include <sealrpc/result.h>

static void error_has_code_and_message(void **state) {
    (void)state;
    assert_int_equal(seal__error(NULL, SEAL_ERROR_INVALID, "x"), SEAL_ERROR_INVALID);
    seal_error *error = NULL;
    assert_int_equal(seal__error(&error, SEAL_ERROR_KEYTAB, "file %s, kvno %d", "/k", 3),
                     SEAL_ERROR_KEYTAB);
    assert_int_equal(seal_error_get_code(error), SEAL_ERROR_KEYTAB);
    assert_string_equal(seal_error_message(error), "file /k, kvno 3");
    seal__error_prefix(&error, "starting %s", "demo");
    assert_string_equal(seal_error_message(error), "starting demo: file /k, kvno 3");
    assert_int_equal(seal_error_get_code(error), SEAL_ERROR_KEYTAB);
    seal_error *copy = seal__error_copy(error);
    assert_string_equal(seal_error_message(copy), seal_error_message(error));
    seal_error_free(error);
    seal_error_free(copy);
}

static void error_is_one_line(void **state) {
    (void)state;
    seal_error *error = NULL;
    seal__error(&error, SEAL_ERROR_PROTOCOL, "%s", "a\nb\rc\x1b[0m\x7f");
    assert_string_equal(seal_error_message(error), "a b c [0m ");
    seal_error_free(error);
    static char longer[10000];
    memset(longer, 'x', sizeof longer - 1);
    error = NULL;
    seal__error(&error, SEAL_ERROR_PROTOCOL, "%s", longer);
    assert_in_range(strlen(seal_error_message(error)), 4096, 4608);
    seal__error_prefix(&error, "%s", longer);
    assert_in_range(strlen(seal_error_message(error)), 8192, 9216);
    seal_error_free(error);
}

static void no_memory_needs_none(void **state) {
    (void)state;
    seal_error *error = NULL;
    assert_int_equal(seal__error_no_memory(&error), SEAL_ERROR_NO_MEMORY);
    assert_int_equal(seal__error_no_memory(NULL), SEAL_ERROR_NO_MEMORY);
    assert_int_equal(seal_error_get_code(error), SEAL_ERROR_NO_MEMORY);
    assert_string_equal(seal_error_message(error), "out of memory");
    seal_error *before = error;
    seal__error_prefix(&error, "context");
    assert_ptr_equal(error, before);
    seal_error_free(error);
    seal_error_free(error);
    assert_int_equal(seal_error_get_code(NULL), SEAL_OK);
    assert_string_equal(seal_error_message(NULL), "no error");
    assert_null(seal__error_copy(NULL));
    seal__error_prefix(NULL, "x");
    seal_error *none = NULL;
    seal__error_prefix(&none, "x");
    assert_null(none);
    seal_error_free(NULL);
}

static void every_value_has_a_name(void **state) {
    (void)state;
#define SEAL_X(name, number, text)                                                                 \
    assert_string_equal(seal_error_code_name(number), "SEAL_ERROR_" #name);                        \
    assert_string_equal(seal_error_code_text(number), text);                                       \
    assert_true((number) < 0);
    SEAL_ERROR_MAP(SEAL_X)
#undef SEAL_X
#define SEAL_X(name, number) assert_string_equal(seal_status_name((seal_status)(number)), #name);
    SEAL_STATUS_MAP(SEAL_X)
#undef SEAL_X
    assert_string_equal(seal_error_code_name(0), "SEAL_OK");
    assert_string_equal(seal_error_code_name(-1), "?");
    assert_string_equal(seal_error_code_text(7), "?");
    assert_string_equal(seal_status_name((seal_status)17), "?");
    assert_string_equal(seal_execution_name(SEAL_NOT_EXECUTED), "not executed");
    assert_string_equal(seal_execution_name(SEAL_EXECUTED), "executed");
    assert_string_equal(seal_execution_name(SEAL_EXECUTION_UNKNOWN), "unknown");
    assert_string_equal(seal_execution_name((seal_execution)3), "?");
    assert_string_equal(seal_level_name(SEAL_LEVEL_PRIVACY), "privacy");
    assert_string_equal(seal_level_name(SEAL_LEVEL_INTEGRITY), "integrity");
    assert_string_equal(seal_level_name((seal_level)0), "?");
    assert_string_equal(seal_suite_name(SEAL_SUITE_GSS), "gss");
    assert_string_equal(seal_suite_name((seal_suite)0), "?");
    assert_string_equal(seal_mechanism_name(SEAL_MECHANISM_KRB5), "krb5");
    assert_string_equal(seal_mechanism_name((seal_mechanism)9), "?");
    assert_string_equal(seal_version(), SEALRPC_VERSION_STRING);
}

static char logged[5000];
static unsigned n_logged;

static void take_line(void *user, seal_log_level level, const char *line) {
    assert_ptr_equal(user, logged);
    assert_int_equal(level, SEAL_LOG_WARNING);
    assert_in_range(strlen(line), 0, sizeof logged - 1);
    strcpy(logged, line);
    n_logged++;
}

static void log_lines(void **state) {
    (void)state;
    seal__log log = {.fn = take_line, .user = logged};
    seal__log_line(&log, SEAL_LOG_WARNING, "peer said %s", "\"a\nb\"");
    assert_string_equal(logged, "peer said \"a b\"");
    static char longer[10000];
    memset(longer, 'x', sizeof longer - 1);
    seal__log_line(&log, SEAL_LOG_WARNING, "%s", longer);
    assert_int_equal(n_logged, 2);
    seal__log_line(NULL, SEAL_LOG_WARNING, "nobody listens");
    log.fn = NULL;
    seal__log_line(&log, SEAL_LOG_WARNING, "nobody listens");
    assert_int_equal(n_logged, 2);
}

static void log_is_limited(void **state) {
    (void)state;
    seal__log_limit limit = {0};
    const uint64_t second = 1000000000;
    unsigned lines = 0;
    for (uint64_t now = 5 * second; now < 8 * second; now += second / 1000)
        lines += seal__log_allowed(&limit, now);
    assert_int_equal(lines, 30);
}

typedef struct old_options {
    size_t struct_size;
    uint32_t a;
    uint32_t b;
} old_options;

typedef struct new_options {
    size_t struct_size;
    uint32_t a;
    uint32_t b;
    uint64_t c;
} new_options;

static void options_of_other_versions(void **state) {
    (void)state;
    old_options given = {.struct_size = sizeof given, .a = 1, .b = 2};
    new_options taken = {.struct_size = sizeof taken, .c = 77};
    assert_int_equal(seal__options_copy(&taken, sizeof taken, &given, "o", NULL), 0);
    assert_true(taken.a == 1 && taken.b == 2 && taken.c == 77 && taken.struct_size == sizeof taken);
    assert_int_equal(seal__options_copy(&taken, sizeof taken, NULL, "o", NULL), 0);
    assert_int_equal(taken.a, 1);
    new_options newer = {.struct_size = sizeof newer, .a = 3};
    old_options older = {.struct_size = sizeof older};
    assert_int_equal(seal__options_copy(&older, sizeof older, &newer, "o", NULL), 0);
    assert_int_equal(older.a, 3);
    newer.c = 1;
    seal_error *error = NULL;
    assert_int_equal(seal__options_copy(&older, sizeof older, &newer, "opts", &error),
                     SEAL_ERROR_INVALID);
    assert_non_null(strstr(seal_error_message(error), "opts"));
    seal_error_free(error);
    newer.struct_size = 0;
    error = NULL;
    assert_int_equal(seal__options_copy(&older, sizeof older, &newer, "opts", &error),
                     SEAL_ERROR_INVALID);
    assert_non_null(strstr(seal_error_message(error), "opts_init"));
    seal_error_free(error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_has_code_and_message),
        cmocka_unit_test(error_is_one_line),
        cmocka_unit_test(no_memory_needs_none),
        cmocka_unit_test(every_value_has_a_name),
        cmocka_unit_test(log_lines),
        cmocka_unit_test(log_is_limited),
        cmocka_unit_test(options_of_other_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
