/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection's calls as a state machine: streams, frames, deadlines, limits, GOAWAY. Sans-IO:
 * opened records in, events out; frames into an outbox; time is a parameter. It never calls user
 * code (but the pack function that is handed to it), so there is nothing to re-enter.
 *
 * Stream ids count up from 1, given by the client. Stream states are a table (states.c).
 */
#ifndef SEAL_SESSION_SESSION_H
#define SEAL_SESSION_SESSION_H

#include <sealrpc/result.h>

#include "base/error.h"
#include "base/heap.h"
#include "base/list.h"
#include "session/outbox.h"

/* Streams a client may open before the server's SETTINGS have come. Every server allows as many. */
enum { SEAL__SESSION_FIRST_STREAMS = 8 };

typedef struct seal__session seal__session;

typedef enum seal__session_role {
    SEAL__SESSION_CLIENT = 1,
    SEAL__SESSION_SERVER = 2
} seal__session_role;

typedef struct seal__session_options {
    seal__session_role role;
    const seal_allocator *alloc;
    seal__outbox *outbox;  /* borrowed */
    uint32_t max_streams;  /* server: calls at once; told to the client in SETTINGS */
    uint32_t max_message;  /* bytes of a received message where the stream sets no limit */
    uint64_t max_buffered; /* bytes of unfinished messages in all; 0: 64 MiB */
} seal__session_options;

/* A method by name. Sent once per connection, then by number; `bound` belongs to the owner of the
 * session and starts NULL. Lives as long as the session. */
typedef struct seal__method_ref {
    const char *name; /* as on the wire, NUL-terminated; never contains NUL otherwise */
    size_t len;
    void *bound;
} seal__method_ref;

typedef struct seal__stream seal__stream;

typedef enum seal__event_kind {
    SEAL__EVENT_NONE = 0,
    SEAL__EVENT_SETTINGS, /* the peer's limits are known: more calls may be opened */
    SEAL__EVENT_HEADERS,  /* server: a stream was opened: method, timeout_us */
    SEAL__EVENT_MESSAGE,  /* a whole message: data, len; end: the peer sends no more. Client: with
                           * end the call is over (OK, EXECUTED) and the stream is gone, as with
                           * STATUS */
    SEAL__EVENT_END, /* server: the peer sends no more (without a message). A client gets STATUS */
    SEAL__EVENT_STATUS,  /* client: the call is over: status, execution, text. The stream is gone:
                          * see seal__session_next */
    SEAL__EVENT_TOO_BIG, /* a message over the limit of the stream or of max_buffered: dropped as it
                          * comes; len: its length. Server: answer the stream; end as with MESSAGE,
                          * and without it no END follows. Client: the stream is reset and gone */
    SEAL__EVENT_CANCELLED, /* server: the peer has reset the stream; it must still be finished */
    SEAL__EVENT_EXPIRED,   /* the stream's deadline has passed. Client: it was reset and is gone, as
                            * with STATUS; execution: NOT_EXECUTED when it could be taken back, else
                            * UNKNOWN. Server: it must still be finished */
    SEAL__EVENT_GOAWAY     /* the peer accepts no more streams. Those it never took follow as STATUS
                            * events, UNAVAILABLE and NOT_EXECUTED */
} seal__event_kind;

typedef struct seal__event {
    seal__event_kind kind;
    seal__stream *stream;
    seal__method_ref *method;
    uint64_t timeout_us; /* SEAL__NO_TIMEOUT: none */
    const uint8_t *data; /* borrowed until the next seal__session_next, _feed or _tick */
    size_t len;
    bool end;
    seal_status status;
    seal_execution execution;
    const char *text;        /* borrowed as data, NUL-terminated, one line of UTF-8, may be "" */
    uint16_t code;           /* GOAWAY */
    uint32_t retry_after_ms; /* GOAWAY: how long to stay away; 0: not said */
} seal__event;

#define SEAL__NO_TIMEOUT UINT64_MAX

int seal__session_new(const seal__session_options *options, uint64_t now_ns,
                      seal__session **ret_session, seal_error **reterr);
/* Frees all streams too: their owners must have let go (seal__session_next_stream). */
void seal__session_free(seal__session *session);

/* Sends SETTINGS: the first thing on a new channel, on both ends. */
int seal__session_start(seal__session *session);

/*
 * Takes the content of one record, borrowed until all its events have been pulled: call
 * seal__session_next until NONE before the next feed. Next returns 0, or a negative code with
 * *reterr set: the peer broke the protocol (SEAL_ERROR_PROTOCOL) or a budget (SEAL_ERROR_TOO_MANY),
 * or there is no memory, and the connection must end: every later call of next returns the same.
 *
 * A stream that an event declares gone no longer counts and is not walked; its object stays
 * readable until the next seal__session_next, _feed or _tick, and cancelling it does nothing.
 */
