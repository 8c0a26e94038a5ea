/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the connection itself: SETTINGS, PING, PONG, GOAWAY, WINDOW, and types that are not
 * known. */
#include "session/internal.h"

enum { DEFAULT_MAX_STREAMS = 100 };

int seal__session_spend(seal__session *session, seal_error **reterr) {
    if (seal__budget_take(&session->budget, session->now_ns))
        return 0;
    return seal__error(reterr, SEAL_ERROR_TOO_MANY,
                       "the peer sends too many resets, pings or useless frames");
}

static int on_settings(seal__session *session, const seal__frame *frame, seal__event *event,
                       seal_error **reterr) {
    seal__settings settings;
    if (session->settings_received)
        return seal__session_broken(frame, "comes twice", reterr);
    if (!seal__settings_read(frame->payload, frame->len, &settings))
        return seal__session_broken(frame, "is malformed", reterr);
    session->settings_received = true;
    if (session->role == SEAL__SESSION_CLIENT)
        session->max_streams =
            settings.has_max_streams ? settings.max_streams : DEFAULT_MAX_STREAMS;
    int rc = seal__windows_settings(session, &settings, frame, reterr);
    if (rc != 0)
        return rc;
    event->kind = SEAL__EVENT_SETTINGS;
    return 0;
}

static int on_ping(seal__session *session, const seal__frame *frame, seal_error **reterr) {
    if (frame->len != 8)
        return seal__session_broken(frame, "is malformed", reterr);
    int rc = seal__session_spend(session, reterr);
    if (rc != 0)
        return rc;
    uint8_t *at = seal__send_frame(session, SEAL__FRAME_PONG, 0, 8, 0);
    if (at == NULL)
        return seal__error_no_memory(reterr);
    memcpy(at, frame->payload, 8);
    return 0;
}

static int on_pong(seal__session *session, const seal__frame *frame, seal_error **reterr) {
    if (frame->len != 8)
        return seal__session_broken(frame, "is malformed", reterr);
    if (session->pings == 0)
        return seal__session_spend(session, reterr);
    session->pings--;
    session->pongs++;
    return seal__drain_on_pong(session, reterr);
}

/* Streams that the server never took end here; their events follow this one. */
static void give_up_above(seal__session *session, uint64_t last) {
    size_t cursor = 0;
    for (seal__stream *stream; (stream = seal__streams_next(session, &cursor)) != NULL;) {
        if (stream->id <= last || stream->state == SEAL__STREAM_ENDED || stream->released)
            continue;
        seal__list_remove(&stream->pending);
        stream->pending_kind = SEAL__PENDING_NOT_TAKEN;
        seal__list_append(&session->pending, &stream->pending);
    }
    seal__resets_drop_above(session, last);
}

static int on_goaway(seal__session *session, const seal__frame *frame, seal__event *event,
                     seal_error **reterr) {
    seal__goaway goaway;
    if (session->role == SEAL__SESSION_SERVER)
        return seal__session_broken(frame, "comes from a client", reterr);
    if (!seal__goaway_read(frame->payload, frame->len, &goaway))
        return seal__session_broken(frame, "is malformed", reterr);
    if (session->going_away && goaway.last > session->goaway_last)
        return seal__session_broken(frame, "takes a refusal back", reterr);
    bool again =
        session->going_away && (session->goaway_last != UINT64_MAX || goaway.last == UINT64_MAX);
    int rc = again ? seal__session_spend(session, reterr) : 0;
    if (rc != 0)
        return rc;
    session->going_away = true;
    session->goaway_last = goaway.last;
    give_up_above(session, goaway.last);
    event->kind = SEAL__EVENT_GOAWAY;
    event->text = seal__event_text(session, goaway.text, goaway.text_len);
    event->code = goaway.code;
    event->retry_after_ms = goaway.retry_after_ms;
    return 0;
}

static int on_unknown(seal__session *session, const seal__frame *frame, seal_error **reterr) {
    if (frame->type == 0 || frame->type >= SEAL__FRAME_CRITICAL)
        return seal__session_broken(frame, "is not part of version 1", reterr);
    return seal__session_spend(session, reterr);
}

int seal__on_connection_frame(seal__session *session, const seal__frame *frame, seal__event *event,
                              seal_error **reterr) {
    bool known = frame->type == SEAL__FRAME_SETTINGS ||
                 (frame->type >= SEAL__FRAME_PING && frame->type <= SEAL__FRAME_GOAWAY);
    if (known && frame->stream != 0)
        return seal__session_broken(frame, "has a stream id", reterr);
    switch (frame->type) {
    case SEAL__FRAME_SETTINGS:
        return on_settings(session, frame, event, reterr);
    case SEAL__FRAME_PING:
        return on_ping(session, frame, reterr);
    case SEAL__FRAME_PONG:
        return on_pong(session, frame, reterr);
    case SEAL__FRAME_GOAWAY:
        return on_goaway(session, frame, event, reterr);
    case SEAL__FRAME_WINDOW:
        return seal__on_connection_window(session, frame, reterr);
    default:
        return on_unknown(session, frame, reterr);
    }
}
