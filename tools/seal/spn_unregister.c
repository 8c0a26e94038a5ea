/* SPDX-License-Identifier: Apache-2.0 */
/* seal spn unregister: what register has made goes away. */
#include "accounts.h"
#include "kadm5.h"
#include "keytab.h"
#include "report.h"
#include "spn_rpc.h"
#include "spn_text.h"

#include <stdio.h>

struct removal {
    const char *account; /* only from this one; the KDC is left alone */
    const char *keytab;
    bool is_ad;
    const char *via;
    struct login_options who;
    struct directory_options where;
    struct login login;
    seal__directory *directory; /* NULL: none */
    struct kadmin *kadmin;      /* NULL: Active Directory, or an account was named */
};

struct deletion {
    struct removal *r;
    const char *dn;
    const char *spn;
    bool changed;
};

static int delete_from_account(void *user, seal_error **reterr) {
    struct deletion *d = user;
    seal__directory *directory = d->r->directory;
    if (d->r->via == NULL)
        return account_remove_spn(directory, d->dn, d->spn, &d->changed, reterr);
    d->changed = true;
    return spn_rpc_write(SPN_RPC_DELETE, seal__directory_server(directory), d->dn, d->spn,
                         &d->r->login, reterr);
}

static int remove_from_account(struct removal *r, const char *dn, const struct spn_text *spn) {
    seal_error *error = NULL;
    struct deletion d = {.r = r, .dn = dn, .spn = spn->name};
    if (directory_write(&r->where, &r->login, &r->directory, delete_from_account, &d, &error) < 0)
        return complain_error(error);
    printf("%s: %s ", spn->name, d.changed ? "removed from" : "is not on");
    print_visible(dn);
    putchar('\n');
    return STATUS_OK;
}

static int remove_from_directory(struct removal *r, const struct spn_text *spn) {
    char dn[SEAL__SCP_DN_MAX];
    seal_error *error = NULL;
    int rc = r->account != NULL ? account_find(r->directory, r->account, dn, &error)
                                : seal__scp_find_account(r->directory, spn->name, dn, &error);
    if (rc == 0)
        return remove_from_account(r, dn, spn);
    if (rc == SEAL_ERROR_NOT_FOUND && r->account == NULL) {
        printf("%s: is on no account\n", spn->name);
        seal_error_free(error);
        return STATUS_OK;
    }
    if (rc == SEAL_ERROR_SPN_DUPLICATE)
        seal__error_prefix(&error, "which one? Name the account with --account DN");
    return complain_error(error);
}

static int remove_from_kdc(struct removal *r, const struct spn_text *spn) {
    seal_error *error = NULL;
    int rc = kadmin_delete(r->kadmin, spn->principal, &error);
    if (rc == SEAL_ERROR_NOT_FOUND) {
        printf("%s: is not in the KDC\n", spn->principal);
        seal_error_free(error);
        return STATUS_OK;
    }
    if (rc < 0)
        return complain_error(error);
    printf("%s: removed from the KDC\n", spn->principal);
    return STATUS_OK;
}

static int remove_from_keytab(struct removal *r, const struct spn_text *spn) {
    char *path = NULL;
    size_t removed = 0;
    seal_error *error = NULL;
    int rc = keytab_writable_path(r->keytab, &path, &error);
    if (rc == 0)
        rc = keytab_remove(path, spn->principal, &removed, &error);
    if (rc == 0)
        printf("%s: %zu keys removed from %s\n", spn->principal, removed, path);
    text_free(path);
    return rc < 0 ? complain_error(error) : STATUS_OK;
}

static int remove_one(struct removal *r, const char *given) {
    struct spn_text spn;
    seal_error *error = NULL;
    if (spn_text_parse(given, &spn, &error) < 0)
        return complain_error(error);
    /* The KDC first: it allows less, and what it forbids shall stay whole. */
    int status = r->kadmin == NULL ? STATUS_OK : remove_from_kdc(r, &spn);
    if (status == STATUS_OK && r->directory != NULL)
        status = remove_from_directory(r, &spn);
    if (status == STATUS_OK && r->keytab != NULL)
        status = remove_from_keytab(r, &spn);
    return status;
}

static int connect_all(struct removal *r, const struct words *spns, seal_error **reterr) {
    char realm[SEAL_SPN_REALM_MAX];
    bool has_directory = directory_is_configured(&r->where);
    int rc = spn_text_check(spns, realm, reterr);
    if (rc == 0 && !has_directory && (r->account != NULL || r->is_ad))
        rc = seal__error(reterr, SEAL_ERROR_INVALID,
                         "accounts are in a directory, and none is configured; give --directory "
                         "URI, or set SEAL_DIRECTORY_URI");
    bool wants_kdc = r->account == NULL && !r->is_ad;
    if (rc == 0)
        rc = login_open(&r->who, (wants_kdc ? LOGIN_ADMIN : 0) | (has_directory ? LOGIN_TGT : 0),
                        &r->login, reterr);
    if (rc == 0 && has_directory)
        rc = directory_connect(&r->where, &r->login, &r->directory, reterr);
    bool is_ad = r->directory != NULL && seal__directory_is_ad(r->directory);
    if (rc == 0 && wants_kdc && !is_ad)
        rc = kadmin_open(realm, &r->login, &r->kadmin, reterr);
    return rc;
}

static int remove_all(struct removal *r, const struct words *spns) {
    seal_error *error = NULL;
    int status = STATUS_OK;
    bool connected = connect_all(r, spns, &error) == 0;
    if (!connected)
        status = complain_error(error);
    for (size_t i = 0; i < spns->n && connected; i++) {
        int one = remove_one(r, spns->items[i]);
        if (status == STATUS_OK)
            status = one;
    }
    kadmin_close(r->kadmin);
    seal__directory_close(r->directory);
    login_close(&r->login);
    return status;
}

static int run(const struct command *command, int argc, char **argv) {
    struct removal r = {0};
    const struct option_spec specs[] = {
        {"account", "ACCOUNT", "only from this account; the KDC keeps the principal",
         .text = &r.account},
        {"keytab", "FILE", "remove its keys from FILE, too", .text = &r.keytab},
        {"installer", "PRINCIPAL", "who does it (alone: the password is asked for)",
         .text = &r.who.principal},
        LOGIN_OPTION_SPECS("installer-", "the installer", &r.who),
        DIRECTORY_OPTION_SPECS(&r.where),
        {"ad", NULL, "Active Directory: no kadmind", .flag = &r.is_ad},
        {"via", "rpc", "Active Directory: by the RPC DsWriteAccountSpn, not LDAP", .text = &r.via},
        {0}};
    struct words words = {0};
    int status;
    if (options_parse(command, specs, argc, argv, 1, SIZE_MAX, &words, &status)) {
        seal_error *error = NULL;
        if (spn_rpc_check(r.via, &error) < 0)
            status = complain_error(error);
        else
            status = remove_all(&r, &words);
    }
    words_done(&words);
    return status;
}

const struct command command_spn_unregister = {
    .group = "spn",
    .name = "unregister",
    .arguments = "SPN...",
    .summary = "remove service principal names",
    .details = "Removes the principal from the KDC, then the name from the account in the "
               "directory.\n",
    .run = run};
