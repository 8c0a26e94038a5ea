/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: seal-bench-run [--quick] [--all] [--rounds N] [--seconds S] [--json FILE] [--check]
 *                       [--system NAME] [--load NAME]...
 * Measures; see docs/benchmarks.md. Runs inside a realm with the service bench/localhost.
 */
#include "bench/run.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: seal-bench-run [--quick] [--all] [--rounds N] [--seconds S] [--json FILE] [--check]\n"
    "                      [--system NAME] [--load NAME]...\n";

static const char *const all_loads[] = {
    "echo-64-n1-c1",        "echo-64-n1-c16",     "unread-64-n1-c16",   "echo-64-n1-c128",
    "echo-1024-n1-c1",      "echo-1024-n1-c16",   "echo-1024-n1-c128",  "echo-65536-n1-c1",
    "echo-65536-n1-c16",    "echo-65536-n1-c128", "echo-1048576-n1-c1", "echo-1048576-n1-c16",
    "echo-1048576-n1-c128", "handshake-n1",       "handshake-n16",      "idle-memory"};

enum { N_ALL_LOADS = sizeof all_loads / sizeof all_loads[0] };

/* No round is begun later than this when in a hurry: on a busy machine one takes 15 s. */
enum { QUICK_SECONDS = 35 };

typedef struct run_server {
    run_process process;
    char port[16];
    char pid[16];
} run_server;

/* max_streams 0: what the server thinks best. */
static bool start_server(run_server *server, const bench_system *system, size_t max_streams) {
    char streams[16];
    char line[64] = "";
    unsigned port = 0;
    snprintf(streams, sizeof streams, "%zu", max_streams);
    const char *const args[] = {system->name, max_streams > 0 ? streams : NULL, NULL};
    if (!run_start(&server->process, "seal-bench-server", args))
        return false;
    if (fgets(line, sizeof line, server->process.output) == NULL ||
        sscanf(line, "port: %u", &port) != 1) {
        run_stop(&server->process);
        return false;
    }
    snprintf(server->port, sizeof server->port, "%u", port);
    snprintf(server->pid, sizeof server->pid, "%d", (int)server->process.pid);
    return true;
}

/* ---- Measuring ---- */

/* So many calls that the check stays short under any sanitizer, at least one for every place. */
static unsigned calls_to_check(const bench_load *load) {
    size_t n = ((size_t)32 << 20) / load->size;
    n = n > 300 ? 300 : n;
    n = load->kind == BENCH_HANDSHAKE && n > 50 ? 50 : n;
    return n < load->in_flight ? load->in_flight : (unsigned)n;
}

/* Slow systems are checked where that is quick; slow loads are measured once when in a hurry. */
static bool is_skipped(const run_options *options, const bench_system *system,
                       const bench_load *load, unsigned round) {
    bool slow_load = load->kind == BENCH_IDLE || load->size * load->in_flight > ((size_t)8 << 20);
    if (options->quick && round > 0 && slow_load)
        return true;
    if (!bench_applies(load, system))
        return true;
    return options->check && system->only_all && (load->in_flight != 16 || load->size > 65536);
}

static bool run_client(const run_table *table, const run_options *options, const run_server *server,
                       size_t load, const bench_system *system, double figures[BENCH_FIELDS]) {
    char seconds[32];
    char calls[16];
    snprintf(seconds, sizeof seconds, "%.3f", table->seconds);
    snprintf(calls, sizeof calls, "%u", options->check ? calls_to_check(&table->loads[load]) : 0);
    const char *const args[] = {system->name, server->port, server->pid, table->load_names[load],
                                seconds,      calls,        NULL};
    run_process client;
    char line[256] = "";
    if (!run_start(&client, "seal-bench-client", args))
        return false;
    bool got = fgets(line, sizeof line, client.output) != NULL &&
               sscanf(line, "result: %lf %lf %lf %lf %lf", &figures[0], &figures[1], &figures[2],
                      &figures[3], &figures[4]) == BENCH_FIELDS;
    return run_wait(&client) && got;
}

static void measure(run_table *table, const run_options *options, const run_server *server,
                    size_t load, size_t system) {
    run_cell *cell = &table->cells[load][system];
    double figures[BENCH_FIELDS] = {0};
    if (!run_client(table, options, server, load, table->systems[system], figures)) {
        cell->failures++;
        return;
    }
    for (unsigned i = 0; i < BENCH_FIELDS; i++)
        cell->values[i][cell->n] = figures[i];
    cell->n++;
}

/* A connection may have 64 MiB of unfinished messages. What would be more is held back at the
 * client by a lower limit on streams. */
static size_t streams_for(const bench_load *load) {
    size_t fitting = ((size_t)48 << 20) / load->size;
    return fitting < load->in_flight ? fitting : 0;
}

/* A server that has served before has memory to spare, so idle connections get a new one. */
static bool needs_own_server(const bench_load *load) {
    return load->kind == BENCH_IDLE || streams_for(load) > 0;
}

static void measure_alone(run_table *table, const run_options *options, size_t load,
                          size_t system) {
    run_server server;
    if (!start_server(&server, table->systems[system], streams_for(&table->loads[load]))) {
        table->cells[load][system].failures++;
        return;
    }
    measure(table, options, &server, load, system);
    if (!run_stop(&server.process))
        table->cells[load][system].failures++;
}

