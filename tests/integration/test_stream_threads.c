/* SPDX-License-Identifier: Apache-2.0 */
/* One streaming call, many threads: writing, asking, ending and cancelling at once. */
#include "stream_service.h"

#include <stdio.h>
#include <string.h>

enum { WRITERS = 4, EACH = 1500 };

typedef struct shared {
    seal_client_call *call;
    atomic_uint room; /* callbacks */
    atomic_uint messages;
    atomic_uint disorder;
    atomic_uint refused; /* writes after the end */
    atomic_uint wrong;   /* other results of write */
    atomic_uint ends;
    atomic_uint go;
    uint32_t next[WRITERS];
    seal_status status;
    uint32_t number;
    char sum[32];
} shared;

typedef struct writer {
    shared *s;
    uint32_t index;
    pthread_t thread;
} writer;

static void on_room(seal_client_call *call, void *user) {
    shared *s = user;
    (void)call;
    atomic_fetch_add(&s->room, 1);
}

/* The items of a writer come in its order; those of different writers in any. */
static void got(seal_client_call *call, const Flow__Item *item, void *user) {
    shared *s = user;
    (void)call;
    uint32_t from = item->number / EACH;
    if (from >= WRITERS || item->number % EACH != s->next[from]++)
        atomic_fetch_add(&s->disorder, 1);
    atomic_fetch_add(&s->messages, 1);
}

static void ended(const seal_result *result, void *user) {
    shared *s = user;
    s->status = seal_result_status(result);
    atomic_fetch_add(&s->ends, 1);
}

static void ended_up(const seal_result *result, const Flow__Item *reply, void *user) {
    shared *s = user;
    if (reply != NULL) {
        s->number = reply->number;
        snprintf(s->sum, sizeof s->sum, "%s", reply->text);
    }
    ended(result, user);
}

/* False: the call has ended. */
static bool wait_for_room(shared *s, unsigned seen) {
    for (;;) {
        if (atomic_load(&s->ends) > 0)
            return false;
        if (atomic_load(&s->room) != seen)
            return true;
        sched_yield();
    }
}

static void note(shared *s, int rc) {
    if (rc == SEAL_ERROR_CLOSED || rc == SEAL_ERROR_STATE)
        atomic_fetch_add(&s->refused, 1);
    else if (rc != 0)
        atomic_fetch_add(&s->wrong, 1);
}

typedef int write_fn(seal_client_call *call, const Flow__Item *message);

static void write_each(const writer *w, write_fn *write, const char *text) {
    shared *s = w->s;
    for (uint32_t i = 0; i < EACH; i++) {
        Flow__Item item = flow_item_with_text(w->index * EACH + i, text, i % 1500);
        int rc = 0;
        unsigned seen = atomic_load(&s->room);
        while ((rc = write(s->call, &item)) == SEAL_ERROR_AGAIN && wait_for_room(s, seen))
            seen = atomic_load(&s->room);
        if (rc != SEAL_ERROR_AGAIN)
            note(s, rc);
        if (rc != 0)
            return;
    }
}

static void *write_both(void *arg) {
    write_each(arg, flow_flow_write_both, NULL);
    return NULL;
}

static void *write_up(void *arg) {
    write_each(arg, flow_flow_write_up, NULL);
    return NULL;
}

static void start_writers(writer *writers, shared *s, void *(*run)(void *arg)) {
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (writer){.s = s, .index = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, run, &writers[i]), 0);
    }
}

