/* SPDX-License-Identifier: Apache-2.0 */
/* What an established context proved. */
#include "secure/gss/gss_internal.h"

#include <string.h>

static uint32_t our_flags(OM_uint32 flags) {
    static const struct {
        OM_uint32 gss;
        uint32_t ours;
    } map[] = {
        {GSS_C_MUTUAL_FLAG, SEAL__MECH_MUTUAL},     {GSS_C_CONF_FLAG, SEAL__MECH_CONF},
        {GSS_C_INTEG_FLAG, SEAL__MECH_INTEG},       {GSS_C_REPLAY_FLAG, SEAL__MECH_REPLAY},
        {GSS_C_SEQUENCE_FLAG, SEAL__MECH_SEQUENCE}, {GSS_C_ANON_FLAG, SEAL__MECH_ANONYMOUS},
    };
    uint32_t ours = 0;
    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
        ours |= (flags & map[i].gss) != 0 ? map[i].ours : 0;
    return ours;
}

static bool ask_authenticates_target(gss_const_OID mechanism) {
    gss_OID_set attributes = GSS_C_NO_OID_SET;
    gss_OID_set known = GSS_C_NO_OID_SET;
    OM_uint32 minor = 0;
    int present = 0;
    if (gss_inquire_attrs_for_mech(&minor, mechanism, &attributes, &known) == GSS_S_COMPLETE &&
        gss_test_oid_set_member(&minor, (gss_OID)(uintptr_t)GSS_C_MA_AUTH_TARG, attributes,
                                &present) != GSS_S_COMPLETE)
        present = 0;
    gss_release_oid_set(&minor, &attributes);
    gss_release_oid_set(&minor, &known);
    return present != 0;
}

static bool krb5_authenticates_target;

static void ask_krb5(void) {
    krb5_authenticates_target =
        ask_authenticates_target(seal__gss_mechanism_oid(SEAL_MECHANISM_KRB5));
}

/* The answer does not change while the process lives. */
static bool authenticates_target(gss_const_OID mechanism) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (!seal__gss_oid_equal(mechanism, seal__gss_mechanism_oid(SEAL_MECHANISM_KRB5)))
        return ask_authenticates_target(mechanism);
    pthread_once(&once, ask_krb5);
    return krb5_authenticates_target;
}

/* Four octets, most significant first; 0 when the mechanism does not tell. */
static uint32_t strength(gss_ctx_id_t gss) {
    gss_buffer_set_t set = GSS_C_NO_BUFFER_SET;
    OM_uint32 minor = 0;
    uint32_t ssf = 0;
    if (gss_inquire_sec_context_by_oid(&minor, gss, GSS_C_SEC_CONTEXT_SASL_SSF, &set) ==
            GSS_S_COMPLETE &&
        set != GSS_C_NO_BUFFER_SET && set->count == 1 && set->elements[0].length == 4)
        ssf = seal__load_u32(set->elements[0].value);
    gss_release_buffer_set(&minor, &set);
    return ssf;
}

/* Of a krb5 context: its own end's name where that is the initiator's, and its target. */
static int own_names(seal__gss_context *context) {
    gss_name_t own = GSS_C_NO_NAME;
    gss_name_t target = GSS_C_NO_NAME;
    OM_uint32 minor = 0;
    bool ignored = false;
    int rc = 0;
    OM_uint32 major = gss_inquire_context(&minor, context->gss, context->initiator ? &own : NULL,
                                          &target, NULL, NULL, NULL, NULL, NULL);
    if (major == GSS_S_COMPLETE || major == GSS_S_CONTEXT_EXPIRED) {
        if (context->initiator)
            rc = seal__gss_display_name(context->alloc, own, &context->local_text, &ignored);
        if (rc == 0)
            rc = seal__gss_display_name(context->alloc, target, &context->target_text, &ignored);
    }
    gss_release_name(&minor, &own);
    gss_release_name(&minor, &target);
    return rc;
}

/*
 * Names of a krb5 context, each asked for once, and not at all when it is kept from an earlier
 * context: for each, krb5.conf is looked at three times. (Others: gss-ntlmssp 1.2.0 crashes when it
 * is asked for names.)
 */
