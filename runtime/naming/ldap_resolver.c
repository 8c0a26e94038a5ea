/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connection points in an LDAP directory. The directory has proved itself and what it says is
 * sealed; who may write a connection point is another matter, so each one counts only if the
 * account above it has the principal that would be called.
 */
#include "naming/resolver.h"

#include <stdio.h>
#include <string.h>

#include "naming/ldap_agent.h"

enum { DEFAULT_POLL_S = 30, DEFAULT_TIMEOUT_S = 5, NEVER_MS = 3600 * 1000 };

typedef struct ldap_resolver {
    seal__resolver base;
    uv_timer_t asking; /* runs while something is being asked, which keeps the loop alive */
    seal__agent *agent;
} ldap_resolver;

static ldap_resolver *of(seal__resolver *resolver) {
    return SEAL__CONTAINER_OF(resolver, ldap_resolver, base);
}

/* ---- The question ---- */

static bool copy(const seal_allocator *alloc, const char *text, char **ret_copy) {
    *ret_copy = text == NULL ? NULL : seal__strdup(alloc, text);
    return text == NULL || *ret_copy != NULL;
}

static int copy_servers(const seal_allocator *alloc, const seal__target *target, char **ret_uris,
                        seal_error **reterr) {
    char text[SEAL__TARGET_SERVERS * (SEAL_SPN_HOST_MAX + 20)] = "";
    size_t used = 0;
    *ret_uris = NULL;
    for (size_t i = 0; i < target->n_servers; i++) {
        const seal__address *server = &target->servers[i];
        char port[8] = "";
        if (server->is_literal)
            return seal__error(reterr, SEAL_ERROR_INVALID,
                               "\"%.300s\": the directory %s cannot be authenticated by its "
                               "address; write the host name that its principal ldap/HOST has",
                               target->text, server->host);
        if (server->port != 0)
            snprintf(port, sizeof port, ":%u", (unsigned)server->port);
        int n = snprintf(text + used, sizeof text - used, "%sldap://%s%s", i == 0 ? "" : " ",
                         server->host, port);
        used += n < 0 ? 0 : (size_t)n;
    }
    return target->n_servers == 0 || copy(alloc, text, ret_uris) ? 0
                                                                 : seal__error_no_memory(reterr);
}

static int make_question(const seal_allocator *alloc, const seal__resolver_options *options,
                         seal__ldap_question *q, seal_error **reterr) {
    const seal__target *target = options->target;
    const seal__spn_policy *policy = &options->policy;
    char principal[SEAL_SPN_MAX];
    int rc = seal__spn_policy_compose(policy, "host.invalid", 1, principal, reterr);
    if (rc == 0)
        rc = copy_servers(alloc, target, &q->uris, reterr);
    if (rc < 0)
        return rc;
    q->spn_port = policy->spn_port;
    q->poll_ms = (target->poll_s == 0 ? DEFAULT_POLL_S : target->poll_s) * 1000u;
    q->timeout_ms = (target->timeout_s == 0 ? DEFAULT_TIMEOUT_S : target->timeout_s) * 1000u;
    bool copied = copy(alloc, target->base, &q->base) && copy(alloc, target->name, &q->service) &&
                  copy(alloc, options->ccache, &q->ccache) &&
                  copy(alloc, options->client_keytab, &q->client_keytab) &&
                  copy(alloc, options->client_principal, &q->client_principal) &&
                  copy(alloc, policy->server_principal, &q->server_principal) &&
                  copy(alloc, policy->spn_class, &q->spn_class) &&
                  copy(alloc, policy->spn_name, &q->spn_name);
    return copied ? 0 : seal__error_no_memory(reterr);
}

/* ---- The loop's side ---- */

static void on_never(uv_timer_t *timer) {
    (void)timer;
}

static void begin_asking(ldap_resolver *r) {
    uv_timer_start(&r->asking, on_never, NEVER_MS, NEVER_MS);
}

static void deliver(void *owner, void *message) {
    ldap_resolver *r = owner;
    seal__ldap_message *m = message;
    seal__shared *shared = r->base.runtime->shared;
    seal__endpoints *list = m->list;
    m->list = NULL;
    uv_timer_stop(&r->asking);
    /* The last use of the resolver: the user may close it. */
    if (list != NULL)
        seal__resolver_publish(&r->base, list, m->error);
    else
        seal__resolver_source_away(&r->base, m->error);
    seal__ldap_message_free(shared, m);
}

static void refresh(seal__resolver *resolver) {
    ldap_resolver *r = of(resolver);
    begin_asking(r);
    seal__agent_wake(r->agent);
}

static void on_timer_closed(uv_handle_t *handle) {
    ldap_resolver *r = handle->data;
    seal_runtime *runtime = r->base.runtime;
    seal__resolver_done(&r->base);
    seal__release(seal__runtime_alloc(runtime), r);
    seal__runtime_let_go(runtime);
}

static void close_ldap(seal__resolver *resolver) {
    ldap_resolver *r = of(resolver);
    seal__agent_close(r->agent);
    r->agent = NULL;
    uv_close((uv_handle_t *)&r->asking, on_timer_closed);
}

static const seal__resolver_ops ops = {.refresh = refresh, .close = close_ldap};

int seal__ldap_resolver_start(seal_runtime *runtime, const seal__resolver_options *options,
                              seal__resolution_fn *resolved, void *user,
                              seal__resolver **ret_resolver, seal_error **reterr) {
    const seal_allocator *alloc = seal__runtime_alloc(runtime);
    seal__ldap_question question = {.uris = NULL};
    ldap_resolver *r = seal__alloc_zeroed(alloc, 1, sizeof *r);
    if (r == NULL)
        return seal__error_no_memory(reterr);
    seal__resolver_init(&r->base, &ops, runtime, resolved, user);
    int rc = make_question(alloc, options, &question, reterr);
    if (rc == 0)
        rc = seal__ldap_agent_start(runtime, &question, deliver, r, &r->agent, reterr);
    if (rc < 0) {
        seal__ldap_question_done(&question, alloc);
        seal__release(alloc, r);
        return rc;
    }
    seal__runtime_hold(runtime);
    uv_timer_init(runtime->loop, &r->asking);
    r->asking.data = r;
    begin_asking(r);
    *ret_resolver = &r->base;
    return 0;
}
