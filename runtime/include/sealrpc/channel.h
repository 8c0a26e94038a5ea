/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Clients: a channel is a handle to one service at one target. It connects when the first call
 * needs it, authenticates both ends, and carries any number of calls at once over that connection.
 */
#ifndef SEALRPC_CHANNEL_H
#define SEALRPC_CHANNEL_H

#include <sealrpc/result.h>
#include <sealrpc/runtime.h>

SEAL_BEGIN_DECLS

typedef struct seal_channel seal_channel;

typedef struct seal_channel_options {
    size_t struct_size;
    /** The principal the server must prove to be, "class/host[:port][/name][@REALM]". NULL:
     * composed as spn_class/host from the target's host, which must then be a name, not an address.
     */
    const char *server_principal;
    /** The class of the composed principal; NULL: the service's, which generated code knows. */
    const char *spn_class;
    /** The third part of the composed principal, "class/host/name"; NULL: none. */
    const char *spn_name;
    bool spn_port; /**< the composed principal has the endpoint's port, "class/host:port" */
    /** Credential cache with the client's ticket; NULL: the default one (KRB5CCNAME). */
    const char *ccache;
    /** Keytab to get tickets with when there are none; NULL: the default client keytab, if any. */
    const char *client_keytab;
    /** Which principal to be when the cache or keytab has several; NULL: its default. */
    const char *client_principal;
    seal_level min_level; /**< floor of protection; 0: SEAL_LEVEL_PRIVACY */
    const seal_suite
        *suites; /**< offered, best first; NULL: aes256-gcm, aes128-gcm, chacha20-poly1305 */
    size_t n_suites;
    seal_mechanism mechanism; /**< 0: SEAL_MECHANISM_KRB5 */
    bool allow_one_way;       /**< accept a mechanism that does not prove the server (NTLM) */
    uint32_t timeout_ms;      /**< default deadline of calls; 0: 30,000 */
    /** The endpoints' list, name, TCP, KDC and handshake together, of all endpoints that are tried;
     * 0: 20,000. One of several endpoints gets a third of what is left, but at least 2 s, before
     * the next one is tried; the last one all that is left. Waiting for the KDC does not count
     * against an endpoint. */
    uint32_t connect_timeout_ms;
    uint32_t max_response; /**< bytes of one reply; 0: 4 MiB */
    uint32_t max_pending;  /**< calls waiting for a connection or a stream; 0: 10,000 */
    uint32_t
        max_attempts; /**< of one call, the first one counted, 1..5; 0: 3. See "Attempts" below */
    uint32_t stream_window; /**< bytes a server may send ahead on one stream, 64 KiB..64 MiB; 0: 256
                             * KiB */
    uint32_t keepalive_ms;  /**< ask a silent server whether it is there after so long, 100..24 h;
                             * 0: 20,000; SEAL_NEVER: then calls must have a deadline. Servers cut
                             * off who asks too often */
    uint32_t keepalive_timeout_ms; /**< and drop the connection when nothing has come after so long,
                                    * 100..24 h; 0: 10,000 */
    bool keepalive_idle;           /**< also while there is no call */
} seal_channel_options;

/* ---- Attempts ----------------------------------------------------------------------------------
 *
 * A call is executed at most once, unless its method says otherwise. So the library sends a call
 * again on its own only where it is certain that no handler has seen it: it never left this end, or
 * the server refused it UNAVAILABLE and NOT_EXECUTED, as one does that is going away. Methods with
 * protobuf's idempotency_level NO_SIDE_EFFECTS or IDEMPOTENT are also sent again where that is
 * unknown, and where the handler itself answered UNAVAILABLE.
 *
 * There are at most max_attempts, all within the call's one deadline. Between them lies 100 ms,
 * then twice as much, up to 2 s, each give or take a fifth, or what the server asks for; only the
 * first refusal by a server that is going away is followed at once. All calls of a channel share a
 * budget of 10: each failure costs 1, each success brings 0.1, and below 5 nothing is sent again
 * but what never left this end. Calls that were given up hold their places at the server until
 * their handlers are done; a call that the server refuses for that goes on waiting for a stream, at
 * no cost, unless max_attempts is 1. Once a message of the reply was handed out, or the messages of
 * the request exceed 256 KiB, there are no more attempts. */

