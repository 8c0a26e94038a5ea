/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation fails once: the outcome is a clean error, and nothing is lost. Then the outbox
 * alone. */
#include "support/cmocka_all.h"

#include <string.h>

#include "session/pair.h"

/* Never asserts a result: any step may have failed. */
static void serve(session_pair *pair, session_end *end, const seal__event *event) {
    if (event->kind == SEAL__EVENT_HEADERS)
        seal__stream_limit(event->stream, 0, pair->now_ns + event->timeout_us * 1000, end->session);
    if (event->kind != SEAL__EVENT_MESSAGE)
        return;
    int rc;
    if (seal__stream_id(event->stream) % 3 == 0)
        rc = seal__session_finish(end->session, event->stream, SEAL_STATUS_ABORTED, SEAL_EXECUTED,
                                  "no");
    else
        rc = send_message(end, event->stream, event->len * 2, 1, true);
    if (rc != 0)
        end->failed = rc;
}

static int run_calls(session_pair *pair) {
    static const size_t sizes[] = {10, 100, 40000, 0, 200000};
    for (size_t i = 0; i < 10; i++) {
        seal__stream *stream = NULL;
        if (!seal__session_can_open(pair->client.session))
            return SEAL_ERROR_STATE;
        int rc = seal__session_open(pair->client.session, pair->now_ns, i % 2 ? "a/b" : "c/d",
                                    pair->now_ns + 1000000000, 0, NULL, &stream);
        if (rc == 0)
            rc = send_message(&pair->client, stream, sizes[i % 5], 1, true);
        if (rc != 0)
            return rc;
        if (i == 7)
            seal__session_cancel(pair->client.session, stream);
    }
    session_pair_run(pair);
    if (pair->client.failed != 0 || pair->server.failed != 0)
        return SEAL_ERROR_NO_MEMORY;
    if (seal__session_stream_count(pair->client.session) > 0)
        return pair->client.outbox.failed || pair->server.outbox.failed ? SEAL_ERROR_NO_MEMORY
                                                                        : SEAL_ERROR_INTERNAL;
    int rc = seal__session_goaway(pair->server.session, 1, "bye");
    session_pair_run(pair);
    return rc != 0 || seal__session_is_going_away(pair->client.session) ? rc : SEAL_ERROR_NO_MEMORY;
}

/* ---- Streams: metadata, messages that wait at both ends, a kept status, a drain ---- */

static const seal_bytes block = {(const uint8_t *)"\1\0\1kv", 5};

static void note_failure(session_end *end, int rc) {
    if (rc != 0)
        end->failed = rc;
}

static void stream_back(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    static const size_t sizes[] = {0, 1, 100, 40000, 90000};
    if (event->kind != SEAL__EVENT_MESSAGE)
        return;
    seal__session *session = end->session;
    note_failure(end, seal__session_send_metadata(session, event->stream, block));
    for (size_t i = 0; i < 5; i++)
        note_failure(end, send_message(end, event->stream, sizes[i], 1, false));
    bool ok = seal__stream_id(event->stream) % 2 == 0;
    const seal__ending ending = {.status = ok ? SEAL_STATUS_OK : SEAL_STATUS_ABORTED,
                                 .text = "end",
                                 .metadata = block,
                                 .details = block};
    if (!ok)
        seal__session_pump(session, SIZE_MAX);
    note_failure(end, seal__session_finish_with(session, event->stream, &ending));
}

static int run_streams(session_pair *pair) {
    enum { STREAMS = 4 };
    seal__stream *streams[STREAMS];
    session_end *c = &pair->client;
    for (size_t i = 0; i < STREAMS; i++) {
        const seal__open open = {
            .method = "a/b", .deadline_ns = UINT64_MAX, .attempt = 2, .metadata = block};
        int rc = seal__session_open_call(c->session, pair->now_ns, &open, &streams[i]);
        if (rc == 0)
            rc = send_message(c, streams[i], 30000, 1, true);
        if (rc != 0)
            return rc;
    }
    session_pair_run(pair);
    int rc = seal__session_drain(pair->server.session, 1, "bye");
    for (size_t i = 0; i < STREAMS && c->failed == 0 && pair->server.failed == 0; i++) {
        seal__stream_read(c->session, streams[i], SEAL__READ_ALL);
        session_end_drain(pair, c);
        session_pair_run(pair);
    }
    if (rc != 0 || c->failed != 0 || pair->server.failed != 0)
        return SEAL_ERROR_NO_MEMORY;
    bool out = c->outbox.failed || pair->server.outbox.failed;
    if (!out &&
        (c->counts[SEAL__EVENT_STATUS] != STREAMS || c->counts[SEAL__EVENT_METADATA] != STREAMS ||
         !seal__session_is_drained(pair->server.session)))
        return SEAL_ERROR_INTERNAL;
    return out ? SEAL_ERROR_NO_MEMORY : 0;
}

typedef int scenario(session_pair *pair);

