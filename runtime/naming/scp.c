/* SPDX-License-Identifier: Apache-2.0 */
/* Service connection points: entries to structures and back. */
#include "naming/scp.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PROTOCOL "sealrpc/1"

enum { KEY_MAX = 64, NUMBER_MAX = 65535 };

const char *const seal__scp_attributes[] = {
    "keywords",           "serviceClassName",          "serviceDNSName",
    "serviceDNSNameType", "serviceBindingInformation", NULL};

/* ---- serviceBindingInformation ---- */

typedef struct binding {
    bool has_port;
    bool has_proto;
    bool is_ours; /* the protocol */
    uint16_t port;
    uint16_t priority;
    uint16_t weight;
    const char *wrong; /* what is; NULL: nothing */
} binding;

static bool parse_number(const char *text, uint16_t *ret_number) {
    uint32_t number = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        number = number * 10 + (uint32_t)(text[i] - '0');
    }
    *ret_number = (uint16_t)number;
    return number <= NUMBER_MAX;
}

static void take_pair(binding *b, const char *key, const char *value) {
    if (strcasecmp(key, "port") == 0) {
        if (b->has_port || !parse_number(value, &b->port) || b->port == 0)
            b->wrong = "the port is none";
        b->has_port = true;
    } else if (strcasecmp(key, "proto") == 0) {
        if (b->has_proto)
            b->wrong = "there are two protocols";
        b->has_proto = true;
        b->is_ours = strcasecmp(value, PROTOCOL) == 0;
    } else if (strcasecmp(key, "priority") == 0) {
        if (!parse_number(value, &b->priority))
            b->wrong = "the priority is no number up to 65535";
    } else if (strcasecmp(key, "weight") == 0) {
        if (!parse_number(value, &b->weight))
            b->wrong = "the weight is no number up to 65535";
    }
}

/* A piece without the spaces around it; false: longer than anything we know. */
static bool copy_piece(const char *at, size_t len, char ret_text[KEY_MAX]) {
    while (len > 0 && *at == ' ')
        at++, len--;
    while (len > 0 && at[len - 1] == ' ')
        len--;
    if (len >= KEY_MAX)
        return false;
    memcpy(ret_text, at, len);
    ret_text[len] = '\0';
    return true;
}

static binding parse_binding(const char *text) {
    binding b = {.wrong = NULL};
    while (*text != '\0') {
        size_t len = strcspn(text, ";");
        const char *equals = memchr(text, '=', len);
        char key[KEY_MAX];
        char value[KEY_MAX];
        if (equals != NULL && copy_piece(text, (size_t)(equals - text), key)) {
            bool fits = copy_piece(equals + 1, len - (size_t)(equals - text) - 1, value);
            take_pair(&b, key, fits ? value : "");
        }
        text += len + (text[len] == ';');
    }
    if (b.wrong == NULL && !b.has_port)
        b.wrong = "there is no port";
    return b;
}

void seal__scp_binding(const seal__scp *scp, char *text, size_t size) {
    snprintf(text, size, "port=%u;proto=" PROTOCOL ";priority=%u;weight=%u", (unsigned)scp->port,
             (unsigned)scp->priority, (unsigned)scp->weight);
}

/* ---- Entries ---- */

static int wrong(const seal__directory_entry *entry, const char *attribute, const char *value,
                 const char *why, seal_error **reterr) {
    if (value == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "%.400s: %s %s; have the server publish itself again", entry->dn,
                           attribute, why);
    return seal__error(reterr, SEAL_ERROR_INVALID,
                       "%.400s: %s \"%.200s\": %s; have the server publish itself again", entry->dn,
                       attribute, value, why);
}

