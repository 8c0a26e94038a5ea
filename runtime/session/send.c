/* SPDX-License-Identifier: Apache-2.0 */
/* Frames out. Small messages are packed where they leave; the others wait: see pump.c. */
#include "session/internal.h"

enum { DATA_OVERHEAD = SEAL__FRAME_HEADER + SEAL__DATA_LENGTH };

uint8_t *seal__send_frame(seal__session *session, seal__frame_type type, unsigned flags, size_t len,
                          uint64_t stream) {
    uint8_t *at = seal__outbox_reserve(session->outbox, SEAL__FRAME_HEADER + len);
    return at == NULL ? NULL : seal__frame_put_header(at, type, flags, len, stream);
}

int seal__send_reset(seal__session *session, uint64_t id, uint32_t reason) {
    uint8_t *at = seal__send_frame(session, SEAL__FRAME_RESET, 0, 4, id);
    if (at == NULL)
        return SEAL_ERROR_NO_MEMORY;
    seal__store_u32(at, reason);
    return 0;
}

int seal__send_status(seal__session *session, uint64_t id, seal_status status,
                      seal_execution execution, const char *text) {
    size_t len = seal__text_send_len(text);
    uint8_t *at = seal__send_frame(session, SEAL__FRAME_STATUS, 0, seal__status_size(len), id);
    if (at == NULL)
        return SEAL_ERROR_NO_MEMORY;
    seal__status_write(at, (unsigned)status, (unsigned)execution, text, len);
    return 0;
}

void seal__stream_close(seal__session *session, seal__stream *stream) {
    seal__stream_detach(session, stream, stream->state == SEAL__STREAM_OPEN);
    seal__stream_recycle(session, stream);
}

static int send_direct(seal__session *session, seal__stream *stream, size_t size,
                       seal__pack_fn *pack, const void *message, unsigned flags) {
    uint8_t *at = seal__send_frame(session, SEAL__FRAME_DATA, flags | SEAL__DATA_FIRST,
                                   SEAL__DATA_LENGTH + size, stream->id);
    if (at == NULL)
        return SEAL_ERROR_NO_MEMORY;
    seal__store_u32(at, (uint32_t)size);
    if (size > 0)
        pack(message, at + SEAL__DATA_LENGTH);
    stream->send_window -= SEAL__DATA_LENGTH + (uint32_t)size;
    session->send_window -= SEAL__DATA_LENGTH + (uint32_t)size;
    return 0;
}

/* The peer opens calls without taking the answers: they wait, so that it has no more calls than
 * streams. */
static bool is_full(const seal__session *session) {
    return session->outbox->wire.len >= SEAL__OUTBOX_FULL;
}

/* Small, nothing before it, and within the windows. A stream that goes on waits for its turn, too,
 * while the socket is behind: else all that its window allows would stand before every other call.
 */
static bool goes_directly(const seal__session *session, const seal__stream *stream, size_t size,
                          bool end) {
    return size <= SEAL__PIECE - DATA_OVERHEAD && seal__list_is_empty(&stream->queue) &&
           (end ? !is_full(session) : session->outbox->wire.len < SEAL__OUTBOX_RECORD) &&
           SEAL__DATA_LENGTH + size <= stream->send_window &&
           SEAL__DATA_LENGTH + size <= session->send_window;
}

/* The server's END: the slot is free when the last byte is on its way. */
static void finish_sending(seal__session *session, seal__stream *stream) {
    stream->local_end = true;
    if (session->role == SEAL__SESSION_CLIENT)
        return;
    if (seal__list_is_empty(&stream->queue)) {
        seal__stream_close(session, stream);
        return;
    }
    stream->released = true;
    stream->user = NULL;
    seal__list_remove(&stream->pending);
    seal__list_remove(&stream->ready);
    seal__inbox_drop(session, stream);
}

/* The peer takes nothing more on the stream. */
static bool is_deaf(const seal__session *session, const seal__stream *stream) {
    return stream->state == SEAL__STREAM_RESET || stream->expired ||
           stream->pending_kind != SEAL__PENDING_NOTHING ||
           (session->role == SEAL__SESSION_CLIENT && stream->state == SEAL__STREAM_ENDED);
}

/* What becomes of a handler's answer after the deadline, whatever it is: for the client the call
 * has ended like this, or is about to. */
static const seal__ending too_late = {.status = SEAL_STATUS_DEADLINE_EXCEEDED,
                                      .execution = SEAL_EXECUTED,
                                      .text = "answered after the deadline"};

/* Nobody waits for the message any more. */
static int drop(seal__session *session, seal__stream *stream, bool end) {
    if (!end || session->role == SEAL__SESSION_CLIENT)
        return 0;
    return seal__session_finish_with(session, stream, &too_late);
}

/* False: the message goes nowhere, and *ret_rc is what comes of it. */
static bool may_send(seal__session *session, seal__stream *stream, size_t size, bool end,
                     int *ret_rc) {
    *ret_rc = 0;
    if (stream->gone || stream->local_end)
        *ret_rc = SEAL_ERROR_STATE;
    else if (size > UINT32_MAX)
        *ret_rc = SEAL_ERROR_TOO_BIG;
    if (*ret_rc != 0)
        return false;
    if (session->role == SEAL__SESSION_SERVER)
        stream->begun = true;
    if (!is_deaf(session, stream))
        return true;
    *ret_rc = drop(session, stream, end);
    return false;
}

