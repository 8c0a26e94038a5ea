/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that a handler makes to do its work: what they have of the call they are made for. */
#include <string.h>

#include "call/trace.h"
#include "client/client_internal.h"
#include "secure/crypto/crypto.h"

#define RESERVE_NS 5000000u /* for what the parent still has to do when the child has ended */

/* 0: it has passed. UINT64_MAX: there is none. */
static uint64_t child_deadline(const seal__scope *scope) {
    if (scope->deadline_ns == UINT64_MAX)
        return UINT64_MAX;
    return scope->deadline_ns > RESERVE_NS ? scope->deadline_ns - RESERVE_NS : 0;
}

void seal_call_options_inherit(seal_call_options *options, struct seal_call *parent) {
    const size_t known = offsetof(seal_call_options, parent) + sizeof options->parent;
    if (options == NULL || parent == NULL || options->struct_size < known)
        return;
    options->parent = parent;
    uint64_t deadline = child_deadline(seal__scope_of(parent));
    if (deadline == UINT64_MAX)
        return;
    uint64_t now = uv_hrtime();
    uint64_t left_us = deadline > now ? (deadline - now) / 1000 : 0;
    left_us = left_us > 0 ? left_us : 1; /* 0 would be a default */
    if (options->timeout_us == 0 || options->timeout_us > left_us)
        options->timeout_us = left_us;
}

void seal__client_call_inherit(seal_client_call *call, struct seal_call *parent,
                               bool has_own_timeout) {
    const seal__scope *scope = seal__scope_of(parent);
    uint64_t deadline = child_deadline(scope);
    call->parent_attempt = scope->attempt;
    if (deadline == UINT64_MAX || (has_own_timeout && call->deadline_ns <= deadline))
        return;
    call->deadline_ns = deadline;
    call->timeout_us = deadline > call->started_ns ? (deadline - call->started_ns) / 1000 : 0;
}

/* With the scope locked. */
static void parent_was_cancelled(seal__scope_hook *hook) {
    seal_client_call *call = SEAL__CONTAINER_OF(hook, seal_client_call, hook);
    atomic_store(&call->parent_cancelled, true);
    seal_client_call_cancel(call);
}

bool seal__client_call_join(seal_client_call *call, struct seal_call *parent) {
    seal__scope *scope = seal__scope_of(parent);
    call->hook.cancelled = parent_was_cancelled;
    if (!seal__scope_join(scope, &call->hook))
        return false;
    call->scope = scope;
    return true;
}

void seal__client_call_leave(seal_client_call *call) {
    if (call->scope != NULL)
        seal__scope_leave(call->scope, &call->hook);
    call->scope = NULL;
}

/* ---- Trace ---- */

bool seal__trace_is_there(struct seal_call *parent) {
    return seal__scope_of(parent)->traceparent[0] != '\0';
}

static bool new_span(uint8_t span[SEAL__SPAN_ID]) {
    static const uint8_t none[SEAL__SPAN_ID] = {0};
    return seal__random(span, SEAL__SPAN_ID) == 0 && memcmp(span, none, SEAL__SPAN_ID) != 0;
}

/* What does not fit any more is left out: a trace is no part of the call. */
void seal__trace_inherit(seal_metadata *metadata, struct seal_call *parent) {
    const seal__scope *scope = seal__scope_of(parent);
    uint8_t span[SEAL__SPAN_ID];
    char text[SEAL__TRACEPARENT + 1];
    if (seal_metadata_get(metadata, "traceparent", NULL) != NULL || !new_span(span))
        return;
    seal__traceparent_child(scope->traceparent, span, text);
    if (seal_metadata_add(metadata, "traceparent", text, NULL) < 0)
        return;
    if (scope->tracestate[0] != '\0' && seal_metadata_get(metadata, "tracestate", NULL) == NULL)
        (void)seal_metadata_add(metadata, "tracestate", scope->tracestate, NULL);
}
