/* SPDX-License-Identifier: Apache-2.0 */
/* One thread for work that blocks, fed with calls from the event loop. */
#ifndef LEDGER_WORKER_H
#define LEDGER_WORKER_H

#include <stdbool.h>

typedef struct worker worker;
typedef void worker_fn(void *user, void *job);

/* At most `max_jobs` wait. NULL: no memory or no thread. */
worker *worker_start(unsigned max_jobs, worker_fn *work, void *user);
/* false: too many wait; the job is still the caller's. Any thread. */
bool worker_submit(worker *w, void *job);
/* Does what was submitted, and ends the thread. */
void worker_stop(worker *w);

#endif
