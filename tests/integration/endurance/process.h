/* SPDX-License-Identifier: Apache-2.0 */
/* Journal servers as processes of their own, and what stands in their journals. */
#ifndef SEAL_TESTS_ENDURANCE_PROCESS_H
#define SEAL_TESTS_ENDURANCE_PROCESS_H

#include <signal.h>
#include <sys/types.h>

#include "harness.h"
#include "journal.seal.h"

typedef struct process {
    pid_t pid;
    unsigned loops;
    unsigned max_streams; /* 0: the default */
    uint16_t port;        /* the same after a restart */
    char port_file[256];
    char journal[256]; /* of all processes that this one has been */
} process;

/* Makes names for its files. The name is a word. */
void process_init(process *p, const char *name, unsigned loops);
/* Starts it, on its old port if it had one, and waits until it listens. */
void process_start(process *p);
/* SIGTERM; waits; it must end with status 0. */
void process_drain(process *p);
/* SIGKILL; waits until it is gone. */
void process_kill(process *p);

/* The ids in the journals of n processes, sorted; free. */
uint64_t *journal_read(const process *list, size_t n, size_t *ret_count);
/* How often the id is in there. */
size_t journal_count(const uint64_t *ids, size_t n, uint64_t id);

/* What a server says of itself. */
Jtest__Figures process_figures(seal_channel *channel);

/* SEALRPC_TEST_FULL=1: the long form. */
bool is_full(void);
/* Seconds of the monotonic clock. */
double seconds_now(void);

#endif
