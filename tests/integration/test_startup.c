/* SPDX-License-Identifier: Apache-2.0 */
/* A server that cannot prove its credentials, or cannot listen, says why and does not start. */
#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Starts, must fail with this code and all the parts in the message and in the log; nothing is
 * bound. */
static void refuses(const seal_server_options *options, const char *address, int code,
                    const char *part, const char *other) {
    static it_server s;
    seal_error *error = NULL;
    it_server_init(&s);
    int rc = it_server_try_start(&s, options, address, &error);
    const char *message = seal_error_message(error);
    bool right = rc == code && strstr(message, part) != NULL && strstr(message, other) != NULL &&
                 strchr(message, '\n') == NULL;
    if (!right || getenv("IT_VERBOSE") != NULL)
        print_error("wanted %s, got %s: %s\n", seal_error_code_name(code), seal_error_code_name(rc),
                    message);
    assert_true(right);
    assert_int_equal(seal_server_port(s.server), 0);
    assert_true(it_log_count(&s.log, "cannot start") == 1);
    assert_true(it_log_count(&s.log, "listening") == 0);
    seal_error_free(error);
    it_server_done(&s);
}

static void refuses_keytab(const char *keytab, int code, const char *part, const char *other) {
    seal_server_options options;
    it_server_options(&options);
    options.keytab = keytab;
    refuses(&options, NULL, code, part, other);
}

static void no_keytab(void **state) {
    (void)state;
    const char *path = it_path("no.keytab");
    refuses_keytab(path, SEAL_ERROR_KEYTAB, path, IT_SERVICE);
}

static void garbage_keytab(void **state) {
    (void)state;
    const char *path = it_path("garbage.keytab");
    it_write_file(path, "this is not a keytab", 20);
    refuses_keytab(path, SEAL_ERROR_KEYTAB, path, IT_SERVICE);
    it_write_file(path, "", 0);
    refuses_keytab(path, SEAL_ERROR_KEYTAB, path, IT_SERVICE);
    it_write_file(path, "\5\2", 2);
    refuses_keytab(path, SEAL_ERROR_KEYTAB, path, IT_SERVICE);
    it_write_file(path, "\5\2\0\0\1\0\0\2", 8);
    refuses_keytab(path, SEAL_ERROR_KEYTAB, path, IT_SERVICE);
}

static void folder_as_keytab(void **state) {
    (void)state;
    const char *path = it_path("folder.keytab");
    assert_int_equal(mkdir(path, 0700), 0);
    refuses_keytab(path, SEAL_ERROR_KEYTAB, path, IT_SERVICE);
}

static void principal_not_in_keytab(void **state) {
    (void)state;
    seal_server_options options;
    it_server_options(&options);
    options.principal = "other/localhost";
    const char *keytab = getenv("KRB5_KTNAME");
    refuses(&options, NULL, SEAL_ERROR_KEYTAB, "other/localhost", strchr(keytab, '/'));
    static const char *const aliases[] = {"third/localhost", NULL};
    options.principal = IT_SERVICE;
    options.aliases = aliases;
    refuses(&options, NULL, SEAL_ERROR_KEYTAB, "third/localhost", strchr(keytab, '/'));
}

