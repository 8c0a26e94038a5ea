/* SPDX-License-Identifier: Apache-2.0 */
/* Records: sizes, key updates, the close. */
#include "pair.h"

#include "secure/channel_internal.h"

#include <stdlib.h>
#include <string.h>

static void sizes(void **state) {
    (void)state;
    static const size_t cases[] = {1, 2, 15, 16, 17, 1000, 16384, 65535, SEAL__RECORD_MAX_PLAIN};
    uint8_t *content = malloc(SEAL__RECORD_MAX_PLAIN + 1);
    for (size_t i = 0; i <= SEAL__RECORD_MAX_PLAIN; i++)
        content[i] = (uint8_t)(i * 7);
    for (size_t v = 0; v < PAIR_VARIANTS; v++) {
        pair p;
        pair_init_variant(&p, v);
        pair_connect(&p);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            p.server.data.len = 0;
            assert_int_equal(pair_send(&p.client, content, cases[i]), 0);
            pair_pump(&p);
            assert_int_equal(p.server.data.len, cases[i] + 4);
            assert_memory_equal(p.server.data.data + 4, content, cases[i]);
        }
        size_t before = p.client.sent.len;
        assert_int_equal(pair_send(&p.client, content, 0), 0); /* nothing is no record */
        assert_int_equal(pair_send(&p.client, content, SEAL__RECORD_MAX_PLAIN + 1),
                         SEAL_ERROR_TOO_BIG);
        assert_int_equal(p.client.sent.len, before);
        p.server.data.len = 0;
        pair_send_text(&p.client, "still alive");
        pair_pump(&p);
        assert_string_equal(pair_text(&p.server), "still alive");
        pair_done(&p);
    }
    free(content);
}

/* Parts of the content stand elsewhere while it is sealed. */
static void gathered(void **state) {
    (void)state;
    enum { LEN = 60000 };
    static const size_t cuts[][4] = {
        {0, LEN, LEN, LEN}, {16, 1000, 1016, LEN}, {1, 2, 3, 40001}, {100, 116, 20000, 59999}};
    static uint8_t content[LEN];
    for (size_t i = 0; i < LEN; i++)
        content[i] = (uint8_t)(i * 7);
    for (size_t v = 0; v < PAIR_VARIANTS; v++) {
        pair p;
        pair_init_variant(&p, v);
        pair_connect(&p);
        for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
            const size_t *cut = cuts[i];
            const seal__gather gather = {.n = 2,
                                         .pieces = {{cut[0], {content + cut[0], cut[1] - cut[0]}},
                                                    {cut[2], {content + cut[2], cut[3] - cut[2]}}}};
            size_t start = seal__secure_record_begin(p.client.channel, &p.client.sent);
            uint8_t *at = seal__buf_reserve(&p.client.sent, LEN);
            memcpy(at, content, LEN);
            memset(at + cut[0], 0xee, cut[1] - cut[0]);
            memset(at + cut[2], 0xee, cut[3] - cut[2]);
            assert_int_equal(
                seal__secure_record_end_with(p.client.channel, &p.client.sent, start, &gather), 0);
            p.server.data.len = 0;
            pair_pump(&p);
            assert_int_equal(p.server.data.len, LEN + 4);
            assert_memory_equal(p.server.data.data + 4, content, LEN);
        }
        pair_done(&p);
    }
}

static void buffer_full(void **state) {
    (void)state;
    for (size_t v = 0; v < PAIR_VARIANTS; v += 6) {
        pair p;
        seal__buf small;
        pair_init_variant(&p, v);
        pair_connect(&p);
        seal__buf_init(&small, &seal__default_allocator, 12); /* no room for the tag */
        size_t start = seal__secure_record_begin(p.client.channel, &small);
        assert_int_equal(start, 0);
        seal__buf_put(&small, "abcd", 4);
        assert_int_equal(seal__secure_record_end(p.client.channel, &small, start),
                         SEAL_ERROR_NO_MEMORY);
        assert_int_equal(pair_send_text(&p.client, "x"), -1);
        assert_int_equal(small.len, 0);
        seal__buf_done(&small);
        pair_done(&p);
    }
}

