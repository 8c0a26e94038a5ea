/* SPDX-License-Identifier: Apache-2.0 */
/* The proof at start-up that a server's credentials work. */
#include "secure/gss/gss_internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LEGS_MAX = 16, TOKEN_MAX = 128 * 1024, CLIENTS_MAX = 16 };

typedef struct pair {
    seal__mech *initiator;
    seal__mech *acceptor;
    seal__buf to_initiator;
    seal__buf to_acceptor;
    bool acceptor_failed;
} pair;

static void pair_done(pair *p) {
    seal__buf_done(&p->to_initiator);
    seal__buf_done(&p->to_acceptor);
    if (p->initiator != NULL)
        p->initiator->ops->free(p->initiator);
    if (p->acceptor != NULL)
        p->acceptor->ops->free(p->acceptor);
}

static int pair_init(pair *p, seal__gss_acceptor *acceptor,
                     const seal__gss_initiator_options *options, seal_error **reterr) {
    *p = (pair){0};
    seal__buf_init(&p->to_initiator, acceptor->alloc, TOKEN_MAX);
    seal__buf_init(&p->to_acceptor, acceptor->alloc, TOKEN_MAX);
    int rc = seal__gss_initiator_new(options, &p->initiator, reterr);
    return rc < 0 ? rc
                  : seal__gss_acceptor_context(acceptor, options->mechanism, options->target,
                                               &p->acceptor, reterr);
}

static int one_step(seal__mech *mech, seal__buf *in, seal__buf *out, seal_error **reterr) {
    seal__buf_reset(out);
    return mech->ops->step(mech, in->data, in->len, out, reterr);
}

/* The token exchange. */
static int establish(pair *p, seal_error **reterr) {
    int initiator = SEAL__MECH_CONTINUE;
    int acceptor = SEAL__MECH_CONTINUE;
    for (int legs = 0; legs < LEGS_MAX; legs++) {
        if (initiator == SEAL__MECH_CONTINUE)
            initiator = one_step(p->initiator, &p->to_initiator, &p->to_acceptor, reterr);
        if (initiator < 0)
            return initiator;
        if (acceptor == SEAL__MECH_CONTINUE)
            acceptor = one_step(p->acceptor, &p->to_acceptor, &p->to_initiator, reterr);
        p->acceptor_failed = acceptor < 0;
        if (acceptor < 0)
            return acceptor;
        if (initiator == SEAL__MECH_DONE && acceptor == SEAL__MECH_DONE)
            return 0;
    }
    return seal__error(reterr, SEAL_ERROR_AUTHENTICATION, "the token exchange does not end");
}

/* A sealed message from one end to the other. */
static int send_message(seal__mech *from, seal__mech *to, seal__buf *wrapped, seal__buf *plain) {
    static const uint8_t message[] = "start-up check";
    seal__buf_reset(wrapped);
    seal__buf_reset(plain);
    int rc = from->ops->wrap(from, true, message, sizeof message, wrapped);
    if (rc == 0)
        rc = to->ops->unwrap(to, true, wrapped->data, wrapped->len, plain);
    if (rc == 0 &&
        (plain->len != sizeof message || memcmp(plain->data, message, sizeof message) != 0))
        rc = SEAL_ERROR_TAMPERED;
    return rc;
}

static int exchange(pair *p, seal_error **reterr) {
    int rc = establish(p, reterr);
    if (rc < 0)
        return rc;
    rc = send_message(p->initiator, p->acceptor, &p->to_acceptor, &p->to_initiator);
    if (rc == 0)
        rc = send_message(p->acceptor, p->initiator, &p->to_initiator, &p->to_acceptor);
    return rc == 0 ? 0 : seal__error(reterr, rc, "a sealed message did not come through");
}

/* MEMORY caches are named per process, so each check takes a name of its own. */
static void unique_ccache(char *text, size_t size) {
    static atomic_ulong counter;
    snprintf(text, size, "MEMORY:sealrpc-check-%ld-%lu", (long)getpid(),
             atomic_fetch_add(&counter, 1));
}

/* The mechanisms whose acceptor uses the keytab. */
static bool uses_keytab(seal_mechanism mechanism) {
    return mechanism != SEAL_MECHANISM_NTLM;
}

/* ---- Without the KDC ---- */

