/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a secure channel: handshake, records, key update, re-authentication, authenticated
 * close (docs/protocol.md). Sans-IO: bytes in, bytes out; time is a parameter; the only thing it
 * asks of the outside is to run the steps of the mechanism on another thread.
 *
 * Nothing but the length of a record's header is acted on before its tag has verified, and no
 * record is delivered before both Finished have. The first failure is final: every later call
 * returns it.
 */
#ifndef SEAL_SECURE_SECURE_CHANNEL_H
#define SEAL_SECURE_SECURE_CHANNEL_H

#include "base/gather.h"
#include "base/scatter.h"
#include "secure/crypto/stock.h"
#include "secure/mech.h"

enum {
    SEAL__RECORD_HEADER = 4,             /* 24-bit body length, 8-bit type */
    SEAL__RECORD_MAX_PLAIN = 65536,      /* of a record's content */
    SEAL__RECORD_MAX_BODY = 65536 + 512, /* content and overhead of any suite */
    SEAL__TOKEN_MAX = 128 * 1024,
    SEAL__MAX_LEGS = 16,
    SEAL__MAX_SUITES = 8,
    SEAL__INSTANCE_ID = 16,
    SEAL__TARGET_MAX = 1024
};

typedef enum seal__role { SEAL__CLIENT = 1, SEAL__SERVER = 2 } seal__role;

/* What this end demands. Borrowed strings and arrays live as long as the channel. Zero means the
 * default where one is named. */
typedef struct seal__secure_config {
    seal__role role;
    const seal_allocator *alloc; /* borrowed; NULL: malloc */
    seal__mech_source mechs;
    seal__key_stock *keys; /* borrowed; also by steps, on the worker; NULL: none is made ahead */
    const char *target;    /* client: the SPN it wants, sent in the hello */
    seal_suite suites[SEAL__MAX_SUITES]; /* client: offered, best first; server: accepted */
    size_t n_suites;                     /* 0: the three AEAD suites */
    seal_level min_level;                /* 0: privacy */
    seal_mechanism mechanisms[4];        /* client: [0] is used; server: accepted */
    size_t n_mechanisms;                 /* 0: krb5 */
    bool allow_one_way;
    bool allow_anonymous;
    uint32_t min_ssf;                       /* 0: 128 */
    uint8_t instance_id[SEAL__INSTANCE_ID]; /* of this process (runtime), random; a peer with the
                                             * same one is this very process: refused */
    uint64_t handshake_timeout_ns;          /* 0: 10 s */
    uint64_t key_update_records; /* 0: 2^24; tests lower it, not below 8: the peer has a budget */
    uint64_t key_update_bytes;   /* 0: 2^36 */
} seal__secure_config;

/* What was agreed and proved; valid from SEAL__SECURE_ESTABLISHED on. Only expires_ns
 * changes, at re-authentication. The strings belong to the channel. */
typedef struct seal__secure_info {
    seal_suite suite;
    seal_level level;
    const char *mechanism;
    const char *peer;
    const char *local;
    bool one_way;
    uint64_t expires_ns; /* on the clock of `now_ns`; UINT64_MAX: never */
    uint8_t id[32];      /* exporter: the same on both ends, unique to the channel */
} seal__secure_info;

typedef enum seal__secure_event_kind {
    SEAL__SECURE_NONE = 0, /* nothing more can be consumed: more bytes are needed, or the step that
                            * is being run has to come back */
    SEAL__SECURE_STEP,     /* take the job with seal__secure_take_step and run it on a worker */
    SEAL__SECURE_ESTABLISHED, /* both Finished verified: info is there, records may follow */
    SEAL__SECURE_RECORD, /* `record` is content: borrowed, inside the bytes that were fed (or the
                          * channel, for the gss suite) until the next call */
    SEAL__SECURE_REAUTHENTICATED, /* info has new expiry; same principal */
    SEAL__SECURE_CLOSED,          /* the peer's authenticated close; code and reason below */
} seal__secure_event_kind;

typedef struct seal__secure_event {
    seal__secure_event_kind kind;
    uint8_t *record;
    size_t record_len;
    uint16_t close_code;
} seal__secure_event;

