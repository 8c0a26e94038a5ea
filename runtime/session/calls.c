/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that begin and end calls. */
#include "session/internal.h"

static int refuse(seal__session *session, uint64_t id, seal_status status, const char *text) {
    seal__late_remember(session, id);
    return seal__send_status(session, id, status, SEAL_NOT_EXECUTED, text);
}

static int accept(seal__session *session, const seal__headers *headers, seal__method_ref *method,
                  seal__event *event, seal_error **reterr) {
    seal__stream *stream = seal__stream_new(session, session->last_id, 0);
    if (stream == NULL)
        return seal__error_no_memory(reterr);
    event->kind = SEAL__EVENT_HEADERS;
    event->stream = stream;
    event->method = method;
    event->timeout_us = headers->timeout_us;
    event->metadata = headers->metadata;
    event->attempt = headers->attempt;
    return 0;
}

/* The commonest: a method that is known, nothing beside it, and nothing in the way. */
static bool accept_plain(seal__session *session, const seal__frame *frame, seal__event *event) {
    const uint8_t *at = frame->payload;
    if (frame->len != SEAL__HEADERS_FIXED || frame->stream != session->last_id + 1 ||
        session->going_away || session->count >= session->max_streams)
        return false;
    seal__method_ref *method = seal__method_known(session, seal__load_u32(at));
    uint64_t timeout_us = seal__load_u64(at + SEAL__HEADERS_TIMEOUT);
    bool plain = method != NULL && method->len > 0 && timeout_us > 0 &&
                 seal__load_u16(at + SEAL__HEADERS_NAME_LEN) == 0;
    seal__stream *stream = plain ? seal__stream_new(session, frame->stream, 0) : NULL;
    if (stream == NULL)
        return false;
    session->last_id = frame->stream;
    event->kind = SEAL__EVENT_HEADERS;
    event->stream = stream;
    event->method = method;
    event->timeout_us = timeout_us;
    event->attempt = 1;
    return true;
}

/* Opens a stream, or answers at once, without an event, what must not reach a handler. */
static int open_or_refuse(seal__session *session, const seal__frame *frame,
                          const seal__headers *headers, seal__method_ref *method,
                          seal__event *event, seal_error **reterr) {
    uint64_t id = frame->stream;
    int rc = 0;
    if (session->going_away)
        seal__late_remember(session, id); /* the client learns it from GOAWAY */
    else if (frame->len > SEAL__HEADERS_MAX)
        rc = refuse(session, id, SEAL_STATUS_RESOURCE_EXHAUSTED, "HEADERS frame over 10 KiB");
    else if (method->len == 0)
        rc = refuse(session, id, SEAL_STATUS_UNIMPLEMENTED, "not a method name");
    else if (headers->critical)
        rc = refuse(session, id, SEAL_STATUS_UNIMPLEMENTED, "critical extension is not known");
    else if (headers->metadata.len > 0 &&
             !seal__metadata_check(headers->metadata.data, headers->metadata.len))
        rc = refuse(session, id, SEAL_STATUS_INVALID_ARGUMENT,
                    "the call's metadata is not a block of at most 8,192 bytes as the protocol has "
                    "it");
    else if (headers->timeout_us == 0)
        rc = refuse(session, id, SEAL_STATUS_DEADLINE_EXCEEDED, "deadline passed before dispatch");
    else if (session->count >= session->max_streams)
        rc = refuse(session, id, SEAL_STATUS_RESOURCE_EXHAUSTED,
                    "too many calls on this connection");
    else
        return accept(session, headers, method, event, reterr);
    return rc == 0 ? 0 : seal__error(reterr, rc, "cannot answer: %s", seal_error_code_text(rc));
}

static __attribute__((noinline)) int take_headers(seal__session *session, const seal__frame *frame,
                                                  seal__event *event, seal_error **reterr) {
    seal__headers headers;
    if (!seal__headers_read(frame->payload, frame->len, &headers))
        return seal__session_broken(frame, "is malformed", reterr);
    if (frame->stream != session->last_id + 1)
        return seal__session_broken(frame, "skips stream ids", reterr);
    seal__method_ref *method = NULL;
    int rc = seal__method_take(session, &headers, &method);
    if (rc == SEAL_ERROR_PROTOCOL)
        return seal__session_broken(frame, "has a wrong method number", reterr);
    if (rc != 0)
        return seal__error_no_memory(reterr);
    session->last_id = frame->stream;
    return open_or_refuse(session, frame, &headers, method, event, reterr);
}

int seal__on_headers(seal__session *session, seal__stream *stream, const seal__frame *frame,
                     seal__event *event, seal_error **reterr) {
    (void)stream;
    return accept_plain(session, frame, event) ? 0 : take_headers(session, frame, event, reterr);
}

/* A call that ends at its own deadline is nothing unusual; every other reset costs something. */
int seal__charge_reset(seal__session *session, const seal__stream *stream, const seal__frame *frame,
                       seal_error **reterr) {
    if (frame->len != 4)
        return seal__session_broken(frame, "is malformed", reterr);
    if (seal__load_u32(frame->payload) == SEAL__RESET_DEADLINE && stream->deadline_ns != UINT64_MAX)
        return 0;
    return seal__session_spend(session, reterr);
}