static int take_binding(const seal__directory_entry *entry, seal__scp *scp, seal_error **reterr) {
    static const char name[] = "serviceBindingInformation";
    const seal__directory_attribute *attribute = seal__directory_get(entry, name);
    binding found = {.wrong = NULL};
    size_t n_ours = 0;
    const char *ours = NULL;
    for (size_t i = 0; attribute != NULL && i < attribute->n_values; i++) {
        binding b = parse_binding(attribute->values[i]);
        if (!b.is_ours)
            continue;
        found = b;
        ours = attribute->values[i];
        n_ours++;
    }
    if (attribute == NULL || attribute->n_values == 0)
        return wrong(entry, name, NULL, "is missing", reterr);
    if (n_ours == 0)
        return wrong(entry, name, attribute->values[0], "is not of the protocol " PROTOCOL, reterr);
    if (n_ours > 1)
        return wrong(entry, name, ours, "there are several for " PROTOCOL, reterr);
    if (found.wrong != NULL)
        return wrong(entry, name, ours, found.wrong, reterr);
    scp->port = found.port;
    scp->priority = found.priority;
    scp->weight = found.weight;
    return 0;
}

static int take_host(const seal__directory_entry *entry, seal__scp *scp, seal_error **reterr) {
    const char *host = seal__directory_get_one(entry, "serviceDNSName");
    const char *type = seal__directory_get_one(entry, "serviceDNSNameType");
    if (host == NULL)
        return wrong(entry, "serviceDNSName", NULL, "is missing", reterr);
    if (type != NULL && strcasecmp(type, "A") != 0)
        return wrong(entry, "serviceDNSNameType", type, "only A is known", reterr);
    seal_error *why = NULL;
    if (seal_spn_normalize_host(host, scp->host, &why) < 0) {
        int rc = wrong(entry, "serviceDNSName", host, seal_error_message(why), reterr);
        seal_error_free(why);
        return rc;
    }
    return 0;
}

static bool is_service(const char *keyword) {
    size_t len = strlen(keyword);
    if (len == 0 || len >= SEAL_SPN_NAME_MAX || strcasecmp(keyword, SEAL__SCP_PRODUCT_GUID) == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = keyword[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && c != '_' && c != '.')
            return false;
    }
    return true;
}

static void take_services(const seal__directory_entry *entry, seal__scp *scp) {
    const seal__directory_attribute *keywords = seal__directory_get(entry, "keywords");
    for (size_t i = 0; keywords != NULL && i < keywords->n_values; i++) {
        if (scp->n_services == SEAL__SCP_SERVICES || !is_service(keywords->values[i]))
            continue;
        snprintf(scp->services[scp->n_services++], sizeof scp->services[0], "%s",
                 keywords->values[i]);
    }
}

int seal__scp_parse(const seal__directory_entry *entry, seal__scp *ret_scp, seal_error **reterr) {
    *ret_scp = (seal__scp){.port = 0};
    if (strlen(entry->dn) >= sizeof ret_scp->dn)
        return wrong(entry, "its name", NULL, "is too long", reterr);
    snprintf(ret_scp->dn, sizeof ret_scp->dn, "%s", entry->dn);
    const char *spn_class = seal__directory_get_one(entry, "serviceClassName");
    snprintf(ret_scp->spn_class, sizeof ret_scp->spn_class, "%s",
             spn_class == NULL ? "" : spn_class);
    int rc = take_host(entry, ret_scp, reterr);
    if (rc == 0)
        rc = take_binding(entry, ret_scp, reterr);
    if (rc == 0)
        take_services(entry, ret_scp);
    return rc;
}

/* ---- Filters ---- */

static bool append(char *text, size_t size, const char *more) {
    size_t used = strlen(text);
    size_t len = strlen(more);
    if (used + len >= size)
        return false;
    memcpy(text + used, more, len + 1);
    return true;
}

bool seal__scp_filter(const char *service, char *ret_filter, size_t size) {
    if (size == 0)
        return false;
    ret_filter[0] = '\0';
    if (!append(ret_filter, size,
                "(&(objectClass=serviceConnectionPoint)(keywords=" SEAL__SCP_PRODUCT_GUID ")"))
        return false;
    if (service != NULL &&
        !(append(ret_filter, size, "(keywords=") &&
          seal__directory_escape(ret_filter, size, service) && append(ret_filter, size, ")")))
        return false;
    return append(ret_filter, size, ")");
}
