/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SRV records, asked for again when they expire. DNS proves nothing: it says where to connect, and
 * the principal is composed of the name that was asked for. So whoever forges an answer leads
 * clients to a server that cannot prove to be the right one.
 */
#include "naming/resolver.h"

#include <stdio.h>
#include <string.h>

#include "naming/dns_query.h"
#include "naming/dns_reply.h"

enum { TYPE_SRV = 33, TTL_MIN_S = 5, TTL_MAX_S = 3600, CSV_MAX = 1024 };

typedef struct dns_resolver {
    seal__resolver base;
    uv_timer_t timer;       /* until the next query */
    seal__dns_query *query; /* under way; NULL: none */
    seal__address servers[SEAL__TARGET_SERVERS];
    size_t n_servers;
    char *name;     /* the domain: of it principals are composed */
    char *srv_name; /* what is asked for */
    seal__spn_policy policy;
    char *server_principal; /* what the policy points to */
    char *spn_class;
    char *spn_name;
    uint32_t failures; /* in a row; an answer without records is one */
} dns_resolver;

static dns_resolver *of(seal__resolver *resolver) {
    return SEAL__CONTAINER_OF(resolver, dns_resolver, base);
}

static const seal_allocator *alloc_of(const dns_resolver *r) {
    return seal__runtime_alloc(r->base.runtime);
}

static void release(dns_resolver *r) {
    const seal_allocator *alloc = alloc_of(r);
    seal__release(alloc, r->name);
    seal__release(alloc, r->srv_name);
    seal__release(alloc, r->server_principal);
    seal__release(alloc, r->spn_class);
    seal__release(alloc, r->spn_name);
    seal__resolver_done(&r->base);
    seal__release(alloc, r);
}

/* ---- When to ask again ---- */

static void on_timer(uv_timer_t *timer);

/* Waiting does not keep a caller's loop alive; asking does. */
static void ask_in_ms(dns_resolver *r, uint64_t ms) {
    uv_timer_start(&r->timer, on_timer, ms, 0);
    if (ms == 0)
        uv_ref((uv_handle_t *)&r->timer);
    else
        uv_unref((uv_handle_t *)&r->timer);
}

static void ask_after_ttl(dns_resolver *r, uint32_t ttl_s) {
    r->failures = 0;
    uint32_t s = ttl_s < TTL_MIN_S ? TTL_MIN_S : ttl_s;
    ask_in_ms(r, (uint64_t)(s > TTL_MAX_S ? TTL_MAX_S : s) * 1000u);
}

static void ask_after_failure(dns_resolver *r) {
    if (r->failures < UINT32_MAX)
        r->failures++;
    ask_in_ms(r, seal__backoff_ms(r->failures));
}

/* ---- Results: the last thing that each of these does is to tell the user ---- */

/* How to look at it by hand. */
static void dig_text(const dns_resolver *r, char *text, size_t size) {
    if (r->n_servers == 0)
        snprintf(text, size, "dig %s SRV", r->srv_name);
    else
        snprintf(text, size, "dig @%s -p %u %s SRV", r->servers[0].host,
                 r->servers[0].port != 0 ? (unsigned)r->servers[0].port : 53u, r->srv_name);
}

static void source_away(dns_resolver *r, const char *why) {
    char csv[CSV_MAX] = "those of resolv.conf";
    char dig[512];
    seal_error *error = NULL;
    if (r->n_servers > 0)
        seal__dns_servers_text(r->servers, r->n_servers, csv, sizeof csv);
    dig_text(r, dig, sizeof dig);
    seal__error(&error, SEAL_ERROR_DNS,
                "DNS query for the SRV records of %s failed: %s (servers: %s); check with: %s",
                r->srv_name, why, csv, dig);
    ask_after_failure(r);
    seal__resolver_source_away(&r->base, error);
    seal_error_free(error);
}

static void publish(dns_resolver *r, const seal__endpoint *items, size_t n,
                    const seal_error *error) {
    seal__endpoints *list = seal__endpoints_new(r->base.runtime->shared, items, n);
    if (list == NULL)
        source_away(r, "out of memory");
    else
        seal__resolver_publish(&r->base, list, error);
}

