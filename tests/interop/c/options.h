/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a peer (tests/interop/README.md), and its two roles. */
#ifndef SEAL_INTEROP_OPTIONS_H
#define SEAL_INTEROP_OPTIONS_H

#include <sealrpc/sealrpc.h>

typedef struct peer_options {
    const char *client; /* host:port, or NULL */
    bool server;
    const char *port_file;
    seal_mechanism mechanism; /* 0: not given */
    seal_suite suites[4];
    size_t n_suites;
    seal_level level;
    const char *principal;
    char *name;
    int calls;
    bool until_renewed;
} peer_options;

/* Returns false after it has said on standard error what is wrong. */
bool peer_options_parse(int argc, char **argv, peer_options *ret_options);

/* Each returns the exit status. */
int peer_client(const peer_options *options);
int peer_server(const peer_options *options);

/* What tests/interop/README.md calls WORD, for an error code. */
const char *peer_word(int code);

#endif