/* As somebody who may not read it: root may read everything, so a child gives that up. */
static void unreadable_keytab(void **state) {
    (void)state;
    if (geteuid() != 0) {
        const char *path = it_path("unreadable.keytab");
        it_write_file(path, "\5\2", 2);
        assert_int_equal(chmod(path, 0), 0);
        refuses_keytab(path, SEAL_ERROR_KEYTAB, path, IT_SERVICE);
        return;
    }
    const char *path = it_path("unreadable.keytab");
    it_write_file(path, "\5\2", 2);
    assert_int_equal(chmod(path, 0600), 0);
    char folder[300];
    snprintf(folder, sizeof folder, "%s", it_path(""));
    assert_int_equal(chmod(folder, 0755), 0);
    char config[300];
    snprintf(config, sizeof config, "%s", it_path("krb5.conf"));
    it_write_file(config, "[libdefaults]\n default_realm = SEALRPC.TEST\n", 44);
    assert_int_equal(chmod(config, 0644), 0);
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* Nothing of the sealrpc kind runs in this process: it may fork. */
        static it_server s;
        seal_server_options options;
        seal_error *error = NULL;
        setenv("KRB5_CONFIG", config, 1);
        it_server_options(&options);
        options.keytab = path;
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(3);
        it_server_init(&s);
        int rc = it_server_try_start(&s, &options, NULL, &error);
        bool right = rc == SEAL_ERROR_KEYTAB && strstr(seal_error_message(error), path) != NULL;
        if (!right)
            fprintf(stderr, "got: %s\n", seal_error_message(error));
        _exit(right ? 0 : 4);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- The KDC's opinion ---- */

static seal_server_options checked_options(void) {
    seal_server_options options;
    it_server_options(&options);
    options.skip_startup_check = false;
    return options;
}

/* A keytab with a key of version 1 that comes from a password. */
static void make_keytab(const char *path, const char *principal, const char *password) {
    char command[1024];
    snprintf(command, sizeof command,
             "printf 'addent -password -p %s@%s -k 1 -e aes256-cts-hmac-sha1-96\\n%s\\nwkt %s\\n' "
             "| ktutil >/dev/null",
             principal, IT_REALM, password, path);
    it_shell(command);
}

/* A keytab with a key that somebody made up, and one whose key the KDC has changed since. */
static void wrong_key(void **state) {
    (void)state;
    seal_server_options options = checked_options();
    const char *made_up = it_path("wrong.keytab");
    make_keytab(made_up, IT_SERVICE, "wrong");
    options.keytab = made_up;
    refuses(&options, NULL, SEAL_ERROR_KEY_VERSION, made_up, IT_SERVICE);
}

static void key_changed_in_the_kdc(void **state) {
    (void)state;
    seal_server_options options = checked_options();
    const char *old = it_path("old.keytab");
    char command[1024];
    snprintf(command, sizeof command,
             "kadmin.local -q 'addprinc -randkey echo/rolled' >/dev/null 2>&1 && "
             "kadmin.local -q 'ktadd -k %s echo/rolled' >/dev/null 2>&1 && "
             "kadmin.local -q 'ktadd -k %s.new echo/rolled' >/dev/null 2>&1",
             old, old);
    it_shell(command);
    options.principal = "echo/rolled";
    options.keytab = old;
    refuses(&options, NULL, SEAL_ERROR_KEY_VERSION, old, "echo/rolled");
    /* With the new one it starts. */
    char fresh[300];
    snprintf(fresh, sizeof fresh, "%s.new", old);
    options.keytab = fresh;
    static it_server s;
    it_server_init(&s);
    it_server_start(&s, &options, NULL);
    assert_int_equal(it_log_count(&s.log, "could not check"), 0);
    it_server_done(&s);
}

static void unknown_to_the_kdc(void **state) {
    (void)state;
    seal_server_options options = checked_options();
    options.principal = "echo/unknown";
    const char *keytab = it_path("unknown.keytab");
    make_keytab(keytab, "echo/unknown", "x");
    options.keytab = keytab;
    refuses(&options, NULL, SEAL_ERROR_UNKNOWN_SERVICE, "echo/unknown", IT_REALM);
}

static void the_check_passes(void **state) {
    (void)state;
    static it_server s;
    seal_server_options options = checked_options();
    it_server_init(&s);
    it_server_start(&s, &options, NULL);
    assert_int_equal(it_log_count(&s.log, "could not check"), 0);
    assert_int_equal(it_log_count(&s.log, "listening"), 1);
    it_server_done(&s);
}

/* Makes a KDC of this port the only one; `before` receives the configuration to go back to. */
static void use_kdc(uint16_t port, char *before, size_t size) {
    char text[512];
    snprintf(before, size, "%s", getenv("KRB5_CONFIG"));
    int n = snprintf(text, sizeof text,
                     "[libdefaults]\n default_realm = %s\n dns_lookup_kdc = false\n rdns = false\n"
                     " udp_preference_limit = 1\n[realms]\n %s = {\n  kdc = 127.0.0.1:%u\n }\n",
                     IT_REALM, IT_REALM, port);
    const char *config = it_path("no-kdc.conf");
    it_write_file(config, text, (size_t)n);
    setenv("KRB5_CONFIG", config, 1);
}

/* With a ticket in the cache, clients need no KDC. */
static void get_ticket(void) {
    it_start(NULL, NULL);
    it_echo(it_c.channel, 1);
    it_teardown(NULL);
}

/* No KDC, or a silent one, is no proof that the keys are wrong: a warning, and the server starts.
 * The environment stays as it is while the server's threads may read it. */
static void starts_without_kdc(uint16_t port) {
    char before[300];
    get_ticket();
    use_kdc(port, before, sizeof before);
    static it_server s;
    seal_server_options options = checked_options();
    it_server_init(&s);
    it_server_start(&s, &options, NULL);
    assert_int_equal(it_log_count(&s.log, "could not check"), 1);
    assert_int_equal(it_log_count(&s.log, IT_SERVICE " is listening"), 1);
    static it_client c;
    it_client_start(&c, s.target, NULL);
    it_echo(c.channel, 1);
    it_client_done(&c);
    it_server_done(&s);
    setenv("KRB5_CONFIG", before, 1);
}

static void kdc_refuses(void **state) {
    (void)state;
    starts_without_kdc(it_closed_port());
}

static void kdc_is_silent(void **state) {
    (void)state;
    uint16_t port = 0;
    int fd = it_listen(&port);
    starts_without_kdc(port);
    close(fd);
}

static void count_cancelled(seal_server *server, const seal_error *error, void *user) {
    (void)server;
    if (seal_error_get_code(error) == SEAL_ERROR_CANCELLED)
        atomic_fetch_add((atomic_uint *)user, 1);
}

static void ignore_start(seal_server *server, const seal_error *error, void *user) {
    (void)server;
    (void)error;
    (void)user;
}

/* It does not wait for ever for a server that will never run, whether it has failed already or not.
 */
static void run_of_a_server_that_cannot_start(void **state) {
    (void)state;
    seal_server_options options;
    it_server_options(&options);
    options.keytab = it_path("no.keytab");
    seal_server *server = NULL;
    assert_int_equal(seal_server_new(NULL, &options, &server, NULL), 0);
    assert_int_equal(seal_server_add_address(server, "127.0.0.1:0", NULL), 0);
    assert_int_equal(seal_server_start_async(server, ignore_start, NULL, NULL), 0);
    assert_int_equal(seal_server_run(server, NULL), SEAL_ERROR_STATE);
    assert_int_equal(seal_server_run(server, NULL), SEAL_ERROR_STATE);
    seal_server_free(server);
}

/* The question to the KDC outlives the server, its runtime and its timer. */
static void freed_while_the_kdc_is_asked(void **state) {
    (void)state;
    uint16_t port = 0;
    char before[300];
    atomic_uint cancelled = 0;
    int fd = it_listen(&port);
    use_kdc(port, before, sizeof before);
    seal_server_options options = checked_options();
    seal_server *server = NULL;
    assert_int_equal(seal_server_new(NULL, &options, &server, NULL), 0);
    assert_int_equal(seal_server_add_address(server, "127.0.0.1:0", NULL), 0);
    assert_int_equal(seal_server_start_async(server, count_cancelled, &cancelled, NULL), 0);
    int asking = accept(fd, NULL, NULL);
    assert_true(asking >= 0);
    seal_server_free(server);
    assert_int_equal(atomic_load(&cancelled), 1);
    close(asking);
    close(fd);
    setenv("KRB5_CONFIG", before, 1);
}

/* ---- Addresses ---- */

static void address_in_use(void **state) {
    (void)state;
    uint16_t port = 0;
    char address[64];
    int fd = it_listen(&port);
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    refuses(NULL, address, SEAL_ERROR_ADDRESS, address, "in use");
    close(fd);
    refuses(NULL, "192.0.2.1:0", SEAL_ERROR_ADDRESS, "192.0.2.1", "");
    refuses(NULL, "no-such-host.invalid:0", SEAL_ERROR_ADDRESS, "no-such-host.invalid", "");
    refuses(NULL, "unix:/no/such/folder/socket", SEAL_ERROR_ADDRESS, "/no/such/folder/socket", "");
}

/* A socket file that somebody listens on stays; one that is left over goes; another file stays. */
static void unix_socket_files(void **state) {
    (void)state;
    static it_server s;
    static it_server other;
    char address[300];
    const char *path = it_path("stale");
    snprintf(address, sizeof address, "unix:%s", path);
    it_server_init(&s);
    it_server_start(&s, NULL, address);
    refuses(NULL, address, SEAL_ERROR_ADDRESS, path, "in use");
    assert_int_equal(access(path, F_OK), 0);
    char copy[300];
    snprintf(copy, sizeof copy, "%s.left", path);
    assert_int_equal(link(path, copy), 0);
    it_server_done(&s);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(rename(copy, path), 0);
    it_server_init(&other);
    it_server_start(&other, NULL, address);
    it_server_done(&other);
    it_write_file(path, "precious", 8);
    refuses(NULL, address, SEAL_ERROR_ADDRESS, path, "in use");
    assert_int_equal(access(path, F_OK), 0);
}

/* With a port that is known: nobody can connect before the credentials are proven, nor afterwards.
 */
static void not_bound_before_the_proof(void **state) {
    (void)state;
    uint16_t port = it_closed_port();
    char address[64];
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    seal_server_options options;
    it_server_options(&options);
    options.keytab = it_path("no.keytab");
    refuses(&options, address, SEAL_ERROR_KEYTAB, options.keytab, IT_SERVICE);
    int fd = it_listen(&port);
    close(fd);
}

/* ---- Misuse ---- */

static void misuse(void **state) {
    (void)state;
    seal_server_options options;
    seal_server *server = NULL;
    seal_error *error = NULL;
    it_server_options(&options);
    options.principal = NULL;
    assert_int_equal(seal_server_new(NULL, &options, &server, &error), SEAL_ERROR_INVALID);
    assert_non_null(strstr(seal_error_message(error), "principal"));
    seal_error_free(error);
    options.principal = "no-class";
    assert_int_equal(seal_server_new(NULL, &options, &server, NULL), SEAL_ERROR_INVALID);
    it_server_options(&options);
    options.max_streams = 1001;
    assert_int_equal(seal_server_new(NULL, &options, &server, NULL), SEAL_ERROR_INVALID);
    it_server_options(&options);
    options.struct_size = 0;
    assert_int_equal(seal_server_new(NULL, &options, &server, NULL), SEAL_ERROR_INVALID);
    assert_int_equal(seal_server_new(NULL, NULL, &server, NULL), SEAL_ERROR_INVALID);
    it_server_options(&options);
    assert_int_equal(seal_server_new(NULL, &options, &server, NULL), 0);
    assert_int_equal(seal_server_start(server, NULL), SEAL_ERROR_STATE);
    assert_int_equal(seal_server_add_address(server, "nonsense", NULL), SEAL_ERROR_INVALID);
    for (int i = 0; i < 16; i++)
        assert_int_equal(seal_server_add_address(server, "127.0.0.1:0", NULL), 0);
    assert_int_equal(seal_server_add_address(server, "127.0.0.1:0", NULL), SEAL_ERROR_TOO_MANY);
    assert_int_equal(seal_server_start(server, NULL), 0);
    assert_int_equal(seal_server_start(server, NULL), SEAL_ERROR_STATE);
    assert_int_equal(seal_server_add_address(server, "127.0.0.1:0", NULL), SEAL_ERROR_STATE);
    static const itest_elsewhere_ops ops = {.size = sizeof ops};
    assert_int_equal(itest_elsewhere_register(server, &ops, NULL, NULL), SEAL_ERROR_STATE);
    seal_server_free(server);
    seal_server_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        /* First, because it forks. */
        cmocka_unit_test(unreadable_keytab),
        cmocka_unit_test(no_keytab),
        cmocka_unit_test(garbage_keytab),
        cmocka_unit_test(folder_as_keytab),
        cmocka_unit_test(principal_not_in_keytab),
        cmocka_unit_test(wrong_key),
        cmocka_unit_test(key_changed_in_the_kdc),
        cmocka_unit_test(unknown_to_the_kdc),
        cmocka_unit_test(the_check_passes),
        cmocka_unit_test(kdc_refuses),
        cmocka_unit_test(kdc_is_silent),
        cmocka_unit_test(freed_while_the_kdc_is_asked),
        cmocka_unit_test(run_of_a_server_that_cannot_start),
        cmocka_unit_test(address_in_use),
        cmocka_unit_test(unix_socket_files),
        cmocka_unit_test(not_bound_before_the_proof),
        cmocka_unit_test(misuse),
    };
    return cmocka_run_group_tests_name("integration.startup", tests, NULL, NULL);
}
