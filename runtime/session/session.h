/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection's calls as a state machine: streams, frames, deadlines, limits, GOAWAY. Sans-IO:
 * opened records in, events out; frames into an outbox; time is a parameter. It never calls user
 * code (but the pack function that is handed to it), so there is nothing to re-enter.
 *
 * Stream ids count up from 1, given by the client. Stream states are a table (states.c).
 *
 * Flow control. Each end may send as many bytes of DATA payload on a stream, and on all streams
 * together, as the receiver's windows say. A receiver gives bytes back (WINDOW) when its owner has
 * taken the message they belong to, and while it collects a message that its owner has asked for
 * (seal__stream_read). So what a stream that nobody reads can make this end keep is its window, and
 * the sum over all streams never closes the connection's window for the others. Beyond that, a
 * window opens for the rest of a message that the owner waits for, and grows once where he asks for
 * everything: nothing of it is ever held.
 */
#ifndef SEAL_SESSION_SESSION_H
#define SEAL_SESSION_SESSION_H

#include <sealrpc/result.h>

#include "base/error.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/scatter.h"
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
    seal__outbox *outbox;   /* borrowed */
    uint32_t max_streams;   /* server: calls at once; told to the client in SETTINGS */
    uint32_t max_message;   /* bytes of a received message where the stream sets no limit */
    uint64_t max_buffered;  /* bytes of unfinished and unread messages in all; 0: 64 MiB, or the
                             * connection's window where that is more */
    uint32_t stream_window; /* bytes a peer may send ahead on a stream, 64 KiB..1 GiB; 0: 256 KiB,
                             * or less where max_streams of them would exceed the connection's */
    uint32_t connection_window;    /* the same on all streams together, at least stream_window times
                                    * the streams that the server allows; 0: 64 MiB */
    uint64_t keepalive_ns;         /* PING after so long without a byte from the peer; 0: never */
    uint64_t keepalive_timeout_ns; /* ... and how long to wait for any byte then */
    bool keepalive_idle;           /* also while there is no stream */
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
    SEAL__EVENT_SETTINGS, /* more calls may be opened: the peer's limits are known, or (client) a
                           * stream that was cancelled no longer counts */
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
    SEAL__EVENT_GOAWAY,    /* the peer accepts no more streams. Those it never took follow as STATUS
                            * events, UNAVAILABLE and NOT_EXECUTED */
    SEAL__EVENT_METADATA,  /* client: the server's initial metadata, at most once, before the first
                            * message: metadata */
    SEAL__EVENT_WRITABLE   /* what was queued on the stream is down to what
                            * seal__stream_notify_writable asked for */
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
    const char *text;        /* borrowed as data, NUL-terminated UTF-8, may be "" */
    uint16_t code;           /* GOAWAY */
    uint32_t retry_after_ms; /* GOAWAY: how long to stay away; 0: not said. STATUS: how long to wait
                              * before another attempt, if has_retry_after */
    bool has_retry_after;
    seal_bytes metadata; /* HEADERS, METADATA, STATUS (trailing): a block as in wire/metadata.h,
                          * checked; borrowed as data */
    seal_bytes details;  /* STATUS: protobuf google.rpc.Status with field 3 only, not checked */
    uint32_t attempt;    /* HEADERS: 1: the first one of this call */
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

/* Where the bytes of large messages go when their record is opened, for whoever opens it before he
 * feeds it: to where they are collected. With it he feeds the record next, or fails. The session's;
 * pieces are none where nobody has asked it. */
seal__scatter *seal__session_scatter(seal__session *session);

/* The memory in which the message stands that was told last, if it is its own: the data of the
 * event is valid then until the buffer is freed (seal__buf_done). False: it is not, and nothing has
 * been taken. Before the next seal__session_next, _feed or _tick. */
bool seal__session_take(seal__session *session, const seal__event *event, seal__buf *ret);

/* Deadlines: when the next one is (UINT64_MAX: never), and after it has passed: collect EXPIRED
 * events with seal__session_next. */
uint64_t seal__session_next_deadline(const seal__session *session);
void seal__session_tick(seal__session *session, uint64_t now_ns);
/* For keepalive: bytes have come that are no whole record yet, or the owner does not listen now. */
void seal__session_heard(seal__session *session, uint64_t now_ns);

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

/* What opens a stream. */
typedef struct seal__open {
    const char *method;   /* as with seal__session_open */
    uint64_t deadline_ns; /* absolute; UINT64_MAX: none */
    uint32_t max_message; /* 0: the session's */
    uint32_t wanted;      /* messages that are asked for already: see seal__stream_read */
    uint32_t attempt;     /* 0 and 1: the first one */
    seal_bytes metadata;  /* a block as in wire/metadata.h, at most SEAL__METADATA_MAX bytes */
    void *user;
} seal__open;

