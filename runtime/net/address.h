/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and targets as users write them: "host:port", "[::1]:port", "*:port", "unix:/path". */
#ifndef SEAL_NET_ADDRESS_H
#define SEAL_NET_ADDRESS_H

#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"

enum { SEAL__HOST_MAX = 255 };

typedef struct seal__address {
    bool is_unix;
    char host[SEAL__HOST_MAX + 1]; /* lower case, no brackets; "" for "*" */
    bool is_literal;               /* an IP address, not a name */
    uint16_t port;
    struct sockaddr_un un; /* is_unix */
    socklen_t un_len;
} seal__address;

/* Returns 0 or SEAL_ERROR_INVALID saying what is wrong and what is expected. */
int seal__address_parse(const char *text, seal__address *ret_address, seal_error **reterr);

/* An IPv4 address, or anything with a colon, which no host name has. */
bool seal__host_is_literal(const char *host);

/* "127.0.0.1:4711", "[::1]:4711", "unix:/path" (or "unix:" for an unnamed peer). */
void seal__address_format(const struct sockaddr *addr, socklen_t len, char *text, size_t size);

#endif
