/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that mean harm, without the key of the directory and with it. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "naming/ldap_rig.h"
#include "support/fake_ldap.h"

enum { SHORT_MS = 300, LONG_MS = 20000 };

static char directory_keytab[512];

static int setup(void **state) {
    (void)state;
    snprintf(directory_keytab, sizeof directory_keytab, "%s/directory.keytab",
             getenv("SEAL_REALM_DIR"));
    return 0;
}

static void expect(int rc, int code, seal_error **error, const char *part) {
    if (rc != code || strstr(seal_error_message(*error), part) == NULL)
        fail_msg("%s and \"%s\" expected, got %d: %s", seal_error_code_name(code), part, rc,
                 seal_error_message(*error));
    seal_error_free(*error);
    *error = NULL;
}

static int try_open(fake_ldap *fake, uint32_t timeout_ms, seal__directory **ret_directory,
                    seal_error **error) {
    const seal__directory_config config = {.uris = fake_ldap_uri(fake), .timeout_ms = timeout_ms};
    return seal__directory_open(&seal__default_allocator, &config, ret_directory, error);
}

static void open_fails(fake_ldap_mode mode, const char *keytab, uint32_t timeout_ms, int code,
                       const char *part) {
    fake_ldap *fake = fake_ldap_start(mode, keytab, NULL);
    seal__directory *d = NULL;
    seal_error *error = NULL;
    expect(try_open(fake, timeout_ms, &d, &error), code, &error, part);
    assert_null(d);
    fake_ldap_stop(fake);
}

static seal__directory *open_ok(fake_ldap *fake) {
    seal__directory *d = NULL;
    seal_error *error = NULL;
    expect(try_open(fake, LONG_MS, &d, &error), 0, &error, "");
    return d;
}

static bool count(void *user, const seal__directory_entry *entry) {
    size_t *n = user;
    (void)entry;
    (*n)++;
    return true;
}

static int search(seal__directory *d, seal__directory_scope scope, size_t *ret_n,
                  seal_error **error) {
    *ret_n = 0;
    return seal__directory_search(d, NULL, scope, "(cn=*)", NULL, count, ret_n, error);
}

/* ---- Without the key ---- */

static void a_notice_of_nothing(void **state) {
    (void)state;
    open_fails(FAKE_LDAP_NOTICE, NULL, SHORT_MS, SEAL_ERROR_DIRECTORY, "300 ms");
}

/* Nobody needs that much to log in: it is not waited for. */
static void much_before_the_login(void **state) {
    (void)state;
    open_fails(FAKE_LDAP_LARGE, NULL, LONG_MS, SEAL_ERROR_DIRECTORY, "cannot read");
}

/* ---- On the way, or with the key ---- */

static void packets_that_come_again(void **state) {
    (void)state;
    open_fails(FAKE_LDAP_REPLAYED, directory_keytab, LONG_MS, SEAL_ERROR_DIRECTORY_UNTRUSTED,
               "changed on the way");
}

static void packets_of_nothing(void **state) {
    (void)state;
    open_fails(FAKE_LDAP_EMPTY, directory_keytab, SHORT_MS, SEAL_ERROR_DIRECTORY, "300 ms");
}

static void notices_between_answers(void **state) {
    (void)state;
    static const fake_ldap_value value = {"a", "x", 1};
    const fake_ldap_entry entry = {"cn=x", 1, &value};
    const fake_ldap_script script = {.n = 1, .entries = &entry, .repeat = 9};
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_NOTICES, directory_keytab, &script);
    seal__directory *d = open_ok(fake);
    seal_error *error = NULL;
    size_t n = 0;
    expect(search(d, SEAL__SCOPE_SUBTREE, &n, &error), 0, &error, "");
    assert_int_equal(n, 10);
    seal__directory_close(d);
    fake_ldap_stop(fake);
}