/* Reason codes of a close and of an alert (docs/protocol.md). Sent to the peer: they say little. */
typedef enum seal__close_code {
    SEAL__CLOSE_DONE = 0, /* orderly */
    SEAL__CLOSE_GOING_AWAY = 1,
    SEAL__CLOSE_PROTOCOL = 2,
    SEAL__CLOSE_AUTHENTICATION = 3, /* alert only: tokens or Finished refused */
    SEAL__CLOSE_NO_VERSION = 4,
    SEAL__CLOSE_NO_SUITE = 5,
    SEAL__CLOSE_NO_MECHANISM = 6,
    SEAL__CLOSE_LEVEL = 7,
    SEAL__CLOSE_UNKNOWN_TARGET = 8, /* the SPN is not one of this server's */
    SEAL__CLOSE_NOT_MUTUAL = 9,
    SEAL__CLOSE_TIMEOUT = 10,
    SEAL__CLOSE_OVERLOADED = 11,
    SEAL__CLOSE_EXPIRED = 12, /* the security context's life is over */
    SEAL__CLOSE_LIMIT = 13,   /* a limit or budget was exceeded */
    SEAL__CLOSE_INTERNAL = 14
} seal__close_code;

/* Says what a peer's code means, as the end of "it ...". Never NULL. */
const char *seal__close_text(uint16_t code);
/* What the peer is told about a failure of ours: less than we know. */
seal__close_code seal__close_code_for(int error_code);

typedef struct seal__secure_channel seal__secure_channel;

/* Starts the handshake; the client then has a step to run. The config is copied, what it points to
 * is borrowed. */
int seal__secure_new(const seal__secure_config *config, uint64_t now_ns,
                     seal__secure_channel **ret_channel, seal_error **reterr);

/* Frees and wipes. A step that was taken is not touched: its owner still frees it. */
void seal__secure_free(seal__secure_channel *channel);

/*
 * Takes bytes from the peer and returns at most one event. Consumes whole messages and records, as
 * many as come before the event; what is not consumed must be fed again, with more behind it. Call
 * until the event is NONE or STEP. Records are opened in place: the bytes are changed. While a step
 * of the first handshake is being run nothing is consumed; a re-authentication does not stop
 * records. Output may follow (seal__secure_wants_flush), on failure too.
 *
 * Returns 0 or a negative code with *reterr set: the channel is dead, but seal__secure_flush may
 * still hold an alert or a sealed close for the peer. Codes: SEAL_ERROR_PROTOCOL, NOT_SEALRPC (the
 * message names what it looks like: HTTP, TLS, SSH, ONC RPC...), VERSION, PROTECTION, PEER_REFUSED,
 * AUTHENTICATION, NOT_MUTUAL, WRONG_TARGET, TAMPERED, TOO_BIG, TOO_MANY, TIMEOUT, CONTEXT_EXPIRED,
 * NO_MEMORY, and whatever a step failed with.
 */
int seal__secure_feed(seal__secure_channel *channel, uint64_t now_ns, uint8_t *bytes, size_t len,
                      size_t *ret_consumed, seal__secure_event *ret_event, seal_error **reterr);

/* From now on asks `scatter` where parts of a large record go, instead of into the content of
 * SEAL__SECURE_RECORD: they are in scatter->pieces until the next call. Borrowed; AEAD suites with
 * privacy only. */
void seal__secure_set_scatter(seal__secure_channel *channel, seal__scatter *scatter);

/* The end of the TCP stream. Returns 0 after an authenticated close, else SEAL_ERROR_TRUNCATED
 * (established) or SEAL_ERROR_CLOSED (handshake). Also 0 while seal__secure_awaits_reason: wait for
 * the step then. */
int seal__secure_eof(seal__secure_channel *channel, seal_error **reterr);

/* True when the peer has refused the handshake and the mechanism is being asked what its error
 * token means: the step that is ready or being run decides which error seal__secure_finish_step
 * returns. The stream may end before that. */
bool seal__secure_awaits_reason(const seal__secure_channel *channel);

/* A step of the mechanism, on its way to a worker and back. It owns the context meanwhile, so it
 * can outlive the channel. */
typedef struct seal__secure_step seal__secure_step;

