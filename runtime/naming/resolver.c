/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/resolver.h"

#include <stdio.h>
#include <string.h>

enum { REFRESH_NS = 1000000000, BACKOFF_MIN_MS = 1000, BACKOFF_MAX_MS = 60000 };

/* ---- For users ---- */

int seal__resolver_start(seal_runtime *runtime, const seal__resolver_options *options,
                         seal__resolution_fn *resolved, void *user, seal__resolver **ret_resolver,
                         seal_error **reterr) {
    char *text = seal__strdup(seal__runtime_alloc(runtime), options->target->text);
    if (text == NULL)
        return seal__error_no_memory(reterr);
    int (*start)(seal_runtime *, const seal__resolver_options *, seal__resolution_fn *, void *,
                 seal__resolver **, seal_error **) = seal__static_resolver_start;
    if (options->target->scheme == SEAL__SCHEME_DNS)
        start = seal__dns_resolver_start;
    else if (options->target->scheme == SEAL__SCHEME_LDAP)
        start = seal__ldap_resolver_start;
    int rc = start(runtime, options, resolved, user, ret_resolver, reterr);
    if (rc < 0)
        seal__release(seal__runtime_alloc(runtime), text);
    else
        (*ret_resolver)->target = text;
    return rc;
}

void seal__resolver_refresh(seal__resolver *resolver) {
    uint64_t now = uv_hrtime();
    if (resolver->last_refresh_ns != 0 && now - resolver->last_refresh_ns < REFRESH_NS)
        return;
    resolver->last_refresh_ns = now;
    resolver->ops->refresh(resolver);
}

void seal__resolver_close(seal__resolver *resolver) {
    resolver->resolved = NULL;
    resolver->ops->close(resolver);
}

/* ---- For the kinds ---- */

void seal__resolver_init(seal__resolver *resolver, const seal__resolver_ops *ops,
                         seal_runtime *runtime, seal__resolution_fn *resolved, void *user) {
    *resolver = (seal__resolver){
        .ops = ops, .runtime = runtime, .resolved = resolved, .user = user, .last = NULL};
}

void seal__resolver_done(seal__resolver *resolver) {
    seal__endpoints_unref(resolver->last);
    seal__release(seal__runtime_alloc(resolver->runtime), resolver->target);
    seal_error_free(resolver->error);
    resolver->last = NULL;
    resolver->target = NULL;
    resolver->error = NULL;
}

static const char *target_of(const seal__resolver *resolver) {
    return resolver->target != NULL ? resolver->target : "target";
}

static const char *plural(size_t n) {
    return n == 1 ? "" : "s";
}

static bool same_error(const seal_error *a, const seal_error *b) {
    return seal_error_get_code(a) == seal_error_get_code(b) &&
           strcmp(seal_error_message(a), seal_error_message(b)) == 0;
}

/* The last use of the resolver. The list lives as long as its user looks at it. */
static void tell(seal__resolver *resolver, const seal_error *error) {
    seal_error *told = seal__error_copy(error);
    seal_error_free(resolver->error);
    resolver->error = told;
    seal__endpoints *list = resolver->last != NULL ? seal__endpoints_ref(resolver->last) : NULL;
    resolver->resolved(resolver->user, list, error);
    seal__endpoints_unref(list);
}

/* ---- What changed, for the log ---- */

enum { NAMED_MAX = 8 }; /* in one line */

typedef struct change_text {
    char text[1024];
    size_t len;
    const char *verb; /* of the last one */
    unsigned named;
    unsigned unnamed;
} change_text;

static void add_text(change_text *c, const char *text) {
    size_t left = sizeof c->text - c->len;
    size_t n = strlen(text);
    snprintf(c->text + c->len, left, "%s", text);
    c->len += n < left ? n : left - 1;
}

static void note(change_text *c, const char *verb, const seal__endpoint *endpoint) {
    char text[160];
    if (c->named == NAMED_MAX) {
        c->unnamed++;
        return;
    }
    c->named++;
    if (c->verb == verb) {
        add_text(c, ", ");
    } else {
        add_text(c, c->verb == NULL ? "" : "; ");
        add_text(c, verb);
        add_text(c, " ");
    }
    c->verb = verb;
    seal__endpoint_text(endpoint, text, sizeof text);
    add_text(c, text);
}

static const char added[] = "added";
static const char changed[] = "changed";
static const char removed[] = "removed";

