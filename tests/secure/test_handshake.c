/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes that work, negotiation, failures of the mechanism, time. */
#include "pair.h"

#include <string.h>

static void works(void **state) {
    (void)state;
    pair p;
    pair_init(&p);
    pair_connect(&p);
    const seal__secure_info *c = seal__secure_get_info(p.client.channel);
    const seal__secure_info *s = seal__secure_get_info(p.server.channel);
    assert_string_equal(c->peer, "echo/host@EXAMPLE");
    assert_string_equal(s->peer, "alice@EXAMPLE");
    assert_string_equal(s->local, "echo/host@EXAMPLE");
    assert_string_equal(s->mechanism, "fake");
    assert_int_equal(c->suite, SEAL_SUITE_AES256_GCM);
    assert_int_equal(c->level, SEAL_LEVEL_PRIVACY);
    assert_memory_equal(c->id, s->id, 32);
    assert_false(c->one_way);
    assert_true(c->expires_ns == p.now + 3600 * SECOND);
    assert_string_equal(p.server.source.asked_target, "echo/host");
    assert_string_equal(seal__secure_hello_target(p.server.channel), "echo/host");
    assert_int_equal(pair_send_text(&p.client, "hello"), 0);
    assert_int_equal(pair_send_text(&p.server, "you too"), 0);
    pair_pump(&p);
    assert_string_equal(pair_text(&p.server), "hello");
    assert_string_equal(pair_text(&p.client), "you too");
    assert_string_equal(p.client.events, "ER");
    pair_done(&p);
}

static void any_number_of_legs(void **state) {
    (void)state;
    for (unsigned legs = 1; legs <= 18; legs++) {
        for (size_t chunk = 0; chunk < 2; chunk++) {
            pair p;
            pair_init(&p);
            p.chunk = chunk;
            p.client.source.script.legs = legs;
            p.server.source.script.legs = legs;
            pair_start(&p);
            pair_pump(&p);
            bool ok = legs <= SEAL__MAX_LEGS;
            assert_int_equal(seal__secure_is_established(p.client.channel), ok);
            assert_int_equal(seal__secure_is_established(p.server.channel), ok);
            if (!ok)
                assert_true(p.client.rc == SEAL_ERROR_TOO_MANY ||
                            p.server.rc == SEAL_ERROR_TOO_MANY);
            if (ok) {
                pair_send_text(&p.client, "x");
                pair_pump(&p);
                assert_string_equal(pair_text(&p.server), "x");
            }
            pair_done(&p);
        }
    }
}

static void byte_by_byte(void **state) {
    (void)state;
    for (size_t chunk = 1; chunk < 40; chunk += 3) {
        pair p;
        pair_init(&p);
        p.chunk = chunk;
        pair_connect(&p);
        for (int i = 0; i < 5; i++) {
            pair_send_text(&p.client, "ping");
            pair_send_text(&p.server, "pong");
        }
        seal__secure_close(p.client.channel, SEAL__CLOSE_GOING_AWAY, &p.client.sent);
        pair_pump(&p);
        assert_string_equal(p.client.events, "ERRRRR");
        assert_string_equal(p.server.events, "ERRRRRC");
        assert_string_equal(pair_text(&p.server), "ping|ping|ping|ping|ping");
        assert_int_equal(p.server.close_code, SEAL__CLOSE_GOING_AWAY);
        pair_done(&p);
    }
}

/* With tokens of Kerberos' size a server answers with less than it got; a refusal is 6 bytes. */
static void no_amplification(void **state) {
    (void)state;
    for (int refuse = 0; refuse < 2; refuse++) {
        pair p;
        pair_init(&p);
        p.client.source.script.padding = 690;
        p.server.source.script.padding = 140;
        p.server.source.script.fail_at = refuse == 1 ? 1 : 0;
        pair_start(&p);
        pair_settle(&p, &p.client);
        pair_feed(&p, &p.server, p.client.sent.data, p.client.sent.len);
        assert_true(p.server.sent.len > 0 && p.server.sent.len < p.client.sent.len);
        assert_true(refuse == 0 || p.server.sent.len == 6);
        pair_done(&p);
    }
}

