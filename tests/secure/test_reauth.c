/* SPDX-License-Identifier: Apache-2.0 */
/* Re-authentication under traffic; failing; refused; with another identity; expiry. */
#include "pair.h"

#include "secure/channel_internal.h"

#include <string.h>

static int tick(pair *p, pair_end *end) {
    int rc = seal__secure_tick(end->channel, p->now, NULL);
    pair_settle(p, end);
    return rc;
}

/* To the moment at which the client begins. */
static void pass_time(pair *p) {
    uint64_t at = seal__secure_next_deadline(p->client.channel);
    assert_true(at > p->now && at != UINT64_MAX);
    p->now = at;
    assert_int_equal(tick(p, &p->server), 0);
    assert_int_equal(tick(p, &p->client), 0);
}

/* An established pair of which the client begins to renew. */
static void begin_renewal(pair *p) {
    pair_init_variant(p, 0);
    pair_connect(p);
    pass_time(p);
}

/* The step that is with the worker; from now on steps are run at once. */
static seal__secure_step *take_held(pair_end *end) {
    seal__secure_step *step = end->held;
    assert_non_null(step);
    end->held = NULL;
    end->hold_steps = false;
    return step;
}

static void give_back(pair *p, pair_end *end, seal__secure_step *step) {
    assert_int_equal(seal__secure_finish_step(end->channel, p->now, step, NULL), 0);
}

static void check_numbers(const pair_end *end, unsigned n) {
    assert_int_equal(pair_records(end), n);
    for (unsigned i = 0; i < n; i++)
        assert_memory_equal(end->data.data + (size_t)i * 8 + 4, &i, sizeof i);
}

/* One delivery in each direction, and a record from both. */
static void chatter(pair *p, unsigned *n, unsigned rounds) {
    for (unsigned i = 0; i < rounds; i++) {
        assert_int_equal(pair_send(&p->client, n, sizeof *n), 0);
        assert_int_equal(pair_send(&p->server, n, sizeof *n), 0);
        ++*n;
        pair_deliver(p, &p->client);
        pair_deliver(p, &p->server);
    }
}

/* The next attempt, under traffic that nothing is lost of; n messages were sent before. */
static void next_succeeds(pair *p, const pair_end *end, unsigned n) {
    pass_time(p);
    chatter(p, &n, 10);
    pair_pump(p);
    assert_non_null(strchr(end->events, 'A'));
    check_numbers(end, n);
}

static void under_traffic(void **state) {
    (void)state;
    static const size_t chunks[] = {1, 7, 50, 333, 0};
    for (size_t v = 0; v < PAIR_VARIANTS; v++) {
        for (size_t c = 0; c < sizeof chunks / sizeof chunks[0]; c++) {
            for (unsigned legs = 1; legs <= 5; legs += 2) {
                pair p;
                unsigned n = 0;
                pair_init_variant(&p, v);
                p.chunk = chunks[c];
                p.client.source.script.legs = p.server.source.script.legs = legs;
                if (legs == 1) {
                    p.client.config.allow_one_way = p.server.config.allow_one_way = true;
                    p.client.source.script.info.authenticates_target = false;
                    p.server.source.script.info.authenticates_target = false;
                }
                if (legs == 5)
                    p.client.config.key_update_records = p.server.config.key_update_records = 20;
                pair_connect(&p);
                uint8_t id[32];
                memcpy(id, seal__secure_get_info(p.client.channel)->id, 32);
                for (int again = 1; again <= 3; again++) {
                    uint64_t old = seal__secure_get_info(p.client.channel)->expires_ns;
                    pass_time(&p);
                    assert_true(seal__secure_can_send(p.client.channel));
                    chatter(&p, &n, 60);
                    size_t chunk = p.chunk;
                    p.chunk = 0; /* catch up */
                    pair_pump(&p);
                    p.chunk = chunk;
                    assert_int_equal(p.client.source.made, 1 + again);
                    assert_true(seal__secure_get_info(p.client.channel)->expires_ns > old);
                    assert_true(seal__secure_get_info(p.server.channel)->expires_ns > old);
                }
                assert_int_equal(p.client.rc, 0);
                assert_int_equal(p.server.rc, 0);
                check_numbers(&p.client, n);
                check_numbers(&p.server, n);
                assert_memory_equal(seal__secure_get_info(p.server.channel)->id, id, 32);
                assert_null(seal__secure_renewal_error(p.client.channel));
                /* Old contexts are gone. */
                unsigned live = p.client.source.made - p.client.source.freed;
                assert_int_equal(live, pair_suites[v / 2] == SEAL_SUITE_GSS);
                assert_int_equal(p.server.source.made - p.server.source.freed, live);
                pair_done(&p);
            }
        }
    }
}

