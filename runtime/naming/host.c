/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <idn2.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <sealrpc/spn.h>

#include "base/buf.h"
#include "base/error.h"

enum { NAME_BYTES = 253, LABEL_BYTES = 63, GIVEN_BYTES = 1023 };

#define WANTED "expected a host name such as node1.example.com, or an IP address"

static bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* ---- Addresses ---- */

/* The form of RFC 5952. inet_ntop has it but for ::/96, where it shows an IPv4 address. */
static void format_ipv6(const struct in6_addr *address, char ret_host[SEAL_SPN_HOST_MAX]) {
    static const uint8_t zeros[12] = {0};
    char text[INET6_ADDRSTRLEN] = "";
    const uint8_t *bytes = address->s6_addr;
    unsigned high = seal__load_u16(bytes + 12);
    if (memcmp(bytes, zeros, sizeof zeros) == 0 && high != 0)
        snprintf(text, sizeof text, "::%x:%x", high, (unsigned)seal__load_u16(bytes + 14));
    else
        inet_ntop(AF_INET6, address, text, sizeof text);
    snprintf(ret_host, SEAL_SPN_HOST_MAX, "[%s]", text);
}

static int normalize_ipv6(const char *given, char ret_host[SEAL_SPN_HOST_MAX],
                          seal_error **reterr) {
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    size_t len = strlen(given);
    bool bracketed = given[0] == '[';
    if (strchr(given, '%') != NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "host \"%s\": an address with a zone means something on one machine "
                           "only; use a host name or a global address",
                           given);
    if (bracketed && given[len - 1] == ']') {
        given++;
        len -= 2;
        bracketed = false;
    }
    if (!bracketed && len < sizeof text) {
        memcpy(text, given, len);
        text[len] = '\0';
        if (inet_pton(AF_INET6, text, &address) == 1) {
            format_ipv6(&address, ret_host);
            return 0;
        }
    }
    return seal__error(reterr, SEAL_ERROR_INVALID,
                       "host \"%s\" is no IPv6 address; " WANTED " (the port is given apart)",
                       given);
}

/* ---- Names ---- */

/* Lower-case ASCII. International labels, and those that say they are, go through libidn2. */
static int to_ascii(const char *given, char *text, size_t size, seal_error **reterr) {
    bool international = false;
    for (const char *c = given; *c != '\0'; c++)
        international = international || (unsigned char)*c >= 0x80 ||
                        ((c == given || c[-1] == '.') && strncasecmp(c, "xn--", 4) == 0);
    char *made = NULL;
    if (international) {
        int rc = idn2_to_ascii_8z(given, &made, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
        if (rc == IDN2_MALLOC)
            return seal__error_no_memory(reterr);
        if (rc != IDN2_OK)
            return seal__error(reterr, SEAL_ERROR_INVALID,
                               "host \"%s\" is no international name: %s; check its spelling",
                               given, idn2_strerror(rc));
        given = made;
    }
    size_t len = strlen(given);
    bool fits = len < size;
    for (size_t i = 0; fits && i <= len; i++)
        text[i] = (char)(given[i] >= 'A' && given[i] <= 'Z' ? given[i] - 'A' + 'a' : given[i]);
    idn2_free(made);
    return fits ? 0
                : seal__error(reterr, SEAL_ERROR_INVALID,
                              "a host name of %zu bytes; %d are the limit", len, NAME_BYTES);
}

static const char *wrong_with_label(const char *label, size_t len) {
    if (len == 0)
        return "has an empty label";
    if (len > LABEL_BYTES)
        return "has a label of more than 63 bytes";
    for (size_t i = 0; i < len; i++) {
        if (!is_host_character(label[i]))
            return "has a character that no host name has";
    }
    if (label[0] == '-' || label[len - 1] == '-')
        return "has a label that begins or ends with a hyphen";
    return NULL;
}

static const char *wrong_with_name(const char *name) {
    if (strlen(name) > NAME_BYTES)
        return "has more than 253 bytes";
    for (const char *label = name;;) {
        size_t len = strcspn(label, ".");
        const char *wrong = wrong_with_label(label, len);
        if (wrong != NULL || label[len] == '\0')
            return wrong;
        label += len + 1;
    }
}

static int normalize_name(const char *given, char ret_host[SEAL_SPN_HOST_MAX],
                          seal_error **reterr) {
    char text[SEAL_SPN_HOST_MAX] = "";
    int rc = to_ascii(given, text, sizeof text, reterr);
    if (rc < 0)
        return rc;
    size_t len = strlen(text);
    if (len > 0 && text[len - 1] == '.')
        text[len - 1] = '\0';
    const char *wrong = wrong_with_name(text);
    if (wrong != NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID, "host \"%s\" %s; " WANTED, given, wrong);
    snprintf(ret_host, SEAL_SPN_HOST_MAX, "%s", text);
    return 0;
}

int seal_spn_normalize_host(const char *host, char ret_host[SEAL_SPN_HOST_MAX],
                            seal_error **reterr) {
    if (host == NULL || host[0] == '\0')
        return seal__error(reterr, SEAL_ERROR_INVALID, "the host is empty; " WANTED);
    if (strlen(host) > GIVEN_BYTES)
        return seal__error(reterr, SEAL_ERROR_INVALID, "a host name of %zu bytes; %d are the limit",
                           strlen(host), NAME_BYTES);
    if (host[0] == '[' || strchr(host, ':') != NULL)
        return normalize_ipv6(host, ret_host, reterr);
    return normalize_name(host, ret_host, reterr);
}
