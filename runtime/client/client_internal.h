/* SPDX-License-Identifier: Apache-2.0 */
/* The client's inside. Everything is touched on the loop thread only, unless it says otherwise. */
#ifndef SEAL_CLIENT_CLIENT_INTERNAL_H
#define SEAL_CLIENT_CLIENT_INTERNAL_H

#include <sealrpc/gen.h>

#include "base/arena.h"
#include "client/pick.h"
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
} seal__channel_config;

/* The owner of a connection: whose it is, and with whom. Ends when the connection is over for the
 * channel. */
typedef struct seal__link {
    seal_channel *channel;
    seal__endpoint endpoint;
    bool leaving; /* takes no new calls, old ones still run: in channel->leaving */
} seal__link;

/* What the resolver has said last. */
typedef struct seal__source {
    seal__resolver *resolver; /* NULL: not started */
    seal__endpoints *list;    /* NULL: there has not been one */
    seal_error *error;        /* NULL: the list is what the source says now */
} seal__source;

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
    bool fresh_ticket;        /* the next handshake does not use a cached service ticket */
    seal__list leaving;       /* seal__conn: of links that are leaving */
    seal_channel_stats stats; /* of connections */
    seal__list pending;       /* calls that wait for a connection or a stream, in order */
    uint32_t n_pending;
    seal__heap deadlines; /* of pending calls; those with a stream have theirs in the session */
    uv_timer_t timer;
    uint64_t timer_ns; /* UINT64_MAX: not armed */
    bool timer_open;
    bool freeing;
    seal__task free_task;
    void (*released)(void *user);
    void *released_user;
};

/* One call. Two references: the library's until it has been delivered, and the caller's handle. */
struct seal_client_call {
    atomic_uint refs;
    atomic_bool delivered;
    seal__shared *shared;
    seal__task submit_task;
    seal__task cancel_task;
    atomic_bool cancel_queued;
    seal_channel *channel;
    const seal_method *method;
    seal_deliver_fn *deliver;
    seal_any_fn *done;
    void *user;
    uint64_t started_ns;
    uint64_t deadline_ns;
    uint64_t timeout_us; /* for the message */
    seal_level min_level;
    uint8_t *request; /* packed, while it waits; NULL: sent */
    size_t request_len;
    uint32_t lost_connections; /* while it was waiting */
    seal__list node;           /* in pending */
    seal__heap_node deadline;  /* in deadlines */
    seal__stream *stream;      /* NULL: waits */
    seal__conn *conn;          /* of the stream */
    seal_result *result;       /* with a reply that came before its status */
};

/* How a call ended, on its way to a result. */
typedef struct seal__outcome {
    seal_status status;
    seal_execution execution;
    seal_error_code cause;
    const char *message;
} seal__outcome;

/* options.c */
int seal__channel_config_make(const char *target, const seal_channel_options *given,
                              const char *default_class, const seal_allocator *alloc,
                              seal__channel_config *ret_config, seal_error **reterr);
void seal__channel_config_done(seal__channel_config *config, const seal_allocator *alloc);

/* result.c */
/* NULL: out of memory. */
seal_result *seal__result_new(seal__shared *shared);
/* Decodes the reply into the result. */
int seal__result_unpack(seal_result *result, const seal_method *method, const uint8_t *data,
                        size_t len, seal_error **reterr);
/* Before anybody else sees it. peer may be NULL. */
void seal__result_set(seal_result *result, const seal__outcome *outcome, seal_peer *peer);
bool seal__result_has_reply(const seal_result *result);
/* Needs no memory. */
seal_result *seal__result_no_memory(void);
seal_result *seal__result_wrong_thread(void);
/* The status that an error of ours stands for. */
seal_status seal__status_of(int code);

/* call.c */
/* Delivers and drops the library's reference. The call is in no list and has no stream any more. */
void seal__client_call_deliver(seal_client_call *call, const seal__outcome *outcome);

/* pending.c */
/* Puts a call at the end of the line, and sees to a connection. */
void seal__channel_enqueue(seal_channel *channel, seal_client_call *call);
void seal__channel_unqueue(seal_channel *channel, seal_client_call *call);
/* Gives streams to waiting calls, as many as there are. */
void seal__channel_serve_pending(seal_channel *channel);
/* Ends all waiting calls. */
void seal__channel_fail_pending(seal_channel *channel, const seal__outcome *outcome);
/* An established connection was lost: waiting calls may wait for the next one, but not for ever. */
void seal__channel_lost_connection(seal_channel *channel);
void seal__channel_arm_timer(seal_channel *channel);
/* Opens a stream and sends the request through `pack`. Returns 0 or a negative code. */
int seal__channel_send_request(seal_channel *channel, seal_client_call *call, size_t size,
                               seal__pack_fn *pack, const void *message);
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
