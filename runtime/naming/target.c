/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/target.h"

#include <stdio.h>
#include <string.h>

#include <sealrpc/spn.h>

#include "base/alloc.h"
#include "naming/target_text.h"

enum {
    TEXT_MAX = 16 * 1024,
    PART_MAX = 1024, /* of one address, name or value, with its NUL */
    SERVICE_MAX = 255,
    POLL_MAX_S = 86400,
    TIMEOUT_MAX_S = 600
};

#define STATIC_FORM "expected seal:///host1:port,host2:port"
#define DNS_FORM "expected dns:///domain, dns:///_service._tcp.domain or dns://ADDRESS:PORT/domain"
#define LDAP_FORM                                                                                  \
    "expected ldap:///service or ldap://host1,host2/service?base=DN&poll=SECONDS&timeout=SECONDS"
#define FORMS                                                                                      \
    "expected host:port, unix:/path, seal:///host1:port,host2:port, dns:///domain or "             \
    "ldap:///service"

/* ---- Pieces ---- */

static int take_copy(const char *text, const seal_allocator *alloc, char **ret_copy,
                     seal_error **reterr) {
    *ret_copy = seal__strdup(alloc, text);
    return *ret_copy != NULL ? 0 : seal__error_no_memory(reterr);
}

/* ---- Addresses ---- */

static bool is_ascii(const char *text) {
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0x80)
            return false;
    }
    return true;
}

/* An international host becomes A-labels here; the others stay as they are. */
static int parse_host_port(const char *text, seal__address *ret_address, seal_error **reterr) {
    char host[PART_MAX];
    char ascii[SEAL_SPN_HOST_MAX];
    const char *colon = strrchr(text, ':');
    if (colon == NULL || is_ascii(text) || (size_t)(colon - text) >= sizeof host)
        return seal__address_parse(text, ret_address, reterr);
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    int rc = seal_spn_normalize_host(host, ascii, reterr);
    if (rc < 0)
        return rc;
    char whole[SEAL_SPN_HOST_MAX + 16];
    snprintf(whole, sizeof whole, "%s:%.12s", ascii, colon + 1);
    return seal__address_parse(whole, ret_address, reterr);
}

/* One that can be connected to. */
static int parse_address(const char *text, seal__address *ret_address, seal_error **reterr) {
    int rc = strncmp(text, "unix:", 5) == 0 ? seal__address_parse(text, ret_address, reterr)
                                            : parse_host_port(text, ret_address, reterr);
    if (rc == 0 && !ret_address->is_unix &&
        (ret_address->port == 0 || ret_address->host[0] == '\0'))
        rc = seal__error(reterr, SEAL_ERROR_INVALID, "\"%s\" needs a host and a port", text);
    return rc;
}

static int parse_one(seal__target *target, seal_error **reterr) {
    target->addresses = seal__alloc_zeroed(target->alloc, 1, sizeof *target->addresses);
    if (target->addresses == NULL)
        return seal__error_no_memory(reterr);
    target->n_addresses = 1;
    return parse_address(target->text, target->addresses, reterr);
}

static int parse_list(seal__target *target, seal__piece path, seal_error **reterr) {
    char text[PART_MAX];
    target->addresses =
        seal__alloc_zeroed(target->alloc, SEAL__TARGET_ADDRESSES, sizeof *target->addresses);
    if (target->addresses == NULL)
        return seal__error_no_memory(reterr);
    int rc = 0;
    for (bool more = true; more && rc == 0;) {
        seal__piece item;
        more = seal__piece_cut(&path, ',', &item);
        if (target->n_addresses == SEAL__TARGET_ADDRESSES)
            return seal__error(reterr, SEAL_ERROR_INVALID, "more than %d addresses",
                               SEAL__TARGET_ADDRESSES);
        rc = seal__piece_decode(item, text, sizeof text, reterr);
        if (rc == 0)
            rc = parse_address(text, &target->addresses[target->n_addresses++], reterr);
    }
    return rc;
}

/* ---- Servers to ask ---- */

static bool has_port(const char *text) {
    const char *close = text[0] == '[' ? strchr(text, ']') : NULL;
    return strchr(close != NULL ? close : text, ':') != NULL;
}

