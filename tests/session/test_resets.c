/* SPDX-License-Identifier: Apache-2.0 */
/* A client that takes many calls back stays within the budget that its server keeps for it. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "session/internal.h"
#include "session/pair.h"

#define SECOND UINT64_C(1000000000)

enum { MANY = 10000, AT_ONCE = SEAL__BUDGET_BURST / 2, PER_SECOND = 30 };

static seal__stream *calls[MANY];
static seal__stream *handlers[MANY + 1];
static size_t n_running;
static bool answers_cancels;

static void end_handler(seal__session *session, uint64_t id) {
    assert_int_equal(
        seal__session_finish(session, handlers[id], SEAL_STATUS_ABORTED, SEAL_EXECUTED, "late"), 0);
    handlers[id] = NULL;
    n_running--;
}

static void serve(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    uint64_t id = event->stream != NULL ? seal__stream_id(event->stream) : 0;
    if (event->kind == SEAL__EVENT_HEADERS) {
        handlers[id] = event->stream;
        n_running++;
        seal__stream_limit(event->stream, 0,
                           event->timeout_us == SEAL__NO_TIMEOUT
                               ? UINT64_MAX
                               : pair->now_ns + event->timeout_us * 1000,
                           end->session);
    } else if (event->kind == SEAL__EVENT_CANCELLED && answers_cancels) {
        end_handler(end->session, id);
    }
}

static void begin(session_pair *pair, uint32_t max_streams) {
    memset(handlers, 0, sizeof handlers);
    n_running = 0;
    answers_cancels = true;
    const session_pair_options options = {
        .max_streams = max_streams, .stream_window = 65536, .on_server = serve};
    session_pair_connect(pair, &options, NULL);
}

static void end_pair(session_pair *pair) {
    assert_int_equal(pair->client.failed, 0);
    assert_int_equal(pair->server.failed, 0);
    session_pair_end(pair);
}

static seal__stream *open_call(session_pair *pair, uint64_t deadline_ns, uint32_t max_message) {
    seal__stream *stream = NULL;
    assert_int_equal(seal__session_open(pair->client.session, pair->now_ns, "a/b", deadline_ns,
                                        max_message, NULL, &stream),
                     0);
    return stream;
}

static void open_many(session_pair *pair, size_t n, uint64_t deadline_ns) {
    for (size_t i = 0; i < n; i++)
        calls[i] = open_call(pair, deadline_ns, 0);
    session_pair_run(pair);
    assert_int_equal(n_running, n);
}

static void cancel_many(session_pair *pair, size_t n) {
    for (size_t i = 0; i < n; i++)
        assert_false(seal__session_cancel(pair->client.session, calls[i]));
    session_pair_run(pair);
}

/* Lets time pass until the client has nothing more to do by itself; returns how much. */
static uint64_t wait_out(session_pair *pair) {
    uint64_t from = pair->now_ns;
    for (;;) {
        uint64_t next = seal__session_next_deadline(pair->client.session);
        if (next == UINT64_MAX || pair->client.failed != 0 || pair->server.failed != 0)
            return pair->now_ns - from;
        session_pair_advance(pair, next > pair->now_ns ? next - pair->now_ns : 0);
        session_pair_run(pair);
    }
}

static uint32_t count(const session_end *end) {
    return seal__session_stream_count(end->session);
}

static void every_cancel_arrives_in_the_end(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, MANY);
    open_many(&pair, MANY, UINT64_MAX);
    cancel_many(&pair, MANY);
    assert_int_equal(pair.server.failed, 0);
    assert_int_equal(pair.server.counts[SEAL__EVENT_CANCELLED], AT_ONCE);
    /* those that wait hold their places: another call would be refused */
    assert_int_equal(count(&pair.client), MANY - AT_ONCE);
    assert_int_equal(count(&pair.server), MANY - AT_ONCE);
    uint64_t waited = wait_out(&pair);
    assert_int_equal(pair.server.counts[SEAL__EVENT_CANCELLED], MANY);
    assert_in_range(waited, (MANY - AT_ONCE) / PER_SECOND * SECOND,
                    ((MANY - AT_ONCE) / PER_SECOND + 2) * SECOND);
    assert_int_equal(count(&pair.client), 0);
    assert_int_equal(count(&pair.server), 0);
    end_pair(&pair);
}

