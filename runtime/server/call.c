/* SPDX-License-Identifier: Apache-2.0 */
/* A call's life: references, the way back to its loop, cancel, and what handlers may ask of it. */
#include <string.h>

#include "server/server_internal.h"

bool seal__call_on_loop(const seal_call *call) {
    return seal__runtime_on_loop(call->loop->runtime);
}

/* ---- Making and freeing ---- */

static void ref_scope(seal__scope *scope) {
    seal_call *call = SEAL__CONTAINER_OF(scope, seal_call, scope);
    atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
}

static void unref_scope(seal__scope *scope) {
    seal__call_release(SEAL__CONTAINER_OF(scope, seal_call, scope));
}

seal__scope *seal__scope_of(seal_call *call) {
    return &call->scope;
}

static void init_scope(seal_call *call, uint32_t attempt) {
    seal__scope_init(&call->scope);
    call->scope.deadline_ns = call->deadline_ns;
    call->scope.attempt = attempt > 0 ? attempt : 1;
    call->scope.ref = ref_scope;
    call->scope.unref = unref_scope;
}

/* A call of one small message never takes memory for it. */
void seal__call_reset_arena(seal_call *call, size_t budget) {
    seal__arena_reset(&call->arena, budget);
    if (call->arena.blocks != NULL)
        return;
    call->arena.at = call->first;
    call->arena.left = sizeof call->first;
}

seal_call *seal__call_new(seal__server_conn *sc, const seal__event *event,
                          const seal__server_method *method, uint64_t deadline_ns) {
    seal__server_loop *loop = sc->loop;
    const seal_allocator *alloc = seal__runtime_alloc(loop->runtime);
    size_t states_size = sc->server->n_interceptors * sizeof(void *);
    seal_call *call = seal__alloc(alloc, sizeof *call + states_size);
    if (call == NULL)
        return NULL;
    memset(&call->refs, 0, sizeof *call - offsetof(seal_call, refs) + states_size);
    call->states = (void **)(call + 1);
    atomic_init(&call->refs, 2); /* the stream's, and the users' */
    atomic_init(&call->users, 1);
    atomic_init(&call->phase, SEAL__CALL_NEW);
    call->server = sc->server;
    call->loop = loop;
    call->sc = sc;
    call->stream = event->stream;
    call->method = method;
    call->peer = seal__peer_ref(sc->conn->peer);
    call->began_ns = sc->conn->fed_ns;
    call->deadline_ns = deadline_ns;
    call->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    seal__outgoing_init(&call->out);
    init_scope(call, event->attempt);
    seal__arena_init(&call->arena, seal__runtime_blocks(loop->runtime), 0);
    loop->n_calls++;
    return call;
}

static void release_parts(seal_call *call) {
    const seal_allocator *alloc = seal__runtime_alloc(call->loop->runtime);
    seal__scope_done(&call->scope);
    seal__outgoing_done(&call->out, alloc);
    seal__call_work_free(call);
    seal__release(alloc, call->answer.reply);
    seal__release(alloc, call->answer.status.text);
    seal__release(alloc, call->verdict.text);
    seal__release(alloc, call->outcome.text);
    seal__release(alloc, call->trailing);
    if (call->details != NULL)
        seal__buf_done(call->details);
    seal__release(alloc, call->details);
    if (call->metadata != NULL)
        seal_metadata_free(call->metadata);
    seal__arena_done(&call->arena);
    seal__peer_unref(call->peer);
    pthread_mutex_destroy(&call->lock);
}

static void free_call(seal_call *call) {
    seal__server_loop *loop = call->loop;
    seal__call_settle(call);
    seal__call_show_end(call);
    if (call->is_run)
        seal__count(&loop->stats.calls_running, -1);
    release_parts(call);
    seal__release(seal__runtime_alloc(loop->runtime), call);
    loop->n_calls--;
    seal__server_maybe_stopped(loop);
}

static void run_free(seal__task *task) {
    free_call(SEAL__CONTAINER_OF(task, seal_call, task));
}

