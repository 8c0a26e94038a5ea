/* SPDX-License-Identifier: Apache-2.0 */
/* How streams are found by their ids, and how deadlines are kept: right for every id, also those
 * that share a slot, and bounded whatever the peer does. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "session/internal.h"
#include "session/pair.h"

enum { MANY = 3000, HELD = 5, SHORT = 5000, MINUTE_US = 60000000 };
#define MS UINT64_C(1000000)

static struct {
    seal__stream *held[MANY + 1]; /* by id; NULL: answered */
    uint64_t n_headers;
    uint64_t last_message; /* id of the stream that got it */
    uint64_t last_cancel;
    uint64_t expired[8];
    size_t n_expired;
    bool answers; /* at once */
} app;

static void serve(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    uint64_t id = event->stream != NULL ? seal__stream_id(event->stream) : 0;
    if (event->kind == SEAL__EVENT_HEADERS) {
        app.n_headers++;
        if (app.answers)
            assert_int_equal(seal__session_finish(end->session, event->stream, SEAL_STATUS_OK,
                                                  SEAL_EXECUTED, ""),
                             0);
        else
            app.held[id] = event->stream;
    } else if (event->kind == SEAL__EVENT_MESSAGE) {
        app.last_message = id;
    } else if (event->kind == SEAL__EVENT_CANCELLED) {
        app.last_cancel = id;
    } else if (event->kind == SEAL__EVENT_EXPIRED) {
        app.expired[app.n_expired++ % 8] = id;
    }
}

static session_pair pair;

static const seal__session *server(void) {
    return pair.server.session;
}

static void begin(void) {
    memset(&app, 0, sizeof app);
    session_pair_new(&pair, &(session_pair_options){.max_streams = MANY, .on_server = serve}, NULL);
    uint8_t content[32];
    session_end_feed(&pair, &pair.server, content,
                     put_frame(content, 0, SEAL__FRAME_SETTINGS, 0, 0, "", 0));
}

static void end(void) {
    session_pair_end(&pair);
}

static void feed(const uint8_t *content, size_t len) {
    session_end_feed(&pair, &pair.server, content, len);
    session_end_discard(&pair.server);
}

static void open_stream(uint64_t id, uint64_t timeout_us) {
    uint8_t content[64];
    feed(content, put_headers(content, 0, id, 1, timeout_us, id == 1 ? "a/b" : NULL));
    assert_int_equal(pair.server.failed, 0);
}

static void message_for(uint64_t id, unsigned flags) {
    uint8_t content[64];
    app.last_message = 0;
    feed(content, put_data(content, 0, flags, id, 3, 3));
}

static void reset(uint64_t id) {
    static const uint8_t reason[4];
    uint8_t content[64];
    app.last_cancel = 0;
    feed(content, put_frame(content, 0, SEAL__FRAME_RESET, 0, id, reason, sizeof reason));
}

static void answer(uint64_t id) {
    seal__stream *stream = app.held[id];
    assert_non_null(stream);
    app.held[id] = NULL;
    assert_int_equal(seal__session_finish(pair.server.session, stream, SEAL_STATUS_ABORTED,
                                          SEAL_EXECUTED, "later"),
                     0);
    session_end_discard(&pair.server);
}

/* Each is walked once. */
static size_t walk(void) {
    static bool seen[MANY + SHORT + 1];
    memset(seen, 0, sizeof seen);
    size_t n = 0;
    size_t cursor = 0;
    for (seal__stream *s; (s = seal__session_next_stream(server(), &cursor)) != NULL; n++) {
        assert_false(seen[seal__stream_id(s)]);
        seen[seal__stream_id(s)] = true;
    }
    return n;
}