/* The client may send behind its FINISHED without waiting. */
static void early_records(void **state) {
    (void)state;
    pair p;
    pair_init(&p);
    pair_start(&p);
    pair_settle(&p, &p.client);
    assert_false(seal__secure_can_send(p.client.channel));
    assert_int_equal(pair_send_text(&p.client, "x"), -1);
    pair_feed(&p, &p.server, p.client.sent.data, p.client.sent.len);
    p.client.delivered = p.client.sent.len;
    assert_false(seal__secure_can_send(p.server.channel));
    /* The server's flight to the client, whose FINISHED waits in the channel for begin to send it.
     */
    seal__secure_event event;
    size_t consumed = 0;
    uint8_t flight[4096];
    memcpy(flight, p.server.sent.data, p.server.sent.len);
    p.server.delivered = p.server.sent.len;
    assert_int_equal(seal__secure_feed(p.client.channel, p.now, flight, p.server.sent.len,
                                       &consumed, &event, NULL),
                     0);
    assert_int_equal(event.kind, SEAL__SECURE_STEP);
    seal__secure_step *step = seal__secure_take_step(p.client.channel);
    assert_null(seal__secure_take_step(p.client.channel));
    seal__secure_step_run(step);
    assert_int_equal(seal__secure_finish_step(p.client.channel, p.now, step, NULL), 0);
    size_t more = 0;
    assert_int_equal(seal__secure_feed(p.client.channel, p.now, flight + consumed,
                                       p.server.sent.len - consumed, &more, &event, NULL),
                     0);
    assert_int_equal(event.kind, SEAL__SECURE_ESTABLISHED);
    assert_int_equal(consumed + more, p.server.sent.len);
    assert_int_equal(pair_send_text(&p.client, "early"), 0);
    pair_pump(&p);
    assert_string_equal(p.server.events, "ER");
    assert_string_equal(pair_text(&p.server), "early");
    pair_done(&p);
}

/* ---- Negotiation ---- */

static void negotiation(void **state) {
    (void)state;
    for (unsigned offered = 1; offered < 16; offered++) {
        for (unsigned accepted = 1; accepted < 16; accepted++) {
            pair p;
            pair_init(&p);
            p.client.config.n_suites = 0;
            p.server.config.n_suites = 0;
            unsigned best = 0;
            for (unsigned i = 4; i-- > 0;) { /* the client prefers the last ones */
                if ((offered >> i & 1) != 0)
                    p.client.config.suites[p.client.config.n_suites++] = pair_suites[i];
                if ((accepted >> i & 1) != 0)
                    p.server.config.suites[p.server.config.n_suites++] = pair_suites[3 - i];
            }
            for (size_t i = 0; i < p.client.config.n_suites && best == 0; i++) {
                for (size_t k = 0; k < p.server.config.n_suites; k++) {
                    if (p.client.config.suites[i] == p.server.config.suites[k])
                        best = (unsigned)p.client.config.suites[i];
                }
            }
            pair_start(&p);
            pair_pump(&p);
            if (best == 0) {
                assert_int_equal(p.server.rc, SEAL_ERROR_PROTECTION);
                assert_int_equal(p.client.rc, SEAL_ERROR_PEER_REFUSED);
                assert_non_null(strstr(seal_error_message(p.client.error), "no common suite"));
                assert_non_null(strstr(seal_error_message(p.client.error), "(not authenticated)"));
            } else {
                assert_int_equal(seal__secure_get_info(p.server.channel)->suite, best);
                assert_int_equal(seal__secure_get_info(p.client.channel)->suite, best);
            }
            pair_done(&p);
        }
    }
}

static void levels(void **state) {
    (void)state;
    static const seal_level l[] = {SEAL_LEVEL_INTEGRITY, SEAL_LEVEL_PRIVACY};
    for (size_t c = 0; c < 2; c++) {
        for (size_t s = 0; s < 2; s++) {
            for (size_t suite = 0; suite < 4; suite++) {
                pair p;
                pair_init(&p);
                p.client.config.min_level = l[c];
                p.server.config.min_level = l[s];
                p.client.config.suites[0] = pair_suites[suite];
                p.client.config.n_suites = 1;
                pair_connect(&p);
                seal_level both = l[c > s ? c : s];
                assert_int_equal(seal__secure_get_info(p.client.channel)->level, both);
                assert_int_equal(seal__secure_get_info(p.server.channel)->level, both);
                size_t before = p.client.sent.len;
                pair_send_text(&p.client, "is it readable?");
                bool readable = memmem(p.client.sent.data + before, p.client.sent.len - before,
                                       "is it readable?", 15) != NULL;
                assert_int_equal(readable, both == SEAL_LEVEL_INTEGRITY);
                pair_pump(&p);
                assert_string_equal(pair_text(&p.server), "is it readable?");
                pair_done(&p);
            }
        }
    }
}

