/* SPDX-License-Identifier: Apache-2.0 */
/* Heimdal behind the seam of runtime/secure/mech.h, both ends in this process, in a scratch realm
 * with the services greeter/localhost and other/localhost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mech_heimdal.h"

#define REALM "SEALRPC.TEST"
#define SERVICE "greeter/localhost"

enum {
    ALL_FLAGS = SEAL__MECH_MUTUAL | SEAL__MECH_CONF | SEAL__MECH_INTEG | SEAL__MECH_REPLAY |
                SEAL__MECH_SEQUENCE,
    TOKEN_MAX = 65536
};

typedef struct pair {
    heimdal_identity wanted;
    heimdal_identity own;
    seal__mech *initiator;
    seal__mech *acceptor;
    seal__buf token;
    int initiator_rc;
    int acceptor_rc;
    seal_error *error;
    unsigned n_tokens;
} pair;

static void identity_init(heimdal_identity *identity, bool initiator, const char *principal) {
    seal_error *error = NULL;
    int rc =
        heimdal_identity_init(identity, &seal__default_allocator, initiator, principal, &error);
    if (rc != 0)
        print_error("%s\n", seal_error_message(error));
    assert_int_equal(rc, 0);
}

static void pair_init(pair *p, seal_mechanism mechanism, const char *wanted, const char *own) {
    *p = (pair){.initiator_rc = SEAL__MECH_CONTINUE, .acceptor_rc = SEAL__MECH_CONTINUE};
    identity_init(&p->wanted, true, wanted);
    identity_init(&p->own, false, own);
    seal__buf_init(&p->token, &seal__default_allocator, TOKEN_MAX);
    assert_int_equal(heimdal_make(&p->wanted, mechanism, NULL, &p->initiator, NULL), 0);
    assert_int_equal(heimdal_make(&p->own, mechanism, own, &p->acceptor, NULL), 0);
}

static void pair_done(pair *p) {
    p->initiator->ops->free(p->initiator);
    p->acceptor->ops->free(p->acceptor);
    heimdal_identity_done(&p->wanted);
    heimdal_identity_done(&p->own);
    seal__buf_done(&p->token);
    seal_error_free(p->error);
}

static int step(pair *p, seal__mech *mech) {
    seal__buf in = p->token;
    seal_error *error = NULL;
    seal__buf_init(&p->token, &seal__default_allocator, TOKEN_MAX);
    int rc = mech->ops->step(mech, in.len > 0 ? in.data : (const uint8_t *)"", in.len, &p->token,
                             &error);
    seal__buf_done(&in);
    assert_true((rc < 0) == (error != NULL));
    if (p->error == NULL)
        p->error = error;
    else
        seal_error_free(error);
    p->n_tokens += p->token.len > 0 && rc >= 0;
    return rc;
}

/* Until both are done or one fails. */
static void run(pair *p) {
    while (p->initiator_rc == SEAL__MECH_CONTINUE || p->acceptor_rc == SEAL__MECH_CONTINUE) {
        p->initiator_rc = step(p, p->initiator);
        if (p->initiator_rc < 0 || p->token.len == 0)
            return;
        p->acceptor_rc = step(p, p->acceptor);
        if (p->acceptor_rc < 0 || (p->initiator_rc == SEAL__MECH_DONE && p->token.len == 0))
            return;
    }
}

static void establish(pair *p, seal_mechanism mechanism) {
    pair_init(p, mechanism, SERVICE, SERVICE);
    run(p);
    if (p->error != NULL)
        print_error("%s\n", seal_error_message(p->error));
    assert_int_equal(p->initiator_rc, SEAL__MECH_DONE);
    assert_int_equal(p->acceptor_rc, SEAL__MECH_DONE);
}

/* ---- Messages ---- */

static void wrap(seal__mech *mech, bool conf, const char *text, seal__buf *ret_token) {
    seal__buf_init(ret_token, &seal__default_allocator, TOKEN_MAX);
    int rc = mech->ops->wrap(mech, conf, (const uint8_t *)text, strlen(text), ret_token);
    assert_int_equal(rc, 0);
}

