/* SPDX-License-Identifier: Apache-2.0 */
/* Service connection points and accounts in a directory: finding, checking, publishing. */
#include "naming/scp.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { FILTER = 2048 };

/* ---- Finding ---- */

typedef struct each {
    const char *service;
    seal__scp_fn *on_scp;
    seal__scp_bad_fn *bad;
    void *user;
    seal__scp *scp;
} each;

/* Keywords are found without case; names of services have one. */
static bool has_service(const seal__scp *scp, const char *service) {
    if (service == NULL || scp->n_services == SEAL__SCP_SERVICES)
        return true;
    for (size_t i = 0; i < scp->n_services; i++) {
        if (strcmp(scp->services[i], service) == 0)
            return true;
    }
    return false;
}

static bool on_entry(void *user, const seal__directory_entry *entry) {
    each *e = user;
    seal_error *why = NULL;
    int rc = seal__scp_parse(entry, e->scp, &why);
    if (rc == 0 && !has_service(e->scp, e->service))
        rc = seal__error(&why, SEAL_ERROR_INVALID,
                         "%.400s: keywords have the name of the service in other letters than "
                         "\"%.200s\"; correct the name that is asked for",
                         entry->dn, e->service);
    if (rc == 0)
        e->on_scp(e->user, e->scp);
    else if (e->bad != NULL)
        e->bad(e->user, why);
    seal_error_free(why);
    return true;
}

int seal__scp_each(seal__directory *directory, const char *service, seal__scp_fn *on_scp,
                   seal__scp_bad_fn *bad, void *user, seal_error **reterr) {
    seal__scp scp;
    each e = {.service = service, .on_scp = on_scp, .bad = bad, .user = user, .scp = &scp};
    char filter[FILTER];
    if (!seal__scp_filter(service, filter, sizeof filter))
        return seal__error(reterr, SEAL_ERROR_INVALID, "service \"%.100s...\" is too long",
                           service);
    return seal__directory_search(directory, NULL, SEAL__SCOPE_SUBTREE, filter,
                                  seal__scp_attributes, on_entry, &e, reterr);
}

typedef struct array {
    seal__scp *items;
    size_t max;
    size_t n; /* may exceed max */
    seal__scp_bad_fn *bad;
    void *user;
} array;

static void put(void *user, const seal__scp *scp) {
    array *a = user;
    if (a->n < a->max)
        a->items[a->n] = *scp;
    a->n++;
}

static void pass_bad(void *user, const seal_error *why) {
    const array *a = user;
    if (a->bad != NULL)
        a->bad(a->user, why);
}

int seal__scp_search(seal__directory *directory, const char *service, seal__scp *scps, size_t max,
                     size_t *ret_n, seal__scp_bad_fn *bad, void *user, seal_error **reterr) {
    array a = {.items = scps, .max = max, .bad = bad, .user = user};
    int rc = seal__scp_each(directory, service, put, pass_bad, &a, reterr);
    *ret_n = a.n < max ? a.n : max;
    if (rc == 0 && a.n > max)
        rc = seal__error(reterr, SEAL_ERROR_TOO_MANY,
                         "directory %s: there are %zu connection points, more than %zu",
                         seal__directory_server(directory), a.n, max);
    return rc;
}

/* ---- Accounts ---- */

/* servicePrincipalName has no realm. */
static bool without_realm(const char *spn, char ret_spn[SEAL_SPN_MAX]) {
    size_t len = strcspn(spn, "@");
    if (len == 0 || len >= SEAL_SPN_MAX)
        return false;
    memcpy(ret_spn, spn, len);
    ret_spn[len] = '\0';
    return true;
}

typedef struct holders {
    size_t n;
    char first[SEAL__SCP_DN_MAX];
    char second[SEAL__SCP_DN_MAX];
} holders;

static bool on_holder(void *user, const seal__directory_entry *entry) {
    holders *h = user;
    char *to = h->n == 0 ? h->first : h->second;
    if (h->n < 2)
        snprintf(to, SEAL__SCP_DN_MAX, "%s", entry->dn);
    h->n++;
    return true;
}

int seal__scp_find_account(seal__directory *directory, const char *spn,
                           char ret_dn[SEAL__SCP_DN_MAX], seal_error **reterr) {
    static const char *const nothing[] = {"1.1", NULL};
    char filter[FILTER] = "(servicePrincipalName=";
    char wanted[SEAL_SPN_MAX];
    holders found = {.n = 0};
    if (!without_realm(spn, wanted) || !seal__directory_escape(filter, sizeof filter - 1, wanted))
        return seal__error(reterr, SEAL_ERROR_INVALID, "\"%.300s\" is no service principal", spn);
    memcpy(filter + strlen(filter), ")", 2);
    int rc = seal__directory_search(directory, NULL, SEAL__SCOPE_SUBTREE, filter, nothing,
                                    on_holder, &found, reterr);
    if (rc < 0)
        return rc;
    if (found.n == 0)
        return seal__error(reterr, SEAL_ERROR_NOT_FOUND,
                           "no account below %.300s of directory %s has the service principal "
                           "name %s; register it (seal spn register)",
                           seal__directory_base(directory), seal__directory_server(directory),
                           wanted);
    if (found.n > 1)
        return seal__error(reterr, SEAL_ERROR_SPN_DUPLICATE,
                           "%zu accounts of directory %s have the service principal name %s, such "
                           "as %.300s and %.300s; leave it with one of them",
                           found.n, seal__directory_server(directory), wanted, found.first,
                           found.second);
    if (strlen(found.first) + 1 >= SEAL__SCP_DN_MAX)
        return seal__error(reterr, SEAL_ERROR_INVALID, "the name of the account of %s is too long",
                           wanted);
    memcpy(ret_dn, found.first, strlen(found.first) + 1);
    return 0;
}

/* ---- The owner check ---- */

int seal__scp_check_owner(seal__directory *directory, const seal__scp *scp, const char *spn,
                          seal_error **reterr) {
    char account[SEAL__SCP_DN_MAX];
    char above[SEAL__SCP_DN_MAX] = "nothing";
    seal_error *error = NULL;
    bool has_parent = seal__directory_parent(scp->dn, above, sizeof above);
    int rc = seal__scp_find_account(directory, spn, account, &error);
    bool owned = rc == 0 && has_parent && seal__directory_same_dn(account, above);
    bool elsewhere = rc == 0 && !owned;
    if (rc < 0 && rc != SEAL_ERROR_NOT_FOUND && rc != SEAL_ERROR_INVALID)
        return seal__error_pass(reterr, error);
    seal_error_free(error);
    if (owned)
        return 0;
    return seal__error(reterr, SEAL_ERROR_SPN_OWNER,
                       "connection point %.400s: the account above it does not have the "
                       "service principal name %.300s%s%.300s; register it there (seal spn "
                       "register), correct spn_class, or have the entry removed: somebody may "
                       "lead clients astray",
                       scp->dn, spn, elsewhere ? ", which is on " : "", elsewhere ? account : "");
}