static int parse_server(seal__target *target, seal__piece item, seal_error **reterr) {
    char text[SEAL_SPN_HOST_MAX + 8];
    seal__address *server = &target->servers[target->n_servers++];
    int rc = seal__piece_decode(item, text, sizeof text - 2, reterr);
    if (rc < 0)
        return rc;
    bool given_port = has_port(text);
    if (!given_port)
        memcpy(text + strlen(text), ":0", 3);
    rc = parse_host_port(text, server, reterr);
    if (rc == 0 && (server->is_unix || server->host[0] == '\0' || (given_port && !server->port)))
        rc = seal__error(reterr, SEAL_ERROR_INVALID, "\"%s\" is no server", text);
    if (rc == 0 && target->scheme == SEAL__SCHEME_DNS && !server->is_literal)
        rc = seal__error(reterr, SEAL_ERROR_INVALID,
                         "name server \"%s\" must be given by its IP address", server->host);
    return rc;
}

static int parse_servers(seal__target *target, seal__piece authority, seal_error **reterr) {
    int rc = 0;
    for (bool more = authority.len > 0; more && rc == 0;) {
        seal__piece item;
        more = seal__piece_cut(&authority, ',', &item);
        if (target->n_servers == SEAL__TARGET_SERVERS)
            return seal__error(reterr, SEAL_ERROR_INVALID, "more than %d servers",
                               SEAL__TARGET_SERVERS);
        rc = parse_server(target, item, reterr);
    }
    return rc;
}

/* ---- dns: ---- */

/* Splits "_service._proto.domain" before the domain. */
static const char *skip_underscored(const char *name, unsigned *ret_labels) {
    *ret_labels = 0;
    while (name[0] == '_') {
        const char *dot = strchr(name, '.');
        if (dot == NULL)
            break;
        name = dot + 1;
        (*ret_labels)++;
    }
    return name;
}

static int check_domain(const char *name, const char *domain, unsigned labels,
                        char ret_domain[SEAL_SPN_HOST_MAX], seal_error **reterr) {
    if (labels == 1 || domain[0] == '_')
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "\"%s\": both _service and _proto stand before a domain, or neither",
                           name);
    int rc = seal_spn_normalize_host(domain, ret_domain, reterr);
    seal__address address;
    char text[SEAL_SPN_HOST_MAX + 8];
    if (rc < 0)
        return rc;
    snprintf(text, sizeof text, "%s:1", ret_domain);
    if (seal__address_parse(text, &address, NULL) < 0 || address.is_literal)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "\"%s\" is no domain that can have SRV records", domain);
    return 0;
}

static int parse_domain(seal__target *target, seal__piece path, seal_error **reterr) {
    char name[PART_MAX];
    char domain[SEAL_SPN_HOST_MAX];
    char prefix[PART_MAX] = "_sealrpc._tcp.";
    char whole[PART_MAX + SEAL_SPN_HOST_MAX];
    char srv_name[SEAL_SPN_HOST_MAX];
    unsigned labels = 0;
    int rc = seal__piece_decode(path, name, sizeof name, reterr);
    if (rc < 0)
        return rc;
    const char *bare = skip_underscored(name, &labels);
    rc = check_domain(name, bare, labels, domain, reterr);
    if (labels > 0)
        snprintf(prefix, sizeof prefix, "%.*s", (int)(bare - name), name);
    snprintf(whole, sizeof whole, "%s%s", prefix, domain);
    if (rc == 0)
        rc = seal_spn_normalize_host(whole, srv_name, reterr);
    if (rc == 0)
        rc = take_copy(domain, target->alloc, &target->name, reterr);
    if (rc == 0)
        rc = take_copy(srv_name, target->alloc, &target->srv_name, reterr);
    return rc;
}

/* ---- ldap: ---- */

static int check_service(const char *name, seal_error **reterr) {
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (name[len] == '\0' && len <= SERVICE_MAX)
        return 0;
    return seal__error(reterr, SEAL_ERROR_INVALID,
                       "\"%.300s\" is no service; its name is that in the .proto file, such as "
                       "bank.Ledger",
                       name);
}

static int take_seconds(const char *key, const char *value, uint32_t max, uint32_t *to,
                        seal_error **reterr) {
    uint32_t number = 0;
    size_t len = strspn(value, "0123456789");
    bool ok = len > 0 && len <= 6 && value[len] == '\0' && *to == 0;
    for (size_t i = 0; ok && i < len; i++)
        number = number * 10 + (uint32_t)(value[i] - '0');
    if (!ok || number == 0 || number > max)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "%s=%.40s: it is given once, with 1 to %u seconds", key, value,
                           (unsigned)max);
    *to = number;
    return 0;
}

static int take_parameter(seal__target *target, const char *key, const char *value,
                          seal_error **reterr) {
    if (strcmp(key, "poll") == 0)
        return take_seconds(key, value, POLL_MAX_S, &target->poll_s, reterr);
    if (strcmp(key, "timeout") == 0)
        return take_seconds(key, value, TIMEOUT_MAX_S, &target->timeout_s, reterr);
    if (strcmp(key, "base") != 0 || target->base != NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "parameter \"%.40s\" is unknown or given twice", key);
    return take_copy(value, target->alloc, &target->base, reterr);
}

