/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: files-server FOLDER [ADDRESS [PRINCIPAL]]    localhost:0 and files/localhost if none
 *
 * Serves the plain files of one folder, and takes new ones. Whoever has a ticket may.
 */
#include <stdio.h>
#include <string.h>

#include "service.h"

static void say_port(seal_server *server, void *user) {
    (void)user;
    printf("port: %u\n", seal_server_port(server));
    fflush(stdout);
}

static int serve(seal_server *server, store *s, const char *address, seal_error **reterr) {
    int rc = demo_files_register_blocking(server, &service_ops, s, reterr);
    if (rc == 0)
        rc = seal_server_add_address(server, address, reterr);
    seal_server_on_listening(server, say_port, NULL);
    return rc == 0 ? seal_server_run(server, reterr) : rc; /* until SIGTERM */
}

int main(int argc, char **argv) {
    store s;
    seal_server_options options;
    seal_server *server = NULL;
    seal_error *error = NULL;
    if (argc < 2) {
        fprintf(stderr, "usage: files-server FOLDER [ADDRESS [PRINCIPAL]]\n");
        return 2;
    }
    int rc = store_open(&s, argv[1]);
    if (rc < 0) {
        fprintf(stderr, "files-server: %s: %s; make the folder, and let this user write in it\n",
                argv[1], strerror(-rc));
        return 1;
    }
    seal_server_options_init(&options);
    options.principal = argc > 3 ? argv[3] : "files/localhost";
    rc = seal_server_new(NULL, &options, &server, &error);
    if (rc == 0)
        rc = serve(server, &s, argc > 2 ? argv[2] : "localhost:0", &error);
    if (rc < 0)
        fprintf(stderr, "files-server: %s\n", seal_error_message(error));
    seal_error_free(error);
    seal_server_free(server);
    store_close(&s);
    return rc < 0;
}
