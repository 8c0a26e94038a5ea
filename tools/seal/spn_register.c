/* SPDX-License-Identifier: Apache-2.0 */
/* seal spn register: makes a name known to the KDC, its keys to the service, its owner to the
 * directory. */
#include "keytab.h"
#include "keytab_alias.h"
#include "report.h"
#include "spn_rpc.h"
#include "spn_text.h"
#include "spn_writer.h"

#include <stdio.h>
#include <string.h>

struct registration {
    const char *account;
    const char *keytab;
    bool rekey;
    struct spn_writer writer;
    char *keytab_path; /* found out when it is to be changed */
};

/* ---- The KDC and the keytab ---- */

static int new_keys(struct registration *r, const char *principal, enum keytab_old old,
                    seal_error **reterr) {
    struct kadmin_keys keys;
    int hold_fd = keytab_hold(r->keytab_path);
    int rc = kadmin_rekey(r->writer.kadmin, principal, &keys, reterr);
    bool changed = rc == 0;
    if (changed)
        rc = keytab_add(r->keytab_path, principal, &keys, old, NULL, reterr);
    keytab_release(hold_fd);
    if (!changed)
        return rc;
    if (rc < 0)
        seal__error_prefix(reterr,
                           "the KDC has new keys for %s, and no keytab has them; mend this and run "
                           "again with --rekey",
                           principal);
    else
        printf("%s: kvno %u, %zu keys in %s\n", principal, keys.kvno, keys.n, r->keytab_path);
    kadmin_keys_done(&keys);
    return rc;
}

/* It is there and its keys are not to be changed. Whoever asked for a keytab must have them. */
static int keep_keys(const struct registration *r, const char *principal, uint32_t kvno) {
    struct keytab keytab = {0};
    seal_error *error = NULL;
    bool readable = keytab_read(r->keytab, &keytab, &error) == 0;
    uint32_t have = readable ? keytab_kvno(&keytab, principal) : 0;
    char *name = readable ? text_copy(keytab.name) : login_default_keytab();
    if (!readable && r->keytab != NULL) {
        text_free(name);
        name = text_copy(r->keytab);
    }
    keytab_done(&keytab);
    seal_error_free(error);
    int status = STATUS_OK;
    printf("%s is registered already (kvno %u); its keys stay as they are\n", principal, kvno);
    if (have != kvno && (have != 0 || r->keytab != NULL)) {
        char *what = have == 0 ? text_copy("no key") : text_format("only kvno %u", have);
        status = complain(STATUS_FAILED,
                          "%s exists in the KDC with kvno %u, and %s has %s of it; copy the "
                          "service's keytab there, or make new keys, after which every other copy "
                          "of the keytab is too old: seal spn register %s --rekey --keytab %s",
                          principal, kvno, name, what, principal, name);
        text_free(what);
    }
    text_free(name);
    return status;
}

/* *ret_is_there: the KDC knows it now, even if the keys are not where they should be. */
static int register_in_kdc(struct registration *r, const char *principal, bool *ret_is_there) {
    seal_error *error = NULL;
    uint32_t kvno = 0;
    int rc = kadmin_find(r->writer.kadmin, principal, &kvno, &error);
    *ret_is_there = rc == 0 && kvno > 0;
    if (*ret_is_there && !r->rekey)
        return keep_keys(r, principal, kvno);
    if (rc == 0 && r->keytab_path == NULL) /* before anything is changed */
        rc = keytab_writable_path(r->keytab, &r->keytab_path, &error);
    if (rc == 0 && kvno == 0)
        rc = kadmin_create(r->writer.kadmin, principal, &error);
    if (rc == 0)
        rc = new_keys(r, principal, kvno == 0 ? KEYTAB_OLD_NONE : KEYTAB_OLD_ALL, &error);
    if (rc < 0)
        return complain_error(error);
    *ret_is_there = true;
    if (kvno > 0)
        say("every other copy of the keytab of %s is too old now: copy %s to wherever it runs",
            principal, r->keytab_path);
    return STATUS_OK;
}

/* ---- The directory ---- */

/* The account, and that no other one has the name: before anything is changed. */
static int find_account(struct registration *r, const struct spn_text *spn,
                        char dn[SEAL__SCP_DN_MAX]) {
    char owner[SEAL__SCP_DN_MAX];
    char name[ACCOUNT_WORD];
    char word[ACCOUNT_WORD];
    seal_error *error = NULL;
    int rc = account_find(r->writer.directory, r->account == NULL ? spn->parts.host : r->account,
                          dn, &error);
    if (rc < 0)
        return complain_error(error);
    rc = seal__scp_find_account(r->writer.directory, spn->name, owner, &error);
    if (rc == 0 && !seal__directory_same_dn(owner, dn))
        return complain(STATUS_FAILED,
                        "%s is on another account, %s, and two accounts with one name make both "
                        "unusable; if it belongs to %s, run: seal spn unregister %s --account %s",
                        spn->name, owner, dn, account_word(spn->name, name),
                        account_word(owner, word));
    if (rc < 0 && rc != SEAL_ERROR_NOT_FOUND)
        return complain_error(error);
    seal_error_free(error);
    return STATUS_OK;
}

