/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_REALM_TOOL_H
#define SEAL_REALM_TOOL_H

#include "children.h"

/* Runs a program to its end with `input` on stdin (NULL: none). When the other end of control_fd
 * (-1: none) wants us to stop, kills it and returns that status. Complains with the program's own
 * words when it fails. On success *ret_output is what it wrote to stdout, on the heap. */
int tool_run(struct children *children, int control_fd, char *const *arguments, const char *input,
             char **ret_output, char **ret_errors);

/* The same, but how it ended (as from waitpid) is for the caller to judge. */
int tool_try(struct children *children, int control_fd, char *const *arguments, const char *input,
             char **ret_output, char **ret_errors, int *ret_ended);

#endif
