/* SPDX-License-Identifier: Apache-2.0 */
/* What KDC, keytab, directory, krb5.conf and DNS can have wrong about a server's name: made for
 * real, and found by the server before it listens. */
#include "directory.h"

#include "support/fake_getaddrinfo.h"

#include <sealrpc/publish.h>

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static seal_server_options checked(const char *principal, const char *keytab) {
    seal_server_options options;
    it_server_options(&options);
    options.skip_startup_check = false;
    if (principal != NULL)
        options.principal = principal;
    options.keytab = keytab;
    return options;
}

static void (*prepare)(seal_server *server);

/* Does not start: this code, both parts in the message, nothing bound. */
static void refuses(const seal_server_options *options, int code, const char *part,
                    const char *remedy) {
    static it_server s;
    seal_error *error = NULL;
    it_server_init(&s);
    s.prepare = prepare;
    int rc = it_server_try_start(&s, options, NULL, &error);
    const char *message = seal_error_message(error);
    bool right = rc == code && strstr(message, part) != NULL && strstr(message, remedy) != NULL;
    if (!right || getenv("IT_VERBOSE") != NULL)
        print_message("wanted %s, got %s: %s\n", seal_error_code_name(code),
                      seal_error_code_name(rc), message);
    assert_true(right);
    assert_int_equal(seal_server_port(s.server), 0);
    assert_int_equal(it_log_count(&s.log, "listening"), 0);
    seal_error_free(error);
    it_server_done(&s);
}

/* Starts, with a line in the log that has both parts. */
static void starts_with_a_warning(const seal_server_options *options, const char *part,
                                  const char *remedy) {
    static it_server s;
    static it_client c;
    it_server_init(&s);
    s.prepare = prepare;
    it_server_start(&s, options, NULL);
    it_log_wait(&s.log, part);
    it_log_wait(&s.log, remedy);
    it_client_start(&c, s.target, NULL);
    it_echo(c.channel, 10);
    it_client_done(&c);
    it_server_done(&s);
}

/* A principal with new keys, and those in a keytab. */
static const char *make(const char *options, const char *principal, const char *file) {
    char command[1024];
    const char *keytab = it_path(file);
    snprintf(command, sizeof command,
             "kadmin.local addprinc -randkey %s %s >/dev/null 2>&1 && "
             "kadmin.local ktadd %s -k %s %s >/dev/null 2>&1",
             options, principal, options, keytab, principal);
    it_shell(command);
    return keytab;
}

/* ---- The KDC and the keytab ---- */

static void everything_is_right(void **state) {
    (void)state;
    static it_server s;
    seal_server_options options = checked(NULL, NULL);
    it_server_init(&s);
    it_server_start(&s, &options, NULL);
    assert_int_equal(it_log_count(&s.log, "could not check"), 0);
    it_server_done(&s);
}

static void not_registered(void **state) {
    (void)state;
    char command[512];
    const char *keytab = make("", "echo/gone", "gone.keytab");
    snprintf(command, sizeof command, "kadmin.local delprinc echo/gone >/dev/null 2>&1");
    it_shell(command);
    seal_server_options options = checked("echo/gone", keytab);
    refuses(&options, SEAL_ERROR_UNKNOWN_SERVICE, "echo/gone@" IT_REALM,
            "seal spn register echo/gone --keytab");
}

/* The keytab was made by hand, in the letters of the server's options. */
static void wrong_case(void **state) {
    (void)state;
    char command[1024];
    const char *keytab = it_path("case.keytab");
    snprintf(command, sizeof command,
             "printf 'rkt %s\\naddent -password -p echo/LocalHost@%s -k 1 -e "
             "aes256-cts-hmac-sha1-96\\nx\\nwkt %s\\n' | ktutil >/dev/null",
             strchr(getenv("KRB5_KTNAME"), '/'), IT_REALM, keytab);
    it_shell(command);
    seal_server_options options = checked("echo/LocalHost", keytab);
    refuses(&options, SEAL_ERROR_UNKNOWN_SERVICE, "but echo/localhost@" IT_REALM,
            "write echo/localhost");
}

static void stale_key(void **state) {
    (void)state;
    char command[512];
    const char *keytab = make("", "echo/stale", "stale.keytab");
    snprintf(command, sizeof command, "kadmin.local ktadd -k %s.new echo/stale >/dev/null 2>&1",
             keytab);
    it_shell(command);
    seal_server_options options = checked("echo/stale", keytab);
    refuses(&options, SEAL_ERROR_KEY_VERSION, "kvno 2 of echo/stale", "ktadd -k");
}