static int register_one(void *user, const char *given) {
    struct registration *r = user;
    struct spn_text spn;
    char dn[SEAL__SCP_DN_MAX];
    seal_error *error = NULL;
    if (spn_text_parse(given, &spn, &error) < 0)
        return complain_error(error);
    int status = r->writer.directory == NULL ? STATUS_OK : find_account(r, &spn, dn);
    int keys = STATUS_OK;
    bool is_there = true;
    if (status == STATUS_OK && r->writer.kadmin != NULL)
        keys = register_in_kdc(r, spn.principal, &is_there);
    if (status == STATUS_OK && r->writer.directory != NULL && is_there)
        status = spn_writer_write(&r->writer, SPN_RPC_ADD, dn, spn.name);
    return keys == STATUS_OK ? status : keys;
}

/* ---- Both ---- */

static int connect_directory(struct registration *r, seal_error **reterr) {
    if (!directory_is_configured(&r->writer.where)) {
        if (r->account == NULL && !r->writer.is_ad)
            return 0;
        return spn_writer_needs_directory(reterr);
    }
    int rc = directory_connect(&r->writer.where, &r->writer.login, &r->writer.directory, reterr);
    if (rc == 0 && seal__directory_is_ad(r->writer.directory))
        r->writer.is_ad = true;
    return rc;
}

static int connect_all(struct registration *r, const struct words *spns, seal_error **reterr) {
    char realm[SEAL_SPN_REALM_MAX];
    int rc = spn_text_check(spns, realm, reterr);
    if (rc == 0)
        rc = login_open(&r->writer.who,
                        (r->writer.is_ad ? 0 : LOGIN_ADMIN) |
                            (directory_is_configured(&r->writer.where) ? LOGIN_TGT : 0),
                        &r->writer.login, reterr);
    if (rc == 0)
        rc = connect_directory(r, reterr);
    if (rc == 0 && !r->writer.is_ad)
        rc = kadmin_open(realm, &r->writer.login, &r->writer.kadmin, reterr);
    return rc;
}

/* In Active Directory the keys are the account's: only the keytab may lack the name. */
static int name_keys(const struct registration *r, const struct words *spns) {
    const char *account = r->account;
    if (r->keytab == NULL) {
        say("in Active Directory the keys are the account's; where the service runs and the keytab "
            "has them, run: seal keytab alias %s --keytab FILE",
            spns->items[0]);
        return STATUS_OK;
    }
    if (account != NULL && (account[0] == '\0' || account[strlen(account) - 1] != '$'))
        account = NULL; /* a DN or a host, which keytabs do not know */
    return keytab_alias_run(r->keytab, account, spns);
}

static int register_all(struct registration *r, const struct words *spns) {
    seal_error *error = NULL;
    int status = STATUS_OK;
    if (connect_all(r, spns, &error) < 0)
        status = complain_error(error);
    else
        status = spn_writer_each(spns, register_one, r);
    if (r->writer.is_ad && status == STATUS_OK)
        status = name_keys(r, spns);
    spn_writer_done(&r->writer);
    text_free(r->keytab_path);
    return status;
}

static int run(const struct command *command, int argc, char **argv) {
    struct registration r = {0};
    const struct option_spec specs[] = {
        {"account", "ACCOUNT", "whose name it is, as DN or name (default: the host's account)",
         .text = &r.account},
        {"keytab", "FILE", "where the keys go (default: $KRB5_KTNAME)", .text = &r.keytab},
        {"rekey", NULL, "make new keys though it exists", .flag = &r.rekey},
        SPN_WRITER_OPTION_SPECS(&r.writer, "Active Directory: no kadmind, no new keys"),
        {0}};
    struct words words = {0};
    int status;
    if (spn_writer_parse(&r.writer, command, specs, argc, argv, &words, &status))
        status = register_all(&r, &words);
    words_done(&words);
    return status;
}

const struct command command_spn_register = {
    .group = "spn",
    .name = "register",
    .arguments = "SPN...",
    .summary = "make service principal names and their keys",
    .details =
        "MIT Kerberos: creates the principal through kadmind with random keys and adds them to "
        "the\nkeytab. A principal that exists keeps its keys unless --rekey is given.\n"
        "With a directory: writes the name to the account, too. Active Directory: only that, "
        "and\nwith "
        "--keytab what \"seal keytab alias\" does.\n"
        "It needs an installer's rights: by default those of the current ticket, which for "
        "kadmind\nmust be an initial one (kinit -S kadmin/admin).\n",
    .run = run};
