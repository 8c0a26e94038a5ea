/* SPDX-License-Identifier: Apache-2.0 */
/* Reading when asked, what comes with a call beside its messages, and the order of its end. */
#include "support/cmocka_all.h"

#include <string.h>

#include "session/internal.h"
#include "session/pair.h"

enum { MAX_LOG = 64 };
#define MS UINT64_C(1000000)

/* What happened at one end, a letter each: Headers, Message, message with the end (m), End, Status,
 * metAdata, Cancelled, eXpired, Too big, Writable. */
typedef struct record {
    char log[MAX_LOG];
    size_t n;
    seal__event last; /* without what is borrowed */
    char text[64];
    uint8_t metadata[64], details[64];
    size_t total;
} record;

static record at_server, at_client;
static seal__stream *handler;
static uint32_t handler_reads; /* 0: asks for nothing */

static void note(record *r, const seal__event *event) {
    static const char letters[] = {
        [SEAL__EVENT_SETTINGS] = 0,    [SEAL__EVENT_HEADERS] = 'H', [SEAL__EVENT_MESSAGE] = 'M',
        [SEAL__EVENT_END] = 'E',       [SEAL__EVENT_STATUS] = 'S',  [SEAL__EVENT_TOO_BIG] = 'T',
        [SEAL__EVENT_CANCELLED] = 'C', [SEAL__EVENT_EXPIRED] = 'X', [SEAL__EVENT_GOAWAY] = 'G',
        [SEAL__EVENT_METADATA] = 'A',  [SEAL__EVENT_WRITABLE] = 'W'};
    if (event->kind == SEAL__EVENT_SETTINGS)
        return;
    assert_in_range(r->n, 0, MAX_LOG - 2);
    r->log[r->n++] = event->kind == SEAL__EVENT_MESSAGE && event->end ? 'm' : letters[event->kind];
    r->log[r->n] = '\0';
    r->last = *event;
    r->total += event->len;
    if (event->text != NULL)
        strncpy(r->text, event->text, sizeof r->text - 1);
    if (event->metadata.len > 0 && event->metadata.len <= sizeof r->metadata)
        memcpy(r->metadata, event->metadata.data, event->metadata.len);
    if (event->details.len > 0 && event->details.len <= sizeof r->details)
        memcpy(r->details, event->details.data, event->details.len);
}

static void serve(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    (void)end;
    note(&at_server, event);
    if (event->kind != SEAL__EVENT_HEADERS)
        return;
    handler = event->stream;
    if (handler_reads == 0)
        seal__stream_read_none(handler);
}

static void receive(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    (void)end;
    note(&at_client, event);
}

static void begin(session_pair *pair) {
    memset(&at_server, 0, sizeof at_server);
    memset(&at_client, 0, sizeof at_client);
    handler = NULL;
    handler_reads = SEAL__READ_ALL;
    session_pair_connect(pair, &(session_pair_options){.on_server = serve, .on_client = receive},
                         NULL);
}

static seal__stream *start(session_pair *pair, const seal__open *options) {
    seal__open open = *options;
    open.method = "a/b";
    if (open.deadline_ns == 0)
        open.deadline_ns = UINT64_MAX;
    seal__stream *stream = NULL;
    assert_int_equal(seal__session_open_call(pair->client.session, pair->now_ns, &open, &stream),
                     0);
    session_pair_run(pair);
    return stream;
}

static void end_pair(session_pair *pair) {
    assert_int_equal(pair->client.failed, 0);
    assert_int_equal(pair->server.failed, 0);
    assert_int_equal(seal__session_stream_count(pair->client.session), 0);
    assert_int_equal(seal__session_stream_count(pair->server.session), 0);
    assert_int_equal(seal__session_unread(pair->client.session), 0);
    assert_int_equal(seal__session_unread(pair->server.session), 0);
    session_pair_end(pair);
}

static void read_at(session_pair *pair, session_end *end, seal__stream *stream, uint32_t n) {
    seal__stream_read(end->session, stream, n);
    session_end_drain(pair, end);
    session_pair_run(pair);
}

static void send_both(session_end *end, seal__stream *stream, size_t n, bool last) {
    for (size_t i = 1; i <= n; i++)
        assert_int_equal(send_message(end, stream, i, 1, last && i == n), 0);
}

static void finish(session_pair *pair, seal_status status) {
    assert_int_equal(
        seal__session_finish(pair->server.session, handler, status, SEAL_EXECUTED, "done"), 0);
    session_pair_run(pair);
}

/* ---- Asking ---- */

