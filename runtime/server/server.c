/* SPDX-License-Identifier: Apache-2.0 */
/* Making a server, its addresses, its figures. */
#include <assert.h>

#include "server/server_internal.h"

static int make_acceptor(seal_server *server, seal_error **reterr) {
    seal__gss_acceptor_options options = {
        .alloc = seal__runtime_alloc(server->runtime),
        .principals = (const char *const *)server->config.principals,
        .n_principals = server->config.n_principals,
        .keytab = server->config.keytab,
        .mechanisms = server->config.secure.mechanisms,
        .n_mechanisms = server->config.secure.n_mechanisms,
    };
    return seal__gss_acceptor_new(&options, &server->acceptor, reterr);
}

static void hold_runtime(void *arg) {
    const seal_server *server = arg;
    seal__runtime_hold(server->runtime);
    if (server->crew != NULL)
        seal__runtime_hold(server->runtime);
}

/* What has not begun to live. */
static void release_parts(seal_server *server) {
    const seal_allocator *alloc = seal__runtime_alloc(server->runtime);
    seal__release(alloc, server->crew);
    seal__gss_acceptor_unref(server->acceptor);
    seal__server_config_done(&server->config, alloc);
    seal__server_limits_done(&server->limits);
    seal__release(alloc, server);
}

static int make_server(seal_runtime *runtime, const seal_server_options *options,
                       seal_server **ret_server, seal_error **reterr) {
    const seal_allocator *alloc = seal__runtime_alloc(runtime);
    seal_server *server = seal__alloc_zeroed(alloc, 1, sizeof *server);
    if (server == NULL)
        return seal__error_no_memory(reterr);
    server->runtime = runtime;
    server->state = SEAL__SERVER_NEW;
    atomic_init(&server->port, 0);
    seal__list_init(&server->stop_tasks);
    if (seal__server_limits_init(&server->limits) < 0) {
        seal__release(alloc, server);
        return seal__error(reterr, SEAL_ERROR_SYSTEM, "no mutex");
    }
    int rc = seal__server_config_make(options, alloc, &server->config, reterr);
    if (rc == 0)
        rc = make_acceptor(server, reterr);
    if (rc == 0 && seal__server_loops_init(server) < 0)
        rc = seal__error_no_memory(reterr);
    if (rc == 0 && (rc = seal__runtime_run(runtime, hold_runtime, server)) < 0)
        seal__error(reterr, rc, "call it on the loop's thread");
    if (rc < 0) {
        release_parts(server);
        return rc;
    }
    *ret_server = server;
    return 0;
}

int seal_server_new(seal_runtime *runtime, const seal_server_options *options,
                    seal_server **ret_server, seal_error **reterr) {
    if (options == NULL || ret_server == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "options with at least the principal, and ret_server, must not be NULL");
    bool owns_runtime = runtime == NULL;
    int rc = owns_runtime ? seal__runtime_new_private(&runtime, reterr) : 0;
    if (rc < 0)
        return rc;
    seal_server *server = NULL;
    rc = make_server(runtime, options, &server, reterr);
    if (rc < 0) {
        if (owns_runtime)
            seal_runtime_free(runtime);
        return rc;
    }
    assert(server != NULL);
    server->owns_runtime = owns_runtime;
    *ret_server = server;
    return 0;
}

/* ---- Addresses ---- */

typedef struct address_task {
    seal_server *server;
    const char *address;
    seal_error **reterr;
    int rc;
} address_task;

static void do_add_address(void *arg) {
    address_task *task = arg;
    seal_server *server = task->server;
    seal__address parsed;
    task->rc = seal__address_parse(task->address, &parsed, task->reterr);
    if (task->rc < 0)
        return;
    if (server->state != SEAL__SERVER_NEW) {
        task->rc = seal__error(task->reterr, SEAL_ERROR_STATE,
                               "%s: add addresses before the server is started", task->address);
    } else if (server->n_addresses == SEAL__SERVER_MAX_ADDRESSES) {
        task->rc = seal__error(task->reterr, SEAL_ERROR_TOO_MANY,
                               "at most %d addresses are possible", SEAL__SERVER_MAX_ADDRESSES);
    } else {
        char *copy = seal__strdup(seal__runtime_alloc(server->runtime), task->address);
        if (copy != NULL)
            server->addresses[server->n_addresses++] = copy;
        else
            task->rc = seal__error_no_memory(task->reterr);
    }
}

int seal_server_add_address(seal_server *server, const char *address, seal_error **reterr) {
    if (server == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID, "server must not be NULL");
    address_task task = {.server = server, .address = address, .reterr = reterr};
    int rc = seal__runtime_run(server->runtime, do_add_address, &task);
    return rc < 0 ? seal__error(reterr, rc, "call it on the loop's thread") : task.rc;
}

typedef struct listening_task {
    seal_server *server;
    seal_server_listening_fn *listening;
    void *user;
} listening_task;

static void do_on_listening(void *arg) {
    const listening_task *task = arg;
    task->server->on_listening = task->listening;
    task->server->on_listening_user = task->user;
}

void seal_server_on_listening(seal_server *server, seal_server_listening_fn *listening,
                              void *user) {
    listening_task task = {.server = server, .listening = listening, .user = user};
    (void)seal__runtime_run(server->runtime, do_on_listening, &task);
}

uint16_t seal_server_port(const seal_server *server) {
    return (uint16_t)atomic_load(&server->port);
}

/* ---- Figures ---- */

static void add_loop(const seal__server_counts *c, seal_server_stats *stats) {
    stats->connections_accepted += atomic_load(&c->connections_accepted);
    stats->handshakes_completed += atomic_load(&c->handshakes_completed);
    stats->handshakes_failed += atomic_load(&c->handshakes_failed);
    stats->connections_shed += atomic_load(&c->connections_shed);
    stats->calls_started += atomic_load(&c->calls_started);
    stats->calls_refused += atomic_load(&c->calls_refused);
    stats->calls_running += atomic_load(&c->calls_running);
    stats->calls_cancelled += atomic_load(&c->calls_cancelled);
    stats->calls_expired_in_queue += atomic_load(&c->calls_expired_in_queue);
    stats->calls_queued += atomic_load(&c->calls_queued);
    stats->connections_drained_age += atomic_load(&c->connections_drained_age);
    stats->connections_silent += atomic_load(&c->connections_silent);
}

static void pass_by(void *arg) {
    (void)arg;
}

/* What was asked of the server before is begun when the figures are read, as with all its
 * functions; but they can be read on any thread. */
void seal_server_get_stats(seal_server *server, seal_server_stats *ret_stats) {
    seal_server_stats stats = {.published = 0};
    (void)seal__runtime_run(server->runtime, pass_by, NULL);
    add_loop(&server->main.stats, &stats);
    for (uint32_t i = 0; i + 1 < server->config.loops; i++)
        add_loop(&server->crew->loops[i].stats, &stats);
    stats.connections_open = seal__server_open_count(server);
    stats.published = atomic_load(&server->published);
    stats.publish_failures = atomic_load(&server->publish_failures);
    *ret_stats = stats;
}
