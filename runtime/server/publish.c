/* SPDX-License-Identifier: Apache-2.0 */
/* seal_server_publish: its options, and the life of the entry beside that of the server. */
#include <sealrpc/publish.h>

#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "server/server_internal.h"

struct seal__server_publish {
    seal__publish_config *config;
    seal__publication *publication;
    bool all_services;
    bool begun;
    bool told;
    bool outage; /* there was a line in the log */
    bool was_up; /* the entry has been in the directory */
    seal_published_fn *published;
    void *user;
};

/* ---- Options ---- */

static int copy_text(seal__shared *shared, const char *from, const char **ret_copy) {
    if (from == NULL)
        return 0;
    *ret_copy = seal__strdup(&shared->alloc, from);
    return *ret_copy == NULL ? SEAL_ERROR_NO_MEMORY : 0;
}

static int own_text(seal__shared *shared, const char *from, char **ret_copy) {
    const char *copy = NULL;
    int rc = copy_text(shared, from, &copy);
    *ret_copy = (char *)(uintptr_t)copy;
    return rc;
}

static int copy_texts(seal__publish_config *config, const seal_publish_options *o,
                      const seal_server *server, seal_error **reterr) {
    seal__shared *shared = config->shared;
    const char *principal = server->config.principals[0];
    int rc = copy_text(shared, o->directory, &config->directory.uris);
    if (rc == 0)
        rc = copy_text(shared, o->base, &config->directory.base);
    if (rc == 0)
        rc = copy_text(shared, o->ccache, &config->directory.ccache);
    if (rc == 0)
        rc = copy_text(shared, o->client_keytab, &config->directory.client_keytab);
    if (rc == 0)
        rc = copy_text(shared, o->client_principal, &config->directory.client_principal);
    if (rc == 0)
        rc = own_text(shared, o->account, &config->account);
    if (rc == 0)
        rc = own_text(shared, o->name, &config->name);
    if (rc == 0)
        rc = own_text(shared, principal, &config->principal);
    if (rc == 0)
        rc = own_text(shared, server->config.keytab, &config->keytab);
    if (rc == 0)
        rc = own_text(shared, principal, &config->spn);
    if (rc < 0 || config->spn == NULL)
        return seal__error_no_memory(reterr);
    char *realm = strchr(config->spn, '@');
    if (realm != NULL)
        *realm = '\0';
    return 0;
}

static int add_service(seal__scp *scp, const char *name, seal_error **reterr) {
    size_t len = strlen(name);
    if (len == 0 || len >= SEAL_SPN_NAME_MAX)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "service \"%.100s\" cannot be published: its name has %zu bytes, 1 to "
                           "%d are possible",
                           name, len, SEAL_SPN_NAME_MAX - 1);
    if (scp->n_services == SEAL__SCP_SERVICES)
        return seal__error(reterr, SEAL_ERROR_TOO_MANY,
                           "more than %d services cannot be published in one entry; name those "
                           "that matter in services",
                           SEAL__SCP_SERVICES);
    snprintf(scp->services[scp->n_services++], SEAL_SPN_NAME_MAX, "%s", name);
    return 0;
}

static int fill_scp(seal__scp *scp, const seal_publish_options *o, const char *principal,
                    seal_error **reterr) {
    seal_spn spn;
    int rc = seal_spn_parse(principal, &spn, reterr);
    if (rc < 0)
        return rc;
    snprintf(scp->spn_class, sizeof scp->spn_class, "%s", spn.spn_class);
    snprintf(scp->host, sizeof scp->host, "%s", spn.host);
    if (o->host != NULL)
        rc = seal_spn_normalize_host(o->host, scp->host, reterr);
    scp->port = o->port;
    scp->priority = o->priority;
    scp->weight = o->weight;
    for (size_t i = 0; rc == 0 && o->services != NULL && o->services[i] != NULL; i++)
        rc = add_service(scp, o->services[i], reterr);
    return rc;
}

/* Clients compose class and host of the entry, unless they have been told a principal. */
static void warn_of_host(const seal_server *server, const seal__scp *scp) {
    seal_spn spn;
    for (size_t i = 0; i < server->config.n_principals; i++) {
        if (seal_spn_parse(server->config.principals[i], &spn, NULL) == 0 &&
            strcmp(spn.spn_class, scp->spn_class) == 0 && strcmp(spn.host, scp->host) == 0)
            return;
    }
    seal__log_line(seal__runtime_log(server->runtime), SEAL_LOG_WARNING,
                   "%s is to be published with host %s, and does not answer to %s/%s, which "
                   "clients compose of it; register that for its account, and add it to aliases",
                   server->config.principals[0], scp->host, scp->spn_class, scp->host);
}

