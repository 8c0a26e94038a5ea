/* SPDX-License-Identifier: Apache-2.0 */
/* From a GSSAPI status to its cause. */
#include "secure/gss/explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Codes of krb5's GSS library that no header declares. */
enum {
    GSS_CCACHE_NOMATCH = 39756032,
    GSS_NO_MATCHING_KEY = 39756033,
    GSS_TGT_MISSING = 39756034,
    GSS_EMPTY_CCACHE = 39756044
};

/* `text` finds the cause when SPNEGO hides the code. */
static const struct known {
    int64_t code;
    seal__gss_cause cause;
    const char *text;
} known[] = {
    {KRB5_FCC_NOFILE, SEAL__GSS_CAUSE_NO_TICKET, "No Kerberos credentials available"},
    {KRB5_FCC_NOFILE, SEAL__GSS_CAUSE_NO_TICKET, "No credentials cache found"},
    {KRB5_CC_NOTFOUND, SEAL__GSS_CAUSE_NO_TICKET, "Matching credential not found"},
    {KRB5_CC_FORMAT, SEAL__GSS_CAUSE_NO_TICKET, NULL},
    {KRB5_CC_IO, SEAL__GSS_CAUSE_NO_TICKET, NULL},
    {KRB5_FCC_PERM, SEAL__GSS_CAUSE_NO_TICKET, NULL},
    {KRB5_CC_BADNAME, SEAL__GSS_CAUSE_NO_TICKET, NULL},
    {KRB5_CC_UNKNOWN_TYPE, SEAL__GSS_CAUSE_NO_TICKET, NULL},
    {KRB5_CC_NOT_KTYPE, SEAL__GSS_CAUSE_NO_TICKET, NULL},
    {GSS_CCACHE_NOMATCH, SEAL__GSS_CAUSE_NO_TICKET, NULL},
    {GSS_EMPTY_CCACHE, SEAL__GSS_CAUSE_NO_TICKET, NULL},
    {GSS_TGT_MISSING, SEAL__GSS_CAUSE_NO_TICKET, NULL},
    {KRB5_CCACHE_BADVNO, SEAL__GSS_CAUSE_NO_TICKET, NULL},
    {KRB5KRB_AP_ERR_TKT_EXPIRED, SEAL__GSS_CAUSE_EXPIRED, "Ticket expired"},
    {KRB5KRB_AP_ERR_SKEW, SEAL__GSS_CAUSE_SKEW, "Clock skew too great"},
    {KRB5_KDCREP_SKEW, SEAL__GSS_CAUSE_SKEW, "Clock skew too great in KDC reply"},
    {KRB5KRB_AP_ERR_TKT_NYV, SEAL__GSS_CAUSE_NOT_YET, "Ticket not yet valid"},
    {KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, SEAL__GSS_CAUSE_UNKNOWN_SERVICE,
     "not found in Kerberos database"},
    {KRB5_KDC_UNREACH, SEAL__GSS_CAUSE_KDC, "Cannot contact any KDC"},
    {KRB5_REALM_UNKNOWN, SEAL__GSS_CAUSE_KDC, "Cannot find KDC for"},
    {KRB5_REALM_CANT_RESOLVE, SEAL__GSS_CAUSE_KDC, "Cannot resolve servers for KDC"},
    {KRB5_CONFIG_NODEFREALM, SEAL__GSS_CAUSE_CONFIG, "does not specify default realm"},
    {KRB5_CONFIG_BADFORMAT, SEAL__GSS_CAUSE_CONFIG,
     "Improper format of Kerberos configuration file"},
    {KRB5_CONFIG_CANTOPEN, SEAL__GSS_CAUSE_CONFIG, "Can't open/find Kerberos configuration file"},
    {KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, SEAL__GSS_CAUSE_ACCOUNT, NULL},
    {KRB5KDC_ERR_NAME_EXP, SEAL__GSS_CAUSE_ACCOUNT, NULL},
    {KRB5KDC_ERR_CLIENT_REVOKED, SEAL__GSS_CAUSE_ACCOUNT, NULL},
    {KRB5KDC_ERR_KEY_EXP, SEAL__GSS_CAUSE_ACCOUNT, NULL},
    {KRB5KDC_ERR_POLICY, SEAL__GSS_CAUSE_ACCOUNT, NULL},
    {KRB5KRB_AP_ERR_NOT_US, SEAL__GSS_CAUSE_WRONG_TARGET, "ticket isn't for us"},
    {KRB5KRB_AP_ERR_NOT_US, SEAL__GSS_CAUSE_WRONG_TARGET, "ticket server"},
    {KRB5KRB_AP_WRONG_PRINC, SEAL__GSS_CAUSE_WRONG_TARGET, "Wrong principal in request"},
    {KRB5KRB_AP_ERR_BADMATCH, SEAL__GSS_CAUSE_WRONG_TARGET, NULL},
    {KRB5KDC_ERR_PREAUTH_FAILED, SEAL__GSS_CAUSE_KEY, NULL},
    {KRB5_PREAUTH_FAILED, SEAL__GSS_CAUSE_KEY, NULL},
    {KRB5KRB_AP_ERR_BAD_INTEGRITY, SEAL__GSS_CAUSE_KEY, "annot decrypt ticket"},
    {KRB5KRB_AP_ERR_BAD_INTEGRITY, SEAL__GSS_CAUSE_KEY, "Decrypt integrity check failed"},
    {KRB5KRB_AP_ERR_BADKEYVER, SEAL__GSS_CAUSE_KEY, "is likely out of date"},
    {KRB5KRB_AP_ERR_BADKEYVER, SEAL__GSS_CAUSE_KEY, "Key version"},
    {KRB5KRB_AP_ERR_BADKEYVER, SEAL__GSS_CAUSE_KEY, "Cannot find key for"},
    {KRB5KRB_AP_ERR_NOKEY, SEAL__GSS_CAUSE_KEY, NULL},
    {KRB5KDC_ERR_ETYPE_NOSUPP, SEAL__GSS_CAUSE_ENCTYPE, "KDC has no support for encryption type"},
    {KRB5_BAD_ENCTYPE, SEAL__GSS_CAUSE_ENCTYPE, NULL},
    {KRB5_CONFIG_ETYPE_NOSUPP, SEAL__GSS_CAUSE_ENCTYPE, NULL},
    {GSS_NO_MATCHING_KEY, SEAL__GSS_CAUSE_KEYTAB, "No key table entry found"},
    {KRB5_KT_NOTFOUND, SEAL__GSS_CAUSE_KEYTAB, "Key table file"},
    {KRB5_KT_END, SEAL__GSS_CAUSE_KEYTAB, NULL},
    {KRB5_KT_IOERR, SEAL__GSS_CAUSE_KEYTAB, NULL},
    {KRB5_KT_BADNAME, SEAL__GSS_CAUSE_KEYTAB, NULL},
    {KRB5_KT_UNKNOWN_TYPE, SEAL__GSS_CAUSE_KEYTAB, NULL},
    {KRB5_KT_KVNONOTFOUND, SEAL__GSS_CAUSE_KEYTAB, NULL},
    {KRB5_KT_FORMAT, SEAL__GSS_CAUSE_KEYTAB, NULL},
    {KRB5_KEYTAB_BADVNO, SEAL__GSS_CAUSE_KEYTAB, NULL},
    {ENOENT, SEAL__GSS_CAUSE_KEYTAB, NULL},
    {EACCES, SEAL__GSS_CAUSE_KEYTAB, NULL},
    {EISDIR, SEAL__GSS_CAUSE_KEYTAB, NULL},
};

