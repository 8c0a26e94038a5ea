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

static void reset_scope(seal_call *call, uint32_t attempt) {
    call->scope.cancelled = false;
    call->scope.traceparent = "";
    call->scope.tracestate = "";
    call->scope.deadline_ns = call->deadline_ns;
    call->scope.attempt = attempt > 0 ? attempt : 1;
}

/* A call of one small message never takes memory for it. */
void seal__call_reset_arena(seal_call *call, size_t budget) {
    seal__arena_reset(&call->arena, budget);
    if (call->arena.blocks != NULL)
        return;
    call->arena.at = call->first;
    call->arena.left = sizeof call->first;
}

/* The part that is made once. */
static seal_call *make_object(seal__server_loop *loop) {
    size_t states_size = loop->server->n_interceptors * sizeof(void *);
    seal_call *call = seal__alloc(loop->calls.alloc, sizeof *call + states_size);
    if (call == NULL)
        return NULL;
    call->server = loop->server;
    call->loop = loop;
    call->peer = NULL;
    call->states = (void **)(call + 1);
    call->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    seal__outgoing_init(&call->out);
    seal__scope_init(&call->scope);
    call->scope.ref = ref_scope;
    call->scope.unref = unref_scope;
    return call;
}

static void free_object(seal_call *call) {
    const seal_allocator *alloc = call->loop->calls.alloc;
    seal__scope_done(&call->scope);
    seal__outgoing_done(&call->out, alloc);
    pthread_mutex_destroy(&call->lock);
    seal__peer_unref(call->peer);
    seal__release(alloc, call);
}

static seal_call *take_object(seal__server_loop *loop) {
    seal_call *call = seal__spares_take(&loop->last_call);
    if (call == NULL)
        call = seal__spares_take(&loop->calls);
    return call != NULL ? call : make_object(loop);
}

static void clear(seal_call *call) {
    seal__clear(&call->refs, sizeof *call - offsetof(seal_call, refs));
    if (call->server->n_interceptors > 0)
        memset(call->states, 0, call->server->n_interceptors * sizeof(void *));
}

static void set_peer(seal_call *call, seal_peer *peer) {
    if (call->peer == peer)
        return;
    seal__peer_unref(call->peer);
    call->peer = seal__peer_ref(peer);
}

seal_call *seal__call_new(seal__server_conn *sc, const seal__event *event,
                          const seal__server_method *method, uint64_t deadline_ns) {
    seal__server_loop *loop = sc->loop;
    seal_call *call = take_object(loop);
    if (call == NULL)
        return NULL;
    clear(call);
    set_peer(call, sc->conn->peer);
    atomic_init(&call->refs, 2); /* the stream's, and the users' */
    atomic_init(&call->users, 1);
    call->sc = sc;
    call->stream = event->stream;
    call->method = method;
    call->began_ns = sc->conn->fed_ns;
    call->deadline_ns = deadline_ns;
    reset_scope(call, event->attempt);
    seal__outgoing_reset(&call->out);
    call->arena.alloc = seal__runtime_blocks(loop->runtime);
    loop->n_calls++;
    return call;
}

/* What only few calls have. */
static bool has_parts(const seal_call *call) {
    return call->work != NULL || call->answer.reply != NULL || call->answer.status.text != NULL ||
           call->verdict.text != NULL || call->outcome.text != NULL || call->trailing != NULL ||
           call->details != NULL || call->metadata != NULL || call->arena.blocks != NULL ||
           call->arena.adopted != NULL || !seal__outgoing_is_empty(&call->out);
}

static void release_parts(seal_call *call) {
    const seal_allocator *alloc = seal__runtime_alloc(call->loop->runtime);
    seal__outgoing_drop(&call->out, alloc);
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
}

/* The next call is most often one of the same peer, whom one object goes on holding. The others
 * hold none, so that nobody is remembered for long. */
static void keep_object(seal__server_loop *loop, seal_call *call) {
    if (loop->last_call.n == 0 && loop->n_established > 0) {
        seal__spares_give(&loop->last_call, call);
    } else if (loop->calls.n < loop->calls.max) {
        set_peer(call, NULL);
        seal__spares_give(&loop->calls, call);
    } else {
        free_object(call);
    }
}

