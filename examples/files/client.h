/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the client. They return the exit status. */
#ifndef FILES_CLIENT_H
#define FILES_CLIENT_H

#include "common.h"
#include "files.seal.h"
#include "progress.h"

typedef struct client {
    seal_channel *channel;
    progress bar;
} client;

int client_put(client *c, const char *path, const char *name);
int client_get(client *c, const char *name, const char *path);
int client_list(client *c);

/* ---- What they share ---- */

/* Writes why a call failed, and what to do, to standard error. Returns 1. */
int client_failed(const seal_result *result);

/* The same for a file of this machine. */
int client_cannot(const char *path, int error);

/* A step_fn of a client: its bar. */
bool client_step(void *user, uint64_t done);

/* Options of a transfer, which takes as long as it takes. */
void client_transfer_options(seal_call_options *options);

#endif
