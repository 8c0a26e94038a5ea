/* SPDX-License-Identifier: Apache-2.0 */
/* Flow control between two sessions: what unread streams may hold, and that the others go on. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "session/internal.h"
#include "session/pair.h"

enum { KIB = 1024, MIB = 1024 * 1024, MAX_CALLS = 128 };

typedef struct call {
    seal__stream *client;
    seal__stream *handler;
    size_t got; /* messages */
    size_t bytes;
    unsigned endings;
    unsigned writable;
} call;

typedef struct app {
    call calls[MAX_CALLS];
    uint32_t n;
    bool server_reads_none;
} app;

static void serve(session_pair *pair, session_end *end, const seal__event *event) {
    (void)end;
    app *a = pair->user;
    if (event->stream == NULL)
        return;
    call *c = &a->calls[seal__stream_id(event->stream) - 1];
    if (event->kind == SEAL__EVENT_HEADERS) {
        c->handler = event->stream;
        if (a->server_reads_none)
            seal__stream_read_none(event->stream);
    }
    c->writable += event->kind == SEAL__EVENT_WRITABLE;
    if (event->kind == SEAL__EVENT_MESSAGE && a->server_reads_none) {
        c->got++;
        c->bytes += event->len;
    }
}

static void receive(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    (void)end;
    if (event->stream == NULL)
        return;
    call *c = seal__stream_user(event->stream);
    if (event->kind == SEAL__EVENT_WRITABLE) {
        c->writable++;
        return;
    }
    if (event->kind == SEAL__EVENT_MESSAGE) {
        assert_true(test_message_matches(event->data, event->len, (uint32_t)event->len));
        c->got++;
        c->bytes += event->len;
        if (!event->end)
            return;
    }
    c->endings++;
    c->client = NULL;
}

static app *begin(session_pair *pair, session_pair_options options) {
    static app a;
    memset(&a, 0, sizeof a);
    options.on_server = serve;
    options.on_client = receive;
    session_pair_connect(pair, &options, &a);
    return &a;
}

static call *start_call(session_pair *pair, uint32_t wanted) {
    app *a = pair->user;
    call *c = &a->calls[a->n++];
    const seal__open open = {
        .method = "a/b", .deadline_ns = UINT64_MAX, .wanted = wanted, .user = c};
    assert_int_equal(seal__session_open_call(pair->client.session, pair->now_ns, &open, &c->client),
                     0);
    session_pair_run(pair);
    assert_non_null(c->handler);
    return c;
}

static void reply(session_pair *pair, call *c, size_t size) {
    assert_int_equal(send_message(&pair->server, c->handler, size, (uint32_t)size, false), 0);
}

static void read_more(session_pair *pair, call *c, uint32_t n) {
    seal__stream_read(pair->client.session, c->client, n);
    session_end_drain(pair, &pair->client);
    session_pair_run(pair);
}

static void check_windows(const seal__session *from, const seal__session *to) {
    assert_int_equal(from->send_window, to->available);
    assert_int_equal(to->available + to->owed, to->connection_window);
    assert_int_equal(seal__session_unread(to), 0);
}

static void finish(session_pair *pair) {
    app *a = pair->user;
    for (uint32_t i = 0; i < a->n; i++) {
        call *c = &a->calls[i];
        if (c->handler != NULL)
            seal__session_finish(pair->server.session, c->handler, SEAL_STATUS_ABORTED,
                                 SEAL_EXECUTED, "end");
        if (c->client != NULL)
            seal__stream_read(pair->client.session, c->client, SEAL__READ_ALL);
    }
    session_end_drain(pair, &pair->client);
    session_pair_run(pair);
    assert_int_equal(pair->client.failed, 0);
    assert_int_equal(pair->server.failed, 0);
    for (uint32_t i = 0; i < a->n; i++)
        assert_int_equal(a->calls[i].endings, 1);
    check_windows(pair->client.session, pair->server.session);
    check_windows(pair->server.session, pair->client.session);
    session_pair_end(pair);
}

/* Full but for a crumb: a piece that small is not sent. */
static void assert_full(uint64_t bytes, uint64_t window) {
    assert_in_range(bytes, window - SEAL__FRAGMENT_MIN - 4, window);
}

/* ---- Sizes ---- */

