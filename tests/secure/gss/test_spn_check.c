/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every misconfiguration of a service principal name that the KDC, the keytab, krb5.conf and DNS
 * can show, made for real: in a scratch realm with the user alice (who has a ticket), the service
 * greeter/localhost in the default keytab, and the user robot in the client keytab.
 */
#include "support/cmocka_all.h"
#include "support/fake_getaddrinfo.h"
#include "support/gss_lab.h"
#include "support/kdc_relay.h"

#include <krb5.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROBOT "robot@" LAB_REALM

static lab_realm_files realm;
static seal__spn_report report;

static int setup(void **state) {
    return lab_setup_in_realm(state, &realm);
}

/* ---- Tools ---- */

static void shell(const char *format, ...) SEAL_PRINTF(1, 2);

static void shell(const char *format, ...) {
    char command[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(command, sizeof command, format, args);
    va_end(args);
    assert_true(n > 0 && (size_t)n < sizeof command);
    if (system(command) != 0) {
        print_error("failed: %s\n", command);
        fail();
    }
}

/* A principal in the KDC; and its keys, new ones each time, in a keytab. */
static void add_principal(const char *options, const char *name) {
    shell("kadmin.local addprinc -randkey %s %s >/dev/null 2>&1", options, name);
}
static void export_keys(const char *keytab, const char *name) {
    shell("kadmin.local ktadd -k %s %s >/dev/null 2>&1", keytab, name);
}
static void copy_keys(const char *from, const char *to) {
    shell("printf 'rkt %s\\nwkt %s\\n' | ktutil >/dev/null", from, to);
}
static const char *without_type(const char *keytab) {
    return strncmp(keytab, "FILE:", 5) == 0 ? keytab + 5 : keytab;
}

static int look(const char *spn, const char *keytab) {
    seal__spn_check_options options = {.spn = spn, .keytab = keytab};
    seal_error *error = NULL;
    report.n = 0;
    int rc = seal__spn_check(&seal__default_allocator, &options, &report, &error);
    if (rc < 0)
        print_message("%s\n", seal_error_message(error));
    seal_error_free(error);
    return rc;
}

static void show(void) {
    for (size_t i = 0; i < report.n; i++)
        print_message("%s%s: %s; %s\n", seal__spn_finding_name(report.facts[i].finding),
                      report.facts[i].fatal ? " (fatal)" : "", report.facts[i].text,
                      report.facts[i].remedy);
}

/* The only fact; its text and its remedy contain these. */
static void finds(seal__spn_finding finding, bool fatal, const char *part, const char *remedy) {
    bool right = report.n == 1 && report.facts[0].finding == finding &&
                 report.facts[0].fatal == fatal && strstr(report.facts[0].text, part) != NULL &&
                 strstr(report.facts[0].remedy, remedy) != NULL &&
                 strchr(report.facts[0].text, '\n') == NULL;
    if (!right || getenv("LAB_VERBOSE") != NULL)
        show();
    if (!right)
        print_error("wanted %s: \"%s\"; \"%s\"\n", seal__spn_finding_name(finding), part, remedy);
    assert_true(right);
    assert_int_equal(seal__spn_report_is_fatal(&report), fatal);
}

static void finds_nothing(void) {
    show();
    assert_int_equal(report.n, 0);
    assert_false(seal__spn_report_is_fatal(&report));
}

/* ---- Right ---- */

static void everything_is_right(void **state) {
    (void)state;
    assert_int_equal(look(LAB_SERVICE, realm.service_keytab), 0);
    finds_nothing();
    assert_int_equal(look("greeter/localhost", realm.service_keytab), 0);
    finds_nothing();
    assert_int_equal(look("greeter/localhost", NULL), 0);
    finds_nothing();
    seal__spn_check_options options = {.spn = "greeter/localhost", .default_keytab = true};
    assert_int_equal(seal__spn_check(&seal__default_allocator, &options, &report, NULL), 0);
    finds_nothing();
}

/* ---- Commands ---- */

/* What a command names is the whole name or none: a part of it is another name. */
static void commands_name_all_or_nothing(void **state) {
    (void)state;
    for (size_t len = 100; len <= 255; len += 155) {
        char spn[512] = "greeter/localhost/";
        size_t used = strlen(spn);
        memset(spn + used, 'n', len);
        spn[used + len] = '\0';
        for (int i = 0; i < 2; i++) {
            assert_int_equal(look(spn, i == 0 ? realm.service_keytab : NULL), 0);
            assert_in_range(report.n, 1, 2);
            for (size_t k = 0; k < report.n; k++) {
                const char *at = report.facts[k].remedy;
                assert_true(strstr(at, "seal(1)") != NULL || strstr(at, spn) != NULL);
                for (; (at = strstr(at, "greeter/")) != NULL; at++)
                    assert_int_equal(strncmp(at, spn, strlen(spn)), 0);
            }
        }
    }
}

/* One line for a terminal, and nothing cut in the middle. */
static void facts_are_clean(void **state) {
    (void)state;
    char text[SEAL__SPN_TEXT];
    char longer[SEAL__SPN_TEXT];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    seal__spn_remedy(text, "seal %s", longer);
    assert_null(strstr(text, "xx"));
    report.n = 0;
    seal__spn_report_add(&report, SEAL__SPN_DUPLICATE, true, "run\x1b[2J", "a\nb%s", "\x7f");
    assert_string_equal(report.facts[0].text, "a b ");
    assert_string_equal(report.facts[0].remedy, "run [2J");
    longer[sizeof longer - 100] = '\0';
    report.n = 0;
    seal__spn_report_add(&report, SEAL__SPN_DUPLICATE, true, longer, "%s", longer);
    seal_error *error = NULL;
    seal__spn_fact_error(&report.facts[0], &error);
    assert_int_equal(strlen(seal_error_message(error)), 2 * strlen(longer) + 2);
    seal_error_free(error);
}

/* A type that is not known is none to be trusted. */
static void weak_types(void **state) {
    (void)state;
    static const int32_t weak[] = {0, 1, 3, 5, 6, 8, 16, 23, 24};
    static const int32_t strong[] = {17, 18, 19, 20};
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++)
        assert_true(seal__spn_enctype_is_weak(weak[i]));
    for (size_t i = 0; i < sizeof strong / sizeof strong[0]; i++)
        assert_false(seal__spn_enctype_is_weak(strong[i]));
}

