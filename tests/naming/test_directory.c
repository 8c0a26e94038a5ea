/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in to directories, right and wrong ones; the realm has a real one. */
#include "support/cmocka_all.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "naming/directory.h"
#include "support/failing_alloc.h"
#include "support/fake_ldap.h"
#include "support/gss_clock.h"

extern char **environ;

#define ACCOUNT "cn=node1.sealrpc.test,ou=Accounts,dc=sealrpc,dc=test"

static char provider[64];
static char replica[64];
static char users_keytab[512];
static char service_keytab[512];
static char directory_keytab[512];

static const char *in_realm(char *path, size_t size, const char *file) {
    snprintf(path, size, "%s/%s", getenv("SEAL_REALM_DIR"), file);
    return path;
}

static int setup(void **state) {
    (void)state;
    if (sscanf(getenv("SEAL_DIRECTORY_URI"), "%63s %63s", provider, replica) != 2)
        return -1;
    in_realm(users_keytab, sizeof users_keytab, "users.keytab");
    in_realm(service_keytab, sizeof service_keytab, "service.keytab");
    in_realm(directory_keytab, sizeof directory_keytab, "directory.keytab");
    return 0;
}

static seal__directory *open_ok(const seal__directory_config *config) {
    seal__directory *d = NULL;
    seal_error *error = NULL;
    int rc = seal__directory_open(&seal__default_allocator, config, &d, &error);
    if (rc != 0)
        print_error("%s\n", seal_error_message(error));
    assert_int_equal(rc, 0);
    return d;
}

static void open_fails(const seal__directory_config *config, int code, const char *part) {
    seal__directory *d = NULL;
    seal_error *error = NULL;
    int rc = seal__directory_open(&seal__default_allocator, config, &d, &error);
    if (rc != code || strstr(seal_error_message(error), part) == NULL)
        fail_msg("%s (%d) and \"%s\" expected, got %d: %s", seal_error_code_name(code), code, part,
                 rc, seal_error_message(error));
    assert_null(d);
    seal_error_free(error);
}

static void is_me(seal__directory *d, const char *dn) {
    char identity[256];
    assert_int_equal(seal__directory_whoami(d, identity, sizeof identity, NULL), 0);
    assert_int_equal(strncmp(identity, "dn:", 3), 0);
    if (!seal__directory_same_dn(identity + 3, dn))
        fail_msg("%s", identity);
}

/* ---- Logging in ---- */

static void logs_in(void **state) {
    (void)state;
    seal__directory *d = open_ok(&(seal__directory_config){.uris = provider});
    is_me(d, "uid=alice,ou=People,dc=sealrpc,dc=test");
    assert_string_equal(seal__directory_server(d), provider);
    assert_string_equal(seal__directory_base(d), "dc=sealrpc,dc=test");
    assert_true(seal__directory_has_sync(d));
    assert_true(seal__directory_can_watch(d));
    assert_true(seal__directory_has_leases(d));
    assert_false(seal__directory_is_ad(d));
    seal__directory_close(d);
    seal__directory_close(NULL);
}

/* URI and BASE of the realm's ldap.conf. */
static void asks_the_configured_one(void **state) {
    (void)state;
    seal__directory *d = open_ok(&(seal__directory_config){.uris = NULL});
    is_me(d, "uid=alice,ou=People,dc=sealrpc,dc=test");
    assert_string_equal(seal__directory_server(d), provider);
    seal__directory_close(d);
    d = open_ok(&(seal__directory_config){.base = "ou=Accounts,dc=sealrpc,dc=test"});
    assert_string_equal(seal__directory_base(d), "ou=Accounts,dc=sealrpc,dc=test");
    seal__directory_close(d);
}

static void with_named_credentials(void **state) {
    (void)state;
    seal__directory *d =
        open_ok(&(seal__directory_config){.uris = provider, .client_keytab = service_keytab});
    is_me(d, ACCOUNT);
    seal__directory_close(d);
    d = open_ok(&(seal__directory_config){
        .uris = provider, .client_keytab = users_keytab, .client_principal = "installer"});
    is_me(d, "uid=installer,ou=People,dc=sealrpc,dc=test");
    seal__directory_close(d);
}

static void without_a_ticket(void **state) {
    (void)state;
    char missing[512];
    in_realm(missing, sizeof missing, "no-such-file");
    open_fails(&(seal__directory_config){.uris = provider, .ccache = missing},
               SEAL_ERROR_CREDENTIALS, "kinit");
    open_fails(&(seal__directory_config){.uris = provider, .client_keytab = missing},
               SEAL_ERROR_KEYTAB, missing);
    open_fails(&(seal__directory_config){.uris = provider,
                                         .client_keytab = users_keytab,
                                         .client_principal = "nobody"},
               SEAL_ERROR_KEYTAB, "nobody");
}

