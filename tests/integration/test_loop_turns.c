/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing blocks an event loop: the longest turn of a loop that has to do with a silent KDC, a
 * silent directory and silent DNS servers. What would block would block for seconds (three at the
 * least, eighteen for a KDC); a turn of one is let pass, because test machines are busy.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum { MS = 1000000, LONGEST_MS = 1000, TICK_MS = 10 };

/* ---- The loop ---- */

typedef struct watched_loop {
    uv_loop_t loop;
    uv_timer_t tick;
    uint64_t last_ns;
    uint64_t longest_ns;
    unsigned ticks;
    it_log log;
    seal_runtime *runtime;
} watched_loop;

static void on_tick(uv_timer_t *timer) {
    watched_loop *w = timer->data;
    uint64_t now = uv_hrtime();
    if (now - w->last_ns > w->longest_ns)
        w->longest_ns = now - w->last_ns;
    w->last_ns = now;
    w->ticks++;
}

static void begin(watched_loop *w) {
    *w = (watched_loop){.ticks = 0};
    seal_runtime_options options;
    seal_runtime_options_init(&options);
    it_log_init(&w->log);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    options.loop = &w->loop;
    options.log = it_log_line;
    options.log_user = &w->log;
    assert_int_equal(seal_runtime_new(&options, &w->runtime, NULL), 0);
    uv_timer_init(&w->loop, &w->tick);
    w->tick.data = w;
    w->last_ns = uv_hrtime();
    uv_timer_start(&w->tick, on_tick, TICK_MS, TICK_MS);
}

static void run_until(watched_loop *w, const atomic_uint *counter, unsigned n) {
    uint64_t end = uv_hrtime() + (uint64_t)60000 * MS;
    while (atomic_load(counter) < n && uv_hrtime() < end)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(atomic_load(counter), n);
}

static void end(watched_loop *w) {
    assert_true(w->ticks > 10);
    print_message("longest turn: %llu ms, %u ticks\n", (unsigned long long)(w->longest_ns / MS),
                  w->ticks);
    assert_true(w->longest_ns < (uint64_t)LONGEST_MS * MS);
    uv_close((uv_handle_t *)&w->tick, NULL);
    seal_runtime_free(w->runtime);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    it_log_done(&w->log);
}

/* ---- Silent peers: one port, TCP and UDP ---- */

typedef struct silent {
    uint16_t port;
    int tcp;
    int udp;
} silent;

static void silent_open(silent *s) {
    struct sockaddr_in addr = {.sin_family = AF_INET};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->tcp = it_listen(&s->port);
    s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    addr.sin_port = htons(s->port);
    assert_int_equal(bind(s->udp, (const struct sockaddr *)(const void *)&addr, sizeof addr), 0);
}

static void silent_close(silent *s) {
    close(s->tcp);
    close(s->udp);
}

static char realm_config[300];

/* A realm whose KDC is silent, for everything that comes. */
static void use_silent_kdc(const silent *s) {
    char text[512];
    snprintf(text, sizeof text,
             "[libdefaults]\n default_realm = " IT_REALM
             "\n dns_lookup_kdc = false\n rdns = false\n"
             " dns_canonicalize_hostname = false\n[realms]\n " IT_REALM " = {\n"
             "  kdc = 127.0.0.1:%u\n }\n",
             s->port);
    it_write_file(it_path("silent.conf"), text, strlen(text));
    setenv("KRB5_CONFIG", it_path("silent.conf"), 1);
}

/* Calls that cannot succeed, until they have ended. */
static void calls(watched_loop *w, const char *target, seal_status status) {
    enum { N = 4 };
    static it_ends ends;
    seal_channel *channel = NULL;
    seal_channel_options options;
    it_channel_options(&options);
    options.connect_timeout_ms = 4000;
    ends = (it_ends){0};
    assert_int_equal(seal_channel_new(w->runtime, target, &options, &channel, NULL), 0);
    it_async_many(channel, &(it_request){.timeout_us = 3500000}, N, &ends);
    run_until(w, &ends.n, N);
    assert_int_equal(atomic_load(&ends.by_status[status]), N);
    seal_channel_free(channel);
}

/* ---- The cases ---- */

