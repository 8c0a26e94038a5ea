/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the security design assumes about the library, measured here so that another version of it
 * that behaves differently is noticed. K1 to K19 number these facts.
 *
 * Elsewhere: K3, K5, K18 and K19 (changed tokens and messages) are in test_flips.c. K7 (a replay
 * cache that cannot be written stops every accept) cannot happen, there is none. K8 (a silent KDC
 * blocks for 27 s) concerns the pool that runs the steps. K14 (a failed allocation inside libkrb5
 * crashes) is why test_exchange.c makes our own allocator fail and nobody else's. K15 (recursion
 * and amplification in protobuf-c) is the codec's, K16 (no file descriptors left) the listener's.
 */
#include "support/gss_clock.h"
#include "support/gss_lab.h"

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    ALL = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_CONF_FLAG |
          GSS_C_INTEG_FLAG
};

static const seal_mechanism both[] = {SEAL_MECHANISM_KRB5, SEAL_MECHANISM_SPNEGO};
/* ---- K1: replay, gap and reordering deliver the plaintext in the library ---- */

static void k1_replay_gap_and_reorder_are_refused(void **state) {
    (void)state;
    for (size_t m = 0; m < 2; m++) {
        for (int conf = 0; conf < 2; conf++) {
            lab_pair pair;
            lab_token one, two, three, four;
            lab_establish(&pair, both[m]);
            assert_int_equal(lab_wrap(pair.initiator, conf, "one", &one), 0);
            assert_int_equal(lab_wrap(pair.initiator, conf, "two", &two), 0);
            assert_int_equal(lab_wrap(pair.initiator, conf, "three", &three), 0);
            assert_int_equal(lab_wrap(pair.initiator, conf, "four", &four), 0);
            assert_int_equal(lab_unwrap(pair.acceptor, conf, &one, "one"), 0);
            assert_int_equal(lab_unwrap(pair.acceptor, conf, &one, ""), SEAL_ERROR_TAMPERED);
            assert_int_equal(lab_unwrap(pair.acceptor, conf, &three, ""), SEAL_ERROR_TAMPERED);
            assert_int_equal(lab_unwrap(pair.acceptor, conf, &two, ""), SEAL_ERROR_TAMPERED);
            assert_int_equal(lab_unwrap(pair.acceptor, conf, &four, "four"), 0);
            assert_int_equal(lab_unwrap(pair.initiator, conf, &four, ""), SEAL_ERROR_TAMPERED);
            lab_pair_done(&pair);
        }
    }
}

/* ---- K2: protection is the sender's choice unless the receiver looks ---- */

static void k2_the_other_protection_is_refused(void **state) {
    (void)state;
    for (size_t m = 0; m < 2; m++) {
        lab_pair pair;
        lab_token token;
        lab_establish(&pair, both[m]);
        assert_int_equal(lab_wrap(pair.initiator, false, "signed only", &token), 0);
        assert_int_equal(lab_unwrap(pair.acceptor, true, &token, ""), SEAL_ERROR_PROTECTION);
        assert_int_equal(lab_wrap(pair.initiator, true, "sealed", &token), 0);
        assert_int_equal(lab_unwrap(pair.acceptor, false, &token, ""), SEAL_ERROR_PROTECTION);
        lab_pair_done(&pair);
    }
}

/* An initiator that is not ours and asks for other flags. */
typedef struct raw {
    gss_ctx_id_t context;
    gss_cred_id_t cred;
    gss_name_t target;
    lab_token token;
} raw;

static OM_uint32 raw_step(raw *r, OM_uint32 flags, gss_channel_bindings_t bindings,
                          const lab_token *in) {
    OM_uint32 minor = 0;
    gss_buffer_desc input = {.length = in == NULL ? 0 : in->len,
                             .value = in == NULL ? NULL : (void *)(uintptr_t)in->bytes};
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    OM_uint32 major = gss_init_sec_context(&minor, r->cred, &r->context, r->target, gss_mech_krb5,
                                           flags, 0, bindings, &input, NULL, &output, NULL, NULL);
    assert_true(output.length <= sizeof r->token.bytes);
    r->token.len = output.length;
    if (output.length > 0)
        memcpy(r->token.bytes, output.value, output.length);
    gss_release_buffer(&minor, &output);
    return major;
}

