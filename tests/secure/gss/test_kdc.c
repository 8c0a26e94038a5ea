/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With a real KDC: this program runs inside a scratch realm (seal-realm run) that has the user
 * alice with a ticket, the service greeter/localhost in the default keytab, and the user robot in
 * the client keytab.
 */
#include "support/gss_clock.h"
#include "support/gss_lab.h"

#include <krb5.h>

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ROBOT "robot@" LAB_REALM

static lab_realm_files realm;

static int setup(void **state) {
    int rc = lab_setup_in_realm(state, &realm);
    setenv("KRB5_CLIENT_KTNAME", lab_path("default-client.keytab"), 1);
    return rc;
}

static const seal_mechanism both[] = {SEAL_MECHANISM_KRB5, SEAL_MECHANISM_SPNEGO};

static void a_users_ticket(void **state) {
    (void)state;
    for (size_t m = 0; m < 2; m++) {
        lab_pair pair;
        lab_token token;
        lab_pair_establish(&pair,
                           &(lab_options){.mechanism = both[m], .target = "greeter/localhost"});
        assert_string_equal(pair.acceptor->info.peer, LAB_ALICE);
        assert_string_equal(pair.initiator->info.peer, LAB_SERVICE);
        assert_int_equal(lab_wrap(pair.initiator, true, "hello", &token), 0);
        assert_int_equal(lab_unwrap(pair.acceptor, true, &token, "hello"), 0);
        lab_pair_done(&pair);
    }
}

static void a_fresh_ticket(void **state) {
    (void)state;
    for (int round = 0; round < 2; round++) {
        lab_pair pair;
        lab_pair_establish(&pair, &(lab_options){.fresh_ticket = round == 1});
        lab_pair_done(&pair);
    }
}

static void a_client_keytab(void **state) {
    (void)state;
    for (size_t m = 0; m < 2; m++) {
        for (int round = 0; round < 2; round++) {
            lab_pair pair;
            lab_pair_establish(&pair,
                               &(lab_options){.mechanism = both[m],
                                              .client_keytab = realm.client_keytab,
                                              .client_principal = round == 0 ? NULL : ROBOT});
            assert_string_equal(pair.acceptor->info.peer, ROBOT);
            assert_string_equal(pair.initiator->info.local, ROBOT);
            lab_pair_done(&pair);
        }
    }
}

static void initiator_fails(const lab_options *options, int code, const char *first,
                            const char *second) {
    lab_pair pair;
    lab_pair_init(&pair, options);
    lab_pair_run(&pair);
    assert_int_equal(pair.initiator_rc, code);
    assert_int_equal(pair.n_tokens, 0);
    lab_assert_error(pair.initiator_error, code, first, second, NULL);
    lab_pair_done(&pair);
}

static void no_ticket(void **state) {
    (void)state;
    for (size_t m = 0; m < 2; m++) {
        char ccache[300];
        snprintf(ccache, sizeof ccache, "FILE:%s", lab_path("nobody.ccache"));
        initiator_fails(&(lab_options){.mechanism = both[m], .ccache = ccache},
                        SEAL_ERROR_CREDENTIALS, ccache, "kinit");
    }
}

static void expired_ticket(void **state) {
    (void)state;
    lab_clock_offset_s = 30 * 24 * 3600;
    for (size_t m = 0; m < 2; m++)
        initiator_fails(&(lab_options){.mechanism = both[m]}, SEAL_ERROR_CREDENTIALS_EXPIRED,
                        LAB_ALICE, "kinit");
    lab_clock_offset_s = 0;
}

static void unknown_service(void **state) {
    (void)state;
    static const char target[] = "greeter/nowhere@" LAB_REALM;
    static const char *const principals[] = {target};
    for (size_t m = 0; m < 2; m++)
        initiator_fails(&(lab_options){.mechanism = both[m],
                                       .target = target,
                                       .principals = principals,
                                       .n_principals = 1},
                        SEAL_ERROR_UNKNOWN_SERVICE, target, "addprinc");
}