static seal__gss_cause cause_of(int32_t code, const char *text, int32_t *ret_code) {
    *ret_code = code;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (code == known[i].code)
            return known[i].cause;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].text != NULL && strstr(text, known[i].text) != NULL) {
            *ret_code = (int32_t)known[i].code;
            return known[i].cause;
        }
    }
    return SEAL__GSS_CAUSE_OTHER;
}

static bool append_status(OM_uint32 status, int type, gss_OID mechanism, char *text, size_t size) {
    gss_buffer_desc line = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor = 0;
    OM_uint32 more = 0;
    bool any = false;
    do {
        if (gss_display_status(&minor, status, type, mechanism, &more, &line) != GSS_S_COMPLETE)
            return any;
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%.*s", used > 0 ? ": " : "", (int)line.length,
                 (char *)line.value);
        any = any || line.length > 0;
        gss_release_buffer(&minor, &line);
    } while (more != 0);
    return any;
}

/* The minor text has the facts; the major one stands in where it says nothing. */
static void status_text(OM_uint32 major, OM_uint32 minor, gss_OID mechanism, char *text,
                        size_t size) {
    text[0] = '\0';
    if (minor != 0)
        append_status(minor, GSS_C_MECH_CODE, mechanism, text, size);
    bool vague = text[0] == '\0' || strncmp(text, "Unknown error", 13) == 0 ||
                 strncmp(text, "Success", 7) == 0;
    if (vague) {
        text[0] = '\0';
        append_status(major, GSS_C_GSS_CODE, mechanism, text, size);
    }
    size_t len = strlen(text);
    if (len > 0 && text[len - 1] == '.')
        text[len - 1] = '\0';
}