/* True when there is a step to take (also from a re-authentication that this end starts). */
bool seal__secure_has_step(const seal__secure_channel *channel);
seal__secure_step *seal__secure_take_step(seal__secure_channel *channel);
/* Runs it. On a worker; may block. */
void seal__secure_step_run(seal__secure_step *step);
/* Instead, when there was no worker for it in time: the step has failed with this code and error,
 * which it owns. Give it back, too: a re-authentication is put off, a handshake ends. */
void seal__secure_step_fail(seal__secure_step *step, int code, seal_error *error);
/* Gives it back: frees it and carries the handshake on. Output may follow; then feed again (with
 * len 0 if there is nothing new), because bytes may have waited. Returns as seal__secure_feed. */
int seal__secure_finish_step(seal__secure_channel *channel, uint64_t now_ns,
                             seal__secure_step *step, seal_error **reterr);
/* Frees a step whose channel is gone. */
void seal__secure_step_free(seal__secure_step *step);

/* A server's X25519 exchange, to be run on any thread between its FINISHED and the client's. NULL:
 * there is none to be run, or no memory: the handshake does without. Does not block. */
typedef struct seal__exchange seal__exchange;
seal__exchange *seal__secure_take_exchange(seal__secure_channel *channel);
void seal__exchange_run(seal__exchange *exchange);
void seal__exchange_unref(seal__exchange *exchange);

/* Appends to `out` what the channel itself has to send: handshake messages, alerts, the close after
 * a failure. `out` must not have an open record. Returns 0 or a negative code. */
int seal__secure_flush(seal__secure_channel *channel, seal__buf *out);
bool seal__secure_wants_flush(const seal__secure_channel *channel);

bool seal__secure_is_established(const seal__secure_channel *channel);
/* True when records may be sent: established, or the client has sent its Finished. */
bool seal__secure_can_send(const seal__secure_channel *channel);
/* NULL before SEAL__SECURE_ESTABLISHED (for the client: before it can send). */
const seal__secure_info *seal__secure_get_info(const seal__secure_channel *channel);
/* Why the last attempt to re-authenticate failed; NULL when none has since the last success.
 * Borrowed until the next call. */
const seal_error *seal__secure_renewal_error(const seal__secure_channel *channel);
/* What the peer's hello asked for, for messages; NULL when there is none yet. Not authenticated
 * before SEAL__SECURE_ESTABLISHED. */
const char *seal__secure_hello_target(const seal__secure_channel *channel);

/*
 * Sending: begin, append at most SEAL__RECORD_MAX_PLAIN bytes of content to `out`, end. The content
 * is sealed where it stands. `start` is what begin returned. One record at a time. Begin flushes
 * first, so that handshake messages keep their place; it fails (SIZE_MAX) when records may not be
 * sent or `out` has failed. End returns 0 or a negative code, and then what begin and the caller
 * have appended is gone; without content there is no record, which is no error. A key update that
 * has become due is appended behind the record.
 */
size_t seal__secure_record_begin(seal__secure_channel *channel, seal__buf *out);
int seal__secure_record_end(seal__secure_channel *channel, seal__buf *out, size_t start);
/* The same where parts of the content were only reserved. gather may be NULL. */
int seal__secure_record_end_with(seal__secure_channel *channel, seal__buf *out, size_t start,
                                 const seal__gather *gather);

/* Changes this end's sending key now. */
int seal__secure_update_key(seal__secure_channel *channel, seal__buf *out);

/* Appends an authenticated close, or an alert when the handshake is not over (then the channel is
 * dead). After it nothing can be sent; receiving goes on until the peer's close. After a failure it
 * only flushes. Idempotent. */
int seal__secure_close(seal__secure_channel *channel, seal__close_code code, seal__buf *out);

/* When time next matters: the end of the handshake's time, of the context's life, or 80 % of it
 * (client: re-authenticate). UINT64_MAX: never. */
uint64_t seal__secure_next_deadline(const seal__secure_channel *channel);
/* Tells the channel that time has passed. May produce a step (re-authentication: ask
 * seal__secure_has_step) and output. Returns 0 or a negative code: SEAL_ERROR_TIMEOUT,
 * SEAL_ERROR_CONTEXT_EXPIRED. */
int seal__secure_tick(seal__secure_channel *channel, uint64_t now_ns, seal_error **reterr);

#endif
