/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody on the wire: changes, cuts, replays, reorders, reflects, splices. */
#include "pair.h"

#include <stdlib.h>
#include <string.h>

typedef struct variant {
    seal_suite suite;
    seal_level level;
} variant;

enum { N_VARIANTS = 8 };

static variant variant_at(size_t i) {
    return (variant){pair_suites[i / 2], i % 2 == 0 ? SEAL_LEVEL_PRIVACY : SEAL_LEVEL_INTEGRITY};
}

static void init(pair *p, variant v) {
    pair_init_as(p, v.suite, v.level);
}

static const char *const words[] = {"one", "two", "three"};

static void talk(pair *p) {
    for (size_t i = 0; i < 3; i++) {
        if (p->client.channel != NULL)
            pair_send_text(&p->client, words[i]);
        if (p->server.channel != NULL)
            pair_send_text(&p->server, words[i]);
    }
    pair_pump(p);
}

/* Slow tools look at every n-th bit only: SEAL_TEST_STRIDE=n. */
static size_t stride(void) {
    const char *text = getenv("SEAL_TEST_STRIDE");
    long n = text == NULL ? 1 : strtol(text, NULL, 10);
    return n < 1 ? 1 : (size_t)n;
}

static void handshake_sizes(variant v, size_t ret_sizes[2]) {
    pair p;
    init(&p, v);
    pair_connect(&p);
    ret_sizes[0] = p.client.sent.len;
    ret_sizes[1] = p.server.sent.len;
    pair_done(&p);
}

/* What was delivered is the beginning of what was said. */
static void check_prefix(const pair_end *end) {
    static const char *const prefixes[] = {"", "one", "one|two", "one|two|three"};
    assert_string_equal(pair_text(end), prefixes[pair_records(end)]);
}

static void flip_handshake_bit(variant v, bool by_client, size_t bit) {
    pair p;
    init(&p, v);
    p.flip_from = by_client ? &p.client : &p.server;
    p.flip_bit = bit;
    pair_start(&p);
    pair_pump(&p);
    talk(&p);
    if (pair_records(&p.client) + pair_records(&p.server) != 0)
        fail_msg("flip of bit %zu of the %s: delivered", bit, by_client ? "client" : "server");
    seal__secure_eof(p.client.channel, NULL);
    seal__secure_eof(p.server.channel, NULL);
    const seal__secure_info *c = seal__secure_get_info(p.client.channel);
    const seal__secure_info *s = seal__secure_get_info(p.server.channel);
    if (c != NULL && s != NULL)
        assert_memory_not_equal(c->id, s->id, 32);
    assert_int_equal(pair_send_text(&p.client, "x"), -1);
    assert_int_equal(pair_send_text(&p.server, "x"), -1);
    pair_done(&p);
}

static void flips_in_handshake(void **state) {
    (void)state;
    for (size_t i = 0; i < N_VARIANTS; i++) {
        size_t sizes[2];
        handshake_sizes(variant_at(i), sizes);
        /* Every bit for two variants, every seventh for the others: the code is the same. */
        size_t step = stride() * (i == 0 || i == N_VARIANTS - 1 ? 1 : 7);
        for (size_t bit = 0; bit < sizes[0] * 8; bit += step)
            flip_handshake_bit(variant_at(i), true, bit);
        for (size_t bit = 0; bit < sizes[1] * 8; bit += step)
            flip_handshake_bit(variant_at(i), false, bit);
    }
}

/* The session is recorded once for each bit: the keys are fresh each time. */
static size_t flip_record_bit(variant v, bool by_client, size_t bit) {
    pair p;
    init(&p, v);
    pair_connect(&p);
    pair_end *from = by_client ? &p.client : &p.server;
    pair_end *to = pair_other(&p, from);
    size_t start = from->sent.len;
    for (size_t i = 0; i < 3; i++)
        pair_send_text(from, words[i]);
    size_t bits = (from->sent.len - start) * 8;
    p.flip_from = from;
    p.flip_bit = start * 8 + bit;
    pair_pump(&p);
    check_prefix(to);
    assert_true(pair_records(to) < 3);
    assert_true(seal__secure_eof(to->channel, NULL) <
                0); /* TAMPERED, or TRUNCATED in a longer record */
    assert_int_equal(pair_send_text(to, "x"), -1);
    pair_done(&p);
    return bits;
}