static void unknown_realm(void **state) {
    (void)state;
    static const char target[] = "greeter/localhost@OTHER.TEST";
    static const char *const principals[] = {target};
    initiator_fails(&(lab_options){.target = target, .principals = principals, .n_principals = 1},
                    SEAL_ERROR_UNKNOWN_SERVICE, target, "domain_realm");
}

/* A port on which nothing listens. */
static int closed_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void use_dead_kdc(void) {
    char extra[256];
    snprintf(extra, sizeof extra, "[realms]\n %s = {\n  kdc = 127.0.0.1:%d\n }\n", LAB_REALM,
             closed_port());
    lab_configure(extra);
    setenv("KRB5_CONFIG", lab_path("krb5.conf"), 1);
}

static void check_kdc(const char *keytab, const char *principal, int code, const char *first,
                      const char *second) {
    for (size_t m = 0; m < 2; m++) {
        seal__gss_acceptor *acceptor = lab_identity(keytab, principal, both[m]);
        seal_error *error = NULL;
        static seal__spn_report report;
        report.n = 0;
        int rc = seal__gss_acceptor_check_kdc(acceptor, &report, &error);
        if (rc == 0 && report.n > 0)
            rc = seal__spn_fact_error(&report.facts[0], &error);
        if (code != 0)
            lab_assert_error(error, code, first, second, NULL);
        else if (rc != 0)
            print_error("%s\n", seal_error_message(error));
        assert_int_equal(rc, code);
        seal_error_free(error);
        seal__gss_acceptor_unref(acceptor);
    }
}

static void kdc_unreachable(void **state) {
    (void)state;
    char keytab[300];
    snprintf(keytab, sizeof keytab, "%s", realm.service_keytab);
    use_dead_kdc();
    for (size_t m = 0; m < 2; m++) {
        lab_pair pair;
        lab_pair_init(&pair, &(lab_options){.mechanism = both[m],
                                            .client_keytab = realm.client_keytab,
                                            .client_principal = "robot"});
        lab_pair_run(&pair);
        /* The private cache may still hold tickets of an earlier test. */
        if (pair.initiator_rc < 0)
            lab_assert_error(pair.initiator_error, SEAL_ERROR_KDC_UNREACHABLE, LAB_REALM, "88",
                             NULL);
        lab_pair_done(&pair);
        initiator_fails(&(lab_options){.mechanism = both[m], .fresh_ticket = true},
                        SEAL_ERROR_KDC_UNREACHABLE, LAB_REALM, lab_path("krb5.conf"));
    }
    check_kdc(keytab, LAB_SERVICE, SEAL_ERROR_KDC_UNREACHABLE, LAB_REALM, lab_path("krb5.conf"));
    setenv("KRB5_CONFIG", realm.krb5_conf, 1);
}

static void no_kdc_configured(void **state) {
    (void)state;
    lab_configure("");
    setenv("KRB5_CONFIG", lab_path("krb5.conf"), 1);
    check_kdc(realm.service_keytab, LAB_SERVICE, SEAL_ERROR_KDC_UNREACHABLE, LAB_REALM, "kdc=");
    setenv("KRB5_CONFIG", realm.krb5_conf, 1);
}

static void start_up_checks_pass(void **state) {
    (void)state;
    for (size_t m = 0; m < 2; m++) {
        seal__gss_acceptor *acceptor = lab_identity(NULL, "greeter/localhost", both[m]);
        assert_int_equal(seal__gss_acceptor_check_local(acceptor, NULL), 0);
        seal__gss_acceptor_unref(acceptor);
    }
    check_kdc(NULL, "greeter/localhost", 0, NULL, NULL);
    check_kdc(realm.service_keytab, LAB_SERVICE, 0, NULL, NULL);
}

static void check_kdc_finds_another_key(void **state) {
    (void)state;
    const char *keytab = lab_path("other-key.keytab");
    lab_add_key(keytab, LAB_SERVICE, 1, "not what the KDC has");
    check_kdc(keytab, LAB_SERVICE, SEAL_ERROR_KEY_VERSION, keytab, "kvno 1");
}

