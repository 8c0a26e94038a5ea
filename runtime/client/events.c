/* SPDX-License-Identifier: Apache-2.0 */
/* From the session's events to the ends of calls. */
#include <stdio.h>
#include <string.h>

#include "call/metadata.h"
#include "client/client_internal.h"

enum { TEXT_MAX = 1024 };

/* As docs/protocol.md has it. */
#define TOO_MANY_CALLS "too many calls on this connection"

static void finish_with(seal_client_call *call, const seal__outcome *outcome) {
    call->stream = NULL;
    seal__client_call_attempt_ended(call, outcome);
}

static void finish(seal_client_call *call, seal_status status, seal_execution execution,
                   seal_error_code cause, const char *message) {
    finish_with(call,
                &(seal__outcome){
                    .status = status, .execution = execution, .cause = cause, .message = message});
}

static void finish_ok(seal_client_call *call) {
    if (call->plain)
        seal__plain_replied(call);
    else
        finish(call, SEAL_STATUS_OK, SEAL_EXECUTED, SEAL_OK, "");
}

/* A message cannot be used; the handler has run all the same. Does nothing to a stream that is
 * over. */
static void finish_bad_message(seal__conn *conn, seal_client_call *call, const seal__event *event,
                               int code, const char *text) {
    bool is_wrong = code == SEAL_ERROR_MALFORMED || code == SEAL_ERROR_PROTOCOL;
    seal__session_cancel(conn->session, event->stream);
    seal__conn_mark_dirty(conn);
    finish(call, is_wrong ? SEAL_STATUS_INTERNAL : SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_EXECUTED,
           (seal_error_code)code, text);
}

/* ---- Messages ---- */

static int keep_reply(const seal__conn *conn, seal_client_call *call, const seal__event *event,
                      seal_error **reterr) {
    if (call->result != NULL)
        return seal__error(reterr, SEAL_ERROR_PROTOCOL, "the server sent more than one reply");
    call->result = seal__result_take(call->channel->runtime);
    if (call->result == NULL)
        return seal__error_no_memory(reterr);
    int rc = seal__result_unpack(call->result, call->method, conn->session, event, reterr);
    if (rc == 0)
        seal__chain_received(call, seal_result_reply(call->result));
    return rc;
}

static int hand_out(seal_client_call *call, const seal__event *event, seal_error **reterr) {
    seal__client_call_commit(call);
    if (call->asked != SEAL__READ_ALL && call->asked > 0)
        call->asked--;
    if (event->end)
        call->stream = NULL;
    return seal__client_call_hand_out(call, event, reterr);
}

static void on_message(seal__conn *conn, seal_client_call *call, const seal__event *event) {
    seal_error *error = NULL;
    call->messages_in++;
    int rc =
        call->streams_in ? hand_out(call, event, &error) : keep_reply(conn, call, event, &error);
    if (rc < 0) {
        char text[TEXT_MAX];
        if (rc == SEAL_ERROR_PROTOCOL)
            snprintf(text, sizeof text, "%s", seal_error_message(error));
        else
            snprintf(text, sizeof text, "the reply of %s cannot be used: %s",
                     call->method->full_name, seal_error_message(error));
        finish_bad_message(conn, call, event, rc, text);
    } else if (event->end) {
        finish_ok(call);
    }
    seal_error_free(error);
}

/* ---- Ends ---- */

static bool lacks_reply(const seal_client_call *call) {
    return !call->streams_in && (call->result == NULL || !seal__result_has_reply(call->result));
}

