/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nth allocation of a client fails, for every n, while it makes calls of every kind: streams,
 * repeated attempts, metadata, interceptors. Each call ends once, says why, nothing leaks and
 * nothing hangs; and the channel works again.
 */
#include "attempts.h"
#include "stream_service.h"
#include "support/failing_alloc.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_N = 3000, ITEMS = 3, SIZE = 30000 };

static failing_alloc failing;

static bool nothing_lives(void *arg) {
    (void)arg;
    return failing_alloc_live(&failing) == 0;
}

/* ---- The client ---- */

static struct {
    seal_runtime *runtime;
    seal_channel *channel;
    atomic_uint begun; /* by the interceptor */
    atomic_uint ended;
} c;

static int on_begin(seal_client_call *call, seal_metadata *metadata, void **state, void *user) {
    (void)call;
    (void)state;
    (void)user;
    int rc = seal_metadata_add(metadata, "tenant", "blue", NULL);
    if (rc == 0)
        atomic_fetch_add(&c.begun, 1);
    return rc;
}

static void on_end(seal_client_call *call, const seal_result *result,
                   const seal_call_outcome *outcome, void **state, void *user) {
    (void)call;
    (void)result;
    (void)outcome;
    (void)state;
    (void)user;
    atomic_fetch_add(&c.ended, 1);
}

static void client_start(void) {
    seal_runtime_options ro;
    seal_channel_options co;
    seal_client_interceptor interceptor;
    seal_runtime_options_init(&ro);
    it_channel_options(&co);
    seal_client_interceptor_init(&interceptor);
    interceptor.begin = on_begin;
    interceptor.end = on_end;
    ro.allocator = &failing.allocator;
    ro.initiator_threads = 1;
    memset(&c, 0, sizeof c);
    failing_alloc_fail_at(&failing, 0, true);
    assert_int_equal(seal_runtime_new(&ro, &c.runtime, NULL), 0);
    assert_int_equal(itest_attempts_channel_new(c.runtime, it_s.target, &co, &c.channel, NULL), 0);
    assert_int_equal(seal_channel_add_interceptor(c.channel, &interceptor, NULL, NULL), 0);
}

static void client_end(void) {
    seal_channel_free(c.channel);
    seal_runtime_free(c.runtime);
    assert_int_equal(atomic_load(&c.begun), atomic_load(&c.ended));
    it_wait(nothing_lives, NULL, "the client's memory to be released");
}

static void is_clean(seal_result *result) {
    seal_status status = seal_result_status(result);
    bool clean = status == SEAL_STATUS_OK || status == SEAL_STATUS_RESOURCE_EXHAUSTED ||
                 status == SEAL_STATUS_UNAVAILABLE || status == SEAL_STATUS_CANCELLED;
    if (!clean)
        print_error("%s: %s\n", seal_status_name(status), seal_result_message(result));
    assert_true(clean);
    assert_non_null(seal_result_message(result));
    seal_result_free(result);
}

/* ---- Calls ---- */

static bool no_start(int rc) {
    assert_true(rc == 0 || rc == SEAL_ERROR_NO_MEMORY);
    return rc != 0;
}

static void both(void) {
    seal_client_call *call = NULL;
    const Flow__Item *item = NULL;
    if (no_start(flow_flow_start_both(c.channel, NULL, &call)))
        return;
    for (uint32_t i = 0; i < ITEMS; i++) {
        Flow__Item sent = flow_item(i, SIZE);
        int rc = flow_flow_push_both(call, &sent);
        assert_true(rc == 0 || rc == SEAL_ERROR_NO_MEMORY || rc == SEAL_ERROR_CLOSED);
        if (rc == 0 && flow_flow_read_both(call, &item) == 1)
            assert_int_equal(item->number, i);
    }
    is_clean(seal_client_call_finish(call));
    seal_client_call_unref(call);
}

static void down(void) {
    seal_client_call *call = NULL;
    const Flow__Item *item = NULL;
    uint32_t n = 0;
    Flow__Item request = flow_item(ITEMS, SIZE);
    if (no_start(flow_flow_start_down(c.channel, &request, NULL, &call)))
        return;
    while (flow_flow_read_down(call, &item) == 1)
        assert_int_equal(item->number, n++);
    seal_result *result = seal_client_call_finish(call);
    if (seal_result_status(result) == SEAL_STATUS_OK)
        assert_int_equal(n, ITEMS);
    is_clean(result);
    seal_client_call_unref(call);
}

