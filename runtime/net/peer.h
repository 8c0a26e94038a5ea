/* SPDX-License-Identifier: Apache-2.0 */
/* The object behind seal_peer: a snapshot of what a handshake proved. Reference counted,
 * thread-safe. */
#ifndef SEAL_NET_PEER_H
#define SEAL_NET_PEER_H

#include <sealrpc/peer.h>

#include "net/shared.h"
#include "secure/secure_channel.h"

/* now_ns is the clock of info->expires_ns. NULL: out of memory. */
seal_peer *seal__peer_new(seal__shared *shared, const seal__secure_info *info, uint64_t now_ns,
                          const char *address);
seal_peer *seal__peer_ref(seal_peer *peer);
void seal__peer_unref(seal_peer *peer);

#endif