static void client_with_silent_kdc(void **state) {
    (void)state;
    static it_server s;
    watched_loop w;
    silent kdc;
    char text[400];
    it_server_init(&s);
    it_server_start(&s, NULL, NULL);
    snprintf(text, sizeof text, "kinit -k -t \"$SEAL_REALM_DIR/users.keytab\" -c FILE:%s bob",
             it_path("cache"));
    it_shell(text);
    silent_open(&kdc);
    use_silent_kdc(&kdc);
    begin(&w);
    seal_channel_options options;
    snprintf(text, sizeof text, "FILE:%s", it_path("cache"));
    it_channel_options(&options);
    options.ccache = text;
    seal_channel *channel = NULL;
    static it_ends ends;
    assert_int_equal(seal_channel_new(w.runtime, s.target, &options, &channel, NULL), 0);
    assert_int_equal(it_async(channel, &(it_request){.timeout_us = 3000000}, &ends, NULL), 0);
    run_until(&w, &ends.n, 1);
    seal_channel_free(channel);
    end(&w);
    setenv("KRB5_CONFIG", realm_config, 1);
    silent_close(&kdc);
    it_server_done(&s);
}

static void on_started(seal_server *server, const seal_error *error, void *user) {
    (void)server;
    assert_null(error);
    atomic_fetch_add((atomic_uint *)user, 1);
}

static void ignore_published(seal_server *server, const seal_error *error, void *user) {
    (void)server;
    assert_non_null(error);
    atomic_fetch_add((atomic_uint *)user, 1);
}

/* The start-up check, publishing, and the end while the directory does not answer. */
static void server_start_and_stop(const char *directory, const char *address) {
    watched_loop w;
    seal_server *server = NULL;
    seal_server_options so;
    seal_publish_options po;
    static atomic_uint started, published, stopped;
    begin(&w);
    it_server_options(&so);
    so.skip_startup_check = false;
    seal_publish_options_init(&po);
    po.directory = directory;
    po.base = "dc=sealrpc,dc=test";
    atomic_store(&started, 0);
    atomic_store(&published, 0);
    atomic_store(&stopped, 0);
    assert_int_equal(seal_server_new(w.runtime, &so, &server, NULL), 0);
    assert_int_equal(seal_server_add_address(server, address, NULL), 0);
    assert_int_equal(seal_server_publish(server, &po, ignore_published, &published, NULL), 0);
    assert_int_equal(seal_server_start_async(server, on_started, &started, NULL), 0);
    run_until(&w, &started, 1);
    uint64_t until = uv_hrtime() + (uint64_t)500 * MS;
    while (uv_hrtime() < until)
        uv_run(&w.loop, UV_RUN_ONCE);
    seal_server_stop(server, 300, it_count_stopped, &stopped);
    run_until(&w, &stopped, 1);
    run_until(&w, &published, 1);
    seal_server_free(server);
    end(&w);
}

static void server_with_silent_kdc(void **state) {
    (void)state;
    silent kdc;
    silent_open(&kdc);
    use_silent_kdc(&kdc);
    server_start_and_stop("ldap://localhost:1", "127.0.0.1:0");
    setenv("KRB5_CONFIG", realm_config, 1);
    silent_close(&kdc);
}

static void server_with_silent_directory(void **state) {
    (void)state;
    silent directory;
    char uri[64];
    silent_open(&directory);
    snprintf(uri, sizeof uri, "ldap://localhost:%u", directory.port);
    server_start_and_stop(uri, "127.0.0.1:0");
    silent_close(&directory);
}

static void client_with_silent_directory(void **state) {
    (void)state;
    watched_loop w;
    silent directory;
    char target[64];
    silent_open(&directory);
    snprintf(target, sizeof target, "ldap://localhost:%u/itest.Echo", directory.port);
    begin(&w);
    calls(&w, target, SEAL_STATUS_DEADLINE_EXCEEDED);
    end(&w);
    silent_close(&directory);
}

static void client_with_silent_dns(void **state) {
    (void)state;
    watched_loop w;
    silent dns;
    char target[64];
    silent_open(&dns);
    snprintf(target, sizeof target, "dns://127.0.0.1:%u/echo.sealrpc.test", dns.port);
    begin(&w);
    calls(&w, target, SEAL_STATUS_DEADLINE_EXCEEDED);
    end(&w);
    silent_close(&dns);
}

int main(void) {
    snprintf(realm_config, sizeof realm_config, "%s", getenv("KRB5_CONFIG"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_with_silent_kdc),
        cmocka_unit_test(server_with_silent_kdc),
        cmocka_unit_test(client_with_silent_directory),
        cmocka_unit_test(server_with_silent_directory),
        cmocka_unit_test(client_with_silent_dns),
    };
    return cmocka_run_group_tests_name("integration.loop_turns", tests, NULL, NULL);
}
