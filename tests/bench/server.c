/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: seal-bench-server SYSTEM [MAX_STREAMS]
 * An echo server for the benchmark. It ends with the program that has started it.
 */
#include "bench/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Calls in flight on one connection are what is measured, not the limit on them. */
enum { MAX_STREAMS = 1000 };

int main(int argc, char **argv) {
    const bench_system *system = argc > 1 ? bench_find_system(argv[1]) : NULL;
    if (system == NULL || (system->family != BENCH_SEALRPC && system->family != BENCH_RAW)) {
        fprintf(stderr, "usage: seal-bench-server SYSTEM [MAX_STREAMS]\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    uint32_t max_streams = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : MAX_STREAMS;
    return system->family == BENCH_SEALRPC ? bench_serve_rpc(system, max_streams)
                                           : bench_serve_raw(system);
}
