/* SPDX-License-Identifier: Apache-2.0 */
/* The client's inside. Everything is touched on the loop thread only, unless it says otherwise. */
#ifndef SEAL_CLIENT_CLIENT_INTERNAL_H
#define SEAL_CLIENT_CLIENT_INTERNAL_H

#include <stdalign.h>

#include <sealrpc/gen.h>
#include <sealrpc/interceptor.h>

#include "base/arena.h"
#include "call/outgoing.h"
#include "call/scope.h"
#include "client/avoid.h"
#include "client/backoff.h"
#include "client/history.h"
#include "client/pick.h"
#include "client/retry.h"
#include "naming/resolver.h"
#include "net/conn.h"
#include "net/dial.h"
#include "secure/gss/gss.h"

/* A copy of seal_channel_options with the defaults filled in and everything it points to. */
typedef struct seal__channel_config {
    seal__target target;
    seal__spn_policy policy; /* of the next three */
    char *server_principal;  /* NULL: composed, of the two below and the endpoint's host */
    char *spn_class;
    char *spn_name;
    char *only_principal; /* the endpoint's, when the target is one address; NULL: a list */
    char *ccache;         /* the next three: NULL: default */
    char *client_keytab;
    char *client_principal;
    seal__secure_config secure;
    uint64_t timeout_us;
    uint64_t connect_timeout_ns;
    uint32_t max_response;
    uint32_t max_pending;
    uint32_t max_attempts;
    uint32_t stream_window;
    uint64_t keepalive_ns; /* 0: never; then calls must have a deadline */
    uint64_t keepalive_timeout_ns;
    bool keepalive_idle;
} seal__channel_config;

/* The owner of a connection: whose it is, and with whom. Ends when the connection is over for the
 * channel. */
typedef struct seal__link {
    seal_channel *channel;
    seal__endpoint endpoint;
    bool leaving; /* takes no new calls, old ones still run: in channel->leaving */
    bool proved;  /* a call has succeeded */
    bool rejects; /* the first answer was a GOAWAY with an error: it would be the next one's, too */
} seal__link;

/* What the resolver has said last. */
typedef struct seal__source {
    seal__resolver *resolver; /* NULL: not started */
    seal__endpoints *list;    /* NULL: there has not been one */
    seal_error *error;        /* NULL: the list is what the source says now */
} seal__source;

/* The interceptors of a channel. Counted: a call may be read after its channel has gone. */
typedef struct seal__interceptor {
    seal_client_interceptor fn;
    void *user;
} seal__interceptor;

enum { SEAL__CHAIN_MAX = SEAL_MAX_INTERCEPTORS + 1 }; /* and the channel's own */

typedef struct seal__chain {
    atomic_uint refs;
    const seal_allocator *alloc;
    atomic_uint_fast64_t started; /* calls: on any thread */
    atomic_uint_fast64_t plain;   /* ... and plain ones: changed by the loop only */
    unsigned n;
    seal__interceptor list[SEAL__CHAIN_MAX];
} seal__chain;

struct seal_channel {
    seal_runtime *runtime;
    bool owns_runtime;
    seal__channel_config config;
    seal__source source;
    bool connecting;              /* waits for the first list, or tries endpoints */
    seal__round *round;           /* endpoints are being tried; NULL: none */
    const seal__endpoint *trying; /* of the round */
    uint64_t attempt_began;       /* at that one */
    uint64_t round_deadline;      /* while connecting */
    uint64_t connect_deadline;    /* of what is being done now, at most round_deadline */
    seal__dial *dial;             /* NULL: none */
    seal__link *dialing;          /* of the dial */
    seal__conn *conn;             /* in handshake or open, for new calls; NULL: none */
    bool is_open;
    bool fresh_ticket;     /* the next handshake does not use a cached service ticket */
    seal__list leaving;    /* seal__conn: of links that are leaving */
    seal__backoff backoff; /* between rounds */
    seal_error *failure;   /* why calls fail while it lasts; NULL: nothing has failed */
    seal__avoid avoid;     /* endpoints that are going away */
    seal__retry_budget budget;
    seal_channel_stats stats; /* of connections, and of calls that have ended */
    seal__chain *chain;       /* interceptors, the channel's own first */
    seal__list pending;       /* calls that wait for a connection or a stream, in order */
    uint32_t n_pending;
    seal__heap deadlines; /* of pending calls; those with a stream have theirs in the session */
    seal__heap retries;   /* calls that wait for their next attempt, by when it begins */
    uv_timer_t timer;
    uint64_t timer_ns; /* UINT64_MAX: not armed */
    bool timer_open;
    bool freeing;
    seal__task free_task;
    void (*released)(void *user);
    void *released_user;
};

