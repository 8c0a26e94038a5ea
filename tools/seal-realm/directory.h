/* SPDX-License-Identifier: Apache-2.0 */
/* The realm's LDAP directory with Kerberos authentication, its replica, and kadmind. */
#ifndef SEAL_REALM_DIRECTORY_H
#define SEAL_REALM_DIRECTORY_H

#include "children.h"
#include "options.h"
#include "realm.h"

/* The service that both slapds are to their clients. */
#define DIRECTORY_SERVICE "ldap/localhost"

/* Reserves ports, before any configuration is written. Does nothing unless asked for. */
int directory_prepare(struct realm *realm, const struct options *options);

/* Starts the daemons, with all entries, once the KDC has the keys. Returns when the replica has
 * everything, too. */
int directory_start(const struct realm *realm, const struct options *options,
                    struct children *children, int control_fd);

/* Adds entries for more principals and services. */
int directory_add(const struct realm *realm, const struct options *options,
                  struct children *children);

void directory_say(const struct realm *realm);

#endif
