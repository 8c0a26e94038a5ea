/* SPDX-License-Identifier: Apache-2.0 */
/* What sealrpc is to reach, compared with the other systems in the same run. */
#include <string.h>

#include "bench/run.h"

typedef enum figure { RATE, P50, P99, SERVER_CPU, CLIENT_CPU } figure;

/* With idle connections the first two figures are bytes. */
enum { SERVER_BYTES = RATE, CLIENT_BYTES = P50 };

typedef struct row {
    const char *what;
    const char *ours;
    const char *load;
    unsigned figure;
    char op; /* '>': at least; '<': at most */
    double wanted;
    const char *other;
    const char *other_load; /* NULL: the same */
} row;

#define GCM "sealrpc-aes256-gcm"
#define INTEGRITY "sealrpc-aes256-gcm-integrity"
#define AES128 "sealrpc-aes128-gcm"
#define CHACHA "sealrpc-chacha20-poly1305"
#define GSS "sealrpc-gss"
#define GRPC "grpc-mtls"
#define RAW "raw-aead"
#define TIRPC "tirpc-krb5p"
#define ZMQ "zmq-gssapi"

/* libtirpc has one call outstanding on a connection: for more it gets as many connections. */
/* clang-format off */
static const row rows[] = {
    {"rate", GCM, "echo-64-n1-c128", RATE, '>', 15, GRPC, NULL},
    {"rate", GCM, "echo-64-n1-c128", RATE, '>', 1.0, RAW, NULL},
    {"server CPU", GCM, "echo-64-n1-c128", SERVER_CPU, '<', 1.0 / 12, GRPC, NULL},
    {"rate", GCM, "echo-64-n64-c128", RATE, '>', 8, GRPC, NULL},
    {"rate", GCM, "echo-64-n64-c128", RATE, '>', 0.75, RAW, NULL},
    {"p50", GCM, "echo-64-n1-c1", P50, '<', 0.5, GRPC, NULL},
    {"p50", GCM, "echo-64-n1-c1", P50, '<', 1.2, RAW, NULL},
    {"rate", GCM, "echo-64-n1-c16", RATE, '>', 7, GRPC, NULL},
    {"rate", GCM, "echo-1024-n1-c128", RATE, '>', 10, GRPC, NULL},
    {"rate", GCM, "echo-1024-n1-c128", RATE, '>', 0.9, RAW, NULL},
    {"rate", GCM, "echo-65536-n1-c16", RATE, '>', 2.2, GRPC, NULL},
    {"rate", GCM, "echo-65536-n1-c16", RATE, '>', 0.95, RAW, NULL},
    {"rate", GCM, "echo-1048576-n1-c16", RATE, '>', 2.2, GRPC, NULL},
    {"rate", GCM, "echo-1048576-n1-c16", RATE, '>', 0.95, RAW, NULL},
    {"rate", GCM, "pull-1024-n1-c2", RATE, '>', 8, GRPC, NULL},
    {"rate", GCM, "push-1024-n1-c2", RATE, '>', 8, GRPC, NULL},
    {"rate", GCM, "pull-65536-n1-c2", RATE, '>', 1.8, GRPC, NULL},
    {"rate", GCM, "push-65536-n1-c2", RATE, '>', 1.8, GRPC, NULL},
    {"rate", GCM, "echo-64-n1-c1", RATE, '>', 1.0, TIRPC, NULL},
    {"rate", GCM, "echo-64-n1-c16", RATE, '>', 4, TIRPC, "echo-64-n16-c16"},
    {"rate", GCM, "echo-64-n1-c64", RATE, '>', 8, TIRPC, "echo-64-n64-c64"},
    {"rate", GCM, "echo-1024-n1-c16", RATE, '>', 10, TIRPC, "echo-1024-n16-c16"},
    {"rate", GCM, "echo-61440-n1-c16", RATE, '>', 10, TIRPC, "echo-61440-n16-c16"},
    {"rate", GCM, "echo-64-n1-c128", RATE, '>', 6, ZMQ, NULL},
    {"rate", GCM, "connect-n1", RATE, '>', 0.8, "floor", NULL},
    {"rate", GCM, "connect-n16", RATE, '>', 0.8, "floor", NULL},
    {"rate", GCM, "connect-n1", RATE, '>', 5, GRPC, NULL},
    {"rate", GCM, "handshake-n1", RATE, '>', 5, GRPC, NULL},
    {"server bytes", GCM, "idle-1000", SERVER_BYTES, '<', 0.2, GRPC, NULL},
    {"client bytes", GCM, "idle-1000", CLIENT_BYTES, '<', 0.2, GRPC, NULL},
    {"rate", INTEGRITY, "echo-64-n1-c128", RATE, '>', 0.95, GCM, NULL},
    {"rate", INTEGRITY, "echo-1024-n1-c128", RATE, '>', 0.95, GCM, NULL},
    {"rate", INTEGRITY, "echo-65536-n1-c16", RATE, '>', 0.95, GCM, NULL},
    {"rate", AES128, "echo-64-n1-c128", RATE, '>', 0.95, GCM, NULL},
    {"rate", AES128, "echo-1024-n1-c128", RATE, '>', 0.95, GCM, NULL},
    {"rate", AES128, "echo-65536-n1-c16", RATE, '>', 0.95, GCM, NULL},
    {"rate", CHACHA, "echo-64-n1-c128", RATE, '>', 0.95, GCM, NULL},
    {"rate", CHACHA, "echo-1024-n1-c128", RATE, '>', 0.95, GCM, NULL},
    {"rate", CHACHA, "echo-65536-n1-c16", RATE, '>', 0.95, GCM, NULL},
    {"rate", GSS, "echo-64-n1-c128", RATE, '>', 3, TIRPC, "echo-64-n64-c64"},
};
/* clang-format on */