int seal__session_send(seal__session *session, seal__stream *stream, size_t size,
                       seal__pack_fn *pack, const void *message, bool end) {
    int rc;
    if (!may_send(session, stream, size, end, &rc))
        return rc;
    if (goes_directly(session, stream, size, end))
        rc = send_direct(session, stream, size, pack, message, end ? SEAL__DATA_END : 0);
    else
        rc = seal__queue_message(session, stream, size, pack, message, end);
    if (end)
        finish_sending(session, stream);
    return rc;
}

int seal__session_send_borrowed(seal__session *session, seal__stream *stream,
                                const seal__parts *parts, bool end) {
    int rc;
    if (!may_send(session, stream, seal__parts_size(parts), end, &rc))
        return rc;
    rc = seal__queue_borrowed(session, stream, parts, end);
    if (end)
        finish_sending(session, stream);
    return rc;
}

int seal__session_end(seal__session *session, seal__stream *stream) {
    if (stream->gone || stream->local_end)
        return SEAL_ERROR_STATE;
    stream->local_end = true;
    if (is_deaf(session, stream))
        return 0;
    bool sent =
        seal__list_is_empty(&stream->queue)
            ? seal__send_frame(session, SEAL__FRAME_DATA, SEAL__DATA_END, 0, stream->id) != NULL
            : seal__queue_end(session, stream);
    return sent ? 0 : SEAL_ERROR_NO_MEMORY;
}

/* What is too long is left out. */
static seal__status_frame frame_of(const seal__ending *ending) {
    seal__status_frame frame = {
        .code = (uint8_t)ending->status,
        .execution =
            (uint8_t)(ending->status == SEAL_STATUS_OK ? SEAL_EXECUTED : ending->execution),
        .text = (const uint8_t *)ending->text,
        .text_len = seal__text_send_len(ending->text),
        .has_retry_after = ending->has_retry_after,
        .retry_after_ms = ending->retry_after_ms,
    };
    if (ending->metadata.len <= SEAL__METADATA_MAX)
        frame.metadata = ending->metadata;
    if (ending->details.len <= SEAL__DETAILS_MAX)
        frame.details = ending->details;
    return frame;
}

static size_t size_of(const seal__status_frame *status) {
    return seal__status_size(status->text_len) + seal__status_extensions_size(status);
}

static void write_status(uint8_t *at, const seal__status_frame *status) {
    seal__status_write(at, status->code, status->execution, (const char *)status->text,
                       status->text_len);
    seal__status_extensions_write(at + seal__status_size(status->text_len), status);
}

static void pack_status(const void *message, uint8_t *at) {
    write_status(at, message);
}

static int send_full_status(seal__session *session, seal__stream *stream,
                            const seal__status_frame *status) {
    uint8_t *at = seal__send_frame(session, SEAL__FRAME_STATUS, 0, size_of(status), stream->id);
    if (at == NULL)
        return SEAL_ERROR_NO_MEMORY;
    write_status(at, status);
    return 0;
}

/* The end waits behind the messages: with nothing to say it is a bare END. */
static int queue_ending(seal__session *session, seal__stream *stream,
                        const seal__status_frame *status) {
    bool bare = status->code == SEAL_STATUS_OK && seal__status_extensions_size(status) == 0 &&
                status->text_len == 0;
    bool ok = bare ? seal__queue_end(session, stream)
                   : seal__queue_status(session, stream, size_of(status), pack_status, status);
    if (!ok) {
        seal__stream_close(session, stream);
        return SEAL_ERROR_NO_MEMORY;
    }
    finish_sending(session, stream);
    return 0;
}

int seal__session_finish_with(seal__session *session, seal__stream *stream,
                              const seal__ending *ending) {
    if (stream->gone || stream->local_end)
        return SEAL_ERROR_STATE;
    if (stream->expired && ending->execution == SEAL_EXECUTED)
        ending = &too_late;
    seal__status_frame status = frame_of(ending);
    if (ending->status != SEAL_STATUS_OK)
        seal__stream_drop_queue(session, stream);
    bool waits = !seal__list_is_empty(&stream->queue) || is_full(session);
    if (stream->state != SEAL__STREAM_RESET && waits)
        return queue_ending(session, stream, &status);
    int rc = 0;
    if (stream->state != SEAL__STREAM_RESET)
        rc = send_full_status(session, stream, &status);
    seal__stream_close(session, stream);
    return rc;
}

int seal__session_finish(seal__session *session, seal__stream *stream, seal_status status,
                         seal_execution execution, const char *text) {
    const seal__ending ending = {.status = status, .execution = execution, .text = text};
    return seal__session_finish_with(session, stream, &ending);
}

int seal__session_send_metadata(seal__session *session, seal__stream *stream, seal_bytes metadata) {
    bool server = session->role == SEAL__SESSION_SERVER;
    if (!server || stream->gone || stream->local_end || stream->begun)
        return SEAL_ERROR_STATE;
    if (metadata.len > SEAL__METADATA_MAX)
        return SEAL_ERROR_TOO_BIG;
    stream->begun = true;
    if (is_deaf(session, stream))
        return 0;
    uint8_t *at = seal__send_frame(session, SEAL__FRAME_METADATA, 0, metadata.len, stream->id);
    if (at == NULL)
        return SEAL_ERROR_NO_MEMORY;
    if (metadata.len > 0)
        memcpy(at, metadata.data, metadata.len);
    return 0;
}
