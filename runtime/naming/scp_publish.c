/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing a service connection point: a new entry, or an old one brought up to date. */
#include "naming/scp.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <uv.h>

enum { IDENTITY = 512, BINDING = 128, WRITTEN = 5, TELLING_MS = 250 };

/* An entry as it should be; the values are borrowed from the structure. */
typedef struct wanted {
    const char *classes[2];
    const char *keywords[1 + SEAL__SCP_SERVICES];
    const char *spn_class;
    const char *host;
    const char *type;
    char binding_text[BINDING];
    const char *binding;
    seal__directory_attribute attributes[1 + WRITTEN]; /* objectClass first */
    seal__directory_entry entry;
} wanted;

static void want(wanted *w, const seal__scp *scp, bool leased) {
    *w = (wanted){.classes = {"serviceConnectionPoint", "dynamicObject"},
                  .keywords = {SEAL__SCP_PRODUCT_GUID},
                  .spn_class = scp->spn_class,
                  .host = scp->host,
                  .type = "A"};
    for (size_t i = 0; i < scp->n_services; i++)
        w->keywords[1 + i] = scp->services[i];
    seal__scp_binding(scp, w->binding_text, sizeof w->binding_text);
    w->binding = w->binding_text;
    const seal__directory_attribute attributes[] = {{"objectClass", leased ? 2 : 1, w->classes},
                                                    {"serviceDNSName", 1, &w->host},
                                                    {"keywords", 1 + scp->n_services, w->keywords},
                                                    {"serviceClassName", 1, &w->spn_class},
                                                    {"serviceDNSNameType", 1, &w->type},
                                                    {"serviceBindingInformation", 1, &w->binding}};
    memcpy(w->attributes, attributes, sizeof attributes);
    w->entry = (seal__directory_entry){scp->dn, 1 + WRITTEN, w->attributes};
}

/* ---- What is there ---- */

static bool has(const seal__directory_attribute *attribute, const char *value) {
    for (size_t i = 0; attribute != NULL && i < attribute->n_values; i++) {
        if (strcmp(attribute->values[i], value) == 0)
            return true;
    }
    return false;
}

static bool is_a(const seal__directory_entry *entry, const char *object_class) {
    const seal__directory_attribute *classes = seal__directory_get(entry, "objectClass");
    for (size_t i = 0; classes != NULL && i < classes->n_values; i++) {
        if (strcasecmp(classes->values[i], object_class) == 0)
            return true;
    }
    return false;
}

static bool same_values(const seal__directory_entry *entry, const seal__directory_attribute *as) {
    const seal__directory_attribute *is = seal__directory_get(entry, as->name);
    if (is == NULL || is->n_values != as->n_values)
        return false;
    for (size_t i = 0; i < as->n_values; i++) {
        if (!has(is, as->values[i]))
            return false;
    }
    return true;
}

typedef struct difference {
    const wanted *w;
    bool leased;
    bool found;
    bool foreign; /* something else that has the name; not ours to replace */
    bool replace; /* a lease cannot come or go, and the host of an entry is what it may be for */
    size_t n;
    seal__directory_attribute changed[WRITTEN];
} difference;

static bool compare(void *user, const seal__directory_entry *entry) {
    difference *d = user;
    d->found = true;
    d->n = 0;
    d->foreign = !is_a(entry, "serviceConnectionPoint");
    d->replace =
        is_a(entry, "dynamicObject") != d->leased || !same_values(entry, &d->w->attributes[1]);
    for (size_t i = 2; i < 1 + WRITTEN; i++) {
        if (!same_values(entry, &d->w->attributes[i]))
            d->changed[d->n++] = d->w->attributes[i];
    }
    return true;
}

static int look(seal__directory *directory, const char *dn, difference *d, seal_error **reterr) {
    static const char *const all[] = {"*", NULL};
    seal_error *error = NULL;
    int rc = seal__directory_search(directory, dn, SEAL__SCOPE_BASE, "(objectClass=*)", all,
                                    compare, d, &error);
    if (rc < 0 && rc != SEAL_ERROR_NOT_FOUND)
        return seal__error_pass(reterr, error);
    seal_error_free(error);
    if (d->foreign)
        return seal__error(reterr, SEAL_ERROR_ALREADY,
                           "%.400s is there and is no connection point, so it is not replaced; "
                           "choose another name (name in seal_publish_options, --name of seal scp "
                           "publish)",
                           dn);
    return 0;
}