static void raw_init(raw *r, OM_uint32 flags, gss_channel_bindings_t bindings) {
    OM_uint32 minor = 0;
    gss_key_value_element_desc element = {.key = "ccache", .value = lab_usual_ccache};
    gss_key_value_set_desc store = {.count = 1, .elements = &element};
    gss_buffer_desc text = {.length = strlen(LAB_SERVICE), .value = (void *)(uintptr_t)LAB_SERVICE};
    memset(r, 0, sizeof *r);
    assert_int_equal(gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE,
                                           gss_mech_set_krb5, GSS_C_INITIATE, &store, &r->cred,
                                           NULL, NULL),
                     GSS_S_COMPLETE);
    assert_int_equal(gss_import_name(&minor, &text, GSS_KRB5_NT_PRINCIPAL_NAME, &r->target),
                     GSS_S_COMPLETE);
    OM_uint32 major = raw_step(r, flags, bindings, NULL);
    assert_true(major == GSS_S_COMPLETE || major == GSS_S_CONTINUE_NEEDED);
}

static void raw_done(raw *r) {
    OM_uint32 minor = 0;
    gss_delete_sec_context(&minor, &r->context, GSS_C_NO_BUFFER);
    gss_release_name(&minor, &r->target);
    gss_release_cred(&minor, &r->cred);
}

static void raw_wrap(raw *r, const char *text, lab_token *ret_token) {
    OM_uint32 minor = 0;
    gss_buffer_desc plain = {.length = strlen(text), .value = (void *)(uintptr_t)text};
    gss_buffer_desc wrapped = GSS_C_EMPTY_BUFFER;
    int conf = 0;
    assert_int_equal(gss_wrap(&minor, r->context, 1, GSS_C_QOP_DEFAULT, &plain, &conf, &wrapped),
                     GSS_S_COMPLETE);
    assert_true(conf != 0 && wrapped.length <= sizeof ret_token->bytes);
    memcpy(ret_token->bytes, wrapped.value, wrapped.length);
    ret_token->len = wrapped.length;
    gss_release_buffer(&minor, &wrapped);
}

