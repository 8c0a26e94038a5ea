/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of docs/performance.md. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "bench/run.h"

enum { PATH_SIZE = 4096, MAX_FILE = 4 << 20 };

static const char begin_mark[] = "<!-- figures: begin -->\n";
static const char end_mark[] = "<!-- figures: end -->\n";

/* ---- Tables ---- */

typedef struct section {
    const char *title;
    unsigned kinds; /* bits of bench_load_kind */
    size_t least;   /* sizes of messages */
    size_t most;
} section;

static const section sections[] = {
    {"Calls of 64 bytes", 1 << BENCH_ECHO | 1 << BENCH_PING, 0, 64},
    {"Calls of 1 KiB", 1 << BENCH_ECHO | 1 << BENCH_PING, 65, 1024},
    {"Calls of 64 KiB", 1 << BENCH_ECHO | 1 << BENCH_PING, 1025, 65536},
    {"Calls of 1 MiB", 1 << BENCH_ECHO | 1 << BENCH_PING, 65537, BENCH_MAX_SIZE},
    {"Streams", 1 << BENCH_PULL | 1 << BENCH_PUSH, 0, BENCH_MAX_SIZE},
    {"Connections", 1 << BENCH_CONNECT | 1 << BENCH_HANDSHAKE | 1 << BENCH_COLD, 0, BENCH_MAX_SIZE},
};

static bool is_in(const section *s, const bench_load *load) {
    return (s->kinds >> load->kind & 1) != 0 && load->size >= s->least && load->size <= s->most;
}

static void write_ratio(double ratio, FILE *file) {
    if (ratio > 0)
        fprintf(file, " %.2f |", ratio);
    else
        fprintf(file, " |");
}

/* Three digits that mean something. */
static void write_figure(double value, FILE *file) {
    fprintf(file, " %.*f |", value < 10 ? 2 : value < 100 ? 1 : 0, value);
}

static void write_row(const run_table *table, size_t load, size_t system, FILE *file) {
    const run_cell *cell = &table->cells[load][system];
    const run_cell *raw = run_find_cell(table, table->load_names[load], "raw-aead");
    const run_cell *grpc = run_find_cell(table, table->load_names[load], "grpc-mtls");
    fprintf(file, "| `%s` | `%s` |", table->load_names[load], table->systems[system]->name);
    for (unsigned i = 0; i < BENCH_FIELDS; i++)
        write_figure(run_median(cell, i), file);
    write_figure(run_least(cell, RUN_PEAK_SERVER) / (1 << 20), file);
    write_figure(run_least(cell, RUN_PEAK_CLIENT) / (1 << 20), file);
    write_ratio(raw == NULL ? 0 : run_ratio(cell, raw, 0), file);
    write_ratio(grpc == NULL ? 0 : run_ratio(cell, grpc, 0), file);
    fputc('\n', file);
}

static void write_section(const run_table *table, const section *s, FILE *file) {
    bool begun = false;
    for (size_t load = 0; load < table->n_loads; load++) {
        for (size_t system = 0; system < table->n_systems; system++) {
            if (!is_in(s, &table->loads[load]) || table->cells[load][system].n == 0)
                continue;
            if (!begun)
                fprintf(file,
                        "\n### %s\n\n"
                        "| load | system | per second | p50 us | p99 us | server CPU us | client "
                        "CPU us | server peak MiB | client peak MiB | rate, of raw-aead | rate, of "
                        "gRPC |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
                        s->title);
            begun = true;
            write_row(table, load, system, file);
        }
    }
}

static void write_idle(const run_table *table, FILE *file) {
    bool begun = false;
    for (size_t load = 0; load < table->n_loads; load++) {
        for (size_t system = 0; system < table->n_systems; system++) {
            const run_cell *cell = &table->cells[load][system];
            if (table->loads[load].kind != BENCH_IDLE || cell->n == 0)
                continue;
            if (!begun)
                fprintf(
                    file,
                    "\n### Connections at rest\n\n"
                    "For each connection; CPU in microseconds per second of rest.\n\n"
                    "| load | system | connections | server bytes | client bytes | server CPU | "
                    "client CPU |\n|---|---|--:|--:|--:|--:|--:|\n");
            begun = true;
            fprintf(file, "| `%s` | `%s` | %.0f | %.0f | %.0f | %.2f | %.2f |\n",
                    table->load_names[load], table->systems[system]->name, run_median(cell, 4),
                    run_median(cell, 0), run_median(cell, 1), run_median(cell, 2),
                    run_median(cell, 3));
        }
    }
}

