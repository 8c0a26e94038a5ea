/* SPDX-License-Identifier: Apache-2.0 */
/* From the session's events to handlers. Whatever is wrong with a call is found here, before its
 * request is decoded where possible, and answered as NOT_EXECUTED. */
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "server/server_internal.h"

enum { TEXT_MAX = 512 };

/* More than what the coarse clock may be behind. */
#define TICK_NS UINT64_C(20000000)

static const char out_of_memory[] = "the server is out of memory";

static bool streams_requests(const seal_call *call) {
    return (call->method->method->flags & SEAL_METHOD_CLIENT_STREAMING) != 0;
}

/* The call ends before its handler has run. */
static void refuse(seal_call *call, seal_status status, const char *text) {
    if (seal__call_drop(call))
        seal__call_refuse(call, status, text);
}

/* ---- To the handler ---- */

static void invoke(seal_call *call) {
    const seal__server_method *m = call->method;
    seal__call_begins(call);
    call->in_handler = true;
    if (m->method->invoke(m->ops, call, call->request, m->user)) {
        seal__call_handled(call);
        return;
    }
    call->in_handler = false;
    atomic_store(&call->phase, SEAL__CALL_NEW);
    seal__call_not_run(call);
    refuse(call, SEAL_STATUS_UNIMPLEMENTED, "the server does not implement the method");
}

/* Handlers before this one may have taken long. Where the deadline is far off, a clock that is a
 * tick behind says so, too, and costs less. */
static bool is_past(uint64_t deadline_ns) {
    if (deadline_ns == UINT64_MAX)
        return false;
    uint64_t tick_ns = seal__last_tick_ns();
    if (tick_ns != 0 && tick_ns + TICK_NS < deadline_ns)
        return false;
    return uv_hrtime() >= deadline_ns;
}

/* Nothing stands between the call and its handler. */
static void start(seal_call *call) {
    if (is_past(call->deadline_ns))
        refuse(call, SEAL_STATUS_DEADLINE_EXCEEDED,
               "the deadline passed before the call was begun");
    else if (call->work != NULL)
        seal__call_queue(call);
    else
        invoke(call);
}

/* A handler of a stream of requests runs before the first of them. */
static void start_streaming(seal_call *call) {
    seal__stream_read_none(call->stream);
    if (call->method->blocks && seal__call_keep(call, NULL, 0) < 0)
        refuse(call, SEAL_STATUS_RESOURCE_EXHAUSTED, out_of_memory);
    else
        start(call);
}

/* ---- HEADERS ---- */

static void refuse_stream(seal__server_conn *sc, seal__stream *stream, seal_status status,
                          const char *text) {
    seal__count(&sc->loop->stats.calls_refused, 1);
    seal__session_finish(sc->conn->session, stream, status, SEAL_NOT_EXECUTED, text);
    seal__conn_mark_dirty(sc->conn);
}

static const seal__server_method *find_method(const seal__server_conn *sc, seal__method_ref *ref) {
    if (ref->bound == NULL) {
        const seal__server_method *found = seal__server_find_method(sc->server, ref->name);
        memcpy(&ref->bound, &found, sizeof found);
    }
    return ref->bound;
}

static uint32_t request_limit(const seal_call *call) {
    uint32_t limit = call->method->method->max_request;
    return limit != 0 ? limit : call->server->config.max_request;
}

static void begin(seal_call *call, const seal__event *event) {
    seal__stream_set_user(call->stream, call);
    seal__stream_limit(call->stream, request_limit(call), call->deadline_ns,
                       call->sc->conn->session);
    if (event->metadata.len > 0 && seal__call_take_metadata(call, event->metadata) < 0)
        refuse(call, SEAL_STATUS_RESOURCE_EXHAUSTED, out_of_memory);
    else if (!seal__call_begin(call))
        refuse(call, SEAL_STATUS_PERMISSION_DENIED, "refused by an interceptor of the server");
    else if (streams_requests(call))
        start_streaming(call);
}

static void refuse_unknown(seal__server_conn *sc, const seal__event *event) {
    char text[TEXT_MAX];
    snprintf(text, sizeof text, "the server has no method %s", event->method->name);
    refuse_stream(sc, event->stream, SEAL_STATUS_UNIMPLEMENTED, text);
}

static void on_headers(seal__server_conn *sc, const seal__event *event) {
    const seal__server_method *method = find_method(sc, event->method);
    if (method == NULL || method->method->invoke == NULL) {
        refuse_unknown(sc, event);
        return;
    }
    uint64_t deadline = seal__deadline_after(sc->conn->fed_ns, event->timeout_us);
    seal_call *call = seal__call_new(sc, event, method, deadline);
    if (call == NULL) {
        refuse_stream(sc, event->stream, SEAL_STATUS_RESOURCE_EXHAUSTED, out_of_memory);
        return;
    }
    seal__call_pin(call);
    begin(call, event);
    seal__call_unpin(call);
}

