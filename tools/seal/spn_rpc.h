/* SPDX-License-Identifier: Apache-2.0 */
/* The RPC DsWriteAccountSpn (MS-DRSR), by a Python program and Samba's bindings: there is no public
 * C library for it. */
#ifndef SEAL_TOOL_SPN_RPC_H
#define SEAL_TOOL_SPN_RPC_H

#include "login.h"

#define SPN_RPC_ADD "add"
#define SPN_RPC_DELETE "delete"

/* The value of --via, NULL when it was not given: SEAL_ERROR_INVALID. */
int spn_rpc_check(const char *via, seal_error **reterr);

/* server: the directory's URI. The login's tickets must be in a file. */
int spn_rpc_write(const char *operation, const char *server, const char *dn, const char *spn,
                  const struct login *login, seal_error **reterr);

#endif
