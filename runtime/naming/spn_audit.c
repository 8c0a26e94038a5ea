/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/spn_audit.h"

#include <stdio.h>
#include <string.h>

#include "naming/scp.h"

/* The accounts that carry a name, as the search finds them. */
typedef struct carriers {
    const char *spn;
    size_t n;
    char first[SEAL__SCP_DN_MAX];
    char second[SEAL__SCP_DN_MAX];
    char other_letters[SEAL_SPN_MAX]; /* as the first one writes it; "": the same */
} carriers;

static bool same_letters(const seal__directory_attribute *values, const char *spn) {
    for (size_t i = 0; i < values->n_values; i++) {
        if (strcmp(values->values[i], spn) == 0)
            return true;
    }
    return false;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool same_word(const char *a, const char *b) {
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

static void note_letters(carriers *c, const seal__directory_attribute *values) {
    if (same_letters(values, c->spn))
        return;
    for (size_t i = 0; i < values->n_values; i++) {
        if (same_word(values->values[i], c->spn))
            snprintf(c->other_letters, sizeof c->other_letters, "%s", values->values[i]);
    }
}

static bool on_account(void *user, const seal__directory_entry *entry) {
    carriers *c = user;
    const seal__directory_attribute *values = seal__directory_get(entry, "servicePrincipalName");
    if (c->n == 0) {
        snprintf(c->first, sizeof c->first, "%s", entry->dn);
        if (values != NULL)
            note_letters(c, values);
    } else if (c->n == 1) {
        snprintf(c->second, sizeof c->second, "%s", entry->dn);
    }
    c->n++;
    return true;
}

static void add_not_registered(seal__directory *directory, const char *spn, const char *account_dn,
                               seal__spn_report *report) {
    char remedy[SEAL__SPN_TEXT];
    snprintf(remedy, sizeof remedy,
             "seal spn register %.300s%s%.300s%s (Active Directory: setspn -S %.300s ACCOUNT)", spn,
             account_dn == NULL ? "" : " --account '", account_dn == NULL ? "" : account_dn,
             account_dn == NULL ? "" : "'", spn);
    seal__spn_report_add(
        report, SEAL__SPN_NOT_REGISTERED, true, remedy,
        "no account below %.300s in %.200s has the service principal name %.300s%s",
        seal__directory_base(directory), seal__directory_server(directory), spn,
        account_dn == NULL ? "" : ", not even the expected one");
}

static void add_duplicate(const carriers *c, const char *account_dn, seal__spn_report *report) {
    char remedy[SEAL__SPN_TEXT];
    bool second_is_right = account_dn != NULL && seal__directory_same_dn(c->second, account_dn);
    snprintf(remedy, sizeof remedy,
             "take it from all but one: seal spn unregister %.200s --account '%.300s' (Active "
             "Directory: setspn -D %.200s ACCOUNT; setspn -X lists them)",
             c->spn, second_is_right ? c->first : c->second, c->spn);
    seal__spn_report_add(report, SEAL__SPN_DUPLICATE, true, remedy,
                         "%zu accounts have %.200s: %.300s and %.300s%s", c->n, c->spn, c->first,
                         c->second, c->n > 2 ? " and more" : "");
}

static void add_other_account(const carriers *c, const char *account_dn, seal__spn_report *report) {
    char remedy[SEAL__SPN_TEXT];
    snprintf(remedy, sizeof remedy,
             "seal spn unregister %.200s --account '%.250s', then seal spn register %.200s "
             "--account '%.250s'; or run the server with the keytab of that account",
             c->spn, c->first, c->spn, account_dn);
    seal__spn_report_add(report, SEAL__SPN_OTHER_ACCOUNT, true, remedy,
                         "%.200s belongs to %.300s, not to %.300s", c->spn, c->first, account_dn);
}

/* Directories and Active Directory do not care; KDCs of MIT and Heimdal do. */
static void add_other_letters(const carriers *c, seal__spn_report *report) {
    char remedy[SEAL__SPN_TEXT];
    snprintf(remedy, sizeof remedy,
             "seal spn unregister %.200s --account '%.250s', then seal spn register %.200s "
             "--account '%.250s'; or write it so in the options of the server",
             c->other_letters, c->first, c->spn, c->first);
    seal__spn_report_add(report, SEAL__SPN_WRONG_CASE, false, remedy,
                         "%.300s has %.300s, which is %.300s in other letters: to MIT and Heimdal "
                         "KDCs another name",
                         c->first, c->other_letters, c->spn);
}

static void judge(const carriers *c, seal__directory *directory, const char *account_dn,
                  seal__spn_report *report) {
    if (c->n == 0) {
        add_not_registered(directory, c->spn, account_dn, report);
        return;
    }
    if (c->n > 1)
        add_duplicate(c, account_dn, report);
    else if (account_dn != NULL && !seal__directory_same_dn(c->first, account_dn))
        add_other_account(c, account_dn, report);
    if (c->other_letters[0] != '\0' && !seal__directory_is_ad(directory)) /* there it is the same */
        add_other_letters(c, report);
}

int seal__spn_audit(seal__directory *directory, const char *spn, const char *account_dn,
                    seal__spn_report *report, seal_error **reterr) {
    static const char *const attributes[] = {"servicePrincipalName", NULL};
    char filter[2 * SEAL_SPN_MAX] = "(servicePrincipalName=";
    char bare[SEAL_SPN_MAX];
    size_t len = strcspn(spn, "@");
    if (len == 0 || len >= sizeof bare)
        return seal__error(reterr, SEAL_ERROR_INVALID, "\"%.100s\" is no service principal name",
                           spn);
    snprintf(bare, sizeof bare, "%.*s", (int)len, spn);
    size_t used = 0;
    if (seal__directory_escape(filter, sizeof filter, bare))
        used = strlen(filter);
    if (used == 0 || used + 2 > sizeof filter)
        return seal__error(reterr, SEAL_ERROR_INVALID, "\"%.100s\" is too long to be searched for",
                           bare);
    filter[used] = ')';
    filter[used + 1] = '\0';
    carriers c = {.spn = bare};
    int rc = seal__directory_search(directory, NULL, SEAL__SCOPE_SUBTREE, filter, attributes,
                                    on_account, &c, reterr);
    if (rc == 0)
        judge(&c, directory, account_dn, report);
    return rc;
}
