/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that have come and are not delivered, because the owner has not asked for them or
 * because they are not complete. They lie as on the wire: nothing is allocated per message, so that
 * a flood of tiny ones costs no more than the window that they fit into.
 */
#include "session/internal.h"

enum {
    AHEAD = 8,                    /* as with decoding: see codec.h */
    AHEAD_LEAST = SEAL__PIECE / 2 /* of a message in smaller pieces, memory grows as they come */
};

/* Bytes of messages, without a STATUS behind them. */
static size_t unread(const seal__stream *stream) {
    return stream->inbox.len - stream->inbox_at - stream->status_len;
}

/* The peer may send again what is no longer held. */
static void release_held(seal__session *session, seal__stream *stream, size_t still_held) {
    if (stream->held <= still_held)
        return;
    size_t n = stream->held - still_held;
    stream->held = (uint32_t)still_held;
    seal__stream_credit(session, stream, n);
}

/* Bytes that were asked for are not held, or a message larger than the window would never come. */
static void release_wanted(seal__session *session, seal__stream *stream) {
    if (stream->wanted > stream->complete)
        release_held(session, stream, 0);
}

/* Room at once for what is still to come of a message, so that what has come is not moved again and
 * again; but no more than AHEAD times what has come, and no more in all than might have come. Where
 * doubling the buffer gives as much, it grows as it does. */
size_t seal__inbox_ahead(const seal__session *session, uint64_t others, size_t have, size_t len,
                         size_t whole) {
    size_t most = AHEAD * (have + len);
    size_t want = whole < most - have ? have + whole : most;
    bool may = whole > len && len >= AHEAD_LEAST && others + want <= session->max_buffered;
    return may ? want : 0;
}

static void make_room(const seal__session *session, seal__stream *stream, size_t len,
                      size_t whole) {
    seal__buf *inbox = &stream->inbox;
    size_t want =
        seal__inbox_ahead(session, session->reserved - stream->reserved, inbox->len, len, whole);
    if (want <= 2 * inbox->cap)
        return;
    size_t max = inbox->max;
    inbox->max = want;
    seal__buf_ensure(inbox, want - inbox->len);
    inbox->max = max < want ? want : max;
}

static void count_memory(seal__session *session, seal__stream *stream) {
    session->reserved += stream->inbox.cap - stream->reserved;
    stream->reserved = stream->inbox.cap;
}

/* What is still to come of a message may be put there. */
static void allow(seal__buf *inbox, size_t whole) {
    if (inbox->max < inbox->len + whole)
        inbox->max = inbox->len + whole;
}

/* whole: `len`, and what is still to come of the same message. */
static bool append(seal__session *session, seal__stream *stream, const uint8_t *bytes, size_t len,
                   size_t whole) {
    seal__buf *inbox = &stream->inbox;
    if (stream->inbox_at > 0 && inbox->cap - inbox->len < len) {
        seal__buf_consume(inbox, stream->inbox_at);
        stream->inbox_at = 0;
    }
    if (inbox->cap - inbox->len < len)
        make_room(session, stream, len, whole);
    allow(inbox, whole);
    seal__buf_put(inbox, bytes, len);
    count_memory(session, stream);
    return !inbox->failed;
}

/* Where the bytes of the piece stand. */
static bool is_in_spare(const seal__placing *placing, const seal__scattered *piece) {
    uintptr_t to = (uintptr_t)piece->to, start = (uintptr_t)placing->spare.data;
    return placing->spare.data != NULL && to >= start && to - start < placing->spare.len;
}

/* The same for bytes that stand elsewhere than in the record: where they belong, or in memory for a
 * message that begins, which the stream gets, if it has none. */
static int append_placed(seal__session *session, seal__stream *stream, const seal__scattered *piece,
                         const uint8_t *payload, size_t len, size_t whole) {
    seal__buf *inbox = &stream->inbox;
    size_t before = len - piece->len;
    bool spare = is_in_spare(&session->placing, piece);
    if (spare && inbox->data == NULL) {
        size_t max = inbox->max;
        *inbox = session->placing.spare;
        inbox->len = 0;
        inbox->max = max;
        session->placing.spare = (seal__buf){.alloc = session->alloc};
        spare = false;
    }
    if (inbox->data != NULL && piece->to == inbox->data + inbox->len + before &&
        len <= inbox->cap - inbox->len) {
        allow(inbox, whole);
        memcpy(inbox->data + inbox->len, payload, before);
        inbox->len += len;
        count_memory(session, stream);
        return 0;
    }
    if (!spare)
        return SEAL_ERROR_INTERNAL;
    bool ok = append(session, stream, payload, before, whole) &&
              append(session, stream, piece->to, piece->len, whole - before);
    return ok ? 0 : SEAL_ERROR_NO_MEMORY;
}

