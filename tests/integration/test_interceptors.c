/* SPDX-License-Identifier: Apache-2.0 */
/* Interceptors of a server: in which order they run, what they may refuse, that each call which
 * began ends once. */
#include "flow_rig.h"

#include <stdio.h>
#include <string.h>

enum { MAX_LINES = 64 };

/* ---- Recording ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char lines[MAX_LINES][32];
static size_t n_lines;
static atomic_uint begins;
static atomic_uint ends;
static seal_call_outcome last;
static char last_message[128];
static const char *refuse_at;   /* the interceptor that refuses; NULL: none */
static seal_status refuse_with; /* OK: says nothing */

static void record(const char *what, const char *who) {
    pthread_mutex_lock(&lock);
    if (n_lines < MAX_LINES)
        snprintf(lines[n_lines++], sizeof lines[0], "%s %s", what, who);
    pthread_mutex_unlock(&lock);
}

static void refuse(seal_call *call) {
    Flow__Item detail = flow_item(7, 0);
    seal_metadata *trailing = NULL;
    if (refuse_with == SEAL_STATUS_OK)
        return;
    FLOW_CHECK(seal_metadata_new(NULL, &trailing) == 0);
    FLOW_CHECK(seal_metadata_add(trailing, "why", "tests", NULL) == 0);
    FLOW_CHECK(seal_call_set_trailing_metadata(call, trailing) == 0);
    FLOW_CHECK(seal_call_add_detail(call, &detail.base) == 0);
    seal_metadata_free(trailing);
    seal_call_fail(call, refuse_with, "refused by %s", refuse_at);
}

static bool on_begin(seal_call *call, void **state, void *user) {
    FLOW_CHECK(*state == NULL);
    *state = user;
    record("begin", user);
    atomic_fetch_add(&begins, 1);
    if (refuse_at == NULL || strcmp(refuse_at, user) != 0)
        return true;
    refuse(call);
    return false;
}

static void on_received(seal_call *call, const ProtobufCMessage *message, void **state,
                        void *user) {
    (void)call;
    FLOW_CHECK(*state == user);
    FLOW_CHECK(message->descriptor == &flow__item__descriptor ||
               message->descriptor == &itest__request__descriptor);
    record("received", user);
}

static void on_sent(seal_call *call, const ProtobufCMessage *message, void **state, void *user) {
    (void)call;
    FLOW_CHECK(*state == user);
    FLOW_CHECK(message->descriptor == &flow__item__descriptor ||
               message->descriptor == &itest__reply__descriptor);
    record("sent", user);
}

static void on_end(seal_call *call, const seal_call_outcome *outcome, void **state, void *user) {
    FLOW_CHECK(*state == user);
    FLOW_CHECK(strchr(seal_call_method(call), '/') != NULL);
    FLOW_CHECK(strcmp(seal_peer_principal(seal_call_peer(call)), IT_ALICE) == 0);
    record("end", user);
    pthread_mutex_lock(&lock);
    last = *outcome;
    snprintf(last_message, sizeof last_message, "%s", outcome->message);
    pthread_mutex_unlock(&lock);
    atomic_fetch_add(&ends, 1);
}

static char a[] = "a";
static char b[] = "b";
static char c[] = "c";

static void add(seal_server *server, void *user) {
    seal_server_interceptor interceptor;
    seal_server_interceptor_init(&interceptor);
    interceptor.begin = on_begin;
    interceptor.received = on_received;
    interceptor.sent = on_sent;
    interceptor.end = on_end;
    assert_int_equal(seal_server_add_interceptor(server, &interceptor, user, NULL), 0);
}

static void add_three(seal_server *server) {
    add(server, a);
    add(server, b);
    add(server, c);
}

static void expect_lines(const char *const *wanted, size_t n) {
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n || i < n_lines; i++) {
        const char *line = i < n_lines ? lines[i] : "nothing";
        const char *want = i < n ? wanted[i] : "nothing";
        if (strcmp(line, want) != 0)
            print_error("line %zu: wanted \"%s\", got \"%s\"\n", i, want, line);
        FLOW_CHECK(strcmp(line, want) == 0);
    }
    n_lines = 0;
    pthread_mutex_unlock(&lock);
}

#define EXPECT(...)                                                                                \
    do {                                                                                           \
        static const char *const wanted[] = {__VA_ARGS__};                                         \
        expect_lines(wanted, sizeof wanted / sizeof wanted[0]);                                    \
    } while (0)

/* ---- Handlers ---- */

static void reply_one(seal_call *call, const Flow__Item *request, void *user) {
    (void)user;
    Flow__Item item = flow_item(request->number, 0);
    record("handler", "one");
    flow_flow_reply_one(call, &item);
}

static void on_both(seal_call *call, const Flow__Item *message, void *user) {
    (void)user;
    if (message == NULL) {
        seal_call_finish(call);
        seal_call_unref(call);
        return;
    }
    Flow__Item item = flow_item(message->number, 0);
    FLOW_CHECK(flow_flow_send_both(call, &item) == 0);
}

