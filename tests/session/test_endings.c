/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines, cancels and GOAWAY, in simulated time: each call ends once, and says whether it ran.
 */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "session/pair.h"

#define MS UINT64_C(1000000)

enum { MAX_CALLS = 512 };

typedef struct call {
    seal__stream *client;  /* NULL: over */
    seal__stream *handler; /* NULL: not running */
    unsigned endings;
    unsigned runs;
    unsigned cancels;      /* CANCELLED and EXPIRED at the server */
    seal__event_kind kind; /* of the ending */
    seal_status status;
    seal_execution execution;
} call;

typedef struct app {
    call calls[MAX_CALLS];
    uint32_t n;
    bool goaway;
    char text[64];
} app;

static void serve(session_pair *pair, session_end *end, const seal__event *event) {
    app *a = pair->user;
    if (event->kind == SEAL__EVENT_SETTINGS)
        return;
    call *c = &a->calls[seal__stream_id(event->stream) - 1];
    switch (event->kind) {
    case SEAL__EVENT_HEADERS:
        c->handler = event->stream;
        seal__stream_limit(event->stream, 0,
                           event->timeout_us == SEAL__NO_TIMEOUT
                               ? UINT64_MAX
                               : pair->now_ns + event->timeout_us * 1000,
                           end->session);
        break;
    case SEAL__EVENT_MESSAGE:
        c->runs++;
        break;
    case SEAL__EVENT_CANCELLED:
    case SEAL__EVENT_EXPIRED:
        c->cancels++;
        break;
    default:
        fail();
    }
}

static void complete(session_pair *pair, session_end *end, const seal__event *event) {
    (void)end;
    app *a = pair->user;
    if (event->kind == SEAL__EVENT_GOAWAY) {
        a->goaway = true;
        assert_int_equal(event->code, 7);
        strcpy(a->text, event->text);
    }
    if (event->kind == SEAL__EVENT_SETTINGS || event->kind == SEAL__EVENT_GOAWAY)
        return;
    call *c = seal__stream_user(event->stream);
    c->endings++;
    c->client = NULL;
    c->kind = event->kind;
    c->status = event->status;
    c->execution = event->execution;
}

static app *begin(session_pair *pair, session_pair_options options) {
    static app a;
    memset(&a, 0, sizeof a);
    options.on_server = serve;
    options.on_client = complete;
    session_pair_connect(pair, &options, &a);
    return &a;
}

static call *start_call(session_pair *pair, uint64_t deadline_ns, size_t size) {
    app *a = pair->user;
    call *c = &a->calls[a->n++];
    assert_int_equal(seal__session_open(pair->client.session, pair->now_ns, "a/b", deadline_ns, 0,
                                        c, &c->client),
                     0);
    assert_int_equal(send_message(&pair->client, c->client, size, 1, true), 0);
    return c;
}

static void answer(session_pair *pair, call *c, size_t size) {
    assert_non_null(c->handler);
    assert_int_equal(send_message(&pair->server, c->handler, size, 2, true), 0);
    c->handler = NULL;
}

static void cancel(session_pair *pair, call *c) {
    c->endings++;
    c->kind = SEAL__EVENT_CANCELLED;
    seal__session_cancel(pair->client.session, c->client);
    c->client = NULL;
}

static void finish(session_pair *pair) {
    app *a = pair->user;
    session_pair_run(pair);
    for (uint32_t i = 0; i < a->n; i++) {
        if (a->calls[i].handler != NULL)
            answer(pair, &a->calls[i], 1);
    }
    session_pair_run(pair);
    assert_int_equal(pair->client.failed, 0);
    assert_int_equal(pair->server.failed, 0);
    for (uint32_t i = 0; i < a->n; i++) {
        assert_int_equal(a->calls[i].endings, 1);
        assert_in_range(a->calls[i].runs, 0, 1);
        assert_in_range(a->calls[i].cancels, 0, 1);
    }
    assert_int_equal(seal__session_stream_count(pair->client.session), 0);
    assert_int_equal(seal__session_stream_count(pair->server.session), 0);
    assert_int_equal(seal__session_next_deadline(pair->client.session), UINT64_MAX);
    assert_int_equal(seal__session_next_deadline(pair->server.session), UINT64_MAX);
    session_pair_end(pair);
}

