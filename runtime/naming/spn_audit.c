/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/spn_audit.h"

#include <stdio.h>
#include <string.h>

#include "base/shell.h"
#include "naming/scp.h"

/* The accounts that carry a name, as the search finds them. */
typedef struct carriers {
    const char *spn;
    const char *account_dn; /* the expected one; NULL: any */
    size_t n;
    bool first_is_right;
    bool second_is_right;
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

/* A DN for people, in which what does not fit is missed; decisions are made on the whole of it. */
static bool take_dn(const carriers *c, const char *dn, char shown[SEAL__SCP_DN_MAX]) {
    snprintf(shown, SEAL__SCP_DN_MAX, "%s", strlen(dn) < SEAL__SCP_DN_MAX ? dn : "");
    return c->account_dn != NULL && seal__directory_same_dn(dn, c->account_dn);
}

static bool on_account(void *user, const seal__directory_entry *entry) {
    carriers *c = user;
    const seal__directory_attribute *values = seal__directory_get(entry, "servicePrincipalName");
    if (c->n == 0) {
        c->first_is_right = take_dn(c, entry->dn, c->first);
        if (values != NULL)
            note_letters(c, values);
    } else if (c->n == 1) {
        c->second_is_right = take_dn(c, entry->dn, c->second);
    }
    c->n++;
    return true;
}

/* ---- What is to be done about it ---- */

static const char *spn_word(const char *spn, char word[SEAL__SPN_WORD]) {
    return seal__shell_word(spn, "SPN", word, SEAL__SPN_WORD);
}

static const char *account_word(const char *dn, char word[SEAL__SPN_WORD]) {
    return seal__shell_word(dn, "ACCOUNT", word, SEAL__SPN_WORD);
}

static void add_not_registered(seal__directory *directory, const carriers *c,
                               seal__spn_report *report) {
    char remedy[SEAL__SPN_TEXT];
    char spn[SEAL__SPN_WORD];
    char account[SEAL__SPN_WORD];
    bool expected = c->account_dn != NULL;
    const char *name = spn_word(c->spn, spn);
    seal__spn_remedy(remedy, "seal spn register %s%s%s (Active Directory: setspn -S %s ACCOUNT)",
                     name, expected ? " --account " : "",
                     expected ? account_word(c->account_dn, account) : "", name);
    seal__spn_report_add(
        report, SEAL__SPN_NOT_REGISTERED, true, remedy,
        "no account below %.300s in %.200s has the service principal name %.300s%s",
        seal__directory_base(directory), seal__directory_server(directory), c->spn,
        expected ? ", not even the expected one" : "");
}

static void add_duplicate(const carriers *c, seal__spn_report *report) {
    char remedy[SEAL__SPN_TEXT];
    char spn[SEAL__SPN_WORD];
    char account[SEAL__SPN_WORD];
    const char *name = spn_word(c->spn, spn);
    seal__spn_remedy(remedy,
                     "take it from all but one: seal spn unregister %s --account %s (Active "
                     "Directory: setspn -D %s ACCOUNT; setspn -X lists them)",
                     name, account_word(c->second_is_right ? c->first : c->second, account), name);
    seal__spn_report_add(report, SEAL__SPN_DUPLICATE, true, remedy,
                         "%zu accounts have %.200s: %.300s and %.300s%s", c->n, c->spn, c->first,
                         c->second, c->n > 2 ? " and more" : "");
}

static void add_other_account(const carriers *c, seal__spn_report *report) {
    char remedy[SEAL__SPN_TEXT];
    char spn[SEAL__SPN_WORD];
    char is[SEAL__SPN_WORD];
    char expected[SEAL__SPN_WORD];
    const char *name = spn_word(c->spn, spn);
    seal__spn_remedy(remedy,
                     "seal spn unregister %s --account %s, then seal spn register %s --account "
                     "%s; or run the server with the keytab of that account",
                     name, account_word(c->first, is), name, account_word(c->account_dn, expected));
    seal__spn_report_add(report, SEAL__SPN_OTHER_ACCOUNT, true, remedy,
                         "%.200s belongs to %.300s, not to %.300s", c->spn, c->first,
                         c->account_dn);
}

/* Directories and Active Directory do not care; KDCs of MIT and Heimdal do. */
static void add_other_letters(const carriers *c, seal__spn_report *report) {
    char remedy[SEAL__SPN_TEXT];
    char is[SEAL__SPN_WORD];
    char wanted[SEAL__SPN_WORD];
    char dn[SEAL__SPN_WORD];
    const char *account = account_word(c->first, dn);
    seal__spn_remedy(remedy,
                     "seal spn unregister %s --account %s, then seal spn register %s --account "
                     "%s; or write it so in the options of the server",
                     spn_word(c->other_letters, is), account, spn_word(c->spn, wanted), account);
    seal__spn_report_add(report, SEAL__SPN_WRONG_CASE, false, remedy,
                         "%.300s has %.300s, which is %.300s in other letters: to MIT and Heimdal "
                         "KDCs another name",
                         c->first, c->other_letters, c->spn);
}

static void judge(const carriers *c, seal__directory *directory, seal__spn_report *report) {
    if (c->n == 0) {
        add_not_registered(directory, c, report);
        return;
    }
    if (c->n > 1)
        add_duplicate(c, report);
    else if (c->account_dn != NULL && !c->first_is_right)
        add_other_account(c, report);
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
    carriers c = {.spn = bare, .account_dn = account_dn};
    int rc = seal__directory_search(directory, NULL, SEAL__SCOPE_SUBTREE, filter, attributes,
                                    on_account, &c, reterr);
    if (rc == 0)
        judge(&c, directory, report);
    return rc;
}