/* Adds the keys of a keytab to another one, under another version unless that is 0. */
static void copy_keys(const char *from_name, const char *to_name, unsigned kvno) {
    krb5_context krb5 = NULL;
    krb5_keytab from = NULL, to = NULL;
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    assert_int_equal(krb5_init_context(&krb5), 0);
    assert_int_equal(krb5_kt_resolve(krb5, from_name, &from), 0);
    assert_int_equal(krb5_kt_resolve(krb5, to_name, &to), 0);
    assert_int_equal(krb5_kt_start_seq_get(krb5, from, &cursor), 0);
    while (krb5_kt_next_entry(krb5, from, &entry, &cursor) == 0) {
        if (kvno != 0)
            entry.vno = kvno;
        assert_int_equal(krb5_kt_add_entry(krb5, to, &entry), 0);
        krb5_free_keytab_entry_contents(krb5, &entry);
    }
    krb5_kt_end_seq_get(krb5, from, &cursor);
    krb5_kt_close(krb5, from);
    krb5_kt_close(krb5, to);
    krb5_free_context(krb5);
}

/* The right key under a version that the KDC does not have. */
static void check_kdc_finds_another_version(void **state) {
    (void)state;
    const char *keytab = lab_path("other-kvno.keytab");
    copy_keys(realm.service_keytab, keytab, 7);
    check_kdc(keytab, LAB_SERVICE, SEAL_ERROR_KEY_VERSION, "kvno 7", "the KDC has kvno 1");
}

static void check_kdc_finds_an_unknown_principal(void **state) {
    (void)state;
    static const char unknown[] = "greeter/nowhere@" LAB_REALM;
    const char *keytab = lab_path("unknown.keytab");
    lab_add_key(keytab, unknown, 1, "anything");
    check_kdc(keytab, unknown, SEAL_ERROR_UNKNOWN_SERVICE, unknown, "addprinc");
    /* Another principal of the keytab can ask, as in Active Directory. */
    copy_keys(realm.client_keytab, keytab, 0);
    check_kdc(keytab, unknown, SEAL_ERROR_UNKNOWN_SERVICE, unknown,
              "is not registered with the KDC");
}

static void check_kdc_without_the_keytab(void **state) {
    (void)state;
    const char *keytab = lab_path("missing.keytab");
    check_kdc(keytab, LAB_SERVICE, SEAL_ERROR_KEYTAB, keytab, LAB_SERVICE);
}

static void a_wrong_client_key(void **state) {
    (void)state;
    const char *keytab = lab_path("wrong-robot.keytab");
    lab_add_key(keytab, ROBOT, 1, "wrong");
    initiator_fails(&(lab_options){.client_keytab = keytab}, SEAL_ERROR_CREDENTIALS, keytab, ROBOT);
    const char *nobody = lab_path("nobody.keytab");
    lab_add_key(nobody, "nobody@" LAB_REALM, 1, "wrong");
    initiator_fails(&(lab_options){.client_keytab = nobody, .client_principal = "nobody"},
                    SEAL_ERROR_CREDENTIALS, "nobody", "the KDC gives");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_users_ticket),
        cmocka_unit_test(a_fresh_ticket),
        cmocka_unit_test(a_client_keytab),
        cmocka_unit_test(no_ticket),
        cmocka_unit_test(expired_ticket),
        cmocka_unit_test(unknown_service),
        cmocka_unit_test(unknown_realm),
        cmocka_unit_test(kdc_unreachable),
        cmocka_unit_test(no_kdc_configured),
        cmocka_unit_test(start_up_checks_pass),
        cmocka_unit_test(check_kdc_finds_another_key),
        cmocka_unit_test(check_kdc_finds_another_version),
        cmocka_unit_test(check_kdc_finds_an_unknown_principal),
        cmocka_unit_test(check_kdc_without_the_keytab),
        cmocka_unit_test(a_wrong_client_key),
    };
    return cmocka_run_group_tests_name("secure.gss.kdc", tests, setup, lab_teardown);
}
