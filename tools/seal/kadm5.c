/* SPDX-License-Identifier: Apache-2.0 */
#include "kadm5.h"

#include "base/error.h"
#include "command.h"
#include "krb5_text.h"

#include <kadm5/admin.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REKEY_TRIES = 16, BACKOFF_MS = 50, ANSWER_S = 20 };

struct kadmin {
    krb5_context krb5;
    krb5_ccache ccache;
    void *handle;
    char *realm;
    char *client;
};

/* ---- Time: libkadm5clnt waits for ever, and cannot be called back ---- */

static char too_late[512];

static void on_alarm(int signo) {
    (void)signo;
    ssize_t written = write(STDERR_FILENO, too_late, strlen(too_late));
    (void)written;
    _exit(STATUS_UNREACHABLE);
}

static void begin_call(const char *realm) {
    const struct sigaction action = {.sa_handler = on_alarm};
    snprintf(too_late, sizeof too_late,
             "seal: kadmind of %s does not answer within %d s; see that it runs, and run this "
             "again: what was asked may have been done\n",
             realm == NULL ? "the default realm" : realm, ANSWER_S);
    sigaction(SIGALRM, &action, NULL);
    alarm(ANSWER_S);
}

static kadm5_ret_t end_call(kadm5_ret_t code) {
    alarm(0);
    return code;
}

/* ---- The connection ---- */

static int fail_open(struct kadmin *k, kadm5_ret_t code, seal_error **reterr) {
    char *text = krb5_text_error(k->krb5, (krb5_error_code)code);
    const char *realm = k->realm == NULL ? "the default realm" : k->realm;
    int rc;
    if (code == KADM5_MISSING_KRB5_CONF_PARAMS || code == KADM5_MISSING_CONF_PARAMS ||
        code == KRB5_REALM_CANT_RESOLVE || code == KRB5_KDC_UNREACH || code == KADM5_RPC_ERROR)
        rc = seal__error(reterr, SEAL_ERROR_KDC_UNREACHABLE,
                         "kadmind of %s cannot be reached: %s; check admin_server in [realms] of "
                         "krb5.conf and that kadmind runs (Active Directory has none: --ad)",
                         realm, text);
    else
        rc =
            seal__error(reterr, SEAL_ERROR_CREDENTIALS,
                        "kadmind of %s does not let %s in: %s; it wants a ticket got with a key or "
                        "password, not with another ticket: give --installer PRINCIPAL (on a "
                        "terminal, the password is asked for), or --installer-keytab FILE",
                        realm, k->client, text);
    text_free(text);
    return rc;
}

int kadmin_open(const char *realm, const struct login *login, struct kadmin **ret_kadmin,
                seal_error **reterr) {
    static char service[] = KADM5_ADMIN_SERVICE;
    struct kadmin *k = text_grow(NULL, 0, sizeof *k);
    k->realm = realm == NULL ? NULL : text_copy(realm);
    k->client = text_copy(login->principal);
    krb5_error_code code = kadm5_init_krb5_context(&k->krb5);
    if (code == 0)
        code = krb5_cc_resolve(k->krb5, login->ccache, &k->ccache);
    kadm5_config_params params;
    memset(&params, 0, sizeof params);
    params.mask = realm == NULL ? 0 : KADM5_CONFIG_REALM;
    params.realm = k->realm;
    kadm5_ret_t result = code;
    begin_call(realm);
    if (code == 0)
        result = kadm5_init_with_creds(k->krb5, k->client, k->ccache, service, &params,
                                       KADM5_STRUCT_VERSION, KADM5_API_VERSION_4, NULL, &k->handle);
    end_call(result);
    if (result == 0) {
        *ret_kadmin = k;
        return 0;
    }
    k->handle = NULL;
    int rc = fail_open(k, result, reterr);
    kadmin_close(k);
    return rc;
}

void kadmin_close(struct kadmin *k) {
    if (k == NULL)
        return;
    if (k->handle != NULL)
        kadm5_destroy(k->handle);
    if (k->ccache != NULL)
        krb5_cc_close(k->krb5, k->ccache);
    krb5_free_context(k->krb5);
    text_free(k->realm);
    text_free(k->client);
    free(k);
}

