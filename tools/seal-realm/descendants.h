/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_REALM_DESCENDANTS_H
#define SEAL_REALM_DESCENDANTS_H

#include <stddef.h>
#include <sys/types.h>

/* Those that have been asked to end. */
struct asked {
    pid_t *pids;
    size_t count;
};

/* Asks every process below this one, whatever its session or group, to end (SIGTERM, SIGCONT), but
 * each only once: for many programs the second time means to drop everything. */
void descendants_ask(struct asked *asked);
void asked_done(struct asked *asked);

void descendants_kill(void);

#endif
