/* SPDX-License-Identifier: Apache-2.0 */
/* Keepalive, and draining in two phases, in simulated time. */
#include "support/cmocka_all.h"

#include "session/internal.h"
#include "session/pair.h"

#define SECOND UINT64_C(1000000000)

static seal__stream *handlers[64];
static size_t n_handlers;
static uint64_t goaway_last[4];

static void serve(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    (void)end;
    if (event->kind == SEAL__EVENT_HEADERS)
        handlers[n_handlers++] = event->stream;
}

static void receive(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    if (event->kind != SEAL__EVENT_GOAWAY)
        return;
    assert_int_equal(event->code, 7);
    assert_string_equal(event->text, "bye");
    goaway_last[end->counts[SEAL__EVENT_GOAWAY] - 1] = end->session->goaway_last;
}

static void begin(session_pair *pair, session_pair_options options) {
    n_handlers = 0;
    options.on_server = serve;
    options.on_client = receive;
    session_pair_connect(pair, &options, NULL);
}

static void end_pair(session_pair *pair) {
    session_pair_end(pair);
}

static seal__stream *start(session_pair *pair) {
    seal__stream *stream = NULL;
    assert_int_equal(
        seal__session_open(pair->client.session, pair->now_ns, "a/b", UINT64_MAX, 0, NULL, &stream),
        0);
    return stream;
}

static void finish_all(session_pair *pair) {
    while (n_handlers > 0)
        assert_int_equal(seal__session_finish(pair->server.session, handlers[--n_handlers],
                                              SEAL_STATUS_OK, SEAL_EXECUTED, NULL),
                         0);
    session_pair_run(pair);
}

/* ---- Keepalive ---- */

static const session_pair_options probing = {.keepalive_ns = 10 * SECOND,
                                             .keepalive_timeout_ns = 3 * SECOND};

static uint64_t next(const session_pair *pair) {
    return seal__session_next_deadline(pair->client.session);
}

static void silent_peer_is_asked_and_answers(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, probing);
    start(&pair);
    session_pair_run(&pair);
    for (unsigned i = 1; i <= 100; i++) {
        assert_int_equal(next(&pair), pair.now_ns + 10 * SECOND);
        session_pair_advance(&pair, 10 * SECOND - 1);
        assert_int_equal(session_pair_move(&pair, &pair.client), 0);
        session_pair_advance(&pair, 1);
        assert_int_equal(session_pair_move(&pair, &pair.client), 4 + 12 + 8);
        assert_int_equal(next(&pair), pair.now_ns + 3 * SECOND);
        session_pair_run(&pair);
        assert_int_equal(seal__session_pongs(pair.client.session), i);
    }
    assert_int_equal(pair.client.failed, 0);
    assert_int_equal(pair.server.failed, 0);
    end_pair(&pair);
}

static void dead_peer_is_found_out(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, probing);
    start(&pair);
    session_pair_advance(&pair, 10 * SECOND);
    session_end_discard(&pair.client); /* the network is gone */
    session_pair_advance(&pair, 3 * SECOND - 1);
    assert_int_equal(pair.client.failed, 0);
    assert_false(seal__session_has_events(pair.client.session));
    seal__session_tick(pair.client.session, pair.now_ns + 1);
    assert_true(seal__session_has_events(pair.client.session));
    assert_int_equal(next(&pair), UINT64_MAX);
    session_end_drain(&pair, &pair.client);
    assert_int_equal(pair.client.failed, SEAL_ERROR_TIMEOUT);
    assert_string_equal(pair.client.message,
                        "no answer for 13000 ms: the peer or the network is gone");
    assert_false(seal__session_has_events(pair.client.session));
    seal__event event;
    assert_int_equal(seal__session_next(pair.client.session, &event, NULL), SEAL_ERROR_TIMEOUT);
    end_pair(&pair);
}

/* Also bytes that are no whole record. */
static void any_byte_is_a_sign_of_life(void **state) {
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        session_pair pair;
        begin(&pair, probing);
        start(&pair);
        session_pair_run(&pair);
        session_pair_advance(&pair, 10 * SECOND);
        session_end_discard(&pair.client);
        session_pair_advance(&pair, 2 * SECOND);
        uint8_t content[64];
        if (whole)
            session_end_feed(&pair, &pair.client, content,
                             put_frame(content, 0, SEAL__FRAME_WINDOW, 0, 0, "\0\1\0\0", 4));
        else
            seal__session_heard(pair.client.session, pair.now_ns);
        session_pair_advance(&pair, 3 * SECOND);
        assert_int_equal(pair.client.failed, 0);
        assert_int_equal(next(&pair), pair.now_ns + 7 * SECOND);
        end_pair(&pair);
    }
}

