/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials and token exchange. krb5 gets exactly the cache or keytab of the process. Heimdal
 * does not export gss_set_neg_mechs, and a credential for krb5 alone does not serve SPNEGO; so
 * SPNEGO gets one for a Kerberos principal's name, which no other mechanism can read, and what was
 * negotiated is verified at the end (mech_heimdal_info.c).
 */
#include "mech_heimdal_internal.h"

#include <stdio.h>
#include <string.h>

enum {
    REQUESTED = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_CONF_FLAG |
                GSS_C_INTEG_FLAG
};

gss_OID heimdal_mechanism_oid(seal_mechanism mechanism) {
    switch (mechanism) {
    case SEAL_MECHANISM_KRB5:
        return GSS_KRB5_MECHANISM;
    case SEAL_MECHANISM_SPNEGO:
        return GSS_SPNEGO_MECHANISM;
    case SEAL_MECHANISM_NTLM:
        break;
    }
    return GSS_C_NO_OID;
}

bool heimdal_oid_equal(gss_const_OID a, gss_const_OID b) {
    return a != NULL && b != NULL && a->length == b->length &&
           memcmp(a->elements, b->elements, a->length) == 0;
}

static void status_text(OM_uint32 status, int kind, gss_OID mechanism, char *text, size_t size) {
    gss_buffer_desc shown = GSS_C_EMPTY_BUFFER;
    OM_uint32 more = 0;
    OM_uint32 minor = 0;
    snprintf(text, size, "%u", (unsigned)status);
    if (gss_display_status(&minor, status, kind, mechanism, &more, &shown) == GSS_S_COMPLETE &&
        shown.length > 0)
        snprintf(text, size, "%.*s", (int)(shown.length < size ? shown.length : size),
                 (const char *)shown.value);
    gss_release_buffer(&minor, &shown);
}

int heimdal_fail(const heimdal_context *context, int code, const char *what, OM_uint32 major,
                 OM_uint32 minor, seal_error **reterr) {
    char major_text[200];
    char minor_text[300];
    gss_OID mechanism = heimdal_mechanism_oid(context->mechanism);
    status_text(major, GSS_C_GSS_CODE, GSS_C_NO_OID, major_text, sizeof major_text);
    status_text(minor, GSS_C_MECH_CODE, mechanism, minor_text, sizeof minor_text);
    return seal__error(reterr, code, "%s, %s: %s; %s", context->identity->principal, what,
                       major_text, minor_text);
}

/* ---- Identity ---- */

static int krb5_fail(krb5_context krb5, krb5_error_code code, int ours, const char *what,
                     seal_error **reterr) {
    const char *text = krb5 != NULL ? krb5_get_error_message(krb5, code) : NULL;
    seal__error(reterr, ours, "%s: %s", what, text != NULL ? text : "Kerberos cannot be set up");
    if (krb5 != NULL)
        krb5_free_error_message(krb5, text);
    return ours;
}

static int complete(krb5_context krb5, heimdal_identity *identity, const char *principal,
                    seal_error **reterr) {
    krb5_principal parsed = NULL;
    char *text = NULL;
    krb5_error_code code = krb5_parse_name(krb5, principal, &parsed);
    if (code == 0)
        code = krb5_unparse_name(krb5, parsed, &text);
    int rc = code == 0 ? 0 : krb5_fail(krb5, code, SEAL_ERROR_INVALID, principal, reterr);
    if (rc == 0 && (identity->principal = seal__strdup(identity->alloc, text)) == NULL)
        rc = seal__error_no_memory(reterr);
    krb5_xfree(text);
    krb5_free_principal(krb5, parsed);
    return rc;
}

int heimdal_identity_init(heimdal_identity *identity, const seal_allocator *alloc, bool initiator,
                          const char *principal, seal_error **reterr) {
    *identity = (heimdal_identity){.alloc = alloc, .initiator = initiator};
    krb5_context krb5 = NULL;
    krb5_error_code code = krb5_init_context(&krb5);
    if (code != 0)
        return krb5_fail(NULL, code, SEAL_ERROR_KERBEROS_CONFIG, "krb5.conf", reterr);
    int rc = complete(krb5, identity, principal, reterr);
    krb5_free_context(krb5);
    return rc;
}

void heimdal_identity_done(heimdal_identity *identity) {
    seal__release(identity->alloc, identity->principal);
    identity->principal = NULL;
}

/* ---- Credentials ---- */

static int import_name(const heimdal_context *context, const char *principal, gss_name_t *ret_name,
                       seal_error **reterr) {
    gss_buffer_desc text = heimdal_buffer(principal, strlen(principal));
    OM_uint32 minor = 0;
    OM_uint32 major = gss_import_name(&minor, &text, GSS_KRB5_NT_PRINCIPAL_NAME, ret_name);
    return major == GSS_S_COMPLETE
               ? 0
               : heimdal_fail(context, SEAL_ERROR_INVALID, "the name cannot be imported", major,
                              minor, reterr);
}

