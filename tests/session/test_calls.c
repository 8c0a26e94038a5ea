/* SPDX-License-Identifier: Apache-2.0 */
/* Calls between two sessions: content, order, fairness, exactly one completion each. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/pair.h"

enum { MAX_CALLS = 3000 };

/* What a call sends and gets; indexed by stream id - 1. */
typedef struct call {
    size_t request;
    size_t reply;
    unsigned completed;
    unsigned handled;
    size_t reply_moved; /* moves of the server until the reply was there */
} call;

typedef struct app {
    call calls[MAX_CALLS];
    uint32_t n;
    uint32_t completed;
    const char *method;
} app;

static void serve(session_pair *pair, session_end *end, const seal__event *event) {
    app *a = pair->user;
    if (event->kind == SEAL__EVENT_SETTINGS)
        return;
    call *c = &a->calls[seal__stream_id(event->stream) - 1];
    switch (event->kind) {
    case SEAL__EVENT_HEADERS:
        assert_string_equal(event->method->name, a->method);
        seal__stream_limit(event->stream, 0, UINT64_MAX, end->session);
        break;
    case SEAL__EVENT_MESSAGE:
        assert_true(event->end);
        assert_int_equal(event->len, c->request);
        assert_true(test_message_matches(event->data, event->len,
                                         (uint32_t)seal__stream_id(event->stream)));
        c->handled++;
        assert_int_equal(send_message(end, event->stream, c->reply,
                                      ~(uint32_t)seal__stream_id(event->stream), true),
                         0);
        break;
    default:
        fail();
    }
}

static void complete(session_pair *pair, session_end *end, const seal__event *event) {
    (void)end;
    app *a = pair->user;
    if (event->kind == SEAL__EVENT_SETTINGS)
        return;
    assert_int_equal(event->kind, SEAL__EVENT_MESSAGE);
    call *c = seal__stream_user(event->stream);
    assert_true(event->end);
    assert_int_equal(event->status, SEAL_STATUS_OK);
    assert_int_equal(event->execution, SEAL_EXECUTED);
    assert_int_equal(event->len, c->reply);
    assert_true(
        test_message_matches(event->data, event->len, ~(uint32_t)seal__stream_id(event->stream)));
    c->completed++;
    a->completed++;
}

static app *app_new(session_pair *pair, session_pair_options *options) {
    static app a;
    memset(&a, 0, sizeof a);
    a.method = "demo.Greeter/SayHello";
    options->on_server = serve;
    options->on_client = complete;
    session_pair_connect(pair, options, &a);
    assert_true(seal__session_can_open(pair->client.session));
    return &a;
}

static void start_call(session_pair *pair, size_t request, size_t reply) {
    app *a = pair->user;
    call *c = &a->calls[a->n++];
    c->request = request;
    c->reply = reply;
    seal__stream *stream = NULL;
    assert_int_equal(seal__session_open(pair->client.session, pair->now_ns, a->method, UINT64_MAX,
                                        0, c, &stream),
                     0);
    assert_int_equal(seal__stream_id(stream), a->n);
    assert_int_equal(send_message(&pair->client, stream, request, a->n, true), 0);
}

static void finish(session_pair *pair) {
    app *a = pair->user;
    assert_int_equal(pair->client.failed, 0);
    assert_int_equal(pair->server.failed, 0);
    assert_int_equal(a->completed, a->n);
    for (uint32_t i = 0; i < a->n; i++) {
        assert_int_equal(a->calls[i].completed, 1);
        assert_int_equal(a->calls[i].handled, 1);
    }
    assert_int_equal(seal__session_stream_count(pair->client.session), 0);
    assert_int_equal(seal__session_stream_count(pair->server.session), 0);
    session_pair_end(pair);
}

static void one_call_of_every_size(void **state) {
    (void)state;
    static const size_t sizes[] = {0,     1,     2,      1000,    16366,  16367,
                                   16368, 16369, 16384,  65519,   65520,  65521,
                                   65536, 65537, 100000, 1 << 20, 4 << 20};
    for (int split = 0; split < 2; split++) {
        session_pair pair;
        app_new(&pair, &(session_pair_options){.split = split != 0});
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            start_call(&pair, sizes[i], 3);
            session_pair_run(&pair);
            start_call(&pair, 3, sizes[i]);
            session_pair_run(&pair);
        }
        finish(&pair);
    }
}