static void k2_missing_flags_show_in_info(void **state) {
    (void)state;
    static const struct {
        OM_uint32 without;
        uint32_t seen_missing;
    } cases[] = {
        {0, 0},
        {GSS_C_MUTUAL_FLAG, SEAL__MECH_MUTUAL},
        {GSS_C_REPLAY_FLAG, SEAL__MECH_REPLAY},
        {GSS_C_SEQUENCE_FLAG, SEAL__MECH_SEQUENCE},
        {ALL, SEAL__MECH_MUTUAL | SEAL__MECH_REPLAY | SEAL__MECH_SEQUENCE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        raw r;
        lab_pair pair;
        lab_options options = lab_usual(SEAL_MECHANISM_KRB5);
        raw_init(&r, ALL & ~cases[i].without, NULL);
        lab_pair_init(&pair, &options);
        assert_int_equal(lab_step(&pair, pair.acceptor, r.token.bytes, r.token.len, NULL),
                         SEAL__MECH_DONE);
        uint32_t wanted = SEAL__MECH_MUTUAL | SEAL__MECH_REPLAY | SEAL__MECH_SEQUENCE;
        assert_int_equal(~pair.acceptor->info.flags & wanted, cases[i].seen_missing);
        lab_pair_done(&pair);
        raw_done(&r);
    }
}

/* ---- K4 ---- */

static void k4_a_wrong_token_id_is_a_failure(void **state) {
    (void)state;
    static const uint8_t id[] = {0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x01, 0x00};
    lab_pair pair;
    lab_establish(&pair, SEAL_MECHANISM_KRB5);
    lab_token token = pair.tokens[0];
    lab_pair_done(&pair);
    uint8_t *at = memmem(token.bytes, token.len, id, sizeof id);
    assert_non_null(at);
    at[6] = 0x02;
    lab_options options = lab_usual(SEAL_MECHANISM_KRB5);
    lab_pair_init(&pair, &options);
    seal_error *error = NULL;
    assert_int_equal(lab_step(&pair, pair.acceptor, token.bytes, token.len, &error),
                     SEAL_ERROR_AUTHENTICATION);
    lab_assert_error(error, SEAL_ERROR_AUTHENTICATION, "token", LAB_SERVICE, NULL);
    seal_error_free(error);
    assert_int_equal(pair.n_tokens, 0);
    lab_pair_done(&pair);
}

/* gss_unwrap changes its input, which for us is constant: the transcript is hashed from it. */
static void input_is_not_changed(void **state) {
    (void)state;
    lab_pair pair;
    lab_token token;
    lab_establish(&pair, SEAL_MECHANISM_KRB5);
    lab_token first = pair.tokens[0];
    lab_pair_done(&pair);
    lab_options options = lab_usual(SEAL_MECHANISM_KRB5);
    lab_pair_init(&pair, &options);
    lab_token copy = first;
    assert_int_equal(lab_step(&pair, pair.acceptor, first.bytes, first.len, NULL), 0);
    assert_memory_equal(&copy, &first, sizeof copy);
    lab_pair_done(&pair);
    lab_establish(&pair, SEAL_MECHANISM_KRB5);
    for (int conf = 0; conf < 2; conf++) {
        assert_int_equal(lab_wrap(pair.initiator, conf, "hello", &token), 0);
        copy = token;
        copy.bytes[20] ^= 1;
        lab_token changed = copy;
        assert_int_equal(lab_unwrap(pair.acceptor, conf, &changed, ""), SEAL_ERROR_TAMPERED);
        assert_memory_equal(changed.bytes, copy.bytes, copy.len);
        copy = token;
        assert_int_equal(lab_unwrap(pair.acceptor, conf, &token, "hello"), 0);
        assert_memory_equal(token.bytes, copy.bytes, copy.len);
    }
    lab_pair_done(&pair);
}

/* ---- K6: without a replay cache ---- */

static void k6_a_replayed_token_establishes_but_its_messages_do_not_verify(void **state) {
    (void)state;
    lab_pair first, second;
    lab_token message;
    lab_establish(&first, SEAL_MECHANISM_KRB5);
    assert_int_equal(lab_wrap(first.initiator, true, "first message", &message), 0);
    lab_options options = lab_usual(SEAL_MECHANISM_KRB5);
    lab_pair_init(&second, &options);
    assert_int_equal(
        lab_step(&second, second.acceptor, first.tokens[0].bytes, first.tokens[0].len, NULL), 0);
    assert_int_equal(lab_unwrap(second.acceptor, true, &message, ""), SEAL_ERROR_TAMPERED);
    lab_pair_done(&second);
    assert_int_equal(lab_unwrap(first.acceptor, true, &message, "first message"), 0);
    lab_pair_done(&first);
}

/* Why a context without MUTUAL must be refused by what info says. */
static void k6_without_mutual_even_the_message_is_replayed(void **state) {
    (void)state;
    raw r;
    lab_token message;
    raw_init(&r, ALL & ~(OM_uint32)GSS_C_MUTUAL_FLAG, NULL);
    raw_wrap(&r, "replayed", &message);
    for (int round = 0; round < 2; round++) {
        lab_pair pair;
        lab_options options = lab_usual(SEAL_MECHANISM_KRB5);
        lab_pair_init(&pair, &options);
        assert_int_equal(lab_step(&pair, pair.acceptor, r.token.bytes, r.token.len, NULL), 0);
        assert_int_equal(pair.acceptor->info.flags & SEAL__MECH_MUTUAL, 0);
        assert_int_equal(lab_unwrap(pair.acceptor, true, &message, "replayed"), 0);
        lab_pair_done(&pair);
    }
    raw_done(&r);
}

/* ---- K9 ---- */

static void k9_messages_work_past_the_end_which_info_tells(void **state) {
    (void)state;
    const char *brief = lab_ccache();
    lab_mint_times(lab_usual_keytab, LAB_SERVICE, brief, 0, 20);
    for (size_t m = 0; m < 2; m++) {
        lab_pair pair;
        lab_token token;
        lab_options options = lab_usual(both[m]);
        options.ccache = brief;
        lab_pair_establish(&pair, &options);
        assert_in_range(pair.initiator->info.lifetime_s, 15, 20);
        assert_in_range(pair.acceptor->info.lifetime_s, 15, 20 + 300);
        lab_clock_offset_s = 7200;
        assert_int_equal(lab_wrap(pair.initiator, true, "late", &token), 0);
        assert_int_equal(lab_unwrap(pair.acceptor, true, &token, "late"), 0);
        lab_clock_offset_s = 0;
        lab_pair_done(&pair);
    }
    lab_drop_ccache(brief);
}

/* ---- K10: the keytab changes under a running server ---- */

static void k10_keytab_rotation(void **state) {
    (void)state;
    const char *file = lab_path("rotated.keytab");
    const char *kdc = lab_path("rotation-kdc.keytab");
    const char *old_cache = lab_ccache();
    const char *new_cache = lab_ccache();
    lab_options options = {.keytab = file, .ccache = old_cache};
    lab_pair live, pair;
    lab_token token;
    lab_add_key(file, LAB_SERVICE, 1, "first");
    lab_mint(file, LAB_SERVICE, old_cache);
    lab_pair_establish(&live, &options);
    options.identity = live.identity; /* one server, which keeps its credentials */
    lab_add_key(kdc, LAB_SERVICE, 2, "second");
    lab_mint(kdc, LAB_SERVICE, new_cache);

    options.ccache = new_cache; /* the KDC is ahead */
    lab_pair_init(&pair, &options);
    lab_pair_run(&pair);
    lab_assert_error(pair.acceptor_error, SEAL_ERROR_KEY_VERSION, "keytab is out of date", NULL);
    lab_pair_done(&pair);
    lab_add_key(file, LAB_SERVICE, 2, "second"); /* both are there */
    lab_pair_establish(&pair, &options);
    lab_pair_done(&pair);
    options.ccache = old_cache;
    lab_pair_establish(&pair, &options);
    lab_pair_done(&pair);
    assert_int_equal(unlink(file), 0); /* the old one is gone */
    lab_add_key(file, LAB_SERVICE, 2, "second");
    lab_pair_init(&pair, &options);
    lab_pair_run(&pair);
    lab_assert_error(pair.acceptor_error, SEAL_ERROR_KEY_VERSION, "ticket is out of date", NULL);
    assert_true(seal__gss_error_is_stale_ticket(pair.initiator_rc));
    lab_pair_done(&pair);
    assert_int_equal(unlink(file), 0); /* all is gone */
    lab_pair_init(&pair, &options);
    lab_leaks_begin(); /* gss_acquire_cred_from that fails loses the name */
    lab_pair_run(&pair);
    lab_leaks_end();
    lab_assert_error(pair.acceptor_error, SEAL_ERROR_KEYTAB, file, NULL);
    lab_pair_done(&pair);
    assert_int_equal(lab_wrap(live.initiator, true, "still", &token), 0);
    assert_int_equal(lab_unwrap(live.acceptor, true, &token, "still"), 0);
    lab_pair_done(&live);
    lab_drop_ccache(old_cache);
    lab_drop_ccache(new_cache);
}

/* ---- K11 ---- */

static void k11_other_services_of_the_keytab_are_refused(void **state) {
    (void)state;
    static const char other[] = "other/localhost@" LAB_REALM;
    const char *file = lab_path("two.keytab");
    const char *cache = lab_ccache();
    lab_add_key(file, LAB_SERVICE, 1, "greeter");
    lab_add_key(file, other, 1, "other");
    lab_mint(file, other, cache);
    for (size_t m = 0; m < 2; m++) {
        lab_pair pair;
        lab_pair_init(&pair, &(lab_options){.mechanism = both[m],
                                            .target = other,
                                            .hello = LAB_SERVICE,
                                            .keytab = file,
                                            .ccache = cache});
        lab_pair_run(&pair);
        assert_int_equal(pair.acceptor_rc, SEAL_ERROR_WRONG_TARGET);
        lab_pair_done(&pair);
    }
    lab_drop_ccache(cache);
}

/* ---- K12: why the transcript is not bound by channel bindings ---- */

static void k12_bindings_of_one_side_are_ignored(void **state) {
    (void)state;
    struct gss_channel_bindings_struct bindings = {
        .application_data = {.length = 5, .value = (void *)(uintptr_t) "hello"}};
    raw r;
    lab_pair pair;
    lab_options options = lab_usual(SEAL_MECHANISM_KRB5);
    raw_init(&r, ALL, &bindings);
    lab_pair_init(&pair, &options);
    assert_int_equal(lab_step(&pair, pair.acceptor, r.token.bytes, r.token.len, NULL),
                     SEAL__MECH_DONE);
    assert_int_equal(raw_step(&r, ALL, &bindings, &pair.tokens[0]), GSS_S_COMPLETE);
    lab_pair_done(&pair);
    raw_done(&r);
}

/* ---- K13: a context belongs to one thread at a time, and to one process ---- */

static void k13_after_a_fork_both_processes_use_the_same_numbers(void **state) {
    (void)state;
    lab_pair pair;
    lab_token parents, childs;
    int ends[2];
    lab_establish(&pair, SEAL_MECHANISM_KRB5);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        static lab_token token;
        bool written = lab_wrap(pair.initiator, true, "of the child", &token) == 0 &&
                       write(ends[1], token.bytes, token.len) == (ssize_t)token.len;
        lab_pair_done(&pair);
        _exit(written ? 0 : 1);
    }
    assert_true(pid > 0);
    close(ends[1]);
    ssize_t n = read(ends[0], childs.bytes, sizeof childs.bytes);
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0 && n > 0);
    childs.len = (size_t)n;
    assert_int_equal(lab_wrap(pair.initiator, true, "of the parent", &parents), 0);
    assert_int_equal(lab_unwrap(pair.acceptor, true, &parents, "of the parent"), 0);
    assert_int_equal(lab_unwrap(pair.acceptor, true, &childs, ""), SEAL_ERROR_TAMPERED);
    lab_pair_done(&pair);
}

