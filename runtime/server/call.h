/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call at the server, of any kind. It belongs to a loop, which alone touches its stream. What
 * other threads give it lies under its lock until the loop takes it: messages in `out`, the answer
 * in `answer`.
 */
#ifndef SEAL_SERVER_CALL_H
#define SEAL_SERVER_CALL_H

#include <stdalign.h>

#include <sealrpc/gen.h>
#include <sealrpc/interceptor.h>

#include "base/arena.h"
#include "base/buf.h"
#include "call/mailbox.h"
#include "call/outgoing.h"
#include "call/scope.h"
#include "net/conn.h"
#include "server/workers.h"

struct seal__server_loop;
struct seal__server_conn;
struct seal__server_method;

enum {
    SEAL__CALL_FIRST = 384,
    SEAL__SPARE_CALLS = 64 /* objects that a loop keeps */
};

typedef struct seal__server_interceptor {
    seal_server_interceptor fn;
    void *user;
} seal__server_interceptor;

/* How far a call has come towards its handler. The loop moves it, but for QUEUED, which the worker
 * or the loop ends, whoever is first. */
typedef enum seal__call_phase {
    SEAL__CALL_NEW,      /* its request is not complete */
    SEAL__CALL_QUEUED,   /* waits for a worker */
    SEAL__CALL_BEGUN,    /* its handler runs, or has run */
    SEAL__CALL_RETURNED, /* a worker has found that it cannot be begun: see `verdict` */
    SEAL__CALL_DROPPED   /* refused: no handler will run */
} seal__call_phase;

/* Kinds of what lies in `out`. */
enum { SEAL__OUT_MESSAGE, SEAL__OUT_METADATA };

/* A status. */
typedef struct seal__call_status {
    seal_status code;
    seal_execution execution;
    char *text; /* NULL: none */
} seal__call_status;

/* What the handler has answered; `ready` is under the call's lock, and what is before it does not
 * change any more once it is set. */
typedef struct seal__call_answer {
    seal__call_status status;
    seal__out_item *reply; /* OK with a message, packed; NULL: without */
    bool ready;
    bool is_for_want; /* the handler has given none */
} seal__call_answer;

/* A call for a handler that blocks. */
typedef struct seal__call_work {
    seal__work work;
    seal_call *call;
    seal__list queued;   /* in the loop's list while it waits */
    seal__mailbox box;   /* messages of a streaming request; room to send */
    seal__mail *request; /* the one request, still encoded; NULL: they are a stream */
    bool is_reading;     /* the first messages have been asked for */
    uint32_t taken;      /* since the last were asked for */
} seal__call_work;

/* `users` are the references that handlers hold; together they hold one of `refs`, and the stream,
 * while there is one, another. Freed on the loop thread, which keeps some objects for the next
 * calls: with what stands before `refs`, and clears the rest.
 *
 * Almost every call is answered before its handler returns, on the loop, by the only one who has a
 * reference (seal__call_is_alone): then nobody else can be looking, and no lock or locked
 * instruction is needed. */
struct seal_call {
    alignas(max_align_t) uint8_t first[SEAL__CALL_FIRST]; /* what the arena hands out first */
    seal_server *server;
    struct seal__server_loop *loop;
    seal_peer *peer; /* held, also in an object that is kept */
    void **states;   /* one for each of the server's interceptors: they stand behind the call */
    pthread_mutex_t lock;
    seal__outgoing out;
    seal__scope scope;

    atomic_uint refs;
    atomic_uint users;
    atomic_int phase;     /* seal__call_phase */
    atomic_uint wanted;   /* messages asked for that the session has not been asked for */
    atomic_bool answered; /* changes under lock */
    atomic_bool cancelled;
    atomic_bool woken;    /* `task` is queued */
    atomic_bool is_stuck; /* a sender was told to wait */
    atomic_bool has_verdict;
    bool is_run;     /* loop, as the next six: counted as begun */
    bool in_handler; /* ... which has not returned; not on a worker */
    bool is_dead;    /* the last reference has gone while it was pinned */
    bool client_ended;
    bool end_told;
    bool tell_cancel; /* on_cancel was set after the cancel: `task` tells */
    bool is_over;     /* `outcome` says how */
    bool has_sent;    /* under lock: initial metadata, or a message */
    bool has_retry_after;
    uint32_t pins;                /* loop: it is being worked on, and stays */
    seal_status ended_by;         /* loop; not OK: client, deadline or connection have ended it */
    seal__task task;              /* takes what other threads have given; or the last release */
    struct seal__server_conn *sc; /* NULL: the connection is gone */
    seal__stream *stream;         /* NULL: finished or gone */
    seal_call *next_lost;         /* while all calls of a connection that is over are let go of */
    const struct seal__server_method *method;
    uint64_t began_ns;
    uint64_t deadline_ns;

