/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef SEAL_SESSION_INTERNAL_H
#define SEAL_SESSION_INTERNAL_H

#include "base/idmap.h"
#include "session/budget.h"
#include "session/session.h"
#include "wire/frame.h"
#include "wire/metadata.h"
#include "wire/text.h"

enum {
    SEAL__PIECE = 16 * 1024,       /* of a bulk message, with its frame header, at a turn */
    SEAL__PIECE_COPIED = 4 * 1024, /* a smaller piece is copied, to share its record with others */
    SEAL__FRAGMENT_MIN = 1024, /* a smaller piece that does not complete its message is a glitch */
    SEAL__LATE_MAX = 1024,     /* streams remembered after they ended before the peer's end */
    SEAL__FREE_STREAMS = 64,   /* stream objects kept for reuse */
    SEAL__RECENT_FIRST = 16,   /* slots for the streams opened last: a power of two, ... */
    SEAL__RECENT_MAX = 1024,   /* ... up to this */
    SEAL__WINDOW_CRUMB = 4096, /* a WINDOW frame that opens less is a glitch */
    SEAL__CROSSING = 2,        /* WINDOW frames that may cross the end of a stream */
    SEAL__CROSSING_MAX = SEAL__CROSSING * 1024, /* ... saved up for all that have ended */
    SEAL__OUTBOX_FULL = 1024 * 1024, /* beyond it answers wait in their streams, with their slots */
    SEAL__NAME_BYTES = 256 * 1024    /* of all method names that a client may make a server keep */
};

/* How a frame's stream id stands at the receiver. The first three are states of a stream object. */
typedef enum seal__stream_state {
    SEAL__STREAM_OPEN,   /* the peer may send */
    SEAL__STREAM_ENDED,  /* the peer has sent END; this end has not. Client: the call is over, but
                          * not all of it is read */
    SEAL__STREAM_RESET,  /* server: the peer has reset it, the handler has not answered yet */
    SEAL__STREAM_IDLE,   /* never opened */
    SEAL__STREAM_LATE,   /* ended by this end; what the peer had on the way is ignored */
    SEAL__STREAM_CLOSED, /* ended by both, or long ago */
    SEAL__N_STREAM_STATES
} seal__stream_state;

typedef enum seal__pending_kind {
    SEAL__PENDING_NOTHING,
    SEAL__PENDING_EXPIRED,
    SEAL__PENDING_NOT_TAKEN /* client: above the last stream of the peer's GOAWAY */
} seal__pending_kind;

/* What stands before `id` is at rest in an object that is not in use: empty lists, no deadline, no
 * inbox. A new stream clears the others. */
struct seal__stream {
    seal__list busy;    /* in session->busy while something may go, in ->stalled while only the
                         * connection's window is closed */
    seal__list pending; /* in session->pending while the stream's end waits to be told */
    seal__list ready;   /* in session->ready while anything else does, in ->resets while it waits
                         * for its RESET */
    seal__list queue;   /* of messages to send */
    seal__list rising;  /* in session->rising, ... */
    seal__heap_node deadline; /* ... or in session->deadlines, or in neither */
    seal__buf inbox;

    uint64_t id;
    void *user;
    seal__stream_state state;
    seal__pending_kind pending_kind;
    bool local_end; /* this end has sent, or queued, its END */
    bool released;  /* the owner is done with it. Server: queued bytes are not; client: its RESET
                     * waits */
    bool gone;      /* an event said so */
    bool expired;
    bool begun;      /* METADATA or a message has passed from the server */
    bool collecting; /* a message has begun and is not complete */
    bool dropping;   /* a message was over a limit: nothing more is wanted */
    bool ending;     /* the peer's END or STATUS waits behind the messages in the inbox */
    bool notify;     /* WRITABLE is asked for, when no more than notify_low bytes are queued */
    uint32_t reset_reason; /* of the RESET that waits */
    uint32_t max_message;
    uint32_t total;    /* of the message being collected */
    uint32_t received; /* of it */
    uint32_t method;   /* client: its number */
    uint64_t position; /* client: of the record with its HEADERS, see seal__outbox_position */
    size_t headers_at; /* ... and of the payload in that record */
    uint64_t deadline_ns;
    size_t queued; /* bytes in `queue` that have not left */
    size_t notify_low;
    uint32_t send_window; /* bytes of DATA payload that the peer takes */