static void client_gets_what_it_asks_for(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair);
    seal__stream *s = start(&pair, &(seal__open){.wanted = 2});
    send_both(&pair.server, handler, 4, false);
    session_pair_run(&pair);
    assert_string_equal(at_client.log, "MM");
    assert_int_equal(seal__stream_unread(s), 3 + 4 + 4 + 4);
    seal__stream_read(pair.client.session, s, 0);
    assert_false(seal__session_has_events(pair.client.session));
    seal__stream_read(pair.client.session, s, 1);
    assert_true(seal__session_has_events(pair.client.session));
    session_end_drain(&pair, &pair.client);
    assert_string_equal(at_client.log, "MMM");
    finish(&pair, SEAL_STATUS_OK);
    assert_string_equal(at_client.log, "MMM");
    read_at(&pair, &pair.client, s, SEAL__READ_ALL);
    assert_string_equal(at_client.log, "MMMMS");
    assert_int_equal(at_client.total, 1 + 2 + 3 + 4);
    end_pair(&pair);
}

static void end_without_a_message_needs_no_asking(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair);
    start(&pair, &(seal__open){0});
    finish(&pair, SEAL_STATUS_NOT_FOUND);
    assert_string_equal(at_client.log, "S");
    assert_int_equal(at_client.last.status, SEAL_STATUS_NOT_FOUND);
    assert_string_equal(at_client.text, "done");
    end_pair(&pair);
}

/* The last message carries the end, also when it has waited. */
static void end_comes_with_the_last_message(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair);
    handler_reads = 0;
    seal__stream *s = start(&pair, &(seal__open){0});
    send_both(&pair.client, s, 3, true);
    session_pair_run(&pair);
    assert_string_equal(at_server.log, "H");
    for (int i = 0; i < 3; i++)
        read_at(&pair, &pair.server, handler, 1);
    assert_string_equal(at_server.log, "HMMm");
    send_both(&pair.server, handler, 2, true);
    session_pair_run(&pair);
    assert_string_equal(at_client.log, "");
    assert_int_equal(seal__session_stream_count(pair.client.session), 1);
    read_at(&pair, &pair.client, s, 1);
    read_at(&pair, &pair.client, s, 1);
    assert_string_equal(at_client.log, "Mm");
    end_pair(&pair);
}

static void bare_end_waits_for_the_messages_before_it(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair);
    handler_reads = 0;
    start(&pair, &(seal__open){0});
    uint8_t content[64];
    size_t len = put_data(content, 0, 0, 1, 1, 1);
    len = put_frame(content, len, SEAL__FRAME_DATA, SEAL__DATA_END, 1, "", 0);
    session_end_feed(&pair, &pair.server, content, len);
    assert_string_equal(at_server.log, "H");
    read_at(&pair, &pair.server, handler, 1);
    assert_string_equal(at_server.log, "Hm");
    /* END has come: more is an error at the server, whoever has read what */
    session_end_feed(&pair, &pair.server, content, put_data(content, 0, 0, 1, 1, 1));
    assert_int_equal(pair.server.failed, SEAL_ERROR_PROTOCOL);
    session_pair_end(&pair);
}

/* Reading in the midst of an event goes on without a detour. */
static void read_one_more(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    note(&at_client, event);
    if (event->kind == SEAL__EVENT_MESSAGE && !event->end)
        seal__stream_read(end->session, event->stream, 1);
}

static void messages_passed_on_as_they_stand_cost_no_memory(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair);
    pair.client.on_event = read_one_more;
    start(&pair, &(seal__open){.wanted = 1});
    send_both(&pair.server, handler, 30, false);
    session_pair_move(&pair, &pair.server);
    size_t calls = pair.alloc.calls;
    send_both(&pair.server, handler, 30, false);
    session_pair_move(&pair, &pair.server);
    assert_int_equal(pair.alloc.calls, calls);
    assert_int_equal(at_client.n, 60);
    at_client.n = 0;
    finish(&pair, SEAL_STATUS_OK);
    end_pair(&pair);
}

/* ---- Ends that do not wait ---- */

static void deadline_passes_while_messages_lie_unread(void **state) {
    (void)state;
    for (int ended = 0; ended < 2; ended++) {
        session_pair pair;
        begin(&pair);
        start(&pair, &(seal__open){.deadline_ns = pair.now_ns + 100 * MS});
        send_both(&pair.server, handler, 3, ended != 0);
        session_pair_run(&pair);
        session_pair_advance(&pair, 100 * MS);
        assert_string_equal(at_client.log, "X");
        assert_int_equal(seal__session_unread(pair.client.session), 0);
        /* nobody is told to stop what has ended */
        assert_int_equal(session_pair_move(&pair, &pair.client) > 0, !ended);
        if (!ended)
            finish(&pair, SEAL_STATUS_OK);
        end_pair(&pair);
    }
}

