/* SPDX-License-Identifier: Apache-2.0 */
/* What travels beside the messages, seen from the client: metadata, details, traces, and what
 * interceptors see and change. */
#include "stream_service.h"

#include <stdio.h>
#include <string.h>

static Flow__Item item_of(uint32_t number, const char *text, const char *data) {
    Flow__Item item = flow_item_with_text(number, text, 0);
    if (data != NULL) {
        memcpy(&item.data.data, &data, sizeof data);
        item.data.len = strlen(data);
    }
    return item;
}

static seal_result *call_one(const Flow__Item *item, const seal_metadata *metadata,
                             const Flow__Item **ret_reply) {
    seal_call_options options;
    seal_call_options_init(&options);
    options.metadata = metadata;
    return flow_flow_sync_one(it_c.channel, item, &options, ret_reply);
}

static const char *value_of(const seal_metadata *metadata, const char *key) {
    const char *value = seal_metadata_get(metadata, key, NULL);
    return value != NULL ? value : "(none)";
}

/* ---- Metadata ---- */

static void there_and_back(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0, 1, 0xff, '\n'};
    seal_metadata *metadata = NULL;
    const Flow__Item *reply = NULL;
    Flow__Item item = item_of(7, NULL, "x");
    size_t len = 0;
    assert_int_equal(seal_metadata_new(NULL, &metadata), 0);
    assert_int_equal(seal_metadata_add(metadata, "tenant", "blue", NULL), 0);
    assert_int_equal(seal_metadata_add_bytes(metadata, "raw-bin", bytes, sizeof bytes, NULL), 0);
    assert_int_equal(seal_metadata_add(metadata, "tenant", "green", NULL), 0);
    seal_result *result = call_one(&item, metadata, &reply);
    seal_metadata_free(metadata); /* it was copied */
    assert_int_equal(seal_result_status(result), SEAL_STATUS_OK);
    const seal_metadata *lists[] = {seal_result_initial_metadata(result),
                                    seal_result_trailing_metadata(result)};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(seal_metadata_count(lists[i]), 3);
        assert_string_equal(value_of(lists[i], "tenant"), "blue");
        const char *raw = seal_metadata_get(lists[i], "raw-bin", &len);
        assert_int_equal(len, sizeof bytes);
        assert_memory_equal(raw, bytes, sizeof bytes);
        seal_metadata_entry last;
        assert_true(seal_metadata_at(lists[i], 2, &last));
        assert_string_equal(last.value, "green");
    }
    assert_int_equal(seal_result_attempts(result), 1);
    seal_result_free(result);
}

static void none(void **state) {
    (void)state;
    const Flow__Item *reply = NULL;
    Flow__Item item = item_of(7, NULL, "x");
    seal_result *result = call_one(&item, NULL, &reply);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_OK);
    assert_non_null(seal_result_initial_metadata(result));
    assert_non_null(seal_result_trailing_metadata(result));
    assert_int_equal(seal_metadata_count(seal_result_initial_metadata(result)), 0);
    assert_int_equal(seal_metadata_count(seal_result_trailing_metadata(result)), 0);
    assert_int_equal(seal_result_detail_count(result), 0);
    assert_string_equal(seal_result_detail_type(result, 0), "");
    assert_int_equal(seal_result_detail_value(result, 0).len, 0);
    seal_result_free(result);
}

static void as_much_as_fits(void **state) {
    (void)state;
    static char value[8000];
    seal_metadata *metadata = NULL;
    const Flow__Item *reply = NULL;
    Flow__Item item = item_of(7, NULL, "x");
    memset(value, 'v', sizeof value - 1);
    assert_int_equal(seal_metadata_new(NULL, &metadata), 0);
    assert_int_equal(seal_metadata_add(metadata, "large", value, NULL), 0);
    seal_result *result = call_one(&item, metadata, &reply);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_OK);
    assert_string_equal(value_of(seal_result_trailing_metadata(result), "large"), value);
    seal_metadata_free(metadata);
    seal_result_free(result);
}

