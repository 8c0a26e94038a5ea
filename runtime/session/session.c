/* SPDX-License-Identifier: Apache-2.0 */
#include "session/internal.h"

int seal__session_new(const seal__session_options *options, uint64_t now_ns,
                      seal__session **ret_session, seal_error **reterr) {
    seal__session *session = seal__alloc_zeroed(options->alloc, 1, sizeof *session);
    if (session == NULL)
        return seal__error_no_memory(reterr);
    session->role = options->role;
    session->alloc = options->alloc;
    session->outbox = options->outbox;
    session->max_streams =
        options->role == SEAL__SESSION_SERVER ? options->max_streams : SEAL__SESSION_FIRST_STREAMS;
    session->max_message = options->max_message;
    seal__windows_init(session, options);
    session->now_ns = now_ns;
    session->heard_ns = now_ns;
    session->keepalive_ns = options->keepalive_ns;
    session->keepalive_timeout_ns = options->keepalive_timeout_ns;
    session->keepalive_idle = options->keepalive_idle;
    session->check_ns = UINT64_MAX;
    if (session->keepalive_idle)
        seal__keepalive_wake(session);
    seal__reader_init(&session->record, NULL, 0);
    seal__buf_init(&session->delivered, options->alloc, 0);
    seal__placing_init(session);
    seal__streams_init(session);
    seal__deadlines_init(session);
    seal__idmap_init(&session->method_numbers, options->alloc);
    seal__list_init(&session->busy);
    seal__list_init(&session->stalled);
    seal__list_init(&session->pending);
    seal__list_init(&session->ready);
    seal__list_init(&session->resets);
    *ret_session = session;
    return 0;
}

/* What the last event lent out; most lend nothing that is to be taken back. */
static void take_back(seal__session *session) {
    if (session->gone != NULL || session->lent_len > 0)
        seal__session_take_back(session);
}

void seal__session_free(seal__session *session) {
    if (session == NULL)
        return;
    take_back(session);
    seal__streams_done(session);
    seal__methods_done(session);
    seal__placing_end(session);
    seal__release(session->alloc, session->drain_text);
    seal__release(session->alloc, session->text);
    seal__release(session->alloc, session);
}

int seal__session_start(seal__session *session) {
    seal__settings settings = {
        .has_max_streams = session->role == SEAL__SESSION_SERVER,
        .max_streams = session->max_streams,
        .has_max_message = true,
        .max_message = session->max_message,
        .has_windows = true,
        .stream_window = session->stream_window,
        .connection_window = session->connection_window,
    };
    uint8_t payload[SEAL__SETTINGS_MAX * 6];
    size_t len = seal__settings_write(payload, &settings);
    uint8_t *at = seal__send_frame(session, SEAL__FRAME_SETTINGS, 0, len, 0);
    if (at == NULL)
        return SEAL_ERROR_NO_MEMORY;
    memcpy(at, payload, len);
    return 0;
}

static void advance(seal__session *session, uint64_t now_ns) {
    take_back(session);
    if (now_ns > session->now_ns)
        session->now_ns = now_ns;
}

void seal__session_feed(seal__session *session, uint64_t now_ns, const uint8_t *record,
                        size_t len) {
    advance(session, now_ns);
    session->heard_ns = session->now_ns;
    if (session->probing)
        seal__session_heard(session, session->now_ns);
    seal__reader_init(&session->record, record, len);
    if (len == 0 && session->failed == 0)
        session->failed = seal__session_spend(session, NULL);
}

int seal__session_broken(const seal__frame *frame, const char *what, seal_error **reterr) {
    return seal__error(reterr, SEAL_ERROR_PROTOCOL, "%s (type %u, stream %llu) %s",
                       seal__frame_type_name(frame->type), frame->type,
                       (unsigned long long)frame->stream, what);
}