static void both(seal_call *call, void *user) {
    (void)user;
    atomic_fetch_add(&flow_s.runs, 1);
    record("handler", "both");
    FLOW_CHECK(flow_flow_receive_both(seal_call_ref(call), on_both, NULL) == 0);
    seal_call_read(call, SEAL_READ_ALL);
}

static void hold(seal_call *call, void *user) {
    (void)user;
    atomic_fetch_add(&flow_s.runs, 1);
    flow_hold(call);
}

static void fail_small(seal_call *call, void *user) {
    (void)user;
    seal_call_fail(call, SEAL_STATUS_NOT_FOUND, "no %s", "such thing");
}

static const flow_flow_ops ops = {.size = sizeof ops,
                                  .one = reply_one,
                                  .both = both,
                                  .up = hold,
                                  .small = fail_small,
                                  .bob_only = hold};

static void start(void (*prepare)(seal_server *server)) {
    n_lines = 0;
    atomic_store(&begins, 0);
    atomic_store(&ends, 0);
    refuse_at = NULL;
    refuse_with = SEAL_STATUS_OK;
    flow_start(&(flow_setup){.ops = &ops, .prepare = prepare});
}

static void await_ends(unsigned n) {
    it_wait_at_least(&ends, n, "ends of interceptors");
    assert_int_equal(atomic_load(&ends), n);
}

static void expect_outcome(seal_status status, seal_execution execution, uint64_t in, uint64_t out,
                           const char *message) {
    pthread_mutex_lock(&lock);
    assert_int_equal(last.status, status);
    assert_int_equal(last.execution, execution);
    assert_int_equal(last.messages_in, in);
    assert_int_equal(last.messages_out, out);
    assert_string_equal(last_message, message);
    assert_in_range(last.duration_us, 0, 60 * 1000000);
    pthread_mutex_unlock(&lock);
}

/* ---- Tests ---- */

static void order_of_a_unary_call(void **state) {
    (void)state;
    start(add_three);
    it_expect_ok(flow_one(3, NULL));
    await_ends(3);
    EXPECT("begin a", "begin b", "begin c", "received c", "received b", "received a", "handler one",
           "sent c", "sent b", "sent a", "end c", "end b", "end a");
    expect_outcome(SEAL_STATUS_OK, SEAL_EXECUTED, 1, 1, "");
    flow_stop();
}

static void order_of_a_stream(void **state) {
    (void)state;
    flow_call fc;
    start(add_three);
    flow_open_both(&fc, NULL);
    seal_client_call_read(fc.call, SEAL_READ_ALL);
    it_wait_at_least(&flow_s.runs, 1, "the handler");
    flow_write_all(&fc, 2, 10);
    seal_client_call_end(fc.call);
    flow_expect_ok(&fc);
    await_ends(3);
    EXPECT("begin a", "begin b", "begin c", "handler both", "received c", "received b",
           "received a", "sent c", "sent b", "sent a", "received c", "received b", "received a",
           "sent c", "sent b", "sent a", "end c", "end b", "end a");
    expect_outcome(SEAL_STATUS_OK, SEAL_EXECUTED, 2, 2, "");
    flow_stop();
}

/* Those behind one that refuses do not run, those before it end. */
static void one_refuses(void **state) {
    (void)state;
    start(add_three);
    refuse_at = b;
    it_expect(flow_one(0, NULL), SEAL_STATUS_PERMISSION_DENIED, SEAL_NOT_EXECUTED, "interceptor");
    await_ends(1);
    EXPECT("begin a", "begin b", "end a");
    expect_outcome(SEAL_STATUS_PERMISSION_DENIED, SEAL_NOT_EXECUTED, 0, 0,
                   "refused by an interceptor of the server");
    flow_wait_figure(flow_refused, 1, "it was refused");
    refuse_at = a;
    flow_call fc;
    flow_open_both(&fc, NULL);
    flow_expect(&fc, SEAL_STATUS_PERMISSION_DENIED, SEAL_NOT_EXECUTED, "interceptor");
    EXPECT("begin a");
    flow_wait_figure(flow_refused, 2, "they were refused");
    assert_int_equal(atomic_load(&flow_s.runs), 0);
    refuse_at = NULL;
    it_expect_ok(flow_one(0, NULL));
    flow_stop();
}

/* With a status, metadata and details of its own. */
static void one_refuses_in_its_own_words(void **state) {
    (void)state;
    start(add_three);
    refuse_at = c;
    refuse_with = SEAL_STATUS_UNAUTHENTICATED;
    seal_result *result = flow_one(0, NULL);
    const char *why = seal_metadata_get(seal_result_trailing_metadata(result), "why", NULL);
    assert_non_null(why);
    assert_string_equal(why, "tests");
    assert_int_equal(seal_result_detail_count(result), 1);
    assert_string_equal(seal_result_detail_type(result, 0), "flow.Item");
    it_expect(result, SEAL_STATUS_UNAUTHENTICATED, SEAL_NOT_EXECUTED, "refused by c");
    await_ends(2);
    expect_outcome(SEAL_STATUS_UNAUTHENTICATED, SEAL_NOT_EXECUTED, 0, 0, "refused by c");
    flow_stop();
}