    /* inbox.c: what has come and is not delivered, as on the wire: length, bytes, length, ... From
     * inbox_at on there are `complete` messages, one that is being collected, and then, where it
     * waits too, the payload of STATUS. */
    size_t inbox_at;
    size_t reserved; /* of the memory, as counted in the session's */
    size_t status_len;
    uint32_t complete;
    uint32_t wanted; /* messages that the owner still asks for */

    /* window.c: available + owed + held make the stream's window, and what was given ahead. */
    uint32_t available; /* bytes that the peer may send */
    uint32_t owed;      /* ... may send, but has not been told of */
    uint32_t held;      /* ... may not send before others have been read */
    uint32_t wide;      /* by how much it was made larger */
    uint32_t ahead;     /* ... may send of a message that the owner waits for, beyond the window */
};

/* place.c: bytes of messages in the record that is being opened. */
typedef struct seal__placing {
    seal__scatter scatter;
    seal__buf spare;       /* for a message that has no memory yet */
    size_t spare_left;     /* bytes of that message which are not in the record so far, ... */
    uint64_t spare_stream; /* ... and of which stream it is */
    size_t header_at;      /* of the frame that is looked at */
    unsigned skipped;      /* frames of other kinds */
} seal__placing;

struct seal__session {
    seal__session_role role;
    const seal_allocator *alloc;
    seal__outbox *outbox;
    uint32_t max_streams; /* server's; at the client the peer's */
    uint32_t max_message;
    uint64_t max_buffered;
    bool auto_buffered; /* ... is large enough for all windows */
    uint64_t now_ns;
    int failed; /* sticky result of next */
    bool no_memory;
    bool settings_received;
    bool going_away; /* GOAWAY received (client), or the last one sent (server) */
    uint64_t goaway_last;
    seal__budget budget;
    uint64_t pings; /* sent and not answered */
    uint64_t pongs;

    /* drain.c, server */
    bool draining;
    uint16_t drain_code;
    char *drain_text;
    uint64_t drain_pong; /* which answer to wait for */

    /* keepalive.c */
    uint64_t keepalive_ns;
    uint64_t keepalive_timeout_ns;
    bool keepalive_idle;
    bool probing;      /* a PING has been sent because the peer was silent */
    bool was_late;     /* the end of the time for its answer was noticed too late */
    bool dead;         /* ... in vain */
    uint64_t heard_ns; /* when the last bytes came */
    uint64_t check_ns; /* when to look at it again; UINT64_MAX: never */

    /* window.c */
    uint32_t stream_window; /* of each stream, and of the connection, for the peer's bytes */
    uint32_t wide_window;   /* of a stream that is read as it comes */
    uint32_t connection_window;
    uint32_t available; /* bytes that the peer may send; the rest is as in a stream */
    uint32_t owed;
    uint32_t send_window;       /* the peer's, for this end's bytes */
    uint32_t first_send_window; /* that a new stream has */
    uint32_t expected;          /* client: bytes of a large reply, ... */
    uint32_t expected_method;   /* ... which the next one of this method will be, too */
    uint32_t crossing;          /* WINDOW frames for ended streams that are still free */
    uint32_t crossing_ends;     /* the same of frames that end a stream: see seal__on_stray */

    seal__reader record;
    seal__placing placing; /* place.c */
    seal__buf delivered;   /* collected messages that an event has lent out */
    seal__stream *lent;    /* ... or the stream in whose inbox they stand */
    size_t lent_len;
    seal__stream *gone; /* lent out by the last event */
    char *text;         /* that an event has lent out; NULL: no text has come */

    uint64_t last_id; /* of the last stream opened */
    uint32_t count;
    uint64_t buffered; /* bytes in all inboxes, and what is lent out */
    uint64_t reserved; /* memory of all inboxes */

    /* streams.c. Ids count up: a stream stands in the slot of its id's low bits until a later one
     * needs that. */
    seal__stream **recent;
    uint64_t n_recent;   /* slots */
    seal__idmap streams; /* id -> a stream that has lost its slot, or the mark of a late one */
    seal__stream *first_recent[SEAL__RECENT_FIRST];

    /* deadlines.c */
    seal__list rising;    /* streams in the order of their deadlines */
    seal__heap deadlines; /* of those that came with an earlier one than the last in there */

    seal__list busy;
    seal__list stalled;
    seal__list pending;
    seal__list ready;
    seal__list resets; /* client: streams that wait for their RESET, linked by `ready` */
    seal__budget reset_budget;
    bool has_room;           /* one of them has gone */
    seal__list free_streams; /* linked by `busy` */
    size_t n_free;
    seal__stream *borrower; /* its first message stands in the caller's memory; NULL: none */
    uint64_t *late;         /* ring of ids, NULL until needed */
    size_t n_late;          /* ever remembered */

