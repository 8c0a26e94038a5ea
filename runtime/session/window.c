/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flow control: how many bytes of DATA payload may be under way. The windows are such that streams
 * nobody reads cannot close the connection for the others: all of them together fit into it.
 */
#include "session/internal.h"

enum {
    AHEAD_MAX = 16 * 1024 * 1024, /* of one message, beyond the stream's window */
    WIDE_MAX = 1024 * 1024        /* window of a stream that is read as it comes */
};
enum { AUTO_STREAM = 256 * 1024, AUTO_CONNECTION = 64 * 1024 * 1024, STREAM_MAX = 1 << 30 };

static uint32_t at_least(uint64_t value, uint32_t least) {
    return value < least ? least : (uint32_t)value;
}

static uint32_t at_most(uint64_t value, uint32_t most) {
    return value > most ? most : (uint32_t)value;
}

/* The client does not know yet how many streams there will be: it makes the window larger when it
 * does. */
void seal__windows_init(seal__session *session, const seal__session_options *options) {
    bool server = session->role == SEAL__SESSION_SERVER;
    uint32_t streams = server ? at_least(session->max_streams, 1) : SEAL__SESSION_FIRST_STREAMS;
    uint64_t connection = options->connection_window;
    if (connection == 0)
        connection = AUTO_CONNECTION;
    uint64_t stream = options->stream_window;
    if (stream == 0)
        stream = at_most(connection / streams, AUTO_STREAM);
    stream = at_most(stream, at_most(SEAL__WINDOW_MAX / streams, STREAM_MAX));
    session->stream_window = at_least(stream, SEAL__WINDOW_FIRST);
    session->wide_window = options->stream_window == 0 ? WIDE_MAX : at_most(stream * 4, WIDE_MAX);
    uint32_t most = SEAL__WINDOW_MAX / session->stream_window;
    if (server)
        session->max_streams = at_most(session->max_streams, most);
    uint64_t sum = (uint64_t)session->stream_window * at_most(streams, most);
    session->connection_window = at_most(connection < sum ? sum : connection, SEAL__WINDOW_MAX);
    session->available = session->connection_window;
    session->auto_buffered = options->max_buffered == 0;
    session->max_buffered = options->max_buffered;
    if (session->auto_buffered)
        session->max_buffered = at_least(session->connection_window, AUTO_CONNECTION);
    session->send_window = SEAL__WINDOW_FIRST;
    session->first_send_window = SEAL__WINDOW_FIRST;
}

/* A failure shows in the outbox. */
static void send_window(seal__session *session, uint64_t stream, uint32_t increment) {
    uint8_t *at = seal__send_frame(session, SEAL__FRAME_WINDOW, 0, SEAL__WINDOW_SIZE, stream);
    if (at != NULL)
        seal__store_u32(at, increment);
}

/* Leaves together with the stream that may need it: what a client has opened before SETTINGS has
 * room. */
void seal__windows_enlarge(seal__session *session) {
    uint64_t sum = (uint64_t)session->stream_window * session->max_streams;
    if (sum <= session->connection_window)
        return;
    uint32_t more = (uint32_t)sum - session->connection_window;
    session->connection_window += more;
    session->available += more;
    if (session->auto_buffered && session->max_buffered < session->connection_window)
        session->max_buffered = session->connection_window;
    send_window(session, 0, more);
}

int seal__windows_settings(seal__session *session, const seal__settings *settings,
                           const seal__frame *frame, seal_error **reterr) {
    uint32_t more = settings->stream_window - SEAL__WINDOW_FIRST;
    uint64_t connection =
        (uint64_t)session->send_window + settings->connection_window - SEAL__WINDOW_FIRST;
    if (connection > SEAL__WINDOW_MAX)
        return seal__session_broken(frame, "opens too large a window", reterr);
    session->send_window = (uint32_t)connection;
    session->first_send_window = settings->stream_window;
    size_t cursor = 0;
    for (seal__stream *stream; (stream = seal__streams_next(session, &cursor)) != NULL;) {
        stream->send_window += more;
        seal__stream_wake(session, stream);
    }
    seal__list_append_all(&session->busy, &session->stalled);
    if (session->role == SEAL__SESSION_CLIENT)
        session->max_streams =
            at_most(session->max_streams, SEAL__WINDOW_MAX / session->stream_window);
    return 0;
}

/* ---- What the peer sends ---- */

int seal__window_charge(seal__session *session, const seal__frame *frame, seal_error **reterr) {
    if (frame->len > session->available)
        return seal__session_broken(frame, "goes beyond the connection's window", reterr);
    session->available -= frame->len;
    return 0;
}

int seal__stream_charge(seal__stream *stream, const seal__frame *frame, seal_error **reterr) {
    if (frame->len > stream->available)
        return seal__session_broken(frame, "goes beyond the stream's window", reterr);
    stream->available -= frame->len;
    return 0;
}

