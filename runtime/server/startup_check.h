/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the KDC, the directory and DNS say about a server's principals, before it listens. Asked on
 * the initiator pool. The KDC and the directory have a time limit, because a silent one takes long;
 * the server does not wait for DNS, which only ever gives warnings.
 */
#ifndef SEAL_SERVER_STARTUP_CHECK_H
#define SEAL_SERVER_STARTUP_CHECK_H

#include "server/server_internal.h"

typedef struct seal__startup_check seal__startup_check;

/* Once, on the loop, unless abandoned. `error` is NULL when nothing speaks against listening;
 * otherwise it is for the callee to free. Warnings have been logged. */
typedef void seal__startup_checked_fn(void *owner, seal_error *error);

/* Returns NULL when nothing can be asked; that has been logged, and `checked` is not called. */
seal__startup_check *seal__startup_check_start(seal_server *server,
                                               seal__startup_checked_fn *checked, void *owner);
void seal__startup_check_abandon(seal__startup_check *check);

#endif