static int check_options(const seal_publish_options *o, seal_error **reterr) {
    if (o->name != NULL && (o->name[0] == '\0' || strlen(o->name) >= SEAL__SCP_CN_MAX))
        return seal__error(reterr, SEAL_ERROR_INVALID, "name has %zu bytes; 1 to %d are possible",
                           strlen(o->name), SEAL__SCP_CN_MAX - 1);
    if (o->account != NULL &&
        (o->account[0] == '\0' || strlen(o->account) >= SEAL__SCP_DN_MAX - 2 * SEAL__SCP_CN_MAX))
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "account has %zu bytes; it is a DN of 1 to %d bytes", strlen(o->account),
                           SEAL__SCP_DN_MAX - 2 * SEAL__SCP_CN_MAX - 1);
    if (o->services != NULL && o->services[0] == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "services is empty; leave it NULL for all that are registered");
    return 0;
}

static uint32_t lease_of(uint32_t lease_s) {
    if (lease_s == UINT32_MAX)
        return SEAL__PUBLISH_NO_LEASE;
    return lease_s == 0 ? SEAL__PUBLISH_LEASE_S : lease_s;
}

static int make_config(const seal_server *server, const seal_publish_options *given,
                       seal__publish_config **ret_config, bool *ret_all_services,
                       seal_error **reterr) {
    seal_publish_options o;
    seal_publish_options_init(&o);
    int rc = seal__options_copy(&o, sizeof o, given, "seal_publish_options", reterr);
    if (rc == 0)
        rc = check_options(&o, reterr);
    if (rc < 0)
        return rc;
    seal__publish_config *config = seal__publish_config_new(server->runtime->shared);
    if (config == NULL)
        return seal__error_no_memory(reterr);
    config->lease_s = lease_of(o.lease_s);
    rc = copy_texts(config, &o, server, reterr);
    if (rc == 0)
        rc = fill_scp(&config->scp, &o, config->principal, reterr);
    if (rc == 0)
        warn_of_host(server, &config->scp);
    if (rc < 0) {
        seal__publish_config_unref(config);
        return rc;
    }
    *ret_all_services = o.services == NULL;
    *ret_config = config;
    return 0;
}

/* ---- What the thread reports ---- */

static void tell(seal_server *server, const seal_error *error) {
    seal__server_publish *p = server->publish;
    if (p->told)
        return;
    p->told = true;
    if (p->published != NULL)
        p->published(server, error, p->user);
}

static void came_up(seal_server *server, const char *dn) {
    seal__server_publish *p = server->publish;
    if (atomic_load(&server->published) == 1)
        return;
    p->was_up = true;
    atomic_store(&server->published, 1);
    seal__log_line(seal__runtime_log(server->runtime), SEAL_LOG_INFO, "%s is published%s as %s",
                   server->config.principals[0], p->outage ? " again" : "", dn == NULL ? "?" : dn);
    p->outage = false;
    tell(server, NULL);
}

static void went_down(seal_server *server, const seal_error *error) {
    seal__server_publish *p = server->publish;
    atomic_store(&server->published, 0);
    seal__count(&server->publish_failures, 1);
    if (!p->outage)
        seal__log_line(seal__runtime_log(server->runtime), SEAL_LOG_WARNING,
                       "%s cannot be published in the directory: %s; it is tried again",
                       server->config.principals[0], seal_error_message(error));
    p->outage = true;
    tell(server, error);
}

static void was_removed(seal_server *server, const char *dn, const seal_error *error) {
    if (error != NULL)
        seal__log_line(seal__runtime_log(server->runtime), SEAL_LOG_WARNING,
                       "%s stops although its entry %s may still be in the directory: %s; see "
                       "\"seal scp list\", and remove it with \"seal scp remove\"",
                       server->config.principals[0], dn == NULL ? "" : dn,
                       seal_error_message(error));
    atomic_store(&server->published, 0);
    seal__server_unpublished(server);
}

static void on_change(void *user, seal__publication_state state, const char *dn,
                      const seal_error *error) {
    seal_server *server = user;
    switch (state) {
    case SEAL__PUBLICATION_UP:
        came_up(server, dn);
        break;
    case SEAL__PUBLICATION_FAILED:
        went_down(server, error);
        break;
    case SEAL__PUBLICATION_GONE:
        atomic_store(&server->published, 0);
        seal__log_line(seal__runtime_log(server->runtime), SEAL_LOG_WARNING,
                       "the entry %s of %s has gone from the directory; it is made again",
                       dn == NULL ? "" : dn, server->config.principals[0]);
        break;
    case SEAL__PUBLICATION_REMOVED:
        was_removed(server, dn, error);
        break;
    }
}

/* ---- Beside the server's life ---- */

seal__publish_config *seal__server_publish_config(const seal_server *server) {
    return server->publish == NULL ? NULL : seal__publish_config_ref(server->publish->config);
}

/* What is known only now: the port, and all services. Nobody else reads that yet. */
static int complete(const seal_server *server, seal__server_publish *p, seal_error **reterr) {
    seal__publish_config *config = p->config;
    seal__scp *scp = &config->scp;
    if (scp->port == 0)
        scp->port = seal_server_port(server);
    if (scp->port == 0)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "a server without a TCP address cannot be published; add one, or set "
                           "port");
    int rc = 0;
    for (size_t i = 0; p->all_services && i < server->n_services && rc == 0; i++)
        rc = add_service(scp, server->services[i].service->full_name, reterr);
    if (rc == 0 && scp->n_services == 0)
        rc = seal__error(reterr, SEAL_ERROR_INVALID,
                         "a server without a service cannot be published; register one first");
    if (rc < 0 || config->name != NULL)
        return rc;
    char name[32];
    snprintf(name, sizeof name, "sealrpc-%u", scp->port);
    config->name = seal__strdup(&config->shared->alloc, name);
    return config->name == NULL ? seal__error_no_memory(reterr) : 0;
}

