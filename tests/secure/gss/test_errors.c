/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong at sites, and that the message says who, why and what to do. No KDC. */
#include "support/gss_clock.h"
#include "support/gss_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const seal_mechanism both[] = {SEAL_MECHANISM_KRB5, SEAL_MECHANISM_SPNEGO};

/* ---- Tickets ---- */

static void no_ticket(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        lab_pair pair;
        lab_pair_init(&pair, &(lab_options){.mechanism = both[i]});
        lab_pair_run(&pair);
        assert_int_equal(pair.initiator_rc, SEAL_ERROR_CREDENTIALS);
        lab_assert_error(pair.initiator_error, SEAL_ERROR_CREDENTIALS,
                         "no Kerberos ticket for " LAB_SERVICE, lab_path("default.ccache"), "kinit",
                         "client_keytab", NULL);
        assert_int_equal(pair.n_tokens, 0);
        lab_pair_done(&pair);
        char ccache[300];
        snprintf(ccache, sizeof ccache, "FILE:%s", lab_path("absent.ccache"));
        lab_pair_init(&pair, &(lab_options){.mechanism = both[i], .ccache = ccache});
        lab_pair_run(&pair);
        lab_assert_error(pair.initiator_error, SEAL_ERROR_CREDENTIALS, LAB_SERVICE, ccache, "kinit",
                         NULL);
        lab_pair_done(&pair);
    }
}

static void garbage_instead_of_a_cache(void **state) {
    (void)state;
    const char *path = lab_path("garbage.ccache");
    lab_write(path, "no cache at all", 15);
    lab_pair pair;
    lab_pair_init(&pair, &(lab_options){.ccache = path});
    lab_pair_run(&pair);
    lab_assert_error(pair.initiator_error, SEAL_ERROR_CREDENTIALS, path, NULL);
    lab_pair_done(&pair);
}

static void another_principal_than_the_cache_has(void **state) {
    (void)state;
    const char *keytab = lab_keytab();
    const char *ccache = lab_ccache();
    lab_mint(keytab, LAB_SERVICE, ccache);
    lab_pair pair;
    lab_pair_init(&pair, &(lab_options){.ccache = ccache, .client_principal = "bob@" LAB_REALM});
    lab_pair_run(&pair);
    lab_assert_error(pair.initiator_error, SEAL_ERROR_CREDENTIALS, ccache, LAB_SERVICE, NULL);
    lab_pair_done(&pair);
    lab_drop_ccache(ccache);
}

static void expired_ticket(void **state) {
    (void)state;
    const char *keytab = lab_keytab();
    for (size_t i = 0; i < 2; i++) {
        const char *ccache = lab_ccache();
        lab_mint_times(keytab, LAB_SERVICE, ccache, -7200, -3600);
        lab_pair pair;
        lab_pair_init(&pair,
                      &(lab_options){.mechanism = both[i], .keytab = keytab, .ccache = ccache});
        lab_pair_run(&pair);
        lab_assert_error(pair.initiator_error, SEAL_ERROR_CREDENTIALS_EXPIRED, LAB_ALICE,
                         LAB_SERVICE, ccache, "expired", "kinit", NULL);
        lab_pair_done(&pair);
        lab_drop_ccache(ccache);
    }
}

static void ticket_not_yet_valid(void **state) {
    (void)state;
    const char *keytab = lab_keytab();
    for (size_t i = 0; i < 2; i++) {
        const char *ccache = lab_ccache();
        lab_mint_times(keytab, LAB_SERVICE, ccache, 3600, 7200);
        lab_pair pair;
        lab_pair_init(&pair,
                      &(lab_options){.mechanism = both[i], .keytab = keytab, .ccache = ccache});
        lab_pair_run(&pair);
        lab_assert_error(pair.initiator_error, SEAL_ERROR_CLOCK_SKEW, LAB_SERVICE, LAB_ALICE,
                         ccache, "not yet valid", "NTP", NULL);
        lab_pair_done(&pair);
        lab_drop_ccache(ccache);
    }
}

