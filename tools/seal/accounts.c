/* SPDX-License-Identifier: Apache-2.0 */
#include "accounts.h"

#include "found.h"
#include "base/shell.h"

#include <ldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FILTER_MAX = 4096 };

static void discard(seal_error **error) {
    seal_error_free(*error);
    *error = NULL;
}

/* libldap has one of its own, this host, when there is neither ldap.conf nor LDAPURI. */
static bool ldap_conf_has_uri(void) {
    static const char *const built_in[] = {"ldap://localhost", "ldap://localhost/",
                                           "ldap://localhost:389", "ldap://localhost:389/",
                                           "ldap://localhost:389/??base"};
    char *uri = NULL;
    bool has = ldap_get_option(NULL, LDAP_OPT_URI, &uri) == LDAP_OPT_SUCCESS && uri != NULL;
    for (size_t i = 0; i < sizeof built_in / sizeof built_in[0] && has; i++)
        has = strcmp(uri, built_in[i]) != 0;
    ldap_memfree(uri);
    return has;
}

static const char *from_environment(const char *given, const char *variable) {
    const char *value = given == NULL ? getenv(variable) : given;
    return value == NULL || value[0] == '\0' ? NULL : value;
}

bool directory_is_configured(const struct directory_options *options) {
    return from_environment(options->uris, "SEAL_DIRECTORY_URI") != NULL || ldap_conf_has_uri();
}

static seal__directory_config config_of(const struct directory_options *options,
                                        const struct login *login) {
    return (seal__directory_config){.uris = from_environment(options->uris, "SEAL_DIRECTORY_URI"),
                                    .base = from_environment(options->base, "SEAL_DIRECTORY_BASE"),
                                    .ccache = login->ccache};
}

int directory_connect(const struct directory_options *options, const struct login *login,
                      seal__directory **ret_directory, seal_error **reterr) {
    const seal__directory_config config = config_of(options, login);
    return seal__directory_open(&seal__default_allocator, &config, ret_directory, reterr);
}

/* ---- Writing where one of several servers takes changes, and the others have copies ---- */

/* The one after those tried; NULL: there is none that works. */
static seal__directory *open_next(seal__directory_config config, uint32_t began, uint32_t *tried) {
    seal__directory *directory = NULL;
    config.first = began + *tried;
    if (seal__directory_open(&seal__default_allocator, &config, &directory, NULL) < 0)
        return NULL;
    uint32_t n = seal__directory_servers(directory);
    uint32_t at = (seal__directory_index(directory) + n - began) % n;
    if (at >= *tried) {
        *tried = at + 1;
        return directory;
    }
    seal__directory_close(directory); /* round to those that were tried */
    return NULL;
}

int directory_write(const struct directory_options *options, const struct login *login,
                    seal__directory **directory, directory_write_fn *write, void *user,
                    seal_error **reterr) {
    uint32_t n = seal__directory_servers(*directory);
    uint32_t began = seal__directory_index(*directory);
    uint32_t tried = 1;
    int rc = write(user, reterr);
    while (rc == SEAL_ERROR_DIRECTORY && tried < n) {
        seal__directory *next = open_next(config_of(options, login), began, &tried);
        if (next == NULL)
            break;
        seal__directory_close(*directory);
        *directory = next;
        discard(reterr);
        rc = write(user, reterr);
    }
    return rc;
}

/* ---- Finding ---- */

static bool account_filter(const char *name, bool is_ad, char *filter, size_t size) {
    static const char *const everywhere[] = {"cn", "dNSHostName", "userPrincipalName", NULL};
    static const char *const in_ad[] = {"cn", "dNSHostName", "userPrincipalName", "sAMAccountName",
                                        NULL};
    const char *const *attributes = is_ad ? in_ad : everywhere;
    snprintf(filter, size, "(&(objectClass=%s)(|", is_ad ? "user" : "spnAccount");
    for (size_t i = 0; attributes[i] != NULL; i++) {
        size_t length = strlen(filter);
        if (length + strlen(attributes[i]) + 3 >= size)
            return false;
        snprintf(filter + length, size - length, "(%s=", attributes[i]);
        if (!seal__directory_escape(filter, size, name))
            return false;
        length = strlen(filter);
        if (length + 4 >= size)
            return false;
        snprintf(filter + length, size - length, ")");
    }
    size_t length = strlen(filter);
    snprintf(filter + length, size - length, "))");
    return true;
}

int account_find(seal__directory *directory, const char *given, char ret_dn[SEAL__SCP_DN_MAX],
                 seal_error **reterr) {
    struct found found;
    char filter[FILTER_MAX];
    if (strlen(given) >= SEAL__SCP_DN_MAX ||
        !account_filter(given, seal__directory_is_ad(directory), filter, sizeof filter))
        return seal__error(reterr, SEAL_ERROR_INVALID, "the account's name is too long");
    if (strchr(given, '=') != NULL) {
        snprintf(ret_dn, SEAL__SCP_DN_MAX, "%s", given);
        return found_search(directory, given, SEAL__SCOPE_BASE, "(objectClass=*)", &found, reterr);
    }
    int rc = found_search(directory, NULL, SEAL__SCOPE_SUBTREE, filter, &found, reterr);
    if (rc < 0)
        return rc;
    if (found.n == 1 && found.dn[0] != '\0') {
        memcpy(ret_dn, found.dn, sizeof found.dn);
        return 0;
    }
    if (found.n == 0)
        return seal__error(reterr, SEAL_ERROR_NOT_FOUND,
                           "no account for '%s' under %s in %s; name one with --account, or add an "
                           "entry with objectClass spnAccount and this dNSHostName",
                           given, seal__directory_base(directory),
                           seal__directory_server(directory));
    return seal__error(reterr, SEAL_ERROR_INVALID,
                       "several accounts are '%s': %s and %s; name one with --account DN", given,
                       found.dn, found.other);
}

