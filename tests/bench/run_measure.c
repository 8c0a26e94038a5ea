/* SPDX-License-Identifier: Apache-2.0 */
/* Rounds: under each load every system is measured once, one after another. */
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/run.h"

enum {
    QUICK_SECONDS = 40, /* no round is begun later than this when in a hurry */
    START_SECONDS = 30, /* for a server to listen */
    CLIENT_SECONDS = 240
};

typedef struct run_server {
    run_process process;
    bool running;
    char port[16];
    char pid[16];
} run_server;

static void name_program(char name[64], const bench_system *system, const char *end) {
    bool is_peer = system->family == BENCH_PEER;
    snprintf(name, 64, "seal-bench-%s%s%s", is_peer ? system->peer : "", is_peer ? "-" : "", end);
}

/* max_streams 0: what the server thinks best. */
static bool start_server(run_server *server, const bench_system *system, size_t max_streams) {
    char program[64];
    char streams[16];
    char line[64] = "";
    unsigned port = 0;
    *server = (run_server){.running = false, .port = "0", .pid = "0"};
    if (system->family == BENCH_FLOOR)
        return true;
    name_program(program, system, "server");
    snprintf(streams, sizeof streams, "%zu", max_streams);
    const char *const args[] = {system->name, max_streams > 0 ? streams : NULL, NULL};
    int end = system->loops > 1 ? BENCH_SEVERAL_ENDS : BENCH_SERVER_END;
    if (!run_start(&server->process, end, program, args))
        return false;
    if (!run_read_line(&server->process, line, sizeof line, START_SECONDS) ||
        sscanf(line, "port: %u", &port) != 1) {
        fprintf(stderr, "seal-bench-run: %s does not start\n", program);
        run_stop(&server->process, SIGKILL);
        return false;
    }
    server->running = true;
    snprintf(server->port, sizeof server->port, "%u", port);
    snprintf(server->pid, sizeof server->pid, "%d", (int)server->process.pid);
    return true;
}

static bool stop_server(run_server *server, const bench_system *system) {
    if (!server->running)
        return true;
    server->running = false;
    int status = run_stop(&server->process, SIGTERM);
    if (status != 0)
        fprintf(stderr, "seal-bench-run: the server of %s ended with %d\n", system->name, status);
    return status == 0;
}

/* ---- One measurement ---- */

/* So many calls that the check stays short under any sanitizer, at least one for every place. */
static unsigned calls_to_check(const bench_load *load) {
    size_t n = ((size_t)32 << 20) / load->size;
    size_t most = bench_load_is_fresh(load) || load->kind == BENCH_IDLE ? 50 : 300;
    n = n > most ? most : n;
    return n < load->in_flight ? load->in_flight : (unsigned)n;
}

typedef enum outcome { MEASURED, FAILED, NOT_APPLICABLE } outcome;

static outcome run_client(const run_table *table, run_server *server, size_t load,
                          const bench_system *system, double figures[RUN_FIGURES]) {
    char program[64];
    char seconds[32];
    char calls[16];
    char line[256] = "";
    run_process client;
    name_program(program, system, "client");
    snprintf(seconds, sizeof seconds, "%.3f", table->seconds);
    snprintf(calls, sizeof calls, "%u", calls_to_check(&table->loads[load]));
    const char *const args[] = {system->name, server->port,
                                server->pid,  table->load_names[load],
                                seconds,      table->set == RUN_CHECK ? calls : NULL,
                                NULL};
    if (server->running)
        run_forget_peak(server->process.pid);
    int end = system->family == BENCH_FLOOR ? RUN_UNPINNED : BENCH_CLIENT_END;
    if (!run_start(&client, end, program, args))
        return FAILED;
    bool got = run_read_line(&client, line, sizeof line, CLIENT_SECONDS) &&
               sscanf(line, "result: %lf %lf %lf %lf %lf", &figures[0], &figures[1], &figures[2],
                      &figures[3], &figures[4]) == BENCH_FIELDS;
    if (server->running)
        figures[RUN_PEAK_SERVER] = run_peak_bytes(server->process.pid);
    int status = run_wait(&client);
    figures[RUN_PEAK_CLIENT] = client.peak_bytes;
    if (status == BENCH_EXIT_NOT_APPLICABLE)
        return NOT_APPLICABLE;
    return status == 0 && got ? MEASURED : FAILED;
}

