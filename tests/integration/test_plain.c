/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain calls (client/plain.c): begun on the loop's thread, without a handle. They need no memory
 * that calls before them have not used; what they have borrowed is there as long as somebody has
 * it; and they are sent again like any other call.
 */
#include "attempts.h"
#include "support/failing_alloc.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

static failing_alloc counting;

/* ---- A client on this thread's loop ---- */

static struct {
    uv_loop_t loop;
    seal_runtime *runtime;
    seal_channel *channel;
} c;

static int setup(void **state) {
    (void)state;
    seal_runtime_options options;
    seal_channel_options channel_options;
    at_journal_clear();
    it_server_init(&it_s);
    it_s.prepare = at_register;
    it_server_start(&it_s, NULL, NULL);
    failing_alloc_init(&counting);
    assert_int_equal(uv_loop_init(&c.loop), 0);
    seal_runtime_options_init(&options);
    options.loop = &c.loop;
    options.allocator = &counting.allocator;
    assert_int_equal(seal_runtime_new(&options, &c.runtime, NULL), 0);
    it_channel_options(&channel_options);
    assert_int_equal(
        itest_attempts_channel_new(c.runtime, it_s.target, &channel_options, &c.channel, NULL), 0);
    it_c.channel = c.channel;
    return 0;
}

static void end_client(void) {
    seal_channel_free(c.channel);
    seal_runtime_free(c.runtime);
    uv_run(&c.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&c.loop), 0);
    c.channel = NULL;
}

static bool nothing_lives(void *arg) {
    (void)arg;
    return failing_alloc_live(&counting) == 0;
}

static int teardown(void **state) {
    (void)state;
    if (c.channel != NULL)
        end_client();
    it_wait(nothing_lives, NULL, "the client's memory to be released");
    at_drop_unanswered();
    it_server_done(&it_s);
    return 0;
}

static void run_until(const unsigned *counter, unsigned n) {
    uint64_t end = uv_hrtime() + 60000 * MS;
    while (*counter < n && uv_hrtime() < end)
        uv_run(&c.loop, UV_RUN_ONCE);
    assert_int_equal(*counter, n);
}

/* ---- Calls one after the other ---- */

typedef struct row {
    unsigned size;
    unsigned begun;
    unsigned ended;
    unsigned wrong;
    unsigned limit;
    unsigned in_flight;
    seal_result **kept; /* NULL: none is */
} row;

static void begin_one(row *r);

static void on_end(const seal_result *result, const Itest__Reply *reply, void *user) {
    row *r = user;
    if (reply == NULL || reply->data.len != r->size ||
        !it_pattern_matches(reply->data.data, r->size))
        r->wrong++;
    if (r->kept != NULL)
        r->kept[r->ended] = seal_result_ref(result);
    r->ended++;
    if (r->begun < r->limit)
        begin_one(r);
}

static void begin_one(row *r) {
    static char none[] = "";
    static uint8_t bytes[8192];
    Itest__Request request = ITEST__REQUEST__INIT;
    for (size_t i = 0; i < r->size; i++)
        bytes[i] = (uint8_t)(i * 31 + 7);
    request.text = none;
    request.data.data = bytes;
    request.data.len = r->size;
    r->begun++;
    assert_int_equal(itest_echo_call_call(c.channel, &request, NULL, on_end, r, NULL), 0);
}

static void run_row(row *r) {
    for (unsigned i = 0; i < r->in_flight; i++)
        begin_one(r);
    run_until(&r->ended, r->limit);
    assert_int_equal(r->wrong, 0);
}

/* Requests in the call, in memory beside it, and in the history. */
static const unsigned sizes[] = {0, 64, 256, 257, 1024, 1900, 2100, 8192};

static void of_all_sizes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        run_row(&(row){.size = sizes[i], .limit = 300, .in_flight = 150});
    seal_channel_stats stats = it_channel_stats(c.channel);
    assert_int_equal(stats.calls_started, 300 * sizeof sizes / sizeof sizes[0]);
    assert_int_equal(stats.calls_ok, stats.calls_started);
}