/* The initiator steps at its own time, the acceptor at another one. */
static void run_with_clocks(lab_pair *pair, int acceptor_ahead_s) {
    lab_clock_frozen_s = (int64_t)time(NULL);
    pair->initiator_rc = lab_step(pair, pair->initiator, NULL, 0, &pair->initiator_error);
    assert_int_equal(pair->initiator_rc, SEAL__MECH_CONTINUE);
    lab_clock_offset_s = acceptor_ahead_s;
    pair->acceptor_rc = lab_step(pair, pair->acceptor, pair->tokens[0].bytes, pair->tokens[0].len,
                                 &pair->acceptor_error);
    lab_clock_offset_s = 0;
    assert_int_equal(pair->n_tokens, 2);
    pair->initiator_rc = lab_step(pair, pair->initiator, pair->tokens[1].bytes, pair->tokens[1].len,
                                  &pair->initiator_error);
    lab_clock_frozen_s = 0;
}

static void clocks_apart(int ahead_s, int64_t start_offset_s, int64_t lifetime_s, int code,
                         const char *acceptor_says, const char *initiator_says) {
    const char *keytab = lab_keytab();
    for (size_t i = 0; i < 2; i++) {
        const char *ccache = lab_ccache();
        lab_mint_times(keytab, LAB_SERVICE, ccache, start_offset_s, lifetime_s);
        lab_pair pair;
        lab_pair_init(&pair,
                      &(lab_options){.mechanism = both[i], .keytab = keytab, .ccache = ccache});
        run_with_clocks(&pair, ahead_s);
        if (code == 0) {
            assert_int_equal(pair.acceptor_rc, SEAL__MECH_DONE);
        } else {
            lab_assert_error(pair.acceptor_error, code, LAB_SERVICE, acceptor_says, NULL);
            lab_assert_error(pair.initiator_error, code, LAB_SERVICE, initiator_says, NULL);
        }
        lab_pair_done(&pair);
        lab_drop_ccache(ccache);
    }
}

static void clock_skew(void **state) {
    (void)state;
    clocks_apart(200, -600, 3600, 0, NULL, NULL);
    clocks_apart(-200, -600, 3600, 0, NULL, NULL);
    clocks_apart(400, -600, 3600, SEAL_ERROR_CLOCK_SKEW, "NTP", "is 400 s ahead of");
    clocks_apart(-400, -600, 3600, SEAL_ERROR_CLOCK_SKEW, "NTP", "is 400 s behind");
    clocks_apart(-1000, -600, 3600, SEAL_ERROR_CLOCK_SKEW, "NTP", "is 1000 s behind");
}

/* Expired by the acceptor's clock only. */
static void expired_for_the_acceptor(void **state) {
    (void)state;
    clocks_apart(5000, -600, 3600, SEAL_ERROR_CREDENTIALS_EXPIRED, "by this host's clock",
                 "5000 s ahead of");
}

/* ---- Targets ---- */

static void the_hello_names_another_service(void **state) {
    (void)state;
    const char *keytab = lab_keytab();
    lab_pair pair;
    lab_pair_init(&pair, &(lab_options){.keytab = keytab, .hello = "other/localhost"});
    assert_int_equal(pair.acceptor_rc, SEAL_ERROR_WRONG_TARGET);
    lab_assert_error(pair.acceptor_error, SEAL_ERROR_WRONG_TARGET, "other/localhost", LAB_SERVICE,
                     NULL);
    lab_pair_done(&pair);
    lab_pair_init(&pair, &(lab_options){.keytab = keytab, .hello = "greeter/localhost@OTHER.TEST"});
    lab_assert_error(pair.acceptor_error, SEAL_ERROR_WRONG_TARGET, "OTHER.TEST", NULL);
    lab_pair_done(&pair);
}