static void wrong_names(void **state) {
    (void)state;
    static const char *const uris[][2] = {
        {"ldap://127.0.0.1:389", "host name"},
        {"ldap://[::1]:389", "host name"},
        {"ldaps://localhost", "ldap://HOST"},
        {"ldapi:///", "ldap://HOST"},
        {"localhost:389", "ldap://HOST"},
        {"ldap://a b", "ldap://HOST"},
        {"ldap://b\xc3\xbc"
         "cher",
         "xn--"},
        {"ldap:///dc=x", "no host name"},
        {"ldap://a/ ldap://a/ ldap://a/ ldap://a/ ldap://a/ ldap://a/ ldap://a/ ldap://a/ "
         "ldap://a/",
         "more than 8"},
    };
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++)
        open_fails(&(seal__directory_config){.uris = uris[i][0]}, SEAL_ERROR_INVALID, uris[i][1]);
    open_fails(&(seal__directory_config){.uris = " "}, SEAL_ERROR_DIRECTORY, "ldap.conf");
}

/* ---- Servers that are not there ---- */

static void nobody_listens(void **state) {
    (void)state;
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_SILENT, NULL, NULL);
    char dead[64];
    char both[160];
    snprintf(dead, sizeof dead, "%s", fake_ldap_uri(fake));
    fake_ldap_stop(fake);
    open_fails(&(seal__directory_config){.uris = dead}, SEAL_ERROR_DIRECTORY, "cannot be reached");
    snprintf(both, sizeof both, "%s, %s", dead, provider);
    seal__directory *d = open_ok(&(seal__directory_config){.uris = both});
    assert_string_equal(seal__directory_server(d), provider);
    seal__directory_close(d);
    snprintf(both, sizeof both, "%s %s", dead, dead);
    open_fails(&(seal__directory_config){.uris = both}, SEAL_ERROR_DIRECTORY, "; next, ");
}

static void the_first_to_be_tried(void **state) {
    (void)state;
    static const char *const expected[] = {provider, replica, provider, replica};
    char both[160];
    snprintf(both, sizeof both, "%s %s", provider, replica);
    for (uint32_t i = 0; i < 4; i++) {
        seal__directory *d = open_ok(&(seal__directory_config){.uris = both, .first = i});
        assert_string_equal(seal__directory_server(d), expected[i]);
        seal__directory_close(d);
    }
}

static void a_server_says_nothing(void **state) {
    (void)state;
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_SILENT, NULL, NULL);
    char both[160];
    open_fails(&(seal__directory_config){.uris = fake_ldap_uri(fake), .timeout_ms = 200},
               SEAL_ERROR_DIRECTORY, "does not answer within 200 ms");
    snprintf(both, sizeof both, "%s %s", fake_ldap_uri(fake), provider);
    seal__directory *d = open_ok(&(seal__directory_config){.uris = both, .timeout_ms = 1000});
    assert_string_equal(seal__directory_server(d), provider);
    seal__directory_close(d);
    assert_int_equal(fake_ldap_connections(fake), 2);
    fake_ldap_stop(fake);
}

static void servers_that_speak_otherwise(void **state) {
    (void)state;
    static const fake_ldap_mode modes[] = {FAKE_LDAP_HANGUP, FAKE_LDAP_NOISE, FAKE_LDAP_HUGE};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        fake_ldap *fake = fake_ldap_start(modes[i], NULL, NULL);
        open_fails(&(seal__directory_config){.uris = fake_ldap_uri(fake), .timeout_ms = 2000},
                   SEAL_ERROR_DIRECTORY, fake_ldap_uri(fake));
        fake_ldap_stop(fake);
    }
}

/* ---- Servers that lie ---- */

static void untrusted(fake_ldap_mode mode, const char *keytab, const char *part) {
    fake_ldap *fake = fake_ldap_start(mode, keytab, NULL);
    char both[160];
    snprintf(both, sizeof both, "%s %s", fake_ldap_uri(fake), provider);
    open_fails(&(seal__directory_config){.uris = both, .timeout_ms = 5000},
               SEAL_ERROR_DIRECTORY_UNTRUSTED, part);
    assert_int_equal(fake_ldap_connections(fake), 1);
    fake_ldap_stop(fake);
}

static void impostors(void **state) {
    (void)state;
    untrusted(FAKE_LDAP_IMPOSTOR, NULL, "has not proved to be ldap/localhost");
    untrusted(FAKE_LDAP_BAD_TOKEN, NULL, "ldap/localhost");
}

static void servers_that_do_not_seal(void **state) {
    (void)state;
    untrusted(FAKE_LDAP_NO_LAYER, directory_keytab, "does not seal");
    untrusted(FAKE_LDAP_CLEAR, directory_keytab, "not sealed");
    untrusted(FAKE_LDAP_TAMPERED, directory_keytab, "changed on the way");
    untrusted(FAKE_LDAP_GIANT, directory_keytab, "changed on the way");
}

