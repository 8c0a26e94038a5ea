/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Publishing a server in an LDAP directory, so that clients find it by the name of its service
 * ("ldap:///bank.Ledger"). What is published is a service connection point, an entry below the
 * server's own account, as in Active Directory; see docs/naming.md.
 */
#ifndef SEALRPC_PUBLISH_H
#define SEALRPC_PUBLISH_H

#include <sealrpc/server.h>

SEAL_BEGIN_DECLS

typedef struct seal_publish_options {
    size_t struct_size;
    /** Directory servers, "ldap://dc1.example.com ldap://dc2.example.com", tried in this order.
     *  NULL: URI of ldap.conf. The connection is authenticated both ways and sealed, or not used.
     */
    const char *directory;
    /** Where accounts are searched, such as "dc=example,dc=com". NULL: BASE of ldap.conf, else what
     *  the directory says. */
    const char *base;
    /** DN of the account below which the entry is made. NULL: the one entry that carries the
     *  server's SPN in servicePrincipalName. */
    const char *account;
    /** cn of the entry, 1 to 64 bytes. NULL: "sealrpc-" and the port. The same name published again
     *  replaces the entry: one name for each server of an account. */
    const char *name;
    /** Full names of the services, NULL-terminated. NULL: all that are registered. */
    const char *const *services;
    /** The host that clients connect to and compose the SPN with. NULL: the host of the server's
     *  principal. */
    const char *host;
    uint16_t port;     /**< the port that clients connect to; 0: seal_server_port */
    uint16_t priority; /**< clients use the smallest that works (RFC 2782) */
    uint16_t weight;   /**< share among equal priorities (RFC 2782) */
    /** Seconds that the entry lives without being refreshed, where the directory has leases
     *  (OpenLDAP with dds); refreshed at a third of it, at the latest after 30 s. 0: 60.
     *  UINT32_MAX: no lease. */
    uint32_t lease_s;
    /** With whose rights: NULL, NULL, NULL: the server's own keytab and principal (in Active
     *  Directory: the account in that keytab). */
    const char *ccache;
    const char *client_keytab;
    const char *client_principal;
} seal_publish_options;

static inline void seal_publish_options_init(seal_publish_options *options) {
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** How the first attempt went: @p error NULL: the entry is in the directory; otherwise why not, and
 *  it is tried again until the server stops. Borrowed. Once, on the loop thread; also when nothing
 *  is tried any more: the server stops, or could not start, before there was an outcome
 *  (SEAL_ERROR_CANCELLED), or there is nothing to publish (SEAL_ERROR_INVALID). */
typedef void seal_published_fn(seal_server *server, const seal_error *error, void *user);

/**
 * Publishes a server. It may be called before the server is started: the entry is made when it
 * listens. While it listens the entry is kept up: made again when it has gone, its lease refreshed,
 * another directory server tried when one fails; trouble is a warning in the log, once for each
 * outage. When the server begins to stop, the entry is removed first, so that clients go elsewhere;
 * the removal is given at most half of the stop's grace.
 *
 * Runs on a thread of its own; nothing blocks the loop. Loop thread, or any other when the runtime
 * has its own.
 *
 * @param options NULL for the defaults; copied, strings too.
 * @param published may be NULL.
 * @return 0; SEAL_ERROR_INVALID (an option), SEAL_ERROR_ALREADY (this server publishes already),
 * SEAL_ERROR_STATE (it is stopping, or its start failed), SEAL_ERROR_NO_MEMORY,
 * SEAL_ERROR_TOO_MANY. Errors of the callback: SEAL_ERROR_DIRECTORY (cannot be reached),
 * SEAL_ERROR_DIRECTORY_UNTRUSTED (did not prove itself), SEAL_ERROR_DIRECTORY_DENIED (the account
 * may not write there: see the access rules in docs/naming.md), SEAL_ERROR_NOT_FOUND (no account
 * carries the SPN: register it with "seal spn register"), SEAL_ERROR_SPN_DUPLICATE,
 * SEAL_ERROR_INVALID (no TCP address or no service to publish, or the directory's schema),
 * SEAL_ERROR_ALREADY (the name is that of an entry that is no connection point: choose another),
 * SEAL_ERROR_CREDENTIALS and its relatives. Where the server listens already, what is wrong with
 * address and services is returned instead.
 */
SEAL_API SEAL_MUST_USE int seal_server_publish(seal_server *server,
                                               const seal_publish_options *options,
                                               seal_published_fn *published, void *user,
                                               seal_error **reterr_error);

SEAL_END_DECLS

#endif
