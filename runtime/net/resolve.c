/* SPDX-License-Identifier: Apache-2.0 */
#include "net/resolve.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

static void add(seal__resolved *resolved, const struct sockaddr *addr, socklen_t len) {
    for (size_t i = 0; i < resolved->n; i++) {
        if (resolved->lens[i] == len && memcmp(&resolved->addrs[i], addr, len) == 0)
            return;
    }
    if (resolved->n == SEAL__RESOLVE_MAX)
        return;
    memcpy(&resolved->addrs[resolved->n], addr, len);
    resolved->lens[resolved->n++] = len;
}

int seal__resolve(const seal__address *address, bool listening, seal__resolved *ret_resolved,
                  seal_error **reterr) {
    *ret_resolved = (seal__resolved){.n = 0};
    if (address->is_unix) {
        add(ret_resolved, (const struct sockaddr *)(const void *)&address->un, address->un_len);
        return 0;
    }
    if (!listening && address->host[0] == '\0')
        return seal__error(reterr, SEAL_ERROR_ADDRESS,
                           "\"*\" is an address to listen on, not to connect to");
    char port[8];
    snprintf(port, sizeof port, "%u", address->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICSERV | (listening ? AI_PASSIVE : 0) |
                                         (address->is_literal ? AI_NUMERICHOST : 0)};
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(address->host[0] != '\0' ? address->host : NULL, port, &hints, &list);
    if (rc != 0)
        return seal__error(reterr, SEAL_ERROR_ADDRESS,
                           "host name \"%s\" cannot be resolved: %s; check its spelling and DNS",
                           address->host, gai_strerror(rc));
    for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next)
        add(ret_resolved, ai->ai_addr, ai->ai_addrlen);
    freeaddrinfo(list);
    return 0;
}