    seal__idmap method_numbers; /* client: by pointer; number as pointer */
    const char *last_method;    /* shortcut for the commonest case */
    uint32_t last_number;
    seal__method_ref **methods; /* server: [number - 1] */
    uint32_t n_methods;
    uint32_t cap_methods;
    size_t name_bytes;
};

/* A handler of one frame; stream is NULL unless the state is that of an object. Returns 0 or a
 * negative code with *reterr set. */
typedef int seal__frame_handler(seal__session *session, seal__stream *stream,
                                const seal__frame *frame, seal__event *event, seal_error **reterr);

typedef struct seal__frame_action {
    const char *name; /* as in docs/protocol.md */
    seal__frame_handler *handler;
} seal__frame_action;

/* states.c: what to do with a stream's frame. NULL: the connection ends. type: HEADERS to RESET,
 * WINDOW or METADATA. */
enum { SEAL__N_FRAME_TYPES = SEAL__FRAME_METADATA + 1 };
typedef const seal__frame_action *seal__states[SEAL__N_STREAM_STATES][SEAL__N_FRAME_TYPES];
extern const seal__states seal__server_states, seal__client_states;
static inline const seal__frame_action *
seal__states_action(seal__session_role role, seal__stream_state state, seal__frame_type type) {
    return role == SEAL__SESSION_SERVER ? seal__server_states[state][type]
                                        : seal__client_states[state][type];
}
const char *seal__states_name(seal__stream_state state);
const char *seal__frame_type_name(unsigned type);

/* calls.c, receive.c, window.c: handlers of streams' frames. */
int seal__charge_reset(seal__session *session, const seal__stream *stream, const seal__frame *frame,
                       seal_error **reterr);
seal__frame_handler seal__on_headers, seal__on_cancel, seal__on_status, seal__on_refused;
seal__frame_handler seal__on_metadata, seal__on_data, seal__on_late, seal__on_stray;
seal__frame_handler seal__on_window, seal__on_crossing;
/* connection.c: frames of stream 0 and unknown ones. */
int seal__on_connection_frame(seal__session *session, const seal__frame *frame, seal__event *event,
                              seal_error **reterr);

/* Spends from the budget of useless frames. Returns 0 or SEAL_ERROR_TOO_MANY. */
int seal__session_spend(seal__session *session, seal_error **reterr);
/* The peer broke the protocol on this frame. */
int seal__session_broken(const seal__frame *frame, const char *what, seal_error **reterr);

/* deadlines.c. UINT64_MAX: none. False: out of memory, and the stream has none; one that is no
 * earlier than any other takes none. */
void seal__deadlines_init(seal__session *session);
bool seal__stream_set_deadline(seal__session *session, seal__stream *stream, uint64_t deadline_ns);
void seal__stream_drop_deadline(seal__session *session, seal__stream *stream);
/* The stream whose deadline is next; NULL: none has one. */
seal__stream *seal__deadlines_first(const seal__session *session);

/* streams.c. New: to be found, counted; NULL: out of memory. */
void seal__streams_init(seal__session *session);
seal__stream *seal__stream_new(seal__session *session, uint64_t id, uint32_t max_message);
/* Not to be found any more, and in no list; late: frames may still come. Then recycle, or lend out
 * by an event. */
void seal__stream_detach(seal__session *session, seal__stream *stream, bool late);
void seal__stream_recycle(seal__session *session, seal__stream *stream);
void seal__stream_lend(seal__session *session, seal__stream *stream);
/* One frame that ends a stream may come where there is none any more, and is free. A client has
 * opened each of them itself, and may be ahead of the server by any number. */
static inline void seal__session_expect_end(seal__session *session) {
    uint32_t most =
        session->role == SEAL__SESSION_CLIENT ? UINT32_MAX : (uint32_t)SEAL__CROSSING_MAX;
    if (session->crossing_ends < most)
        session->crossing_ends++;
}
/* Remembers that frames of an ended stream may still come; forgets it. */
void seal__late_remember(seal__session *session, uint64_t id);
void seal__late_forget(seal__session *session, uint64_t id);
/* How an id stands that has lost its slot, or has none; *ret_stream is the object, or NULL. */
seal__stream_state seal__streams_find_old(const seal__session *session, uint64_t id,
                                          seal__stream **ret_stream);
