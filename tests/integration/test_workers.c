/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that block, on a server's worker threads: all kinds of calls, the queue, cancels. */
#include "flow_rig.h"

#include <semaphore.h>
#include <string.h>

/* ---- Handlers ---- */

static sem_t gate;         /* what numbers from 100 on wait for */
static uint32_t order[64]; /* numbers, as their handlers began */
static atomic_uint begun;
static atomic_int last_take; /* what take or put returned last */

enum { GATED = 100, PUT_MESSAGES = 3000, PUT_SIZE = 1024 };

static void begin(uint32_t number) {
    unsigned i = atomic_fetch_add(&flow_s.runs, 1);
    if (i < sizeof order / sizeof order[0])
        order[i] = number;
    atomic_fetch_add(&begun, 1);
}

static void one(seal_call *call, const Flow__Item *request, void *user) {
    (void)user;
    const Flow__Item *message = NULL;
    begin(request->number);
    FLOW_CHECK(flow_flow_take_up(call, &message) == SEAL_ERROR_INVALID);
    FLOW_CHECK(flow_flow_put_down(call, request) == SEAL_ERROR_INVALID);
    if (request->number >= GATED)
        sem_wait(&gate);
    Flow__Item item = flow_item(request->number, 0);
    int rc = flow_flow_reply_one(call, &item);
    FLOW_CHECK(rc == 0);
    atomic_fetch_add(&flow_s.left, 1);
}

/* On the loop of another runtime nobody may wait either. */
static atomic_bool tries_elsewhere;

typedef struct elsewhere {
    seal_call *call;
    sem_t tried;
} elsewhere;

static void try_elsewhere(void *user) {
    elsewhere *e = user;
    const Flow__Item *message = NULL;
    FLOW_CHECK(flow_flow_take_up(e->call, &message) == SEAL_ERROR_WRONG_THREAD);
    sem_post(&e->tried);
}

static void not_elsewhere(seal_call *call) {
    elsewhere e = {.call = call};
    sem_init(&e.tried, 0, 0);
    FLOW_CHECK(seal_runtime_post(it_c.runtime, try_elsewhere, &e) == 0);
    sem_wait(&e.tried);
    sem_destroy(&e.tried);
}

static void up(seal_call *call, void *user) {
    (void)user;
    const Flow__Item *message = NULL;
    uint32_t sum = 0;
    int rc = 0;
    begin(0);
    FLOW_CHECK(flow_flow_take_both(call, &message) == SEAL_ERROR_INVALID);
    if (atomic_exchange(&tries_elsewhere, false))
        not_elsewhere(call);
    while ((rc = flow_flow_take_up(call, &message)) == 1) {
        FLOW_CHECK(message->number == atomic_fetch_add(&flow_s.messages, 1));
        sum += message->number;
    }
    atomic_store(&last_take, rc);
    Flow__Item item = flow_item(sum, 0);
    FLOW_CHECK(flow_flow_reply_up(call, &item) == 0);
    FLOW_CHECK(flow_flow_take_up(call, &message) == SEAL_ERROR_CANCELLED); /* it is answered */
    atomic_fetch_add(&flow_s.left, 1);
}

static void down(seal_call *call, const Flow__Item *request, void *user) {
    (void)user;
    begin(request->number);
    int rc = 0;
    for (uint32_t i = 0; i < request->number && rc == 0; i++) {
        Flow__Item item = flow_item(i, PUT_SIZE);
        rc = flow_flow_put_down(call, &item);
        if (rc == 0)
            atomic_fetch_add(&flow_s.sent, 1);
    }
    atomic_store(&last_take, rc);
    FLOW_CHECK(seal_call_finish(call) == 0);
    atomic_fetch_add(&flow_s.left, 1);
}

static void both(seal_call *call, void *user) {
    (void)user;
    const Flow__Item *message = NULL;
    int rc = 0;
    begin(0);
    while ((rc = flow_flow_take_both(call, &message)) == 1) {
        FLOW_CHECK(message->number == atomic_fetch_add(&flow_s.messages, 1));
        Flow__Item item = flow_item(message->number, message->data.len);
        rc = flow_flow_put_both(call, &item);
        if (rc < 0)
            break;
    }
    atomic_store(&last_take, rc);
    FLOW_CHECK(seal_call_finish(call) == 0);
    atomic_fetch_add(&flow_s.left, 1);
}

