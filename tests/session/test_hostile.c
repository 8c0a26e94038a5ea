/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that break flow control, or misuse WINDOW frames. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "session/internal.h"
#include "session/pair.h"

enum { KIB = 1024, WINDOW = 64 * KIB, BURST = 1000 };

static seal__stream *handler;
static const uint8_t filler[65536];
static uint8_t content[65536];

static void take(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    (void)end;
    if (event->kind != SEAL__EVENT_HEADERS)
        return;
    handler = event->stream;
    seal__stream_read_none(handler);
}

/* A server with stream 1, whose messages nobody reads. */
static void begin(session_pair *pair, uint32_t max_streams) {
    session_pair_new(pair,
                     &(session_pair_options){.on_server = take,
                                             .max_streams = max_streams,
                                             .stream_window = WINDOW,
                                             .connection_window = 1},
                     NULL);
    size_t len = put_frame(content, 0, SEAL__FRAME_SETTINGS, 0, 0, "", 0);
    len = put_headers(content, len, 1, 1, SEAL__NO_TIMEOUT, "a/b");
    session_end_feed(pair, &pair->server, content, len);
    session_end_discard(&pair->server);
}

static void end_pair(session_pair *pair) {
    session_pair_end(pair);
}

static void feed_data(session_pair *pair, unsigned flags, uint64_t stream, const void *payload,
                      size_t n) {
    session_end_feed(pair, &pair->server, content,
                     put_frame(content, 0, SEAL__FRAME_DATA, flags, stream, payload, n));
}

/* n bytes of payload on a stream, in whole messages. */
static void fill(session_pair *pair, uint64_t stream, size_t n) {
    while (n > 0) {
        size_t some = n > 20000 ? 10000 : n;
        session_end_feed(pair, &pair->server, content,
                         put_data(content, 0, 0, stream, (uint32_t)some - 4, some - 4));
        n -= some;
    }
}

static void one_byte_beyond_the_stream_window(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, 4);
    /* a message that goes on for ever, to the last byte of the window */
    static const uint8_t payload[4 + 2000] = {0, 0x20, 0, 0};
    feed_data(&pair, SEAL__DATA_FIRST, 1, payload, sizeof payload);
    size_t left = WINDOW - sizeof payload;
    for (; left >= 1024; left -= 1024)
        feed_data(&pair, 0, 1, filler, 1024);
    for (; left > 0; left--)
        feed_data(&pair, 0, 1, filler, 1);
    assert_int_equal(pair.server.failed, 0);
    assert_int_equal(handler->available, 0);
    assert_int_equal(seal__stream_unread(handler), WINDOW);
    feed_data(&pair, 0, 1, filler, 1);
    assert_int_equal(pair.server.failed, SEAL_ERROR_PROTOCOL);
    assert_non_null(strstr(pair.server.message, "beyond the stream's window"));
    end_pair(&pair);
}

static void frame_beyond_the_stream_window(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, 4);
    fill(&pair, 1, WINDOW - 100);
    assert_int_equal(pair.server.failed, 0);
    size_t before = pair.alloc.bytes;
    session_end_feed(&pair, &pair.server, content, put_data(content, 0, 0, 1, 97, 97));
    assert_int_equal(pair.server.failed, SEAL_ERROR_PROTOCOL);
    assert_in_range(pair.alloc.bytes, 0, before);
    end_pair(&pair);
}

static void frame_beyond_the_connection_window(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, 2);
    seal__session *s = pair.server.session;
    fill(&pair, 1, WINDOW);
    session_end_feed(&pair, &pair.server, content,
                     put_headers(content, 0, 2, 1, SEAL__NO_TIMEOUT, NULL));
    fill(&pair, 2, WINDOW);
    assert_int_equal(pair.server.failed, 0);
    assert_int_equal(s->available, 0);
    /* the third one is refused, but its bytes count */
    session_end_feed(&pair, &pair.server, content,
                     put_headers(content, 0, 3, 1, SEAL__NO_TIMEOUT, NULL));
    feed_data(&pair, SEAL__DATA_END, 3, "", 0);
    assert_int_equal(pair.server.failed, 0);
    session_end_feed(&pair, &pair.server, content,
                     put_headers(content, 0, 4, 1, SEAL__NO_TIMEOUT, NULL));
    fill(&pair, 4, 5);
    assert_int_equal(pair.server.failed, SEAL_ERROR_PROTOCOL);
    assert_non_null(strstr(pair.server.message, "beyond the connection's window"));
    end_pair(&pair);
}

