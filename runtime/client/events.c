/* SPDX-License-Identifier: Apache-2.0 */
/* From the session's events to the ends of calls. */
#include <stdio.h>

#include "client/client_internal.h"

enum { TEXT_MAX = 1024 };

static void finish(seal_client_call *call, seal_status status, seal_execution execution,
                   seal_error_code cause, const char *message) {
    call->stream = NULL;
    seal__client_call_deliver(
        call, &(seal__outcome){
                  .status = status, .execution = execution, .cause = cause, .message = message});
}

/* The reply cannot be used; the handler has run all the same. Does nothing to a stream that is
 * over. */
static void finish_bad_reply(seal__conn *conn, seal_client_call *call, seal_status status,
                             seal_error_code cause, const char *message) {
    seal__session_cancel(conn->session, call->stream);
    seal__conn_mark_dirty(conn);
    finish(call, status, SEAL_EXECUTED, cause, message);
}

static void finish_ok(seal_client_call *call) {
    finish(call, SEAL_STATUS_OK, SEAL_EXECUTED, SEAL_OK, "");
}

static void on_message(seal__conn *conn, seal_client_call *call, const seal__event *event) {
    seal_error *error = NULL;
    if (call->result != NULL) {
        finish_bad_reply(conn, call, SEAL_STATUS_INTERNAL, SEAL_ERROR_PROTOCOL,
                         "the server sent more than one reply");
        return;
    }
    call->result = seal__result_new(call->shared);
    int rc = call->result == NULL
                 ? seal__error_no_memory(&error)
                 : seal__result_unpack(call->result, call->method, event->data, event->len, &error);
    if (rc < 0) {
        char text[TEXT_MAX];
        snprintf(text, sizeof text, "the reply of %s cannot be used: %s", call->method->full_name,
                 seal_error_message(error));
        finish_bad_reply(conn, call,
                         rc == SEAL_ERROR_MALFORMED ? SEAL_STATUS_INTERNAL
                                                    : SEAL_STATUS_RESOURCE_EXHAUSTED,
                         (seal_error_code)rc, text);
    } else if (event->end) {
        finish_ok(call);
    }
    seal_error_free(error);
}

static void on_status(seal_client_call *call, const seal__event *event) {
    if (event->status != SEAL_STATUS_OK)
        finish(call, event->status, event->execution, SEAL_OK, event->text);
    else if (call->result == NULL || !seal__result_has_reply(call->result))
        finish(call, SEAL_STATUS_INTERNAL, SEAL_EXECUTED, SEAL_ERROR_PROTOCOL,
               "the server said OK without a reply");
    else
        finish_ok(call);
}

static void on_expired(seal__conn *conn, seal_client_call *call, const seal__event *event) {
    char text[TEXT_MAX];
    snprintf(text, sizeof text, "the deadline of %llu ms passed %s",
             (unsigned long long)(call->timeout_us / 1000),
             event->execution == SEAL_NOT_EXECUTED ? "before the request could be sent"
                                                   : "while waiting for the reply");
    seal__conn_mark_dirty(conn);
    finish(call, SEAL_STATUS_DEADLINE_EXCEEDED, event->execution, SEAL_ERROR_TIMEOUT, text);
}

static void on_too_big(seal__conn *conn, seal_client_call *call) {
    char text[TEXT_MAX];
    uint32_t limit = call->method->max_response;
    snprintf(text, sizeof text, "the reply is larger than the limit of %u bytes; see max_response",
             limit != 0 ? limit : call->channel->config.max_response);
    seal__conn_mark_dirty(conn);
    finish(call, SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_EXECUTED, SEAL_ERROR_TOO_BIG, text);
}

void seal__channel_event(seal__conn *conn, const seal__event *event) {
    const seal__link *link = conn->owner;
    seal_channel *channel = link->channel;
    seal_client_call *call = event->stream != NULL ? seal__stream_user(event->stream) : NULL;
    switch (event->kind) {
    case SEAL__EVENT_MESSAGE:
        if (call != NULL)
            on_message(conn, call, event);
        break;
    case SEAL__EVENT_STATUS:
        if (call != NULL)
            on_status(call, event);
        break;
    case SEAL__EVENT_EXPIRED:
        if (call != NULL)
            on_expired(conn, call, event);
        break;
    case SEAL__EVENT_TOO_BIG:
        if (call != NULL)
            on_too_big(conn, call);
        break;
    case SEAL__EVENT_NONE:
    case SEAL__EVENT_SETTINGS:
    case SEAL__EVENT_HEADERS:
    case SEAL__EVENT_END:
    case SEAL__EVENT_CANCELLED:
    case SEAL__EVENT_GOAWAY:
        break;
    }
    if (conn->state != SEAL__CONN_OPEN)
        return;
    seal__channel_let_leave(channel, conn);
    seal__channel_serve_pending(channel);
    seal__channel_connect(channel);
}

/* The owner of every stream is told; calls made meanwhile find no open connection and wait. */
void seal__channel_fail_streams(seal_channel *channel, seal__conn *conn, const seal_error *why) {
    const seal__link *link = conn->owner;
    char place[SEAL__PLACE_MAX];
    char text[SEAL__ROUND_TEXT];
    seal__channel_place(channel, &link->endpoint, place);
    snprintf(text, sizeof text, "%s: %s", place,
             why != NULL ? seal_error_message(why) : "the server closed the connection");
    seal_error_code cause = why != NULL ? seal_error_get_code(why) : SEAL_ERROR_CLOSED;
    if (conn == channel->conn)
        channel->is_open = false;
    size_t cursor = 0;
    seal__stream *stream = NULL;
    while ((stream = seal__session_next_stream(conn->session, &cursor)) != NULL) {
        seal_client_call *call = seal__stream_user(stream);
        bool left = seal__stream_may_have_left(conn->session, stream);
        seal__stream_set_user(stream, NULL);
        if (call != NULL)
            finish(call, seal__status_of((int)cause),
                   left ? SEAL_EXECUTION_UNKNOWN : SEAL_NOT_EXECUTED, cause, text);
    }
}
