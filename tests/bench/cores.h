/* SPDX-License-Identifier: Apache-2.0 */
/* Which cores the two ends run on. */
#ifndef SEAL_BENCH_CORES_H
#define SEAL_BENCH_CORES_H

#include <stdbool.h>

typedef enum bench_end {
    BENCH_SERVER_END,  /* a core of its own */
    BENCH_CLIENT_END,  /* another one */
    BENCH_SEVERAL_ENDS /* all but the client's: a server with several loops */
} bench_end;

/* The cores of server and client; false: there are fewer than two, and nothing is pinned. */
bool bench_cores(int *ret_server, int *ret_client);
/* Pins the calling thread, and with it what it starts. Does nothing where bench_cores is false. */
void bench_pin(bench_end end);

#endif