static void details(void **state) {
    (void)state;
    const Flow__Item *reply = NULL;
    Flow__Item item = item_of(7, "fail", NULL);
    seal_result *result = call_one(&item, NULL, &reply);
    assert_null(reply);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_ABORTED);
    assert_int_equal(seal_result_execution(result), SEAL_EXECUTED);
    assert_string_equal(value_of(seal_result_trailing_metadata(result), "why"), "as asked");
    assert_int_equal(seal_result_detail_count(result), 2);
    static const char *const texts[] = {"first detail", "second detail"};
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(seal_result_detail_type(result, i), "flow.Item");
        seal_bytes value = seal_result_detail_value(result, i);
        Flow__Item *detail = flow__item__unpack(NULL, value.len, value.data);
        assert_non_null(detail);
        assert_string_equal(detail->text, texts[i]);
        flow__item__free_unpacked(detail, NULL);
    }
    assert_string_equal(seal_result_detail_type(result, 2), "");
    seal_result_free(result);
}

static void of_results_of_this_end(void **state) {
    (void)state;
    it_client client;
    char target[64];
    snprintf(target, sizeof target, "localhost:%u", it_closed_port());
    it_client_start(&client, target, NULL);
    const Flow__Item *reply = NULL;
    Flow__Item item = item_of(7, NULL, "x");
    seal_result *result = flow_flow_sync_one(client.channel, &item, NULL, &reply);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_UNAVAILABLE);
    assert_int_equal(seal_result_attempts(result), 0);
    assert_int_equal(seal_metadata_count(seal_result_initial_metadata(result)), 0);
    seal_result_free(result);
    it_client_done(&client);
}

/* ---- Initial metadata of a stream ---- */

typedef struct seen {
    seal_client_call *call;
    atomic_uint told;
    atomic_uint messages;
    atomic_uint late; /* told after a message */
    atomic_uint ends;
    char value[64];
} seen;

static void on_metadata(seal_client_call *call, const seal_metadata *metadata, void *user) {
    seen *s = user;
    (void)call;
    snprintf(s->value, sizeof s->value, "%s", value_of(metadata, "tenant"));
    if (atomic_load(&s->messages) != 0)
        atomic_fetch_add(&s->late, 1);
    atomic_fetch_add(&s->told, 1);
}

static void got(seal_client_call *call, const Flow__Item *item, void *user) {
    seen *s = user;
    (void)call;
    (void)item;
    atomic_fetch_add(&s->messages, 1);
}

static void ended(const seal_result *result, void *user) {
    seen *s = user;
    if (strcmp(value_of(seal_result_initial_metadata(result), "tenant"), "blue") != 0)
        atomic_fetch_add(&s->late, 1);
    atomic_fetch_add(&s->ends, 1);
}

static void initial_metadata_of_a_stream(void **state) {
    (void)state;
    seen s = {.told = 0};
    seal_call_options options;
    seal_metadata *metadata = NULL;
    Flow__Item item = item_of(3, NULL, "x");
    assert_int_equal(seal_metadata_new(NULL, &metadata), 0);
    assert_int_equal(seal_metadata_add(metadata, "tenant", "blue", NULL), 0);
    seal_call_options_init(&options);
    options.metadata = metadata;
    assert_int_equal(flow_flow_open_down(it_c.channel, &item, &options, got, ended, &s, &s.call),
                     0);
    seal_client_call_on_metadata(s.call, on_metadata, &s);
    it_wait_at_least(&s.told, 1, "the metadata, without asking for a message");
    assert_string_equal(s.value, "blue");
    seal_client_call_read(s.call, SEAL_READ_ALL);
    it_wait_at_least(&s.ends, 1, "the end");
    assert_int_equal(atomic_load(&s.told), 1);
    assert_int_equal(atomic_load(&s.late), 0);
    assert_int_equal(atomic_load(&s.messages), 3);
    seal_client_call_unref(s.call);
    seal_metadata_free(metadata);
}

