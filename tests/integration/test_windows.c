/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of Windows, and what does them here: docs/naming.md has the table, and each case proves
 * one of its rows. The rows about registering and publishing are proven elsewhere, as it says.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay.h"

#define SECRET "the secret of this test, in clear"

static it_server s;
static it_client c;

static void start(seal_server_options *options) {
    it_server_init(&s);
    it_server_start(&s, options, NULL);
    it_client_init(&c);
}

static void stop(void) {
    it_client_done(&c);
    it_server_done(&s);
}

/* DsMakeSpn, DsGetSpn: what a client composes is what the server answers to. */
static void ds_make_spn(void **state) {
    (void)state;
    char spn[SEAL_SPN_MAX];
    assert_int_equal(seal_spn_make("echo", "LocalHost.", 0, NULL, spn, NULL), 0);
    assert_string_equal(spn, IT_SERVICE);
    seal_server_options options;
    it_server_options(&options);
    options.principal = spn;
    start(&options);
    char target[64];
    snprintf(target, sizeof target, "LOCALHOST:%u", seal_server_port(s.server));
    seal_channel_options co;
    it_channel_options(&co);
    co.server_principal = NULL; /* composed */
    co.spn_class = "echo";
    seal_channel *channel = it_channel(&c, target, &co);
    it_echo(channel, 1);
    seal_channel_free(channel);
    stop();
}

/* AcquireCredentialsHandle, outbound: a cache, or a keytab; a named principal. */
static void acquire_credentials_outbound(void **state) {
    (void)state;
    char keytab[300];
    start(NULL);
    seal_channel_options options;
    it_channel_options(&options);
    snprintf(keytab, sizeof keytab, "FILE:%s/users.keytab", getenv("SEAL_REALM_DIR"));
    options.client_keytab = keytab;
    options.client_principal = "bob";
    seal_channel *channel = it_channel(&c, s.target, &options);
    seal_result *result = it_sync(channel, NULL, &(it_request){.size = 1});
    assert_string_equal(seal_peer_local_principal(seal_result_peer(result)), "bob@" IT_REALM);
    it_expect_ok(result);
    seal_channel_free(channel);
    options.client_principal = "nobody";
    channel = it_channel(&c, s.target, &options);
    it_expect(it_sync(channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAUTHENTICATED,
              SEAL_NOT_EXECUTED, "nobody");
    seal_channel_free(channel);
    stop();
}

/* AcquireCredentialsHandle, inbound: without the key nothing listens. */
static void acquire_credentials_inbound(void **state) {
    (void)state;
    seal_server_options options;
    seal_error *error = NULL;
    it_server_options(&options);
    options.keytab = it_path("no.keytab");
    it_server_init(&s);
    assert_int_equal(it_server_try_start(&s, &options, NULL, &error), SEAL_ERROR_KEYTAB);
    assert_non_null(strstr(seal_error_message(error), "no.keytab"));
    assert_int_equal(seal_server_port(s.server), 0);
    seal_error_free(error);
    it_server_done(&s);
}

/* InitializeSecurityContext with ISC_REQ_MUTUAL_AUTH, AcceptSecurityContext with
 * ASC_RET_MUTUAL_AUTH, until neither says SEC_I_CONTINUE_NEEDED; then the returned attributes. */
static void mutual_authentication(void **state) {
    (void)state;
    static const seal_mechanism mechanisms[] = {SEAL_MECHANISM_KRB5, SEAL_MECHANISM_SPNEGO};
    seal_server_options options;
    it_server_options(&options);
    options.mechanisms = mechanisms;
    options.n_mechanisms = 2;
    start(&options);
    for (size_t i = 0; i < 2; i++) {
        seal_channel_options co;
        it_channel_options(&co);
        co.mechanism = mechanisms[i];
        seal_channel *channel = it_channel(&c, s.target, &co);
        seal_result *result = it_sync(channel, NULL, &(it_request){.mode = ITEST__MODE__WHO});
        const Itest__Reply *reply = seal_result_reply(result);
        const seal_peer *peer = seal_result_peer(result);
        assert_non_null(reply);
        assert_memory_equal(reply->text, IT_ALICE "|",
                            strlen(IT_ALICE) + 1); /* the server's view */
        assert_string_equal(seal_peer_principal(peer), IT_SERVICE "@" IT_REALM);
        assert_string_equal(seal_peer_mechanism(peer), "krb5");
        assert_false(seal_peer_is_one_way(peer));
        seal_result_free(result);
        seal_channel_free(channel);
    }
    stop();
}

static bool contains(const relay_side *side, const char *text) {
    return memmem(side->bytes, side->len, text, strlen(text)) != NULL;
}

/* One call with a text, through somebody who looks and, if told to, flips a bit of the client's
 * first record. Returns whether the text could be read on the wire. */
static bool call_through(const relay_plan *plan, seal_level level, bool works) {
    relay r;
    seal_server_options so;
    seal_channel_options co;
    it_server_options(&so);
    so.min_level = level;
    start(&so);
    relay_start(&r, seal_server_port(s.server), plan);
    it_channel_options(&co);
    co.min_level = level;
    seal_channel *channel = it_channel_to(&c, r.port, &co);
    seal_result *result =
        it_sync(channel, NULL, &(it_request){.mode = ITEST__MODE__ECHO, .text = SECRET});
    if (works) {
        assert_int_equal(seal_peer_level(seal_result_peer(result)), level);
        it_expect_ok(result);
    } else {
        assert_int_not_equal(seal_result_status(result), SEAL_STATUS_OK);
        seal_result_free(result);
        assert_int_equal(atomic_load(&s.runs), 0);
        assert_true(r.acted);
    }
    seal_channel_free(channel);
    relay_join(&r);
    bool visible = contains(&r.sides[RELAY_TO_SERVER], SECRET);
    relay_free(&r);
    stop();
    return visible;
}

static const relay_plan flip = {
    .action = RELAY_FLIP, .direction = RELAY_TO_SERVER, .message = 3, .bit = 200};

/* MakeSignature and VerifySignature: readable, but not to be changed. */
static void signatures(void **state) {
    (void)state;
    assert_true(call_through(NULL, SEAL_LEVEL_INTEGRITY, true));
    call_through(&flip, SEAL_LEVEL_INTEGRITY, false);
}

/* EncryptMessage and DecryptMessage: neither. */
static void encryption(void **state) {
    (void)state;
    assert_false(call_through(NULL, SEAL_LEVEL_PRIVACY, true));
    call_through(&flip, SEAL_LEVEL_PRIVACY, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ds_make_spn),
        cmocka_unit_test(acquire_credentials_outbound),
        cmocka_unit_test(acquire_credentials_inbound),
        cmocka_unit_test(mutual_authentication),
        cmocka_unit_test(signatures),
        cmocka_unit_test(encryption),
    };
    return cmocka_run_group_tests_name("integration.windows", tests, NULL, NULL);
}
