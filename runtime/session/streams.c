/* SPDX-License-Identifier: Apache-2.0 */
/* Stream objects, and what is remembered of streams that have ended. */
#include "session/internal.h"

/* Value in the map for a stream that this end has ended while the peer may still be sending. */
static const char late_mark;

static void *late_value(void) {
    return (void *)(uintptr_t)&late_mark;
}

static seal__stream *take_object(seal__session *session) {
    seal__list *node = seal__list_take_first(&session->free_streams);
    if (node != NULL) {
        session->n_free--;
        return SEAL__CONTAINER_OF(node, seal__stream, busy);
    }
    return seal__alloc(session->alloc, sizeof(seal__stream));
}

seal__stream *seal__stream_new(seal__session *session, uint64_t id, uint32_t max_message) {
    seal__stream *stream = take_object(session);
    if (stream == NULL)
        return NULL;
    *stream = (seal__stream){
        .id = id,
        .state = SEAL__STREAM_OPEN,
        .max_message = max_message == 0 ? session->max_message : max_message,
        .deadline_ns = UINT64_MAX,
        .wanted = SEAL__READ_ALL,
        .send_window = session->first_send_window,
        .available = session->stream_window,
    };
    seal__list_init(&stream->busy);
    seal__list_init(&stream->pending);
    seal__list_init(&stream->ready);
    seal__list_init(&stream->queue);
    seal__buf_init(&stream->inbox, session->alloc, 0);
    if (!seal__idmap_insert(&session->streams, id, stream)) {
        seal__stream_recycle(session, stream);
        return NULL;
    }
    session->count++;
    seal__keepalive_wake(session);
    return stream;
}

bool seal__stream_set_deadline(seal__session *session, seal__stream *stream, uint64_t deadline_ns) {
    seal__heap_remove(&session->deadlines, &stream->deadline);
    stream->deadline_ns = deadline_ns;
    return deadline_ns == UINT64_MAX ||
           seal__heap_insert(&session->deadlines, &stream->deadline, deadline_ns);
}

void seal__stream_detach(seal__session *session, seal__stream *stream, bool late) {
    seal__idmap_remove(&session->streams, stream->id);
    seal__heap_remove(&session->deadlines, &stream->deadline);
    seal__list_remove(&stream->pending);
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
    seal__list_append(&session->free_streams, &stream->busy);
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

seal__stream_state seal__streams_find(const seal__session *session, uint64_t id,
                                      seal__stream **ret_stream) {
    *ret_stream = NULL;
    void *value = seal__idmap_find(&session->streams, id);
    if (value == NULL)
        return id > session->last_id ? SEAL__STREAM_IDLE : SEAL__STREAM_CLOSED;
    if (value == late_value())
        return SEAL__STREAM_LATE;
    *ret_stream = value;
    return (*ret_stream)->released ? SEAL__STREAM_LATE : (*ret_stream)->state;
}

seal__stream *seal__streams_next(const seal__session *session, size_t *cursor) {
    void *value = seal__idmap_next(&session->streams, cursor);
    while (value == late_value())
        value = seal__idmap_next(&session->streams, cursor);
    return value;
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
    seal__idmap_done(&session->streams);
    seal__heap_done(&session->deadlines);
}
