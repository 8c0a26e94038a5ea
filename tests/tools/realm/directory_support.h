/* SPDX-License-Identifier: Apache-2.0 */
/* Shell scripts in a realm with a directory and the services of two nodes. */
#ifndef DIRECTORY_SUPPORT_H
#define DIRECTORY_SUPPORT_H

#include "realm_support.h"

#define NODE1 "greeter/node1.sealrpc.test"
#define NODE2 "greeter/node2.sealrpc.test"

/* What scripts have, besides the realm's environment:
 *   $r $B $D         seal-realm, the suffix, the realm's folder
 *   $A1 $A2          the accounts of the two nodes
 *   log_in CACHE PRINCIPAL KEYTAB
 *   as WHO TOOL ...  an LDAP tool with a ticket of n1, n2 (the services), alice or installer; what
 * it writes goes to $D/said yes ..., no STATUS ...   check the exit status of what follows publish
 * WHO NAME ACCOUNT HOST [LDIF]   adds a connection point register WHO ACCOUNT add|delete|replace
 * SPN modify WHO DN LDIF, exists DN await ...        repeats until it succeeds, bounded
 */
struct result script_run(const char *const *options, const char *script);

/* It must end with 0, and seal-realm say nothing. */
void script_expect(const char *const *options, const char *script);

#endif
