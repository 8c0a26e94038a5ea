/* SPDX-License-Identifier: Apache-2.0 */
/* DATA frames into messages: passed on as they stand, kept in the inbox, or thrown away. Memory
 * grows with the bytes received, never with the length declared. */
#include "session/internal.h"

/* The bytes of one DATA frame, after the message's length. */
typedef struct data_part {
    const uint8_t *bytes;
    size_t len;
    bool first;
    bool end;
} data_part;

/* The message is thrown away, and whatever follows it. */
static int refuse_message(seal__session *session, seal__stream *stream, const data_part *part,
                          seal__event *event, seal_error **reterr) {
    event->kind = SEAL__EVENT_TOO_BIG;
    event->stream = stream;
    event->len = stream->total;
    event->end = part->end;
    seal__inbox_drop(session, stream);
    stream->dropping = true;
    if (session->role == SEAL__SESSION_SERVER) {
        if (part->end)
            seal__stream_ended(session, stream);
        return 0;
    }
    if (!part->end)
        return seal__stream_reset(session, stream, SEAL__RESET_TOO_BIG, true) == 0
                   ? 0
                   : seal__error_no_memory(reterr);
    seal__stream_detach(session, stream, false);
    seal__stream_lend(session, stream);
    return 0;
}

static int keep(seal__session *session, seal__stream *stream, const seal__frame *frame,
                const data_part *part, seal__event *event, seal_error **reterr) {
    int rc = seal__inbox_put(session, stream, frame->payload, frame->len);
    stream->received += (uint32_t)part->len;
    stream->collecting = stream->received < stream->total;
    if (rc == SEAL_ERROR_TOO_BIG) {
        seal__stream_credit(session, stream, frame->len);
        return refuse_message(session, stream, part, event, reterr);
    }
    if (rc == SEAL_ERROR_INTERNAL)
        return seal__error(reterr, rc, "bytes of stream %llu were put where they do not belong",
                           (unsigned long long)stream->id);
    if (rc != 0)
        return seal__error_no_memory(reterr);
    if (!stream->collecting)
        stream->complete++;
    else if (part->first && stream->wanted > stream->complete)
        seal__window_open_for(session, stream, stream->total - stream->received);
    if (part->end) {
        stream->ending = true;
        seal__stream_ended(session, stream);
    }
    seal__stream_ready(session, stream);
    return 0;
}

/* Of a message that was refused, or after it. */
static void throw_away(seal__session *session, seal__stream *stream, const seal__frame *frame,
                       const data_part *part) {
    stream->received += (uint32_t)part->len;
    stream->collecting = stream->received < stream->total;
    if (part->end)
        seal__stream_ended(session, stream);
    seal__stream_credit(session, stream, frame->len);
}

static int begin_message(seal__session *session, seal__stream *stream, const seal__frame *frame,
                         const data_part *part, seal__event *event, seal_error **reterr) {
    if (session->role == SEAL__SESSION_CLIENT)
        stream->begun = true;
    if (stream->total > stream->max_message) {
        stream->received = (uint32_t)part->len;
        stream->collecting = part->len < stream->total;
        seal__stream_credit(session, stream, frame->len);
        return refuse_message(session, stream, part, event, reterr);
    }
    return keep(session, stream, frame, part, event, reterr);
}

static int end_without_message(seal__session *session, seal__stream *stream) {
    seal__stream_ended(session, stream);
    stream->ending = true;
    seal__stream_ready(session, stream);
    return 0;
}

