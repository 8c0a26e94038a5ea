/* SPDX-License-Identifier: Apache-2.0 */
#include "flow_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

flow_seen flow_s;

static flow_setup current;
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static seal_call *held;

/* ---- Server ---- */

static void prepare(seal_server *server) {
    seal_error *error = NULL;
    int rc = (current.blocking ? flow_flow_register_blocking
                               : flow_flow_register)(server, current.ops, current.user, &error);
    if (rc < 0)
        print_error("register: %s\n", seal_error_message(error));
    seal_error_free(error);
    assert_int_equal(rc, 0);
    if (current.prepare != NULL)
        current.prepare(server);
}

void flow_start(const flow_setup *setup) {
    memset(&flow_s, 0, sizeof flow_s);
    current = *setup;
    it_server_init(&it_s);
    it_s.prepare = prepare;
    it_server_start(&it_s, setup->options, NULL);
    it_client_start(&it_c, it_s.target, NULL);
}

void flow_stop(void) {
    it_client_done(&it_c);
    it_server_done(&it_s);
    assert_null(held);
    assert_int_equal(atomic_load(&flow_s.wrong), 0);
}

void flow_hold(seal_call *call) {
    pthread_mutex_lock(&held_lock);
    FLOW_CHECK(held == NULL);
    held = seal_call_ref(call);
    pthread_mutex_unlock(&held_lock);
}

static bool is_held(void *arg) {
    (void)arg;
    pthread_mutex_lock(&held_lock);
    bool is = held != NULL;
    pthread_mutex_unlock(&held_lock);
    return is;
}

seal_call *flow_held(void) {
    it_wait(is_held, NULL, "a call is held");
    pthread_mutex_lock(&held_lock);
    seal_call *call = held;
    held = NULL;
    pthread_mutex_unlock(&held_lock);
    return call;
}

typedef struct loop_task {
    void (*fn)(void *arg);
    void *arg;
    atomic_uint ran;
} loop_task;

static void run_loop_task(void *user) {
    loop_task *task = user;
    task->fn(task->arg);
    atomic_fetch_add(&task->ran, 1);
}

void flow_on_loop(void (*fn)(void *arg), void *arg) {
    loop_task task = {.fn = fn, .arg = arg};
    assert_int_equal(seal_runtime_post(it_s.runtime, run_loop_task, &task), 0);
    it_wait_at_least(&task.ran, 1, "a task on the server's loop");
}

/* ---- Client ---- */

static void got(seal_client_call *call, const Flow__Item *message, void *user) {
    (void)call;
    flow_call *fc = user;
    if (message->number != atomic_load(&fc->received))
        atomic_fetch_add(&fc->disorder, 1);
    atomic_fetch_add(&fc->received, 1);
}

static void done(const seal_result *result, void *user) {
    flow_call *fc = user;
    fc->result = seal_result_ref(result);
    atomic_fetch_add(&fc->ended, 1);
}

static void done_up(const seal_result *result, const Flow__Item *reply, void *user) {
    (void)reply;
    done(result, user);
}

static void writable(seal_client_call *call, void *user) {
    (void)call;
    flow_call *fc = user;
    atomic_fetch_add(&fc->writables, 1);
}

static void metadata(seal_client_call *call, const seal_metadata *initial, void *user) {
    (void)call;
    flow_call *fc = user;
    const char *first = seal_metadata_get(initial, "first", NULL);
    snprintf(fc->initial, sizeof fc->initial, "%s", first != NULL ? first : "");
    atomic_fetch_add(&fc->metadata, 1);
}

static void opened(flow_call *fc, int rc) {
    assert_int_equal(rc, 0);
    seal_client_call_on_writable(fc->call, writable, fc);
    seal_client_call_on_metadata(fc->call, metadata, fc);
}

void flow_open_both(flow_call *fc, const seal_call_options *options) {
    memset(fc, 0, sizeof *fc);
    opened(fc, flow_flow_open_both(it_c.channel, options, got, done, fc, &fc->call));
}

void flow_open_small(flow_call *fc, const seal_call_options *options) {
    memset(fc, 0, sizeof *fc);
    opened(fc, flow_flow_open_small(it_c.channel, options, got, done, fc, &fc->call));
}

void flow_open_bob_only(flow_call *fc) {
    memset(fc, 0, sizeof *fc);
    opened(fc, flow_flow_open_bob_only(it_c.channel, NULL, got, done, fc, &fc->call));
}

void flow_open_absent(flow_call *fc) {
    memset(fc, 0, sizeof *fc);
    opened(fc, flow_flow_open_absent(it_c.channel, NULL, got, done, fc, &fc->call));
}

