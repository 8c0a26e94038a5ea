/* SPDX-License-Identifier: Apache-2.0 */
/* The server's identity and its end of a token exchange. */
#include "secure/gss/gss_internal.h"

#include <string.h>

/* ---- Identity ---- */

static void acceptor_free(seal__gss_acceptor *acceptor) {
    OM_uint32 minor = 0;
    for (size_t i = 0; i < acceptor->n_spares; i++)
        gss_release_cred(&minor, &acceptor->spares[i].cred);
    for (size_t i = 0; i < acceptor->n_principals; i++) {
        if (acceptor->principals != NULL)
            seal__release(acceptor->alloc, acceptor->principals[i]);
        if (acceptor->full != NULL)
            seal__release(acceptor->alloc, acceptor->full[i]);
    }
    seal__release(acceptor->alloc, acceptor->principals);
    seal__release(acceptor->alloc, acceptor->full);
    seal__release(acceptor->alloc, acceptor->keytab);
    seal__release(acceptor->alloc, acceptor->mechanisms);
    pthread_mutex_destroy(&acceptor->lock);
    seal__release(acceptor->alloc, acceptor);
}

static bool copy_options(seal__gss_acceptor *acceptor, const seal__gss_acceptor_options *options) {
    const seal_allocator *alloc = options->alloc;
    acceptor->n_principals = options->n_principals;
    acceptor->principals =
        seal__alloc_zeroed(alloc, options->n_principals, sizeof *acceptor->principals);
    acceptor->mechanisms =
        seal__alloc_zeroed(alloc, options->n_mechanisms, sizeof *acceptor->mechanisms);
    if (acceptor->principals == NULL || acceptor->mechanisms == NULL)
        return false;
    acceptor->n_mechanisms = options->n_mechanisms;
    memcpy(acceptor->mechanisms, options->mechanisms,
           options->n_mechanisms * sizeof *acceptor->mechanisms);
    for (size_t i = 0; i < options->n_principals; i++) {
        acceptor->principals[i] = seal__strdup(alloc, options->principals[i]);
        if (acceptor->principals[i] == NULL)
            return false;
    }
    if (options->keytab != NULL)
        acceptor->keytab = seal__strdup(alloc, options->keytab);
    return options->keytab == NULL || acceptor->keytab != NULL;
}

int seal__gss_acceptor_new(const seal__gss_acceptor_options *options,
                           seal__gss_acceptor **ret_acceptor, seal_error **reterr) {
    if (options->n_principals == 0 || options->n_mechanisms == 0)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "a server needs a principal and a mechanism");
    for (size_t i = 0; i < options->n_mechanisms; i++) {
        if (seal__gss_mechanism_oid(options->mechanisms[i]) == GSS_C_NO_OID)
            return seal__error(reterr, SEAL_ERROR_INVALID, "mechanism %d is none",
                               (int)options->mechanisms[i]);
    }
    seal__gss_acceptor *acceptor = seal__alloc_zeroed(options->alloc, 1, sizeof *acceptor);
    if (acceptor == NULL)
        return seal__error_no_memory(reterr);
    acceptor->alloc = options->alloc;
    atomic_init(&acceptor->refs, 1);
    pthread_mutex_init(&acceptor->lock, NULL);
    if (!copy_options(acceptor, options)) {
        acceptor_free(acceptor);
        return seal__error_no_memory(reterr);
    }
    *ret_acceptor = acceptor;
    return 0;
}

seal__gss_acceptor *seal__gss_acceptor_ref(seal__gss_acceptor *acceptor) {
    atomic_fetch_add_explicit(&acceptor->refs, 1, memory_order_relaxed);
    return acceptor;
}

void seal__gss_acceptor_unref(seal__gss_acceptor *acceptor) {
    if (acceptor != NULL &&
        atomic_fetch_sub_explicit(&acceptor->refs, 1, memory_order_acq_rel) == 1)
        acceptor_free(acceptor);
}

