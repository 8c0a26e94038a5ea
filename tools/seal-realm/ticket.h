/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_REALM_TICKET_H
#define SEAL_REALM_TICKET_H

#include "realm.h"

/* Gets a ticket for the principal, with its key from the users' keytab, into the realm's ccache.
 * `life` in seconds, 0 for the KDC's own limit. */
int ticket_get(const struct realm *realm, const char *principal, long life);

#endif