static void flips_in_records(void **state) {
    (void)state;
    for (size_t i = 0; i < N_VARIANTS; i++) {
        for (int by_client = 0; by_client < 2; by_client++) {
            size_t bits = 1;
            for (size_t bit = 0; bit < bits; bit += stride())
                bits = flip_record_bit(variant_at(i), by_client != 0, bit);
        }
    }
}

static void truncations(void **state) {
    (void)state;
    for (size_t i = 0; i < N_VARIANTS; i++) {
        size_t total = SIZE_MAX;
        for (size_t cut = 0; cut <= total; cut += stride()) {
            pair p;
            init(&p, variant_at(i));
            pair_connect(&p);
            size_t start = p.client.sent.len;
            for (size_t k = 0; k < 3; k++)
                pair_send_text(&p.client, words[k]);
            seal__secure_close(p.client.channel, SEAL__CLOSE_DONE, &p.client.sent);
            total = p.client.sent.len - start;
            pair_feed(&p, &p.server, p.client.sent.data + start, cut);
            check_prefix(&p.server);
            int rc = seal__secure_eof(p.server.channel, NULL);
            assert_int_equal(rc, cut == total ? 0 : SEAL_ERROR_TRUNCATED);
            pair_done(&p);
        }
    }
}

static void cut_handshakes(void **state) {
    (void)state;
    size_t sizes[2];
    handshake_sizes(variant_at(0), sizes);
    for (int by_client = 0; by_client < 2; by_client++) {
        for (size_t cut = 0; cut < sizes[1 - by_client]; cut++) {
            pair p;
            init(&p, variant_at(0));
            p.chunk = 1;
            pair_start(&p);
            pair_settle(&p, &p.client);
            pair_end *from = by_client != 0 ? &p.client : &p.server;
            /* Byte by byte, and the one direction stops. */
            for (size_t n = 0; n < 4096; n++) {
                pair_end *other = pair_other(&p, from);
                if (other->delivered < other->sent.len)
                    pair_feed(&p, from, other->sent.data + other->delivered++, 1);
                if (from->delivered < from->sent.len && from->delivered < cut)
                    pair_feed(&p, other, from->sent.data + from->delivered++, 1);
            }
            pair_end *to = pair_other(&p, from);
            bool done = seal__secure_is_established(to->channel);
            int rc = seal__secure_eof(to->channel, NULL);
            assert_int_equal(rc, done ? SEAL_ERROR_TRUNCATED : SEAL_ERROR_CLOSED);
            assert_int_equal(to->rc, 0);
            pair_done(&p);
        }
    }
}

/* ---- Records moved about ---- */

enum { N = 70 };

typedef struct tape {
    pair p;
    size_t at[N + 1]; /* where each record begins in the client's stream */
} tape;

static void record_tape(tape *t, variant v) {
    init(&t->p, v);
    pair_connect(&t->p);
    t->p.client.delivered = t->p.client.sent.len;
    for (size_t i = 0; i < N; i++) {
        uint8_t content = (uint8_t)i;
        t->at[i] = t->p.client.sent.len;
        assert_int_equal(pair_send(&t->p.client, &content, 1), 0);
    }
    t->at[N] = t->p.client.sent.len;
}

static void play(tape *t, pair_end *to, size_t i) {
    pair_feed(&t->p, to, t->p.client.sent.data + t->at[i], t->at[i + 1] - t->at[i]);
}

