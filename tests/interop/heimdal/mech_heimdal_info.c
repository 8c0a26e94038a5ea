/* SPDX-License-Identifier: Apache-2.0 */
/* What an established context proved. */
#include "mech_heimdal_internal.h"

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

static bool authenticates_target(gss_OID mechanism) {
    gss_OID_set attributes = GSS_C_NO_OID_SET;
    OM_uint32 minor = 0;
    int present = 0;
    if (gss_inquire_attrs_for_mech(&minor, mechanism, &attributes, NULL) != GSS_S_COMPLETE ||
        gss_test_oid_set_member(&minor, GSS_C_MA_AUTH_TARG, attributes, &present) != GSS_S_COMPLETE)
        present = 0;
    gss_release_oid_set(&minor, &attributes);
    return present != 0;
}

/* Heimdal does not know GSS_C_SEC_CONTEXT_SASL_SSF, but tells the key. Of a type that is not listed
 * nothing is known, which is less than any floor. */
static uint32_t strength(heimdal_context *context) {
    enum { UNKNOWN = 1 };
    krb5_keyblock *key = NULL;
    OM_uint32 minor = 0;
    uint32_t bits = UNKNOWN;
    if (gsskrb5_get_subkey(&minor, context->gss, &key) != GSS_S_COMPLETE || key == NULL)
        return UNKNOWN;
    switch ((int)key->keytype) {
    case 17: /* aes128-cts-hmac-sha1-96 */
    case 19: /* aes128-cts-hmac-sha256-128 */
        bits = 128;
        break;
    case 18: /* aes256-cts-hmac-sha1-96 */
    case 20: /* aes256-cts-hmac-sha384-192 */
        bits = 256;
        break;
    default:
        break;
    }
    krb5_free_keyblock(context->krb5, key);
    return bits;
}

static char *copy_name(const heimdal_context *context, gss_const_buffer_t shown) {
    /* A name with a NUL inside would be cut, and be another name. */
    if (shown->length == 0 || memchr(shown->value, '\0', shown->length) != NULL)
        return NULL;
    char *text = seal__alloc(context->alloc, shown->length + 1);
    if (text == NULL)
        return NULL;
    memcpy(text, shown->value, shown->length);
    text[shown->length] = '\0';
    return text;
}

/* NULL when there is none. */
static char *name_text(heimdal_context *context, gss_name_t name, bool *ret_anonymous) {
    gss_buffer_desc shown = GSS_C_EMPTY_BUFFER;
    gss_OID type = GSS_C_NO_OID;
    OM_uint32 minor = 0;
    if (name == GSS_C_NO_NAME || gss_display_name(&minor, name, &shown, &type) != GSS_S_COMPLETE)
        return NULL;
    char *text = copy_name(context, &shown);
    if (heimdal_oid_equal(type, GSS_C_NT_ANONYMOUS) ||
        (text != NULL && strncmp(text, "WELLKNOWN/ANONYMOUS@", 20) == 0))
        *ret_anonymous = true;
    gss_release_buffer(&minor, &shown);
    return text;
}

static void fill_names(heimdal_context *context, gss_name_t peer, gss_name_t source,
                       gss_name_t target) {
    seal__mech_info *info = &context->base.info;
    bool initiator = context->identity->initiator;
    bool anonymous = false;
    bool ignored = false;
    if (initiator) {
        context->local_text = name_text(context, source, &ignored);
        context->peer_text = name_text(context, target, &ignored);
    } else {
        context->local_text = name_text(context, target, &ignored);
        context->peer_text = name_text(context, peer, &anonymous);
    }
    /* It is the peer's name that matters, and servers are not anonymous. */
    if (initiator)
        info->flags &= ~(uint32_t)SEAL__MECH_ANONYMOUS;
    else if (anonymous)
        info->flags |= SEAL__MECH_ANONYMOUS;
    info->peer = context->peer_text;
    info->local = context->local_text;
    info->target = initiator ? context->peer_text : context->local_text;
}

static int check(const heimdal_context *context, bool is_krb5, seal_error **reterr) {
    const seal__mech_info *info = &context->base.info;
    if (!is_krb5)
        return seal__error(reterr, SEAL_ERROR_NOT_MUTUAL, "%s chose %s, which is not allowed",
                           seal_mechanism_name(context->mechanism), info->mechanism);
    if (info->peer == NULL || info->local == NULL)
        return seal__error(reterr, SEAL_ERROR_AUTHENTICATION,
                           "the mechanism does not say who the ends are");
    if (strcmp(info->target, context->identity->principal) != 0)
        return seal__error(reterr, SEAL_ERROR_WRONG_TARGET, "the ticket is for %.300s, not %.300s",
                           info->target, context->identity->principal);
    return 0;
}

static char *mechanism_text(heimdal_context *context, gss_OID mechanism, bool is_krb5) {
    gss_buffer_desc dotted = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor = 0;
    if (is_krb5)
        return seal__strdup(context->alloc, "krb5");
    if (mechanism == GSS_C_NO_OID || gss_oid_to_str(&minor, mechanism, &dotted) != GSS_S_COMPLETE)
        return seal__strdup(context->alloc, "none");
    char *text = copy_name(context, &dotted);
    gss_release_buffer(&minor, &dotted);
    return text;
}

int heimdal_info_fill(heimdal_context *context, OM_uint32 flags, OM_uint32 lifetime,
                      gss_name_t peer, seal_error **reterr) {
    seal__mech_info *info = &context->base.info;
    gss_name_t source = GSS_C_NO_NAME;
    gss_name_t target = GSS_C_NO_NAME;
    gss_OID mechanism = GSS_C_NO_OID; /* of a SPNEGO context: the one that was negotiated */
    OM_uint32 inquired = 0;
    OM_uint32 minor = 0;
    OM_uint32 major = gss_inquire_context(&minor, context->gss, &source, &target, NULL, &mechanism,
                                          &inquired, NULL, NULL);
    if (major != GSS_S_COMPLETE)
        return heimdal_fail(context, SEAL_ERROR_AUTHENTICATION, "the context cannot be inquired",
                            major, minor, reterr);
    bool is_krb5 = heimdal_oid_equal(mechanism, heimdal_mechanism_oid(SEAL_MECHANISM_KRB5));
    context->mechanism_text = mechanism_text(context, mechanism, is_krb5);
    info->mechanism = context->mechanism_text;
    info->flags = our_flags(flags & inquired);
    info->authenticates_target = is_krb5 && authenticates_target(mechanism);
    info->lifetime_s = lifetime == GSS_C_INDEFINITE ? UINT64_MAX : lifetime;
    if (is_krb5) {
        info->ssf = strength(context);
        fill_names(context, peer, source, target);
    }
    gss_release_name(&minor, &source);
    gss_release_name(&minor, &target);
    return info->mechanism == NULL ? seal__error_no_memory(reterr)
                                   : check(context, is_krb5, reterr);
}