/* ---- Calls for a call ---- */

static void child_setup(it_client *client) {
    it_client_start(client, it_s.target, NULL);
    it_flow.child = client->channel;
}

static void inherits_trace_and_deadline(void **state) {
    (void)state;
    static const char parent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    it_client client;
    child_setup(&client);
    seal_metadata *metadata = NULL;
    const Flow__Item *reply = NULL;
    seal_call_options options;
    Flow__Item item = item_of(0, "parent", "child");
    assert_int_equal(seal_metadata_new(NULL, &metadata), 0);
    assert_int_equal(seal_metadata_add(metadata, "traceparent", parent, NULL), 0);
    assert_int_equal(seal_metadata_add(metadata, "tracestate", "vendor=1", NULL), 0);
    seal_call_options_init(&options);
    options.metadata = metadata;
    options.timeout_us = 100000000; /* more than the channel's default of 30 s */
    seal_result *result = flow_flow_sync_one(it_c.channel, &item, &options, &reply);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_OK);
    assert_non_null(reply);
    assert_memory_equal(reply->text, parent, 36); /* the same trace */
    assert_memory_not_equal(reply->text + 36, parent + 36, 16);
    assert_memory_equal(reply->text + 52, "-01 vendor=1", 12);
    assert_true(reply->number > 30000 && reply->number <= 99995);
    seal_result_free(result);
    seal_metadata_free(metadata);
    it_client_done(&client);
}

static void no_trace_is_invented(void **state) {
    (void)state;
    it_client client;
    child_setup(&client);
    const Flow__Item *reply = NULL;
    Flow__Item item = item_of(0, "parent", "child");
    seal_result *result = call_one(&item, NULL, &reply);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_OK);
    assert_string_equal(reply->text, " ");
    seal_result_free(result);
    it_client_done(&client);
}

static void on_one(const seal_result *result, const Flow__Item *reply, void *user) {
    (void)result;
    (void)reply;
    atomic_fetch_add((atomic_uint *)user, 1);
}

static void cancelled_with_its_parent(void **state) {
    (void)state;
    it_client client;
    child_setup(&client);
    atomic_uint ends = 0;
    seal_client_call *call = NULL;
    Flow__Item item = item_of(0, "parent", "never");
    assert_int_equal(flow_flow_call_one(it_c.channel, &item, NULL, on_one, &ends, &call), 0);
    it_wait_at_least(&it_flow.alive, 1, "the child to run");
    seal_client_call_cancel(call);
    it_wait_at_least(&it_flow.children, 1, "the end of the child");
    assert_int_equal(atomic_load(&it_flow.child_status), SEAL_STATUS_CANCELLED);
    it_wait_at_least(&it_flow.cancelled, 1, "the child's handler to hear of it");
    it_wait_at_least(&ends, 1, "the parent's end");
    seal_client_call_unref(call);
    stream_service_wait_idle();
    it_client_done(&client);
}

/* ---- Interceptors ---- */

typedef struct probe {
    char name;
    int refuse; /* what begin returns */
    bool add;
    size_t add_bytes; /* a value of so many */
} probe;

static pthread_mutex_t trace_lock = PTHREAD_MUTEX_INITIALIZER;
static char trace[4096];
static seal_call_outcome last_outcome;

static void note(const probe *p, const char *what) {
    pthread_mutex_lock(&trace_lock);
    size_t len = strlen(trace);
    snprintf(trace + len, sizeof trace - len, "%c.%s ", p->name, what);
    pthread_mutex_unlock(&trace_lock);
}

static int on_begin(seal_client_call *call, seal_metadata *metadata, void **state, void *user) {
    const probe *p = user;
    note(p, "begin");
    if (*state != NULL || strncmp(seal_client_call_method(call), "flow.Flow/", 10) != 0)
        note(p, "wrong");
    *state = user;
    if (p->add && seal_metadata_add(metadata, "tenant", "blue", NULL) != 0)
        note(p, "wrong");
    if (p->add_bytes > 0) {
        static const uint8_t bytes[8192];
        return seal_metadata_add_bytes(metadata, "big-bin", bytes, p->add_bytes, NULL);
    }
    return p->refuse;
}

