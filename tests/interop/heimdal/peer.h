/* SPDX-License-Identifier: Apache-2.0 */
/* The two roles of the program. */
#ifndef SEAL_INTEROP_PEER_H
#define SEAL_INTEROP_PEER_H

#include "connection.h"

typedef struct peer_options {
    seal__role role;
    const char *address;   /* client: HOST:PORT */
    const char *port_file; /* server */
    const char *name;
    const char *principal;
    unsigned calls;
    bool renew;         /* client: before each call but the first */
    bool drain;         /* server: sends each client away after some calls */
    bool until_drained; /* client: calls until it was sent away, before the others */
    seal__buf metadata; /* client: a block, of the request */
    tamper_kind tampering;
    seal__secure_config secure; /* complete but for the source of contexts */
} peer_options;

/* How a connection ended, in one word (tests/interop/README.md). 0: "CLOSED". */
const char *peer_word(int code);
/* "PREFIX: WORD: text", one line, flushed. */
void peer_report(const char *prefix, int code, const char *text);

/* Each returns the exit status. */
int client_run(const peer_options *options);
int server_run(const peer_options *options);

#endif
