/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loads.h"

#include <stdio.h>
#include <string.h>

static bool valid(const bench_load *load) {
    return load->in_flight > 0 && load->in_flight <= BENCH_MAX_IN_FLIGHT && load->connections > 0 &&
           load->connections <= BENCH_MAX_CONNECTIONS &&
           (load->kind == BENCH_IDLE || load->connections <= load->in_flight) &&
           load->size >= sizeof(uint64_t) && load->size <= BENCH_MAX_SIZE;
}

static bool parse_messages(const char *name, bench_load *load) {
    static const struct {
        const char *prefix;
        bench_load_kind kind;
    } kinds[] = {{"echo-", BENCH_ECHO},
                 {"unread-", BENCH_ECHO},
                 {"pull-", BENCH_PULL},
                 {"push-", BENCH_PUSH},
                 {"ping-", BENCH_PING}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t len = strlen(kinds[i].prefix);
        int end = 0;
        if (strncmp(name, kinds[i].prefix, len) != 0)
            continue;
        load->kind = kinds[i].kind;
        load->unread = name[0] == 'u';
        return sscanf(name + len, "%7zu-n%5u-c%4u%n", &load->size, &load->connections,
                      &load->in_flight, &end) == 3 &&
               name[len + (size_t)end] == '\0';
    }
    return false;
}

static bool parse_connections(const char *name, bench_load *load) {
    int end = 0;
    load->size = 64;
    if (sscanf(name, "idle-%6u%n", &load->connections, &end) == 1) {
        load->kind = BENCH_IDLE;
        load->in_flight = 16;
        return name[end] == '\0';
    }
    if (sscanf(name, "connect-n%4u%n", &load->in_flight, &end) == 1)
        load->kind = BENCH_CONNECT;
    else if (sscanf(name, "handshake-n%4u%n", &load->in_flight, &end) == 1)
        load->kind = BENCH_HANDSHAKE;
    else if (sscanf(name, "cold-n%4u%n", &load->in_flight, &end) == 1)
        load->kind = BENCH_COLD;
    else
        return false;
    load->connections = load->in_flight;
    return name[end] == '\0';
}

bool bench_load_is_fresh(const bench_load *load) {
    return load->kind == BENCH_CONNECT || load->kind == BENCH_HANDSHAKE || load->kind == BENCH_COLD;
}

bool bench_load_parse(const char *name, bench_load *ret_load) {
    bench_load load = {.kind = BENCH_ECHO};
    if ((!parse_messages(name, &load) && !parse_connections(name, &load)) || !valid(&load))
        return false;
    *ret_load = load;
    return true;
}

unsigned bench_stream_messages(const bench_load *load) {
    size_t n = BENCH_STREAM_BYTES / load->size;
    return n < BENCH_STREAM_LEAST ? BENCH_STREAM_LEAST : (unsigned)n;
}

const char *bench_field_name(bench_load_kind kind, unsigned field) {
    static const char *const calls[BENCH_FIELDS] = {
        "calls_per_s", "p50_us", "p99_us", "server_cpu_us_per_call", "client_cpu_us_per_call"};
    static const char *const idle[BENCH_FIELDS] = {
        "server_bytes_per_connection", "client_bytes_per_connection",
        "server_cpu_us_per_connection_s", "client_cpu_us_per_connection_s", "connections"};
    if (field >= BENCH_FIELDS)
        return NULL;
    return kind == BENCH_IDLE ? idle[field] : calls[field];
}
