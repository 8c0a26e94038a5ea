/* SPDX-License-Identifier: Apache-2.0 */
/* What the user gets to read on stderr, and the exit statuses behind it. */
#ifndef SEAL_REALM_REPORT_H
#define SEAL_REALM_REPORT_H

#include <stdbool.h>

/* Functions return 0 or one of these, having complained; the exit status is the same, positive. */
enum {
    STATUS_USAGE = -2,    /* the user has to write something else */
    STATUS_NO_TOOL = -69, /* a package is missing */
    STATUS_FAILED = -70   /* the realm could not be made, or not be ended */
};

/* The status of work given up because of a signal. */
static inline int status_cancelled(int signal_number) {
    return -(128 + signal_number);
}

void report_quiet(bool quiet);

/* Good news; nothing when quiet. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The lines of a tool's own output, indented, below a complaint. */
void complain_detail(const char *text);

#endif