/* One of several names is enough. */
static void stale_key_of_an_alias(void **state) {
    (void)state;
    char command[1024];
    static const char *const aliases[] = {"echo/alias", NULL};
    const char *keytab = make("", "echo/alias", "alias.keytab");
    snprintf(command, sizeof command,
             "printf 'rkt %s\\nwkt %s\\n' | ktutil >/dev/null && "
             "kadmin.local ktadd -k %s.new echo/alias >/dev/null 2>&1",
             strchr(getenv("KRB5_KTNAME"), '/'), keytab, keytab);
    it_shell(command);
    seal_server_options options = checked(NULL, keytab);
    options.aliases = aliases;
    refuses(&options, SEAL_ERROR_KEY_VERSION, "kvno 2 of echo/alias", "ktadd -k");
}

static void weak_key(void **state) {
    (void)state;
    const char *keytab = make("-e arcfour-hmac:normal", "echo/weak", "weak.keytab");
    seal_server_options options = checked("echo/weak", keytab);
    refuses(&options, SEAL_ERROR_KEYTAB, "echo/weak", "weak");
}

/* The keytab has a good key, too, but the KDC does not use it. */
static void weak_key_in_the_kdc(void **state) {
    (void)state;
    char command[1024];
    const char *keytab = make("-e arcfour-hmac:normal", "echo/mixed", "mixed.keytab");
    snprintf(command, sizeof command,
             "printf 'addent -password -p echo/mixed@%s -k 2 -e "
             "aes256-cts-hmac-sha1-96\\nx\\nwkt %s\\n' | ktutil >/dev/null",
             IT_REALM, keytab);
    it_shell(command);
    seal_server_options options = checked("echo/mixed", keytab);
    refuses(&options, SEAL_ERROR_KEYTAB, "arcfour-hmac, which is weak",
            "msDS-SupportedEncryptionTypes");
}

/* ---- krb5.conf and DNS ---- */

static void wrong_realm(void **state) {
    (void)state;
    char before[300];
    char command[1024];
    const char *config = it_path("realm.conf");
    snprintf(before, sizeof before, "%s", getenv("KRB5_CONFIG"));
    snprintf(command, sizeof command,
             "sed 's/^ localhost = .*/ localhost = OTHER.TEST/' \"$KRB5_CONFIG\" > %s && "
             "grep -q OTHER.TEST %s",
             config, config);
    it_shell(command);
    setenv("KRB5_CONFIG", config, 1);
    seal_server_options options = checked(IT_SERVICE "@" IT_REALM, NULL);
    static it_server s;
    it_server_init(&s);
    it_server_start(&s, &options, NULL);
    setenv("KRB5_CONFIG", before, 1);
    assert_int_equal(it_log_count(&s.log, "echo/localhost@OTHER.TEST"), 1);
    assert_int_equal(it_log_count(&s.log, "to [domain_realm] of krb5.conf"), 1);
    it_server_done(&s);
}

static void dns_changes(void **state) {
    (void)state;
    const char *keytab = make("", "echo/shared.test", "dns.keytab");
    fake_names[0] = (fake_name){.host = "shared.test", .reverse = "machine7.test"};
    seal_server_options options = checked("echo/shared.test", keytab);
    static it_server s;
    it_server_init(&s);
    it_server_start(&s, &options, NULL);
    it_log_wait(&s.log, "would ask for echo/machine7.test");
    it_log_wait(&s.log, "dns_canonicalize_hostname = false");
    it_server_done(&s);
    memset(fake_names, 0, sizeof fake_names);
}

/* ---- The directory ---- */

static char publish_uri[128];
static const char *publish_account;

static void publish_there(seal_server *server) {
    seal_publish_options options;
    seal_publish_options_init(&options);
    options.directory = publish_uri;
    options.base = it_directory_base();
    options.account = publish_account;
    assert_int_equal(seal_server_publish(server, &options, NULL, NULL, NULL), 0);
}

static void with_directory(const char *account) {
    snprintf(publish_uri, sizeof publish_uri, "%s", it_directory_uri());
    publish_account = account;
    prepare = publish_there;
}

static int without_directory(void **state) {
    (void)state;
    prepare = NULL;
    return 0;
}

static void directory_is_right(void **state) {
    (void)state;
    static it_server s;
    seal_server_options options = checked(NULL, NULL);
    for (int i = 0; i < 2; i++) {
        with_directory(i == 0 ? NULL : it_account("localhost"));
        it_server_init(&s);
        s.prepare = prepare;
        it_server_start(&s, &options, NULL);
        assert_int_equal(it_log_count(&s.log, "could not check"), 0);
        it_server_done(&s);
    }
}

