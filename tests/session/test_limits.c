/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile peer may cost: streams, memory, budgets of useless frames. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "session/pair.h"

enum { MAX_STREAMS = 100, BURST = 1000 };

/* Handlers that answer when the test wants. */
static seal__stream *running[MAX_STREAMS + 1];
static size_t n_running;
static size_t most_running;
static const uint8_t filler[4096];

static void hold(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    (void)end;
    if (event->kind != SEAL__EVENT_HEADERS)
        return;
    assert_in_range(n_running, 0, MAX_STREAMS - 1);
    running[n_running++] = event->stream;
    if (n_running > most_running)
        most_running = n_running;
}

static void answer_all(session_end *end) {
    while (n_running > 0)
        assert_int_equal(seal__session_finish(end->session, running[--n_running],
                                              SEAL_STATUS_ABORTED, SEAL_EXECUTED, "late"),
                         0);
}

static void begin(session_pair *pair, session_pair_options *options) {
    n_running = most_running = 0;
    if (options->on_server == NULL)
        options->on_server = hold;
    session_pair_new(pair, options, NULL);
    uint8_t content[32];
    session_end_feed(pair, &pair->server, content,
                     put_frame(content, 0, SEAL__FRAME_SETTINGS, 0, 0, "", 0));
    session_end_discard(&pair->server);
    session_end_discard(&pair->client);
}

static void end_pair(session_pair *pair) {
    session_pair_end(pair);
}

static void call_101_is_refused(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, &(session_pair_options){.max_streams = MAX_STREAMS});
    uint8_t content[65536];
    size_t len = 0;
    for (uint64_t id = 1; id <= 101; id++)
        len = put_data(content, put_headers(content, len, id, 1, 1000000, id == 1 ? "a/b" : NULL),
                       SEAL__DATA_END, id, 3, 3);
    session_end_feed(&pair, &pair.server, content, len);
    assert_int_equal(pair.server.failed, 0);
    assert_int_equal(n_running, 100);
    seal__outbox_seal(&pair.server.outbox);
    /* record header, then STATUS of stream 101 */
    const uint8_t *frame = pair.server.outbox.wire.data + 4;
    assert_int_equal(frame[0], SEAL__FRAME_STATUS);
    assert_int_equal(seal__load_u64(frame + 4), 101);
    assert_int_equal(frame[12], SEAL_STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(frame[13], SEAL_NOT_EXECUTED);
    assert_int_equal(seal__session_stream_count(pair.server.session), 100);
    end_pair(&pair);
}

static void client_does_not_open_more_than_told(void **state) {
    (void)state;
    session_pair pair;
    n_running = 0;
    session_pair_new(&pair, &(session_pair_options){.max_streams = 3, .on_server = hold}, NULL);
    seal__stream *stream;
    session_pair_run(&pair);
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            seal__session_open(pair.client.session, 0, "a/b", UINT64_MAX, 0, NULL, &stream), 0);
    assert_false(seal__session_can_open(pair.client.session));
    assert_int_equal(
        seal__session_open(pair.client.session, 0, "a/b", UINT64_MAX, 0, NULL, &stream),
        SEAL_ERROR_STATE);
    session_pair_run(&pair);
    answer_all(&pair.server);
    session_pair_run(&pair);
    assert_true(seal__session_can_open(pair.client.session));
    end_pair(&pair);
}

static void first_calls_do_not_wait_for_settings(void **state) {
    (void)state;
    session_pair pair;
    n_running = 0;
    session_pair_new(&pair, &(session_pair_options){.on_server = hold}, NULL);
    seal__stream *stream;
    for (int i = 0; i < SEAL__SESSION_FIRST_STREAMS; i++)
        assert_int_equal(
            seal__session_open(pair.client.session, 0, "a/b", UINT64_MAX, 0, NULL, &stream), 0);
    assert_false(seal__session_can_open(pair.client.session));
    session_pair_move(&pair, &pair.client);
    assert_int_equal(n_running, SEAL__SESSION_FIRST_STREAMS);
    session_pair_run(&pair);
    assert_true(seal__session_can_open(pair.client.session));
    answer_all(&pair.server);
    end_pair(&pair);
}