const char *account_word(const char *name, char word[ACCOUNT_WORD]) {
    return seal__shell_word(name, "NAME", word, ACCOUNT_WORD);
}

/* ---- Changing ---- */

static int modify(seal__directory *directory, const char *dn, seal__directory_change change,
                  const char *spn, seal_error **reterr) {
    const char *const values[] = {spn};
    const seal__directory_attribute attribute = {
        .name = "servicePrincipalName", .n_values = 1, .values = values};
    return seal__directory_modify(directory, dn, change, &attribute, 1, reterr);
}

/* A constraint was violated: because of another account, or because of a rule for this one? */
static int explain_duplicate(seal__directory *directory, const char *dn, const char *spn,
                             seal_error *why, seal_error **reterr) {
    char owner[SEAL__SCP_DN_MAX];
    char name[ACCOUNT_WORD];
    char word[ACCOUNT_WORD];
    seal_error *error = NULL;
    int rc = seal__scp_find_account(directory, spn, owner, &error);
    if (rc == 0)
        rc = seal__error(reterr, SEAL_ERROR_SPN_DUPLICATE,
                         "%s cannot be added to %s: it is on %s, and two accounts with one name "
                         "make both unusable; if it belongs here, run: seal spn unregister %s "
                         "--account %s",
                         spn, dn, owner, account_word(spn, name), account_word(owner, word));
    else
        rc = seal__error(reterr, SEAL_ERROR_DIRECTORY_DENIED,
                         "%s cannot be added to %s: %s; an account may give itself only names of "
                         "its own dNSHostName (in Active Directory without a port): let an "
                         "installer do it",
                         spn, dn, seal_error_message(why));
    discard(&error);
    return rc;
}

int account_add_spn(seal__directory *directory, const char *dn, const char *spn, bool *ret_changed,
                    seal_error **reterr) {
    char owner[SEAL__SCP_DN_MAX];
    seal_error *error = NULL;
    *ret_changed = false;
    int rc = seal__scp_find_account(directory, spn, owner, &error);
    if (rc == 0 && seal__directory_same_dn(owner, dn))
        return 0;
    if (rc == SEAL_ERROR_NOT_FOUND) {
        discard(&error);
        rc = modify(directory, dn, SEAL__CHANGE_ADD, spn, &error);
        *ret_changed = rc == 0;
    } else if (rc == 0) {
        rc = SEAL_ERROR_SPN_DUPLICATE;
    }
    if (rc == SEAL_ERROR_SPN_DUPLICATE) {
        rc = explain_duplicate(directory, dn, spn, error, reterr);
        discard(&error);
    } else if (rc < 0) {
        seal__error_prefix(&error, "%s cannot be added to %s", spn, dn);
        rc = seal__error(reterr, rc, "%s", seal_error_message(error));
        discard(&error);
    }
    return rc;
}

struct others {
    const char *spn;
    struct words values; /* on the heap: all but that one */
};

static bool take_others(void *user, const seal__directory_entry *entry) {
    struct others *others = user;
    const seal__directory_attribute *all = seal__directory_get(entry, "servicePrincipalName");
    for (size_t i = 0; all != NULL && i < all->n_values; i++) {
        if (strcasecmp(all->values[i], others->spn) != 0)
            words_add(&others->values, text_copy(all->values[i]));
    }
    return true;
}

/* Samba does not let one of two equal names be deleted, but lets the other values take the place of
 * all. */
static int keep_others(seal__directory *directory, const char *dn, const char *spn,
                       seal_error **reterr) {
    static const char *const attributes[] = {"servicePrincipalName", NULL};
    struct others others = {.spn = spn};
    int rc = seal__directory_search(directory, dn, SEAL__SCOPE_BASE, "(objectClass=*)", attributes,
                                    take_others, &others, reterr);
    const seal__directory_attribute kept = {
        .name = "servicePrincipalName", .n_values = others.values.n, .values = others.values.items};
    if (rc == 0)
        rc = seal__directory_modify(directory, dn, SEAL__CHANGE_REPLACE, &kept, 1, reterr);
    for (size_t i = 0; i < others.values.n; i++)
        free((void *)(uintptr_t)others.values.items[i]);
    words_done(&others.values);
    return rc;
}

int account_remove_spn(seal__directory *directory, const char *dn, const char *spn,
                       bool *ret_changed, seal_error **reterr) {
    *ret_changed = false;
    bool has = false;
    int rc = seal__directory_compare(directory, dn, "servicePrincipalName", spn, &has, reterr);
    if (rc < 0 || !has)
        return rc;
    seal_error *error = NULL;
    rc = modify(directory, dn, SEAL__CHANGE_DELETE, spn, &error);
    if (rc == SEAL_ERROR_SPN_DUPLICATE && seal__directory_is_ad(directory)) {
        discard(&error);
        rc = keep_others(directory, dn, spn, &error);
    }
    *ret_changed = rc == 0;
    if (rc == 0)
        return 0;
    seal__error_prefix(&error, "%s cannot be removed from %s", spn, dn);
    return seal__error_pass(reterr, error);
}