static inline seal__stream **seal__streams_slot(const seal__session *session, uint64_t id) {
    return &session->recent[id & (session->n_recent - 1)];
}
/* How any id stands. */
static inline seal__stream_state seal__streams_find(const seal__session *session, uint64_t id,
                                                    seal__stream **ret_stream) {
    *ret_stream = NULL;
    if (id > session->last_id)
        return SEAL__STREAM_IDLE;
    seal__stream *stream = *seal__streams_slot(session, id);
    if (stream == NULL || stream->id != id)
        return seal__streams_find_old(session, id, ret_stream);
    *ret_stream = stream;
    return stream->released ? SEAL__STREAM_LATE : stream->state;
}
seal__stream *seal__streams_next(const seal__session *session, size_t *cursor);
void seal__streams_done(seal__session *session);

/* resets.c, client. Ends a stream, which its owner gives up or, lent out by an event, is told to be
 * gone: sends RESET, or lets it wait. Returns 0 or SEAL_ERROR_NO_MEMORY. */
int seal__stream_reset(seal__session *session, seal__stream *stream, uint32_t reason, bool lend);
/* Sends what waits, as far as the budget goes; from when on more may go. */
void seal__resets_send(seal__session *session);
uint64_t seal__resets_due(const seal__session *session);
/* Of a stream that waits: its deadline has passed; the server has ended it. */
void seal__reset_expired(seal__session *session, seal__stream *stream);
void seal__reset_drop(seal__session *session, seal__stream *stream);
/* The server has not taken them. */
void seal__resets_drop_above(seal__session *session, uint64_t last);

/* methods.c. Number of a method at the client, 0: it needs one; then add gives it the next. */
uint32_t seal__method_number(const seal__session *session, const char *method);
bool seal__method_add(seal__session *session, const char *method, uint32_t *ret_number);
/* Server: one whose name has come; NULL: it has not. */
static inline seal__method_ref *seal__method_known(const seal__session *session, uint32_t number) {
    return number - 1 < session->n_methods ? session->methods[number - 1] : NULL;
}
/* Server: the method of a HEADERS frame. len 0 in the result: a name that cannot be one. Returns 0,
 * SEAL_ERROR_PROTOCOL or SEAL_ERROR_NO_MEMORY. */
int seal__method_take(seal__session *session, const seal__headers *headers,
                      seal__method_ref **ret_method);
void seal__methods_done(seal__session *session);

/* inbox.c. Whether a message of a frame may go to the owner as it stands there. */
static inline bool seal__inbox_is_passed(const seal__stream *stream) {
    return stream->wanted > 0 && stream->complete == 0;
}
/* One message has been handed to the owner. */
static inline void seal__inbox_took(seal__stream *stream) {
    if (stream->wanted != SEAL__READ_ALL)
        stream->wanted--;
}
/* Memory for `have` bytes, `len` more that have come, and as much as may be taken at once for the
 * rest of the `whole` that is to come from them on, while `others` are reserved; 0: nothing is to
 * come, or it may not be taken at once. */
size_t seal__inbox_ahead(const seal__session *session, uint64_t others, size_t have, size_t len,
                         size_t whole);
/* Appends the payload of a DATA frame. Returns 0, SEAL_ERROR_TOO_BIG (max_buffered) or
 * SEAL_ERROR_NO_MEMORY. */
int seal__inbox_put(seal__session *session, seal__stream *stream, const uint8_t *bytes, size_t len);
/* place.c. How the payload of a DATA frame of this record stands elsewhere; NULL: it does not. */
static inline const seal__scattered *seal__placed(const seal__session *session,
                                                  const uint8_t *payload, size_t len) {
    const seal__scatter *scatter = &session->placing.scatter;
    for (size_t i = 0; i < scatter->n; i++) {
        const uint8_t *from = scatter->pieces[i].from;
        if (from + scatter->pieces[i].len == payload + len)
            return &scatter->pieces[i];
    }
    return NULL;
}
void seal__placing_init(seal__session *session);
/* The record has been read: what nobody took is released. */
void seal__placing_end(seal__session *session);
/* Keeps the payload of a STATUS frame behind the messages. */
bool seal__inbox_put_status(seal__session *session, seal__stream *stream, const uint8_t *payload,
                            size_t len);
/* Throws away the message that is being collected; everything. What is lent out stays readable. */
void seal__inbox_cut(seal__session *session, seal__stream *stream);
void seal__inbox_drop(seal__session *session, seal__stream *stream);
/* Puts the stream into session->ready if an event waits in it; makes the event of one that is. */
void seal__stream_ready(seal__session *session, seal__stream *stream);
void seal__stream_deliver(seal__session *session, seal__stream *stream, seal__event *event);
/* The peer sends no more: at the client the call is over. */
void seal__stream_ended(seal__session *session, seal__stream *stream);
/* Fills in MESSAGE, or STATUS and END, and ends the stream where it says so. */
void seal__event_message(seal__session *session, seal__stream *stream, const uint8_t *data,
                         size_t len, bool end, seal__event *event);
