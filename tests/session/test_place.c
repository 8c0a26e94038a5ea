/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that go past the record to the memory of their message: only where they belong, without
 * changing anything before the record is authenticated. (All other tests of sessions have them,
 * too: see session_end_feed.) */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "session/internal.h"
#include "support/session_pair.h"

enum { KIB = 1024, MIB = 1024 * KIB, PART = 16 * KIB, ROOM = 70 * KIB };

typedef struct app {
    seal__stream *handler[2];
    unsigned n_handlers;
    seal__stream *cancel; /* when a message comes */
    bool reads_none;
    unsigned received;
    size_t len;
} app;

static void serve(session_pair *pair, session_end *end, const seal__event *event) {
    app *a = pair->user;
    if (event->kind == SEAL__EVENT_HEADERS) {
        a->handler[a->n_handlers++ % 2] = event->stream;
        if (a->reads_none)
            seal__stream_read_none(event->stream);
    }
    if (event->kind != SEAL__EVENT_MESSAGE)
        return;
    assert_true(test_message_matches(event->data, event->len, 7));
    a->received++;
    a->len = event->len;
    if (a->cancel != NULL)
        assert_int_equal(
            seal__session_finish(end->session, a->cancel, SEAL_STATUS_CANCELLED, SEAL_EXECUTED, ""),
            0);
}

static app *begin(session_pair *pair, session_pair_options options) {
    static app a;
    a = (app){0};
    memset(pair, 0, sizeof *pair);
    options.on_server = serve;
    assert_int_equal(session_pair_init(pair, &options), 0);
    pair->user = &a;
    session_pair_run(pair);
    return &a;
}

static void end_pair(session_pair *pair) {
    session_pair_done(pair);
    assert_int_equal(pair->alloc.live, 0);
}

static seal__stream *open_call(session_pair *pair) {
    seal__stream *stream = NULL;
    assert_int_equal(
        seal__session_open(pair->client.session, pair->now_ns, "a/b", UINT64_MAX, 0, NULL, &stream),
        0);
    session_pair_run(pair);
    return stream;
}

/* A record of the client's, and what opening it leaves in the content. */
typedef struct record {
    size_t len;
    uint8_t content[ROOM];
    uint8_t opened[ROOM];
} record;

/* A frame with the bytes [from, from + n) of the message of `total` bytes. */
static void put_part(record *r, uint64_t stream, size_t total, size_t from, size_t n) {
    static uint8_t message[MIB], payload[ROOM];
    size_t prefix = from == 0 ? SEAL__DATA_LENGTH : 0;
    test_message_pack(&(test_message){.size = total, .seed = 7}, message);
    seal__store_u32(payload, (uint32_t)total);
    memcpy(payload + prefix, message + from, n);
    r->len = put_frame(r->content, r->len, SEAL__FRAME_DATA, from == 0 ? SEAL__DATA_FIRST : 0,
                       stream, payload, prefix + n);
}

static size_t open_record(session_pair *pair, record *r) {
    session_end_open(&pair->server, r->content, r->len, r->opened);
    return seal__session_scatter(pair->server.session)->n;
}

static void feed(session_pair *pair, record *r) {
    seal__session_feed(pair->server.session, pair->now_ns, r->opened, r->len);
    session_end_drain(pair, &pair->server);
    assert_int_equal(pair->server.failed, 0);
    r->len = 0;
}

static void parts_stand_where_they_are_collected(void **state) {
    (void)state;
    static record r;
    session_pair pair;
    app *a = begin(&pair, (session_pair_options){0});
    seal__stream *stream = open_call(&pair);
    size_t total = 4 * (size_t)PART;
    r.len = 0;
    put_part(&r, stream->id, total, 0, PART);
    put_part(&r, stream->id, total, PART, PART);
    assert_int_equal(open_record(&pair, &r), 2);
    feed(&pair, &r);
    const seal__buf *inbox = &a->handler[0]->inbox;
    assert_int_equal(inbox->cap, SEAL__DATA_LENGTH + total);
    const uint8_t *memory = inbox->data;
    size_t calls = pair.alloc.calls;
    put_part(&r, stream->id, total, 2 * (size_t)PART, PART);
    put_part(&r, stream->id, total, 3 * (size_t)PART, PART);
    assert_int_equal(open_record(&pair, &r), 2);
    assert_ptr_equal(seal__session_scatter(pair.server.session)->pieces[1].to,
                     memory + SEAL__DATA_LENGTH + 3 * (size_t)PART);
    feed(&pair, &r);
    assert_int_equal(a->received, 1);
    assert_int_equal(a->len, total);
    assert_int_equal(pair.alloc.calls, calls);
    end_pair(&pair);
}

