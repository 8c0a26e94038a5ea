/* SPDX-License-Identifier: Apache-2.0 */
/* What happens in an unusual order: callbacks that answer, stop and free; ends that overtake
 * beginnings; memory that is short for a moment. */
#include "own_loop.h"
#include "relay.h"

#include <string.h>

#include "net/runtime.h"
#include "support/failing_alloc.h"

/* ---- A cancel callback that answers other calls ---- */

enum { CROWD = 40 };

static const char secret[] = "this must not be seen on the wire";

typedef struct crowd {
    pthread_mutex_t lock;
    seal_call *calls[CROWD];
    unsigned n;
    atomic_uint held;
    atomic_uint told;
} crowd;

static void answer_all(seal_call *call, void *user) {
    crowd *k = user;
    (void)call;
    atomic_fetch_add(&k->told, 1);
    for (unsigned i = 0; i < k->n; i++) {
        Itest__Reply reply = ITEST__REPLY__INIT;
        char text[sizeof secret];
        memcpy(text, secret, sizeof secret);
        reply.text = text;
        itest_echo_reply_call(k->calls[i], &reply);
        seal_call_unref(k->calls[i]);
    }
    k->n = 0;
}

static void join_crowd(seal_call *call, const Itest__Request *request, void *user) {
    crowd *k = user;
    (void)request;
    k->calls[k->n++] = seal_call_ref(call);
    seal_call_on_cancel(call, answer_all, k);
    atomic_fetch_add(&k->held, 1);
}

static const itest_echo_ops crowd_ops = {.size = sizeof crowd_ops, .call = join_crowd};

static void start_crowd(seal_runtime *runtime, crowd *k, seal_server **ret_server) {
    seal_server_options options;
    it_server_options(&options);
    memset(k, 0, sizeof *k);
    assert_int_equal(seal_server_new(runtime, &options, ret_server, NULL), 0);
    assert_int_equal(itest_echo_register(*ret_server, &crowd_ops, k, NULL), 0);
    assert_int_equal(seal_server_add_address(*ret_server, "127.0.0.1:0", NULL), 0);
}

static bool contains(const uint8_t *bytes, size_t len, const char *text) {
    return memmem(bytes, len, text, strlen(text)) != NULL;
}

/* All calls of a connection end at once: the callback of the first answers the others. Nothing may
 * go out in clear, and no call may be left with its connection. */
static void a_cancel_callback_answers_the_others(void **state) {
    (void)state;
    static crowd k;
    static relay r;
    seal_server *server = NULL;
    it_ends ends = {0};
    start_crowd(it_s.runtime, &k, &server);
    assert_int_equal(seal_server_start(server, NULL), 0);
    relay_start(&r, seal_server_port(server), NULL);
    seal_channel *channel = it_channel_to(&it_c, r.port, NULL);
    it_async_many(channel, &(it_request){.number = 1}, CROWD, &ends);
    it_wait_at_least(&k.held, CROWD, "handlers");
    seal_server_stop(server, 0, NULL, NULL);
    it_wait_ends(&ends, CROWD);
    seal_channel_free(channel);
    seal_server_free(server);
    relay_join(&r);
    assert_int_equal(atomic_load(&k.told), 1);
    assert_int_equal(k.n, 0);
    assert_false(contains(r.sides[RELAY_TO_CLIENT].bytes, r.sides[RELAY_TO_CLIENT].len, secret));
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_UNAVAILABLE]), CROWD);
    relay_free(&r);
}

/* ---- A runtime that is freed while its server still drains ---- */

static void *answer_from_a_thread(void *arg) {
    answer_all(NULL, arg);
    return NULL;
}

static void loop_started(seal_server *server, const seal_error *error, void *user) {
    (void)server;
    *(int *)user = error == NULL ? 1 : -1;
}

static void runtime_freed_while_a_server_drains(void **state) {
    (void)state;
    static crowd k;
    own_loop own;
    seal_server *server = NULL;
    pthread_t thread;
    int started = 0;
    it_ends ends = {0};
    own_loop_init(&own);
    start_crowd(own.runtime, &k, &server);
    assert_int_equal(seal_server_start_async(server, loop_started, &started, NULL), 0);
    while (started == 0)
        uv_run(&own.loop, UV_RUN_ONCE);
    seal_channel *channel = it_channel_to(&it_c, seal_server_port(server), NULL);
    it_async_many(channel, &(it_request){.number = 1}, 3, &ends);
    while (atomic_load(&k.held) < 3)
        uv_run(&own.loop, UV_RUN_NOWAIT);
    seal_server_free(server);
    seal_runtime_free(own.runtime);
    assert_int_equal(pthread_create(&thread, NULL, answer_from_a_thread, &k), 0);
    assert_int_equal(uv_run(&own.loop, UV_RUN_DEFAULT), 0);
    pthread_join(thread, NULL);
    assert_int_equal(uv_loop_close(&own.loop), 0);
    it_wait_ends(&ends, 3);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 3);
    seal_channel_free(channel);
}