static void cancel_drops_what_is_unread(void **state) {
    (void)state;
    for (int ended = 0; ended < 2; ended++) {
        session_pair pair;
        begin(&pair);
        seal__stream *s = start(&pair, &(seal__open){0});
        send_both(&pair.server, handler, 3, ended != 0);
        session_pair_run(&pair);
        seal__session_cancel(pair.client.session, s);
        session_pair_run(&pair);
        assert_string_equal(at_client.log, "");
        assert_string_equal(at_server.log, ended ? "H" : "HC");
        if (!ended)
            finish(&pair, SEAL_STATUS_OK);
        end_pair(&pair);
    }
}

/* The server's owner is told at once, and sees no message any more. */
static void reset_drops_what_is_unread(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair);
    handler_reads = 0;
    seal__stream *s = start(&pair, &(seal__open){0});
    send_both(&pair.client, s, 3, false);
    session_pair_run(&pair);
    assert_true(seal__session_unread(pair.server.session) > 0);
    seal__session_cancel(pair.client.session, s);
    session_pair_run(&pair);
    assert_string_equal(at_server.log, "HC");
    assert_int_equal(seal__session_unread(pair.server.session), 0);
    read_at(&pair, &pair.server, handler, SEAL__READ_ALL);
    assert_string_equal(at_server.log, "HC");
    finish(&pair, SEAL_STATUS_OK);
    end_pair(&pair);
}

/* A status that is not OK overtakes what is queued at the server, and waits for what has come. */
static void status_overtakes_the_queue_not_the_inbox(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair);
    pair.options.pump_limit = 1;
    seal__stream *s = start(&pair, &(seal__open){0});
    send_both(&pair.server, handler, 2, false);
    assert_int_equal(send_message(&pair.server, handler, 1 << 20, 1, false), 0);
    session_pair_move(&pair, &pair.server);
    session_pair_move(&pair, &pair.server);
    assert_true(seal__stream_queued(handler) > 0);
    finish(&pair, SEAL_STATUS_ABORTED);
    assert_string_equal(at_client.log, "");
    assert_int_equal(seal__stream_unread(s), 5 + 6);
    read_at(&pair, &pair.client, s, SEAL__READ_ALL);
    assert_string_equal(at_client.log, "MMS");
    assert_int_equal(at_client.last.status, SEAL_STATUS_ABORTED);
    assert_string_equal(at_client.text, "done");
    end_pair(&pair);
}

/* ---- Metadata, attempts, details ---- */

static const seal_bytes block = {(const uint8_t *)"\1\0\1kv\5\0\2x-bin\0\xff", 15};

static void headers_carry_metadata_and_the_attempt(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair);
    seal__stream *s = start(&pair, &(seal__open){.metadata = block, .attempt = 3});
    assert_string_equal(at_server.log, "H");
    assert_int_equal(at_server.last.attempt, 3);
    assert_int_equal(at_server.last.metadata.len, block.len);
    assert_memory_equal(at_server.metadata, block.data, block.len);
    seal__session_cancel(pair.client.session, s);
    session_pair_run(&pair);
    finish(&pair, SEAL_STATUS_OK);
    start(&pair, &(seal__open){.attempt = 1});
    assert_int_equal(at_server.last.attempt, 1);
    assert_int_equal(at_server.last.metadata.len, 0);
    finish(&pair, SEAL_STATUS_OK);
    static uint8_t large[SEAL__METADATA_MAX + 1];
    const seal__open open = {
        .method = "a/b", .deadline_ns = UINT64_MAX, .metadata = {large, sizeof large}};
    assert_int_equal(seal__session_open_call(pair.client.session, 0, &open, &s),
                     SEAL_ERROR_TOO_BIG);
    end_pair(&pair);
}

static void largest_headers_pass(void **state) {
    (void)state;
    static uint8_t value[SEAL__METADATA_MAX], large[SEAL__METADATA_MAX];
    static char name[SEAL__METHOD_NAME_MAX + 1];
    memset(value, 'v', sizeof value);
    memset(name, 'n', SEAL__METHOD_NAME_MAX);
    const seal__metadata_entry entry = {"k", 1, value, SEAL__METADATA_MAX - 4};
    seal__metadata_write(large, &entry);
    session_pair pair;
    begin(&pair);
    const seal__open open = {.method = name,
                             .deadline_ns = UINT64_MAX,
                             .attempt = 999,
                             .metadata = {large, sizeof large}};
    seal__stream *s = NULL;
    assert_int_equal(seal__session_open_call(pair.client.session, 0, &open, &s), 0);
    session_pair_run(&pair);
    assert_string_equal(at_server.log, "H");
    assert_int_equal(at_server.last.metadata.len, SEAL__METADATA_MAX);
    assert_int_equal(at_server.last.attempt, 255);
    finish(&pair, SEAL_STATUS_OK);
    end_pair(&pair);
}