static void mechanisms(void **state) {
    (void)state;
    pair p;
    pair_init(&p);
    p.client.config.mechanisms[0] = SEAL_MECHANISM_SPNEGO;
    pair_start(&p);
    pair_pump(&p);
    assert_int_equal(p.server.rc, SEAL_ERROR_PROTECTION);
    assert_int_equal(p.client.rc, SEAL_ERROR_PEER_REFUSED);
    assert_int_equal(p.server.source.made, 0);
    pair_done(&p);
    pair_init(&p);
    p.client.config.mechanisms[0] = SEAL_MECHANISM_SPNEGO;
    p.server.config.mechanisms[1] = SEAL_MECHANISM_SPNEGO;
    p.server.config.n_mechanisms = 2;
    pair_connect(&p);
    assert_int_equal(p.server.source.asked_mechanism, SEAL_MECHANISM_SPNEGO);
    pair_done(&p);
}

static void bad_configurations(void **state) {
    (void)state;
    pair p;
    pair_init(&p);
    p.client.config.target = "";
    p.server.config.min_level = (seal_level)3;
    pair_start(&p);
    assert_int_equal(p.client.rc, SEAL_ERROR_INVALID);
    assert_int_equal(p.server.rc, SEAL_ERROR_INVALID);
    pair_done(&p);
    pair_init(&p);
    p.client.config.suites[0] = (seal_suite)77;
    p.client.config.n_suites = 1;
    p.server.config.role = (seal__role)9;
    pair_start(&p);
    assert_int_equal(p.client.rc, SEAL_ERROR_PROTECTION);
    assert_int_equal(p.server.rc, SEAL_ERROR_INVALID);
    pair_done(&p);
    pair_init(&p);
    p.client.source.script.refuse_make = true;
    pair_start(&p);
    assert_int_equal(p.client.rc, SEAL_ERROR_WRONG_TARGET);
    pair_done(&p);
    pair_init(&p); /* defaults */
    p.client.config.n_suites = p.server.config.n_suites = 0;
    p.client.config.n_mechanisms = p.server.config.n_mechanisms = 0;
    p.client.config.handshake_timeout_ns = 0;
    p.client.config.alloc = NULL;
    pair_connect(&p);
    assert_int_equal(seal__secure_get_info(p.client.channel)->level, SEAL_LEVEL_PRIVACY);
    pair_done(&p);
}

/* ---- Failures of the mechanism ---- */

static void step_failures(void **state) {
    (void)state;
    for (unsigned at = 1; at <= 3; at++) {
        for (unsigned at_server = 0; at_server < 2; at_server++) {
            for (unsigned token = 0; token < 2; token++) {
                pair p;
                pair_init(&p);
                pair_end *end = at_server != 0 ? &p.server : &p.client;
                pair_end *other = pair_other(&p, end);
                p.client.source.script.legs = p.server.source.script.legs = 6;
                end->source.script.fail_at = at;
                end->source.script.fail_code = SEAL_ERROR_KEYTAB;
                end->source.script.error_token = token != 0;
                pair_start(&p);
                pair_pump(&p);
                assert_int_equal(end->rc, SEAL_ERROR_KEYTAB);
                assert_string_equal(seal_error_message(end->error), "fake: scripted failure");
                if (end == &p.client && at == 1)
                    assert_int_equal(other->rc, 0); /* never heard of it */
                else if (end == &p.server && token != 0)
                    assert_int_equal(other->rc, SEAL_ERROR_CLOCK_SKEW);
                else
                    assert_int_equal(other->rc, SEAL_ERROR_PEER_REFUSED);
                if (other->rc != 0)
                    assert_non_null(strstr(seal_error_message(other->error), "not authenticated"));
                pair_done(&p);
            }
        }
    }
}