static int acquire_named(heimdal_context *context, const char *principal, gss_cred_usage_t usage,
                         int failure, seal_error **reterr) {
    gss_name_t name = GSS_C_NO_NAME;
    int rc = import_name(context, principal, &name, reterr);
    if (rc != 0)
        return rc;
    gss_OID_set_desc mechanisms = {.count = 1,
                                   .elements = heimdal_mechanism_oid(context->mechanism)};
    OM_uint32 minor = 0;
    OM_uint32 major = gss_acquire_cred(&minor, name, GSS_C_INDEFINITE, &mechanisms, usage,
                                       &context->cred, NULL, NULL);
    if (major != GSS_S_COMPLETE)
        rc = heimdal_fail(context, failure, "no credentials", major, minor, reterr);
    gss_release_name(&minor, &name);
    return rc;
}

static int acquire_initiator(heimdal_context *context, krb5_ccache ccache, seal_error **reterr) {
    if (context->mechanism == SEAL_MECHANISM_KRB5) {
        OM_uint32 minor = 0;
        OM_uint32 major = gss_krb5_import_cred(&minor, ccache, NULL, NULL, &context->cred);
        return major == GSS_S_COMPLETE
                   ? 0
                   : heimdal_fail(context, SEAL_ERROR_CREDENTIALS,
                                  "no ticket (kinit; set KRB5CCNAME)", major, minor, reterr);
    }
    krb5_principal owner = NULL;
    char *text = NULL;
    krb5_error_code code = krb5_cc_get_principal(context->krb5, ccache, &owner);
    if (code == 0)
        code = krb5_unparse_name(context->krb5, owner, &text);
    int rc = code == 0
                 ? acquire_named(context, text, GSS_C_INITIATE, SEAL_ERROR_CREDENTIALS, reterr)
                 : krb5_fail(context->krb5, code, SEAL_ERROR_CREDENTIALS,
                             "no ticket (kinit; set KRB5CCNAME)", reterr);
    krb5_xfree(text);
    krb5_free_principal(context->krb5, owner);
    return rc;
}

static int prepare_initiator(heimdal_context *context, seal_error **reterr) {
    int rc = import_name(context, context->identity->principal, &context->target, reterr);
    if (rc != 0)
        return rc;
    krb5_ccache ccache = NULL;
    krb5_error_code code = krb5_cc_default(context->krb5, &ccache);
    if (code != 0)
        return krb5_fail(context->krb5, code, SEAL_ERROR_CREDENTIALS, "ticket cache", reterr);
    rc = acquire_initiator(context, ccache, reterr);
    krb5_cc_close(context->krb5, ccache);
    return rc;
}

static int acquire_from_keytab(heimdal_context *context, seal_error **reterr) {
    krb5_keytab keytab = NULL;
    krb5_principal own = NULL;
    krb5_error_code code = krb5_kt_default(context->krb5, &keytab);
    if (code == 0)
        code = krb5_parse_name(context->krb5, context->identity->principal, &own);
    int rc = 0;
    if (code != 0) {
        rc = krb5_fail(context->krb5, code, SEAL_ERROR_KEYTAB, "keytab", reterr);
    } else {
        OM_uint32 minor = 0;
        OM_uint32 major = gss_krb5_import_cred(&minor, NULL, own, keytab, &context->cred);
        if (major != GSS_S_COMPLETE)
            rc = heimdal_fail(context, SEAL_ERROR_KEYTAB, "no key in KRB5_KTNAME", major, minor,
                              reterr);
    }
    krb5_free_principal(context->krb5, own);
    if (keytab != NULL)
        krb5_kt_close(context->krb5, keytab);
    return rc;
}

static int prepare(heimdal_context *context, seal_error **reterr) {
    krb5_error_code code = krb5_init_context(&context->krb5);
    if (code != 0)
        return krb5_fail(NULL, code, SEAL_ERROR_KERBEROS_CONFIG, "krb5.conf", reterr);
    if (context->identity->initiator)
        return prepare_initiator(context, reterr);
    if (context->mechanism == SEAL_MECHANISM_KRB5)
        return acquire_from_keytab(context, reterr);
    return acquire_named(context, context->identity->principal, GSS_C_ACCEPT, SEAL_ERROR_KEYTAB,
                         reterr);
}

/* ---- Exchange ---- */

typedef struct leg_result {
    OM_uint32 major;
    OM_uint32 minor;
    OM_uint32 flags;
    OM_uint32 lifetime;
    gss_name_t peer;
    gss_buffer_desc token;
} leg_result;

static void call(heimdal_context *context, gss_buffer_t in, leg_result *leg) {
    if (context->identity->initiator)
        leg->major = gss_init_sec_context(
            &leg->minor, context->cred, &context->gss, context->target,
            heimdal_mechanism_oid(context->mechanism), REQUESTED, 0, GSS_C_NO_CHANNEL_BINDINGS, in,
            NULL, &leg->token, &leg->flags, &leg->lifetime);
    else
        leg->major = gss_accept_sec_context(&leg->minor, &context->gss, context->cred, in,
                                            GSS_C_NO_CHANNEL_BINDINGS, &leg->peer, NULL,
                                            &leg->token, &leg->flags, &leg->lifetime, NULL);
}