static void on_status(seal__conn *conn, seal_client_call *call, const seal__event *event) {
    if (event->status == SEAL_STATUS_OK && lacks_reply(call)) {
        finish(call, SEAL_STATUS_INTERNAL, SEAL_EXECUTED, SEAL_ERROR_PROTOCOL,
               "the server said OK without a reply");
        return;
    }
    call->going_away = event->status == SEAL_STATUS_UNAVAILABLE &&
                       event->execution == SEAL_NOT_EXECUTED &&
                       seal__session_is_going_away(conn->session);
    call->crowded_out = event->status == SEAL_STATUS_RESOURCE_EXHAUSTED &&
                        event->execution == SEAL_NOT_EXECUTED &&
                        strcmp(event->text, TOO_MANY_CALLS) == 0;
    finish_with(call, &(seal__outcome){.status = event->status,
                                       .execution = event->execution,
                                       .cause = SEAL_OK,
                                       .message = event->text,
                                       .has_retry_after = event->has_retry_after,
                                       .retry_after_ms = event->retry_after_ms,
                                       .trailing = event->metadata,
                                       .details = event->details});
}

static void on_expired(seal__conn *conn, seal_client_call *call, const seal__event *event) {
    char text[TEXT_MAX];
    char deadline[SEAL__TIME_TEXT];
    snprintf(text, sizeof text, "the deadline of %s passed %s",
             seal__client_call_timeout(call, deadline),
             event->execution == SEAL_NOT_EXECUTED ? "before the request could be sent"
                                                   : "while waiting for the reply");
    seal__conn_mark_dirty(conn);
    finish(call, SEAL_STATUS_DEADLINE_EXCEEDED, event->execution, SEAL_ERROR_TIMEOUT, text);
}

static void on_metadata(seal_client_call *call, const seal__event *event) {
    if (call->initial != NULL ||
        seal__metadata_from_block(&call->shared->alloc, event->metadata, &call->initial) < 0)
        return; /* without memory the call goes on without it */
    call->touched = true;
    seal__client_call_tell_metadata(call);
}

static void on_too_big(seal__conn *conn, seal_client_call *call) {
    char text[TEXT_MAX];
    uint32_t limit = call->method->max_response;
    snprintf(text, sizeof text, "the reply is larger than the limit of %u bytes; see max_response",
             limit != 0 ? limit : call->channel->config.max_response);
    seal__conn_mark_dirty(conn);
    finish(call, SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_EXECUTED, SEAL_ERROR_TOO_BIG, text);
}

static void on_call_event(seal__conn *conn, seal_client_call *call, const seal__event *event) {
    switch (event->kind) {
    case SEAL__EVENT_MESSAGE:
        on_message(conn, call, event);
        break;
    case SEAL__EVENT_STATUS:
        on_status(conn, call, event);
        break;
    case SEAL__EVENT_EXPIRED:
        on_expired(conn, call, event);
        break;
    case SEAL__EVENT_TOO_BIG:
        on_too_big(conn, call);
        break;
    case SEAL__EVENT_METADATA:
        on_metadata(call, event);
        break;
    case SEAL__EVENT_WRITABLE:
        seal__client_call_take_outgoing(call); /* what waits counts as well */
        break;
    case SEAL__EVENT_NONE:
    case SEAL__EVENT_SETTINGS:
    case SEAL__EVENT_HEADERS:
    case SEAL__EVENT_END:
    case SEAL__EVENT_CANCELLED:
    case SEAL__EVENT_GOAWAY:
        break;
    }
}

void seal__channel_event(seal__conn *conn, const seal__event *event) {
    const seal__link *link = conn->owner;
    seal_channel *channel = link->channel;
    seal_client_call *call = event->stream != NULL ? seal__stream_user(event->stream) : NULL;
    if (call != NULL)
        on_call_event(conn, call, event);
    else if (event->kind == SEAL__EVENT_GOAWAY)
        seal__channel_going_away(conn, event);
    if (conn->state != SEAL__CONN_OPEN)
        return;
    seal__channel_let_leave(channel, conn);
    if (channel->n_pending == 0)
        return;
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
        if (call == NULL)
            continue;
        call->never_left = !left;
        finish(call, seal__status_of((int)cause), left ? SEAL_EXECUTION_UNKNOWN : SEAL_NOT_EXECUTED,
               cause, text);
    }
}
