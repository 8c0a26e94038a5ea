/* SPDX-License-Identifier: Apache-2.0 */
/* Who can ask the KDC: a principal of the keytab, or a user with a ticket. */
#include <stdio.h>
#include <string.h>

#include "secure/gss/spn_check_internal.h"

enum { CLIENTS_MAX = 16 };

bool seal__spn_is_unreachable(krb5_error_code code) {
    return code == KRB5_KDC_UNREACH || code == KRB5_REALM_UNKNOWN ||
           code == KRB5_REALM_CANT_RESOLVE;
}

static bool is_wrong_key(krb5_error_code code) {
    return code == KRB5KDC_ERR_PREAUTH_FAILED || code == KRB5_PREAUTH_FAILED ||
           code == KRB5KRB_AP_ERR_BAD_INTEGRITY || code == KRB5KRB_AP_ERR_MODIFIED;
}

/* A fresh cache that nobody else knows. */
static krb5_error_code new_cache(krb5_context krb5, krb5_principal client, krb5_ccache *ret_cache) {
    krb5_error_code code = krb5_cc_new_unique(krb5, "MEMORY", NULL, ret_cache);
    if (code == 0 && (code = krb5_cc_initialize(krb5, *ret_cache, client)) != 0) {
        krb5_cc_destroy(krb5, *ret_cache);
        *ret_cache = NULL;
    }
    return code;
}

static void became(seal__spn_probe *probe, krb5_const_principal client) {
    char *shown = NULL;
    if (krb5_unparse_name(probe->krb5, client, &shown) == 0)
        snprintf(probe->client, sizeof probe->client, "%s", shown);
    krb5_free_unparsed_name(probe->krb5, shown);
}

/* ---- From the keytab ---- */

static krb5_error_code log_in(krb5_context krb5, krb5_keytab keytab, krb5_principal client,
                              krb5_ccache *ret_cache) {
    krb5_creds creds = {0};
    krb5_error_code code = krb5_get_init_creds_keytab(krb5, &creds, client, keytab, 0, NULL, NULL);
    if (code != 0)
        return code;
    code = new_cache(krb5, creds.client, ret_cache);
    if (code == 0 && (code = krb5_cc_store_cred(krb5, *ret_cache, &creds)) != 0) {
        krb5_cc_destroy(krb5, *ret_cache);
        *ret_cache = NULL;
    }
    krb5_free_cred_contents(krb5, &creds);
    return code;
}

static krb5_error_code log_in_as(seal__spn_probe *probe, krb5_keytab keytab, const char *name) {
    krb5_principal client = NULL;
    krb5_error_code code = krb5_parse_name(probe->krb5, name, &client);
    if (code == 0)
        code = log_in(probe->krb5, keytab, client, &probe->tickets);
    if (code == 0)
        became(probe, client);
    else
        seal__gss_krb5_text(probe->krb5, code, probe->why, sizeof probe->why);
    probe->unreachable = seal__spn_is_unreachable(code);
    krb5_free_principal(probe->krb5, client);
    return code;
}

static void log_in_as_itself(seal__spn_probe *probe, krb5_keytab keytab) {
    krb5_error_code code = log_in_as(probe, keytab, probe->full);
    if (code == 0)
        probe->own_login = SEAL__SPN_LOGIN_OK;
    else if (code == KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN)
        probe->own_login = SEAL__SPN_LOGIN_UNKNOWN;
    else if (is_wrong_key(code))
        probe->own_login = SEAL__SPN_LOGIN_WRONG_KEY;
}

/* Whether the keytab has the newest key of the name itself under this one, too. */
static bool shares_key(const seal__spn_probe *probe, krb5_keytab keytab, krb5_principal other) {
    krb5_keytab_entry own;
    krb5_keytab_entry same;
    if (krb5_kt_get_entry(probe->krb5, keytab, probe->principal, 0, 0, &own) != 0)
        return false;
    bool shared = false;
    if (krb5_kt_get_entry(probe->krb5, keytab, other, own.vno, own.key.enctype, &same) == 0) {
        shared = own.key.length == same.key.length &&
                 memcmp(own.key.contents, same.key.contents, own.key.length) == 0;
        krb5_free_keytab_entry_contents(probe->krb5, &same);
    }
    krb5_free_keytab_entry_contents(probe->krb5, &own);
    return shared;
}

static void log_in_as_another(seal__spn_probe *probe, krb5_keytab keytab, const char *name) {
    char before[SEAL__GSS_TEXT];
    snprintf(before, sizeof before, "%s", probe->why);
    if (is_wrong_key(log_in_as(probe, keytab, name)) && probe->refused[0] == '\0')
        snprintf(probe->refused, sizeof probe->refused, "%s", name);
    /* What happened to the name itself is the more telling reason. */
    if (before[0] != '\0' && !probe->unreachable)
        snprintf(probe->why, sizeof probe->why, "%s", before);
}

