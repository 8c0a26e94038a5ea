/* SPDX-License-Identifier: Apache-2.0 */
/* Functions around every call: the library's own first, then those that the server was given. */
#include <inttypes.h>

#include "base/options.h"
#include "server/server_internal.h"

/* ---- Figures ---- */

static void count_end(seal_call *call, const seal_call_outcome *outcome, void **state, void *user) {
    (void)state;
    (void)user;
    if (outcome->execution == SEAL_NOT_EXECUTED)
        seal__count(&call->loop->stats.calls_refused, 1);
}

static const seal_server_interceptor figures = {.struct_size = sizeof figures, .end = count_end};

/* ---- Log ---- */

static void log_end(seal_call *call, const seal_call_outcome *outcome, void **state, void *user) {
    (void)state;
    (void)user;
    bool ok = outcome->status == SEAL_STATUS_OK;
    seal__log_line(seal__runtime_log(call->loop->runtime), ok ? SEAL_LOG_INFO : SEAL_LOG_WARNING,
                   "%s called %s: %s (%s) in %" PRIu64 " us%s%s", seal_peer_principal(call->peer),
                   seal_call_method(call), seal_status_name(outcome->status),
                   seal_execution_name(outcome->execution), outcome->duration_us,
                   outcome->message[0] != '\0' ? ": " : "", outcome->message);
}

const seal_server_interceptor *seal_server_log_interceptor(void) {
    static const seal_server_interceptor logging = {.struct_size = sizeof logging, .end = log_end};
    return &logging;
}

/* ---- The chain ---- */

static size_t count(const seal_server *server) {
    return SEAL__OWN_INTERCEPTORS + server->n_interceptors;
}

static const seal_server_interceptor *at(const seal_call *call, size_t index, void **ret_user) {
    static const seal_server_interceptor *const own[SEAL__OWN_INTERCEPTORS] = {
        &figures, &seal__policy_interceptor};
    *ret_user = NULL;
    if (index < SEAL__OWN_INTERCEPTORS)
        return own[index];
    const seal__server_interceptor *given =
        &call->server->interceptors[index - SEAL__OWN_INTERCEPTORS];
    *ret_user = given->user;
    return &given->fn;
}

bool seal__call_begin(seal_call *call) {
    size_t n = count(call->server);
    while (call->n_begun < n) {
        void *user = NULL;
        const seal_server_interceptor *fn = at(call, call->n_begun, &user);
        if (fn->begin != NULL && !fn->begin(call, &call->states[call->n_begun], user))
            return false;
        call->n_begun++;
    }
    return !atomic_load(&call->answered);
}

void seal__call_show_received(seal_call *call, const ProtobufCMessage *message) {
    for (size_t i = call->n_begun; i-- > SEAL__OWN_INTERCEPTORS;) {
        void *user = NULL;
        const seal_server_interceptor *fn = at(call, i, &user);
        if (fn->received != NULL)
            fn->received(call, message, &call->states[i], user);
    }
}

void seal__call_show_sent(seal_call *call, const ProtobufCMessage *message) {
    for (size_t i = call->n_begun; i-- > SEAL__OWN_INTERCEPTORS;) {
        void *user = NULL;
        const seal_server_interceptor *fn = at(call, i, &user);
        if (fn->sent != NULL)
            fn->sent(call, message, &call->states[i], user);
    }
}

void seal__call_show_end(seal_call *call) {
    seal__call_over(call, SEAL_STATUS_UNKNOWN, SEAL_EXECUTION_UNKNOWN, NULL);
    seal_call_outcome *outcome = &call->outcome;
    outcome->message = call->outcome_text != NULL ? call->outcome_text : "";
    outcome->messages_in = call->messages_in;
    outcome->messages_out = atomic_load(&call->messages_out);
    for (size_t i = call->n_begun; i-- > 0;) {
        void *user = NULL;
        const seal_server_interceptor *fn = at(call, i, &user);
        if (fn->end != NULL)
            fn->end(call, outcome, &call->states[i], user);
    }
}

/* ---- Adding ---- */

typedef struct add_task {
    seal_server *server;
    seal__server_interceptor interceptor;
    int rc;
    seal_error **reterr;
} add_task;

static void do_add(void *arg) {
    add_task *task = arg;
    seal_server *server = task->server;
    if (server->state != SEAL__SERVER_NEW)
        task->rc = seal__error(task->reterr, SEAL_ERROR_STATE,
                               "add interceptors before the server is started");
    else if (server->n_interceptors == SEAL_MAX_INTERCEPTORS)
        task->rc = seal__error(task->reterr, SEAL_ERROR_TOO_MANY,
                               "at most %u interceptors are possible", SEAL_MAX_INTERCEPTORS);
    else
        server->interceptors[server->n_interceptors++] = task->interceptor;
}

int seal_server_add_interceptor(seal_server *server, const seal_server_interceptor *interceptor,
                                void *user, seal_error **reterr) {
    if (server == NULL || interceptor == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID, "server and interceptor must not be NULL");
    add_task task = {.server = server, .interceptor.user = user, .reterr = reterr};
    seal_server_interceptor_init(&task.interceptor.fn);
    int rc = seal__options_copy(&task.interceptor.fn, sizeof task.interceptor.fn, interceptor,
                                "seal_server_interceptor", reterr);
    if (rc < 0)
        return rc;
    rc = seal__runtime_run(server->runtime, do_add, &task);
    return rc < 0 ? seal__error(reterr, rc, "call it on the loop's thread") : task.rc;
}
