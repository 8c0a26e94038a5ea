/* SPDX-License-Identifier: Apache-2.0 */
/* What directories answer, what can be done to entries, and watching them. */
#include "support/cmocka_all.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "naming/directory.h"
#include "support/fake_ldap.h"

#define BASE "dc=sealrpc,dc=test"
#define NODE1 "cn=node1.sealrpc.test,ou=Accounts," BASE
#define NODE2 "cn=node2.sealrpc.test,ou=Accounts," BASE

enum { WAIT_MS = 30000 };

static char users_keytab[512];
static char service_keytab[512];
static char directory_keytab[512];

static int setup(void **state) {
    (void)state;
    const char *folder = getenv("SEAL_REALM_DIR");
    if (folder == NULL)
        return -1;
    snprintf(users_keytab, sizeof users_keytab, "%s/users.keytab", folder);
    snprintf(service_keytab, sizeof service_keytab, "%s/service.keytab", folder);
    snprintf(directory_keytab, sizeof directory_keytab, "%s/directory.keytab", folder);
    return 0;
}

static seal__directory *open_as(const char *uri, const char *keytab, const char *principal) {
    const seal__directory_config config = {
        .uris = uri, .client_keytab = keytab, .client_principal = principal, .timeout_ms = 20000};
    seal__directory *d = NULL;
    seal_error *error = NULL;
    int rc = seal__directory_open(&seal__default_allocator, &config, &d, &error);
    if (rc != 0)
        print_error("%s\n", seal_error_message(error));
    assert_int_equal(rc, 0);
    return d;
}

static seal__directory *as_alice(void) {
    return open_as(NULL, NULL, NULL);
}
static seal__directory *as_node1(void) {
    return open_as(NULL, service_keytab, "greeter/node1.sealrpc.test");
}
static seal__directory *as_installer(void) {
    return open_as(NULL, users_keytab, "installer");
}

static void expect(int rc, int code, seal_error **error, const char *part) {
    if (rc != code || strstr(seal_error_message(*error), part) == NULL)
        fail_msg("%s and \"%s\" expected, got %d: %s", seal_error_code_name(code), part, rc,
                 seal_error_message(*error));
    seal_error_free(*error);
    *error = NULL;
}

/* ---- Entries of all kinds, from a directory that has proved itself ---- */

typedef struct seen {
    size_t n;
    size_t stop_at;
    char dns[4096];
    char values[4096]; /* "attribute=value;..." */
    size_t n_values;   /* of the last attribute */
} seen;

static void append(char *text, size_t size, const char *more) {
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s;", more);
}

static bool note(void *user, const seal__directory_entry *entry) {
    seen *s = user;
    s->n++;
    append(s->dns, sizeof s->dns, entry->dn);
    for (size_t i = 0; i < entry->n_attributes; i++) {
        const seal__directory_attribute *a = &entry->attributes[i];
        s->n_values = a->n_values;
        append(s->values, sizeof s->values, a->name);
        for (size_t j = 0; j < a->n_values && j < 4; j++)
            append(s->values, sizeof s->values, a->values[j]);
    }
    return s->n != s->stop_at;
}

static int search(fake_ldap *fake, seen *s, seal_error **error) {
    seal__directory *d = open_as(fake_ldap_uri(fake), NULL, NULL);
    int rc = seal__directory_search(d, NULL, SEAL__SCOPE_SUBTREE, "(cn=*)", NULL, note, s, error);
    /* An error of one search does not spoil the connection. */
    seen again = {.n = 0};
    int second =
        seal__directory_search(d, NULL, SEAL__SCOPE_SUBTREE, "(cn=*)", NULL, note, &again, NULL);
    if (s->stop_at == 0) {
        assert_int_equal(second, rc);
        assert_int_equal(again.n, s->n);
    }
    seal__directory_close(d);
    return rc;
}

