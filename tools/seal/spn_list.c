/* SPDX-License-Identifier: Apache-2.0 */
/* seal spn list: which names there are, and whose they are. */
#include "accounts.h"
#include "json.h"
#include "kadm5.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

struct listing {
    const char *account;
    bool kdc;
    bool json;
    struct login_options who;
    struct directory_options where;
    struct login login;
    json_t *answer;
};

static void put(struct listing *l, const char *spn, const char *account) {
    if (l->json) {
        json_t *item = json_need(json_object());
        json_put(item, "spn", json_text(spn));
        if (account != NULL)
            json_put(item, "account", json_text(account));
        json_push(l->answer, item);
        return;
    }
    print_visible(spn);
    if (account != NULL) {
        putchar('\t');
        print_visible(account);
    }
    putchar('\n');
}

static bool put_entry(void *user, const seal__directory_entry *entry) {
    const seal__directory_attribute *names = seal__directory_get(entry, "servicePrincipalName");
    for (size_t i = 0; names != NULL && i < names->n_values; i++)
        put(user, names->values[i], entry->dn);
    return true;
}

static int list_directory(struct listing *l, seal_error **reterr) {
    static const char *const attributes[] = {"servicePrincipalName", NULL};
    char dn[SEAL__SCP_DN_MAX];
    seal__directory *directory = NULL;
    int rc = login_open(&l->who, LOGIN_TGT, &l->login, reterr);
    if (rc == 0)
        rc = directory_connect(&l->where, &l->login, &directory, reterr);
    if (rc == 0 && l->account != NULL)
        rc = account_find(directory, l->account, dn, reterr);
    if (rc == 0)
        rc = seal__directory_search(directory, l->account == NULL ? NULL : dn,
                                    l->account == NULL ? SEAL__SCOPE_SUBTREE : SEAL__SCOPE_BASE,
                                    "(servicePrincipalName=*)", attributes, put_entry, l, reterr);
    seal__directory_close(directory);
    return rc;
}

/* The realm's own principals are no services of ours. */
static void put_principal(void *user, const char *principal) {
    static const char *const own[] = {"krbtgt/", "kadmin/", "kiprop/", "K/M@"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strncmp(principal, own[i], strlen(own[i])) == 0)
            return;
    put(user, principal, NULL);
}

static int list_kdc(struct listing *l, seal_error **reterr) {
    struct kadmin *kadmin = NULL;
    int rc = login_open(&l->who, LOGIN_ADMIN, &l->login, reterr);
    if (rc == 0)
        rc = kadmin_open(NULL, &l->login, &kadmin, reterr);
    if (rc == 0)
        rc = kadmin_list(kadmin, "*/*", put_principal, l, reterr);
    kadmin_close(kadmin);
    return rc;
}

static int list(struct listing *l) {
    seal_error *error = NULL;
    bool has_directory = directory_is_configured(&l->where);
    if (l->account != NULL && (l->kdc || !has_directory))
        return complain(STATUS_USAGE,
                        "--account %s: accounts are in a directory; give --directory "
                        "URI, or set SEAL_DIRECTORY_URI, and leave out --kdc",
                        l->account);
    l->answer = l->json ? json_need(json_array()) : NULL;
    int rc = l->kdc || !has_directory ? list_kdc(l, &error) : list_directory(l, &error);
    login_close(&l->login);
    if (rc < 0) {
        json_decref(l->answer);
        return complain_error(error);
    }
    if (l->json)
        json_print(l->answer);
    return STATUS_OK;
}

static int run(const struct command *command, int argc, char **argv) {
    struct listing l = {0};
    const struct option_spec specs[] = {
        {"account", "ACCOUNT", "only those of this account, as DN or name", .text = &l.account},
        {"kdc", NULL, "those that the KDC knows, asked of kadmind (right l)", .flag = &l.kdc},
        {"installer", "PRINCIPAL", "who asks (alone: the password is asked for)",
         .text = &l.who.principal},
        LOGIN_OPTION_SPECS("installer-", "the installer", &l.who),
        DIRECTORY_OPTION_SPECS(&l.where),
        {"json", NULL, "print JSON", .flag = &l.json},
        {0}};
    struct words words = {0};
    int status;
    if (options_parse(command, specs, argc, argv, 0, 0, &words, &status))
        status = list(&l);
    words_done(&words);
    return status;
}

const struct command command_spn_list = {
    .group = "spn",
    .name = "list",
    .arguments = "",
    .summary = "list service principal names",
    .details = "From the directory, with the account that carries each; where none is configured, "
               "or\nwith --kdc, from the KDC.\n",
    .run = run};
