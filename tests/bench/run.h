/* SPDX-License-Identifier: Apache-2.0 */
/* The program that measures: starts servers and clients, takes turns between systems, and reports
 * medians. */
#ifndef SEAL_BENCH_RUN_H
#define SEAL_BENCH_RUN_H

#include <stdio.h>
#include <sys/types.h>

#include "bench/loads.h"

enum { RUN_MAX_ROUNDS = 99, RUN_MAX_SYSTEMS = 16, RUN_MAX_LOADS = 32 };

typedef struct run_options {
    bool quick;
    bool all;
    bool check;                       /* that everything works; the figures mean nothing */
    unsigned rounds;                  /* 0: not said */
    double seconds;                   /* of one measurement; 0: not said */
    const char *json;                 /* file; NULL: none */
    const char *system;               /* only this one; NULL: all */
    const char *loads[RUN_MAX_LOADS]; /* only these */
    size_t n_loads;
} run_options;

/* One system under one load, all rounds. */
typedef struct run_cell {
    double values[BENCH_FIELDS][RUN_MAX_ROUNDS];
    unsigned n;
    unsigned failures;
} run_cell;

typedef struct run_table {
    const bench_system *systems[RUN_MAX_SYSTEMS];
    size_t n_systems;
    const char *load_names[RUN_MAX_LOADS];
    bench_load loads[RUN_MAX_LOADS];
    size_t n_loads;
    unsigned rounds;
    double seconds;
    run_cell cells[RUN_MAX_LOADS][RUN_MAX_SYSTEMS];
} run_table;

/* run_spawn.c: a program that stands beside this one, with its output in a pipe. */
typedef struct run_process {
    pid_t pid;
    FILE *output;
} run_process;

bool run_start(run_process *process, const char *program, const char *const args[]);
/* Waits for its end; true when that was exit status 0. */
bool run_wait(run_process *process);
/* SIGTERM, then run_wait. */
bool run_stop(run_process *process);

/* run_report.c */
double run_median(const run_cell *cell, unsigned field);
void run_print(const run_table *table);
/* Returns false, having said why, when the file cannot be written. */
bool run_write_json(const run_table *table, const char *path);

/* json_check.c: whether the text is one JSON value and nothing else. */
bool run_is_json(const char *text);

#endif
