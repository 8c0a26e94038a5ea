/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials from named stores, acquired anew for each handshake: that is also when MIT krb5
 * refreshes tickets from a client keytab. */
#include "secure/gss/gss_internal.h"

#include <stdio.h>
#include <string.h>

typedef struct store {
    gss_key_value_element_desc elements[3];
    gss_key_value_set_desc set;
} store;

static void store_add(store *s, const char *key, const char *value) {
    if (value == NULL)
        return;
    s->elements[s->set.count++] = (gss_key_value_element_desc){.key = key, .value = value};
    s->set.elements = s->elements;
}

static OM_uint32 acquire(gss_name_t name, seal_mechanism mechanism, gss_cred_usage_t usage,
                         store *from, gss_cred_id_t *ret_cred, OM_uint32 *ret_minor) {
    gss_OID_set_desc mechanisms = {1, seal__gss_mechanism_oid(mechanism)};
    gss_const_key_value_set_t set = from->set.count > 0 ? &from->set : NULL;
    return gss_acquire_cred_from(ret_minor, name, GSS_C_INDEFINITE, &mechanisms, usage, set,
                                 ret_cred, NULL, NULL);
}

/* SPNEGO would take whatever mechanism is installed; a plain krb5 credential is tried first,
 * because SPNEGO hides why there is none. */
static OM_uint32 acquire_spnego(gss_name_t name, gss_cred_usage_t usage, store *from,
                                gss_cred_id_t *ret_cred, OM_uint32 *ret_minor) {
    OM_uint32 ignored = 0;
    OM_uint32 major = acquire(name, SEAL_MECHANISM_KRB5, usage, from, ret_cred, ret_minor);
    if (major != GSS_S_COMPLETE)
        return major;
    gss_release_cred(&ignored, ret_cred);
    major = acquire(name, SEAL_MECHANISM_SPNEGO, usage, from, ret_cred, ret_minor);
    if (major != GSS_S_COMPLETE)
        return major;
    gss_OID_set_desc krb5_only = {1, seal__gss_mechanism_oid(SEAL_MECHANISM_KRB5)};
    major = gss_set_neg_mechs(ret_minor, *ret_cred, &krb5_only);
    if (major != GSS_S_COMPLETE)
        gss_release_cred(&ignored, ret_cred);
    return major;
}

static OM_uint32 acquire_any(gss_name_t name, seal_mechanism mechanism, gss_cred_usage_t usage,
                             store *from, gss_cred_id_t *ret_cred, OM_uint32 *ret_minor) {
    if (mechanism == SEAL_MECHANISM_SPNEGO)
        return acquire_spnego(name, usage, from, ret_cred, ret_minor);
    return acquire(name, mechanism, usage, from, ret_cred, ret_minor);
}

int seal__gss_initiator_ccache(const seal__gss_initiator_options *options, char **ret_ccache,
                               seal_error **reterr) {
    *ret_ccache = NULL;
    if (options->ccache == NULL && options->client_keytab == NULL)
        return 0;
    const char *principal = options->client_principal == NULL ? "" : options->client_principal;
    if (options->ccache != NULL) {
        *ret_ccache = seal__strdup(options->alloc, options->ccache);
    } else {
        static const char format[] = "MEMORY:sealrpc:%s:%s";
        size_t size = sizeof format + strlen(options->client_keytab) + strlen(principal);
        *ret_ccache = seal__alloc(options->alloc, size);
        if (*ret_ccache != NULL)
            snprintf(*ret_ccache, size, format, options->client_keytab, principal);
    }
    return *ret_ccache == NULL ? seal__error_no_memory(reterr) : 0;
}

static int import_user(const char *user, gss_name_t *ret_name, seal_error **reterr) {
    gss_buffer_desc text = seal__gss_buffer(user, strlen(user));
    OM_uint32 minor = 0;
    if (gss_import_name(&minor, &text, GSS_C_NT_USER_NAME, ret_name) != GSS_S_COMPLETE)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "\"%.300s\" is no user name that GSSAPI can import", user);
    return 0;
}

int seal__gss_acquire_initiator(const seal__gss_initiator_options *options, gss_cred_id_t *ret_cred,
                                OM_uint32 *ret_major, OM_uint32 *ret_minor, seal_error **reterr) {
    store from = {0};
    gss_name_t name = GSS_C_NO_NAME;
    int rc = 0;
    if (options->mechanism == SEAL_MECHANISM_NTLM) {
        if (options->client_principal != NULL)
            rc = import_user(options->client_principal, &name, reterr);
    } else {
        store_add(&from, "ccache", options->ccache);
        store_add(&from, "client_keytab", options->client_keytab);
        if (options->client_principal != NULL)
            rc = seal__gss_import_principal(options->client_principal, &name, reterr);
    }
    if (rc < 0)
        return rc;
    *ret_major = acquire_any(name, options->mechanism, GSS_C_INITIATE, &from, ret_cred, ret_minor);
    OM_uint32 ignored = 0;
    gss_release_name(&ignored, &name);
    return 0;
}

/*
 * No replay cache: nothing is dispatched before the client's Finished has verified, and a replayed
 * token cannot produce one because the acceptor's subkey is new.
 */
int seal__gss_acquire_acceptor(const char *keytab, const char *principal, seal_mechanism mechanism,
                               gss_cred_id_t *ret_cred, OM_uint32 *ret_major, OM_uint32 *ret_minor,
                               seal_error **reterr) {
    store from = {0};
    gss_name_t name = GSS_C_NO_NAME;
    if (mechanism != SEAL_MECHANISM_NTLM) {
        store_add(&from, "keytab", keytab);
        store_add(&from, "rcache", "none:");
        int rc = principal == NULL ? 0 : seal__gss_import_principal(principal, &name, reterr);
        if (rc < 0)
            return rc;
    }
    *ret_major = acquire_any(name, mechanism, GSS_C_ACCEPT, &from, ret_cred, ret_minor);
    OM_uint32 ignored = 0;
    gss_release_name(&ignored, &name);
    return 0;
}

static void drop(krb5_context krb5, const char *ccache, const char *service) {
    krb5_ccache cache = NULL;
    krb5_creds match = {0};
    krb5_error_code code =
        ccache == NULL ? krb5_cc_default(krb5, &cache) : krb5_cc_resolve(krb5, ccache, &cache);
    if (code == 0)
        code = krb5_parse_name(krb5, service, &match.server);
    if (code == 0)
        code = krb5_cc_get_principal(krb5, cache, &match.client);
    if (code == 0)
        krb5_cc_remove_cred(krb5, cache, 0, &match);
    krb5_free_principal(krb5, match.client);
    krb5_free_principal(krb5, match.server);
    if (cache != NULL)
        krb5_cc_close(krb5, cache);
}

void seal__gss_drop_ticket(const char *ccache, const char *service) {
    krb5_context krb5 = NULL;
    if (krb5_init_context(&krb5) != 0)
        return;
    drop(krb5, ccache, service);
    krb5_free_context(krb5);
}