/* A frame that the peer must know to be wrong. Out of line, as it is rare. */
static __attribute__((noinline)) int misplaced(const seal__session *session,
                                               const seal__frame *frame, seal__stream_state state,
                                               seal_error **reterr) {
    return seal__error(reterr, SEAL_ERROR_PROTOCOL, "%s on stream %llu, which is %s at the %s",
                       seal__frame_type_name(frame->type), (unsigned long long)frame->stream,
                       seal__states_name(state),
                       session->role == SEAL__SESSION_SERVER ? "server" : "client");
}

static int on_stream_frame(seal__session *session, const seal__frame *frame, seal__event *event,
                           seal_error **reterr) {
    if (frame->stream == 0)
        return seal__session_broken(frame, "has no stream id", reterr);
    seal__stream *stream = NULL;
    seal__stream_state state = seal__streams_find(session, frame->stream, &stream);
    const seal__frame_action *action =
        seal__states_action(session->role, state, (seal__frame_type)frame->type);
    if (action != NULL)
        return action->handler(session, stream, frame, event, reterr);
    return misplaced(session, frame, state, reterr);
}

static bool is_of_stream(const seal__frame *frame) {
    return (frame->type >= SEAL__FRAME_HEADERS && frame->type <= SEAL__FRAME_RESET) ||
           (frame->type == SEAL__FRAME_WINDOW && frame->stream != 0) ||
           frame->type == SEAL__FRAME_METADATA;
}

static int on_frame(seal__session *session, const seal__frame *frame, seal__event *event,
                    seal_error **reterr) {
    if (!session->settings_received && frame->type != SEAL__FRAME_SETTINGS)
        return seal__session_broken(frame, "comes before SETTINGS", reterr);
    bool data = frame->type == SEAL__FRAME_DATA;
    unsigned flags = data ? SEAL__DATA_FIRST | SEAL__DATA_END : 0;
    if ((frame->flags & ~flags) != 0 && frame->type <= SEAL__FRAME_METADATA)
        return seal__session_broken(frame, "has unknown flags", reterr);
    if (!is_of_stream(frame))
        return seal__on_connection_frame(session, frame, event, reterr);
    int rc = data ? seal__window_charge(session, frame, reterr) : 0;
    return rc != 0 ? rc : on_stream_frame(session, frame, event, reterr);
}

/* A deadline has passed, or the server's GOAWAY has refused the stream. */
static int deliver_pending(seal__session *session, seal__stream *stream, seal__event *event,
                           seal_error **reterr) {
    bool expired = stream->pending_kind == SEAL__PENDING_EXPIRED;
    stream->pending_kind = SEAL__PENDING_NOTHING;
    event->kind = expired ? SEAL__EVENT_EXPIRED : SEAL__EVENT_STATUS;
    event->stream = stream;
    event->status = expired ? SEAL_STATUS_DEADLINE_EXCEEDED : SEAL_STATUS_UNAVAILABLE;
    event->text = expired ? "" : "the server is going away and did not take the call";
    if (session->role == SEAL__SESSION_SERVER)
        return 0;
    bool certain = seal__stream_revoke(session, stream) || !expired;
    event->execution = certain ? SEAL_NOT_EXECUTED : SEAL_EXECUTION_UNKNOWN;
    bool over = stream->state == SEAL__STREAM_ENDED; /* at the server: nothing to take back */
    seal__stream_detach(session, stream, expired && !over);
    seal__stream_lend(session, stream);
    if (!certain && !over && seal__send_reset(session, stream->id, SEAL__RESET_DEADLINE) != 0)
        return seal__error_no_memory(reterr);
    return 0;
}

