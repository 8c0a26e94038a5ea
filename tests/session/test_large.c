/* SPDX-License-Identifier: Apache-2.0 */
/* Large messages and many small ones: whose memory they are in, how much of it, and how far windows
 * open for them. */
#include "support/cmocka_all.h"

#include <string.h>

#include "session/internal.h"
#include "session/pair.h"

enum { KIB = 1024, MIB = 1024 * 1024, PIECE = 16 * 1024, KEPT = 4 };

typedef struct app {
    seal__stream *handler;
    bool reads_none;
    bool takes;
    seal__buf held[KEPT];
    const uint8_t *data[KEPT];
    size_t len[KEPT];
    bool taken[KEPT];
    unsigned n;
    uint32_t sizes[2000]; /* of what the client has received */
    unsigned received;
} app;

static void serve(session_pair *pair, session_end *end, const seal__event *event) {
    app *a = pair->user;
    if (event->kind == SEAL__EVENT_HEADERS) {
        a->handler = event->stream;
        if (a->reads_none)
            seal__stream_read_none(event->stream);
    }
    if (event->kind != SEAL__EVENT_MESSAGE || !a->takes)
        return;
    assert_in_range(a->n, 0, KEPT - 1);
    a->data[a->n] = event->data;
    a->len[a->n] = event->len;
    a->taken[a->n] = seal__session_take(end->session, event, &a->held[a->n]);
    assert_true(test_message_matches(event->data, event->len, (uint32_t)event->len));
    a->n++;
}

static void receive(session_pair *pair, session_end *end, const seal__event *event) {
    app *a = pair->user;
    (void)end;
    if (event->kind != SEAL__EVENT_MESSAGE)
        return;
    assert_true(test_message_matches(event->data, event->len, (uint32_t)event->len));
    a->sizes[a->received++] = (uint32_t)event->len;
}

static app *begin(session_pair *pair, session_pair_options options) {
    static app a;
    memset(&a, 0, sizeof a);
    options.on_server = serve;
    options.on_client = receive;
    session_pair_connect(pair, &options, &a);
    return &a;
}

static seal__stream *start_call(session_pair *pair, uint32_t wanted) {
    seal__stream *stream = NULL;
    const seal__open open = {.method = "a/b", .deadline_ns = UINT64_MAX, .wanted = wanted};
    assert_int_equal(seal__session_open_call(pair->client.session, pair->now_ns, &open, &stream),
                     0);
    session_pair_run(pair);
    return stream;
}

static void end_pair(session_pair *pair) {
    session_pair_end(pair);
}

/* ---- Memory ---- */

static void send_all(session_pair *pair, seal__stream *stream, const size_t *sizes, size_t n) {
    for (size_t i = 0; i < n; i++)
        assert_int_equal(send_message(&pair->client, stream, sizes[i], (uint32_t)sizes[i], false),
                         0);
    session_pair_run(pair);
}

static void taken_memory_lives_on(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair, (session_pair_options){0});
    a->takes = true;
    const size_t sizes[] = {MIB, 100, 300 * KIB, 65536};
    send_all(&pair, start_call(&pair, SEAL__READ_ALL), sizes, KEPT);
    assert_int_equal(a->n, KEPT);
    assert_int_equal(seal__session_unread(pair.server.session), 0);
    session_pair_done(&pair); /* also beyond the session */
    for (unsigned i = 0; i < KEPT; i++) {
        assert_int_equal(a->taken[i], sizes[i] > PIECE); /* a small one stands in its record */
        if (!a->taken[i])
            continue;
        assert_true(test_message_matches(a->data[i], a->len[i], (uint32_t)a->len[i]));
        seal__buf_done(&a->held[i]);
    }
    assert_int_equal(pair.alloc.live, 0);
}

/* Only the last of several messages that were kept has the memory for itself, and not where it is
 * much larger than the message. */
static void shared_memory_is_not_taken(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair, (session_pair_options){0});
    a->takes = a->reads_none = true;
    const size_t sizes[] = {50 * KIB, 40 * KIB, 100};
    send_all(&pair, start_call(&pair, SEAL__READ_ALL), sizes, 3);
    for (unsigned i = 0; i < 3; i++) {
        seal__stream_read(pair.server.session, a->handler, 1);
        session_end_drain(&pair, &pair.server);
        assert_int_equal(a->n, i + 1);
        assert_false(a->taken[i]);
    }
    assert_int_equal(seal__session_unread(pair.server.session), 0);
    end_pair(&pair);
}