static void sizes(uint32_t streams, uint32_t stream, uint32_t connection, uint32_t want_stream,
                  uint32_t want_connection, uint32_t want_streams) {
    session_pair pair;
    begin(&pair, (session_pair_options){.max_streams = streams,
                                        .stream_window = stream,
                                        .connection_window = connection});
    const seal__session *s = pair.server.session, *c = pair.client.session;
    /* what a client may open before it has SETTINGS fits, and the next stream makes room for more
     */
    assert_true((uint64_t)SEAL__SESSION_FIRST_STREAMS * c->stream_window <= c->connection_window);
    start_call(&pair, SEAL__READ_ALL);
    assert_int_equal(s->stream_window, want_stream);
    assert_int_equal(s->connection_window, want_connection);
    assert_int_equal(s->max_streams, want_streams);
    /* all streams that are allowed fit into the connection's window, at both ends */
    assert_true((uint64_t)s->max_streams * s->stream_window <= s->connection_window);
    assert_true((uint64_t)c->max_streams * c->stream_window <= c->connection_window);
    assert_true(s->max_buffered >= s->connection_window);
    assert_true(c->max_buffered >= c->connection_window);
    assert_int_equal(c->first_send_window, s->stream_window);
    assert_int_equal(c->send_window, s->connection_window);
    assert_int_equal(s->first_send_window, c->stream_window);
    assert_int_equal(s->send_window, c->connection_window);
    finish(&pair);
}

static void windows_follow_from_the_options(void **state) {
    (void)state;
    sizes(100, 0, 0, 256 * KIB, 64 * MIB, 100);
    sizes(1, 0, 0, 256 * KIB, 64 * MIB, 1);
    sizes(1000, 0, 0, 67108, 67108 * 1000u < 64u * MIB ? 64 * MIB : 67108000, 1000);
    sizes(10000, 0, 0, 64 * KIB, 10000 * 64 * KIB, 10000);
    sizes(1000000, 0, 0, 64 * KIB, 32767u * 64 * KIB, 32767);
    sizes(100, 1, 1, 64 * KIB, 100 * 64 * KIB, 100);
    sizes(100, MIB, 0, MIB, 100 * MIB, 100);
    sizes(2, UINT32_MAX, UINT32_MAX, INT32_MAX / 2, INT32_MAX, 2);
    sizes(1, UINT32_MAX, 0, 1 << 30, 1 << 30, 1);
    sizes(100, 100 * KIB, 200 * MIB, 100 * KIB, 200 * MIB, 100);
}

/* ---- Messages larger than windows ---- */

static void large_messages_pass_small_windows(void **state) {
    (void)state;
    static const size_t lengths[] = {65531, 65532, 65533, 65536, 131072, MIB, 4 * MIB};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (int streams = 1; streams <= 3; streams++) {
            session_pair pair;
            begin(&pair, (session_pair_options){
                             .max_streams = 3, .stream_window = 1, .connection_window = 1});
            for (int k = 0; k < streams; k++)
                reply(&pair, start_call(&pair, 1), lengths[i]);
            session_pair_run(&pair);
            app *a = pair.user;
            for (int k = 0; k < streams; k++)
                assert_int_equal(a->calls[k].bytes, lengths[i]);
            finish(&pair);
        }
    }
}

static void requests_pass_too(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair, (session_pair_options){.max_streams = 2, .stream_window = 1});
    a->server_reads_none = true;
    call *c = start_call(&pair, 1);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(send_message(&pair.client, c->client, MIB, MIB, false), 0);
    session_pair_run(&pair);
    assert_int_equal(c->got, 0);
    assert_full(seal__stream_unread(c->handler), 64 * KIB);
    for (size_t i = 1; i <= 3; i++) {
        seal__stream_read(pair.server.session, c->handler, 1);
        session_pair_run(&pair);
        assert_int_equal(c->got, i);
    }
    assert_int_equal(c->bytes, 3 * MIB);
    finish(&pair);
}

/* ---- Streams that nobody reads ---- */

