/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files mech_heimdal*.c. */
#ifndef SEAL_INTEROP_MECH_HEIMDAL_INTERNAL_H
#define SEAL_INTEROP_MECH_HEIMDAL_INTERNAL_H

#include "mech_heimdal.h"

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>

typedef enum heimdal_state {
    HEIMDAL_FRESH,
    HEIMDAL_STEPPING,
    HEIMDAL_ESTABLISHED,
    HEIMDAL_FAILED
} heimdal_state;

typedef struct heimdal_context {
    seal__mech base;
    const heimdal_identity *identity;
    const seal_allocator *alloc;
    seal_mechanism mechanism;
    heimdal_state state;
    krb5_context krb5;
    gss_cred_id_t cred;
    gss_name_t target; /* initiator */
    gss_ctx_id_t gss;
    bool has_received; /* a message was unwrapped */
    char *mechanism_text;
    char *local_text;
    char *peer_text;
} heimdal_context;

/* NULL: not one that is done here. */
gss_OID heimdal_mechanism_oid(seal_mechanism mechanism);
bool heimdal_oid_equal(gss_const_OID a, gss_const_OID b);
static inline gss_buffer_desc heimdal_buffer(const void *data, size_t len) {
    return (gss_buffer_desc){.length = len, .value = (void *)(uintptr_t)data};
}

/* "what: text of major; text of minor" */
int heimdal_fail(const heimdal_context *context, int code, const char *what, OM_uint32 major,
                 OM_uint32 minor, seal_error **reterr);

/* ---- mech_heimdal_info.c ---- */

/* Fills base.info of a complete context and refuses what is not krb5, or not about our principal.
 * `flags`, `lifetime` and `peer` are what the last leg gave; an initiator has no `peer`. */
int heimdal_info_fill(heimdal_context *context, OM_uint32 flags, OM_uint32 lifetime,
                      gss_name_t peer, seal_error **reterr);

/* ---- mech_heimdal_message.c ---- */

int heimdal_wrap(seal__mech *mech, bool conf, const uint8_t *in, size_t len, seal__buf *out);
int heimdal_unwrap(seal__mech *mech, bool conf, const uint8_t *in, size_t len, seal__buf *out);

#endif
