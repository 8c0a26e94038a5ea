/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start-up: prove the credentials and resolve the addresses on the acceptor pool, ask the KDC on
 * the initiator pool (a silent one takes long, so that has a time limit of its own and only warns),
 * then listen.
 */
#include <netinet/in.h>
#include <stdio.h>

#include "server/server_internal.h"

enum { KDC_CHECK_MS = 5000 };

/* Outlives the server when that is freed, or given up waiting for the KDC, meanwhile. */
struct seal__server_start {
    atomic_uint refs; /* the server until it is told, each job, the timer */
    seal__auth_job job;
    seal__shared *shared;
    seal_server *server; /* NULL: abandoned */
    seal__gss_acceptor *acceptor;
    bool skip_startup_check;
    seal__address addresses[SEAL__SERVER_MAX_ADDRESSES];
    seal__resolved resolved[SEAL__SERVER_MAX_ADDRESSES];
    size_t n_addresses;
    seal_error *error;
    seal_error *kdc_error; /* of the job that asks the KDC, which may outlast everything else */
    uv_timer_t kdc_timer;  /* open while the KDC is asked */
    bool timer_open;
    bool finished; /* started was called */
    seal_server_started_fn *started;
    void *user;
};

static void unref(seal__server_start *start) {
    if (atomic_fetch_sub(&start->refs, 1) != 1)
        return;
    seal__shared *shared = start->shared;
    seal__gss_acceptor_unref(start->acceptor);
    seal_error_free(start->error);
    seal_error_free(start->kdc_error);
    seal__release(&shared->alloc, start);
    seal__shared_unref(shared);
}

static void ref(seal__server_start *start) {
    atomic_fetch_add(&start->refs, 1);
}

/* The job holds a reference until it is done or orphaned. */
static int submit(seal__server_start *start, seal__auth_pool *pool) {
    ref(start);
    int rc = seal__runtime_submit(start->server->runtime, pool, &start->job);
    if (rc < 0)
        unref(start);
    return rc;
}

static void on_timer_closed(uv_handle_t *handle) {
    seal__server_start *start = handle->data;
    start->timer_open = false;
    unref(start);
}

static void close_timer(seal__server_start *start) {
    if (start->timer_open && !uv_is_closing((uv_handle_t *)&start->kdc_timer))
        uv_close((uv_handle_t *)&start->kdc_timer, on_timer_closed);
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
    if (start->finished || server == NULL)
        return;
    start->finished = true;
    server->start = NULL;
    if (start->error == NULL && listen_on_all(server, start, &start->error) < 0)
        close_listeners(server);
    server->has_listened = start->error == NULL;
    server->state = server->has_listened ? SEAL__SERVER_LISTENING : SEAL__SERVER_FAILED;
    if (start->error != NULL)
        seal__log_line(seal__runtime_log(server->runtime), SEAL_LOG_ERROR, "%s cannot start: %s",
                       server->config.principals[0], seal_error_message(start->error));
    close_timer(start);
    start->started(server, start->error, start->user);
    if (start->error != NULL && start->server != NULL && server->run_ended != NULL)
        server->run_ended(server->run_user);
    unref(start);
}

/* ---- The KDC's opinion ---- */

static void kdc_work(seal__auth_job *job) {
    seal__server_start *start = SEAL__CONTAINER_OF(job, seal__server_start, job);
    seal__gss_acceptor_check_kdc(start->acceptor, &start->kdc_error);
}

/* Only a proof that the keys are wrong stops the server. */
static void judge_kdc(seal__server_start *start) {
    int code = seal_error_get_code(start->kdc_error);
    if (code == SEAL_OK)
        return;
    if (code == SEAL_ERROR_KEY_VERSION || code == SEAL_ERROR_UNKNOWN_SERVICE) {
        start->error = start->kdc_error;
        start->kdc_error = NULL;
        return;
    }
    seal__log_line(seal__runtime_log(start->server->runtime), SEAL_LOG_WARNING,
                   "could not check with the KDC that the keys of %s are current: %s",
                   start->server->config.principals[0], seal_error_message(start->kdc_error));
}