/* What lies in the user's cache from before does not count. */
static void tickets_in_the_cache_do_not_count(void **state) {
    (void)state;
    const char *keytab = lab_path("cached.keytab");
    add_principal("", "greeter/cached");
    export_keys(keytab, "greeter/cached");
    shell("kvno -q %s >/dev/null", "greeter/cached");
    assert_int_equal(look("greeter/cached", NULL), 0);
    finds_nothing();
    shell("kadmin.local delprinc %s >/dev/null 2>&1", "greeter/cached");
    assert_int_equal(look("greeter/cached", NULL), 0);
    finds(SEAL__SPN_NOT_REGISTERED, true, "greeter/cached@" LAB_REALM, "seal spn register");
}

/* ---- Not registered ---- */

static void not_registered(void **state) {
    (void)state;
    const char *keytab = lab_path("nowhere.keytab");
    lab_add_key(keytab, "greeter/nowhere@" LAB_REALM, 1, "anything");
    assert_int_equal(look("greeter/nowhere", keytab), 0);
    finds(SEAL__SPN_NOT_REGISTERED, true, "nor can any other principal",
          "seal spn register greeter/nowhere --keytab");
    copy_keys(without_type(realm.client_keytab), keytab);
    assert_int_equal(look("greeter/nowhere", keytab), 0);
    finds(SEAL__SPN_NOT_REGISTERED, true, "asked as " ROBOT,
          "addprinc -randkey greeter/nowhere@" LAB_REALM);
    assert_int_equal(look("greeter/nowhere", NULL), 0);
    finds(SEAL__SPN_NOT_REGISTERED, true, "asked as " LAB_ALICE,
          "seal spn register greeter/nowhere");
}