/* The call is refused, the connection lives. */
static void broken_metadata_refuses_the_call(void **state) {
    (void)state;
    static const seal_bytes broken[] = {{(const uint8_t *)"\1\0\1K", 4},
                                        {(const uint8_t *)"\1\0\2kv", 5},
                                        {(const uint8_t *)"\6\0\0seal-x", 9},
                                        {(const uint8_t *)"\0\0\0", 3}};
    session_pair pair;
    begin(&pair);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        at_client.n = 0;
        start(&pair, &(seal__open){.metadata = broken[i]});
        assert_string_equal(at_server.log, "");
        assert_string_equal(at_client.log, "S");
        assert_int_equal(at_client.last.status, SEAL_STATUS_INVALID_ARGUMENT);
        assert_int_equal(at_client.last.execution, SEAL_NOT_EXECUTED);
    }
    start(&pair, &(seal__open){.metadata = block});
    assert_string_equal(at_server.log, "H");
    finish(&pair, SEAL_STATUS_OK);
    end_pair(&pair);
}

static void initial_metadata_comes_first_and_once(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair);
    seal__session *server = pair.server.session;
    seal__stream *s = start(&pair, &(seal__open){0});
    assert_int_equal(seal__session_send_metadata(pair.client.session, s, block), SEAL_ERROR_STATE);
    static const uint8_t large[SEAL__METADATA_MAX + 1];
    assert_int_equal(
        seal__session_send_metadata(server, handler, (seal_bytes){large, sizeof large}),
        SEAL_ERROR_TOO_BIG);
    assert_int_equal(seal__session_send_metadata(server, handler, block), 0);
    assert_int_equal(seal__session_send_metadata(server, handler, block), SEAL_ERROR_STATE);
    send_both(&pair.server, handler, 1, false);
    session_pair_run(&pair);
    assert_string_equal(at_client.log, "A"); /* not asked for, the message is */
    assert_int_equal(at_client.last.metadata.len, block.len);
    assert_memory_equal(at_client.metadata, block.data, block.len);
    read_at(&pair, &pair.client, s, 1);
    finish(&pair, SEAL_STATUS_OK);
    assert_string_equal(at_client.log, "AMS");
    /* never after a message; dropped when nobody listens */
    s = start(&pair, &(seal__open){.wanted = 1});
    send_both(&pair.server, handler, 1, false);
    assert_int_equal(seal__session_send_metadata(server, handler, block), SEAL_ERROR_STATE);
    finish(&pair, SEAL_STATUS_OK);
    s = start(&pair, &(seal__open){0});
    seal__session_cancel(pair.client.session, s);
    session_pair_run(&pair);
    assert_int_equal(seal__session_send_metadata(server, handler, block), 0);
    assert_int_equal(session_pair_move(&pair, &pair.server), 0);
    finish(&pair, SEAL_STATUS_OK);
    end_pair(&pair);
}

static void metadata_out_of_place_ends_the_connection(void **state) {
    (void)state;
    for (int after = 0; after < 3; after++) {
        session_pair pair;
        begin(&pair);
        start(&pair, &(seal__open){.wanted = after == 1});
        uint8_t content[64];
        size_t len = after == 0 ? put_frame(content, 0, SEAL__FRAME_METADATA, 0, 1, "", 0)
                                : put_data(content, 0, 0, 1, 1, 1);
        session_end_feed(&pair, &pair.client, content, len);
        assert_int_equal(pair.client.failed, 0);
        session_end_feed(&pair, &pair.client, content,
                         put_frame(content, 0, SEAL__FRAME_METADATA, 0, 1, "", 0));
        assert_int_equal(pair.client.failed, SEAL_ERROR_PROTOCOL);
        session_pair_end(&pair);
    }
}