/* The server closes at once behind its alert; the reason still arrives. */
static void reason_after_eof(void **state) {
    (void)state;
    pair p;
    pair_init(&p);
    p.server.source.script.fail_at = 1;
    p.server.source.script.error_token = true;
    pair_start(&p);
    pair_settle(&p, &p.client);
    pair_feed(&p, &p.server, p.client.sent.data, p.client.sent.len);
    p.client.hold_steps = true;
    pair_feed(&p, &p.client, p.server.sent.data, p.server.sent.len);
    assert_non_null(p.client.held);
    assert_true(seal__secure_awaits_reason(p.client.channel));
    assert_int_equal(seal__secure_eof(p.client.channel, NULL), 0);
    seal__secure_step *step = p.client.held;
    p.client.held = NULL;
    seal_error *error = NULL;
    assert_int_equal(seal__secure_finish_step(p.client.channel, p.now, step, &error),
                     SEAL_ERROR_CLOCK_SKEW);
    assert_false(seal__secure_awaits_reason(p.client.channel));
    assert_int_equal(seal__secure_eof(p.client.channel, NULL), SEAL_ERROR_CLOCK_SKEW);
    seal_error_free(error);
    pair_done(&p);
}

/* ---- Time ---- */

static void handshake_deadline(void **state) {
    (void)state;
    pair p;
    pair_init(&p);
    pair_start(&p);
    assert_true(seal__secure_next_deadline(p.server.channel) == p.now + 10 * SECOND);
    pair_settle(&p, &p.client);
    uint64_t start = p.now;
    /* A byte a second does not extend it. */
    for (size_t i = 0; i < 9; i++) {
        p.now += SECOND;
        pair_feed(&p, &p.server, p.client.sent.data + i, 1);
        assert_int_equal(p.server.rc, 0);
        assert_int_equal(seal__secure_tick(p.server.channel, p.now, NULL), 0);
    }
    p.now = start + 10 * SECOND;
    assert_int_equal(seal__secure_tick(p.server.channel, p.now, NULL), SEAL_ERROR_TIMEOUT);
    assert_int_equal(seal__secure_tick(p.server.channel, p.now, NULL), SEAL_ERROR_TIMEOUT);
    assert_true(seal__secure_next_deadline(p.server.channel) == UINT64_MAX);
    pair_feed(&p, &p.client, NULL, 0);
    assert_int_equal(p.client.rc, SEAL_ERROR_TIMEOUT);
    pair_done(&p);
}

/* A step comes back to a channel whose time is up, or to none. */
static void late_step(void **state) {
    (void)state;
    pair p;
    pair_init(&p);
    pair_start(&p);
    seal__secure_step *step = seal__secure_take_step(p.client.channel);
    seal__secure_step_run(step);
    assert_int_equal(seal__secure_tick(p.client.channel, p.now + 11 * SECOND, NULL),
                     SEAL_ERROR_TIMEOUT);
    assert_int_equal(seal__secure_finish_step(p.client.channel, p.now, step, NULL),
                     SEAL_ERROR_TIMEOUT);
    pair_done(&p);
    pair_init(&p);
    pair_start(&p);
    step = seal__secure_take_step(p.client.channel);
    seal__secure_free(p.client.channel);
    p.client.channel = NULL;
    seal__secure_step_run(step);
    seal__secure_step_free(step);
    pair_done(&p);
}

static void expiry(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        pair p;
        pair_init(&p);
        p.client.source.script.info.lifetime_s = UINT64_MAX;
        pair_connect(&p);
        assert_true(seal__secure_next_deadline(p.client.channel) == UINT64_MAX);
        assert_true(seal__secure_next_deadline(p.server.channel) == p.now + 3600 * SECOND);
        p.now += 3600 * SECOND - 1;
        assert_int_equal(seal__secure_tick(p.server.channel, p.now, NULL), 0);
        p.now++;
        if (i == 0)
            assert_int_equal(seal__secure_tick(p.server.channel, p.now, NULL),
                             SEAL_ERROR_CONTEXT_EXPIRED);
        pair_send_text(&p.client, "too late");
        pair_pump(&p);
        assert_int_equal(p.server.rc, SEAL_ERROR_CONTEXT_EXPIRED);
        assert_int_equal(pair_records(&p.server), 0);
        assert_string_equal(p.client.events, "EC"); /* the server says why */
        assert_int_equal(p.client.close_code, SEAL__CLOSE_EXPIRED);
        pair_done(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(works),
        cmocka_unit_test(any_number_of_legs),
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(early_records),
        cmocka_unit_test(negotiation),
        cmocka_unit_test(levels),
        cmocka_unit_test(mechanisms),
        cmocka_unit_test(bad_configurations),
        cmocka_unit_test(no_amplification),
        cmocka_unit_test(step_failures),
        cmocka_unit_test(reason_after_eof),
        cmocka_unit_test(handshake_deadline),
        cmocka_unit_test(late_step),
        cmocka_unit_test(expiry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
