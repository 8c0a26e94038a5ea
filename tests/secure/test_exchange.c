/* SPDX-License-Identifier: Apache-2.0 */
/* A server's X25519 exchange, done ahead by somebody else, in time, too late, or never. */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <string.h>

#include "secure/handshake.h"
#include "secure/pair.h"

/* ---- In a handshake ---- */

/* Until the server has sent its FINISHED; it has nothing to give away before. */
static seal__exchange *begin(pair *p) {
    pair_init(p);
    pair_start(p);
    assert_null(seal__secure_take_exchange(p->server.channel));
    pair_settle(p, &p->client);
    assert_null(seal__secure_take_exchange(p->client.channel));
    pair_feed(p, &p->server, p->client.sent.data, p->client.sent.len);
    p->client.delivered = p->client.sent.len;
    seal__exchange *exchange = seal__secure_take_exchange(p->server.channel);
    assert_non_null(exchange);
    assert_null(seal__secure_take_exchange(p->server.channel));
    return exchange;
}

static void finish(pair *p) {
    pair_pump(p);
    assert_int_equal(pair_send_text(&p->client, "hello"), 0);
    assert_int_equal(pair_send_text(&p->server, "welcome"), 0);
    pair_pump(p);
    assert_int_equal(p->client.rc, 0);
    assert_int_equal(p->server.rc, 0);
    assert_string_equal(pair_text(&p->server), "hello");
    assert_string_equal(pair_text(&p->client), "welcome");
    assert_null(seal__secure_take_exchange(p->server.channel));
}

static void in_time(void **state) {
    (void)state;
    pair p;
    seal__exchange *exchange = begin(&p);
    seal__exchange_run(exchange);
    seal__exchange_unref(exchange);
    finish(&p);
    pair_done(&p);
}

static void never(void **state) {
    (void)state;
    pair p;
    seal__exchange_unref(begin(&p));
    finish(&p);
    pair_done(&p);
}

static void too_late(void **state) {
    (void)state;
    pair p;
    seal__exchange *exchange = begin(&p);
    finish(&p);
    seal__exchange_run(exchange);
    pair_done(&p);
    seal__exchange_run(exchange);
    seal__exchange_unref(exchange);
    exchange = begin(&p);
    pair_done(&p);
    seal__exchange_run(exchange);
    seal__exchange_unref(exchange);
}

static void *run_and_unref(void *arg) {
    seal__exchange_run(arg);
    seal__exchange_unref(arg);
    return NULL;
}

static void at_the_same_time(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++) {
        pair p;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, run_and_unref, begin(&p)), 0);
        finish(&p);
        pair_done(&p);
        pthread_join(thread, NULL);
    }
}

/* A re-authentication has one, too. */
static void renewed(void **state) {
    (void)state;
    for (int run = 0; run < 2; run++) {
        pair p;
        pair_init(&p);
        pair_connect(&p);
        p.now += UINT64_C(3600) * 1000000000 * 8 / 10;
        assert_int_equal(seal__secure_tick(p.client.channel, p.now, NULL), 0);
        pair_settle(&p, &p.client);
        pair_feed(&p, &p.server, p.client.sent.data + p.client.delivered,
                  p.client.sent.len - p.client.delivered);
        p.client.delivered = p.client.sent.len;
        seal__exchange *exchange = seal__secure_take_exchange(p.server.channel);
        assert_non_null(exchange);
        if (run > 0)
            seal__exchange_run(exchange);
        seal__exchange_unref(exchange);
        finish(&p);
        assert_non_null(strchr(p.client.events, 'A'));
        assert_non_null(strchr(p.server.events, 'A'));
        pair_done(&p);
    }
}

/* ---- By itself ---- */

static void shares(void **state) {
    (void)state;
    static const uint8_t zero[SEAL__SHARE] = {0};
    for (int run = 0; run < 2; run++) {
        seal__x25519 own = {0};
        seal__x25519 peer = {0};
        uint8_t wanted[SEAL__SHARE];
        uint8_t secret[SEAL__SHARE];
        assert_int_equal(seal__x25519_new_key(&own), 0);
        assert_int_equal(seal__x25519_new_key(&peer), 0);
        assert_int_equal(seal__x25519_derive(&peer, own.share, wanted), 0);
        uint8_t own_share[SEAL__SHARE];
        memcpy(own_share, own.share, SEAL__SHARE);
        seal__exchange *good = seal__exchange_new(&seal__default_allocator, &own, peer.share);
        assert_non_null(good);
        assert_null(own.key);
        assert_int_equal(seal__x25519_new_key(&own), 0);
        seal__exchange *bad = seal__exchange_new(&seal__default_allocator, &own, zero);
        assert_non_null(bad);
        if (run > 0) {
            seal__exchange_run(good);
            seal__exchange_run(bad);
        }
        assert_int_equal(seal__exchange_take(good, secret), 0);
        assert_memory_equal(secret, wanted, SEAL__SHARE);
        assert_int_equal(seal__exchange_take(bad, secret), SEAL_ERROR_AUTHENTICATION);
        seal__exchange_unref(good);
        seal__exchange_unref(bad);
        seal__x25519_done(&peer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_time),          cmocka_unit_test(never),   cmocka_unit_test(too_late),
        cmocka_unit_test(at_the_same_time), cmocka_unit_test(renewed), cmocka_unit_test(shares),
    };
    return cmocka_run_group_tests_name("secure.exchange", tests, NULL, NULL);
}
