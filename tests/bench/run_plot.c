/* SPDX-License-Identifier: Apache-2.0 */
/* Bars, drawn by gnuplot: a group for each load, a bar for each system. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "bench/run.h"

enum { MAX_BARS = 8, PATH_SIZE = 4096 };

typedef struct plot {
    const char *name; /* of the file */
    const char *title;
    unsigned figure;
    double factor;    /* of the figure */
    bool times_size;  /* bytes instead of calls */
    bool logarithmic; /* the scale */
    const char *loads[MAX_BARS];
    const char *systems[MAX_BARS];
} plot;

#define SYSTEMS                                                                                    \
    { "sealrpc-aes256-gcm", "raw-aead", "raw-tls", "grpc-mtls", "tirpc-krb5p", "zmq-gssapi" }

static const plot plots[] = {
    {.name = "rate",
     .title = "Calls per second",
     .figure = 0,
     .factor = 1,
     .logarithmic = true,
     .loads = {"echo-64-n1-c1", "echo-64-n1-c16", "echo-64-n1-c128", "echo-64-n64-c128",
               "echo-1024-n1-c128"},
     .systems = SYSTEMS},
    {.name = "latency",
     .title = "Median latency in microseconds",
     .figure = 1,
     .factor = 1,
     .logarithmic = true,
     .loads = {"ping-64-n1-c1", "echo-64-n1-c1", "echo-64-n1-c16", "echo-64-n1-c128",
               "echo-65536-n1-c1"},
     .systems = SYSTEMS},
    {.name = "cpu",
     .title = "CPU of the server for one call, in microseconds",
     .figure = 3,
     .factor = 1,
     .logarithmic = true,
     .loads = {"echo-64-n1-c1", "echo-64-n1-c16", "echo-64-n1-c128", "echo-64-n64-c128",
               "echo-1024-n1-c128"},
     .systems = SYSTEMS},
    {.name = "throughput",
     .title = "MiB of payload per second, in each direction",
     .figure = 0,
     .factor = 1.0 / (1 << 20),
     .times_size = true,
     .loads = {"echo-65536-n1-c16", "echo-1048576-n1-c16", "pull-1024-n1-c2", "push-1024-n1-c2",
               "pull-65536-n1-c2", "push-65536-n1-c2"},
     .systems = SYSTEMS},
    {.name = "connections",
     .title = "Connections per second",
     .figure = 0,
     .factor = 1,
     .loads = {"connect-n1", "connect-n16", "handshake-n1", "handshake-n16", "cold-n1"},
     .systems = {"sealrpc-aes256-gcm", "floor", "raw-tls", "grpc-mtls", "tirpc-krb5p",
                 "zmq-gssapi"}},
    {.name = "idle",
     .title = "KiB of server memory for a connection at rest",
     .figure = 0,
     .factor = 1.0 / 1024,
     .loads = {"idle-1000", "idle-10000"},
     .systems = SYSTEMS},
};

/* Whether anything of the row, or column, was measured. */
static bool has_system(const run_table *table, const plot *p, const char *system) {
    for (size_t i = 0; i < MAX_BARS && p->loads[i] != NULL; i++) {
        if (run_find_cell(table, p->loads[i], system) != NULL)
            return true;
    }
    return false;
}

static bool has_load(const run_table *table, const plot *p, const char *load) {
    for (size_t i = 0; i < MAX_BARS && p->systems[i] != NULL; i++) {
        if (run_find_cell(table, load, p->systems[i]) != NULL)
            return true;
    }
    return false;
}

static void write_value(const run_table *table, const plot *p, const char *load, const char *system,
                        FILE *to) {
    const run_cell *cell = run_find_cell(table, load, system);
    bench_load parsed;
    if (cell == NULL || !bench_load_parse(load, &parsed))
        fprintf(to, " NaN");
    else
        fprintf(to, " %.6g",
                run_median(cell, p->figure) * p->factor *
                    (p->times_size ? (double)parsed.size : 1.0));
}

static void write_data(const run_table *table, const plot *p, FILE *to) {
    fprintf(to, "$data << EOD\nload");
    for (size_t s = 0; s < MAX_BARS && p->systems[s] != NULL; s++) {
        if (has_system(table, p, p->systems[s]))
            fprintf(to, " %s", p->systems[s]);
    }
    fputc('\n', to);
    for (size_t l = 0; l < MAX_BARS && p->loads[l] != NULL; l++) {
        if (!has_load(table, p, p->loads[l]))
            continue;
        fprintf(to, "%s", p->loads[l]);
        for (size_t s = 0; s < MAX_BARS && p->systems[s] != NULL; s++) {
            if (has_system(table, p, p->systems[s]))
                write_value(table, p, p->loads[l], p->systems[s], to);
        }
        fputc('\n', to);
    }
    fprintf(to, "EOD\n");
}

static unsigned count_systems(const run_table *table, const plot *p) {
    unsigned n = 0;
    for (size_t s = 0; s < MAX_BARS && p->systems[s] != NULL; s++)
        n += has_system(table, p, p->systems[s]) ? 1 : 0;
    return n;
}

static void write_plot(const run_table *table, const plot *p, const char *folder, FILE *to) {
    unsigned n = count_systems(table, p);
    if (n == 0)
        return;
    write_data(table, p, to);
    fprintf(to,
            "set terminal svg size 900,420 font 'sans-serif,12' background '#ffffff'\n"
            "set output '%s/%s.svg'\n"
            "set title '%s'\n"
            "set style data histograms\nset style histogram clustered gap 1\n"
            "set style fill solid 0.9 noborder\nset boxwidth 0.9\n"
            "set grid ytics lc rgb '#dddddd'\nset border 3\nset tics nomirror\n"
            "set key outside right top\nset datafile missing 'NaN'\n"
            "%s logscale y\nset yrange [%s:*]\nset xtics noenhanced\nset key noenhanced\n"
            "plot for [i=2:%u] $data using i:xtic(1) title columnheader(i)\nunset output\n",
            folder, p->name, p->title, p->logarithmic ? "set" : "unset", p->logarithmic ? "*" : "0",
            n + 1);
}

bool run_plot(const run_table *table, const char *folder) {
    signal(SIGPIPE, SIG_IGN);
    if (system("gnuplot --version >/dev/null 2>&1") != 0) {
        fprintf(stderr, "seal-bench-run: no plots: there is no gnuplot (script/setup bench-peers "
                        "installs gnuplot-nox)\n");
        return false;
    }
    FILE *to = popen("gnuplot", "w");
    if (to == NULL)
        return false;
    for (size_t i = 0; i < sizeof plots / sizeof plots[0]; i++)
        write_plot(table, &plots[i], folder, to);
    if (pclose(to) == 0)
        return true;
    fprintf(stderr, "seal-bench-run: gnuplot has failed\n");
    return false;
}
