/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loads.h"

#include <stdio.h>
#include <string.h>

const bench_system bench_systems[] = {
    {.name = "sealrpc-aes256-gcm",
     .is_rpc = true,
     .suite = SEAL_SUITE_AES256_GCM,
     .level = SEAL_LEVEL_PRIVACY},
    {.name = "raw-aead", .is_sealed = true},
    {.name = "raw-plain"},
    {.name = "sealrpc-aes128-gcm",
     .is_rpc = true,
     .suite = SEAL_SUITE_AES128_GCM,
     .level = SEAL_LEVEL_PRIVACY,
     .only_all = true},
    {.name = "sealrpc-chacha20-poly1305",
     .is_rpc = true,
     .suite = SEAL_SUITE_CHACHA20_POLY1305,
     .level = SEAL_LEVEL_PRIVACY,
     .only_all = true},
    {.name = "sealrpc-aes256-gcm-integrity",
     .is_rpc = true,
     .suite = SEAL_SUITE_AES256_GCM,
     .level = SEAL_LEVEL_INTEGRITY,
     .only_all = true},
    {.name = "sealrpc-gss",
     .is_rpc = true,
     .suite = SEAL_SUITE_GSS,
     .level = SEAL_LEVEL_PRIVACY,
     .only_all = true},
    {.name = NULL},
};

const bench_system *bench_find_system(const char *name) {
    for (const bench_system *system = bench_systems; system->name != NULL; system++) {
        if (strcmp(system->name, name) == 0)
            return system;
    }
    return NULL;
}

static bool parse_echo(const char *name, bench_load *load) {
    int end = 0;
    load->kind = BENCH_ECHO;
    load->unread = strncmp(name, "unread-", 7) == 0;
    if (!load->unread && strncmp(name, "echo-", 5) != 0)
        return false;
    name += load->unread ? 7 : 5;
    return sscanf(name, "%7zu-n%4u-c%4u%n", &load->size, &load->connections, &load->in_flight,
                  &end) == 3 &&
           name[end] == '\0' && load->size >= sizeof(uint64_t) && load->size <= BENCH_MAX_SIZE;
}

static bool parse_handshake(const char *name, bench_load *load) {
    int end = 0;
    load->kind = BENCH_HANDSHAKE;
    if (sscanf(name, "handshake-n%4u%n", &load->in_flight, &end) != 1 || name[end] != '\0')
        return false;
    load->connections = load->in_flight;
    load->size = 64;
    return true;
}

bool bench_load_parse(const char *name, bench_load *ret_load) {
    bench_load load = {.kind = BENCH_IDLE, .size = 64, .connections = 500, .in_flight = 16};
    if (strcmp(name, "idle-memory") != 0 && !parse_handshake(name, &load) &&
        !parse_echo(name, &load))
        return false;
    if (load.in_flight == 0 || load.in_flight > BENCH_MAX_IN_FLIGHT || load.connections == 0 ||
        load.connections > BENCH_MAX_IN_FLIGHT)
        return false;
    *ret_load = load;
    return true;
}

bool bench_applies(const bench_load *load, const bench_system *system) {
    return !load->unread || system->is_rpc;
}

const char *bench_field_name(bench_load_kind kind, unsigned field) {
    static const char *const names[][BENCH_FIELDS] = {
        [BENCH_ECHO] = {"calls_per_s", "p50_us", "p99_us", "server_cpu_us_per_call",
                        "client_cpu_us_per_call"},
        [BENCH_HANDSHAKE] = {"connections_per_s", "p50_us", "p99_us",
                             "server_cpu_us_per_connection", "client_cpu_us_per_connection"},
        [BENCH_IDLE] = {"server_bytes_per_connection", "client_bytes_per_connection"},
    };
    return field < BENCH_FIELDS ? names[kind][field] : NULL;
}
