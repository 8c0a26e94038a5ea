/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When streams expire. Most calls of a connection have the same time, so that their deadlines come
 * in order: those are a list, where a call that ends costs next to nothing. The others are a heap.
 */
#include "session/internal.h"

void seal__deadlines_init(seal__session *session) {
    seal__list_init(&session->rising);
    seal__heap_init(&session->deadlines, session->alloc);
}

static seal__stream *stream_of(seal__list *rising) {
    return SEAL__CONTAINER_OF(rising, seal__stream, rising);
}

void seal__stream_drop_deadline(seal__session *session, seal__stream *stream) {
    if (!seal__list_is_empty(&stream->rising))
        seal__list_remove(&stream->rising);
    else if (stream->deadline.position != 0)
        seal__heap_remove(&session->deadlines, &stream->deadline);
}

bool seal__stream_set_deadline(seal__session *session, seal__stream *stream, uint64_t deadline_ns) {
    seal__stream_drop_deadline(session, stream);
    stream->deadline_ns = deadline_ns;
    if (deadline_ns == UINT64_MAX)
        return true;
    seal__list *last = session->rising.prev;
    if (last != &session->rising && stream_of(last)->deadline_ns > deadline_ns)
        return seal__heap_insert(&session->deadlines, &stream->deadline, deadline_ns);
    seal__list_append(&session->rising, &stream->rising);
    return true;
}

seal__stream *seal__deadlines_first(const seal__session *session) {
    seal__heap_node *other = seal__heap_first(&session->deadlines);
    bool is_empty = seal__list_is_empty(&session->rising);
    seal__stream *first = is_empty ? NULL : stream_of(session->rising.next);
    if (other != NULL && (first == NULL || other->key < first->deadline_ns))
        return SEAL__CONTAINER_OF(other, seal__stream, deadline);
    return first;
}
