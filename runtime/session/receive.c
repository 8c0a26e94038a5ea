/* SPDX-License-Identifier: Apache-2.0 */
/* DATA frames into messages. Memory grows with the bytes received, never with the length declared.
 */
#include "session/internal.h"

/* The bytes of one DATA frame, after the message's length. */
typedef struct data_part {
    const uint8_t *bytes;
    size_t len;
    bool end;
} data_part;

static void end_by_peer(seal__session *session, seal__stream *stream) {
    if (session->role == SEAL__SESSION_SERVER) {
        stream->state = SEAL__STREAM_ENDED;
        return;
    }
    seal__stream_detach(session, stream, false);
    seal__stream_lend(session, stream);
}

static void deliver(seal__session *session, seal__stream *stream, const uint8_t *data, bool end,
                    seal__event *event) {
    event->kind = SEAL__EVENT_MESSAGE;
    event->stream = stream;
    event->data = data;
    event->len = stream->total;
    event->end = end;
    event->status = SEAL_STATUS_OK;
    event->execution = SEAL_EXECUTED;
    event->text = "";
    if (end)
        end_by_peer(session, stream);
}

/* The peer's END without a message: at the client the call is over. */
static void deliver_end(seal__session *session, seal__stream *stream, seal__event *event) {
    bool client = session->role == SEAL__SESSION_CLIENT;
    event->kind = client ? SEAL__EVENT_STATUS : SEAL__EVENT_END;
    event->stream = stream;
    event->end = true;
    event->status = SEAL_STATUS_OK;
    event->execution = SEAL_EXECUTED;
    event->text = "";
    end_by_peer(session, stream);
}

static int refuse_message(seal__session *session, seal__stream *stream, const data_part *part,
                          seal__event *event, seal_error **reterr) {
    event->kind = SEAL__EVENT_TOO_BIG;
    event->stream = stream;
    event->len = stream->total;
    event->end = part->end;
    seal__stream_drop_message(session, stream);
    stream->dropping = true;
    if (session->role == SEAL__SESSION_SERVER) {
        if (part->end)
            end_by_peer(session, stream);
        return 0;
    }
    seal__stream_detach(session, stream, !part->end);
    seal__stream_lend(session, stream);
    int rc = part->end ? 0 : seal__send_reset(session, stream->id, SEAL__RESET_TOO_BIG);
    return rc == 0 ? 0 : seal__error_no_memory(reterr);
}

/* Lends the collected message out until the next call. */
static void deliver_collected(seal__session *session, seal__stream *stream, bool end,
                              seal__event *event) {
    session->delivered = stream->message;
    seal__buf_init(&stream->message, session->alloc, 0);
    deliver(session, stream, session->delivered.data, end, event);
}

static int collect(seal__session *session, seal__stream *stream, const data_part *part,
                   seal__event *event, seal_error **reterr) {
    stream->received += (uint32_t)part->len;
    bool complete = stream->received == stream->total;
    stream->collecting = !complete;
    if (stream->dropping) {
        if (complete && part->end)
            end_by_peer(session, stream);
        return 0;
    }
    if (part->len > session->max_buffered - session->buffered)
        return refuse_message(session, stream, part, event, reterr);
    seal__buf_put(&stream->message, part->bytes, part->len);
    if (stream->message.failed)
        return seal__error_no_memory(reterr);
    session->buffered += part->len;
    if (complete)
        deliver_collected(session, stream, part->end, event);
    return 0;
}

static int begin_message(seal__session *session, seal__stream *stream, const data_part *part,
                         seal__event *event, seal_error **reterr) {
    stream->received = 0;
    stream->dropping = false;
    if (stream->total > stream->max_message) {
        stream->received = (uint32_t)part->len;
        stream->collecting = part->len < stream->total;
        return refuse_message(session, stream, part, event, reterr);
    }
    if (part->len == stream->total) {
        deliver(session, stream, part->bytes, part->end, event);
        return 0;
    }
    seal__buf_init(&stream->message, session->alloc, stream->total);
    return collect(session, stream, part, event, reterr);
}

/* What is wrong with a DATA frame, or NULL. Sets the total at the beginning of a message. */
static const char *check_part(seal__stream *stream, const seal__frame *frame, data_part *ret_part) {
    *ret_part = (data_part){frame->payload, frame->len, (frame->flags & SEAL__DATA_END) != 0};
    size_t left = stream->total - stream->received;
    if (frame->flags & SEAL__DATA_FIRST) {
        if (stream->collecting)
            return "begins a message inside another";
        if (frame->len < SEAL__DATA_LENGTH)
            return "is malformed";
        stream->total = seal__load_u32(frame->payload);
        left = stream->total;
        ret_part->bytes += SEAL__DATA_LENGTH;
        ret_part->len -= SEAL__DATA_LENGTH;
    } else if (!stream->collecting) {
        return frame->len == 0 && ret_part->end ? NULL : "continues no message";
    }
    if (ret_part->len > left)
        return "goes beyond its message";
    if (ret_part->len == 0 && left > 0)
        return "is empty";
    if (ret_part->end && ret_part->len < left)
        return "ends inside a message";
    return NULL;
}

int seal__on_data(seal__session *session, seal__stream *stream, const seal__frame *frame,
                  seal__event *event, seal_error **reterr) {
    data_part part;
    const char *wrong = check_part(stream, frame, &part);
    if (wrong != NULL)
        return seal__session_broken(frame, wrong, reterr);
    bool first = (frame->flags & SEAL__DATA_FIRST) != 0;
    size_t left = first ? stream->total : stream->total - stream->received;
    if (part.len < left && part.len < SEAL__FRAGMENT_MIN) {
        int rc = seal__session_spend(session, reterr);
        if (rc != 0)
            return rc;
    }
    if (first)
        return begin_message(session, stream, &part, event, reterr);
    if (stream->collecting)
        return collect(session, stream, &part, event, reterr);
    deliver_end(session, stream, event);
    return 0;
}

/* Frames that were on the way when this end ended the stream. What ends it at the peer is the last
 * one. */
int seal__on_late(seal__session *session, seal__stream *stream, const seal__frame *frame,
                  seal__event *event, seal_error **reterr) {
    (void)event;
    bool end = frame->type != SEAL__FRAME_DATA || (frame->flags & SEAL__DATA_END) != 0;
    if (stream == NULL) {
        if (end)
            seal__late_forget(session, frame->stream);
        return 0;
    }
    if (frame->type == SEAL__FRAME_RESET) {
        seal__stream_detach(session, stream, false);
        seal__stream_recycle(session, stream);
        return seal__session_spend(session, reterr);
    }
    if (stream->state == SEAL__STREAM_ENDED)
        return seal__session_broken(frame, "comes after END", reterr);
    if (end)
        stream->state = SEAL__STREAM_ENDED;
    return 0;
}

int seal__on_stray(seal__session *session, seal__stream *stream, const seal__frame *frame,
                   seal__event *event, seal_error **reterr) {
    (void)stream;
    (void)frame;
    (void)event;
    return seal__session_spend(session, reterr);
}