/* The hello says one configured principal, the ticket is for another one that has keys here too. */
static void the_ticket_is_for_another_service(void **state) {
    (void)state;
    static const char *const principals[] = {LAB_SERVICE, "alias/localhost@" LAB_REALM};
    const char *keytab = lab_keytab();
    lab_add_key(keytab, principals[1], 1, "alias");
    for (size_t i = 0; i < 2; i++) {
        const char *ccache = lab_ccache();
        lab_mint(keytab, principals[1], ccache);
        lab_pair pair;
        lab_pair_init(&pair, &(lab_options){.mechanism = both[i],
                                            .target = principals[1],
                                            .hello = LAB_SERVICE,
                                            .principals = principals,
                                            .n_principals = 2,
                                            .keytab = keytab,
                                            .ccache = ccache});
        lab_pair_run(&pair);
        lab_assert_error(pair.acceptor_error, SEAL_ERROR_WRONG_TARGET, principals[1], LAB_SERVICE,
                         NULL);
        lab_assert_error(pair.initiator_error, SEAL_ERROR_WRONG_TARGET, principals[1], NULL);
        lab_pair_done(&pair);
        lab_drop_ccache(ccache);
    }
}

/* A ticket that the mechanism accepts, but we do not: its answer is not for this client. */
static void nothing_is_said_to_whom_we_refuse(void **state) {
    (void)state;
    static const char *const principals[] = {"greeter/localhost"};
    const char *keytab = lab_keytab();
    const char *ccache = lab_ccache();
    lab_mint(keytab, LAB_SERVICE, ccache);
    lab_pair pair;
    lab_pair_init(&pair, &(lab_options){.target = LAB_SERVICE,
                                        .hello = "greeter/localhost@OTHER.TEST",
                                        .principals = principals,
                                        .n_principals = 1,
                                        .keytab = keytab,
                                        .ccache = ccache});
    lab_pair_run(&pair);
    lab_assert_error(pair.acceptor_error, SEAL_ERROR_WRONG_TARGET, "OTHER.TEST", NULL);
    assert_int_equal(pair.n_tokens, 1);
    lab_pair_done(&pair);
    lab_drop_ccache(ccache);
}

/* ---- Keytabs ---- */

/* Both the start-up check and an accept must tell what is wrong with the keytab. */
static void assert_keytab_refused(const char *keytab, const char *principal, const char *part) {
    const char *good = lab_path("good.keytab");
    const char *ccache = lab_ccache();
    if (access(good, F_OK) != 0)
        lab_add_key(good, LAB_SERVICE, 1, "good");
    lab_mint(good, LAB_SERVICE, ccache);
    seal__gss_acceptor *acceptor = lab_identity(keytab, principal, SEAL_MECHANISM_KRB5);
    seal_error *error = NULL;
    assert_int_equal(seal__gss_acceptor_check_local(acceptor, &error), SEAL_ERROR_KEYTAB);
    lab_assert_error(error, SEAL_ERROR_KEYTAB, keytab, principal, part, NULL);
    seal_error_free(error);
    seal__gss_acceptor_unref(acceptor);
    lab_pair pair;
    lab_pair_init(&pair, &(lab_options){.hello = principal,
                                        .principals = &principal,
                                        .n_principals = 1,
                                        .keytab = keytab,
                                        .ccache = ccache});
    lab_leaks_begin(); /* gss_acquire_cred_from that fails loses the name */
    lab_pair_run(&pair);
    lab_leaks_end();
    lab_assert_error(pair.acceptor_error, SEAL_ERROR_KEYTAB, keytab, principal, part, NULL);
    lab_pair_done(&pair);
    lab_drop_ccache(ccache);
}

static void keytab_missing(void **state) {
    (void)state;
    assert_keytab_refused(lab_path("missing.keytab"), LAB_SERVICE, "not found");
}

static void keytab_is_a_directory(void **state) {
    (void)state;
    const char *path = lab_path("directory.keytab");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_keytab_refused(path, LAB_SERVICE, "ktadd");
}

static void keytab_unreadable(void **state) {
    (void)state;
    if (geteuid() == 0) {
        print_message("skipped: root may read every file\n");
        skip();
    }
    const char *keytab = lab_keytab();
    assert_int_equal(chmod(keytab, 0), 0);
    assert_keytab_refused(keytab, LAB_SERVICE, "ermission denied");
}

static void keytab_without_the_principal(void **state) {
    (void)state;
    const char *keytab = lab_keytab();
    assert_keytab_refused(keytab, "absent/localhost@" LAB_REALM, LAB_SERVICE " kvno 2");
}

