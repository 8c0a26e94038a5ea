/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that opens calls and cancels them at once, again and again: the server never runs more
 * handlers than max_streams, at both ends memory is afterwards what it was before, and all of it
 * passes on one connection, whose other calls go on.
 */
#include "counting.h"
#include "process.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 90, MAX_STREAMS = 100, SLACK = 256 * 1024, RSS_SLACK = 64 * 1024 * 1024 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

typedef struct churn {
    seal_runtime *runtime;
    seal_channel *channel;
    seal_client_call *calls[BATCH];
    size_t left;    /* calls to be opened */
    size_t running; /* of this batch */
    size_t in_batch;
    size_t batches;
    size_t late_every; /* batches: one is cancelled when its handlers run */
    size_t by_execution[3];
    size_t wrong;   /* ended with something else than CANCELLED */
    size_t markers; /* that ended with something else than OK */
    atomic_bool over;
} churn;

static void open_batch(void *user);

static void one_ended(churn *c) {
    if (--c->running > 0)
        return;
    if (c->left == 0)
        atomic_store(&c->over, true);
    else if (seal_runtime_post(c->runtime, open_batch, c) < 0)
        abort();
}

static void on_end(const seal_result *result, const Jtest__Receipt *receipt, void *user) {
    churn *c = user;
    (void)receipt;
    seal_status status = seal_result_status(result);
    c->by_execution[seal_result_execution(result)]++;
    c->wrong += status != SEAL_STATUS_CANCELLED;
    one_ended(c);
}

static void cancel_batch(churn *c) {
    for (size_t i = 0; i < c->in_batch; i++) {
        seal_client_call_cancel(c->calls[i]);
        seal_client_call_unref(c->calls[i]);
    }
}

/* The calls before it have reached the server. */
static void on_marker(const seal_result *result, const Jtest__Receipt *receipt, void *user) {
    churn *c = user;
    (void)receipt;
    c->markers += seal_result_status(result) != SEAL_STATUS_OK;
    cancel_batch(c);
    one_ended(c);
}

/* Some are cancelled when their handlers run, many more than the server takes at once; the others
 * before they can leave. */
static void open_batch(void *user) {
    churn *c = user;
    Jtest__Order order = JTEST__ORDER__INIT;
    c->in_batch = c->left < BATCH ? c->left : BATCH;
    c->running = c->in_batch;
    for (size_t i = 0; i < c->in_batch; i++) {
        if (jtest_journal_call_hold(c->channel, &order, NULL, on_end, c, &c->calls[i]) < 0)
            abort();
        c->left--;
    }
    if (c->batches++ % c->late_every != 0) {
        cancel_batch(c);
        return;
    }
    c->running++;
    if (jtest_journal_call_execute(c->channel, &order, NULL, on_marker, c, NULL) < 0)
        abort();
}

static bool is_over(void *arg) {
    churn *c = arg;
    return atomic_load(&c->over);
}

static void open_and_cancel(churn *c, size_t calls) {
    /* In parts, so that no wait is long. */
    while (calls > 0) {
        c->left = calls < 1000 ? calls : 1000;
        calls -= c->left;
        atomic_store(&c->over, false);
        assert_int_equal(seal_runtime_post(c->runtime, open_batch, c), 0);
        it_wait(is_over, c, "calls to end");
    }
}

static bool is_quiet(void *arg) {
    return process_figures(arg).alive == 0;
}

static void cancelled_at_once(void **state) {
    (void)state;
    static churn c;
    process p;
    it_client observer;
    counting memory;
    char target[64];
    size_t calls = is_full() ? 1000000 : 20000;
    c.late_every = is_full() ? 80 : 18;
    process_init(&p, "cancels", 1);
    p.max_streams = MAX_STREAMS;
    process_start(&p);
    snprintf(target, sizeof target, "localhost:%u", p.port);
    it_client_start(&observer, target, NULL);
    counting_init(&memory);
    seal_runtime_options options;
    seal_runtime_options_init(&options);
    options.allocator = &memory.allocator;
    assert_int_equal(seal_runtime_new(&options, &c.runtime, NULL), 0);
    assert_int_equal(jtest_journal_channel_new(c.runtime, target, NULL, &c.channel, NULL), 0);

    open_and_cancel(&c, 2000); /* what is kept for later use is there afterwards */
    it_wait(is_quiet, observer.channel, "handlers to end");
    Jtest__Figures before = process_figures(observer.channel);
    unsigned long long own = atomic_load(&memory.bytes);
    open_and_cancel(&c, calls);
    it_wait(is_quiet, observer.channel, "handlers to end");
    Jtest__Figures after = process_figures(observer.channel);
    unsigned long long own_after = atomic_load(&memory.bytes);

    seal_channel_stats stats;
    seal_channel_get_stats(c.channel, &stats);
    print_message("%zu calls cancelled on %llu connections: %zu not executed, %zu unknown, %zu "
                  "executed; %llu handlers, at most %llu at once\n",
                  calls, (unsigned long long)stats.connections_made,
                  c.by_execution[SEAL_NOT_EXECUTED], c.by_execution[SEAL_EXECUTION_UNKNOWN],
                  c.by_execution[SEAL_EXECUTED], (unsigned long long)(after.held - before.held),
                  (unsigned long long)after.max_alive);
    print_message("bytes at the server: %llu before, %llu after; resident %llu, %llu; at the "
                  "client: %llu, %llu\n",
                  (unsigned long long)before.allocated, (unsigned long long)after.allocated,
                  (unsigned long long)before.resident, (unsigned long long)after.resident, own,
                  own_after);
    assert_int_equal(c.wrong, 0);
    assert_int_equal(c.markers, 0);
    assert_int_equal(stats.connections_made, 1);
    assert_true(after.held > before.held + 1000); /* the server's budget alone would not do */
    assert_true(after.max_alive <= MAX_STREAMS);
    assert_true(after.allocated <= before.allocated + SLACK);
    assert_true(own_after <= own + SLACK);
#ifdef SANITIZED
    print_message("the resident size is not checked: sanitizers keep what was freed\n");
#else
    assert_true(after.resident <= before.resident + RSS_SLACK);
#endif
    seal_channel_free(c.channel);
    seal_runtime_free(c.runtime);
    assert_int_equal(atomic_load(&memory.bytes), 0);
    it_client_done(&observer);
    process_drain(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(cancelled_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
