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
    seal__runtime_hold(arg);
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
    seal__list_init(&server->half_open);
    seal__list_init(&server->established);
    seal__list_init(&server->stop_tasks);
    int rc = seal__server_config_make(options, alloc, &server->config, reterr);
    if (rc == 0 && (rc = make_acceptor(server, reterr)) < 0)
        seal__server_config_done(&server->config, alloc);
    if (rc < 0) {
        seal__release(alloc, server);
        return rc;
    }
    rc = seal__runtime_run(runtime, hold_runtime, runtime);
    if (rc < 0) {
        seal__gss_acceptor_unref(server->acceptor);
        seal__server_config_done(&server->config, alloc);
        seal__release(alloc, server);
        return seal__error(reterr, rc, "call it on the loop's thread");
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

uint16_t seal_server_port(const seal_server *server) {
    return (uint16_t)atomic_load(&server->port);
}

/* ---- Figures ---- */

typedef struct stats_task {
    seal_server *server;
    seal_server_stats *stats;
} stats_task;

static void do_get_stats(void *arg) {
    stats_task *task = arg;
    *task->stats = task->server->stats;
    task->stats->connections_open = task->server->n_half_open + task->server->n_established;
}

void seal_server_get_stats(seal_server *server, seal_server_stats *ret_stats) {
    *ret_stats = (seal_server_stats){.connections_open = 0};
    stats_task task = {.server = server, .stats = ret_stats};
    (void)seal__runtime_run(server->runtime, do_get_stats, &task);
}