/* ---- Lengths that nobody may use ---- */

static void bad_lengths(void **state) {
    (void)state;
    static const struct {
        uint32_t len;
        int rc;
    } cases[] = {{0, SEAL_ERROR_PROTOCOL},
                 {15, SEAL_ERROR_PROTOCOL},
                 {SEAL__RECORD_MAX_BODY, 0},
                 {SEAL__RECORD_MAX_BODY + 1, SEAL_ERROR_TOO_BIG},
                 {0xffffff, SEAL_ERROR_TOO_BIG}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t header[4];
        pair p;
        pair_init_variant(&p, 0);
        pair_connect(&p);
        seal__store_u24(header, cases[i].len);
        header[3] = SEAL__RECORD_DATA;
        pair_feed(&p, &p.server, header, 4);
        assert_int_equal(p.server.rc, cases[i].rc);
        assert_false(seal__secure_wants_flush(p.server.channel));
        pair_done(&p);
    }
}

/* What a peer that has the keys may not say. */
static void bad_content(void **state) {
    (void)state;
    static const struct {
        unsigned type;
        const char *content;
        size_t len;
    } cases[] = {
        {SEAL__RECORD_DATA, "", 0},
        {SEAL__RECORD_KEY_UPDATE, "x", 1},
        {SEAL__RECORD_KEY_UPDATE, "", 0},
        {SEAL__RECORD_KEY_UPDATE, "\0\0", 2},
        {SEAL__RECORD_CLOSE, "", 0},
        {SEAL__RECORD_CLOSE, "x", 1},
        {SEAL__RECORD_CLOSE, "xyz", 3},
        {SEAL__RECORD_HANDSHAKE, "", 0},
        {SEAL__RECORD_HANDSHAKE, "\0", 1},
        {SEAL__RECORD_HANDSHAKE, "\0\1", 2},
        {0x24, "x", 1},
        {0x1f, "x", 1},
        {0, "x", 1},
        {0xff, "x", 1},
        {SEAL__TOKEN, "x", 1},
    };
    for (size_t v = 0; v < PAIR_VARIANTS; v++) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            pair p;
            pair_init_variant(&p, v);
            pair_connect(&p);
            assert_int_equal(seal__channel_send(p.client.channel, (seal__record_type)cases[i].type,
                                                (const uint8_t *)cases[i].content, cases[i].len,
                                                &p.client.sent),
                             0);
            pair_pump(&p);
            assert_int_equal(p.server.rc, SEAL_ERROR_PROTOCOL);
            assert_string_equal(p.server.events, "E");
            assert_string_equal(p.client.events, "EC"); /* told why, authenticated */
            assert_int_equal(p.client.close_code, SEAL__CLOSE_PROTOCOL);
            pair_done(&p);
        }
    }
}

/* ---- Key update ---- */

static void key_updates(void **state) {
    (void)state;
    for (size_t v = 0; v < PAIR_VARIANTS; v++) {
        for (size_t mode = 0; mode < 3; mode++) {
            pair p;
            pair_init_variant(&p, v);
            p.chunk = 13;
            if (mode == 0)
                p.client.config.key_update_records = p.server.config.key_update_records = 8;
            if (mode == 1)
                p.client.config.key_update_bytes = 300;
            pair_connect(&p);
            for (unsigned i = 0; i < 3000; i++) {
                if (mode == 2 && i % 16 == 0) {
                    assert_int_equal(seal__secure_update_key(p.server.channel, &p.server.sent), 0);
                    assert_int_equal(p.server.channel->sending.number, 0);
                }
                pair_send(&p.client, &i, sizeof i);
                pair_send(&p.server, &i, sizeof i);
                if (i % 64 == 0)
                    pair_pump(&p);
                assert_true(mode != 0 || p.client.channel->sending.number < 8);
                assert_true(mode != 1 || p.client.channel->sending.bytes < 300);
            }
            pair_pump(&p);
            assert_int_equal(p.client.rc, 0);
            assert_int_equal(p.server.rc, 0);
            assert_int_equal(pair_records(&p.server), 3000);
            assert_int_equal(pair_records(&p.client), 3000);
            for (unsigned i = 0; i < 3000; i++) {
                assert_memory_equal(p.server.data.data + (size_t)i * 8 + 4, &i, sizeof i);
                assert_memory_equal(p.client.data.data + (size_t)i * 8 + 4, &i, sizeof i);
            }
            pair_done(&p);
        }
    }
}