/* ---- Deadlines ---- */

static void deadline_ends_the_call_at_both_ends_once(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    call *c = start_call(&pair, pair.now_ns + 100 * MS, 10);
    session_pair_run(&pair);
    assert_int_equal(seal__session_next_deadline(pair.client.session), pair.now_ns + 100 * MS);
    assert_int_equal(seal__session_next_deadline(pair.server.session), pair.now_ns + 100 * MS);
    session_pair_advance(&pair, 100 * MS - 1);
    assert_int_equal(c->endings, 0);
    assert_int_equal(c->cancels, 0);
    session_pair_advance(&pair, 1);
    assert_int_equal(c->endings, 1);
    assert_int_equal(c->kind, SEAL__EVENT_EXPIRED);
    assert_int_equal(c->cancels, 1);
    session_pair_advance(&pair, 100 * MS);
    assert_int_equal(seal__session_stream_count(pair.client.session), 0);
    assert_int_equal(seal__session_stream_count(pair.server.session), 1);
    finish(&pair);
}

static void many_deadlines_come_in_order(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair, (session_pair_options){.max_streams = MAX_CALLS});
    srand(3);
    for (int i = 0; i < MAX_CALLS; i++)
        start_call(&pair, pair.now_ns + (uint64_t)(rand() % 1000 + 1) * MS, 1);
    session_pair_run(&pair);
    uint64_t start = pair.now_ns;
    uint64_t next;
    while ((next = seal__session_next_deadline(pair.client.session)) != UINT64_MAX) {
        assert_true(next > pair.now_ns);
        session_pair_advance(&pair, next - pair.now_ns);
        session_pair_run(&pair);
    }
    assert_in_range(pair.now_ns - start, 1, 1000 * MS);
    for (int i = 0; i < MAX_CALLS; i++)
        assert_int_equal(a->calls[i].kind, SEAL__EVENT_EXPIRED);
    finish(&pair);
}

static void deadline_that_is_over_is_refused(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    call *c = start_call(&pair, pair.now_ns, 10);
    session_pair_run(&pair);
    assert_int_equal(c->runs, 0);
    assert_int_equal(c->status, SEAL_STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(c->execution, SEAL_NOT_EXECUTED);
    finish(&pair);
}

static void timeout_is_rounded_up(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    call *c = start_call(&pair, pair.now_ns + 1, 10);
    session_pair_run(&pair);
    assert_int_equal(c->runs, 1);
    assert_int_equal(seal__stream_deadline(c->handler), pair.now_ns + 1000);
    finish(&pair);
}

/* The server's clock runs ahead: it has given up, the client still waits and must be told. */
static void answer_after_the_deadline_is_a_status(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    call *c = start_call(&pair, pair.now_ns + 100 * MS, 10);
    session_pair_run(&pair);
    seal__session_tick(pair.server.session, pair.now_ns + 200 * MS);
    session_end_drain(&pair, &pair.server);
    assert_int_equal(c->cancels, 1);
    answer(&pair, c, 5);
    session_pair_run(&pair);
    assert_int_equal(c->kind, SEAL__EVENT_STATUS);
    assert_int_equal(c->status, SEAL_STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(c->execution, SEAL_EXECUTED);
    finish(&pair);
}

/* The reply is on its way, but too large for what is left of the time. */
static void deadline_ends_a_reply_that_is_being_sent(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){.pump_limit = 1});
    call *c = start_call(&pair, pair.now_ns + 100 * MS, 10);
    session_pair_run(&pair);
    answer(&pair, c, 1 << 20);
    session_pair_move(&pair, &pair.server);
    assert_int_equal(seal__session_stream_count(pair.server.session), 1);
    size_t cursor = 0;
    assert_null(seal__session_next_stream(pair.server.session, &cursor));
    seal__session_tick(pair.server.session, pair.now_ns + 200 * MS);
    session_end_drain(&pair, &pair.server);
    assert_int_equal(c->cancels, 0);
    assert_int_equal(seal__session_stream_count(pair.server.session), 0);
    session_pair_run(&pair);
    assert_int_equal(c->status, SEAL_STATUS_DEADLINE_EXCEEDED);
    finish(&pair);
}

