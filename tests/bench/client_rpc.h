/* SPDX-License-Identifier: Apache-2.0 */
/* Calls through sealrpc. */
#ifndef SEAL_BENCH_CLIENT_RPC_H
#define SEAL_BENCH_CLIENT_RPC_H

#include "bench/client.h"
#include "echo.seal.h"

/* client_rpc_stream.c */
void bench_rpc_pull(seal_channel *channel, bench_call *call);
void bench_rpc_push(seal_channel *channel, bench_call *call);
void bench_rpc_ping(seal_channel *channel, bench_call *call);
/* Ends the stream of bench_rpc_ping. */
void bench_rpc_retire(bench_call *call);
void bench_rpc_leave_unread(seal_channel *channel, bench_client *client);

#endif
