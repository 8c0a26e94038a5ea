/* SPDX-License-Identifier: Apache-2.0 */
/* Servers with several loops: how connections are spread, limits and figures over all loops. */
#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOOPS = 4 };

/* ---- Which loop a connection is on: a service of the server's own says so ---- */

static void tell_thread(seal_call *call, const Itest__Request *request, void *user) {
    (void)request;
    (void)user;
    Itest__Reply reply = ITEST__REPLY__INIT;
    reply.number = (uint64_t)pthread_self();
    itest_elsewhere_reply_call(call, &reply);
}

static const itest_elsewhere_ops telling = {.size = sizeof telling, .call = tell_thread};

static void add_telling(seal_server *server) {
    assert_int_equal(itest_elsewhere_register(server, &telling, NULL, NULL), 0);
}

static void loops_options(seal_server_options *options) {
    it_server_options(options);
    options->loops = LOOPS;
    options->stop_grace_ms = 100;
}

static void start(const seal_server_options *options, const char *address) {
    it_server_init(&it_s);
    it_s.prepare = add_telling;
    it_server_start(&it_s, options, address);
}

static int setup(void **state) {
    (void)state;
    seal_server_options options;
    loops_options(&options);
    start(&options, NULL);
    it_client_init(&it_c);
    return 0;
}

static uint64_t ask(seal_channel *channel) {
    seal_result *result = it_sync(channel, itest_elsewhere_sync_call, &(it_request){.size = 0});
    const Itest__Reply *reply = seal_result_reply(result);
    if (reply == NULL)
        print_error("%s\n", seal_result_message(result));
    assert_non_null(reply);
    uint64_t number = reply->number;
    seal_result_free(result);
    return number;
}

typedef struct tally {
    uint64_t threads[64];
    unsigned counts[64];
    unsigned n;
} tally;

static void count(tally *t, uint64_t thread) {
    unsigned i = 0;
    while (i < t->n && t->threads[i] != thread)
        i++;
    if (i == t->n)
        t->threads[t->n++] = thread;
    t->counts[i]++;
}

/* ---- Spreading ---- */

static bool has_so_many_open(void *arg) {
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    return stats.connections_open == *(uint64_t *)arg;
}

static void spread(const char *target) {
    enum { CHANNELS = 8 * LOOPS };
    seal_channel *channels[CHANNELS];
    uint64_t threads[CHANNELS];
    tally t = {.n = 0};
    for (int i = 0; i < CHANNELS; i++) {
        channels[i] = it_channel(&it_c, target, NULL);
        threads[i] = ask(channels[i]);
        count(&t, threads[i]);
    }
    assert_int_equal(t.n, LOOPS);
    for (unsigned i = 0; i < LOOPS; i++)
        assert_int_equal(t.counts[i], CHANNELS / LOOPS);
    /* All on one loop go: the next ones are given to it. */
    unsigned n = 0;
    for (int i = 0; i < CHANNELS; i++) {
        if (threads[i] == t.threads[2]) {
            seal_channel_free(channels[i]);
            channels[i] = NULL;
            n++;
        }
    }
    uint64_t left = CHANNELS - n;
    it_wait(has_so_many_open, &left, "connections to close");
    for (int i = 0; i < CHANNELS; i++) {
        if (channels[i] == NULL) {
            channels[i] = it_channel(&it_c, target, NULL);
            assert_int_equal(ask(channels[i]), t.threads[2]);
        } else {
            assert_int_equal(ask(channels[i]), threads[i]);
        }
    }
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.connections_accepted, CHANNELS + n);
    assert_int_equal(stats.handshakes_completed, CHANNELS + n);
    assert_int_equal(stats.connections_open, CHANNELS);
    assert_int_equal(stats.calls_started, 2 * CHANNELS);
    for (int i = 0; i < CHANNELS; i++)
        seal_channel_free(channels[i]);
    it_server_wait_idle(&it_s);
}

static void spread_evenly(void **state) {
    (void)state;
    spread(it_s.target);
}