static int judge(heimdal_context *context, leg_result *leg, seal__buf *out, seal_error **reterr) {
    size_t before = out->len;
    seal__buf_put(out, leg->token.value, leg->token.length);
    if (out->failed)
        return seal__error_no_memory(reterr);
    if (leg->major == GSS_S_CONTINUE_NEEDED && leg->token.length > 0)
        return SEAL__MECH_CONTINUE;
    if (leg->major != GSS_S_COMPLETE)
        return heimdal_fail(context, SEAL_ERROR_AUTHENTICATION, "authentication failed", leg->major,
                            leg->minor, reterr);
    int rc = heimdal_info_fill(context, leg->flags, leg->lifetime, leg->peer, reterr);
    /* What the mechanism says to a peer that it accepts is not for one that we refuse. */
    if (rc < 0)
        out->len = before;
    return rc;
}

static int enter(heimdal_context *context, size_t token_len, seal_error **reterr) {
    if (context->state == HEIMDAL_ESTABLISHED || context->state == HEIMDAL_FAILED)
        return seal__error(reterr, SEAL_ERROR_STATE, "the security context takes no more tokens");
    bool may_be_empty = context->identity->initiator && context->state == HEIMDAL_FRESH;
    if ((token_len == 0) != may_be_empty)
        return seal__error(reterr, SEAL_ERROR_AUTHENTICATION,
                           "an empty token, or one before its turn");
    return context->state == HEIMDAL_FRESH ? prepare(context, reterr) : 0;
}

static int step(seal__mech *mech, const uint8_t *in, size_t len, seal__buf *out,
                seal_error **reterr) {
    heimdal_context *context = (heimdal_context *)(void *)mech;
    int rc = enter(context, len, reterr);
    if (rc == 0) {
        leg_result leg = {.peer = GSS_C_NO_NAME};
        gss_buffer_desc token = heimdal_buffer(in, len);
        call(context, &token, &leg);
        rc = judge(context, &leg, out, reterr);
        OM_uint32 minor = 0;
        gss_release_buffer(&minor, &leg.token);
        gss_release_name(&minor, &leg.peer);
    }
    if (rc < 0)
        context->state = HEIMDAL_FAILED;
    else
        context->state = rc == SEAL__MECH_DONE ? HEIMDAL_ESTABLISHED : HEIMDAL_STEPPING;
    return rc;
}

static void context_free(seal__mech *mech) {
    heimdal_context *context = (heimdal_context *)(void *)mech;
    if (context == NULL)
        return;
    OM_uint32 minor = 0;
    gss_delete_sec_context(&minor, &context->gss, GSS_C_NO_BUFFER);
    gss_release_name(&minor, &context->target);
    gss_release_cred(&minor, &context->cred);
    if (context->krb5 != NULL)
        krb5_free_context(context->krb5);
    seal__release(context->alloc, context->mechanism_text);
    seal__release(context->alloc, context->local_text);
    seal__release(context->alloc, context->peer_text);
    seal__release(context->alloc, context);
}

static const seal__mech_ops ops = {
    .step = step, .wrap = heimdal_wrap, .unwrap = heimdal_unwrap, .free = context_free};

/* The realm begins at the last '@' that no backslash precedes. */
static size_t without_realm(const char *name) {
    size_t at = strlen(name);
    bool escaped = false;
    for (size_t i = 0; name[i] != '\0'; i++) {
        if (name[i] == '@' && !escaped)
            at = i;
        escaped = !escaped && name[i] == '\\';
    }
    return at;
}

static bool is_asked_for(const char *own, const char *asked) {
    size_t n = without_realm(asked);
    if (asked[n] == '@')
        return strcmp(own, asked) == 0;
    return n == without_realm(own) && memcmp(own, asked, n) == 0;
}

int heimdal_make(void *user, seal_mechanism mechanism, const char *target, seal__mech **ret_mech,
                 seal_error **reterr) {
    const heimdal_identity *identity = user;
    if (heimdal_mechanism_oid(mechanism) == GSS_C_NO_OID)
        return seal__error(reterr, SEAL_ERROR_PROTECTION, "mechanism %s is not accepted here",
                           seal_mechanism_name(mechanism));
    if (!identity->initiator && target != NULL && !is_asked_for(identity->principal, target))
        return seal__error(reterr, SEAL_ERROR_WRONG_TARGET,
                           "the client asked for %.300s, but this server is %.300s", target,
                           identity->principal);
    heimdal_context *context = seal__alloc_zeroed(identity->alloc, 1, sizeof *context);
    if (context == NULL)
        return seal__error_no_memory(reterr);
    context->base.ops = &ops;
    context->identity = identity;
    context->alloc = identity->alloc;
    context->mechanism = mechanism;
    *ret_mech = &context->base;
    return 0;
}
