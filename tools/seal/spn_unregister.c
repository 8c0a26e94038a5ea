/* SPDX-License-Identifier: Apache-2.0 */
/* seal spn unregister: what register has made goes away. */
#include "keytab.h"
#include "report.h"
#include "spn_rpc.h"
#include "spn_text.h"
#include "spn_writer.h"

#include <stdio.h>

struct removal {
    const char *account; /* only from this one; the KDC is left alone */
    const char *keytab;
    struct spn_writer writer; /* no kadmin: Active Directory, or an account was named */
};

static int remove_from_directory(struct removal *r, const struct spn_text *spn) {
    char dn[SEAL__SCP_DN_MAX];
    seal_error *error = NULL;
    int rc = r->account != NULL
                 ? account_find(r->writer.directory, r->account, dn, &error)
                 : seal__scp_find_account(r->writer.directory, spn->name, dn, &error);
    if (rc == 0)
        return spn_writer_write(&r->writer, SPN_RPC_DELETE, dn, spn->name);
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
    int rc = kadmin_delete(r->writer.kadmin, spn->principal, &error);
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

static int remove_one(void *user, const char *given) {
    struct removal *r = user;
    struct spn_text spn;
    seal_error *error = NULL;
    if (spn_text_parse(given, &spn, &error) < 0)
        return complain_error(error);
    /* The KDC first: it allows less, and what it forbids shall stay whole. */
    int status = r->writer.kadmin == NULL ? STATUS_OK : remove_from_kdc(r, &spn);
    if (status == STATUS_OK && r->writer.directory != NULL)
        status = remove_from_directory(r, &spn);
    if (status == STATUS_OK && r->keytab != NULL)
        status = remove_from_keytab(r, &spn);
    return status;
}

static int connect_all(struct removal *r, const struct words *spns, seal_error **reterr) {
    char realm[SEAL_SPN_REALM_MAX];
    bool has_directory = directory_is_configured(&r->writer.where);
    int rc = spn_text_check(spns, realm, reterr);
    if (rc == 0 && !has_directory && (r->account != NULL || r->writer.is_ad))
        rc = spn_writer_needs_directory(reterr);
    bool wants_kdc = r->account == NULL && !r->writer.is_ad;
    if (rc == 0)
        rc = login_open(&r->writer.who,
                        (wants_kdc ? LOGIN_ADMIN : 0) | (has_directory ? LOGIN_TGT : 0),
                        &r->writer.login, reterr);
    if (rc == 0 && has_directory)
        rc = directory_connect(&r->writer.where, &r->writer.login, &r->writer.directory, reterr);
    bool is_ad = r->writer.directory != NULL && seal__directory_is_ad(r->writer.directory);
    if (rc == 0 && wants_kdc && !is_ad)
        rc = kadmin_open(realm, &r->writer.login, &r->writer.kadmin, reterr);
    return rc;
}

static int remove_all(struct removal *r, const struct words *spns) {
    seal_error *error = NULL;
    int status;
    if (connect_all(r, spns, &error) < 0)
        status = complain_error(error);
    else
        status = spn_writer_each(spns, remove_one, r);
    spn_writer_done(&r->writer);
    return status;
}

static int run(const struct command *command, int argc, char **argv) {
    struct removal r = {0};
    const struct option_spec specs[] = {
        {"account", "ACCOUNT", "only from this account; the KDC keeps the principal",
         .text = &r.account},
        {"keytab", "FILE", "remove its keys from FILE, too", .text = &r.keytab},
        SPN_WRITER_OPTION_SPECS(&r.writer, "Active Directory: no kadmind"),
        {0}};
    struct words words = {0};
    int status;
    if (spn_writer_parse(&r.writer, command, specs, argc, argv, &words, &status))
        status = remove_all(&r, &words);
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