static void no_answer(seal_call *call, void *user) {
    (void)call;
    (void)user;
    begin(0);
    atomic_fetch_add(&flow_s.left, 1);
}

static const flow_flow_ops ops = {
    .size = sizeof ops, .one = one, .up = up, .down = down, .both = both, .small = no_answer};

static void start(uint32_t threads, uint32_t queue, uint32_t loops) {
    seal_server_options options;
    it_server_options(&options);
    options.worker_threads = threads;
    options.worker_queue = queue;
    options.loops = loops;
    sem_init(&gate, 0, 0);
    atomic_store(&begun, 0);
    atomic_store(&last_take, 99);
    flow_start(&(flow_setup){.ops = &ops, .blocking = true, .options = &options});
}

static void open_gate(unsigned n) {
    while (n-- > 0)
        sem_post(&gate);
}

static void stop(void) {
    flow_stop();
    sem_destroy(&gate);
}

/* ---- Unary calls that the test does not wait for ---- */

typedef struct one_call {
    seal_client_call *call;
    seal_result *result;
    atomic_uint ended;
} one_call;

static void one_done(const seal_result *result, const Flow__Item *reply, void *user) {
    (void)reply;
    one_call *oc = user;
    oc->result = seal_result_ref(result);
    atomic_fetch_add(&oc->ended, 1);
}

static void call_one(one_call *oc, uint32_t number, uint64_t timeout_us) {
    Flow__Item request = flow_item(number, 0);
    seal_call_options options = flow_timeout(timeout_us);
    options.max_attempts = 1;
    memset(oc, 0, sizeof *oc);
    assert_int_equal(flow_flow_call_one(it_c.channel, &request, &options, one_done, oc, &oc->call),
                     0);
}

static void expect_one(one_call *oc, seal_status status, seal_execution execution,
                       const char *part) {
    it_wait_at_least(&oc->ended, 1, "the end of a call");
    seal_client_call_unref(oc->call);
    it_expect(oc->result, status, execution, part);
}

/* ---- Kinds ---- */

static void all_kinds(void **state) {
    (void)state;
    enum { N = 500 };
    flow_call fc;
    start(0, 0, 1);
    it_expect_ok(flow_one(1, NULL));
    atomic_store(&tries_elsewhere, true);
    flow_open_up(&fc, NULL);
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(flow_write_up(&fc, i), 0);
    seal_client_call_end(fc.call);
    flow_expect_ok(&fc);
    assert_int_equal(atomic_load(&flow_s.messages), N);
    assert_int_equal(atomic_load(&last_take), 0);
    assert_false(atomic_load(&tries_elsewhere));
    flow_open_down(&fc, PUT_MESSAGES, NULL);
    seal_client_call_read(fc.call, SEAL_READ_ALL);
    flow_await(&fc);
    assert_int_equal(atomic_load(&fc.received), PUT_MESSAGES);
    flow_expect_ok(&fc);
    atomic_store(&flow_s.messages, 0);
    flow_open_both(&fc, NULL);
    seal_client_call_read(fc.call, SEAL_READ_ALL);
    flow_write_all(&fc, N, 2000);
    seal_client_call_end(fc.call);
    flow_await(&fc);
    assert_int_equal(atomic_load(&fc.received), N);
    flow_expect_ok(&fc);
    stop();
}

/* put waits for a client that does not read, and only it. */
static void put_waits_for_room(void **state) {
    (void)state;
    flow_call fc;
    start(2, 0, 1);
    flow_open_down(&fc, PUT_MESSAGES, NULL);
    it_wait_at_least(&flow_s.sent, 64, "the first messages");
    it_expect_ok(flow_one(1, NULL));
    assert_true(atomic_load(&flow_s.sent) < PUT_MESSAGES);
    assert_int_equal(atomic_load(&fc.received), 0);
    seal_client_call_read(fc.call, SEAL_READ_ALL);
    flow_await(&fc);
    assert_int_equal(atomic_load(&fc.received), PUT_MESSAGES);
    flow_expect_ok(&fc);
    stop();
}