static void events_and_keys(void **state) {
    (void)state;
    pair p;
    uint8_t before[2][SEAL__HASH];
    pair_init_variant(&p, 0);
    pair_connect(&p);
    memcpy(before[0], p.client.channel->sending.secret, SEAL__HASH);
    memcpy(before[1], p.server.channel->sending.secret, SEAL__HASH);
    pass_time(&p);
    pair_pump(&p);
    assert_string_equal(p.client.events, "EA");
    assert_string_equal(p.server.events, "EA");
    assert_memory_not_equal(before[0], p.client.channel->sending.secret, SEAL__HASH);
    assert_memory_not_equal(before[1], p.server.channel->sending.secret, SEAL__HASH);
    assert_memory_equal(p.client.channel->sending.secret, p.server.channel->receiving.secret,
                        SEAL__HASH);
    assert_memory_equal(p.server.channel->sending.secret, p.client.channel->receiving.secret,
                        SEAL__HASH);
    assert_true(seal__secure_next_deadline(p.server.channel) == p.now + 3600 * SECOND);
    assert_true(seal__secure_next_deadline(p.client.channel) == p.now + 2880 * SECOND);
    pair_done(&p);
}

/* Records flow while steps are with their workers. */
static void traffic_during_steps(void **state) {
    (void)state;
    pair p;
    pair_init_variant(&p, 0);
    pair_connect(&p);
    p.client.hold_steps = p.server.hold_steps = true;
    pass_time(&p);
    for (int i = 0; i < 3; i++) { /* client, server, client */
        pair_end *end = i % 2 == 0 ? &p.client : &p.server;
        assert_non_null(end->held);
        pair_send_text(&p.client, "ping");
        pair_send_text(&p.server, "pong");
        pair_pump(&p);
        assert_int_equal(pair_records(&p.client), i + 1);
        assert_int_equal(pair_records(&p.server), i + 1);
        seal__secure_step *step = end->held;
        end->held = NULL;
        give_back(&p, end, step);
        pair_pump(&p);
    }
    pair_pump(&p);
    assert_string_equal(p.client.events, "ERRRA");
    assert_string_equal(p.server.events, "ERRRA");
    pair_done(&p);
}

static void large_tokens(void **state) {
    (void)state;
    for (size_t v = 0; v < PAIR_VARIANTS; v += 6) {
        pair p;
        pair_init_variant(&p, v);
        p.client.source.script.padding = p.server.source.script.padding = SEAL__TOKEN_MAX - 18;
        pair_connect(&p);
        pass_time(&p);
        pair_pump(&p);
        assert_string_equal(p.client.events, "EA");
        pair_done(&p);
        pair_init_variant(&p, v);
        p.client.source.script.padding = SEAL__TOKEN_MAX - 17;
        pair_start(&p);
        pair_pump(&p);
        assert_int_equal(p.client.rc, SEAL_ERROR_TOO_BIG);
        pair_done(&p);
    }
}

/* ---- Another identity ---- */

static void other_identity(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        pair p;
        pair_init_variant(&p, 0);
        pair_connect(&p);
        int client = SEAL_ERROR_AUTHENTICATION;
        int server = 0;
        if (i == 0) {
            p.server.source.script.info.peer = "bob@EXAMPLE";
            server = SEAL_ERROR_AUTHENTICATION;
            client = 0;
        } else if (i == 1) {
            p.server.source.script.info.local = "other/host@EXAMPLE";
            server = SEAL_ERROR_AUTHENTICATION;
            client = 0;
        } else if (i == 2) {
            p.client.source.script.info.peer = "echo/host@OTHER";
        } else if (i == 3) {
            p.client.source.script.info.local = "bob@EXAMPLE";
        } else {
            p.client.source.script.info.flags &= ~(uint32_t)SEAL__MECH_CONF;
            client = SEAL_ERROR_NOT_MUTUAL;
        }
        pass_time(&p);
        pair_pump(&p);
        assert_int_equal(p.client.rc, client);
        assert_int_equal(p.server.rc, server);
        const pair_end *told = client == 0 ? &p.client : &p.server;
        assert_string_equal(told->events, "EC");
        assert_int_equal(told->close_code,
                         i == 4 ? SEAL__CLOSE_NOT_MUTUAL : SEAL__CLOSE_AUTHENTICATION);
        pair_done(&p);
    }
}