static void spread_evenly_over_a_unix_socket(void **state) {
    (void)state;
    char address[64];
    snprintf(address, sizeof address, "unix:@sealrpc-loops-%ld", (long)getpid());
    it_server_done(&it_s);
    seal_server_options options;
    loops_options(&options);
    start(&options, address);
    spread(address);
}

static void who_is_known_on_every_loop(void **state) {
    (void)state;
    for (int i = 0; i < LOOPS; i++) {
        seal_channel *channel = it_channel(&it_c, it_s.target, NULL);
        seal_result *result = it_sync(channel, NULL, &(it_request){.mode = ITEST__MODE__WHO});
        const Itest__Reply *reply = seal_result_reply(result);
        assert_non_null(reply);
        assert_non_null(strstr(reply->text, IT_ALICE "|" IT_REALM));
        assert_non_null(strstr(reply->text, "|127.0.0.1:"));
        seal_result_free(result);
        seal_channel_free(channel);
    }
}

/* A reflected handshake is recognized whichever loop it comes back on. */
static void talking_to_itself_is_refused(void **state) {
    (void)state;
    seal_channel *channels[2 * LOOPS];
    for (int i = 0; i < 2 * LOOPS; i++) {
        seal_channel_options options;
        it_channel_options(&options);
        assert_int_equal(
            itest_echo_channel_new(it_s.runtime, it_s.target, &options, &channels[i], NULL), 0);
        seal_result *result = it_sync(channels[i], NULL, &(it_request){.size = 1});
        assert_int_not_equal(seal_result_status(result), SEAL_STATUS_OK);
        seal_result_free(result);
    }
    for (int i = 0; i < 2 * LOOPS; i++)
        seal_channel_free(channels[i]);
    assert_int_equal(atomic_load(&it_s.runs), 0);
}

/* ---- Many at once ---- */

typedef struct worker {
    pthread_t thread;
    unsigned ok;
} worker;

enum { WORKERS = 12, CALLS = 60 };

static void *work(void *arg) {
    static const Itest__Mode modes[] = {ITEST__MODE__ECHO, ITEST__MODE__THREAD, ITEST__MODE__SIZED};
    worker *w = arg;
    seal_channel *channel = it_channel(&it_c, it_s.target, NULL);
    for (unsigned i = 0; i < CALLS; i++) {
        seal_result *result =
            it_sync(channel, NULL, &(it_request){.mode = modes[i % 3], .size = i, .number = i * 9});
        w->ok += seal_result_status(result) == SEAL_STATUS_OK;
        seal_result_free(result);
    }
    seal_channel_free(channel);
    return NULL;
}

static void handlers_on_several_threads(void **state) {
    (void)state;
    worker workers[WORKERS] = {{.ok = 0}};
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].ok, CALLS);
    }
    it_server_wait_idle(&it_s);
    seal_server_stats stats;
    it_server_stats(&it_s, &stats);
    assert_int_equal(stats.calls_started, WORKERS * CALLS);
    assert_int_equal(stats.connections_accepted, WORKERS);
    assert_int_equal(atomic_load(&it_s.runs), WORKERS * CALLS);
}

/* ---- Limits ---- */

static void restart(const seal_server_options *options) {
    it_server_done(&it_s);
    start(options, NULL);
}

static void connections_are_limited_over_all_loops(void **state) {
    (void)state;
    enum { MAX = 10 };
    seal_channel *channels[MAX];
    seal_server_options options;
    loops_options(&options);
    options.max_connections = MAX;
    restart(&options);
    for (int i = 0; i < MAX; i++) {
        channels[i] = it_channel(&it_c, it_s.target, NULL);
        ask(channels[i]);
    }
    for (uint64_t shed = 1; shed < 10; shed++) {
        it_expect_shed(seal_server_port(it_s.server));
        seal_server_stats stats;
        it_server_stats(&it_s, &stats);
        assert_int_equal(stats.connections_open, MAX);
        assert_int_equal(stats.connections_shed, shed);
    }
    for (int i = 0; i < MAX; i++) { /* each place that gets free is given away once */
        seal_channel_free(channels[i]);
        uint64_t left = MAX - 1;
        it_wait(has_so_many_open, &left, "a connection to close");
        channels[i] = it_channel(&it_c, it_s.target, NULL);
        ask(channels[i]);
        it_expect_shed(seal_server_port(it_s.server));
    }
    for (int i = 0; i < MAX; i++)
        seal_channel_free(channels[i]);
}

