/* SPDX-License-Identifier: Apache-2.0 */
#include "server_ends.h"

#include <sys/stat.h>
#include <unistd.h>

/* The links of the folder: without opening it, because ThreadSanitizer does not see libuv close its
 * files and takes the reuse of their numbers for a race. */
unsigned it_threads(void) {
    struct stat st;
    assert_int_equal(stat("/proc/self/task", &st), 0);
    return (unsigned)st.st_nlink;
}

static bool has_so_many_threads(void *arg) {
    return it_threads() <= *(unsigned *)arg;
}

void it_wait_threads(unsigned n) {
    it_wait(has_so_many_threads, &n, "threads to end");
}

void it_free_stopped(seal_server *server, void *user) {
    seal_server_free(server);
    it_count_stopped(NULL, user);
}

seal_server *it_start_private_server(const seal_server_options *options) {
    seal_server *server = NULL;
    assert_int_equal(seal_server_new(NULL, options, &server, NULL), 0);
    assert_int_equal(seal_server_add_address(server, "127.0.0.1:0", NULL), 0);
    assert_int_equal(seal_server_start(server, NULL), 0);
    return server;
}

enum { STARTED = 1, FAILED = 100 };

static void on_started(seal_server *server, const seal_error *error, void *user) {
    (void)server;
    atomic_fetch_add((atomic_uint *)user, error == NULL ? STARTED : FAILED);
}

void it_free_while_starting(const seal_server_options *options, bool at_once) {
    static it_server server;
    atomic_uint outcome = 0;
    it_server_init(&server);
    assert_int_equal(seal_runtime_new(NULL, &server.runtime, NULL), 0);
    assert_int_equal(seal_server_new(server.runtime, options, &server.server, NULL), 0);
    assert_int_equal(seal_server_add_address(server.server, "127.0.0.1:0", NULL), 0);
    assert_int_equal(seal_server_start_async(server.server, on_started, &outcome, NULL), 0);
    if (!at_once)
        usleep(1000);
    it_server_done(&server);
    assert_true(atomic_load(&outcome) == STARTED || atomic_load(&outcome) == FAILED);
}