/* Opens and cancels whenever it may, for an hour. */
static void budget_is_kept_over_time(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, 100);
    size_t cancelled = 0;
    for (unsigned second = 0; second < 3600; second++) {
        while (seal__session_can_open(pair.client.session)) {
            seal__stream *stream = open_call(&pair, UINT64_MAX, 0);
            session_pair_run(&pair);
            assert_non_null(handlers[seal__stream_id(stream)]);
            seal__session_cancel(pair.client.session, stream);
            session_pair_run(&pair);
            if (++cancelled == MANY - 1)
                break;
        }
        if (cancelled == MANY - 1)
            break;
        session_pair_advance(&pair, SECOND);
        session_pair_run(&pair);
        assert_int_equal(pair.server.failed, 0);
    }
    assert_int_equal(cancelled, MANY - 1);
    wait_out(&pair);
    assert_int_equal(pair.server.counts[SEAL__EVENT_CANCELLED], cancelled);
    end_pair(&pair);
}

static void what_has_ended_meanwhile_needs_no_reset(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, 1000);
    open_many(&pair, 1000, UINT64_MAX);
    cancel_many(&pair, 1000);
    assert_int_equal(n_running, 1000 - AT_ONCE);
    size_t room = pair.client.counts[SEAL__EVENT_SETTINGS];
    for (uint64_t id = 1; id <= 1000; id += 2) {
        if (handlers[id] != NULL)
            end_handler(pair.server.session, id);
    }
    session_pair_run(&pair);
    assert_int_equal(count(&pair.client), n_running);
    assert_true(pair.client.counts[SEAL__EVENT_SETTINGS] > room); /* the owner may open calls */
    size_t left = n_running;
    size_t before = pair.server.counts[SEAL__EVENT_CANCELLED];
    wait_out(&pair);
    assert_int_equal(pair.server.counts[SEAL__EVENT_CANCELLED], before + left);
    assert_int_equal(count(&pair.client), 0);
    end_pair(&pair);
}

/* Their handlers answer before they are told: with replies, in pieces, that nobody wants. */
static void bytes_for_those_that_wait_come_back(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, 1000);
    open_many(&pair, 1000, UINT64_MAX);
    cancel_many(&pair, 1000);
    for (uint64_t id = 1; id <= 1000; id++) {
        if (handlers[id] == NULL)
            continue;
        assert_int_equal(send_message(&pair.server, handlers[id], 100000, 1, id % 2 == 0), 0);
        if (id % 2 == 0)
            handlers[id] = NULL;
    }
    session_pair_run(&pair);
    const seal__session *client = pair.client.session;
    assert_int_equal(client->available + client->owed, client->connection_window);
    wait_out(&pair);
    assert_int_equal(client->available + client->owed, client->connection_window);
    assert_int_equal(count(&pair.client), 0);
    assert_int_equal(count(&pair.server), 0);
    end_pair(&pair);
}

static void deadline_is_told_at_its_time(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, 1000);
    open_many(&pair, 1000, pair.now_ns + SECOND);
    cancel_many(&pair, 1000);
    assert_int_equal(pair.server.counts[SEAL__EVENT_CANCELLED], AT_ONCE);
    answers_cancels = false;
    assert_in_range(wait_out(&pair), 0, SECOND);
    assert_int_equal(count(&pair.client), 0);
    assert_int_equal(pair.client.counts[SEAL__EVENT_EXPIRED], 0);
    session_pair_end(&pair);
}

static void goaway_settles_those_it_refuses(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, 1000);
    open_many(&pair, 900, UINT64_MAX);
    for (size_t i = 900; i < 1000; i++) {
        calls[i] = open_call(&pair, UINT64_MAX, 0);
        seal__outbox_seal(&pair.client.outbox); /* too late to be taken back */
    }
    for (size_t i = 0; i < 1000; i++)
        assert_false(seal__session_cancel(pair.client.session, calls[i]));
    assert_int_equal(seal__session_goaway(pair.server.session, 1, ""), 0);
    session_pair_run(&pair);
    assert_int_equal(count(&pair.client), 900 - AT_ONCE);
    wait_out(&pair);
    assert_int_equal(pair.server.counts[SEAL__EVENT_CANCELLED], 900);
    assert_true(seal__session_is_drained(pair.server.session));
    end_pair(&pair);
}

