/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/handshake.h"

#include <string.h>

seal__secure_step *seal__step_new(const seal_allocator *alloc, const uint8_t *token, size_t len) {
    seal__secure_step *step = seal__alloc_zeroed(alloc, 1, sizeof *step);
    if (step == NULL)
        return NULL;
    step->alloc = *alloc;
    seal__buf_init(&step->out, &step->alloc, SEAL__TOKEN_MAX);
    step->result = SEAL_ERROR_STATE;
    if (len == 0)
        return step;
    step->in = seal__alloc(alloc, len);
    if (step->in == NULL) {
        seal__secure_step_free(step);
        return NULL;
    }
    memcpy(step->in, token, len);
    step->in_len = len;
    return step;
}

/* A share that is refused is left to the end of the handshake, which says so. */
static int exchange(seal__secure_step *step) {
    int rc = step->pair.key != NULL || step->has_shared
                 ? 0
                 : seal__key_stock_take(step->keys, &step->pair);
    if (rc != 0 || step->result != SEAL__MECH_DONE || !step->has_peer_share || step->has_shared ||
        step->exchanges_later)
        return rc;
    step->has_shared = seal__x25519_derive(&step->pair, step->peer_share, step->shared) == 0;
    return 0;
}

void seal__secure_step_run(seal__secure_step *step) {
    static const uint8_t nothing[1] = {0};
    const uint8_t *in = step->in != NULL ? step->in : nothing;
    step->result = step->mech->ops->step(step->mech, in, step->in_len, &step->out, &step->error);
    if (step->result >= 0)
        step->key_result = exchange(step);
}

void seal__secure_step_fail(seal__secure_step *step, int code, seal_error *error) {
    step->result = code;
    seal_error_free(step->error);
    step->error = error;
}

void seal__secure_step_free(seal__secure_step *step) {
    if (step == NULL)
        return;
    seal_allocator alloc = step->alloc;
    if (step->mech != NULL)
        step->mech->ops->free(step->mech);
    seal__x25519_done(&step->pair);
    seal__wipe(step->shared, sizeof step->shared);
    seal__wipe(step->in, step->in_len);
    seal__release(&alloc, step->in);
    seal__buf_done_wiped(&step->out);
    seal_error_free(step->error);
    seal__release(&alloc, step);
}