static bool is_denial(kadm5_ret_t code) {
    switch (code) {
    case KADM5_AUTH_GET:
    case KADM5_AUTH_ADD:
    case KADM5_AUTH_MODIFY:
    case KADM5_AUTH_DELETE:
    case KADM5_AUTH_LIST:
    case KADM5_AUTH_CHANGEPW:
    case KADM5_AUTH_SETKEY:
    case KADM5_AUTH_EXTRACT:
    case KADM5_AUTH_INSUFFICIENT:
        return true;
    default:
        return false;
    }
}

/* right: the letter in kadm5.acl. */
static int fail(struct kadmin *k, const char *what, const char *principal, const char *right,
                kadm5_ret_t code, seal_error **reterr) {
    char *text = krb5_text_error(k->krb5, (krb5_error_code)code);
    const char *where = code == KADM5_AUTH_LIST ? "on a line without a target" : "for it";
    int rc;
    if (is_denial(code))
        rc = seal__error(
            reterr, SEAL_ERROR_DIRECTORY_DENIED,
            "kadmind does not allow %s to %s %s: %s; let somebody do it who may, or give "
            "%s the rights \"%s\" %s in the KDC's kadm5.acl and restart kadmind",
            k->client, what, principal, text, k->client, right, where);
    else if (code == KADM5_UNK_PRINC)
        rc = seal__error(reterr, SEAL_ERROR_NOT_FOUND,
                         "cannot %s %s: the KDC does not know it; run: seal spn register %s", what,
                         principal, principal);
    else if (code == KADM5_DUP)
        rc = seal__error(reterr, SEAL_ERROR_ALREADY, "%s exists already", principal);
    else if (code == KADM5_RPC_ERROR)
        rc = seal__error(reterr, SEAL_ERROR_KDC_UNREACHABLE,
                         "cannot %s %s: the connection to kadmind was lost: %s; try again", what,
                         principal, text);
    else
        rc = seal__error(reterr, SEAL_ERROR_SYSTEM,
                         "cannot %s %s: kadmind says: %s; its log has more", what, principal, text);
    text_free(text);
    return rc;
}

static int parse(struct kadmin *k, const char *principal, krb5_principal *ret,
                 seal_error **reterr) {
    krb5_error_code code = krb5_parse_name(k->krb5, principal, ret);
    if (code == 0)
        return 0;
    char *text = krb5_text_error(k->krb5, code);
    int rc = seal__error(reterr, SEAL_ERROR_INVALID, "'%s' is no principal: %s", principal, text);
    text_free(text);
    return rc;
}

static kadm5_ret_t get_kvno(struct kadmin *k, krb5_principal principal, uint32_t *ret_kvno) {
    kadm5_principal_ent_rec record;
    memset(&record, 0, sizeof record);
    begin_call(k->realm);
    kadm5_ret_t code = end_call(kadm5_get_principal(k->handle, principal, &record, KADM5_KVNO));
    if (code != 0)
        return code;
    *ret_kvno = record.kvno;
    kadm5_free_principal_ent(k->handle, &record);
    return 0;
}

int kadmin_find(struct kadmin *k, const char *principal, uint32_t *ret_kvno, seal_error **reterr) {
    krb5_principal parsed;
    int rc = parse(k, principal, &parsed, reterr);
    if (rc < 0)
        return rc;
    *ret_kvno = 0;
    kadm5_ret_t code = get_kvno(k, parsed, ret_kvno);
    krb5_free_principal(k->krb5, parsed);
    return code == 0 || code == KADM5_UNK_PRINC
               ? 0
               : fail(k, "look at", principal, "aci", code, reterr);
}