static void wrong_case(void **state) {
    (void)state;
    static const char *const names[] = {"greeter/LocalHost", "Greeter/localhost",
                                        "GREETER/LOCALHOST"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(look(names[i], NULL), 0);
        finds(SEAL__SPN_WRONG_CASE, true, LAB_SERVICE, "write greeter/localhost");
        assert_int_equal(look(names[i], realm.service_keytab), 0);
        finds(SEAL__SPN_WRONG_CASE, true, names[i], "write greeter/localhost");
    }
    add_principal("", "HTTP/localhost");
    assert_int_equal(look("http/localhost", NULL), 0);
    finds(SEAL__SPN_WRONG_CASE, true, "HTTP/localhost@" LAB_REALM, "write HTTP/localhost");
}

/* ---- Keys ---- */

static void stale_key(void **state) {
    (void)state;
    const char *old = lab_path("stale.keytab");
    const char *new = lab_path("stale.new");
    add_principal("", "greeter/stale");
    export_keys(old, "greeter/stale");
    export_keys(new, "greeter/stale");
    assert_int_equal(look("greeter/stale", new), 0);
    finds_nothing();
    /* Alone it cannot learn the version. */
    assert_int_equal(look("greeter/stale", old), 0);
    finds(SEAL__SPN_STALE_KEY, true, "has kvno 2 of greeter/stale", "ktadd -k");
    copy_keys(without_type(realm.client_keytab), old);
    assert_int_equal(look("greeter/stale", old), 0);
    finds(SEAL__SPN_STALE_KEY, true, "the KDC has kvno 3", "ktadd -k");
}

static void same_version_of_another_key(void **state) {
    (void)state;
    const char *keytab = lab_path("same.keytab");
    lab_add_key(keytab, LAB_SERVICE, 1, "not what the KDC has");
    copy_keys(without_type(realm.client_keytab), keytab);
    /* The realm's service has version 1 or 2, whatever made its keytab. */
    lab_add_key(keytab, LAB_SERVICE, 2, "not what the KDC has");
    assert_int_equal(look(LAB_SERVICE, keytab), 0);
    assert_int_equal(report.n, 1);
    assert_int_equal(report.facts[0].finding, SEAL__SPN_STALE_KEY);
    assert_non_null(strstr(report.facts[0].text, "has kvno 2 of " LAB_SERVICE));
}

static void no_key(void **state) {
    (void)state;
    assert_int_equal(look(LAB_SERVICE, realm.client_keytab), 0);
    finds(SEAL__SPN_NO_KEY, true, "no key in it opens a ticket", "exportkeytab");
    assert_non_null(strstr(report.facts[0].text, ROBOT));
}

static void no_keytab(void **state) {
    (void)state;
    assert_int_equal(look(LAB_SERVICE, lab_path("no.keytab")), SEAL_ERROR_KEYTAB);
    lab_write(lab_path("garbage.keytab"), "garbage", 7);
    assert_int_equal(look(LAB_SERVICE, lab_path("garbage.keytab")), SEAL_ERROR_KEYTAB);
}

static void weak_key(void **state) {
    (void)state;
    const char *keytab = lab_path("weak.keytab");
    add_principal("-e arcfour-hmac:normal", "greeter/weak");
    shell("kadmin.local ktadd -e arcfour-hmac:normal -k %s %s >/dev/null 2>&1", keytab,
          "greeter/weak");
    assert_int_equal(look("greeter/weak", keytab), 0);
    finds(SEAL__SPN_WEAK_KEY, true, "arcfour-hmac", "msDS-SupportedEncryptionTypes");
    assert_int_equal(look("greeter/weak", NULL), 0);
    finds(SEAL__SPN_WEAK_KEY, true, "greeter/weak@" LAB_REALM, "seal spn register greeter/weak");
}

/* ---- As Active Directory behaves: no SPN is a client ---- */

static void use_config(const char *extra) {
    lab_configure(extra);
    setenv("KRB5_CONFIG", lab_path("krb5.conf"), 1);
}