/* The first piece of a message that will never be complete. */
static void feed_piece(session_pair *pair, uint64_t id, uint32_t total, size_t n) {
    static uint8_t content[65536];
    size_t len = put_headers(content, 0, id, 1, 1000000, id == 1 ? "a/b" : NULL);
    session_end_feed(pair, &pair->server, content, put_data(content, len, 0, id, total, n));
    assert_int_equal(pair->server.failed, 0);
}

static void memory_goes_ahead_of_what_has_come_but_not_far(void **state) {
    (void)state;
    for (size_t n = 1000; n < 40 * KIB; n += 6007) {
        session_pair pair;
        begin(&pair, (session_pair_options){0});
        size_t before = pair.alloc.bytes;
        feed_piece(&pair, 1, 4 * MIB, n);
        assert_in_range(pair.alloc.bytes - before, n, 8 * n + 4 * KIB);
        end_pair(&pair);
    }
}

/* Where many begin large messages, it goes ahead no further than all of them might come. */
static void memory_goes_ahead_within_the_budget(void **state) {
    (void)state;
    enum { STREAMS = 60, BUDGET = 2 * MIB };
    session_pair pair;
    begin(&pair, (session_pair_options){.max_buffered = BUDGET});
    size_t before = pair.alloc.bytes;
    for (uint64_t id = 1; id <= STREAMS; id++) {
        feed_piece(&pair, id, 4 * MIB, PIECE);
        assert_in_range(pair.server.session->reserved, id * PIECE, BUDGET + 2 * id * PIECE);
        assert_in_range(pair.alloc.bytes - before, id * PIECE,
                        BUDGET + 2 * id * (PIECE + sizeof(seal__stream)) + 8 * KIB);
    }
    for (seal__stream *stream = NULL;
         (stream = seal__session_next_stream(pair.server.session, &(size_t){0})) != NULL;)
        seal__session_finish(pair.server.session, stream, SEAL_STATUS_ABORTED, SEAL_EXECUTED, "");
    assert_int_equal(pair.server.session->reserved, 0);
    end_pair(&pair);
}

/* ---- Windows ---- */

static void check_window(const session_pair *pair, const seal__stream *stream) {
    const seal__session *session = pair->server.session;
    assert_int_equal((uint64_t)stream->available + stream->owed + stream->held,
                     (uint64_t)session->stream_window + stream->wide + stream->ahead);
}

static void window_opens_for_a_message_that_is_wanted(void **state) {
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++) {
        session_pair pair;
        app *a = begin(&pair, (session_pair_options){.stream_window = 64 * KIB, .max_streams = 2});
        a->reads_none = true;
        seal__stream *stream = start_call(&pair, SEAL__READ_ALL);
        uint32_t window = pair.server.session->stream_window;
        if (wanted)
            seal__stream_read(pair.server.session, a->handler, 1);
        assert_int_equal(send_message(&pair.client, stream, MIB, MIB, false), 0);
        session_pair_move(&pair, &pair.client);
        check_window(&pair, a->handler);
        if (wanted) /* the rest, and nothing beyond */
            assert_int_equal(a->handler->available,
                             MIB + SEAL__DATA_LENGTH - seal__stream_unread(a->handler));
        else
            assert_int_equal(a->handler->available, window - seal__stream_unread(a->handler));
        session_pair_run(&pair);
        check_window(&pair, a->handler);
        assert_int_equal(pair.server.counts[SEAL__EVENT_MESSAGE], wanted);
        assert_int_equal(a->handler->ahead, 0);
        assert_in_range(a->handler->available, 0, window);
        end_pair(&pair);
    }
}