static void unary_call_takes_one_record_each_way(void **state) {
    (void)state;
    session_pair pair;
    app_new(&pair, &(session_pair_options){0});
    start_call(&pair, 100, 100);
    session_pair_run(&pair);
    uint64_t client = pair.client.records, server = pair.server.records;
    for (int i = 0; i < 100; i++)
        start_call(&pair, 100, 100);
    session_pair_run(&pair);
    assert_int_equal(pair.server.records, server + 1);
    assert_int_equal(pair.client.records, client + 1);
    finish(&pair);
}

static void small_calls_allocate_nothing_in_the_long_run(void **state) {
    (void)state;
    session_pair pair;
    app_new(&pair, &(session_pair_options){0});
    for (int i = 0; i < 100; i++) {
        start_call(&pair, 64, 64);
        session_pair_run(&pair);
    }
    size_t calls = pair.alloc.calls;
    for (int i = 0; i < 1000; i++) {
        start_call(&pair, 64, 64);
        session_pair_run(&pair);
    }
    assert_int_equal(pair.alloc.calls, calls);
    finish(&pair);
}

static void many_streams_of_random_sizes(void **state) {
    (void)state;
    for (unsigned seed = 1; seed <= 6; seed++) {
        session_pair pair;
        app *a = app_new(&pair, &(session_pair_options){.split = seed % 2 == 0,
                                                        .pump_limit = seed % 3 == 0 ? 1000 : 0});
        srand(seed);
        while (a->n < 600) {
            while (seal__session_can_open(pair.client.session) && rand() % 10 != 0 && a->n < 600) {
                size_t request = (size_t)rand() % (rand() % 4 == 0 ? 200000 : 500);
                size_t reply = (size_t)rand() % (rand() % 4 == 0 ? 200000 : 500);
                start_call(&pair, request, reply);
            }
            session_pair_move(&pair, rand() % 2 ? &pair.client : &pair.server);
        }
        session_pair_run(&pair);
        finish(&pair);
    }
}

/* While `busy` large messages are on their way, a small call waits for one piece of each at most.
 */
static void small_calls_pass_between_large_ones(void **state) {
    (void)state;
    enum { BUSY = 8, PIECE = 16 * 1024 };
    session_pair pair;
    app *a = app_new(&pair, &(session_pair_options){.pump_limit = 1});
    for (int i = 0; i < BUSY; i++)
        start_call(&pair, 1 << 20, 1);
    session_pair_move(&pair, &pair.client);
    start_call(&pair, 50000, 1); /* large enough to be queued */
    call *last = &a->calls[a->n - 1];
    size_t moved = 0;
    while (last->handled == 0) {
        moved += session_pair_move(&pair, &pair.client);
        session_pair_move(&pair, &pair.server);
    }
    /* four pieces, each behind one of every other stream */
    assert_true(moved <= 4 * (BUSY + 1) * (PIECE + 64));
    start_call(&pair, 100, 1); /* small: straight into the record */
    last = &a->calls[a->n - 1];
    moved = session_pair_move(&pair, &pair.client);
    assert_int_equal(last->handled, 1);
    assert_true(moved <= PIECE + 1024);
    session_pair_run(&pair);
    finish(&pair);
}

static void pieces_share_the_line_evenly(void **state) {
    (void)state;
    session_pair pair;
    app *a = app_new(&pair, &(session_pair_options){.pump_limit = 1});
    for (int i = 0; i < 4; i++)
        start_call(&pair, 1 << 20, 1);
    /* all end within one round of pieces of each other */
    size_t moves = 0, first = 0;
    while (a->calls[3].handled == 0) {
        session_pair_move(&pair, &pair.client);
        session_pair_move(&pair, &pair.server); /* opens the windows again */
        moves++;
        if (first == 0 && a->calls[0].handled)
            first = moves;
    }
    assert_true(moves - first <= 4);
    session_pair_run(&pair);
    finish(&pair);
}

static void names_travel_once(void **state) {
    (void)state;
    session_pair pair;
    app_new(&pair, &(session_pair_options){0});
    start_call(&pair, 0, 0);
    size_t with_name = session_pair_move(&pair, &pair.client);
    session_pair_run(&pair);
    start_call(&pair, 0, 0);
    size_t without = session_pair_move(&pair, &pair.client);
    assert_int_equal(with_name - without, strlen("demo.Greeter/SayHello"));
    session_pair_run(&pair);
    finish(&pair);
}