static void use_relay(const char *word) {
    char extra[256];
    uint16_t port = kdc_relay_start(kdc_port_of_config(), LAB_REALM, word);
    snprintf(extra, sizeof extra,
             " udp_preference_limit = 1\n[realms]\n %s = {\n  kdc = 127.0.0.1:%u\n }\n", LAB_REALM,
             port);
    use_config(extra);
}

static void end_relay(void) {
    kdc_relay_stop();
    setenv("KRB5_CONFIG", realm.krb5_conf, 1);
}

static void the_account_asks_for_its_names(void **state) {
    (void)state;
    const char *keytab = lab_path("ad.keytab");
    copy_keys(without_type(realm.service_keytab), keytab);
    copy_keys(without_type(realm.client_keytab), keytab);
    use_relay("greeter");
    assert_int_equal(look(LAB_SERVICE, keytab), 0);
    finds_nothing();
    seal__spn_client client;
    assert_int_equal(
        seal__spn_find_client(&seal__default_allocator, keytab, LAB_SERVICE, &client, NULL), 0);
    assert_string_equal(client.principal, ROBOT);
    end_relay();
    assert_int_equal(
        seal__spn_find_client(&seal__default_allocator, keytab, LAB_SERVICE, &client, NULL), 0);
    assert_string_equal(client.principal, LAB_SERVICE);
    assert_string_equal(client.keytab, keytab);
}

static void other_account(void **state) {
    (void)state;
    const char *keytab = lab_path("moved.keytab");
    add_principal("", "greeter/moved");
    lab_add_key(keytab, "greeter/moved@" LAB_REALM, 1, "of the account before");
    copy_keys(without_type(realm.client_keytab), keytab);
    use_relay("moved");
    assert_int_equal(look("greeter/moved", keytab), 0);
    end_relay();
    finds(SEAL__SPN_OTHER_ACCOUNT, true, "another account than " ROBOT, "setspn -Q greeter/moved");
}

/* The keytab of an account alone: it has the key, but not under that name. */
static void key_under_another_name(void **state) {
    (void)state;
    const char *keytab = lab_path("account.keytab");
    add_principal("", "greeter/shared");
    shell("kadmin.local cpw -pw same %s >/dev/null 2>&1", "greeter/shared");
    shell("kadmin.local addprinc -pw same %s >/dev/null 2>&1", "node1");
    shell("kadmin.local ktadd -norandkey -k %s %s >/dev/null 2>&1", keytab, "node1");
    assert_int_equal(look("greeter/shared", keytab), 0);
    assert_int_equal(report.n, 1);
    assert_int_equal(report.facts[0].finding, SEAL__SPN_NO_KEY);
}

/* ---- Realms ---- */

static void wrong_realm(void **state) {
    (void)state;
    char extra[512];
    snprintf(extra, sizeof extra,
             " udp_preference_limit = 1\n[realms]\n %s = {\n  kdc = 127.0.0.1:%u\n }\n"
             "[domain_realm]\n localhost = OTHER.TEST\n",
             LAB_REALM, kdc_port_of_config());
    use_config(extra);
    assert_int_equal(look(LAB_SERVICE, realm.service_keytab), 0);
    finds(SEAL__SPN_WRONG_REALM, false, "greeter/localhost@OTHER.TEST",
          "\"localhost = " LAB_REALM "\" to [domain_realm]");
    setenv("KRB5_CONFIG", realm.krb5_conf, 1);
}

/* No trust: that is no proof that the name does not exist there. */
static void a_realm_without_a_way(void **state) {
    (void)state;
    assert_int_equal(look("greeter/elsewhere@OTHER.TEST", NULL), 0);
    show();
    assert_int_equal(report.n, 2);
    assert_int_equal(report.facts[0].finding, SEAL__SPN_UNKNOWN);
    assert_int_equal(report.facts[1].finding, SEAL__SPN_WRONG_REALM);
    assert_false(seal__spn_report_is_fatal(&report));
}

/* ---- DNS ---- */

static void ask_dns(const char *spn) {
    report.n = 0;
    seal__spn_check_dns(spn, &report);
}

