/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_TOOL_KEYTAB_ALIAS_H
#define SEAL_TOOL_KEYTAB_ALIAS_H

#include "text.h"

/*
 * Lists an account's keys under its service names, too. keytab NULL: the default one; account:
 * "NAME$" in any letters, NULL: the only one that the keytab has. Says what it did; returns a
 * status.
 */
int keytab_alias_run(const char *keytab, const char *account, const struct words *spns);

#endif
