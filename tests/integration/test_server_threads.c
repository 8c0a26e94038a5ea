/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that answer from other threads: order, back-pressure, races with the end of a call; and
 * calls that are made for a call. Worth most under ThreadSanitizer. */
#include "flow_rig.h"

#include <string.h>
#include <time.h>

enum { THREADS = 4, EACH = 500, STREAMS = 20 };

/* ---- Threads that send ---- */

typedef struct sender {
    seal_call *call;
    uint32_t id;
    uint32_t n;
    size_t size;
    bool finish;
    atomic_uint *remaining; /* the last of several finishes */
} sender;

/* Looks again now and then: after an answer from elsewhere nobody tells. */
static int send_patiently(seal_call *call, const Flow__Item *item) {
    for (;;) {
        unsigned before = atomic_load(&flow_s.writables);
        int rc = flow_flow_send_both(call, item);
        if (rc != SEAL_ERROR_AGAIN)
            return rc;
        atomic_fetch_add(&flow_s.agains, 1);
        for (int i = 0; i < 1000 && atomic_load(&flow_s.writables) == before; i++)
            sched_yield();
    }
}

static void *send_all(void *arg) {
    sender *s = arg;
    int rc = 0;
    for (uint32_t i = 0; i < s->n && rc == 0; i++) {
        Flow__Item item = flow_item(s->id * EACH + i, s->size);
        rc = send_patiently(s->call, &item);
        FLOW_CHECK(rc == 0 || rc == SEAL_ERROR_CANCELLED || rc == SEAL_ERROR_ALREADY);
        if (rc == 0)
            atomic_fetch_add(&flow_s.sent, 1);
    }
    if (atomic_fetch_sub(s->remaining, 1) == 1 && s->finish)
        FLOW_CHECK(seal_call_finish(s->call) == 0);
    seal_call_unref(s->call);
    atomic_fetch_add(&flow_s.left, 1);
    return NULL;
}

static void writable(seal_call *call, void *user) {
    (void)call;
    (void)user;
    atomic_fetch_add(&flow_s.writables, 1);
}

static void on_cancel(seal_call *call, void *user) {
    (void)call;
    (void)user;
    atomic_fetch_add(&flow_s.cancels, 1);
}

static void hold(seal_call *call, void *user) {
    (void)user;
    atomic_fetch_add(&flow_s.runs, 1);
    seal_call_on_writable(call, writable, NULL);
    seal_call_on_cancel(call, on_cancel, NULL);
    flow_hold(call);
}

static void hold_one(seal_call *call, const Flow__Item *request, void *user) {
    (void)request;
    hold(call, user);
}

/* A thread that sends a few messages and finishes. */
static void *answer_stream(void *arg) {
    seal_call *call = arg;
    for (uint32_t i = 0; i < 10; i++) {
        Flow__Item item = flow_item(i, 300);
        FLOW_CHECK(flow_flow_send_both(call, &item) == 0);
    }
    FLOW_CHECK(seal_call_finish(call) == 0);
    Flow__Item item = flow_item(10, 0);
    FLOW_CHECK(flow_flow_send_both(call, &item) == SEAL_ERROR_ALREADY);
    seal_call_unref(call);
    atomic_fetch_add(&flow_s.left, 1);
    return NULL;
}

static void answer_elsewhere(seal_call *call, void *user) {
    (void)user;
    pthread_t thread;
    atomic_fetch_add(&flow_s.runs, 1);
    FLOW_CHECK(pthread_create(&thread, NULL, answer_stream, seal_call_ref(call)) == 0);
    pthread_detach(thread);
}

static const flow_flow_ops hold_ops = {.size = sizeof hold_ops, .both = hold, .one = hold_one};
static const flow_flow_ops thread_ops = {.size = sizeof thread_ops, .both = answer_elsewhere};

static void start_senders(seal_call *call, sender *senders, pthread_t *threads,
                          atomic_uint *remaining, size_t size, bool finish) {
    atomic_init(remaining, THREADS);
    for (uint32_t i = 0; i < THREADS; i++) {
        senders[i] = (sender){.call = seal_call_ref(call),
                              .id = i,
                              .n = EACH,
                              .size = size,
                              .finish = finish,
                              .remaining = remaining};
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    }
}

/* ---- Order ---- */

/* What one thread sends comes in order, and all of it before the end. */
static void one_thread_keeps_its_order(void **state) {
    (void)state;
    static flow_call calls[STREAMS];
    flow_start(&(flow_setup){.ops = &thread_ops});
    for (size_t i = 0; i < STREAMS; i++) {
        flow_open_both(&calls[i], NULL);
        seal_client_call_read(calls[i].call, SEAL_READ_ALL);
    }
    for (size_t i = 0; i < STREAMS; i++) {
        flow_await(&calls[i]);
        assert_int_equal(atomic_load(&calls[i].received), 10);
        flow_expect_ok(&calls[i]);
    }
    it_wait_at_least(&flow_s.left, STREAMS, "the threads");
    flow_stop();
}

