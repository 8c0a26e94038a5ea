/* SPDX-License-Identifier: Apache-2.0 */
/* Mechanism OIDs and principals. Nothing here asks DNS: who a service is follows from text alone.
 */
#include "secure/gss/gss_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gss_OID_desc krb5_oid = {9, (void *)(uintptr_t) "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"};
static gss_OID_desc spnego_oid = {6, (void *)(uintptr_t) "\x2b\x06\x01\x05\x05\x02"};
static gss_OID_desc ntlm_oid = {10, (void *)(uintptr_t) "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"};

gss_OID seal__gss_mechanism_oid(seal_mechanism mechanism) {
    switch (mechanism) {
    case SEAL_MECHANISM_KRB5:
        return &krb5_oid;
    case SEAL_MECHANISM_SPNEGO:
        return &spnego_oid;
    case SEAL_MECHANISM_NTLM:
        return &ntlm_oid;
    }
    return GSS_C_NO_OID;
}

bool seal__gss_oid_equal(gss_const_OID a, gss_const_OID b) {
    return a != NULL && b != NULL && a->length == b->length &&
           memcmp(a->elements, b->elements, a->length) == 0;
}

static void dotted(gss_const_OID oid, char *text, size_t size) {
    const uint8_t *at = oid->elements;
    size_t used = 0;
    uint64_t arc = 0;
    bool first = true;
    for (OM_uint32 i = 0; i < oid->length && used < size; i++) {
        arc = (arc << 7) | (at[i] & 0x7f);
        if ((at[i] & 0x80) != 0)
            continue;
        uint64_t top = arc < 80 ? arc / 40 : 2;
        int n = first ? snprintf(text + used, size - used, "%llu.%llu", (unsigned long long)top,
                                 (unsigned long long)(arc - top * 40))
                      : snprintf(text + used, size - used, ".%llu", (unsigned long long)arc);
        used += n < 0 ? size : (size_t)n;
        first = false;
        arc = 0;
    }
}

void seal__gss_oid_text(gss_const_OID oid, char *text, size_t size) {
    snprintf(text, size, "none");
    if (oid == GSS_C_NO_OID)
        return;
    if (seal__gss_oid_equal(oid, &krb5_oid))
        snprintf(text, size, "krb5");
    else if (seal__gss_oid_equal(oid, &ntlm_oid))
        snprintf(text, size, "ntlm");
    else
        dotted(oid, text, size);
}

gss_buffer_desc seal__gss_buffer(const void *data, size_t len) {
    return (gss_buffer_desc){.length = len, .value = (void *)(uintptr_t)data};
}

const char *seal__gss_realm_mark(const char *principal) {
    const char *at = principal;
    for (; *at != '\0' && *at != '@'; at++) {
        if (*at == '\\' && at[1] != '\0')
            at++;
    }
    return at;
}

bool seal__gss_principal_may_be(const char *a, const char *b) {
    const char *mark_a = seal__gss_realm_mark(a);
    const char *mark_b = seal__gss_realm_mark(b);
    size_t len = (size_t)(mark_a - a);
    if (len != (size_t)(mark_b - b) || memcmp(a, b, len) != 0)
        return false;
    return *mark_a == '\0' || *mark_b == '\0' || strcmp(mark_a, mark_b) == 0;
}

/* The realm that [domain_realm] gives the host of a service principal; NULL: none. */
static char *realm_of_host(krb5_context krb5, krb5_const_principal principal) {
    if (principal->length < 2)
        return NULL;
    char host[256];
    unsigned len = principal->data[1].length;
    const char *colon = memchr(principal->data[1].data, ':', len);
    if (colon != NULL)
        len = (unsigned)(colon - principal->data[1].data);
    if (len == 0 || len >= sizeof host)
        return NULL;
    memcpy(host, principal->data[1].data, len);
    host[len] = '\0';
    char **realms = NULL;
    char *realm = NULL;
    if (krb5_get_host_realm(krb5, host, &realms) != 0)
        return NULL;
    if (realms[0] != NULL && realms[0][0] != '\0')
        realm = strdup(realms[0]);
    krb5_free_host_realm(krb5, realms);
    return realm;
}

static int complete(krb5_context krb5, const seal_allocator *alloc, const char *text,
                    char **ret_full, seal_error **reterr) {
    krb5_principal principal = NULL;
    char *realm = NULL;
    char *full = NULL;
    int rc = 0;
    bool given = *seal__gss_realm_mark(text) == '@';
    krb5_error_code code =
        krb5_parse_name_flags(krb5, text, given ? 0 : KRB5_PRINCIPAL_PARSE_NO_REALM, &principal);
    if (code == 0 && !given) {
        realm = realm_of_host(krb5, principal);
        if (realm == NULL) {
            char *found = NULL;
            code = krb5_get_default_realm(krb5, &found);
            realm = found == NULL ? NULL : strdup(found);
            krb5_free_default_realm(krb5, found);
        }
        if (code == 0)
            code = realm == NULL ? ENOMEM : krb5_set_principal_realm(krb5, principal, realm);
    }
    if (code == 0)
        code = krb5_unparse_name(krb5, principal, &full);
    if (code == KRB5_PARSE_MALFORMED || code == KRB5_PARSE_ILLCHAR)
        rc =
            seal__error(reterr, SEAL_ERROR_INVALID,
                        "\"%.300s\" is no principal: write class/host[:port][/name][@REALM]", text);
    else if (code != 0)
        rc = seal__gss_krb5_fail(krb5, code, text, reterr);
    else if ((*ret_full = seal__strdup(alloc, full)) == NULL)
        rc = seal__error_no_memory(reterr);
    krb5_free_unparsed_name(krb5, full);
    free(realm);
    krb5_free_principal(krb5, principal);
    return rc;
}

