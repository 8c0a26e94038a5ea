/* SPDX-License-Identifier: Apache-2.0 */
/* From the session's events to handlers. Whatever is wrong with a call is found here, before its
 * request is decoded where possible, and answered as NOT_EXECUTED. */
#include <stdio.h>
#include <string.h>

#include "codec/codec.h"
#include "server/server_internal.h"

enum { TEXT_MAX = 512 };

static void refuse_stream(seal__server_conn *sc, seal__stream *stream, seal_status status,
                          const char *text) {
    sc->server->stats.calls_refused++;
    seal__session_finish(sc->conn->session, stream, status, SEAL_NOT_EXECUTED, text);
    seal__conn_mark_dirty(sc->conn);
}

/* Says why the peer may not call the method; returns false when it may. */
static bool is_denied(const seal__server_conn *sc, const seal_method *method, char *text,
                      size_t size) {
    const seal_peer *peer = sc->conn->peer;
    if (method->min_level != 0 && seal_peer_level(peer) < method->min_level) {
        snprintf(text, size,
                 "%s needs level %s; the connection has %s: raise the client's min_level",
                 method->full_name, seal_level_name(method->min_level),
                 seal_level_name(seal_peer_level(peer)));
        return true;
    }
    if (!seal__server_allows(method->allow, peer)) {
        snprintf(text, size, "%s may not call %s: not in the method's allow list",
                 seal_peer_principal(peer), method->full_name);
        return true;
    }
    return false;
}

static uint64_t deadline_of(uint64_t timeout_us, uint64_t now) {
    uint64_t deadline = UINT64_MAX;
    if (timeout_us == SEAL__NO_TIMEOUT || __builtin_mul_overflow(timeout_us, 1000u, &deadline) ||
        __builtin_add_overflow(deadline, now, &deadline))
        return UINT64_MAX;
    return deadline;
}

static const seal__server_method *find_method(const seal__server_conn *sc, seal__method_ref *ref) {
    if (ref->bound == NULL) {
        const seal__server_method *found = seal__server_find_method(sc->server, ref->name);
        memcpy(&ref->bound, &found, sizeof found);
    }
    return ref->bound;
}

static void on_headers(seal__server_conn *sc, const seal__event *event) {
    char text[TEXT_MAX];
    const seal__server_method *method = find_method(sc, event->method);
    if (method == NULL || method->method->invoke == NULL) {
        snprintf(text, sizeof text, "the server has no method %s", event->method->name);
        refuse_stream(sc, event->stream, SEAL_STATUS_UNIMPLEMENTED, text);
        return;
    }
    if (is_denied(sc, method->method, text, sizeof text)) {
        refuse_stream(sc, event->stream, SEAL_STATUS_PERMISSION_DENIED, text);
        return;
    }
    uint64_t deadline = deadline_of(event->timeout_us, sc->conn->fed_ns);
    seal_call *call = seal__call_new(sc, event->stream, method, deadline);
    if (call == NULL) {
        refuse_stream(sc, event->stream, SEAL_STATUS_RESOURCE_EXHAUSTED,
                      "the server is out of memory");
        return;
    }
    uint32_t limit = method->method->max_request;
    seal__stream_set_user(event->stream, call);
    seal__stream_limit(event->stream, limit != 0 ? limit : sc->server->config.max_request, deadline,
                       sc->conn->session);
}

/* The call ends before its handler has run. */
static void refuse(seal_call *call, seal_status status, const char *text) {
    seal__call_refuse(call, status, SEAL_NOT_EXECUTED, text);
    seal_call_unref(call);
}

static void invoke(seal_call *call) {
    const seal__server_method *m = call->method;
    seal_server *server = call->server;
    if (call->request == NULL) {
        refuse(call, SEAL_STATUS_INVALID_ARGUMENT, "the request has no message");
        return;
    }
    if (seal_call_time_left_us(call) == 0) {
        refuse(call, SEAL_STATUS_DEADLINE_EXCEEDED,
               "the deadline passed before the call was begun");
        return;
    }
    call->invoked = true;
    server->stats.calls_started++;
    server->stats.calls_running++;
    if (!m->method->invoke(m->ops, call, call->request, m->user)) {
        call->invoked = false;
        server->stats.calls_started--;
        server->stats.calls_running--;
        refuse(call, SEAL_STATUS_UNIMPLEMENTED, "the server does not implement the method");
        return;
    }
    seal_call_unref(call);
}

