/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of an established context. The supplementary bits (duplicate, gap, order) come with the
 * plaintext and without an error bit, so anything but GSS_S_COMPLETE is a failure.
 */
#include "secure/gss/gss_internal.h"

#include <string.h>

static seal__gss_context *established(seal__mech *mech) {
    seal__gss_context *context = (seal__gss_context *)(void *)mech;
    return context->state == SEAL__GSS_ESTABLISHED ? context : NULL;
}

static void release_wiped(gss_buffer_t buffer) {
    OM_uint32 minor = 0;
    seal__wipe(buffer->value, buffer->length);
    gss_release_buffer(&minor, buffer);
}

int seal__gss_wrap(seal__mech *mech, bool conf, const uint8_t *in, size_t len, seal__buf *out) {
    seal__gss_context *context = established(mech);
    if (context == NULL)
        return SEAL_ERROR_STATE;
    gss_buffer_desc plain = seal__gss_buffer(in, len);
    gss_buffer_desc wrapped = GSS_C_EMPTY_BUFFER;
    int encrypted = 0;
    OM_uint32 minor = 0;
    OM_uint32 major =
        gss_wrap(&minor, context->gss, conf, GSS_C_QOP_DEFAULT, &plain, &encrypted, &wrapped);
    int rc = 0;
    if (major != GSS_S_COMPLETE)
        rc = SEAL_ERROR_AUTHENTICATION;
    else if ((encrypted != 0) != conf)
        rc = SEAL_ERROR_PROTECTION;
    else
        seal__buf_put(out, wrapped.value, wrapped.length);
    gss_release_buffer(&minor, &wrapped);
    if (rc == 0 && out->failed)
        rc = SEAL_ERROR_NO_MEMORY;
    return rc;
}

/* `in` is overwritten: MIT krb5 rotates the token where it stands. */
static OM_uint32 unwrap(seal__gss_context *context, uint8_t *in, size_t len, gss_buffer_t plain,
                        int *ret_encrypted) {
    gss_buffer_desc wrapped = seal__gss_buffer(in, len);
    gss_qop_t qop = GSS_C_QOP_DEFAULT;
    OM_uint32 minor = 0;
    OM_uint32 major = gss_unwrap(&minor, context->gss, &wrapped, plain, ret_encrypted, &qop);
    return major == GSS_S_COMPLETE && qop != GSS_C_QOP_DEFAULT ? GSS_S_BAD_QOP : major;
}

int seal__gss_unwrap(seal__mech *mech, bool conf, const uint8_t *in, size_t len, seal__buf *out) {
    seal__gss_context *context = established(mech);
    if (context == NULL)
        return SEAL_ERROR_STATE;
    if (len == 0)
        return SEAL_ERROR_TAMPERED;
    seal__buf_reset(&context->scratch);
    uint8_t *scratch = seal__buf_reserve(&context->scratch, len);
    if (scratch == NULL)
        return SEAL_ERROR_NO_MEMORY;
    memcpy(scratch, in, len);
    gss_buffer_desc plain = GSS_C_EMPTY_BUFFER;
    int encrypted = 0;
    OM_uint32 major = unwrap(context, scratch, len, &plain, &encrypted);
    int rc = 0;
    if (major != GSS_S_COMPLETE)
        rc = SEAL_ERROR_TAMPERED;
    else if ((encrypted != 0) != conf)
        rc = SEAL_ERROR_PROTECTION;
    else
        seal__buf_put(out, plain.value, plain.length);
    release_wiped(&plain);
    if (rc == 0 && out->failed)
        rc = SEAL_ERROR_NO_MEMORY;
    return rc;
}