/* ---- Failing, and then not ---- */

static void fails_and_succeeds(void **state) {
    (void)state;
    for (size_t v = 0; v < PAIR_VARIANTS; v++) {
        for (int how = 0; how < 5; how++) {
            pair p;
            unsigned n = 0;
            pair_init_variant(&p, v);
            pair_connect(&p);
            uint64_t start = p.now;
            pair_end *end = how % 2 == 0 ? &p.client : &p.server;
            end->source.script.fail_at = how == 2 ? 2 : 1;
            end->source.script.fail_code = SEAL_ERROR_KDC_UNREACHABLE;
            end->source.script.error_token = how == 3;
            if (how == 4)
                end->source.script.refuse_make = true;
            pass_time(&p);
            assert_true(p.now == start + 2880 * SECOND);
            chatter(&p, &n, 20);
            pair_pump(&p);
            assert_int_equal(p.client.rc, 0);
            assert_int_equal(p.server.rc, 0);
            const seal_error *why = seal__secure_renewal_error(p.client.channel);
            static const int codes[] = {SEAL_ERROR_KDC_UNREACHABLE, SEAL_ERROR_PEER_REFUSED,
                                        SEAL_ERROR_KDC_UNREACHABLE, SEAL_ERROR_CLOCK_SKEW,
                                        SEAL_ERROR_WRONG_TARGET};
            assert_int_equal(seal_error_get_code(why), codes[how]);
            end->source.script.fail_at = 0;
            end->source.script.refuse_make = false;
            pass_time(&p); /* 90 % */
            assert_true(p.now == start + 3240 * SECOND);
            chatter(&p, &n, 20);
            pair_pump(&p);
            assert_non_null(strchr(p.client.events, 'A'));
            assert_non_null(strchr(p.server.events, 'A'));
            assert_null(seal__secure_renewal_error(p.client.channel));
            check_numbers(&p.client, n);
            check_numbers(&p.server, n);
            pair_done(&p);
        }
    }
}

static void fails_until_the_end(void **state) {
    (void)state;
    static const unsigned moments[] = {2880, 3240, 3420, 3528, 3600};
    pair p;
    pair_init_variant(&p, 0);
    pair_connect(&p);
    uint64_t start = p.now;
    p.client.source.script.fail_at = 1;
    p.client.source.script.fail_code = SEAL_ERROR_CREDENTIALS;
    for (size_t i = 0; i < 4; i++) {
        pass_time(&p);
        assert_true(p.now == start + moments[i] * SECOND);
        pair_pump(&p);
    }
    p.now = seal__secure_next_deadline(p.client.channel);
    assert_true(p.now == start + 3600 * SECOND);
    seal_error *error = NULL;
    assert_int_equal(seal__secure_tick(p.client.channel, p.now, &error),
                     SEAL_ERROR_CONTEXT_EXPIRED);
    assert_non_null(strstr(seal_error_message(error), "scripted failure"));
    seal_error_free(error);
    pair_done(&p);
}

static void short_life_is_not_renewed(void **state) {
    (void)state;
    pair p;
    pair_init_variant(&p, 0);
    p.client.source.script.info.lifetime_s = 1;
    pair_connect(&p);
    assert_true(seal__secure_next_deadline(p.client.channel) == p.now + SECOND);
    pair_done(&p);
}

/* ---- Time ---- */

static void slow_step(void **state) {
    (void)state;
    pair p;
    unsigned n = 0;
    pair_init_variant(&p, 6);
    pair_connect(&p);
    p.server.hold_steps = true;
    pass_time(&p);
    chatter(&p, &n, 5);
    assert_non_null(p.server.held);
    p.now += 10 * SECOND;
    assert_int_equal(tick(&p, &p.client), 0); /* gives up, and says so */
    assert_int_equal(seal_error_get_code(seal__secure_renewal_error(p.client.channel)),
                     SEAL_ERROR_TIMEOUT);
    chatter(&p, &n, 5);
    give_back(&p, &p.server, take_held(&p.server)); /* too late: dropped */
    chatter(&p, &n, 5);
    next_succeeds(&p, &p.server, n);
    pair_done(&p);
}

/* No worker was free for the client's step, and for the server's: each time the old keys go on, and
 * the next attempt succeeds. */
