/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a connected connection: resolves a name on the auth pool, then tries the addresses in
 * turn. */
#ifndef SEAL_NET_DIAL_H
#define SEAL_NET_DIAL_H

#include "net/address.h"
#include "net/conn.h"

typedef struct seal__dial seal__dial;

/* Once, from the loop, unless the dial is cancelled: conn is connected and was not started yet, or
 * is NULL and error (borrowed) says why. The dial is gone afterwards. */
typedef void seal__dialed_fn(void *user, seal__conn *conn, const seal_error *error);

/* The options and what they point to are borrowed until the end. */
int seal__dial_start(seal_runtime *runtime, const seal__address *address,
                     const seal__conn_options *options, uint64_t deadline_ns,
                     seal__dialed_fn *dialed, void *user, seal__dial **ret_dial,
                     seal_error **reterr);
void seal__dial_cancel(seal__dial *dial);
/* What it is doing, for messages: "resolving the host name" or "connecting". */
const char *seal__dial_stage(const seal__dial *dial);

#endif