static void on_message(seal_call *call, const seal__event *event) {
    const seal_method *method = call->method->method;
    if (call->request != NULL) {
        refuse(call, SEAL_STATUS_INVALID_ARGUMENT, "the request has more than one message");
        return;
    }
    call->arena.budget = seal__codec_budget(event->len);
    seal_error *error = NULL;
    int rc =
        seal__codec_unpack(method->request, (method->flags & SEAL_METHOD_REQUEST_RECURSIVE) != 0,
                           event->data, event->len, &call->arena, &call->request, &error);
    if (rc < 0) {
        refuse(call,
               rc == SEAL_ERROR_MALFORMED ? SEAL_STATUS_INVALID_ARGUMENT
                                          : SEAL_STATUS_RESOURCE_EXHAUSTED,
               seal_error_message(error));
        seal_error_free(error);
        return;
    }
    if (event->end)
        invoke(call);
}

static void on_too_big(seal_call *call) {
    char text[TEXT_MAX];
    uint32_t limit = call->method->method->max_request;
    snprintf(text, sizeof text,
             "the request is larger than the limit of %u bytes, or the connection has too "
             "much unfinished",
             limit != 0 ? limit : call->server->config.max_request);
    refuse(call, SEAL_STATUS_RESOURCE_EXHAUSTED, text);
}

/* The peer gave the call up, or its deadline has passed: the handler is told; its answer ends the
 * call. A call whose handler has not run ends now. */
static void on_given_up(seal_call *call, seal_status status) {
    if (call->invoked) {
        seal__call_cancel(call);
        return;
    }
    atomic_store(&call->cancelled, true);
    refuse(call, status, "ended before the call was begun");
}

void seal__server_event(seal__conn *conn, const seal__event *event) {
    seal__server_conn *sc = conn->owner;
    seal_call *call = event->stream != NULL ? seal__stream_user(event->stream) : NULL;
    if (event->kind == SEAL__EVENT_HEADERS) {
        on_headers(sc, event);
        return;
    }
    if (call == NULL)
        return;
    switch (event->kind) {
    case SEAL__EVENT_MESSAGE:
        on_message(call, event);
        break;
    case SEAL__EVENT_END:
        invoke(call);
        break;
    case SEAL__EVENT_TOO_BIG:
        on_too_big(call);
        break;
    case SEAL__EVENT_CANCELLED:
        on_given_up(call, SEAL_STATUS_CANCELLED);
        break;
    case SEAL__EVENT_EXPIRED:
        on_given_up(call, SEAL_STATUS_DEADLINE_EXCEEDED);
        break;
    case SEAL__EVENT_NONE:
    case SEAL__EVENT_SETTINGS:
    case SEAL__EVENT_HEADERS:
    case SEAL__EVENT_STATUS:
    case SEAL__EVENT_GOAWAY:
        break;
    }
}

/* One that is detached already, with the stream's reference. */
static void let_go(seal_call *call) {
    seal__call_cancel(call);
    if (!call->invoked) {
        atomic_store(&call->answered, true);
        seal_call_unref(call);
    }
    seal__call_release(call);
}

/* All are detached before the first one is told: a cancel callback may answer any of them, and what
 * it answers goes nowhere. */
void seal__server_detach_calls(seal__server_conn *sc) {
    const seal__session *session = sc->conn->session;
    seal_call *calls = NULL;
    size_t cursor = 0;
    seal__stream *stream = NULL;
    while (session != NULL && (stream = seal__session_next_stream(session, &cursor)) != NULL) {
        seal_call *call = seal__stream_user(stream);
        if (call == NULL)
            continue;
        call->stream = NULL;
        call->sc = NULL;
        call->next_lost = calls;
        calls = call;
    }
    while (calls != NULL) {
        seal_call *next = calls->next_lost;
        let_go(calls);
        calls = next;
    }
}
