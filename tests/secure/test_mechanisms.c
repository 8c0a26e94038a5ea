/* SPDX-License-Identifier: Apache-2.0 */
/* The channel over real mechanisms: krb5 and SPNEGO with tickets that need no KDC, and NTLM. */
#include "pair.h"

#include "support/gss_lab.h"

#include <gssapi/gssapi.h>

#include <stdlib.h>
#include <string.h>

static seal__gss_acceptor *identity;

static int make_initiator(void *user, seal_mechanism mechanism, const char *target,
                          seal__mech **ret_mech, seal_error **reterr) {
    (void)user;
    (void)target;
    const seal__gss_initiator_options options = {.alloc = &seal__default_allocator,
                                                 .target = LAB_SERVICE,
                                                 .ccache = lab_usual_ccache,
                                                 .mechanism = mechanism};
    return seal__gss_initiator_new(&options, ret_mech, reterr);
}

static int make_acceptor(void *user, seal_mechanism mechanism, const char *target,
                         seal__mech **ret_mech, seal_error **reterr) {
    (void)user;
    return seal__gss_acceptor_context(identity, mechanism, target, ret_mech, reterr);
}

static bool has_ntlm(void) {
    static gss_OID_desc ntlm = {10, (void *)(uintptr_t) "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"};
    OM_uint32 minor = 0;
    int present = 0;
    gss_OID_set all = GSS_C_NO_OID_SET;
    if (gss_indicate_mechs(&minor, &all) == GSS_S_COMPLETE)
        gss_test_oid_set_member(&minor, &ntlm, all, &present);
    gss_release_oid_set(&minor, &all);
    return present != 0;
}

static int setup(void **state) {
    static const char *const principals[] = {LAB_SERVICE};
    static const seal_mechanism mechanisms[] = {SEAL_MECHANISM_KRB5, SEAL_MECHANISM_SPNEGO,
                                                SEAL_MECHANISM_NTLM};
    if (lab_setup_usual(state) != 0)
        return -1;
    const seal__gss_acceptor_options options = {.alloc = &seal__default_allocator,
                                                .principals = principals,
                                                .n_principals = 1,
                                                .keytab = lab_usual_keytab,
                                                .mechanisms = mechanisms,
                                                .n_mechanisms = has_ntlm() ? 3 : 2};
    return seal__gss_acceptor_new(&options, &identity, NULL);
}

static int teardown(void **state) {
    seal__gss_acceptor_unref(identity);
    return lab_teardown_usual(state);
}

static void init(pair *p, seal_mechanism mechanism, seal_suite suite, seal_level level) {
    pair_init(p);
    p->client.mechs = (seal__mech_source){.make = make_initiator};
    p->server.mechs = (seal__mech_source){.make = make_acceptor};
    p->client.config.target = LAB_SERVICE;
    p->client.config.mechanisms[0] = mechanism;
    p->server.config.mechanisms[1] = SEAL_MECHANISM_SPNEGO;
    p->server.config.mechanisms[2] = SEAL_MECHANISM_NTLM;
    p->server.config.n_mechanisms = 3;
    p->client.config.suites[0] = suite;
    p->client.config.n_suites = 1;
    p->client.config.min_level = p->server.config.min_level = level;
}

static void talks(pair *p, const char *text) {
    p->client.data.len = p->server.data.len = 0;
    assert_int_equal(pair_send_text(&p->client, text), 0);
    assert_int_equal(pair_send_text(&p->server, text), 0);
    pair_pump(p);
    assert_string_equal(pair_text(&p->client), text);
    assert_string_equal(pair_text(&p->server), text);
}

