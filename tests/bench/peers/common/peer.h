/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs of the peers that are written in C have in common. */
#ifndef SEAL_BENCH_PEER_H
#define SEAL_BENCH_PEER_H

#include "bench/payload.h"
#include "bench/window.h"

/* Waits longer than this mean that no answer will come. */
enum { PEER_TIMEOUT_S = 60 };

/* The client's arguments, the window, and how many calls were begun. */
typedef struct peer_client {
    bench_load load;
    uint16_t port;
    pid_t server;
    double seconds;
    uint64_t calls; /* 0: time decides */
    uint8_t *payload;
    uint64_t begun;
    bench_window window;
} peer_client;

/* Says why and ends the program. */
_Noreturn void peer_die(const char *what, const char *why);
void *peer_alloc(size_t n, size_t size);

/* As many open files as are allowed, and an end with the program that has started this one. */
void peer_prepare_process(void);

/* A socket that listens on 127.0.0.1, on a free port. */
int peer_listen(uint16_t *ret_port);
/* Blocks SIGTERM in this thread and those it starts. */
void peer_block_sigterm(void);

/* Reads the arguments and makes the payload. Ends the program when they are wrong, or when SYSTEM
 * does not apply to the load: messages of more than max_size bytes, or a kind that is not in kinds
 * (bits 1 << bench_load_kind). */
void peer_client_init(peer_client *client, int argc, char **argv, size_t max_size, unsigned kinds);
void peer_client_done(peer_client *client);

/* Whether one more call is to begin, and its number. */
bool peer_begin_call(peer_client *client, uint64_t *ret_number);
/* Fills in the payload of the call with this number. */
void peer_fill(const peer_client *client, uint64_t number, void *payload);
/* Ends the program unless it is the echo of that: the number; with CALLS every byte. */
void peer_check(const peer_client *client, uint64_t number, const void *payload, size_t len);

/* Prints the result of the window. */
void peer_print_window(const peer_client *client);

/* How connections are made for measuring idle ones: with one call on each, from several threads. */
typedef struct peer_idle_ops {
    void *(*open)(peer_client *client);
    void (*close)(peer_client *client, void *conn);
    unsigned files_each; /* that are open for a connection, at the end that has more of them */
} peer_idle_ops;

/* Prints the result, and closes the connections then. */
void peer_run_idle(peer_client *client, const peer_idle_ops *ops);

#endif