/* Opens and resets as fast as it can; handlers are slow. */
static void rapid_reset(session_pair *pair, uint64_t calls, uint32_t reason, uint64_t timeout_us) {
    uint8_t content[128];
    uint8_t payload[4];
    seal__store_u32(payload, reason);
    size_t bytes_before = 0;
    for (uint64_t id = 1; id <= calls && pair->server.failed == 0; id++) {
        size_t len = put_headers(content, 0, id, 1, timeout_us, id == 1 ? "a/b" : NULL);
        len = put_frame(content, len, SEAL__FRAME_RESET, 0, id, payload, 4);
        session_end_feed(pair, &pair->server, content, len);
        assert_in_range(seal__session_stream_count(pair->server.session), 0, MAX_STREAMS);
        if (id % 1000 == 0) {
            answer_all(&pair->server);
            session_end_discard(&pair->server);
        }
        if (id == 10000)
            bytes_before = pair->alloc.bytes;
    }
    answer_all(&pair->server);
    if (pair->server.failed == 0 && calls > 10000)
        assert_int_equal(pair->alloc.bytes, bytes_before);
}

static void take_deadline(session_pair *pair, session_end *end, const seal__event *event) {
    hold(pair, end, event);
    if (event->kind == SEAL__EVENT_HEADERS)
        seal__stream_limit(event->stream, 0, pair->now_ns + event->timeout_us * 1000, end->session);
}

static void million_resets_never_run_more_handlers(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, &(session_pair_options){.max_streams = MAX_STREAMS, .on_server = take_deadline});
    rapid_reset(&pair, 1000000, SEAL__RESET_DEADLINE, 1000000);
    assert_int_equal(pair.server.failed, 0);
    assert_int_equal(most_running, MAX_STREAMS);
    assert_int_equal(seal__session_stream_count(pair.server.session), 0);
    end_pair(&pair);
}

static void resets_are_budgeted(void **state) {
    (void)state;
    static const uint64_t timeouts[] = {1000000, SEAL__NO_TIMEOUT};
    for (uint32_t reason = 0; reason < 2; reason++) {
        session_pair pair;
        begin(&pair, &(session_pair_options){.max_streams = MAX_STREAMS});
        /* these handlers set no deadline, so that a reset for it is not believed */
        rapid_reset(&pair, 1000000, reason, timeouts[reason]);
        assert_int_equal(pair.server.failed, SEAL_ERROR_TOO_MANY);
        assert_in_range(pair.server.records, BURST, BURST + MAX_STREAMS * 100);
        end_pair(&pair);
    }
}

/* Returns how many frames were taken before the connection ended. */
static uint64_t flood(unsigned type, uint64_t stream, const void *payload, size_t len,
                      uint64_t gap_ns, uint64_t most) {
    session_pair pair;
    begin(&pair, &(session_pair_options){.max_streams = MAX_STREAMS});
    uint8_t content[64];
    size_t open = put_headers(content, 0, 1, 1, 1000000, "a/b");
    session_end_feed(&pair, &pair.server, content,
                     put_data(content, open, SEAL__DATA_END, 1, 0, 0));
    answer_all(&pair.server);
    size_t size = put_frame(content, 0, type, 0, stream, payload, len);
    uint64_t n = 0;
    while (pair.server.failed == 0 && n < most) {
        pair.now_ns += gap_ns;
        session_end_feed(&pair, &pair.server, content, size);
        session_end_discard(&pair.server);
        n++;
    }
    if (n < most) {
        assert_int_equal(pair.server.failed, SEAL_ERROR_TOO_MANY);
        n--;
    }
    end_pair(&pair);
    return n;
}

static void floods_of_useless_frames_end_the_connection(void **state) {
    (void)state;
    const uint64_t million = 1000000;
    assert_int_equal(flood(SEAL__FRAME_PING, 0, "12345678", 8, 0, million), BURST);
    assert_int_equal(flood(SEAL__FRAME_PONG, 0, "12345678", 8, 0, million), BURST);
    assert_int_equal(flood(50, 0, "", 0, 0, million), BURST);
    /* the first one may have crossed the answer */
    assert_int_equal(flood(SEAL__FRAME_RESET, 1, "\0\0\0\0", 4, 0, million), BURST + 1);
    assert_int_equal(flood(SEAL__FRAME_DATA, 1, "x", 1, 0, million), BURST);
}

static void tokens_come_back_with_time(void **state) {
    (void)state;
    const uint64_t second = 1000000000;
    /* 33 a second is allowed for ever, 40 is not */
    assert_int_equal(flood(SEAL__FRAME_PING, 0, "12345678", 8, second / 33 + 1, 100000), 100000);
    assert_in_range(flood(SEAL__FRAME_PING, 0, "12345678", 8, second / 40, 100000), 5000, 6500);
}

static void empty_records_are_useless(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, &(session_pair_options){0});
    uint64_t n = 0;
    while (pair.server.failed == 0) {
        session_end_feed(&pair, &pair.server, NULL, 0);
        n++;
    }
    assert_int_equal(pair.server.failed, SEAL_ERROR_TOO_MANY);
    assert_int_equal(n, BURST + 1);
    end_pair(&pair);
}