static void publish_nothing(dns_resolver *r, const char *why) {
    char dig[512];
    seal_error *error = NULL;
    dig_text(r, dig, sizeof dig);
    seal__error(
        &error, SEAL_ERROR_NOT_FOUND,
        "no SRV records of %s: %s; add records such as \"%s. SRV 0 0 PORT HOST.\", or check "
        "with: %s",
        r->srv_name, why, r->srv_name, dig);
    publish(r, NULL, 0, error);
    seal_error_free(error);
}

/* ---- Records ---- */

typedef struct collector {
    const dns_resolver *r;
    seal__endpoint *items; /* room for as many as the reply can have, or the limit */
    size_t room;
    size_t n;
    size_t n_root;     /* with the target "." */
    size_t n_bad;      /* that cannot be used */
    seal_error *why;   /* the first of those */
    bool no_principal; /* out of memory, or the policy cannot compose one */
} collector;

static void note_bad(collector *c, const seal__dns_srv *srv) {
    if (c->n_bad++ == 0)
        seal__error(&c->why, SEAL_ERROR_NOT_FOUND,
                    "the SRV record of %s with the target \"%s\" and port %u has no host and port "
                    "that can be connected to",
                    c->r->srv_name, srv->target, (unsigned)srv->port);
}

static bool take_address(const seal__dns_srv *srv, seal__address *ret_address) {
    char text[SEAL__DNS_NAME_MAX + 8];
    snprintf(text, sizeof text, "%s:%u", srv->target, (unsigned)srv->port);
    return srv->port != 0 && seal__address_parse(text, ret_address, NULL) == 0;
}

static void on_srv(void *user, const seal__dns_srv *srv) {
    collector *c = user;
    if (srv->target[0] == '\0') {
        c->n_root++;
        return;
    }
    if (c->n == c->room)
        return;
    seal__endpoint *item = &c->items[c->n];
    *item = (seal__endpoint){.priority = srv->priority, .weight = srv->weight};
    if (!take_address(srv, &item->address)) {
        note_bad(c, srv);
        return;
    }
    if (seal__spn_policy_compose(&c->r->policy, c->r->name, srv->port, item->principal, NULL) < 0)
        c->no_principal = true;
    c->n++;
}

static void log_cut(const dns_resolver *r, const collector *c, size_t records) {
    size_t usable = records - c->n_root - c->n_bad;
    if (usable > c->n)
        seal__log_line(seal__runtime_log(r->base.runtime), SEAL_LOG_WARNING,
                       "%s has %zu SRV records; the first %zu are used, which is the limit",
                       r->srv_name, records, c->n);
}

/* A reply without records of use. */
static void take_useless(dns_resolver *r, const collector *c, const seal__dns_summary *summary) {
    char text[SEAL__DNS_NAME_MAX + 80] = "the answer has none";
    if (c->n_root > 0) {
        ask_after_ttl(r, summary->ttl_s);
        publish_nothing(r, "the domain says that it does not offer this service (target \".\")");
        return;
    }
    ask_after_failure(r);
    if (c->n_bad > 0) {
        publish(r, NULL, 0, c->why);
        return;
    }
    if (summary->is_alias)
        snprintf(text, sizeof text, "it is an alias of %s, which has none", summary->owner);
    publish_nothing(r, text);
}

static void take_reply(dns_resolver *r, collector *c, const uint8_t *reply, size_t len) {
    seal__dns_summary summary;
    seal_error *error = NULL;
    if (seal__dns_reply_parse(reply, len, on_srv, c, &summary, &error) < 0) {
        source_away(r, seal_error_message(error));
    } else if (c->no_principal) {
        source_away(r, "out of memory");
    } else if (c->n == 0) {
        take_useless(r, c, &summary);
    } else {
        log_cut(r, c, summary.n);
        ask_after_ttl(r, summary.ttl_s);
        publish(r, c->items, c->n, NULL);
    }
    seal_error_free(error);
}

