/* SPDX-License-Identifier: Apache-2.0 */
#include <sealrpc/spn.h>

#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define FORM "expected class/host, class/host:port or class/host:port/name, with or without @REALM"

static bool is_class_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

static bool is_name_character(char c) {
    return c > ' ' && c < 0x7f && c != '/' && c != '@' && c != '\\';
}

/* 1 to size - 1 bytes, all of which are allowed. */
static bool consists_of(const char *text, size_t size, bool (*allowed)(char c)) {
    size_t len = 0;
    for (; text[len] != '\0' && len < size; len++) {
        if (!allowed(text[len]))
            return false;
    }
    return len > 0 && len < size;
}

static int check_class(const char *spn_class, seal_error **reterr) {
    if (spn_class != NULL && consists_of(spn_class, SEAL_SPN_CLASS_MAX, is_class_character))
        return 0;
    return seal__error(reterr, SEAL_ERROR_INVALID,
                       "SPN class \"%.80s\": a class has 1 to %d letters, digits, '-', '.' or '_'",
                       spn_class != NULL ? spn_class : "", SEAL_SPN_CLASS_MAX - 1);
}

static int check_part(const char *what, const char *text, size_t size, seal_error **reterr) {
    if (consists_of(text, size, is_name_character))
        return 0;
    return seal__error(reterr, SEAL_ERROR_INVALID,
                       "%s \"%.300s\": it has 1 to %zu printable ASCII characters other than "
                       "space, '/', '@' and '\\'",
                       what, text, size - 1);
}

int seal_spn_make(const char *spn_class, const char *host, uint16_t port, const char *name,
                  char ret_spn[SEAL_SPN_MAX], seal_error **reterr) {
    char normalized[SEAL_SPN_HOST_MAX];
    char port_text[8] = "";
    int rc = check_class(spn_class, reterr);
    if (rc == 0)
        rc = seal_spn_normalize_host(host, normalized, reterr);
    if (rc == 0 && name != NULL)
        rc = check_part("third part of an SPN", name, SEAL_SPN_NAME_MAX, reterr);
    if (rc < 0)
        return rc;
    if (port != 0)
        snprintf(port_text, sizeof port_text, ":%u", (unsigned)port);
    snprintf(ret_spn, SEAL_SPN_MAX, "%s/%s%s%s%s", spn_class, normalized, port_text,
             name != NULL ? "/" : "", name != NULL ? name : "");
    return 0;
}

/* ---- Taking apart ---- */

/* Cuts `text` at the first `c`: what follows it; NULL: there is none. */
static char *cut(char *text, char c) {
    char *at = strchr(text, c);
    if (at == NULL)
        return NULL;
    *at = '\0';
    return at + 1;
}

/* Where the port begins, behind the colon, which is cut; NULL: none. */
static char *cut_port(char *host) {
    char *close = host[0] == '[' ? strchr(host, ']') : NULL;
    return close == NULL ? cut(host, ':') : cut(close, ':');
}

static bool parse_port(const char *text, uint16_t *ret_port) {
    uint32_t port = 0;
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 5 || text[len] != '\0' || text[0] == '0')
        return false;
    for (size_t i = 0; i < len; i++)
        port = port * 10 + (uint32_t)(text[i] - '0');
    *ret_port = (uint16_t)port;
    return port <= UINT16_MAX;
}

static int parse_host(char *text, seal_spn *spn, seal_error **reterr) {
    char *port = cut_port(text);
    if (port != NULL && strchr(port, ':') != NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "more than one colon; an IPv6 address is written in brackets");
    if (port != NULL && !parse_port(port, &spn->port))
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "port \"%.20s\" is no number from 1 to 65535", port);
    return seal_spn_normalize_host(text, spn->host, reterr);
}

static int parse_optional(const char *what, const char *text, char *to, size_t size,
                          seal_error **reterr) {
    int rc = text != NULL ? check_part(what, text, size, reterr) : 0;
    if (rc == 0 && text != NULL)
        memcpy(to, text, strlen(text) + 1);
    return rc;
}

static int parse_parts(char *text, seal_spn *spn, seal_error **reterr) {
    char *realm = cut(text, '@');
    char *host = cut(text, '/');
    char *name = host != NULL ? cut(host, '/') : NULL;
    if (host == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID, "it has no host");
    if (name != NULL && strchr(name, '/') != NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID, "it has more than three parts");
    int rc = check_class(text, reterr);
    if (rc == 0)
        rc = parse_host(host, spn, reterr);
    if (rc == 0)
        rc = parse_optional("third part", name, spn->name, sizeof spn->name, reterr);
    if (rc == 0)
        rc = parse_optional("realm", realm, spn->realm, sizeof spn->realm, reterr);
    if (rc == 0)
        memcpy(spn->spn_class, text, strlen(text) + 1);
    return rc;
}

int seal_spn_parse(const char *text, seal_spn *ret_spn, seal_error **reterr) {
    seal_spn spn = {.port = 0};
    char copy[SEAL_SPN_MAX];
    size_t len = text != NULL ? strlen(text) : 0;
    if (len >= sizeof copy)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "an SPN of %zu bytes; %d are the limit; " FORM, len, SEAL_SPN_MAX - 1);
    memcpy(copy, text != NULL ? text : "", len + 1);
    seal_error *why = NULL;
    int rc = parse_parts(copy, &spn, &why);
    if (rc == SEAL_ERROR_INVALID)
        seal__error(reterr, rc, "SPN \"%s\": %s; " FORM, text != NULL ? text : "",
                    seal_error_message(why));
    else if (rc < 0)
        seal__error_no_memory(reterr);
    else
        *ret_spn = spn;
    seal_error_free(why);
    return rc;
}
