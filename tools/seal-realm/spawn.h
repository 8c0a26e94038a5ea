/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the programs of the realm. */
#ifndef SEAL_REALM_SPAWN_H
#define SEAL_REALM_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

struct spawn {
    char *const *arguments; /* [0] is the path */
    int input_fd;           /* -1: nothing there */
    int output_fd;
    int error_fd;
    bool die_with_parent;
    pid_t adopter;            /* 0, or who becomes the parent when ours ends: dies with that one */
    char *const *environment; /* NULL, or more variables: name, value, ..., NULL */
    const char *lock;         /* NULL, or the file that the program keeps locked while it lives */
};

/* The path of a program on the heap, from $SEAL_REALM_TOOLS if set, else $PATH and the sbin
 * folders; NULL after a complaint that says what to install. */
char *spawn_find(const char *program);

/* In its own session, in /, with no other descriptor of ours. -1 after a complaint. */
pid_t spawn_program(const struct spawn *spawn);

#endif
