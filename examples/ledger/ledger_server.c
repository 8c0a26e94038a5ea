/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: ledger-server DATABASE [PRINCIPAL [ADDRESS]]
 *
 * Keeps the ledger in an SQLite file, and publishes itself in the directory that ldap.conf names.
 * PRINCIPAL: ledger/HOST, ledger/localhost if none; ADDRESS: its host and a free port if none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sealrpc/publish.h>

#include "service.h"

static void on_published(seal_server *server, const seal_error *error, void *user) {
    (void)server;
    (void)user;
    if (error == NULL)
        printf("published\n");
    else
        fprintf(stderr, "ledger-server: not published yet: %s\n", seal_error_message(error));
    fflush(stdout);
}

static void say_port(seal_server *server, void *user) {
    (void)user;
    printf("port: %u\n", seal_server_port(server));
    fflush(stdout);
}

static int set_up(seal_server *server, service *svc, const char *address, seal_error **reterr) {
    int rc = bank_ledger_register(server, &service_ops, svc, reterr);
    if (rc == 0)
        rc = seal_server_add_address(server, address, reterr);
    if (rc == 0)
        rc = seal_server_publish(server, NULL, on_published, NULL, reterr);
    seal_server_on_listening(server, say_port, NULL);
    return rc;
}

static int serve(service *svc, const char *principal, const char *address) {
    seal_server_options options;
    seal_server_options_init(&options);
    options.principal = principal;
    seal_server *server = NULL;
    seal_error *error = NULL;
    int rc = seal_server_new(NULL, &options, &server, &error);
    if (rc == 0)
        rc = set_up(server, svc, address, &error);
    if (rc == 0)
        rc = seal_server_run(server, &error); /* until SIGTERM */
    if (rc < 0)
        fprintf(stderr, "ledger-server: %s\n", seal_error_message(error));
    seal_error_free(error);
    seal_server_free(server);
    return rc;
}

/* "ledger/host[@REALM]" to "host:0". */
static void default_address(const char *principal, char *text, size_t size) {
    const char *host = strchr(principal, '/');
    host = host != NULL ? host + 1 : principal;
    snprintf(text, size, "%.*s:0", (int)strcspn(host, "/:@"), host);
}

int main(int argc, char **argv) {
    char address[300];
    if (argc < 2) {
        fprintf(stderr, "usage: ledger-server DATABASE [PRINCIPAL [ADDRESS]]\n");
        return 2;
    }
    const char *principal = argc > 2 ? argv[2] : "ledger/localhost";
    default_address(principal, address, sizeof address);
    char *problem = NULL;
    store *s = store_open(argv[1], &problem);
    service *svc = s != NULL ? service_start(s) : NULL;
    if (svc == NULL) {
        fprintf(stderr, "ledger-server: %s: %s\n", argv[1],
                problem != NULL ? problem : "no thread");
        free(problem);
        store_close(s);
        return 1;
    }
    int rc = serve(svc, principal, argc > 3 ? argv[3] : address);
    service_stop(svc);
    return rc < 0;
}