static void crumbs_of_a_message_are_useless(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, &(session_pair_options){0});
    uint8_t content[128];
    size_t len = put_headers(content, 0, 1, 1, 1000000, "a/b");
    session_end_feed(&pair, &pair.server, content, put_data(content, len, 0, 1, 1 << 20, 1));
    uint64_t n = 1;
    while (pair.server.failed == 0) {
        session_end_feed(&pair, &pair.server, content,
                         put_frame(content, 0, SEAL__FRAME_DATA, 0, 1, "a", 1));
        n++;
    }
    assert_int_equal(pair.server.failed, SEAL_ERROR_TOO_MANY);
    assert_int_equal(n, BURST + 1);
    end_pair(&pair);
}

/* A server that refuses many calls early must not take their bodies for an attack. */
static void bodies_of_refused_calls_are_free(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, &(session_pair_options){0});
    uint8_t content[256];
    for (uint64_t id = 1; id <= 100000; id++) {
        size_t len = put_headers(content, 0, id, 1, 1000000, id == 1 ? "bad\x01" : NULL);
        len = put_data(content, len, 0, id, 60, 30);
        len = put_frame(content, len, SEAL__FRAME_DATA, SEAL__DATA_END, id, filler, 30);
        seal__session_feed(pair.server.session, 0, content, len);
        seal__event event;
        while (seal__session_next(pair.server.session, &event, NULL) == 0 &&
               event.kind != SEAL__EVENT_NONE) {
            if (event.kind == SEAL__EVENT_HEADERS)
                assert_int_equal(seal__session_finish(pair.server.session, event.stream,
                                                      SEAL_STATUS_UNIMPLEMENTED, SEAL_NOT_EXECUTED,
                                                      ""),
                                 0);
        }
        session_end_discard(&pair.server);
    }
    session_end_feed(&pair, &pair.server, content, put_headers(content, 0, 100001, 1, 1, NULL));
    assert_int_equal(pair.server.failed, 0);
    end_pair(&pair);
}

/* ---- Messages over a limit ---- */

static size_t too_big_len;
static bool too_big_end;

static void note_too_big(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    if (event->kind == SEAL__EVENT_HEADERS)
        seal__stream_limit(event->stream, 1000, UINT64_MAX, end->session);
    if (event->kind != SEAL__EVENT_TOO_BIG)
        return;
    too_big_len = event->len;
    too_big_end = event->end;
}

static void declared_length_costs_nothing(void **state) {
    (void)state;
    static const uint32_t lengths[] = {1001, 65537, 1 << 24, INT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        session_pair pair;
        begin(&pair, &(session_pair_options){.on_server = note_too_big});
        uint8_t content[4096];
        session_end_feed(&pair, &pair.server, content,
                         put_headers(content, 0, 1, 1, 1000000, "a/b"));
        size_t before = pair.alloc.bytes;
        too_big_len = 0;
        session_end_feed(&pair, &pair.server, content, put_data(content, 0, 0, 1, lengths[i], 100));
        assert_int_equal(too_big_len, lengths[i]);
        assert_false(too_big_end);
        assert_int_equal(pair.alloc.bytes, before);
        /* the rest is dropped without another event */
        size_t left = lengths[i] - 100 < 2000 ? lengths[i] - 100 : 2000;
        session_end_feed(&pair, &pair.server, content,
                         put_frame(content, 0, SEAL__FRAME_DATA, 0, 1, filler, left));
        assert_int_equal(pair.server.failed, 0);
        assert_int_equal(pair.server.counts[SEAL__EVENT_TOO_BIG], 1);
        assert_int_equal(pair.server.counts[SEAL__EVENT_MESSAGE], 0);
        assert_int_equal(pair.alloc.bytes, before);
        end_pair(&pair);
    }
}

static void memory_grows_with_what_has_come(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, &(session_pair_options){0});
    uint8_t content[4096];
    session_end_feed(&pair, &pair.server, content, put_headers(content, 0, 1, 1, 1000000, "a/b"));
    size_t before = pair.alloc.bytes;
    session_end_feed(&pair, &pair.server, content, put_data(content, 0, 0, 1, 4 << 20, 2000));
    assert_in_range(pair.alloc.bytes - before, 2000, 4096);
    end_pair(&pair);
}