static void reply_and_deadline_race(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    call *c = start_call(&pair, pair.now_ns + 100 * MS, 10);
    session_pair_run(&pair);
    answer(&pair, c, 5);
    seal__session_tick(pair.client.session, pair.now_ns + 100 * MS); /* not pulled yet */
    session_pair_run(&pair);
    assert_int_equal(c->kind, SEAL__EVENT_EXPIRED);
    finish(&pair);
}

/* ---- Cancel ---- */

static void cancel_at_every_point(void **state) {
    (void)state;
    enum { REQUEST = 100000, REPLY = 100000, POINTS = 40 };
    unsigned reached_handler = 0, got_reply = 0;
    for (int point = 0; point < POINTS; point++) {
        session_pair pair;
        begin(&pair, (session_pair_options){.pump_limit = 1});
        call *c = start_call(&pair, UINT64_MAX, REQUEST);
        for (int i = 0; c->endings == 0; i++) {
            if (i == point) {
                cancel(&pair, c);
                break;
            }
            session_pair_move(&pair, i % 2 ? &pair.server : &pair.client);
            if (c->runs == 1 && c->handler != NULL)
                answer(&pair, c, REPLY);
        }
        reached_handler += c->runs;
        got_reply += c->kind == SEAL__EVENT_MESSAGE;
        finish(&pair);
    }
    assert_in_range(reached_handler, 1, POINTS - 1);
    assert_in_range(got_reply, 1, POINTS - 1);
}

static void cancelled_handler_keeps_its_slot(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    call *c = start_call(&pair, pair.now_ns + 100 * MS, 10);
    session_pair_run(&pair);
    cancel(&pair, c);
    session_pair_run(&pair);
    assert_int_equal(c->cancels, 1);
    assert_int_equal(seal__session_stream_count(pair.server.session), 1);
    session_pair_advance(&pair, 200 * MS);
    assert_int_equal(c->cancels, 1); /* not told again that its deadline has passed */
    answer(&pair, c, 1 << 20);
    assert_int_equal(seal__session_stream_count(pair.server.session), 0);
    assert_int_equal(session_end_discard(&pair.server), 0);
    finish(&pair);
}

static void cancelled_calls_leave_the_others_alone(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair, (session_pair_options){.pump_limit = 1});
    srand(5);
    for (int i = 0; i < 50; i++)
        start_call(&pair, UINT64_MAX, (size_t)rand() % 40000);
    for (int round = 0; round < 400; round++) {
        session_pair_move(&pair, rand() % 2 ? &pair.server : &pair.client);
        call *c = &a->calls[rand() % 50];
        if (c->client != NULL && rand() % 20 == 0)
            cancel(&pair, c);
        c = &a->calls[rand() % 50];
        if (c->handler != NULL && c->runs == 1)
            answer(&pair, c, (size_t)rand() % 40000);
    }
    finish(&pair);
}

/* ---- Execution state ---- */

static void nothing_has_left_before_the_socket_takes_it(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    call *first = start_call(&pair, UINT64_MAX, 10);
    assert_false(seal__stream_may_have_left(pair.client.session, first->client));
    assert_int_equal(seal__outbox_seal(&pair.client.outbox), 0);
    assert_false(seal__stream_may_have_left(pair.client.session, first->client));
    call *second = start_call(&pair, UINT64_MAX, 10);
    seal__outbox_taken(&pair.client.outbox, 1); /* one byte of the first record */
    assert_true(seal__stream_may_have_left(pair.client.session, first->client));
    assert_false(seal__stream_may_have_left(pair.client.session, second->client));
    session_end_discard(&pair.client);
    assert_true(seal__stream_may_have_left(pair.client.session, second->client));
    call *third = start_call(&pair, UINT64_MAX, 10);
    assert_false(seal__stream_may_have_left(pair.client.session, third->client));
    session_pair_end(&pair);
}

