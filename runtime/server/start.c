/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start-up: prove the credentials and resolve the addresses on the acceptor pool, ask KDC and
 * directory about the principals (startup_check.c), then listen.
 */
#include <netinet/in.h>
#include <stdio.h>

#include "server/startup_check.h"

/* Outlives the server when that is freed meanwhile. */
struct seal__server_start {
    atomic_uint refs; /* the server until it is told, the job */
    seal__auth_job job;
    seal__shared *shared;
    seal_server *server; /* NULL: abandoned */
    seal__gss_acceptor *acceptor;
    bool skip_startup_check;
    seal__address addresses[SEAL__SERVER_MAX_ADDRESSES];
    seal__resolved resolved[SEAL__SERVER_MAX_ADDRESSES];
    size_t n_addresses;
    seal_error *error;
    seal__startup_check *check; /* under way; NULL: none */
    seal_server_started_fn *started;
    void *user;
};

static void unref(seal__server_start *start) {
    if (atomic_fetch_sub(&start->refs, 1) != 1)
        return;
    seal__shared *shared = start->shared;
    seal__gss_acceptor_unref(start->acceptor);
    seal_error_free(start->error);
    seal__release(&shared->alloc, start);
    seal__shared_unref(shared);
}

/* ---- Listening ---- */

static void set_port(struct sockaddr_storage *addr, uint16_t port) {
    if (addr->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)addr)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)(void *)addr)->sin_port = htons(port);
}

static int listen_on(seal_server *server, const seal__resolved *resolved, seal_error **reterr) {
    uint16_t port = 0;
    for (size_t i = 0; i < resolved->n; i++) {
        struct sockaddr_storage addr = resolved->addrs[i];
        if (i > 0 && addr.ss_family != AF_UNIX) /* one free port for all addresses of a name */
            set_port(&addr, port);
        seal__listener *listener = NULL;
        int rc =
            seal__listener_new(server->runtime, (const struct sockaddr *)(const void *)&addr,
                               resolved->lens[i], seal__server_incoming, server, &listener, reterr);
        /* A name may have an address of a family that this machine does not have. */
        if (rc < 0 && i > 0 && reterr != NULL) {
            seal__log_line(seal__runtime_log(server->runtime), SEAL_LOG_WARNING, "%s",
                           seal_error_message(*reterr));
            seal_error_free(*reterr);
            *reterr = NULL;
            continue;
        }
        if (rc < 0)
            return rc;
        server->listeners[server->n_listeners++] = listener;
        port = seal__listener_port(listener);
    }
    return 0;
}

static int listen_on_all(seal_server *server, const seal__server_start *start,
                         seal_error **reterr) {
    int rc = seal__server_sort_methods(server);
    if (rc < 0)
        return seal__error_no_memory(reterr);
    for (size_t i = 0; i < start->n_addresses; i++) {
        rc = listen_on(server, &start->resolved[i], reterr);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < server->n_listeners; i++) {
        uint16_t port = seal__listener_port(server->listeners[i]);
        if (port != 0 && atomic_load(&server->port) == 0)
            atomic_store(&server->port, port);
        seal__log_line(seal__runtime_log(server->runtime), SEAL_LOG_INFO, "%s is listening on %s",
                       server->config.principals[0], seal__listener_address(server->listeners[i]));
    }
    return 0;
}

static void close_listeners(seal_server *server) {
    for (size_t i = 0; i < server->n_listeners; i++)
        seal__listener_close(server->listeners[i]);
    server->n_listeners = 0;
}

/* The last step, whatever came before. */
static void finish(seal__server_start *start) {
    seal_server *server = start->server;
    server->start = NULL;
    if (start->error == NULL && seal__server_loops_start(server, &start->error) == 0 &&
        listen_on_all(server, start, &start->error) < 0) {
        close_listeners(server);
        seal__server_loops_end(server);
    }
    server->has_listened = start->error == NULL;
    server->state = server->has_listened ? SEAL__SERVER_LISTENING : SEAL__SERVER_FAILED;
    if (start->error != NULL)
        seal__log_line(seal__runtime_log(server->runtime), SEAL_LOG_ERROR, "%s cannot start: %s",
                       server->config.principals[0], seal_error_message(start->error));
    if (server->has_listened && server->on_listening != NULL)
        server->on_listening(server, server->on_listening_user);
    start->started(server, start->error, start->user);
    if (server->state == SEAL__SERVER_LISTENING)
        seal__server_publish_begin(server);
    else
        seal__server_publish_end(server);
    if (start->error != NULL && server->run_ended != NULL)
        server->run_ended(server->run_user);
    unref(start);
}

static void on_checked(void *owner, seal_error *error) {
    seal__server_start *start = owner;
    start->check = NULL;
    start->error = error;
    finish(start);
}

static void check_names(seal__server_start *start) {
    start->check = seal__startup_check_start(start->server, on_checked, start);
    if (start->check == NULL)
        finish(start);
}

/* ---- What needs no KDC ---- */

static void local_work(seal__auth_job *job) {
    seal__server_start *start = SEAL__CONTAINER_OF(job, seal__server_start, job);
    int rc = seal__gss_acceptor_check_local(start->acceptor, &start->error);
    for (size_t i = 0; rc == 0 && i < start->n_addresses; i++)
        rc = seal__resolve(&start->addresses[i], true, &start->resolved[i], &start->error);
}