static int complete_all(seal__gss_acceptor *acceptor, seal_error **reterr) {
    char **full = seal__alloc_zeroed(acceptor->alloc, acceptor->n_principals, sizeof *full);
    if (full == NULL)
        return seal__error_no_memory(reterr);
    int rc = 0;
    for (size_t i = 0; i < acceptor->n_principals && rc == 0; i++)
        rc = seal__gss_complete_principal(acceptor->alloc, acceptor->principals[i], &full[i],
                                          reterr);
    if (rc == 0) {
        acceptor->full = full;
        return 0;
    }
    for (size_t i = 0; i < acceptor->n_principals; i++)
        seal__release(acceptor->alloc, full[i]);
    seal__release(acceptor->alloc, full);
    return rc;
}

int seal__gss_acceptor_complete(seal__gss_acceptor *acceptor, seal_error **reterr) {
    pthread_mutex_lock(&acceptor->lock);
    int rc = acceptor->full != NULL ? 0 : complete_all(acceptor, reterr);
    pthread_mutex_unlock(&acceptor->lock);
    return rc;
}

/* ---- Contexts ---- */

typedef struct acceptor_context {
    seal__gss_context common;
    seal__gss_watch keytab; /* what the credential has a copy of */
    seal__gss_acceptor *acceptor;
    char *asked;          /* the target in the client's hello */
    const char *identity; /* which complete principal that is; NULL: more than one may be meant */
    bool told; /* a context made with this credential said that its target is `identity` */
} acceptor_context;

static void context_free(seal__mech *mech) {
    acceptor_context *a = (acceptor_context *)(void *)mech;
    if (a == NULL)
        return;
    seal__gss_acceptor *acceptor = a->acceptor;
    const seal_allocator *alloc = a->common.alloc;
    seal__release(alloc, a->asked);
    seal__gss_context_done(&a->common);
    seal__release(alloc, a);
    seal__gss_acceptor_unref(acceptor);
}

/* The configured principal that the client asked for, so that only its keys are tried. */
static const char *chosen_identity(const acceptor_context *a) {
    const char *found = NULL;
    for (size_t i = 0; i < a->acceptor->n_principals; i++) {
        if (!seal__gss_principal_may_be(a->acceptor->full[i], a->asked))
            continue;
        if (found != NULL && strcmp(found, a->acceptor->full[i]) != 0)
            return NULL;
        found = a->acceptor->full[i];
    }
    return found;
}

static seal__gss_situation situation(const acceptor_context *a, seal__gss_phase phase) {
    return (seal__gss_situation){.phase = phase,
                                 .mechanism = a->common.mechanism,
                                 .service = a->identity != NULL ? a->identity : a->asked,
                                 .keytab = a->acceptor->keytab};
}

static bool is_configured(const acceptor_context *a, const char *principal) {
    for (size_t i = 0; i < a->acceptor->n_principals; i++) {
        if (strcmp(a->acceptor->full[i], principal) == 0)
            return true;
    }
    return false;
}

/*
 * A handshake has a credential to itself: an accept holds its lock to the end. It is used again by
 * later ones, with its copy of the keytab, until the keytab changes: that saves a third of the
 * work.
 */
static bool take_any_spare(acceptor_context *a) {
    seal__gss_acceptor *acceptor = a->acceptor;
    bool found = false;
    pthread_mutex_lock(&acceptor->lock);
    for (size_t i = 0; i < acceptor->n_spares && !found; i++) {
        seal__gss_spare *spare = &acceptor->spares[i];
        found = spare->identity == a->identity && spare->mechanism == a->common.mechanism;
        if (!found)
            continue;
        a->common.cred = spare->cred;
        a->keytab = spare->keytab;
        a->told = spare->told;
        *spare = acceptor->spares[--acceptor->n_spares];
    }
    pthread_mutex_unlock(&acceptor->lock);
    return found;
}

static void take_spare(acceptor_context *a) {
    OM_uint32 minor = 0;
    while (take_any_spare(a)) {
        if (seal__gss_watch_is_good(&a->keytab))
            return;
        a->told = false;
        gss_release_cred(&minor, &a->common.cred);
    }
}

