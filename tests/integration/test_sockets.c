/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets in a difficult state: full, stuck, of two families. */
#include "harness.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void set_path(struct sockaddr_un *un, const char *path) {
    size_t len = strlen(path);
    assert_true(len < sizeof un->sun_path);
    *un = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(un->sun_path, path, len);
}

/* ---- Both ends write at once ---- */

enum { BURST = 1000, BURST_SIZE = 15000 };

typedef struct burst {
    seal_channel *channel;
    it_request request;
    it_ends ends;
    atomic_uint failed;
} burst;

static void send_burst(void *user) {
    burst *b = user;
    for (int i = 0; i < BURST; i++) {
        if (it_async(b->channel, &b->request, &b->ends, NULL) != 0)
            atomic_fetch_add(&b->failed, 1);
    }
}

/* More than the socket's buffers and what either end lets wait: somebody must go on reading. */
static void a_burst_over_a_small_socket(void **state) {
    (void)state;
    static it_server server;
    static burst b;
    char address[300];
    seal_server_options options;
    it_server_options(&options);
    options.max_streams = BURST;
    snprintf(address, sizeof address, "unix:%s", it_path("burst"));
    it_server_init(&server);
    it_server_start(&server, &options, address);
    memset(&b, 0, sizeof b);
    b.request.size = BURST_SIZE;
    b.channel = it_channel(&it_c, server.target, NULL);
    it_echo(b.channel, 1);
    assert_int_equal(seal_runtime_post(it_c.runtime, send_burst, &b), 0);
    it_wait_ends(&b.ends, BURST);
    assert_int_equal(atomic_load(&b.ends.by_status[SEAL_STATUS_OK]), BURST);
    assert_int_equal(atomic_load(&b.failed), 0);
    it_echo(b.channel, 1);
    seal_channel_free(b.channel);
    it_server_done(&server);
}

/* ---- A client that reads slowly when the server stops ---- */

typedef struct slow_link {
    int listener;
    int client;
    int server;
    struct sockaddr_un to;
    atomic_bool paused; /* towards the client */
} slow_link;

static void copy(int from, int to, const atomic_bool *paused) {
    const struct timespec pause = {.tv_nsec = 1000000};
    uint8_t bytes[4096];
    for (;;) {
        while (paused != NULL && atomic_load(paused))
            nanosleep(&pause, NULL);
        ssize_t n = read(from, bytes, sizeof bytes);
        if (n <= 0)
            break;
        it_send(to, bytes, (size_t)n);
    }
    shutdown(to, SHUT_WR);
}

static void *copy_to_client(void *arg) {
    slow_link *l = arg;
    copy(l->server, l->client, &l->paused);
    return NULL;
}

static void *run_slow_link(void *arg) {
    slow_link *l = arg;
    pthread_t back;
    l->client = accept(l->listener, NULL, NULL);
    l->server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(l->server, (const struct sockaddr *)(const void *)&l->to, sizeof l->to) != 0 ||
        pthread_create(&back, NULL, copy_to_client, l) != 0)
        return NULL;
    copy(l->client, l->server, NULL);
    pthread_join(back, NULL);
    close(l->client);
    close(l->server);
    return arg;
}

/* What has been answered arrives, however long it takes within the grace. */
static void stop_waits_for_a_slow_reader(void **state) {
    (void)state;
    static it_server server;
    static slow_link l;
    static burst b;
    pthread_t thread;
    uint16_t port = 0;
    char text[300];
    seal_server_options options;
    seal_server_stats stats;
    it_server_options(&options);
    options.max_streams = BURST;
    snprintf(text, sizeof text, "unix:%s", it_path("slow"));
    it_server_init(&server);
    it_server_start(&server, &options, text);
    memset(&l, 0, sizeof l);
    memset(&b, 0, sizeof b);
    set_path(&l.to, text + strlen("unix:"));
    l.listener = it_listen(&port);
    assert_int_equal(pthread_create(&thread, NULL, run_slow_link, &l), 0);
    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    b.request = (it_request){.mode = ITEST__MODE__SIZED, .number = BURST_SIZE};
    b.channel = it_channel(&it_c, text, NULL);
    it_echo(b.channel, 1);
    atomic_store(&l.paused, true);
    assert_int_equal(seal_runtime_post(it_c.runtime, send_burst, &b), 0);
    it_wait_at_least(&server.runs, BURST + 1, "handlers");
    seal_server_stop(server.server, 120000, NULL, NULL);
    it_server_stats(&server, &stats);
    assert_int_equal(stats.connections_open, 1);
    atomic_store(&l.paused, false);
    it_wait_ends(&b.ends, BURST);
    assert_int_equal(atomic_load(&b.ends.by_execution[SEAL_EXECUTION_UNKNOWN]), 0);
    assert_int_equal(atomic_load(&b.ends.by_status[SEAL_STATUS_OK]) + 1, atomic_load(&server.runs));
    seal_channel_free(b.channel);
    it_server_done(&server);
    pthread_join(thread, NULL);
    close(l.listener);
}

/* ---- Connecting ---- */

typedef struct pump {
    int listener;
    uint16_t server_port;
    atomic_uint connected;
} pump;

static bool pass(int from, int to) {
    static uint8_t bytes[65536];
    ssize_t n = read(from, bytes, sizeof bytes);
    if (n > 0)
        it_send(to, bytes, (size_t)n);
    return n > 0;
}