static void run_round(run_table *table, const run_options *options, const run_server *servers,
                      unsigned round) {
    for (size_t load = 0; load < table->n_loads; load++) {
        for (size_t i = 0; i < table->n_systems; i++) {
            size_t system = (i + round) % table->n_systems;
            if (is_skipped(options, table->systems[system], &table->loads[load], round))
                continue;
            if (isatty(STDERR_FILENO))
                fprintf(stderr, "\r\033[Kround %u of %u: %s %s ", round + 1, table->rounds,
                        table->load_names[load], table->systems[system]->name);
            if (needs_own_server(&table->loads[load]))
                measure_alone(table, options, load, system);
            else
                measure(table, options, &servers[system], load, system);
        }
    }
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

static bool run_rounds(run_table *table, const run_options *options) {
    static run_server servers[RUN_MAX_SYSTEMS];
    size_t started = 0;
    while (started < table->n_systems &&
           start_server(&servers[started], table->systems[started], 0))
        started++;
    bool ok = started == table->n_systems;
    time_t begin = time(NULL);
    for (unsigned round = 0; ok && round < table->rounds; round++) {
        if (options->quick && time(NULL) - begin > QUICK_SECONDS)
            table->rounds = round;
        else
            run_round(table, options, servers, round);
    }
    for (size_t i = 0; i < started; i++)
        ok = run_stop(&servers[i].process) && ok;
    return ok;
}

/* ---- Options ---- */

static bool add_load(run_table *table, const char *name) {
    if (table->n_loads == RUN_MAX_LOADS || !bench_load_parse(name, &table->loads[table->n_loads]))
        return false;
    table->load_names[table->n_loads++] = name;
    return true;
}

static bool make_table(run_table *table, const run_options *options) {
    table->rounds = options->rounds != 0 ? options->rounds
                    : options->check     ? 1
                    : options->quick     ? 3
                                         : 9;
    table->seconds = options->seconds > 0 ? options->seconds : options->quick ? 0.2 : 0.5;
    bool with_all = options->all || options->check || options->system != NULL;
    for (const bench_system *system = bench_systems; system->name != NULL; system++) {
        bool wanted = options->system == NULL || strcmp(options->system, system->name) == 0;
        if (wanted && (with_all || !system->only_all))
            table->systems[table->n_systems++] = system;
    }
    for (size_t i = 0; i < options->n_loads; i++) {
        if (!add_load(table, options->loads[i]))
            return false;
    }
    for (size_t i = 0; options->n_loads == 0 && i < N_ALL_LOADS; i++)
        add_load(table, all_loads[i]);
    return table->n_systems > 0 && table->rounds <= RUN_MAX_ROUNDS;
}

static bool take_option(run_options *options, int option) {
    switch (option) {
    case 'q':
        options->quick = true;
        return true;
    case 'a':
        options->all = true;
        return true;
    case 'c':
        options->check = true;
        return true;
    case 'r':
        options->rounds = (unsigned)strtoul(optarg, NULL, 10);
        return options->rounds > 0;
    case 't':
        options->seconds = strtod(optarg, NULL);
        return options->seconds > 0;
    case 'j':
        options->json = optarg;
        return true;
    case 's':
        options->system = optarg;
        return true;
    case 'l':
        if (options->n_loads == RUN_MAX_LOADS)
            return false;
        options->loads[options->n_loads++] = optarg;
        return true;
    default:
        return false;
    }
}

static bool parse_options(int argc, char **argv, run_options *options) {
    static const struct option names[] = {{"quick", no_argument, NULL, 'q'},
                                          {"all", no_argument, NULL, 'a'},
                                          {"check", no_argument, NULL, 'c'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"seconds", required_argument, NULL, 't'},
                                          {"json", required_argument, NULL, 'j'},
                                          {"system", required_argument, NULL, 's'},
                                          {"load", required_argument, NULL, 'l'},
                                          {NULL, 0, NULL, 0}};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (!take_option(options, option))
            return false;
    }
    return optind == argc;
}

/* ---- Check ---- */

static bool check_json(const run_table *table) {
    char path[] = "/tmp/seal-bench-XXXXXX";
    static char text[1 << 18];
    int fd = mkstemp(path);
    if (fd < 0)
        return false;
    bool ok = run_write_json(table, path);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    unlink(path);
    ok = ok && n > 0 && (size_t)n < sizeof text - 1;
    text[n > 0 ? n : 0] = '\0';
    if (!ok || !run_is_json(text) || run_is_json("{\"a\": [1, 2,]}"))
        fprintf(stderr, "seal-bench-run: the JSON is not JSON\n");
    return ok && run_is_json(text);
}

static bool has_failures(const run_table *table) {
    for (size_t load = 0; load < table->n_loads; load++) {
        for (size_t system = 0; system < table->n_systems; system++) {
            if (table->cells[load][system].failures > 0)
                return true;
        }
    }
    return false;
}

int main(int argc, char **argv) {
    static run_table table;
    run_options options = {.quick = false};
    if (!parse_options(argc, argv, &options) || !make_table(&table, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    bool ok = run_rounds(&table, &options) && !has_failures(&table);
    if (!options.check)
        run_print(&table);
    else
        ok = check_json(&table) && ok;
    if (options.json != NULL)
        ok = run_write_json(&table, options.json) && ok;
    return !ok;
}
