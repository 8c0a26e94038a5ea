/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a channel: defaults, limits, and programs that were built with an older header. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "client/client_internal.h"

#define MS 1000000ull
#define DAY_MS 86400000u

static const seal_allocator *const alloc = &seal__default_allocator;

static int make(const seal_channel_options *options, seal__channel_config *config,
                seal_error **reterr) {
    return seal__channel_config_make("localhost:1", options, "echo", alloc, config, reterr);
}

static seal__channel_config accepted(const seal_channel_options *options) {
    seal__channel_config config;
    seal_error *error = NULL;
    int rc = make(options, &config, &error);
    if (rc != 0)
        print_error("%s\n", seal_error_message(error));
    seal_error_free(error);
    assert_int_equal(rc, 0);
    seal__channel_config_done(&config, alloc);
    return config;
}

static void refused(const seal_channel_options *options, const char *part) {
    seal__channel_config config;
    seal_error *error = NULL;
    assert_int_equal(make(options, &config, &error), SEAL_ERROR_INVALID);
    if (strstr(seal_error_message(error), part) == NULL)
        fail_msg("%s", seal_error_message(error));
    seal_error_free(error);
}

static seal_channel_options fresh(void) {
    seal_channel_options options;
    seal_channel_options_init(&options);
    return options;
}

static void assert_defaults(const seal__channel_config *config) {
    assert_int_equal(config->max_attempts, 3);
    assert_int_equal(config->stream_window, 256 * 1024);
    assert_int_equal(config->keepalive_ns, 20000 * MS);
    assert_int_equal(config->keepalive_timeout_ns, 10000 * MS);
    assert_false(config->keepalive_idle);
    assert_int_equal(config->timeout_us, 30000000);
    assert_int_equal(config->connect_timeout_ns, 20000 * MS);
    assert_int_equal(config->max_response, 4 * 1024 * 1024);
    assert_int_equal(config->max_pending, 10000);
}

static void defaults(void **state) {
    (void)state;
    seal_channel_options options = fresh();
    seal__channel_config config = accepted(&options);
    assert_defaults(&config);
    config = accepted(NULL);
    assert_defaults(&config);
}

static void attempts(void **state) {
    (void)state;
    for (uint32_t n = 1; n <= 5; n++) {
        seal_channel_options options = fresh();
        options.max_attempts = n;
        assert_int_equal(accepted(&options).max_attempts, n);
    }
    seal_channel_options options = fresh();
    options.max_attempts = 6;
    refused(&options, "max_attempts is 6; it is at most 5");
    options.max_attempts = UINT32_MAX;
    refused(&options, "max_attempts");
}

static void window(void **state) {
    (void)state;
    static const uint32_t good[] = {65536, 65537, 1048576, 67108864};
    static const uint32_t bad[] = {1, 65535, 67108865, UINT32_MAX};
    for (size_t i = 0; i < 4; i++) {
        seal_channel_options options = fresh();
        options.stream_window = good[i];
        assert_int_equal(accepted(&options).stream_window, good[i]);
        options.stream_window = bad[i];
        refused(&options, "stream_window is");
    }
}

static void keepalive(void **state) {
    (void)state;
    seal_channel_options options = fresh();
    options.keepalive_ms = 100;
    options.keepalive_timeout_ms = 101;
    options.keepalive_idle = true;
    seal__channel_config config = accepted(&options);
    assert_int_equal(config.keepalive_ns, 100 * MS);
    assert_int_equal(config.keepalive_timeout_ns, 101 * MS);
    assert_true(config.keepalive_idle);
    options.keepalive_ms = DAY_MS;
    options.keepalive_timeout_ms = DAY_MS;
    assert_true(accepted(&options).keepalive_ns == DAY_MS * MS);
    options.keepalive_ms = SEAL_NEVER;
    refused(&options, "keepalive_idle is set");
    options.keepalive_idle = false;
    assert_int_equal(accepted(&options).keepalive_ns, 0);
    options.keepalive_ms = 0;
    options.keepalive_timeout_ms = SEAL_NEVER;
    refused(&options, "keepalive_timeout_ms");
}

static void keepalive_range(void **state) {
    (void)state;
    static const uint32_t bad[] = {1, 99, DAY_MS + 1, SEAL_NEVER - 1};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[128];
        seal_channel_options options = fresh();
        options.keepalive_ms = bad[i];
        snprintf(text, sizeof text, "keepalive_ms is %u; 100 to 86400000 and SEAL_NEVER are",
                 bad[i]);
        refused(&options, text);
        options.keepalive_ms = SEAL_NEVER;
        options.keepalive_timeout_ms = bad[i];
        snprintf(text, sizeof text, "keepalive_timeout_ms is %u; 100 to 86400000 are", bad[i]);
        refused(&options, text);
    }
}

/* The header of a program that knows nothing behind max_pending. */
static void older_program(void **state) {
    (void)state;
    seal_channel_options options = fresh();
    memset(&options.max_attempts, 0xff,
           sizeof options - offsetof(seal_channel_options, max_attempts)); /* not its memory */
    options.struct_size = offsetof(seal_channel_options, max_attempts);
    options.max_pending = 7;
    seal__channel_config config = accepted(&options);
    assert_int_equal(config.max_pending, 7);
    config.max_pending = 10000;
    assert_defaults(&config);
    options.struct_size = 0;
    refused(&options, "struct_size is not set");
}

static void newer_program(void **state) {
    (void)state;
    struct {
        seal_channel_options known;
        uint64_t unknown;
    } options = {.known = fresh(), .unknown = 0};
    options.known.struct_size = sizeof options;
    options.known.max_attempts = 2;
    assert_int_equal(accepted(&options.known).max_attempts, 2);
    options.unknown = 1;
    refused(&options.known, "older than the program");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),        cmocka_unit_test(attempts),
        cmocka_unit_test(window),          cmocka_unit_test(keepalive),
        cmocka_unit_test(keepalive_range), cmocka_unit_test(older_program),
        cmocka_unit_test(newer_program),
    };
    return cmocka_run_group_tests_name("client.options", tests, NULL, NULL);
}