static void unread_stream_holds_its_window_and_others_go_on(void **state) {
    (void)state;
    enum { STREAMS = 8 };
    session_pair pair;
    app *a = begin(&pair, (session_pair_options){
                              .max_streams = STREAMS, .stream_window = 1, .connection_window = 1});
    for (int i = 0; i < STREAMS - 1; i++) {
        call *c = start_call(&pair, 0);
        for (int k = 0; k < 40; k++)
            reply(&pair, c, 10000);
    }
    session_pair_run(&pair);
    for (int i = 0; i < STREAMS - 1; i++) {
        assert_full(seal__stream_unread(a->calls[i].client), 64 * KIB);
        assert_true(seal__stream_queued(a->calls[i].handler) > 300000);
    }
    assert_in_range(seal__session_unread(pair.client.session), (STREAMS - 1) * 63 * KIB - 32,
                    (STREAMS - 1) * 64 * KIB);
    /* the last one has the line for itself */
    call *c = start_call(&pair, SEAL__READ_ALL);
    reply(&pair, c, 4 * MIB);
    for (int k = 0; k < 1000; k++)
        reply(&pair, c, 1000);
    session_pair_run(&pair);
    assert_int_equal(c->got, 1001);
    /* and those go on from where they stopped */
    for (size_t i = 0; i < STREAMS - 1; i++) {
        for (size_t k = 1; k <= 40; k++) {
            read_more(&pair, &a->calls[i], 1);
            assert_int_equal(a->calls[i].got, k);
        }
    }
    finish(&pair);
}

/* Messages of one byte: five bytes each in the window, and in memory. */
static void tiny_messages_cost_no_more_than_the_window(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){.max_streams = 8, .stream_window = 256 * KIB});
    call *c = start_call(&pair, 0);
    size_t before = pair.alloc.bytes;
    uint8_t content[60000];
    size_t sent = 0;
    while (sent + 5 <= 256 * KIB) {
        size_t len = 0;
        while (len + 17 <= sizeof content && sent + 5 <= 256 * KIB) {
            len = put_data(content, len, 0, 1, 1, 1);
            sent += 5;
        }
        session_end_feed(&pair, &pair.client, content, len);
    }
    assert_int_equal(seal__stream_unread(c->client), sent);
    assert_in_range(pair.alloc.bytes - before, sent, 256 * KIB + 4096);
    assert_int_equal(pair.client.failed, 0);
    /* one more is one too many */
    session_end_feed(&pair, &pair.client, content, put_data(content, 0, 0, 1, 1, 1));
    assert_int_equal(pair.client.failed, SEAL_ERROR_PROTOCOL);
    session_pair_end(&pair);
}

/* Read at a trickle, the memory does not grow beyond what the window holds. */
static void slow_reader_keeps_its_memory(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){.max_streams = 8, .stream_window = 64 * KIB});
    call *c = start_call(&pair, 0);
    for (int k = 0; k < 20000; k++)
        reply(&pair, c, 37);
    session_pair_run(&pair);
    for (size_t k = 1; k <= 20000; k++) {
        read_more(&pair, c, 1);
        assert_int_equal(c->got, k);
        assert_in_range(seal__stream_unread(c->client), 0, 64 * KIB);
        if (c->client->inbox.data != NULL)
            assert_in_range(c->client->inbox.cap, 256, 64 * KIB);
    }
    finish(&pair);
}

/* However a stream ends, what it held is given back. */
static void held_bytes_come_back_when_streams_end(void **state) {
    (void)state;
    for (int way = 0; way < 4; way++) {
        session_pair pair;
        begin(&pair,
              (session_pair_options){.max_streams = 2, .stream_window = 1, .connection_window = 1});
        for (int round = 0; round < 30; round++) {
            call *c = start_call(&pair, 0);
            for (int k = 0; k < 10; k++)
                reply(&pair, c, 10000);
            session_pair_run(&pair);
            assert_full(seal__session_unread(pair.client.session), 64 * KIB);
            if (way == 0) {
                seal__session_cancel(pair.client.session, c->client);
                c->client = NULL;
                c->endings++;
            } else if (way == 1) {
                seal__session_finish(pair.server.session, c->handler, SEAL_STATUS_ABORTED,
                                     SEAL_EXECUTED, "no");
                c->handler = NULL;
                session_pair_run(&pair);
                assert_int_equal(c->endings, 0); /* the messages come first */
                read_more(&pair, c, 6);
                assert_int_equal(c->endings, 1); /* the seventh was cut off */
            } else if (way == 2) {
                reply(&pair, c, 5 * MIB); /* too big; the others are waited for */
                read_more(&pair, c, SEAL__READ_ALL);
                assert_int_equal(pair.client.counts[SEAL__EVENT_TOO_BIG], round + 1);
            } else {
                read_more(&pair, c, SEAL__READ_ALL);
            }
            session_pair_run(&pair);
            if (c->handler != NULL)
                seal__session_finish(pair.server.session, c->handler, SEAL_STATUS_OK, SEAL_EXECUTED,
                                     "");
            c->handler = NULL;
            session_pair_run(&pair);
        }
        finish(&pair);
    }
}