/* A call that has not been sealed is taken back: the server never runs it, whatever it has sent
 * behind. */
static void calls_can_be_taken_back_until_they_are_sealed(void **state) {
    (void)state;
    static const size_t sizes[] = {10, 100000};
    for (int way = 0; way < 4; way++) {
        bool sealed = way % 2 == 1, expires = way / 2 == 1;
        session_pair pair;
        begin(&pair, (session_pair_options){0});
        call *c[4];
        for (int i = 0; i < 4; i++)
            c[i] = start_call(&pair, pair.now_ns + (i % 2 == 0 ? 50 : 100) * MS, sizes[i / 2]);
        if (sealed)
            assert_int_equal(seal__outbox_seal(&pair.client.outbox), 0);
        if (expires)
            session_pair_advance(&pair, 50 * MS);
        for (int i = 0; i < 4; i += 2) {
            if (!expires) {
                c[i]->endings++;
                assert_int_equal(seal__session_cancel(pair.client.session, c[i]->client), !sealed);
                c[i]->client = NULL;
            } else {
                assert_int_equal(c[i]->kind, SEAL__EVENT_EXPIRED);
                assert_int_equal(c[i]->execution,
                                 sealed ? SEAL_EXECUTION_UNKNOWN : SEAL_NOT_EXECUTED);
            }
        }
        session_pair_run(&pair);
        assert_int_equal(c[0]->runs, sealed);
        assert_int_equal(c[2]->runs, 0);
        for (int i = 1; i < 4; i += 2)
            assert_int_equal(c[i]->runs, 1);
        finish(&pair);
    }
}

/* ---- GOAWAY ---- */

static void goaway_refuses_what_was_not_taken(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair, (session_pair_options){0});
    call *taken = start_call(&pair, UINT64_MAX, 10);
    session_pair_move(&pair, &pair.client);
    call *crossing = start_call(&pair, pair.now_ns + 100 * MS, 100000);
    assert_int_equal(seal__session_goaway(pair.server.session, 7, "stopping\x01now"), 0);
    assert_int_equal(seal__session_goaway(pair.server.session, 9, "again"), 0); /* no effect */
    session_pair_move(&pair, &pair.client);
    session_pair_run(&pair);
    assert_true(a->goaway);
    assert_string_equal(a->text, "stopping now");
    assert_int_equal(crossing->status, SEAL_STATUS_UNAVAILABLE);
    assert_int_equal(crossing->execution, SEAL_NOT_EXECUTED);
    assert_int_equal(crossing->runs, 0);
    assert_true(seal__session_is_going_away(pair.client.session));
    assert_false(seal__session_can_open(pair.client.session));
    assert_int_equal(taken->endings, 0);
    answer(&pair, taken, 100000);
    session_pair_run(&pair);
    assert_int_equal(taken->kind, SEAL__EVENT_MESSAGE);
    finish(&pair);
}

static void server_goes_away_at_every_point(void **state) {
    (void)state;
    for (unsigned seed = 0; seed < 200; seed++) {
        session_pair pair;
        app *a = begin(&pair, (session_pair_options){.pump_limit = seed % 2 ? 1 : 0});
        srand(seed);
        for (int i = 0; i < 60; i++) {
            if (seal__session_can_open(pair.client.session))
                start_call(&pair, UINT64_MAX, (size_t)rand() % 30000);
            if ((unsigned)i == seed % 60)
                assert_int_equal(seal__session_goaway(pair.server.session, 7, ""), 0);
            session_pair_move(&pair, rand() % 2 ? &pair.server : &pair.client);
            call *c = &a->calls[(unsigned)rand() % a->n];
            if (c->client != NULL && rand() % 10 == 0)
                cancel(&pair, c);
            c = &a->calls[(unsigned)rand() % a->n];
            if (c->handler != NULL && c->runs == 1)
                answer(&pair, c, (size_t)rand() % 30000);
        }
        for (uint32_t i = 0; i < a->n; i++) {
            if (a->calls[i].runs > 0)
                assert_false(a->calls[i].execution == SEAL_NOT_EXECUTED);
        }
        finish(&pair);
    }
}

