/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench/client.h"

static double cpu_of_server(pid_t pid) {
    clockid_t clock = 0;
    struct timespec time = {.tv_sec = 0};
    if (pid == 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
        return 0;
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static double cpu_of_client(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

void bench_window_start(bench_client *client, double seconds, uint64_t calls) {
    bench_window *window = &client->window;
    uint64_t now = uv_hrtime();
    uint64_t duration = (uint64_t)(seconds * 1e9);
    window->warm_up_until_ns = calls > 0 ? 0 : now + duration / 5;
    window->ends_ns = now + duration / 5 + duration;
    window->calls_limit = calls;
    window->calls_least = client->load.in_flight;
    bench_histogram_reset(&window->latency);
}

static void open_window(bench_client *client, uint64_t now) {
    bench_window *window = &client->window;
    window->open = true;
    window->began_ns = now;
    window->ended_ns = now;
    window->server_cpu_us = cpu_of_server(client->server);
    window->client_cpu_us = cpu_of_client();
}

static void close_window(bench_client *client, uint64_t now) {
    bench_window *window = &client->window;
    window->open = false;
    window->done = true;
    window->ended_ns = now;
    window->server_cpu_us = cpu_of_server(client->server) - window->server_cpu_us;
    window->client_cpu_us = cpu_of_client() - window->client_cpu_us;
}

/* The window opens at a completion, when every call of the first wave has come back, and closes at
 * one. */
void bench_window_count(bench_client *client, uint64_t started_ns, uint64_t now) {
    bench_window *window = &client->window;
    window->seen++;
    if (window->done)
        return;
    if (!window->open) {
        if (window->calls_limit > 0 ||
            (now >= window->warm_up_until_ns && window->seen >= client->load.in_flight))
            open_window(client, now);
        if (window->calls_limit != 1)
            return;
    }
    bench_histogram_add(&window->latency, now - started_ns);
    uint64_t counted = window->latency.total;
    if (window->calls_limit > 0 ? window->seen >= window->calls_limit
                                : now >= window->ends_ns && counted >= window->calls_least)
        close_window(client, now);
}

void bench_window_figures(const bench_client *client, double figures[BENCH_FIELDS]) {
    const bench_window *window = &client->window;
    double calls = (double)window->latency.total;
    double seconds = (double)(window->ended_ns - window->began_ns) / 1e9;
    if (calls < 1 || seconds <= 0)
        seconds = calls = 1;
    figures[0] = calls / seconds;
    figures[1] = bench_histogram_quantile(&window->latency, 0.5) / 1e3;
    figures[2] = bench_histogram_quantile(&window->latency, 0.99) / 1e3;
    figures[3] = window->server_cpu_us / calls;
    figures[4] = window->client_cpu_us / calls;
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