/* A record that turns out to be forged has only written where nothing is. */
static void a_forged_record_changes_nothing(void **state) {
    (void)state;
    static record r, forged;
    session_pair pair;
    app *a = begin(&pair, (session_pair_options){0});
    seal__stream *stream = open_call(&pair);
    size_t total = 6 * (size_t)PART;
    r.len = forged.len = 0;
    put_part(&r, stream->id, total, 0, PART);
    open_record(&pair, &r);
    feed(&pair, &r);
    seal__stream before = *a->handler[0];
    uint64_t reserved = pair.server.session->reserved;
    put_part(&forged, stream->id, total, PART, PART);
    put_part(&forged, 999, total, 0, PART);
    memset(forged.content + 20, 0xee, 100);
    assert_int_equal(open_record(&pair, &forged), 2);
    assert_memory_equal(&before, a->handler[0], sizeof before);
    assert_int_equal(pair.server.session->reserved, reserved);
    assert_int_equal(pair.server.session->last_id, stream->id);
    for (size_t from = PART; from < total; from += PART) {
        put_part(&r, stream->id, total, from, PART);
        open_record(&pair, &r);
        feed(&pair, &r);
    }
    assert_int_equal(a->received, 1);
    open_record(&pair, &forged); /* and what was taken for it goes with the session */
    end_pair(&pair);
}

/* Memory before authentication: by what has come, not by what is said. */
static void a_claim_takes_no_memory(void **state) {
    (void)state;
    static record r;
    session_pair pair;
    begin(&pair, (session_pair_options){0});
    size_t before = pair.alloc.bytes;
    r.len = 0;
    put_part(&r, 1, MIB, 0, PART);
    seal__store_u32(r.content + SEAL__FRAME_HEADER, UINT32_MAX);
    assert_int_equal(open_record(&pair, &r), 1);
    assert_in_range(pair.alloc.bytes, before + PART, before + 9 * (size_t)PART);
    r.len = 0; /* of less than half a piece, and of a whole message: none */
    put_part(&r, 1, MIB, 0, PART / 4);
    assert_int_equal(open_record(&pair, &r), 0);
    r.len = 0;
    put_part(&r, 1, PART, 0, PART);
    assert_int_equal(open_record(&pair, &r), 0);
    assert_in_range(pair.alloc.bytes, before, before + KIB);
    end_pair(&pair);
    begin(&pair, (session_pair_options){.max_buffered = PART / 2}); /* not beyond the budget */
    r.len = 0;
    put_part(&r, 1, MIB, 0, PART);
    assert_int_equal(open_record(&pair, &r), 0);
    end_pair(&pair);
}

/* Frames that do not fit their message stay in the record, where they are judged. */
static void what_does_not_fit_stays(void **state) {
    (void)state;
    static record r;
    session_pair pair;
    app *a = begin(&pair, (session_pair_options){0});
    seal__stream *stream = open_call(&pair);
    size_t total = PART + 8 * (size_t)KIB;
    r.len = 0;
    put_part(&r, stream->id, total, 0, PART);
    put_part(&r, stream->id, MIB, PART, 9 * (size_t)KIB); /* beyond the message */
    assert_int_equal(open_record(&pair, &r), 1);
    r.len = 0;
    put_part(&r, stream->id, total, 0, PART);
    open_record(&pair, &r);
    feed(&pair, &r);
    put_part(&r, stream->id, MIB, PART, 9 * (size_t)KIB);
    assert_int_equal(open_record(&pair, &r), 0);
    r.len = 0;
    put_part(&r, stream->id + 2, total, PART, 8 * (size_t)KIB); /* no such stream */
    assert_int_equal(open_record(&pair, &r), 0);
    r.len = put_frame(r.content, 0, SEAL__FRAME_DATA, 0, stream->id, r.opened, 5 * (size_t)KIB);
    r.len -= 1; /* a record that ends inside a frame */
    assert_int_equal(open_record(&pair, &r), 0);
    r.len = 0;
    put_part(&r, stream->id, total, PART, 8 * (size_t)KIB);
    assert_int_equal(open_record(&pair, &r), 1);
    feed(&pair, &r);
    assert_int_equal(a->received, 1);
    end_pair(&pair);
}