/* ---- Writing ---- */

static int denied(seal__directory *directory, const char *account_dn, const char *host,
                  seal_error *why, seal_error **reterr) {
    char identity[IDENTITY];
    if (seal__directory_whoami(directory, identity, sizeof identity, NULL) < 0)
        identity[0] = '\0';
    bool is_itself =
        strncmp(identity, "dn:", 3) == 0 && seal__directory_same_dn(identity + 3, account_dn);
    int rc =
        is_itself
            ? seal__error(reterr, SEAL_ERROR_DIRECTORY_DENIED,
                          "%s may not publish the host %s below itself (%.400s); accounts may "
                          "publish their own host only: move the service's SPN to the account of "
                          "%s (seal spn unregister SPN --account OLD, seal spn register SPN "
                          "--account NEW), or change the access rules of the directory",
                          identity, host, seal_error_message(why), host)
            : seal__error(reterr, SEAL_ERROR_DIRECTORY_DENIED,
                          "%s may not publish below %.300s (%.400s); give it the right to create, "
                          "write and delete entries of class serviceConnectionPoint there, for the "
                          "host of that account, or publish as the account itself",
                          identity[0] == '\0' ? "this login" : identity, account_dn,
                          seal_error_message(why));
    seal_error_free(why);
    return rc;
}

static int remove_old(seal__directory *directory, const char *dn, seal_error **reterr) {
    seal_error *error = NULL;
    int rc = seal__directory_delete(directory, dn, &error);
    if (rc < 0 && rc != SEAL_ERROR_NOT_FOUND)
        return seal__error_pass(reterr, error);
    seal_error_free(error); /* its lease has ended meanwhile */
    return 0;
}

static int write_entry(seal__directory *directory, const wanted *w, difference *d,
                       seal_error **reterr) {
    int rc = 0;
    if (d->found && d->replace)
        rc = remove_old(directory, w->entry.dn, reterr);
    if (rc == 0 && (!d->found || d->replace))
        return seal__directory_add(directory, &w->entry, reterr);
    if (rc == 0 && d->n > 0)
        rc = seal__directory_modify(directory, w->entry.dn, SEAL__CHANGE_REPLACE, d->changed, d->n,
                                    reterr);
    return rc;
}

int seal__scp_remove(seal__directory *directory, const char *dn, seal_error **reterr) {
    static const seal__directory_attribute nothing = {.name = "keywords"};
    /* Without the right to change it, removing may still be allowed. */
    if (seal__directory_is_ad(directory) &&
        seal__directory_modify(directory, dn, SEAL__CHANGE_REPLACE, &nothing, 1, NULL) == 0)
        uv_sleep(TELLING_MS);
    return seal__directory_delete(directory, dn, reterr);
}

int seal__scp_publish(seal__directory *directory, const char *account_dn, const char *name,
                      seal__scp *scp, uint32_t ttl_s, seal_error **reterr) {
    wanted w;
    bool leased = ttl_s > 0 && seal__directory_has_leases(directory);
    if (strlen(name) >= SEAL__SCP_CN_MAX ||
        !seal__directory_child(name, account_dn, scp->dn, sizeof scp->dn))
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "\"%.100s\" below %.300s is no name of an entry: 1 to %d bytes", name,
                           account_dn, SEAL__SCP_CN_MAX - 1);
    want(&w, scp, leased);
    difference d = {.w = &w, .leased = leased};
    seal_error *error = NULL;
    uint32_t granted = 0;
    int rc = look(directory, scp->dn, &d, &error);
    if (rc == 0)
        rc = write_entry(directory, &w, &d, &error);
    if (rc == 0 && leased)
        rc = seal__directory_refresh(directory, scp->dn, ttl_s, &granted, &error);
    if (rc == SEAL_ERROR_DIRECTORY_DENIED)
        return denied(directory, account_dn, scp->host, error, reterr);
    return rc < 0 ? seal__error_pass(reterr, error) : 0;
}
