/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loops of a server. The first is that of the server's runtime; the others have runtimes of
 * their own, each with a thread. The first gives orders, the others report: tasks in both
 * directions, so that nobody waits for another loop and none reads what is another's.
 */
#include "server/server_internal.h"

seal__server_loop *seal__server_loop_at(seal_server *server, uint32_t i) {
    if (i == 0)
        return &server->main;
    seal__server_crew *crew = server->crew;
    if (crew == NULL || i > crew->n)
        return NULL;
    seal__server_loop *loop = &crew->loops[i - 1];
    return loop->runtime != NULL && !loop->is_ending ? loop : NULL;
}

/* ---- Orders ---- */

static void run_drain(seal__task *task) {
    seal__server_drain_loop(SEAL__CONTAINER_OF(task, seal__server_loop, drain));
}

static void run_cut(seal__task *task) {
    seal__server_cut_loop(SEAL__CONTAINER_OF(task, seal__server_loop, cut));
}

static void order(seal__server_loop *loop, seal__task *task, void (*run)(seal__task *task)) {
    task->run = run;
    seal__runtime_queue(loop->runtime, task);
}

void seal__server_loops_drain(seal_server *server) {
    seal__server_loop *loop = NULL;
    for (uint32_t i = 1; (loop = seal__server_loop_at(server, i)) != NULL; i++) {
        server->n_busy++;
        seal__runtime_await(server->runtime);
        order(loop, &loop->drain, run_drain);
    }
    seal__server_drain_loop(&server->main);
}

void seal__server_loops_cut(seal_server *server) {
    seal__server_loop *loop = NULL;
    if (server->is_cut)
        return;
    server->is_cut = true;
    for (uint32_t i = 1; (loop = seal__server_loop_at(server, i)) != NULL; i++)
        order(loop, &loop->cut, run_cut);
    seal__server_cut_loop(&server->main);
}

/* ---- Reports ---- */

static void run_report(seal__task *task) {
    seal_server *server = SEAL__CONTAINER_OF(task, seal__server_loop, report)->server;
    server->n_busy--;
    seal__runtime_awaited(server->runtime);
    seal__server_maybe_stopped(&server->main);
}

/* With an empty stack: whoever noticed may still look at the server. */
static void run_look(seal__task *task) {
    seal__server_loop *loop = SEAL__CONTAINER_OF(task, seal__server_loop, look);
    loop->look_queued = false;
    if (loop->reported || loop->n_half_open + loop->n_established + loop->n_calls > 0)
        return;
    loop->reported = true;
    loop->report.run = run_report;
    seal__runtime_queue(loop->crew->first, &loop->report);
}

void seal__server_loop_report(seal__server_loop *loop) {
    if (loop->look_queued || loop->reported)
        return;
    loop->look_queued = true;
    loop->look.run = run_look;
    seal__runtime_queue(loop->runtime, &loop->look);
}

/* ---- Their end ---- */

static void maybe_release(seal__server_crew *crew) {
    if (!crew->is_left || crew->n_alive > 0)
        return;
    seal_runtime *first = crew->first;
    seal__release(seal__runtime_alloc(first), crew);
    seal__runtime_let_go(first);
}

static void run_ended(seal__task *task) {
    seal__server_loop *loop = SEAL__CONTAINER_OF(task, seal__server_loop, ended);
    seal__server_crew *crew = loop->crew;
    seal__runtime_join(loop->runtime);
    seal__calls_done(loop);
    loop->runtime = NULL;
    seal__runtime_awaited(crew->first);
    crew->n_alive--;
    maybe_release(crew);
}

void seal__server_loops_end(seal_server *server) {
    seal__server_crew *crew = server->crew;
    for (uint32_t i = 0; crew != NULL && i < crew->n; i++) {
        seal__server_loop *loop = &crew->loops[i];
        if (loop->runtime == NULL || loop->is_ending)
            continue;
        loop->is_ending = true;
        loop->ended.run = run_ended;
        seal__runtime_await(crew->first);
        seal__runtime_end(loop->runtime, crew->first, &loop->ended);
    }
}

void seal__server_loops_leave(seal_server *server) {
    seal__server_crew *crew = server->crew;
    if (crew == NULL)
        return;
    seal__server_loops_end(server);
    server->crew = NULL;
    crew->is_left = true;
    maybe_release(crew);
}

/* ---- Their beginning ---- */

static void init_loop(seal_server *server, seal__server_loop *loop, seal__server_crew *crew) {
    loop->server = server;
    loop->crew = crew;
    seal__list_init(&loop->half_open);
    seal__list_init(&loop->established);
    seal__list_init(&loop->queued);
    seal__calls_init(loop, seal__runtime_alloc(server->runtime));
}

int seal__server_loops_init(seal_server *server) {
    uint32_t n = server->config.loops - 1;
    init_loop(server, &server->main, NULL);
    server->main.runtime = server->runtime;
    if (n == 0)
        return 0;
    seal__server_crew *crew = seal__alloc_zeroed(seal__runtime_alloc(server->runtime), 1,
                                                 sizeof *crew + n * sizeof crew->loops[0]);
    if (crew == NULL)
        return SEAL_ERROR_NO_MEMORY;
    crew->first = server->runtime;
    crew->n = n;
    for (uint32_t i = 0; i < n; i++)
        init_loop(server, &crew->loops[i], crew);
    server->crew = crew;
    return 0;
}

int seal__server_loops_start(seal_server *server, seal_error **reterr) {
    seal__server_crew *crew = server->crew;
    int rc = 0;
    for (uint32_t i = 0; crew != NULL && i < crew->n && rc == 0; i++) {
        rc = seal__runtime_new_beside(server->runtime, &crew->loops[i].runtime, reterr);
        crew->n_alive += rc == 0;
    }
    if (rc < 0)
        seal__server_loops_end(server);
    return rc;
}
