/* SPDX-License-Identifier: Apache-2.0 */
/* Functions around every call that the server was given. */
#include <inttypes.h>

#include "base/options.h"
#include "server/server_internal.h"

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

bool seal__call_begin(seal_call *call) {
    const seal_server *server = call->server;
    if (!seal__call_is_allowed(call))
        return false;
    for (uint32_t i = 0; i < server->n_interceptors; i++) {
        const seal__server_interceptor *one = &server->interceptors[i];
        if (one->fn.begin != NULL && !one->fn.begin(call, &call->states[i], one->user))
            return false;
        call->n_begun = i + 1;
    }
    return !atomic_load(&call->answered);
}

void seal__call_tell_received(seal_call *call, const ProtobufCMessage *message) {
    for (uint32_t i = call->n_begun; i-- > 0;) {
        const seal__server_interceptor *one = &call->server->interceptors[i];
        if (one->fn.received != NULL)
            one->fn.received(call, message, &call->states[i], one->user);
    }
}

void seal__call_tell_sent(seal_call *call, const ProtobufCMessage *message) {
    for (uint32_t i = call->n_begun; i-- > 0;) {
        const seal__server_interceptor *one = &call->server->interceptors[i];
        if (one->fn.sent != NULL)
            one->fn.sent(call, message, &call->states[i], one->user);
    }
}

static void describe(seal_call *call, seal_call_outcome *outcome) {
    outcome->message = call->outcome.text != NULL ? call->outcome.text : "";
    outcome->duration_us = call->duration_us;
    outcome->messages_in = call->messages_in;
    outcome->messages_out = atomic_load(&call->messages_out);
}

void seal__call_tell_end(seal_call *call) {
    seal_call_outcome outcome = {.status = call->outcome.code,
                                 .execution = call->outcome.execution};
    describe(call, &outcome);
    for (uint32_t i = call->n_begun; i-- > 0;) {
        const seal__server_interceptor *one = &call->server->interceptors[i];
        if (one->fn.end != NULL)
            one->fn.end(call, &outcome, &call->states[i], one->user);
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