static void old_streams_are_found_among_many_short_ones(void **state) {
    (void)state;
    begin();
    for (uint64_t id = 1; id <= HELD; id++)
        open_stream(id, MINUTE_US);
    app.answers = true;
    for (uint64_t id = HELD + 1; id <= HELD + SHORT; id++) {
        open_stream(id, MINUTE_US);
        if (id % 997 == 0)
            assert_int_equal(walk(), HELD);
    }
    assert_int_equal(app.n_headers, HELD + SHORT);
    for (uint64_t id = 1; id <= HELD; id++) {
        message_for(id, 0);
        assert_int_equal(app.last_message, id);
        reset(id);
        assert_int_equal(app.last_cancel, id);
    }
    /* Nothing has grown, but by the streams that lost their slots, and by the marks of those that
     * were answered before their end. */
    assert_int_equal(server()->n_recent, SEAL__RECENT_FIRST);
    assert_in_range(server()->streams.len, HELD, HELD + SEAL__LATE_MAX);
    for (uint64_t id = 1; id <= HELD; id++)
        answer(id);
    assert_int_equal(walk(), 0);
    assert_in_range(server()->streams.len, 0, SEAL__LATE_MAX);
    assert_in_range(server()->n_free, 1, SEAL__FREE_STREAMS);
    end();
}

static void many_at_once(void **state) {
    (void)state;
    begin();
    for (uint64_t id = 1; id <= MANY; id++)
        open_stream(id, MINUTE_US);
    assert_int_equal(server()->n_recent, SEAL__RECENT_MAX);
    assert_int_equal(walk(), MANY);
    for (uint64_t id = 1; id <= MANY; id++) {
        message_for(id, 0);
        assert_int_equal(app.last_message, id);
    }
    srand(7);
    for (size_t left = MANY; left > 0;) {
        uint64_t id = 1 + (uint64_t)rand() % MANY;
        while (app.held[id] == NULL)
            id = id % MANY + 1;
        answer(id);
        left--;
        if (left % 500 == 0)
            assert_int_equal(walk(), left);
    }
    assert_int_equal(server()->n_free, SEAL__FREE_STREAMS);
    end();
}

/* A frame for a stream that is over, or never was, must not reach the one in its slot. */
static void ids_that_share_a_slot(void **state) {
    (void)state;
    begin();
    app.answers = true;
    for (uint64_t id = 1; id <= SEAL__RECENT_FIRST; id++)
        open_stream(id, MINUTE_US);
    app.answers = false;
    uint64_t live = SEAL__RECENT_FIRST + 3;
    for (uint64_t id = SEAL__RECENT_FIRST + 1; id <= live; id++)
        open_stream(id, MINUTE_US);
    reset(live - SEAL__RECENT_FIRST);
    assert_int_equal(app.last_cancel, 0);
    message_for(live - SEAL__RECENT_FIRST, SEAL__DATA_END);
    assert_int_equal(app.last_message, 0);
    assert_int_equal(pair.server.failed, 0);
    message_for(live, 0);
    assert_int_equal(app.last_message, live);
    end();
}

static void strangers_end_the_connection(void **state) {
    (void)state;
    static const uint64_t ids[] = {0, 2 + SEAL__RECENT_FIRST, UINT64_C(1) << 32, UINT64_MAX};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        begin();
        open_stream(1, MINUTE_US);
        open_stream(2, MINUTE_US);
        message_for(ids[i], 0);
        assert_int_equal(app.last_message, 0);
        assert_int_equal(pair.server.failed, SEAL_ERROR_PROTOCOL);
        end();
        begin();
        open_stream(1, MINUTE_US);
        uint8_t content[64]; /* the next one is 2 */
        feed(content, put_headers(content, 0, ids[i], 1, MINUTE_US, NULL));
        assert_int_equal(app.n_headers, 1);
        assert_int_equal(pair.server.failed, SEAL_ERROR_PROTOCOL);
        end();
    }
}

/* Without memory for more slots a stream that loses its own has to be kept elsewhere, or is not
 * taken; what was there stays. */
static void no_memory_for_slots(void **state) {
    (void)state;
    for (size_t nth = 1; nth < 40; nth++) {
        begin();
        for (uint64_t id = 1; id <= SEAL__RECENT_FIRST; id++)
            open_stream(id, MINUTE_US);
        failing_alloc_fail_at(&pair.alloc, nth, true);
        uint8_t content[64];
        uint64_t id = SEAL__RECENT_FIRST;
        while (pair.server.failed == 0 && id < 4 * SEAL__RECENT_FIRST) {
            id++;
            feed(content, put_headers(content, 0, id, 1, MINUTE_US, NULL));
        }
        failing_alloc_fail_at(&pair.alloc, 0, true);
        if (pair.server.failed != 0)
            assert_int_equal(pair.server.failed, SEAL_ERROR_NO_MEMORY);
        assert_int_equal(walk(), app.n_headers);
        assert_int_equal(seal__session_stream_count(server()), app.n_headers);
        end();
    }
}

