/* SPDX-License-Identifier: Apache-2.0 */
/* What a client measures between two completions. The same for all systems, those of the peers
 * too. */
#ifndef SEAL_BENCH_WINDOW_H
#define SEAL_BENCH_WINDOW_H

#include <sys/types.h>

#include "bench/histogram.h"
#include "bench/loads.h"

SEAL_BEGIN_DECLS

typedef struct bench_window {
    uint64_t warm_up_until_ns;
    uint64_t ends_ns;
    uint64_t calls_limit; /* 0: time decides */
    uint64_t calls;       /* counted in the window */
    uint64_t calls_seen;  /* since the start */
    uint64_t seen;        /* completions since the start */
    unsigned wave;        /* completions that belong together: as many as are in flight */
    bool waits_for_first; /* it opens when every call of the first wave has ended */
    uint64_t first_ns;    /* the first completion: calls of the first wave were begun before it */
    unsigned first_seen;
    bool whole_waves; /* streams: it opens and closes between two waves */
    bool open;
    bool done;
    pid_t server; /* 0: its CPU time is not wanted */
    uint64_t began_ns;
    uint64_t ended_ns;
    double server_cpu_us; /* at the beginning; then the difference */
    double client_cpu_us;
    bench_histogram latency;
} bench_window;

/* A clock that only goes forward. */
uint64_t bench_now_ns(void);

/* calls 0: a fifth of the seconds to warm up, then the seconds. Else exactly so many calls:
 * messages where the load is a stream. */
void bench_window_start(bench_window *window, const bench_load *load, pid_t server, double seconds,
                        uint64_t calls);

/* For clients that connect with the first calls, all of which are begun before one can end: until
 * all connections are there, the window stays closed. Not with calls. */
void bench_window_wait_for_first(bench_window *window);

/* How many calls the next one to begin is to have, after so many were begun: 1, or the messages of
 * a stream; 0: begin no more. */
unsigned bench_window_wants(const bench_window *window, const bench_load *load, uint64_t begun);

/* Counts a completion of so many calls, which took from started_ns to now: 1 call, or a stream of
 * as many messages. */
void bench_window_count(bench_window *window, uint64_t started_ns, uint64_t now, unsigned calls);

/* The figures, in the order of bench_field_name. */
void bench_window_figures(const bench_window *window, double figures[BENCH_FIELDS]);

/* The line that the runner reads: "result: ...". */
void bench_print_figures(const double figures[BENCH_FIELDS]);

/* ---- Of a process ---- */

/* User and system time, in microseconds; 0: there is no such process. */
double bench_cpu_us(pid_t pid);
/* Resident bytes at present. */
double bench_resident_bytes(pid_t pid);

SEAL_END_DECLS

#endif
