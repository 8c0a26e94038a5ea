/* SPDX-License-Identifier: Apache-2.0 */
/* The variables that make a process live in the realm. */
#ifndef SEAL_REALM_ENVIRONMENT_H
#define SEAL_REALM_ENVIRONMENT_H

#include "realm.h"

/* Sets them in this process. */
void environment_enter(const struct realm *realm);

/* Prints them to stdout for a shell's eval. */
void environment_print(const struct realm *realm);

#endif