/* What the loop is to do with a call: bits of seal_client_call.work. */
enum {
    SEAL__WORK_SUBMIT = 1,    /* begin it */
    SEAL__WORK_OUTGOING = 2,  /* take what other threads have written */
    SEAL__WORK_READ = 4,      /* ask for messages */
    SEAL__WORK_ROOM = 8,      /* tell when there is room to write */
    SEAL__WORK_METADATA = 16, /* tell what initial metadata has come */
    SEAL__WORK_BROKEN = 32,   /* end it, because of `broken` */
    SEAL__WORK_CANCEL = 64
};

enum { SEAL__SMALL_REQUEST = 256 }; /* bytes that need no memory besides the call's */

/* One call, of any kind. References: the library's until it has been delivered, the caller's
 * handle, and one while the loop has work to do for it. No larger than what malloc has at hand: see
 * docs/benchmarks.md. */
struct seal_client_call {
    union {
        /* One request: its item of the history, if it fits. */
        alignas(max_align_t) uint8_t small[sizeof(seal__out_item) + SEAL__SMALL_REQUEST];
        struct { /* a stream of them: what is sent, and END of the history */
            seal__outgoing outgoing;
            alignas(max_align_t) uint8_t end[sizeof(seal__out_item)];
        };
    };

    /* What every call uses, together in memory: from here to `shared` a plain call (plain.c) begins
     * with zeros; what comes after that it does not touch, or says so. */
    atomic_uint refs;
    atomic_bool delivered; /* the channel may be gone from then on */
    bool plain;       /* nobody else knows of it, and what belongs to the channel is borrowed */
    bool direct;      /* its request is not in the history, but goes out as it is */
    bool touched;     /* a plain one that needed more than most: not used again */
    bool streams_out; /* requests are a stream */
    bool streams_in;  /* replies are */
    bool owned;       /* the loop's, history and all */
    bool submitted;   /* SEAL__WORK_SUBMIT was done */
    bool connects;    /* is none: it ends as soon as there is a connection */
    bool wait_for_ready;
    bool committed;    /* cannot be sent again */
    bool never_left;   /* the attempt that has ended was certainly not handed to the kernel */
    bool going_away;   /* the server that it was made at is */
    bool crowded_out;  /* the server has counted more calls than max_streams */
    bool may_have_run; /* in an attempt before */
    seal_level min_level;
    seal_error_code refused; /* before that; SEAL_OK: it was not */
    unsigned n_begun;        /* interceptors */
    uint32_t attempts;       /* that were handed to a server */
    uint32_t max_attempts;   /* of the call's options; 0: the channel's */
    seal_channel *channel;
    const seal_method *method;
    seal__chain *chain;
    seal_deliver_fn *deliver;
    seal_any_fn *done;
    void *user;
    uint64_t started_ns;
    uint64_t deadline_ns;
    uint64_t timeout_us; /* for the message */
    uint64_t messages_in;
    uint64_t messages_out;
    seal__out_item *request; /* a plain call's; NULL: it is in the history alone */
    seal__stream *stream;    /* NULL: waits */
    seal__conn *conn;        /* of the stream */
    uint64_t record;         /* of its HEADERS: see seal__outbox_position */
    seal_result *result;     /* with a reply that came before its status */

    seal__shared *shared;
    uv_thread_t loop_thread;
    bool early_cancel; /* cancelled before it was submitted */
    seal__task task;
    atomic_uint work;     /* SEAL__WORK_* */
    pthread_mutex_t lock; /* who holds it while the call is not delivered finds the channel alive */

    pthread_rwlock_t hooks; /* if there are others than the channel's: `end` comes after the rest */
    bool hooks_over;        /* changes under `hooks` */

    seal_client_message_fn *message;
    seal_any_fn *received; /* NULL: messages are passed over */
    _Atomic(seal_client_call_writable_fn *) on_writable;
    void *writable_user;
    _Atomic(seal_client_call_metadata_fn *) on_metadata;
    void *metadata_user;

