/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a server: its entry in the directory is removed, no new connections, the old ones are
 * drained (drain.c), time for what runs, then close. */
#include "server/server_internal.h"

static void on_grace_over(uv_timer_t *timer) {
    seal__server_loops_cut(timer->data);
}

static void on_removal_over(uv_timer_t *timer) {
    seal_server *server = timer->data;
    seal__server_publish_give_up(server);
    seal__server_unpublished(server);
}

/* What is left of the grace, for the removal half of it at most. */
static void arm_grace(seal_server *server) {
    uint64_t now = uv_now(server->runtime->loop);
    uint64_t left = server->grace_end_ms > now ? server->grace_end_ms - now : 0;
    if (server->unpublishing)
        uv_timer_start(&server->grace, on_removal_over, left / 2, 0);
    else
        uv_timer_start(&server->grace, on_grace_over, left, 0);
}

static void on_grace_closed(uv_handle_t *handle) {
    seal_server *server = handle->data;
    server->grace_open = false;
    seal__server_maybe_stopped(&server->main);
}

static void release(seal_server *server) {
    const seal_allocator *alloc = seal__runtime_alloc(server->runtime);
    for (size_t i = 0; i < server->n_addresses; i++)
        seal__release(alloc, server->addresses[i]);
    seal__gss_acceptor_unref(server->acceptor);
    seal__workers_free(server->workers);
    seal__server_loops_leave(server);
    seal__calls_done(&server->main);
    seal__server_config_done(&server->config, alloc);
    seal__server_limits_done(&server->limits);
    seal__release(alloc, server->services);
    seal__release(alloc, server->methods);
    void (*released)(void *user) = server->released;
    void *user = server->released_user;
    seal_runtime *runtime = server->runtime;
    bool owns_runtime = server->owns_runtime;
    seal__release(alloc, server);
    seal__runtime_let_go(runtime);
    if (released != NULL)
        released(user);
    else if (owns_runtime)
        seal__runtime_free_here(runtime);
}

static void maybe_release(seal_server *server) {
    if (server->freeing && server->state == SEAL__SERVER_STOPPED && server->n_stop_tasks == 0)
        release(server);
}

/* ---- Telling ---- */

/* Somebody who wants to know when the server has stopped. */
typedef struct stop_task {
    seal__task task; /* its node is in stop_tasks first */
    seal_server *server;
    uint32_t grace_ms;
    seal_server_stopped_fn *stopped;
    void *user;
} stop_task;

static void tell(seal__task *task) {
    stop_task told = *SEAL__CONTAINER_OF(task, stop_task, task);
    seal_server *server = told.server;
    seal__release(seal__runtime_alloc(server->runtime), SEAL__CONTAINER_OF(task, stop_task, task));
    server->n_stop_tasks--;
    /* Where it was not being freed before, the callback may free it. */
    bool freeing = server->freeing;
    told.stopped(server, told.user);
    if (freeing)
        maybe_release(server);
}

/* From the loop, one at a time: never from inside seal_server_stop. */
static void tell_later(stop_task *task) {
    task->task.run = tell;
    task->server->n_stop_tasks++;
    seal__runtime_queue(task->server->runtime, &task->task);
}

static void became_stopped(seal_server *server) {
    server->state = SEAL__SERVER_STOPPED;
    if (server->has_listened)
        seal__log_line(seal__runtime_log(server->runtime), SEAL_LOG_INFO, "%s has stopped",
                       server->config.principals[0]);
    if (server->run_ended != NULL)
        server->run_ended(server->run_user);
    for (seal__list *node = seal__list_take_first(&server->stop_tasks); node != NULL;
         node = seal__list_take_first(&server->stop_tasks))
        tell_later(SEAL__CONTAINER_OF(node, stop_task, task.node));
    maybe_release(server);
}

void seal__server_maybe_stopped(seal__server_loop *loop) {
    if (!loop->stopping || loop->n_half_open + loop->n_established > 0 || loop->n_calls > 0)
        return;
    if (loop->crew != NULL) {
        seal__server_loop_report(loop);
        return;
    }
    seal_server *server = loop->server;
    if (server->state != SEAL__SERVER_STOPPING || server->n_busy > 0)
        return;
    if (!server->grace_open)
        became_stopped(server);
    else if (!uv_is_closing((uv_handle_t *)&server->grace))
        uv_close((uv_handle_t *)&server->grace, on_grace_closed);
}

