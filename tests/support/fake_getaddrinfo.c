/* SPDX-License-Identifier: Apache-2.0 */
#include "support/fake_getaddrinfo.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

fake_name fake_names[FAKE_NAMES + 1];

/* Name number i has the address 192.0.2.(1 + i), of the block for documentation. */
static const uint32_t first_address = 0xc0000201;

typedef int getaddrinfo_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);
typedef int getnameinfo_fn(const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t,
                           int);

static void *real(const char *name) {
    return dlsym(RTLD_NEXT, name);
}

static getaddrinfo_fn *real_getaddrinfo(void) {
    void *found = real("getaddrinfo");
    getaddrinfo_fn *fn = NULL;
    memcpy(&fn, &found, sizeof fn);
    return fn;
}

/* The real function makes the list, so that the real freeaddrinfo can free it. */
__attribute__((visibility("default"))) int getaddrinfo(const char *restrict node,
                                                       const char *restrict service,
                                                       const struct addrinfo *restrict hints,
                                                       struct addrinfo **restrict ret_list) {
    for (uint32_t i = 0; node != NULL && fake_names[i].host != NULL; i++) {
        const fake_name *name = &fake_names[i];
        if (strcasecmp(name->host, node) != 0)
            continue;
        if (name->error != 0)
            return name->error;
        struct in_addr address = {.s_addr = htonl(first_address + i)};
        char text[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &address, text, sizeof text);
        struct addrinfo numeric = hints == NULL ? (struct addrinfo){0} : *hints;
        bool wants_name = (numeric.ai_flags & AI_CANONNAME) != 0;
        numeric.ai_flags = (numeric.ai_flags & ~AI_CANONNAME) | AI_NUMERICHOST;
        int code = real_getaddrinfo()(text, service, &numeric, ret_list);
        if (code == 0 && wants_name)
            (*ret_list)->ai_canonname =
                (char *)(uintptr_t)(name->canonical == NULL ? name->host : name->canonical);
        return code;
    }
    return real_getaddrinfo()(node, service, hints, ret_list);
}

/* Its canonical name is one of the test's constants. */
__attribute__((visibility("default"))) void freeaddrinfo(struct addrinfo *list) {
    void *found = real("freeaddrinfo");
    void (*fn)(struct addrinfo *) = NULL;
    memcpy(&fn, &found, sizeof fn);
    for (uint32_t i = 0; list != NULL && fake_names[i].host != NULL; i++) {
        if (list->ai_canonname == fake_names[i].canonical ||
            list->ai_canonname == fake_names[i].host)
            list->ai_canonname = NULL;
    }
    fn(list);
}

__attribute__((visibility("default"))) int getnameinfo(const struct sockaddr *restrict address,
                                                       socklen_t len, char *restrict host,
                                                       socklen_t host_size, char *restrict service,
                                                       socklen_t service_size, int flags) {
    const struct sockaddr_in *ip = (const struct sockaddr_in *)(const void *)address;
    uint32_t number = address->sa_family == AF_INET ? ntohl(ip->sin_addr.s_addr) : 0;
    for (uint32_t i = 0; fake_names[i].host != NULL; i++) {
        if (number != first_address + i)
            continue;
        if (fake_names[i].reverse == NULL)
            return EAI_NONAME;
        snprintf(host, host_size, "%s", fake_names[i].reverse);
        return 0;
    }
    void *found = real("getnameinfo");
    getnameinfo_fn *fn = NULL;
    memcpy(&fn, &found, sizeof fn);
    return fn(address, len, host, host_size, service, service_size, flags);
}