/* ---- Conditions ---- */

static void write_processor(FILE *file) {
    char line[512];
    unsigned cores = 0;
    char model[256] = "an unknown processor";
    FILE *info = fopen("/proc/cpuinfo", "r");
    while (info != NULL && fgets(line, sizeof line, info) != NULL) {
        if (strncmp(line, "processor", 9) == 0)
            cores++;
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && value != NULL)
            snprintf(model, sizeof model, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
    }
    if (info != NULL)
        fclose(info);
    fprintf(file, "%s, %u cores", model, cores);
}

static void write_conditions(const run_table *table, FILE *file) {
    struct utsname system = {.release = ""};
    int server = 0;
    int client = 0;
    uname(&system);
    write_processor(file);
    fprintf(file, ", Linux %.*s. %u rounds of %.2f s, medians; the systems took turns. ",
            (int)strcspn(system.release, "-"), system.release, table->rounds, table->seconds);
    if (table->priority_raised)
        fprintf(file, "All ran with raised priority. ");
    if (bench_cores(&server, &client))
        fprintf(file, "Servers ran on core %d, clients on core %d.\n", server, client);
    else
        fprintf(file, "Servers and clients shared a core.\n");
}

static void write_tables(const run_table *table, FILE *file) {
    write_conditions(table, file);
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        write_section(table, &sections[i], file);
    write_idle(table, file);
}

/* ---- Files ---- */

static bool complain(const char *path) {
    fprintf(stderr, "seal-bench-run: %s: %s\n", path, strerror(errno));
    return false;
}

static bool write_file(const char *path, const char *head, size_t head_len, const char *text,
                       const char *tail) {
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return complain(path);
    fwrite(head, 1, head_len, file);
    fputs(text, file);
    fputs(tail, file);
    bool failed = ferror(file) != 0;
    return (fclose(file) == 0 && !failed) || complain(path);
}

static char *read_file(const char *path) {
    FILE *file = fopen(path, "r");
    char *text = file == NULL ? NULL : calloc(1, MAX_FILE);
    if (text != NULL && fread(text, 1, MAX_FILE, file) == MAX_FILE) {
        free(text);
        text = NULL;
    }
    if (file != NULL)
        fclose(file);
    return text;
}

/* A page without the marks is left alone. */
static bool replace_marked(const char *page, const char *tables) {
    char *text = read_file(page);
    const char *begin = text == NULL ? NULL : strstr(text, begin_mark);
    const char *end = begin == NULL ? NULL : strstr(begin, end_mark);
    bool ok = true;
    if (end != NULL) {
        char changed[PATH_SIZE + 8];
        snprintf(changed, sizeof changed, "%s.new", page);
        ok = write_file(changed, text, (size_t)(begin - text) + strlen(begin_mark), tables, end) &&
             (rename(changed, page) == 0 || complain(page));
    }
    free(text);
    return ok;
}

bool run_write_markdown(const run_table *table, const char *folder) {
    char path[PATH_SIZE];
    char *tables = NULL;
    size_t size = 0;
    if (mkdir(folder, 0777) < 0 && errno != EEXIST)
        return complain(folder);
    FILE *file = open_memstream(&tables, &size);
    if (file == NULL)
        return complain("memory");
    write_tables(table, file);
    fclose(file);
    snprintf(path, sizeof path, "%s/figures.md", folder);
    bool ok = write_file(path, "", 0, tables, "");
    snprintf(path, sizeof path, "%.*s.md",
             (int)(strlen(folder) - (folder[strlen(folder) - 1] == '/')), folder);
    ok = replace_marked(path, tables) && ok;
    free(tables);
    return ok;
}
