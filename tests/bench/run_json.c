/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "bench/run.h"

/* "calls_per_s_of_raw_aead" and so on: medians divided by medians. */
static void write_ratios(const run_table *table, size_t load, const run_cell *cell,
                         const char *other, FILE *file) {
    const run_cell *against = run_find_cell(table, table->load_names[load], other);
    bench_load_kind kind = table->loads[load].kind;
    if (against == NULL || against == cell)
        return;
    for (unsigned i = 0; bench_field_name(kind, i) != NULL; i++) {
        if (run_median(against, i) <= 0 || (kind == BENCH_IDLE && i == 4))
            continue;
        fprintf(file, ", \"%s_of_", bench_field_name(kind, i));
        for (const char *c = other; *c != '\0'; c++)
            fputc(*c == '-' ? '_' : *c, file);
        fprintf(file, "\": %.4f", run_median(cell, i) / run_median(against, i));
    }
}

static void write_result(const run_table *table, size_t load, size_t system, FILE *file) {
    const run_cell *cell = &table->cells[load][system];
    bench_load_kind kind = table->loads[load].kind;
    fprintf(file, "    {\"system\": \"%s\", \"load\": \"%s\"", table->systems[system]->name,
            table->load_names[load]);
    for (unsigned i = 0; cell->n > 0 && bench_field_name(kind, i) != NULL; i++)
        fprintf(file, ", \"%s\": %.3f", bench_field_name(kind, i), run_median(cell, i));
    if (cell->n > 0) {
        fprintf(file, ", \"peak_server_bytes\": %.0f, \"peak_client_bytes\": %.0f",
                run_least(cell, RUN_PEAK_SERVER), run_least(cell, RUN_PEAK_CLIENT));
        write_ratios(table, load, cell, "raw-aead", file);
        write_ratios(table, load, cell, "grpc-mtls", file);
    }
    if (cell->failures > 0)
        fprintf(file, ", \"failures\": %u", cell->failures);
    fprintf(file, "}");
}

static void write_all(const run_table *table, FILE *file) {
    int server = 0;
    int client = 0;
    bool pinned = bench_cores(&server, &client);
    fprintf(file, "{\n  \"rounds\": %u,\n  \"seconds\": %.3f,\n", table->rounds, table->seconds);
    if (pinned)
        fprintf(file, "  \"server_core\": %d,\n  \"client_core\": %d,\n", server, client);
    fprintf(file, "  \"results\": [\n");
    const char *between = "";
    for (size_t load = 0; load < table->n_loads; load++) {
        for (size_t system = 0; system < table->n_systems; system++) {
            if (!table->cells[load][system].wanted)
                continue;
            fputs(between, file);
            write_result(table, load, system, file);
            between = ",\n";
        }
    }
    fprintf(file, "\n  ]\n}\n");
}

bool run_write_json(const run_table *table, const char *path) {
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fprintf(stderr, "seal-bench-run: %s: %s\n", path, strerror(errno));
        return false;
    }
    write_all(table, file);
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed) {
        fprintf(stderr, "seal-bench-run: %s: cannot be written\n", path);
        return false;
    }
    return true;
}