/* ---- A call that a task makes just before its channel is freed ---- */

typedef struct late_call {
    seal_runtime *runtime;
    seal_channel *channel;
    uv_sem_t go_on;
    int rc;
    it_ends ends;
} late_call;

static void block_loop(void *user) {
    late_call *l = user;
    uv_sem_wait(&l->go_on);
}

static void make_late_call(void *user) {
    late_call *l = user;
    l->rc = it_async(l->channel, &(it_request){.size = 1}, &l->ends, NULL);
}

static bool two_tasks_wait(void *arg) {
    late_call *l = arg;
    size_t n = 0;
    uv_mutex_lock(&l->runtime->lock);
    for (const seal__list *node = l->runtime->tasks.next; node != &l->runtime->tasks;
         node = node->next)
        n++;
    uv_mutex_unlock(&l->runtime->lock);
    return n == 2;
}

static void *unblock_when_queued(void *arg) {
    late_call *l = arg;
    it_wait(two_tasks_wait, l, "the channel to be freed");
    uv_sem_post(&l->go_on);
    return NULL;
}

static bool loop_is_blocked(void *arg) {
    late_call *l = arg;
    uv_mutex_lock(&l->runtime->lock);
    bool taken = seal__list_is_empty(&l->runtime->tasks);
    uv_mutex_unlock(&l->runtime->lock);
    return taken;
}

static void a_call_just_before_the_free(void **state) {
    (void)state;
    static late_call l;
    pthread_t thread;
    memset(&l, 0, sizeof l);
    l.runtime = it_c.runtime;
    l.channel = it_channel(&it_c, it_s.target, NULL);
    uv_sem_init(&l.go_on, 0);
    assert_int_equal(seal_runtime_post(it_c.runtime, block_loop, &l), 0);
    it_wait(loop_is_blocked, &l, "the loop to wait");
    assert_int_equal(seal_runtime_post(it_c.runtime, make_late_call, &l), 0);
    assert_int_equal(pthread_create(&thread, NULL, unblock_when_queued, &l), 0);
    seal_channel_free(l.channel);
    pthread_join(thread, NULL);
    assert_int_equal(l.rc, 0);
    assert_int_equal(atomic_load(&l.ends.n), 1);
    assert_int_equal(atomic_load(&l.ends.by_status[SEAL_STATUS_CANCELLED]), 1);
    uv_sem_destroy(&l.go_on);
}

/* ---- Stopping ---- */

static void free_when_not_started(seal_server *server, const seal_error *error, void *user) {
    atomic_uint *code = user;
    seal_server_free(server);
    atomic_store(code, (unsigned)-seal_error_get_code(error));
}

typedef struct starting {
    seal_server *server;
    atomic_uint code;
} starting;

static void start_and_stop(void *user) {
    starting *st = user;
    seal_server *server = st->server;
    if (seal_server_start_async(server, free_when_not_started, &st->code, NULL) != 0)
        atomic_store(&st->code, 1);
    seal_server_stop(server, 0, NULL, NULL);
}

/* Stopped while it starts, and freed where that is told. */
static void freed_by_the_started_callback(void **state) {
    (void)state;
    for (int i = 0; i < 10; i++) {
        starting st = {.code = 0};
        crowd k;
        seal_runtime *runtime = NULL;
        assert_int_equal(seal_runtime_new(NULL, &runtime, NULL), 0);
        start_crowd(runtime, &k, &st.server);
        assert_int_equal(seal_runtime_post(runtime, start_and_stop, &st), 0);
        it_wait_at_least(&st.code, 1, "the callback");
        assert_int_equal(atomic_load(&st.code), -SEAL_ERROR_CANCELLED);
        seal_runtime_free(runtime);
    }
}

static atomic_uint stops;

