/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_REALM_DATABASE_H
#define SEAL_REALM_DATABASE_H

#include "children.h"
#include "options.h"
#include "realm.h"

/* Makes the KDC's database, empty but for the realm's own principals. */
int database_create(const struct realm *realm, struct children *children, int control_fd);

/* Adds the principals and services with random keys, and their keys to the keytabs. */
int database_add(const struct realm *realm, const struct options *options,
                 struct children *children, int control_fd);

/* Says where the keys are, and the ticket of the first principal if it has one. */
void database_say(const struct realm *realm, const struct options *options, bool ticket);

#endif