static void on_reply(dns_resolver *r, const uint8_t *reply, size_t len) {
    const seal_allocator *alloc = alloc_of(r);
    collector c = {.r = r, .room = seal__dns_reply_records(reply, len)};
    if (c.room > SEAL__ENDPOINTS_MAX)
        c.room = SEAL__ENDPOINTS_MAX;
    if (c.room > 0)
        c.items = seal__alloc_zeroed(alloc, c.room, sizeof *c.items);
    if (c.room > 0 && c.items == NULL) {
        source_away(r, "out of memory");
        return;
    }
    /* Whoever is told may close the resolver, and its memory goes later. */
    take_reply(r, &c, reply, len);
    seal__release(alloc, c.items);
    seal_error_free(c.why);
}

/* ---- Queries ---- */

static void on_answered(void *user, seal__dns_outcome outcome, const uint8_t *reply, size_t len,
                        const char *why) {
    dns_resolver *r = user;
    r->query = NULL;
    if (outcome == SEAL__DNS_FAILED) {
        source_away(r, why);
    } else if (outcome == SEAL__DNS_ANSWERED) {
        on_reply(r, reply, len);
    } else {
        ask_after_failure(r);
        publish_nothing(r, why);
    }
}

static void on_timer(uv_timer_t *timer) {
    dns_resolver *r = timer->data;
    seal_error *error = NULL;
    seal__dns_question question = {
        .name = r->srv_name, .type = TYPE_SRV, .servers = r->servers, .n_servers = r->n_servers};
    if (seal__dns_query_start(r->base.runtime, &question, on_answered, r, &r->query, &error) < 0)
        source_away(r, seal_error_message(error));
    seal_error_free(error);
}

/* ---- The resolver ---- */

static void refresh(seal__resolver *resolver) {
    dns_resolver *r = of(resolver);
    if (r->query == NULL)
        ask_in_ms(r, 0);
}

static void on_timer_closed(uv_handle_t *handle) {
    dns_resolver *r = handle->data;
    seal_runtime *runtime = r->base.runtime;
    release(r);
    seal__runtime_let_go(runtime);
}

static void close_dns(seal__resolver *resolver) {
    dns_resolver *r = of(resolver);
    if (r->query != NULL)
        seal__dns_query_cancel(r->query);
    r->query = NULL;
    uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

static const seal__resolver_ops ops = {.refresh = refresh, .close = close_dns};

static bool copy_text(const dns_resolver *r, const char *text, char **ret_copy) {
    *ret_copy = text != NULL ? seal__strdup(alloc_of(r), text) : NULL;
    return text == NULL || *ret_copy != NULL;
}

static bool copy_options(dns_resolver *r, const seal__resolver_options *options) {
    const seal__target *target = options->target;
    memcpy(r->servers, target->servers, sizeof r->servers);
    r->n_servers = target->n_servers;
    if (!copy_text(r, target->name, &r->name) || !copy_text(r, target->srv_name, &r->srv_name) ||
        !copy_text(r, options->policy.server_principal, &r->server_principal) ||
        !copy_text(r, options->policy.spn_class, &r->spn_class) ||
        !copy_text(r, options->policy.spn_name, &r->spn_name))
        return false;
    r->policy = (seal__spn_policy){.server_principal = r->server_principal,
                                   .spn_class = r->spn_class,
                                   .spn_name = r->spn_name,
                                   .spn_port = options->policy.spn_port};
    return true;
}

int seal__dns_resolver_start(seal_runtime *runtime, const seal__resolver_options *options,
                             seal__resolution_fn *resolved, void *user,
                             seal__resolver **ret_resolver, seal_error **reterr) {
    char principal[SEAL_SPN_MAX];
    int rc =
        seal__spn_policy_compose(&options->policy, options->target->name, 1, principal, reterr);
    if (rc < 0)
        return rc;
    dns_resolver *r = seal__alloc_zeroed(seal__runtime_alloc(runtime), 1, sizeof *r);
    if (r == NULL)
        return seal__error_no_memory(reterr);
    seal__resolver_init(&r->base, &ops, runtime, resolved, user);
    if (!copy_options(r, options)) {
        release(r);
        return seal__error_no_memory(reterr);
    }
    seal__runtime_hold(runtime);
    uv_timer_init(runtime->loop, &r->timer);
    r->timer.data = r;
    ask_in_ms(r, 0);
    *ret_resolver = &r->base;
    return 0;
}