static void dns_changes(void **state) {
    (void)state;
    fake_names[0] = (fake_name){.host = "same.test", .reverse = "same.test"};
    fake_names[1] =
        (fake_name){.host = "alias.test", .canonical = "real.test", .reverse = "real.test"};
    fake_names[2] = (fake_name){.host = "shared.test", .reverse = "machine7.test"};
    fake_names[3] = (fake_name){.host = "bare.test"};
    fake_names[4] = (fake_name){.host = "none.test", .error = EAI_NONAME};
    fake_names[5] = (fake_name){.host = "silent.test", .error = EAI_AGAIN};
    static const char *const right[] = {"greeter/same.test",     "greeter/Same.TEST:7001/x",
                                        "greeter/bare.test",     "greeter/none.test",
                                        "greeter/192.0.2.1",     "greeter/[2001:db8::1]:7001",
                                        "greeter/same.test@ANY", "alice"};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        ask_dns(right[i]);
        finds_nothing();
    }
    ask_dns("greeter/alias.test:7001@" LAB_REALM);
    finds(SEAL__SPN_DNS_CHANGES, false, "would ask for greeter/real.test", "rdns = false");
    ask_dns("greeter/shared.test");
    finds(SEAL__SPN_DNS_CHANGES, false, "shared.test as machine7.test (reverse",
          "greeter/machine7.test");
    /* The realm's krb5.conf has both off, one without them has them on. */
    assert_non_null(strstr(report.facts[0].text, "dns_canonicalize_hostname is off, rdns is off"));
    static const char other[] = "[libdefaults]\n default_realm = " LAB_REALM
                                "\n dns_canonicalize_hostname = fallback\n rdns = NO\n";
    lab_write(lab_path("other.conf"), other, sizeof other - 1);
    setenv("KRB5_CONFIG", lab_path("other.conf"), 1);
    ask_dns("greeter/shared.test");
    assert_non_null(strstr(report.facts[0].text, "dns_canonicalize_hostname is on, rdns is off"));
    setenv("KRB5_CONFIG", realm.krb5_conf, 1);
    ask_dns("greeter/silent.test");
    finds(SEAL__SPN_UNKNOWN, false, "greeter/silent.test", "");
    memset(fake_names, 0, sizeof fake_names);
}

static void dns_and_kdc_together(void **state) {
    (void)state;
    fake_names[0] = (fake_name){.host = "localhost", .canonical = "localhost.test"};
    seal__spn_check_options options = {
        .spn = "greeter/localhost", .default_keytab = true, .ask_dns = true};
    report.n = 0;
    assert_int_equal(seal__spn_check(&seal__default_allocator, &options, &report, NULL), 0);
    finds(SEAL__SPN_DNS_CHANGES, false, "localhost.test (forward", "register greeter/localhost");
    memset(fake_names, 0, sizeof fake_names);
}

/* ---- Nobody can be asked ---- */

static void kdc_away(void **state) {
    (void)state;
    char files[300];
    use_config("[realms]\n " LAB_REALM " = {\n  kdc = 127.0.0.1:1\n }\n");
    snprintf(files, sizeof files, "kdc= of the realm in %s", lab_path("krb5.conf"));
    assert_int_equal(look(LAB_SERVICE, realm.service_keytab), 0);
    finds(SEAL__SPN_UNKNOWN, false, LAB_REALM, "check kdc= of the realm in");
    assert_int_equal(look(LAB_SERVICE, NULL), 0);
    finds(SEAL__SPN_UNKNOWN, false, LAB_SERVICE, "check kdc= of the realm in");
    seal__spn_client client;
    seal_error *error = NULL;
    assert_int_equal(seal__spn_find_client(&seal__default_allocator, realm.service_keytab,
                                           LAB_SERVICE, &client, &error),
                     SEAL_ERROR_KDC_UNREACHABLE);
    seal_error_free(error);
    setenv("KRB5_CONFIG", realm.krb5_conf, 1);
}