/* Whatever fails with a ticket made from the keytab's own key is the fault of that key. */
static int blame_keytab(const seal__gss_acceptor *acceptor, const char *principal, int rc,
                        seal_error **reterr) {
    if (rc != SEAL_ERROR_KEY_VERSION && rc != SEAL_ERROR_AUTHENTICATION &&
        rc != SEAL_ERROR_CREDENTIALS && rc != SEAL_ERROR_PROTECTION)
        return rc;
    char keytab[SEAL__GSS_TEXT];
    char why[1024] = "";
    seal__gss_keytab_name(acceptor->keytab, keytab, sizeof keytab);
    if (reterr != NULL) {
        snprintf(why, sizeof why, "%s", seal_error_message(*reterr));
        seal_error_free(*reterr);
        *reterr = NULL;
    }
    return seal__error(
        reterr, SEAL_ERROR_KEYTAB,
        "keytab %s has a key for %s that cannot be used: %s; give the account AES keys and "
        "export the keytab again (kadmin: ktadd -k %s %s)",
        keytab, principal, why, keytab, principal);
}

/* Whoever can break the service's key can read its tickets; the strength of the context, which
 * comes from a negotiated subkey, does not tell. */
static int check_key_type(const char *ccache, const char *principal, seal_error **reterr) {
    int32_t enctype = 0;
    seal__gss_ticket_kvno(ccache, principal, &enctype);
    switch (enctype) {
    case ENCTYPE_DES3_CBC_SHA1:
    case ENCTYPE_ARCFOUR_HMAC:
    case ENCTYPE_ARCFOUR_HMAC_EXP:
        return seal__error(reterr, SEAL_ERROR_PROTECTION, "its encryption type %d is weak",
                           (int)enctype);
    default:
        return 0;
    }
}

static int check_with_minted(seal__gss_acceptor *acceptor, const char *principal,
                             seal_mechanism mechanism, seal_error **reterr) {
    char ccache[64];
    unique_ccache(ccache, sizeof ccache);
    seal__gss_mint_options mint = {.keytab = acceptor->keytab,
                                   .service = principal,
                                   .client = principal,
                                   .ccache = ccache,
                                   .lifetime_s = 300};
    seal__gss_initiator_options options = {
        .alloc = acceptor->alloc, .target = principal, .ccache = ccache, .mechanism = mechanism};
    int rc = seal__gss_mint_ticket(&mint, reterr);
    if (rc == 0) {
        pair p;
        rc = pair_init(&p, acceptor, &options, reterr);
        if (rc == 0)
            rc = exchange(&p, reterr);
        if (rc == 0)
            rc = check_key_type(ccache, principal, reterr);
        pair_done(&p);
    }
    seal__gss_ccache_destroy(ccache);
    if (rc < 0)
        rc = blame_keytab(acceptor, principal, rc, reterr);
    return rc;
}

int seal__gss_acceptor_check_local(seal__gss_acceptor *acceptor, seal_error **reterr) {
    seal__gss_keep_config();
    int rc = seal__gss_acceptor_complete(acceptor, reterr);
    for (size_t i = 0; i < acceptor->n_mechanisms && rc == 0; i++) {
        if (!uses_keytab(acceptor->mechanisms[i]))
            continue;
        for (size_t k = 0; k < acceptor->n_principals && rc == 0; k++)
            rc = check_with_minted(acceptor, acceptor->full[k], acceptor->mechanisms[i], reterr);
    }
    return rc;
}

/* ---- With the KDC ---- */

static bool is_unknown_client(const pair *p) {
    return p->initiator != NULL &&
           seal__gss_last_krb5_code(p->initiator) == KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN;
}

static bool is_wrong_client_key(const pair *p) {
    if (p->initiator == NULL || p->acceptor_failed)
        return false;
    switch (seal__gss_last_krb5_code(p->initiator)) {
    case KRB5KDC_ERR_PREAUTH_FAILED:
    case KRB5_PREAUTH_FAILED:
    case KRB5KRB_AP_ERR_BAD_INTEGRITY:
    case KRB5KRB_AP_ERR_MODIFIED:
        return true;
    default:
        return false;
    }
}