/* Those of the keytab that share a key with the name, or the others. */
static void log_in_as_others(seal__spn_probe *probe, krb5_keytab keytab, bool sharing) {
    for (size_t i = 0; probe->client[0] == '\0' && !probe->unreachable && i < CLIENTS_MAX; i++) {
        char name[SEAL__GSS_TEXT];
        krb5_principal other = NULL;
        seal__gss_keytab_principal(probe->keytab, i, name, sizeof name);
        if (name[0] == '\0')
            return;
        bool wanted = strcmp(name, probe->full) != 0 &&
                      krb5_parse_name(probe->krb5, name, &other) == 0 &&
                      shares_key(probe, keytab, other) == sharing;
        krb5_free_principal(probe->krb5, other);
        if (wanted)
            log_in_as_another(probe, keytab, name);
    }
}

/* In Active Directory only the account can get a ticket, not its service names: the keytab holds
 * both, and maybe other accounts. */
static void log_in_with_keytab(seal__spn_probe *probe, krb5_keytab keytab) {
    if (probe->own_kvno > 0)
        log_in_as_itself(probe, keytab);
    log_in_as_others(probe, keytab, true);
    log_in_as_others(probe, keytab, false);
}

static int with_keytab(seal__spn_probe *probe, seal_error **reterr) {
    krb5_keytab keytab = NULL;
    char first[SEAL__GSS_TEXT];
    char contents[1024];
    seal__gss_keytab_principal(probe->keytab, 0, first, sizeof first);
    if (first[0] == '\0') {
        seal__gss_keytab_contents(probe->keytab, contents, sizeof contents);
        return seal__gss_keytab_error(probe->keytab_text, probe->full, contents, contents, reterr);
    }
    krb5_error_code code = probe->keytab == NULL
                               ? krb5_kt_default(probe->krb5, &keytab)
                               : krb5_kt_resolve(probe->krb5, probe->keytab, &keytab);
    if (code != 0)
        return seal__gss_krb5_fail(probe->krb5, code, probe->keytab_text, reterr);
    log_in_with_keytab(probe, keytab);
    krb5_kt_close(probe->krb5, keytab);
    return 0;
}

/* ---- From a user's cache ---- */

/* Only the TGTs: a service ticket that lies there would hide what the KDC says now. */
static krb5_error_code copy_tgts(krb5_context krb5, krb5_ccache from, krb5_ccache to,
                                 size_t *ret_n) {
    krb5_cc_cursor cursor = NULL;
    krb5_creds creds;
    krb5_timestamp now = 0;
    krb5_error_code code = krb5_timeofday(krb5, &now);
    if (code == 0)
        code = krb5_cc_start_seq_get(krb5, from, &cursor);
    if (code != 0)
        return code;
    while ((code = krb5_cc_next_cred(krb5, from, &cursor, &creds)) == 0) {
        const krb5_data *first = creds.server->length == 2 ? &creds.server->data[0] : NULL;
        bool valid = (uint32_t)creds.times.endtime > (uint32_t)now;
        if (valid && first != NULL && first->length == 6 && memcmp(first->data, "krbtgt", 6) == 0 &&
            krb5_cc_store_cred(krb5, to, &creds) == 0)
            (*ret_n)++;
        krb5_free_cred_contents(krb5, &creds);
    }
    krb5_cc_end_seq_get(krb5, from, &cursor);
    return code == KRB5_CC_END ? 0 : code;
}

static krb5_error_code take_user(seal__spn_probe *probe, const char *ccache, size_t *ret_n) {
    krb5_context krb5 = probe->krb5;
    krb5_ccache cache = NULL;
    krb5_principal user = NULL;
    krb5_error_code code =
        ccache == NULL ? krb5_cc_default(krb5, &cache) : krb5_cc_resolve(krb5, ccache, &cache);
    if (code == 0)
        code = krb5_cc_get_principal(krb5, cache, &user);
    if (code == 0)
        code = new_cache(krb5, user, &probe->tickets);
    if (code == 0)
        code = copy_tgts(krb5, cache, probe->tickets, ret_n);
    if (code == 0 && *ret_n > 0)
        became(probe, user);
    krb5_free_principal(krb5, user);
    if (cache != NULL)
        krb5_cc_close(krb5, cache);
    return code;
}

static int with_ccache(seal__spn_probe *probe, const char *ccache, seal_error **reterr) {
    size_t n = 0;
    char name[SEAL__GSS_TEXT];
    char why[SEAL__GSS_TEXT] = "there is no ticket in it that is still valid";
    krb5_error_code code = take_user(probe, ccache, &n);
    if (code == 0 && n > 0)
        return 0;
    seal__gss_ccache_name(ccache, name, sizeof name);
    if (code != 0)
        seal__gss_krb5_text(probe->krb5, code, why, sizeof why);
    return seal__error(reterr, SEAL_ERROR_CREDENTIALS,
                       "no Kerberos ticket to ask about %s with: %s (%s); run \"kinit\"",
                       probe->full, why, name);
}

int seal__spn_probe_login(seal__spn_probe *probe, const char *ccache, seal_error **reterr) {
    return probe->with_keytab ? with_keytab(probe, reterr) : with_ccache(probe, ccache, reterr);
}
