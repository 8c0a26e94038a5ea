/* SPDX-License-Identifier: Apache-2.0 */
/* What contexts of initiators and acceptors have in common. */
#include "secure/gss/gss_internal.h"

/* More than any record; the real limits are above. */
enum { SCRATCH_MAX = 16 * 1024 * 1024 };

void seal__gss_context_init(seal__gss_context *context, const seal__mech_ops *ops,
                            const seal_allocator *alloc, seal_mechanism mechanism, bool initiator) {
    context->base.ops = ops;
    context->alloc = alloc;
    context->mechanism = mechanism;
    context->initiator = initiator;
    seal__buf_init(&context->scratch, alloc, SCRATCH_MAX);
}

void seal__gss_context_done(seal__gss_context *context) {
    OM_uint32 minor = 0;
    seal__buf_done_wiped(&context->scratch);
    gss_delete_sec_context(&minor, &context->gss, GSS_C_NO_BUFFER);
    gss_release_cred(&minor, &context->cred);
    seal__release(context->alloc, context->mechanism_text);
    seal__release(context->alloc, context->peer_text);
    seal__release(context->alloc, context->local_text);
    seal__release(context->alloc, context->target_text);
}

int seal__gss_context_enter(seal__gss_context *context, size_t token_len, seal_error **reterr) {
    bool may_be_empty = context->initiator && context->state == SEAL__GSS_FRESH;
    if (context->state == SEAL__GSS_ESTABLISHED || context->state == SEAL__GSS_FAILED)
        return seal__error(reterr, SEAL_ERROR_STATE, "the security context takes no more tokens");
    if ((token_len == 0) == may_be_empty)
        return 0;
    context->state = SEAL__GSS_FAILED;
    return seal__error(reterr, SEAL_ERROR_AUTHENTICATION,
                       may_be_empty ? "the peer sent a token before the first one was due"
                                    : "the peer sent an empty token");
}

int seal__gss_context_emit(gss_buffer_t token, seal__buf *out, seal_error **reterr) {
    OM_uint32 minor = 0;
    seal__buf_put(out, token->value, token->length);
    gss_release_buffer(&minor, token);
    return out->failed ? seal__error_no_memory(reterr) : 0;
}

int seal__gss_context_fail(seal__gss_context *context, const seal__gss_situation *at,
                           OM_uint32 major, OM_uint32 minor, seal_error **reterr) {
    context->state = SEAL__GSS_FAILED;
    return seal__gss_fail(at, major, minor, &context->krb5_code, reterr);
}
