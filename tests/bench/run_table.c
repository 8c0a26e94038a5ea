/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "bench/run.h"

/* Small messages first: a server keeps memory of large ones until the next round. */
static const char *const all_loads[] = {
    "ping-64-n1-c1",
    "echo-64-n1-c1",
    "echo-64-n1-c16",
    "unread-64-n1-c16",
    "echo-64-n1-c128",
    "echo-64-n16-c16",
    "echo-64-n64-c64",
    "echo-64-n64-c128",
    "connect-n1",
    "connect-n16",
    "handshake-n1",
    "handshake-n16",
    "cold-n1",
    "cold-n16",
    "echo-1024-n1-c1",
    "echo-1024-n1-c16",
    "echo-1024-n1-c128",
    "echo-1024-n16-c16",
    "echo-1024-n64-c128",
    "pull-1024-n1-c2",
    "push-1024-n1-c2",
    "echo-61440-n16-c16",
    "echo-65536-n1-c1",
    "echo-65536-n1-c16",
    "echo-65536-n1-c128",
    "echo-65536-n64-c128",
    "pull-65536-n1-c2",
    "push-65536-n1-c2",
    "echo-1048576-n1-c1",
    "echo-1048576-n1-c16",
    "echo-1048576-n1-c128",
    "echo-1048576-n64-c128",
    "idle-1000",
    "idle-10000",
};

static const char *const quick_loads[] = {
    "ping-64-n1-c1",       "echo-64-n1-c1",     "echo-64-n1-c16",    "echo-64-n1-c128",
    "echo-64-n64-c128",    "handshake-n1",      "echo-1024-n1-c128", "pull-1024-n1-c2",
    "push-1024-n1-c2",     "echo-65536-n1-c16", "pull-65536-n1-c2",  "push-65536-n1-c2",
    "echo-1048576-n1-c16",
};

/* Every kind, few and many in flight, more than a record and more than a connection may hold. */
static const char *const check_loads[] = {
    "ping-64-n1-c1",    "echo-64-n1-c16",      "unread-64-n1-c16",
    "echo-64-n64-c128", "handshake-n16",       "cold-n1",
    "connect-n16",      "echo-1024-n1-c128",   "pull-1024-n1-c2",
    "push-1024-n1-c2",  "echo-65536-n1-c16",   "pull-65536-n1-c2",
    "push-65536-n1-c2", "echo-1048576-n1-c16", "echo-1048576-n1-c128",
    "idle-1000",
};

static const char *const quick_systems[] = {"sealrpc-aes256-gcm", "raw-aead", "grpc-mtls"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- Names ---- */

int run_find_load(const run_table *table, const char *name) {
    for (size_t i = 0; i < table->n_loads; i++) {
        if (strcmp(table->load_names[i], name) == 0)
            return (int)i;
    }
    return -1;
}

int run_find_system(const run_table *table, const char *name) {
    for (size_t i = 0; i < table->n_systems; i++) {
        if (strcmp(table->systems[i]->name, name) == 0)
            return (int)i;
    }
    return -1;
}

const run_cell *run_find_cell(const run_table *table, const char *load, const char *system) {
    int l = run_find_load(table, load);
    int s = run_find_system(table, system);
    return l < 0 || s < 0 || table->cells[l][s].n == 0 ? NULL : &table->cells[l][s];
}

static int add_load(run_table *table, const char *name) {
    int found = run_find_load(table, name);
    if (found >= 0)
        return found;
    if (table->n_loads == RUN_MAX_LOADS || !bench_load_parse(name, &table->loads[table->n_loads])) {
        fprintf(stderr, "seal-bench-run: there is no load %s\n", name);
        return -1;
    }
    table->load_names[table->n_loads] = name;
    return (int)table->n_loads++;
}

static int add_system(run_table *table, const char *name) {
    int found = run_find_system(table, name);
    if (found >= 0)
        return found;
    const bench_system *system = bench_find_system(name);
    if (system == NULL || table->n_systems == RUN_MAX_SYSTEMS) {
        fprintf(stderr, "seal-bench-run: there is no system %s\n", name);
        return -1;
    }
    table->systems[table->n_systems] = system;
    return (int)table->n_systems++;
}

bool run_want(run_table *table, const char *load, const char *system) {
    int l = add_load(table, load);
    int s = add_system(table, system);
    if (l < 0 || s < 0)
        return false;
    table->cells[l][s].wanted = true;
    return true;
}

/* ---- Sets ---- */

static bool add_loads(run_table *table, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (add_load(table, names[i]) < 0)
            return false;
    }
    return true;
}

