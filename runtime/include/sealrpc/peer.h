/* SPDX-License-Identifier: Apache-2.0 */
/** @file Who is at the other end of a connection, and how the connection is protected. */
#ifndef SEALRPC_PEER_H
#define SEALRPC_PEER_H

#include <sealrpc/base.h>

SEAL_BEGIN_DECLS

/**
 * What the handshake proved. Borrowed from the call or result it was taken from and valid as long
 * as that is. Read-only, any thread. The principal is authenticated by the mechanism (RFC
 * 2743, 1.1.2); compare the whole of it, realm included, when you decide what a peer may do.
 */
typedef struct seal_peer seal_peer;

/** Returns the peer's full principal, such as "alice@EXAMPLE.COM". Never NULL, never empty. */
SEAL_API const char *seal_peer_principal(const seal_peer *peer);

/** Returns the part after the last unescaped '@', such as "EXAMPLE.COM"; "" when there is none. */
SEAL_API const char *seal_peer_realm(const seal_peer *peer);

/** Returns this end's principal as the mechanism knows it. Never NULL. */
SEAL_API const char *seal_peer_local_principal(const seal_peer *peer);

/** Returns the mechanism that was really used, "krb5" for krb5 inside SPNEGO. Never NULL. */
SEAL_API const char *seal_peer_mechanism(const seal_peer *peer);

SEAL_API seal_level seal_peer_level(const seal_peer *peer);
SEAL_API seal_suite seal_peer_suite(const seal_peer *peer);

/**
 * Returns when the peer's authentication ends, in seconds since 1970 (UTC); UINT64_MAX when it
 * never does. After that the connection accepts no call; clients re-authenticate before.
 */
SEAL_API uint64_t seal_peer_expires_at(const seal_peer *peer);

/** Returns true when only the client proved its identity. Possible only where allow_one_way is set
 *  on both ends; the principal then starts with "one-way:". */
SEAL_API bool seal_peer_is_one_way(const seal_peer *peer);

/** Returns the network address of the peer as text, such as "127.0.0.1:4711" or "unix:/path"; a
 * hint for logs, not an identity. Never NULL. */
SEAL_API const char *seal_peer_address(const seal_peer *peer);

SEAL_END_DECLS

#endif
