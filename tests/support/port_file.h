/* SPDX-License-Identifier: Apache-2.0 */
/* For server programs of tests: who starts them learns the port from a file. */
#ifndef SEAL_TESTS_PORT_FILE_H
#define SEAL_TESTS_PORT_FILE_H

#include <sealrpc/server.h>

/* seal_server_run, which writes the port to the file when the server listens. The file appears
 * with the whole number in it. What went wrong with it is said on standard error. Returns as
 * seal_server_run, or SEAL_ERROR_SYSTEM without an error. */
int port_file_run(seal_server *server, const char *path, seal_error **reterr);

#endif