static inline void seal_channel_options_init(seal_channel_options *options) {
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/**
 * Makes a channel. Nothing is connected yet; a wrong host or principal shows in the first call.
 * Generated code has a typed form that sets spn_class: SERVICE_channel_new.
 *
 * @param runtime borrowed until the channel is freed; NULL: one of its own, with its own thread.
 * @param target one of:
 * - "host:port", "127.0.0.1:port", "[::1]:port", "unix:/path", "unix:@name": one address;
 * - "seal:///host1:port,host2:port": a list, tried in this order;
 * - "dns:///domain": the SRV records of _sealrpc._tcp.domain (or "dns:///_x._tcp.domain");
 *   "dns://127.0.0.1:5353/domain" asks that server. The composed principal is class/domain, of the
 *   domain that is queried: DNS says where to connect, never who must answer;
 * - "ldap:///demo.Greeter": the service connection points of that service in the directory of
 *   ldap.conf, or of "ldap://dc1.example.com,dc2.example.com/demo.Greeter?base=dc=example,dc=com".
 *   The directory must authenticate itself and seal; the composed principal is class/host of the
 *   entry, and must be registered on the account that the entry belongs to.
 *
 * Where the target gives a host, it is used as it stands, in lower case, never through DNS, to
 * compose the principal. Lists are watched as long as the channel lives: changes take effect
 * without a restart, and while the source is away the last good list is used. No source ever stands
 * in for another.
 *
 * One connection is used at a time. When a call needs one, endpoints are tried one after the other,
 * by priority and weight as RFC 2782 says, until one has proved to be who it must be; when none
 * does, the calls that wait fail with the reason of each, what concerns security first. An endpoint
 * that leaves the list, or gets another principal, gets no new calls; those that run there finish.
 * @param options NULL for the defaults; copied, strings too.
 * @return 0, SEAL_ERROR_INVALID (target's syntax, an option, or a principal that cannot be
 * composed: set server_principal), SEAL_ERROR_NO_MEMORY, SEAL_ERROR_SYSTEM.
 */
SEAL_API SEAL_MUST_USE int seal_channel_new(seal_runtime *runtime, const char *target,
                                            const seal_channel_options *options,
                                            seal_channel **ret_channel, seal_error **reterr_error);

/**
 * Frees a channel. Calls that have not ended end with CANCELLED. On the loop thread: returns at
 * once, and the callbacks come from the loop. On another thread: blocks until all have come. NULL
 * is allowed.
 */
SEAL_API void seal_channel_free(seal_channel *channel);

/** Figures of a channel since it was made. */
typedef struct seal_channel_stats {
    uint32_t endpoints;          /**< in the list at present */
    uint64_t resolver_updates;   /**< lists that came from the source and differed */
    uint64_t resolver_outages;   /**< times the source became unavailable */
    uint64_t resolver_away_ms;   /**< how long the source has been away; 0: it is there */
    uint64_t connections_made;   /**< handshakes completed */
    uint64_t connections_failed; /**< attempts at one endpoint that failed */
    uint64_t connections_silent; /**< dropped by keepalive */
    uint64_t calls_started;
    uint64_t calls_ok;
    uint64_t calls_failed;       /**< ended with a status that is not OK */
    uint64_t calls_retried;      /**< attempts after the first */
    uint64_t calls_budget_spent; /**< not sent again because the budget was used up */
    uint64_t backoff_ms;         /**< until the next attempt to connect; 0: none is waiting */
} seal_channel_stats;

/** Reads the figures. Loop thread, or any other when the runtime has its own. */
SEAL_API void seal_channel_get_stats(seal_channel *channel, seal_channel_stats *ret_stats);

/** Options of one call. */
typedef struct seal_call_options {
    size_t struct_size;
    uint64_t timeout_us; /**< 0: the method's, else the channel's; SEAL_NO_DEADLINE: none, refused
                          * (SEAL_ERROR_INVALID) where keepalive_ms is SEAL_NEVER */
    seal_level
        min_level; /**< 0: the method's and channel's. Fails the call if the connection has less */
    const struct seal_metadata *metadata; /**< sent with the request; copied; NULL: none */
    /** Wait for a connection until the deadline. Otherwise a call fails when all endpoints have
     * been tried without success. */
    bool wait_for_ready;
    uint32_t max_attempts; /**< 1..5; 0: the channel's; 1: never again but what has not left this
                            * end */
    /** The call this one is made for: see seal_call_options_inherit. Borrowed until the call is
     * made; NULL: none. */
    struct seal_call *parent;
} seal_call_options;

#define SEAL_NO_DEADLINE UINT64_MAX

static inline void seal_call_options_init(seal_call_options *options) {
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/**
 * Makes options for a call that a handler makes to do its work: its deadline is the time that the
 * parent has left, less 5 ms; it is cancelled when the parent is, by its client or its deadline; it
 * carries on the parent's trace context, as a span of its own; and when the parent is itself a
 * second attempt, this call is not tried again, so that attempts do not multiply.
 *
 * @param options initialized; what they say already stays, but for a deadline beyond the parent's.
 * @param parent borrowed until the calls that are made with these options have been made.
 */
SEAL_API void seal_call_options_inherit(seal_call_options *options, struct seal_call *parent);

/** Called once, on the loop thread. @p result is borrowed until return: its status, cause and
 * message as those of a call that could not be sent; OK: it has the peer, and no reply. */
typedef void seal_channel_connected_fn(const seal_result *result, void *user);

/**
 * Connects and authenticates now, rather than when the first call needs it: so that the first call
 * is as fast as the next one, and a wrong address, principal or ticket shows when the program
 * starts. Where there is a connection already it says so. A connection that is lost later is made
 * again when a call needs it, or with this function. Never needed. Interceptors and the figures of
 * calls do not see it. **Thread-safe.**
 *
 * @param options as for a call, copied: timeout_us, min_level and wait_for_ready count; NULL: the
 * channel's timeout.
 * @param connected comes once, never from inside; with CANCELLED when the channel is freed first.
 * @return 0; or SEAL_ERROR_INVALID (an option), SEAL_ERROR_NO_MEMORY, SEAL_ERROR_STATE (the channel
 * is being freed), and @p connected never comes.
 */
SEAL_API SEAL_MUST_USE int seal_channel_connect(seal_channel *channel,
                                                const seal_call_options *options,
                                                seal_channel_connected_fn *connected, void *user);

/** The same, waiting for the end. Blocks: on a loop thread, of whatever runtime, it returns
 * FAILED_PRECONDITION at once.
 *  @return the result, never NULL: seal_result_free. */
SEAL_API SEAL_MUST_USE seal_result *seal_channel_connect_sync(seal_channel *channel,
                                                              const seal_call_options *options);

/** Handle of a call in progress at the client. */
typedef struct seal_client_call seal_client_call;

/* ---- Streaming calls ---------------------------------------------------------------------------
 *
 * Two ways. Asynchronous, with the generated open function: messages come to a callback when they
 * were asked for with seal_client_call_read, and sending never blocks: where too much waits for the
 * server, the generated write function returns SEAL_ERROR_AGAIN, and seal_client_call_on_writable
 * tells when to go on. Blocking, with the generated start function: read waits for the next message
 * and push for room; seal_client_call_end says that no more will be pushed, so that the rest can be
 * read; seal_client_call_finish waits for the end. Not both for one call.
 *
 * A handle outlives its channel: seal_channel_free ends the call, also while other threads use the
 * handle, and then nothing has an effect on it any more. What no thread may do meanwhile is to make
 * calls on the channel.
 *
 * One thread may push while another reads. A thread that pushes and does not read may wait for a
 * handler that waits for it.
 *
 * Blocking functions are refused on every loop thread that a runtime has made, and on the channel's
 * own loop: there use the asynchronous ones, or make the call in a blocking handler. On a loop of
 * the program's own that serves another runtime nothing notices, and it stands still.
 */

/** Asks for @p n more messages, SEAL_READ_ALL for all. What is not asked for stays with the server,
 * but for the stream's window. Does nothing after the end. **Thread-safe.** */
SEAL_API void seal_client_call_read(seal_client_call *call, uint32_t n);

/** This end sends no more messages. Does nothing when it has said so, or the call has ended.
 * **Thread-safe.** */
SEAL_API void seal_client_call_end(seal_client_call *call);

/** Called on the loop thread when a write function that has returned SEAL_ERROR_AGAIN may be tried
 * again. */
typedef void seal_client_call_writable_fn(seal_client_call *call, void *user);

/** Asks to be told, each time; never after the end. Right after the call was opened, before the
 * first message is written, or on the loop thread. */
SEAL_API void seal_client_call_on_writable(seal_client_call *call,
                                           seal_client_call_writable_fn *writable, void *user);

/** Called on the loop thread when the server's initial metadata has come, at most once. Borrowed.
 */
typedef void seal_client_call_metadata_fn(seal_client_call *call,
                                          const struct seal_metadata *metadata, void *user);

/** Asks to be told. As seal_client_call_on_writable. */
SEAL_API void seal_client_call_on_metadata(seal_client_call *call,
                                           seal_client_call_metadata_fn *received, void *user);

/**
 * Ends a call that was started with a blocking start function: sends no more, passes over messages
 * that were not read, and waits for the end. Blocks: not on a loop thread. Once for each call; the
 * handle is still to be dropped with seal_client_call_unref.
 * @return the result, never NULL: seal_result_free.
 */
SEAL_API SEAL_MUST_USE seal_result *seal_client_call_finish(seal_client_call *call);

/**
 * Asks to end a call. Not an undo: it ends CANCELLED with an unknown execution unless it is proven
 * that it did not run, and with OK if the reply was there first. On the loop thread, a call that
 * was made in the same turn of the loop has not run. Does nothing on a call that has ended; the
 * callback comes later, never from inside. **Thread-safe.**
 */
SEAL_API void seal_client_call_cancel(seal_client_call *call);

/** Drops the caller's handle, not the call. One that was started with a start function and not
 * finished goes on until its deadline, with nobody to read it: cancel it first. NULL is allowed.
 * **Thread-safe.** */
SEAL_API void seal_client_call_unref(seal_client_call *call);

SEAL_END_DECLS

#endif
