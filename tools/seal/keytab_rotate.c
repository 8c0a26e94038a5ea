/* SPDX-License-Identifier: Apache-2.0 */
/* seal keytab rotate: a service gives itself new keys, with the key it has. */
#include "keytab.h"
#include "options.h"
#include "report.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

struct rotation {
    char *path;
    bool prune;
};

/* kadmind lets everybody who logs in with the key itself change it, and nobody else's. */
static int rekey(const struct rotation *rotation, const char *principal,
                 struct kadmin_keys *ret_keys, seal_error **reterr) {
    struct login login;
    struct kadmin *kadmin = NULL;
    const struct login_options options = {.principal = principal, .keytab = rotation->path};
    int rc = login_open(&options, LOGIN_ADMIN, &login, reterr);
    if (rc < 0)
        return rc;
    const char *realm = strrchr(login.principal, '@');
    rc = kadmin_open(realm == NULL ? NULL : realm + 1, &login, &kadmin, reterr);
    if (rc == 0)
        rc = kadmin_rekey(kadmin, principal, ret_keys, reterr);
    kadmin_close(kadmin);
    login_close(&login);
    return rc;
}

static int rotate(const struct rotation *rotation, const char *principal) {
    seal_error *error = NULL;
    struct kadmin_keys keys = {0};
    size_t pruned = 0;
    int hold_fd = keytab_hold(rotation->path);
    if (rekey(rotation, principal, &keys, &error) < 0) {
        keytab_release(hold_fd);
        seal__error_prefix(&error, "%s keeps its keys", principal);
        return complain_error(error);
    }
    int rc = keytab_add(rotation->path, principal, &keys,
                        rotation->prune ? KEYTAB_OLD_PREVIOUS : KEYTAB_OLD_ALL, &pruned, &error);
    keytab_release(hold_fd);
    if (rc < 0) {
        seal__error_prefix(&error,
                           "the KDC has new keys for %s, and no keytab has them; run as an "
                           "installer: seal spn register %s --rekey --keytab FILE",
                           principal, principal);
    } else {
        printf("%s kvno %u: %zu new keys in %s", principal, keys.kvno, keys.n, rotation->path);
        if (pruned > 0)
            printf(", %zu old ones removed", pruned);
        printf("\n");
    }
    kadmin_keys_done(&keys);
    return rc < 0 ? complain_error(error) : STATUS_OK;
}

/* Whether a principal is one of those asked for, with or without realm. */
static bool is_wanted(const struct words *spns, const char *principal) {
    size_t length = strcspn(principal, "@");
    for (size_t i = 0; i < spns->n; i++)
        if (strcmp(spns->items[i], principal) == 0 ||
            (strlen(spns->items[i]) == length && strncmp(spns->items[i], principal, length) == 0))
            return true;
    return spns->n == 0;
}

static void choose(const struct keytab *keytab, const struct words *spns, struct words *ret) {
    for (size_t i = 0; i < keytab->n; i++) {
        const char *principal = keytab->entries[i].principal;
        if (is_wanted(spns, principal) && !words_have(ret, principal))
            words_add(ret, principal);
    }
}

static int check_all_found(const struct keytab *keytab, const struct words *spns,
                           const struct words *chosen) {
    for (size_t i = 0; i < spns->n; i++) {
        const struct words one = {.n = 1, .items = &spns->items[i]};
        bool found = false;
        for (size_t k = 0; k < chosen->n; k++)
            found = found || is_wanted(&one, chosen->items[k]);
        if (!found)
            return complain(STATUS_FAILED,
                            "keytab %s has no key for %s, so it cannot log in as it; see: seal "
                            "keytab show %s",
                            keytab->name, spns->items[i], keytab->name);
    }
    if (chosen->n == 0)
        return complain(STATUS_FAILED, "keytab %s is empty; run: seal spn register SPN --keytab %s",
                        keytab->name, keytab->name);
    return STATUS_OK;
}

/* In Active Directory the key is made from the account's password. */
static int check_kind(const struct words *chosen) {
    for (size_t i = 0; i < chosen->n; i++) {
        const char *at = strchr(chosen->items[i], '@');
        if (at != NULL && at > chosen->items[i] && at[-1] == '$')
            return complain(STATUS_FAILED,
                            "%s is an account of Active Directory, whose keys follow its "
                            "password, which this version of seal does not change; run: net ads "
                            "changetrustpw, or: msktutil --update",
                            chosen->items[i]);
    }
    return STATUS_OK;
}

static int rotate_all(const struct rotation *rotation, const struct words *spns) {
    struct keytab keytab;
    struct words chosen = {0};
    seal_error *error = NULL;
    if (keytab_read(rotation->path, &keytab, &error) < 0)
        return complain_error(error);
    choose(&keytab, spns, &chosen);
    int status = check_all_found(&keytab, spns, &chosen);
    if (status == STATUS_OK)
        status = check_kind(&chosen);
    if (status == STATUS_OK) {
        for (size_t i = 0; i < chosen.n; i++) {
            int one = rotate(rotation, chosen.items[i]);
            if (status == STATUS_OK)
                status = one;
        }
    }
    words_done(&chosen);
    keytab_done(&keytab);
    return status;
}

static int run(const struct command *command, int argc, char **argv) {
    struct rotation rotation = {0};
    struct words spns = {0};
    const struct option_spec specs[] = {
        {"spn", "SPN", "only this one; may be repeated (default: all in the keytab)",
         .list = &spns},
        {"prune", NULL, "remove keys that are older than those before the new ones",
         .flag = &rotation.prune},
        {0}};
    struct words words = {0};
    int status;
    if (options_parse(command, specs, argc, argv, 0, 1, &words, &status)) {
        seal_error *error = NULL;
        const char *name = words.n == 0 ? NULL : words.items[0];
        if (keytab_writable_path(name, &rotation.path, &error) < 0)
            status = complain_error(error);
        else
            status = rotate_all(&rotation, &spns);
        text_free(rotation.path);
    }
    words_done(&words);
    words_done(&spns);
    return status;
}

const struct command command_keytab_rotate = {
    .group = "keytab",
    .name = "rotate",
    .arguments = "[FILE]",
    .summary = "give services new keys, with the keys they have",
    .details =
        "The KDC makes the keys; they are added to the keytab, and the old ones stay, so that\n"
        "tickets that clients have already go on working. Every other copy of the keytab is\n"
        "too old for new tickets from then on. MIT Kerberos only: in Active Directory keys follow\n"
        "the account's password, which this version does not change.\n",
    .run = run};