    seal__call_answer answer;
    seal__call_status verdict; /* under lock until has_verdict: what the library has found; it goes
                                * before what the handler answers */
    uint64_t messages_in;
    atomic_uint_fast64_t messages_out;
    uint8_t *trailing; /* under lock until answered, as the next ones: a metadata block */
    size_t trailing_len;
    seal__buf *details; /* NULL: there are none */
    uint32_t retry_after_ms;

    uint32_t n_begun;        /* interceptors whose begin has let it through */
    seal_metadata *metadata; /* NULL: there is none */

    ProtobufCMessage *request; /* in the arena, as is every message that is being handed out */
    seal__arena arena;
    seal__call_work *work;         /* NULL: its handler does not block */
    seal_call_message_fn *deliver; /* NULL: not set */
    seal_any_fn *received;
    void *receive_user;
    seal_call_writable_fn *on_writable;
    void *on_writable_user;
    seal_call_cancelled_fn *on_cancel;
    void *on_cancel_user;

    seal__call_status outcome; /* the text, as the next one, only where an interceptor is told */
    uint64_t duration_us;
};

/* ---- call.c ---- */

/* event: HEADERS. NULL: out of memory. */
seal_call *seal__call_new(struct seal__server_conn *sc, const seal__event *event,
                          const struct seal__server_method *method, uint64_t deadline_ns);
/* Objects that a loop keeps: none at first; releases them; lets go of the last call's peer. */
void seal__calls_init(struct seal__server_loop *loop, const seal_allocator *alloc);
void seal__calls_done(struct seal__server_loop *loop);
void seal__calls_drop_peer(struct seal__server_loop *loop);
/* Loop: while it is pinned the call stays, whoever lets go of it. */
static inline void seal__call_pin(seal_call *call) {
    call->pins++;
}
void seal__call_unpin(seal_call *call);
/* Loop: the handler is being run, and nobody else has a reference. */
static inline bool seal__call_is_alone(const seal_call *call) {
    return call->in_handler && atomic_load_explicit(&call->users, memory_order_acquire) == 1;
}
/* Loop: the handler has returned. Its reference goes; the call is pinned. */
void seal__call_handled(seal_call *call);
/* Forgets the message in the arena; the next may take so many bytes. */
void seal__call_reset_arena(seal_call *call, size_t budget);
/* The stream is gone; drops its reference. */
void seal__call_detach(seal_call *call);
void seal__call_release(seal_call *call);
/* Any thread with a reference: the loop takes what was given. */
void seal__call_wake(seal_call *call);
/* Nobody waits for the answer any more: tells the handler, and the calls made for it. */
void seal__call_cancel(seal_call *call);
/* Brings the figures up to what a worker has done. */
void seal__call_settle(seal_call *call);
/* True: no handler has run, and none will. The caller refuses the call. */
bool seal__call_drop(seal_call *call);
/* Sets what the library has found, the first time only. Any thread. */
void seal__call_judge(seal_call *call, seal_status code, const char *text);
static inline bool seal__call_has_begun(const seal_call *call) {
    return atomic_load(&call->phase) == SEAL__CALL_BEGUN;
}
/* Loop: the handler is about to run. */
void seal__call_begins(seal_call *call);
static inline bool seal__call_is_queued(const seal_call *call) {
    return call->work != NULL && !seal__list_is_empty(&call->work->queued);
}
bool seal__call_on_loop(const seal_call *call);
/* Loop: it was counted as begun, but there was no handler. */
void seal__call_not_run(seal_call *call);

/* ---- answer.c ---- */

/* Ends a call that seal__call_drop has given to the caller: NOT_EXECUTED. Drops the reference of
 * the handler that does not run. */
