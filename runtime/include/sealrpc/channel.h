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
} seal_channel_options;

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
} seal_channel_stats;

/** Reads the figures. Loop thread, or any other when the runtime has its own. */
SEAL_API void seal_channel_get_stats(seal_channel *channel, seal_channel_stats *ret_stats);

/** Options of one call. */
typedef struct seal_call_options {
    size_t struct_size;
    uint64_t timeout_us; /**< 0: the method's, else the channel's; SEAL_NO_DEADLINE: none */
    seal_level
        min_level; /**< 0: the method's and channel's. Fails the call if the connection has less */
} seal_call_options;

#define SEAL_NO_DEADLINE UINT64_MAX

static inline void seal_call_options_init(seal_call_options *options) {
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Handle of a call in progress at the client. */
typedef struct seal_client_call seal_client_call;

/**
 * Asks to end a call. Not an undo: it ends CANCELLED with an unknown execution unless it is proven
 * that it did not run, and with OK if the reply was there first. Does nothing on a call that has
 * ended. **Thread-safe**, but not against seal_channel_free: the channel must live until it
 * returns.
 */
SEAL_API void seal_client_call_cancel(seal_client_call *call);

/** Drops the caller's handle, not the call. NULL is allowed. **Thread-safe.** */
SEAL_API void seal_client_call_unref(seal_client_call *call);

SEAL_END_DECLS

#endif
