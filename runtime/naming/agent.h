/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread of its own for long work with a directory: it blocks, sleeps until something happens,
 * and sends messages to the loop. Its owner closes it and does not wait: a call into a silent
 * server or KDC cannot be cancelled, so the thread ends when that comes back, and releases its
 * state itself.
 */
#ifndef SEAL_NAMING_AGENT_H
#define SEAL_NAMING_AGENT_H

#include "net/runtime.h"

typedef struct seal__agent seal__agent;

enum { SEAL__AGENTS_MAX = 64 }; /* of one runtime, closed ones that still run included */

typedef struct seal__agent_ops {
    /* The thread. Returns soon after seal__agent_is_closed. */
    void (*work)(seal__agent *agent, void *state);
    /* A message has arrived on the loop, unless the agent was closed. Takes over the message. */
    void (*deliver)(void *owner, void *message);
    /* A message that is not delivered any more; any thread. */
    void (*drop)(seal__shared *shared, void *message);
    /* After work, on its thread; nobody uses `state` any more. */
    void (*release)(seal__shared *shared, void *state);
} seal__agent_ops;

/* Loop thread. On failure `state` still belongs to the caller. 0, SEAL_ERROR_TOO_MANY,
 * SEAL_ERROR_SYSTEM, SEAL_ERROR_NO_MEMORY. The runtime lives until the agent is closed. */
int seal__agent_start(seal_runtime *runtime, const seal__agent_ops *ops, void *state, void *owner,
                      seal__agent **ret_agent, seal_error **reterr);
/* Loop thread, once. The agent must not be used any more; its thread goes on until it can end. */
void seal__agent_close(seal__agent *agent);
/* Makes seal__agent_sleep return. Loop thread. */
void seal__agent_wake(seal__agent *agent);

/* ---- On the agent's thread ---- */

seal__shared *seal__agent_shared(seal__agent *agent);
bool seal__agent_is_closed(seal__agent *agent);
/* Sends a message to the loop. */
void seal__agent_post(seal__agent *agent, void *message);

enum { SEAL__AGENT_WOKEN = 1, SEAL__AGENT_READABLE = 2 };
/* Until woken or closed, `fd` (-1: none) is readable, or `ms` (UINT32_MAX: for ever) have passed:
 * bits of the above, 0 for the time. A wake that came before counts. */
int seal__agent_sleep(seal__agent *agent, int fd, uint32_t ms);

#endif
