/* SPDX-License-Identifier: Apache-2.0 */
/* The systems that are compared, and the loads they are put under: names, and what the names mean.
 * For all programs that take part, those of the peers too. */
#ifndef SEAL_BENCH_LOADS_H
#define SEAL_BENCH_LOADS_H

#include <sealrpc/base.h>

SEAL_BEGIN_DECLS

typedef enum bench_load_kind {
    BENCH_ECHO,      /* "echo-SIZE-nCONNECTIONS-cCALLS": so many calls outstanding in total;
                      * "unread-..." the same, with a stream on each connection that is never read */
    BENCH_PULL,      /* "pull-SIZE-nN-cC": C streams that the server fills, replaced as they end */
    BENCH_PUSH,      /* "push-SIZE-nN-cC": C streams that the client fills; one reply at the end */
    BENCH_PING,      /* "ping-SIZE-nN-cC": C streams with one message to and fro on each */
    BENCH_CONNECT,   /* "connect-nN": connect, authenticate both ends, close; N at a time */
    BENCH_HANDSHAKE, /* "handshake-nN": the same, with one call */
    BENCH_COLD, /* "cold-nN": the same again, with a new service ticket from the KDC each time */
    BENCH_IDLE, /* "idle-N": what N connections without calls cost */
    BENCH_KINDS
} bench_load_kind;

enum {
    BENCH_MAX_SIZE = 4 * 1000 * 1000,
    BENCH_MAX_IN_FLIGHT = 4096,
    BENCH_MAX_CONNECTIONS = 100 * 1000,
    BENCH_STREAM_BYTES = 16 << 20, /* of one stream, about */
    BENCH_STREAM_LEAST = 16,       /* messages of one */
    BENCH_FIELDS = 5
};

typedef struct bench_load {
    bench_load_kind kind;
    size_t size; /* of a message's payload; 64 where the name says none */
    unsigned connections;
    unsigned in_flight; /* calls or streams, in total; or connections that are being made */
    bool unread;        /* sealrpc only */
} bench_load;

/* False: there is no such load. */
bool bench_load_parse(const char *name, bench_load *ret_load);

/* Whether every "call" has a connection of its own. */
bool bench_load_is_fresh(const bench_load *load);

/* Messages of a whole stream of BENCH_PULL or BENCH_PUSH. Where the number of calls is given, the
 * last stream is shorter, so that all streams together have that many messages. */
unsigned bench_stream_messages(const bench_load *load);

/* Names of the figures that a load yields, as in the JSON; NULL: no more. A "call" is one message
 * of a stream, one round trip of BENCH_PING, one connection of BENCH_CONNECT, HANDSHAKE or COLD;
 * latencies are those of a whole stream, round trip, connection. */
const char *bench_field_name(bench_load_kind kind, unsigned field);

/* ---- Systems ---- */

typedef enum bench_family {
    BENCH_SEALRPC,
    BENCH_RAW,   /* libuv and records of our own */
    BENCH_FLOOR, /* what a handshake cannot do without; no sockets, no server */
    BENCH_PEER   /* programs seal-bench-PEER-server and -client, if they were built */
} bench_family;

typedef enum bench_sealing { BENCH_PLAIN, BENCH_AEAD, BENCH_TLS } bench_sealing;

typedef struct bench_system {
    const char *name;
    bench_family family;
    bench_sealing sealing; /* BENCH_RAW */
    const char *peer;      /* BENCH_PEER: the name in the programs' names */
    seal_suite suite;      /* BENCH_SEALRPC */
    seal_level level;
    unsigned loops;   /* BENCH_SEALRPC: of the server */
    bool uses_files;  /* BENCH_FLOOR: credentials are acquired from files each time */
    unsigned kinds;   /* bits 1 << bench_load_kind: the loads it can be put under */
    size_t max_size;  /* of a message; 0: any */
    bool one_at_once; /* on a connection */
    bool only_full;   /* measured with --full, or where somebody asks for it */
} bench_system;

/* Ends with a NULL name. The first one stands for sealrpc, the second is the yardstick. */
extern const bench_system bench_systems[];
/* NULL: there is none. */
const bench_system *bench_find_system(const char *name);

/* Whether the system can be put under the load. */
bool bench_applies(const bench_load *load, const bench_system *system);

/* Exit status of a client whose system cannot do the load after all. */
enum { BENCH_EXIT_NOT_APPLICABLE = 3 };

SEAL_END_DECLS

#endif