static void servers_that_stop(void **state) {
    (void)state;
    static const fake_ldap_mode modes[] = {FAKE_LDAP_STALLED, FAKE_LDAP_HALF};
    static const fake_ldap_script empty = {0};
    for (size_t i = 0; i < 2; i++) {
        fake_ldap *fake = fake_ldap_start(modes[i], directory_keytab, &empty);
        open_fails(&(seal__directory_config){.uris = fake_ldap_uri(fake), .timeout_ms = 300},
                   SEAL_ERROR_DIRECTORY, "300 ms");
        fake_ldap_stop(fake);
    }
}

/* ---- Keys and clocks ---- */

static int run(const char *const *arguments) {
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int status = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    if (posix_spawnp(&pid, arguments[0], &actions, NULL, (char *const *)(uintptr_t)arguments,
                     environ) != 0)
        return -1;
    posix_spawn_file_actions_destroy(&actions);
    waitpid(pid, &status, 0);
    return status;
}

#define KADMIN(...) run((const char *const[]){"/usr/sbin/kadmin.local", __VA_ARGS__, NULL})

/* Each with a private cache of its own. */
static const char *fresh_keytab(unsigned n) {
    static char name[600];
    snprintf(name, sizeof name, "FILE:%.*s%s", (int)n, "////////", users_keytab);
    return name;
}

static void keys_of_the_directory(void **state) {
    (void)state;
    seal__directory_config config = {.uris = provider, .client_principal = "alice"};
    config.client_keytab = fresh_keytab(0);
    seal__directory *d = open_ok(&config); /* leaves a ticket in the cache */
    seal__directory_close(d);
    assert_int_equal(KADMIN("delprinc", "-force", "ldap/localhost"), 0);
    config.client_keytab = fresh_keytab(1);
    open_fails(&config, SEAL_ERROR_UNKNOWN_SERVICE, "ldap/localhost@SEALRPC.TEST");
    assert_int_equal(KADMIN("addprinc", "-randkey", "-kvno", "7", "ldap/localhost"), 0);
    open_fails(&config, SEAL_ERROR_KEY_VERSION, "ktadd");
    assert_int_equal(unlink(directory_keytab), 0);
    assert_int_equal(KADMIN("ktadd", "-k", directory_keytab, "ldap/localhost"), 0);
    /* The old ticket does not fit any more; a fresh one is asked for, once. */
    config.client_keytab = fresh_keytab(0);
    d = open_ok(&config);
    is_me(d, "uid=alice,ou=People,dc=sealrpc,dc=test");
    seal__directory_close(d);
}

static void clocks_that_differ(void **state) {
    (void)state;
    lab_clock_offset_s = 3600;
    open_fails(&(seal__directory_config){.uris = provider}, SEAL_ERROR_CLOCK_SKEW, "clock");
    lab_clock_offset_s = 0;
}

/* ---- Memory ---- */

static bool take_none(void *user, const seal__directory_entry *entry) {
    (void)user, (void)entry;
    return true;
}

/* Everything is given back, whichever allocation fails. */
static void out_of_memory(void **state) {
    (void)state;
    const seal__directory_config config = {.uris = provider};
    failing_alloc alloc;
    int rc = -1;
    for (size_t nth = 1; rc != 0; nth++) {
        seal__directory *d = NULL;
        seal_error *error = NULL;
        failing_alloc_init(&alloc);
        failing_alloc_fail_at(&alloc, nth, false);
        rc = seal__directory_open(&alloc.allocator, &config, &d, &error);
        if (rc == 0)
            rc = seal__directory_search(d, NULL, SEAL__SCOPE_SUBTREE, "(objectClass=*)", NULL,
                                        take_none, NULL, &error);
        seal__directory_close(d);
        seal_error_free(error);
        assert_int_equal(alloc.live, 0);
        if (!failing_alloc_has_failed(&alloc))
            assert_int_equal(rc, 0);
        else
            rc = -1;
        assert_true(nth < 2000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_in),
        cmocka_unit_test(asks_the_configured_one),
        cmocka_unit_test(with_named_credentials),
        cmocka_unit_test(without_a_ticket),
        cmocka_unit_test(wrong_names),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(the_first_to_be_tried),
        cmocka_unit_test(a_server_says_nothing),
        cmocka_unit_test(servers_that_speak_otherwise),
        cmocka_unit_test(impostors),
        cmocka_unit_test(servers_that_do_not_seal),
        cmocka_unit_test(servers_that_stop),
        cmocka_unit_test(clocks_that_differ),
        cmocka_unit_test(keys_of_the_directory),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