void seal__call_refuse(seal_call *call, seal_status code, const char *text);
/* The last handler has let go: answers where it has not. */
void seal__call_answer_for_want(seal_call *call);
/* Loop: hands everything that was given to the session, in order. */
void seal__call_flush(seal_call *call);
/* Loop: the call has come to its end; the first one counts. */
void seal__call_over(seal_call *call, seal_status code, seal_execution execution, const char *text);
/* Any thread: the call is answered from here on. False: it was already. */
bool seal__call_claim(seal_call *call);
/* The same where it is alone. */
static inline bool seal__call_claim_alone(seal_call *call) {
    bool is_first = !atomic_load_explicit(&call->answered, memory_order_relaxed);
    atomic_store_explicit(&call->answered, true, memory_order_relaxed);
    return is_first;
}

/* ---- stream.c ---- */

/* Loop: what a message of a stream, its end, and room to send mean for the handler. */
void seal__call_message(seal_call *call, const seal__event *event);
void seal__call_ended(seal_call *call);
void seal__call_writable(seal_call *call);
/* Loop: what was asked for elsewhere. */
void seal__call_catch_up(seal_call *call);
/* Asks for more messages. Any thread. */
void seal__call_want(seal_call *call, uint32_t n);
/* Decodes into the arena, whose last message goes, and shows it to the interceptors. Returns 0, or
 * a negative code after seal__call_judge. On the loop, or the worker. */
int seal__call_decode(seal_call *call, const uint8_t *data, size_t len, seal__buf *held,
                      ProtobufCMessage **ret_message);
/* The same of the message of an event. On the loop. */
int seal__call_decode_event(seal_call *call, const seal__event *event,
                            ProtobufCMessage **ret_message);
/* Checks a message that is to be sent. Returns 0, SEAL_ERROR_INVALID or SEAL_ERROR_TOO_BIG. */
int seal__call_check(seal_call *call, const ProtobufCMessage *message, size_t *ret_size,
                     seal_error **reterr);
/* Packs a message. NULL: out of memory. */
seal__out_item *seal__call_pack(seal_call *call, const ProtobufCMessage *message, size_t size);
/* To the session, on the loop thread: from where it stands, if that can be. */
int seal__call_send_here(seal_call *call, const ProtobufCMessage *message, size_t size, bool end);
/* A seal__pack_fn for a seal__out_item. */
void seal__call_copy_item(const void *item, uint8_t *at);
/* Loop: tells `out` how much the session holds. */
void seal__call_publish(seal_call *call);
/* Any thread: the loop is to send the item, which it takes. SEAL_ERROR_ALREADY: the call is
 * answered or, where it must be the first, something was sent before. */
int seal__call_hand_over(seal_call *call, seal__out_item *item, bool must_be_first);

/* A message has been sent: told to interceptors, and to nobody else. */
static inline void seal__call_count_out(seal_call *call) {
    if (call->n_begun > 0)
        atomic_fetch_add(&call->messages_out, 1);
}

/* ---- blocking.c ---- */

/* Makes a call one for a worker. data: its request, copied; NULL: it is a stream. Returns 0 or
 * SEAL_ERROR_NO_MEMORY. */
int seal__call_keep(seal_call *call, const uint8_t *data, size_t len);
/* Queues it for a worker, or refuses it. */
void seal__call_queue(seal_call *call);
void seal__call_work_free(seal_call *call);

/* ---- call_metadata.c ---- */

/* Takes over what came with HEADERS. Returns 0 or SEAL_ERROR_NO_MEMORY. */
int seal__call_take_metadata(seal_call *call, seal_bytes block);
/* Loop: initial metadata goes out. */
int seal__call_send_block(seal_call *call, seal_bytes block);

/* ---- interceptors.c ---- */

/* Runs every begin. False: one has refused, and the call has to be refused. */
bool seal__call_begin(seal_call *call);
/* For those whose begin has let it through. */
void seal__call_tell_received(seal_call *call, const ProtobufCMessage *message);
void seal__call_tell_sent(seal_call *call, const ProtobufCMessage *message);
void seal__call_tell_end(seal_call *call);
static inline void seal__call_show_received(seal_call *call, const ProtobufCMessage *message) {
    if (call->n_begun > 0)
        seal__call_tell_received(call, message);
}
static inline void seal__call_show_sent(seal_call *call, const ProtobufCMessage *message) {
    if (call->n_begun > 0)
        seal__call_tell_sent(call, message);
}

/* authorize.c: level and allow list of the method. False: it has failed the call. */
bool seal__call_is_allowed(seal_call *call);

#endif
