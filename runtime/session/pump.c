/* SPDX-License-Identifier: Apache-2.0 */
/* What waits to be sent, because it is large or because a window is closed. Streams take turns of
 * one piece each. */
#include "session/internal.h"

typedef enum queued_kind {
    QUEUED_MESSAGE,
    QUEUED_FRAMES, /* small messages, each as a whole DATA frame: nothing is allocated for each */
    QUEUED_END,    /* a bare END */
    QUEUED_STATUS  /* the payload of STATUS */
} queued_kind;

enum {
    FRAME_OVERHEAD = SEAL__FRAME_HEADER + SEAL__DATA_LENGTH,
    SMALL = SEAL__PIECE_COPIED - FRAME_OVERHEAD,
    FRAMES = 32 * 1024,             /* at most in an item, if it is not a single one */
    BORROW_WINDOW = 2 * SEAL__PIECE /* of less, too little leaves at once */
};

typedef struct queued {
    seal__list link;
    queued_kind kind;
    size_t size;
    size_t room; /* for more frames */
    size_t sent;
    bool begun;
    bool end;
    size_t head;     /* of `bytes`: what stands before the body */
    seal_bytes body; /* of a message that is borrowed; else empty */
    uint8_t bytes[];
} queued;

static queued *first_of(const seal__stream *stream) {
    return SEAL__CONTAINER_OF(stream->queue.next, queued, link);
}

static void release(seal__session *session, queued *item) {
    if (item->body.len > 0)
        session->borrower = NULL;
    seal__release(session->alloc, item);
}

void seal__stream_drop_queue(seal__session *session, seal__stream *stream) {
    seal__list *node;
    while ((node = seal__list_take_first(&stream->queue)) != NULL)
        release(session, SEAL__CONTAINER_OF(node, queued, link));
    seal__list_remove(&stream->busy);
    stream->queued = 0;
}

void seal__stream_wake(seal__session *session, seal__stream *stream) {
    if (!seal__list_is_empty(&stream->queue) && seal__list_is_empty(&stream->busy))
        seal__list_append(&session->busy, &stream->busy);
}

static queued *new_item(const seal__session *session, queued_kind kind, size_t size) {
    size_t total = 0;
    if (!seal__add(sizeof(queued), size, &total))
        return NULL;
    queued *item = seal__alloc(session->alloc, total);
    if (item != NULL)
        *item = (queued){.kind = kind, .size = size};
    return item;
}

static queued *enqueue(seal__session *session, seal__stream *stream, queued_kind kind,
                       size_t size) {
    queued *item = new_item(session, kind, size);
    if (item == NULL)
        return NULL;
    seal__list_append(&stream->queue, &item->link);
    seal__stream_wake(session, stream);
    return item;
}

/* Where the next frame of `len` bytes goes. The more is queued, the more room is made. */
static queued *frames_item(seal__session *session, seal__stream *stream, size_t len) {
    queued *last = SEAL__CONTAINER_OF(stream->queue.prev, queued, link);
    if (!seal__list_is_empty(&stream->queue) && last->kind == QUEUED_FRAMES && last->room >= len)
        return last;
    size_t room = 2 * stream->queued < FRAMES ? 2 * stream->queued : FRAMES;
    if (room < len)
        room = len;
    queued *item = enqueue(session, stream, QUEUED_FRAMES, room);
    if (item != NULL) {
        item->size = 0;
        item->room = room;
    }
    return item;
}

static int queue_small(seal__session *session, seal__stream *stream, size_t size,
                       seal__pack_fn *pack, const void *message, bool end) {
    queued *item = frames_item(session, stream, FRAME_OVERHEAD + size);
    if (item == NULL)
        return SEAL_ERROR_NO_MEMORY;
    uint8_t *at = seal__frame_put_header(item->bytes + item->size, SEAL__FRAME_DATA,
                                         SEAL__DATA_FIRST | (end ? SEAL__DATA_END : 0),
                                         SEAL__DATA_LENGTH + size, stream->id);
    item->size += FRAME_OVERHEAD + size;
    item->room -= FRAME_OVERHEAD + size;
    stream->queued += size;
    seal__store_u32(at, (uint32_t)size);
    if (size > 0)
        pack(message, at + SEAL__DATA_LENGTH);
    return 0;
}