static void on_sent(seal_client_call *call, const struct ProtobufCMessage *message, void **state,
                    void *user) {
    (void)call;
    note(user, *state == user && message != NULL ? "sent" : "wrong");
}

static void on_received(seal_client_call *call, const struct ProtobufCMessage *message,
                        void **state, void *user) {
    (void)call;
    note(user, *state == user && message != NULL ? "received" : "wrong");
}

static void on_end(seal_client_call *call, const seal_result *result,
                   const seal_call_outcome *outcome, void **state, void *user) {
    (void)call;
    note(user, *state == user && outcome->status == seal_result_status(result) ? "end" : "wrong");
    last_outcome = *outcome;
    last_outcome.message = "";
}

static seal_channel *channel_with(probe *probes, size_t n) {
    seal_channel *channel = it_channel(&it_c, it_s.target, NULL);
    seal_client_interceptor interceptor;
    trace[0] = '\0';
    seal_client_interceptor_init(&interceptor);
    interceptor.begin = on_begin;
    interceptor.sent = on_sent;
    interceptor.received = on_received;
    interceptor.end = on_end;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(seal_channel_add_interceptor(channel, &interceptor, &probes[i], NULL), 0);
    return channel;
}

static void interceptors_of_a_unary_call(void **state) {
    (void)state;
    probe probes[] = {{.name = 'a'}, {.name = 'b', .add = true}};
    seal_channel *channel = channel_with(probes, 2);
    const Flow__Item *reply = NULL;
    Flow__Item item = item_of(7, NULL, "x");
    seal_result *result = flow_flow_sync_one(channel, &item, NULL, &reply);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_OK);
    assert_string_equal(value_of(seal_result_trailing_metadata(result), "tenant"), "blue");
    seal_result_free(result);
    assert_string_equal(trace, "a.begin b.begin b.sent a.sent b.received a.received b.end a.end ");
    assert_int_equal(last_outcome.messages_in, 1);
    assert_int_equal(last_outcome.messages_out, 1);
    assert_int_equal(last_outcome.execution, SEAL_EXECUTED);
    assert_true(last_outcome.duration_us > 0);
    seal_client_interceptor late;
    seal_client_interceptor_init(&late);
    assert_int_equal(seal_channel_add_interceptor(channel, &late, NULL, NULL), SEAL_ERROR_STATE);
    seal_channel_free(channel);
}

static void interceptors_of_a_stream(void **state) {
    (void)state;
    probe probes[] = {{.name = 'a'}};
    seal_channel *channel = channel_with(probes, 1);
    const Flow__Item *reply = NULL;
    seal_client_call *call = NULL;
    Flow__Item item = item_of(7, NULL, "x");
    assert_int_equal(flow_flow_start_both(channel, NULL, &call), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(flow_flow_push_both(call, &item), 0);
        assert_int_equal(flow_flow_read_both(call, &reply), 1);
    }
    seal_result *result = seal_client_call_finish(call);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_OK);
    seal_result_free(result);
    seal_client_call_unref(call);
    assert_string_equal(trace, "a.begin a.sent a.received a.sent a.received a.end ");
    assert_int_equal(last_outcome.messages_in, 2);
    assert_int_equal(last_outcome.messages_out, 2);
    seal_channel_free(channel);
}

