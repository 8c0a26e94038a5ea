/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/window.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* ---- Of a process ---- */

static uint64_t read_clock_ns(clockid_t clock) {
    struct timespec time = {.tv_sec = 0};
    if (clock_gettime(clock, &time) != 0)
        return 0;
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t bench_now_ns(void) {
    return read_clock_ns(CLOCK_MONOTONIC);
}

double bench_cpu_us(pid_t pid) {
    clockid_t clock = 0;
    if (pid == 0 || clock_getcpuclockid(pid, &clock) != 0)
        return 0;
    return (double)read_clock_ns(clock) / 1e3;
}

double bench_resident_bytes(pid_t pid) {
    char path[64];
    unsigned long long size = 0;
    unsigned long long resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    int n = fscanf(file, "%llu %llu", &size, &resident);
    fclose(file);
    return n == 2 ? (double)resident * (double)sysconf(_SC_PAGESIZE) : 0;
}

/* ---- The window ---- */

void bench_window_start(bench_window *window, const bench_load *load, pid_t server, double seconds,
                        uint64_t calls) {
    uint64_t now = bench_now_ns();
    uint64_t duration = (uint64_t)(seconds * 1e9);
    *window = (bench_window){
        .warm_up_until_ns = calls > 0 ? 0 : now + duration / 5,
        .ends_ns = now + duration / 5 + duration,
        .calls_limit = calls,
        .wave = load->in_flight,
        .whole_waves = load->kind == BENCH_PULL || load->kind == BENCH_PUSH,
        .server = server,
    };
    bench_histogram_reset(&window->latency);
}

void bench_window_wait_for_first(bench_window *window) {
    window->waits_for_first = true;
}

unsigned bench_window_wants(const bench_window *window, const bench_load *load, uint64_t begun) {
    unsigned whole = window->whole_waves ? bench_stream_messages(load) : 1;
    if (window->done)
        return 0;
    if (window->calls_limit == 0)
        return whole;
    uint64_t left = window->calls_limit > begun ? window->calls_limit - begun : 0;
    return left < whole ? (unsigned)left : whole;
}

static void open_window(bench_window *window, uint64_t now) {
    window->open = true;
    window->began_ns = now;
    window->ended_ns = now;
    window->server_cpu_us = bench_cpu_us(window->server);
    window->client_cpu_us = bench_cpu_us(getpid());
}

static void close_window(bench_window *window, uint64_t now) {
    window->open = false;
    window->done = true;
    window->ended_ns = now;
    window->server_cpu_us = bench_cpu_us(window->server) - window->server_cpu_us;
    window->client_cpu_us = bench_cpu_us(getpid()) - window->client_cpu_us;
}

/* Streams that run side by side end side by side. Counting only some of those that belong together
 * would count work that was not done inside the window, or miss some that was. */
static bool at_edge(const bench_window *window) {
    return !window->whole_waves || window->seen % window->wave == 0;
}

static bool should_open(const bench_window *window, uint64_t now) {
    if (window->calls_limit > 0)
        return true;
    if (window->waits_for_first && window->first_seen < window->wave)
        return false;
    return now >= window->warm_up_until_ns && window->seen >= window->wave && at_edge(window);
}

/* What is in the first wave also connects. When that has happened, warming up begins anew. */
static void count_first(bench_window *window, uint64_t started_ns, uint64_t now) {
    if (window->first_ns == 0)
        window->first_ns = now;
    if (!window->waits_for_first || started_ns > window->first_ns)
        return;
    if (++window->first_seen == window->wave && now > window->first_ns) {
        uint64_t later = now - window->first_ns;
        window->warm_up_until_ns += later;
        window->ends_ns += later;
    }
}

static bool should_close(const bench_window *window, uint64_t now) {
    if (window->calls_limit > 0)
        return window->calls_seen >= window->calls_limit;
    return now >= window->ends_ns && window->latency.total >= window->wave && at_edge(window);
}

/* The window opens at a completion, when every call of the first wave has come back, and closes at
 * one. */
void bench_window_count(bench_window *window, uint64_t started_ns, uint64_t now, unsigned calls) {
    window->seen++;
    count_first(window, started_ns, now);
    window->calls_seen += calls;
    if (window->done)
        return;
    if (!window->open) {
        if (should_open(window, now))
            open_window(window, now);
        if (window->calls_limit == 0 || window->calls_seen < window->calls_limit)
            return;
    }
    bench_histogram_add(&window->latency, now - started_ns);
    window->calls += calls;
    if (should_close(window, now))
        close_window(window, now);
}

void bench_window_figures(const bench_window *window, double figures[BENCH_FIELDS]) {
    double calls = (double)window->calls;
    double seconds = (double)(window->ended_ns - window->began_ns) / 1e9;
    if (calls < 1 || seconds <= 0)
        seconds = calls = 1;
    figures[0] = calls / seconds;
    figures[1] = bench_histogram_quantile(&window->latency, 0.5) / 1e3;
    figures[2] = bench_histogram_quantile(&window->latency, 0.99) / 1e3;
    figures[3] = window->server_cpu_us / calls;
    figures[4] = window->client_cpu_us / calls;
}

void bench_print_figures(const double figures[BENCH_FIELDS]) {
    printf("result: %.17g %.17g %.17g %.17g %.17g\n", figures[0], figures[1], figures[2],
           figures[3], figures[4]);
    fflush(stdout);
}