    seal__scope *scope; /* of the call this one is made for; NULL: none, or over */
    seal__scope_hook hook;
    atomic_bool parent_cancelled;

    /* What is sent. */
    uint8_t *metadata; /* a block; NULL: none */
    size_t metadata_len;
    seal__history history;
    atomic_bool ended;      /* nothing more is accepted */
    atomic_bool wants_room; /* a message was not accepted */
    atomic_int broken;      /* why this end cannot go on, SEAL_ERROR_*; 0: it can */

    /* What is received. */
    atomic_uint asked_new;  /* messages that were asked for, not in `asked` yet */
    uint32_t asked;         /* those that have not come */
    seal__arena arena;      /* of the last message */
    seal_metadata *initial; /* NULL: it has not come */
    bool initial_told;

    /* While it waits for a connection or a stream. */
    seal__list node;           /* in pending */
    seal__heap_node deadline;  /* in deadlines */
    uint32_t lost_connections; /* meanwhile */

    /* Attempts: see retry.h. */
    seal__heap_node retry;   /* in retries */
    uint32_t parent_attempt; /* which one of its own the parent is; 0: no parent */
    uint32_t refusals;       /* sent again at once, because the server was going away */
    uint32_t crowdings;      /* sent again because it was crowded_out */

    struct seal__blocking *blocking; /* NULL: it has callbacks */
    void *states[SEAL__CHAIN_MAX];   /* the chain's interceptors use as many as they are */
};

/* How a call ended, on its way to a result. */
typedef struct seal__outcome {
    seal_status status;
    seal_execution execution;
    seal_error_code cause;
    const char *message;
    /* Of the server's, where it sent the status. */
    bool has_retry_after;
    uint32_t retry_after_ms;
    seal_bytes trailing; /* a block */
    seal_bytes details;
} seal__outcome;

/* options.c */
int seal__channel_config_make(const char *target, const seal_channel_options *given,
                              const char *default_class, const seal_allocator *alloc,
                              seal__channel_config *ret_config, seal_error **reterr);
void seal__channel_config_done(seal__channel_config *config, const seal_allocator *alloc);

/* result.c */
/* NULL: out of memory. */
seal_result *seal__result_new(seal__shared *shared);
/* The loop's own, which borrows what it has of the runtime until somebody else refers to it: from
 * memory that was used before, and to go there again. */
void seal__results_prepare(seal_runtime *runtime, uint32_t max);
seal_result *seal__result_take(seal_runtime *runtime);
void seal__result_hand_back(seal_runtime *runtime, seal_result *result);
/* OK, with the reply that was unpacked. */
void seal__result_replied(seal_result *result, seal_peer *peer, uint32_t attempts);
/* Decodes the reply into the result. */
int seal__result_unpack(seal_result *result, const seal_method *method, seal__session *session,
                        const seal__event *event, seal_error **reterr);
/* Before anybody else sees it. peer may be NULL. */
void seal__result_set(seal_result *result, const seal__outcome *outcome, seal_peer *peer);
/* What goes with it; takes the metadata (NULL: none). */
void seal__result_set_call(seal_result *result, uint32_t attempts, seal_metadata *initial);
seal_peer *seal__result_peer(const seal_result *result);
bool seal__result_has_reply(const seal_result *result);
/* NOT_EXECUTED, with the text or the one of the code. Never NULL. */
seal_result *seal__result_failed(seal__shared *shared, int code, const char *text);
/* Needs no memory. */
seal_result *seal__result_no_memory(void);
seal_result *seal__result_wrong_thread(void);
/* The status that an error of ours stands for. */
seal_status seal__status_of(int code);

/* result_details.c */
typedef struct seal__details seal__details;
/* NULL: there are none, or no memory. */
seal__details *seal__details_parse(const seal_allocator *alloc, seal_bytes encoded);
size_t seal__details_count(const seal__details *details);
const char *seal__details_type(const seal__details *details, size_t index);
seal_bytes seal__details_value(const seal__details *details, size_t index);

