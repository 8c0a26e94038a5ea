/* SPDX-License-Identifier: Apache-2.0 */
/* The client's end of a token exchange. */
#include "secure/gss/gss_internal.h"

#include <string.h>

enum {
    REQUESTED = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_CONF_FLAG |
                GSS_C_INTEG_FLAG
};

typedef struct initiator {
    seal__gss_context common;
    seal__gss_initiator_options options; /* strings owned */
    gss_name_t target;
    bool private_ccache; /* nobody else puts tickets there */
    seal__gss_tickets *tickets;
    seal__gss_ready *ready; /* in use; has the target and the credential */
} initiator;

/* What belongs to `ready` goes back to it. */
static seal__gss_ready *take_back(initiator *i) {
    seal__gss_ready *ready = i->ready;
    i->ready = NULL;
    if (ready != NULL) {
        i->target = GSS_C_NO_NAME;
        i->common.cred = GSS_C_NO_CREDENTIAL;
    }
    return ready;
}

static void initiator_free(seal__mech *mech) {
    initiator *i = (initiator *)(void *)mech;
    if (i == NULL)
        return;
    const seal_allocator *alloc = i->common.alloc;
    OM_uint32 minor = 0;
    seal__gss_ready_free(take_back(i));
    gss_release_name(&minor, &i->target);
    seal__gss_tickets_unref(i->tickets);
    seal__release(alloc, (void *)(uintptr_t)i->options.target);
    seal__release(alloc, (void *)(uintptr_t)i->options.ccache);
    seal__release(alloc, (void *)(uintptr_t)i->options.client_keytab);
    seal__release(alloc, (void *)(uintptr_t)i->options.client_principal);
    seal__gss_context_done(&i->common);
    seal__release(alloc, i);
}

static seal__gss_situation situation(const initiator *i, seal__gss_phase phase) {
    return (seal__gss_situation){.phase = phase,
                                 .mechanism = i->options.mechanism,
                                 .service = i->options.target,
                                 .ccache = i->options.ccache,
                                 .client_keytab = i->options.client_keytab,
                                 .client_principal = i->options.client_principal};
}

/* Replaces *text, which it owns. */
static int complete_text(const initiator *i, const char **text, seal_error **reterr) {
    char *full = NULL;
    int rc = seal__gss_complete_principal(i->common.alloc, *text, &full, reterr);
    if (rc < 0)
        return rc;
    seal__release(i->common.alloc, (void *)(uintptr_t)*text);
    *text = full;
    return 0;
}

static int import_target(initiator *i, seal_error **reterr) {
    if (i->options.mechanism == SEAL_MECHANISM_NTLM)
        return seal__gss_import_hostbased(i->options.target, &i->target, reterr);
    int rc = complete_text(i, &i->options.target, reterr);
    return rc < 0 ? rc : seal__gss_import_principal(i->options.target, &i->target, reterr);
}

static void use(initiator *i, seal__gss_ready *ready) {
    i->ready = ready;
    i->target = ready->target;
    i->common.cred = ready->cred;
}

static int acquire(initiator *i, seal_error **reterr) {
    OM_uint32 major = GSS_S_FAILURE;
    OM_uint32 minor = 0;
    int rc = seal__gss_acquire_initiator(&i->options, &i->common.cred, &major, &minor, reterr);
    if (rc < 0 || major == GSS_S_COMPLETE)
        return rc;
    seal__gss_situation at = situation(i, SEAL__GSS_INITIATOR_ACQUIRES);
    return seal__gss_context_fail(&i->common, &at, major, minor, reterr);
}

/* With what earlier handshakes have left. */
static int reuse(initiator *i, seal__gss_ready *ready, seal_error **reterr) {
    char *full = seal__strdup(i->common.alloc, ready->full);
    use(i, ready);
    if (full == NULL)
        return seal__error_no_memory(reterr);
    seal__release(i->common.alloc, (void *)(uintptr_t)i->options.target);
    i->options.target = full;
    return 0;
}

static int prepare(initiator *i, seal_error **reterr) {
    seal__gss_keep_config();
    seal__gss_ready *ready =
        i->options.fresh_ticket ? NULL : seal__gss_tickets_take(i->tickets, &i->options);
    if (ready != NULL)
        return reuse(i, ready, reterr);
    char *asked = seal__strdup(i->common.alloc, i->options.target);
    if (asked == NULL)
        return seal__error_no_memory(reterr);
    int rc = import_target(i, reterr);
    if (rc == 0 && i->options.fresh_ticket && i->options.mechanism != SEAL_MECHANISM_NTLM) {
        seal__gss_tickets_forget(i->tickets);
        seal__gss_drop_ticket(i->options.ccache, i->options.target);
    } else if (rc == 0) {
        ready = seal__gss_tickets_make(i->tickets, &i->options, asked, i->private_ccache);
    }
    seal__release(i->common.alloc, asked);
    if (ready == NULL)
        return rc < 0 ? rc : acquire(i, reterr);
    OM_uint32 minor = 0;
    gss_release_name(&minor, &i->target);
    use(i, ready);
    return 0;
}