static void fail_everywhere(scenario *run, session_event_fn *on_server) {
    for (int once = 0; once < 2; once++) {
        bool failed = true;
        size_t n = 1;
        for (; failed; n++) {
            session_pair pair;
            memset(&pair, 0, sizeof pair);
            failing_alloc_fail_at(&pair.alloc, n, once != 0);
            int rc = session_pair_init(
                &pair, &(session_pair_options){.on_server = on_server, .stream_window = 1});
            if (rc == 0) {
                session_pair_run(&pair);
                rc = run(&pair);
            }
            failed = failing_alloc_has_failed(&pair.alloc);
            if (!failed)
                assert_int_equal(rc, 0);
            else if (rc != 0)
                assert_true(rc == SEAL_ERROR_NO_MEMORY || rc == SEAL_ERROR_STATE);
            if (pair.client.failed != 0)
                assert_int_equal(pair.client.failed, SEAL_ERROR_NO_MEMORY);
            session_pair_end(&pair);
        }
        assert_in_range(n, 20, 1000);
    }
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    fail_everywhere(run_calls, serve);
}

static void every_allocation_of_streams_may_fail(void **state) {
    (void)state;
    fail_everywhere(run_streams, stream_back);
}

/* ---- Outbox ---- */

static size_t begun, ended;
static int end_result;

static size_t begin_record(void *user, seal__buf *out) {
    (void)user;
    begun++;
    size_t start = out->len;
    return seal__buf_reserve(out, 7) == NULL ? SIZE_MAX : start;
}

/* A suite that adds a tag, and sometimes a message of its own behind the record. */
static int end_record(void *user, seal__buf *out, size_t start) {
    (void)user;
    ended++;
    assert_in_range(out->len - start, 8, 7 + SEAL__OUTBOX_RECORD);
    seal__buf_put(out, "0123456789abcdef", 16);
    return end_result;
}

static const seal__sealer sealer = {.begin = begin_record, .end = end_record};

static void records_are_filled_and_sealed(void **state) {
    (void)state;
    failing_alloc alloc;
    failing_alloc_init(&alloc);
    seal__outbox outbox;
    seal__outbox_init(&outbox, &alloc.allocator, &sealer);
    begun = ended = 0;
    end_result = 0;
    assert_int_equal(seal__outbox_seal(&outbox), 0); /* nothing to seal */
    assert_int_equal(seal__outbox_room(&outbox), SEAL__OUTBOX_RECORD);
    assert_int_equal(seal__outbox_position(&outbox), 0);
    assert_non_null(seal__outbox_reserve(&outbox, 1000));
    assert_int_equal(seal__outbox_room(&outbox), SEAL__OUTBOX_RECORD - 1000);
    assert_non_null(seal__outbox_reserve(&outbox, SEAL__OUTBOX_RECORD - 1000));
    assert_int_equal(seal__outbox_room(&outbox), 0);
    assert_int_equal(ended, 0);
    assert_non_null(seal__outbox_reserve(&outbox, 1));
    assert_int_equal(begun, 2);
    assert_int_equal(ended, 1);
    assert_int_equal(seal__outbox_position(&outbox), 7 + SEAL__OUTBOX_RECORD + 16);
    /* the socket takes part of the first record while the second is open */
    seal__outbox_taken(&outbox, 5000);
    assert_int_equal(outbox.written, 5000);
    assert_int_equal(seal__outbox_position(&outbox), 7 + SEAL__OUTBOX_RECORD + 16);
    assert_int_equal(seal__outbox_room(&outbox), SEAL__OUTBOX_RECORD - 1);
    assert_non_null(seal__outbox_reserve(&outbox, SEAL__OUTBOX_RECORD));
    assert_int_equal(begun, 3);
    assert_int_equal(seal__outbox_seal(&outbox), 0);
    assert_int_equal(ended, 3);
    assert_int_equal(outbox.written + outbox.wire.len, seal__outbox_position(&outbox));
    seal__outbox_done(&outbox);
    assert_int_equal(alloc.live, 0);
}

static void sealing_that_fails_is_final(void **state) {
    (void)state;
    failing_alloc alloc;
    failing_alloc_init(&alloc);
    seal__outbox outbox;
    seal__outbox_init(&outbox, &alloc.allocator, &sealer);
    end_result = SEAL_ERROR_STATE;
    assert_non_null(seal__outbox_reserve(&outbox, 10));
    assert_int_equal(seal__outbox_seal(&outbox), SEAL_ERROR_STATE);
    assert_true(outbox.failed);
    assert_null(seal__outbox_reserve(&outbox, 10));
    assert_true(seal__outbox_seal(&outbox) < 0);
    seal__outbox_done(&outbox);
    end_result = 0;
    for (size_t n = 1; n < 4; n++) {
        failing_alloc_fail_at(&alloc, n, false);
        seal__outbox_init(&outbox, &alloc.allocator, &sealer);
        uint8_t *at = seal__outbox_reserve(&outbox, 300);
        assert_true((at == NULL) == outbox.failed);
        at = seal__outbox_reserve(&outbox, SEAL__OUTBOX_RECORD);
        assert_true((at == NULL) == outbox.failed);
        seal__outbox_done(&outbox);
        assert_int_equal(alloc.live, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(every_allocation_of_streams_may_fail),
        cmocka_unit_test(records_are_filled_and_sealed),
        cmocka_unit_test(sealing_that_fails_is_final),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
