/* SPDX-License-Identifier: Apache-2.0 */
/* Stream objects, and what is remembered of streams that have ended. */
#include "session/internal.h"

/* Value in the map for a stream that this end has ended while the peer may still be sending. */
static const char late_mark;

static void *late_value(void) {
    return (void *)(uintptr_t)&late_mark;
}

void seal__streams_init(seal__session *session) {
    session->recent = session->first_recent;
    session->n_recent = SEAL__RECENT_FIRST;
    seal__idmap_init(&session->streams, session->alloc);
    seal__list_init(&session->free_streams);
}

/* ---- Where streams are found ---- */

/* No two streams come into the same slot of a larger ring that were in two of a smaller one.
 * Without memory it stays as it is. */
static void grow_recent(seal__session *session) {
    uint64_t old = session->n_recent;
    seal__stream **recent = session->recent;
    seal__stream **larger = seal__alloc_zeroed(session->alloc, old * 2, sizeof *larger);
    if (larger == NULL)
        return;
    session->recent = larger;
    session->n_recent = old * 2;
    for (uint64_t i = 0; i < old; i++) {
        if (recent[i] != NULL)
            *seal__streams_slot(session, recent[i]->id) = recent[i];
    }
    if (recent != session->first_recent)
        seal__release(session->alloc, recent);
}

/* The slot is in use by a stream that has been there for long: it moves. */
static bool make_way(seal__session *session, uint64_t id) {
    if (session->count >= session->n_recent && session->n_recent < SEAL__RECENT_MAX)
        grow_recent(session);
    seal__stream **slot = seal__streams_slot(session, id);
    if (*slot != NULL && !seal__idmap_insert(&session->streams, (*slot)->id, *slot))
        return false;
    *slot = NULL;
    return true;
}

static void forget_place(seal__session *session, const seal__stream *stream) {
    seal__stream **slot = seal__streams_slot(session, stream->id);
    if (*slot == stream)
        *slot = NULL;
    else
        seal__idmap_remove(&session->streams, stream->id);
}

seal__stream_state seal__streams_find_old(const seal__session *session, uint64_t id,
                                          seal__stream **ret_stream) {
    void *value = session->streams.len == 0 ? NULL : seal__idmap_find(&session->streams, id);
    if (value == NULL)
        return SEAL__STREAM_CLOSED;
    if (value == late_value())
        return SEAL__STREAM_LATE;
    *ret_stream = value;
    return (*ret_stream)->released ? SEAL__STREAM_LATE : (*ret_stream)->state;
}

seal__stream *seal__streams_next(const seal__session *session, size_t *cursor) {
    size_t n = (size_t)session->n_recent;
    while (*cursor < n) {
        seal__stream *stream = session->recent[(*cursor)++];
        if (stream != NULL)
            return stream;
    }
    size_t rest = *cursor - n;
    void *value = seal__idmap_next(&session->streams, &rest);
    while (value == late_value())
        value = seal__idmap_next(&session->streams, &rest);
    *cursor = n + rest;
    return value;
}

/* ---- Their life ---- */

static seal__stream *make_object(seal__session *session) {
    seal__stream *stream = seal__alloc(session->alloc, sizeof *stream);
    if (stream == NULL)
        return NULL;
    seal__list_init(&stream->busy);
    seal__list_init(&stream->pending);
    seal__list_init(&stream->ready);
    seal__list_init(&stream->queue);
    seal__list_init(&stream->rising);
    stream->deadline = (seal__heap_node){0};
    seal__buf_init(&stream->inbox, session->alloc, 0);
    return stream;
}

static seal__stream *take_object(seal__session *session) {
    seal__list *node = session->free_streams.next;
    if (node == &session->free_streams)
        return make_object(session);
    seal__list_remove(node);
    session->n_free--;
    return SEAL__CONTAINER_OF(node, seal__stream, busy);
}