/* ---- The sender ---- */

static void closed_windows_stop_messages_only(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair,
          (session_pair_options){.max_streams = 3, .stream_window = 1, .connection_window = 1});
    call *full = start_call(&pair, 0);
    call *other = start_call(&pair, SEAL__READ_ALL);
    for (int k = 0; k < 100; k++)
        reply(&pair, full, 1000);
    session_pair_run(&pair);
    assert_false(seal__session_pump(pair.server.session, SIZE_MAX));
    size_t queued = seal__stream_queued(full->handler);
    assert_in_range(queued, 100000 - 64 * KIB, 100000);
    /* in order behind what waits, though it would fit */
    reply(&pair, full, 0);
    session_pair_run(&pair);
    assert_int_equal(seal__stream_queued(full->handler), queued);
    reply(&pair, other, 10);
    session_pair_run(&pair);
    assert_int_equal(other->got, 1);
    /* a status that is not OK does not wait */
    seal__session_finish(pair.server.session, full->handler, SEAL_STATUS_ABORTED, SEAL_EXECUTED,
                         "enough");
    full->handler = NULL;
    session_pair_run(&pair);
    read_more(&pair, full, SEAL__READ_ALL);
    assert_int_equal(full->endings, 1);
    assert_int_equal(full->got, 65);
    finish(&pair);
}

/* The peer announces small windows for the connection: streams take turns within them. */
static void connection_window_is_shared(void **state) {
    (void)state;
    session_pair pair;
    session_pair_new(&pair, &(session_pair_options){.no_start = true, .on_server = serve}, NULL);
    app a = {.n = 0};
    pair.user = &a;
    uint8_t content[256];
    static const uint8_t settings[] = {0, 3, 0, 2, 0, 0}; /* 128 KiB each, 64 KiB in all */
    size_t len = put_frame(content, 0, SEAL__FRAME_SETTINGS, 0, 0, settings, sizeof settings);
    len = put_headers(content, len, 1, 1, SEAL__NO_TIMEOUT, "a/b");
    len = put_headers(content, len, 2, 1, SEAL__NO_TIMEOUT, NULL);
    session_end_feed(&pair, &pair.server, content, len);
    for (int i = 0; i < 2; i++)
        reply(&pair, &a.calls[i], 100000);
    session_end_discard(&pair.server);
    seal__session *s = pair.server.session;
    uint32_t crumb = s->send_window;
    assert_in_range(crumb, 0, SEAL__FRAGMENT_MIN - 1);
    assert_int_equal(seal__stream_queued(a.calls[0].handler) +
                         seal__stream_queued(a.calls[1].handler),
                     200000 - 64 * KIB + 8 + crumb);
    assert_in_range(seal__stream_queued(a.calls[0].handler), 60000, 70000);
    /* less than a piece worth sending does not move anything, one more byte does */
    uint8_t increment[4];
    seal__store_u32(increment, SEAL__FRAGMENT_MIN - 1 - crumb);
    len = put_frame(content, 0, SEAL__FRAME_WINDOW, 0, 0, increment, 4);
    session_end_feed(&pair, &pair.server, content, len);
    assert_int_equal(session_end_discard(&pair.server), 0);
    len = put_frame(content, 0, SEAL__FRAME_WINDOW, 0, 0, "\0\0\0\1", 4);
    session_end_feed(&pair, &pair.server, content, len);
    assert_int_equal(session_end_discard(&pair.server), 4 + 12 + SEAL__FRAGMENT_MIN);
    len = put_frame(content, 0, SEAL__FRAME_WINDOW, 0, 0, "\0\3\0\0", 4);
    session_end_feed(&pair, &pair.server, content, len);
    assert_true(session_end_discard(&pair.server) > 120000);
    assert_int_equal(seal__stream_queued(a.calls[0].handler), 0);
    /* the status of a stream that is blocked goes out */
    reply(&pair, &a.calls[1], 16000);
    for (int i = 0; i < 2; i++)
        seal__session_finish(s, a.calls[i].handler, SEAL_STATUS_ABORTED, SEAL_EXECUTED, "");
    assert_true(session_end_discard(&pair.server) > 0);
    assert_int_equal(seal__session_stream_count(s), 0);
    session_pair_end(&pair);
}

