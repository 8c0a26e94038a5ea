/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call's handle on one thread while the call ends on another: the channel that is freed, the end
 * of what is sent, interceptors. The moment is held fast: the program's allocator stops a thread
 * that is just packing a message.
 */
#include "relay.h"
#include "stream_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { SIZE = 20000 };

/* ---- A thread that stops inside a write ---- */

static _Thread_local bool stops_here;
static atomic_uint stopped;
static atomic_uint go_on;

static void *resize(void *user, void *ptr, size_t size) {
    (void)user;
    if (stops_here && ptr == NULL && size >= SIZE) {
        atomic_fetch_add(&stopped, 1);
        it_wait_at_least(&go_on, 1, "the others");
    }
    return realloc(ptr, size);
}

static void release(void *user, void *ptr) {
    (void)user;
    free(ptr);
}

static const seal_allocator allocator = {.resize = resize, .release = release};

typedef struct writer {
    seal_client_call *call;
    pthread_t thread;
    int rc;
} writer;

static void *write_one(void *arg) {
    writer *w = arg;
    Flow__Item item = flow_item(1, SIZE);
    stops_here = true;
    w->rc = flow_flow_write_up(w->call, &item);
    stops_here = false;
    return NULL;
}

typedef struct client {
    seal_runtime *runtime;
    seal_channel *channel;
    atomic_uint ends;
    seal_status status;
    uint32_t received;
} client;

static void ended(const seal_result *result, const Flow__Item *reply, void *user) {
    client *c = user;
    c->status = seal_result_status(result);
    c->received = reply != NULL ? reply->number : 0;
    atomic_fetch_add(&c->ends, 1);
}

static void start(client *c, writer *w, const char *target) {
    seal_runtime_options ro;
    seal_channel_options co;
    *c = (client){.runtime = NULL};
    *w = (writer){.call = NULL};
    atomic_store(&stopped, 0);
    atomic_store(&go_on, 0);
    seal_runtime_options_init(&ro);
    it_channel_options(&co);
    ro.allocator = &allocator;
    assert_int_equal(seal_runtime_new(&ro, &c->runtime, NULL), 0);
    assert_int_equal(
        seal_channel_new_for(c->runtime, target, &co, &flow_flow_service, &c->channel, NULL), 0);
    assert_int_equal(flow_flow_open_up(c->channel, NULL, ended, c, &w->call), 0);
    assert_int_equal(pthread_create(&w->thread, NULL, write_one, w), 0);
    it_wait_at_least(&stopped, 1, "a thread to be in the middle of a write");
}

static void let_write(writer *w) {
    atomic_store(&go_on, 1);
    assert_int_equal(pthread_join(w->thread, NULL), 0);
}

static void finish(client *c, writer *w) {
    it_wait_at_least(&c->ends, 1, "the end of the call");
    seal_client_call_unref(w->call);
    seal_channel_free(c->channel);
    seal_runtime_free(c->runtime);
}

/* What belongs to the channel is not touched any more. */
static void the_channel_is_freed(void **state) {
    (void)state;
    client c;
    writer w;
    start(&c, &w, it_s.target);
    seal_channel_free(c.channel);
    c.channel = NULL;
    assert_int_equal(atomic_load(&c.ends), 1);
    let_write(&w);
    finish(&c, &w);
    assert_int_equal(c.status, SEAL_STATUS_CANCELLED);
    assert_int_equal(w.rc, SEAL_ERROR_CLOSED);
}

/* A message that was taken is sent, and one that is not sent was not taken. The server hears of the
 * call only then, so that it does not end before. */
static void another_thread_ends_the_stream(void **state) {
    (void)state;
    static relay r;
    client c;
    writer w;
    char target[32];
    relay_start(&r, seal_server_port(it_s.server), NULL);
    relay_set_flow(&r, RELAY_WAITS);
    snprintf(target, sizeof target, "127.0.0.1:%u", r.port);
    start(&c, &w, target);
    seal_client_call_end(w.call);
    let_write(&w);
    assert_int_equal(w.rc, SEAL_ERROR_STATE);
    relay_set_flow(&r, RELAY_FLOWS);
    finish(&c, &w);
    relay_join(&r);
    relay_free(&r);
    assert_int_equal(c.status, SEAL_STATUS_OK);
    assert_int_equal(c.received, 0);
}

/* ---- Interceptors ---- */

typedef struct probe {
    atomic_uint ends;
    atomic_uint received;
    atomic_uint after_the_end;
    atomic_uint in_received;
    bool lingers; /* in the function */
} probe;

static void on_received(seal_client_call *call, const struct ProtobufCMessage *message,
                        void **state, void *user) {
    probe *p = user;
    (void)call;
    (void)message;
    (void)state;
    atomic_fetch_add(&p->in_received, 1);
    for (unsigned i = 0; p->lingers && i < 20; i++) /* long enough for a wrong end to come */
        uv_sleep(5);
    if (atomic_load(&p->ends) > 0)
        atomic_fetch_add(&p->after_the_end, 1);
    atomic_fetch_add(&p->received, 1);
}