seal__stream *seal__stream_new(seal__session *session, uint64_t id, uint32_t max_message) {
    seal__stream *stream = take_object(session);
    if (stream == NULL)
        return NULL;
    seal__stream **slot = seal__streams_slot(session, id);
    if (*slot != NULL) {
        if (!make_way(session, id)) {
            seal__stream_recycle(session, stream);
            return NULL;
        }
        slot = seal__streams_slot(session, id);
    }
    seal__clear(&stream->id, sizeof *stream - offsetof(seal__stream, id));
    stream->id = id;
    stream->max_message = max_message == 0 ? session->max_message : max_message;
    stream->deadline_ns = UINT64_MAX;
    stream->wanted = SEAL__READ_ALL;
    stream->send_window = session->first_send_window;
    stream->available = session->stream_window;
    *slot = stream;
    session->count++;
    seal__keepalive_wake(session);
    return stream;
}

void seal__stream_detach(seal__session *session, seal__stream *stream, bool late) {
    forget_place(session, stream);
    seal__stream_drop_deadline(session, stream);
    if (!seal__list_is_empty(&stream->pending))
        seal__list_remove(&stream->pending);
    if (!seal__list_is_empty(&stream->ready))
        seal__list_remove(&stream->ready);
    if (!seal__list_is_empty(&stream->queue))
        seal__stream_drop_queue(session, stream);
    if (stream->inbox.data != NULL || session->lent == stream)
        seal__inbox_drop(session, stream);
    session->count--;
    if (session->crossing < SEAL__CROSSING_MAX)
        session->crossing += SEAL__CROSSING;
    if (late)
        seal__late_remember(session, stream->id);
    if (session->role == SEAL__SESSION_SERVER && stream->state != SEAL__STREAM_RESET)
        seal__session_expect_end(session);
}

void seal__stream_recycle(seal__session *session, seal__stream *stream) {
    if (session->n_free >= SEAL__FREE_STREAMS) {
        seal__release(session->alloc, stream);
        return;
    }
    seal__list_append(session->free_streams.next, &stream->busy); /* first: it is at hand */
    session->n_free++;
}

void seal__stream_lend(seal__session *session, seal__stream *stream) {
    stream->gone = true;
    session->gone = stream;
}

static void forget_oldest(seal__session *session) {
    uint64_t id = session->late[session->n_late % SEAL__LATE_MAX];
    if (seal__idmap_find(&session->streams, id) == late_value())
        seal__session_expect_end(session);
    seal__late_forget(session, id);
}

/* Without memory it is not remembered, and late frames count as strays. */
void seal__late_remember(seal__session *session, uint64_t id) {
    if (session->late == NULL)
        session->late = seal__alloc_zeroed(session->alloc, SEAL__LATE_MAX, sizeof *session->late);
    if (session->late == NULL)
        return;
    if (session->n_late >= SEAL__LATE_MAX)
        forget_oldest(session);
    if (seal__idmap_insert(&session->streams, id, late_value()))
        session->late[session->n_late++ % SEAL__LATE_MAX] = id;
}

void seal__late_forget(seal__session *session, uint64_t id) {
    if (seal__idmap_find(&session->streams, id) == late_value())
        seal__idmap_remove(&session->streams, id);
}

void seal__streams_done(seal__session *session) {
    size_t cursor = 0;
    for (seal__stream *stream; (stream = seal__streams_next(session, &cursor)) != NULL;) {
        seal__stream_drop_queue(session, stream);
        seal__buf_done(&stream->inbox);
        seal__release(session->alloc, stream);
    }
    seal__list *node;
    while ((node = seal__list_take_first(&session->free_streams)) != NULL)
        seal__release(session->alloc, SEAL__CONTAINER_OF(node, seal__stream, busy));
    seal__release(session->alloc, session->late);
    if (session->recent != session->first_recent)
        seal__release(session->alloc, session->recent);
    seal__idmap_done(&session->streams);
    seal__heap_done(&session->deadlines);
}
