/* SPDX-License-Identifier: Apache-2.0 */
/* The processes we started, and whatever was left to us by their deaths. */
#ifndef SEAL_REALM_CHILDREN_H
#define SEAL_REALM_CHILDREN_H

#include "realm.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
    pid_t pid;
    bool alive;
    int status; /* as from waitpid, once not alive */
};

struct children {
    int death_fd; /* signalfd of SIGCHLD */
    struct child command;
    struct child daemons[DAEMON_COUNT];
    struct child tool;
};

/* Blocks SIGCHLD in this process. */
int children_init(struct children *children);
void children_done(struct children *children);

void child_started(struct child *child, pid_t pid);

int64_t clock_ms(void);

enum { WAKE_DEATH = 1, WAKE_FIRST = 2, WAKE_SECOND = 4 };

/* Sleeps until a child has died (which is then recorded), a descriptor is readable or closed (-1:
 * none), or the deadline has passed (-1: none). A set of WAKE_ bits, 0 for the deadline. */
int children_wait(struct children *children, int first_fd, int second_fd, int64_t deadline_ms);

/* Records all deaths so far. false when no child is left at all. */
bool children_reap(struct children *children);

#endif