static void values_of_all_kinds(void **state) {
    (void)state;
    enum { FITS = SEAL__DIRECTORY_MAX_VALUE };
    static char long_value[1 << 20];
    memset(long_value, 'x', sizeof long_value);
    const fake_ldap_value values[] = {{"a", "plain", 5},
                                      {"a", "with\0nul", 8},
                                      {"a", "\xff\xfe", 2},
                                      {"a", "", 0},
                                      {"a", long_value, sizeof long_value},
                                      {"a", "last", 4},
                                      {"b", "\xc3\xbc", 2},
                                      {"c", "\0", 1},
                                      {"D", long_value, FITS}};
    const fake_ldap_value bad_name[] = {{"a\xff", "x", 1}, {"e", "y", 1}};
    const fake_ldap_entry entries[] = {
        {"cn=1", 9, values}, {"cn=\xff", 1, values}, {"cn=2", 2, bad_name}, {"cn=3", 0, NULL}};
    const fake_ldap_script script = {.n = 4, .entries = entries, .references = 3};
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_HONEST, directory_keytab, &script);
    seen s = {.n = 0};
    seal_error *error = NULL;
    expect(search(fake, &s, &error), 0, &error, "");
    assert_string_equal(s.dns, "cn=1;cn=2;cn=3;");
    assert_non_null(strstr(s.values, "a;plain;;last;b;\xc3\xbc;c;D;xxx"));
    assert_int_equal(s.n_values, 1);
    fake_ldap_stop(fake);
}

static void too_many(void **state) {
    (void)state;
    static fake_ldap_value values[1000];
    for (size_t i = 0; i < 1000; i++)
        values[i] = (fake_ldap_value){"a", "x", 1};
    const fake_ldap_entry entry = {"cn=x", 1000, values};
    fake_ldap_script script = {.n = 1, .entries = &entry};
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_HONEST, directory_keytab, &script);
    seen s = {.n = 0};
    seal_error *error = NULL;
    expect(search(fake, &s, &error), 0, &error, "");
    assert_int_equal(s.n_values, SEAL__DIRECTORY_MAX_VALUES);
    fake_ldap_stop(fake);
    const fake_ldap_entry small = {"cn=x", 1, values};
    script = (fake_ldap_script){.n = 1, .entries = &small, .repeat = 1999};
    fake = fake_ldap_start(FAKE_LDAP_HONEST, directory_keytab, &script);
    s = (seen){.n = 0};
    expect(search(fake, &s, &error), SEAL_ERROR_TOO_MANY, &error, "more than 1000");
    assert_int_equal(s.n, SEAL__DIRECTORY_MAX_ENTRIES);
    s = (seen){.n = 0, .stop_at = 7};
    expect(search(fake, &s, &error), SEAL_ERROR_CANCELLED, &error, "");
    assert_int_equal(s.n, 7);
    fake_ldap_stop(fake);
    script = (fake_ldap_script){.n = 1, .entries = &small, .result = 4 /* size limit exceeded */};
    fake = fake_ldap_start(FAKE_LDAP_HONEST, directory_keytab, &script);
    s = (seen){.n = 0};
    expect(search(fake, &s, &error), SEAL_ERROR_TOO_MANY, &error, "limit");
    assert_int_equal(s.n, 1);
    fake_ldap_stop(fake);
}

/* Nothing more comes on the socket while there is more in the packet. */
static void several_messages_in_one_packet(void **state) {
    (void)state;
    static const fake_ldap_value value = {"a", "x", 1};
    const fake_ldap_entry entry = {"cn=x", 1, &value};
    const fake_ldap_script script = {.n = 1, .entries = &entry, .repeat = 900};
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_PACKED, directory_keytab, &script);
    seen s = {.n = 0};
    seal_error *error = NULL;
    expect(search(fake, &s, &error), 0, &error, "");
    assert_int_equal(s.n, 901);
    fake_ldap_stop(fake);
}

