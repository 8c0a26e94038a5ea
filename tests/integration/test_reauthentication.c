/* SPDX-License-Identifier: Apache-2.0 */
/* A re-authentication for which no thread is free, since all of them wait for a KDC: the connection
 * goes on under its old context. */
#include "harness.h"

#include <string.h>
#include <unistd.h>

#include "client/client_internal.h"
#include "secure/channel_internal.h"

enum { CONNECT_MS = 2000, QUEUE = 8, JOBS = QUEUE + 2 };

/* ---- A pool that is busy ---- */

typedef struct blocker {
    seal__auth_job jobs[JOBS];
    unsigned n;
    unsigned refused;
    atomic_bool go_on;
    atomic_uint inside;
    atomic_uint done;
} blocker;

static blocker b;

static void wait_inside(seal__auth_job *job) {
    (void)job;
    atomic_fetch_add(&b.inside, 1);
    while (!atomic_load(&b.go_on))
        usleep(1000);
}

static void count(seal__auth_job *job, bool ran) {
    (void)job;
    (void)ran;
    atomic_fetch_add(&b.done, 1);
}

static void count_orphan(seal__auth_job *job) {
    count(job, true);
}

/* On the client's loop. */
static void block(void *arg) {
    unsigned n = *(unsigned *)arg;
    seal_runtime *runtime = it_c.runtime;
    for (unsigned i = 0; i < n; i++) {
        b.jobs[b.n] = (seal__auth_job){.deadline_ns = UINT64_MAX,
                                       .work = wait_inside,
                                       .done = count,
                                       .orphaned = count_orphan};
        if (seal__runtime_submit(runtime, runtime->initiators, &b.jobs[b.n]) == 0)
            b.n++;
        else
            b.refused++;
    }
}

static void fill_pool(unsigned n) {
    assert_int_equal(seal__runtime_run(it_c.runtime, block, &n), 0);
}

static void release(void) {
    atomic_store(&b.go_on, true);
    it_wait_at_least(&b.done, b.n, "the jobs to end");
}

/* ---- A connection whose time has come ---- */

static void renew_now(void *arg) {
    (void)arg;
    seal__conn *conn = it_c.channel->conn;
    conn->secure->renew_at_ns = 0;
    seal__conn_arm_timer(conn);
}

static void look_for_failure(void *arg) {
    seal__conn *conn = it_c.channel->conn;
    *(bool *)arg = conn != NULL && seal__secure_renewal_error(conn->secure) != NULL;
}

static bool has_failed(void *arg) {
    bool failed = false;
    (void)arg;
    return seal__runtime_run(it_c.runtime, look_for_failure, &failed) == 0 && failed;
}

static void start(void) {
    seal_runtime_options options;
    seal_channel_options channel;
    it_server_init(&it_s);
    it_server_start(&it_s, NULL, NULL);
    memset(&b, 0, sizeof b);
    seal_runtime_options_init(&options);
    options.initiator_threads = 1;
    options.auth_queue = QUEUE;
    it_client_init_with(&it_c, &options);
    it_channel_options(&channel);
    channel.connect_timeout_ms = CONNECT_MS;
    it_c.channel = it_channel(&it_c, it_s.target, &channel);
    it_echo(it_c.channel, 10);
    fill_pool(1);
    it_wait_at_least(&b.inside, 1, "the only thread to be busy");
}

/* The old context is in use still, and the next attempt succeeds. */
static void goes_on(void) {
    it_echo(it_c.channel, 10);
    assert_int_equal(seal__runtime_run(it_c.runtime, renew_now, NULL), 0);
    for (int i = 0; i < 30000 && has_failed(NULL); i++)
        usleep(1000);
    assert_false(has_failed(NULL));
    it_echo(it_c.channel, 10);
    assert_int_equal(it_channel_stats(it_c.channel).connections_made, 1);
}

static void no_thread_in_time(void **state) {
    (void)state;
    start();
    assert_int_equal(seal__runtime_run(it_c.runtime, renew_now, NULL), 0);
    it_wait(has_failed, NULL, "the attempt to be given up");
    it_echo(it_c.channel, 10);
    release();
    it_echo(it_c.channel, 10); /* what was not run has come back by now, or comes */
    goes_on();
}

static void no_room_in_the_queue(void **state) {
    (void)state;
    start();
    fill_pool(QUEUE + 1);
    assert_int_equal(b.refused, 1);
    assert_int_equal(seal__runtime_run(it_c.runtime, renew_now, NULL), 0);
    it_wait(has_failed, NULL, "the attempt to be given up");
    it_log_wait(&it_c.log, "too many connections are waiting for authentication");
    it_echo(it_c.channel, 10);
    release();
    goes_on();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(no_thread_in_time, it_teardown),
        cmocka_unit_test_teardown(no_room_in_the_queue, it_teardown),
    };
    return cmocka_run_group_tests_name("integration.reauthentication", tests, NULL, NULL);
}