static int parse_query(seal__target *target, seal__piece query, seal_error **reterr) {
    int rc = 0;
    for (bool more = true; more && rc == 0;) {
        char key[16] = "";
        char value[PART_MAX] = "";
        seal__piece pair;
        seal__piece name;
        more = seal__piece_cut(&query, '&', &pair);
        seal__piece_cut(&pair, '=', &name);
        rc = seal__piece_decode(name, key, sizeof key, reterr);
        if (rc == 0)
            rc = seal__piece_decode(pair, value, sizeof value, reterr);
        if (rc == 0)
            rc = take_parameter(target, key, value, reterr);
    }
    return rc;
}

static int parse_service(seal__target *target, seal__piece path, seal_error **reterr) {
    char name[PART_MAX];
    seal__piece service;
    bool has_query = seal__piece_cut(&path, '?', &service);
    int rc = seal__piece_decode(service, name, sizeof name, reterr);
    if (rc == 0)
        rc = check_service(name, reterr);
    if (rc == 0)
        rc = take_copy(name, target->alloc, &target->name, reterr);
    if (rc == 0 && has_query)
        rc = parse_query(target, path, reterr);
    return rc;
}

/* ---- Schemes ---- */

static const struct {
    const char *prefix;
    seal__scheme scheme;
    const char *form;
    int (*parse)(seal__target *target, seal__piece path, seal_error **reterr);
} schemes[] = {{"seal://", SEAL__SCHEME_STATIC, STATIC_FORM, parse_list},
               {"dns://", SEAL__SCHEME_DNS, DNS_FORM, parse_domain},
               {"ldap://", SEAL__SCHEME_LDAP, LDAP_FORM, parse_service}};

enum { N_SCHEMES = sizeof schemes / sizeof schemes[0] };

static int parse_url(seal__target *target, size_t kind, seal_error **reterr) {
    const char *at = target->text + strlen(schemes[kind].prefix);
    seal__piece path = {.at = at, .len = strlen(at)};
    seal__piece authority;
    target->scheme = schemes[kind].scheme;
    if (!seal__piece_cut(&path, '/', &authority))
        return seal__error(reterr, SEAL_ERROR_INVALID, "a '/' is missing");
    if (target->scheme == SEAL__SCHEME_STATIC && authority.len > 0)
        return seal__error(reterr, SEAL_ERROR_INVALID, "three '/' stand before the list");
    int rc = parse_servers(target, authority, reterr);
    return rc == 0 ? schemes[kind].parse(target, path, reterr) : rc;
}

/* *ret_form: what to say about the form that was expected. */
static int parse_text(seal__target *target, const char **ret_form, seal_error **reterr) {
    *ret_form = FORMS;
    for (const char *c = target->text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return seal__error(reterr, SEAL_ERROR_INVALID, "a control character");
    }
    for (size_t i = 0; i < N_SCHEMES; i++) {
        if (strncmp(target->text, schemes[i].prefix, strlen(schemes[i].prefix)) == 0) {
            *ret_form = schemes[i].form;
            return parse_url(target, i, reterr);
        }
    }
    return parse_one(target, reterr);
}

int seal__target_parse(const char *text, const seal_allocator *alloc, seal__target *ret_target,
                       seal_error **reterr) {
    size_t len = text != NULL ? strlen(text) : 0;
    if (len == 0 || len >= TEXT_MAX)
        return seal__error(reterr, SEAL_ERROR_INVALID, "a target of %zu bytes; " FORMS, len);
    *ret_target = (seal__target){.alloc = alloc};
    ret_target->text = seal__strdup(alloc, text);
    if (ret_target->text == NULL)
        return seal__error_no_memory(reterr);
    seal_error *why = NULL;
    const char *form = NULL;
    int rc = parse_text(ret_target, &form, &why);
    if (rc == SEAL_ERROR_INVALID)
        seal__error(reterr, rc, "target \"%.1000s\": %.600s; %s", text, seal_error_message(why),
                    form);
    else if (rc < 0)
        seal__error_no_memory(reterr);
    seal_error_free(why);
    if (rc < 0)
        seal__target_done(ret_target);
    return rc;
}

void seal__target_done(seal__target *target) {
    if (target->alloc == NULL)
        return;
    seal__release(target->alloc, target->text);
    seal__release(target->alloc, target->addresses);
    seal__release(target->alloc, target->name);
    seal__release(target->alloc, target->srv_name);
    seal__release(target->alloc, target->base);
    *target = (seal__target){.alloc = NULL};
}
