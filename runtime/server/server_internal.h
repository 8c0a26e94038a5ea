/* SPDX-License-Identifier: Apache-2.0 */
/* The server's inside. Everything is touched on the loop thread only, unless it says otherwise. */
#ifndef SEAL_SERVER_SERVER_INTERNAL_H
#define SEAL_SERVER_SERVER_INTERNAL_H

#include <sealrpc/gen.h>

#include "base/spares.h"
#include "net/conn.h"
#include "naming/publish.h"
#include "net/listen.h"
#include "secure/gss/gss.h"
#include "server/call.h"

enum {
    SEAL__SERVER_MAX_ADDRESSES = 16,
    SEAL__SERVER_MAX_PRINCIPALS = 64,
    SEAL__SERVER_MAX_LOOPS = 64,
    SEAL__SERVER_WINDOWS = 64 * 1024 * 1024, /* what the session's defaults allow */
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
    uint32_t loops;
    uint32_t worker_threads;
    uint32_t worker_queue;
    uint32_t stream_window; /* 0: the session's default */
    uint64_t keepalive_ns;  /* 0: never */
    uint64_t keepalive_timeout_ns;
    uint64_t idle_ns; /* 0: never */
    uint64_t age_ns;  /* 0: never */
} seal__server_config;

/* One method as a name on the wire finds it. */
typedef struct seal__server_method {
    const seal_method *method;
    const void *ops;
    void *user;
    bool blocks; /* its handlers run on workers */
} seal__server_method;

typedef struct seal__server_service {
    const seal_service *service;
    const void *ops;
    void *user;
    bool blocks;
} seal__server_service;

typedef enum seal__server_state {
    SEAL__SERVER_NEW,
    SEAL__SERVER_STARTING,
    SEAL__SERVER_LISTENING,
    SEAL__SERVER_FAILED,
    SEAL__SERVER_STOPPING,
    SEAL__SERVER_STOPPED
} seal__server_state;

/* What seal_server_stats tells, but for connections_open. Counted by one loop or by whom it
 * concerns, read by anybody. */
typedef struct seal__server_counts {
    atomic_uint_least64_t connections_accepted;
    atomic_uint_least64_t handshakes_completed;
    atomic_uint_least64_t handshakes_failed;
    atomic_uint_least64_t connections_shed;
    atomic_uint_least64_t calls_started;
    atomic_uint_least64_t calls_refused;
    atomic_uint_least64_t calls_running;
    atomic_uint_least64_t calls_cancelled;
    atomic_uint_least64_t calls_expired_in_queue;
    atomic_uint_least64_t calls_queued;
    atomic_uint_least64_t connections_drained_age;
    atomic_uint_least64_t connections_silent;
} seal__server_counts;

/* The same with less work, where only one thread counts. */
static inline void seal__count(atomic_uint_least64_t *counter, int by) {
    uint_least64_t n = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, n + (uint_least64_t)(int64_t)by, memory_order_relaxed);
}

/* One loop of a server: its connections and their calls. Touched on that loop only, unless it says
 * otherwise. The first one runs on the server's runtime; the others have runtimes of their own. */
typedef struct seal__server_loop {
    seal_server *server;
    struct seal__server_crew *crew; /* NULL: the first one */
    seal_runtime *runtime;
    seal__list half_open;   /* seal__server_conn */
    seal__list established; /* seal__server_conn */
    seal__list queued;      /* seal__call_work: calls that wait for a worker */
    uint32_t n_half_open;
    uint32_t n_established;
    uint32_t n_calls;       /* call objects in use */
    seal__spares calls;     /* others, without a peer */
    seal__spares last_call; /* the one that was let go of last, with its peer */
    bool stopping;
    uint32_t n_given;  /* connections it was given and that are not over; under limits.lock */
    atomic_uint n_cut; /* calls that were going on when the grace was over */
    bool is_ending;    /* of the runtime; first loop's thread, as all below */
    seal__task drain;  /* orders of the first loop: once each */
    seal__task cut;
    seal__task look;   /* is it idle? On this loop */
    seal__task report; /* it is. On the first loop */
    seal__task ended;  /* its thread has ended. On the first loop */
    bool look_queued;  /* this loop's thread, as the next */
    bool reported;
    seal__server_counts stats;
    struct {
        int code;
        seal__log_limit limit;
    } log_limits[SEAL__SERVER_LOG_CAUSES];
    seal__log_limit want_limit; /* handlers that do not answer */
} seal__server_loop;

/* The loops after the first. They outlive the server until their threads have ended. */
typedef struct seal__server_crew {
    seal_runtime *first; /* held */
    bool is_left;        /* the server has gone */
    uint32_t n_alive;    /* threads */
    uint32_t n;
    seal__server_loop loops[];
} seal__server_crew;

/* What is limited over all loops. The lock is taken when a connection comes, is established or
 * ends; only the first loop admits. */
enum { SEAL__SERVER_SOURCES = 256 };