static void endings(void **state) {
    (void)state;
    flow_call fc;
    start(1, 0, 1);
    flow_open_small(&fc, NULL);
    flow_expect(&fc, SEAL_STATUS_INTERNAL, SEAL_EXECUTED, "without an answer");
    flow_open_absent(&fc);
    flow_expect(&fc, SEAL_STATUS_UNIMPLEMENTED, SEAL_NOT_EXECUTED, "implement");
    seal_server_stats stats;
    flow_wait_figure(flow_running, 0, "nothing runs");
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.calls_started, 1);
    assert_int_equal(stats.calls_refused, 1);
    assert_int_equal(stats.calls_queued, 0);
    it_echo(it_c.channel, 10); /* handlers of the other service run on the loop */
    stop();
}

/* As the methods, but with bytes that are no text where text is wanted. */
static void malformed(void **state) {
    (void)state;
    static uint8_t no_utf8[] = {0xff, 0xfe};
    Itest__Request wrong = ITEST__REQUEST__INIT;
    wrong.data.data = no_utf8;
    wrong.data.len = sizeof no_utf8;
    flow_call fc;
    start(1, 0, 1);
    seal_method method = flow_flow_service.methods[0];
    method.request = &itest__request__descriptor;
    it_expect(seal_channel_call_sync(it_c.channel, &method, &wrong.base, NULL),
              SEAL_STATUS_INVALID_ARGUMENT, SEAL_NOT_EXECUTED, "flow.Item");
    assert_int_equal(atomic_load(&flow_s.runs), 0);
    method = flow_flow_service.methods[3];
    method.request = &itest__request__descriptor;
    flow_open_as(&fc, &method);
    assert_int_equal(seal_client_call_write(fc.call, &method, &wrong.base), 0);
    flow_expect(&fc, SEAL_STATUS_INVALID_ARGUMENT, SEAL_EXECUTION_UNKNOWN, "flow.Item");
    assert_int_equal(atomic_load(&last_take), SEAL_ERROR_CANCELLED);
    stop();
}

/* ---- The queue ---- */

enum { SECOND = 1000000 };

static void earliest_deadline_first(void **state) {
    (void)state;
    enum { N = 6 };
    static const uint64_t seconds[N] = {500, 300, 600, 200, 400, 100};
    one_call first;
    one_call calls[N];
    start(1, 0, 1);
    call_one(&first, GATED, 1000ull * SECOND);
    it_wait_at_least(&begun, 1, "the first handler");
    for (uint32_t i = 0; i < N; i++)
        call_one(&calls[i], (uint32_t)seconds[i] / 100, seconds[i] * SECOND);
    flow_wait_figure(flow_queued, N, "all wait");
    open_gate(1);
    expect_one(&first, SEAL_STATUS_OK, SEAL_EXECUTED, NULL);
    for (uint32_t i = 0; i < N; i++)
        expect_one(&calls[i], SEAL_STATUS_OK, SEAL_EXECUTED, NULL);
    for (uint32_t i = 1; i <= N; i++)
        assert_int_equal(order[i], i < 1 ? 0 : i);
    flow_wait_figure(flow_queued, 0, "none waits");
    stop();
}

static void full_queue(void **state) {
    (void)state;
    one_call calls[3];
    one_call refused;
    start(1, 2, 1);
    for (uint32_t i = 0; i < 3; i++) {
        call_one(&calls[i], GATED + i, 1000ull * SECOND);
        it_wait_at_least(&begun, 1, "the first handler");
    }
    flow_wait_figure(flow_queued, 2, "two wait");
    call_one(&refused, GATED, 1000ull * SECOND);
    expect_one(&refused, SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_NOT_EXECUTED, "worker_queue (2)");
    open_gate(3);
    for (uint32_t i = 0; i < 3; i++)
        expect_one(&calls[i], SEAL_STATUS_OK, SEAL_EXECUTED, NULL);
    assert_int_equal(atomic_load(&flow_s.runs), 3);
    flow_wait_figure(flow_refused, 1, "one was refused");
    stop();
}

