/* SPDX-License-Identifier: Apache-2.0 */
/* The log hook, and a limit on lines that a peer can cause. */
#ifndef SEAL_BASE_LOG_H
#define SEAL_BASE_LOG_H

#include <sealrpc/base.h>

typedef struct seal__log {
    seal_log_fn *fn; /* NULL: no log */
    void *user;
} seal__log;

void seal__log_line(const seal__log *log, seal_log_level level, const char *format, ...)
    SEAL_PRINTF(3, 4);

/* At most 10 lines a second for each limit; used by one thread. Zero-initialized. */
typedef struct seal__log_limit {
    uint64_t second;
    uint32_t lines;
    uint64_t suppressed; /* since the last line that got through */
} seal__log_limit;

/* Returns true when one more line may be written now. */
bool seal__log_allowed(seal__log_limit *limit, uint64_t now_ns);

#endif
