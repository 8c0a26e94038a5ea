/* SPDX-License-Identifier: Apache-2.0 */
/* A network of its own for a domain controller, whose ports are fixed, and its own /etc/hosts and
 * /etc/resolv.conf, so that its name resolves. Nothing outside of it changes. */
#ifndef SEAL_REALM_NAMESPACES_H
#define SEAL_REALM_NAMESPACES_H

#include <sys/types.h>

/* Moves this process, which must have no other thread, into new ones, with nothing but a loopback
 * interface. Needs no rights where users may make namespaces: then this process seems to be root
 * from now on. STATUS_NO_TOOL when the machine does not allow it. */
int namespaces_make(void);

/* Puts the folder's hosts and resolv.conf over those of /etc. */
int namespaces_resolve(const char *folder);

/* Moves this process into those of another one, unless it is there already. */
int namespaces_enter(pid_t pid);

#endif