static void step_not_run(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        pair p;
        unsigned n = 0;
        pair_init_variant(&p, 0);
        pair_connect(&p);
        pair_end *end = i == 0 ? &p.client : &p.server;
        end->hold_steps = true;
        pass_time(&p);
        chatter(&p, &n, 5);
        seal__secure_step *step = take_held(end);
        seal_error *error = NULL;
        seal__error(&error, SEAL_ERROR_TIMEOUT, "nobody was free");
        seal__secure_step_fail(step, SEAL_ERROR_TIMEOUT, error);
        give_back(&p, end, step);
        assert_non_null(strstr(seal_error_message(seal__secure_renewal_error(end->channel)),
                               "nobody was free"));
        end->hold_steps = false;
        chatter(&p, &n, 5);
        assert_null(strchr(p.server.events, 'A'));
        next_succeeds(&p, &p.server, n);
        pair_done(&p);
    }
}

/* The old attempt's step is still with the worker when the next attempt comes. */
static void overlapping_attempts(void **state) {
    (void)state;
    pair p;
    unsigned n = 0;
    pair_init_variant(&p, 0);
    pair_connect(&p);
    p.server.hold_steps = true;
    pass_time(&p);
    pair_pump(&p);
    seal__secure_step *old = take_held(&p.server);
    p.now += 10 * SECOND;
    assert_int_equal(tick(&p, &p.client), 0);
    pass_time(&p);
    pair_pump(&p);
    assert_string_equal(p.server.events, "EA");
    give_back(&p, &p.server, old);
    chatter(&p, &n, 3);
    pair_pump(&p);
    check_numbers(&p.client, n);
    pair_done(&p);
}

/* The client gives up while the server's whole answer is under way: it is ignored by its number. */
static void late_answer(void **state) {
    (void)state;
    pair p;
    unsigned n = 0;
    begin_renewal(&p);
    pair_deliver(&p, &p.client);
    assert_true(p.server.sent.len > p.server.delivered);
    p.now += 10 * SECOND;
    assert_int_equal(tick(&p, &p.client), 0);
    pair_pump(&p);
    assert_string_equal(p.client.events, "E");
    assert_int_equal(p.client.rc, 0);
    next_succeeds(&p, &p.client, n);
    pair_done(&p);
}

static void no_switch(void **state) {
    (void)state;
    pair p;
    begin_renewal(&p);
    pair_deliver(&p, &p.client);
    pair_deliver(&p, &p.server);
    assert_int_equal(tick(&p, &p.client), 0);
    p.now += 10 * SECOND;
    assert_int_equal(tick(&p, &p.client),
                     SEAL_ERROR_TIMEOUT); /* its FINISHED is out: no way back */
    pair_done(&p);
}

/* ---- A peer with keys but without manners ---- */

static int send_piece(pair *p, pair_end *end, const void *bytes, size_t len) {
    assert_int_equal(
        seal__channel_send(end->channel, SEAL__RECORD_HANDSHAKE, bytes, len, &end->sent), 0);
    pair_pump(p);
    return pair_other(p, end)->rc;
}

static void bad_pieces(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        int rc;
        bool by_client;
    } cases[] = {
        {"\0\0\0\0\0\3", 6, SEAL_ERROR_PROTOCOL, true},   /* of the first handshake */
        {"\0\1\0\0\x50\3", 6, SEAL_ERROR_PROTOCOL, true}, /* TOKEN first */
        {"\0\1\0\0\x50\4", 6, SEAL_ERROR_PROTOCOL, true}, /* FINISHED first */
        {"\0\1\0\0\0\6", 6, SEAL_ERROR_PROTOCOL, true},   /* SWITCH by a client */
        {"\0\1\0\x20\0\1", 6, SEAL_ERROR_TOO_BIG, true},  /* 8 KiB of CLIENT_HELLO */
        {"\0\1\0\0\x0b\1xxxxxxxxxxx", 17, SEAL_ERROR_PROTOCOL, true},
        {"\0\1\0\0\0\1", 6, SEAL_ERROR_PROTOCOL, false}, /* a server does not begin */
        {"\0\0\0\0\0\1", 6, SEAL_ERROR_PROTOCOL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pair p;
        pair_init_variant(&p, 0);
        pair_connect(&p);
        pair_end *end = cases[i].by_client ? &p.client : &p.server;
        assert_int_equal(send_piece(&p, end, cases[i].bytes, cases[i].len), cases[i].rc);
        pair_done(&p);
    }
}

