/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of an established context. Heimdal looks at the sequence number of a message, and counts
 * it, before it verifies the message. So a spoilt copy uses up the number of the true message,
 * which then is refused as a duplicate. The protocol demands just that order (docs/protocol.md,
 * "Transcript and FINISHED", 1), so until a first message has been unwrapped a failure is undone:
 * the context is exported before, and imported again.
 */
#include "mech_heimdal_internal.h"

#include <string.h>

static heimdal_context *established(seal__mech *mech) {
    heimdal_context *context = (heimdal_context *)(void *)mech;
    return context->state == HEIMDAL_ESTABLISHED ? context : NULL;
}

static void release_wiped(gss_buffer_t buffer) {
    OM_uint32 minor = 0;
    seal__wipe(buffer->value, buffer->length);
    gss_release_buffer(&minor, buffer);
}

int heimdal_wrap(seal__mech *mech, bool conf, const uint8_t *in, size_t len, seal__buf *out) {
    heimdal_context *context = established(mech);
    if (context == NULL)
        return SEAL_ERROR_STATE;
    gss_buffer_desc plain = heimdal_buffer(in, len);
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
    return rc == 0 && out->failed ? SEAL_ERROR_NO_MEMORY : rc;
}

/* An exported context is gone, so it is imported at once. */
static bool take_snapshot(heimdal_context *context, gss_buffer_t ret_snapshot) {
    OM_uint32 minor = 0;
    return gss_export_sec_context(&minor, &context->gss, ret_snapshot) == GSS_S_COMPLETE &&
           gss_import_sec_context(&minor, ret_snapshot, &context->gss) == GSS_S_COMPLETE;
}

static bool go_back(heimdal_context *context, gss_buffer_t snapshot) {
    OM_uint32 minor = 0;
    gss_delete_sec_context(&minor, &context->gss, GSS_C_NO_BUFFER);
    return gss_import_sec_context(&minor, snapshot, &context->gss) == GSS_S_COMPLETE;
}

/* Works on a copy: Heimdal turns the token where it stands. */
static int unwrap_once(heimdal_context *context, bool conf, const uint8_t *in, size_t len,
                       seal__buf *out) {
    uint8_t *copy = seal__alloc(context->alloc, len);
    if (copy == NULL)
        return SEAL_ERROR_NO_MEMORY;
    memcpy(copy, in, len);
    gss_buffer_desc wrapped = heimdal_buffer(copy, len);
    gss_buffer_desc plain = GSS_C_EMPTY_BUFFER;
    gss_qop_t qop = GSS_C_QOP_DEFAULT;
    int encrypted = 0;
    OM_uint32 minor = 0;
    OM_uint32 major = gss_unwrap(&minor, context->gss, &wrapped, &plain, &encrypted, &qop);
    int rc = 0;
    if (major != GSS_S_COMPLETE || qop != GSS_C_QOP_DEFAULT)
        rc = SEAL_ERROR_TAMPERED;
    else if ((encrypted != 0) != conf)
        rc = SEAL_ERROR_PROTECTION;
    else
        seal__buf_put(out, plain.value, plain.length);
    release_wiped(&plain);
    seal__wipe(copy, len);
    seal__release(context->alloc, copy);
    return rc == 0 && out->failed ? SEAL_ERROR_NO_MEMORY : rc;
}

int heimdal_unwrap(seal__mech *mech, bool conf, const uint8_t *in, size_t len, seal__buf *out) {
    heimdal_context *context = established(mech);
    if (context == NULL)
        return SEAL_ERROR_STATE;
    if (len == 0)
        return SEAL_ERROR_TAMPERED;
    if (context->has_received)
        return unwrap_once(context, conf, in, len, out);
    gss_buffer_desc snapshot = GSS_C_EMPTY_BUFFER;
    int rc = SEAL_ERROR_INTERNAL;
    bool usable = take_snapshot(context, &snapshot);
    if (usable) {
        rc = unwrap_once(context, conf, in, len, out);
        context->has_received = rc == 0;
        usable = rc == 0 || go_back(context, &snapshot);
    }
    if (!usable)
        context->state = HEIMDAL_FAILED;
    release_wiped(&snapshot);
    return rc;
}
