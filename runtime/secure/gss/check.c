/* SPDX-License-Identifier: Apache-2.0 */
/* The proof at start-up that a server's credentials work. */
#include "secure/gss/spn_check_internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LEGS_MAX = 16, TOKEN_MAX = 128 * 1024 };

typedef struct pair {
    seal__mech *initiator;
    seal__mech *acceptor;
    seal__buf to_initiator;
    seal__buf to_acceptor;
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
    if (!seal__spn_enctype_is_weak(enctype))
        return 0;
    return seal__error(reterr, SEAL_ERROR_PROTECTION, "its encryption type %d is weak",
                       (int)enctype);
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

int seal__gss_acceptor_check_kdc(seal__gss_acceptor *acceptor, seal__spn_report *report,
                                 seal_error **reterr) {
    bool needed = false;
    for (size_t i = 0; i < acceptor->n_mechanisms; i++)
        needed = needed || uses_keytab(acceptor->mechanisms[i]);
    int rc = needed ? seal__gss_acceptor_complete(acceptor, reterr) : 0;
    for (size_t k = 0; needed && k < acceptor->n_principals && rc == 0; k++) {
        seal__spn_check_options options = {.spn = acceptor->full[k],
                                           .keytab = acceptor->keytab,
                                           .default_keytab = acceptor->keytab == NULL};
        rc = seal__spn_check(acceptor->alloc, &options, report, reterr);
    }
    return rc;
}