/* ---- The peer's KRB-ERROR ---- */

/* The length of the DER element at `at`; 0 when it is none. */
static size_t element_length(const uint8_t *at, size_t left) {
    if (left < 2)
        return 0;
    size_t len = at[1];
    size_t head = 2;
    if (len == 0x80 || len > 0x82)
        return 0;
    if (len > 0x80) {
        head += len - 0x80;
        len = 0;
        for (size_t i = 2; i < head && head <= left; i++)
            len = len << 8 | at[i];
    }
    return head + len <= left ? head + len : 0;
}

/* Finds the KRB-ERROR in a token, plain or inside SPNEGO. */
static void read_peer_error(const uint8_t *token, size_t token_len, seal__gss_peer_error *error) {
    static const uint8_t mark[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                   0x12, 0x01, 0x02, 0x02, 0x03, 0x00};
    *error = (seal__gss_peer_error){0};
    const uint8_t *at = token_len == 0 ? NULL : memmem(token, token_len, mark, sizeof mark);
    if (at == NULL)
        return;
    at += sizeof mark;
    size_t len = element_length(at, token_len - (size_t)(at - token));
    krb5_data bytes = {.length = (unsigned)len, .data = (char *)(uintptr_t)at};
    krb5_context krb5 = NULL;
    krb5_error *sent = NULL;
    if (len == 0 || krb5_init_context(&krb5) != 0)
        return;
    if (krb5_rd_error(krb5, &bytes, &sent) == 0) {
        error->present = true;
        error->ahead_s = (int64_t)(uint32_t)sent->stime - (int64_t)time(NULL);
        if (sent->text.length > 0)
            snprintf(error->text, sizeof error->text, "%.*s", (int)sent->text.length,
                     sent->text.data);
        krb5_free_error(krb5, sent);
    }
    krb5_free_context(krb5);
}

/*
 * The library has no text of its own for what the peer reports, and would show the one of an older
 * failure on this thread.
 */
static void peer_error_text(int32_t code, const seal__gss_peer_error *error, char *text,
                            size_t size) {
    char base[SEAL__GSS_TEXT];
    krb5_context krb5 = NULL;
    if (krb5_init_context(&krb5) != 0)
        return;
    seal__gss_krb5_text(krb5, code, base, sizeof base);
    krb5_free_context(krb5);
    snprintf(text, size, "the server reports \"%.300s%s%s\"", base,
             error->text[0] == '\0' ? "" : ": ", error->text);
}

/* ---- Failures ---- */

/*
 * A named acceptor credential tries its own keys on any ticket, so a ticket for somebody else looks
 * like one with another key: "Cannot decrypt ticket for a/b@R using keytab key for c/d@R".
 */
