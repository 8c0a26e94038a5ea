/* SPDX-License-Identifier: Apache-2.0 */
/* Frames out. Small messages are packed where they leave; large ones wait and take turns. */
#include "session/internal.h"

enum { DATA_OVERHEAD = SEAL__FRAME_HEADER + SEAL__DATA_LENGTH };

/* A message that waits, whole. A bare END is one without bytes. */
typedef struct queued {
    seal__list link;
    size_t size;
    size_t sent;
    bool begun;
    bool bare;
    bool end;
    uint8_t bytes[];
} queued;

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

void seal__stream_drop_queue(seal__session *session, seal__stream *stream) {
    seal__list *node;
    while ((node = seal__list_take_first(&stream->queue)) != NULL)
        seal__release(session->alloc, SEAL__CONTAINER_OF(node, queued, link));
    seal__list_remove(&stream->busy);
}

/* The owner of a server's stream is done and nothing of it is queued. */
static void close_stream(seal__session *session, seal__stream *stream) {
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
    return 0;
}

static queued *enqueue(seal__session *session, seal__stream *stream, size_t size, bool end) {
    size_t total = 0;
    if (!seal__add(sizeof(queued), size, &total))
        return NULL;
    queued *item = seal__alloc(session->alloc, total);
    if (item == NULL)
        return NULL;
    *item = (queued){.size = size, .end = end};
    seal__list_append(&stream->queue, &item->link);
    if (seal__list_is_empty(&stream->busy))
        seal__list_append(&session->busy, &stream->busy);
    return item;
}

static int send_queued(seal__session *session, seal__stream *stream, size_t size,
                       seal__pack_fn *pack, const void *message, bool end) {
    queued *item = enqueue(session, stream, size, end);
    if (item == NULL)
        return SEAL_ERROR_NO_MEMORY;
    if (size > 0)
        pack(message, item->bytes);
    return 0;
}

/* The server's END: the slot is free when the last byte is on its way. */
static void finish_sending(seal__session *session, seal__stream *stream) {
    stream->local_end = true;
    if (session->role == SEAL__SESSION_CLIENT)
        return;
    if (seal__list_is_empty(&stream->queue)) {
        close_stream(session, stream);
        return;
    }
    stream->released = true;
    stream->user = NULL;
    seal__list_remove(&stream->pending);
}

/* Nobody waits for the message any more. */
static int drop(seal__session *session, seal__stream *stream, bool end) {
    if (!end || session->role == SEAL__SESSION_CLIENT)
        return 0;
    return seal__session_finish(session, stream, SEAL_STATUS_DEADLINE_EXCEEDED, SEAL_EXECUTED,
                                "answered after the deadline");
}

int seal__session_send(seal__session *session, seal__stream *stream, size_t size,
                       seal__pack_fn *pack, const void *message, bool end) {
    if (stream->gone || stream->local_end)
        return SEAL_ERROR_STATE;
    if (size > UINT32_MAX)
        return SEAL_ERROR_TOO_BIG;
    if (stream->state == SEAL__STREAM_RESET || stream->expired ||
        stream->pending_kind != SEAL__PENDING_NOTHING)
        return drop(session, stream, end);
    int rc;
    if (size <= SEAL__PIECE - DATA_OVERHEAD && seal__list_is_empty(&stream->queue))
        rc = send_direct(session, stream, size, pack, message, end ? SEAL__DATA_END : 0);
    else
        rc = send_queued(session, stream, size, pack, message, end);
    if (end)
        finish_sending(session, stream);
    return rc;
}

int seal__session_finish(seal__session *session, seal__stream *stream, seal_status status,
                         seal_execution execution, const char *text) {
    if (stream->gone || stream->local_end)
        return SEAL_ERROR_STATE;
    if (status == SEAL_STATUS_OK)
        execution = SEAL_EXECUTED;
    bool wait = status == SEAL_STATUS_OK && !seal__list_is_empty(&stream->queue);
    if (wait) {
        queued *item = enqueue(session, stream, 0, true);
        if (item == NULL) {
            close_stream(session, stream);
            return SEAL_ERROR_NO_MEMORY;
        }
        item->bare = true;
        finish_sending(session, stream);
        return 0;
    }
    int rc = 0;
    if (stream->state != SEAL__STREAM_RESET)
        rc = seal__send_status(session, stream->id, status, execution, text);
    close_stream(session, stream);
    return rc;
}

/* How much of a waiting message goes next: what fits into the open record, but no crumbs. */
static size_t piece_size(const seal__session *session, const queued *item, size_t overhead) {
    size_t size = item->size - item->sent;
    if (size > SEAL__PIECE - overhead)
        size = SEAL__PIECE - overhead;
    size_t room = seal__outbox_room(session->outbox);
    if (size + overhead > room && room >= SEAL__PIECE / 4)
        size = room - overhead;
    return size;
}

static bool send_piece(seal__session *session, seal__stream *stream, queued *item) {
    bool first = !item->begun && !item->bare;
    size_t prefix = first ? SEAL__DATA_LENGTH : 0;
    size_t size = piece_size(session, item, SEAL__FRAME_HEADER + prefix);
    unsigned flags = first ? SEAL__DATA_FIRST : 0;
    if (item->end && item->sent + size == item->size)
        flags |= SEAL__DATA_END;
    uint8_t *at = seal__send_frame(session, SEAL__FRAME_DATA, flags, prefix + size, stream->id);
    if (at == NULL)
        return false;
    if (first)
        seal__store_u32(at, (uint32_t)item->size);
    if (size > 0)
        memcpy(at + prefix, item->bytes + item->sent, size);
    item->begun = true;
    item->sent += size;
    return true;
}

/* One piece of the stream whose turn it is. */
static bool take_turn(seal__session *session) {
    seal__list *node = seal__list_take_first(&session->busy);
    seal__stream *stream = SEAL__CONTAINER_OF(node, seal__stream, busy);
    queued *item = SEAL__CONTAINER_OF(stream->queue.next, queued, link);
    if (!send_piece(session, stream, item)) {
        seal__list_append(&session->busy, &stream->busy);
        return false;
    }
    if (item->sent == item->size) {
        seal__list_remove(&item->link);
        seal__release(session->alloc, item);
    }
    if (!seal__list_is_empty(&stream->queue))
        seal__list_append(&session->busy, &stream->busy);
    else if (stream->released)
        close_stream(session, stream);
    return true;
}

bool seal__session_pump(seal__session *session, size_t limit) {
    while (!seal__list_is_empty(&session->busy)) {
        if (session->outbox->wire.len >= limit || !take_turn(session))
            return true;
    }
    return false;
}