/* A record that comes in two pieces is put together in memory: hence not exactly none. */
static void without_memory_for_each(void **state) {
    (void)state;
    run_row(&(row){.size = 64, .limit = 200, .in_flight = 16});
    failing_alloc_fail_at(&counting, 0, true);
    run_row(&(row){.size = 64, .limit = 2000, .in_flight = 16});
    print_message("%zu allocations for 2000 calls\n", counting.calls);
    assert_true(counting.calls < 100);
}

/* ---- Results that are kept ---- */

enum { KEPT = 300 };

static void results_outlive_everything(void **state) {
    (void)state;
    seal_result *kept[KEPT];
    run_row(&(row){.size = 64, .limit = KEPT, .in_flight = 20, .kept = kept});
    run_row(&(row){.size = 100, .limit = KEPT, .in_flight = 20}); /* in other memory */
    end_client();
    for (size_t i = 0; i < KEPT; i++) {
        const Itest__Reply *reply = seal_result_reply(kept[i]);
        assert_int_equal(reply->data.len, 64);
        assert_true(it_pattern_matches(reply->data.data, 64));
        assert_string_equal(seal_peer_principal(seal_result_peer(kept[i])),
                            IT_SERVICE "@" IT_REALM);
        assert_int_equal(seal_result_attempts(kept[i]), 1);
        seal_result_free(kept[i]);
    }
}

/* Given to a thread that lets go of them while the loop does, before or after. */
typedef struct hand_over {
    uv_mutex_t lock;
    uv_cond_t changed;
    seal_result *given;
    bool over;
    unsigned freed;
    unsigned ended;
    unsigned wrong;
} hand_over;

static void take_and_free(void *user) {
    hand_over *h = user;
    uv_mutex_lock(&h->lock);
    for (;;) {
        while (h->given == NULL && !h->over)
            uv_cond_wait(&h->changed, &h->lock);
        seal_result *result = h->given;
        h->given = NULL;
        if (result == NULL)
            break;
        uv_mutex_unlock(&h->lock);
        const char *principal = seal_peer_principal(seal_result_peer(result));
        bool right = strcmp(principal, IT_SERVICE "@" IT_REALM) == 0;
        seal_result_free(result);
        uv_mutex_lock(&h->lock);
        h->wrong += !right;
        h->freed++;
    }
    uv_mutex_unlock(&h->lock);
}

static void on_end_give(const seal_result *result, const Itest__Reply *reply, void *user) {
    hand_over *h = user;
    seal_result *mine = seal_result_ref(result);
    uv_mutex_lock(&h->lock);
    bool is_free = h->given == NULL;
    if (is_free)
        h->given = mine;
    uv_cond_signal(&h->changed);
    h->wrong += reply == NULL;
    h->ended++;
    uv_mutex_unlock(&h->lock);
    if (!is_free)
        seal_result_free(mine);
}

static void results_go_to_other_threads(void **state) {
    (void)state;
    static char none[] = "";
    hand_over h = {.given = NULL};
    uv_thread_t thread;
    uv_mutex_init(&h.lock);
    uv_cond_init(&h.changed);
    assert_int_equal(uv_thread_create(&thread, take_and_free, &h), 0);
    Itest__Request request = ITEST__REQUEST__INIT;
    request.text = none;
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(itest_echo_call_call(c.channel, &request, NULL, on_end_give, &h, NULL), 0);
        run_until(&h.ended, i + 1);
    }
    uv_mutex_lock(&h.lock);
    h.over = true;
    uv_cond_signal(&h.changed);
    uv_mutex_unlock(&h.lock);
    uv_thread_join(&thread);
    assert_int_equal(h.wrong, 0);
    assert_true(h.freed > 0);
    uv_cond_destroy(&h.changed);
    uv_mutex_destroy(&h.lock);
}

/* ---- More than one attempt ---- */

typedef struct tried {
    unsigned ended;
    uint32_t attempts;
    seal_status status;
    uint64_t size;
} tried;

static void on_tried(const seal_result *result, const Itest__Done *reply, void *user) {
    tried *t = user;
    t->ended++;
    t->attempts = seal_result_attempts(result);
    t->status = seal_result_status(result);
    t->size = reply != NULL ? reply->size : 0;
}