static void moved_records(void **state) {
    (void)state;
    for (size_t v = 0; v < N_VARIANTS; v++) {
        tape t;
        for (size_t again = 0; again < N; again += 3) { /* replays */
            record_tape(&t, variant_at(v));
            for (size_t i = 0; i < N; i++)
                play(&t, &t.p.server, i);
            assert_int_equal(pair_records(&t.p.server), N);
            play(&t, &t.p.server, again);
            assert_int_equal(t.p.server.rc, SEAL_ERROR_TAMPERED);
            assert_int_equal(pair_records(&t.p.server), N);
            assert_false(seal__secure_wants_flush(t.p.server.channel)); /* no word about it */
            pair_done(&t.p);
        }
        record_tape(&t, variant_at(v)); /* one is left out, and the rest does not help */
        play(&t, &t.p.server, 0);
        play(&t, &t.p.server, 2);
        play(&t, &t.p.server, 1);
        assert_int_equal(t.p.server.rc, SEAL_ERROR_TAMPERED);
        assert_int_equal(pair_records(&t.p.server), 1);
        pair_done(&t.p);
        record_tape(&t, variant_at(v)); /* reflected */
        play(&t, &t.p.client, 0);
        assert_int_equal(t.p.client.rc, SEAL_ERROR_TAMPERED);
        pair_done(&t.p);
        tape other; /* from another connection */
        record_tape(&t, variant_at(v));
        record_tape(&other, variant_at(v));
        play(&t, &other.p.server, 0);
        assert_int_equal(other.p.server.rc, SEAL_ERROR_TAMPERED);
        pair_done(&t.p);
        pair_done(&other.p);
    }
}

static void clear_bytes_behind_handshake(void **state) {
    (void)state;
    static const uint8_t clear[] = {0,   0,   20,  0x20, 'p', 'l', 'a', 'i', 'n', ' ', 't', 'e',
                                    'x', 't', ' ', 'f',  'r', 'a', 'm', 'e', '.', '.', '.', '.'};
    static const uint8_t hello[] = {0, 0, 2, 5, 0, 3};
    pair p;
    init(&p, variant_at(0));
    pair_connect(&p);
    pair_feed(&p, &p.server, clear, sizeof clear);
    assert_int_equal(p.server.rc, SEAL_ERROR_TAMPERED);
    pair_feed(&p, &p.client, hello, sizeof hello); /* an alert that the attacker wrote */
    assert_int_equal(p.client.rc, SEAL_ERROR_PROTOCOL);
    pair_done(&p);
}

/* All that a client ever said, to another server of the same name: it has another random and share.
 */
static void replayed_connection(void **state) {
    (void)state;
    pair p;
    pair q;
    init(&p, variant_at(0));
    pair_connect(&p);
    talk(&p);
    init(&q, variant_at(0));
    pair_start(&q);
    pair_feed(&q, &q.server, p.client.sent.data, p.client.sent.len);
    assert_int_equal(q.server.rc, SEAL_ERROR_AUTHENTICATION);
    assert_string_equal(q.server.events, "");
    pair_done(&q);
    init(&q, variant_at(0));
    pair_start(&q);
    pair_settle(&q, &q.client);
    pair_feed(&q, &q.client, p.server.sent.data, p.server.sent.len);
    assert_int_equal(q.client.rc, SEAL_ERROR_AUTHENTICATION);
    pair_done(&q);
    pair_done(&p);
}

static void reflected_connection(void **state) {
    (void)state;
    pair p;
    init(&p, variant_at(0));
    pair_start(&p);
    pair_settle(&p, &p.client);
    pair_feed(&p, &p.client, p.client.sent.data, p.client.sent.len);
    assert_int_equal(p.client.rc, SEAL_ERROR_PROTOCOL); /* a CLIENT_HELLO for a client */
    pair_done(&p);
}

/* Two clients or two servers that face each other. */
static void same_roles(void **state) {
    (void)state;
    pair p;
    init(&p, variant_at(0));
    p.server.config.role = p.server.source.role = SEAL__CLIENT;
    p.server.config.target = "echo/host";
    pair_start(&p);
    pair_pump(&p);
    assert_int_equal(p.client.rc, SEAL_ERROR_PROTOCOL);
    assert_true(p.server.rc < 0);
    pair_done(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flips_in_handshake),  cmocka_unit_test(flips_in_records),
        cmocka_unit_test(truncations),         cmocka_unit_test(cut_handshakes),
        cmocka_unit_test(moved_records),       cmocka_unit_test(clear_bytes_behind_handshake),
        cmocka_unit_test(replayed_connection), cmocka_unit_test(reflected_connection),
        cmocka_unit_test(same_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