static int unwrap(seal__mech *mech, bool conf, const seal__buf *token, const char *expected) {
    seal__buf plain;
    seal__buf_init(&plain, &seal__default_allocator, TOKEN_MAX);
    int rc = mech->ops->unwrap(mech, conf, token->data, token->len, &plain);
    if (rc == 0) {
        assert_int_equal(plain.len, strlen(expected));
        assert_memory_equal(plain.data, expected, plain.len);
    }
    seal__buf_done(&plain);
    return rc;
}

static void one_message(seal__mech *from, seal__mech *to, bool conf) {
    seal__buf token;
    wrap(from, conf, "hello", &token);
    assert_int_equal(memmem(token.data, token.len, "hello", 5) == NULL, conf);
    assert_int_equal(unwrap(to, conf, &token, "hello"), 0);
    seal__buf_done(&token);
}

static void assert_info(const pair *p) {
    const seal__mech_info *infos[] = {&p->initiator->info, &p->acceptor->info};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(infos[i]->flags, ALL_FLAGS);
        assert_true(infos[i]->authenticates_target);
        assert_string_equal(infos[i]->mechanism, "krb5");
        assert_string_equal(infos[i]->target, SERVICE "@" REALM);
        assert_int_equal(infos[i]->ssf, 256);
        assert_in_range(infos[i]->lifetime_s, 60, 48 * 3600);
    }
    assert_string_equal(p->initiator->info.peer, SERVICE "@" REALM);
    assert_string_equal(p->initiator->info.local, "alice@" REALM);
    assert_string_equal(p->acceptor->info.peer, "alice@" REALM);
    assert_string_equal(p->acceptor->info.local, SERVICE "@" REALM);
}

static void exchange(seal_mechanism mechanism) {
    pair p;
    establish(&p, mechanism);
    assert_int_equal(p.n_tokens, 2);
    assert_info(&p);
    for (int i = 0; i < 4; i++) {
        one_message(p.initiator, p.acceptor, i % 2 == 0);
        one_message(p.acceptor, p.initiator, i % 2 == 0);
    }
    pair_done(&p);
}

static void krb5_works(void **state) {
    (void)state;
    exchange(SEAL_MECHANISM_KRB5);
}

static void spnego_ends_at_krb5(void **state) {
    (void)state;
    exchange(SEAL_MECHANISM_SPNEGO);
}

/* What both FINISHED do: a spoilt copy is refused, and the true message behind it is taken. */
static void a_spoilt_copy_does_not_use_up_the_message(seal_mechanism mechanism) {
    pair p;
    establish(&p, mechanism);
    seal__buf from_acceptor, from_initiator;
    wrap(p.acceptor, true, "server", &from_acceptor);
    wrap(p.initiator, true, "client", &from_initiator);
    from_acceptor.data[from_acceptor.len - 1] ^= 1;
    from_initiator.data[from_initiator.len - 1] ^= 1;
    assert_int_equal(unwrap(p.initiator, true, &from_acceptor, ""), SEAL_ERROR_TAMPERED);
    assert_int_equal(unwrap(p.acceptor, true, &from_initiator, ""), SEAL_ERROR_TAMPERED);
    from_acceptor.data[from_acceptor.len - 1] ^= 1;
    from_initiator.data[from_initiator.len - 1] ^= 1;
    assert_int_equal(unwrap(p.initiator, true, &from_acceptor, "server"), 0);
    assert_int_equal(unwrap(p.acceptor, true, &from_initiator, "client"), 0);
    /* Nor has an end begun to count its own anew. */
    one_message(p.acceptor, p.initiator, true);
    one_message(p.initiator, p.acceptor, false);
    /* It is taken once. */
    assert_int_equal(unwrap(p.initiator, true, &from_acceptor, ""), SEAL_ERROR_TAMPERED);
    seal__buf_done(&from_acceptor);
    seal__buf_done(&from_initiator);
    pair_done(&p);
}

static void spoilt_copies(void **state) {
    (void)state;
    a_spoilt_copy_does_not_use_up_the_message(SEAL_MECHANISM_KRB5);
    a_spoilt_copy_does_not_use_up_the_message(SEAL_MECHANISM_SPNEGO);
}