static void old_key_is_gone(void **state) {
    (void)state;
    pair p;
    uint8_t before[SEAL__HASH];
    pair_init_variant(&p, 0);
    pair_connect(&p);
    memcpy(before, p.client.channel->sending.secret, sizeof before);
    pair_send_text(&p.client, "x");
    seal__secure_update_key(p.client.channel, &p.client.sent);
    const uint8_t *object = (const uint8_t *)p.client.channel;
    assert_null(memmem(object, sizeof *p.client.channel, before, sizeof before));
    pair_pump(&p);
    assert_memory_equal(p.client.channel->sending.secret, p.server.channel->receiving.secret,
                        SEAL__HASH);
    pair_done(&p);
}

static void flood_of_updates(void **state) {
    (void)state;
    pair p;
    pair_init_variant(&p, 0);
    pair_connect(&p);
    for (unsigned i = 0; i < 100000 && p.server.rc == 0; i++) {
        seal__secure_update_key(p.client.channel, &p.client.sent);
        if (i % 10 == 0)
            pair_pump(&p);
        assert_true(i < 1000);
    }
    assert_int_equal(p.server.rc, SEAL_ERROR_PROTOCOL);
    pair_done(&p);
}

/* A peer that never changes its key is stopped by the receiver. */
static void worn_out_key(void **state) {
    (void)state;
    for (size_t v = 0; v < PAIR_VARIANTS; v += 6) {
        pair p;
        pair_init_variant(&p, v);
        pair_connect(&p);
        seal__half *sending = &p.client.channel->sending;
        seal__half *receiving = &p.server.channel->receiving;
        sending->number = receiving->number = SEAL__KEY_MAX_RECORDS - 1;
        assert_int_equal(pair_send_text(&p.client, "last"), 0); /* and the update behind it */
        assert_int_equal(sending->number, 0);
        pair_pump(&p);
        assert_string_equal(pair_text(&p.server), "last");
        assert_int_equal(p.server.rc, 0);
        receiving->number = SEAL__KEY_MAX_RECORDS + 1;
        sending->number = SEAL__KEY_MAX_RECORDS + 1;
        assert_int_equal(pair_send_text(&p.client, "x"), SEAL_ERROR_INTERNAL);
        static const uint8_t record[24] = {0, 0, 20, 0x20};
        pair_feed(&p, &p.server, record, sizeof record);
        assert_int_equal(p.server.rc, SEAL_ERROR_TOO_BIG);
        pair_done(&p);
    }
}

/* ---- The end ---- */

static void close_both_ways(void **state) {
    (void)state;
    for (size_t v = 0; v < PAIR_VARIANTS; v++) {
        pair p;
        pair_init_variant(&p, v);
        pair_connect(&p);
        pair_send_text(&p.client, "last words");
        assert_int_equal(seal__secure_close(p.client.channel, SEAL__CLOSE_DONE, &p.client.sent), 0);
        size_t n = p.client.sent.len;
        assert_int_equal(seal__secure_close(p.client.channel, SEAL__CLOSE_LIMIT, &p.client.sent),
                         0);
        assert_int_equal(p.client.sent.len, n);
        assert_false(seal__secure_can_send(p.client.channel));
        assert_int_equal(pair_send_text(&p.client, "more"), -1);
        assert_int_equal(seal__secure_update_key(p.client.channel, &p.client.sent),
                         SEAL_ERROR_STATE);
        pair_pump(&p);
        assert_string_equal(p.server.events, "ERC");
        assert_int_equal(p.server.close_code, SEAL__CLOSE_DONE);
        assert_int_equal(seal__secure_eof(p.server.channel, NULL), 0);
        /* The other direction is still open. */
        assert_int_equal(pair_send_text(&p.server, "I heard"), 0);
        pair_pump(&p);
        assert_string_equal(pair_text(&p.client), "I heard");
        assert_int_equal(seal__secure_eof(p.client.channel, NULL), SEAL_ERROR_TRUNCATED);
        pair_done(&p);
    }
}

