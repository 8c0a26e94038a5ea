/* SPDX-License-Identifier: Apache-2.0 */
#include "support/port_file.h"

#include <stdio.h>

typedef struct listening {
    const char *path;
    bool failed;
} listening;

static int write_port(const char *path, unsigned port) {
    char temporary[4096];
    int len = snprintf(temporary, sizeof temporary, "%s.new", path);
    if (len < 0 || (size_t)len >= sizeof temporary)
        return -1;
    FILE *file = fopen(temporary, "w");
    if (file == NULL)
        return -1;
    int written = fprintf(file, "%u\n", port);
    if (fclose(file) != 0 || written < 0)
        return -1;
    return rename(temporary, path);
}

static void on_listening(seal_server *server, void *user) {
    listening *at = user;
    at->failed = write_port(at->path, seal_server_port(server)) != 0;
    if (!at->failed)
        return;
    perror(at->path);
    seal_server_stop(server, 0, NULL, NULL);
}

int port_file_run(seal_server *server, const char *path, seal_error **reterr) {
    listening at = {.path = path};
    seal_server_on_listening(server, on_listening, &at);
    int rc = seal_server_run(server, reterr);
    return rc == 0 && at.failed ? SEAL_ERROR_SYSTEM : rc;
}