static void sources_are_limited_over_all_loops(void **state) {
    (void)state;
    enum { MAX = 6 };
    int fds[MAX];
    seal_server_options options;
    loops_options(&options);
    options.max_half_open_per_source = MAX;
    restart(&options);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < MAX; i++)
            fds[i] = it_connect(seal_server_port(it_s.server));
        it_expect_shed(seal_server_port(it_s.server));
        seal_server_stats stats;
        it_server_stats(&it_s, &stats);
        assert_int_equal(stats.connections_open, MAX);
        for (int i = 0; i < MAX; i++)
            close(fds[i]);
        it_server_wait_idle(&it_s);
    }
    seal_channel *channel = it_channel(&it_c, it_s.target, NULL);
    it_echo(channel, 1);
    seal_channel_free(channel);
}

static void half_open_ones_are_limited_over_all_loops(void **state) {
    (void)state;
    enum { MAX = 12 }; /* too few to be dropped early */
    int fds[MAX];
    seal_server_options options;
    loops_options(&options);
    options.max_half_open = MAX;
    restart(&options);
    seal_channel *channel = it_channel(&it_c, it_s.target, NULL);
    it_echo(channel, 1);
    for (int i = 0; i < MAX; i++)
        fds[i] = it_connect(seal_server_port(it_s.server));
    it_expect_shed(seal_server_port(it_s.server));
    it_echo(channel, 1);
    for (int i = 0; i < MAX; i++)
        close(fds[i]);
    seal_channel_free(channel);
}

static void refuse(const seal_server_options *options, const char *part) {
    seal_server *server = NULL;
    seal_error *error = NULL;
    assert_int_equal(seal_server_new(it_s.runtime, options, &server, &error), SEAL_ERROR_INVALID);
    if (strstr(seal_error_message(error), part) == NULL)
        fail_msg("%s: %s", part, seal_error_message(error));
    seal_error_free(error);
}

static void options_are_checked(void **state) {
    (void)state;
    static const struct {
        seal_server_options options;
        const char *part;
    } wrong[] = {
        {{.loops = 65}, "loops is 65; 1 to 64 are possible"},
        {{.worker_threads = 1025}, "worker_threads is 1025; 1 to 1024 are possible"},
        {{.worker_queue = 1000001}, "worker_queue is 1000001; 1 to 1000000 are possible"},
        {{.stream_window = 1000}, "stream_window is 1000; 65536 to 67108864 are possible"},
        {{.stream_window = 64 << 20, .max_streams = 17}, "more than 1 GiB; lower one of them"},
        {{.keepalive_ms = 99}, "keepalive_ms is 99; 100 to 86400000 and SEAL_NEVER are possible"},
        {{.keepalive_timeout_ms = SEAL_NEVER}, "keepalive_timeout_ms is 4294967295"},
        {{.max_connection_idle_ms = 86400001}, "max_connection_idle_ms is 86400001"},
        {{.max_connection_age_ms = 86400001}, "max_connection_age_ms is 86400001"},
    };
    seal_server_options options;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        options = wrong[i].options;
        options.struct_size = sizeof options;
        options.principal = IT_SERVICE;
        refuse(&options, wrong[i].part);
    }
    seal_server *server = NULL;
    /* A program that was built before there were loops. */
    loops_options(&options);
    options.struct_size = offsetof(seal_server_options, loops);
    assert_int_equal(seal_server_new(it_s.runtime, &options, &server, NULL), 0);
    seal_server_free(server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, it_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(spread_evenly),
        TEST(spread_evenly_over_a_unix_socket),
        TEST(who_is_known_on_every_loop),
        TEST(talking_to_itself_is_refused),
        TEST(handlers_on_several_threads),
        TEST(connections_are_limited_over_all_loops),
        TEST(sources_are_limited_over_all_loops),
        TEST(half_open_ones_are_limited_over_all_loops),
        TEST(options_are_checked),
    };
    return cmocka_run_group_tests_name("integration.loops", tests, NULL, NULL);
}
