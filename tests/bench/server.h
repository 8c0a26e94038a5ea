/* SPDX-License-Identifier: Apache-2.0 */
/* The two echo servers. Each prints "port: N" when it listens, and serves until SIGTERM. They
 * return an exit status. */
#ifndef SEAL_BENCH_SERVER_H
#define SEAL_BENCH_SERVER_H

#include <sealrpc/server.h>

#include "bench/loads.h"

/* max_streams 0: the default of the library. */
int bench_serve_rpc(const bench_system *system, uint32_t max_streams);
int bench_serve_raw(const bench_system *system);

/* server_rpc_stream.c: the service Streams. */
int bench_register_streams(seal_server *server, seal_error **reterr);

#endif