/* What is wrong with a DATA frame, or NULL. Sets the total at the beginning of a message. */
static const char *check_part(seal__stream *stream, const seal__frame *frame, data_part *ret_part) {
    *ret_part = (data_part){.bytes = frame->payload,
                            .len = frame->len,
                            .first = (frame->flags & SEAL__DATA_FIRST) != 0,
                            .end = (frame->flags & SEAL__DATA_END) != 0};
    size_t left = stream->total - stream->received;
    if (ret_part->first) {
        if (stream->collecting)
            return "begins a message inside another";
        if (frame->len < SEAL__DATA_LENGTH)
            return "is malformed";
        stream->total = seal__load_u32(frame->payload);
        stream->received = 0;
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

/* The commonest: a whole message that is asked for, within all limits. */
static bool pass_whole(seal__session *session, seal__stream *stream, const seal__frame *frame,
                       seal__event *event) {
    if ((frame->flags & SEAL__DATA_FIRST) == 0 || frame->len < SEAL__DATA_LENGTH ||
        frame->len > stream->available || stream->collecting || stream->dropping ||
        !seal__inbox_is_passed(stream))
        return false;
    uint32_t total = seal__load_u32(frame->payload);
    if (total != (uint32_t)frame->len - SEAL__DATA_LENGTH || total > stream->max_message)
        return false;
    stream->total = total;
    stream->received = 0;
    stream->available -= frame->len;
    if (session->role == SEAL__SESSION_CLIENT)
        stream->begun = true;
    bool end = (frame->flags & SEAL__DATA_END) != 0;
    if (end)
        seal__stream_ended(session, stream);
    seal__stream_credit(session, stream, frame->len);
    seal__event_message(session, stream, frame->payload + SEAL__DATA_LENGTH, total, end, event);
    return true;
}

static __attribute__((noinline)) int take_part(seal__session *session, seal__stream *stream,
                                               const seal__frame *frame, seal__event *event,
                                               seal_error **reterr) {
    data_part part;
    const char *wrong = check_part(stream, frame, &part);
    if (wrong != NULL)
        return seal__session_broken(frame, wrong, reterr);
    int rc = seal__stream_charge(stream, frame, reterr);
    size_t left = stream->total - stream->received;
    if (rc == 0 && part.len < left && part.len < SEAL__FRAGMENT_MIN)
        rc = seal__session_spend(session, reterr);
    if (rc != 0)
        return rc;
    if (!part.first && !stream->collecting && !stream->dropping)
        return end_without_message(session, stream);
    if (stream->dropping)
        throw_away(session, stream, frame, &part);
    else if (part.first)
        return begin_message(session, stream, frame, &part, event, reterr);
    else
        return keep(session, stream, frame, &part, event, reterr);
    return 0;
}

int seal__on_data(seal__session *session, seal__stream *stream, const seal__frame *frame,
                  seal__event *event, seal_error **reterr) {
    return pass_whole(session, stream, frame, event)
               ? 0
               : take_part(session, stream, frame, event, reterr);
}

static bool is_end(const seal__frame *frame) {
    return frame->type == SEAL__FRAME_DATA ? (frame->flags & SEAL__DATA_END) != 0
                                           : frame->type != SEAL__FRAME_METADATA;
}

/* Of a server that is still sending the reply. */
static int on_released(seal__session *session, seal__stream *stream, const seal__frame *frame,
                       seal_error **reterr) {
    if (frame->type == SEAL__FRAME_RESET) {
        int rc = seal__charge_reset(session, stream, frame, reterr);
        stream->state = SEAL__STREAM_RESET;
        seal__stream_close(session, stream);
        return rc;
    }
    if (stream->state == SEAL__STREAM_ENDED)
        return seal__session_broken(frame, "comes after END", reterr);
    int rc = seal__stream_charge(stream, frame, reterr);
    if (rc != 0)
        return rc;
    if (is_end(frame))
        stream->state = SEAL__STREAM_ENDED;
    seal__stream_credit(session, stream, frame->len);
    return 0;
}

/* Frames that were on the way when this end ended the stream. What ends it at the peer is the last
 * one. */
int seal__on_late(seal__session *session, seal__stream *stream, const seal__frame *frame,
                  seal__event *event, seal_error **reterr) {
    (void)event;
    if (stream != NULL && session->role == SEAL__SESSION_SERVER)
        return on_released(session, stream, frame, reterr);
    if (frame->type == SEAL__FRAME_DATA)
        seal__window_credit(session, frame->len);
    if (is_end(frame) && stream != NULL)
        seal__reset_drop(session, stream);
    else if (is_end(frame))
        seal__late_forget(session, frame->stream);
    return 0;
}

/* Of streams that the peer does not know to have ended, one frame that ends it is free: a RESET
 * that has crossed the answer, or the answer of one that is no longer remembered. */
int seal__on_stray(seal__session *session, seal__stream *stream, const seal__frame *frame,
                   seal__event *event, seal_error **reterr) {
    (void)stream;
    (void)event;
    if (frame->type == SEAL__FRAME_DATA)
        seal__window_credit(session, frame->len);
    if (!is_end(frame) || session->crossing_ends == 0)
        return seal__session_spend(session, reterr);
    session->crossing_ends--;
    return 0;
}