static void give_spare(acceptor_context *a) {
    seal__gss_acceptor *acceptor = a->acceptor;
    if (a->common.mechanism == SEAL_MECHANISM_NTLM || a->common.cred == GSS_C_NO_CREDENTIAL)
        return;
    pthread_mutex_lock(&acceptor->lock);
    if (acceptor->n_spares < SEAL__GSS_SPARE_CREDS) {
        acceptor->spares[acceptor->n_spares++] = (seal__gss_spare){.cred = a->common.cred,
                                                                   .identity = a->identity,
                                                                   .mechanism = a->common.mechanism,
                                                                   .told = a->told,
                                                                   .keytab = a->keytab};
        a->common.cred = GSS_C_NO_CREDENTIAL;
    }
    pthread_mutex_unlock(&acceptor->lock);
}

static int prepare(acceptor_context *a, seal_error **reterr) {
    seal__gss_context *c = &a->common;
    seal__gss_keep_config();
    if (c->mechanism != SEAL_MECHANISM_NTLM) {
        int rc = seal__gss_acceptor_complete(a->acceptor, reterr);
        if (rc < 0)
            return rc;
        a->identity = chosen_identity(a);
        take_spare(a);
        if (c->cred != GSS_C_NO_CREDENTIAL ||
            seal__gss_acquire_copied(a->acceptor->keytab, a->identity, c->mechanism, &a->keytab,
                                     &c->cred))
            return 0;
    }
    OM_uint32 major = GSS_S_FAILURE;
    OM_uint32 minor = 0;
    int rc = seal__gss_acquire_acceptor(a->acceptor->keytab, a->identity, c->mechanism, &c->cred,
                                        &major, &minor, reterr);
    if (rc < 0 || major == GSS_S_COMPLETE)
        return rc;
    seal__gss_situation at = situation(a, SEAL__GSS_ACCEPTOR_ACQUIRES);
    return seal__gss_context_fail(c, &at, major, minor, reterr);
}

static int check_target(acceptor_context *a, seal_error **reterr) {
    seal__gss_context *c = &a->common;
    if (c->mechanism == SEAL_MECHANISM_NTLM)
        return 0;
    if (!c->is_krb5)
        return seal__error(reterr, SEAL_ERROR_NOT_MUTUAL,
                           "%s chose %s, which the policy does not allow",
                           seal_mechanism_name(c->mechanism), c->base.info.mechanism);
    if (!is_configured(a, c->target_text) || !seal__gss_principal_may_be(c->target_text, a->asked))
        return seal__error(
            reterr, SEAL_ERROR_WRONG_TARGET,
            "the ticket of %.300s is for %.300s, but the connection asked for %.300s", c->peer_text,
            c->target_text, a->asked);
    return 0;
}

/* The library names the principal whose key opened the ticket, and a copy of a keytab for one
 * principal has the keys of no other: what it said once it would say again. */
static int describe(acceptor_context *a, OM_uint32 flags, OM_uint32 lifetime, gss_name_t peer,
                    seal_error **reterr) {
    seal__gss_context *c = &a->common;
    if (a->told && (c->target_text = seal__strdup(c->alloc, a->identity)) == NULL)
        return seal__error_no_memory(reterr);
    int rc = seal__gss_info_fill(c, flags, lifetime, peer, a->asked, reterr);
    if (rc == 0)
        rc = check_target(a, reterr);
    if (rc == 0 && c->is_krb5 && a->identity != NULL && a->keytab.path[0] != '\0')
        a->told = strcmp(c->target_text, a->identity) == 0;
    return rc;
}

