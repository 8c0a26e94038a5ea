/* SPDX-License-Identifier: Apache-2.0 */
/* The nth allocation fails while a server is checked at start-up, published and removed, for every
 * n: errors are clean, nothing leaks, nothing hangs, and in the end it is published all the same.
 * (Memory inside libldap, libkrb5 and libuv is theirs.) */
#include "directory.h"

#include "support/failing_alloc.h"

#include <sealrpc/publish.h>

enum { MAX_N = 3000 };

static failing_alloc failing;

/* n 0: none. Returns whether the one before has failed. */
static bool fail_at(size_t n) {
    return failing_alloc_fail_at(&failing, n, true);
}

static bool nothing_lives(void *arg) {
    (void)arg;
    return failing_alloc_live(&failing) == 0;
}

static bool is_published(void *arg) {
    seal_server_stats stats;
    it_server_stats(arg, &stats);
    return stats.published == 1;
}

static seal_publish_options publish_options(void) {
    seal_publish_options options;
    seal_publish_options_init(&options);
    options.directory = it_directory_uri();
    options.base = it_directory_base();
    options.name = "memory";
    options.lease_s = 3;
    return options;
}

static void ignore(seal_server *server, const seal_error *error, void *user) {
    (void)server;
    (void)error;
    atomic_fetch_add((atomic_uint *)user, 1);
}

/* The nth allocation from here to the end of the server. Returns whether it came to that. */
static bool once(size_t n, bool before_the_start) {
    static it_server s;
    atomic_uint told = 0;
    seal_server_options options;
    seal_publish_options publish = publish_options();
    it_server_init(&s);
    s.runtime_options.allocator = &failing.allocator;
    it_server_options(&options);
    options.skip_startup_check = !before_the_start;
    assert_int_equal(seal_runtime_new(&s.runtime_options, &s.runtime, NULL), 0);
    assert_int_equal(seal_server_new(s.runtime, &options, &s.server, NULL), 0);
    assert_int_equal(seal_server_add_address(s.server, "127.0.0.1:0", NULL), 0);
    static const itest_echo_ops none = {.size = sizeof none};
    assert_int_equal(itest_echo_register(s.server, &none, NULL, NULL), 0);
    if (before_the_start)
        fail_at(n);
    else
        assert_int_equal(seal_server_start(s.server, NULL), 0);
    if (!before_the_start)
        fail_at(n);
    seal_error *error = NULL;
    int published = seal_server_publish(s.server, &publish, ignore, &told, &error);
    assert_true(published == 0 || published == SEAL_ERROR_NO_MEMORY);
    assert_int_equal(seal_error_get_code(error), published);
    seal_error_free(error);
    error = NULL;
    int started = before_the_start ? seal_server_start(s.server, &error) : 0;
    if (started != 0 && started != SEAL_ERROR_NO_MEMORY)
        print_error("allocation %zu: %s\n", n, seal_error_message(error));
    seal_error_free(error);
    assert_true(started == 0 || started == SEAL_ERROR_NO_MEMORY);
    if (published == 0 && started == 0)
        it_wait(is_published, &s, "an entry");
    seal_server_free(s.server);
    s.server = NULL;
    bool used = fail_at(0);
    assert_int_equal(atomic_load(&told), published == 0 ? 1 : 0);
    it_server_done(&s);
    it_wait(nothing_lives, NULL, "memory that is all released");
    return used;
}

static void no_memory(bool before_the_start) {
    size_t n = 1;
    failing_alloc_init(&failing);
    while (n < MAX_N && once(n, before_the_start))
        n++;
    print_message("%zu allocations\n", n - 1);
    assert_in_range(n, 20, MAX_N - 1);
    it_entry_wait("memory", false);
}

static void after_the_start(void **state) {
    (void)state;
    no_memory(false);
}

static void with_the_check_at_the_start(void **state) {
    (void)state;
    no_memory(true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_the_start),
        cmocka_unit_test(with_the_check_at_the_start),
    };
    return cmocka_run_group_tests_name("integration.publish_memory", tests, NULL, NULL);
}
