/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Servers: bind a port, authenticate every connection both ways, and dispatch calls to handlers.
 *
 * A server does not listen before its credentials have been proven usable, and no handler runs for
 * bytes that are not authenticated.
 */
#ifndef SEALRPC_SERVER_H
#define SEALRPC_SERVER_H

#include <sealrpc/result.h>
#include <sealrpc/runtime.h>

SEAL_BEGIN_DECLS

typedef struct seal_server seal_server;

/** One call at the server. See "Calls" below. */
typedef struct seal_call seal_call;

typedef struct seal_server_options {
    size_t struct_size;
    /** The service principal, "class/host[:port][/name]" with or without "@REALM". Required. */
    const char *principal;
    /** More principals this server answers to, NULL-terminated; NULL: none. */
    const char *const *aliases;
    /** Keytab with their keys, such as "/etc/greeter.keytab" or "FILE:..."; NULL: the default one
     *  (KRB5_KTNAME, else default_keytab_name of krb5.conf). Re-read for every handshake. */
    const char *keytab;
    seal_level min_level;     /**< floor of protection; 0: SEAL_LEVEL_PRIVACY */
    const seal_suite *suites; /**< accepted suites; NULL: all */
    size_t n_suites;
    const seal_mechanism *mechanisms; /**< accepted mechanisms; NULL: krb5 only */
    size_t n_mechanisms;
    bool allow_one_way;      /**< accept mechanisms that do not prove the server (NTLM) */
    bool allow_anonymous;    /**< accept anonymous principals */
    bool skip_startup_check; /**< do not ask KDC, directory and DNS at start about the principals */
    uint32_t max_connections;          /**< 0: 10,000 */
    uint32_t max_half_open;            /**< connections in handshake, in all; 0: 1,024 */
    uint32_t max_half_open_per_source; /**< the same per address (/32, /64); 0: 64 */
    uint32_t max_streams;              /**< calls at once per connection, 8..1,000; 0: 100 */
    uint32_t max_request;  /**< bytes of one request where the method sets no limit; 0: 4 MiB */
    uint32_t max_response; /**< bytes of one reply; 0: 64 MiB */
    uint32_t handshake_timeout_ms; /**< absolute, from accept; 0: 10,000 */
    uint32_t stop_grace_ms; /**< what seal_server_run and _free leave running calls, and what calls
                             * have on a connection that is too old; 0: 5,000 */
    /** Loops that serve connections, 1..64; 0: 1. The first is the runtime's; the others have a
     * thread each. A connection stays on the loop it was given to, which is the one with the
     * fewest. With more than one, handlers run on several threads at once. */
    uint32_t loops;
    uint32_t worker_threads; /**< for blocking handlers, upper bound, 1..1,024; 0: 16 */
    uint32_t worker_queue;   /**< calls that may wait for one of them; 0: 1,000 */
    uint32_t stream_window; /**< bytes a client may send ahead on one stream, 64 KiB..64 MiB; 0: 256
                             * KiB, or less where max_streams of them would exceed 64 MiB */
    uint32_t keepalive_ms;  /**< ask a silent client whether it is there after so long, 100..24 h;
                             * 0: 60,000; SEAL_NEVER */
    uint32_t
        keepalive_timeout_ms; /**< and drop it when nothing has come after so long; 0: 20,000 */
    uint32_t max_connection_idle_ms; /**< a connection without calls is drained after so long;
                                      * 0: SEAL_NEVER */
    uint32_t max_connection_age_ms;  /**< every connection is drained after so long, give or take a
                                      * tenth, so that clients spread anew; 0: SEAL_NEVER */
} seal_server_options;