void seal__event_end(seal__session *session, seal__stream *stream, seal__event *event);
/* What the last event lent out. */
void seal__session_take_back(seal__session *session);

/* In two steps, each of which is a few stores and no loop. */
static inline void seal__event_clear(seal__event *event) {
    enum { HALF = 64 };
    memset(event, 0, HALF);
    memset((uint8_t *)event + HALF, 0, sizeof *event - HALF);
}

/* calls.c: a text that has come, for people, lent out by the event. Without memory: "". */
const char *seal__event_text(seal__session *session, const uint8_t *text, size_t len);
/* STATUS from a payload that was checked. */
void seal__event_status(seal__session *session, seal__stream *stream, const uint8_t *payload,
                        size_t len, seal__event *event);

/* window.c. Sizes from the options; what the peer's SETTINGS change. */
void seal__windows_init(seal__session *session, const seal__session_options *options);
int seal__windows_settings(seal__session *session, const seal__settings *settings,
                           const seal__frame *frame, seal_error **reterr);
/* Client: makes room for as many streams as there may be by now. Before a stream is opened. */
void seal__windows_enlarge(seal__session *session);
/* Payload of DATA has come: the connection's window, the stream's. Returns 0 or _PROTOCOL. */
int seal__window_charge(seal__session *session, const seal__frame *frame, seal_error **reterr);
int seal__stream_charge(seal__stream *stream, const seal__frame *frame, seal_error **reterr);
/* The peer may send as much again: on the connection alone, on the stream too. */
void seal__window_credit(seal__session *session, size_t n);
void seal__stream_credit(seal__session *session, seal__stream *stream, size_t n);
/* `left` bytes are still to come of a message that the owner waits for. */
void seal__window_open_for(seal__session *session, seal__stream *stream, uint32_t left);
/* Client, right after HEADERS, and when a message has come: replies that are larger than the window
 * of a stream are expected where the last one was. */
void seal__window_expect(seal__session *session, seal__stream *stream);
void seal__window_learn(seal__session *session, const seal__stream *stream, size_t len);
int seal__on_connection_window(seal__session *session, const seal__frame *frame,
                               seal_error **reterr);

/* drain.c, keepalive.c. */
int seal__send_goaway(seal__session *session, uint64_t last, uint16_t code, const char *text);
int seal__drain_on_pong(seal__session *session, seal_error **reterr);
/* A stream was opened: the peer must live. */
static inline void seal__keepalive_wake(seal__session *session) {
    if (session->check_ns == UINT64_MAX && session->keepalive_ns != 0)
        session->check_ns = session->now_ns + session->keepalive_ns;
}
void seal__keepalive_check(seal__session *session);
int seal__keepalive_failed(const seal__session *session, seal_error **reterr);

/* pump.c: what waits to be sent. A bare END has no bytes; a STATUS is no message. */
int seal__queue_message(seal__session *session, seal__stream *stream, size_t size,
                        seal__pack_fn *pack, const void *message, bool end);
int seal__queue_borrowed(seal__session *session, seal__stream *stream, const seal__parts *parts,
                         bool end);
bool seal__queue_end(seal__session *session, seal__stream *stream);
bool seal__queue_status(seal__session *session, seal__stream *stream, size_t size,
                        seal__pack_fn *pack, const void *status);
void seal__stream_drop_queue(seal__session *session, seal__stream *stream);
/* The stream's window has opened. */
void seal__stream_wake(seal__session *session, seal__stream *stream);

/* send.c. The owner of a server's stream is done and nothing of it is queued. */
void seal__stream_close(seal__session *session, seal__stream *stream);
/* Room for a frame's payload in the outbox; NULL: failed. */
uint8_t *seal__send_frame(seal__session *session, seal__frame_type type, unsigned flags, size_t len,
                          uint64_t stream);
int seal__send_reset(seal__session *session, uint64_t id, uint32_t reason);
/* client.c: takes a call back whose record is not sealed yet: the server will refuse it without
 * looking at it. False: it is too late for that. */
bool seal__stream_revoke(seal__session *session, const seal__stream *stream);
int seal__send_status(seal__session *session, uint64_t id, seal_status status,
                      seal_execution execution, const char *text);

#endif