/* The handler goes on, and holds its slot until it answers. */
int seal__on_cancel(seal__session *session, seal__stream *stream, const seal__frame *frame,
                    seal__event *event, seal_error **reterr) {
    int rc = seal__charge_reset(session, stream, frame, reterr);
    if (rc != 0)
        return rc;
    stream->state = SEAL__STREAM_RESET;
    seal__stream_drop_queue(session, stream);
    seal__inbox_drop(session, stream);
    seal__stream_drop_deadline(session, stream);
    seal__stream_ready(session, stream);
    if (stream->expired)
        return 0;
    event->kind = SEAL__EVENT_CANCELLED;
    event->stream = stream;
    return 0;
}

const char *seal__event_text(seal__session *session, const uint8_t *text, size_t len) {
    if (len == 0)
        return "";
    if (session->text == NULL)
        session->text = seal__alloc(session->alloc, SEAL__TEXT_MAX + 1);
    if (session->text == NULL)
        return "";
    seal__text_receive(text, len, session->text);
    return session->text;
}

static void end_call(seal__session *session, seal__stream *stream, seal__event *event,
                     seal_status status, seal_execution execution) {
    event->kind = SEAL__EVENT_STATUS;
    event->stream = stream;
    event->status = status;
    event->execution = execution;
    seal__stream_detach(session, stream, false);
    seal__stream_lend(session, stream);
}

void seal__event_status(seal__session *session, seal__stream *stream, const uint8_t *payload,
                        size_t len, seal__event *event) {
    seal__status_frame read;
    seal__status_read(payload, len, &read);
    seal_status status =
        read.code <= SEAL_STATUS_UNAUTHENTICATED ? (seal_status)read.code : SEAL_STATUS_UNKNOWN;
    seal_execution execution =
        read.execution <= SEAL_EXECUTED ? (seal_execution)read.execution : SEAL_EXECUTION_UNKNOWN;
    if (status == SEAL_STATUS_OK)
        execution = SEAL_EXECUTED;
    event->text = seal__event_text(session, read.text, read.text_len);
    event->metadata = read.metadata;
    event->details = read.details;
    event->has_retry_after = read.has_retry_after;
    event->retry_after_ms = read.retry_after_ms;
    end_call(session, stream, event, status, execution);
}

/* The messages before it come first; one that it cuts off is void. */
int seal__on_status(seal__session *session, seal__stream *stream, const seal__frame *frame,
                    seal__event *event, seal_error **reterr) {
    seal__status_frame read;
    if (!seal__status_read(frame->payload, frame->len, &read))
        return seal__session_broken(frame, "is malformed", reterr);
    if (!seal__metadata_check(read.metadata.data, read.metadata.len))
        return seal__session_broken(frame, "has broken metadata", reterr);
    seal__inbox_cut(session, stream);
    if (stream->complete == 0) {
        seal__event_status(session, stream, frame->payload, frame->len, event);
        return 0;
    }
    if (!seal__inbox_put_status(session, stream, frame->payload, frame->len))
        return seal__error_no_memory(reterr);
    stream->ending = true;
    seal__stream_ended(session, stream);
    return 0;
}

int seal__on_metadata(seal__session *session, seal__stream *stream, const seal__frame *frame,
                      seal__event *event, seal_error **reterr) {
    (void)session;
    if (stream->begun)
        return seal__session_broken(frame, "is not the first answer", reterr);
    if (!seal__metadata_check(frame->payload, frame->len))
        return seal__session_broken(frame, "is no metadata block", reterr);
    stream->begun = true;
    event->kind = SEAL__EVENT_METADATA;
    event->stream = stream;
    event->metadata = (seal_bytes){frame->payload, frame->len};
    return 0;
}

/* A reset from the server: it could not even send a status. */
int seal__on_refused(seal__session *session, seal__stream *stream, const seal__frame *frame,
                     seal__event *event, seal_error **reterr) {
    if (frame->len != 4)
        return seal__session_broken(frame, "is malformed", reterr);
    int rc = seal__session_spend(session, reterr);
    if (rc != 0)
        return rc;
    static const seal_status by_reason[] = {[SEAL__RESET_CANCEL] = SEAL_STATUS_CANCELLED,
                                            [SEAL__RESET_DEADLINE] = SEAL_STATUS_DEADLINE_EXCEEDED,
                                            [SEAL__RESET_TOO_BIG] = SEAL_STATUS_RESOURCE_EXHAUSTED};
    uint32_t reason = seal__load_u32(frame->payload);
    seal_status status =
        reason < sizeof by_reason / sizeof by_reason[0] ? by_reason[reason] : SEAL_STATUS_INTERNAL;
    event->text = "reset by the server";
    end_call(session, stream, event, status, SEAL_EXECUTION_UNKNOWN);
    return 0;
}