enum { N_ROWS = sizeof rows / sizeof rows[0] };

bool run_accept_want(run_table *table) {
    for (size_t i = 0; i < N_ROWS; i++) {
        const char *other_load = rows[i].other_load != NULL ? rows[i].other_load : rows[i].load;
        if (!run_want(table, rows[i].load, rows[i].ours) ||
            !run_want(table, other_load, rows[i].other))
            return false;
    }
    return true;
}

/* 1: reached; 0: not; -1: not measured. */
static int print_row(const run_table *table, const row *r) {
    const char *other_load = r->other_load != NULL ? r->other_load : r->load;
    const run_cell *ours = run_find_cell(table, r->load, r->ours);
    const run_cell *other = run_find_cell(table, other_load, r->other);
    printf("%-21s %-12s %-29s %-13s %2s %6.3f ", r->load, r->what, r->ours, r->other,
           r->op == '>' ? ">=" : "<=", r->wanted);
    double ratio = ours == NULL || other == NULL ? 0 : run_ratio(ours, other, r->figure);
    if (ratio <= 0) {
        printf("%9s  not measured\n", "-");
        return -1;
    }
    bool ok = r->op == '>' ? ratio >= r->wanted : ratio <= r->wanted;
    printf("%9.3f  %-3s  %.5g : %.5g\n", ratio, ok ? "ok" : "NO", run_median(ours, r->figure),
           run_median(other, r->figure));
    return ok;
}

bool run_accept_print(const run_table *table) {
    unsigned reached = 0;
    unsigned missing = 0;
    printf("%-21s %-12s %-29s %-13s %9s %9s  %-3s  %s\n", "load", "ratio of", "of", "to", "wanted",
           "measured", "ok", "medians");
    for (size_t i = 0; i < N_ROWS; i++) {
        int outcome = print_row(table, &rows[i]);
        reached += outcome > 0 ? 1 : 0;
        missing += outcome < 0 ? 1 : 0;
    }
    printf("%u of %u reached, %u not measured; %u rounds of %.2f s.\n", reached, (unsigned)N_ROWS,
           missing, table->rounds, table->seconds);
    return reached == N_ROWS;
}