/* The memory goes to somebody else. */
static seal__buf hand_over(seal__session *session, seal__stream *stream) {
    seal__buf inbox = stream->inbox;
    seal__buf_init(&stream->inbox, session->alloc, 0);
    stream->inbox_at = 0;
    count_memory(session, stream);
    return inbox;
}

int seal__inbox_put(seal__session *session, seal__stream *stream, const uint8_t *bytes,
                    size_t len) {
    /* A STATUS that is kept may have gone beyond it. */
    if (session->buffered > session->max_buffered ||
        len > session->max_buffered - session->buffered)
        return SEAL_ERROR_TOO_BIG;
    if (stream->inbox.max < session->stream_window)
        stream->inbox.max = session->stream_window;
    size_t whole = (size_t)(stream->total - stream->received) + SEAL__DATA_LENGTH;
    const seal__scattered *piece = seal__placed(session, bytes, len);
    int rc = 0;
    if (piece != NULL)
        rc = append_placed(session, stream, piece, bytes, len, whole);
    else if (!append(session, stream, bytes, len, whole))
        rc = SEAL_ERROR_NO_MEMORY;
    if (rc != 0)
        return rc;
    session->buffered += len;
    stream->held += (uint32_t)len;
    release_wanted(session, stream);
    return 0;
}

bool seal__inbox_put_status(seal__session *session, seal__stream *stream, const uint8_t *payload,
                            size_t len) {
    if (!append(session, stream, payload, len, len))
        return false;
    session->buffered += len;
    stream->status_len = len;
    return true;
}

void seal__inbox_cut(seal__session *session, seal__stream *stream) {
    if (!stream->collecting)
        return;
    size_t n = SEAL__DATA_LENGTH + (size_t)stream->received;
    stream->collecting = false;
    stream->inbox.len -= n;
    session->buffered -= n;
    release_held(session, stream, unread(stream));
}

void seal__inbox_drop(seal__session *session, seal__stream *stream) {
    session->buffered -= stream->inbox.len - stream->inbox_at;
    seal__buf inbox = hand_over(session, stream);
    if (session->lent == stream) {
        session->delivered = inbox;
        session->lent = NULL;
    } else if (inbox.data != NULL) {
        seal__buf_done(&inbox);
    }
    stream->status_len = 0;
    stream->complete = 0;
    stream->ending = false;
    stream->owed += stream->held; /* nobody waits for it: the peer is not told */
    seal__window_credit(session, stream->held);
    stream->held = 0;
}

void seal__session_take_back(seal__session *session) {
    session->buffered -= session->lent_len;
    session->lent_len = 0;
    session->lent = NULL;
    if (session->delivered.data != NULL)
        seal__buf_done(&session->delivered);
    if (session->gone != NULL) {
        seal__stream_recycle(session, session->gone);
        session->gone = NULL;
    }
}

bool seal__session_take(seal__session *session, const seal__event *event, seal__buf *ret) {
    const seal__buf *from = &session->delivered;
    uintptr_t at = (uintptr_t)event->data;
    uintptr_t start = (uintptr_t)from->data;
    if (event->kind != SEAL__EVENT_MESSAGE || from->data == NULL || at < start ||
        at - start >= from->len || from->cap / 2 > event->len)
        return false;
    *ret = *from;
    seal__buf_init(&session->delivered, session->alloc, 0);
    session->buffered -= session->lent_len;
    session->lent_len = 0;
    return true;
}

/* ---- Events ---- */

void seal__stream_ended(seal__session *session, seal__stream *stream) {
    stream->state = SEAL__STREAM_ENDED;
    if (session->role == SEAL__SESSION_CLIENT && !seal__list_is_empty(&stream->queue))
        seal__stream_drop_queue(session, stream);
}

static void leave(seal__session *session, seal__stream *stream) {
    if (session->role == SEAL__SESSION_SERVER)
        return;
    seal__stream_detach(session, stream, false);
    seal__stream_lend(session, stream);
}

