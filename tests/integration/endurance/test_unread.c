/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams that nobody reads, beside calls that go on: what lies at each end is bounded by the
 * windows, and the calls are not held up.
 */
#include "counting.h"
#include "process.h"

#include <stdio.h>

enum {
    SIZE = 10000, /* of a message */
    WINDOW = 256 * 1024,
    QUEUE = 64 * 1024, /* what may wait at the sender beyond the window */
    /* What one unread stream may cost an end: what has come and is not read, or what waits to be
     * sent, with a message more. */
    COST = WINDOW + QUEUE + 2 * SIZE,
    /* What calls that go on may cost, and blocks that the runtime keeps for reuse (net/blocks.h).
     */
    BASE = 512 * 1024 + 16 * 1024 * 1024,
    STREAMS = 40,
    CALLS = 2000
};

typedef struct ends {
    process server;
    counting memory;
    seal_runtime *runtime;
    seal_channel *channel;
    it_client observer; /* a connection of its own */
} ends;

static void ends_start(ends *e, const char *name) {
    char target[64];
    process_init(&e->server, name, 1);
    process_start(&e->server);
    snprintf(target, sizeof target, "localhost:%u", e->server.port);
    it_client_start(&e->observer, target, NULL);
    counting_init(&e->memory);
    seal_runtime_options options;
    seal_runtime_options_init(&options);
    options.allocator = &e->memory.allocator;
    assert_int_equal(seal_runtime_new(&options, &e->runtime, NULL), 0);
    assert_int_equal(jtest_journal_channel_new(e->runtime, target, NULL, &e->channel, NULL), 0);
}

static void ends_done(ends *e) {
    seal_channel_free(e->channel);
    seal_runtime_free(e->runtime);
    assert_int_equal(atomic_load(&e->memory.bytes), 0);
    it_client_done(&e->observer);
    process_drain(&e->server);
}

static void make_calls(ends *e, uint64_t n) {
    for (uint64_t i = 0; i < n; i++) {
        Jtest__Order order = JTEST__ORDER__INIT;
        const Jtest__Receipt *receipt = NULL;
        order.id = 1000000 + i;
        seal_result *result = jtest_journal_sync_execute(e->channel, &order, NULL, &receipt);
        if (receipt == NULL)
            print_error("call %llu: %s\n", (unsigned long long)i, seal_result_message(result));
        assert_non_null(receipt);
        assert_int_equal(receipt->id, order.id);
        seal_result_free(result);
    }
}

static void report(ends *e, uint64_t messages, unsigned long long own, const Jtest__Figures *before,
                   const Jtest__Figures *after) {
    print_message("%d unread streams: %llu messages of %d bytes were taken; bytes at the client "
                  "%lld, at most %lld; at the server %lld, at most %lld\n",
                  STREAMS, (unsigned long long)messages, SIZE,
                  (long long)(atomic_load(&e->memory.bytes) - own),
                  (long long)(atomic_load(&e->memory.peak) - own),
                  (long long)(after->allocated - before->allocated),
                  (long long)(after->max_allocated - before->allocated));
}

/* ---- The client does not read ---- */

typedef struct stream {
    seal_client_call *call;
    atomic_uint messages;
    atomic_uint ended;
    seal_status status;
} stream;

static void on_message(seal_client_call *call, const Jtest__Receipt *receipt, void *user) {
    stream *s = user;
    (void)call;
    if (receipt->data.len == SIZE)
        atomic_fetch_add(&s->messages, 1);
}

static void on_end(const seal_result *result, void *user) {
    stream *s = user;
    s->status = seal_result_status(result);
    atomic_fetch_add(&s->ended, 1);
}

static void open_pour(ends *e, stream *s, uint32_t count) {
    Jtest__Order order = JTEST__ORDER__INIT;
    memset(s, 0, sizeof *s);
    order.count = count;
    order.size = SIZE;
    assert_int_equal(
        jtest_journal_open_pour(e->channel, &order, NULL, on_message, on_end, s, &s->call), 0);
}

typedef struct poured {
    ends *e;
    uint64_t at_least;
} poured;

static bool has_poured(void *arg) {
    poured *p = arg;
    return process_figures(p->e->observer.channel).poured >= p->at_least;
}