/* Bytes for streams that are over go straight back, so that they cannot close the line. */
static void bytes_for_ended_streams_come_back(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, 2);
    seal__session *s = pair.server.session;
    assert_int_equal(seal__session_finish(s, handler, SEAL_STATUS_ABORTED, SEAL_EXECUTED, ""), 0);
    for (int i = 0; i < 100; i++)
        fill(&pair, 1, 10000);
    assert_int_equal(pair.server.failed, 0);
    assert_int_equal(s->available + s->owed, s->connection_window);
    feed_data(&pair, SEAL__DATA_END, 1, "", 0);
    for (int i = 0; i < 100; i++) /* closed now: still counted, and useless */
        fill(&pair, 1, 10000);
    assert_int_equal(pair.server.failed, 0);
    assert_int_equal(s->available + s->owed, s->connection_window);
    end_pair(&pair);
}

/* The rest of a reply is being sent; the client goes on sending. */
static void released_stream_counts_its_window(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, 2);
    fill(&pair, 1, 50000);
    assert_int_equal(send_message(&pair.server, handler, 1 << 20, 1, true), 0);
    assert_int_equal(seal__session_unread(pair.server.session), 0);
    for (int i = 0; i < 20; i++)
        fill(&pair, 1, 10000);
    assert_int_equal(pair.server.failed, 0);
    /* WINDOW opens the rest of the reply */
    session_end_discard(&pair.server);
    assert_int_equal(seal__session_stream_count(pair.server.session), 1);
    for (int i = 0; i < 2; i++)
        session_end_feed(
            &pair, &pair.server, content,
            put_frame(content, 0, SEAL__FRAME_WINDOW, 0, (uint64_t)i, "\0\x20\0\0", 4));
    session_end_discard(&pair.server);
    assert_int_equal(seal__session_stream_count(pair.server.session), 0);
    assert_int_equal(pair.server.failed, 0);
    end_pair(&pair);
}

/* ---- WINDOW ---- */

/* How many frames are taken before the connection ends. */
static size_t flood(session_pair *pair, uint64_t stream, uint32_t increment, size_t most) {
    uint8_t payload[4];
    seal__store_u32(payload, increment);
    size_t n = 0;
    while (pair->server.failed == 0 && n < most) {
        session_end_feed(pair, &pair->server, content,
                         put_frame(content, 0, SEAL__FRAME_WINDOW, 0, stream, payload, 4));
        n++;
    }
    return pair->server.failed != 0 ? n - 1 : n;
}

static void small_increments_are_useless(void **state) {
    (void)state;
    for (uint64_t stream = 0; stream < 2; stream++) {
        session_pair pair;
        begin(&pair, 2);
        assert_int_equal(flood(&pair, stream, 1, 100000), BURST);
        assert_int_equal(pair.server.failed, SEAL_ERROR_TOO_MANY);
        end_pair(&pair);
        begin(&pair, 2);
        assert_int_equal(flood(&pair, stream, 4096, 100000), 100000);
        end_pair(&pair);
    }
}

static void windows_have_a_top(void **state) {
    (void)state;
    for (uint64_t stream = 0; stream < 2; stream++) {
        session_pair pair;
        begin(&pair, 2);
        assert_int_equal(flood(&pair, stream, INT32_MAX - WINDOW, 1), 1);
        assert_int_equal(pair.server.failed, 0);
        assert_int_equal(flood(&pair, stream, 1, 1), 0);
        assert_int_equal(pair.server.failed, SEAL_ERROR_PROTOCOL);
        end_pair(&pair);
    }
}

/* Two for each stream that has ended, then they cost; a late stream is like a closed one. */
static void windows_that_cross_an_end_are_free(void **state) {
    (void)state;
    for (int closed = 0; closed < 2; closed++) {
        session_pair pair;
        begin(&pair, 2);
        if (closed)
            feed_data(&pair, SEAL__DATA_END, 1, "", 0);
        assert_int_equal(seal__session_finish(pair.server.session, handler, SEAL_STATUS_ABORTED,
                                              SEAL_EXECUTED, ""),
                         0);
        uint64_t full = pair.server.session->budget.full_ns;
        assert_int_equal(flood(&pair, 1, 32768, 2), 2);
        assert_int_equal(pair.server.session->budget.full_ns, full);
        assert_int_equal(flood(&pair, 1, 32768, 100000), BURST);
        assert_int_equal(pair.server.failed, SEAL_ERROR_TOO_MANY);
        end_pair(&pair);
    }
}

