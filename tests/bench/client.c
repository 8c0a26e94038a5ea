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

void bench_start_call(bench_call *call) {
    bench_client *client = call->client;
    call->number = client->next_number++;
    call->done = 0;
    client->in_flight++;
    client->transport->start(call->conn, call);
}

static void open_fresh(bench_call *call) {
    bench_client *client = call->client;
    bool cold = client->load.kind == BENCH_COLD;
    if (cold)
        bench_cold_ccache_new(call->ccache, sizeof call->ccache);
    call->conn = client->transport->open(client, cold ? call->ccache : NULL);
}

static void close_fresh(bench_call *call) {
    call->client->transport->close(call->conn);
    if (call->client->load.kind == BENCH_COLD)
        bench_cold_ccache_free(call->ccache);
    call->conn = NULL;
}

/* False: there are to be no more. */
static bool start_next(bench_call *call, uint64_t now) {
    bench_client *client = call->client;
    call->messages = bench_window_wants(&client->window, &client->load, client->begun);
    if (call->messages == 0)
        return false;
    client->begun += call->messages;
    if (bench_load_is_fresh(&client->load))
        open_fresh(call);
    call->started_ns = now;
    bench_start_call(call);
    return true;
}

static void completed(bench_call *call) {
    bench_client *client = call->client;
    uint64_t now = bench_now_ns();
    client->in_flight--;
    if (client->load.kind == BENCH_IDLE)
        return;
    bench_window_count(&client->window, call->started_ns, now, call->messages);
    if (bench_load_is_fresh(&client->load)) {
        close_fresh(call);
        now = bench_now_ns();
    }
    if (!start_next(call, now) && client->transport->retire != NULL)
        client->transport->retire(call);
}

void bench_check_message(const bench_call *call, const uint8_t *payload, size_t len,
                         unsigned number) {
    const bench_client *client = call->client;
    if (!bench_payload_is(payload, len, client->load.size, number,
                          client->verify ? client->payload : NULL))
        bench_die("a stream", "not the message that was due");
}

void bench_call_ended(bench_call *call, const uint8_t *payload, size_t len, const char *why) {
    const bench_client *client = call->client;
    if (payload == NULL)
        bench_die("a call failed", why);
    if (!bench_payload_is(payload, len, client->load.size, call->number,
                          client->verify ? client->payload : NULL))
        bench_die("echo", "not what was sent");
    completed(call);
}

void bench_connected(bench_call *call, const char *why) {
    if (why != NULL)
        bench_die("a connection failed", why);
    completed(call);
}

void bench_stream_ended(bench_call *call, unsigned messages, const char *why) {
    if (why != NULL)
        bench_die("a stream failed", why);
    if (messages != call->messages)
        bench_die("a stream", "not all messages have come");
    completed(call);
}

void bench_run_until_quiet(bench_client *client) {
    while (client->in_flight > 0)
        uv_run(&client->loop, UV_RUN_ONCE);
}

/* ---- Loads ---- */

static bench_conn **open_conns(bench_client *client) {
    const bench_load *load = &client->load;
    bench_conn **conns = bench_alloc(load->connections, sizeof(bench_conn *));
    for (unsigned i = 0; i < load->connections && !bench_load_is_fresh(&client->load); i++)
        conns[i] = client->transport->open(client, NULL);
    for (unsigned i = 0; i < load->connections && load->unread; i++)
        client->transport->leave_unread(conns[i], client);
    return conns;
}

static void close_conns(bench_client *client, bench_conn **conns) {
    for (unsigned i = 0; i < client->load.connections && !bench_load_is_fresh(&client->load); i++)
        client->transport->close(conns[i]);
    free(conns);
}

static void run_calls(bench_client *client, double seconds, uint64_t calls) {
    const bench_load *load = &client->load;
    bench_call *slots = bench_alloc(load->in_flight, sizeof *slots);
    bench_conn **conns = open_conns(client);
    bench_window_start(&client->window, load, client->server, seconds, calls);
    if (!bench_load_is_fresh(&client->load))
        bench_window_wait_for_first(&client->window);
    for (unsigned i = 0; i < load->in_flight; i++) {
        slots[i] = (bench_call){.client = client, .conn = conns[i % load->connections]};
        if (!start_next(&slots[i], bench_now_ns()))
            break;
    }
    bench_run_until_quiet(client);
    close_conns(client, conns);
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
    bench_payload_fill(client->payload, client->load.size);
    client->transport->begin(client);
}

static void finish(bench_client *client) {
    client->transport->end(client);
    uv_loop_close(&client->loop);
    free(client->payload);
}

static void measure(bench_client *client, double seconds, uint64_t calls,
                    double figures[BENCH_FIELDS]) {
    if (client->system->family == BENCH_FLOOR) {
        bench_measure_floor(&client->load, client->system->uses_files, seconds, calls, figures);
        return;
    }
    client->transport =
        client->system->family == BENCH_SEALRPC ? &bench_rpc_transport : &bench_raw_transport;
    prepare(client);
    if (client->load.kind == BENCH_IDLE) {
        bench_measure_idle(client, calls, figures);
    } else {
        run_calls(client, seconds, calls);
        bench_window_figures(&client->window, figures);
    }
    finish(client);
}

int main(int argc, char **argv) {
    static bench_client client;
    double figures[BENCH_FIELDS] = {0};
    client.system = argc > 5 ? bench_find_system(argv[1]) : NULL;
    if (client.system == NULL || client.system->family == BENCH_PEER ||
        !bench_load_parse(argv[4], &client.load)) {
        fprintf(stderr, "usage: seal-bench-client SYSTEM PORT SERVER_PID LOAD SECONDS [CALLS]\n");
        return 2;
    }
    if (!bench_applies(&client.load, client.system))
        return BENCH_EXIT_NOT_APPLICABLE;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    client.port = (uint16_t)strtoul(argv[2], NULL, 10);
    client.server = (pid_t)strtol(argv[3], NULL, 10);
    uint64_t calls = argc > 6 ? strtoull(argv[6], NULL, 10) : 0;
    client.verify = calls > 0;
    measure(&client, strtod(argv[5], NULL), calls, figures);
    bench_print_figures(figures);
    return 0;
}