static size_t n_rising(void) {
    size_t n = 0;
    for (const seal__list *node = server()->rising.next; node != &server()->rising;
         node = node->next)
        n++;
    return n;
}

/* Those that come in order are a list, from which a call that ends just goes. */
static void deadlines_that_rise(void **state) {
    (void)state;
    begin();
    for (uint64_t id = 1; id <= 8; id++) {
        open_stream(id, MINUTE_US);
        seal__stream_limit(app.held[id], 0, pair.now_ns + (id < 7 ? id : 6) * MS,
                           pair.server.session);
    }
    assert_int_equal(n_rising(), 8);
    assert_int_equal(server()->deadlines.cap, 0); /* no memory was needed */
    answer(1);
    answer(3);
    assert_int_equal(n_rising(), 6);
    assert_true(seal__session_next_deadline(server()) == pair.now_ns + 2 * MS);
    session_pair_advance(&pair, 4 * MS);
    assert_int_equal(app.n_expired, 2);
    assert_int_equal(app.expired[0], 2);
    assert_int_equal(app.expired[1], 4);
    session_pair_advance(&pair, 2 * MS);
    assert_int_equal(app.n_expired, 6);
    assert_int_equal(n_rising(), 0);
    end();
}

static void earlier_deadlines_among_them(void **state) {
    (void)state;
    static const uint64_t ms[] = {0, 5, 3, 9, 1, 9, 2};
    static const uint64_t order[] = {4, 6, 2, 1, 3, 5};
    begin();
    for (uint64_t id = 1; id <= 6; id++) {
        open_stream(id, MINUTE_US);
        seal__stream_limit(app.held[id], 0, pair.now_ns + ms[id] * MS, pair.server.session);
    }
    assert_int_equal(n_rising(), 3);
    assert_int_equal(server()->deadlines.len, 3);
    /* Another deadline, and none, for one of each kind. */
    seal__stream_limit(app.held[5], 0, UINT64_MAX, pair.server.session);
    seal__stream_limit(app.held[5], 0, pair.now_ns + 9 * MS, pair.server.session);
    seal__stream_limit(app.held[4], 0, UINT64_MAX, pair.server.session);
    assert_int_equal(server()->deadlines.len, 2);
    seal__stream_limit(app.held[4], 0, pair.now_ns + 1 * MS, pair.server.session);
    uint64_t start = pair.now_ns;
    for (size_t i = 0; i < 5; i++) {
        uint64_t next = seal__session_next_deadline(server());
        assert_true(next == start + ms[order[i]] * MS);
        session_pair_advance(&pair, next - pair.now_ns);
        assert_int_equal(app.expired[i], order[i]);
    }
    assert_int_equal(app.n_expired, 6);
    assert_int_equal(app.expired[5], order[5]);
    assert_true(seal__session_next_deadline(server()) == UINT64_MAX);
    end();
}

static void ended_calls_leave_no_deadline(void **state) {
    (void)state;
    begin();
    srand(11);
    for (uint64_t id = 1; id <= MANY; id++) {
        open_stream(id, MINUTE_US);
        seal__stream_limit(app.held[id], 0, pair.now_ns + (uint64_t)(rand() % 1000 + 1) * MS,
                           pair.server.session);
        if (id % 3 == 0)
            reset(id);
        answer(id);
    }
    assert_int_equal(n_rising(), 0);
    assert_int_equal(server()->deadlines.len, 0);
    assert_true(seal__session_next_deadline(server()) == UINT64_MAX);
    assert_int_equal(pair.server.failed, 0);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_streams_are_found_among_many_short_ones),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(ids_that_share_a_slot),
        cmocka_unit_test(strangers_end_the_connection),
        cmocka_unit_test(no_memory_for_slots),
        cmocka_unit_test(deadlines_that_rise),
        cmocka_unit_test(earlier_deadlines_among_them),
        cmocka_unit_test(ended_calls_leave_no_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