static inline void seal_server_options_init(seal_server_options *options) {
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/**
 * Makes a server. Nothing is bound and no file is opened yet.
 *
 * @param runtime borrowed until the server is freed; NULL: the server makes one of its own, with
 * its own thread and seal_log_to_stderr as log, and frees it.
 * @param options required for @c principal; copied, strings too.
 * @return 0, SEAL_ERROR_INVALID (which option, and why), SEAL_ERROR_NO_MEMORY, SEAL_ERROR_SYSTEM.
 */
SEAL_API SEAL_MUST_USE int seal_server_new(seal_runtime *runtime,
                                           const seal_server_options *options,
                                           seal_server **ret_server, seal_error **reterr_error);

/**
 * Adds an address to listen on. Before the server is started only.
 *
 * @param address "host:port" (all addresses of the name), "127.0.0.1:port", "[::1]:port", "*:port"
 * (all interfaces, IPv6 and IPv4), or "unix:/path" (at most 107 bytes; "unix:@name": abstract).
 * Port 0: a free one, the same for all addresses of a name, see seal_server_port. An IPv6 address
 * takes no IPv4 connections. A name is resolved when the server starts.
 * @return 0, SEAL_ERROR_INVALID (syntax), SEAL_ERROR_STATE, SEAL_ERROR_TOO_MANY (over 16).
 */
SEAL_API SEAL_MUST_USE int seal_server_add_address(seal_server *server, const char *address,
                                                   seal_error **reterr_error);

/** Called when start-up has ended: @p error is NULL when the server listens; borrowed. */
typedef void seal_server_started_fn(seal_server *server, const seal_error *error, void *user);

/**
 * Proves that the credentials work, then binds and listens.
 *
 * The proof: the keytab can be read and holds a usable key for every principal, and a ticket made
 * from that key is accepted through the very path that connections take. Then, unless
 * skip_startup_check, the KDC is asked about every principal, and the directory about the first one
 * when the server has been told where to publish itself (seal_server_publish):
 *
 * | finding | outcome | code |
 * |---|---|---|
 * | the KDC does not know the principal | fatal | SEAL_ERROR_UNKNOWN_SERVICE |
 * | it knows it in other letters | fatal | SEAL_ERROR_UNKNOWN_SERVICE |
 * | it is on another account than the keytab's (AD), or than the one to publish below | fatal |
 *   SEAL_ERROR_SPN_OWNER |
 * | no account in the directory has it | fatal | SEAL_ERROR_UNKNOWN_SERVICE |
 * | several accounts in the directory have it | fatal | SEAL_ERROR_SPN_DUPLICATE |
 * | the keytab has no key for it | fatal | SEAL_ERROR_KEYTAB |
 * | the keytab has another key or version than the KDC | fatal | SEAL_ERROR_KEY_VERSION |
 * | tickets for it are encrypted with RC4 or DES | fatal | SEAL_ERROR_KEYTAB |
 * | krb5.conf gives its host another realm | warning in the log | |
 * | DNS knows its host by another name | warning in the log, perhaps later | |
 * | KDC or directory cannot be asked within 5 s, or say nothing certain | warning in the log | |
 *
 * Each message names the principal, the cause and the command that mends it. The keytab is checked
 * on the acceptor pool, the rest on the initiator pool.
 *
 * @return 0 and @p started is called later, or SEAL_ERROR_STATE (no address, already started).
 * Errors in the callback: those of the table, and SEAL_ERROR_KEYTAB (missing, unreadable),
 * SEAL_ERROR_KERBEROS_CONFIG, SEAL_ERROR_ADDRESS (cannot bind), SEAL_ERROR_CANCELLED (stopped).
 */
SEAL_API SEAL_MUST_USE int seal_server_start_async(seal_server *server,
                                                   seal_server_started_fn *started, void *user,
                                                   seal_error **reterr_error);

/** The same, waiting for the outcome. Blocks: not on a loop thread (SEAL_ERROR_WRONG_THREAD). */
SEAL_API SEAL_MUST_USE int seal_server_start(seal_server *server, seal_error **reterr_error);

/**
 * Starts the server if that has not been done, and serves until SIGINT, SIGTERM or
 * seal_server_stop; then stops, leaving running calls stop_grace_ms. For programs that do nothing
 * else. Blocks: not on a loop thread. A second signal ends at once.
 * @return 0 after an orderly stop, an error of seal_server_start, or SEAL_ERROR_STATE when a start
 * with seal_server_start_async has failed.
 */
SEAL_API SEAL_MUST_USE int seal_server_run(seal_server *server, seal_error **reterr_error);

/** Called on the loop thread when the server listens. It must not block. */
typedef void seal_server_listening_fn(seal_server *server, void *user);

/** Asks to be told, once; before the server is started. For programs that say where they listen and
 * then leave the rest to seal_server_run: when this comes, signals are caught already, so that a
 * program that is told to end at once drains, too. NULL takes the request back. */
SEAL_API void seal_server_on_listening(seal_server *server, seal_server_listening_fn *listening,
                                       void *user);

/** Returns the port of the first TCP address, 0 before the server has started. **Thread-safe.** */
SEAL_API uint16_t seal_server_port(const seal_server *server);

/** Called when the server has stopped: its last connection is closed and its last call let go of.
 * Once for every seal_server_stop that asks for it. It may free the server. */
typedef void seal_server_stopped_fn(seal_server *server, void *user);

/**
 * Removes the server's entry from the directory if it is published (until then, but at most half of
 * @p grace_ms, it goes on as before), stops listening, tells every client which calls were accepted
 * (later ones are NOT_EXECUTED), lets running calls finish, cancels what is left after @p grace_ms,
 * and closes. **Thread-safe.** Does nothing when there is no memory, but for a call on the loop
 * thread without @p stopped, and seal_server_free, which need none.
 * @param stopped may be NULL.
 */
SEAL_API void seal_server_stop(seal_server *server, uint32_t grace_ms,
                               seal_server_stopped_fn *stopped, void *user);

/**
 * Drains a server and waits for it: as seal_server_stop, in two phases, so that no call is refused
 * that a client has begun. First every client is asked to make its new calls elsewhere, while calls
 * that are already on the way are still taken; then, when the client has heard it, the connection
 * closes with its last call. Blocks: not on a loop thread. Like this SIGTERM ends seal_server_run.
 * @param deadline_ms how long calls that run may go on; then they are cancelled.
 * @return 0 when every call has finished, SEAL_ERROR_TIMEOUT when some were cancelled (how many),
 * SEAL_ERROR_WRONG_THREAD, SEAL_ERROR_NO_MEMORY.
 */
SEAL_API SEAL_MUST_USE int seal_server_drain(seal_server *server, uint32_t deadline_ms,
                                             seal_error **reterr_error);

/**
 * Frees a server, stopping it first with stop_grace_ms. On a loop's thread, any of its loops:
 * returns at once, and the rest happens on the loops. On another thread: blocks until it has
 * happened. NULL is allowed.
 */
SEAL_API void seal_server_free(seal_server *server);

/** Figures of a server since its start. */
typedef struct seal_server_stats {
    uint64_t connections_accepted;
    uint64_t connections_open;
    uint64_t handshakes_completed;
    uint64_t handshakes_failed;
    uint64_t connections_shed; /**< refused by a limit */
    uint64_t calls_started;    /**< handlers run */
    uint64_t calls_refused;    /**< ended without a handler */
    uint64_t calls_running;    /**< calls that their handler has not let go of */
    uint64_t published;        /**< 1: its entry is in the directory; 0: no, or not known */
    uint64_t publish_failures; /**< attempts to publish or to refresh that failed */
    uint64_t calls_cancelled;  /**< of those started: given up by client or deadline */
    uint64_t
        calls_expired_in_queue; /**< refused because the deadline passed before a worker was free */
    uint64_t calls_queued;      /**< waiting for a worker now */
    uint64_t connections_drained_age; /**< sent away by max_connection_age_ms or _idle_ms */
    uint64_t connections_silent;      /**< dropped by keepalive */
} seal_server_stats;

/** Reads the figures. */
SEAL_API void seal_server_get_stats(seal_server *server, seal_server_stats *ret_stats);

/* ---- Calls -------------------------------------------------------------------------------------
 *
 * A handler gets a call and must answer it exactly once: with the generated typed reply function,
 * or with seal_call_fail. It may do so before it returns, later, and from any thread. To do it
 * later, or on another thread, it takes a reference before (seal_call_ref), which is dropped after
 * the answer: the library holds one only while the handler runs, and takes a call without another
 * for one that nobody else is looking at. So do all handlers on the loop that wait for
 * messages, for room, or for a call of their own. The call and the request message live as long as
 * a reference is held. A call whose last reference goes without an answer is answered INTERNAL.
 *
 * Streaming methods. A handler that sends several messages ends the call with seal_call_finish
 * instead of a reply. Messages of the client are asked for with seal_call_read. Sending never
 * blocks: where too much waits for the client, the generated send function returns
 * SEAL_ERROR_AGAIN, and seal_call_on_writable tells when to go on. After a cancel neither messages
 * nor on_writable come: set seal_call_on_cancel, and there answer and drop the reference.
 *
 * Details. seal_call_add_detail (gen.h, which generated headers include) adds a message of any type
 * to the status of a call that is going to fail.
 *
 * Blocking handlers. Those of a service that was registered with its _register_blocking function
 * run on a worker thread, a call each, and may block; in them the generated take and put functions
 * wait for the next message and for room. Calls wait for a worker in the order of their deadlines;
 * one whose deadline has passed is not begun.
 *
 * Where a function is said to run "on the call's loop thread", that is the loop of the call's
 * connection: with seal_server_options.loops above 1 there are several.
 */

/** Returns who calls, over which protection. Valid as long as the call. **Thread-safe.** */
SEAL_API const seal_peer *seal_call_peer(const seal_call *call);

/** Returns the full method name, such as "demo.Greeter/SayHello". **Thread-safe.** */
SEAL_API const char *seal_call_method(const seal_call *call);

/** Returns the time left until the call's deadline in microseconds, 0 when it has passed,
 *  UINT64_MAX when it has none. **Thread-safe.** */
SEAL_API uint64_t seal_call_time_left_us(const seal_call *call);

/** Returns true when nobody waits for the answer any more (cancel, deadline, connection lost). The
 *  handler should then stop; it still has to answer. **Thread-safe.** */
SEAL_API bool seal_call_is_cancelled(const seal_call *call);

/** Called on the call's loop thread when a call is cancelled. It, or somebody later, still has to
 * answer. */
typedef void seal_call_cancelled_fn(seal_call *call, void *user);

/** Asks to be told of a cancel, at most once; never after the call was answered. If the call is
 *  cancelled already, the callback comes soon. NULL takes the request back. On the call's loop
 *  thread only; on others ask seal_call_is_cancelled. */
SEAL_API void seal_call_on_cancel(seal_call *call, seal_call_cancelled_fn *cancelled, void *user);

/** Returns the metadata of the request. Never NULL; valid as long as the call. **Thread-safe.** */
SEAL_API const seal_metadata *seal_call_metadata(const seal_call *call);

/** Sends initial metadata: at most once, before the first message. Copied. **Thread-safe.**
 *  @return 0, SEAL_ERROR_ALREADY (sent before, or a message or the answer was),
 * SEAL_ERROR_NO_MEMORY. */
SEAL_API int seal_call_send_metadata(seal_call *call, const seal_metadata *metadata);

/** Sets the trailing metadata, which goes with the answer. Copied; replaces what was set before.
 *  **Thread-safe.** @return 0, SEAL_ERROR_ALREADY (answered), SEAL_ERROR_NO_MEMORY. */
SEAL_API int seal_call_set_trailing_metadata(seal_call *call, const seal_metadata *metadata);

/** Advises the client how to go on after a failure: to try again no earlier than after so many
 * milliseconds, or SEAL_NEVER. Goes with seal_call_fail. **Thread-safe.** */
SEAL_API void seal_call_set_retry_after(seal_call *call, uint32_t milliseconds);

/** Returns which attempt of the client's this is, counted from 1. **Thread-safe.** */
SEAL_API uint32_t seal_call_attempt(const seal_call *call);

/** Returns the caller's W3C trace context: the value of its "traceparent", "" where there is none
 * or it is malformed. Valid as long as the call. **Thread-safe.** */
SEAL_API const char *seal_call_traceparent(const seal_call *call);

/** Returns the value of the caller's "tracestate", "" where there is none. **Thread-safe.** */
SEAL_API const char *seal_call_tracestate(const seal_call *call);

/** Asks for @p n more messages of a streaming request, SEAL_READ_ALL for all. They come through the
 * function that was set with the generated receive function. What is not asked for stays with the
 * client, but for the stream's window. **Thread-safe.** */
SEAL_API void seal_call_read(seal_call *call, uint32_t n);

/** Called on the call's loop thread when a send function that has returned SEAL_ERROR_AGAIN may be
 * tried again. */
typedef void seal_call_writable_fn(seal_call *call, void *user);

/** Asks to be told, each time; never after the call was answered or cancelled. Before the first
 * message is sent, or on the call's loop thread. */
SEAL_API void seal_call_on_writable(seal_call *call, seal_call_writable_fn *writable, void *user);

/** Ends a call of a method that streams its replies: status OK, after all messages that were sent.
 *  **Thread-safe.** @return 0, SEAL_ERROR_ALREADY (answered), SEAL_ERROR_INVALID (the method has
 * one reply: use its reply function; the call is not answered). */
SEAL_API int seal_call_finish(seal_call *call);

/** Adds a reference, to answer after the handler has returned, and returns @p call.
 *  **Thread-safe.** */
SEAL_API seal_call *seal_call_ref(seal_call *call);

/** Drops a reference. NULL is allowed. **Thread-safe.** */
SEAL_API void seal_call_unref(seal_call *call);

/**
 * Answers with a failure. **Thread-safe.**
 * @param status not OK; OK, or a value that is not a status, is sent as UNKNOWN.
 * @param format printf format of the message that the client sees, at most 1,024 bytes are sent.
 * Do not put secrets in it. NULL: the client sees the name of the status.
 * @return 0, SEAL_ERROR_ALREADY when the call has been answered. A call nobody waits for any more
 * takes the answer and drops it.
 */
SEAL_API int seal_call_fail(seal_call *call, seal_status status, const char *format, ...)
    SEAL_PRINTF(3, 4);

SEAL_END_DECLS

#endif
