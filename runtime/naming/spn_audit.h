/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a service principal name, as the directory sees it. Blocks. */
#ifndef SEAL_NAMING_SPN_AUDIT_H
#define SEAL_NAMING_SPN_AUDIT_H

#include "naming/directory.h"
#include "secure/gss/spn_check.h"

/* Adds to the report: not registered on any account, on another account than `account_dn` (NULL:
 * any will do), on several, or written in other letters. */
int seal__spn_audit(seal__directory *directory, const char *spn, const char *account_dn,
                    seal__spn_report *report, seal_error **reterr);

#endif
