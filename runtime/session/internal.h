/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef SEAL_SESSION_INTERNAL_H
#define SEAL_SESSION_INTERNAL_H

#include "base/idmap.h"
#include "session/budget.h"
#include "session/session.h"
#include "wire/frame.h"
#include "wire/text.h"

enum {
    SEAL__PIECE = 16 * 1024,   /* of a bulk message, with its frame header, at a turn */
    SEAL__FRAGMENT_MIN = 1024, /* a smaller piece that does not complete its message is a glitch */
    SEAL__LATE_MAX = 1024,     /* streams remembered after they ended before the peer's end */
    SEAL__FREE_STREAMS = 64,   /* stream objects kept for reuse */
    SEAL__NAME_BYTES = 256 * 1024 /* of all method names that a client may make a server keep */
};

/* How a frame's stream id stands at the receiver. The first three are states of a stream object. */
typedef enum seal__stream_state {
    SEAL__STREAM_OPEN,   /* the peer may send */
    SEAL__STREAM_ENDED,  /* the peer has sent END; this end has not */
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

struct seal__stream {
    uint64_t id;
    void *user;
    seal__stream_state state;
    seal__pending_kind pending_kind;
    bool local_end; /* this end has sent, or queued, its END */
    bool released;  /* server: the owner is done with it, queued bytes are not */
    bool gone;      /* an event said so */
    bool expired;
    bool collecting; /* a message has begun and is not complete */
    bool dropping;   /* ... and is over a limit */
    uint32_t max_message;
    uint32_t total;    /* of the message being collected */
    uint32_t received; /* of it */
    uint64_t position; /* client: of the record with its HEADERS, see seal__outbox_position */
    size_t headers_at; /* ... and of the payload in that record */
    uint64_t deadline_ns;
    seal__heap_node deadline;
    seal__list busy;    /* in session->busy while something is queued */
    seal__list pending; /* in session->pending while an event waits */
    seal__list queue;   /* of messages to send */
    seal__buf message;
};

struct seal__session {
    seal__session_role role;
    const seal_allocator *alloc;
    seal__outbox *outbox;
    uint32_t max_streams; /* server's; at the client the peer's */
    uint32_t max_message;
    uint64_t max_buffered;
    uint64_t now_ns;
    int failed; /* sticky result of next */
    bool no_memory;
    bool settings_received;
    bool going_away; /* GOAWAY received (client) or sent (server) */
    uint64_t goaway_last;
    seal__budget budget;
    uint32_t pings; /* sent and not answered */
    uint64_t pongs;

    seal__reader record;
    seal__buf delivered; /* a collected message that an event has lent out */
    seal__stream *gone;  /* lent out by the last event */
    char text[SEAL__TEXT_MAX + 1];

    uint64_t last_id; /* of the last stream opened */
    uint32_t count;
    uint64_t buffered;   /* bytes of messages being collected, and of `delivered` */
    seal__idmap streams; /* id -> stream, or the mark of a late one */
    seal__heap deadlines;
    seal__list busy;
    seal__list pending;
    seal__list free_streams; /* linked by `busy` */
    size_t n_free;
    uint64_t *late; /* ring of ids, NULL until needed */
    size_t n_late;  /* ever remembered */

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

/* states.c: what to do with a stream's frame. NULL: the connection ends. type: HEADERS to RESET. */
const seal__frame_action *seal__states_action(seal__session_role role, seal__stream_state state,
                                              seal__frame_type type);
const char *seal__states_name(seal__stream_state state);
const char *seal__frame_type_name(unsigned type);

/* calls.c, receive.c: handlers of streams' frames. */
seal__frame_handler seal__on_headers, seal__on_cancel, seal__on_status, seal__on_refused;
seal__frame_handler seal__on_data, seal__on_late, seal__on_stray;
/* connection.c: frames of stream 0 and unknown ones. */
int seal__on_connection_frame(seal__session *session, const seal__frame *frame, seal__event *event,
                              seal_error **reterr);

/* Spends from the budget of useless frames. Returns 0 or SEAL_ERROR_TOO_MANY. */
int seal__session_spend(seal__session *session, seal_error **reterr);
/* The peer broke the protocol on this frame. */
int seal__session_broken(const seal__frame *frame, const char *what, seal_error **reterr);

/* streams.c. New: in the map, counted; NULL: out of memory. */
seal__stream *seal__stream_new(seal__session *session, uint64_t id, uint32_t max_message);
bool seal__stream_set_deadline(seal__session *session, seal__stream *stream, uint64_t deadline_ns);
/* Out of the map and every list; late: frames may still come. Then recycle, or lend out by an
 * event. */
void seal__stream_detach(seal__session *session, seal__stream *stream, bool late);
void seal__stream_recycle(seal__session *session, seal__stream *stream);
void seal__stream_lend(seal__session *session, seal__stream *stream);
void seal__stream_drop_message(seal__session *session, seal__stream *stream);
void seal__stream_drop_queue(seal__session *session, seal__stream *stream);
/* Remembers that frames of an ended stream may still come; forgets it. */
void seal__late_remember(seal__session *session, uint64_t id);
void seal__late_forget(seal__session *session, uint64_t id);
/* How an id stands; *ret_stream is the object, or NULL. */
seal__stream_state seal__streams_find(const seal__session *session, uint64_t id,
                                      seal__stream **ret_stream);
seal__stream *seal__streams_next(const seal__session *session, size_t *cursor);
void seal__streams_done(seal__session *session);

/* methods.c. Number of a method at the client, 0: it needs one; then add gives it the next. */
uint32_t seal__method_number(const seal__session *session, const char *method);
bool seal__method_add(seal__session *session, const char *method, uint32_t *ret_number);
/* Server: the method of a HEADERS frame. len 0 in the result: a name that cannot be one. Returns 0,
 * SEAL_ERROR_PROTOCOL or SEAL_ERROR_NO_MEMORY. */
int seal__method_take(seal__session *session, const seal__headers *headers,
                      seal__method_ref **ret_method);
void seal__methods_done(seal__session *session);

/* send.c. Room for a frame's payload in the outbox; NULL: failed. */
uint8_t *seal__send_frame(seal__session *session, seal__frame_type type, unsigned flags, size_t len,
                          uint64_t stream);
int seal__send_reset(seal__session *session, uint64_t id, uint32_t reason);
/* client.c: takes a call back whose record is not sealed yet: the server will refuse it without
 * looking at it. False: it is too late for that. */
bool seal__stream_revoke(seal__session *session, const seal__stream *stream);
int seal__send_status(seal__session *session, uint64_t id, seal_status status,
                      seal_execution execution, const char *text);

#endif
