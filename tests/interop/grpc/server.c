/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server of gRPC's interoperability tests. Serves until SIGTERM, which drains it.
 *
 * usage: seal-interop-server --port N --port-file FILE [--loops N] [--level LEVEL] [--suite SUITE]
 *                            [--keytab FILE] [--blocking]
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "options.h"
#include "service.h"
#include "support/port_file.h"

typedef struct server_options {
    uint32_t port;
    const char *port_file;
    uint32_t loops;
    interop_protection protection;
    const char *keytab;
    bool blocking;
} server_options;

static bool parse_one(server_options *options, const char *option, const char *value) {
    if (strcmp(option, "--port") == 0)
        return interop_parse_number(value, UINT16_MAX, &options->port);
    if (strcmp(option, "--loops") == 0)
        return interop_parse_number(value, 64, &options->loops);
    if (strcmp(option, "--level") == 0)
        return interop_parse_level(value, &options->protection.level);
    if (strcmp(option, "--suite") == 0)
        return interop_parse_suite(value, &options->protection.suite);
    if (strcmp(option, "--port-file") == 0)
        options->port_file = value;
    else if (strcmp(option, "--keytab") == 0)
        options->keytab = value;
    else
        return false;
    return true;
}

static bool parse(int argc, char **argv, server_options *options) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--blocking") == 0) {
            options->blocking = true;
        } else if (i + 1 == argc || !parse_one(options, argv[i], argv[i + 1])) {
            fprintf(stderr, "%s: cannot do \"%s%s%s\"\n", argv[0], argv[i], i + 1 < argc ? " " : "",
                    i + 1 < argc ? argv[i + 1] : "");
            return false;
        } else {
            i++;
        }
    }
    if (options->port_file == NULL)
        fprintf(stderr,
                "usage: %s --port N --port-file FILE [--loops N] [--level privacy|integrity]\n"
                "       [--suite aes256-gcm|aes128-gcm|chacha20-poly1305|gss] [--keytab FILE] "
                "[--blocking]\n",
                argv[0]);
    return options->port_file != NULL;
}

static int new_server(const server_options *options, seal_runtime *runtime,
                      seal_server **ret_server, seal_error **reterr) {
    seal_server_options with;
    seal_server_options_init(&with);
    with.principal = INTEROP_PRINCIPAL;
    with.keytab = options->keytab;
    with.min_level = options->protection.level;
    with.suites = options->protection.suite != 0 ? &options->protection.suite : NULL;
    with.n_suites = options->protection.suite != 0 ? 1 : 0;
    with.loops = options->loops;
    return seal_server_new(runtime, &with, ret_server, reterr);
}

static int serve(seal_server *server, const server_options *options, interop_service *service,
                 seal_error **reterr) {
    char address[32];
    snprintf(address, sizeof address, "localhost:%u", options->port);
    int rc = options->blocking
                 ? grpc_testing_test_service_register_blocking(server, &interop_blocking_ops,
                                                               service, reterr)
                 : grpc_testing_test_service_register(server, &interop_async_ops, service, reterr);
    if (rc == 0)
        rc = seal_server_add_address(server, address, reterr);
    return rc == 0 ? port_file_run(server, options->port_file, reterr) : rc;
}

int main(int argc, char **argv) {
    server_options options = {.port = 0};
    if (!parse(argc, argv, &options))
        return 2;
    interop_service service;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(service.id, sizeof service.id, "%ld-%lld%09ld", (long)getpid(), (long long)now.tv_sec,
             now.tv_nsec);
    seal_runtime_options with;
    seal_runtime_options_init(&with);
    with.log = interop_log;
    seal_runtime *runtime = NULL;
    seal_server *server = NULL;
    seal_error *error = NULL;
    int rc = seal_runtime_new(&with, &runtime, &error);
    if (rc == 0)
        rc = new_server(&options, runtime, &server, &error);
    if (rc == 0)
        rc = serve(server, &options, &service, &error);
    if (rc < 0 && error != NULL)
        fprintf(stderr, "%s: %s\n", argv[0], seal_error_message(error));
    seal_error_free(error);
    seal_server_free(server);
    interop_async_done();
    seal_runtime_free(runtime);
    return rc < 0;
}
