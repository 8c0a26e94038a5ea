/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator: one loop, asynchronous calls, as many in flight as the load says (closed
 * loop). */
#ifndef SEAL_BENCH_CLIENT_H
#define SEAL_BENCH_CLIENT_H

#include <uv.h>

#include "bench/payload.h"
#include "bench/window.h"

typedef struct bench_client bench_client;
typedef struct bench_conn bench_conn; /* of either kind */

/* One slot of those that are in flight. */
typedef struct bench_call {
    bench_client *client;
    bench_conn *conn;
    uint64_t started_ns;
    uint64_t number;   /* of the call; what its payload begins with */
    unsigned messages; /* of this stream; 1: a call */
    unsigned done;     /* of these, sent or received: the transport counts */
    void *stream;      /* the transport's; BENCH_PING: kept from call to call */
    char ccache[64];   /* BENCH_COLD */
} bench_call;

/* How calls are made: by sealrpc, or by raw records. */
typedef struct bench_transport {
    /* Ends the program when it cannot be prepared. */
    void (*begin)(bench_client *client);
    /* A connection, authenticated when the first call needs it. ccache NULL: the default one. */
    bench_conn *(*open)(bench_client *client, const char *ccache);
    /* Begins one call or stream of the load's kind; its end comes later, never from inside:
     * bench_call_ended, or bench_stream_ended. */
    void (*start)(bench_conn *conn, bench_call *call);
    /* The slot begins no more: ends the stream that it kept. Allowed inside bench_call_ended. NULL:
     * nothing is kept. */
    void (*retire)(bench_call *call);
    /* Opens a stream that the server fills and nobody reads. NULL: there are no streams. */
    void (*leave_unread)(bench_conn *conn, bench_client *client);
    /* Allowed inside bench_call_ended. */
    void (*close)(bench_conn *conn);
    void (*end)(bench_client *client);
} bench_transport;

extern const bench_transport bench_rpc_transport;
extern const bench_transport bench_raw_transport;

struct bench_client {
    const bench_system *system;
    bench_load load;
    const bench_transport *transport;
    void *transport_state;
    uint16_t port;
    pid_t server; /* 0: its CPU time is not wanted */
    bool verify;  /* every byte of what comes, not the first ones only */
    uv_loop_t loop;
    uint8_t *payload; /* as long as the load says */
    uint64_t begun;   /* calls; messages where they are streams */
    uint64_t next_number;
    unsigned in_flight;
    bench_window window;
};

/* A call of one message has ended; payload NULL: it failed, and why says how. */
void bench_call_ended(bench_call *call, const uint8_t *payload, size_t len, const char *why);
/* The connection of a call that is nothing else is there; why NULL: well. */
void bench_connected(bench_call *call, const char *why);
/* A stream has, after so many messages; why NULL: well. */
void bench_stream_ended(bench_call *call, unsigned messages, const char *why);
/* A message of a stream came; ends the program when it is not the one that is due. */
void bench_check_message(const bench_call *call, const uint8_t *payload, size_t len,
                         unsigned number);

/* For the measurements that keep their own books. */
void bench_start_call(bench_call *call);
void bench_run_until_quiet(bench_client *client);

/* client_idle.c: what connections without calls cost. With calls: as many connections. */
void bench_measure_idle(bench_client *client, uint64_t calls, double figures[BENCH_FIELDS]);

/* client_cold.c: a credential cache in memory with the ticket-granting ticket of the default one
 * and nothing else, under a new name each time. */
void bench_cold_ccache_new(char *ret_name, size_t size);
void bench_cold_ccache_free(const char *name);

/* client_floor.c: GSSAPI and X25519 alone, on both ends. */
void bench_measure_floor(const bench_load *load, bool with_files, double seconds, uint64_t calls,
                         double figures[BENCH_FIELDS]);

/* Says why and ends the program. */
_Noreturn void bench_die(const char *what, const char *why);
void *bench_alloc(size_t n, size_t size);

#endif