/* ---- K17 ---- */

static void k17_strength_and_sizes(void **state) {
    (void)state;
    lab_pair pair;
    lab_token token;
    lab_establish(&pair, SEAL_MECHANISM_KRB5);
    assert_int_equal(pair.initiator->info.ssf, 256);
    assert_int_equal(pair.acceptor->info.ssf, 256);
    print_message("tokens of %zu and %zu bytes\n", pair.tokens[0].len, pair.tokens[1].len);
    assert_in_range(pair.tokens[0].len, 400, 1000);
    assert_in_range(pair.tokens[1].len, 100, 200);
    assert_int_equal(lab_wrap(pair.initiator, true, "0123456789", &token), 0);
    assert_int_equal(token.len, 10 + 60);
    assert_int_equal(lab_wrap(pair.initiator, false, "0123456789", &token), 0);
    assert_int_equal(token.len, 10 + 28);
    lab_pair_done(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(k1_replay_gap_and_reorder_are_refused),
        cmocka_unit_test(k2_the_other_protection_is_refused),
        cmocka_unit_test(k2_missing_flags_show_in_info),
        cmocka_unit_test(k4_a_wrong_token_id_is_a_failure),
        cmocka_unit_test(input_is_not_changed),
        cmocka_unit_test(k6_a_replayed_token_establishes_but_its_messages_do_not_verify),
        cmocka_unit_test(k6_without_mutual_even_the_message_is_replayed),
        cmocka_unit_test(k9_messages_work_past_the_end_which_info_tells),
        cmocka_unit_test(k10_keytab_rotation),
        cmocka_unit_test(k11_other_services_of_the_keytab_are_refused),
        cmocka_unit_test(k12_bindings_of_one_side_are_ignored),
        cmocka_unit_test(k13_after_a_fork_both_processes_use_the_same_numbers),
        cmocka_unit_test(k17_strength_and_sizes),
    };
    return cmocka_run_group_tests_name("secure.gss.facts", tests, lab_setup_usual,
                                       lab_teardown_usual);
}