static void note_added(void *user, const seal__endpoint *endpoint) {
    note(user, added, endpoint);
}

static void note_changed(void *user, const seal__endpoint *before, const seal__endpoint *after) {
    (void)before;
    note(user, changed, after);
}

static void note_removed(void *user, const seal__endpoint *endpoint) {
    note(user, removed, endpoint);
}

/* One kind after the other, so that each verb stands once. */
static void describe_change(const seal__endpoints *before, const seal__endpoints *after,
                            change_text *c) {
    seal__endpoints_compare(before, after, &(seal__endpoints_diff){.added = note_added}, c);
    seal__endpoints_compare(before, after, &(seal__endpoints_diff){.changed = note_changed}, c);
    seal__endpoints_compare(before, after, &(seal__endpoints_diff){.removed = note_removed}, c);
    if (c->unnamed > 0) {
        char text[32];
        snprintf(text, sizeof text, " and %u more", c->unnamed);
        add_text(c, text);
    }
}

static void log_list(const seal__resolver *resolver, const seal__endpoints *list,
                     const seal_error *error) {
    change_text c = {.len = 0};
    seal_log_level level = resolver->is_written ? SEAL_LOG_DEBUG : SEAL_LOG_INFO;
    describe_change(resolver->last, list, &c);
    seal__log_line(seal__runtime_log(resolver->runtime), error != NULL ? SEAL_LOG_WARNING : level,
                   "%s: %zu endpoint%s%s%s%s%s%s", target_of(resolver), list->n, plural(list->n),
                   c.len > 0 ? " (" : "", c.text, c.len > 0 ? ")" : "", error != NULL ? ": " : "",
                   error != NULL ? seal_error_message(error) : "");
}

static void log_away(const seal__resolver *resolver, const seal_error *error) {
    char kept[96] = "there has been no list yet";
    if (resolver->last != NULL)
        snprintf(kept, sizeof kept, "the last list of %zu endpoint%s stays in use",
                 resolver->last->n, plural(resolver->last->n));
    seal__log_line(seal__runtime_log(resolver->runtime), SEAL_LOG_WARNING,
                   "%s: the source cannot be asked: %s; %s", target_of(resolver),
                   seal_error_message(error), kept);
}

/* ---- Results ---- */

void seal__resolver_publish(seal__resolver *resolver, seal__endpoints *list,
                            const seal_error *error) {
    if (resolver->resolved == NULL) {
        seal__endpoints_unref(list);
        return;
    }
    if (resolver->away_since_ns != 0)
        seal__log_line(seal__runtime_log(resolver->runtime), SEAL_LOG_INFO,
                       "%s: the source is back", target_of(resolver));
    resolver->away_since_ns = 0;
    bool differs = resolver->last == NULL || !seal__endpoints_equal(resolver->last, list);
    bool news = differs || !same_error(resolver->error, error);
    if (differs || (news && error != NULL))
        log_list(resolver, list, error);
    if (differs)
        resolver->updates++;
    seal__endpoints_unref(resolver->last);
    resolver->last = list;
    if (news)
        tell(resolver, error);
}

void seal__resolver_source_away(seal__resolver *resolver, const seal_error *error) {
    if (resolver->resolved == NULL)
        return;
    bool news = resolver->away_since_ns == 0 || !same_error(resolver->error, error);
    if (resolver->away_since_ns == 0) {
        resolver->away_since_ns = uv_hrtime();
        resolver->outages++;
        log_away(resolver, error);
    }
    if (news)
        tell(resolver, error);
}

uint64_t seal__resolver_away_ms(const seal__resolver *resolver) {
    if (resolver->away_since_ns == 0)
        return 0;
    uint64_t ms = (uv_hrtime() - resolver->away_since_ns) / 1000000u;
    return ms > 0 ? ms : 1;
}

uint32_t seal__backoff_ms(uint32_t failures) {
    uint32_t shift = failures > 1 ? failures - 1 : 0;
    uint32_t ms = shift < 6 ? (uint32_t)BACKOFF_MIN_MS << shift : BACKOFF_MAX_MS;
    uint32_t random = UINT32_MAX / 2;
    if (uv_random(NULL, NULL, &random, sizeof random, 0, NULL) != 0)
        random = UINT32_MAX / 2;
    return ms * 4 / 5 + (uint32_t)((uint64_t)(ms * 2 / 5) * random / UINT32_MAX);
}
