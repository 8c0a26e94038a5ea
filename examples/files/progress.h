/* SPDX-License-Identifier: Apache-2.0 */
/* A bar on standard error, and a limit on the speed. */
#ifndef FILES_PROGRESS_H
#define FILES_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

typedef struct progress {
    const char *what;
    uint64_t total;
    uint64_t limit; /* bytes a second; 0: none */
    bool show;
    uint64_t first; /* where it began */
    struct timespec begun;
    struct timespec drawn;
} progress;

void progress_start(progress *p, const char *what, uint64_t done, uint64_t total);

/* So many bytes are done: waits where that is too fast, and draws some times a second. */
void progress_step(progress *p, uint64_t done);

void progress_end(progress *p, uint64_t done);

#endif
