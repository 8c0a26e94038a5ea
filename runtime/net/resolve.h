/* SPDX-License-Identifier: Apache-2.0 */
/* Socket addresses of a written address. Blocks on DNS: runs on the auth pool. */
#ifndef SEAL_NET_RESOLVE_H
#define SEAL_NET_RESOLVE_H

#include "net/address.h"

enum { SEAL__RESOLVE_MAX = 16 };

typedef struct seal__resolved {
    struct sockaddr_storage addrs[SEAL__RESOLVE_MAX];
    socklen_t lens[SEAL__RESOLVE_MAX];
    size_t n;
} seal__resolved;

/* listening: "*" is allowed and gives the IPv6 wildcard, or the IPv4 one where there is no IPv6.
 * Returns 0 or SEAL_ERROR_ADDRESS. */
int seal__resolve(const seal__address *address, bool listening, seal__resolved *ret_resolved,
                  seal_error **reterr);

#endif