static tried run_script(at_script s) {
    at_packed p;
    tried t = {.ended = 0};
    at_pack(&s, &p);
    assert_int_equal(
        itest_attempts_call_reads(c.channel, &p.message, &p.options, on_tried, &t, NULL), 0);
    free(p.message.data.data);
    run_until(&t.ended, 1);
    return t;
}

static void are_sent_again_as_they_were(void **state) {
    (void)state;
    uint32_t key = 1;
    for (unsigned round = 0; round < 2; round++) { /* the second one in used memory */
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            at_script s = at_script_of(key, 1, SEAL_STATUS_UNAVAILABLE);
            s.size = sizes[i];
            s.steps[0].advises = true;
            tried t = run_script(s);
            assert_int_equal(t.status, SEAL_STATUS_OK);
            assert_int_equal(t.attempts, 2);
            assert_int_equal(t.size, sizes[i]);
            assert_int_equal(at_executions(key), 2);
            key++;
            run_row(&(row){.size = 64, .limit = 20, .in_flight = 5}); /* fills the budget */
        }
    }
}

static void fail_and_expire_like_others(void **state) {
    (void)state;
    at_script s = at_script_of(1, 1, SEAL_STATUS_NOT_FOUND);
    assert_int_equal(run_script(s).status, SEAL_STATUS_NOT_FOUND);
    s = at_script_of(2, 1, SEAL_STATUS_OK); /* no answer */
    s.timeout_us = 50000;
    assert_int_equal(run_script(s).status, SEAL_STATUS_DEADLINE_EXCEEDED);
    s = at_script_of(3, 1, SEAL_STATUS_OK);
    s.timeout_us = 1200000; /* far enough not to read the clock for */
    assert_int_equal(run_script(s).status, SEAL_STATUS_DEADLINE_EXCEEDED);
    run_row(&(row){.size = 64, .limit = 50, .in_flight = 5});
    seal_channel_stats stats = it_channel_stats(c.channel);
    assert_int_equal(stats.calls_started, 53);
    assert_int_equal(stats.calls_failed, 3);
    assert_int_equal(stats.calls_ok, 50);
}

/* ---- Ends ---- */

enum { LAST = 40 };

typedef struct last {
    unsigned ended;
    unsigned ok;
    unsigned cancelled;
} last;

/* The first one frees the channel and the runtime, from inside its callback. */
static void on_last(const seal_result *result, const Itest__Reply *reply, void *user) {
    last *l = user;
    (void)reply;
    l->ok += seal_result_status(result) == SEAL_STATUS_OK;
    l->cancelled += seal_result_status(result) == SEAL_STATUS_CANCELLED;
    if (l->ended++ != 0)
        return;
    seal_channel_free(c.channel);
    seal_runtime_free(c.runtime);
    c.channel = NULL;
}

static void the_channel_goes_in_a_callback(void **state) {
    (void)state;
    static char none[] = "";
    last l = {.ended = 0};
    Itest__Request request = ITEST__REQUEST__INIT;
    request.text = none;
    run_row(&(row){.size = 64, .limit = 50, .in_flight = 5});
    for (unsigned i = 0; i < LAST; i++) {
        request.mode = i % 4 == 3 ? ITEST__MODE__LATER : ITEST__MODE__ECHO;
        assert_int_equal(itest_echo_call_call(c.channel, &request, NULL, on_last, &l, NULL), 0);
    }
    uv_run(&c.loop, UV_RUN_DEFAULT);
    assert_int_equal(l.ended, LAST);
    assert_int_equal(l.ok + l.cancelled, LAST);
    assert_true(l.cancelled >= LAST / 4);
    assert_int_equal(uv_loop_close(&c.loop), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(of_all_sizes),
        TEST(without_memory_for_each),
        TEST(results_outlive_everything),
        TEST(results_go_to_other_threads),
        TEST(are_sent_again_as_they_were),
        TEST(fail_and_expire_like_others),
        TEST(the_channel_goes_in_a_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