/* The library's own policy comes before all. */
static void policy_comes_first(void **state) {
    (void)state;
    flow_call fc;
    start(add_three);
    flow_open_bob_only(&fc);
    flow_expect(&fc, SEAL_STATUS_PERMISSION_DENIED, SEAL_NOT_EXECUTED, "allow list");
    flow_wait_figure(flow_refused, 1, "it was refused");
    assert_int_equal(atomic_load(&begins), 0);
    assert_int_equal(atomic_load(&ends), 0);
    flow_stop();
}

static void add_one(seal_server *server) {
    add(server, a);
}

static void finish_held(seal_status status) {
    seal_call *call = flow_held();
    seal_call_fail(call, status, "late");
    seal_call_unref(call);
}

/* Whoever ends a call, and when. */
static void every_begin_has_an_end(void **state) {
    (void)state;
    flow_call fc;
    start(add_one);
    flow_open_small(&fc, NULL);
    flow_expect(&fc, SEAL_STATUS_NOT_FOUND, SEAL_EXECUTED, "no such thing");
    await_ends(1);
    expect_outcome(SEAL_STATUS_NOT_FOUND, SEAL_EXECUTED, 0, 0, "no such thing");
    flow_open_absent(&fc);
    flow_expect(&fc, SEAL_STATUS_UNIMPLEMENTED, SEAL_NOT_EXECUTED, NULL);
    await_ends(2);
    flow_open_up(&fc, NULL);
    it_wait_at_least(&flow_s.runs, 1, "the handler");
    seal_client_call_cancel(fc.call);
    flow_expect(&fc, SEAL_STATUS_CANCELLED, SEAL_EXECUTION_UNKNOWN, NULL);
    flow_wait_figure(flow_cancelled, 1, "it was cancelled");
    finish_held(SEAL_STATUS_ABORTED);
    await_ends(3);
    expect_outcome(SEAL_STATUS_CANCELLED, SEAL_EXECUTED, 0, 0, "given up before it was answered");
    flow_open_up(&fc, NULL);
    it_wait_at_least(&flow_s.runs, 2, "the handler");
    seal_channel_free(it_c.channel);
    it_c.channel = NULL;
    flow_done(&fc);
    flow_wait_figure(flow_cancelled, 2, "the connection was lost");
    assert_int_equal(atomic_load(&ends), 3); /* its handler has it */
    finish_held(SEAL_STATUS_ABORTED);
    await_ends(4);
    assert_int_equal(atomic_load(&begins), 4);
    flow_stop();
}

static void add_log(seal_server *server) {
    assert_int_equal(seal_server_add_interceptor(server, seal_server_log_interceptor(), NULL, NULL),
                     0);
}

static void log_of_calls(void **state) {
    (void)state;
    flow_call fc;
    start(add_log);
    it_expect_ok(flow_one(0, NULL));
    it_log_wait(&it_s.log, IT_ALICE " called flow.Flow/One: OK (executed) in ");
    flow_open_small(&fc, NULL);
    flow_expect(&fc, SEAL_STATUS_NOT_FOUND, SEAL_EXECUTED, NULL);
    it_log_wait(&it_s.log, IT_ALICE " called flow.Flow/Small: NOT_FOUND (executed) in ");
    it_log_wait(&it_s.log, " us: no such thing");
    flow_stop();
}

static void add_too_many(seal_server *server) {
    seal_server_interceptor interceptor;
    seal_error *error = NULL;
    seal_server_interceptor_init(&interceptor);
    for (unsigned i = 0; i < SEAL_MAX_INTERCEPTORS; i++)
        assert_int_equal(seal_server_add_interceptor(server, &interceptor, NULL, &error), 0);
    assert_int_equal(seal_server_add_interceptor(server, &interceptor, NULL, &error),
                     SEAL_ERROR_TOO_MANY);
    seal_error_free(error);
    assert_int_equal(seal_server_add_interceptor(server, NULL, NULL, NULL), SEAL_ERROR_INVALID);
}

static void limits(void **state) {
    (void)state;
    seal_server_interceptor interceptor;
    seal_server_interceptor_init(&interceptor);
    start(add_too_many);
    it_expect_ok(flow_one(0, NULL)); /* all functions may be NULL */
    assert_int_equal(seal_server_add_interceptor(it_s.server, &interceptor, NULL, NULL),
                     SEAL_ERROR_STATE);
    flow_stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_a_unary_call), cmocka_unit_test(order_of_a_stream),
        cmocka_unit_test(one_refuses),           cmocka_unit_test(one_refuses_in_its_own_words),
        cmocka_unit_test(policy_comes_first),    cmocka_unit_test(every_begin_has_an_end),
        cmocka_unit_test(log_of_calls),          cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
