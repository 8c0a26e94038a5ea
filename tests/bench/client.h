/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator: one loop, asynchronous calls, as many in flight as the load says (closed
 * loop). */
#ifndef SEAL_BENCH_CLIENT_H
#define SEAL_BENCH_CLIENT_H

#include <sys/types.h>
#include <uv.h>

#include "bench/histogram.h"
#include "bench/loads.h"

typedef struct bench_client bench_client;
typedef struct bench_conn bench_conn; /* of either kind */

/* One slot of those that are in flight. */
typedef struct bench_call {
    bench_client *client;
    bench_conn *conn;
    uint64_t started_ns;
    uint64_t number;
} bench_call;

/* How calls are made: by sealrpc, or by raw records. */
typedef struct bench_transport {
    /* Ends the program when it cannot be prepared. */
    void (*begin)(bench_client *client);
    /* A connection, authenticated when the first call needs it. */
    bench_conn *(*open)(bench_client *client);
    /* Sends the payload; bench_call_ended comes later, never from inside. */
    void (*call)(bench_conn *conn, bench_call *call, const uint8_t *payload, size_t len);
    /* Opens a stream that the server fills and nobody reads. NULL: there are no streams. */
    void (*leave_unread)(bench_conn *conn, const uint8_t *payload, size_t len);
    /* Allowed inside bench_call_ended. */
    void (*close)(bench_conn *conn);
    void (*end)(bench_client *client);
} bench_transport;

extern const bench_transport bench_rpc_transport;
extern const bench_transport bench_raw_transport;

/* What is measured between two completions. */
typedef struct bench_window {
    uint64_t warm_up_until_ns;
    uint64_t ends_ns;
    uint64_t calls_limit; /* 0: time decides */
    uint64_t calls_least; /* at least so many, whatever the time */
    bool open;
    bool done;
    uint64_t seen; /* completions since the start */
    uint64_t began_ns;
    uint64_t ended_ns;
    double server_cpu_us; /* at the beginning; then the difference */
    double client_cpu_us;
    bench_histogram latency;
} bench_window;

struct bench_client {
    const bench_system *system;
    bench_load load;
    const bench_transport *transport;
    void *transport_state;
    uint16_t port;
    pid_t server; /* 0: its CPU time is not wanted */
    bool verify;  /* every byte of the echo, not the first ones only */
    uv_loop_t loop;
    uint8_t *payload;
    uint64_t next_number;
    unsigned in_flight;
    bench_window window;
};

/* A call has ended; payload NULL: it failed, and why says how. */
void bench_call_ended(bench_call *call, const uint8_t *payload, size_t len, const char *why);

/* Says why and ends the program. */
_Noreturn void bench_die(const char *what, const char *why);
void *bench_alloc(size_t n, size_t size);

/* client_window.c */
void bench_window_start(bench_client *client, double seconds, uint64_t calls);
/* Counts a completion that took from started_ns to now. */
void bench_window_count(bench_client *client, uint64_t started_ns, uint64_t now);
/* The figures of the load, in the order of bench_field_name. */
void bench_window_figures(const bench_client *client, double figures[BENCH_FIELDS]);
/* Resident bytes of a process, by pid. */
double bench_resident_bytes(pid_t pid);

#endif