/* The ticket that was kept does not do: once more with the cache itself. */
static int prepare_again(initiator *i, seal_error **reterr) {
    OM_uint32 minor = 0;
    gss_delete_sec_context(&minor, &i->common.gss, GSS_C_NO_BUFFER);
    seal__gss_ready_free(take_back(i));
    int rc = import_target(i, reterr);
    return rc < 0 ? rc : acquire(i, reterr);
}

/*
 * SPNEGO hides why krb5 failed behind numbers of its own, so the first leg is repeated with plain
 * krb5 to learn it. Returns 0 when that finds nothing wrong.
 */
static int explain_spnego(initiator *i, seal_error **reterr) {
    seal__gss_initiator_options plain = i->options;
    plain.mechanism = SEAL_MECHANISM_KRB5;
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    gss_ctx_id_t gss = GSS_C_NO_CONTEXT;
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    OM_uint32 ignored = 0;
    OM_uint32 minor = 0;
    OM_uint32 major = GSS_S_FAILURE;
    seal__gss_situation at = situation(i, SEAL__GSS_INITIATOR_STARTS);
    at.mechanism = SEAL_MECHANISM_KRB5;
    int rc = seal__gss_acquire_initiator(&plain, &cred, &major, &minor, NULL);
    if (rc == 0 && major == GSS_S_COMPLETE)
        major = gss_init_sec_context(
            &minor, cred, &gss, i->target, seal__gss_mechanism_oid(SEAL_MECHANISM_KRB5), REQUESTED,
            0, GSS_C_NO_CHANNEL_BINDINGS, GSS_C_NO_BUFFER, NULL, &token, NULL, NULL);
    if (rc == 0 && major != GSS_S_COMPLETE && major != GSS_S_CONTINUE_NEEDED)
        rc = seal__gss_context_fail(&i->common, &at, major, minor, reterr);
    else
        rc = 0;
    gss_release_buffer(&ignored, &token);
    gss_delete_sec_context(&ignored, &gss, GSS_C_NO_BUFFER);
    gss_release_cred(&ignored, &cred);
    return rc;
}

static int leg_failed(initiator *i, gss_buffer_t in, OM_uint32 major, OM_uint32 minor,
                      seal_error **reterr) {
    bool first = in->length == 0;
    int rc = first && i->options.mechanism == SEAL_MECHANISM_SPNEGO ? explain_spnego(i, reterr) : 0;
    if (rc < 0)
        return rc;
    seal__gss_situation at =
        situation(i, first ? SEAL__GSS_INITIATOR_STARTS : SEAL__GSS_INITIATOR_CONTINUES);
    at.token = in->value;
    at.token_len = in->length;
    return seal__gss_context_fail(&i->common, &at, major, minor, reterr);
}

/* The library makes both names of what it was given: of the same ticket and the same target, the
 * same ones again. */
static int names_from_ready(initiator *i) {
    seal__gss_context *c = &i->common;
    const seal__gss_ready *ready = i->ready;
    if (ready == NULL || ready->local == NULL || !ready->told)
        return 0;
    c->local_text = seal__strdup(c->alloc, ready->local);
    c->target_text = seal__strdup(c->alloc, ready->full);
    return c->local_text == NULL || c->target_text == NULL ? SEAL_ERROR_NO_MEMORY : 0;
}

static void ready_again(initiator *i) {
    seal__gss_ready *ready = i->ready;
    if (ready == NULL)
        return;
    if (ready->local == NULL)
        ready->local = seal__strdup(ready->alloc, i->common.local_text);
    ready->told = ready->told || i->common.is_krb5;
    seal__gss_tickets_give(i->tickets, take_back(i));
}

static int complete(initiator *i, OM_uint32 flags, OM_uint32 lifetime, seal_error **reterr) {
    seal__gss_context *c = &i->common;
    if (names_from_ready(i) < 0)
        return seal__error_no_memory(reterr);
    int rc = seal__gss_info_fill(c, flags, lifetime, GSS_C_NO_NAME, i->options.target, reterr);
    if (rc == 0 && i->options.mechanism != SEAL_MECHANISM_NTLM && !c->is_krb5)
        rc = seal__error(reterr, SEAL_ERROR_NOT_MUTUAL,
                         "%s chose %s, which the policy does not allow",
                         seal_mechanism_name(i->options.mechanism), c->base.info.mechanism);
    if (rc == 0 && c->is_krb5 && strcmp(c->target_text, i->options.target) != 0)
        rc = seal__error(reterr, SEAL_ERROR_WRONG_TARGET,
                         "asked for %.300s, but the server is %.300s", i->options.target,
                         c->target_text);
    if (rc == 0)
        ready_again(i);
    return rc;
}