static void wait_for_gate(void *user) {
    sem_wait(user);
}

/* No handler sees a call that has expired while it waited. Its client is held up meanwhile, for it
 * would give the call up at the same time. */
static void expires_in_the_queue(void **state) {
    (void)state;
    one_call busy;
    one_call late;
    sem_t client_gate;
    sem_init(&client_gate, 0, 0);
    start(1, 0, 1);
    call_one(&busy, GATED, 1000ull * SECOND);
    it_wait_at_least(&begun, 1, "the first handler");
    call_one(&late, 1, SECOND / 2);
    flow_wait_figure(flow_queued, 1, "one waits");
    assert_int_equal(seal_runtime_post(it_c.runtime, wait_for_gate, &client_gate), 0);
    flow_wait_figure(flow_expired, 1, "one has expired");
    flow_wait_figure(flow_queued, 0, "none waits");
    sem_post(&client_gate);
    it_wait_at_least(&late.ended, 1, "its end");
    expect_one(&late, SEAL_STATUS_DEADLINE_EXCEEDED, seal_result_execution(late.result), NULL);
    open_gate(1);
    expect_one(&busy, SEAL_STATUS_OK, SEAL_EXECUTED, NULL);
    it_expect_ok(flow_one(3, NULL));
    assert_int_equal(atomic_load(&flow_s.runs), 2);
    sem_destroy(&client_gate);
    stop();
}

static void cancelled_in_the_queue(void **state) {
    (void)state;
    one_call busy;
    one_call cancelled;
    start(1, 0, 1);
    call_one(&busy, GATED, 1000ull * SECOND);
    it_wait_at_least(&begun, 1, "the first handler");
    call_one(&cancelled, 1, 1000ull * SECOND);
    flow_wait_figure(flow_queued, 1, "one waits");
    seal_client_call_cancel(cancelled.call);
    flow_wait_figure(flow_queued, 0, "none waits");
    it_wait_at_least(&cancelled.ended, 1, "the cancelled call");
    expect_one(&cancelled, SEAL_STATUS_CANCELLED, seal_result_execution(cancelled.result), NULL);
    open_gate(1);
    expect_one(&busy, SEAL_STATUS_OK, SEAL_EXECUTED, NULL);
    it_expect_ok(flow_one(3, NULL));
    assert_int_equal(atomic_load(&flow_s.runs), 2);
    flow_wait_figure(flow_cancelled, 0, "none was cancelled that ran");
    flow_wait_figure(flow_expired, 0, "none has expired");
    stop();
}

/* ---- Cancels ---- */

static void cancel_while_it_takes(void **state) {
    (void)state;
    flow_call fc;
    start(1, 0, 1);
    flow_open_both(&fc, NULL);
    assert_int_equal(flow_write(&fc, 0, 10), 0);
    it_wait_at_least(&flow_s.messages, 1, "a message");
    seal_client_call_cancel(fc.call);
    flow_expect(&fc, SEAL_STATUS_CANCELLED, SEAL_EXECUTION_UNKNOWN, NULL);
    it_wait_at_least(&flow_s.left, 1, "the handler returns");
    assert_int_equal(atomic_load(&last_take), SEAL_ERROR_CANCELLED);
    flow_wait_figure(flow_cancelled, 1, "it was cancelled");
    stop();
}

static void cancel_while_it_puts(void **state) {
    (void)state;
    flow_call fc;
    start(1, 0, 1);
    flow_open_down(&fc, PUT_MESSAGES, NULL);
    it_wait_at_least(&flow_s.sent, 64, "the first messages");
    seal_client_call_cancel(fc.call);
    flow_expect(&fc, SEAL_STATUS_CANCELLED, SEAL_EXECUTION_UNKNOWN, NULL);
    it_wait_at_least(&flow_s.left, 1, "the handler returns");
    assert_int_equal(atomic_load(&last_take), SEAL_ERROR_CANCELLED);
    stop();
}

