/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that are sent from where they stand: what has not left is copied before the sender has
 * his memory back. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "session/internal.h"
#include "session/pair.h"

enum { KIB = 1024, MIB = 1024 * 1024, HEAD = 5, TAIL = 7, STEP = 16 * KIB };

typedef struct app {
    seal__stream *handler;
    unsigned received;
    size_t len;
    uint32_t seed;
    unsigned ended;
    unsigned cancelled;
} app;

static void serve(session_pair *pair, session_end *end, const seal__event *event) {
    app *a = pair->user;
    (void)end;
    if (event->kind == SEAL__EVENT_HEADERS)
        a->handler = event->stream;
    a->cancelled += event->kind == SEAL__EVENT_CANCELLED;
}

static void receive(session_pair *pair, session_end *end, const seal__event *event) {
    app *a = pair->user;
    (void)end;
    a->ended += event->kind == SEAL__EVENT_STATUS;
    if (event->kind != SEAL__EVENT_MESSAGE)
        return;
    assert_int_equal(event->len, a->len);
    assert_true(test_message_matches(event->data, event->len, a->seed));
    a->received++;
    a->ended += event->end;
}

static app *begin(session_pair *pair) {
    static app a;
    a = (app){.seed = 7};
    session_pair_connect(pair, &(session_pair_options){.on_server = serve, .on_client = receive},
                         &a);
    return &a;
}

static void end_pair(session_pair *pair) {
    session_pair_end(pair);
}

static seal__stream *open_call(session_pair *pair) {
    seal__stream *stream = NULL;
    const seal__open open = {.method = "a/b", .deadline_ns = UINT64_MAX, .wanted = SEAL__READ_ALL};
    assert_int_equal(seal__session_open_call(pair->client.session, pair->now_ns, &open, &stream),
                     0);
    session_pair_run(pair);
    return stream;
}

/* A message in the caller's memory. */
typedef struct borrowed {
    uint8_t *bytes;
    size_t len;
    seal__parts parts;
} borrowed;

static borrowed make(app *a, size_t len) {
    borrowed b = {.bytes = malloc(len), .len = len};
    assert_non_null(b.bytes);
    a->len = len;
    test_message_pack(&(test_message){.size = len, .seed = a->seed}, b.bytes);
    b.parts = (seal__parts){.head = {b.bytes, HEAD},
                            .body = {b.bytes + HEAD, len - HEAD - TAIL},
                            .tail = {b.bytes + len - TAIL, TAIL}};
    return b;
}

static void destroy(borrowed *b) {
    memset(b->bytes, 0xee, b->len);
    free(b->bytes);
}

/* Sends from the caller's memory, writes `most` bytes and takes the rest over; then the memory is
 * gone. */
static int send_some(session_pair *pair, app *a, size_t len, size_t most, bool end) {
    seal__session *session = pair->server.session;
    borrowed b = make(a, len);
    assert_true(seal__session_may_borrow(session, a->handler));
    int rc = seal__session_send_borrowed(session, a->handler, &b.parts, end);
    assert_false(seal__session_may_borrow(session, a->handler) && rc == 0);
    if (most > 0)
        seal__session_pump(session, most);
    assert_int_equal(seal__outbox_seal(&pair->server.outbox), 0);
    seal__session_own(session);
    destroy(&b);
    return rc;
}

static void what_leaves_at_once_is_not_copied(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair);
    open_call(&pair);
    size_t len = 100 * KIB;
    size_t before = pair.alloc.bytes;
    borrowed b = make(a, len);
    assert_int_equal(seal__session_send_borrowed(pair.server.session, a->handler, &b.parts, false),
                     0);
    assert_in_range(pair.alloc.bytes, before, before + KIB);
    assert_int_equal(seal__stream_queued(a->handler), len);
    assert_false(seal__session_pump(pair.server.session, SIZE_MAX));
    assert_int_equal(seal__stream_queued(a->handler), 0);
    size_t calls = pair.alloc.calls;
    seal__session_own(pair.server.session);
    assert_int_equal(pair.alloc.calls, calls);
    destroy(&b);
    session_pair_run(&pair);
    assert_int_equal(a->received, 1);
    end_pair(&pair);
}

static void what_does_not_leave_is_copied(void **state) {
    (void)state;
    static const size_t sizes[] = {STEP, 2 * STEP - 20, 100 * KIB, 100 * KIB + 1, 255 * KIB, MIB};
    session_pair pair;
    app *a = begin(&pair);
    open_call(&pair);
    unsigned n = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t most = 0; most < sizes[i] + STEP; most += sizes[i] < MIB ? STEP / 2 : MIB / 8) {
            assert_int_equal(send_some(&pair, a, sizes[i], most, false), 0);
            session_pair_run(&pair);
            assert_int_equal(a->received, ++n);
        }
    }
    end_pair(&pair);
}