int seal__queue_message(seal__session *session, seal__stream *stream, size_t size,
                        seal__pack_fn *pack, const void *message, bool end) {
    if (size <= SMALL)
        return queue_small(session, stream, size, pack, message, end);
    queued *item = enqueue(session, stream, QUEUED_MESSAGE, size);
    if (item == NULL)
        return SEAL_ERROR_NO_MEMORY;
    item->end = end;
    stream->queued += size;
    if (size > 0)
        pack(message, item->bytes);
    return 0;
}

bool seal__queue_end(seal__session *session, seal__stream *stream) {
    queued *item = enqueue(session, stream, QUEUED_END, 0);
    if (item != NULL)
        item->end = true;
    return item != NULL;
}

bool seal__queue_status(seal__session *session, seal__stream *stream, size_t size,
                        seal__pack_fn *pack, const void *status) {
    queued *item = enqueue(session, stream, QUEUED_STATUS, size);
    if (item != NULL)
        pack(status, item->bytes);
    return item != NULL;
}

static size_t prefix_of(const queued *item) {
    return item->kind == QUEUED_MESSAGE && !item->begun ? SEAL__DATA_LENGTH : 0;
}

static size_t frame_at(const queued *item, size_t at) {
    return SEAL__FRAME_HEADER + (size_t)seal__load_u16(item->bytes + at + 2);
}

/* The bytes of the next whole frames, no more than `most` and than the window takes; 0: none. */
static size_t frames_size(const queued *item, size_t most, size_t window) {
    size_t size = 0;
    while (item->sent + size < item->size) {
        size_t next = frame_at(item, item->sent + size);
        if (size + next > most || next - SEAL__FRAME_HEADER > window)
            break;
        size += next;
        window -= next - SEAL__FRAME_HEADER;
    }
    return size;
}

/* How much of a waiting message goes next: what fits into the open record, but no crumbs. */
static size_t piece_size(const seal__session *session, const queued *item) {
    size_t overhead = SEAL__FRAME_HEADER + prefix_of(item);
    size_t size = item->size - item->sent;
    size_t most = SEAL__PIECE;
    if (item->kind == QUEUED_FRAMES) {
        size_t free = seal__outbox_room(session->outbox);
        return free >= frame_at(item, item->sent) && free < most ? free : most;
    }
    /* A short end goes, too: alone it costs a record, a write and a read. */
    if (size > most - overhead + SEAL__PIECE_COPIED)
        size = most - overhead;
    size_t room = seal__outbox_room(session->outbox);
    if (size + overhead > room && room >= SEAL__PIECE / 4)
        size = room - overhead;
    return size;
}

/* Cuts a piece to the window. Returns false when there is no room, but for a crumb perhaps. */
static bool fit(const queued *item, size_t window, size_t *size) {
    if (item->kind == QUEUED_FRAMES) {
        *size = frames_size(item, *size, window);
        return *size > 0;
    }
    size_t prefix = prefix_of(item);
    if (prefix + *size <= window)
        return true;
    if (window < prefix + SEAL__FRAGMENT_MIN)
        return false;
    *size = window - prefix;
    return true;
}

/* The last bytes of the frame, but for `behind`. Many are sealed from where they stand. */
static bool put_bytes(seal__outbox *outbox, uint8_t *at, seal_bytes bytes, size_t behind) {
    if (bytes.len >= SEAL__PIECE_COPIED)
        return seal__outbox_lend(outbox, bytes, behind);
    if (bytes.len > 0)
        memcpy(at, bytes.data, bytes.len);
    return true;
}