static void no_ticket(void **state) {
    (void)state;
    char ccache[300];
    snprintf(ccache, sizeof ccache, "FILE:%s", lab_path("nobody.ccache"));
    seal__spn_check_options options = {.spn = LAB_SERVICE, .ccache = ccache};
    seal_error *error = NULL;
    report.n = 0;
    assert_int_equal(seal__spn_check(&seal__default_allocator, &options, &report, &error),
                     SEAL_ERROR_CREDENTIALS);
    lab_assert_error(error, SEAL_ERROR_CREDENTIALS, ccache, "kinit", NULL);
    seal_error_free(error);
    assert_int_equal(look("@@", NULL), SEAL_ERROR_INVALID);
}

/* ---- The report ---- */

/* To a KDC a name of two accounts is no name; what explains that comes first. */
static void a_duplicate_leads(void **state) {
    (void)state;
    report.n = 0;
    seal__spn_report_add(&report, SEAL__SPN_DNS_CHANGES, false, NULL, "a warning");
    seal__spn_report_add(&report, SEAL__SPN_NOT_REGISTERED, true, "register it", "nobody has it");
    seal__spn_report_add(&report, SEAL__SPN_DUPLICATE, true, "mend it", "two have it");
    assert_int_equal(report.n, 3);
    assert_int_equal(report.facts[0].finding, SEAL__SPN_DUPLICATE);
    assert_int_equal(report.facts[1].finding, SEAL__SPN_DNS_CHANGES);
    assert_int_equal(report.facts[2].finding, SEAL__SPN_NOT_REGISTERED);
    assert_ptr_equal(seal__spn_report_first_fatal(&report), &report.facts[0]);
}

static void a_full_report_keeps_what_is_fatal(void **state) {
    (void)state;
    report.n = 0;
    for (int i = 0; i < SEAL__SPN_FINDINGS + 3; i++)
        seal__spn_report_add(&report, SEAL__SPN_DNS_CHANGES, false, NULL, "warning %d", i);
    assert_int_equal(report.n, SEAL__SPN_FINDINGS);
    assert_false(seal__spn_report_is_fatal(&report));
    seal__spn_report_add(&report, SEAL__SPN_DUPLICATE, true, "mend it", "two have it");
    assert_int_equal(report.n, SEAL__SPN_FINDINGS);
    const seal__spn_fact *fact = seal__spn_report_first_fatal(&report);
    assert_non_null(fact);
    seal_error *error = NULL;
    assert_int_equal(seal__spn_fact_error(fact, &error), SEAL_ERROR_SPN_DUPLICATE);
    assert_string_equal(seal_error_message(error), "two have it; mend it");
    seal_error_free(error);
    assert_string_equal(seal__spn_finding_name(SEAL__SPN_WRONG_CASE), "wrong-case");
    assert_string_equal(seal__spn_finding_name((seal__spn_finding)99), "?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_right),
        cmocka_unit_test(commands_name_all_or_nothing),
        cmocka_unit_test(facts_are_clean),
        cmocka_unit_test(weak_types),
        cmocka_unit_test(tickets_in_the_cache_do_not_count),
        cmocka_unit_test(not_registered),
        cmocka_unit_test(wrong_case),
        cmocka_unit_test(stale_key),
        cmocka_unit_test(same_version_of_another_key),
        cmocka_unit_test(no_key),
        cmocka_unit_test(no_keytab),
        cmocka_unit_test(weak_key),
        cmocka_unit_test(the_account_asks_for_its_names),
        cmocka_unit_test(other_account),
        cmocka_unit_test(key_under_another_name),
        cmocka_unit_test(wrong_realm),
        cmocka_unit_test(a_realm_without_a_way),
        cmocka_unit_test(dns_changes),
        cmocka_unit_test(dns_and_kdc_together),
        cmocka_unit_test(kdc_away),
        cmocka_unit_test(no_ticket),
        cmocka_unit_test(a_full_report_keeps_what_is_fatal),
        cmocka_unit_test(a_duplicate_leads),
    };
    return cmocka_run_group_tests_name("secure.gss.spn_check", tests, setup, lab_teardown);
}