typedef struct seal__server_limits {
    uv_mutex_t lock;
    uint32_t n_open; /* half-open ones included */
    uint32_t n_half_open;
    seal__list half_open[SEAL__SERVER_SOURCES]; /* seal__server_conn, by a hash of its source */
} seal__server_limits;

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
    seal__workers *workers;                                       /* NULL: no handler blocks */
    seal__server_interceptor interceptors[SEAL_MAX_INTERCEPTORS]; /* added until it is started */
    uint32_t n_interceptors;

    seal__server_loop main;  /* the first loop */
    seal__server_crew *crew; /* the others; NULL: none */
    seal__server_limits limits;
    atomic_uint published; /* as in seal_server_stats */
    atomic_uint_least64_t publish_failures;

    uv_timer_t grace; /* open while unpublishing and stopping */
    bool grace_open;
    bool unpublishing;     /* still LISTENING, but its entry is being removed: then it stops */
    uint64_t grace_end_ms; /* by uv_now */
    seal__list stop_tasks; /* who is to be told when it has stopped */
    uint32_t n_stop_tasks; /* of them, on their way: told before the server is released */
    uint32_t n_busy;       /* other loops that were told to drain and have not reported */
    bool is_cut;           /* the grace is over */
    seal__task free_task;  /* from another loop's thread */
    seal_server_listening_fn *on_listening; /* NULL: nobody wants to know */
    void *on_listening_user;
    void (*run_ended)(void *user); /* of seal_server_run: the server has stopped, whoever did it */
    void *run_user;
    void (*released)(void *user); /* of seal_server_free: after everything is gone */
    void *released_user;
    bool freeing;
};

struct seal__server_conn {
    seal_server *server;
    seal__server_loop *loop;
    seal__conn *conn;
    seal__list node; /* in half_open or established */
    bool draining;
    bool had_calls;         /* since idle_since_ns, or has some now */
    uint64_t idle_since_ns; /* no call since, if !had_calls */
    uint64_t age_end_ns;    /* UINT64_MAX: never */
    seal__list by_source;   /* in limits, while half-open */
    uint8_t source[16];     /* /32, /64, or zero for unix sockets: what per-source limits count */
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
/* seal_server_stop. Returns 0, SEAL_ERROR_NO_MEMORY, or SEAL_ERROR_STATE when the runtime is being
 * freed; then nothing happens. */
int seal__server_ask_stop(seal_server *server, uint32_t grace_ms, seal_server_stopped_fn *stopped,
                          void *user);

/* loops.c. No thread yet. */
int seal__server_loops_init(seal_server *server);
/* At start; rolls back when it fails. */
int seal__server_loops_start(seal_server *server, seal_error **reterr);
/* Ends the other loops' threads, which are idle; does not wait. */
void seal__server_loops_end(seal_server *server);
/* The server goes. */
void seal__server_loops_leave(seal_server *server);
/* The i-th loop; NULL: no more, or it does not run. Loop 0 is always there. */
seal__server_loop *seal__server_loop_at(seal_server *server, uint32_t i);
/* Every loop that runs gets its order; the first at once. */
void seal__server_loops_drain(seal_server *server);
void seal__server_loops_cut(seal_server *server);
/* This loop, which is not the first, has nothing any more: tells the first one. */
void seal__server_loop_report(seal__server_loop *loop);

/* limits.c */
int seal__server_limits_init(seal__server_limits *limits);
void seal__server_limits_done(seal__server_limits *limits);
/* No connection is accepted now. */
bool seal__server_is_full(seal_server *server);
/* The loop with the fewest connections. */
seal__server_loop *seal__server_choose_loop(seal_server *server);
/* Gives it, half-open, to its loop; false: there are too many from its source. */
bool seal__server_admit(seal__server_conn *sc, bool limit_source);
void seal__server_admit_established(seal__server_conn *sc);
void seal__server_admit_end(seal__server_conn *sc);
uint32_t seal__server_open_count(seal_server *server);

/* drain.c. The client is asked to make no more calls here; closes with the last one. */
void seal__server_drain_conn(seal__server_conn *sc, const char *text);
/* A drained connection, of which everything is with the socket, is closed. */
void seal__server_maybe_close_idle(seal__server_conn *sc);
/* Age and idleness: a connection is established; has sent everything; its alarm. */
void seal__server_watch(seal__server_conn *sc);
void seal__server_note_idle(seal__server_conn *sc);
void seal__server_on_alarm(seal__conn *conn);
/* All of a loop's. */
void seal__server_drain_loop(seal__server_loop *loop);
void seal__server_cut_loop(seal__server_loop *loop);

/* accept.c */
void seal__server_incoming(void *user, seal__listener *listener);
/* Logs why connections from outside fail, at most some lines a second for each cause. */
void seal__server_log_peer(seal__server_loop *loop, seal_log_level level, const char *address,
                           const seal_error *why);

/* dispatch.c */
void seal__server_event(seal__conn *conn, const seal__event *event);
/* The connection is over: lets go of all its calls. */
void seal__server_detach_calls(seal__server_conn *sc);
/* The grace is over: no worker begins a call of this loop any more. */
void seal__server_refuse_queued(seal__server_loop *loop);

/* authorize.c: true when `allow` (NULL: everybody) admits the peer. */
bool seal__server_allows(const char *const *allow, const seal_peer *peer);

/* stop.c: a connection or call has gone: perhaps the last one. */
void seal__server_maybe_stopped(seal__server_loop *loop);

#endif