int seal__gss_complete_principal(const seal_allocator *alloc, const char *principal,
                                 char **ret_full, seal_error **reterr) {
    krb5_context krb5 = NULL;
    krb5_error_code code = krb5_init_context(&krb5);
    if (code != 0)
        return seal__gss_krb5_fail(NULL, code, principal, reterr);
    int rc = complete(krb5, alloc, principal, ret_full, reterr);
    krb5_free_context(krb5);
    return rc;
}

static int import(const char *text, size_t len, gss_OID type, gss_name_t *ret_name,
                  seal_error **reterr) {
    gss_buffer_desc buffer = seal__gss_buffer(text, len);
    OM_uint32 minor = 0;
    OM_uint32 major = gss_import_name(&minor, &buffer, type, ret_name);
    if (major != GSS_S_COMPLETE)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "\"%.300s\" is no name that GSSAPI can import", text);
    return 0;
}

int seal__gss_import_principal(const char *principal, gss_name_t *ret_name, seal_error **reterr) {
    return import(principal, strlen(principal), GSS_KRB5_NT_PRINCIPAL_NAME, ret_name, reterr);
}

int seal__gss_import_krb5_name(const char *principal, gss_name_t *ret_name, seal_error **reterr) {
    gss_name_t any = GSS_C_NO_NAME;
    OM_uint32 minor = 0;
    int rc = seal__gss_import_principal(principal, &any, reterr);
    if (rc == 0 && gss_canonicalize_name(&minor, any, &krb5_oid, ret_name) != GSS_S_COMPLETE)
        rc = seal__error(reterr, SEAL_ERROR_INVALID, "\"%.300s\" is no name of krb5", principal);
    gss_release_name(&minor, &any);
    return rc;
}

int seal__gss_import_hostbased(const char *principal, gss_name_t *ret_name, seal_error **reterr) {
    char text[SEAL__GSS_TEXT];
    size_t class_len = strcspn(principal, "/@");
    const char *host = principal[class_len] == '/' ? principal + class_len + 1 : "";
    int host_len = (int)strcspn(host, ":/@");
    int n = snprintf(text, sizeof text, "%.*s%s%.*s", (int)class_len, principal,
                     host_len > 0 ? "@" : "", host_len, host);
    if (n <= 0 || (size_t)n >= sizeof text)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "\"%.300s\" cannot be made a host-based name", principal);
    return import(text, (size_t)n, GSS_C_NT_HOSTBASED_SERVICE, ret_name, reterr);
}

static int copy_name(const seal_allocator *alloc, const char *shown, size_t len, char **ret_text) {
    if (len > 0 && shown[len - 1] == '\0')
        len--; /* gss-ntlmssp counts the terminator */
    /* A name with a NUL inside would be cut, and be another name. */
    if (len == 0 || memchr(shown, '\0', len) != NULL)
        return 0;
    char *copy = seal__alloc(alloc, len + 1);
    if (copy == NULL)
        return SEAL_ERROR_NO_MEMORY;
    memcpy(copy, shown, len);
    copy[len] = '\0';
    *ret_text = copy;
    return 0;
}

int seal__gss_display_name(const seal_allocator *alloc, gss_name_t name, char **ret_text,
                           bool *ret_anonymous) {
    gss_buffer_desc shown = GSS_C_EMPTY_BUFFER;
    gss_OID type = GSS_C_NO_OID;
    OM_uint32 minor = 0;
    *ret_text = NULL;
    if (name == GSS_C_NO_NAME || gss_display_name(&minor, name, &shown, &type) != GSS_S_COMPLETE)
        return 0;
    int rc = copy_name(alloc, shown.value, shown.length, ret_text);
    if (*ret_text != NULL && (seal__gss_oid_equal(type, GSS_C_NT_ANONYMOUS) ||
                              strncmp(*ret_text, "WELLKNOWN/ANONYMOUS@", 20) == 0))
        *ret_anonymous = true;
    gss_release_buffer(&minor, &shown);
    return rc;
}

void seal__gss_keep_config(void) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static krb5_context kept;
    pthread_mutex_lock(&lock);
    if (kept == NULL && krb5_init_context(&kept) != 0)
        kept = NULL;
    pthread_mutex_unlock(&lock);
}
