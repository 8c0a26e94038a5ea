/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_MAX_BYTES = 4608 /* an error with its context */, LINES_PER_SECOND = 10 };

void seal__log_line(const seal__log *log, seal_log_level level, const char *format, ...) {
    if (log == NULL || log->fn == NULL)
        return;
    char line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *c = line; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
    log->fn(log->user, level, line);
}

bool seal__log_allowed(seal__log_limit *limit, uint64_t now_ns) {
    uint64_t second = now_ns / 1000000000u;
    if (second != limit->second) {
        limit->second = second;
        limit->lines = 0;
    }
    if (limit->lines >= LINES_PER_SECOND) {
        limit->suppressed++;
        return false;
    }
    limit->lines++;
    limit->suppressed = 0;
    return true;
}

void seal_log_to_stderr(void *user, seal_log_level level, const char *line) {
    static const char *const names[] = {"?", "error", "warning", "info", "debug"};
    if (level == SEAL_LOG_DEBUG && user == NULL)
        return;
    size_t index = level >= SEAL_LOG_ERROR && level <= SEAL_LOG_DEBUG ? (size_t)level : 0;
    fprintf(stderr, "sealrpc: %s: %s\n", names[index], line);
}
