/* SPDX-License-Identifier: Apache-2.0 */
/* Who is alive? A process that owns a record lock on a file in the folder. The kernel names the
 * owner, drops the lock at its death, and keeps it over exec: no stale pid is ever believed. */
#ifndef SEAL_REALM_LOCK_H
#define SEAL_REALM_LOCK_H

#include <sys/types.h>

/* The lock lasts until the process ends or closes any descriptor of this file. The descriptor,
 * which is not close-on-exec; -1 and errno. */
int lock_take(const char *path);

/* The living owner; 0 when there is none. */
pid_t lock_owner(const char *path);

/* Waits until there is no owner. 0, or -1 when it took longer. */
int lock_wait_free(const char *path, unsigned int seconds);

#endif