static void measure(run_table *table, run_server *server, size_t load, size_t system) {
    run_cell *cell = &table->cells[load][system];
    double figures[RUN_FIGURES] = {0};
    switch (run_client(table, server, load, table->systems[system], figures)) {
    case MEASURED:
        for (unsigned i = 0; i < RUN_FIGURES; i++)
            cell->values[i][cell->n] = figures[i];
        cell->n++;
        break;
    case FAILED:
        fprintf(stderr, "seal-bench-run: %s %s failed\n", table->systems[system]->name,
                table->load_names[load]);
        cell->failures++;
        break;
    case NOT_APPLICABLE:
        cell->wanted = false;
        break;
    }
}

/* ---- Rounds ---- */

/* A connection of sealrpc's may have 64 MiB of unfinished messages. What would be more is held back
 * at the client by a lower limit on streams. */
static size_t streams_for(const bench_load *load, const bench_system *system) {
    size_t fitting = ((size_t)48 << 20) / load->size;
    bool limited = system->family == BENCH_SEALRPC && load->kind == BENCH_ECHO;
    return limited && fitting < load->in_flight / load->connections ? fitting : 0;
}

/* A server that has served before has memory to spare, so idle connections get a new one. */
static void measure_alone(run_table *table, size_t load, size_t system) {
    run_server server;
    const bench_system *which = table->systems[system];
    bool ok = start_server(&server, which, streams_for(&table->loads[load], which));
    if (ok)
        measure(table, &server, load, system);
    if (!ok || !stop_server(&server, which))
        table->cells[load][system].failures++;
}

static void say_where(const run_table *table, unsigned round, size_t load, size_t system) {
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[Kround %u of %u: %s %s ", round + 1, table->rounds,
                table->load_names[load], table->systems[system]->name);
}

/* Memory at rest does not vary; and slow loads are measured once when in a hurry. */
static bool is_for_one_round(const run_table *table, const bench_load *load) {
    return load->kind == BENCH_IDLE || (table->set == RUN_QUICK && load->size > 65536);
}

static void run_load(run_table *table, run_server *servers, unsigned round, size_t load) {
    for (size_t i = 0; i < table->n_systems; i++) {
        size_t system = (i + round) % table->n_systems;
        const bench_system *which = table->systems[system];
        if (!table->cells[load][system].wanted)
            continue;
        say_where(table, round, load, system);
        if (table->loads[load].kind == BENCH_IDLE || streams_for(&table->loads[load], which) > 0)
            measure_alone(table, load, system);
        else if (servers[system].running || which->family == BENCH_FLOOR)
            measure(table, &servers[system], load, system);
        else
            table->cells[load][system].failures++;
    }
}

static bool is_wanted(const run_table *table, size_t system) {
    for (size_t load = 0; load < table->n_loads; load++) {
        if (table->cells[load][system].wanted && table->loads[load].kind != BENCH_IDLE)
            return true;
    }
    return false;
}

/* Servers are new in each round. */
static bool run_round(run_table *table, unsigned round) {
    static run_server servers[RUN_MAX_SYSTEMS];
    bool ok = true;
    for (size_t s = 0; s < table->n_systems; s++) {
        servers[s] = (run_server){.running = false, .port = "0", .pid = "0"};
        if (is_wanted(table, s))
            ok = start_server(&servers[s], table->systems[s], 0) && ok;
    }
    for (size_t load = 0; load < table->n_loads; load++) {
        if (round == 0 || !is_for_one_round(table, &table->loads[load]))
            run_load(table, servers, round, load);
    }
    for (size_t s = 0; s < table->n_systems; s++)
        ok = stop_server(&servers[s], table->systems[s]) && ok;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
    return ok;
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

bool run_measure(run_table *table) {
    bool ok = true;
    time_t begin = time(NULL);
    for (unsigned round = 0; round < table->rounds && ok; round++) {
        if (round > 0 && table->set == RUN_QUICK && time(NULL) - begin >= QUICK_SECONDS) {
            table->rounds = round;
            break;
        }
        ok = run_round(table, round);
    }
    return ok && !has_failures(table);
}