/* Puts what check_kdc is asked for in place of an error about clients or tickets. */
static int kdc_verdict(const pair *p, seal__gss_acceptor *acceptor, const char *principal,
                       const char *client, const char *ccache, int rc, seal_error **reterr) {
    bool other_key = is_wrong_client_key(p) || rc == SEAL_ERROR_KEY_VERSION;
    if (!other_key && !is_unknown_client(p))
        return rc;
    if (reterr != NULL) {
        seal_error_free(*reterr);
        *reterr = NULL;
    }
    char keytab[SEAL__GSS_TEXT];
    seal__gss_keytab_name(acceptor->keytab, keytab, sizeof keytab);
    if (!other_key)
        return seal__error(reterr, SEAL_ERROR_UNKNOWN_SERVICE,
                           "the KDC does not know %s, nor any other principal of %s: register it "
                           "(kadmin: addprinc "
                           "-randkey %s), then export the keytab",
                           principal, keytab, principal);
    int32_t enctype = 0;
    unsigned kdcs = seal__gss_ticket_kvno(ccache, principal, &enctype);
    if (kdcs != 0)
        return seal__error(reterr, SEAL_ERROR_KEY_VERSION,
                           "%s has kvno %u of %s, the KDC has kvno %u: export the keytab again "
                           "(kadmin: ktadd -k %s %s)",
                           keytab, seal__gss_keytab_kvno(acceptor->keytab, principal), principal,
                           kdcs, keytab, principal);
    return seal__error(reterr, SEAL_ERROR_KEY_VERSION,
                       "%s has kvno %u of %s, but the KDC has another key (\"kvno %s\" shows its "
                       "version): export the "
                       "keytab again (kadmin: ktadd -k %s %s)",
                       keytab, seal__gss_keytab_kvno(acceptor->keytab, client), client, client,
                       keytab, client);
}

/* Asks the KDC as `client`. *ret_unknown: the KDC does not know that client. */
static int check_as(seal__gss_acceptor *acceptor, const char *principal, const char *client,
                    seal_mechanism mechanism, bool *ret_unknown, seal_error **reterr) {
    char ccache[64];
    char keytab[SEAL__GSS_TEXT];
    unique_ccache(ccache, sizeof ccache);
    seal__gss_keytab_name(acceptor->keytab, keytab, sizeof keytab);
    seal__gss_initiator_options options = {.alloc = acceptor->alloc,
                                           .target = principal,
                                           .ccache = ccache,
                                           .client_keytab = keytab,
                                           .client_principal = client,
                                           .mechanism = mechanism};
    pair p;
    int rc = pair_init(&p, acceptor, &options, reterr);
    if (rc == 0)
        rc = exchange(&p, reterr);
    *ret_unknown = rc < 0 && is_unknown_client(&p);
    if (rc < 0)
        rc = kdc_verdict(&p, acceptor, principal, client, ccache, rc, reterr);
    pair_done(&p);
    seal__gss_ccache_destroy(ccache);
    return rc;
}

/* In Active Directory only the account can get a ticket, not its service names: the keytab holds
 * both. */
static int check_as_any(seal__gss_acceptor *acceptor, const char *principal,
                        seal_mechanism mechanism, seal_error **reterr) {
    bool unknown = false;
    int rc = check_as(acceptor, principal, principal, mechanism, &unknown, reterr);
    for (size_t i = 0; unknown && i < CLIENTS_MAX; i++) {
        char client[SEAL__GSS_TEXT];
        seal__gss_keytab_principal(acceptor->keytab, i, client, sizeof client);
        if (client[0] == '\0')
            break;
        if (strcmp(client, principal) == 0)
            continue;
        if (reterr != NULL) {
            seal_error_free(*reterr);
            *reterr = NULL;
        }
        rc = check_as(acceptor, principal, client, mechanism, &unknown, reterr);
    }
    return rc;
}

int seal__gss_acceptor_check_kdc(seal__gss_acceptor *acceptor, seal_error **reterr) {
    seal__gss_keep_config();
    int rc = seal__gss_acceptor_complete(acceptor, reterr);
    seal_mechanism mechanism = 0;
    for (size_t i = 0; i < acceptor->n_mechanisms && mechanism == 0; i++)
        mechanism = uses_keytab(acceptor->mechanisms[i]) ? acceptor->mechanisms[i] : 0;
    for (size_t k = 0; k < acceptor->n_principals && rc == 0 && mechanism != 0; k++)
        rc = check_as_any(acceptor, acceptor->full[k], mechanism, reterr);
    return rc;
}
