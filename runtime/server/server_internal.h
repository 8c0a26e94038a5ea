/* SPDX-License-Identifier: Apache-2.0 */
/* The server's inside. Everything is touched on the loop thread only, unless it says otherwise. */
#ifndef SEAL_SERVER_SERVER_INTERNAL_H
#define SEAL_SERVER_SERVER_INTERNAL_H

#include <stdalign.h>

#include <sealrpc/gen.h>

#include "base/arena.h"
#include "net/conn.h"
#include "naming/publish.h"
#include "net/listen.h"
#include "secure/gss/gss.h"

enum {
    SEAL__SERVER_MAX_ADDRESSES = 16,
    SEAL__SERVER_MAX_PRINCIPALS = 64,
    SEAL__SERVER_LOG_CAUSES = 16
};

/* A copy of seal_server_options with the defaults filled in and everything it points to. */
typedef struct seal__server_config {
    char *principals[SEAL__SERVER_MAX_PRINCIPALS];
    size_t n_principals;
    char *keytab; /* NULL: default */
    seal__secure_config secure;
    bool skip_startup_check;
    uint32_t max_connections;
    uint32_t max_half_open;
    uint32_t max_half_open_per_source;
    uint32_t max_streams;
    uint32_t max_request;
    uint32_t max_response;
    uint32_t stop_grace_ms;
} seal__server_config;

/* One method as a name on the wire finds it. */
typedef struct seal__server_method {
    const seal_method *method;
    const void *ops;
    void *user;
} seal__server_method;

typedef struct seal__server_service {
    const seal_service *service;
    const void *ops;
    void *user;
} seal__server_service;

typedef enum seal__server_state {
    SEAL__SERVER_NEW,
    SEAL__SERVER_STARTING,
    SEAL__SERVER_LISTENING,
    SEAL__SERVER_FAILED,
    SEAL__SERVER_STOPPING,
    SEAL__SERVER_STOPPED
} seal__server_state;

typedef struct seal__server_start seal__server_start;
typedef struct seal__server_publish seal__server_publish;
typedef struct seal__server_conn seal__server_conn;

struct seal_server {
    seal_runtime *runtime;
    bool owns_runtime;
    seal__server_config config;
    seal__gss_acceptor *acceptor;
    seal__server_state state;
    bool has_listened;

    char *addresses[SEAL__SERVER_MAX_ADDRESSES];
    size_t n_addresses;
    seal__listener *listeners[SEAL__SERVER_MAX_ADDRESSES * SEAL__RESOLVE_MAX];
    size_t n_listeners;
    atomic_uint port;
    seal__server_start *start;     /* the check under way; NULL: none */
    seal__server_publish *publish; /* NULL: not asked for, or over */

    seal__server_service *services;
    size_t n_services;
    seal__server_method *methods; /* sorted by full name; made at start */
    size_t n_methods;

    seal__list half_open;   /* seal__server_conn */
    seal__list established; /* seal__server_conn */
    uint32_t n_half_open;
    uint32_t n_established;
    uint32_t n_calls; /* call objects that exist */
    seal_server_stats stats;
    struct {
        int code;
        seal__log_limit limit;
    } log_limits[SEAL__SERVER_LOG_CAUSES];

    uv_timer_t grace; /* open while unpublishing and stopping */
    bool grace_open;
    bool unpublishing;     /* still LISTENING, but its entry is being removed: then it stops */
    uint64_t grace_end_ms; /* by uv_now */
    seal__list stop_tasks; /* who is to be told when it has stopped */
    uint32_t n_stop_tasks; /* of them, on their way: told before the server is released */
    void (*run_ended)(void *user); /* of seal_server_run: the server has stopped, whoever did it */
    void *run_user;
    void (*released)(void *user); /* of seal_server_free: after everything is gone */
    void *released_user;
    bool freeing;
};

