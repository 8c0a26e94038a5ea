/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/run.h"

static int compare(const void *a, const void *b) {
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *values, unsigned n) {
    if (n == 0)
        return 0;
    qsort(values, n, sizeof values[0], compare);
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

double run_median(const run_cell *cell, unsigned field) {
    double values[RUN_MAX_ROUNDS];
    memcpy(values, cell->values[field], cell->n * sizeof values[0]);
    return median(values, cell->n);
}

/* The cell of the yardstick under the same load; NULL: it was not measured. */
static const run_cell *yardstick(const run_table *table, size_t load) {
    for (size_t s = 0; s < table->n_systems; s++) {
        if (strcmp(table->systems[s]->name, bench_systems[1].name) == 0 &&
            table->cells[load][s].n > 0)
            return &table->cells[load][s];
    }
    return NULL;
}

static double rate_in(const run_cell *cell, unsigned round) {
    return cell->values[0][round];
}

static double cpu_in(const run_cell *cell, unsigned round) {
    return cell->values[3][round] + cell->values[4][round];
}

/* Both were measured within the same seconds of each round, so the rounds' ratios say more than the
 * ratio of the medians. */
static void print_ratio(const run_cell *cell, const run_cell *raw,
                        double (*figure)(const run_cell *cell, unsigned round)) {
    double ratios[RUN_MAX_ROUNDS];
    unsigned n = 0;
    for (unsigned round = 0; raw != NULL && round < cell->n && round < raw->n; round++) {
        if (figure(raw, round) > 0)
            ratios[n++] = figure(cell, round) / figure(raw, round);
    }
    if (n > 0)
        printf(" %8.2f", median(ratios, n));
    else
        printf(" %8s", "-");
}

static void print_cell(const run_table *table, size_t load, size_t system) {
    const run_cell *cell = &table->cells[load][system];
    const run_cell *raw = yardstick(table, load);
    if (!bench_applies(&table->loads[load], table->systems[system]))
        return;
    printf("%-22s %-29s", table->load_names[load], table->systems[system]->name);
    if (cell->n == 0) {
        printf(" failed\n");
        return;
    }
    if (table->loads[load].kind == BENCH_IDLE) {
        printf(" %10.0f bytes a connection at the server, %.0f at the client\n",
               run_median(cell, 0), run_median(cell, 1));
        return;
    }
    printf(" %10.0f %9.1f %10.1f %9.2f %9.2f", run_median(cell, 0), run_median(cell, 1),
           run_median(cell, 2), run_median(cell, 3), run_median(cell, 4));
    print_ratio(cell, raw, rate_in);
    print_ratio(cell, raw, cpu_in);
    printf("%s\n", cell->failures > 0 ? "  (some rounds failed)" : "");
}

void run_print(const run_table *table) {
    printf("%-22s %-29s %10s %9s %10s %9s %9s %8s %8s\n", "", "", "per", "p50", "p99", "server",
           "client", "rate, of", "CPU, of");
    printf("%-22s %-29s %10s %9s %10s %9s %9s %8s %8s\n", "load", "system", "second", "us", "us",
           "CPU us", "CPU us", "raw-aead", "raw-aead");
    for (size_t load = 0; load < table->n_loads; load++) {
        for (size_t system = 0; system < table->n_systems; system++)
            print_cell(table, load, system);
    }
    printf("%u rounds of %.2f s each, medians; the systems took turns.\n", table->rounds,
           table->seconds);
}

/* ---- JSON ---- */

static void write_result(const run_table *table, size_t load, size_t system, FILE *file) {
    const run_cell *cell = &table->cells[load][system];
    bench_load_kind kind = table->loads[load].kind;
    fprintf(file, "    {\"system\": \"%s\", \"load\": \"%s\"", table->systems[system]->name,
            table->load_names[load]);
    for (unsigned i = 0; cell->n > 0 && bench_field_name(kind, i) != NULL; i++)
        fprintf(file, ", \"%s\": %.3f", bench_field_name(kind, i), run_median(cell, i));
    if (cell->failures > 0)
        fprintf(file, ", \"failures\": %u", cell->failures);
    fprintf(file, "}");
}

bool run_write_json(const run_table *table, const char *path) {
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fprintf(stderr, "seal-bench-run: %s: %s\n", path, strerror(errno));
        return false;
    }
    fprintf(file, "{\n  \"rounds\": %u,\n  \"seconds\": %.3f,\n  \"results\": [\n", table->rounds,
            table->seconds);
    const char *between = "";
    for (size_t load = 0; load < table->n_loads; load++) {
        for (size_t system = 0; system < table->n_systems; system++) {
            if (!bench_applies(&table->loads[load], table->systems[system]))
                continue;
            fputs(between, file);
            write_result(table, load, system, file);
            between = ",\n";
        }
    }
    fprintf(file, "\n  ]\n}\n");
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed) {
        fprintf(stderr, "seal-bench-run: %s: cannot be written\n", path);
        return false;
    }
    return true;
}
