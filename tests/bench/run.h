/* SPDX-License-Identifier: Apache-2.0 */
/* The program that measures: starts servers and clients, takes turns between systems, and reports
 * medians. */
#ifndef SEAL_BENCH_RUN_H
#define SEAL_BENCH_RUN_H

#include <stdio.h>
#include <sys/types.h>

#include "bench/cores.h"
#include "bench/loads.h"

enum { RUN_MAX_ROUNDS = 99, RUN_MAX_SYSTEMS = 24, RUN_MAX_LOADS = 64 };

/* What is measured, where nobody names loads and systems. */
typedef enum run_set { RUN_DEFAULT, RUN_QUICK, RUN_FULL, RUN_CHECK, RUN_ACCEPT } run_set;

typedef struct run_options {
    run_set set;
    unsigned rounds;                      /* 0: not said */
    double seconds;                       /* of one measurement; 0: not said */
    const char *json;                     /* file; NULL: none */
    const char *report;                   /* folder; NULL: none */
    const char *systems[RUN_MAX_SYSTEMS]; /* only these */
    size_t n_systems;
    const char *loads[RUN_MAX_LOADS]; /* only these */
    size_t n_loads;
} run_options;

/* What is known of one system under one load: the figures that the load yields, and the peaks of
 * resident memory of both processes. */
enum { RUN_PEAK_SERVER = BENCH_FIELDS, RUN_PEAK_CLIENT, RUN_FIGURES };

/* One system under one load, all rounds. */
typedef struct run_cell {
    bool wanted;
    double values[RUN_FIGURES][RUN_MAX_ROUNDS];
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
    run_set set;
    bool priority_raised;
    run_cell cells[RUN_MAX_LOADS][RUN_MAX_SYSTEMS];
} run_table;

/* ---- run_table.c: what is to be measured ---- */

/* False, having said why, when something has no such name. */
bool run_table_make(run_table *table, const run_options *options);
/* Indexes, or -1. */
int run_find_load(const run_table *table, const char *name);
int run_find_system(const run_table *table, const char *name);
/* NULL: not measured. */
const run_cell *run_find_cell(const run_table *table, const char *load, const char *system);
/* Adds what is not there yet. False: there is no such load or system, or no room. */
bool run_want(run_table *table, const char *load, const char *system);

/* ---- run_measure.c ---- */

/* False: something has failed. */
bool run_measure(run_table *table);

/* ---- run_spawn.c: a program that stands beside this one, with its output in a pipe ---- */

typedef struct run_process {
    pid_t pid;
    FILE *output;
    double peak_bytes; /* after run_wait: the most that was resident */
} run_process;

enum { RUN_UNPINNED = -1 };

bool run_exists(const char *program);
/* end: a bench_end, or RUN_UNPINNED. */
bool run_start(run_process *process, int end, const char *program, const char *const args[]);
/* Reads a line; false: there is none. A process that has written none after so many seconds is
 * killed. */
bool run_read_line(run_process *process, char *line, size_t size, int seconds);
/* Waits for its end; returns its exit status, -1 for any other end. */
int run_wait(run_process *process);
/* A signal, then run_wait. */
int run_stop(run_process *process, int signal);
/* Of a process that runs: forgets its peak of resident memory; reads it. */
void run_forget_peak(pid_t pid);
double run_peak_bytes(pid_t pid);

/* ---- Reports ---- */

/* run_figures.c */
double run_median(const run_cell *cell, unsigned figure);
/* The peak is the least of the rounds: what a server keeps of earlier loads is not this one's. */
double run_least(const run_cell *cell, unsigned figure);
/* The median of each round's ratio; 0: there is none. Both were measured within the same seconds of
 * each round, so this says more than the ratio of the medians. */
double run_ratio(const run_cell *cell, const run_cell *other, unsigned figure);
/* The same of the CPU time of both ends. */
double run_cpu_ratio(const run_cell *cell, const run_cell *other);

/* run_print.c: on the terminal. */
void run_print(const run_table *table);

/* run_accept.c: what the acceptance needs; then the ratios that are wanted and those that are. */
bool run_accept_want(run_table *table);
/* False: a ratio is not what it must be, or was not measured. */
bool run_accept_print(const run_table *table);

/* run_json.c. Returns false, having said why, when the file cannot be written. */
bool run_write_json(const run_table *table, const char *path);

/* run_markdown.c: FOLDER/figures.md, and where there is a FOLDER.md with the two marks, what is
 * between them. run_plot.c: FOLDER/NAME.svg. False, having said why. */
bool run_write_markdown(const run_table *table, const char *folder);
bool run_plot(const run_table *table, const char *folder);

/* json_check.c: whether the text is one JSON value and nothing else. */
bool run_is_json(const char *text);

#endif