/* call.c */
seal_client_call *seal__client_call_ref(seal_client_call *call);
void seal__client_call_unref(seal_client_call *call);
/* Any thread: the loop is to do these things, if the call has not been delivered. */
void seal__client_call_post(seal_client_call *call, unsigned work);
/* Ends a call that waits if its cancel is on the way, rather than to send it. */
bool seal__client_call_is_called_off(seal_client_call *call);
bool seal__client_call_on_loop(const seal_client_call *call);
/* Its timeout with the unit: "200 ms", "900 us". Returns `text`. */
enum { SEAL__TIME_TEXT = 32 };
const char *seal__client_call_timeout(const seal_client_call *call, char text[SEAL__TIME_TEXT]);
/* Everything that starts calls; `blocking` is NULL, or taken on success. */
typedef struct seal__start {
    const seal_method *method;
    const ProtobufCMessage *request;
    const seal_call_options *options;
    seal_stream_callbacks callbacks;
    struct seal__blocking *blocking;
    seal_error **reterr; /* NULL, or receives why it was refused */
} seal__start;
int seal__client_call_start(seal_channel *channel, const seal__start *start,
                            seal_client_call **ret_call);
/* The same for one that connects; of the callbacks deliver, done and user count. */
int seal__client_call_start_connect(seal_channel *channel, const seal__start *start);
/* An attempt is over: there is another one, or the call is delivered. It is in no list and has no
 * stream any more. */
void seal__client_call_attempt_ended(seal_client_call *call, const seal__outcome *outcome);
/* Delivers and drops the library's reference. The same holds. */
void seal__client_call_deliver(seal_client_call *call, const seal__outcome *outcome);

/* One without a channel, which borrows `shared`; zeros up to that many states. NULL: no memory. */
seal_client_call *seal__client_call_new(seal_runtime *runtime, unsigned n_states);
/* What it holds, but for what it may have borrowed, and its memory. */
void seal__client_call_destroy(seal_client_call *call);
/* Sends it at once, or hands it to the loop. The request was checked and has this size. */
void seal__client_call_submit(seal_client_call *call, const ProtobufCMessage *request, size_t size);

/* The time, the level and the attempts that a new call has, from its method and options. */
void seal__client_call_limit(seal_client_call *call, const seal_call_options *options,
                             uint64_t timeout_us, uint64_t now_ns);
/* Whether a call without a deadline may be made. Returns 0 or SEAL_ERROR_INVALID. */
int seal__client_call_check_deadline(const seal_client_call *call, seal_error **reterr);

/* plain.c */
/* Loop: before the first call. */
void seal__plain_prepare(seal_runtime *runtime);
/* Whether a call without a handle is one. */
bool seal__plain_is(const seal_channel *channel, const seal__start *start,
                    const seal_call_options *options);
int seal__plain_start(seal_channel *channel, const seal__start *start,
                      const seal_call_options *options, uint64_t timeout_us, size_t size);
/* The request goes into the history: for an attempt that comes later. */
void seal__plain_keep(seal_client_call *call);
/* The reply has come, and is all right. */
void seal__plain_replied(seal_client_call *call);
void seal__plain_release(seal_client_call *call);

/* attempt.c */
/* Opens a stream on the channel's connection, and sends what there is. Returns 0 or a negative
 * code: then there is no stream. */
int seal__client_call_attempt(seal_client_call *call, uint64_t now_ns);
/* Sends what the history has and the attempt has not sent. */
void seal__client_call_feed(seal_client_call *call);
/* True when a message may be sent on the stream at once. */
bool seal__client_call_can_send(const seal_client_call *call);
/* Sends one that is kept nowhere. */
int seal__client_call_send(seal_client_call *call, const ProtobufCMessage *message, size_t size,
                           bool end);
/* A packed one, at the end of the history: does not send. */
void seal__client_call_add(seal_client_call *call, seal__out_item *item);
/* This end cannot go on: the loop will end the call. */
void seal__client_call_break(seal_client_call *call, int code);
/* Gives up the stream, if there is one. Returns true when the call has not run there. */
bool seal__client_call_drop_stream(seal_client_call *call);
/* Gives up a stream of which nothing has been sealed, before something is. */
void seal__client_call_take_back(seal_client_call *call);
/* There will be no other attempt. */
void seal__client_call_commit(seal_client_call *call);
/* As if nothing had been sent: drops what belongs to the last attempt. For seal__retry_consider,
 * before the call is put in the line again. */