/* 100,000 calls, each of which ends while two WINDOW frames are on their way. */
static void honest_peers_never_pay_for_crossing(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, 2);
    uint64_t full = pair.server.session->budget.full_ns;
    for (uint64_t id = 2; id < 100000; id++) {
        session_end_feed(&pair, &pair.server, content,
                         put_data(content, put_headers(content, 0, id, 1, SEAL__NO_TIMEOUT, NULL),
                                  SEAL__DATA_END, id, 0, 0));
        assert_int_equal(send_message(&pair.server, handler, 10, 1, true), 0);
        assert_int_equal(flood(&pair, id, 32768, 2), 2);
        assert_int_equal(flood(&pair, 0, 4096, 1), 1);
        session_end_discard(&pair.server);
        if (pair.server.session->send_window > INT32_MAX / 2)
            pair.server.session->send_window = WINDOW;
    }
    assert_int_equal(pair.server.failed, 0);
    assert_int_equal(pair.server.session->budget.full_ns, full);
    /* what was saved up has an end */
    assert_in_range(flood(&pair, 2, 32768, 100000), BURST, BURST + SEAL__CROSSING_MAX);
    end_pair(&pair);
}

static void crossing_windows_must_be_well_formed(void **state) {
    (void)state;
    static const seal_bytes bad[] = {{(const uint8_t *)"\0\0\0\0", 4},
                                     {(const uint8_t *)"\0\1\0", 3},
                                     {(const uint8_t *)"\xff\xff\xff\xff", 4}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        session_pair pair;
        begin(&pair, 2);
        seal__session_finish(pair.server.session, handler, SEAL_STATUS_ABORTED, SEAL_EXECUTED, "");
        session_end_feed(&pair, &pair.server, content,
                         put_frame(content, 0, SEAL__FRAME_WINDOW, 0, 1, bad[i].data, bad[i].len));
        assert_int_equal(pair.server.failed, SEAL_ERROR_PROTOCOL);
        end_pair(&pair);
    }
}

/* ---- SETTINGS ---- */

static void windows_that_grow_over_the_top_by_settings(void **state) {
    (void)state;
    session_pair pair;
    session_pair_new(&pair, &(session_pair_options){0}, NULL);
    static const uint8_t most[] = {0, 3, 0x7f, 0xff, 0xff, 0xff, 0, 4, 0x7f, 0xff, 0xff, 0xff};
    session_end_feed(&pair, &pair.server, content,
                     put_frame(content, 0, SEAL__FRAME_SETTINGS, 0, 0, most, sizeof most));
    assert_int_equal(pair.server.failed, 0);
    assert_int_equal(pair.server.session->send_window, INT32_MAX);
    end_pair(&pair);
}

/* The longest STATUS, kept for a client that does not read: a small constant beyond its window. */
static void kept_status_is_bounded(void **state) {
    (void)state;
    session_pair pair;
    session_pair_new(&pair, &(session_pair_options){0}, NULL);
    session_end_feed(&pair, &pair.client, content,
                     put_frame(content, 0, SEAL__FRAME_SETTINGS, 0, 0, "", 0));
    const seal__open open = {.method = "a/b", .deadline_ns = UINT64_MAX};
    seal__stream *stream = NULL;
    assert_int_equal(seal__session_open_call(pair.client.session, 0, &open, &stream), 0);
    session_end_feed(&pair, &pair.client, content, put_data(content, 0, 0, 1, 1, 1));
    size_t before = pair.alloc.bytes;
    static uint8_t status[SEAL__STATUS_MAX] = {5, 2, 0, 0, 100};
    seal__store_u16(status + 5, SEAL__STATUS_MAX - 7);
    session_end_feed(&pair, &pair.client, content,
                     put_frame(content, 0, SEAL__FRAME_STATUS, 0, 1, status, sizeof status));
    assert_int_equal(pair.client.failed, 0);
    assert_in_range(pair.alloc.bytes - before, 32000, 66000);
    seal__stream_read(pair.client.session, stream, 1);
    session_end_drain(&pair, &pair.client);
    assert_int_equal(pair.client.counts[SEAL__EVENT_STATUS], 1);
    assert_int_equal(seal__session_unread(pair.client.session), 0);
    end_pair(&pair);
}

