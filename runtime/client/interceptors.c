/* SPDX-License-Identifier: Apache-2.0 */
/* The interceptors of a channel, and the first of them, which counts its calls. */
#include <string.h>

#include "base/options.h"
#include "client/client_internal.h"

/* ---- Figures ---- */

static int count_start(seal_client_call *call, seal_metadata *metadata, void **state, void *user) {
    (void)metadata;
    (void)state;
    (void)user;
    atomic_fetch_add_explicit(&call->chain->started, 1, memory_order_relaxed);
    return 0;
}

uint64_t seal__chain_started(const seal__chain *chain) {
    return atomic_load_explicit(&chain->started, memory_order_relaxed) +
           atomic_load_explicit(&chain->plain, memory_order_relaxed);
}

void seal__chain_count(seal__chain *chain) {
    uint64_t n = atomic_load_explicit(&chain->plain, memory_order_relaxed);
    atomic_store_explicit(&chain->plain, n + 1, memory_order_relaxed);
}

/* ---- The chain ---- */

seal__chain *seal__chain_new(const seal_allocator *alloc) {
    seal__chain *chain = seal__alloc_zeroed(alloc, 1, sizeof *chain);
    if (chain == NULL)
        return NULL;
    atomic_init(&chain->refs, 1);
    atomic_init(&chain->started, 0);
    atomic_init(&chain->plain, 0);
    chain->alloc = alloc;
    chain->list[0].fn = (seal_client_interceptor){.begin = count_start};
    chain->n = 1;
    return chain;
}

seal__chain *seal__chain_ref(seal__chain *chain) {
    atomic_fetch_add_explicit(&chain->refs, 1, memory_order_relaxed);
    return chain;
}

void seal__chain_unref(seal__chain *chain) {
    if (chain != NULL && atomic_fetch_sub_explicit(&chain->refs, 1, memory_order_acq_rel) == 1)
        seal__release(chain->alloc, chain);
}

bool seal__chain_wants_metadata(const seal__chain *chain) {
    for (unsigned i = 1; i < chain->n; i++) {
        if (chain->list[i].fn.begin != NULL)
            return true;
    }
    return false;
}

/* What an interceptor returns is somebody else's number. */
static int code_of(int rc) {
    return strcmp(seal_error_code_name(rc), "?") != 0 ? rc : SEAL_ERROR_INTERNAL;
}

int seal__chain_begin(seal_client_call *call, seal_metadata *metadata) {
    const seal__chain *chain = call->chain;
    for (unsigned i = 0; i < chain->n; i++) {
        const seal__interceptor *one = &chain->list[i];
        int rc =
            one->fn.begin != NULL ? one->fn.begin(call, metadata, &call->states[i], one->user) : 0;
        if (rc < 0)
            return code_of(rc);
        call->n_begun = i + 1;
    }
    return 0;
}

/* ---- The last one is `end` ---- */

static bool has_hooks(const seal_client_call *call) {
    return call->chain->n > 1;
}

void seal__hooks_init(seal_client_call *call) {
    if (has_hooks(call))
        pthread_rwlock_init(&call->hooks, NULL);
}

void seal__hooks_done(seal_client_call *call) {
    if (has_hooks(call))
        pthread_rwlock_destroy(&call->hooks);
}

/* Other threads write and read messages while the loop ends the call. Each holds up the end while
 * it runs a function of an interceptor, and runs none afterwards. */
static bool enter_hooks(seal_client_call *call) {
    if (!has_hooks(call))
        return false;
    bool on_loop = seal__client_call_on_loop(call);
    if (!on_loop)
        pthread_rwlock_rdlock(&call->hooks);
    bool is_over = call->hooks_over;
    if (is_over && !on_loop)
        pthread_rwlock_unlock(&call->hooks);
    return !is_over;
}

static void leave_hooks(seal_client_call *call) {
    if (!seal__client_call_on_loop(call))
        pthread_rwlock_unlock(&call->hooks);
}

static void close_hooks(seal_client_call *call) {
    if (!has_hooks(call))
        return;
    pthread_rwlock_wrlock(&call->hooks);
    call->hooks_over = true;
    pthread_rwlock_unlock(&call->hooks);
}

void seal__chain_sent(seal_client_call *call, const ProtobufCMessage *message) {
    if (!enter_hooks(call))
        return;
    for (unsigned i = call->n_begun; i-- > 1;) {
        const seal__interceptor *one = &call->chain->list[i];
        if (one->fn.sent != NULL)
            one->fn.sent(call, message, &call->states[i], one->user);
    }
    leave_hooks(call);
}

void seal__chain_received(seal_client_call *call, const ProtobufCMessage *message) {
    if (!enter_hooks(call))
        return;
    for (unsigned i = call->n_begun; i-- > 1;) {
        const seal__interceptor *one = &call->chain->list[i];
        if (one->fn.received != NULL)
            one->fn.received(call, message, &call->states[i], one->user);
    }
    leave_hooks(call);
}

static void show_end(seal_client_call *call, const seal_result *result) {
    const seal_call_outcome outcome = {.status = seal_result_status(result),
                                       .execution = seal_result_execution(result),
                                       .message = seal_result_message(result),
                                       .duration_us = (uv_hrtime() - call->started_ns) / 1000,
                                       .messages_in = call->messages_in,
                                       .messages_out = call->messages_out};
    for (unsigned i = call->n_begun; i-- > 1;) {
        const seal__interceptor *one = &call->chain->list[i];
        if (one->fn.end != NULL)
            one->fn.end(call, result, &outcome, &call->states[i], one->user);
    }
}

/* The channel's own needs no outcome, and so most calls need none. */
void seal__chain_end(seal_client_call *call, const seal_result *result) {
    close_hooks(call);
    if (call->n_begun > 1)
        show_end(call, result);
    if (call->n_begun > 0)
        seal__retry_ended(call, seal_result_status(result));
}

int seal_channel_add_interceptor(seal_channel *channel, const seal_client_interceptor *interceptor,
                                 void *user, seal_error **reterr) {
    if (channel == NULL || interceptor == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID, "channel and interceptor must not be NULL");
    seal_client_interceptor copy;
    seal_client_interceptor_init(&copy);
    int rc = seal__options_copy(&copy, sizeof copy, interceptor, "seal_client_interceptor", reterr);
    if (rc < 0)
        return rc;
    seal__chain *chain = channel->chain;
    if (seal__chain_started(chain) > 0)
        return seal__error(reterr, SEAL_ERROR_STATE,
                           "the channel has had its first call; add interceptors before it");
    if (chain->n == SEAL__CHAIN_MAX)
        return seal__error(reterr, SEAL_ERROR_TOO_MANY, "a channel has at most %u interceptors",
                           SEAL_MAX_INTERCEPTORS);
    chain->list[chain->n++] = (seal__interceptor){.fn = copy, .user = user};
    return 0;
}