static void on_end(seal_client_call *call, const seal_result *result,
                   const seal_call_outcome *outcome, void **state, void *user) {
    probe *p = user;
    (void)call;
    (void)result;
    (void)outcome;
    (void)state;
    atomic_fetch_add(&p->ends, 1);
}

static seal_channel *channel_with(probe *p) {
    seal_channel *channel = it_channel(&it_c, it_s.target, NULL);
    seal_client_interceptor interceptor;
    seal_client_interceptor_init(&interceptor);
    interceptor.received = on_received;
    interceptor.end = on_end;
    assert_int_equal(seal_channel_add_interceptor(channel, &interceptor, p, NULL), 0);
    return channel;
}

static void read_down(seal_client_call *call, unsigned n) {
    const Flow__Item *item = NULL;
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(flow_flow_read_down(call, &item), 1);
    assert_int_equal(flow_flow_read_down(call, &item), 0);
    seal_result *result = seal_client_call_finish(call);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_OK);
    seal_result_free(result);
    seal_client_call_unref(call);
}

static seal_client_call *start_down(seal_channel *channel, unsigned n, char *text) {
    Flow__Item request = FLOW__ITEM__INIT;
    seal_client_call *call = NULL;
    request.number = n;
    request.text = text;
    assert_int_equal(flow_flow_start_down(channel, &request, NULL, &call), 0);
    return call;
}

/* A thread reads what lies here when the call is over already; the interceptor has let go of it. */
static void nothing_after_the_end(void **state) {
    (void)state;
    probe p = {.lingers = false};
    seal_channel *channel = channel_with(&p);
    char none[] = "";
    seal_client_call *call = start_down(channel, 3, none);
    it_wait_at_least(&p.ends, 1, "the end");
    read_down(call, 3);
    assert_int_equal(atomic_load(&p.after_the_end), 0);
    assert_int_equal(atomic_load(&p.received), 0);
    assert_int_equal(atomic_load(&p.ends), 1);
    seal_channel_free(channel);
}

static void *read_one(void *arg) {
    const Flow__Item *item = NULL;
    return flow_flow_read_down(arg, &item) == 1 ? arg : NULL;
}

/* The end waits for the function that is just running. */
static void not_at_the_same_time(void **state) {
    (void)state;
    char hold[] = "hold";
    probe p = {.lingers = true};
    pthread_t thread;
    void *has_read = NULL;
    seal_channel *channel = channel_with(&p);
    seal_client_call *call = start_down(channel, 1, hold);
    assert_int_equal(pthread_create(&thread, NULL, read_one, call), 0);
    it_wait_at_least(&p.in_received, 1, "the interceptor's function");
    seal_client_call_cancel(call);
    assert_int_equal(pthread_join(thread, &has_read), 0);
    seal_result *result = seal_client_call_finish(call);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_CANCELLED);
    seal_result_free(result);
    seal_client_call_unref(call);
    assert_non_null(has_read);
    assert_int_equal(atomic_load(&p.after_the_end), 0);
    assert_int_equal(atomic_load(&p.received), 1);
    assert_int_equal(atomic_load(&p.ends), 1);
    seal_channel_free(channel);
}

/* ---- The loop's thread, when the loop is no more ---- */

static void *start_both(void *arg) {
    client *c = arg;
    seal_client_call *call = NULL;
    if (flow_flow_start_both(c->channel, NULL, &call) != 0)
        return NULL;
    return call;
}

static void after_the_loop(void **state) {
    (void)state;
    client c = {.runtime = NULL};
    uv_loop_t loop;
    seal_runtime_options ro;
    seal_channel_options co;
    pthread_t thread;
    void *started = NULL;
    assert_int_equal(uv_loop_init(&loop), 0);
    seal_runtime_options_init(&ro);
    it_channel_options(&co);
    ro.loop = &loop;
    assert_int_equal(seal_runtime_new(&ro, &c.runtime, NULL), 0);
    assert_int_equal(
        seal_channel_new_for(c.runtime, it_s.target, &co, &flow_flow_service, &c.channel, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, start_both, &c), 0);
    assert_int_equal(pthread_join(thread, &started), 0);
    seal_client_call *call = started;
    assert_non_null(call);
    seal_channel_free(c.channel);
    seal_runtime_free(c.runtime);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    const Flow__Item *item = NULL;
    assert_int_equal(flow_flow_read_both(call, &item), 0);
    seal_result *result = seal_client_call_finish(call);
    assert_int_equal(seal_result_status(result), SEAL_STATUS_CANCELLED);
    seal_result_free(result);
    seal_client_call_unref(call);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stream_setup, stream_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_channel_is_freed),  TEST(another_thread_ends_the_stream),
        TEST(nothing_after_the_end), TEST(not_at_the_same_time),
        TEST(after_the_loop),
    };
    return cmocka_run_group_tests_name("integration.handles", tests, NULL, NULL);
}
