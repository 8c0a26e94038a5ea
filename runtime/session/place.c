/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the bytes of large messages go while their record is being opened: into the memory in which
 * they are collected, or into memory for a message that begins. What is looked at here is not
 * authenticated: it changes nothing of any stream. inbox.c takes the bytes when the frame comes,
 * and looks again whether they belong there.
 */
#include "session/internal.h"

enum {
    LEAST = SEAL__PIECE_COPIED, /* a smaller part is sooner copied */
    SKIPPED_MAX = 4             /* other frames that may stand before it in the record */
};

/* Bytes of this record that go to the same memory already. */
static size_t placed_in(const seal__scatter *scatter, const seal__buf *buf) {
    size_t n = 0;
    for (size_t i = 0; i < scatter->n; i++) {
        uintptr_t to = (uintptr_t)scatter->pieces[i].to, start = (uintptr_t)buf->data;
        if (to >= start && to - start < buf->cap)
            n += scatter->pieces[i].len;
    }
    return n;
}

/* The memory of a message that is being collected, as far as it goes. */
static uint8_t *place_next(seal__session *session, const seal__frame *frame) {
    seal__stream *stream = NULL;
    if (seal__streams_find(session, frame->stream, &stream) != SEAL__STREAM_OPEN ||
        !stream->collecting || stream->dropping)
        return NULL;
    const seal__buf *inbox = &stream->inbox;
    size_t used = placed_in(&session->placing.scatter, inbox);
    if (used + frame->len > stream->total - stream->received ||
        used + frame->len > inbox->cap - inbox->len)
        return NULL;
    return inbox->data + inbox->len + used;
}

/* More of the message that begins in this record. */
static uint8_t *place_in_spare(seal__placing *placing, const seal__frame *frame) {
    seal__buf *spare = &placing->spare;
    if (frame->len > placing->spare_left || frame->len > spare->cap - spare->len)
        return NULL;
    placing->spare_left -= frame->len;
    return seal__buf_reserve(spare, frame->len);
}

/* Memory for a message that begins: no more than its bytes that came would give it. One that is
 * whole stays in the record. */
static uint8_t *place_first(seal__session *session, const seal__frame *frame) {
    seal__placing *placing = &session->placing;
    size_t whole = SEAL__DATA_LENGTH + (size_t)seal__load_u32(frame->payload);
    size_t room = seal__inbox_ahead(session, session->reserved, 0, frame->len, whole);
    if (placing->spare.data != NULL || room == 0)
        return NULL;
    seal__buf_init(&placing->spare, session->alloc, room);
    if (!seal__buf_ensure(&placing->spare, room))
        return NULL;
    placing->spare_stream = frame->stream;
    placing->spare_left = whole - frame->len;
    return seal__buf_reserve(&placing->spare, frame->len) + SEAL__DATA_LENGTH;
}

static uint8_t *place(seal__session *session, const seal__frame *frame) {
    seal__placing *placing = &session->placing;
    if ((frame->flags & SEAL__DATA_FIRST) != 0)
        return place_first(session, frame);
    if (placing->spare.data != NULL && placing->spare_stream == frame->stream)
        return place_in_spare(placing, frame);
    return place_next(session, frame);
}

/* False: the bytes from `at` on, of the frame, have no place but where they stand. */
static bool place_frame(seal__session *session, const seal__frame *frame, const uint8_t *at) {
    seal__scatter *scatter = &session->placing.scatter;
    uint8_t *to = scatter->n < SEAL__SCATTER_MAX ? place(session, frame) : NULL;
    size_t len = frame->len - (size_t)(at - frame->payload);
    if (to == NULL)
        return false;
    scatter->pieces[scatter->n++] = (seal__scattered){.from = at, .to = to, .len = len};
    return true;
}

/* A scatter's `next`. */
static size_t look(void *user, const uint8_t *content, size_t at, size_t len) {
    seal__session *session = user;
    seal__placing *placing = &session->placing;
    if (at == 0) {
        seal__placing_end(session);
        placing->header_at = 0;
        placing->skipped = 0;
        return SEAL__FRAME_HEADER;
    }
    seal__reader reader;
    seal__frame frame;
    seal__reader_init(&reader, content + placing->header_at, len - placing->header_at);
    if (!seal__frame_read(&reader, &frame))
        return len - at;
    placing->header_at = (size_t)(frame.payload - content) + frame.len;
    if (frame.type != SEAL__FRAME_DATA)
        return ++placing->skipped > SKIPPED_MAX ? len - at : (size_t)frame.len + SEAL__FRAME_HEADER;
    if (frame.len < LEAST)
        return len - at;
    bool needs_length = (frame.flags & SEAL__DATA_FIRST) != 0 && content + at == frame.payload;
    if (needs_length) {
        placing->header_at -= frame.len + SEAL__FRAME_HEADER;
        return SEAL__DATA_LENGTH;
    }
    /* Behind one that stays, its stream's memory is no longer known. */
    return place_frame(session, &frame, content + at) ? (size_t)SEAL__FRAME_HEADER : len - at;
}

void seal__placing_init(seal__session *session) {
    session->placing.scatter.next = look;
    session->placing.scatter.user = session;
}

void seal__placing_end(seal__session *session) {
    session->placing.scatter.n = 0;
    if (session->placing.spare.data != NULL)
        seal__buf_done(&session->placing.spare);
}

seal__scatter *seal__session_scatter(seal__session *session) {
    return &session->placing.scatter;
}
