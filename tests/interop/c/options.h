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
    bool drain;
    bool until_drained;
    seal_metadata *metadata; /* of the request; NULL: none */
    char *long_name;         /* memory of `name`, where it has its own */
} peer_options;

/* Returns false after it has said on standard error what is wrong. */
bool peer_options_parse(int argc, char **argv, peer_options *ret_options);
void peer_options_done(peer_options *options);

/* Each returns the exit status. */
int peer_client(const peer_options *options);
int peer_server(const peer_options *options);

/* What tests/interop/README.md calls WORD, for an error code. */
const char *peer_word(int code);

#endif