/* A real FINISHED, and something behind it in the same record. */
static void bytes_behind_finished(void **state) {
    (void)state;
    pair p;
    begin_renewal(&p);
    pair_deliver(&p, &p.client);
    /* Keep the client's FINISHED from being sent, and send it by hand with one byte more. */
    seal__secure_event event;
    size_t consumed = 0;
    uint8_t flight[2048];
    size_t len = p.server.sent.len - p.server.delivered;
    memcpy(flight, p.server.sent.data + p.server.delivered, len);
    p.server.delivered = p.server.sent.len;
    size_t at = 0;
    do {
        assert_int_equal(seal__secure_feed(p.client.channel, p.now, flight + at, len - at,
                                           &consumed, &event, NULL),
                         0);
        at += consumed;
        if (event.kind == SEAL__SECURE_STEP) {
            seal__secure_step *step = seal__secure_take_step(p.client.channel);
            seal__secure_step_run(step);
            assert_int_equal(seal__secure_finish_step(p.client.channel, p.now, step, NULL), 0);
        }
    } while (event.kind != SEAL__SECURE_NONE);
    seal__buf *out = &p.client.channel->hs->out;
    assert_true(out->len > 64);
    uint8_t piece[2048] = {0, 1};
    memcpy(piece + 2, out->data, out->len);
    assert_int_equal(send_piece(&p, &p.client, piece, out->len + 3), SEAL_ERROR_PROTOCOL);
    pair_done(&p);
}

static void too_many_attempts(void **state) {
    (void)state;
    pair p;
    pair_init_variant(&p, 0);
    pair_connect(&p);
    p.client.source.script.fail_at = 2;
    p.server.source.script.info.lifetime_s = UINT64_MAX;
    unsigned attempts = 0;
    for (; p.server.rc == 0; attempts++) {
        assert_true(attempts < 100);
        p.client.channel->renew_try = 0;
        p.client.channel->renew_at_ns = p.now;
        assert_int_equal(tick(&p, &p.client), 0);
        pair_pump(&p);
        p.now += 1000; /* a little of the next attempt's time passes, not all */
    }
    assert_int_equal(attempts, 17);
    assert_int_equal(p.server.rc, SEAL_ERROR_TOO_MANY);
    pair_done(&p);
}

static void tampering_with_it(void **state) {
    (void)state;
    pair clean;
    pair_init_variant(&clean, 0);
    pair_connect(&clean);
    size_t from[2] = {clean.client.sent.len, clean.server.sent.len};
    pass_time(&clean);
    pair_pump(&clean);
    size_t to[2] = {clean.client.sent.len, clean.server.sent.len};
    pair_done(&clean);
    for (int i = 0; i < 2; i++) {
        for (size_t bit = from[i] * 8; bit < to[i] * 8; bit += 5) {
            pair p;
            pair_init_variant(&p, 0);
            p.flip_from = i == 0 ? &p.client : &p.server;
            p.flip_bit = bit;
            pair_connect(&p);
            pass_time(&p);
            pair_pump(&p);
            pair_end *victim = pair_other(&p, p.flip_from);
            assert_true(seal__secure_eof(victim->channel, NULL) < 0);
            assert_int_equal(pair_send_text(victim, "x"), -1);
            pair_done(&p);
        }
    }
}

static void close_in_the_middle(void **state) {
    (void)state;
    pair p;
    begin_renewal(&p);
    assert_int_equal(seal__secure_close(p.client.channel, SEAL__CLOSE_DONE, &p.client.sent), 0);
    pair_pump(&p);
    assert_int_equal(p.client.rc, 0);
    assert_int_equal(p.server.rc, 0);
    assert_string_equal(p.server.events, "EC");
    pair_done(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(under_traffic),
        cmocka_unit_test(events_and_keys),
        cmocka_unit_test(traffic_during_steps),
        cmocka_unit_test(large_tokens),
        cmocka_unit_test(other_identity),
        cmocka_unit_test(fails_and_succeeds),
        cmocka_unit_test(fails_until_the_end),
        cmocka_unit_test(short_life_is_not_renewed),
        cmocka_unit_test(slow_step),
        cmocka_unit_test(step_not_run),
        cmocka_unit_test(overlapping_attempts),
        cmocka_unit_test(late_answer),
        cmocka_unit_test(no_switch),
        cmocka_unit_test(bad_pieces),
        cmocka_unit_test(bytes_behind_finished),
        cmocka_unit_test(too_many_attempts),
        cmocka_unit_test(tampering_with_it),
        cmocka_unit_test(close_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