/* They count as no entries, but take time. */
static void references_without_end(void **state) {
    (void)state;
    const fake_ldap_script script = {.references = SIZE_MAX};
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_HONEST, directory_keytab, &script);
    seal__directory *d = NULL;
    seal_error *error = NULL;
    size_t n = 0;
    expect(try_open(fake, SHORT_MS, &d, &error), 0, &error, "");
    expect(search(d, SEAL__SCOPE_SUBTREE, &n, &error), SEAL_ERROR_DIRECTORY, &error, "300 ms");
    seal__directory_close(d);
    fake_ldap_stop(fake);
}

/* What is asked for one entry gets one. */
static void several_entries_of_one_name(void **state) {
    (void)state;
    static const fake_ldap_value values[] = {{"objectClass", "serviceConnectionPoint", 22},
                                             {"serviceDNSName", "host.test", 9}};
    const fake_ldap_entry entry = {"cn=x", 2, values};
    const fake_ldap_script script = {.n = 1, .entries = &entry, .repeat = 9};
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_HONEST, directory_keytab, &script);
    seal__directory *d = open_ok(fake);
    seal_error *error = NULL;
    size_t n = 0;
    expect(search(d, SEAL__SCOPE_BASE, &n, &error), SEAL_ERROR_DIRECTORY, &error, "several");
    assert_int_equal(n, 1);
    seal__scp scp = {.host = "host.test", .port = 1};
    expect(seal__scp_publish(d, RIG_NODE(1), "x", &scp, 0, &error), SEAL_ERROR_DIRECTORY, &error,
           "several");
    seal__directory_close(d);
    fake_ldap_stop(fake);
}

/* Publishing replaces connection points, nothing else. */
static void a_name_that_is_taken(void **state) {
    (void)state;
    static const fake_ldap_value values[] = {{"objectClass", "device", 6}, {"cn", "x", 1}};
    const fake_ldap_entry entry = {"cn=x", 2, values};
    const fake_ldap_script script = {.n = 1, .entries = &entry};
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_HONEST, directory_keytab, &script);
    seal__directory *d = open_ok(fake);
    seal_error *error = NULL;
    seal__scp scp = {.host = "host.test", .port = 1};
    expect(seal__scp_publish(d, RIG_NODE(1), "x", &scp, 0, &error), SEAL_ERROR_ALREADY, &error,
           "no connection point");
    seal__directory_close(d);
    fake_ldap_stop(fake);
}

/* ---- Watches ---- */

/* Such as that of a directory whose other database has them: 12, a critical extension. */
static void a_watch_that_always_ends(void **state) {
    (void)state;
    static const fake_ldap_value values[] = {
        {"keywords", SEAL__SCP_PRODUCT_GUID, sizeof SEAL__SCP_PRODUCT_GUID - 1},
        {"keywords", "demo.Greeter", 12},
        {"serviceDNSName", "host.test", 9},
        {"serviceBindingInformation", "port=1;proto=sealrpc/1", 22}};
    const fake_ldap_entry entry = {"cn=x,cn=y," RIG_BASE, 4, values};
    const fake_ldap_script script = {
        .n = 1, .entries = &entry, .account = "cn=y," RIG_BASE, .sync_result = 12};
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_HONEST, directory_keytab, &script);
    char target[200];
    ldap_rig r;
    snprintf(target, sizeof target, "%s/demo.Greeter?poll=3600", fake_ldap_uri(fake));
    ldap_rig_init(&r);
    ldap_rig_start(&r, target);
    ldap_rig_until_list(&r, "host.test:1/0/0 ");
    while (ldap_rig_logged(&r, "the watch ended") == 0 && !r.timed_out)
        uv_run(&r.loop, UV_RUN_ONCE);
    assert_false(r.timed_out);
    assert_int_equal(r.resolver->outages, 0);
    assert_true(fake_ldap_connections(fake) <= 8);
    ldap_rig_done(&r);
    fake_ldap_stop(fake);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_notice_of_nothing),         cmocka_unit_test(much_before_the_login),
        cmocka_unit_test(packets_that_come_again),     cmocka_unit_test(packets_of_nothing),
        cmocka_unit_test(notices_between_answers),     cmocka_unit_test(references_without_end),
        cmocka_unit_test(several_entries_of_one_name), cmocka_unit_test(a_name_that_is_taken),
        cmocka_unit_test(a_watch_that_always_ends),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