/* Small portions are saved up. Whatever other streams hold, half of a stream's window is open, so
 * that a peer never waits for what is owed to it. */
void seal__window_credit(seal__session *session, size_t n) {
    session->owed += (uint32_t)n;
    if (session->available > session->connection_window / 2 ||
        session->owed < session->stream_window / 2)
        return;
    send_window(session, 0, session->owed);
    session->available += session->owed;
    session->owed = 0;
}

/* What the rest of a message needs beyond the stream's window is given at once, so that its sender
 * need not stop for each portion. Nobody else can use it: a message is sent to its end before the
 * next one begins, and it is paid back by the message's own bytes. */
void seal__window_open_for(seal__session *session, seal__stream *stream, uint32_t left) {
    left = at_most(left, AHEAD_MAX);
    if (stream->state != SEAL__STREAM_OPEN || left <= stream->available ||
        left - stream->available < session->stream_window / 2)
        return;
    uint32_t n = left - stream->available;
    send_window(session, stream->id, n);
    stream->available += n;
    uint32_t owed = stream->owed < n ? stream->owed : n;
    stream->owed -= owed;
    stream->ahead += n - owed;
}

/* A reply of a method of large ones comes whole at once, if its window is open before it begins.
 * Only where everything is read: nothing of what comes is ever held. */
void seal__window_expect(seal__session *session, seal__stream *stream) {
    uint32_t most = at_most(session->expected, stream->max_message);
    if (most > 0 && stream->method == session->expected_method && stream->wanted == SEAL__READ_ALL)
        seal__window_open_for(session, stream, at_most(most, AHEAD_MAX) + SEAL__DATA_LENGTH);
}

void seal__window_learn(seal__session *session, const seal__stream *stream, size_t len) {
    if (len > session->stream_window) {
        session->expected = (uint32_t)len;
        session->expected_method = stream->method;
    } else if (stream->ahead > 0) {
        session->expected = 0;
    }
}

/* Nothing is ever held of a stream whose owner takes everything that comes: half its window was
 * used up, and with a larger one the sender stops less often. Once. */
static uint32_t widen(const seal__session *session, seal__stream *stream) {
    uint32_t most = session->wide_window;
    if (stream->wanted != SEAL__READ_ALL || stream->wide > 0 || most <= session->stream_window)
        return 0;
    stream->wide = most - session->stream_window;
    return stream->wide;
}

void seal__stream_credit(seal__session *session, seal__stream *stream, size_t n) {
    seal__window_credit(session, n);
    uint32_t paid = stream->ahead < n ? stream->ahead : (uint32_t)n;
    stream->ahead -= paid;
    n -= paid;
    stream->owed += (uint32_t)n;
    if (stream->state != SEAL__STREAM_OPEN ||
        stream->owed < (session->stream_window + stream->wide) / 2)
        return;
    uint32_t more = widen(session, stream) + stream->owed;
    send_window(session, stream->id, more);
    stream->available += more;
    stream->owed = 0;
}

/* ---- What the peer allows ---- */

/* Adds the increment of a WINDOW frame to *window. */
static int open_window(seal__session *session, const seal__frame *frame, uint32_t *window,
                       seal_error **reterr) {
    uint32_t increment = frame->len == SEAL__WINDOW_SIZE ? seal__load_u32(frame->payload) : 0;
    if (increment == 0)
        return seal__session_broken(frame, "is malformed", reterr);
    if (increment > SEAL__WINDOW_MAX - *window)
        return seal__session_broken(frame, "opens too large a window", reterr);
    *window += increment;
    return increment < SEAL__WINDOW_CRUMB ? seal__session_spend(session, reterr) : 0;
}

int seal__on_window(seal__session *session, seal__stream *stream, const seal__frame *frame,
                    seal__event *event, seal_error **reterr) {
    (void)event;
    int rc = open_window(session, frame, &stream->send_window, reterr);
    if (rc == 0)
        seal__stream_wake(session, stream);
    return rc;
}

int seal__on_connection_window(seal__session *session, const seal__frame *frame,
                               seal_error **reterr) {
    int rc = open_window(session, frame, &session->send_window, reterr);
    if (rc == 0)
        seal__list_append_all(&session->busy, &session->stalled);
    return rc;
}

/* The stream has ended here while the peer was giving bytes of it back. It still counts while the
 * rest of a reply is being sent. */
int seal__on_crossing(seal__session *session, seal__stream *stream, const seal__frame *frame,
                      seal__event *event, seal_error **reterr) {
    if (stream != NULL)
        return seal__on_window(session, stream, frame, event, reterr);
    uint32_t ignored = 0;
    if (session->crossing == 0) {
        int rc = seal__session_spend(session, reterr);
        return rc != 0 ? rc : open_window(session, frame, &ignored, reterr);
    }
    session->crossing--;
    return open_window(session, frame, &ignored, reterr);
}