/* What comes and goes does not move the alarm: it is looked at when it rings. */
static void messages_do_not_touch_the_alarm(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, probing);
    start(&pair);
    session_pair_run(&pair);
    uint64_t alarm = next(&pair);
    for (int i = 0; i < 9; i++) {
        session_pair_advance(&pair, SECOND);
        assert_int_equal(send_message(&pair.server, handlers[0], 10, 1, false), 0);
        session_pair_run(&pair);
        assert_int_equal(next(&pair), alarm);
    }
    session_pair_advance(&pair, SECOND);
    assert_int_equal(session_pair_move(&pair, &pair.client), 0);
    assert_int_equal(next(&pair), pair.now_ns + 9 * SECOND);
    end_pair(&pair);
}

static void idle_connections_are_asked_only_on_demand(void **state) {
    (void)state;
    for (int idle = 0; idle < 2; idle++) {
        session_pair pair;
        session_pair_options options = probing;
        options.keepalive_idle = idle != 0;
        begin(&pair, options);
        session_pair_advance(&pair, 10 * SECOND);
        assert_int_equal(session_pair_move(&pair, &pair.client) > 0, idle);
        session_pair_run(&pair);
        if (!idle) {
            assert_int_equal(next(&pair), UINT64_MAX);
            session_pair_advance(&pair, 3600 * SECOND);
            start(&pair); /* long idle: not asked at once */
            session_pair_run(&pair);
            assert_int_equal(next(&pair), pair.now_ns + 10 * SECOND);
            finish_all(&pair);
            session_pair_advance(&pair, 10 * SECOND);
            assert_int_equal(next(&pair), UINT64_MAX);
        }
        end_pair(&pair);
    }
}

/* Calls that come and go on a dead connection do not hide that it is dead. */
static void short_calls_do_not_hide_a_dead_peer(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, probing);
    int seconds = 0;
    while (pair.client.failed == 0 && seconds < 100) {
        seal__stream *stream = start(&pair);
        seal__session_cancel(pair.client.session, stream);
        stream = start(&pair);
        session_pair_advance(&pair, SECOND);
        if (pair.client.failed == 0)
            seal__session_cancel(pair.client.session, stream);
        session_end_discard(&pair.client);
        seconds++;
    }
    assert_int_equal(pair.client.failed, SEAL_ERROR_TIMEOUT);
    assert_int_equal(seconds, 13);
    end_pair(&pair);
}

/* This end was busy, or stopped, when the time was over: the PING may have left only now. It waits
 * once more, and not for ever. */
static void late_alarm_leaves_time_for_the_answer(void **state) {
    (void)state;
    for (int lives = 0; lives < 2; lives++) {
        session_pair pair;
        begin(&pair, probing);
        start(&pair);
        session_pair_run(&pair);
        session_pair_advance(&pair, 60 * SECOND); /* late: asks all the same */
        session_pair_advance(&pair, 60 * SECOND); /* nothing has been written meanwhile */
        assert_int_equal(pair.client.failed, 0);
        if (lives)
            session_pair_run(&pair);
        session_end_discard(&pair.client);
        assert_int_equal(next(&pair), pair.now_ns + (lives ? 10 : 3) * SECOND);
        session_pair_advance(&pair, lives ? 9 * SECOND : 60 * SECOND);
        assert_int_equal(pair.client.failed, lives ? 0 : SEAL_ERROR_TIMEOUT);
        end_pair(&pair);
    }
}

/* ---- Deadline ---- */

/* A message that is dropped because it comes too late is a message all the same. */
static void no_metadata_after_a_dropped_message(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    start(&pair);
    session_pair_run(&pair);
    seal__stream_limit(handlers[0], 0, pair.now_ns + SECOND, pair.server.session);
    session_pair_advance(&pair, SECOND);
    assert_int_equal(pair.server.counts[SEAL__EVENT_EXPIRED], 1);
    assert_int_equal(send_message(&pair.server, handlers[0], 10, 1, false), 0);
    assert_int_equal(
        seal__session_send_metadata(pair.server.session, handlers[0], (seal_bytes){NULL, 0}),
        SEAL_ERROR_STATE);
    finish_all(&pair);
    end_pair(&pair);
}