static int leg(acceptor_context *a, gss_buffer_t in, seal__buf *out, seal_error **reterr) {
    seal__gss_context *c = &a->common;
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    gss_name_t peer = GSS_C_NO_NAME;
    OM_uint32 flags = 0;
    OM_uint32 lifetime = 0;
    OM_uint32 minor = 0;
    size_t before = out->len;
    OM_uint32 major =
        gss_accept_sec_context(&minor, &c->gss, c->cred, in, GSS_C_NO_CHANNEL_BINDINGS, &peer, NULL,
                               &token, &flags, &lifetime, NULL);
    /* A wrong token ID makes krb5 ask for more without saying what it wants to send. */
    bool going_on = major == GSS_S_COMPLETE || (major == GSS_S_CONTINUE_NEEDED && token.length > 0);
    int rc = 0;
    if (going_on) {
        rc = seal__gss_context_emit(&token, out, reterr);
    } else {
        seal__gss_situation at = situation(a, SEAL__GSS_ACCEPTOR_STEPS);
        rc = seal__gss_context_fail(c, &at, major, minor, reterr);
        seal__gss_context_emit(&token, out, NULL);
    }
    if (rc == 0 && major == GSS_S_CONTINUE_NEEDED)
        rc = SEAL__MECH_CONTINUE;
    if (rc == 0)
        rc = describe(a, flags, lifetime, peer, reterr);
    /* What the mechanism says to a peer that it accepts is not for one that we refuse. */
    if (going_on && rc < 0)
        out->len = before;
    gss_release_name(&minor, &peer);
    return rc;
}

static int context_step(seal__mech *mech, const uint8_t *in, size_t len, seal__buf *out,
                        seal_error **reterr) {
    acceptor_context *a = (acceptor_context *)(void *)mech;
    seal__gss_context *c = &a->common;
    int rc = seal__gss_context_enter(c, len, reterr);
    if (rc < 0)
        return rc;
    if (c->state == SEAL__GSS_FRESH)
        rc = prepare(a, reterr);
    if (rc == 0) {
        gss_buffer_desc token = seal__gss_buffer(in, len);
        rc = leg(a, &token, out, reterr);
    }
    if (rc < 0)
        c->state = SEAL__GSS_FAILED;
    else
        c->state = rc == SEAL__MECH_DONE ? SEAL__GSS_ESTABLISHED : SEAL__GSS_STEPPING;
    /* One that reads the keytab itself and has failed is given up, so that the next one says why.
     */
    if (rc == SEAL__MECH_DONE || (rc < 0 && a->keytab.path[0] != '\0'))
        give_spare(a);
    return rc;
}

static const seal__mech_ops acceptor_ops = {
    .step = context_step, .wrap = seal__gss_wrap, .unwrap = seal__gss_unwrap, .free = context_free};

static bool accepts_mechanism(const seal__gss_acceptor *acceptor, seal_mechanism mechanism) {
    for (size_t i = 0; i < acceptor->n_mechanisms; i++) {
        if (acceptor->mechanisms[i] == mechanism)
            return true;
    }
    return false;
}

static bool answers_to(const seal__gss_acceptor *acceptor, const char *target) {
    for (size_t i = 0; i < acceptor->n_principals; i++) {
        if (seal__gss_principal_may_be(acceptor->principals[i], target))
            return true;
    }
    return false;
}

int seal__gss_acceptor_context(seal__gss_acceptor *acceptor, seal_mechanism mechanism,
                               const char *target, seal__mech **ret_mech, seal_error **reterr) {
    if (!accepts_mechanism(acceptor, mechanism))
        return seal__error(reterr, SEAL_ERROR_PROTECTION, "mechanism %s is not accepted here",
                           seal_mechanism_name(mechanism));
    if (target == NULL)
        target = acceptor->principals[0];
    if (!answers_to(acceptor, target))
        return seal__error(
            reterr, SEAL_ERROR_WRONG_TARGET,
            "the client asked for %.300s, but this server is %.300s; add the name to the server's "
            "aliases, or correct the client's",
            target, acceptor->principals[0]);
    acceptor_context *a = seal__alloc_zeroed(acceptor->alloc, 1, sizeof *a);
    if (a == NULL)
        return seal__error_no_memory(reterr);
    seal__gss_context_init(&a->common, &acceptor_ops, acceptor->alloc, mechanism, false);
    a->acceptor = seal__gss_acceptor_ref(acceptor);
    a->asked = seal__strdup(acceptor->alloc, target);
    if (a->asked == NULL) {
        context_free(&a->common.base);
        return seal__error_no_memory(reterr);
    }
    *ret_mech = &a->common.base;
    return 0;
}