typedef struct mixed {
    uint32_t next[THREADS];
    atomic_uint received;
    atomic_uint wrong;
    atomic_uint ended;
    seal_status status;
} mixed;

static void got_mixed(seal_client_call *call, const Flow__Item *message, void *user) {
    (void)call;
    mixed *m = user;
    uint32_t id = message->number / EACH;
    if (id >= THREADS || message->number % EACH != m->next[id]++)
        atomic_fetch_add(&m->wrong, 1);
    atomic_fetch_add(&m->received, 1);
}

static void mixed_done(const seal_result *result, void *user) {
    mixed *m = user;
    m->status = seal_result_status(result);
    atomic_fetch_add(&m->ended, 1);
}

static void many_threads_on_one_call(void **state) {
    (void)state;
    sender senders[THREADS];
    pthread_t threads[THREADS];
    atomic_uint remaining;
    static mixed m;
    memset(&m, 0, sizeof m);
    flow_start(&(flow_setup){.ops = &hold_ops});
    seal_client_call *client = NULL;
    assert_int_equal(flow_flow_open_both(it_c.channel, NULL, got_mixed, mixed_done, &m, &client),
                     0);
    seal_call *call = flow_held();
    start_senders(call, senders, threads, &remaining, 1024, true);
    it_wait_at_least(&flow_s.agains, 1, "senders that are told to wait");
    seal_client_call_read(client, SEAL_READ_ALL);
    it_wait_at_least(&m.ended, 1, "the end");
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(m.status, SEAL_STATUS_OK);
    assert_int_equal(atomic_load(&m.received), THREADS * EACH);
    assert_int_equal(atomic_load(&m.wrong), 0);
    seal_call_unref(call);
    seal_client_call_unref(client);
    flow_stop();
}

/* ---- Races ---- */

/* The client cancels, or another thread answers, while others send. */
static void ends_while_threads_send(void **state) {
    (void)state;
    sender senders[THREADS];
    pthread_t threads[THREADS];
    atomic_uint remaining;
    flow_start(&(flow_setup){.ops = &hold_ops});
    for (unsigned round = 0; round < 6; round++) {
        flow_call fc;
        unsigned sent = atomic_load(&flow_s.sent);
        flow_open_as(&fc, &flow_flow_service.methods[3]);
        seal_client_call_read(fc.call, SEAL_READ_ALL);
        seal_call *call = flow_held();
        start_senders(call, senders, threads, &remaining, 64, false);
        it_wait_at_least(&flow_s.sent, sent + 10 * round, "some messages");
        if (round % 2 == 0)
            seal_client_call_cancel(fc.call);
        else
            assert_int_equal(seal_call_fail(call, SEAL_STATUS_ABORTED, "enough"), 0);
        flow_await(&fc);
        flow_done(&fc);
        for (size_t i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        (void)seal_call_finish(call);
        seal_call_unref(call);
    }
    flow_wait_figure(flow_running, 0, "nothing runs");
    flow_stop();
}

typedef struct racer {
    seal_call *call;
    atomic_uint *won;
} racer;

static void *answer_unary(void *arg) {
    racer *r = arg;
    Flow__Item item = flow_item(1, 100);
    int rc = flow_flow_reply_one(r->call, &item);
    FLOW_CHECK(rc == 0 || rc == SEAL_ERROR_ALREADY);
    if (rc == 0)
        atomic_fetch_add(r->won, 1);
    seal_call_unref(r->call);
    return NULL;
}

static void *call_once(void *arg) {
    (void)arg;
    seal_result *result = flow_one(1, NULL);
    FLOW_CHECK(seal_result_status(result) == SEAL_STATUS_OK);
    seal_result_free(result);
    return NULL;
}

/* Several threads answer one call: one of them has. */
static void one_answer_wins(void **state) {
    (void)state;
    flow_start(&(flow_setup){.ops = &hold_ops});
    for (unsigned round = 0; round < 50; round++) {
        pthread_t client;
        pthread_t threads[THREADS];
        racer racers[THREADS];
        atomic_uint won;
        atomic_init(&won, 0);
        assert_int_equal(pthread_create(&client, NULL, call_once, NULL), 0);
        seal_call *call = flow_held();
        for (size_t i = 0; i < THREADS; i++) {
            racers[i] = (racer){.call = seal_call_ref(call), .won = &won};
            assert_int_equal(pthread_create(&threads[i], NULL, answer_unary, &racers[i]), 0);
        }
        seal_call_unref(call);
        for (size_t i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        pthread_join(client, NULL);
        assert_int_equal(atomic_load(&won), 1);
    }
    flow_stop();
}

/* ---- Calls that are made for a call ---- */

static void child_done(const seal_result *result, const Itest__Reply *reply, void *user) {
    (void)reply;
    it_ends *ends = user;
    atomic_fetch_add(&ends->by_status[seal_result_status(result)], 1);
    atomic_fetch_add(&ends->n, 1);
}

/* The parent is cancelled: so is the child, which another server has. */
static void cancel_goes_on_to_children(void **state) {
    (void)state;
    it_ends ends;
    memset(&ends, 0, sizeof ends);
    flow_call fc;
    flow_start(&(flow_setup){.ops = &hold_ops});
    it_server other;
    it_server_init(&other);
    it_server_start(&other, NULL, NULL);
    seal_channel *channel = it_channel(&it_c, other.target, NULL);
    flow_open_both(&fc, NULL);
    seal_call *parent = flow_held();
    seal_call_options options;
    seal_call_options_init(&options);
    seal_call_options_inherit(&options, parent);
    Itest__Request request = ITEST__REQUEST__INIT;
    request.mode = ITEST__MODE__CANCELLED;
    seal_client_call *child = NULL;
    assert_int_equal(itest_echo_call_call(channel, &request, &options, child_done, &ends, &child),
                     0);
    it_wait_at_least(&other.runs, 1, "the child's handler");
    seal_client_call_cancel(fc.call);
    flow_expect(&fc, SEAL_STATUS_CANCELLED, SEAL_EXECUTION_UNKNOWN, NULL);
    it_wait_at_least(&other.cancels, 1, "the child is cancelled");
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_CANCELLED]), 1);
    seal_client_call_unref(child);
    assert_int_equal(seal_call_finish(parent), 0);
    seal_call_unref(parent);
    flow_wait_figure(flow_running, 0, "the parent is let go of");
    seal_channel_free(channel);
    it_server_done(&other);
    flow_stop();
}