static void fill_in(seal__event *event, seal__event_kind kind, seal__stream *stream, bool end) {
    event->kind = kind;
    event->stream = stream;
    event->end = end;
    event->status = SEAL_STATUS_OK;
    event->execution = SEAL_EXECUTED;
    event->text = "";
}

void seal__event_message(seal__session *session, seal__stream *stream, const uint8_t *data,
                         size_t len, bool end, seal__event *event) {
    fill_in(event, SEAL__EVENT_MESSAGE, stream, end);
    event->data = data;
    event->len = len;
    seal__inbox_took(stream);
    if (session->role == SEAL__SESSION_CLIENT)
        seal__window_learn(session, stream, len);
    if (end)
        leave(session, stream);
}

void seal__event_end(seal__session *session, seal__stream *stream, seal__event *event) {
    bool client = session->role == SEAL__SESSION_CLIENT;
    fill_in(event, client ? SEAL__EVENT_STATUS : SEAL__EVENT_END, stream, true);
    leave(session, stream);
}

/* The next message of the inbox is lent out, with the memory where it is the last one. */
static void deliver_message(seal__session *session, seal__stream *stream, seal__event *event) {
    const uint8_t *at = stream->inbox.data + stream->inbox_at;
    size_t len = seal__load_u32(at);
    stream->inbox_at += SEAL__DATA_LENGTH + len;
    stream->complete--;
    session->lent_len = SEAL__DATA_LENGTH + len;
    release_held(session, stream, unread(stream));
    bool end = stream->ending && stream->complete == 0 && stream->status_len == 0;
    if (end)
        stream->ending = false;
    if (stream->inbox_at == stream->inbox.len) {
        session->delivered = hand_over(session, stream);
    } else {
        session->lent = stream;
    }
    seal__event_message(session, stream, at + SEAL__DATA_LENGTH, len, end, event);
}

static void deliver_ending(seal__session *session, seal__stream *stream, seal__event *event) {
    stream->ending = false;
    if (stream->status_len == 0) {
        seal__event_end(session, stream, event);
        return;
    }
    size_t len = stream->status_len;
    const uint8_t *payload = stream->inbox.data + stream->inbox_at;
    session->delivered = hand_over(session, stream);
    session->lent_len = len;
    stream->status_len = 0;
    seal__event_status(session, stream, payload, len, event);
}

static bool is_writable(const seal__stream *stream) {
    return stream->notify && stream->queued <= stream->notify_low;
}

static bool has_message(const seal__stream *stream) {
    return stream->complete > 0 && stream->wanted > 0;
}

static bool has_ending(const seal__stream *stream) {
    return stream->ending && stream->complete == 0;
}

void seal__stream_ready(seal__session *session, seal__stream *stream) {
    bool waits = is_writable(stream) || has_message(stream) || has_ending(stream);
    if (waits && !stream->gone && !stream->released && seal__list_is_empty(&stream->ready))
        seal__list_append(&session->ready, &stream->ready);
}

void seal__stream_deliver(seal__session *session, seal__stream *stream, seal__event *event) {
    if (is_writable(stream)) {
        stream->notify = false;
        fill_in(event, SEAL__EVENT_WRITABLE, stream, false);
    } else if (has_message(stream)) {
        deliver_message(session, stream, event);
    } else if (has_ending(stream)) {
        deliver_ending(session, stream, event);
    }
    seal__stream_ready(session, stream);
}

/* ---- What owners ask ---- */

void seal__stream_read(seal__session *session, seal__stream *stream, uint32_t n) {
    if (stream->gone || stream->released)
        return;
    stream->wanted = n > SEAL__READ_ALL - stream->wanted ? SEAL__READ_ALL : stream->wanted + n;
    release_wanted(session, stream);
    seal__stream_ready(session, stream);
}

void seal__stream_read_none(seal__stream *stream) {
    stream->wanted = 0;
}

size_t seal__stream_unread(const seal__stream *stream) {
    return unread(stream);
}

uint64_t seal__session_unread(const seal__session *session) {
    return session->buffered - session->lent_len;
}

void seal__stream_notify_writable(seal__session *session, seal__stream *stream, size_t low) {
    stream->notify = true;
    stream->notify_low = low;
    seal__stream_ready(session, stream);
}