static void bytes_behind_close(void **state) {
    (void)state;
    pair p;
    pair_init_variant(&p, 0);
    pair_connect(&p);
    seal__secure_close(p.client.channel, SEAL__CLOSE_DONE, &p.client.sent);
    seal__buf_put(&p.client.sent, "x", 1);
    pair_pump(&p);
    assert_string_equal(p.server.events, "EC");
    assert_int_equal(p.server.rc, SEAL_ERROR_PROTOCOL);
    pair_done(&p);
}

static void failure_is_final(void **state) {
    (void)state;
    pair p;
    pair_init_variant(&p, 0);
    pair_connect(&p);
    static const uint8_t record[24] = {0, 0, 20, 0x20};
    pair_feed(&p, &p.server, record, sizeof record);
    assert_int_equal(p.server.rc, SEAL_ERROR_TAMPERED);
    seal_error *error = NULL;
    seal__secure_event event;
    size_t consumed = 9;
    assert_int_equal(seal__secure_feed(p.server.channel, p.now, NULL, 0, &consumed, &event, &error),
                     SEAL_ERROR_TAMPERED);
    assert_int_equal(consumed, 0);
    assert_string_equal(seal_error_message(error), seal_error_message(p.server.error));
    seal_error_free(error);
    assert_int_equal(seal__secure_tick(p.server.channel, p.now, NULL), SEAL_ERROR_TAMPERED);
    assert_int_equal(seal__secure_eof(p.server.channel, NULL), SEAL_ERROR_TAMPERED);
    size_t n = p.server.sent.len;
    assert_int_equal(seal__secure_close(p.server.channel, SEAL__CLOSE_PROTOCOL, &p.server.sent), 0);
    assert_int_equal(p.server.sent.len, n); /* nothing about a record that did not verify */
    assert_false(seal__secure_has_step(p.server.channel));
    pair_done(&p);
}

static void mechanism_stops_wrapping(void **state) {
    (void)state;
    pair p;
    pair_init_variant(&p, 6);
    pair_connect(&p);
    /* The fake copies its script: break the context itself by taking its counter out of step. */
    pair_send_text(&p.client, "one");
    uint8_t nothing[64];
    seal__buf sink;
    seal__buf_init(&sink, &seal__default_allocator, 1024);
    memset(nothing, 0, sizeof nothing);
    seal__mech *mech = p.client.channel->mech;
    assert_int_equal(mech->ops->wrap(mech, true, nothing, 4, &sink), 0);
    pair_send_text(&p.client, "two");
    pair_pump(&p);
    assert_string_equal(pair_text(&p.server), "one");
    assert_int_equal(p.server.rc,
                     SEAL_ERROR_TAMPERED); /* our tag is right, the mechanism refuses */
    seal__buf_done(&sink);
    pair_done(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(gathered),
        cmocka_unit_test(buffer_full),
        cmocka_unit_test(bad_lengths),
        cmocka_unit_test(bad_content),
        cmocka_unit_test(key_updates),
        cmocka_unit_test(old_key_is_gone),
        cmocka_unit_test(flood_of_updates),
        cmocka_unit_test(worn_out_key),
        cmocka_unit_test(close_both_ways),
        cmocka_unit_test(bytes_behind_close),
        cmocka_unit_test(failure_is_final),
        cmocka_unit_test(mechanism_stops_wrapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