static void kdc_done(seal__auth_job *job, bool ran) {
    seal__server_start *start = SEAL__CONTAINER_OF(job, seal__server_start, job);
    (void)ran;
    if (start->server != NULL && !start->finished) {
        judge_kdc(start);
        finish(start);
    }
    unref(start);
}

static void on_orphaned(seal__auth_job *job) {
    unref(SEAL__CONTAINER_OF(job, seal__server_start, job));
}

static void on_kdc_timeout(uv_timer_t *timer) {
    seal__server_start *start = timer->data;
    if (start->server == NULL || start->finished)
        return;
    seal__log_line(
        seal__runtime_log(start->server->runtime), SEAL_LOG_WARNING,
        "could not check with the KDC that the keys of %s are current: no answer within %d s",
        start->server->config.principals[0], KDC_CHECK_MS / 1000);
    finish(start);
}

static void ask_kdc(seal__server_start *start) {
    seal_runtime *runtime = start->server->runtime;
    start->job = (seal__auth_job){.deadline_ns = uv_hrtime() + (uint64_t)KDC_CHECK_MS * 1000000u,
                                  .work = kdc_work,
                                  .done = kdc_done,
                                  .orphaned = on_orphaned};
    if (submit(start, runtime->initiators) < 0) {
        finish(start);
        return;
    }
    uv_timer_init(runtime->loop, &start->kdc_timer);
    start->kdc_timer.data = start;
    start->timer_open = true;
    ref(start);
    uv_timer_start(&start->kdc_timer, on_kdc_timeout, KDC_CHECK_MS, 0);
}

/* ---- What needs no KDC ---- */

static void local_work(seal__auth_job *job) {
    seal__server_start *start = SEAL__CONTAINER_OF(job, seal__server_start, job);
    int rc = seal__gss_acceptor_check_local(start->acceptor, &start->error);
    for (size_t i = 0; rc == 0 && i < start->n_addresses; i++)
        rc = seal__resolve(&start->addresses[i], true, &start->resolved[i], &start->error);
}

static void local_done(seal__auth_job *job, bool ran) {
    seal__server_start *start = SEAL__CONTAINER_OF(job, seal__server_start, job);
    if (start->server != NULL) {
        if (!ran)
            seal__error(&start->error, SEAL_ERROR_CANCELLED, "the runtime was stopped");
        if (start->error != NULL || start->skip_startup_check)
            finish(start);
        else
            ask_kdc(start);
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
    if (rc == 0 && (rc = submit(start, runtime->acceptors)) < 0)
        seal__error(reterr, rc, "cannot check the credentials: %s", seal_error_code_text(rc));
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
    seal_error *error = NULL;
    seal__error(&error, SEAL_ERROR_CANCELLED, "the server was stopped while it started");
    start->finished = true;
    start->started(server, error, start->user);
    seal_error_free(error);
    start->server = NULL;
    close_timer(start);
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
    if (!server->runtime->owns_loop || seal__runtime_on_loop(server->runtime))
        return seal__error(reterr, SEAL_ERROR_WRONG_THREAD,
                           "seal_server_start blocks; on a loop use seal_server_start_async");
    started_wait wait = {.error = NULL};
    if (uv_sem_init(&wait.done, 0) != 0)
        return seal__error(reterr, SEAL_ERROR_SYSTEM, "no semaphore");
    int rc = seal_server_start_async(server, on_started, &wait, reterr);
    if (rc == 0) {
        uv_sem_wait(&wait.done);
        rc = (int)seal_error_get_code(wait.error);
        if (rc < 0 && reterr != NULL)
            *reterr = wait.error;
        else
            seal_error_free(wait.error);
    }
    uv_sem_destroy(&wait.done);
    return rc;
}
