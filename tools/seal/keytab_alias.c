/* SPDX-License-Identifier: Apache-2.0 */
/* seal keytab alias: in Active Directory all names of an account share its keys; a keytab lists
 * them under each name. */
#include "keytab_alias.h"

#include "keytab.h"
#include "options.h"
#include "report.h"
#include "spn_text.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Of "NODE1$" and "NODE1$@REALM", in any letters: Windows writes capitals. */
static bool is_account(const char *principal, const char *given) {
    size_t length = strcspn(principal, "@");
    if (given == NULL)
        return length > 0 && principal[length - 1] == '$';
    return strcasecmp(principal, given) == 0 ||
           (strlen(given) == length && strncasecmp(principal, given, length) == 0);
}

/* The account whose keys they are, in the keytab's own text; NULL: an error. */
static const char *choose(const struct keytab *keytab, const char *given, seal_error **reterr) {
    const char *account = NULL;
    for (size_t i = 0; i < keytab->n; i++) {
        const char *principal = keytab->entries[i].principal;
        if (!is_account(principal, given) || (account != NULL && strcmp(account, principal) == 0))
            continue;
        if (account != NULL) {
            seal__error(reterr, SEAL_ERROR_INVALID,
                        "keytab %s has keys of %s and of %s; name one with --account", keytab->name,
                        account, principal);
            return NULL;
        }
        account = principal;
    }
    if (account == NULL)
        seal__error(reterr, SEAL_ERROR_KEYTAB,
                    "keytab %s has no key of %s; export it from the domain, and see: seal keytab "
                    "show %s",
                    keytab->name, given == NULL ? "an account (NAME$)" : given, keytab->name);
    return account;
}

/* The name is in the account's realm. */
static char *name_in_realm(const struct spn_text *spn, const char *account) {
    const char *realm = strrchr(account, '@');
    return text_format("%s%s", spn->name, realm == NULL ? "" : realm);
}

static int alias_one(const char *path, const char *account, const char *given) {
    struct spn_text spn;
    seal_error *error = NULL;
    uint32_t kvno = 0;
    size_t added = 0;
    if (spn_text_parse(given, &spn, &error) < 0)
        return complain_error(error);
    char *principal = name_in_realm(&spn, account);
    int rc = keytab_alias(path, account, principal, &kvno, &added, &error);
    if (rc == 0)
        printf("%s: kvno %u, %zu keys of %s in %s\n", principal, kvno, added, account, path);
    text_free(principal);
    return rc < 0 ? complain_error(error) : STATUS_OK;
}

static int alias_all(const char *path, const char *given, const struct words *spns) {
    struct keytab keytab;
    seal_error *error = NULL;
    if (keytab_read(path, &keytab, &error) < 0)
        return complain_error(error);
    const char *account = choose(&keytab, given, &error);
    int status = account == NULL ? complain_error(error) : STATUS_OK;
    for (size_t i = 0; i < spns->n && account != NULL && status == STATUS_OK; i++)
        status = alias_one(path, account, spns->items[i]);
    keytab_done(&keytab);
    return status;
}

int keytab_alias_run(const char *keytab, const char *account, const struct words *spns) {
    char *path = NULL;
    seal_error *error = NULL;
    int status;
    if (keytab_writable_path(keytab, &path, &error) < 0)
        status = complain_error(error);
    else
        status = alias_all(path, account, spns);
    text_free(path);
    return status;
}

static int run(const struct command *command, int argc, char **argv) {
    const char *account = NULL;
    const char *name = NULL;
    const struct option_spec specs[] = {
        {"account", "ACCOUNT", "whose keys (default: the only NAME$ in the keytab)",
         .text = &account},
        {"keytab", "FILE", "which (default: $KRB5_KTNAME)", .text = &name},
        {0}};
    struct words words = {0};
    int status;
    if (options_parse(command, specs, argc, argv, 1, SIZE_MAX, &words, &status))
        status = keytab_alias_run(name, account, &words);
    words_done(&words);
    return status;
}

const struct command command_keytab_alias = {
    .group = "keytab",
    .name = "alias",
    .arguments = "SPN...",
    .summary = "list an account's keys under its service names, too (Active Directory)",
    .details = "In Active Directory all names of an account have the account's keys. A server "
               "needs them\nin its keytab under its own name, and the account's to log in. Weak "
               "keys are left out.\nTo be run again whenever the account's password has changed. "
               "Asks nobody.\n",
    .run = run};