static int leg(initiator *i, gss_buffer_t in, seal__buf *out, seal_error **reterr) {
    seal__gss_context *c = &i->common;
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    OM_uint32 flags = 0;
    OM_uint32 lifetime = 0;
    OM_uint32 minor = 0;
    OM_uint32 major = gss_init_sec_context(
        &minor, c->cred, &c->gss, i->target, seal__gss_mechanism_oid(i->options.mechanism),
        REQUESTED, 0, GSS_C_NO_CHANNEL_BINDINGS, in, NULL, &token, &flags, &lifetime);
    bool has_token = token.length > 0;
    bool going_on = major == GSS_S_COMPLETE || (major == GSS_S_CONTINUE_NEEDED && has_token);
    if (!going_on && i->ready != NULL && in->length == 0) {
        OM_uint32 ignored = 0;
        gss_release_buffer(&ignored, &token);
        int again = prepare_again(i, reterr);
        return again < 0 ? again : leg(i, in, out, reterr);
    }
    if (!going_on) {
        /* The status first: its text is gone after the next call. */
        int failed = leg_failed(i, in, major, minor, reterr);
        seal__gss_context_emit(&token, out, NULL);
        return failed;
    }
    int rc = seal__gss_context_emit(&token, out, reterr);
    if (rc < 0 || major == GSS_S_CONTINUE_NEEDED)
        return rc < 0 ? rc : SEAL__MECH_CONTINUE;
    return complete(i, flags, lifetime, reterr);
}

static int initiator_step(seal__mech *mech, const uint8_t *in, size_t len, seal__buf *out,
                          seal_error **reterr) {
    initiator *i = (initiator *)(void *)mech;
    seal__gss_context *c = &i->common;
    int rc = seal__gss_context_enter(c, len, reterr);
    if (rc < 0)
        return rc;
    if (c->state == SEAL__GSS_FRESH)
        rc = prepare(i, reterr);
    if (rc == 0) {
        gss_buffer_desc token = seal__gss_buffer(in, len);
        rc = leg(i, &token, out, reterr);
    }
    if (rc < 0)
        c->state = SEAL__GSS_FAILED;
    else
        c->state = rc == SEAL__MECH_DONE ? SEAL__GSS_ESTABLISHED : SEAL__GSS_STEPPING;
    return rc;
}

static const seal__mech_ops initiator_ops = {.step = initiator_step,
                                             .wrap = seal__gss_wrap,
                                             .unwrap = seal__gss_unwrap,
                                             .free = initiator_free};

static bool copy(const seal_allocator *alloc, const char *text, const char **ret_copy) {
    *ret_copy = text == NULL ? NULL : seal__strdup(alloc, text);
    return text == NULL || *ret_copy != NULL;
}

int seal__gss_initiator_new(const seal__gss_initiator_options *options, seal__mech **ret_mech,
                            seal_error **reterr) {
    if (options->target == NULL || options->target[0] == '\0')
        return seal__error(reterr, SEAL_ERROR_INVALID, "no target principal");
    if (seal__gss_mechanism_oid(options->mechanism) == GSS_C_NO_OID)
        return seal__error(reterr, SEAL_ERROR_INVALID, "mechanism %d is none",
                           (int)options->mechanism);
    initiator *i = seal__alloc_zeroed(options->alloc, 1, sizeof *i);
    if (i == NULL)
        return seal__error_no_memory(reterr);
    seal__gss_context_init(&i->common, &initiator_ops, options->alloc, options->mechanism, true);
    i->options.alloc = options->alloc;
    i->options.mechanism = options->mechanism;
    i->options.fresh_ticket = options->fresh_ticket;
    i->private_ccache = options->ccache == NULL && options->client_keytab != NULL;
    i->tickets = seal__gss_tickets_ref(options->tickets);
    char *ccache = NULL;
    int rc = seal__gss_initiator_ccache(options, &ccache, NULL);
    i->options.ccache = ccache;
    if (rc < 0 || !copy(options->alloc, options->target, &i->options.target) ||
        !copy(options->alloc, options->client_keytab, &i->options.client_keytab) ||
        !copy(options->alloc, options->client_principal, &i->options.client_principal)) {
        initiator_free(&i->common.base);
        return seal__error_no_memory(reterr);
    }
    *ret_mech = &i->common.base;
    return 0;
}
