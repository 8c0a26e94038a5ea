/* SPDX-License-Identifier: Apache-2.0 */
/* The process that the user started: has the guardian do the work, passes signals to it, and ends
 * with its result. */
#ifndef SEAL_REALM_SUPERVISE_H
#define SEAL_REALM_SUPERVISE_H

#include "options.h"

/* Runs the command in a realm of its own. The exit status. */
int supervise_run(const struct options *options, char *const *command);

/* Makes a realm that stays. 0 or a status. */
int supervise_start(const struct options *options, const char *folder);

#endif
