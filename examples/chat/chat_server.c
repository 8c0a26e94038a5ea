/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: chat-server [ADDRESS [PRINCIPAL]]    localhost:0 and chat/localhost if none
 *
 * SIGTERM and Ctrl-C: everybody is told to come back later, after all they are still to hear.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "rooms.h"

enum { GRACE_MS = 5000 };

/* Waits for a signal, and empties the rooms. */
static int serve(seal_runtime *runtime, seal_server *server, rooms *all, const sigset_t *signals,
                 seal_error **reterr) {
    int rc = seal_server_start(server, reterr);
    if (rc < 0)
        return rc;
    printf("port: %u\n", seal_server_port(server));
    fflush(stdout);
    int number = 0;
    sigwait(signals, &number);
    rc = seal_runtime_post(runtime, rooms_close, all);
    if (rc == 0)
        rc = seal_server_drain(server, GRACE_MS, reterr);
    return rc;
}

static int make_server(seal_runtime *runtime, rooms *all, const char *address,
                       const char *principal, seal_server **ret_server, seal_error **reterr) {
    seal_server_options options;
    seal_server_options_init(&options);
    options.principal = principal;
    int rc = seal_server_new(runtime, &options, ret_server, reterr);
    if (rc == 0)
        rc = demo_chat_register(*ret_server, &rooms_ops, all, reterr);
    if (rc == 0)
        rc = seal_server_add_address(*ret_server, address, reterr);
    return rc;
}

int main(int argc, char **argv) {
    sigset_t signals; /* for this thread alone: the library's inherit the mask */
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    seal_runtime_options options;
    seal_runtime_options_init(&options);
    options.log = seal_log_to_stderr;
    seal_runtime *runtime = NULL;
    seal_server *server = NULL;
    seal_error *error = NULL;
    rooms *all = rooms_new();
    int rc = all != NULL ? seal_runtime_new(&options, &runtime, &error) : SEAL_ERROR_NO_MEMORY;
    if (rc == 0)
        rc = make_server(runtime, all, argc > 1 ? argv[1] : "localhost:0",
                         argc > 2 ? argv[2] : "chat/localhost", &server, &error);
    if (rc == 0)
        rc = serve(runtime, server, all, &signals, &error);
    if (rc < 0)
        fprintf(stderr, "chat-server: %s\n", seal_error_message(error));
    seal_error_free(error);
    seal_server_free(server);
    if (runtime != NULL)
        seal_runtime_free(runtime);
    rooms_free(all);
    return rc < 0;
}
