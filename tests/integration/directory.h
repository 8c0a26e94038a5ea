/* SPDX-License-Identifier: Apache-2.0 */
/* The realm's directory (seal-realm --with-directory), for tests of servers that are published. */
#ifndef SEAL_TESTS_INTEGRATION_DIRECTORY_H
#define SEAL_TESTS_INTEGRATION_DIRECTORY_H

#include "harness.h"

#include "naming/scp.h"

/* The first of the realm's directory servers; its suffix. */
const char *it_directory_uri(void);
const char *it_directory_base(void);
/* That of the replica (seal-realm --replica). */
const char *it_directory_copy_uri(void);
/* "cn=HOST,ou=Accounts,SUFFIX"; valid until four more were asked for. */
const char *it_account(const char *host);

/* pause, resume, kill, restart. */
void it_directory_steer(const char *command);
/* Applies LDIF with all rights; fails the test when the directory refuses. `options` of ldapmodify.
 */
void it_directory_modify(const char *options, const char *ldif);
/* Removes an entry with all rights, if it is there. */
void it_directory_remove(const char *dn);

typedef struct it_entry {
    bool found;
    uint32_t ttl_s; /* what is left of its lease; 0: none */
    seal__scp scp;
    char guid[64];
    char type[16];
    char binding[128];
} it_entry;

/* What alice sees of the entry with this cn. */
void it_entry_get(const char *name, it_entry *ret_entry);
void it_entry_wait(const char *name, bool found);

#endif
