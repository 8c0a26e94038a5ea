/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dial.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/resolve.h"

struct seal__dial {
    seal__auth_job job; /* resolves */
    seal__task task;    /* goes on, where there is nothing to resolve */
    seal__shared *shared;
    seal_runtime *runtime;
    seal__address address;
    seal__conn_options options;
    seal__dialed_fn *dialed; /* NULL: cancelled */
    void *user;
    seal__resolved resolved;
    size_t next;      /* address to try */
    seal__conn *conn; /* being connected */
    uv_connect_t request;
    seal_error *error; /* of the last attempt */
    bool resolving;
};

static void release(seal__dial *dial) {
    seal__shared *shared = dial->shared;
    seal_error_free(dial->error);
    seal__release(&shared->alloc, dial);
    seal__shared_unref(shared);
}

static void finish(seal__dial *dial, seal__conn *conn) {
    if (dial->dialed != NULL)
        dial->dialed(dial->user, conn, dial->error);
    release(dial);
}

static void try_next(seal__dial *dial);

static void set_error(seal__dial *dial, int uv_code, const char *where) {
    seal_error_free(dial->error);
    dial->error = NULL;
    seal__error(&dial->error, SEAL_ERROR_CONNECT,
                "cannot connect to %s: %s; is the server running there?", where,
                uv_strerror(uv_code));
}

static void on_connected(uv_connect_t *request, int status) {
    seal__dial *dial = request->data;
    seal__conn *conn = dial->conn;
    dial->conn = NULL;
    if (dial->dialed == NULL) {
        if (conn != NULL)
            seal__conn_drop(conn);
        release(dial);
        return;
    }
    if (status == 0) {
        finish(dial, conn);
        return;
    }
    set_error(dial, status, conn->address);
    seal__conn_drop(conn);
    try_next(dial);
}

static int connect_socket(seal__dial *dial, size_t i) {
    const struct sockaddr *addr = (const struct sockaddr *)(const void *)&dial->resolved.addrs[i];
    dial->request.data = dial;
    if (!dial->address.is_unix)
        return uv_tcp_connect(&dial->request, &dial->conn->socket.tcp, addr, on_connected);
    /* libuv 1.44 cannot connect to abstract names, so the socket is connected here; for a unix
     * socket that does not wait for the peer's program. */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return uv_translate_sys_error(errno);
    if (connect(fd, addr, dial->resolved.lens[i]) < 0) {
        int rc = uv_translate_sys_error(errno);
        close(fd);
        return rc;
    }
    return uv_pipe_open(&dial->conn->socket.pipe, fd);
}

/* False: there is no address left. */
static bool connect_next(seal__dial *dial) {
    while (dial->next < dial->resolved.n) {
        size_t i = dial->next++;
        if (seal__conn_new(dial->runtime, &dial->options, dial->address.is_unix, &dial->conn) < 0) {
            seal_error_free(dial->error);
            seal__error_no_memory(&dial->error);
            break;
        }
        seal__address_format((const struct sockaddr *)(const void *)&dial->resolved.addrs[i],
                             dial->resolved.lens[i], dial->conn->address,
                             sizeof dial->conn->address);
        int rc = connect_socket(dial, i);
        if (rc == 0) {
            if (dial->address.is_unix)
                on_connected(&dial->request, 0);
            return true;
        }
        set_error(dial, rc, dial->conn->address);
        seal__conn_drop(dial->conn);
        dial->conn = NULL;
    }
    return false;
}

static void try_next(seal__dial *dial) {
    if (!connect_next(dial))
        finish(dial, NULL);
}

static void resolve_work(seal__auth_job *job) {
    seal__dial *dial = SEAL__CONTAINER_OF(job, seal__dial, job);
    seal__resolve(&dial->address, false, &dial->resolved, &dial->error);
}

static void resolve_done(seal__auth_job *job, bool ran) {
    seal__dial *dial = SEAL__CONTAINER_OF(job, seal__dial, job);
    dial->resolving = false;
    if (dial->dialed == NULL) {
        release(dial);
        return;
    }
    if (!ran)
        seal__error(&dial->error, SEAL_ERROR_TIMEOUT,
                    "no thread was free to resolve \"%s\" in time", dial->address.host);
    try_next(dial);
}

static void go_on(seal__task *task) {
    seal__dial *dial = SEAL__CONTAINER_OF(task, seal__dial, task);
    if (dial->dialed == NULL)
        release(dial);
    else
        try_next(dial);
}

/* What is no name needs no thread, and no DNS. Nobody is told before this has returned. */
static void start_literal(seal__dial *dial) {
    dial->resolving = false;
    seal__resolve(&dial->address, false, &dial->resolved, &dial->error);
    if (dial->address.is_unix || !connect_next(dial))
        seal__runtime_queue(dial->runtime, &dial->task);
}

static void resolve_orphaned(seal__auth_job *job) {
    release(SEAL__CONTAINER_OF(job, seal__dial, job));
}

int seal__dial_start(seal_runtime *runtime, const seal__address *address,
                     const seal__conn_options *options, uint64_t deadline_ns,
                     seal__dialed_fn *dialed, void *user, seal__dial **ret_dial,
                     seal_error **reterr) {
    seal__dial *dial = seal__alloc_zeroed(seal__runtime_alloc(runtime), 1, sizeof *dial);
    if (dial == NULL)
        return seal__error_no_memory(reterr);
    dial->shared = seal__shared_ref(runtime->shared);
    dial->runtime = runtime;
    dial->address = *address;
    dial->options = *options;
    dial->dialed = dialed;
    dial->user = user;
    dial->resolving = true;
    seal__list_init(&dial->task.node);
    dial->task.run = go_on;
    dial->job = (seal__auth_job){.deadline_ns = deadline_ns,
                                 .work = resolve_work,
                                 .done = resolve_done,
                                 .orphaned = resolve_orphaned};
    if (dial->address.is_literal || dial->address.is_unix) {
        *ret_dial = dial;
        start_literal(dial);
        return 0;
    }
    int rc = seal__runtime_submit(runtime, runtime->initiators, &dial->job);
    if (rc < 0) {
        release(dial);
        return seal__error(reterr, rc, "too many connections are being made");
    }
    *ret_dial = dial;
    return 0;
}

void seal__dial_cancel(seal__dial *dial) {
    dial->dialed = NULL;
    if (dial->conn != NULL) {
        /* Closing the socket makes its connect call back with an error. */
        seal__conn *conn = dial->conn;
        dial->conn = NULL;
        seal__conn_drop(conn);
    }
}

const char *seal__dial_stage(const seal__dial *dial) {
    return dial->resolving ? "resolving the host name" : "connecting";
}