/* The task is not queued: that takes a reference. */
void seal__call_release(seal_call *call) {
    if (atomic_fetch_sub_explicit(&call->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (seal__call_on_loop(call)) {
        free_call(call);
        return;
    }
    call->task.run = run_free;
    seal__runtime_queue(call->loop->runtime, &call->task);
}

void seal__call_detach(seal_call *call) {
    if (call->stream == NULL)
        return;
    call->stream = NULL;
    call->sc = NULL;
    if (call->work != NULL)
        seal__mailbox_cancel(&call->work->box);
    seal__call_release(call);
}

/* ---- From other threads to the loop ---- */

static void tell_cancelled(seal_call *call) {
    seal_call_cancelled_fn *fn = call->on_cancel;
    call->on_cancel = NULL;
    if (fn != NULL && !atomic_load(&call->answered))
        fn(call, call->on_cancel_user);
}

/* What a worker has found that cannot be begun. */
static void take_back(seal_call *call) {
    if (atomic_load(&call->phase) != SEAL__CALL_RETURNED || !seal__call_drop(call))
        return;
    if (call->verdict.code == SEAL_STATUS_DEADLINE_EXCEEDED)
        seal__count(&call->loop->stats.calls_expired_in_queue, 1);
    seal__call_not_run(call);
    seal__call_refuse(call, call->verdict.code, call->verdict.text);
}

static void run_task(seal__task *task) {
    seal_call *call = SEAL__CONTAINER_OF(task, seal_call, task);
    atomic_store(&call->woken, false);
    seal__call_settle(call);
    take_back(call);
    seal__call_flush(call);
    seal__call_catch_up(call);
    if (call->tell_cancel) {
        call->tell_cancel = false;
        tell_cancelled(call);
    }
    seal__call_release(call);
}

void seal__call_wake(seal_call *call) {
    if (atomic_exchange(&call->woken, true))
        return;
    atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
    call->task.run = run_task;
    seal__runtime_queue(call->loop->runtime, &call->task);
}

/* ---- Towards the handler ---- */

void seal__call_settle(seal_call *call) {
    seal__server_counts *counts = &call->loop->stats;
    int phase = atomic_load(&call->phase);
    if (seal__call_is_queued(call) && phase != SEAL__CALL_QUEUED) {
        seal__list_remove(&call->work->queued);
        seal__count(&counts->calls_queued, -1);
    }
    if (!call->is_run && phase == SEAL__CALL_BEGUN) {
        call->is_run = true;
        seal__count(&counts->calls_started, 1);
        seal__count(&counts->calls_running, 1);
    }
}

void seal__call_not_run(seal_call *call) {
    if (!call->is_run)
        return;
    call->is_run = false;
    seal__count(&call->loop->stats.calls_started, -1);
    seal__count(&call->loop->stats.calls_running, -1);
}

bool seal__call_drop(seal_call *call) {
    int phase = atomic_load(&call->phase);
    do {
        if (phase == SEAL__CALL_BEGUN || phase == SEAL__CALL_DROPPED)
            return false;
    } while (!atomic_compare_exchange_weak(&call->phase, &phase, SEAL__CALL_DROPPED));
    if (phase == SEAL__CALL_QUEUED &&
        seal__workers_withdraw(call->server->workers, &call->work->work))
        seal__call_release(call); /* the queue's reference */
    seal__call_settle(call);
    return true;
}

void seal__call_judge(seal_call *call, seal_status code, const char *text) {
    char *copy = seal__strdup(seal__runtime_alloc(call->loop->runtime), text);
    pthread_mutex_lock(&call->lock);
    bool first = !atomic_load(&call->has_verdict);
    if (first) {
        call->verdict = (seal__call_status){code, SEAL_EXECUTION_UNKNOWN, copy};
        atomic_store(&call->has_verdict, true);
    }
    pthread_mutex_unlock(&call->lock);
    if (!first)
        seal__release(seal__runtime_alloc(call->loop->runtime), copy);
}

/* ---- Cancel ---- */

void seal__call_cancel(seal_call *call) {
    seal__call_settle(call);
    if (atomic_exchange(&call->cancelled, true))
        return;
    if (call->is_run && call->ended_by != SEAL_STATUS_OK)
        seal__count(&call->loop->stats.calls_cancelled, 1);
    seal__scope_cancel(&call->scope);
    if (call->work != NULL)
        seal__mailbox_cancel(&call->work->box);
    tell_cancelled(call);
}

void seal_call_on_cancel(seal_call *call, seal_call_cancelled_fn *cancelled, void *user) {
    call->on_cancel = cancelled;
    call->on_cancel_user = user;
    if (cancelled == NULL || !atomic_load(&call->cancelled))
        return;
    call->tell_cancel = true;
    seal__call_wake(call);
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
        seal__call_answer_for_want(call);
    seal__call_release(call);
}