/* libldap would connect again by itself, and ask in clear. */
static void a_lost_connection_stays_lost(void **state) {
    (void)state;
    const fake_ldap_script script = {.n = 0};
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_HONEST, directory_keytab, &script);
    seal__directory *d = open_as(fake_ldap_uri(fake), NULL, NULL);
    seal_error *error = NULL;
    seen s = {.n = 0};
    uint32_t ttl = 0;
    bool equal = false;
    /* The fake one hangs up at what it does not know. */
    expect(seal__directory_delete(d, "cn=x", &error), SEAL_ERROR_DIRECTORY, &error, "lost");
    for (int i = 0; i < 2; i++)
        expect(seal__directory_search(d, NULL, SEAL__SCOPE_BASE, "(cn=*)", NULL, note, &s, &error),
               SEAL_ERROR_DIRECTORY, &error, "open another");
    expect(seal__directory_compare(d, "cn=x", "a", "b", &equal, &error), SEAL_ERROR_DIRECTORY,
           &error, "open another");
    expect(seal__directory_refresh(d, "cn=x", 1, &ttl, &error), SEAL_ERROR_DIRECTORY, &error,
           "open another");
    expect(seal__directory_delete(d, "cn=x", &error), SEAL_ERROR_DIRECTORY, &error, "open another");
    seal__directory_close(d);
    assert_int_equal(fake_ldap_connections(fake), 1);
    fake_ldap_stop(fake);
}

/* ---- Changes ---- */

static const char *const scp_class = "serviceConnectionPoint";
static const char *const classes_leased[] = {"serviceConnectionPoint", "dynamicObject"};

static seal__directory_entry connection_point(const char *dn, bool leased) {
    static seal__directory_attribute attribute;
    attribute = (seal__directory_attribute){"objectClass", leased ? 2 : 1,
                                            leased ? classes_leased : &scp_class};
    return (seal__directory_entry){dn, 1, &attribute};
}

static void entries_come_and_go(void **state) {
    (void)state;
    static const char dn[] = "cn=a\\,b,cn=node1.sealrpc.test,ou=Accounts,dc=sealrpc,dc=test";
    seal__directory *d = as_node1();
    seal_error *error = NULL;
    bool equal = false;
    seen s = {.n = 0};
    seal__directory_entry entry = connection_point(dn, false);
    expect(seal__directory_add(d, &entry, &error), 0, &error, "");
    expect(seal__directory_add(d, &entry, &error), SEAL_ERROR_ALREADY, &error, "already");
    const char *words[] = {"One", "two"};
    const seal__directory_attribute keywords = {"keywords", 2, words};
    const seal__directory_attribute all = {"keywords", 0, NULL};
    expect(seal__directory_modify(d, dn, SEAL__CHANGE_ADD, &keywords, 1, &error), 0, &error, "");
    expect(seal__directory_modify(d, dn, SEAL__CHANGE_ADD, &keywords, 1, &error),
           SEAL_ERROR_ALREADY, &error, "already");
    expect(seal__directory_compare(d, dn, "keywords", "oNE", &equal, &error), 0, &error, "");
    assert_true(equal);
    expect(seal__directory_compare(d, dn, "keywords", "three", &equal, &error), 0, &error, "");
    assert_false(equal);
    expect(seal__directory_search(d, NULL, SEAL__SCOPE_SUBTREE, "(keywords=two)",
                                  (const char *const[]){"keywords", NULL}, note, &s, &error),
           0, &error, "");
    assert_int_equal(s.n, 1);
    assert_string_equal(s.values, "keywords;One;two;");
    expect(seal__directory_modify(d, dn, SEAL__CHANGE_DELETE, &all, 1, &error), 0, &error, "");
    equal = true;
    expect(seal__directory_compare(d, dn, "keywords", "One", &equal, &error), 0, &error, "");
    assert_false(equal);
    expect(seal__directory_delete(d, dn, &error), 0, &error, "");
    expect(seal__directory_delete(d, dn, &error), SEAL_ERROR_NOT_FOUND, &error, "no such entry");
    seal__directory_close(d);
}