static at_script once_more(uint32_t *key) {
    at_script s = at_script_of((*key)++ % AT_KEYS, 1, SEAL_STATUS_UNAVAILABLE);
    s.steps[0].advises = true;
    s.size = SIZE;
    return s;
}

static void repeated(uint32_t *key, at_sync_fn *method, unsigned most) {
    at_script s = once_more(key);
    at_packed p;
    const Itest__Done *reply = NULL;
    at_pack(&s, &p);
    seal_result *result = method(c.channel, &p.message, &p.options, &reply);
    free(p.message.data.data);
    unsigned executions = at_executions(s.key);
    assert_true(executions <= most);
    if (seal_result_execution(result) == SEAL_NOT_EXECUTED)
        assert_int_equal(executions, 0);
    is_clean(result);
}

static void repeated_stream(uint32_t *key) {
    at_script s = once_more(key);
    at_packed p;
    seal_client_call *call = NULL;
    const Itest__Done *message = NULL;
    at_pack(&s, &p);
    if (!no_start(itest_attempts_start_watch(c.channel, &p.message, &p.options, &call))) {
        while (itest_attempts_read_watch(call, &message) == 1)
            assert_int_equal(message->attempt, 2);
        is_clean(seal_client_call_finish(call));
        seal_client_call_unref(call);
    }
    free(p.message.data.data);
}

static void done(const seal_result *result, const Flow__Item *reply, void *user) {
    (void)result;
    (void)reply;
    atomic_fetch_add((atomic_uint *)user, 1);
}

static void cancelled(void) {
    atomic_uint ends = 0;
    seal_client_call *call = NULL;
    if (no_start(flow_flow_open_up(c.channel, NULL, done, &ends, &call)))
        return;
    Flow__Item item = flow_item(1, SIZE);
    (void)flow_flow_write_up(call, &item);
    seal_client_call_cancel(call);
    it_wait_at_least(&ends, 1, "the end of a cancelled call");
    assert_int_equal(atomic_load(&ends), 1);
    seal_client_call_unref(call);
}

static void all_calls(uint32_t *key) {
    both();
    down();
    repeated(key, itest_attempts_sync_plain, 1);
    repeated(key, itest_attempts_sync_reads, 3);
    repeated_stream(key);
    cancelled();
}

/* A success for each failure, so that the budget does not forbid other attempts. */
static void works_again(uint32_t *key) {
    for (unsigned i = 0; i < 3; i++) {
        at_script s = at_script_of((*key)++ % AT_KEYS, 0, SEAL_STATUS_OK);
        at_packed p;
        const Itest__Done *reply = NULL;
        at_pack(&s, &p);
        p.options.wait_for_ready = true; /* the pause before the next connection may be on */
        it_expect_ok(itest_attempts_sync_plain(c.channel, &p.message, &p.options, &reply));
        free(p.message.data.data);
    }
}

static void prepare(seal_server *server) {
    at_register(server);
    stream_service_register(server);
}

static int setup(void **state) {
    (void)state;
    failing_alloc_init(&failing);
    memset(&it_flow, 0, sizeof it_flow);
    at_journal_clear();
    it_server_init(&it_s);
    it_s.prepare = prepare;
    it_server_start(&it_s, NULL, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    stream_service_wait_idle();
    it_server_done(&it_s);
    return 0;
}

static void sweep(bool connected, bool once, unsigned step) {
    size_t n = 1;
    uint32_t key = 0;
    for (; n < MAX_N; n += step) {
        client_start();
        if (connected)
            works_again(&key);
        failing_alloc_fail_at(&failing, n, once);
        all_calls(&key);
        bool failed = failing_alloc_has_failed(&failing);
        failing_alloc_fail_at(&failing, 0, true);
        works_again(&key);
        client_end();
        if (!failed)
            break;
    }
    print_message("%zu allocations\n", n - 1);
    assert_true(n > 20 && n < MAX_N);
}

static void from_the_first_call(void **state) {
    (void)state;
    sweep(false, true, 3);
}

static void on_a_connection(void **state) {
    (void)state;
    sweep(true, true, 1);
}

static void for_good(void **state) {
    (void)state;
    sweep(true, false, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(from_the_first_call, setup, teardown),
        cmocka_unit_test_setup_teardown(on_a_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(for_good, setup, teardown),
    };
    return cmocka_run_group_tests_name("integration.call_memory", tests, NULL, NULL);
}