/* ---- Several threads that wait for room ---- */

enum { WAITING = 4 };

static void *put_one(void *arg) {
    Flow__Item item = flow_item(0, 10);
    atomic_fetch_add(&flow_s.messages, 1);
    FLOW_CHECK(flow_flow_put_down(arg, &item) == 0);
    return NULL;
}

/* Until the windows are closed, and not only the socket is behind. */
static void fill(seal_call *call) {
    static const struct timespec moment = {.tv_nsec = 10000000};
    Flow__Item item = flow_item(0, 10000);
    for (int refused = 0; refused < 20;) {
        int rc = flow_flow_send_down(call, &item);
        FLOW_CHECK(rc == 0 || rc == SEAL_ERROR_AGAIN);
        if (rc == 0) {
            atomic_fetch_add(&flow_s.sent, 1);
            refused = 0;
        } else {
            nanosleep(&moment, NULL);
            refused++;
        }
    }
}

/* Then each of some threads has one message to send. */
static void fill_and_put(seal_call *call, const Flow__Item *request, void *user) {
    (void)request;
    (void)user;
    pthread_t threads[WAITING];
    atomic_fetch_add(&flow_s.runs, 1);
    fill(call);
    for (size_t i = 0; i < WAITING; i++)
        FLOW_CHECK(pthread_create(&threads[i], NULL, put_one, call) == 0);
    for (size_t i = 0; i < WAITING; i++)
        pthread_join(threads[i], NULL);
    FLOW_CHECK(seal_call_finish(call) == 0);
    atomic_fetch_add(&flow_s.left, 1);
}

static const flow_flow_ops put_ops = {.size = sizeof put_ops, .down = fill_and_put};

/* Room for one is room for the next one, too: none of them is forgotten. */
static void many_threads_wait_for_room(void **state) {
    (void)state;
    flow_start(&(flow_setup){.ops = &put_ops, .blocking = true});
    seal_call_options options = flow_timeout(60000000);
    Flow__Item request = flow_item(0, 0);
    seal_client_call *call = NULL;
    assert_int_equal(flow_flow_start_down(it_c.channel, &request, &options, &call), 0);
    it_wait_at_least(&flow_s.messages, WAITING, "the threads");
    it_echo(it_c.channel, 10); /* some time to fall asleep */
    const Flow__Item *item = NULL;
    unsigned n = 0;
    while (flow_flow_read_down(call, &item) == 1)
        n++;
    seal_result *result = seal_client_call_finish(call);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_OK);
    assert_int_equal(n, atomic_load(&flow_s.sent) + WAITING);
    seal_result_free(result);
    seal_client_call_unref(call);
    flow_stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_keeps_its_order), cmocka_unit_test(many_threads_on_one_call),
        cmocka_unit_test(ends_while_threads_send),    cmocka_unit_test(one_answer_wins),
        cmocka_unit_test(cancel_goes_on_to_children), cmocka_unit_test(many_threads_wait_for_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