/* What a STATUS takes beyond the limit does not lift it for the others. */
static void kept_status_leaves_the_limit_alone(void **state) {
    (void)state;
    enum { LIMIT = 70000 };
    session_pair pair;
    session_pair_new(&pair, &(session_pair_options){.max_buffered = LIMIT}, NULL);
    session_end_feed(&pair, &pair.client, content,
                     put_frame(content, 0, SEAL__FRAME_SETTINGS, 0, 0, "", 0));
    const seal__open open = {.method = "a/b", .deadline_ns = UINT64_MAX};
    seal__stream *streams[4];
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(seal__session_open_call(pair.client.session, 0, &open, &streams[i]), 0);
    static uint8_t status[SEAL__STATUS_MAX] = {5, 2, 0, 0, 100};
    seal__store_u16(status + 5, SEAL__STATUS_MAX - 7);
    for (uint64_t id = 1; id <= 3; id++) {
        session_end_feed(&pair, &pair.client, content, put_data(content, 0, 0, id, 1, 1));
        session_end_feed(&pair, &pair.client, content,
                         put_frame(content, 0, SEAL__FRAME_STATUS, 0, id, status, sizeof status));
    }
    assert_true(seal__session_unread(pair.client.session) > LIMIT);
    seal__stream_read(pair.client.session, streams[3], 1);
    session_end_feed(&pair, &pair.client, content, put_data(content, 0, 0, 4, 1 << 20, 1200));
    assert_int_equal(pair.client.counts[SEAL__EVENT_TOO_BIG], 1);
    end_pair(&pair);
}

/* ---- Answers that nobody takes ---- */

static seal_status answer_status;
static const uint8_t details[SEAL__DETAILS_MAX];

static void answer_at_once(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    if (event->kind != SEAL__EVENT_HEADERS)
        return;
    const seal__ending ending = {.status = SEAL_STATUS_ABORTED,
                                 .execution = SEAL_EXECUTED,
                                 .text = "no",
                                 .details = {details, sizeof details}};
    bool ok = answer_status == SEAL_STATUS_OK ||
              (answer_status == SEAL_STATUS_UNKNOWN && seal__stream_id(event->stream) % 2 == 0);
    int rc = ok ? send_message(end, event->stream, 16000, 1, true)
                : seal__session_finish_with(end->session, event->stream, &ending);
    assert_int_equal(rc, 0);
}

/* One record of tiny calls, which are answered at once, and a client that opens every window and
 * reads nothing: what waits for it is bounded, and the calls above max_streams are refused. */
static void answers_are_not_piled_up(void **state) {
    (void)state;
    static const seal_status statuses[] = {SEAL_STATUS_OK, SEAL_STATUS_ABORTED};
    for (size_t i = 0; i < 2; i++) {
        answer_status = statuses[i];
        session_pair pair;
        session_pair_new(
            &pair, &(session_pair_options){.max_streams = 100, .on_server = answer_at_once}, NULL);
        static const uint8_t most[] = {0, 3, 0x0f, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff};
        size_t len = put_frame(content, 0, SEAL__FRAME_SETTINGS, 0, 0, most, sizeof most);
        for (uint64_t id = 1; id <= 1500; id++)
            len = put_frame(
                content, put_headers(content, len, id, 1, SEAL__NO_TIMEOUT, id == 1 ? "a" : NULL),
                SEAL__FRAME_DATA, SEAL__DATA_END, id, "", 0);
        session_end_feed(&pair, &pair.server, content, len);
        assert_int_equal(pair.server.failed, 0);
        assert_in_range(pair.server.outbox.wire.len, SEAL__OUTBOX_FULL, 2 * SEAL__OUTBOX_FULL);
        assert_in_range(pair.alloc.bytes, 0, 6 * SEAL__OUTBOX_FULL);
        assert_int_equal(seal__session_stream_count(pair.server.session), 100);
        session_end_discard(&pair.server);
        assert_int_equal(seal__session_stream_count(pair.server.session), 0);
        end_pair(&pair);
    }
}