/* Both wait for the same pull: the refusal wins, there is one ending. */
static void deadline_and_goaway_at_once(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    call *c = start_call(&pair, pair.now_ns + 100 * MS, 10);
    assert_int_equal(seal__session_goaway(pair.server.session, 7, ""), 0);
    session_pair_move(&pair, &pair.server);
    seal__session_tick(pair.client.session, pair.now_ns + 100 * MS);
    session_end_drain(&pair, &pair.client);
    assert_int_equal(c->endings, 1);
    finish(&pair);
}

static void goaway_content(session_pair *pair, uint64_t last) {
    uint8_t content[64], payload[16] = {0};
    seal__store_u64(payload, last);
    payload[9] = 7;
    session_end_feed(pair, &pair->client, content,
                     put_frame(content, 0, SEAL__FRAME_GOAWAY, 0, 0, payload, sizeof payload));
}

static void goaway_may_fall_but_not_rise(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair, (session_pair_options){0});
    for (int i = 0; i < 10; i++)
        start_call(&pair, UINT64_MAX, 1);
    goaway_content(&pair, UINT64_MAX);
    assert_int_equal(seal__session_stream_count(pair.client.session), 10);
    goaway_content(&pair, 7);
    assert_int_equal(seal__session_stream_count(pair.client.session), 7);
    goaway_content(&pair, 7);
    goaway_content(&pair, 2);
    assert_int_equal(seal__session_stream_count(pair.client.session), 2);
    for (int i = 0; i < 10; i++)
        assert_int_equal(a->calls[i].endings, i < 2 ? 0 : 1);
    goaway_content(&pair, 3);
    assert_int_equal(pair.client.failed, SEAL_ERROR_PROTOCOL);
    session_pair_end(&pair);
}

/* The owner ends a call while its refusal waits to be pulled. */
static bool cancel_all_on_goaway;

static void cancel_in_goaway(session_pair *pair, session_end *end, const seal__event *event) {
    if (event->kind != SEAL__EVENT_GOAWAY || !cancel_all_on_goaway) {
        complete(pair, end, event);
        return;
    }
    app *a = pair->user;
    for (uint32_t i = 0; i < a->n; i++)
        cancel(pair, &a->calls[i]);
}

static void cancel_between_goaway_and_refusals(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    pair.client.on_event = cancel_in_goaway;
    cancel_all_on_goaway = true;
    for (int i = 0; i < 5; i++)
        start_call(&pair, UINT64_MAX, 1);
    goaway_content(&pair, 2);
    finish(&pair);
}

static void ping_is_answered(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    for (unsigned i = 1; i <= 10; i++) {
        session_end *end = i % 2 ? &pair.client : &pair.server;
        assert_int_equal(seal__session_ping(end->session), 0);
        session_pair_run(&pair);
        assert_int_equal(seal__session_pongs(end->session), (i + 1) / 2);
    }
    finish(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadline_ends_the_call_at_both_ends_once),
        cmocka_unit_test(many_deadlines_come_in_order),
        cmocka_unit_test(deadline_that_is_over_is_refused),
        cmocka_unit_test(timeout_is_rounded_up),
        cmocka_unit_test(answer_after_the_deadline_is_a_status),
        cmocka_unit_test(deadline_ends_a_reply_that_is_being_sent),
        cmocka_unit_test(reply_and_deadline_race),
        cmocka_unit_test(cancel_at_every_point),
        cmocka_unit_test(cancelled_handler_keeps_its_slot),
        cmocka_unit_test(cancelled_calls_leave_the_others_alone),
        cmocka_unit_test(nothing_has_left_before_the_socket_takes_it),
        cmocka_unit_test(calls_can_be_taken_back_until_they_are_sealed),
        cmocka_unit_test(goaway_refuses_what_was_not_taken),
        cmocka_unit_test(server_goes_away_at_every_point),
        cmocka_unit_test(deadline_and_goaway_at_once),
        cmocka_unit_test(goaway_may_fall_but_not_rise),
        cmocka_unit_test(cancel_between_goaway_and_refusals),
        cmocka_unit_test(ping_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