static void keytab_empty_truncated_or_garbage(void **state) {
    (void)state;
    uint8_t bytes[1024];
    size_t len = lab_read(lab_keytab(), bytes, sizeof bytes);
    const char *path = lab_path("damaged.keytab");
    lab_write(path, "", 0);
    assert_keytab_refused(path, LAB_SERVICE, "ktadd");
    lab_write(path, "this is no keytab", 17);
    assert_keytab_refused(path, LAB_SERVICE, "ktadd");
    for (size_t n = 1; n < len; n++) {
        lab_write(path, bytes, n);
        seal__gss_acceptor *acceptor = lab_identity(path, LAB_SERVICE, SEAL_MECHANISM_KRB5);
        seal_error *error = NULL;
        lab_leaks_begin(); /* krb5_kt_get_entry loses what it had read of a cut entry */
        int rc = seal__gss_acceptor_check_local(acceptor, &error);
        lab_leaks_end();
        /* The last 4 bytes are a long form of the key version, which may be absent. */
        if (rc != 0)
            lab_assert_error(error, SEAL_ERROR_KEYTAB, path, LAB_SERVICE, NULL);
        else
            assert_true(n + 4 >= len);
        seal_error_free(error);
        seal__gss_acceptor_unref(acceptor);
    }
}

/* krb5 1.20 still takes RC4. Beside an AES key it does no harm to us: the KDC chooses AES. */
static void keytab_with_weak_keys(void **state) {
    (void)state;
    enum { RC4 = 23 };
    const char *keytab = lab_path("weak.keytab");
    lab_add_key_of_type(keytab, LAB_SERVICE, 1, "weak", RC4);
    seal__gss_acceptor *acceptor = lab_identity(keytab, LAB_SERVICE, SEAL_MECHANISM_KRB5);
    seal_error *error = NULL;
    assert_int_equal(seal__gss_acceptor_check_local(acceptor, &error), SEAL_ERROR_KEYTAB);
    lab_assert_error(error, SEAL_ERROR_KEYTAB, keytab, LAB_SERVICE, "AES", NULL);
    seal_error_free(error);
    lab_add_key(keytab, LAB_SERVICE, 1, "strong");
    assert_int_equal(seal__gss_acceptor_check_local(acceptor, NULL), 0);
    seal__gss_acceptor_unref(acceptor);
}

static void client_keytab_missing(void **state) {
    (void)state;
    const char *path = lab_path("missing-client.keytab");
    lab_pair pair;
    lab_pair_init(&pair, &(lab_options){.client_keytab = path});
    lab_pair_run(&pair);
    lab_assert_error(pair.initiator_error, SEAL_ERROR_KEYTAB, path, "not found", NULL);
    lab_pair_done(&pair);
    const char *keytab = lab_keytab();
    lab_pair_init(&pair, &(lab_options){.client_keytab = keytab, .client_principal = LAB_ALICE});
    lab_pair_run(&pair);
    lab_assert_error(pair.initiator_error, SEAL_ERROR_KEYTAB, keytab, LAB_ALICE,
                     LAB_SERVICE " kvno 2", NULL);
    lab_pair_done(&pair);
}

/* ---- Key versions ---- */

static void refused_key(seal_mechanism mechanism, unsigned ticket_kvno, const char *ticket_password,
                        const char *part) {
    const char *keytab = lab_keytab();
    const char *ccache = lab_ccache();
    const char *kdc = lab_path("kdc.keytab");
    unlink(kdc);
    lab_add_key(kdc, LAB_SERVICE, ticket_kvno, ticket_password);
    lab_mint(kdc, LAB_SERVICE, ccache);
    lab_pair pair;
    lab_pair_init(&pair,
                  &(lab_options){.mechanism = mechanism, .keytab = keytab, .ccache = ccache});
    lab_pair_run(&pair);
    lab_assert_error(pair.acceptor_error, SEAL_ERROR_KEY_VERSION, keytab, LAB_SERVICE " kvno 2",
                     part, NULL);
    lab_assert_error(pair.initiator_error, SEAL_ERROR_KEY_VERSION, LAB_SERVICE, "kinit", NULL);
    assert_true(seal__gss_error_is_stale_ticket(pair.initiator_rc));
    lab_pair_done(&pair);
    lab_drop_ccache(ccache);
}