static void every_stop_is_told(void **state) {
    (void)state;
    it_ends ends = {0};
    atomic_store(&stops, 0);
    assert_int_equal(it_async(it_c.channel, &(it_request){.mode = ITEST__MODE__LATER}, &ends, NULL),
                     0);
    it_server_wait_held(&it_s, 1);
    for (int i = 0; i < 3; i++)
        seal_server_stop(it_s.server, 60000, it_count_stopped, &stops);
    assert_int_equal(atomic_load(&stops), 0);
    it_server_release(&it_s);
    it_wait_at_least(&stops, 3, "the callbacks");
    it_wait_ends(&ends, 1);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), 1);
    assert_int_equal(it_log_count(&it_s.log, "has stopped"), 1);
}

typedef struct nested {
    atomic_uint inside;
    atomic_uint from_inside;
} nested;

static void note_nested(seal_server *server, void *user) {
    nested *n = user;
    atomic_fetch_add(&n->from_inside, atomic_load(&n->inside));
    it_count_stopped(server, &stops);
}

static void stop_again(seal_server *server, void *user) {
    nested *n = user;
    it_count_stopped(server, &stops);
    atomic_store(&n->inside, 1);
    seal_server_stop(server, 0, note_nested, n);
    atomic_store(&n->inside, 0);
}

static void *run_server(void *arg) {
    seal_server *server = arg;
    return seal_server_run(server, NULL) == 0 ? arg : NULL;
}

/* Also of a server that somebody runs; never from inside the call. */
static void stopped_again_by_the_callback(void **state) {
    (void)state;
    nested n = {.inside = 0};
    pthread_t thread;
    void *result = NULL;
    atomic_store(&stops, 0);
    assert_int_equal(pthread_create(&thread, NULL, run_server, it_s.server), 0);
    it_echo(it_c.channel, 1);
    seal_server_stop(it_s.server, 0, stop_again, &n);
    it_wait_at_least(&stops, 2, "both callbacks");
    pthread_join(thread, &result);
    assert_non_null(result);
    assert_int_equal(atomic_load(&n.from_inside), 0);
    assert_int_equal(it_log_count(&it_s.log, "has stopped"), 1);
}

/* ---- Memory that is short for a moment ---- */

static failing_alloc failing;

/* Returns whether the failure before has been used. */
static bool fail_at(size_t n) {
    bool failed = failing_alloc_fail_at(&failing, n, true);
    return failed;
}

typedef struct short_call {
    seal_channel *channel;
    size_t n;
    atomic_uint posted;
    unsigned started;
    it_ends ends;
} short_call;

/* Only what the loop's thread asks for while it starts the call. */
static void call_without_memory(void *user) {
    short_call *sc = user;
    fail_at(sc->n);
    for (int i = 0; i < 3; i++)
        sc->started +=
            it_async(sc->channel, &(it_request){.size = 15000}, &sc->ends, NULL) == 0 ? 1 : 0;
    if (!fail_at(0))
        sc->n = 0;
    atomic_store(&sc->posted, 1);
}

/* The channel goes on, with another connection if need be. */
static void a_call_fails_for_want_of_memory(void **state) {
    (void)state;
    seal_runtime_options ro;
    seal_channel_options co;
    seal_runtime *runtime = NULL;
    seal_channel *channel = NULL;
    failing_alloc_init(&failing);
    seal_runtime_options_init(&ro);
    it_channel_options(&co);
    ro.allocator = &failing.allocator;
    assert_int_equal(seal_runtime_new(&ro, &runtime, NULL), 0);
    assert_int_equal(itest_echo_channel_new(runtime, it_s.target, &co, &channel, NULL), 0);
    for (size_t n = 1; n > 0; n++) {
        short_call sc = {.channel = channel, .n = n};
        it_echo(channel, 1);
        assert_int_equal(seal_runtime_post(runtime, call_without_memory, &sc), 0);
        it_wait_at_least(&sc.posted, 1, "the call");
        it_wait_ends(&sc.ends, sc.started);
        /* One call may still meet the connection that is broken. */
        seal_result_free(it_sync(channel, NULL, &(it_request){.size = 1}));
        if (sc.n == 0)
            break;
    }
    seal_channel_free(channel);
    seal_runtime_free(runtime);
    assert_int_equal(failing.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cancel_callback_answers_the_others, it_setup,
                                        it_teardown),
        cmocka_unit_test_setup_teardown(runtime_freed_while_a_server_drains, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(a_call_just_before_the_free, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(freed_by_the_started_callback, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(every_stop_is_told, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(stopped_again_by_the_callback, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(a_call_fails_for_want_of_memory, it_setup, it_teardown),
    };
    return cmocka_run_group_tests_name("integration.orders", tests, NULL, NULL);
}