/* ---- The request ---- */

/* The one request. A worker decodes its own. */
static void take_request(seal_call *call, const seal__event *event) {
    if (call->request != NULL || call->work != NULL)
        refuse(call, SEAL_STATUS_INVALID_ARGUMENT, "the request has more than one message");
    else if (!call->method->blocks) {
        if (seal__call_decode_event(call, event, &call->request) < 0)
            refuse(call, call->verdict.code, call->verdict.text);
    } else if (seal__call_keep(call, event->data, event->len) < 0) {
        refuse(call, SEAL_STATUS_RESOURCE_EXHAUSTED, out_of_memory);
    }
}

static bool is_new(const seal_call *call) {
    return atomic_load(&call->phase) == SEAL__CALL_NEW;
}

static void on_end(seal_call *call) {
    if (streams_requests(call))
        seal__call_ended(call);
    else if (!is_new(call))
        return;
    else if (call->request == NULL && call->work == NULL)
        refuse(call, SEAL_STATUS_INVALID_ARGUMENT, "the request has no message");
    else
        start(call);
}

static void on_message(seal_call *call, const seal__event *event) {
    if (streams_requests(call))
        seal__call_message(call, event);
    else if (is_new(call))
        take_request(call, event);
    if (event->end)
        on_end(call);
}

/* Where the handler runs already, it is told as of a cancel, and what it answers then does not
 * count. */
static void on_too_big(seal_call *call) {
    char text[TEXT_MAX];
    snprintf(text, sizeof text,
             "the request is larger than the limit of %u bytes, or the connection has too "
             "much unfinished",
             request_limit(call));
    if (seal__call_drop(call)) {
        seal__call_refuse(call, SEAL_STATUS_RESOURCE_EXHAUSTED, text);
        return;
    }
    seal__call_judge(call, SEAL_STATUS_RESOURCE_EXHAUSTED, text);
    seal__call_cancel(call);
}

/* ---- Ends that come from outside ---- */

/* The peer gave the call up, or its deadline has passed: the handler is told; its answer ends the
 * call. A call whose handler has not run ends now. */
static void on_given_up(seal_call *call, seal_status status) {
    bool was_queued = seal__call_is_queued(call);
    if (!seal__call_drop(call)) {
        call->ended_by = status;
        seal__call_cancel(call);
        return;
    }
    if (was_queued && status == SEAL_STATUS_DEADLINE_EXCEEDED)
        seal__count(&call->loop->stats.calls_expired_in_queue, 1);
    atomic_store(&call->cancelled, true);
    seal__call_refuse(call, status, "ended before the call was begun");
}

static void on_call_event(seal_call *call, const seal__event *event) {
    switch (event->kind) {
    case SEAL__EVENT_END:
        on_end(call);
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
    case SEAL__EVENT_WRITABLE:
        seal__call_writable(call);
        break;
    case SEAL__EVENT_NONE:
    case SEAL__EVENT_SETTINGS:
    case SEAL__EVENT_HEADERS:
    case SEAL__EVENT_MESSAGE:
    case SEAL__EVENT_STATUS:
    case SEAL__EVENT_GOAWAY:
    case SEAL__EVENT_METADATA:
        break;
    }
}

void seal__server_event(seal__conn *conn, const seal__event *event) {
    if (event->kind == SEAL__EVENT_HEADERS) {
        on_headers(conn->owner, event);
        return;
    }
    seal_call *call = event->stream != NULL ? seal__stream_user(event->stream) : NULL;
    if (call == NULL)
        return;
    seal__call_pin(call);
    if (event->kind == SEAL__EVENT_MESSAGE)
        on_message(call, event);
    else
        on_call_event(call, event);
    seal__call_unpin(call);
}

/* ---- All calls of a connection ---- */

/* One that is detached already, with the stream's reference. */
static void let_go(seal_call *call) {
    if (seal__call_drop(call)) {
        atomic_store(&call->cancelled, true);
        seal__call_refuse(call, SEAL_STATUS_CANCELLED, "the connection was lost");
    } else {
        call->ended_by = SEAL_STATUS_CANCELLED;
        seal__call_over(call, SEAL_STATUS_CANCELLED, SEAL_EXECUTION_UNKNOWN,
                        "the connection was lost");
        seal__call_cancel(call);
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

/* A refusal may close a connection, which lets go of others in the list. */
void seal__server_refuse_queued(seal__server_loop *loop) {
    while (!seal__list_is_empty(&loop->queued)) {
        seal_call *call = SEAL__CONTAINER_OF(loop->queued.next, seal__call_work, queued)->call;
        if (seal__call_drop(call))
            seal__call_refuse(call, SEAL_STATUS_UNAVAILABLE, "the server is stopping");
        else
            seal__call_settle(call); /* a worker has it */
    }
}