static void status_carries_everything(void **state) {
    (void)state;
    /* at once; behind messages that are not read; OK behind a queue */
    for (int way = 0; way < 4; way++) {
        session_pair pair;
        begin(&pair);
        seal__stream *s = start(&pair, &(seal__open){0});
        bool ok = way == 3;
        send_both(&pair.server, handler, way == 0 ? 0 : 2, false);
        if (way >= 2)
            assert_int_equal(send_message(&pair.server, handler, 300000, 1, false), 0);
        const seal__ending ending = {.status = ok ? SEAL_STATUS_OK : SEAL_STATUS_UNAVAILABLE,
                                     .execution = SEAL_NOT_EXECUTED,
                                     .text = "later",
                                     .metadata = block,
                                     .details = {(const uint8_t *)"details", 7},
                                     .has_retry_after = true,
                                     .retry_after_ms = UINT32_MAX};
        assert_int_equal(seal__session_finish_with(pair.server.session, handler, &ending), 0);
        session_pair_run(&pair);
        read_at(&pair, &pair.client, s, way == 0 ? 0 : SEAL__READ_ALL);
        assert_string_equal(at_client.log, way == 0 ? "S" : ok ? "MMMS" : "MMS");
        const seal__event *e = &at_client.last;
        assert_int_equal(e->status, ending.status);
        assert_int_equal(e->execution, ok ? SEAL_EXECUTED : SEAL_NOT_EXECUTED);
        assert_string_equal(at_client.text, "later");
        assert_int_equal(e->metadata.len, block.len);
        assert_memory_equal(at_client.metadata, block.data, block.len);
        assert_int_equal(e->details.len, 7);
        assert_memory_equal(at_client.details, "details", 7);
        assert_true(e->has_retry_after && e->retry_after_ms == UINT32_MAX);
        end_pair(&pair);
    }
}

static void too_long_endings_are_shortened(void **state) {
    (void)state;
    static uint8_t details[SEAL__DETAILS_MAX + 1], metadata[SEAL__METADATA_MAX + 1];
    for (int way = 0; way < 4; way++) {
        session_pair pair;
        begin(&pair);
        start(&pair, &(seal__open){0});
        const seal__ending ending = {
            .status = SEAL_STATUS_ABORTED,
            .execution = SEAL_EXECUTED,
            .metadata = way & 1 ? (seal_bytes){metadata, sizeof metadata} : block,
            .details = {details, way & 2 ? sizeof details : sizeof details - 1}};
        assert_int_equal(seal__session_finish_with(pair.server.session, handler, &ending), 0);
        session_pair_run(&pair);
        assert_string_equal(at_client.log, "S");
        assert_int_equal(at_client.last.metadata.len, way & 1 ? 0 : block.len);
        assert_int_equal(at_client.last.details.len, way & 2 ? 0 : SEAL__DETAILS_MAX);
        assert_false(at_client.last.has_retry_after);
        end_pair(&pair);
    }
}

/* ---- Too big ---- */

static void after_too_big_nothing_more_is_wanted(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair);
    start(&pair, &(seal__open){0});
    seal__stream_limit(handler, 1000, UINT64_MAX, pair.server.session);
    static const uint8_t filler[500];
    uint8_t content[4096];
    session_end_feed(&pair, &pair.server, content, put_data(content, 0, 0, 1, 2000, 1500));
    size_t len = put_frame(content, 0, SEAL__FRAME_DATA, 0, 1, filler, 500);
    len = put_data(content, len, 0, 1, 1, 1);
    len = put_frame(content, len, SEAL__FRAME_DATA, SEAL__DATA_END, 1, "", 0);
    session_end_feed(&pair, &pair.server, content, len);
    assert_string_equal(at_server.log, "HT");
    assert_int_equal(pair.server.session->owed, 4 + 1500 + 500 + 5);
    finish(&pair, SEAL_STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(at_client.log, "S");
    end_pair(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_gets_what_it_asks_for),
        cmocka_unit_test(end_without_a_message_needs_no_asking),
        cmocka_unit_test(end_comes_with_the_last_message),
        cmocka_unit_test(bare_end_waits_for_the_messages_before_it),
        cmocka_unit_test(messages_passed_on_as_they_stand_cost_no_memory),
        cmocka_unit_test(deadline_passes_while_messages_lie_unread),
        cmocka_unit_test(cancel_drops_what_is_unread),
        cmocka_unit_test(reset_drops_what_is_unread),
        cmocka_unit_test(status_overtakes_the_queue_not_the_inbox),
        cmocka_unit_test(headers_carry_metadata_and_the_attempt),
        cmocka_unit_test(largest_headers_pass),
        cmocka_unit_test(broken_metadata_refuses_the_call),
        cmocka_unit_test(initial_metadata_comes_first_and_once),
        cmocka_unit_test(metadata_out_of_place_ends_the_connection),
        cmocka_unit_test(status_carries_everything),
        cmocka_unit_test(too_long_endings_are_shortened),
        cmocka_unit_test(after_too_big_nothing_more_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