static void set_grace(seal_server *server, uint32_t grace_ms) {
    if (!server->grace_open) {
        uv_timer_init(server->runtime->loop, &server->grace);
        server->grace.data = server;
        server->grace_open = true;
    }
    uv_update_time(server->runtime->loop);
    server->grace_end_ms = uv_now(server->runtime->loop) + grace_ms;
    arm_grace(server);
}

/* Everything but the entry in the directory. */
static void stop_serving(seal_server *server) {
    server->state = SEAL__SERVER_STOPPING; /* before a callback that may stop or free it again */
    seal__server_start_abandon(server);
    seal__server_publish_end(server);
    for (size_t i = 0; i < server->n_listeners; i++)
        seal__listener_close(server->listeners[i]);
    server->n_listeners = 0;
    arm_grace(server);
    seal__server_loops_drain(server);
}

void seal__server_unpublished(seal_server *server) {
    if (!server->unpublishing)
        return;
    server->unpublishing = false;
    stop_serving(server);
}

static void stop(seal_server *server, uint32_t grace_ms) {
    if (server->state == SEAL__SERVER_STOPPED)
        return;
    if (server->state == SEAL__SERVER_STOPPING || server->unpublishing) {
        if (server->grace_open && !uv_is_closing((uv_handle_t *)&server->grace))
            set_grace(server, grace_ms);
        return;
    }
    server->unpublishing = seal__server_publish_remove(server);
    set_grace(server, grace_ms);
    if (!server->unpublishing)
        stop_serving(server);
}

static void do_stop(void *arg) {
    stop_task *task = arg;
    seal_server *server = task->server;
    uint32_t grace_ms = task->grace_ms;
    if (task->stopped == NULL)
        seal__release(seal__runtime_alloc(server->runtime), task);
    else if (server->state == SEAL__SERVER_STOPPED)
        tell_later(task);
    else
        seal__list_append(&server->stop_tasks, &task->task.node);
    stop(server, grace_ms);
}

int seal__server_ask_stop(seal_server *server, uint32_t grace_ms, seal_server_stopped_fn *stopped,
                          void *user) {
    const seal_allocator *alloc = seal__runtime_alloc(server->runtime);
    stop_task *task = seal__alloc(alloc, sizeof *task);
    if (task == NULL)
        return SEAL_ERROR_NO_MEMORY;
    *task = (stop_task){.server = server, .grace_ms = grace_ms, .stopped = stopped, .user = user};
    if (seal__runtime_on_loop(server->runtime)) {
        do_stop(task);
        return 0;
    }
    int rc = seal_runtime_post(server->runtime, do_stop, task);
    if (rc < 0)
        seal__release(alloc, task);
    return rc;
}

void seal_server_stop(seal_server *server, uint32_t grace_ms, seal_server_stopped_fn *stopped,
                      void *user) {
    if (server == NULL)
        return;
    if (stopped == NULL && seal__runtime_on_loop(server->runtime)) /* needs no memory */
        stop(server, grace_ms);
    else
        (void)seal__server_ask_stop(server, grace_ms, stopped, user); /* the header says so */
}

/* ---- Freeing ---- */

static void do_free(void *arg) {
    seal_server *server = arg;
    server->freeing = true;
    stop(server, server->config.stop_grace_ms);
    maybe_release(server);
}

static void post_sem(void *user) {
    uv_sem_post(user);
}

static void run_free(seal__task *task) {
    do_free(SEAL__CONTAINER_OF(task, seal_server, free_task));
}

void seal_server_free(seal_server *server) {
    if (server == NULL)
        return;
    seal_runtime *runtime = server->runtime;
    bool owns_runtime = server->owns_runtime;
    if (seal__runtime_on_loop(runtime) ||
        (!runtime->owns_loop && !seal__runtime_on_any_loop(runtime))) {
        do_free(server);
        return;
    }
    if (seal__runtime_on_any_loop(runtime)) {
        server->free_task.run = run_free;
        seal__runtime_queue(runtime, &server->free_task);
        return;
    }
    uv_sem_t done;
    if (uv_sem_init(&done, 0) != 0)
        return;
    server->released = post_sem;
    server->released_user = &done;
    seal__runtime_run(runtime, do_free, server);
    uv_sem_wait(&done);
    uv_sem_destroy(&done);
    if (owns_runtime)
        seal_runtime_free(runtime);
}