static void deliver_end(const seal_result *result, seal_any_fn *fn, void *user) {
    (void)fn;
    done(result, user);
}

void flow_open_as(flow_call *fc, const seal_method *method) {
    const seal_stream_callbacks callbacks = {
        .deliver = deliver_end, .done = (seal_any_fn *)done, .user = fc};
    memset(fc, 0, sizeof *fc);
    opened(fc, seal_channel_open(it_c.channel, method, NULL, NULL, &callbacks, &fc->call));
}

void flow_open_up(flow_call *fc, const seal_call_options *options) {
    memset(fc, 0, sizeof *fc);
    opened(fc, flow_flow_open_up(it_c.channel, options, done_up, fc, &fc->call));
}

void flow_open_down(flow_call *fc, uint32_t number, const seal_call_options *options) {
    Flow__Item request = flow_item(number, 0);
    memset(fc, 0, sizeof *fc);
    opened(fc, flow_flow_open_down(it_c.channel, &request, options, got, done, fc, &fc->call));
}

int flow_write(flow_call *fc, uint32_t number, size_t size) {
    Flow__Item item = flow_item(number, size);
    return flow_flow_write_both(fc->call, &item);
}

int flow_write_up(flow_call *fc, uint32_t number) {
    Flow__Item item = flow_item(number, 0);
    return flow_flow_write_up(fc->call, &item);
}

void flow_write_all(flow_call *fc, uint32_t n, size_t size) {
    for (uint32_t i = 0; i < n; i++) {
        for (;;) {
            unsigned before = atomic_load(&fc->writables);
            int rc = flow_write(fc, i, size);
            if (rc == 0)
                break;
            assert_int_equal(rc, SEAL_ERROR_AGAIN);
            it_wait_at_least(&fc->writables, before + 1, "room at the client");
        }
    }
}

void flow_await(flow_call *fc) {
    it_wait_at_least(&fc->ended, 1, "the end of a call");
}

void flow_done(flow_call *fc) {
    flow_await(fc);
    assert_int_equal(atomic_load(&fc->ended), 1);
    assert_int_equal(atomic_load(&fc->disorder), 0);
    seal_client_call_unref(fc->call);
    seal_result_free(fc->result);
    fc->call = NULL;
    fc->result = NULL;
}

void flow_expect(flow_call *fc, seal_status status, seal_execution execution, const char *part) {
    flow_await(fc);
    const char *message = seal_result_message(fc->result);
    bool right = seal_result_status(fc->result) == status &&
                 (status == SEAL_STATUS_OK || seal_result_execution(fc->result) == execution) &&
                 (part == NULL || strstr(message, part) != NULL);
    if (!right)
        print_error("wanted %s (%s) \"%s\", got %s (%s): %s\n", seal_status_name(status),
                    seal_execution_name(execution), part != NULL ? part : "",
                    seal_status_name(seal_result_status(fc->result)),
                    seal_execution_name(seal_result_execution(fc->result)), message);
    assert_true(right);
    flow_done(fc);
}

void flow_expect_ok(flow_call *fc) {
    flow_expect(fc, SEAL_STATUS_OK, SEAL_EXECUTED, NULL);
}

seal_result *flow_one(uint32_t number, const seal_call_options *options) {
    Flow__Item request = flow_item(number, 0);
    return flow_flow_sync_one(it_c.channel, &request, options, NULL);
}

seal_call_options flow_timeout(uint64_t timeout_us) {
    seal_call_options options;
    seal_call_options_init(&options);
    options.timeout_us = timeout_us;
    return options;
}

/* ---- Figures ---- */

typedef struct figure_wait {
    flow_figure *figure;
    uint64_t value;
} figure_wait;

static bool has_figure(void *arg) {
    const figure_wait *wait = arg;
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    return wait->figure(&stats) == wait->value;
}

void flow_wait_figure(flow_figure *figure, uint64_t value, const char *what) {
    figure_wait wait = {.figure = figure, .value = value};
    it_wait(has_figure, &wait, what);
}

uint64_t flow_running(const seal_server_stats *stats) {
    return stats->calls_running;
}
uint64_t flow_queued(const seal_server_stats *stats) {
    return stats->calls_queued;
}
uint64_t flow_cancelled(const seal_server_stats *stats) {
    return stats->calls_cancelled;
}
uint64_t flow_expired(const seal_server_stats *stats) {
    return stats->calls_expired_in_queue;
}
uint64_t flow_refused(const seal_server_stats *stats) {
    return stats->calls_refused;
}
