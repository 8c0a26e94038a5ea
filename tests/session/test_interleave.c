/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every order of what can happen to one or two calls, up to a depth, in simulated time. Whatever
 * the order: a call ends once at the client, its handler once at the server, messages come in order
 * and without a gap, and all windows and counts are back at their start. Replies are so large that
 * two of them do not fit into a stream's window.
 */
#include "support/cmocka_all.h"

#include <malloc.h>
#include <string.h>

#include "session/internal.h"
#include "session/pair.h"

enum { REPLY_SIZE = 33000, WINDOW = 65536, MAX_CALLS = 2, MAX_DEPTH = 6, NOTHING = -1 };
#define TIMEOUT UINT64_C(100000000)

typedef enum action {
    TO_SERVER, /* records move */
    TO_CLIENT,
    DEADLINE,
    LOST,
    DRAIN,
    REPLY, /* from here on: of one call */
    STATUS,
    CANCEL,
    READ,
    N_ACTIONS
} action;

typedef struct call {
    seal__stream *client;
    seal__stream *handler;
    unsigned endings;
    unsigned headers;
    unsigned server_endings;
    uint8_t replies;
    uint8_t got;
    bool ok;
    seal_execution execution;
} call;

typedef struct world {
    session_pair pair;
    call calls[MAX_CALLS];
    int n;
    bool expired;
    bool lost;
    bool drained;
} world;

static void on_server(session_pair *pair, session_end *end, const seal__event *event) {
    world *w = pair->user;
    if (event->stream == NULL)
        return;
    call *c = &w->calls[seal__stream_id(event->stream) - 1];
    assert_int_equal(c->server_endings, 0);
    if (event->kind != SEAL__EVENT_HEADERS)
        return;
    c->headers++;
    c->handler = event->stream;
    seal__stream_limit(event->stream, 0, pair->now_ns + event->timeout_us * 1000, end->session);
}

static void end_call(call *c, seal_execution execution) {
    c->endings++;
    c->client = NULL;
    c->execution = execution;
}

static void on_client(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    (void)end;
    if (event->stream == NULL)
        return;
    call *c = seal__stream_user(event->stream);
    assert_non_null(c->client);
    if (event->kind == SEAL__EVENT_MESSAGE) {
        assert_int_equal(event->len, REPLY_SIZE);
        assert_int_equal(event->data[0], c->got);
        assert_int_equal(event->data[REPLY_SIZE - 1], c->got);
        c->got++;
    }
    if (event->kind == SEAL__EVENT_MESSAGE && !event->end)
        return;
    c->ok = event->kind != SEAL__EVENT_EXPIRED && event->status == SEAL_STATUS_OK;
    end_call(c, event->execution);
}

static void pack_reply(const void *message, uint8_t *at) {
    memset(at, *(const uint8_t *)message, REPLY_SIZE);
}

static void open_calls(world *w, int n, unsigned half_open) {
    const session_pair_options options = {.max_streams = MAX_CALLS,
                                          .stream_window = WINDOW,
                                          .connection_window = MAX_CALLS * WINDOW,
                                          .on_server = on_server,
                                          .on_client = on_client,
                                          .in_place = n % 2 == 0};
    memset(w, 0, sizeof *w);
    session_pair_connect(&w->pair, &options, w);
    w->n = n;
    for (int i = 0; i < n; i++) {
        call *c = &w->calls[i];
        const seal__open open = {
            .method = "a/b", .deadline_ns = w->pair.now_ns + TIMEOUT, .user = c};
        assert_int_equal(
            seal__session_open_call(w->pair.client.session, w->pair.now_ns, &open, &c->client), 0);
        bool last = (half_open & (1u << i)) == 0;
        assert_int_equal(send_message(&w->pair.client, c->client, 10, 1, last), 0);
    }
}

/* The connection breaks: owners walk what is left. */
static void lose(world *w) {
    w->lost = true;
    size_t cursor = 0;
    for (seal__stream *s; (s = seal__session_next_stream(w->pair.client.session, &cursor));) {
        bool left = seal__stream_may_have_left(w->pair.client.session, s);
        end_call(seal__stream_user(s), left ? SEAL_EXECUTION_UNKNOWN : SEAL_NOT_EXECUTED);
    }
    cursor = 0;
    for (seal__stream *s; (s = seal__session_next_stream(w->pair.server.session, &cursor));) {
        call *c = &w->calls[seal__stream_id(s) - 1];
        assert_ptr_equal(c->handler, s);
        c->handler = NULL;
        c->server_endings++;
    }
}

static bool reply(world *w, call *c) {
    if (c->handler == NULL)
        return false;
    assert_int_equal(seal__session_send(w->pair.server.session, c->handler, REPLY_SIZE, pack_reply,
                                        &c->replies, false),
                     0);
    c->replies++;
    return true;
}

static bool finish(world *w, call *c, seal_status status) {
    if (c->handler == NULL)
        return false;
    assert_int_equal(
        seal__session_finish(w->pair.server.session, c->handler, status, SEAL_EXECUTED, ""), 0);
    c->handler = NULL;
    c->server_endings++;
    return true;
}

static bool cancel(world *w, call *c) {
    if (c->client == NULL)
        return false;
    bool never = seal__session_cancel(w->pair.client.session, c->client);
    end_call(c, never ? SEAL_NOT_EXECUTED : SEAL_EXECUTION_UNKNOWN);
    return true;
}