static bool is_ticket_of_another(const seal__gss_failure *f) {
    static const char mark[] = "decrypt ticket for ";
    const char *name = strstr(f->text, mark);
    if (f->at->service == NULL || name == NULL)
        return false;
    name += sizeof mark - 1;
    size_t len = strlen(f->at->service);
    return strncmp(name, f->at->service, len) != 0 || name[len] != ' ';
}

static void know_stores(seal__gss_failure *f, bool acceptor) {
    const seal__gss_situation *at = f->at;
    if (acceptor) {
        seal__gss_keytab_name(at->keytab, f->store, sizeof f->store);
        return;
    }
    seal__gss_ccache_name(at->ccache, f->store, sizeof f->store);
    if (at->client_principal != NULL)
        snprintf(f->client, sizeof f->client, "%s", at->client_principal);
    else
        seal__gss_ccache_principal(at->ccache, f->client, sizeof f->client);
    if (f->client[0] == '\0' && at->client_keytab != NULL)
        seal__gss_keytab_principal(at->client_keytab, 0, f->client, sizeof f->client);
    if (f->client[0] == '\0')
        snprintf(f->client, sizeof f->client, "the client");
}

int seal__gss_fail(const seal__gss_situation *at, OM_uint32 major, OM_uint32 minor,
                   int32_t *ret_krb5_code, seal_error **reterr) {
    bool acceptor = at->phase >= SEAL__GSS_ACCEPTOR_ACQUIRES;
    char text[SEAL__GSS_TEXT];
    status_text(major, minor, seal__gss_mechanism_oid(at->mechanism), text, sizeof text);
    seal__gss_failure f = {.at = at, .text = text, .cause = SEAL__GSS_CAUSE_OTHER};
    if (at->mechanism != SEAL_MECHANISM_NTLM) {
        f.cause = cause_of((int32_t)minor, text, &f.code);
        if (at->phase == SEAL__GSS_INITIATOR_CONTINUES)
            read_peer_error(at->token, at->token_len, &f.peer);
        if (f.peer.present)
            peer_error_text(f.code, &f.peer, text, sizeof text);
        know_stores(&f, acceptor);
    }
    if (acceptor && f.cause == SEAL__GSS_CAUSE_KEY && is_ticket_of_another(&f))
        f.cause = SEAL__GSS_CAUSE_WRONG_TARGET;
    if (major == GSS_S_CREDENTIALS_EXPIRED && f.cause == SEAL__GSS_CAUSE_OTHER)
        f.cause = SEAL__GSS_CAUSE_EXPIRED;
    *ret_krb5_code = f.code;
    return seal__gss_explain(&f, major, acceptor, reterr);
}

bool seal__gss_error_is_stale_ticket(int code) {
    return code == SEAL_ERROR_KEY_VERSION || code == SEAL_ERROR_WRONG_TARGET;
}

/* ---- Calls of libkrb5 itself ---- */

void seal__gss_krb5_text(krb5_context krb5, krb5_error_code code, char *text, size_t size) {
    const char *message = krb5_get_error_message(krb5, code);
    snprintf(text, size, "%s", message == NULL ? "unknown error" : message);
    krb5_free_error_message(krb5, message);
}

int seal__gss_krb5_fail(krb5_context krb5, krb5_error_code code, const char *what,
                        seal_error **reterr) {
    char text[SEAL__GSS_TEXT];
    seal__gss_krb5_text(krb5, code, text, sizeof text);
    if (code == ENOMEM)
        return seal__error_no_memory(reterr);
    int32_t ignored = 0;
    /* Without a context the code says it all: krb5_init_context fails for the configuration alone.
     */
    if (krb5 == NULL || cause_of(code, text, &ignored) == SEAL__GSS_CAUSE_CONFIG)
        return seal__gss_config_error(text, reterr);
    return seal__error(reterr, SEAL_ERROR_INTERNAL, "%.300s: %s", what, text);
}