static int begin(seal_server *server, seal_error **reterr) {
    seal__server_publish *p = server->publish;
    int rc = complete(server, p, reterr);
    if (rc < 0)
        return rc;
    p->begun = true;
    seal__publication_go(p->publication, p->config);
    return 0;
}

/* The callback comes last: it may stop the server. */
static void end(seal_server *server, const seal_error *error) {
    seal__server_publish *p = server->publish;
    if (p == NULL)
        return;
    server->publish = NULL;
    atomic_store(&server->published, 0);
    seal__publication_close(p->publication);
    seal_published_fn *published = p->told ? NULL : p->published;
    void *user = p->user;
    seal__publish_config_unref(p->config);
    seal__release(seal__runtime_alloc(server->runtime), p);
    if (published != NULL)
        published(server, error, user);
}

void seal__server_publish_begin(seal_server *server) {
    seal_error *error = NULL;
    bool waits = server->publish != NULL && !server->publish->begun;
    if (!waits || begin(server, &error) == 0)
        return;
    seal__count(&server->publish_failures, 1);
    seal__log_line(seal__runtime_log(server->runtime), SEAL_LOG_WARNING,
                   "%s cannot be published in the directory: %s", server->config.principals[0],
                   seal_error_message(error));
    end(server, error);
    seal_error_free(error);
}

bool seal__server_publish_remove(seal_server *server) {
    seal__server_publish *p = server->publish;
    if (p == NULL || !p->begun)
        return false;
    seal__publication_remove(p->publication);
    return true;
}

void seal__server_publish_give_up(seal_server *server) {
    if (server->publish == NULL || !server->publish->was_up)
        return;
    seal__log_line(seal__runtime_log(server->runtime), SEAL_LOG_WARNING,
                   "%s stops although its entry may still be in the directory: the removal has "
                   "taken half of the grace; see \"seal scp list\", and remove it with \"seal scp "
                   "remove\", or give the stop more time",
                   server->config.principals[0]);
}

void seal__server_publish_end(seal_server *server) {
    seal_error *error = NULL;
    if (server->publish == NULL)
        return;
    seal__error(&error, SEAL_ERROR_CANCELLED,
                "the server does not listen, so it was not published");
    end(server, error);
    seal_error_free(error);
}

/* ---- The public function ---- */

typedef struct publish_task {
    seal_server *server;
    const seal_publish_options *options;
    seal_published_fn *published;
    void *user;
    seal_error **reterr;
    int rc;
} publish_task;

static int check_state(const seal_server *server, seal_error **reterr) {
    if (server->publish != NULL)
        return seal__error(reterr, SEAL_ERROR_ALREADY, "%s publishes itself already",
                           server->config.principals[0]);
    if (server->unpublishing || server->state > SEAL__SERVER_LISTENING)
        return seal__error(reterr, SEAL_ERROR_STATE,
                           "%s is stopping, has stopped, or could not start",
                           server->config.principals[0]);
    return 0;
}

static int do_publish(const publish_task *task) {
    seal_server *server = task->server;
    const seal_allocator *alloc = seal__runtime_alloc(server->runtime);
    int rc = check_state(server, task->reterr);
    if (rc < 0)
        return rc;
    seal__server_publish *p = seal__alloc_zeroed(alloc, 1, sizeof *p);
    if (p == NULL)
        return seal__error_no_memory(task->reterr);
    p->published = task->published;
    p->user = task->user;
    rc = make_config(server, task->options, &p->config, &p->all_services, task->reterr);
    if (rc == 0)
        rc = seal__publication_start(server->runtime, on_change, server, &p->publication,
                                     task->reterr);
    if (rc < 0) {
        seal__publish_config_unref(p->config);
        seal__release(alloc, p);
        return rc;
    }
    server->publish = p;
    if (server->state == SEAL__SERVER_LISTENING)
        rc = begin(server, task->reterr);
    if (rc < 0) {
        p->told = true; /* by what is returned */
        end(server, NULL);
    }
    return rc;
}

static void run_publish(void *arg) {
    publish_task *task = arg;
    task->rc = do_publish(task);
}

int seal_server_publish(seal_server *server, const seal_publish_options *options,
                        seal_published_fn *published, void *user, seal_error **reterr) {
    if (server == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID, "server must not be NULL");
    publish_task task = {.server = server,
                         .options = options,
                         .published = published,
                         .user = user,
                         .reterr = reterr};
    int rc = seal__runtime_run(server->runtime, run_publish, &task);
    return rc < 0 ? seal__error(reterr, rc, "call it on the loop's thread") : task.rc;
}