static void what_is_refused(void **state) {
    (void)state;
    seal__directory *alice = as_alice();
    seal__directory *installer = as_installer();
    seal_error *error = NULL;
    bool equal = false;
    seen s = {.n = 0};
    seal__directory_entry entry = connection_point("cn=x," NODE1, false);
    expect(seal__directory_add(alice, &entry, &error), SEAL_ERROR_DIRECTORY_DENIED, &error,
           "right");
    expect(seal__directory_delete(alice, NODE1, &error), SEAL_ERROR_DIRECTORY_DENIED, &error,
           "right");
    const char *spn = "greeter/node2.sealrpc.test";
    const char *nothing = "x";
    const seal__directory_attribute taken = {"servicePrincipalName", 1, &spn};
    const seal__directory_attribute unknown = {"noSuchAttribute", 1, &nothing};
    const seal__directory_attribute not_here = {"keywords", 1, &nothing};
    expect(seal__directory_modify(installer, NODE1, SEAL__CHANGE_ADD, &taken, 1, &error),
           SEAL_ERROR_SPN_DUPLICATE, &error, "another entry");
    expect(seal__directory_modify(installer, NODE1, SEAL__CHANGE_ADD, &unknown, 1, &error),
           SEAL_ERROR_INVALID, &error, "schema");
    expect(seal__directory_modify(installer, NODE1, SEAL__CHANGE_ADD, &not_here, 1, &error),
           SEAL_ERROR_INVALID, &error, "schema");
    expect(seal__directory_modify(installer, "no name", SEAL__CHANGE_ADD, &taken, 1, &error),
           SEAL_ERROR_INVALID, &error, "DN");
    expect(
        seal__directory_search(alice, NULL, SEAL__SCOPE_BASE, "(no filter", NULL, note, &s, &error),
        SEAL_ERROR_INVALID, &error, "filter");
    expect(seal__directory_search(alice, "cn=none," BASE, SEAL__SCOPE_BASE, "(cn=*)", NULL, note,
                                  &s, &error),
           SEAL_ERROR_NOT_FOUND, &error, "no such entry");
    expect(seal__directory_compare(alice, "cn=none," BASE, "cn", "x", &equal, &error),
           SEAL_ERROR_NOT_FOUND, &error, "no such entry");
    seal__directory_close(installer);
    seal__directory_close(alice);
}

static void leases(void **state) {
    (void)state;
    static const char dn[] = "cn=leased," NODE1;
    seal__directory *d = as_node1();
    seal_error *error = NULL;
    uint32_t ttl = 0;
    seal__directory_entry entry = connection_point(dn, true);
    expect(seal__directory_add(d, &entry, &error), 0, &error, "");
    expect(seal__directory_refresh(d, dn, 3600, &ttl, &error), 0, &error, "");
    assert_int_equal(ttl, 3600);
    seal__directory *alice = as_alice();
    expect(seal__directory_refresh(alice, dn, 3600, &ttl, &error), SEAL_ERROR_DIRECTORY_DENIED,
           &error, "right");
    seal__directory_close(alice);
    expect(seal__directory_delete(d, dn, &error), 0, &error, "");
    expect(seal__directory_refresh(d, dn, 3600, &ttl, &error), SEAL_ERROR_NOT_FOUND, &error, "");
    seal__directory_close(d);
}

/* A copy says where changes belong, and another server can be tried. */
static void a_replica_takes_no_changes(void **state) {
    (void)state;
    const seal__directory_config config = {.uris = getenv("SEAL_DIRECTORY_URI"),
                                           .client_keytab = service_keytab,
                                           .client_principal = "greeter/node1.sealrpc.test",
                                           .first = 1};
    seal__directory *d = NULL;
    seal_error *error = NULL;
    assert_int_equal(seal__directory_open(&seal__default_allocator, &config, &d, NULL), 0);
    seal__directory_entry entry = connection_point("cn=x," NODE1, false);
    expect(seal__directory_add(d, &entry, &error), SEAL_ERROR_DIRECTORY, &error, "copy");
    seal__directory_close(d);
}

/* ---- Watching ---- */