static void note_status(session_pair *pair, session_end *end, const seal__event *event) {
    (void)end;
    size_t *n = pair->user;
    if (event->kind != SEAL__EVENT_STATUS)
        return;
    assert_int_equal(event->status, SEAL_STATUS_ABORTED);
    assert_int_equal(event->execution, SEAL_EXECUTED);
    assert_string_equal(event->text, "no");
    assert_int_equal(event->details.len, sizeof details);
    ++*n;
}

/* A good client gets all of them. */
static void answers_that_had_to_wait_arrive(void **state) {
    (void)state;
    enum { CALLS = 200 };
    size_t n = 0;
    session_pair pair;
    answer_status = SEAL_STATUS_UNKNOWN;
    session_pair_connect(&pair,
                         &(session_pair_options){.max_streams = CALLS,
                                                 .on_server = answer_at_once,
                                                 .on_client = note_status},
                         &n);
    for (unsigned i = 0; i < CALLS; i++) {
        seal__stream *stream = NULL;
        assert_int_equal(seal__session_open(pair.client.session, pair.now_ns, "a/b", UINT64_MAX, 0,
                                            NULL, &stream),
                         0);
        assert_int_equal(seal__session_end(pair.client.session, stream), 0);
    }
    session_pair_move(&pair, &pair.client);
    assert_true(seal__session_stream_count(pair.server.session) > 0);
    session_pair_run(&pair);
    assert_int_equal(n, CALLS / 2);
    assert_int_equal(pair.client.counts[SEAL__EVENT_MESSAGE], CALLS / 2);
    assert_int_equal(seal__session_stream_count(pair.client.session), 0);
    assert_int_equal(seal__session_stream_count(pair.server.session), 0);
    assert_int_equal(pair.client.failed, 0);
    end_pair(&pair);
}

/* ---- GOAWAY ---- */

/* The first one asks, the second one says where it ends. */
static void goaway_that_says_nothing_new_is_useless(void **state) {
    (void)state;
    static const uint8_t all_ones[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t zero[16] = {0};
    session_pair pair;
    session_pair_new(&pair, &(session_pair_options){0}, NULL);
    size_t len = put_frame(content, 0, SEAL__FRAME_SETTINGS, 0, 0, "", 0);
    len = put_frame(content, len, SEAL__FRAME_GOAWAY, 0, 0, all_ones, sizeof all_ones);
    session_end_feed(&pair, &pair.client, content, len);
    uint64_t full = pair.client.session->budget.full_ns;
    session_end_feed(&pair, &pair.client, content,
                     put_frame(content, 0, SEAL__FRAME_GOAWAY, 0, 0, all_ones, sizeof all_ones));
    assert_true(pair.client.session->budget.full_ns > full);
    full = pair.client.session->budget.full_ns;
    session_end_feed(&pair, &pair.client, content,
                     put_frame(content, 0, SEAL__FRAME_GOAWAY, 0, 0, zero, sizeof zero));
    assert_int_equal(pair.client.session->budget.full_ns, full);
    assert_int_equal(pair.client.failed, 0);
    end_pair(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_byte_beyond_the_stream_window),
        cmocka_unit_test(frame_beyond_the_stream_window),
        cmocka_unit_test(frame_beyond_the_connection_window),
        cmocka_unit_test(bytes_for_ended_streams_come_back),
        cmocka_unit_test(released_stream_counts_its_window),
        cmocka_unit_test(small_increments_are_useless),
        cmocka_unit_test(windows_have_a_top),
        cmocka_unit_test(windows_that_cross_an_end_are_free),
        cmocka_unit_test(honest_peers_never_pay_for_crossing),
        cmocka_unit_test(crossing_windows_must_be_well_formed),
        cmocka_unit_test(windows_that_grow_over_the_top_by_settings),
        cmocka_unit_test(kept_status_is_bounded),
        cmocka_unit_test(kept_status_leaves_the_limit_alone),
        cmocka_unit_test(answers_are_not_piled_up),
        cmocka_unit_test(answers_that_had_to_wait_arrive),
        cmocka_unit_test(goaway_that_says_nothing_new_is_useless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