static char names[4097][8];

static void take_any(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    if (event->kind != SEAL__EVENT_HEADERS)
        return;
    size_t index = seal__stream_id(event->stream) - 1;
    assert_string_equal(event->method->name, names[index % 4096]);
    assert_int_equal(event->method->len, strlen(event->method->name));
    if (event->method->bound == NULL)
        event->method->bound = names[index % 4096];
    assert_ptr_equal(event->method->bound, names[index % 4096]);
    assert_int_equal(
        seal__session_finish(end->session, event->stream, SEAL_STATUS_OK, SEAL_EXECUTED, ""), 0);
}

static void four_thousand_methods(void **state) {
    (void)state;
    session_pair pair;
    session_pair_connect(&pair, &(session_pair_options){.on_server = take_any}, NULL);
    seal__stream *stream = NULL;
    for (size_t i = 0; i < 2 * 4096; i++) {
        snprintf(names[i % 4096], sizeof names[0], "m/%zu", i % 4096);
        assert_int_equal(seal__session_open(pair.client.session, 0, names[i % 4096], UINT64_MAX, 0,
                                            NULL, &stream),
                         0);
        session_pair_run(&pair);
    }
    assert_int_equal(pair.client.counts[SEAL__EVENT_STATUS], 2 * 4096);
    strcpy(names[4096], "one/2");
    assert_int_equal(
        seal__session_open(pair.client.session, 0, names[4096], UINT64_MAX, 0, NULL, &stream),
        SEAL_ERROR_TOO_MANY);
    assert_int_equal(seal__session_open(pair.client.session, 0, "", UINT64_MAX, 0, NULL, &stream),
                     SEAL_ERROR_INVALID);
    assert_int_equal(seal__session_stream_count(pair.client.session), 0);
    session_pair_end(&pair);
}

/* ---- Streams of several messages ---- */

static void stream_back(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    switch (event->kind) {
    case SEAL__EVENT_SETTINGS:
    case SEAL__EVENT_HEADERS:
        break;
    case SEAL__EVENT_MESSAGE:
        assert_int_equal(
            send_message(end, event->stream, event->len * 3, (uint32_t)event->len, false), 0);
        if (event->end)
            assert_int_equal(seal__session_finish(end->session, event->stream, SEAL_STATUS_OK,
                                                  SEAL_EXECUTED, NULL),
                             0);
        break;
    default:
        fail();
    }
}

static void count_messages(session_pair *pair, session_end *end, const seal__event *event) {
    (void)end;
    size_t *n = pair->user;
    if (event->kind == SEAL__EVENT_MESSAGE) {
        assert_true(test_message_matches(event->data, event->len, (uint32_t)event->len / 3));
        assert_false(event->end);
        *n += 1;
    } else if (event->kind == SEAL__EVENT_STATUS) {
        assert_int_equal(event->status, SEAL_STATUS_OK);
        assert_int_equal(event->execution, SEAL_EXECUTED);
        *n += 1000;
    }
}

static void several_messages_keep_their_order(void **state) {
    (void)state;
    session_pair pair;
    size_t n = 0;
    session_pair_connect(
        &pair, &(session_pair_options){.on_server = stream_back, .on_client = count_messages}, &n);
    seal__stream *stream = NULL;
    assert_int_equal(
        seal__session_open(pair.client.session, 0, "a/b", UINT64_MAX, 0, NULL, &stream), 0);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(send_message(&pair.client, stream, i * 4000, 7, i == 19), 0);
    assert_int_equal(send_message(&pair.client, stream, 1, 7, true), SEAL_ERROR_STATE);
    session_pair_run(&pair);
    assert_int_equal(pair.server.failed, 0);
    assert_int_equal(pair.client.failed, 0);
    assert_int_equal(n, 1020);
    assert_int_equal(seal__session_stream_count(pair.server.session), 0);
    session_pair_end(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_call_of_every_size),
        cmocka_unit_test(unary_call_takes_one_record_each_way),
        cmocka_unit_test(small_calls_allocate_nothing_in_the_long_run),
        cmocka_unit_test(many_streams_of_random_sizes),
        cmocka_unit_test(small_calls_pass_between_large_ones),
        cmocka_unit_test(pieces_share_the_line_evenly),
        cmocka_unit_test(names_travel_once),
        cmocka_unit_test(four_thousand_methods),
        cmocka_unit_test(several_messages_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
