/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/endpoints.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* ---- Lists ---- */

seal__endpoints *seal__endpoints_new(seal__shared *shared, const seal__endpoint *items, size_t n) {
    size_t room = n < SEAL__ENDPOINTS_MAX ? n : SEAL__ENDPOINTS_MAX;
    seal__endpoints *list =
        seal__alloc(&shared->alloc, sizeof *list + room * sizeof list->items[0]);
    if (list == NULL)
        return NULL;
    list->shared = seal__shared_ref(shared);
    atomic_init(&list->refs, 1);
    list->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (seal__endpoints_find(list, &items[i]) != NULL)
            continue;
        if (list->n == room) {
            seal__log_line(&shared->log, SEAL_LOG_WARNING,
                           "a list of %zu endpoints is cut to %zu, which is the limit", n, room);
            break;
        }
        list->items[list->n++] = items[i];
    }
    return list;
}

seal__endpoints *seal__endpoints_ref(seal__endpoints *list) {
    atomic_fetch_add_explicit(&list->refs, 1, memory_order_relaxed);
    return list;
}

void seal__endpoints_unref(seal__endpoints *list) {
    if (list == NULL || atomic_fetch_sub_explicit(&list->refs, 1, memory_order_acq_rel) != 1)
        return;
    seal__shared *shared = list->shared;
    seal__release(&shared->alloc, list);
    seal__shared_unref(shared);
}

/* ---- Comparing ---- */

bool seal__endpoint_same_place(const seal__endpoint *a, const seal__endpoint *b) {
    const seal__address *x = &a->address;
    const seal__address *y = &b->address;
    if (x->is_unix != y->is_unix)
        return false;
    if (x->is_unix)
        return x->un_len == y->un_len && memcmp(&x->un, &y->un, x->un_len) == 0;
    return x->port == y->port && strcmp(x->host, y->host) == 0;
}

bool seal__endpoint_equal(const seal__endpoint *a, const seal__endpoint *b) {
    return seal__endpoint_same_place(a, b) && strcmp(a->principal, b->principal) == 0;
}

static bool same_in_all(const seal__endpoint *a, const seal__endpoint *b) {
    return seal__endpoint_equal(a, b) && a->priority == b->priority && a->weight == b->weight;
}

const seal__endpoint *seal__endpoints_find(const seal__endpoints *list,
                                           const seal__endpoint *what) {
    for (size_t i = 0; i < list->n; i++) {
        if (seal__endpoint_same_place(&list->items[i], what))
            return &list->items[i];
    }
    return NULL;
}

/* A list has no two elements at one place: with equal numbers it is enough to look one way. */
bool seal__endpoints_equal(const seal__endpoints *a, const seal__endpoints *b) {
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        const seal__endpoint *other = seal__endpoints_find(b, &a->items[i]);
        if (other == NULL || !same_in_all(&a->items[i], other))
            return false;
    }
    return true;
}

void seal__endpoints_compare(const seal__endpoints *before, const seal__endpoints *after,
                             const seal__endpoints_diff *diff, void *user) {
    for (size_t i = 0; after != NULL && i < after->n; i++) {
        const seal__endpoint *now = &after->items[i];
        const seal__endpoint *old = before != NULL ? seal__endpoints_find(before, now) : NULL;
        if (old == NULL && diff->added != NULL)
            diff->added(user, now);
        else if (old != NULL && diff->changed != NULL && !same_in_all(old, now))
            diff->changed(user, old, now);
    }
    for (size_t i = 0; before != NULL && diff->removed != NULL && i < before->n; i++) {
        if (after == NULL || seal__endpoints_find(after, &before->items[i]) == NULL)
            diff->removed(user, &before->items[i]);
    }
}

void seal__endpoint_text(const seal__endpoint *endpoint, char *text, size_t size) {
    const seal__address *a = &endpoint->address;
    if (a->is_unix)
        seal__address_format((const struct sockaddr *)(const void *)&a->un, a->un_len, text, size);
    else if (strchr(a->host, ':') != NULL)
        snprintf(text, size, "[%s]:%u", a->host, (unsigned)a->port);
    else
        snprintf(text, size, "%s:%u", a->host, (unsigned)a->port);
}

/* ---- Who must answer ---- */

static int take_principal(const char *given, char ret_principal[SEAL_SPN_MAX],
                          seal_error **reterr) {
    size_t len = strlen(given);
    if (strchr(given, '/') == NULL || len >= SEAL_SPN_MAX)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "server_principal \"%s\" is not a service principal; expected "
                           "class/host",
                           given);
    memcpy(ret_principal, given, len + 1);
    return 0;
}

int seal__spn_policy_compose(const seal__spn_policy *policy, const char *host, uint16_t port,
                             char ret_principal[SEAL_SPN_MAX], seal_error **reterr) {
    if (policy->server_principal != NULL)
        return take_principal(policy->server_principal, ret_principal, reterr);
    if (host == NULL || host[0] == '\0' || host[0] == '[' || seal__host_is_literal(host))
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "there is no host name to compose the server's principal from; write "
                           "the host's name instead of an address, or set server_principal, such "
                           "as greeter/host.example.com");
    if (policy->spn_class == NULL || policy->spn_class[0] == '\0')
        return seal__error(
            reterr, SEAL_ERROR_INVALID,
            "neither server_principal nor spn_class is set; the server must be named");
    return seal_spn_make(policy->spn_class, host, policy->spn_port ? port : 0, policy->spn_name,
                         ret_principal, reterr);
}
