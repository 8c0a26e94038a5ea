/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded: a resolver that knows one more host, as $FAKE_DNS says: "HOST=CANONICAL". The host is
 * this machine; its canonical name is another one. */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>

typedef int lookup_fn(const char *host, const char *service, const struct addrinfo *hints,
                      struct addrinfo **ret);

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret) {
    lookup_fn *real;
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    const char *entry = getenv("FAKE_DNS");
    const char *canonical = entry == NULL ? NULL : strchr(entry, '=');
    if (canonical == NULL || host == NULL || strlen(host) != (size_t)(canonical - entry) ||
        strncmp(host, entry, strlen(host)) != 0)
        return real(host, service, hints, ret);
    int code = real("127.0.0.1", service, hints, ret);
    if (code == 0 && hints != NULL && (hints->ai_flags & AI_CANONNAME) != 0) {
        free((*ret)->ai_canonname);
        (*ret)->ai_canonname = strdup(canonical + 1);
    }
    return code;
}

int getnameinfo(const struct sockaddr *address, socklen_t length, char *host, socklen_t host_size,
                char *service, socklen_t service_size, int flags) {
    (void)address;
    (void)length;
    (void)host;
    (void)host_size;
    (void)service;
    (void)service_size;
    (void)flags;
    return EAI_NONAME;
}
