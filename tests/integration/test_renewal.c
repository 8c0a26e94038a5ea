/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In a realm whose tickets live 12 s. A client with a keytab proves itself anew on the same
 * connection, and no call notices; one without ends when its ticket does. Both at once, because it
 * takes as long as it takes.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROBOT "robot@" IT_REALM

typedef struct renewing {
    const char *name;
    seal_channel *channel;
    it_ends held; /* a call that is begun before and answered after */
    uint64_t first_expiry;
    uint64_t expiry; /* as the server sees it */
    uint64_t client_expiry;
    unsigned renewals;
    unsigned calls;
} renewing;

static it_server s;
static it_client c;
static char client_keytab[300];

static void begin(renewing *r, const char *name, seal_suite suite, seal_level level,
                  seal_mechanism mechanism) {
    char cache[100];
    seal_channel_options options;
    it_channel_options(&options);
    snprintf(cache, sizeof cache, "MEMORY:%s", name);
    options.client_keytab = client_keytab;
    options.client_principal = ROBOT;
    options.ccache = cache;
    options.suites = &suite;
    options.n_suites = 1;
    options.min_level = level;
    options.mechanism = mechanism;
    *r = (renewing){.name = name, .channel = it_channel(&c, s.target, &options)};
    it_echo(r->channel, 10);
    assert_int_equal(
        it_async(r->channel,
                 &(it_request){.mode = ITEST__MODE__LATER, .timeout_us = SEAL_NO_DEADLINE},
                 &r->held, NULL),
        0);
}

/* A call; must be OK, by the same principal, with an expiry that never moves back. */
static void go_on(renewing *r) {
    seal_result *result = it_sync(r->channel, NULL, &(it_request){.mode = ITEST__MODE__WHO});
    const Itest__Reply *reply = seal_result_reply(result);
    if (reply == NULL)
        print_error("%s, after %u calls and %u renewals: %s\n", r->name, r->calls, r->renewals,
                    seal_result_message(result));
    assert_non_null(reply);
    assert_memory_equal(reply->text, ROBOT "|", strlen(ROBOT "|"));
    assert_true(reply->number + 1 >= r->expiry);
    /* Whole seconds, rounded on two occasions: a new ticket moves it by more than that. */
    if (r->expiry != 0 && reply->number > r->expiry + 2)
        r->renewals++;
    if (reply->number > r->expiry)
        r->expiry = reply->number;
    if (r->first_expiry == 0)
        r->first_expiry = r->expiry;
    r->client_expiry = seal_peer_expires_at(seal_result_peer(result));
    it_expect_ok(result);
    it_echo(r->channel, 30000);
    r->calls += 2;
}

/* Without a keytab: OK for a while, then not any more. Returns true when it is over. */
static bool runs_out(seal_channel *channel, unsigned *ok) {
    seal_result *result = it_sync(channel, NULL, &(it_request){.size = 10});
    if (seal_result_status(result) == SEAL_STATUS_OK) {
        (*ok)++;
        seal_result_free(result);
        return false;
    }
    it_expect(result, SEAL_STATUS_UNAUTHENTICATED, seal_result_execution(result), "xpired");
    return true;
}

static void renewal(void **state) {
    (void)state;
    static const seal_mechanism mechanisms[] = {SEAL_MECHANISM_KRB5, SEAL_MECHANISM_SPNEGO};
    static renewing with_keytab[3];
    seal_server_options so;
    unsigned ok = 0;
    it_server_options(&so);
    so.min_level = SEAL_LEVEL_INTEGRITY;
    so.mechanisms = mechanisms;
    so.n_mechanisms = 2;
    it_server_init(&s);
    it_server_start(&s, &so, NULL);
    it_client_init(&c);
    it_shell("kinit -k -t \"$SEAL_REALM_DIR/users.keytab\" alice");
    seal_channel *without = it_channel(&c, s.target, NULL);
    it_echo(without, 1);
    begin(&with_keytab[0], "aes", SEAL_SUITE_AES256_GCM, SEAL_LEVEL_PRIVACY, SEAL_MECHANISM_KRB5);
    begin(&with_keytab[1], "gss", SEAL_SUITE_GSS, SEAL_LEVEL_PRIVACY, SEAL_MECHANISM_KRB5);
    begin(&with_keytab[2], "spnego", SEAL_SUITE_CHACHA20_POLY1305, SEAL_LEVEL_INTEGRITY,
          SEAL_MECHANISM_SPNEGO);
    it_ends cut = {0};
    assert_int_equal(
        it_async(without, &(it_request){.mode = ITEST__MODE__LATER, .timeout_us = SEAL_NO_DEADLINE},
                 &cut, NULL),
        0);
    bool over = false;
    for (int i = 0; i < 60000; i++) {
        bool all = over;
        for (int k = 0; k < 3; k++) {
            go_on(&with_keytab[k]);
            all = all && with_keytab[k].renewals >= 1;
        }
        over = over || runs_out(without, &ok);
        if (all)
            break;
        usleep(10000);
    }
    assert_true(over);
    assert_true(ok > 0);
    for (int k = 0; k < 3; k++) {
        renewing *r = &with_keytab[k];
        print_message("%s: %u calls, %u renewals, expiry moved by %u s\n", r->name, r->calls,
                      r->renewals, (unsigned)(r->expiry - r->first_expiry));
        assert_true(r->renewals >= 1);
    }
    /* The call that was running when the ticket ended is ended with it. */
    it_wait_ends(&cut, 1);
    assert_int_equal(atomic_load(&cut.by_status[SEAL_STATUS_UNAUTHENTICATED]), 1);
    assert_int_equal(atomic_load(&cut.by_execution[SEAL_EXECUTION_UNKNOWN]), 1);
    /* Four connections, and those that the client without a keytab tried in vain. */
    seal_server_stats stats;
    it_server_stats(&s, &stats);
    assert_int_equal(stats.handshakes_completed, 4);
    it_server_release(&s);
    for (int k = 0; k < 3; k++) {
        it_wait_ends(&with_keytab[k].held, 1);
        assert_int_equal(atomic_load(&with_keytab[k].held.by_status[SEAL_STATUS_OK]), 1);
        seal_channel_free(with_keytab[k].channel);
    }
    seal_channel_free(without);
    it_client_done(&c);
    it_server_done(&s);
}

int main(void) {
    const char *keytab = getenv("KRB5_CLIENT_KTNAME");
    if (keytab == NULL) {
        print_error("KRB5_CLIENT_KTNAME is not set: run this inside seal-realm\n");
        return 1;
    }
    snprintf(client_keytab, sizeof client_keytab, "%s", keytab);
    unsetenv("KRB5_CLIENT_KTNAME");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renewal),
    };
    return cmocka_run_group_tests_name("integration.renewal", tests, NULL, NULL);
}
