/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NTLM: a mechanism of three legs that does not prove its target although its flags say so. Upper
 * layers refuse it by what info says; here it must complete, tell the truth and not crash.
 */
#include "support/gss_lab.h"

#include <gssapi/gssapi.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool installed;

static int setup(void **state) {
    lab_leaks_begin(); /* of gss-ntlmssp, in every exchange */
    int rc = lab_setup(state);
    static gss_OID_desc ntlm = {10, (void *)(uintptr_t) "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"};
    static const char users[] = "SEAL:alice:alicepw\n";
    OM_uint32 minor = 0;
    int present = 0;
    gss_OID_set mechanisms = GSS_C_NO_OID_SET;
    if (rc == 0 && gss_indicate_mechs(&minor, &mechanisms) == GSS_S_COMPLETE)
        gss_test_oid_set_member(&minor, &ntlm, mechanisms, &present);
    gss_release_oid_set(&minor, &mechanisms);
    installed = present != 0;
    lab_write(lab_path("users"), users, sizeof users - 1);
    setenv("NTLM_USER_FILE", lab_path("users"), 1);
    return rc;
}

static int teardown(void **state) {
    lab_leaks_end();
    return lab_teardown(state);
}

static void skip_without_ntlm(void) {
    if (installed)
        return;
    print_message("skipped: gss-ntlmssp is not installed\n");
    skip();
}

static void completes_in_three_legs_and_proves_no_target(void **state) {
    (void)state;
    skip_without_ntlm();
    lab_pair pair;
    lab_pair_establish(&pair, &(lab_options){.mechanism = SEAL_MECHANISM_NTLM});
    assert_int_equal(pair.n_tokens, 3);
    const seal__mech_info *i = &pair.initiator->info;
    const seal__mech_info *a = &pair.acceptor->info;
    assert_false(i->authenticates_target);
    assert_false(a->authenticates_target);
    assert_string_equal(i->mechanism, "ntlm");
    assert_string_equal(a->mechanism, "ntlm");
    assert_string_equal(a->peer, "SEAL\\alice");
    assert_string_equal(i->local, "SEAL\\alice");
    assert_null(i->target);
    assert_null(i->peer);
    assert_string_equal(a->local, LAB_SERVICE);
    assert_int_equal(a->flags & SEAL__MECH_MUTUAL, 0);
    assert_true(i->lifetime_s > 3600 && a->lifetime_s > 3600);
    lab_token token;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(lab_wrap(pair.initiator, true, "to the server", &token), 0);
        assert_int_equal(lab_unwrap(pair.acceptor, true, &token, "to the server"), 0);
        assert_int_equal(lab_wrap(pair.acceptor, true, "to the client", &token), 0);
        assert_int_equal(lab_unwrap(pair.initiator, true, &token, "to the client"), 0);
    }
    lab_pair_done(&pair);
}

static void no_user_file(void **state) {
    (void)state;
    skip_without_ntlm();
    setenv("NTLM_USER_FILE", lab_path("no-users"), 1);
    lab_pair pair;
    lab_pair_init(&pair, &(lab_options){.mechanism = SEAL_MECHANISM_NTLM});
    lab_pair_run(&pair);
    assert_true(pair.initiator_rc < 0);
    lab_assert_error(pair.initiator_error, SEAL_ERROR_CREDENTIALS, "ntlm", NULL);
    lab_pair_done(&pair);
    setenv("NTLM_USER_FILE", lab_path("users"), 1);
}

static void wrong_password(void **state) {
    (void)state;
    skip_without_ntlm();
    static const char users[] = "SEAL:alice:another\n";
    lab_pair pair;
    lab_pair_init(&pair, &(lab_options){.mechanism = SEAL_MECHANISM_NTLM});
    assert_int_equal(lab_step(&pair, pair.initiator, NULL, 0, NULL), SEAL__MECH_CONTINUE);
    assert_int_equal(lab_step(&pair, pair.acceptor, pair.tokens[0].bytes, pair.tokens[0].len, NULL),
                     SEAL__MECH_CONTINUE);
    assert_int_equal(
        lab_step(&pair, pair.initiator, pair.tokens[1].bytes, pair.tokens[1].len, NULL),
        SEAL__MECH_DONE);
    lab_write(lab_path("other-users"), users, sizeof users - 1);
    setenv("NTLM_USER_FILE", lab_path("other-users"), 1);
    seal_error *error = NULL;
    int rc = lab_step(&pair, pair.acceptor, pair.tokens[2].bytes, pair.tokens[2].len, &error);
    lab_assert_error(error, rc, NULL);
    assert_int_equal(rc, SEAL_ERROR_AUTHENTICATION);
    seal_error_free(error);
    lab_pair_done(&pair);
    setenv("NTLM_USER_FILE", lab_path("users"), 1);
}

/* Installed and usable NTLM must not come in through SPNEGO, on either end. */
static void spnego_does_not_fall_back(void **state) {
    (void)state;
    skip_without_ntlm();
    lab_pair pair;
    lab_pair_init(&pair, &(lab_options){.mechanism = SEAL_MECHANISM_SPNEGO});
    lab_pair_run(&pair);
    lab_assert_error(pair.initiator_error, SEAL_ERROR_CREDENTIALS, "kinit", NULL);
    assert_int_equal(pair.n_tokens, 0);
    lab_pair_done(&pair);

    /* The first token of an initiator that negotiates NTLM. */
    static gss_OID_desc spnego = {6, (void *)(uintptr_t) "\x2b\x06\x01\x05\x05\x02"};
    gss_buffer_desc text = {.length = 17, .value = (void *)(uintptr_t) "greeter@localhost"};
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    gss_name_t target = GSS_C_NO_NAME;
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    OM_uint32 minor = 0;
    assert_int_equal(gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &target),
                     GSS_S_COMPLETE);
    OM_uint32 major = gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, &context, target, &spnego,
                                           0, 0, NULL, GSS_C_NO_BUFFER, NULL, &token, NULL, NULL);
    assert_int_equal(major, GSS_S_CONTINUE_NEEDED);
    const char *keytab = lab_keytab();
    lab_pair_init(&pair, &(lab_options){.mechanism = SEAL_MECHANISM_SPNEGO, .keytab = keytab});
    seal_error *error = NULL;
    int rc = lab_step(&pair, pair.acceptor, token.value, token.length, &error);
    assert_int_equal(rc, SEAL_ERROR_AUTHENTICATION);
    lab_assert_error(error, SEAL_ERROR_AUTHENTICATION, NULL);
    seal_error_free(error);
    lab_pair_done(&pair);
    gss_release_buffer(&minor, &token);
    gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
    gss_release_name(&minor, &target);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(completes_in_three_legs_and_proves_no_target),
        cmocka_unit_test(no_user_file),
        cmocka_unit_test(wrong_password),
        cmocka_unit_test(spnego_does_not_fall_back),
    };
    return cmocka_run_group_tests_name("secure.gss.ntlm", tests, setup, teardown);
}