struct seal__server_conn {
    seal_server *server;
    seal__conn *conn;
    seal__list node;    /* in half_open or established */
    uint8_t source[16]; /* /32, /64, or zero for unix sockets: what per-source limits count */
};

/* One call. `users` are the references that handlers hold; together they hold one of `refs`, and
 * the stream, while there is one, another. Freed on the loop thread. */
enum { SEAL__CALL_FIRST = 384 };

struct seal_call {
    atomic_uint refs;
    atomic_uint users;
    atomic_bool answered;
    atomic_bool cancelled;
    seal__task task; /* answer from another thread, or last release */
    seal_server *server;
    seal__server_conn *sc; /* NULL: the connection is gone */
    seal__stream *stream;  /* NULL: finished or gone */
    seal_call *next_lost;  /* while all calls of a connection that is over are let go of */
    const seal__server_method *method;
    seal_peer *peer;
    uint64_t deadline_ns;
    bool invoked;
    ProtobufCMessage *request;
    seal__arena arena; /* the request lives here */
    seal_call_cancelled_fn *on_cancel;
    void *on_cancel_user;
    seal__task cancel_task; /* tells of a cancel that came before on_cancel was set */
    bool cancel_queued;
    uint8_t *answer; /* packed by another thread */
    size_t answer_len;
    seal_status answer_status;
    seal_execution answer_execution;
    char *answer_text;
    alignas(max_align_t) uint8_t first[SEAL__CALL_FIRST]; /* what the arena hands out first */
};

/* options.c */
int seal__server_config_make(const seal_server_options *given, const seal_allocator *alloc,
                             seal__server_config *ret_config, seal_error **reterr);
void seal__server_config_done(seal__server_config *config, const seal_allocator *alloc);

/* registry.c */
int seal__server_sort_methods(seal_server *server);
const seal__server_method *seal__server_find_method(const seal_server *server,
                                                    const char *full_name);

/* start.c: abandons a check that is under way. */
void seal__server_start_abandon(seal_server *server);

/* publish.c. What is asked for; a reference, or NULL. */
seal__publish_config *seal__server_publish_config(const seal_server *server);
/* The server listens. */
void seal__server_publish_begin(seal_server *server);
/* It is to stop. true: seal__server_unpublished follows; false: there is no entry. */
bool seal__server_publish_remove(seal_server *server);
/* The removal has taken too long. */
void seal__server_publish_give_up(seal_server *server);
/* It will not listen, or does no more. */
void seal__server_publish_end(seal_server *server);

/* stop.c: the entry has been removed, or cannot be. */
void seal__server_unpublished(seal_server *server);

/* accept.c */
void seal__server_incoming(void *user, seal__listener *listener);
/* Logs why connections from outside fail, at most some lines a second for each cause. */
void seal__server_log_peer(seal_server *server, seal_log_level level, const char *address,
                           const seal_error *why);

/* dispatch.c */
void seal__server_event(seal__conn *conn, const seal__event *event);
/* The connection is over: lets go of all its calls. */
void seal__server_detach_calls(seal__server_conn *sc);

/* authorize.c: true when `allow` (NULL: everybody) admits the peer. */
bool seal__server_allows(const char *const *allow, const seal_peer *peer);

/* call.c */
seal_call *seal__call_new(seal__server_conn *sc, seal__stream *stream,
                          const seal__server_method *method, uint64_t deadline_ns);
/* The stream is gone; drops its reference. */
void seal__call_detach(seal_call *call);
void seal__call_cancel(seal_call *call);
void seal__call_release(seal_call *call);

/* answer.c: ends the call's stream from the loop thread without a handler's answer. */
void seal__call_refuse(seal_call *call, seal_status status, seal_execution execution,
                       const char *text);

/* stop.c: a connection or call has gone: perhaps the last one. */
void seal__server_maybe_stopped(seal_server *server);
/* A connection that is being drained has one stream less. */
void seal__server_maybe_close_idle(seal__server_conn *sc);

#endif