/* seal__session_open with all of it. Errors are the same, and SEAL_ERROR_TOO_BIG (metadata). */
int seal__session_open_call(seal__session *session, uint64_t now_ns, const seal__open *open,
                            seal__stream **ret_stream);

/* This end sends no more, without another message: after what is queued. As seal__session_send with
 * end, but for the message. Returns 0, SEAL_ERROR_STATE or SEAL_ERROR_NO_MEMORY. */
int seal__session_end(seal__session *session, seal__stream *stream);

/* Ends a stream from this end: RESET is sent, no more events come, the stream is freed. Where more
 * are cancelled than the server's budget allows, RESETs wait (seal__session_next_deadline, _tick),
 * and their streams count until they have left. Returns
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

/*
 * Sends a message whose body is borrowed until seal__session_own, which the caller calls before he
 * gives it back; meanwhile he pumps, seals and writes as much as the socket takes. Only where
 * seal__session_may_borrow: nothing else is queued, and a good part may leave at once. Results are
 * as with seal__session_send.
 */
bool seal__session_may_borrow(const seal__session *session, const seal__stream *stream);
int seal__session_send_borrowed(seal__session *session, seal__stream *stream,
                                const seal__parts *parts, bool end);
/* What has not been sealed is copied. Without memory for that the outbox fails. */
void seal__session_own(seal__session *session);

/* Moves queued pieces into the outbox until it holds `limit` bytes. Returns true while there is
 * more that the peer's windows allow. May make WRITABLE events: see seal__session_has_events. */
bool seal__session_pump(seal__session *session, size_t limit);
/* True when seal__session_next has something to tell without more bytes from the peer. */
bool seal__session_has_events(const seal__session *session);

/* Bytes of messages that were sent on the stream and are not in the outbox yet. */
size_t seal__stream_queued(const seal__stream *stream);
/* Asks for one WRITABLE event when no more than `low` bytes are queued. Comes at once (from the
 * next seal__session_next) where that is so already. */
void seal__stream_notify_writable(seal__session *session, seal__stream *stream, size_t low);

/* Asks for n more messages (SEAL__READ_ALL: for all there will be). Messages come as events only
 * when they were asked for; END and STATUS come after the messages before them. A server's stream
 * starts with SEAL__READ_ALL; see seal__stream_read_none. */
#define SEAL__READ_ALL UINT32_MAX
void seal__stream_read(seal__session *session, seal__stream *stream, uint32_t n);
/* Right after HEADERS: the owner will ask for every message. */
void seal__stream_read_none(seal__stream *stream);
/* Bytes received and not delivered, of one stream; of all. For tests and figures. */
size_t seal__stream_unread(const seal__stream *stream);
uint64_t seal__session_unread(const seal__session *session);

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
/* Sends a PING: a peer that lives answers at once. The answer is no event, but counted. (Keepalive
 * is the session's own affair: see seal__session_options. When it has waited in vain,
 * seal__session_next fails with SEAL_ERROR_TIMEOUT.) */
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

/* What ends a stream. */
typedef struct seal__ending {
    seal_status status;
    seal_execution execution;
    const char *text;     /* UTF-8, may be NULL */
    seal_bytes metadata;  /* trailing: a block as in wire/metadata.h, at most SEAL__METADATA_MAX */
    seal_bytes details;   /* google.rpc.Status with field 3 only, at most 16 KiB */
    bool has_retry_after; /* the server's advice: UINT32_MAX: do not try again */
    uint32_t retry_after_ms;
} seal__ending;

/* seal__session_finish with all of it. What is too long is left out, details before metadata. */
int seal__session_finish_with(seal__session *session, seal__stream *stream,
                              const seal__ending *ending);

/* Sends initial metadata: at most once, before the first message. Returns 0, SEAL_ERROR_STATE,
 * SEAL_ERROR_TOO_BIG or SEAL_ERROR_NO_MEMORY. A stream that was cancelled or has expired drops it.
 */
int seal__session_send_metadata(seal__session *session, seal__stream *stream, seal_bytes metadata);

/* Tells the peer at once that streams above the last one taken will not be. Only the first call has
 * an effect. */
int seal__session_goaway(seal__session *session, uint16_t code, const char *text);

/* The same in two phases, so that no call is refused: asks the peer to open no more (GOAWAY with
 * the highest id, and a PING), goes on taking streams that are under way, and sends the last GOAWAY
 * by itself when the answer to the PING has come. Only the first call has an effect. */
int seal__session_drain(seal__session *session, uint16_t code, const char *text);
/* The last GOAWAY was sent, and there is no stream any more: the connection may be closed. */
bool seal__session_is_drained(const seal__session *session);

#endif
