/* SPDX-License-Identifier: Apache-2.0 */
/* The table on the terminal. */
#include "bench/run.h"

static void print_ratio(double ratio) {
    if (ratio > 0)
        printf(" %8.2f", ratio);
    else
        printf(" %8s", "-");
}

static void print_idle(const run_cell *cell) {
    printf(" %.0f connections, for each: %.0f bytes at the server, %.0f at the client; %.2f and "
           "%.2f us CPU a second\n",
           run_median(cell, 4), run_median(cell, 0), run_median(cell, 1), run_median(cell, 2),
           run_median(cell, 3));
}

static void print_cell(const run_table *table, size_t load, size_t system) {
    const run_cell *cell = &table->cells[load][system];
    const run_cell *raw = run_find_cell(table, table->load_names[load], "raw-aead");
    const run_cell *grpc = run_find_cell(table, table->load_names[load], "grpc-mtls");
    if (!cell->wanted)
        return;
    printf("%-22s %-29s", table->load_names[load], table->systems[system]->name);
    if (cell->n == 0) {
        printf(" failed\n");
        return;
    }
    if (table->loads[load].kind == BENCH_IDLE) {
        print_idle(cell);
        return;
    }
    printf(" %10.0f %9.1f %10.1f %9.2f %9.2f", run_median(cell, 0), run_median(cell, 1),
           run_median(cell, 2), run_median(cell, 3), run_median(cell, 4));
    print_ratio(raw == NULL ? 0 : run_ratio(cell, raw, 0));
    print_ratio(raw == NULL ? 0 : run_cpu_ratio(cell, raw));
    print_ratio(grpc == NULL ? 0 : run_ratio(cell, grpc, 0));
    printf("%s\n", cell->failures > 0 ? "  (some rounds failed)" : "");
}

static void print_conditions(const run_table *table) {
    int server = 0;
    int client = 0;
    printf("%u rounds of %.2f s each, medians; the systems took turns.", table->rounds,
           table->seconds);
    if (table->priority_raised)
        printf(" All ran with raised priority.");
    if (bench_cores(&server, &client))
        printf(" Servers ran on core %d, clients on core %d.\n", server, client);
    else
        printf(" Servers and clients shared a core.\n");
}

void run_print(const run_table *table) {
    static const char format[] = "%-22s %-29s %10s %9s %10s %9s %9s %8s %8s %8s\n";
    printf(format, "", "", "calls per", "p50", "p99", "server", "client", "rate, of", "CPU, of",
           "rate, of");
    printf(format, "load", "system", "second", "us", "us", "CPU us", "CPU us", "raw-aead",
           "raw-aead", "gRPC");
    for (size_t load = 0; load < table->n_loads; load++) {
        for (size_t system = 0; system < table->n_systems; system++)
            print_cell(table, load, system);
    }
    print_conditions(table);
}