static void whole_life(void **state) {
    (void)state;
    static const seal_mechanism mechanisms[] = {SEAL_MECHANISM_KRB5, SEAL_MECHANISM_SPNEGO};
    for (size_t m = 0; m < 2; m++) {
        for (size_t v = 0; v < 8; v++) {
            pair p;
            init(&p, mechanisms[m], pair_suites[v / 2],
                 v % 2 == 0 ? SEAL_LEVEL_PRIVACY : SEAL_LEVEL_INTEGRITY);
            p.client.config.key_update_records = p.server.config.key_update_records = 8;
            pair_connect(&p);
            const seal__secure_info *c = seal__secure_get_info(p.client.channel);
            const seal__secure_info *s = seal__secure_get_info(p.server.channel);
            assert_string_equal(c->peer, LAB_SERVICE);
            assert_string_equal(s->peer, LAB_ALICE);
            assert_string_equal(s->local, LAB_SERVICE);
            assert_string_equal(s->mechanism, "krb5");
            /* A stranger gets less than it has sent. */
            assert_true(p.server.sent.len < p.client.sent.len + 256);
            for (int i = 0; i < 20; i++)
                talks(&p, "hello");
            p.now = seal__secure_next_deadline(p.client.channel);
            assert_int_equal(seal__secure_tick(p.client.channel, p.now, NULL), 0);
            pair_send_text(&p.client, "in between");
            pair_pump(&p);
            assert_non_null(strchr(p.client.events, 'A'));
            assert_non_null(strchr(p.server.events, 'A'));
            for (int i = 0; i < 20; i++)
                talks(&p, "hello again");
            seal__secure_close(p.client.channel, SEAL__CLOSE_DONE, &p.client.sent);
            pair_pump(&p);
            assert_int_equal(seal__secure_eof(p.server.channel, NULL), 0);
            pair_done(&p);
        }
    }
}

/* The library alone lets hundreds of changes of an AP-REQ pass; none may get through here. */
static void flip(bool by_client, size_t bit, size_t ret_sizes[2]) {
    pair p;
    init(&p, SEAL_MECHANISM_KRB5, SEAL_SUITE_AES256_GCM, SEAL_LEVEL_PRIVACY);
    p.flip_from = by_client ? &p.client : &p.server;
    p.flip_bit = bit;
    pair_start(&p);
    pair_pump(&p);
    ret_sizes[0] = p.client.sent.len;
    ret_sizes[1] = p.server.sent.len;
    pair_send_text(&p.client, "x");
    pair_send_text(&p.server, "x");
    pair_pump(&p);
    /* The length of a token varies by a few bytes: the bit may be behind the handshake. */
    bool hit = bit / 8 < ret_sizes[by_client ? 0 : 1];
    if (hit && pair_records(&p.client) + pair_records(&p.server) != 0)
        fail_msg("flip of bit %zu of the %s is not found", bit, by_client ? "client" : "server");
    pair_done(&p);
}

static void flips(void **state) {
    (void)state;
    size_t whole[2], sizes[2];
    flip(true, SIZE_MAX, whole);
    for (size_t bit = 0; bit < whole[0] * 8; bit += 3)
        flip(true, bit, sizes);
    for (size_t bit = 0; bit < whole[1] * 8; bit += 3)
        flip(false, bit, sizes);
}

/* Three legs, and no proof of who the server is: refused, unless both ends say that they permit it.
 */
static void ntlm(void **state) {
    (void)state;
    static const char users[] = "SEAL:alice:alicepw\n";
    if (!has_ntlm()) {
        print_message("skipped: gss-ntlmssp is not installed\n");
        skip();
    }
    lab_leaks_begin();
    lab_write(lab_path("users"), users, sizeof users - 1);
    setenv("NTLM_USER_FILE", lab_path("users"), 1);
    for (unsigned permit = 0; permit < 4; permit++) {
        for (size_t v = 0; v < 7; v++) { /* gss-ntlmssp cannot wrap without confidentiality */
            pair p;
            init(&p, SEAL_MECHANISM_NTLM, pair_suites[v / 2],
                 v % 2 == 0 ? SEAL_LEVEL_PRIVACY : SEAL_LEVEL_INTEGRITY);
            p.client.config.allow_one_way = (permit & 1) != 0;
            p.server.config.allow_one_way = (permit & 2) != 0;
            if (permit == 3) {
                pair_connect(&p);
                assert_true(seal__secure_get_info(p.client.channel)->one_way);
                assert_string_equal(seal__secure_get_info(p.client.channel)->peer,
                                    "one-way:" LAB_SERVICE);
                assert_string_equal(seal__secure_get_info(p.server.channel)->peer,
                                    "one-way:SEAL\\alice");
                for (int i = 0; i < 5; i++)
                    talks(&p, "hello");
            } else {
                pair_expect_not_mutual(&p);
            }
            pair_done(&p);
        }
    }
    lab_leaks_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_life),
        cmocka_unit_test(flips),
        cmocka_unit_test(ntlm),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
