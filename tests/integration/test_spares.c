/* SPDX-License-Identifier: Apache-2.0 */
/* What a server keeps of calls that have ended: enough that the next ones take no memory, and no
 * more than that. */
#include "harness.h"

#include "support/failing_alloc.h"

enum {
    WARM_UP = 50,
    CALLS = 300,
    HELD = 96,          /* more than are kept */
    KEPT = 64 + 64 + 16 /* calls, streams, and what there is once in a connection */
};

static failing_alloc counting;
static it_server s;
static it_client c;

static size_t allocations(void) {
    pthread_mutex_lock(&counting.lock);
    size_t n = counting.calls;
    pthread_mutex_unlock(&counting.lock);
    return n;
}

static void start(uint32_t loops) {
    seal_server_options so;
    it_server_options(&so);
    so.loops = loops;
    failing_alloc_init(&counting);
    it_server_init(&s);
    s.runtime_options.allocator = &counting.allocator;
    it_server_start(&s, &so, NULL);
    it_client_start(&c, s.target, NULL);
}

static void finish(void) {
    it_client_done(&c);
    it_server_done(&s);
    assert_int_equal(failing_alloc_live(&counting), 0);
}

static bool none_runs(void *arg) {
    (void)arg;
    seal_server_stats stats;
    it_server_stats(&s, &stats);
    return stats.calls_running == 0;
}

static void calls_take_no_memory(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 64, 250};
    for (uint32_t loops = 1; loops <= 2; loops++) {
        start(loops);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            for (int n = 0; n < WARM_UP; n++)
                it_echo(c.channel, sizes[i]);
            size_t before = allocations();
            for (int n = 0; n < CALLS; n++)
                it_echo(c.channel, sizes[i]);
            assert_int_equal(allocations() - before, 0);
        }
        finish();
    }
}

static void many_answered_later(it_ends *ends) {
    for (int i = 0; i < HELD; i++) {
        seal_client_call *call = NULL;
        assert_int_equal(
            it_async(c.channel, &(it_request){.mode = ITEST__MODE__LATER}, ends, &call), 0);
        seal_client_call_unref(call);
    }
    it_server_wait_held(&s, HELD);
    it_server_release(&s);
}

static void no_more_is_kept(void **state) {
    (void)state;
    start(1);
    it_echo(c.channel, 64);
    size_t before = failing_alloc_live(&counting);
    size_t first = 0;
    for (unsigned round = 1; round <= 5; round++) {
        it_ends ends = {0};
        many_answered_later(&ends);
        it_wait_ends(&ends, HELD);
        assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), HELD);
        it_wait(none_runs, NULL, "all calls to be let go of");
        size_t live = failing_alloc_live(&counting);
        assert_in_range(live, before, before + KEPT);
        if (round == 1)
            first = live;
        assert_in_range(live, 0, first + 8); /* buffers of the connection come and go */
    }
    finish();
}

/* Answered in the handler, from other threads and later, by turns, in the same objects. */
static void every_way_in_turn(void **state) {
    (void)state;
    start(1);
    for (int i = 0; i < 50; i++) {
        it_echo(c.channel, 64);
        it_expect_ok(it_sync(c.channel, NULL, &(it_request){.mode = ITEST__MODE__THREAD}));
        it_expect(it_sync(c.channel, NULL, &(it_request){.mode = ITEST__MODE__NEVER}),
                  SEAL_STATUS_INTERNAL, SEAL_EXECUTED, NULL);
        it_expect(it_sync(c.channel, NULL,
                          &(it_request){.mode = ITEST__MODE__FAIL,
                                        .number = SEAL_STATUS_NOT_FOUND,
                                        .text = "no such thing"}),
                  SEAL_STATUS_NOT_FOUND, SEAL_EXECUTED, "no such thing");
        it_expect_ok(it_sync(c.channel, NULL, &(it_request){.mode = ITEST__MODE__TWICE}));
        it_echo(c.channel, 20000);
    }
    assert_int_equal(atomic_load(&s.mistakes), 0);
    it_wait(none_runs, NULL, "all calls to be let go of");
    seal_server_stats stats;
    it_server_stats(&s, &stats);
    assert_int_equal(stats.calls_started, 300);
    assert_int_equal(stats.calls_refused, 0);
    finish();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_take_no_memory),
        cmocka_unit_test(no_more_is_kept),
        cmocka_unit_test(every_way_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
