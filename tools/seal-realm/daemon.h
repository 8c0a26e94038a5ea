/* SPDX-License-Identifier: Apache-2.0 */
/* The daemons of a realm, all alike: how they are called, started, waited for, and found again. */
#ifndef SEAL_REALM_DAEMON_H
#define SEAL_REALM_DAEMON_H

#include "children.h"
#include "realm.h"

#include <sys/types.h>

/* As on the command line and in file names: kdc, kadmind, directory, replica, dc. */
const char *daemon_name(enum daemon which);

/* As in complaints: "the KDC". */
const char *daemon_title(enum daemon which);

/* The one of that name; DAEMON_COUNT when there is none. A domain controller is also the realm's
 * kdc and directory. */
enum daemon daemon_find(const struct realm *realm, const char *name);

/* Complains when the daemon's program is missing. */
int daemon_check(enum daemon which);

/* A file of the daemon in the folder: NAME.SUFFIX. On the heap. */
char *daemon_file(const struct realm *realm, enum daemon which, const char *suffix);

/* The living process; 0 when there is none. */
pid_t daemon_pid(const struct realm *realm, enum daemon which);

/* Starts it. output_fd: where its words go; -1: to NAME.out. adopter as in spawn.h. -1 after a
 * complaint. */
pid_t daemon_launch(const struct realm *realm, enum daemon which, int output_fd, pid_t adopter);

/* Whether it takes connections. */
bool daemon_listens(const struct realm *realm, enum daemon which);

/* Waits until it listens; complains with its own words when it has ended instead. */
int daemon_await(const struct realm *realm, enum daemon which, struct children *children,
                 int control_fd);

/* Complains that it did not start, with what it wrote to NAME.out and NAME.log. */
void daemon_explain(const struct realm *realm, enum daemon which);

#endif