/* The stream is gone when its bytes come, because of a message before them in the record. */
static void a_stream_may_end_before_its_bytes(void **state) {
    (void)state;
    static record r;
    session_pair pair;
    app *a = begin(&pair, (session_pair_options){0});
    seal__stream *one = open_call(&pair);
    seal__stream *two = open_call(&pair);
    size_t total = 3 * (size_t)PART;
    r.len = 0;
    put_part(&r, one->id, total, 0, PART);
    open_record(&pair, &r);
    feed(&pair, &r);
    put_part(&r, two->id, total, 0, PART);
    open_record(&pair, &r);
    feed(&pair, &r);
    put_part(&r, two->id, total, PART, PART);
    open_record(&pair, &r);
    feed(&pair, &r);
    put_part(&r, two->id, total, 2 * (size_t)PART, PART);
    put_part(&r, one->id, total, PART, PART);
    assert_int_equal(open_record(&pair, &r), 2);
    a->cancel = a->handler[0];
    feed(&pair, &r);
    assert_int_equal(a->received, 1);
    end_pair(&pair);
}

/* A message that begins behind others that nobody has read is put behind them. */
static void a_message_behind_unread_ones(void **state) {
    (void)state;
    static record r;
    session_pair pair;
    app *a = begin(&pair, (session_pair_options){0});
    a->reads_none = true;
    seal__stream *stream = open_call(&pair);
    size_t total = 3 * (size_t)PART;
    r.len = 0;
    put_part(&r, stream->id, 10, 0, 10);
    open_record(&pair, &r);
    feed(&pair, &r);
    put_part(&r, stream->id, total, 0, PART);
    put_part(&r, stream->id, total, PART, PART);
    assert_int_equal(open_record(&pair, &r), 2);
    feed(&pair, &r);
    assert_null(pair.server.session->placing.spare.data);
    put_part(&r, stream->id, total, 2 * (size_t)PART, PART);
    open_record(&pair, &r);
    feed(&pair, &r);
    assert_int_equal(a->received, 0);
    seal__stream_read(pair.server.session, a->handler[0], 2);
    session_end_drain(&pair, &pair.server);
    assert_int_equal(a->received, 2);
    assert_int_equal(a->len, total);
    end_pair(&pair);
}

/* Several messages by turns, and other frames between. */
static void messages_by_turns(void **state) {
    (void)state;
    static record r;
    session_pair pair;
    app *a = begin(&pair, (session_pair_options){0});
    uint64_t ids[2] = {open_call(&pair)->id, open_call(&pair)->id};
    size_t total = 5 * (size_t)PART;
    r.len = 0;
    for (size_t from = 0; from < total; from += PART) {
        for (size_t i = 0; i < 2; i++) {
            uint8_t ping[8] = {0};
            r.len = put_frame(r.content, r.len, SEAL__FRAME_PING, 0, 0, ping, sizeof ping);
            put_part(&r, ids[i], total, from, PART);
        }
        /* the first part of the second message has to stay */
        assert_int_equal(open_record(&pair, &r), from == 0 ? 1 : 2);
        feed(&pair, &r);
    }
    assert_int_equal(a->received, 2);
    end_pair(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_stand_where_they_are_collected),
        cmocka_unit_test(a_forged_record_changes_nothing),
        cmocka_unit_test(a_claim_takes_no_memory),
        cmocka_unit_test(what_does_not_fit_stays),
        cmocka_unit_test(a_stream_may_end_before_its_bytes),
        cmocka_unit_test(a_message_behind_unread_ones),
        cmocka_unit_test(messages_by_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