/* A few bytes beyond whole pieces leave with the last one, and not alone in the next write. */
static void the_end_goes_with_the_last_piece(void **state) {
    (void)state;
    enum { PIECES = 4 };
    size_t whole = PIECES * (size_t)(SEAL__PIECE - SEAL__FRAME_HEADER) - SEAL__DATA_LENGTH;
    for (size_t more = 0; more <= SEAL__PIECE_COPIED + KIB; more += KIB) {
        session_pair pair;
        app *a = begin(&pair);
        open_call(&pair);
        a->len = whole + more;
        assert_int_equal(send_message(&pair.server, a->handler, a->len, a->seed, false), 0);
        session_pair_move(&pair, &pair.server);
        assert_int_equal(a->received, more <= SEAL__PIECE_COPIED ? 1 : 0);
        session_pair_run(&pair);
        assert_int_equal(a->received, 1);
        end_pair(&pair);
    }
}

/* Where the message is cut, head, body and tail may fall into any piece. */
static void every_cut(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair);
    open_call(&pair);
    for (unsigned n = 1; n <= 64; n++) {
        assert_int_equal(send_some(&pair, a, 2 * STEP - 64 + n, n % 3 * STEP, false), 0);
        session_pair_run(&pair);
        assert_int_equal(a->received, n);
    }
    end_pair(&pair);
}

static void last_message_ends_the_call(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair);
    for (size_t most = 0; most <= 256 * KIB; most += 64 * KIB) {
        unsigned ended = a->ended;
        seal__stream *stream = open_call(&pair);
        seal__session_end(pair.client.session, stream);
        session_pair_run(&pair);
        assert_int_equal(send_some(&pair, a, 200 * KIB, most, true), 0);
        session_pair_run(&pair);
        assert_int_equal(a->ended, ended + 1);
        assert_int_equal(seal__session_stream_count(pair.server.session), 0);
    }
    assert_int_equal(a->received, 5);
    end_pair(&pair);
}

static void order_is_kept(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair);
    open_call(&pair);
    assert_int_equal(send_some(&pair, a, 200 * KIB, STEP, false), 0);
    assert_false(seal__session_may_borrow(pair.server.session, a->handler));
    assert_int_equal(send_message(&pair.server, a->handler, 200 * KIB, a->seed, false), 0);
    session_pair_run(&pair);
    assert_int_equal(a->received, 2);
    assert_true(seal__session_may_borrow(pair.server.session, a->handler));
    end_pair(&pair);
}

static void nothing_is_borrowed_behind_others(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair);
    open_call(&pair);
    seal__stream *first = a->handler;
    open_call(&pair);
    assert_int_equal(send_message(&pair.server, first, 100 * KIB, 7, false), 0);
    assert_false(seal__session_may_borrow(pair.server.session, a->handler));
    a->len = 100 * KIB;
    session_pair_run(&pair);
    assert_true(seal__session_may_borrow(pair.server.session, a->handler));
    end_pair(&pair);
}

static void taken_back_in_the_middle(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair);
    seal__stream *stream = open_call(&pair);
    assert_int_equal(send_some(&pair, a, 200 * KIB, 2 * STEP, false), 0);
    seal__session_cancel(pair.client.session, stream);
    session_pair_run(&pair);
    assert_int_equal(a->cancelled, 1);
    assert_int_equal(a->received, 0);
    borrowed b = make(a, 100 * KIB); /* taken and dropped, with nothing borrowed */
    assert_int_equal(seal__session_send_borrowed(pair.server.session, a->handler, &b.parts, true),
                     0);
    seal__session_own(pair.server.session);
    destroy(&b);
    session_pair_run(&pair);
    assert_int_equal(seal__session_stream_count(pair.server.session), 0);
    assert_int_equal(pair.server.failed, 0);
    assert_int_equal(pair.client.failed, 0);
    end_pair(&pair);
}

/* A status overtakes what is queued, also what is still borrowed. */
static void status_in_the_middle(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair);
    open_call(&pair);
    borrowed b = make(a, 200 * KIB);
    seal__session *session = pair.server.session;
    assert_int_equal(seal__session_send_borrowed(session, a->handler, &b.parts, false), 0);
    seal__session_pump(session, STEP);
    assert_int_equal(
        seal__session_finish(session, a->handler, SEAL_STATUS_ABORTED, SEAL_EXECUTED, "no more"),
        0);
    seal__session_own(session);
    destroy(&b);
    session_pair_run(&pair);
    assert_int_equal(a->received, 0);
    assert_int_equal(a->ended, 1);
    assert_int_equal(pair.client.failed, 0);
    end_pair(&pair);
}