/* Where `part`, which begins at *at of a message, overlaps with the bytes [from, end) of it. */
static seal_bytes overlap(seal_bytes part, size_t *at, size_t from, size_t end) {
    size_t begin = *at;
    *at += part.len;
    size_t first = from > begin ? from : begin, last = end < *at ? end : *at;
    if (first >= last)
        return (seal_bytes){0};
    return (seal_bytes){.data = part.data + (first - begin), .len = last - first};
}

/* The same bytes of an item in parts; ret->body is the one to be left where it stands. */
static void cut(const queued *item, size_t from, size_t size, seal__parts *ret) {
    size_t at = 0;
    size_t around = item->size - item->body.len;
    ret->head = overlap((seal_bytes){item->bytes, item->head}, &at, from, from + size);
    ret->body = overlap(item->body, &at, from, from + size);
    ret->tail = overlap((seal_bytes){item->bytes + item->head, around - item->head}, &at, from,
                        from + size);
}

static uint8_t *copy(uint8_t *at, seal_bytes bytes) {
    if (bytes.len > 0)
        memcpy(at, bytes.data, bytes.len);
    return at + bytes.len;
}

/* The next `size` bytes of the item, as the last ones of the frame. */
static bool put_piece(seal__outbox *outbox, uint8_t *at, const queued *item, size_t size) {
    if (item->body.len == 0)
        return put_bytes(outbox, at, (seal_bytes){item->bytes + item->sent, size}, 0);
    seal__parts parts;
    cut(item, item->sent, size, &parts);
    uint8_t *body = copy(at, parts.head);
    copy(body + parts.body.len, parts.tail);
    return put_bytes(outbox, body, parts.body, parts.tail.len);
}

static bool send_message_piece(seal__session *session, seal__stream *stream, queued *item,
                               size_t size) {
    size_t prefix = prefix_of(item);
    unsigned flags = prefix > 0 ? SEAL__DATA_FIRST : 0;
    if (item->end && item->sent + size == item->size)
        flags |= SEAL__DATA_END;
    uint8_t *at = seal__send_frame(session, SEAL__FRAME_DATA, flags, prefix + size, stream->id);
    if (at == NULL)
        return false;
    if (prefix > 0)
        seal__store_u32(at, (uint32_t)item->size);
    if (!put_piece(session->outbox, at + prefix, item, size))
        return false;
    item->begun = true;
    item->sent += size;
    stream->send_window -= (uint32_t)(prefix + size);
    session->send_window -= (uint32_t)(prefix + size);
    if (item->kind == QUEUED_MESSAGE)
        stream->queued -= size;
    return true;
}

static bool send_frames(seal__session *session, seal__stream *stream, queued *item, size_t size) {
    uint8_t *at = seal__outbox_reserve(session->outbox, size);
    if (at == NULL || !put_piece(session->outbox, at, item, size))
        return false;
    size_t n = 0;
    for (size_t end = item->sent + size; item->sent < end; n++)
        item->sent += frame_at(item, item->sent);
    stream->send_window -= (uint32_t)(size - n * SEAL__FRAME_HEADER);
    session->send_window -= (uint32_t)(size - n * SEAL__FRAME_HEADER);
    stream->queued -= size - n * FRAME_OVERHEAD;
    return true;
}

static bool send_status(seal__session *session, const seal__stream *stream, queued *item) {
    uint8_t *at = seal__send_frame(session, SEAL__FRAME_STATUS, 0, item->size, stream->id);
    if (at == NULL)
        return false;
    memcpy(at, item->bytes, item->size);
    item->sent = item->size;
    return true;
}

static bool send_piece(seal__session *session, seal__stream *stream, queued *item, size_t size) {
    if (item->kind == QUEUED_STATUS)
        return send_status(session, stream, item);
    return item->kind == QUEUED_FRAMES ? send_frames(session, stream, item, size)
                                       : send_message_piece(session, stream, item, size);
}

/* What was lent to the open record may go. A failure shows in the outbox. */
static void settle(seal__outbox *outbox) {
    if (outbox->lent.n > 0)
        seal__outbox_seal(outbox);
}

