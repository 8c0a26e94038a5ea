/* SPDX-License-Identifier: Apache-2.0 */
/* What connections without calls cost: memory, and time. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench/client.h"

enum { REST_MS = 2000, SETTLE_MS = 300, FILES_TO_SPARE = 100 };

static void on_timer(uv_timer_t *timer) {
    timer->data = NULL;
}

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

static void open_some(bench_client *client, bench_call *slots, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        slots[i] = (bench_call){.client = client, .messages = 1};
        slots[i].conn = client->transport->open(client, NULL);
        bench_start_call(&slots[i]);
        if ((i + 1) % client->load.in_flight == 0)
            bench_run_until_quiet(client);
    }
    bench_run_until_quiet(client);
}

/* As many as the limit on open files leaves, which is the same for the server. */
static unsigned possible(unsigned wanted) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted + FILES_TO_SPARE)
        return wanted;
    unsigned n = (unsigned)files.rlim_cur - FILES_TO_SPARE;
    fprintf(stderr,
            "seal-bench-client: %u idle connections instead of %u: no more files may be open "
            "(ulimit -Hn)\n",
            n, wanted);
    return n;
}

static void measure_rest(bench_client *client, unsigned n, double figures[BENCH_FIELDS]) {
    uint64_t began = bench_now_ns();
    double server = bench_cpu_us(client->server);
    double self = bench_cpu_us(getpid());
    wait_ms(client, REST_MS);
    double seconds = (double)(bench_now_ns() - began) / 1e9;
    figures[2] = (bench_cpu_us(client->server) - server) / n / seconds;
    figures[3] = (bench_cpu_us(getpid()) - self) / n / seconds;
}

/* The first connections pay for what is shared: threads, tables, the heap's first pages. */
void bench_measure_idle(bench_client *client, uint64_t calls, double figures[BENCH_FIELDS]) {
    unsigned first = 2 * client->load.in_flight;
    unsigned n = calls > 0 ? (unsigned)calls : possible(client->load.connections + first) - first;
    bench_call *slots = bench_alloc(first + n, sizeof *slots);
    open_some(client, slots, first);
    wait_ms(client, SETTLE_MS);
    double server = bench_resident_bytes(client->server);
    double self = bench_resident_bytes(getpid());
    open_some(client, slots + first, n);
    wait_ms(client, SETTLE_MS);
    figures[0] = (bench_resident_bytes(client->server) - server) / n;
    figures[1] = (bench_resident_bytes(getpid()) - self) / n;
    if (calls == 0)
        measure_rest(client, n, figures);
    figures[4] = n;
    for (unsigned i = 0; i < first + n; i++)
        client->transport->close(slots[i].conn);
    free(slots);
}