/* One connection through; the listener stays, and accepts no other. */
static void *run_pump(void *arg) {
    pump *p = arg;
    int client = accept(p->listener, NULL, NULL);
    int server = it_connect(p->server_port);
    atomic_store(&p->connected, 1);
    for (bool goes_on = true; goes_on;) {
        struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        poll(fds, 2, -1);
        if (fds[0].revents != 0)
            goes_on = pass(client, server);
        if (goes_on && fds[1].revents != 0)
            goes_on = pass(server, client);
    }
    close(client);
    close(server);
    return NULL;
}

enum { FILLERS = 8 };

/* So that another connection is not even refused. */
static void fill_backlog(int listener, uint16_t port, int fillers[FILLERS]) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(listen(listener, 0), 0);
    for (int i = 0; i < FILLERS; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(fillers[i] >= 0);
        (void)connect(fillers[i], (const struct sockaddr *)(const void *)&addr, sizeof addr);
    }
}

/* A call without a deadline that waits when the server leaves: the next connection has its time
 * limit, too. */
static void the_connection_after_goodbye_times_out(void **state) {
    (void)state;
    enum { STREAMS = 8 };
    static it_server server;
    static pump p;
    pthread_t thread;
    int fillers[FILLERS];
    uint16_t port = 0;
    char target[64];
    seal_server_options so;
    seal_channel_options co;
    it_ends held = {0};
    it_ends waiting = {0};
    it_server_options(&so);
    so.max_streams = STREAMS;
    it_server_init(&server);
    it_server_start(&server, &so, NULL);
    p = (pump){.listener = it_listen(&port), .server_port = seal_server_port(server.server)};
    assert_int_equal(pthread_create(&thread, NULL, run_pump, &p), 0);
    snprintf(target, sizeof target, "127.0.0.1:%u", port);
    it_channel_options(&co);
    co.connect_timeout_ms = 2000;
    seal_channel *channel = it_channel(&it_c, target, &co);
    /* By its end the first connection's time limit is over. */
    it_expect(
        it_sync(channel, NULL, &(it_request){.mode = ITEST__MODE__LATER, .timeout_us = 2500000}),
        SEAL_STATUS_DEADLINE_EXCEEDED, SEAL_EXECUTION_UNKNOWN, NULL);
    it_server_release(&server);
    fill_backlog(p.listener, port, fillers);
    const it_request endless = {.mode = ITEST__MODE__LATER, .timeout_us = SEAL_NO_DEADLINE};
    it_async_many(channel, &endless, STREAMS, &held);
    it_server_wait_held(&server, STREAMS);
    assert_int_equal(it_async(channel, &endless, &waiting, NULL), 0);
    seal_server_stop(server.server, 120000, NULL, NULL);
    it_wait_ends(&waiting, 1);
    assert_int_equal(atomic_load(&waiting.by_execution[SEAL_NOT_EXECUTED]), 1);
    it_server_release(&server);
    it_wait_ends(&held, STREAMS);
    seal_channel_free(channel);
    it_server_done(&server);
    pthread_join(thread, NULL);
    for (int i = 0; i < FILLERS; i++)
        close(fillers[i]);
    close(p.listener);
}

/* Somebody listens on the path but does not accept: the address is in use, and start-up says so. */
static void a_unix_socket_that_is_stuck(void **state) {
    (void)state;
    struct sockaddr_un un;
    int fds[64];
    size_t n = 0;
    char address[300];
    seal_error *error = NULL;
    static it_server server;
    const char *path = it_path("stuck");
    set_path(&un, path);
    snprintf(address, sizeof address, "unix:%s", path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)(const void *)&un, sizeof un), 0);
    assert_int_equal(listen(listener, 0), 0);
    for (int rc = 0; rc == 0 && n < sizeof fds / sizeof fds[0]; n++) {
        fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        rc = connect(fds[n], (const struct sockaddr *)(const void *)&un, sizeof un);
    }
    it_server_init(&server);
    assert_int_equal(it_server_try_start(&server, NULL, address, &error), SEAL_ERROR_ADDRESS);
    seal_error_free(error);
    it_server_done(&server);
    assert_int_equal(access(path, F_OK), 0);
    while (n > 0)
        close(fds[--n]);
    close(listener);
}

/* All interfaces of both families, on one port. */
static void all_interfaces(void **state) {
    (void)state;
    char addresses[2][64];
    bool has_ipv6 = access("/proc/net/if_inet6", F_OK) == 0;
    snprintf(addresses[0], sizeof addresses[0], "*:0");
    snprintf(addresses[1], sizeof addresses[1], "*:%u", it_closed_port());
    for (int i = 0; i < 2; i++) {
        static it_server server;
        char target[64];
        it_server_init(&server);
        it_server_start(&server, NULL, addresses[i]);
        for (int v6 = 0; v6 <= (has_ipv6 ? 1 : 0); v6++) {
            snprintf(target, sizeof target, "%s:%u", v6 ? "[::1]" : "127.0.0.1",
                     seal_server_port(server.server));
            seal_channel *channel = it_channel(&it_c, target, NULL);
            it_echo(channel, 1);
            seal_channel_free(channel);
        }
        assert_int_equal(it_log_count(&server.log, "cannot listen"), 0);
        it_server_done(&server);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_burst_over_a_small_socket, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(stop_waits_for_a_slow_reader, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(the_connection_after_goodbye_times_out, it_setup,
                                        it_teardown),
        cmocka_unit_test_setup_teardown(a_unix_socket_that_is_stuck, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(all_interfaces, it_setup, it_teardown),
    };
    return cmocka_run_group_tests_name("integration.sockets", tests, NULL, NULL);
}
