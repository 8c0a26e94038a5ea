/* SPDX-License-Identifier: Apache-2.0 */
/* What the directory says about the realm's principals, as LDIF. */
#ifndef SEAL_REALM_ENTRIES_H
#define SEAL_REALM_ENTRIES_H

#include "options.h"
#include "realm.h"

/* The frame: the suffix and the folders. On the heap. */
char *entries_base(const struct realm *realm);

/* The users, and the accounts of the services' hosts, each with its service principal names.
 * Accounts in `known` exist already and get more of them. Names with characters that mean something
 * to LDAP have no entries. On the heap, NULL when there are none. */
char *entries_of(const struct realm *realm, const struct options *options,
                 const struct text_list *known);

#endif
