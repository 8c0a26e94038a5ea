/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changed tokens and messages. The numbers are those of test_facts.c. End to end no changed token
 * may establish anything: that is the secure channel's test; here the library alone is measured.
 */
#include "support/gss_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Every nth bit is enough where each takes long. */
static size_t bit_stride(void) {
    return getenv("LAB_SLOW") != NULL ? 37 : 1;
}

static void flip(lab_token *token, size_t bit) {
    token->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* ---- K3: the tokens do not protect themselves ---- */

static bool accepts(const lab_token *token, int *ret_rc) {
    lab_pair pair;
    lab_options options = lab_usual(SEAL_MECHANISM_KRB5);
    lab_pair_init(&pair, &options);
    *ret_rc = lab_step(&pair, pair.acceptor, token->bytes, token->len, &pair.acceptor_error);
    if (*ret_rc < 0)
        assert_non_null(pair.acceptor_error);
    assert_true(*ret_rc <= 0); /* never to be continued: K4 */
    lab_pair_done(&pair);
    return *ret_rc == 0;
}

static void k3_flips_of_the_first_token(void **state) {
    (void)state;
    lab_pair pair;
    lab_establish(&pair, SEAL_MECHANISM_KRB5);
    lab_token token = pair.tokens[0];
    lab_pair_done(&pair);
    size_t established = 0;
    size_t tried = 0;
    int rc = 0;
    for (size_t bit = 0; bit < token.len * 8; bit += bit_stride(), tried++) {
        flip(&token, bit);
        established += accepts(&token, &rc);
        flip(&token, bit);
    }
    print_message("first token: %zu of %zu flips establish a context\n", established, tried);
    assert_true(established < tried / 10);
    if (bit_stride() == 1)
        assert_true(established > 0); /* else this part of the design could be simpler */
}

static void k3_flips_of_the_second_token(void **state) {
    (void)state;
    size_t established = 0;
    size_t tried = 0;
    size_t bits = 1;
    for (size_t bit = 0; bit < bits; bit += bit_stride(), tried++) {
        lab_pair pair;
        lab_options options = lab_usual(SEAL_MECHANISM_KRB5);
        lab_pair_init(&pair, &options);
        assert_int_equal(lab_step(&pair, pair.initiator, NULL, 0, NULL), SEAL__MECH_CONTINUE);
        assert_int_equal(
            lab_step(&pair, pair.acceptor, pair.tokens[0].bytes, pair.tokens[0].len, NULL), 0);
        bits = pair.tokens[1].len * 8;
        flip(&pair.tokens[1], bit);
        int rc = lab_step(&pair, pair.initiator, pair.tokens[1].bytes, pair.tokens[1].len, NULL);
        assert_true(rc <= 0);
        established += rc == 0;
        lab_pair_done(&pair);
    }
    print_message("second token: %zu of %zu flips establish a context\n", established, tried);
    assert_true(established < tried / 10);
}

static void k3_truncated_and_longer_tokens_are_refused(void **state) {
    (void)state;
    lab_pair pair;
    lab_establish(&pair, SEAL_MECHANISM_KRB5);
    lab_token token = pair.tokens[0];
    lab_pair_done(&pair);
    int rc = 0;
    size_t len = token.len;
    for (token.len = 0; token.len < len; token.len += bit_stride())
        assert_false(accepts(&token, &rc));
    for (token.len = len + 1; token.len <= len + 4; token.len++)
        assert_false(accepts(&token, &rc));
}

/* ---- K5, K18, K19: changed messages ---- */

static void flips_of_messages(bool conf, size_t len) {
    char text[256];
    lab_pair pair;
    lab_token token;
    size_t accepted = 0;
    memset(text, 'x', len);
    text[len] = '\0';
    lab_establish(&pair, SEAL_MECHANISM_KRB5);
    assert_int_equal(lab_wrap(pair.initiator, conf, text, &token), 0);
    for (size_t bit = 0; bit < token.len * 8; bit++) {
        lab_token changed = token;
        flip(&changed, bit);
        /* lab_unwrap fails the test when what comes out is not `text`. */
        if (lab_unwrap(pair.acceptor, conf, &changed, text) != 0)
            continue;
        accepted++;
        assert_true(bit / 8 == 6 || bit / 8 == 7); /* RRC, which is not protected */
        assert_int_equal(lab_unwrap(pair.acceptor, conf, &token, text), SEAL_ERROR_TAMPERED);
        assert_int_equal(lab_wrap(pair.initiator, conf, text, &token), 0);
    }
    print_message("%s message of %zu: %zu of %zu flips accepted, identical\n",
                  conf ? "sealed" : "signed", len, accepted, token.len * 8);
    /* K18: after all those, the genuine one is still good. */
    lab_leaks_begin(); /* the buffer of a signed message of no bytes */
    assert_int_equal(lab_unwrap(pair.acceptor, conf, &token, text), 0);
    lab_leaks_end();
    lab_pair_done(&pair);
}

static void k5_k18_changed_messages_are_refused_or_identical(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 4, 20, 36, 64, 84, 100, 212};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        flips_of_messages(true, sizes[i]);
        flips_of_messages(false, sizes[i]);
    }
}

static void k19_a_wrong_checksum_is_refused(void **state) {
    (void)state;
    lab_pair pair;
    lab_token token;
    lab_establish(&pair, SEAL_MECHANISM_KRB5);
    for (int round = 0; round < 3; round++) {
        for (int conf = 0; conf < 2; conf++) {
            assert_int_equal(lab_wrap(pair.acceptor, conf, "genuine", &token), 0);
            for (size_t i = 16; i < token.len; i++) {
                token.bytes[i] ^= 0x80;
                assert_int_equal(lab_unwrap(pair.initiator, conf, &token, ""), SEAL_ERROR_TAMPERED);
                token.bytes[i] ^= 0x80;
            }
            for (size_t n = 0; n < token.len; n++) {
                lab_token shorter = token;
                shorter.len = n;
                assert_int_equal(lab_unwrap(pair.initiator, conf, &shorter, ""),
                                 SEAL_ERROR_TAMPERED);
            }
            assert_int_equal(lab_unwrap(pair.initiator, conf, &token, "genuine"), 0);
        }
    }
    lab_pair_done(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(k3_flips_of_the_first_token),
        cmocka_unit_test(k3_flips_of_the_second_token),
        cmocka_unit_test(k3_truncated_and_longer_tokens_are_refused),
        cmocka_unit_test(k5_k18_changed_messages_are_refused_or_identical),
        cmocka_unit_test(k19_a_wrong_checksum_is_refused),
    };
    return cmocka_run_group_tests_name("secure.gss.flips", tests, lab_setup_usual,
                                       lab_teardown_usual);
}
