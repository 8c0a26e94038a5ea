/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "bench/loads.h"

/* clang-format off */
enum {
    CALLS = 1 << BENCH_ECHO | 1 << BENCH_PULL | 1 << BENCH_PUSH | 1 << BENCH_PING,
    CONNECTIONS = 1 << BENCH_HANDSHAKE | 1 << BENCH_IDLE,
    ALL = CALLS | CONNECTIONS | 1 << BENCH_CONNECT | 1 << BENCH_COLD,
    FLOOR = 1 << BENCH_CONNECT | 1 << BENCH_HANDSHAKE
};

#define SEALRPC(suite_, level_) .family = BENCH_SEALRPC, .suite = (suite_), .level = (level_), .loops = 1, .kinds = ALL
#define RAW(sealing_) .family = BENCH_RAW, .sealing = (sealing_)
#define LOOPS(n) .family = BENCH_SEALRPC, .suite = SEAL_SUITE_AES256_GCM, .level = SEAL_LEVEL_PRIVACY, \
                 .loops = (n), .kinds = 1 << BENCH_ECHO, .only_full = true

const bench_system bench_systems[] = {
    {.name = "sealrpc-aes256-gcm", SEALRPC(SEAL_SUITE_AES256_GCM, SEAL_LEVEL_PRIVACY)},
    {.name = "raw-aead", RAW(BENCH_AEAD), .kinds = CALLS | CONNECTIONS},
    {.name = "raw-plain", RAW(BENCH_PLAIN), .kinds = CALLS | CONNECTIONS},
    {.name = "raw-tls", RAW(BENCH_TLS), .kinds = CALLS | CONNECTIONS},
    {.name = "floor", .family = BENCH_FLOOR, .kinds = FLOOR},
    {.name = "floor-files", .family = BENCH_FLOOR, .uses_files = true, .kinds = FLOOR},
    {.name = "grpc-mtls", .family = BENCH_PEER, .peer = "grpc", .kinds = CALLS | CONNECTIONS | 1 << BENCH_CONNECT},
    {.name = "grpc-mtls-hints", .family = BENCH_PEER, .peer = "grpc", .kinds = 1 << BENCH_PULL | 1 << BENCH_PUSH,
     .only_full = true},
    {.name = "tirpc-krb5p", .family = BENCH_PEER, .peer = "tirpc", .kinds = 1 << BENCH_ECHO | CONNECTIONS,
     .max_size = 61440, .one_at_once = true},
    {.name = "zmq-gssapi", .family = BENCH_PEER, .peer = "zmq", .kinds = 1 << BENCH_ECHO | CONNECTIONS},
    {.name = "sealrpc-aes128-gcm", SEALRPC(SEAL_SUITE_AES128_GCM, SEAL_LEVEL_PRIVACY), .only_full = true},
    {.name = "sealrpc-chacha20-poly1305", SEALRPC(SEAL_SUITE_CHACHA20_POLY1305, SEAL_LEVEL_PRIVACY), .only_full = true},
    {.name = "sealrpc-aes256-gcm-integrity", SEALRPC(SEAL_SUITE_AES256_GCM, SEAL_LEVEL_INTEGRITY), .only_full = true},
    {.name = "sealrpc-gss", SEALRPC(SEAL_SUITE_GSS, SEAL_LEVEL_PRIVACY), .only_full = true},
    {.name = "sealrpc-loops2", LOOPS(2)},
    {.name = "sealrpc-loops3", LOOPS(3)},
    {.name = "sealrpc-loops4", LOOPS(4)},
    {.name = NULL},
};
/* clang-format on */

const bench_system *bench_find_system(const char *name) {
    for (const bench_system *system = bench_systems; system->name != NULL; system++) {
        if (strcmp(system->name, name) == 0)
            return system;
    }
    return NULL;
}

bool bench_applies(const bench_load *load, const bench_system *system) {
    if ((system->kinds >> load->kind & 1) == 0)
        return false;
    if (system->one_at_once && load->in_flight > load->connections)
        return false;
    if (system->max_size > 0 && load->size > system->max_size)
        return false;
    /* One connection is served by one loop. */
    if (system->loops > 1 && load->connections < 2 * system->loops)
        return false;
    return !load->unread || system->family == BENCH_SEALRPC;
}
