/* SPDX-License-Identifier: Apache-2.0 */
/* seal_server_run: a whole program's main part. */
#include <signal.h>

#include "server/server_internal.h"

typedef struct server_run {
    seal_server *server;
    uv_signal_t signals[2];
    uint32_t signals_open;
    bool is_new;
    bool failed;
    bool ended;
    bool stopping;
    uv_sem_t done;
} server_run;

static void on_signal_closed(uv_handle_t *handle) {
    server_run *run = handle->data;
    if (--run->signals_open == 0)
        uv_sem_post(&run->done);
}

/* Told by a start that fails, by a stop, or by both. */
static void on_stopped(void *user) {
    server_run *run = user;
    if (run->ended)
        return;
    run->ended = true;
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&run->signals[i], on_signal_closed);
}

/* The first signal stops in order, the second at once. */
static void on_signal(uv_signal_t *handle, int number) {
    (void)number;
    server_run *run = handle->data;
    seal_server_stop(run->server, run->stopping ? 0 : run->server->config.stop_grace_ms, NULL,
                     NULL);
    run->stopping = true;
}

static void watch(void *arg) {
    static const int numbers[2] = {SIGINT, SIGTERM};
    server_run *run = arg;
    seal_server *server = run->server;
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(server->runtime->loop, &run->signals[i]);
        run->signals[i].data = run;
        uv_signal_start(&run->signals[i], on_signal, numbers[i]);
        run->signals_open++;
    }
    server->run_ended = on_stopped;
    server->run_user = run;
    if (server->state == SEAL__SERVER_STOPPED || server->state == SEAL__SERVER_FAILED)
        on_stopped(run);
}

static void unwatch(void *arg) {
    server_run *run = arg;
    run->server->run_ended = NULL;
    run->failed = run->server->state == SEAL__SERVER_FAILED;
}

static void get_state(void *arg) {
    server_run *run = arg;
    run->is_new = run->server->state == SEAL__SERVER_NEW;
}

static void stop_watching(void *arg) {
    on_stopped(arg);
}

/* Signals are caught before the server listens: whoever is told that it does may send one. */
static int start(server_run *run, seal_error **reterr) {
    seal_error *error = NULL;
    int rc = run->is_new ? seal_server_start(run->server, &error) : 0;
    if (rc < 0)
        seal__runtime_run(run->server->runtime, stop_watching, run);
    uv_sem_wait(&run->done);
    seal__runtime_run(run->server->runtime, unwatch, run);
    if (rc < 0 && run->stopping) { /* a signal came while it started */
        seal_error_free(error);
        return 0;
    }
    if (rc < 0) {
        seal__error_pass(reterr, error);
        return rc;
    }
    if (run->failed)
        return seal__error(
            reterr, SEAL_ERROR_STATE,
            "the server could not start; the callback of seal_server_start_async and "
            "the log say why");
    return 0;
}

int seal_server_run(seal_server *server, seal_error **reterr) {
    if (server == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID, "server must not be NULL");
    seal_runtime *runtime = server->runtime;
    server_run run = {.server = server};
    if (seal__runtime_on_any_loop(runtime) || seal__runtime_run(runtime, get_state, &run) < 0)
        return seal__error(reterr, SEAL_ERROR_WRONG_THREAD,
                           "seal_server_run blocks; on a loop use seal_server_start_async");
    if (uv_sem_init(&run.done, 0) != 0)
        return seal__error(reterr, SEAL_ERROR_SYSTEM, "no semaphore");
    int rc = seal__runtime_run(runtime, watch, &run);
    rc = rc == 0 ? start(&run, reterr) : seal__error(reterr, rc, "cannot watch for signals");
    uv_sem_destroy(&run.done);
    return rc;
}