static void message_at_the_limit_passes(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, &(session_pair_options){.on_server = note_too_big});
    uint8_t content[4096];
    size_t len = put_headers(content, 0, 1, 1, 1000000, "a/b");
    session_end_feed(&pair, &pair.server, content,
                     put_data(content, len, SEAL__DATA_END, 1, 1000, 1000));
    assert_int_equal(pair.server.counts[SEAL__EVENT_MESSAGE], 1);
    len = put_headers(content, 0, 2, 1, 1000000, NULL);
    session_end_feed(&pair, &pair.server, content,
                     put_data(content, len, SEAL__DATA_END, 2, 1001, 1001));
    assert_int_equal(pair.server.counts[SEAL__EVENT_MESSAGE], 1);
    assert_int_equal(pair.server.counts[SEAL__EVENT_TOO_BIG], 1);
    assert_true(too_big_end);
    end_pair(&pair);
}

static void unfinished_messages_share_one_limit(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, &(session_pair_options){.max_buffered = 10012});
    uint8_t content[8192];
    for (uint64_t id = 1; id <= 4; id++) {
        size_t len = put_headers(content, 0, id, 1, 1000000, id == 1 ? "a/b" : NULL);
        session_end_feed(&pair, &pair.server, content, put_data(content, len, 0, id, 5000, 3000));
    }
    assert_int_equal(pair.server.counts[SEAL__EVENT_TOO_BIG], 1); /* the fourth */
    session_end_feed(&pair, &pair.server, content,
                     put_frame(content, 0, SEAL__FRAME_DATA, 0, 1, filler, 1000));
    assert_int_equal(pair.server.counts[SEAL__EVENT_TOO_BIG], 1);
    session_end_feed(&pair, &pair.server, content,
                     put_frame(content, 0, SEAL__FRAME_DATA, SEAL__DATA_END, 2, filler, 2000));
    assert_int_equal(pair.server.counts[SEAL__EVENT_TOO_BIG], 2); /* 4000 + 3000 + 5000 */
    /* what was dropped made room */
    session_end_feed(&pair, &pair.server, content,
                     put_frame(content, 0, SEAL__FRAME_DATA, SEAL__DATA_END, 3, filler, 2000));
    assert_int_equal(pair.server.counts[SEAL__EVENT_MESSAGE], 1);
    assert_int_equal(pair.server.failed, 0);
    answer_all(&pair.server);
    end_pair(&pair);
}

static void client_resets_a_reply_that_is_too_big(void **state) {
    (void)state;
    session_pair pair;
    n_running = 0;
    session_pair_connect(&pair, &(session_pair_options){.on_server = hold}, NULL);
    for (int big = 0; big < 2; big++) {
        seal__stream *stream;
        assert_int_equal(seal__session_open(pair.client.session, pair.now_ns, "a/b", UINT64_MAX,
                                            500, NULL, &stream),
                         0);
        assert_int_equal(send_message(&pair.client, stream, 1, 1, true), 0);
        session_pair_run(&pair);
        assert_int_equal(n_running, 1);
        n_running = 0;
        assert_int_equal(send_message(&pair.server, running[0], big ? 1000000 : 501, 1, true), 0);
        session_pair_run(&pair);
        assert_int_equal(pair.client.counts[SEAL__EVENT_TOO_BIG], big + 1);
        assert_int_equal(pair.client.counts[SEAL__EVENT_MESSAGE], 0);
        assert_int_equal(seal__session_stream_count(pair.client.session), 0);
        assert_int_equal(seal__session_stream_count(pair.server.session), 0);
    }
    assert_int_equal(pair.client.failed, 0);
    assert_int_equal(pair.server.failed, 0);
    end_pair(&pair);
}

/* ---- Names, numbers, extensions ---- */

static seal_status refusal(const uint8_t *payload, size_t len) {
    static uint8_t content[65536];
    session_pair pair;
    begin(&pair, &(session_pair_options){0});
    session_end_feed(&pair, &pair.server, content,
                     put_frame(content, 0, SEAL__FRAME_HEADERS, 0, 1, payload, len));
    assert_int_equal(pair.server.failed, 0);
    seal_status status = SEAL_STATUS_OK;
    if (n_running == 0) {
        seal__outbox_seal(&pair.server.outbox);
        status = (seal_status)pair.server.outbox.wire.data[4 + 12];
        assert_int_equal(pair.server.outbox.wire.data[4 + 13], SEAL_NOT_EXECUTED);
    }
    /* the number is taken in any case */
    session_end_feed(&pair, &pair.server, content, put_headers(content, 0, 2, 1, 1000000, NULL));
    session_end_feed(&pair, &pair.server, content, put_headers(content, 0, 3, 2, 1000000, "other"));
    assert_int_equal(pair.server.failed, 0);
    end_pair(&pair);
    return status;
}