static void order_is_kept(void **state) {
    (void)state;
    enum { N = 4 };
    seal__buf tokens[N];
    pair p;
    establish(&p, SEAL_MECHANISM_KRB5);
    for (int i = 0; i < N; i++)
        wrap(p.initiator, true, "x", &tokens[i]);
    assert_int_equal(unwrap(p.acceptor, true, &tokens[1], ""), SEAL_ERROR_TAMPERED); /* a gap */
    assert_int_equal(unwrap(p.acceptor, true, &tokens[0], "x"), 0);
    assert_int_equal(unwrap(p.acceptor, true, &tokens[0], ""), SEAL_ERROR_TAMPERED); /* twice */
    assert_int_equal(unwrap(p.acceptor, true, &tokens[2], ""), SEAL_ERROR_TAMPERED); /* a gap */
    assert_int_equal(unwrap(p.acceptor, true, &tokens[1], ""), SEAL_ERROR_TAMPERED); /* too late */
    for (int i = 0; i < N; i++)
        seal__buf_done(&tokens[i]);
    pair_done(&p);
}

static void confidentiality_must_be_as_expected(void **state) {
    (void)state;
    pair p;
    seal__buf token;
    establish(&p, SEAL_MECHANISM_KRB5);
    wrap(p.initiator, false, "x", &token);
    assert_int_equal(unwrap(p.acceptor, true, &token, ""), SEAL_ERROR_PROTECTION);
    seal__buf_done(&token);
    wrap(p.acceptor, true, "x", &token);
    assert_int_equal(unwrap(p.initiator, false, &token, ""), SEAL_ERROR_PROTECTION);
    seal__buf_done(&token);
    pair_done(&p);
}

/* ---- Refusals ---- */

static void a_ticket_for_another_service_is_refused(void **state) {
    (void)state;
    static const seal_mechanism both[] = {SEAL_MECHANISM_KRB5, SEAL_MECHANISM_SPNEGO};
    for (int i = 0; i < 2; i++) {
        pair p;
        pair_init(&p, both[i], "other/localhost", SERVICE);
        run(&p); /* the keytab has the keys of both */
        assert_int_equal(p.initiator_rc, SEAL__MECH_CONTINUE);
        assert_in_range(-p.acceptor_rc, -SEAL_ERROR_CREDENTIALS, -SEAL_ERROR_WRONG_TARGET);
        pair_done(&p);
    }
}

static void a_spoilt_token_is_refused(void **state) {
    (void)state;
    static const seal_mechanism both[] = {SEAL_MECHANISM_KRB5, SEAL_MECHANISM_SPNEGO};
    for (int i = 0; i < 4; i++) {
        pair p;
        pair_init(&p, both[i / 2], SERVICE, SERVICE);
        assert_int_equal(step(&p, p.initiator), SEAL__MECH_CONTINUE);
        if (i % 2 == 0) {
            p.token.data[p.token.len - 1] ^= 1;
            assert_int_equal(step(&p, p.acceptor), SEAL_ERROR_AUTHENTICATION);
        } else {
            assert_int_equal(step(&p, p.acceptor), SEAL__MECH_DONE);
            p.token.data[p.token.len - 1] ^= 1;
            assert_int_equal(step(&p, p.initiator), SEAL_ERROR_AUTHENTICATION);
        }
        pair_done(&p);
    }
}

static void an_answer_to_somebody_else_is_refused(void **state) {
    (void)state;
    pair first, second;
    pair_init(&first, SEAL_MECHANISM_KRB5, SERVICE, SERVICE);
    pair_init(&second, SEAL_MECHANISM_KRB5, SERVICE, SERVICE);
    assert_int_equal(step(&first, first.initiator), SEAL__MECH_CONTINUE);
    assert_int_equal(step(&first, first.acceptor), SEAL__MECH_DONE);
    assert_int_equal(step(&second, second.initiator), SEAL__MECH_CONTINUE);
    seal__buf_reset(&second.token);
    seal__buf_put(&second.token, first.token.data, first.token.len);
    assert_int_equal(step(&second, second.initiator), SEAL_ERROR_AUTHENTICATION);
    assert_int_equal(step(&first, first.initiator), SEAL__MECH_DONE);
    pair_done(&first);
    pair_done(&second);
}