/* ---- Drain ---- */

static void drain_refuses_nothing(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    start(&pair);
    session_pair_run(&pair);
    start(&pair); /* crosses the first GOAWAY */
    assert_int_equal(seal__session_drain(pair.server.session, 7, "bye"), 0);
    assert_int_equal(seal__session_drain(pair.server.session, 8, "again"), 0);
    session_pair_move(&pair, &pair.server);
    assert_true(seal__session_is_going_away(pair.client.session));
    assert_false(seal__session_can_open(pair.client.session));
    assert_int_equal(seal__session_stream_count(pair.client.session), 2);
    session_pair_move(&pair, &pair.client); /* HEADERS, then PONG */
    assert_int_equal(n_handlers, 2);
    session_pair_run(&pair);
    assert_int_equal(pair.client.counts[SEAL__EVENT_GOAWAY], 2);
    assert_int_equal(goaway_last[0], UINT64_MAX);
    assert_int_equal(goaway_last[1], 2);
    assert_false(seal__session_is_drained(pair.server.session));
    assert_int_equal(send_message(&pair.server, handlers[1], 300000, 1, true), 0);
    n_handlers = 1;
    finish_all(&pair);
    assert_true(seal__session_is_drained(pair.server.session));
    assert_false(seal__session_is_drained(pair.client.session));
    assert_int_equal(pair.client.counts[SEAL__EVENT_STATUS], 1);
    assert_int_equal(pair.client.counts[SEAL__EVENT_MESSAGE], 1);
    assert_int_equal(seal__session_drain(pair.client.session, 1, ""), SEAL_ERROR_STATE);
    end_pair(&pair);
}

static void idle_connection_is_drained_after_one_answer(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    /* the answer to an earlier PING is not the one */
    assert_int_equal(seal__session_ping(pair.server.session), 0);
    session_pair_move(&pair, &pair.server);
    assert_int_equal(seal__session_drain(pair.server.session, 7, "bye"), 0);
    session_pair_move(&pair, &pair.client);
    assert_int_equal(seal__session_pongs(pair.server.session), 1);
    assert_false(seal__session_is_drained(pair.server.session));
    session_pair_run(&pair);
    assert_true(seal__session_is_drained(pair.server.session));
    assert_int_equal(goaway_last[1], 0);
    end_pair(&pair);
}

static void drain_can_be_cut_short(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    assert_int_equal(seal__session_drain(pair.server.session, 7, "bye"), 0);
    assert_int_equal(seal__session_goaway(pair.server.session, 7, "bye"), 0);
    start(&pair); /* comes too late */
    session_pair_run(&pair);
    assert_int_equal(n_handlers, 0);
    assert_int_equal(pair.client.counts[SEAL__EVENT_GOAWAY], 2);
    assert_int_equal(pair.client.counts[SEAL__EVENT_STATUS], 1);
    assert_true(seal__session_is_drained(pair.server.session));
    assert_int_equal(seal__session_drain(pair.server.session, 7, "bye"), 0);
    assert_int_equal(session_pair_move(&pair, &pair.server), 0);
    end_pair(&pair);
}

static void drain_without_memory_ends_the_connection(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    failing_alloc_fail_at(&pair.alloc, 1, true);
    assert_int_equal(seal__session_drain(pair.server.session, 7, "bye"), SEAL_ERROR_NO_MEMORY);
    assert_true(seal__session_has_events(pair.server.session));
    session_end_drain(&pair, &pair.server);
    assert_int_equal(pair.server.failed, SEAL_ERROR_NO_MEMORY);
    end_pair(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silent_peer_is_asked_and_answers),
        cmocka_unit_test(dead_peer_is_found_out),
        cmocka_unit_test(any_byte_is_a_sign_of_life),
        cmocka_unit_test(messages_do_not_touch_the_alarm),
        cmocka_unit_test(idle_connections_are_asked_only_on_demand),
        cmocka_unit_test(short_calls_do_not_hide_a_dead_peer),
        cmocka_unit_test(late_alarm_leaves_time_for_the_answer),
        cmocka_unit_test(no_metadata_after_a_dropped_message),
        cmocka_unit_test(drain_refuses_nothing),
        cmocka_unit_test(idle_connection_is_drained_after_one_answer),
        cmocka_unit_test(drain_can_be_cut_short),
        cmocka_unit_test(drain_without_memory_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