void seal__calls_drop_peer(seal__server_loop *loop) {
    seal_call *call = seal__spares_take(&loop->last_call);
    if (call == NULL)
        return;
    set_peer(call, NULL);
    seal__spares_give(&loop->calls, call);
}

void seal__calls_init(seal__server_loop *loop, const seal_allocator *alloc) {
    seal__spares_init(&loop->calls, alloc, sizeof(seal_call), SEAL__SPARE_CALLS);
    seal__spares_init(&loop->last_call, alloc, sizeof(seal_call), 1);
}

void seal__calls_done(seal__server_loop *loop) {
    seal__calls_drop_peer(loop);
    for (seal_call *call; (call = seal__spares_take(&loop->calls)) != NULL;)
        free_object(call);
}

static void free_call(seal_call *call) {
    seal__server_loop *loop = call->loop;
    if (!call->is_run || call->work != NULL)
        seal__call_settle(call);
    seal__call_over(call, SEAL_STATUS_UNKNOWN, SEAL_EXECUTION_UNKNOWN, NULL);
    if (call->outcome.execution == SEAL_NOT_EXECUTED)
        seal__count(&loop->stats.calls_refused, 1);
    if (call->n_begun > 0)
        seal__call_tell_end(call);
    if (call->is_run)
        seal__count(&loop->stats.calls_running, -1);
    if (has_parts(call))
        release_parts(call);
    keep_object(loop, call);
    loop->n_calls--;
    if (loop->stopping)
        seal__server_maybe_stopped(loop);
}

static void run_free(seal__task *task) {
    free_call(SEAL__CONTAINER_OF(task, seal_call, task));
}

/* Drops one of `n`, true if it was the last. Whoever has the only one is alone with it: what others
 * have done before they dropped theirs is seen. */
static bool drop_one(atomic_uint *n) {
    return atomic_load_explicit(n, memory_order_acquire) == 1 ||
           atomic_fetch_sub_explicit(n, 1, memory_order_acq_rel) == 1;
}

/* The task is not queued: that takes a reference. */
void seal__call_release(seal_call *call) {
    if (!drop_one(&call->refs))
        return;
    if (!seal__call_on_loop(call)) {
        call->task.run = run_free;
        seal__runtime_queue(call->loop->runtime, &call->task);
    } else if (call->pins > 0) {
        call->is_dead = true;
    } else {
        free_call(call);
    }
}

void seal__call_unpin(seal_call *call) {
    if (--call->pins == 0 && call->is_dead)
        free_call(call);
}

void seal__call_handled(seal_call *call) {
    bool is_alone = seal__call_is_alone(call);
    call->in_handler = false;
    if (!is_alone) {
        seal_call_unref(call);
        return;
    }
    if (!atomic_load_explicit(&call->answered, memory_order_relaxed))
        seal__call_answer_for_want(call);
    if (drop_one(&call->refs))
        call->is_dead = true;
}

void seal__call_detach(seal_call *call) {
    if (call->stream == NULL)
        return;
    call->stream = NULL;
    call->sc = NULL;
    if (call->work != NULL)
        seal__mailbox_cancel(&call->work->box);
    /* The stream's, and the one for the handler that is running. */
    if (atomic_load_explicit(&call->refs, memory_order_acquire) == 2 && seal__call_is_alone(call))
        atomic_store_explicit(&call->refs, 1, memory_order_relaxed);
    else
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

void seal__call_begins(seal_call *call) {
    seal__server_counts *counts = &call->loop->stats;
    atomic_store_explicit(&call->phase, SEAL__CALL_BEGUN, memory_order_release);
    call->is_run = true;
    seal__count(&counts->calls_started, 1);
    seal__count(&counts->calls_running, 1);
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
    if (call == NULL || !drop_one(&call->users))
        return;
    if (!atomic_load(&call->answered))
        seal__call_answer_for_want(call);
    seal__call_release(call);
}
