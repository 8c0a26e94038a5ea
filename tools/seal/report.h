/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to standard error: one line each, "seal: ...". */
#ifndef SEAL_TOOL_REPORT_H
#define SEAL_TOOL_REPORT_H

#include "command.h"

#include <sealrpc/error.h>

/* Returns status. */
int complain(int status, const char *format, ...) SEAL_PRINTF(2, 3);

/* The error's message. Frees it. Returns the exit status that fits its code. */
int complain_error(seal_error *error);

/* Something the user should know, though all is well. */
void say(const char *format, ...) SEAL_PRINTF(1, 2);

/* To standard output, control characters as '?': what comes from a directory may have been written
 * for a terminal. */
void print_visible(const char *text);

int status_of_error(int code);

#endif