static int next_event(seal__session *session, seal__event *event, seal_error **reterr) {
    if (session->no_memory)
        return seal__error_no_memory(reterr);
    if (session->dead)
        return seal__keepalive_failed(session, reterr);
    seal__list *node = NULL;
    if (!seal__list_is_empty(&session->pending)) {
        node = seal__list_take_first(&session->pending);
        return deliver_pending(session, SEAL__CONTAINER_OF(node, seal__stream, pending), event,
                               reterr);
    }
    for (;;) {
        if (session->has_room) {
            session->has_room = false;
            event->kind = SEAL__EVENT_SETTINGS;
            return 0;
        }
        while (!seal__list_is_empty(&session->ready)) {
            node = seal__list_take_first(&session->ready);
            seal__stream_deliver(session, SEAL__CONTAINER_OF(node, seal__stream, ready), event);
            if (event->kind != SEAL__EVENT_NONE)
                return 0;
        }
        if (session->record.left == 0) {
            if (session->placing.scatter.n > 0)
                seal__placing_end(session);
            return 0;
        }
        seal__frame frame;
        if (!seal__frame_read(&session->record, &frame))
            return seal__error(reterr, SEAL_ERROR_PROTOCOL, "a record ends inside a frame");
        int rc = on_frame(session, &frame, event, reterr);
        if (rc != 0 || event->kind != SEAL__EVENT_NONE)
            return rc;
    }
}

bool seal__session_has_events(const seal__session *session) {
    return session->failed == 0 &&
           (session->no_memory || session->dead || session->record.left > 0 || session->has_room ||
            !seal__list_is_empty(&session->pending) || !seal__list_is_empty(&session->ready));
}

int seal__session_next(seal__session *session, seal__event *ret_event, seal_error **reterr) {
    take_back(session);
    seal__event_clear(ret_event);
    if (session->failed != 0)
        return seal__error(reterr, session->failed, "the connection has failed: %s",
                           seal_error_code_text(session->failed));
    session->failed = next_event(session, ret_event, reterr);
    if (session->failed != 0)
        ret_event->kind = SEAL__EVENT_NONE;
    return session->failed;
}

uint64_t seal__session_next_deadline(const seal__session *session) {
    const seal__stream *first = seal__deadlines_first(session);
    uint64_t next = first == NULL ? UINT64_MAX : first->deadline_ns;
    uint64_t resets = seal__resets_due(session);
    next = resets < next ? resets : next;
    return session->check_ns < next ? session->check_ns : next;
}

static void expire(seal__session *session, seal__stream *stream) {
    seal__stream_drop_deadline(session, stream);
    stream->expired = true;
    if (stream->released && session->role == SEAL__SESSION_CLIENT) {
        seal__reset_expired(session, stream);
        return;
    }
    if (stream->released) {
        /* Its owner is done; only the client may still be waiting for the rest of the reply. */
        seal__stream_detach(session, stream, stream->state == SEAL__STREAM_OPEN);
        if (seal__send_status(session, stream->id, SEAL_STATUS_DEADLINE_EXCEEDED, SEAL_EXECUTED,
                              "the reply did not get through before the deadline") != 0)
            session->no_memory = true;
        seal__stream_recycle(session, stream);
        return;
    }
    if (stream->pending_kind == SEAL__PENDING_NOTHING) {
        stream->pending_kind = SEAL__PENDING_EXPIRED;
        seal__list_append(&session->pending, &stream->pending);
    }
}

void seal__session_tick(seal__session *session, uint64_t now_ns) {
    advance(session, now_ns);
    seal__stream *first;
    while ((first = seal__deadlines_first(session)) != NULL &&
           first->deadline_ns <= session->now_ns)
        expire(session, first);
    seal__resets_send(session);
    seal__keepalive_check(session);
}

int seal__session_ping(seal__session *session) {
    uint8_t *at = seal__send_frame(session, SEAL__FRAME_PING, 0, 8, 0);
    if (at == NULL)
        return SEAL_ERROR_NO_MEMORY;
    seal__store_u64(at, ++session->pings + session->pongs);
    return 0;
}

uint64_t seal__session_pongs(const seal__session *session) {
    return session->pongs;
}