static seal_status refusal_of_name(const char *name, size_t len) {
    static uint8_t payload[65536];
    seal__headers_write(payload, 1, 1000000, name, len);
    return refusal(payload, seal__headers_size(len));
}

static void odd_names_reach_nobody(void **state) {
    (void)state;
    static char name[65000];
    memset(name, 'a', sizeof name);
    assert_int_equal(refusal_of_name("a/b", 3), SEAL_STATUS_OK);
    assert_int_equal(refusal_of_name(name, 1024), SEAL_STATUS_OK);
    assert_int_equal(refusal_of_name("//", 2),
                     SEAL_STATUS_OK); /* the server's table does not know it */
    assert_int_equal(refusal_of_name("", 0), SEAL_STATUS_UNIMPLEMENTED);
    assert_int_equal(refusal_of_name(name, 1025), SEAL_STATUS_UNIMPLEMENTED);
    assert_int_equal(refusal_of_name("a/b\0", 4), SEAL_STATUS_UNIMPLEMENTED);
    assert_int_equal(refusal_of_name("\0", 1), SEAL_STATUS_UNIMPLEMENTED);
    assert_int_equal(refusal_of_name(name, sizeof name), SEAL_STATUS_RESOURCE_EXHAUSTED);
}

static void extensions_are_skipped_or_refused(void **state) {
    (void)state;
    static uint8_t payload[10241];
    seal__headers_write(payload, 1, 1000000, "a/b", 3);
    size_t at = seal__headers_size(3);
    memcpy(payload + at, "\x03\0\2xy\x7f\0\0", 8);
    assert_int_equal(refusal(payload, at + 8), SEAL_STATUS_OK);
    memcpy(payload + at, "\x03\0\2xy\x80\0\0", 8);
    assert_int_equal(refusal(payload, at + 8), SEAL_STATUS_UNIMPLEMENTED);
    seal__store_u16(payload + at + 1, (uint16_t)(10240 - at - 3));
    assert_int_equal(refusal(payload, 10240), SEAL_STATUS_OK);
    seal__store_u16(payload + at + 1, (uint16_t)(10241 - at - 3));
    assert_int_equal(refusal(payload, 10241), SEAL_STATUS_RESOURCE_EXHAUSTED);
    seal__headers_write(payload, 1, 0, "a/b", 3);
    assert_int_equal(refusal(payload, at), SEAL_STATUS_DEADLINE_EXCEEDED);
}

static void names_of_a_connection_are_bounded(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, &(session_pair_options){0});
    static uint8_t content[65536];
    char name[1025];
    size_t taken = 0;
    for (uint32_t i = 1; i <= 4096; i++) {
        memset(name, 'n', 1024);
        name[1024] = '\0';
        session_end_feed(&pair, &pair.server, content,
                         put_headers(content, 0, i, i, 1000000, name));
        taken += n_running;
        answer_all(&pair.server);
        session_end_discard(&pair.server);
    }
    assert_int_equal(pair.server.failed, 0);
    assert_int_equal(taken, 256);
    assert_in_range(pair.alloc.bytes, 256 * 1024, 1024 * 1024);
    session_end_feed(&pair, &pair.server, content,
                     put_headers(content, 0, 4097, 4097, 1000000, "x"));
    assert_int_equal(pair.server.failed, SEAL_ERROR_PROTOCOL);
    end_pair(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_101_is_refused),
        cmocka_unit_test(client_does_not_open_more_than_told),
        cmocka_unit_test(first_calls_do_not_wait_for_settings),
        cmocka_unit_test(million_resets_never_run_more_handlers),
        cmocka_unit_test(resets_are_budgeted),
        cmocka_unit_test(floods_of_useless_frames_end_the_connection),
        cmocka_unit_test(tokens_come_back_with_time),
        cmocka_unit_test(empty_records_are_useless),
        cmocka_unit_test(crumbs_of_a_message_are_useless),
        cmocka_unit_test(bodies_of_refused_calls_are_free),
        cmocka_unit_test(declared_length_costs_nothing),
        cmocka_unit_test(memory_grows_with_what_has_come),
        cmocka_unit_test(message_at_the_limit_passes),
        cmocka_unit_test(unfinished_messages_share_one_limit),
        cmocka_unit_test(client_resets_a_reply_that_is_too_big),
        cmocka_unit_test(odd_names_reach_nobody),
        cmocka_unit_test(extensions_are_skipped_or_refused),
        cmocka_unit_test(names_of_a_connection_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
