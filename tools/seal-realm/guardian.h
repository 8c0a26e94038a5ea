/* SPDX-License-Identifier: Apache-2.0 */
/* The process that makes the realm, looks after it, and takes it away.
 *
 * It is nobody's child and in a session of its own, so what kills seal-realm (Ctrl-C, a signal to
 * the process group, a test runner that kills the whole tree) does not reach it. It is the parent
 * of the KDC and of the command, and inherits the orphans among the command's descendants, so it
 * can end them all. If it dies itself, the kernel kills those two, and seal-realm removes the
 * folder. */
#ifndef SEAL_REALM_GUARDIAN_H
#define SEAL_REALM_GUARDIAN_H

#include "options.h"

#include <signal.h>

struct guardian_task {
    const struct options *options;
    const char *standing_folder; /* NULL: a temporary folder, and run the command */
    char *const *command;
    const sigset_t *command_mask;
};

/* Does it all; the result has been sent over control_fd when this returns. */
void guardian_work(const struct guardian_task *task, int control_fd);

#endif
