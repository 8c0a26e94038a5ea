/* SPDX-License-Identifier: Apache-2.0 */
/* The user's command. Its process is forked first of all, while we are still in the terminal's
 * session and the caller's process group, where it belongs, and waits until the realm is there. */
#ifndef SEAL_REALM_COMMAND_H
#define SEAL_REALM_COMMAND_H

#include <signal.h>
#include <sys/types.h>

/* `mask` is the signal mask it shall have, control_fd is not for it. Writes to *ret_go_fd let it
 * go. -1 after a complaint. */
pid_t command_fork(char *const *arguments, const sigset_t *mask, int control_fd, int *ret_go_fd);

/* Lets it go, to live in the realm of that folder. */
void command_go(int go_fd, const char *folder);

#endif