void seal__client_call_reset_for_retry(seal_client_call *call);

/* stream.c */
/* Loop: what SEAL__WORK_OUTGOING, _READ, _ROOM and _METADATA ask for. */
void seal__client_call_take_outgoing(seal_client_call *call);
void seal__client_call_pass_read(seal_client_call *call);
void seal__client_call_check_room(seal_client_call *call);
void seal__client_call_tell_metadata(seal_client_call *call);
/* Accounts for what waits to be sent. */
void seal__client_call_publish(seal_client_call *call);
/* A message of a streaming reply. Returns 0 or a negative code: it cannot be used. */
int seal__client_call_hand_out(seal_client_call *call, const seal__event *event,
                               seal_error **reterr);

/* interceptors.c */
/* With the one that counts calls. NULL: no memory. */
seal__chain *seal__chain_new(const seal_allocator *alloc);
seal__chain *seal__chain_ref(seal__chain *chain);
void seal__chain_unref(seal__chain *chain); /* NULL is allowed */
/* Of a call that has the chain. */
void seal__hooks_init(seal_client_call *call);
void seal__hooks_done(seal_client_call *call);
/* Somebody's `begin` may want to change it. */
bool seal__chain_wants_metadata(const seal__chain *chain);
/* A plain call is begun. */
void seal__chain_count(seal__chain *chain);
uint64_t seal__chain_started(const seal__chain *chain);
/* Returns 0 or the code of the one that refuses. */
int seal__chain_begin(seal_client_call *call, seal_metadata *metadata);
void seal__chain_sent(seal_client_call *call, const ProtobufCMessage *message);
void seal__chain_received(seal_client_call *call, const ProtobufCMessage *message);
void seal__chain_end(seal_client_call *call, const seal_result *result);

/* inherit.c */
/* Makes the parent's deadline and attempt the call's. */
void seal__client_call_inherit(seal_client_call *call, struct seal_call *parent,
                               bool has_own_timeout);
/* Cancels the call with its parent. False: that is cancelled already. */
bool seal__client_call_join(seal_client_call *call, struct seal_call *parent);
void seal__client_call_leave(seal_client_call *call);
/* Adds the parent's trace context, where there is none yet. */
bool seal__trace_is_there(struct seal_call *parent);
void seal__trace_inherit(seal_metadata *metadata, struct seal_call *parent);

/* blocking.c */
/* A message has come; there is room to write; the call is over. */
int seal__blocking_message(seal_client_call *call, const uint8_t *data, size_t len);
void seal__blocking_writable(seal_client_call *call);
/* What was wrong with a message; NULL: nothing. */
const seal_error *seal__blocking_error(const seal_client_call *call);
void seal__blocking_free(struct seal__blocking *blocking, const seal_allocator *alloc);

/* retry_call.c */
/* The attempt has ended. True: the call was taken back and will be sent again (or was delivered
 * after all, so that it must not be touched any more). */
bool seal__retry_consider(seal_client_call *call, const seal__outcome *outcome);
/* A call has ended, and will not be sent again. */
void seal__retry_ended(seal_client_call *call, seal_status status);
/* The call waits no more for its next attempt, if it does. */
void seal__retry_forget(seal_client_call *call);
/* Puts those in the line whose time has come; ends all. */
void seal__retry_resume(seal_channel *channel, uint64_t now_ns);
void seal__retry_fail_all(seal_channel *channel, const seal__outcome *outcome);
/* When the next one begins; UINT64_MAX: none waits. */
uint64_t seal__retry_next(const seal_channel *channel);

/* pending.c */
/* Puts a call at the end of the line, and sees to a connection. */
/* There is a connection: ends those that wait for nothing else. */
void seal__channel_tell_connected(seal_channel *channel);
void seal__channel_enqueue(seal_channel *channel, seal_client_call *call);
void seal__channel_unqueue(seal_channel *channel, seal_client_call *call);
/* Gives streams to waiting calls, as many as there are. */
void seal__channel_serve_pending(seal_channel *channel);
/* Ends all waiting calls; the same but for those that wait for a connection until their deadline.
 */