static void nobody_without_the_key_can_accept(void **state) {
    (void)state;
    static const seal_mechanism both[] = {SEAL_MECHANISM_KRB5, SEAL_MECHANISM_SPNEGO};
    for (int i = 0; i < 2; i++) {
        pair p;
        pair_init(&p, both[i], SERVICE, "keyless/localhost");
        run(&p);
        assert_int_equal(p.initiator_rc, SEAL__MECH_CONTINUE);
        assert_true(p.acceptor_rc < 0);
        pair_done(&p);
    }
}

/* SPNEGO that offers NTLM alone, with NTLM's first message. */
static void spnego_does_not_end_at_ntlm(void **state) {
    (void)state;
    static const uint8_t offer[] =
        "\x60\x48\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x3e\x30\x3c\xa0\x0e\x30\x0c\x06\x0a\x2b\x06"
        "\x01\x04\x01\x82\x37\x02\x02\x0a\xa2\x2a\x04\x28NTLMSSP\0\x01\0\0\0\x35\x82\x88\xe2"
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x06\x01\xb1\x1d\0\0\0\x0f";
    pair p;
    pair_init(&p, SEAL_MECHANISM_SPNEGO, SERVICE, SERVICE);
    seal__buf_put(&p.token, offer, sizeof offer - 1);
    assert_int_equal(step(&p, p.acceptor), SEAL_ERROR_AUTHENTICATION);
    pair_done(&p);
}

static void tokens_at_the_wrong_time_are_refused(void **state) {
    (void)state;
    pair p;
    pair_init(&p, SEAL_MECHANISM_KRB5, SERVICE, SERVICE);
    assert_int_equal(step(&p, p.acceptor), SEAL_ERROR_AUTHENTICATION); /* empty */
    pair_done(&p);
    pair_init(&p, SEAL_MECHANISM_KRB5, SERVICE, SERVICE);
    seal__buf_put_u8(&p.token, 0x60);
    assert_int_equal(step(&p, p.initiator), SEAL_ERROR_AUTHENTICATION); /* not its turn */
    pair_done(&p);
    establish(&p, SEAL_MECHANISM_KRB5);
    seal__buf_put_u8(&p.token, 0x60);
    assert_int_equal(step(&p, p.acceptor), SEAL_ERROR_STATE);
    pair_done(&p);
}

static void who_asks_for_another_is_refused(void **state) {
    (void)state;
    heimdal_identity own;
    seal__mech *mech = NULL;
    identity_init(&own, false, SERVICE);
    assert_int_equal(heimdal_make(&own, SEAL_MECHANISM_NTLM, SERVICE, &mech, NULL),
                     SEAL_ERROR_PROTECTION);
    static const char *const others[] = {"other/localhost", SERVICE "@OTHER.TEST", "greeter", "",
                                         SERVICE "x",       "greeter/localhos"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(heimdal_make(&own, SEAL_MECHANISM_KRB5, others[i], &mech, NULL),
                         SEAL_ERROR_WRONG_TARGET);
    assert_null(mech);
    assert_int_equal(heimdal_make(&own, SEAL_MECHANISM_KRB5, SERVICE "@" REALM, &mech, NULL), 0);
    mech->ops->free(mech);
    heimdal_identity_done(&own);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(krb5_works),
        cmocka_unit_test(spnego_ends_at_krb5),
        cmocka_unit_test(spoilt_copies),
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(confidentiality_must_be_as_expected),
        cmocka_unit_test(a_ticket_for_another_service_is_refused),
        cmocka_unit_test(a_spoilt_token_is_refused),
        cmocka_unit_test(an_answer_to_somebody_else_is_refused),
        cmocka_unit_test(nobody_without_the_key_can_accept),
        cmocka_unit_test(spnego_does_not_end_at_ntlm),
        cmocka_unit_test(tokens_at_the_wrong_time_are_refused),
        cmocka_unit_test(who_asks_for_another_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
