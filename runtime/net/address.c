/* SPDX-License-Identifier: Apache-2.0 */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define EXPECTED "expected host:port, 127.0.0.1:port, [::1]:port or unix:/path"

static int parse_unix(const char *path, seal__address *address, seal_error **reterr) {
    size_t len = strlen(path);
    struct sockaddr_un *un = &address->un;
    if (len == 0 || len >= sizeof un->sun_path)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "unix socket path has %zu bytes; 1 to %zu are possible", len,
                           sizeof un->sun_path - 1);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, len);
    address->is_unix = true;
    address->un_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    if (path[0] == '@') {
        un->sun_path[0] = '\0';
        address->un_len--;
    }
    return 0;
}

static int parse_port(const char *text, uint16_t *ret_port) {
    uint32_t port = 0;
    if (*text == '\0')
        return -1;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || (port = port * 10 + (uint32_t)(*text - '0')) > 65535)
            return -1;
    }
    *ret_port = (uint16_t)port;
    return 0;
}

static bool is_host_name(const char *host) {
    for (const char *c = host; *c != '\0'; c++) {
        bool ok = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-' || *c == '.' ||
                  *c == '_';
        if (!ok)
            return false;
    }
    return host[0] != '\0' && host[0] != '.' && host[0] != '-';
}

static void lower(char *text) {
    for (; *text != '\0'; text++) {
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
    }
}

static bool is_ip(int family, const char *host) {
    uint8_t bytes[sizeof(struct in6_addr)];
    return inet_pton(family, host, bytes) == 1;
}

bool seal__host_is_literal(const char *host) {
    return strchr(host, ':') != NULL || is_ip(AF_INET, host);
}

/* Finds where the host ends; returns the colon before the port. */
static const char *split(const char *text, const char **ret_host, size_t *ret_len) {
    if (text[0] == '[') {
        const char *end = strchr(text, ']');
        if (end == NULL || end[1] != ':')
            return NULL;
        *ret_host = text + 1;
        *ret_len = (size_t)(end - text - 1);
        return end + 1;
    }
    const char *colon = strchr(text, ':');
    if (colon == NULL || strchr(colon + 1, ':') != NULL)
        return NULL;
    *ret_host = text;
    *ret_len = (size_t)(colon - text);
    return colon;
}

int seal__address_parse(const char *text, seal__address *ret_address, seal_error **reterr) {
    seal__address address = {.is_unix = false};
    if (text == NULL || text[0] == '\0')
        return seal__error(reterr, SEAL_ERROR_INVALID, "address is empty; " EXPECTED);
    if (strncmp(text, "unix:", 5) == 0) {
        int rc = parse_unix(text + 5, &address, reterr);
        if (rc == 0)
            *ret_address = address;
        return rc;
    }
    const char *host = NULL;
    size_t len = 0;
    const char *colon = split(text, &host, &len);
    if (colon == NULL || len == 0 || len > SEAL__HOST_MAX ||
        parse_port(colon + 1, &address.port) < 0)
        return seal__error(reterr, SEAL_ERROR_INVALID, "address \"%s\": " EXPECTED, text);
    memcpy(address.host, host, len);
    lower(address.host);
    bool bracketed = text[0] == '[';
    address.is_literal = is_ip(bracketed ? AF_INET6 : AF_INET, address.host);
    if (!bracketed && strcmp(address.host, "*") == 0)
        address.host[0] = '\0';
    else if (!address.is_literal && (bracketed || !is_host_name(address.host)))
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "address \"%s\": not a host name or IP address; " EXPECTED, text);
    *ret_address = address;
    return 0;
}

static void format_unix(const struct sockaddr_un *un, socklen_t len, char *text, size_t size) {
    size_t path = len > offsetof(struct sockaddr_un, sun_path)
                      ? len - offsetof(struct sockaddr_un, sun_path)
                      : 0;
    if (path > 0 && un->sun_path[0] == '\0')
        snprintf(text, size, "unix:@%.*s", (int)(path - 1), un->sun_path + 1);
    else
        snprintf(text, size, "unix:%.*s", (int)path, un->sun_path);
}

void seal__address_format(const struct sockaddr *addr, socklen_t len, char *text, size_t size) {
    char host[INET6_ADDRSTRLEN] = "?";
    if (addr->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)addr;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(text, size, "%s:%u", host, ntohs(in->sin_port));
    } else if (addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)addr;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf(text, size, "[%s]:%u", host, ntohs(in6->sin6_port));
    } else {
        format_unix((const struct sockaddr_un *)(const void *)addr, len, text, size);
    }
}