static void deadline_while_it_takes(void **state) {
    (void)state;
    flow_call fc;
    start(1, 0, 1);
    it_echo(it_c.channel, 1);
    seal_call_options options = flow_timeout(SECOND / 10);
    flow_open_up(&fc, &options);
    flow_await(&fc);
    assert_int_equal(seal_result_status(fc.result), SEAL_STATUS_DEADLINE_EXCEEDED);
    /* Whose clock is first decides: the client's, or the server's, which knows that it ran. */
    assert_int_not_equal(seal_result_execution(fc.result), SEAL_NOT_EXECUTED);
    flow_done(&fc);
    it_wait_at_least(&flow_s.left, 1, "the handler returns");
    assert_int_equal(atomic_load(&last_take), SEAL_ERROR_CANCELLED);
    stop();
}

static void connection_lost_while_it_takes(void **state) {
    (void)state;
    flow_call fc;
    start(1, 0, 1);
    flow_open_up(&fc, NULL);
    it_wait_at_least(&begun, 1, "the handler");
    seal_channel_free(it_c.channel);
    it_c.channel = NULL;
    flow_done(&fc);
    it_wait_at_least(&flow_s.left, 1, "the handler returns");
    assert_int_equal(atomic_load(&last_take), SEAL_ERROR_CANCELLED);
    stop();
}

/* What waits is refused, what runs is cancelled and waited for. */
static void stop_with_a_queue(void **state) {
    (void)state;
    flow_call running;
    one_call waiting;
    start(1, 0, 1);
    flow_open_up(&running, NULL);
    it_wait_at_least(&begun, 1, "the handler");
    call_one(&waiting, 1, 1000ull * SECOND);
    flow_wait_figure(flow_queued, 1, "one waits");
    seal_server_stop(it_s.server, 0, NULL, NULL);
    expect_one(&waiting, SEAL_STATUS_UNAVAILABLE, SEAL_NOT_EXECUTED, "stopping");
    flow_await(&running);
    assert_int_equal(seal_result_execution(running.result), SEAL_EXECUTION_UNKNOWN);
    flow_done(&running);
    it_wait_at_least(&flow_s.left, 1, "the handler returns");
    assert_int_equal(atomic_load(&last_take), SEAL_ERROR_CANCELLED);
    assert_int_equal(atomic_load(&flow_s.runs), 1);
    stop();
}

/* ---- Many at once, over several loops ---- */

static void many(void **state) {
    (void)state;
    enum { N = 200, CHANNELS = 3 };
    static one_call calls[N];
    seal_channel *channels[CHANNELS];
    start(8, 1000, 3);
    seal_channel *usual = it_c.channel;
    for (size_t i = 0; i < CHANNELS; i++)
        channels[i] = it_channel(&it_c, it_s.target, NULL);
    for (uint32_t i = 0; i < N; i++) {
        it_c.channel = channels[i % CHANNELS];
        call_one(&calls[i], i % 10, 100ull * SECOND);
    }
    for (uint32_t i = 0; i < N; i++)
        expect_one(&calls[i], SEAL_STATUS_OK, SEAL_EXECUTED, NULL);
    assert_int_equal(atomic_load(&flow_s.runs), N);
    it_c.channel = usual;
    for (size_t i = 0; i < CHANNELS; i++)
        seal_channel_free(channels[i]);
    stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kinds),
        cmocka_unit_test(put_waits_for_room),
        cmocka_unit_test(endings),
        cmocka_unit_test(malformed),
        cmocka_unit_test(earliest_deadline_first),
        cmocka_unit_test(full_queue),
        cmocka_unit_test(expires_in_the_queue),
        cmocka_unit_test(cancelled_in_the_queue),
        cmocka_unit_test(cancel_while_it_takes),
        cmocka_unit_test(cancel_while_it_puts),
        cmocka_unit_test(deadline_while_it_takes),
        cmocka_unit_test(connection_lost_while_it_takes),
        cmocka_unit_test(stop_with_a_queue),
        cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