void seal__session_feed(seal__session *session, uint64_t now_ns, const uint8_t *record, size_t len);
int seal__session_next(seal__session *session, seal__event *ret_event, seal_error **reterr);

/* Deadlines: when the next one is (UINT64_MAX: never), and after it has passed: collect EXPIRED
 * events with seal__session_next. */
uint64_t seal__session_next_deadline(const seal__session *session);
void seal__session_tick(seal__session *session, uint64_t now_ns);

/* ---- Client ---- */

/* True when a stream may be opened now: fewer streams than the peer allows, no GOAWAY. */
bool seal__session_can_open(const seal__session *session);
bool seal__session_is_going_away(const seal__session *session);

/* Opens a stream. method is looked up by its pointer: the same name must come with the same
 * pointer. deadline_ns is absolute (UINT64_MAX: none). max_message: 0 stands for the session's.
 * Returns 0, SEAL_ERROR_STATE, SEAL_ERROR_INVALID (name empty or over 1,024 bytes),
 * SEAL_ERROR_TOO_MANY (4,096 methods on this connection) or SEAL_ERROR_NO_MEMORY. */
int seal__session_open(seal__session *session, uint64_t now_ns, const char *method,
                       uint64_t deadline_ns, uint32_t max_message, void *user,
                       seal__stream **ret_stream);

/* Ends a stream from this end: RESET is sent, no more events come, the stream is freed. Returns
 * true when the call has certainly not been executed and will not be: its record was not sealed
 * yet, so that it could be taken back, or the server's GOAWAY has refused it. */
bool seal__session_cancel(seal__session *session, seal__stream *stream);

/* ---- Both ---- */

/* Writes exactly `size` bytes to `at`. */
typedef void seal__pack_fn(const void *message, uint8_t *at);

/*
 * Sends one message: packed straight into the open record when it is small and the stream has
 * nothing queued; else into memory of its own and sent in pieces, taking turns with other streams.
 * end: this end sends no more (server: status OK, EXECUTED; the stream is then finished, whatever
 * is returned but SEAL_ERROR_STATE and SEAL_ERROR_TOO_BIG). Returns 0, SEAL_ERROR_NO_MEMORY,
 * SEAL_ERROR_STATE (this end has ended the stream already) or SEAL_ERROR_TOO_BIG (over 4 GiB). A
 * stream that was cancelled or has expired takes the message and drops it, without calling pack.
 */
int seal__session_send(seal__session *session, seal__stream *stream, size_t size,
                       seal__pack_fn *pack, const void *message, bool end);

/* Moves queued pieces into the outbox until it holds `limit` bytes. Returns true while there is
 * more. */
bool seal__session_pump(seal__session *session, size_t limit);

void *seal__stream_user(const seal__stream *stream);
void seal__stream_set_user(seal__stream *stream, void *user);
uint64_t seal__stream_id(const seal__stream *stream);
/* Absolute; UINT64_MAX: none. */
uint64_t seal__stream_deadline(const seal__stream *stream);
/* Client, for a connection that is lost: false when none of the stream's bytes has been handed to
 * the socket. On a living connection that proves nothing, because the bytes are still going to be
 * sent: see seal__session_cancel and SEAL__EVENT_EXPIRED. */
bool seal__stream_may_have_left(const seal__session *session, const seal__stream *stream);
/* Walks the streams that have an owner: start with *cursor = 0; NULL at the end. Nothing else may
 * be called meanwhile. */
seal__stream *seal__session_next_stream(const seal__session *session, size_t *cursor);
/* Live streams, and those finished ones whose last bytes have not reached the outbox yet. */
uint32_t seal__session_stream_count(const seal__session *session);
/* Sends a PING: a peer that lives answers at once. For keepalive; the answer is no event, but
 * counted. */
int seal__session_ping(seal__session *session);
uint64_t seal__session_pongs(const seal__session *session);

/* ---- Server ---- */

/* The limit of the messages that are to come, from the method's options (0: the session's), and the
 * absolute deadline (UINT64_MAX: none). Right after HEADERS. Without memory for it, the next
 * seal__session_next fails. */
void seal__stream_limit(seal__stream *stream, uint32_t max_message, uint64_t deadline_ns,
                        seal__session *session);

/* Ends a stream with a status (not OK, or OK without a message). Sends nothing if the peer has
 * reset it. Frees the stream and its slot: the only way, with seal__session_send(end), to free a
 * server's stream; it does so also when it fails. A status that is not OK overtakes what is queued.
 * text: UTF-8, may be NULL. */
int seal__session_finish(seal__session *session, seal__stream *stream, seal_status status,
                         seal_execution execution, const char *text);

/* Tells the peer that streams above the last one taken will not be. Only the first call has an
 * effect. */
int seal__session_goaway(seal__session *session, uint16_t code, const char *text);

#endif