static void without_memory_the_connection_fails(void **state) {
    (void)state;
    for (int end = 0; end < 2; end++) {
        session_pair pair;
        app *a = begin(&pair);
        open_call(&pair);
        borrowed b = make(a, 200 * KIB);
        seal__session *session = pair.server.session;
        assert_int_equal(seal__session_send_borrowed(session, a->handler, &b.parts, end == 1), 0);
        seal__session_pump(session, STEP);
        assert_int_equal(seal__outbox_seal(&pair.server.outbox), 0);
        failing_alloc_fail_at(&pair.alloc, 1, true);
        seal__session_own(session);
        assert_true(failing_alloc_has_failed(&pair.alloc));
        destroy(&b);
        assert_true(pair.server.outbox.failed);
        seal__session_pump(session, SIZE_MAX);
        assert_int_equal(seal__outbox_seal(&pair.server.outbox), SEAL_ERROR_NO_MEMORY);
        end_pair(&pair);
    }
}

static void without_memory_nothing_is_borrowed(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair);
    open_call(&pair);
    borrowed b = make(a, 200 * KIB);
    failing_alloc_fail_at(&pair.alloc, 1, true);
    assert_int_equal(seal__session_send_borrowed(pair.server.session, a->handler, &b.parts, false),
                     SEAL_ERROR_NO_MEMORY);
    seal__session_own(pair.server.session);
    destroy(&b);
    assert_int_equal(send_some(&pair, a, 100 * KIB, STEP, true), 0);
    session_pair_run(&pair);
    assert_int_equal(a->received, 1);
    end_pair(&pair);
}

/* ---- The window for a reply that is expected to be large ---- */

static size_t reply(session_pair *pair, app *a, size_t len) {
    seal__stream *stream = open_call(pair);
    seal__session_end(pair->client.session, stream);
    session_pair_run(pair);
    seal__session *session = pair->server.session;
    borrowed b = make(a, len);
    size_t window = a->handler->send_window;
    assert_int_equal(seal__session_send_borrowed(session, a->handler, &b.parts, true), 0);
    seal__session_pump(session, SIZE_MAX);
    seal__session_own(session);
    destroy(&b);
    session_pair_run(pair);
    assert_int_equal(pair->client.failed, 0);
    assert_int_equal(pair->server.failed, 0);
    return window;
}

static void window_is_open_for_a_reply_like_the_last(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair);
    size_t usual = reply(&pair, a, MIB);
    assert_true(usual < MIB);
    assert_int_equal(reply(&pair, a, MIB), MIB + 4);
    assert_int_equal(reply(&pair, a, 64 * KIB), MIB + 4);
    assert_int_equal(reply(&pair, a, MIB), usual); /* it had become small */
    assert_int_equal(reply(&pair, a, 2 * MIB), MIB + 4);
    assert_int_equal(reply(&pair, a, 3 * MIB), 2 * MIB + 4);
    assert_int_equal(a->received, 6);
    for (unsigned i = 0; i < 200; i++) { /* nothing of the connection's window is lost */
        reply(&pair, a, MIB);
        reply(&pair, a, STEP);
    }
    assert_int_equal(a->received, 406);
    end_pair(&pair);
}

/* What comes where nobody reads is held: no more than the usual window. */
static void window_stays_as_it_is_where_messages_are_asked_for_singly(void **state) {
    (void)state;
    session_pair pair;
    app *a = begin(&pair);
    size_t usual = reply(&pair, a, MIB);
    seal__stream *stream = NULL;
    const seal__open open = {.method = "a/b", .deadline_ns = UINT64_MAX, .wanted = 1};
    assert_int_equal(seal__session_open_call(pair.client.session, pair.now_ns, &open, &stream), 0);
    session_pair_run(&pair);
    assert_int_equal(a->handler->send_window, usual);
    end_pair(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_leaves_at_once_is_not_copied),
        cmocka_unit_test(what_does_not_leave_is_copied),
        cmocka_unit_test(the_end_goes_with_the_last_piece),
        cmocka_unit_test(every_cut),
        cmocka_unit_test(last_message_ends_the_call),
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(nothing_is_borrowed_behind_others),
        cmocka_unit_test(taken_back_in_the_middle),
        cmocka_unit_test(status_in_the_middle),
        cmocka_unit_test(without_memory_the_connection_fails),
        cmocka_unit_test(without_memory_nothing_is_borrowed),
        cmocka_unit_test(window_is_open_for_a_reply_like_the_last),
        cmocka_unit_test(window_stays_as_it_is_where_messages_are_asked_for_singly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