static void writable_comes_once_when_asked(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){.max_streams = 2, .stream_window = 1});
    call *c = start_call(&pair, 0);
    seal__session *s = pair.server.session;
    assert_false(seal__session_has_events(s));
    seal__stream_notify_writable(s, c->handler, 0);
    assert_true(seal__session_has_events(s)); /* at once */
    session_end_drain(&pair, &pair.server);
    assert_int_equal(c->writable, 1);
    for (int k = 0; k < 10; k++)
        reply(&pair, c, 20000);
    seal__stream_notify_writable(s, c->handler, 50000);
    session_pair_run(&pair);
    assert_int_equal(c->writable, 1);
    uint32_t reads = 0;
    while (c->writable == 1) {
        assert_true(seal__stream_queued(c->handler) > 50000);
        read_more(&pair, c, 1);
        reads++;
    }
    assert_in_range(reads, 3, 7);
    assert_in_range(seal__stream_queued(c->handler), 0, 50000);
    read_more(&pair, c, SEAL__READ_ALL);
    assert_int_equal(c->writable, 2);
    assert_int_equal(c->got, 10);
    /* one who waits hears also that nobody takes it any more */
    for (int k = 0; k < 10; k++)
        assert_int_equal(send_message(&pair.client, c->client, 100000, 1, false), 0);
    seal__stream_notify_writable(pair.client.session, c->client, 0);
    session_pair_run(&pair);
    finish(&pair);
}

/* A small message is at most one record away behind a large one. */
static void small_messages_stand_early_in_the_byte_stream(void **state) {
    (void)state;
    for (int bulk = 1; bulk <= 4; bulk++) {
        session_pair pair;
        begin(&pair, (session_pair_options){.pump_limit = 1});
        call *calls[5];
        for (int i = 0; i < 5; i++)
            calls[i] = start_call(&pair, SEAL__READ_ALL);
        for (int i = 0; i < bulk; i++)
            reply(&pair, calls[i], MIB);
        session_pair_move(&pair, &pair.server);
        uint64_t before = seal__outbox_position(&pair.server.outbox);
        reply(&pair, calls[4], 64);
        uint64_t after = seal__outbox_position(&pair.server.outbox);
        assert_in_range(after - before, 0, 64 * KIB);
        session_pair_move(&pair, &pair.server);
        assert_int_equal(calls[4]->got, 1);
        assert_int_equal(calls[0]->got, 0);
        session_pair_run(&pair);
        finish(&pair);
    }
}

static void streams_wait_for_settings_with_64_kib(void **state) {
    (void)state;
    session_pair pair;
    session_pair_new(&pair, &(session_pair_options){.on_server = serve}, NULL);
    app a = {.server_reads_none = true, .n = 1};
    pair.user = &a;
    pair.client.on_event = receive;
    const seal__open open = {.method = "a/b", .deadline_ns = UINT64_MAX, .user = &a.calls[0]};
    assert_int_equal(seal__session_open_call(pair.client.session, 0, &open, &a.calls[0].client), 0);
    assert_int_equal(send_message(&pair.client, a.calls[0].client, MIB, 1, false), 0);
    session_pair_move(&pair, &pair.client);
    session_pair_move(&pair, &pair.client);
    assert_full(seal__stream_unread(a.calls[0].handler), 64 * KIB);
    session_pair_run(&pair);
    assert_full(seal__stream_unread(a.calls[0].handler), 256 * KIB);
    finish(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_follow_from_the_options),
        cmocka_unit_test(large_messages_pass_small_windows),
        cmocka_unit_test(requests_pass_too),
        cmocka_unit_test(unread_stream_holds_its_window_and_others_go_on),
        cmocka_unit_test(tiny_messages_cost_no_more_than_the_window),
        cmocka_unit_test(slow_reader_keeps_its_memory),
        cmocka_unit_test(held_bytes_come_back_when_streams_end),
        cmocka_unit_test(closed_windows_stop_messages_only),
        cmocka_unit_test(connection_window_is_shared),
        cmocka_unit_test(writable_comes_once_when_asked),
        cmocka_unit_test(small_messages_stand_early_in_the_byte_stream),
        cmocka_unit_test(streams_wait_for_settings_with_64_kib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
