/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests share in which servers end: their threads, and the ends of starts. */
#ifndef SEAL_TESTS_INTEGRATION_SERVER_ENDS_H
#define SEAL_TESTS_INTEGRATION_SERVER_ENDS_H

#include "harness.h"

/* The threads of this process, and waiting until there are no more than so many. */
unsigned it_threads(void);
void it_wait_threads(unsigned n);

/* A seal_server_stopped_fn that frees the server and counts in an atomic_uint. */
void it_free_stopped(seal_server *server, void *user);

/* Listens on a free port, in a runtime of its own. */
seal_server *it_start_private_server(const seal_server_options *options);
/* Frees such a server while it starts, at once or a little later. */
void it_free_while_starting(const seal_server_options *options, bool at_once);

#endif