static int krb5_names(seal__gss_context *context, gss_name_t peer, bool *ret_anonymous) {
    bool kept = context->target_text != NULL;
    int rc = kept ? 0 : own_names(context);
    if (rc == 0 && !context->initiator)
        rc = seal__gss_display_name(context->alloc, peer, &context->peer_text, ret_anonymous);
    return rc;
}

static void forget(seal__gss_context *context, char **text) {
    seal__release(context->alloc, *text);
    *text = NULL;
}

/* Names where the mechanism proves nothing about its target. */
static int one_way_names(seal__gss_context *context, gss_name_t peer, const char *asked,
                         bool *ret_anonymous) {
    /* What was kept from a context of krb5. */
    forget(context, &context->local_text);
    forget(context, &context->target_text);
    if (!context->initiator) {
        context->target_text = seal__strdup(context->alloc, asked);
        return context->target_text == NULL
                   ? SEAL_ERROR_NO_MEMORY
                   : seal__gss_display_name(context->alloc, peer, &context->peer_text,
                                            ret_anonymous);
    }
    gss_name_t own = GSS_C_NO_NAME;
    OM_uint32 minor = 0;
    int rc = 0;
    if (gss_inquire_cred(&minor, context->cred, &own, NULL, NULL, NULL) == GSS_S_COMPLETE)
        rc = seal__gss_display_name(context->alloc, own, &context->local_text, ret_anonymous);
    gss_release_name(&minor, &own);
    return rc;
}

static int fill_names(seal__gss_context *context, gss_name_t peer, const char *asked,
                      seal_error **reterr) {
    seal__mech_info *info = &context->base.info;
    bool anonymous = false;
    int rc = context->is_krb5 ? krb5_names(context, peer, &anonymous)
                              : one_way_names(context, peer, asked, &anonymous);
    if (rc < 0)
        return seal__error_no_memory(reterr);
    /* It is the peer's name that matters, and servers are not anonymous. */
    if (context->initiator)
        info->flags &= ~(uint32_t)SEAL__MECH_ANONYMOUS;
    else if (anonymous)
        info->flags |= SEAL__MECH_ANONYMOUS;
    info->peer = context->initiator ? context->target_text : context->peer_text;
    info->local = context->initiator ? context->local_text : context->target_text;
    info->target = context->target_text;
    if (info->authenticates_target &&
        (info->peer == NULL || info->local == NULL || info->target == NULL))
        return seal__error(reterr, SEAL_ERROR_AUTHENTICATION,
                           "the mechanism does not say who the ends are");
    return 0;
}

int seal__gss_info_fill(seal__gss_context *context, OM_uint32 flags, OM_uint32 lifetime,
                        gss_name_t peer, const char *asked, seal_error **reterr) {
    OM_uint32 minor = 0;
    OM_uint32 inquired = 0;
    gss_OID mechanism = GSS_C_NO_OID;
    OM_uint32 major = gss_inquire_context(&minor, context->gss, NULL, NULL, NULL, &mechanism,
                                          &inquired, NULL, NULL);
    /* The mechglue says nothing else of a context whose ticket has come to its end. */
    if (major == GSS_S_CONTEXT_EXPIRED)
        return seal__error(reterr, SEAL_ERROR_CONTEXT_EXPIRED,
                           "the ticket expired while it was being used; get a new one (kinit)");
    if (major != GSS_S_COMPLETE)
        return seal__error(reterr, SEAL_ERROR_AUTHENTICATION,
                           "the mechanism does not describe its context");
    char text[SEAL__GSS_TEXT];
    seal__gss_oid_text(mechanism, text, sizeof text);
    context->mechanism_text = seal__strdup(context->alloc, text);
    if (context->mechanism_text == NULL)
        return seal__error_no_memory(reterr);
    context->is_krb5 = seal__gss_oid_equal(mechanism, seal__gss_mechanism_oid(SEAL_MECHANISM_KRB5));
    seal__mech_info *info = &context->base.info;
    info->flags = our_flags(flags & inquired);
    info->authenticates_target = authenticates_target(mechanism);
    info->mechanism = context->mechanism_text;
    info->ssf = strength(context->gss);
    /* That of the last leg: gss-ntlmssp says 0 when its context is asked. */
    info->lifetime_s = lifetime == GSS_C_INDEFINITE ? UINT64_MAX : lifetime;
    return fill_names(context, peer, asked, reterr);
}
