/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that stand in the target: resolved at once, watched by nobody. Their order is kept by
 * priority. */
#include "naming/resolver.h"

#include <string.h>

typedef struct static_resolver {
    seal__resolver base;
    seal__task task; /* tells, from the loop */
    bool told;       /* the task has run */
    bool telling;
    bool closed;
    seal__endpoints *list; /* until it is told */
} static_resolver;

static static_resolver *of(seal__resolver *resolver) {
    return SEAL__CONTAINER_OF(resolver, static_resolver, base);
}

static void release(static_resolver *r) {
    seal_runtime *runtime = r->base.runtime;
    seal__endpoints_unref(r->list);
    seal__resolver_done(&r->base);
    seal__release(seal__runtime_alloc(runtime), r);
    seal__runtime_let_go(runtime);
}

static void tell(seal__task *task) {
    static_resolver *r = SEAL__CONTAINER_OF(task, static_resolver, task);
    seal__endpoints *list = r->list;
    r->list = NULL;
    r->base.known = NULL;
    r->telling = true;
    seal__resolver_publish(&r->base, list, NULL);
    r->telling = false;
    r->told = true;
    if (r->closed)
        release(r);
}

static void refresh_static(seal__resolver *resolver) {
    (void)resolver;
}

/* A queued task cannot be taken back: it releases. */
static void close_static(seal__resolver *resolver) {
    static_resolver *r = of(resolver);
    r->closed = true;
    if (r->told && !r->telling)
        release(r);
}

static const seal__resolver_ops ops = {.refresh = refresh_static, .close = close_static};

static int make_items(const seal__target *target, const seal__spn_policy *policy,
                      seal__endpoint *items, seal_error **reterr) {
    for (size_t i = 0; i < target->n_addresses; i++) {
        const seal__address *address = &target->addresses[i];
        const char *host = address->is_unix || address->is_literal ? NULL : address->host;
        items[i].address = *address;
        items[i].priority = (uint16_t)i;
        int rc = seal__spn_policy_compose(policy, host, address->port, items[i].principal, reterr);
        if (rc < 0) {
            char text[160];
            seal__endpoint_text(&items[i], text, sizeof text);
            seal__error_prefix(reterr, "%s", text);
            return rc;
        }
    }
    return 0;
}

static int make_list(seal_runtime *runtime, const seal__resolver_options *options,
                     seal__endpoints **ret_list, seal_error **reterr) {
    const seal_allocator *alloc = seal__runtime_alloc(runtime);
    size_t n = options->target->n_addresses;
    seal__endpoint *items = seal__alloc_zeroed(alloc, n, sizeof *items);
    if (items == NULL)
        return seal__error_no_memory(reterr);
    int rc = make_items(options->target, &options->policy, items, reterr);
    if (rc == 0) {
        *ret_list = seal__endpoints_new(runtime->shared, items, n);
        rc = *ret_list != NULL ? 0 : seal__error_no_memory(reterr);
    }
    seal__release(alloc, items);
    return rc;
}

int seal__static_resolver_start(seal_runtime *runtime, const seal__resolver_options *options,
                                seal__resolution_fn *resolved, void *user,
                                seal__resolver **ret_resolver, seal_error **reterr) {
    seal__endpoints *list = NULL;
    int rc = make_list(runtime, options, &list, reterr);
    if (rc < 0)
        return rc;
    static_resolver *r = seal__alloc_zeroed(seal__runtime_alloc(runtime), 1, sizeof *r);
    if (r == NULL) {
        seal__endpoints_unref(list);
        return seal__error_no_memory(reterr);
    }
    seal__resolver_init(&r->base, &ops, runtime, resolved, user);
    r->base.is_written = true;
    r->list = list;
    r->base.known = list;
    r->task.run = tell;
    seal__list_init(&r->task.node);
    seal__runtime_hold(runtime);
    seal__runtime_queue(runtime, &r->task);
    *ret_resolver = &r->base;
    return 0;
}
