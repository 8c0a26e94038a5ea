/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cores.h"

#include <sched.h>

/* The first two of those that this process may use. */
bool bench_cores(int *ret_server, int *ret_client) {
    cpu_set_t allowed;
    int found = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return false;
    for (size_t core = 0; core < CPU_SETSIZE && found < 2; core++) {
        if (CPU_ISSET(core, &allowed))
            *(found++ == 0 ? ret_server : ret_client) = (int)core;
    }
    return found == 2;
}

void bench_pin(bench_end end) {
    int server = 0;
    int client = 0;
    cpu_set_t cores;
    if (!bench_cores(&server, &client) || sched_getaffinity(0, sizeof cores, &cores) != 0)
        return;
    if (end == BENCH_SEVERAL_ENDS) {
        CPU_CLR((size_t)client, &cores);
    } else {
        CPU_ZERO(&cores);
        CPU_SET((size_t)(end == BENCH_SERVER_END ? server : client), &cores);
    }
    sched_setaffinity(0, sizeof cores, &cores);
}
