/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: seal-bench-client SYSTEM PORT SERVER_PID LOAD SECONDS [CALLS]
 * Puts one load on a server and prints "result:" and the figures. With CALLS: that many calls, and
 * every byte that comes back is compared.
 */
#include "bench/client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

_Noreturn void bench_die(const char *what, const char *why) {
    fprintf(stderr, "seal-bench-client: %s: %s\n", what, why);
    _exit(1);
}

void *bench_alloc(size_t n, size_t size) {
    void *ptr = calloc(n, size);
    if (ptr == NULL)
        bench_die("memory", "none left");
    return ptr;
}

/* ---- Calls ---- */

static void start_call(bench_call *call) {
    bench_client *client = call->client;
    call->number = client->next_number++;
    memcpy(client->payload, &call->number, sizeof call->number);
    client->in_flight++;
    client->transport->call(call->conn, call, client->payload, client->load.size);
}

static void check_echo(const bench_call *call, const uint8_t *payload, size_t len) {
    const bench_client *client = call->client;
    size_t mark = sizeof call->number;
    if (len != client->load.size || memcmp(payload, &call->number, mark) != 0 ||
        (client->verify && memcmp(payload + mark, client->payload + mark, len - mark) != 0))
        bench_die("echo", "not what was sent");
}

/* Whether one more is wanted. CALLS are exact: those in flight count. */
static bool goes_on(const bench_client *client) {
    const bench_window *window = &client->window;
    return !window->done && (window->calls_limit == 0 || client->next_number < window->calls_limit);
}

static void next_call(bench_call *call, uint64_t now) {
    bench_client *client = call->client;
    if (client->load.kind == BENCH_HANDSHAKE) {
        client->transport->close(call->conn);
        call->conn = NULL;
    }
    if (!goes_on(client))
        return;
    call->started_ns = now;
    if (call->conn == NULL)
        call->conn = client->transport->open(client);
    start_call(call);
}

void bench_call_ended(bench_call *call, const uint8_t *payload, size_t len, const char *why) {
    bench_client *client = call->client;
    if (payload == NULL)
        bench_die("a call failed", why);
    check_echo(call, payload, len);
    uint64_t now = uv_hrtime();
    client->in_flight--;
    if (client->load.kind == BENCH_IDLE)
        return;
    bench_window_count(client, call->started_ns, now);
    next_call(call, now);
}

static void run_until_quiet(bench_client *client) {
    while (client->in_flight > 0)
        uv_run(&client->loop, UV_RUN_ONCE);
}

/* ---- Loads ---- */

static void run_calls(bench_client *client, double seconds, uint64_t calls) {
    const bench_load *load = &client->load;
    bool fresh = load->kind == BENCH_HANDSHAKE;
    bench_call *slots = bench_alloc(load->in_flight, sizeof *slots);
    bench_conn **conns = bench_alloc(load->connections, sizeof(bench_conn *));
    for (unsigned i = 0; i < load->connections && !fresh; i++)
        conns[i] = client->transport->open(client);
    for (unsigned i = 0; i < load->connections && load->unread; i++)
        client->transport->leave_unread(conns[i], client->payload, load->size);
    bench_window_start(client, seconds, calls);
    for (unsigned i = 0; i < load->in_flight && goes_on(client); i++) {
        slots[i] = (bench_call){.client = client, .started_ns = uv_hrtime()};
        slots[i].conn = fresh ? client->transport->open(client) : conns[i % load->connections];
        start_call(&slots[i]);
    }
    run_until_quiet(client);
    for (unsigned i = 0; i < load->connections && !fresh; i++)
        client->transport->close(conns[i]);
    free(conns);
    free(slots);
}

static void open_some(bench_client *client, bench_call *slots, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        slots[i] = (bench_call){.client = client, .conn = client->transport->open(client)};
        start_call(&slots[i]);
        if ((i + 1) % client->load.in_flight == 0)
            run_until_quiet(client);
    }
    run_until_quiet(client);
}

static void on_timer(uv_timer_t *timer) {
    timer->data = NULL;
}

/* Lets what is under way come to an end. */
static void wait_ms(bench_client *client, uint64_t ms) {
    uv_timer_t timer;
    uv_timer_init(&client->loop, &timer);
    timer.data = client;
    uv_timer_start(&timer, on_timer, ms, 0);
    while (timer.data != NULL)
        uv_run(&client->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&client->loop, UV_RUN_NOWAIT);
}

/* The first connections pay for what is shared: threads, tables, the heap's first pages. */
static void measure_idle(bench_client *client, uint64_t calls, double figures[BENCH_FIELDS]) {
    unsigned first = 2 * client->load.in_flight;
    unsigned n = calls > 0 ? first : client->load.connections;
    bench_call *slots = bench_alloc(first + n, sizeof *slots);
    open_some(client, slots, first);
    wait_ms(client, 200);
    double server = bench_resident_bytes(client->server);
    double self = bench_resident_bytes(getpid());
    open_some(client, slots + first, n);
    wait_ms(client, 200);
    figures[0] = (bench_resident_bytes(client->server) - server) / n;
    figures[1] = (bench_resident_bytes(getpid()) - self) / n;
    for (unsigned i = 0; i < first + n; i++)
        client->transport->close(slots[i].conn);
    free(slots);
}

/* ---- Start ---- */

static void prepare(bench_client *client) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    uv_loop_init(&client->loop);
    client->payload = bench_alloc(1, client->load.size);
    for (size_t i = 0; i < client->load.size; i++)
        client->payload[i] = (uint8_t)(i * 167 + (i >> 8));
    client->transport->begin(client);
}

static void finish(bench_client *client) {
    client->transport->end(client);
    uv_loop_close(&client->loop);
    free(client->payload);
}

int main(int argc, char **argv) {
    static bench_client client;
    double figures[BENCH_FIELDS] = {0};
    client.system = argc > 5 ? bench_find_system(argv[1]) : NULL;
    if (client.system == NULL || !bench_load_parse(argv[4], &client.load) ||
        !bench_applies(&client.load, client.system)) {
        fprintf(stderr, "usage: seal-bench-client SYSTEM PORT SERVER_PID LOAD SECONDS [CALLS]\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    client.port = (uint16_t)strtoul(argv[2], NULL, 10);
    client.server = (pid_t)strtol(argv[3], NULL, 10);
    uint64_t calls = argc > 6 ? strtoull(argv[6], NULL, 10) : 0;
    client.verify = calls > 0;
    client.transport = client.system->is_rpc ? &bench_rpc_transport : &bench_raw_transport;
    prepare(&client);
    if (client.load.kind == BENCH_IDLE) {
        measure_idle(&client, calls, figures);
    } else {
        run_calls(&client, strtod(argv[5], NULL), calls);
        bench_window_figures(&client, figures);
    }
    printf("result: %.17g %.17g %.17g %.17g %.17g\n", figures[0], figures[1], figures[2],
           figures[3], figures[4]);
    finish(&client);
    return 0;
}
