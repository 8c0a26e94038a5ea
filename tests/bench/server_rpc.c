/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "bench/server.h"
#include "echo.seal.h"

static void echo(seal_call *call, const Sealbench__EchoRequest *request, void *user) {
    (void)user;
    Sealbench__EchoReply reply = SEALBENCH__ECHO_REPLY__INIT;
    reply.payload = request->payload;
    sealbench_echo_reply_echo(call, &reply);
}

/* That it listens is known. */
static void log_problems(void *user, seal_log_level level, const char *line) {
    if (level <= SEAL_LOG_WARNING)
        seal_log_to_stderr(user, level, line);
}

static int serve(seal_server *server, seal_error **reterr) {
    static const sealbench_echo_ops ops = {.size = sizeof ops, .echo = echo};
    int rc = sealbench_echo_register(server, &ops, NULL, reterr);
    if (rc == 0)
        rc = bench_register_streams(server, reterr);
    if (rc == 0)
        rc = seal_server_add_address(server, "127.0.0.1:0", reterr);
    if (rc == 0)
        rc = seal_server_start(server, reterr);
    if (rc < 0)
        return rc;
    printf("port: %u\n", seal_server_port(server));
    fflush(stdout);
    return seal_server_run(server, reterr);
}

int bench_serve_rpc(const bench_system *system, uint32_t max_streams) {
    seal_server_options options;
    seal_server_options_init(&options);
    options.principal = "bench/localhost";
    options.min_level = system->level;
    options.suites = &system->suite;
    options.n_suites = 1;
    options.max_streams = max_streams;
    options.stop_grace_ms = 1;
    options.loops = system->loops;
    options.max_connections = BENCH_MAX_CONNECTIONS;
    seal_runtime_options runtime_options;
    seal_runtime_options_init(&runtime_options);
    runtime_options.log = log_problems;
    seal_runtime *runtime = NULL;
    seal_server *server = NULL;
    seal_error *error = NULL;
    int rc = seal_runtime_new(&runtime_options, &runtime, &error);
    if (rc == 0)
        rc = seal_server_new(runtime, &options, &server, &error);
    if (rc == 0)
        rc = serve(server, &error);
    if (rc < 0)
        fprintf(stderr, "seal-bench-server: %s\n", seal_error_message(error));
    seal_error_free(error);
    seal_server_free(server);
    seal_runtime_free(runtime);
    return rc < 0;
}