static void keys_that_do_not_fit(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        refused_key(both[i], 3, "service password", "the keytab is out of date");
        refused_key(both[i], 1, "service password", "the ticket is out of date");
        refused_key(both[i], 2, "another password", "different keys");
    }
}

static void fresh_ticket_drops_the_cached_one(void **state) {
    (void)state;
    const char *keytab = lab_keytab();
    const char *ccache = lab_ccache();
    lab_mint(keytab, LAB_SERVICE, ccache);
    lab_mint(keytab, LAB_SERVICE, ccache);
    lab_pair pair;
    lab_pair_establish(&pair, &(lab_options){.keytab = keytab, .ccache = ccache});
    lab_pair_done(&pair);
    lab_pair_init(&pair, &(lab_options){.keytab = keytab, .ccache = ccache, .fresh_ticket = true});
    lab_pair_run(&pair);
    assert_true(pair.initiator_rc < 0);
    lab_pair_done(&pair);
    lab_drop_ccache(ccache);
}

/* ---- Configuration ---- */

static void configuration(void **state) {
    (void)state;
    seal__gss_acceptor *acceptor = lab_identity(NULL, "greeter/localhost", SEAL_MECHANISM_KRB5);
    seal_error *error = NULL;
    setenv("KRB5_CONFIG", lab_path("bad-krb5.conf"), 1);
    lab_write(lab_path("bad-krb5.conf"), "[libdefaults\n default_realm", 27);
    assert_int_equal(seal__gss_acceptor_check_local(acceptor, &error), SEAL_ERROR_KERBEROS_CONFIG);
    lab_assert_error(error, SEAL_ERROR_KERBEROS_CONFIG, lab_path("bad-krb5.conf"), "format", NULL);
    seal_error_free(error);
    error = NULL;
    setenv("KRB5_CONFIG", lab_path("no-krb5.conf"), 1);
    assert_int_equal(seal__gss_acceptor_check_local(acceptor, &error), SEAL_ERROR_KERBEROS_CONFIG);
    lab_assert_error(error, SEAL_ERROR_KERBEROS_CONFIG, lab_path("no-krb5.conf"), NULL);
    seal_error_free(error);
    setenv("KRB5_CONFIG", lab_path("other-krb5.conf"), 1);
    lab_write(lab_path("other-krb5.conf"), "[libdefaults]\n dns_lookup_realm = false\n", 39);
    error = NULL;
    assert_int_equal(seal__gss_acceptor_check_local(acceptor, &error), SEAL_ERROR_KERBEROS_CONFIG);
    lab_assert_error(error, SEAL_ERROR_KERBEROS_CONFIG, lab_path("other-krb5.conf"),
                     "default realm", NULL);
    seal_error_free(error);
    setenv("KRB5_CONFIG", lab_path("krb5.conf"), 1);
    seal__gss_acceptor_unref(acceptor);
}

static void no_principal_at_all(void **state) {
    (void)state;
    static const char *const bad[] = {"a@b@c@d", "greeter/\\", "@"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        seal__gss_acceptor *acceptor = lab_identity(NULL, bad[i], SEAL_MECHANISM_KRB5);
        assert_true(seal__gss_acceptor_check_local(acceptor, NULL) < 0);
        seal__gss_acceptor_unref(acceptor);
        lab_pair pair;
        lab_pair_init(&pair, &(lab_options){.target = bad[i], .hello = LAB_SERVICE});
        lab_pair_run(&pair);
        assert_true(pair.initiator_rc < 0);
        lab_pair_done(&pair);
    }
}

/* ---- Tokens ---- */

static void token_refused(seal_mechanism mechanism, const void *bytes, size_t len) {
    const char *keytab = lab_path("good.keytab");
    lab_pair pair;
    lab_pair_init(&pair, &(lab_options){.mechanism = mechanism, .keytab = keytab});
    seal_error *error = NULL;
    int rc = lab_step(&pair, pair.acceptor, bytes, len, &error);
    assert_int_equal(rc, SEAL_ERROR_AUTHENTICATION);
    lab_assert_error(error, SEAL_ERROR_AUTHENTICATION, NULL);
    seal_error_free(error);
    lab_pair_done(&pair);
}