/* The owner is told at once, and what he does with the stream afterwards is harmless. */
static void messages_too_big_wait_as_well(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, 1000);
    for (size_t i = 0; i < 1000; i++)
        calls[i] = open_call(&pair, UINT64_MAX, 10);
    session_pair_run(&pair);
    for (uint64_t id = 1; id <= 1000; id++)
        assert_int_equal(send_message(&pair.server, handlers[id], 11, 1, false), 0);
    session_pair_run(&pair);
    assert_int_equal(pair.client.counts[SEAL__EVENT_TOO_BIG], 1000);
    assert_int_equal(pair.server.counts[SEAL__EVENT_CANCELLED], AT_ONCE);
    assert_false(seal__session_cancel(pair.client.session, calls[999]));
    seal__stream_read(pair.client.session, calls[999], 1);
    size_t cursor = 0;
    assert_null(seal__session_next_stream(pair.client.session, &cursor));
    wait_out(&pair);
    assert_int_equal(pair.server.counts[SEAL__EVENT_CANCELLED], 1000);
    end_pair(&pair);
}

static void freed_with_some_waiting(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, 1000);
    open_many(&pair, 1000, UINT64_MAX);
    cancel_many(&pair, 1000);
    end_pair(&pair);
}

/* Answers, and replies half sent, that cross the RESETs of calls whose deadline passes at the
 * client: for ever, faster than the budget is filled up. */
static void deadlines_that_cross_answers_are_free(void **state) {
    (void)state;
    for (int big = 0; big < 2; big++) {
        session_pair pair;
        begin(&pair, 100);
        for (unsigned i = 0; i < 5000 && pair.server.failed == 0; i++) {
            seal__stream *stream = open_call(&pair, pair.now_ns + SECOND / 1000, 0);
            assert_int_equal(send_message(&pair.client, stream, 1, 1, true), 0);
            uint64_t id = seal__stream_id(stream) % MANY;
            session_pair_run(&pair);
            seal__stream *handler = handlers[id];
            assert_int_equal(send_message(&pair.server, handler, big ? 100000 : 1, 1, true), 0);
            handlers[id] = NULL;
            seal__session_tick(pair.client.session, pair.now_ns += SECOND / 1000);
            session_end_drain(&pair, &pair.client);
            session_pair_run(&pair);
        }
        assert_int_equal(pair.client.counts[SEAL__EVENT_EXPIRED], 5000);
        end_pair(&pair);
    }
}

/* What a server sends for more calls than a client remembers is not held against it. */
static void answers_that_cross_many_cancels_are_free(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, 3000);
    answers_cancels = false;
    open_many(&pair, 3000, pair.now_ns + SECOND);
    for (uint64_t id = 1; id <= 3000; id++)
        end_handler(pair.server.session, id);
    seal__session_tick(pair.client.session, pair.now_ns += SECOND);
    session_end_drain(&pair, &pair.client);
    assert_int_equal(pair.client.counts[SEAL__EVENT_EXPIRED], 3000);
    session_pair_run(&pair);
    end_pair(&pair);
}

/* A client that takes calls back faster than the server answers has not done wrong, and neither has
 * the server, however many answers are on the way. */
static void answers_to_calls_that_were_taken_back(void **state) {
    (void)state;
    enum { CALLS = 10000 };
    session_pair pair;
    session_pair_connect(&pair, &(session_pair_options){.max_streams = 100}, NULL);
    for (unsigned i = 0; i < CALLS; i++) {
        seal__stream *stream = NULL;
        seal__session *session = pair.client.session;
        assert_int_equal(
            seal__session_open(session, pair.now_ns, "a/b", UINT64_MAX, 0, NULL, &stream), 0);
        assert_true(seal__session_cancel(session, stream));
    }
    session_pair_run(&pair);
    assert_int_equal(pair.server.failed, 0);
    assert_int_equal(pair.client.failed, 0);
    session_pair_end(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_to_calls_that_were_taken_back),
        cmocka_unit_test(every_cancel_arrives_in_the_end),
        cmocka_unit_test(budget_is_kept_over_time),
        cmocka_unit_test(what_has_ended_meanwhile_needs_no_reset),
        cmocka_unit_test(bytes_for_those_that_wait_come_back),
        cmocka_unit_test(deadline_is_told_at_its_time),
        cmocka_unit_test(goaway_settles_those_it_refuses),
        cmocka_unit_test(messages_too_big_wait_as_well),
        cmocka_unit_test(freed_with_some_waiting),
        cmocka_unit_test(deadlines_that_cross_answers_are_free),
        cmocka_unit_test(answers_that_cross_many_cancels_are_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