static void an_interceptor_refuses(void **state) {
    (void)state;
    probe probes[] = {
        {.name = 'a'}, {.name = 'b', .refuse = SEAL_ERROR_CREDENTIALS}, {.name = 'c'}};
    seal_channel *channel = channel_with(probes, 3);
    const Flow__Item *reply = NULL;
    Flow__Item item = item_of(7, NULL, "x");
    seal_result *result = flow_flow_sync_one(channel, &item, NULL, &reply);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_UNAUTHENTICATED);
    assert_int_equal(seal_result_execution(result), SEAL_NOT_EXECUTED);
    assert_int_equal(seal_result_cause(result), SEAL_ERROR_CREDENTIALS);
    assert_int_equal(seal_result_attempts(result), 0);
    const char *text = seal_result_message(result);
    assert_non_null(strstr(text, "refused by an interceptor of the channel: "));
    assert_non_null(strstr(text, seal_error_code_text(SEAL_ERROR_CREDENTIALS)));
    seal_result_free(result);
    assert_string_equal(trace, "a.begin b.begin a.end ");
    seal_channel_stats stats = it_channel_stats(channel);
    assert_int_equal(stats.calls_started, 1);
    assert_int_equal(stats.calls_failed, 1);
    seal_channel_free(channel);
}

/* What the call has already, and what the interceptor adds, are too much together. */
static void an_interceptor_adds_too_much(void **state) {
    (void)state;
    probe probes[] = {{.name = 'a', .add_bytes = 8000}};
    seal_channel *channel = channel_with(probes, 1);
    const Flow__Item *reply = NULL;
    seal_metadata *metadata = NULL;
    seal_call_options options;
    char text[201];
    Flow__Item item = item_of(7, NULL, "x");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    seal_call_options_init(&options);
    assert_int_equal(seal_metadata_new(NULL, &metadata), 0);
    assert_int_equal(seal_metadata_add(metadata, "own", text, NULL), 0);
    options.metadata = metadata;
    seal_result *result = flow_flow_sync_one(channel, &item, &options, &reply);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(seal_result_execution(result), SEAL_NOT_EXECUTED);
    assert_int_equal(seal_result_cause(result), SEAL_ERROR_TOO_BIG);
    assert_non_null(strstr(seal_result_message(result), "interceptor"));
    seal_result_free(result);
    seal_metadata_free(metadata);
    seal_channel_free(channel);
}

static void too_many_interceptors(void **state) {
    (void)state;
    seal_channel *channel = it_channel(&it_c, it_s.target, NULL);
    seal_client_interceptor interceptor;
    seal_error *error = NULL;
    seal_client_interceptor_init(&interceptor);
    for (unsigned i = 0; i < SEAL_MAX_INTERCEPTORS; i++)
        assert_int_equal(seal_channel_add_interceptor(channel, &interceptor, NULL, NULL), 0);
    assert_int_equal(seal_channel_add_interceptor(channel, &interceptor, NULL, &error),
                     SEAL_ERROR_TOO_MANY);
    seal_error_free(error);
    interceptor.struct_size = 0;
    assert_int_equal(seal_channel_add_interceptor(channel, &interceptor, NULL, NULL),
                     SEAL_ERROR_INVALID);
    seal_channel_free(channel);
}

static void figures(void **state) {
    (void)state;
    const Flow__Item *reply = NULL;
    Flow__Item item = item_of(7, NULL, "x");
    Flow__Item bad = item_of(7, "fail", "x");
    for (int i = 0; i < 3; i++)
        seal_result_free(call_one(&item, NULL, &reply));
    seal_result_free(call_one(&bad, NULL, &reply));
    seal_channel_stats stats = it_channel_stats(it_c.channel);
    assert_int_equal(stats.calls_started, 4);
    assert_int_equal(stats.calls_ok, 3);
    assert_int_equal(stats.calls_failed, 1);
    assert_int_equal(stats.calls_retried, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stream_setup, stream_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(there_and_back),
        TEST(none),
        TEST(as_much_as_fits),
        TEST(details),
        TEST(of_results_of_this_end),
        TEST(initial_metadata_of_a_stream),
        TEST(inherits_trace_and_deadline),
        TEST(no_trace_is_invented),
        TEST(cancelled_with_its_parent),
        TEST(interceptors_of_a_unary_call),
        TEST(interceptors_of_a_stream),
        TEST(an_interceptor_refuses),
        TEST(an_interceptor_adds_too_much),
        TEST(too_many_interceptors),
        TEST(figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