int kadmin_create(struct kadmin *k, const char *principal, seal_error **reterr) {
    kadm5_principal_ent_rec record;
    memset(&record, 0, sizeof record);
    int rc = parse(k, principal, &record.principal, reterr);
    if (rc < 0)
        return rc;
    /* Without a password the KDC makes random keys. */
    begin_call(k->realm);
    kadm5_ret_t code = end_call(kadm5_create_principal(k->handle, &record, KADM5_PRINCIPAL, NULL));
    krb5_free_principal(k->krb5, record.principal);
    return code == 0 ? 0 : fail(k, "create", principal, "aci", code, reterr);
}

int kadmin_delete(struct kadmin *k, const char *principal, seal_error **reterr) {
    krb5_principal parsed;
    int rc = parse(k, principal, &parsed, reterr);
    if (rc < 0)
        return rc;
    begin_call(k->realm);
    kadm5_ret_t code = end_call(kadm5_delete_principal(k->handle, parsed));
    krb5_free_principal(k->krb5, parsed);
    return code == 0 ? 0 : fail(k, "delete", principal, "d", code, reterr);
}

int kadmin_list(struct kadmin *k, const char *pattern,
                void (*each)(void *user, const char *principal), void *user, seal_error **reterr) {
    char **names = NULL;
    int n = 0;
    char *copy = text_copy(pattern);
    begin_call(k->realm);
    kadm5_ret_t code = end_call(kadm5_get_principals(k->handle, copy, &names, &n));
    text_free(copy);
    if (code != 0)
        return fail(k, "list", pattern, "l", code, reterr);
    for (int i = 0; i < n; i++)
        each(user, names[i]);
    kadm5_free_name_list(k->handle, names, n);
    return 0;
}

static kadm5_ret_t randkey(struct kadmin *k, krb5_principal principal, krb5_keyblock **ret_keys,
                           int *ret_n) {
    begin_call(k->realm);
    return end_call(kadm5_randkey_principal(k->handle, principal, ret_keys, ret_n));
}

static kadm5_ret_t rekey_once(struct kadmin *k, krb5_principal principal,
                              struct kadmin_keys *ret_keys, uint32_t *ret_before) {
    krb5_keyblock *keys = NULL;
    int n = 0;
    kadm5_ret_t code = get_kvno(k, principal, ret_before);
    if (code == 0)
        code = randkey(k, principal, &keys, &n);
    if (code != 0)
        return code;
    ret_keys->keys = keys;
    ret_keys->n = (size_t)n;
    return get_kvno(k, principal, &ret_keys->kvno);
}

/* kadmind does not say which version the keys have that it returns. When it has gone up by one they
 * are of that version; otherwise somebody else has changed them at the same time. */
int kadmin_rekey(struct kadmin *k, const char *principal, struct kadmin_keys *ret_keys,
                 seal_error **reterr) {
    krb5_principal parsed;
    uint32_t before = 0;
    unsigned seed = (unsigned)getpid();
    *ret_keys = (struct kadmin_keys){0};
    int rc = parse(k, principal, &parsed, reterr);
    if (rc < 0)
        return rc;
    kadm5_ret_t code = rekey_once(k, parsed, ret_keys, &before);
    for (int i = 0; i < REKEY_TRIES && code == 0 && ret_keys->kvno != before + 1; i++) {
        kadmin_keys_done(ret_keys);
        poll(NULL, 0, (int)((unsigned)rand_r(&seed) % (BACKOFF_MS * (unsigned)(i + 1))));
        code = rekey_once(k, parsed, ret_keys, &before);
    }
    krb5_free_principal(k->krb5, parsed);
    if (code == 0 && ret_keys->kvno == before + 1)
        return 0;
    kadmin_keys_done(ret_keys);
    if (code != 0)
        return fail(k, "give new keys to", principal, "ci", code, reterr);
    return seal__error(reterr, SEAL_ERROR_SYSTEM,
                       "somebody else is changing the keys of %s all the time; try again when it "
                       "is done: no keytab has the key of the KDC now",
                       principal);
}

void kadmin_keys_done(struct kadmin_keys *keys) {
    for (size_t i = 0; i < keys->n; i++)
        krb5_free_keyblock_contents(NULL, &keys->keys[i]);
    free(keys->keys);
    *keys = (struct kadmin_keys){0};
}