static void join_writers(writer *writers) {
    for (uint32_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
}

static void open_both(shared *s) {
    memset(s, 0, sizeof *s);
    assert_int_equal(flow_flow_open_both(it_c.channel, NULL, got, ended, s, &s->call), 0);
    seal_client_call_on_writable(s->call, on_room, s);
}

static void each_writer_keeps_its_order(void **state) {
    (void)state;
    shared s;
    writer writers[WRITERS];
    open_both(&s);
    start_writers(writers, &s, write_both);
    /* Asked for in small portions, from here. */
    for (unsigned i = 0; i < WRITERS * EACH; i += 100)
        seal_client_call_read(s.call, 100);
    join_writers(writers);
    seal_client_call_end(s.call);
    it_wait_at_least(&s.messages, WRITERS * EACH, "everything to come back");
    it_wait_at_least(&s.ends, 1, "the end");
    assert_int_equal(s.status, SEAL_STATUS_OK);
    assert_int_equal(atomic_load(&s.disorder), 0);
    assert_int_equal(atomic_load(&s.wrong), 0);
    assert_int_equal(atomic_load(&s.refused), 0);
    assert_int_equal(atomic_load(&s.messages), WRITERS * EACH);
    seal_client_call_unref(s.call);
}

static void nothing_is_lost_or_doubled(void **state) {
    (void)state;
    shared s;
    writer writers[WRITERS];
    char sum[32];
    memset(&s, 0, sizeof s);
    assert_int_equal(flow_flow_open_up(it_c.channel, NULL, ended_up, &s, &s.call), 0);
    seal_client_call_on_writable(s.call, on_room, &s);
    start_writers(writers, &s, write_up);
    join_writers(writers);
    seal_client_call_end(s.call);
    it_wait_at_least(&s.ends, 1, "the end");
    assert_int_equal(s.status, SEAL_STATUS_OK);
    assert_int_equal(s.number, WRITERS * EACH);
    unsigned long long n = WRITERS * EACH;
    snprintf(sum, sizeof sum, "%llu", n * (n - 1) / 2);
    assert_string_equal(s.sum, sum);
    seal_client_call_unref(s.call);
}

/* ---- Ends from all sides ---- */

static void *cancel(void *arg) {
    shared *s = arg;
    it_wait_at_least(&s->messages, 50, "some messages");
    seal_client_call_cancel(s->call);
    return NULL;
}

static void *ask(void *arg) {
    shared *s = arg;
    while (atomic_load(&s->ends) == 0)
        seal_client_call_read(s->call, 3);
    return NULL;
}

static void cancelled_by_another_thread(void **state) {
    (void)state;
    shared s;
    writer writers[WRITERS];
    pthread_t threads[3];
    open_both(&s);
    assert_int_equal(pthread_create(&threads[0], NULL, cancel, &s), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, cancel, &s), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, ask, &s), 0);
    start_writers(writers, &s, write_both);
    join_writers(writers);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    it_wait_at_least(&s.ends, 1, "the end");
    assert_int_equal(atomic_load(&s.ends), 1);
    assert_int_equal(atomic_load(&s.disorder), 0);
    assert_int_equal(atomic_load(&s.wrong), 0);
    seal_client_call_unref(s.call);
    it_echo(it_c.channel, 10);
}

static void *end(void *arg) {
    shared *s = arg;
    it_wait_at_least(&s->messages, 50, "some messages");
    seal_client_call_end(s->call);
    return NULL;
}

static void ended_by_another_thread(void **state) {
    (void)state;
    shared s;
    writer writers[WRITERS];
    pthread_t threads[2];
    open_both(&s);
    seal_client_call_read(s.call, SEAL_READ_ALL);
    assert_int_equal(pthread_create(&threads[0], NULL, end, &s), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, end, &s), 0);
    start_writers(writers, &s, write_both);
    join_writers(writers);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    it_wait_at_least(&s.ends, 1, "the end");
    assert_int_equal(s.status, SEAL_STATUS_OK);
    assert_int_equal(atomic_load(&s.disorder), 0);
    assert_int_equal(atomic_load(&s.wrong), 0);
    seal_client_call_unref(s.call);
}

/* ---- Many short ones ---- */

enum { THREADS = 4, CALLS = 60 };

static void *many_calls(void *arg) {
    shared *s = arg;
    for (uint32_t i = 0; i < CALLS; i++) {
        seal_client_call *call = NULL;
        const Flow__Item *item = NULL;
        Flow__Item request = flow_item(i % 7, 100);
        uint32_t n = 0;
        if (flow_flow_start_down(it_c.channel, &request, NULL, &call) != 0) {
            atomic_fetch_add(&s->wrong, 1);
            continue;
        }
        if (i % 5 == 4)
            seal_client_call_cancel(call);
        while (flow_flow_read_down(call, &item) == 1)
            atomic_fetch_add(&s->disorder, item->number != n++);
        seal_result *result = seal_client_call_finish(call);
        if (i % 5 != 4 && (seal_result_status(result) != SEAL_STATUS_OK || n != i % 7))
            atomic_fetch_add(&s->wrong, 1);
        seal_result_free(result);
        seal_client_call_unref(call);
        atomic_fetch_add(&s->ends, 1);
    }
    return NULL;
}

static void short_streams_of_many_threads(void **state) {
    (void)state;
    shared s;
    pthread_t threads[THREADS];
    memset(&s, 0, sizeof s);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, many_calls, &s), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&s.ends), THREADS * CALLS);
    assert_int_equal(atomic_load(&s.wrong), 0);
    assert_int_equal(atomic_load(&s.disorder), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stream_setup, stream_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_writer_keeps_its_order),   TEST(nothing_is_lost_or_doubled),
        TEST(cancelled_by_another_thread),   TEST(ended_by_another_thread),
        TEST(short_streams_of_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