static bool add_systems(run_table *table, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (add_system(table, names[i]) < 0)
            return false;
    }
    return true;
}

static void add_all_systems(run_table *table) {
    bool check = table->set == RUN_CHECK;
    for (const bench_system *system = bench_systems; system->name != NULL; system++) {
        bool wanted = table->set == RUN_FULL || check || !system->only_full;
        if (wanted && !(check && system->family == BENCH_PEER)) /* they have tests of their own */
            add_system(table, system->name);
    }
}

/* The other suites stand beside the first one, not in its place: what is the same for all, or only
 * slow, is not measured again with each. */
static bool is_for_first_only(const bench_load *load) {
    return load->kind == BENCH_IDLE || load->kind == BENCH_COLD || load->connections > 1 ||
           load->unread || load->size * load->in_flight > ((size_t)8 << 20);
}

/* Whether the pair belongs to a set; loads and systems that were named are always wanted. */
static bool is_in_set(const run_table *table, const bench_load *load, const bench_system *system) {
    if (load->kind == BENCH_IDLE && load->connections > 1000 && table->set != RUN_FULL)
        return false;
    return !system->only_full || system->loops > 1 || !is_for_first_only(load);
}

static void want_applicable(run_table *table, bool named) {
    for (size_t l = 0; l < table->n_loads; l++) {
        for (size_t s = 0; s < table->n_systems; s++)
            table->cells[l][s].wanted =
                bench_applies(&table->loads[l], table->systems[s]) &&
                (named || is_in_set(table, &table->loads[l], table->systems[s]));
    }
}

static bool is_built(const bench_system *system) {
    char program[64];
    if (system->family != BENCH_PEER)
        return true;
    snprintf(program, sizeof program, "seal-bench-%s-server", system->peer);
    if (run_exists(program))
        return true;
    fprintf(stderr,
            "seal-bench-run: %s is left out: it was not built (script/setup bench-peers installs "
            "what it needs)\n",
            system->name);
    return false;
}

static void leave_out_what_is_not_built(run_table *table) {
    for (size_t s = 0; s < table->n_systems; s++) {
        if (is_built(table->systems[s]))
            continue;
        for (size_t l = 0; l < table->n_loads; l++)
            table->cells[l][s].wanted = false;
    }
}

/* What the options name, else what the set consists of. */
static bool add_named(run_table *table, const run_options *options) {
    bool quick = options->set == RUN_QUICK;
    bool ok = true;
    if (options->n_systems > 0)
        ok = add_systems(table, options->systems, options->n_systems);
    else if (quick)
        ok = add_systems(table, quick_systems, COUNT(quick_systems));
    else
        add_all_systems(table);
    if (options->n_loads > 0)
        ok = add_loads(table, options->loads, options->n_loads) && ok;
    else if (quick)
        ok = add_loads(table, quick_loads, COUNT(quick_loads)) && ok;
    else if (table->set == RUN_CHECK)
        ok = add_loads(table, check_loads, COUNT(check_loads)) && ok;
    else
        ok = add_loads(table, all_loads, COUNT(all_loads)) && ok;
    want_applicable(table, options->n_loads > 0);
    return ok;
}

bool run_table_make(run_table *table, const run_options *options) {
    static const struct {
        unsigned rounds;
        double seconds;
    } usual[] = {[RUN_DEFAULT] = {5, 0.3},
                 [RUN_QUICK] = {3, 0.15},
                 [RUN_FULL] = {5, 0.2},
                 [RUN_CHECK] = {1, 0.2},
                 [RUN_ACCEPT] = {5, 0.3}};
    table->set = options->set;
    table->rounds = options->rounds != 0 ? options->rounds : usual[options->set].rounds;
    table->seconds = options->seconds > 0 ? options->seconds : usual[options->set].seconds;
    bool ok = options->set == RUN_ACCEPT ? run_accept_want(table) : add_named(table, options);
    leave_out_what_is_not_built(table);
    return ok && table->rounds <= RUN_MAX_ROUNDS;
}