static void client_does_not_read(void **state) {
    (void)state;
    static ends e;
    static stream streams[STREAMS];
    ends_start(&e, "unread");
    make_calls(&e, 100);
    unsigned long long own = atomic_load(&e.memory.bytes);
    Jtest__Figures before = process_figures(e.observer.channel);
    for (size_t i = 0; i < STREAMS; i++)
        open_pour(&e, &streams[i], 1000000);
    /* The windows do fill up. */
    it_wait(has_poured, &(poured){.e = &e, .at_least = STREAMS * (WINDOW / (SIZE + 32))},
            "the windows to be filled");
    make_calls(&e, CALLS);
    Jtest__Figures after = process_figures(e.observer.channel);
    report(&e, after.poured, own, &before, &after);
    assert_true(after.poured * SIZE <= (uint64_t)STREAMS * (WINDOW + QUEUE + 2 * SIZE));
    assert_true(atomic_load(&e.memory.peak) <= own + BASE + (uint64_t)STREAMS * COST);
    assert_true(after.max_allocated <= before.allocated + BASE + (uint64_t)STREAMS * COST);
    for (size_t i = 0; i < STREAMS; i++) {
        assert_int_equal(atomic_load(&streams[i].messages), 0);
        assert_int_equal(atomic_load(&streams[i].ended), 0);
    }
    /* One is read now, and goes on; the others end as they are. */
    seal_client_call_read(streams[0].call, 500);
    it_wait_at_least(&streams[0].messages, 500, "messages of the stream that is read");
    make_calls(&e, 100);
    assert_int_equal(atomic_load(&streams[0].messages), 500);
    for (size_t i = 0; i < STREAMS; i++) {
        seal_client_call_cancel(streams[i].call);
        it_wait_at_least(&streams[i].ended, 1, "the end of a stream");
        assert_int_equal(streams[i].status, SEAL_STATUS_CANCELLED);
        seal_client_call_unref(streams[i].call);
    }
    ends_done(&e);
}

/* ---- The server does not read ---- */

typedef struct feed {
    seal_client_call *call;
    uint8_t data[SIZE];
    atomic_uint taken;  /* messages */
    atomic_uint agains; /* no more were taken */
    atomic_uint ended;
} feed;

static void feed_more(seal_client_call *call, void *user) {
    feed *f = user;
    Jtest__Order order = JTEST__ORDER__INIT;
    order.data.data = f->data;
    order.data.len = SIZE;
    int rc = 0;
    while ((rc = jtest_journal_write_ignore(call, &order)) == 0)
        atomic_fetch_add(&f->taken, 1);
    if (rc == SEAL_ERROR_AGAIN)
        atomic_fetch_add(&f->agains, 1);
}

static void feed_begin(void *user) {
    feed *f = user;
    seal_client_call_on_writable(f->call, feed_more, f);
    feed_more(f->call, f);
}

static void feed_end(const seal_result *result, const Jtest__Receipt *receipt, void *user) {
    feed *f = user;
    (void)result;
    (void)receipt;
    atomic_fetch_add(&f->ended, 1);
}

static void server_does_not_read(void **state) {
    (void)state;
    static ends e;
    static feed feeds[STREAMS];
    ends_start(&e, "unread_requests");
    make_calls(&e, 100);
    unsigned long long own = atomic_load(&e.memory.bytes);
    Jtest__Figures before = process_figures(e.observer.channel);
    for (size_t i = 0; i < STREAMS; i++) {
        assert_int_equal(
            jtest_journal_open_ignore(e.channel, NULL, feed_end, &feeds[i], &feeds[i].call), 0);
        assert_int_equal(seal_runtime_post(e.runtime, feed_begin, &feeds[i]), 0);
    }
    for (size_t i = 0; i < STREAMS; i++)
        it_wait_at_least(&feeds[i].taken, WINDOW / (SIZE + 32), "a window to be filled");
    make_calls(&e, CALLS);
    uint64_t taken = 0;
    for (size_t i = 0; i < STREAMS; i++) {
        assert_true(atomic_load(&feeds[i].agains) > 0);
        assert_int_equal(atomic_load(&feeds[i].ended), 0);
        taken += atomic_load(&feeds[i].taken);
    }
    Jtest__Figures after = process_figures(e.observer.channel);
    report(&e, taken, own, &before, &after);
    assert_true(taken * SIZE <= (uint64_t)STREAMS * (WINDOW + QUEUE + 2 * SIZE));
    assert_true(atomic_load(&e.memory.peak) <= own + BASE + (uint64_t)STREAMS * COST);
    assert_true(after.max_allocated <= before.allocated + BASE + (uint64_t)STREAMS * COST);
    for (size_t i = 0; i < STREAMS; i++) {
        seal_client_call_cancel(feeds[i].call);
        it_wait_at_least(&feeds[i].ended, 1, "the end of a stream");
        seal_client_call_unref(feeds[i].call);
    }
    ends_done(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(client_does_not_read),
                                       cmocka_unit_test(server_does_not_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