static bool read_one(world *w, call *c) {
    if (c->client == NULL || c->client->wanted > 1)
        return false;
    seal__stream_read(w->pair.client.session, c->client, 1);
    session_end_drain(&w->pair, &w->pair.client);
    return true;
}

/* Returns false when it cannot happen here, or changes nothing. */
static bool step(world *w, int which) {
    call *c = &w->calls[which < REPLY ? 0 : (which - REPLY) / (N_ACTIONS - REPLY)];
    int kind = which < REPLY ? which : REPLY + (which - REPLY) % (N_ACTIONS - REPLY);
    switch ((action)kind) {
    case TO_SERVER:
        return session_pair_move(&w->pair, &w->pair.client) > 0;
    case TO_CLIENT:
        return session_pair_move(&w->pair, &w->pair.server) > 0;
    case DEADLINE:
        if (w->expired)
            return false;
        w->expired = true;
        session_pair_advance(&w->pair, TIMEOUT);
        return true;
    case LOST:
        lose(w);
        return true;
    case DRAIN:
        if (w->drained)
            return false;
        w->drained = true;
        return seal__session_drain(w->pair.server.session, 1, "bye") == 0;
    case REPLY:
        return reply(w, c);
    case STATUS:
        return finish(w, c, SEAL_STATUS_ABORTED);
    case CANCEL:
        return cancel(w, c);
    case READ:
        return read_one(w, c);
    case N_ACTIONS:
        break;
    }
    return false;
}

/* Everybody reads and answers until nothing moves. */
static void settle(world *w) {
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < w->n; i++) {
            if (w->calls[i].client != NULL)
                seal__stream_read(w->pair.client.session, w->calls[i].client, SEAL__READ_ALL);
            if (round > 0)
                finish(w, &w->calls[i], SEAL_STATUS_OK);
        }
        session_end_drain(&w->pair, &w->pair.client);
        session_pair_run(&w->pair);
    }
}

static void check_windows(const seal__session *from, const seal__session *to) {
    assert_int_equal(from->send_window, to->available);
    assert_int_equal(to->available + to->owed, to->connection_window);
    assert_int_equal(to->buffered, 0);
    assert_int_equal(to->count, 0);
    assert_int_equal(seal__session_next_deadline(to), UINT64_MAX);
    assert_true(seal__list_is_empty(&from->busy));
    assert_true(seal__list_is_empty(&from->stalled));
}

static void check_end(world *w) {
    if (!w->lost) {
        settle(w);
        assert_int_equal(w->pair.client.failed, 0);
        assert_int_equal(w->pair.server.failed, 0);
        check_windows(w->pair.client.session, w->pair.server.session);
        check_windows(w->pair.server.session, w->pair.client.session);
        assert_int_equal(seal__session_is_drained(w->pair.server.session), w->drained);
        assert_int_equal(seal__session_can_open(w->pair.client.session), !w->drained);
    }
    for (int i = 0; i < w->n; i++) {
        const call *c = &w->calls[i];
        assert_int_equal(c->endings, 1);
        assert_in_range(c->headers, 0, 1);
        assert_int_equal(c->server_endings, c->headers);
        assert_in_range(c->got, 0, c->replies);
        if (c->ok)
            assert_int_equal(c->got, c->replies);
        if (c->headers > 0)
            assert_int_not_equal(c->execution, SEAL_NOT_EXECUTED);
    }
}

static void end_world(world *w) {
    session_pair_end(&w->pair);
}

/* ---- All orders ---- */

static int steps[MAX_DEPTH];
static int playing = NOTHING; /* how many of them; for the report of a failure */
static size_t orders;

static int report(void **state) {
    (void)state;
    for (int i = 0; i < playing; i++)
        print_message("step %d\n", steps[i]);
    playing = NOTHING;
    return 0;
}

/* Replays steps[0..depth). Returns false when the last one is none. */
static bool play(int n, unsigned half_open, int depth, bool *ret_lost) {
    static world w;
    playing = depth;
    open_calls(&w, n, half_open);
    bool done = true;
    for (int i = 0; i < depth; i++)
        done = step(&w, steps[i]);
    *ret_lost = w.lost;
    if (done)
        check_end(&w);
    end_world(&w);
    orders += done;
    playing = NOTHING;
    return done;
}

static void explore(int n, unsigned half_open, int depth, int most) {
    bool lost = false;
    if (!play(n, half_open, depth, &lost) || lost || depth == most)
        return;
    int kinds = REPLY + n * (N_ACTIONS - REPLY);
    for (int i = 0; i < kinds; i++) {
        steps[depth] = i;
        explore(n, half_open, depth + 1, most);
    }
}

static void one_call(void **state) {
    (void)state;
    for (unsigned half_open = 0; half_open < 2; half_open++) {
        orders = 0;
        explore(1, half_open, 0, MAX_DEPTH);
        print_message("%zu orders\n", orders);
        assert_in_range(orders, 1000, 1000000);
    }
}

static void two_calls(void **state) {
    (void)state;
    orders = 0;
    explore(2, 1, 0, MAX_DEPTH);
    print_message("%zu orders\n", orders);
    assert_in_range(orders, 10000, 10000000);
}

int main(void) {
    mallopt(M_TRIM_THRESHOLD, 64 << 20); /* worlds come and go: the memory stays */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(one_call, report),
        cmocka_unit_test_teardown(two_calls, report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