static void on_orphaned(seal__auth_job *job) {
    unref(SEAL__CONTAINER_OF(job, seal__server_start, job));
}

static void local_done(seal__auth_job *job, bool ran) {
    seal__server_start *start = SEAL__CONTAINER_OF(job, seal__server_start, job);
    if (start->server != NULL) {
        if (!ran)
            seal__error(&start->error, SEAL_ERROR_CANCELLED, "the runtime was stopped");
        if (start->error != NULL || start->skip_startup_check)
            finish(start);
        else
            check_names(start);
    }
    unref(start);
}

static int parse_addresses(const seal_server *server, seal__server_start *start,
                           seal_error **reterr) {
    for (size_t i = 0; i < server->n_addresses; i++) {
        int rc = seal__address_parse(server->addresses[i], &start->addresses[i], reterr);
        if (rc < 0)
            return rc;
    }
    start->n_addresses = server->n_addresses;
    return 0;
}

static int begin(seal_server *server, seal_server_started_fn *started, void *user,
                 seal_error **reterr) {
    if (server->state != SEAL__SERVER_NEW)
        return seal__error(reterr, SEAL_ERROR_STATE, "the server was started before");
    if (server->n_addresses == 0)
        return seal__error(reterr, SEAL_ERROR_STATE,
                           "the server has no address; call seal_server_add_address");
    seal_runtime *runtime = server->runtime;
    seal__server_start *start = seal__alloc_zeroed(seal__runtime_alloc(runtime), 1, sizeof *start);
    if (start == NULL)
        return seal__error_no_memory(reterr);
    atomic_init(&start->refs, 1);
    start->shared = seal__shared_ref(runtime->shared);
    start->server = server;
    start->acceptor = seal__gss_acceptor_ref(server->acceptor);
    start->skip_startup_check = server->config.skip_startup_check;
    start->started = started;
    start->user = user;
    start->job = (seal__auth_job){
        .deadline_ns = UINT64_MAX, .work = local_work, .done = local_done, .orphaned = on_orphaned};
    int rc = parse_addresses(server, start, reterr);
    if (rc == 0) {
        atomic_fetch_add(&start->refs, 1);
        rc = seal__runtime_submit(runtime, runtime->acceptors, &start->job);
        if (rc < 0) {
            seal__error(reterr, rc, "cannot check the credentials: %s", seal_error_code_text(rc));
            unref(start);
        }
    }
    if (rc < 0) {
        unref(start);
        return rc;
    }
    server->start = start;
    server->state = SEAL__SERVER_STARTING;
    return 0;
}

void seal__server_start_abandon(seal_server *server) {
    seal__server_start *start = server->start;
    if (start == NULL)
        return;
    server->start = NULL;
    seal__startup_check_abandon(start->check);
    start->check = NULL;
    start->server = NULL;
    seal_error *error = NULL;
    seal__error(&error, SEAL_ERROR_CANCELLED, "the server was stopped while it started");
    start->started(server, error, start->user);
    seal_error_free(error);
    unref(start);
}

typedef struct begin_task {
    seal_server *server;
    seal_server_started_fn *started;
    void *user;
    seal_error **reterr;
    int rc;
} begin_task;

static void do_begin(void *arg) {
    begin_task *task = arg;
    task->rc = begin(task->server, task->started, task->user, task->reterr);
}

int seal_server_start_async(seal_server *server, seal_server_started_fn *started, void *user,
                            seal_error **reterr) {
    if (server == NULL || started == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID, "server and started must not be NULL");
    begin_task task = {.server = server, .started = started, .user = user, .reterr = reterr};
    int rc = seal__runtime_run(server->runtime, do_begin, &task);
    return rc < 0 ? seal__error(reterr, rc, "call it on the loop's thread") : task.rc;
}

/* ---- Waiting for it ---- */

typedef struct started_wait {
    uv_sem_t done;
    seal_error *error;
} started_wait;

static void on_started(seal_server *server, const seal_error *error, void *user) {
    (void)server;
    started_wait *wait = user;
    wait->error = seal__error_copy(error);
    uv_sem_post(&wait->done);
}

int seal_server_start(seal_server *server, seal_error **reterr) {
    if (server == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID, "server must not be NULL");
    if (!server->runtime->owns_loop || seal__runtime_on_any_loop(server->runtime))
        return seal__error(reterr, SEAL_ERROR_WRONG_THREAD,
                           "seal_server_start blocks; on a loop use seal_server_start_async");
    started_wait wait = {.error = NULL};
    if (uv_sem_init(&wait.done, 0) != 0)
        return seal__error(reterr, SEAL_ERROR_SYSTEM, "no semaphore");
    int rc = seal_server_start_async(server, on_started, &wait, reterr);
    if (rc == 0) {
        uv_sem_wait(&wait.done);
        rc = (int)seal_error_get_code(wait.error);
        if (rc < 0)
            seal__error_pass(reterr, wait.error);
    }
    uv_sem_destroy(&wait.done);
    return rc;
}