void seal__channel_fail_pending(seal_channel *channel, const seal__outcome *outcome);
void seal__channel_fail_impatient(seal_channel *channel, const seal__outcome *outcome);
/* An established connection was lost: waiting calls may wait for the next one, but not for ever. */
void seal__channel_lost_connection(seal_channel *channel);
void seal__channel_arm_timer(seal_channel *channel);
/* True when a call that comes now, and needs this level, can be sent at once. */
bool seal__channel_is_ready(const seal_channel *channel, seal_level level);
void seal__channel_on_timer(uv_timer_t *timer);

/* resolve.c */
/* Starts the resolver when there is none yet. */
int seal__channel_watch(seal_channel *channel, seal_error **reterr);
void seal__channel_unwatch(seal_channel *channel);
/* A seal__resolution_fn; user: the channel. */
void seal__channel_resolved(void *user, const seal__endpoints *endpoints, const seal_error *error);
/* Whether the newest list has this endpoint, with the same principal. */
bool seal__channel_lists(const seal_channel *channel, const seal__endpoint *endpoint);

/* round.c */
/* Sees to a connection if calls need one. */
void seal__channel_connect(seal_channel *channel);
/* The first list has come, while the channel was waiting for it. */
void seal__channel_try_endpoints(seal_channel *channel);
/* There is nothing to connect to: ends the calls that wait, and whatever is being tried. */
void seal__channel_no_endpoints(seal_channel *channel);
/* What was being tried works; does not. */
void seal__channel_connected(seal_channel *channel);
void seal__channel_attempt_failed(seal_channel *channel, const seal_error *why);
void seal__channel_connect_timed_out(seal_channel *channel);
void seal__channel_stop_connecting(seal_channel *channel);
/* What it is doing, for messages: "getting a ticket or authenticating". */
const char *seal__channel_stage(const seal_channel *channel);

/* outage.c */
/* Ends calls that wait, but those that wait until their deadline. */
void seal__channel_fail_waiting(seal_channel *channel, int code, const char *text);
/* A round has failed, for this reason: nothing is tried before the back-off has passed, which knows
 * the causes. */
void seal__channel_put_off(seal_channel *channel, int code, const char *text);
#define SEAL__BANNED_TEXT "the server is going away, and has asked for time without calls"
/* Whether the next attempt must wait. Ends calls that will not. */
bool seal__channel_is_put_off(seal_channel *channel);
/* When calls that wait cause the next attempt; UINT64_MAX: nothing is put off. */
uint64_t seal__channel_next_connect(const seal_channel *channel);
/* For figures; 0: an attempt may begin. */
uint64_t seal__channel_backoff_ms(const seal_channel *channel);
/* The connection in use, which was open, is gone, for this reason (NULL: it was closed). */
void seal__channel_disconnected(seal_channel *channel, const seal__endpoint *endpoint,
                                const seal_error *why);

/* connect.c */
/* One attempt at one endpoint: ends in one of the two above, and not from inside this call. */
int seal__channel_attempt(seal_channel *channel, const seal__endpoint *endpoint,
                          seal_error **reterr);
/* Stops the one under way, which then has failed; takes `why`. */
void seal__channel_end_attempt(seal_channel *channel, seal__close_code code, seal_error *why);
/* Forgets it, if there is one. */
void seal__channel_abandon_attempt(seal_channel *channel);
/* No new calls on this connection; it is closed when the old ones have ended. */
void seal__channel_retire(seal_channel *channel, seal__conn *conn);
/* The server has sent GOAWAY: other endpoints are preferred for a while. */
void seal__channel_going_away(seal__conn *conn, const seal__event *event);
/* The same when the server has said goodbye; closes one that is leaving and has no calls any more.
 */
void seal__channel_let_leave(seal_channel *channel, seal__conn *conn);
/* Whom a message is about: "PRINCIPAL at TARGET" where the target is one address, else "PRINCIPAL
 * at HOST:PORT (TARGET)". endpoint may be NULL. */
enum { SEAL__PLACE_MAX = 2048 };
void seal__channel_place(const seal_channel *channel, const seal__endpoint *endpoint,
                         char text[SEAL__PLACE_MAX]);

/* events.c */
void seal__channel_event(seal__conn *conn, const seal__event *event);
/* Ends all calls that have a stream. */
void seal__channel_fail_streams(seal_channel *channel, seal__conn *conn, const seal_error *why);

#endif