/* Once, and only where nothing is ever held. */
static void window_grows_where_everything_is_read(void **state) {
    (void)state;
    for (int all = 0; all < 2; all++) {
        session_pair pair;
        app *a = begin(&pair, (session_pair_options){.max_streams = 8});
        a->reads_none = !all;
        seal__stream *stream = start_call(&pair, SEAL__READ_ALL);
        uint32_t window = pair.server.session->stream_window;
        for (unsigned i = 0; i < 200; i++) {
            if (!all)
                seal__stream_read(pair.server.session, a->handler, 1);
            const size_t size = 20000;
            send_all(&pair, stream, &size, 1);
            check_window(&pair, a->handler);
            assert_in_range(a->handler->available, 0, all ? 4 * window : window);
        }
        assert_int_equal(pair.server.counts[SEAL__EVENT_MESSAGE], 200);
        assert_int_equal(a->handler->wide, all ? 3 * window : 0);
        end_pair(&pair);
    }
}

/* A window that was chosen is not left far behind. */
static void how_far_the_window_grows(void **state) {
    (void)state;
    static const struct {
        session_pair_options options;
        uint32_t times; /* the window; 0: to 1 MiB */
    } rows[] = {{.options = {.max_streams = 1000}, .times = 0},
                {.options = {.max_streams = 8}, .times = 0},
                {.options = {.max_streams = 8, .stream_window = 100 * KIB}, .times = 4},
                {.options = {.max_streams = 8, .stream_window = 512 * KIB}, .times = 0},
                {.options = {.max_streams = 8, .stream_window = 2 * MIB}, .times = 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        session_pair pair;
        app *a = begin(&pair, rows[i].options);
        seal__stream *stream = start_call(&pair, SEAL__READ_ALL);
        uint32_t window = pair.server.session->stream_window;
        for (unsigned n = 0; n < 80; n++) {
            const size_t size = 20000;
            send_all(&pair, stream, &size, 1);
            check_window(&pair, a->handler);
        }
        uint32_t most = rows[i].times == 0 ? MIB : rows[i].times * window;
        assert_int_equal(a->handler->wide, most - window);
        end_pair(&pair);
    }
}

/* ---- The queue ---- */

/* Small ones share memory, large ones have their own; all keep their order, through a window that
 * opens slowly. */
static void queued_messages_keep_their_order(void **state) {
    (void)state;
    enum { N = 1500 };
    session_pair pair;
    app *a =
        begin(&pair,
              (session_pair_options){.stream_window = 1, .connection_window = 1, .max_streams = 2});
    seal__stream *stream = start_call(&pair, 0);
    uint32_t seed = 7;
    uint32_t sizes[N];
    size_t queued = 0;
    for (unsigned i = 0; i < N; i++) {
        seed = seed * 1103515245 + 12345;
        sizes[i] = i % 50 == 49 ? 20000 + seed % 30000 : (seed >> 8) % 5000 >> (seed >> 24) % 8;
        queued += sizes[i];
        assert_int_equal(send_message(&pair.server, a->handler, sizes[i], sizes[i], false), 0);
    }
    assert_in_range(seal__stream_queued(a->handler), queued - 70000, queued);
    session_pair_run(&pair);
    while (a->received < N) {
        seal__stream_read(pair.client.session, stream, 3);
        session_end_drain(&pair, &pair.client);
        session_pair_run(&pair);
    }
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(a->sizes[i], sizes[i]);
    assert_int_equal(seal__stream_queued(a->handler), 0);
    assert_int_equal(pair.client.failed, 0);
    end_pair(&pair);
}

static void nothing_is_allocated_for_each_small_message(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair, (session_pair_options){0});
    start_call(&pair, 0);
    for (unsigned i = 0; i < 2000; i++) /* beyond what goes out at once */
        assert_int_equal(send_message(&pair.server, a->handler, 1000, 1000, false), 0);
    size_t before = pair.alloc.calls;
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(send_message(&pair.server, a->handler, 1000, 1000, false), 0);
    assert_in_range(pair.alloc.calls - before, 20, 40);
    end_pair(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken_memory_lives_on),
        cmocka_unit_test(shared_memory_is_not_taken),
        cmocka_unit_test(memory_goes_ahead_of_what_has_come_but_not_far),
        cmocka_unit_test(memory_goes_ahead_within_the_budget),
        cmocka_unit_test(window_opens_for_a_message_that_is_wanted),
        cmocka_unit_test(window_grows_where_everything_is_read),
        cmocka_unit_test(how_far_the_window_grows),
        cmocka_unit_test(queued_messages_keep_their_order),
        cmocka_unit_test(nothing_is_allocated_for_each_small_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