/* The stream whose turn it is has sent its piece. */
static void end_turn(seal__session *session, seal__stream *stream, queued *item) {
    seal__list_remove(&stream->busy);
    if (item->sent == item->size) {
        seal__list_remove(&item->link);
        if (item->size >= SEAL__PIECE_COPIED)
            settle(session->outbox);
        release(session, item);
    }
    seal__stream_wake(session, stream);
    if (stream->released && seal__list_is_empty(&stream->queue))
        seal__stream_close(session, stream);
    else
        seal__stream_ready(session, stream);
}

/* The next stream with a piece that the windows allow. Those that may not send leave the ring until
 * a WINDOW frame comes. NULL: none. */
static seal__stream *next_turn(seal__session *session, size_t *ret_size) {
    while (!seal__list_is_empty(&session->busy)) {
        seal__stream *stream = SEAL__CONTAINER_OF(session->busy.next, seal__stream, busy);
        const queued *item = first_of(stream);
        *ret_size = piece_size(session, item);
        if (item->kind == QUEUED_END || item->kind == QUEUED_STATUS)
            return stream;
        bool may = fit(item, stream->send_window, ret_size);
        if (may && fit(item, session->send_window, ret_size))
            return stream;
        seal__list_remove(&stream->busy);
        if (may)
            seal__list_append(&session->stalled, &stream->busy);
    }
    return NULL;
}

static bool pump(seal__session *session, size_t limit) {
    size_t size = 0;
    seal__stream *stream = NULL;
    while ((stream = next_turn(session, &size)) != NULL) {
        queued *item = first_of(stream);
        if (session->outbox->wire.len >= limit || !send_piece(session, stream, item, size))
            return true;
        end_turn(session, stream, item);
    }
    return false;
}

bool seal__session_pump(seal__session *session, size_t limit) {
    bool more = pump(session, limit);
    settle(session->outbox);
    return more;
}

/* ---- Borrowed messages ---- */

bool seal__session_may_borrow(const seal__session *session, const seal__stream *stream) {
    return seal__list_is_empty(&session->busy) && seal__list_is_empty(&stream->queue) &&
           session->borrower == NULL && stream->send_window >= BORROW_WINDOW &&
           session->send_window >= BORROW_WINDOW;
}

int seal__queue_borrowed(seal__session *session, seal__stream *stream, const seal__parts *parts,
                         bool end) {
    queued *item = enqueue(session, stream, QUEUED_MESSAGE, parts->head.len + parts->tail.len);
    if (item == NULL)
        return SEAL_ERROR_NO_MEMORY;
    item->size = seal__parts_size(parts);
    item->end = end;
    item->head = parts->head.len;
    item->body = parts->body;
    copy(copy(item->bytes, parts->head), parts->tail);
    stream->queued += item->size;
    session->borrower = stream;
    return 0;
}

/* The rest of the message in memory of its own; NULL: there is none. */
static queued *own_copy(const seal__session *session, const queued *item) {
    seal__parts parts;
    size_t left = item->size - item->sent;
    queued *own = new_item(session, QUEUED_MESSAGE, left);
    if (own == NULL)
        return NULL;
    own->begun = item->begun;
    own->end = item->end;
    cut(item, item->sent, left, &parts);
    copy(copy(copy(own->bytes, parts.head), parts.body), parts.tail);
    return own;
}

void seal__session_own(seal__session *session) {
    seal__stream *stream = session->borrower;
    if (stream == NULL)
        return;
    queued *item = first_of(stream);
    queued *own = session->outbox->failed ? NULL : own_copy(session, item);
    if (own == NULL) { /* of a message that has begun, the rest cannot be left out */
        session->outbox->failed = true;
        seal__stream_drop_queue(session, stream);
        return;
    }
    seal__list_remove(&item->link);
    release(session, item);
    seal__list_append(&stream->queue, &own->link);
}

size_t seal__stream_queued(const seal__stream *stream) {
    return stream->queued;
}