static void tokens_that_are_none(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 8, 16, 64, 4096};
    static const uint8_t fill[] = {0x00, 0xff, 0x60};
    static uint8_t bytes[4096];
    for (size_t f = 0; f < sizeof fill; f++) {
        memset(bytes, fill[f], sizeof bytes);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            for (size_t m = 0; m < 2; m++)
                token_refused(both[m], bytes, sizes[i]);
        }
    }
}

static void other_mechanisms_are_refused(void **state) {
    (void)state;
    static const uint8_t ntlm[] =
        "NTLMSSP\0\1\0\0\0\x37\x82\x08\xe2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    const char *keytab = lab_path("good.keytab");
    const char *ccache = lab_ccache();
    lab_mint(keytab, LAB_SERVICE, ccache);
    for (size_t i = 0; i < 2; i++) {
        token_refused(both[i], ntlm, sizeof ntlm - 1);
        lab_pair pair;
        lab_pair_init(&pair, &(lab_options){.mechanism = both[i], .ccache = ccache});
        assert_int_equal(lab_step(&pair, pair.initiator, NULL, 0, NULL), SEAL__MECH_CONTINUE);
        lab_token token = pair.tokens[0];
        lab_pair_done(&pair);
        if (both[i] == SEAL_MECHANISM_SPNEGO)
            token_refused(SEAL_MECHANISM_KRB5, token.bytes, token.len); /* K11 */
    }
    lab_drop_ccache(ccache);
}

/* What Heimdal's acceptor sends when krb5 inside SPNEGO refuses: NegTokenResp, state reject. */
static void a_refusal_of_spnego_blames_the_peer(void **state) {
    (void)state;
    static const uint8_t reject[] = "\xa1\x07\x30\x05\xa0\x03\x0a\x01\x02";
    const char *keytab = lab_keytab();
    const char *ccache = lab_ccache();
    seal_error *error = NULL;
    lab_mint(keytab, LAB_SERVICE, ccache);
    lab_pair pair;
    lab_pair_init(&pair, &(lab_options){.mechanism = SEAL_MECHANISM_SPNEGO, .ccache = ccache});
    assert_int_equal(lab_step(&pair, pair.initiator, NULL, 0, NULL), SEAL__MECH_CONTINUE);
    lab_step(&pair, pair.initiator, reject, sizeof reject - 1, &error);
    lab_assert_error(error, SEAL_ERROR_AUTHENTICATION, LAB_SERVICE, NULL);
    seal_error_free(error);
    lab_pair_done(&pair);
    lab_drop_ccache(ccache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_ticket),
        cmocka_unit_test(garbage_instead_of_a_cache),
        cmocka_unit_test(another_principal_than_the_cache_has),
        cmocka_unit_test(expired_ticket),
        cmocka_unit_test(ticket_not_yet_valid),
        cmocka_unit_test(clock_skew),
        cmocka_unit_test(expired_for_the_acceptor),
        cmocka_unit_test(the_hello_names_another_service),
        cmocka_unit_test(the_ticket_is_for_another_service),
        cmocka_unit_test(nothing_is_said_to_whom_we_refuse),
        cmocka_unit_test(keytab_missing),
        cmocka_unit_test(keytab_is_a_directory),
        cmocka_unit_test(keytab_unreadable),
        cmocka_unit_test(keytab_without_the_principal),
        cmocka_unit_test(keytab_empty_truncated_or_garbage),
        cmocka_unit_test(keytab_with_weak_keys),
        cmocka_unit_test(client_keytab_missing),
        cmocka_unit_test(keys_that_do_not_fit),
        cmocka_unit_test(fresh_ticket_drops_the_cached_one),
        cmocka_unit_test(configuration),
        cmocka_unit_test(no_principal_at_all),
        cmocka_unit_test(tokens_that_are_none),
        cmocka_unit_test(other_mechanisms_are_refused),
        cmocka_unit_test(a_refusal_of_spnego_blames_the_peer),
    };
    return cmocka_run_group_tests_name("secure.gss.errors", tests, lab_setup, lab_teardown);
}
