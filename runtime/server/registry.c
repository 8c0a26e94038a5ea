/* SPDX-License-Identifier: Apache-2.0 */
/* Services and their methods. A connection looks a name up once; afterwards a number stands for it.
 */
#include <stdlib.h>
#include <string.h>

#include "server/server_internal.h"

static int check_service(const seal_service *service, seal_error **reterr) {
    if (service->abi != SEAL_GEN_ABI || service->method_size != sizeof(seal_method))
        return seal__error(
            reterr, SEAL_ERROR_INVALID,
            "service %s: its stubs were generated for another version of sealrpc; run "
            "protoc-gen-seal again and rebuild",
            service->full_name);
    return 0;
}

/* A structure without it would have no handler at all. */
static int check_ops(const seal_service *service, const void *ops, seal_error **reterr) {
    size_t size = 0;
    memcpy(&size, ops, sizeof size);
    if (size == 0)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "service %s: ops.size is 0: set .size = sizeof ops", service->full_name);
    return 0;
}

typedef struct register_task {
    seal_server *server;
    seal__server_service service;
    int rc;
    seal_error **reterr;
} register_task;

static void do_register(void *arg) {
    register_task *rt = arg;
    seal_server *server = rt->server;
    const char *name = rt->service.service->full_name;
    if (server->state != SEAL__SERVER_NEW) {
        rt->rc = seal__error(rt->reterr, SEAL_ERROR_STATE,
                             "service %s: register services before the server is started", name);
        return;
    }
    for (size_t i = 0; i < server->n_services; i++) {
        if (strcmp(server->services[i].service->full_name, name) == 0) {
            rt->rc = seal__error(rt->reterr, SEAL_ERROR_ALREADY, "service %s is registered already",
                                 name);
            return;
        }
    }
    seal__server_service *services =
        seal__resize(seal__runtime_alloc(server->runtime), server->services,
                     (server->n_services + 1) * sizeof *services);
    if (services == NULL) {
        rt->rc = seal__error_no_memory(rt->reterr);
        return;
    }
    services[server->n_services++] = rt->service;
    server->services = services;
}

static int register_service(seal_server *server, const seal_service *service, const void *ops,
                            void *user, bool blocks, seal_error **reterr) {
    if (server == NULL || service == NULL || ops == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID, "server, service and ops must not be NULL");
    int rc = check_service(service, reterr);
    if (rc == 0)
        rc = check_ops(service, ops, reterr);
    if (rc < 0)
        return rc;
    register_task rt = {.server = server,
                        .service = {.service = service, .ops = ops, .user = user, .blocks = blocks},
                        .reterr = reterr};
    rc = seal__runtime_run(server->runtime, do_register, &rt);
    return rc < 0 ? seal__error(reterr, rc, "call it on the loop's thread") : rt.rc;
}

int seal_server_register(seal_server *server, const seal_service *service, const void *ops,
                         void *user, seal_error **reterr) {
    return register_service(server, service, ops, user, false, reterr);
}

int seal_server_register_blocking(seal_server *server, const seal_service *service, const void *ops,
                                  void *user, seal_error **reterr) {
    return register_service(server, service, ops, user, true, reterr);
}

static int by_name(const void *a, const void *b) {
    const seal__server_method *ma = a;
    const seal__server_method *mb = b;
    return strcmp(ma->method->full_name, mb->method->full_name);
}

static int by_key(const void *key, const void *element) {
    const seal__server_method *method = element;
    return strcmp(key, method->method->full_name);
}

/* One pool for all services whose handlers block. */
static int make_workers(seal_server *server) {
    bool any = false;
    for (size_t i = 0; i < server->n_services; i++)
        any = any || server->services[i].blocks;
    if (!any || server->workers != NULL)
        return 0;
    return seal__workers_new(seal__runtime_alloc(server->runtime), server->config.worker_threads,
                             server->config.worker_queue, &server->workers);
}

int seal__server_sort_methods(seal_server *server) {
    size_t n = 0;
    for (size_t i = 0; i < server->n_services; i++)
        n += server->services[i].service->n_methods;
    if (n == 0)
        return 0;
    int rc = make_workers(server);
    if (rc < 0)
        return rc;
    seal__server_method *methods =
        seal__alloc_zeroed(seal__runtime_alloc(server->runtime), n, sizeof *methods);
    if (methods == NULL)
        return SEAL_ERROR_NO_MEMORY;
    size_t at = 0;
    for (size_t i = 0; i < server->n_services; i++) {
        const seal__server_service *s = &server->services[i];
        for (size_t m = 0; m < s->service->n_methods; m++)
            methods[at++] = (seal__server_method){.method = &s->service->methods[m],
                                                  .ops = s->ops,
                                                  .user = s->user,
                                                  .blocks = s->blocks};
    }
    qsort(methods, n, sizeof *methods, by_name);
    server->methods = methods;
    server->n_methods = n;
    return 0;
}

const seal__server_method *seal__server_find_method(const seal_server *server,
                                                    const char *full_name) {
    if (server->n_methods == 0)
        return NULL;
    return bsearch(full_name, server->methods, server->n_methods, sizeof *server->methods, by_key);
}