static void on_no_account(void **state) {
    (void)state;
    const char *keytab = make("", "echo/nobody", "nobody.keytab");
    seal_server_options options = checked("echo/nobody", keytab);
    with_directory(NULL);
    refuses(&options, SEAL_ERROR_UNKNOWN_SERVICE, "no account below",
            "seal spn register echo/nobody");
}

static void on_another_account(void **state) {
    (void)state;
    seal_server_options options = checked(NULL, NULL);
    with_directory(it_account("other.test"));
    refuses(&options, SEAL_ERROR_SPN_OWNER, it_account("other.test"),
            "seal spn unregister echo/localhost");
}

/* The overlay that forbids it looks only at accounts. */
static void on_two_accounts(void **state) {
    (void)state;
    char ldif[512];
    char dn[256];
    snprintf(dn, sizeof dn, "cn=intruder,ou=Services,%s", it_directory_base());
    snprintf(ldif, sizeof ldif,
             "dn: %s\nchangetype: add\nobjectClass: device\nobjectClass: spnAccount\n"
             "cn: intruder\nservicePrincipalName: echo/localhost\n",
             dn);
    it_directory_modify("", ldif);
    seal_server_options options = checked(NULL, NULL);
    with_directory(NULL);
    refuses(&options, SEAL_ERROR_SPN_DUPLICATE, dn, "seal spn unregister echo/localhost");
    it_directory_remove(dn);
}

/* Whoever may name an account must not write commands for administrators with it. */
static void commands_are_quoted(void **state) {
    (void)state;
    char ldif[512];
    char dn[256];
    snprintf(dn, sizeof dn, "cn=in'$(touch x)'truder,ou=Services,%s", it_directory_base());
    snprintf(ldif, sizeof ldif,
             "dn: %s\nchangetype: add\nobjectClass: device\nobjectClass: spnAccount\n"
             "cn: in'$(touch x)'truder\nservicePrincipalName: echo/localhost\n",
             dn);
    it_directory_modify("", ldif);
    seal_server_options options = checked(NULL, NULL);
    with_directory(it_account("localhost"));
    refuses(&options, SEAL_ERROR_SPN_DUPLICATE, dn,
            "unregister echo/localhost --account 'cn=in'\\''$(touch x)'\\''truder,ou=Services,");
    it_directory_remove(dn);
}

static void in_other_letters(void **state) {
    (void)state;
    char ldif[512];
    const char *keytab = make("", "echo/third.test", "third.keytab");
    snprintf(ldif, sizeof ldif,
             "dn: %s\nchangetype: modify\nadd: servicePrincipalName\n"
             "servicePrincipalName: Echo/Third.Test\n",
             it_account("other.test"));
    it_directory_modify("", ldif);
    seal_server_options options = checked("echo/third.test", keytab);
    static it_server s;
    with_directory(NULL);
    it_server_init(&s);
    s.prepare = prepare;
    it_server_start(&s, &options, NULL);
    assert_int_equal(it_log_count(&s.log, "has Echo/Third.Test, which is echo/third.test"), 1);
    it_server_done(&s);
}

static void no_directory(void **state) {
    (void)state;
    seal_server_options options = checked(NULL, NULL);
    with_directory(NULL);
    snprintf(publish_uri, sizeof publish_uri, "ldap://localhost:%u", it_closed_port());
    starts_with_a_warning(&options, "could not check in the directory which account", publish_uri);
}

static void silent_directory(void **state) {
    (void)state;
    uint16_t port = 0;
    int fd = it_listen(&port);
    seal_server_options options = checked(NULL, NULL);
    with_directory(NULL);
    snprintf(publish_uri, sizeof publish_uri, "ldap://localhost:%u", port);
    starts_with_a_warning(&options, "could not check in the directory which account",
                          "cannot be published");
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_right),
        cmocka_unit_test(not_registered),
        cmocka_unit_test(wrong_case),
        cmocka_unit_test(stale_key),
        cmocka_unit_test(stale_key_of_an_alias),
        cmocka_unit_test(weak_key),
        cmocka_unit_test(weak_key_in_the_kdc),
        cmocka_unit_test(wrong_realm),
        cmocka_unit_test(dns_changes),
        cmocka_unit_test_teardown(directory_is_right, without_directory),
        cmocka_unit_test_teardown(on_no_account, without_directory),
        cmocka_unit_test_teardown(on_another_account, without_directory),
        cmocka_unit_test_teardown(on_two_accounts, without_directory),
        cmocka_unit_test_teardown(commands_are_quoted, without_directory),
        cmocka_unit_test_teardown(in_other_letters, without_directory),
        cmocka_unit_test_teardown(no_directory, without_directory),
        cmocka_unit_test_teardown(silent_directory, without_directory),
    };
    return cmocka_run_group_tests_name("integration.startup_names", tests, NULL, NULL);
}