static void until_changed(seal__directory *watcher) {
    bool changed = false;
    while (!changed) {
        struct pollfd at = {.fd = seal__directory_watch_fd(watcher), .events = POLLIN};
        assert_int_equal(poll(&at, 1, WAIT_MS), 1);
        assert_int_equal(seal__directory_watch_take(watcher, &changed, NULL), 0);
    }
}

/* What belongs to earlier changes may come in pieces. */
static void until_quiet(seal__directory *watcher) {
    struct pollfd at = {.fd = seal__directory_watch_fd(watcher), .events = POLLIN};
    bool changed = false;
    do {
        assert_int_equal(seal__directory_watch_take(watcher, &changed, NULL), 0);
    } while (changed || poll(&at, 1, 300) == 1);
}

static void changes_are_told(void **state) {
    (void)state;
    static const char dn[] = "cn=watched," NODE1;
    seal__directory *watcher = as_alice();
    seal__directory *d = as_node1();
    seal__directory_watch_kind kind = SEAL__WATCH_NONE;
    assert_int_equal(seal__directory_watch_fd(watcher), -1);
    assert_int_equal(seal__directory_watch(watcher, NULL, "(objectClass=serviceConnectionPoint)",
                                           "serviceConnectionPoint", &kind, NULL),
                     0);
    assert_int_equal(kind, SEAL__WATCH_SYNC);
    until_quiet(watcher);
    const char *word = "x";
    const seal__directory_attribute keywords = {"keywords", 1, &word};
    seal__directory_entry entry = connection_point(dn, false);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(seal__directory_add(d, &entry, NULL), 0);
        until_changed(watcher);
        assert_int_equal(seal__directory_modify(d, dn, SEAL__CHANGE_ADD, &keywords, 1, NULL), 0);
        until_changed(watcher);
        assert_int_equal(seal__directory_delete(d, dn, NULL), 0);
        until_changed(watcher);
    }
    seal__directory_close(d);
    seal__directory_close(watcher);
}

static void a_watch_that_is_refused(void **state) {
    (void)state;
    seal__directory *watcher = as_alice();
    seal__directory_watch_kind kind = SEAL__WATCH_NONE;
    seal_error *error = NULL;
    bool changed = false;
    int rc = seal__directory_watch(watcher, "dc=elsewhere", "(cn=*)", NULL, &kind, &error);
    while (rc == 0) {
        struct pollfd at = {.fd = seal__directory_watch_fd(watcher), .events = POLLIN};
        assert_int_equal(poll(&at, 1, WAIT_MS), 1);
        rc = seal__directory_watch_take(watcher, &changed, &error);
    }
    expect(rc, SEAL_ERROR_NOT_FOUND, &error, "watch");
    seal__directory_close(watcher);
}

/* A server without any of the two ways. */
static void nothing_to_watch_with(void **state) {
    (void)state;
    const fake_ldap_script script = {.n = 0};
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_HONEST, directory_keytab, &script);
    seal__directory *d = open_as(fake_ldap_uri(fake), NULL, NULL);
    seal__directory_watch_kind kind = SEAL__WATCH_SYNC;
    assert_false(seal__directory_can_watch(d));
    assert_int_equal(seal__directory_watch(d, NULL, "(cn=*)", NULL, &kind, NULL), 0);
    assert_int_equal(kind, SEAL__WATCH_NONE);
    assert_int_equal(seal__directory_watch_fd(d), -1);
    seal__directory_close(d);
    fake_ldap_stop(fake);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_all_kinds),
        cmocka_unit_test(too_many),
        cmocka_unit_test(several_messages_in_one_packet),
        cmocka_unit_test(a_lost_connection_stays_lost),
        cmocka_unit_test(entries_come_and_go),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(leases),
        cmocka_unit_test(a_replica_takes_no_changes),
        cmocka_unit_test(changes_are_told),
        cmocka_unit_test(a_watch_that_is_refused),
        cmocka_unit_test(nothing_to_watch_with),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
