/* SPDX-License-Identifier: Apache-2.0 */
/* A call's life: references, cancel, and what handlers may ask of it. */
#include <string.h>

#include "codec/codec.h"
#include "server/server_internal.h"

seal_call *seal__call_new(seal__server_conn *sc, seal__stream *stream,
                          const seal__server_method *method, uint64_t deadline_ns) {
    seal_server *server = sc->server;
    const seal_allocator *alloc = seal__runtime_alloc(server->runtime);
    seal_call *call = seal__alloc(alloc, sizeof *call);
    if (call == NULL)
        return NULL;
    memset(call, 0, offsetof(seal_call, first));
    atomic_init(&call->refs, 2); /* the stream's, and the users' */
    atomic_init(&call->users, 1);
    call->server = server;
    call->sc = sc;
    call->stream = stream;
    call->method = method;
    call->peer = seal__peer_ref(sc->conn->peer);
    call->deadline_ns = deadline_ns;
    seal__arena_init(&call->arena, seal__runtime_blocks(server->runtime), 0);
    call->arena.at = call->first;
    call->arena.left = sizeof call->first;
    server->n_calls++;
    return call;
}

static void free_call(seal_call *call) {
    seal_server *server = call->server;
    const seal_allocator *alloc = seal__runtime_alloc(server->runtime);
    if (call->invoked)
        server->stats.calls_running--;
    seal__arena_done(&call->arena);
    seal__peer_unref(call->peer);
    seal__release(alloc, call->answer);
    seal__release(alloc, call->answer_text);
    seal__release(alloc, call);
    server->n_calls--;
    seal__server_maybe_stopped(server);
}

static void run_free(seal__task *task) {
    free_call(SEAL__CONTAINER_OF(task, seal_call, task));
}

void seal__call_release(seal_call *call) {
    if (atomic_fetch_sub_explicit(&call->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (seal__runtime_on_loop(call->server->runtime)) {
        free_call(call);
        return;
    }
    call->task.run = run_free;
    seal__runtime_queue(call->server->runtime, &call->task);
}

void seal__call_detach(seal_call *call) {
    if (call->stream == NULL)
        return;
    call->stream = NULL;
    call->sc = NULL;
    seal__call_release(call);
}

/* ---- Cancel ---- */

static void tell_cancelled(seal_call *call) {
    seal_call_cancelled_fn *fn = call->on_cancel;
    call->on_cancel = NULL;
    if (fn != NULL && !atomic_load(&call->answered))
        fn(call, call->on_cancel_user);
}

void seal__call_cancel(seal_call *call) {
    if (!atomic_exchange(&call->cancelled, true))
        tell_cancelled(call);
}

static void tell_later(seal__task *task) {
    seal_call *call = SEAL__CONTAINER_OF(task, seal_call, cancel_task);
    call->cancel_queued = false;
    tell_cancelled(call);
    seal__call_release(call);
}

void seal_call_on_cancel(seal_call *call, seal_call_cancelled_fn *cancelled, void *user) {
    call->on_cancel = cancelled;
    call->on_cancel_user = user;
    if (cancelled == NULL || !atomic_load(&call->cancelled) || call->cancel_queued)
        return;
    atomic_fetch_add(&call->refs, 1);
    call->cancel_queued = true;
    call->cancel_task.run = tell_later;
    seal__runtime_queue(call->server->runtime, &call->cancel_task);
}

/* ---- For handlers ---- */

const seal_peer *seal_call_peer(const seal_call *call) {
    return call->peer;
}

const char *seal_call_method(const seal_call *call) {
    return call->method->method->full_name;
}

uint64_t seal_call_time_left_us(const seal_call *call) {
    uint64_t now = uv_hrtime();
    if (call->deadline_ns == UINT64_MAX)
        return UINT64_MAX;
    return call->deadline_ns > now ? (call->deadline_ns - now) / 1000 : 0;
}

bool seal_call_is_cancelled(const seal_call *call) {
    return atomic_load(&call->cancelled);
}

seal_call *seal_call_ref(seal_call *call) {
    atomic_fetch_add_explicit(&call->users, 1, memory_order_relaxed);
    return call;
}

void seal_call_unref(seal_call *call) {
    if (call == NULL || atomic_fetch_sub_explicit(&call->users, 1, memory_order_acq_rel) != 1)
        return;
    if (!atomic_load(&call->answered))
        seal_call_fail(call, SEAL_STATUS_INTERNAL, "the handler of %s ended without an answer",
                       seal_call_method(call));
    seal__call_release(call);
}
