/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and cancelling calls, and what owners may ask about streams. */
#include "session/internal.h"

bool seal__session_can_open(const seal__session *session) {
    return !session->going_away && session->failed == 0 && session->count < session->max_streams;
}

bool seal__session_is_going_away(const seal__session *session) {
    return session->going_away;
}

static uint64_t timeout_us(uint64_t now_ns, uint64_t deadline_ns) {
    if (deadline_ns == UINT64_MAX)
        return SEAL__NO_TIMEOUT;
    return deadline_ns <= now_ns ? 0 : (deadline_ns - now_ns - 1) / 1000 + 1;
}

/* Sends HEADERS, with the name where the server does not know the method's number yet. */
static int send_headers(seal__session *session, seal__stream *stream, const seal__open *open,
                        uint64_t timeout) {
    const char *method = open->method;
    uint32_t number = seal__method_number(session, method);
    size_t name_len = 0;
    if (number == 0) {
        name_len = strnlen(method, SEAL__METHOD_NAME_MAX + 1);
        if (name_len == 0 || name_len > SEAL__METHOD_NAME_MAX)
            return SEAL_ERROR_INVALID;
        if (session->n_methods == SEAL__METHODS_MAX)
            return SEAL_ERROR_TOO_MANY;
        if (!seal__method_add(session, method, &number))
            return SEAL_ERROR_NO_MEMORY;
    }
    size_t size = seal__headers_size(name_len);
    size_t rest = seal__headers_extensions_size(open->metadata, open->attempt);
    uint8_t *at = seal__send_frame(session, SEAL__FRAME_HEADERS, 0, size + rest, stream->id);
    if (at == NULL)
        return SEAL_ERROR_NO_MEMORY;
    seal__headers_write(at, number, timeout, method, name_len);
    if (rest > 0)
        seal__headers_extensions_write(at + size, open->metadata, open->attempt);
    stream->headers_at = (size_t)(at - session->outbox->wire.data) - session->outbox->start;
    session->last_method = method;
    session->last_number = number;
    stream->method = number;
    stream->position = seal__outbox_position(session->outbox);
    return 0;
}

int seal__session_open(seal__session *session, uint64_t now_ns, const char *method,
                       uint64_t deadline_ns, uint32_t max_message, void *user,
                       seal__stream **ret_stream) {
    const seal__open open = {
        .method = method,
        .deadline_ns = deadline_ns,
        .max_message = max_message,
        .wanted = SEAL__READ_ALL,
        .user = user,
    };
    return seal__session_open_call(session, now_ns, &open, ret_stream);
}

int seal__session_open_call(seal__session *session, uint64_t now_ns, const seal__open *open,
                            seal__stream **ret_stream) {
    if (!seal__session_can_open(session))
        return SEAL_ERROR_STATE;
    if (open->metadata.len > SEAL__METADATA_MAX)
        return SEAL_ERROR_TOO_BIG;
    if (now_ns > session->now_ns)
        session->now_ns = now_ns;
    seal__stream *stream = seal__stream_new(session, session->last_id + 1, open->max_message);
    if (stream == NULL)
        return SEAL_ERROR_NO_MEMORY;
    stream->user = open->user;
    stream->wanted = open->wanted;
    int rc =
        seal__stream_set_deadline(session, stream, open->deadline_ns) ? 0 : SEAL_ERROR_NO_MEMORY;
    seal__windows_enlarge(session);
    if (rc == 0)
        rc = send_headers(session, stream, open, timeout_us(now_ns, open->deadline_ns));
    if (rc != 0) {
        seal__stream_detach(session, stream, false);
        seal__stream_recycle(session, stream);
        return rc;
    }
    session->last_id = stream->id;
    seal__window_expect(session, stream);
    *ret_stream = stream;
    return 0;
}

/* The frame cannot be removed, because stream ids and method numbers must stay without a gap. With
 * no time left, the server answers it NOT_EXECUTED. */
bool seal__stream_revoke(seal__session *session, const seal__stream *stream) {
    seal__outbox *outbox = session->outbox;
    if (outbox->failed || outbox->start == SIZE_MAX ||
        seal__outbox_position(outbox) != stream->position)
        return false;
    uint8_t *headers = outbox->wire.data + outbox->start + stream->headers_at;
    seal__store_u64(headers + SEAL__HEADERS_TIMEOUT, 0);
    return true;
}

bool seal__session_cancel(seal__session *session, seal__stream *stream) {
    if (stream->gone)
        return false;
    bool refused = session->going_away && stream->id > session->goaway_last;
    bool revoked = seal__stream_revoke(session, stream);
    bool over = stream->state == SEAL__STREAM_ENDED;
    if (!refused && !revoked && !over) {
        seal__stream_reset(session, stream, SEAL__RESET_CANCEL,
                           false); /* a failure shows in the outbox */
        return false;
    }
    seal__stream_detach(session, stream, !refused && !over);
    seal__stream_recycle(session, stream);
    return refused || revoked;
}

void *seal__stream_user(const seal__stream *stream) {
    return stream->user;
}

void seal__stream_set_user(seal__stream *stream, void *user) {
    stream->user = user;
}

uint64_t seal__stream_id(const seal__stream *stream) {
    return stream->id;
}

uint64_t seal__stream_deadline(const seal__stream *stream) {
    return stream->deadline_ns;
}

bool seal__stream_may_have_left(const seal__session *session, const seal__stream *stream) {
    return session->outbox->parting || session->outbox->written > stream->position;
}

void seal__stream_limit(seal__stream *stream, uint32_t max_message, uint64_t deadline_ns,
                        seal__session *session) {
    if (max_message != 0)
        stream->max_message = max_message;
    if (!seal__stream_set_deadline(session, stream, deadline_ns))
        session->no_memory = true;
}

seal__stream *seal__session_next_stream(const seal__session *session, size_t *cursor) {
    seal__stream *stream = seal__streams_next(session, cursor);
    while (stream != NULL && stream->released)
        stream = seal__streams_next(session, cursor);
    return stream;
}

uint32_t seal__session_stream_count(const seal__session *session) {
    return session->count;
}
