/* SPDX-License-Identifier: Apache-2.0 */
/* The systems that are compared, and the loads they are put under: names, and what the names mean.
 */
#ifndef SEAL_BENCH_LOADS_H
#define SEAL_BENCH_LOADS_H

#include <sealrpc/base.h>

typedef struct bench_system {
    const char *name;
    bool is_rpc;      /* sealrpc; else libuv and records of our own */
    bool is_sealed;   /* raw: one AES-256-GCM operation for each message and direction */
    seal_suite suite; /* sealrpc */
    seal_level level;
    bool only_all; /* measured with --all only */
} bench_system;

/* Ends with a NULL name. The first one stands for sealrpc, the second is the yardstick. */
extern const bench_system bench_systems[];
/* NULL: there is none. */
const bench_system *bench_find_system(const char *name);

typedef enum bench_load_kind {
    BENCH_ECHO,      /* "echo-SIZE-nCONNECTIONS-cCALLS": so many calls outstanding in total;
                      * "unread-..." the same, with a stream on each connection that is never read */
    BENCH_HANDSHAKE, /* "handshake-nN": connect, authenticate, one call, close; N at a time */
    BENCH_IDLE       /* "idle-memory": what a connection without calls costs */
} bench_load_kind;

enum { BENCH_MAX_SIZE = 4 * 1000 * 1000, BENCH_MAX_IN_FLIGHT = 4096, BENCH_FIELDS = 5 };

typedef struct bench_load {
    bench_load_kind kind;
    size_t size; /* of the payload */
    unsigned connections;
    unsigned in_flight; /* calls, or connections being made */
    bool unread;        /* sealrpc only */
} bench_load;

bool bench_load_parse(const char *name, bench_load *ret_load);
/* Whether the system can be put under the load. */
bool bench_applies(const bench_load *load, const bench_system *system);

/* Names of the figures that a load yields, as in the JSON; NULL: no more. */
const char *bench_field_name(bench_load_kind kind, unsigned field);

#endif
