/* SPDX-License-Identifier: Apache-2.0 */
#include "call/scope.h"

void seal__scope_init(seal__scope *scope) {
    *scope = (seal__scope){.lock = PTHREAD_MUTEX_INITIALIZER,
                           .deadline_ns = UINT64_MAX,
                           .traceparent = "",
                           .tracestate = "",
                           .attempt = 1};
    seal__list_init(&scope->hooks);
}

void seal__scope_done(seal__scope *scope) {
    pthread_mutex_destroy(&scope->lock);
}

bool seal__scope_join(seal__scope *scope, seal__scope_hook *hook) {
    pthread_mutex_lock(&scope->lock);
    bool joined = !scope->cancelled;
    seal__list_init(&hook->node);
    if (joined) {
        seal__list_append(&scope->hooks, &hook->node);
        scope->ref(scope);
    }
    pthread_mutex_unlock(&scope->lock);
    return joined;
}

void seal__scope_leave(seal__scope *scope, seal__scope_hook *hook) {
    if (scope == NULL)
        return;
    pthread_mutex_lock(&scope->lock);
    bool joined = hook->node.next != NULL && !seal__list_is_empty(&hook->node);
    if (joined)
        seal__list_remove(&hook->node);
    pthread_mutex_unlock(&scope->lock);
    if (joined)
        scope->unref(scope); /* may be the end of the scope */
}

/* Hooks stay in the list, so that it says who holds a reference. */
void seal__scope_cancel(seal__scope *scope) {
    pthread_mutex_lock(&scope->lock);
    bool first = !scope->cancelled;
    scope->cancelled = true;
    for (seal__list *node = scope->hooks.next; first && node != &scope->hooks; node = node->next) {
        seal__scope_hook *hook = SEAL__CONTAINER_OF(node, seal__scope_hook, node);
        hook->cancelled(hook);
    }
    pthread_mutex_unlock(&scope->lock);
}
