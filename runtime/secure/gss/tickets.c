/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client's handshakes leave to the next one: the service ticket, copied into memory, a
 * credential and the names. Whoever takes one has it to himself, because a handshake holds the
 * credential's lock.
 */
#include "secure/gss/gss_internal.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_MAX = 16 };

struct seal__gss_tickets {
    const seal_allocator *alloc;
    atomic_size_t refs;
    pthread_mutex_t lock;
    seal__gss_ready *kept[KEPT_MAX]; /* the oldest first */
    size_t n_kept;
    unsigned generation; /* those of an earlier one are worth nothing */
};

int seal__gss_tickets_new(const seal_allocator *alloc, seal__gss_tickets **ret_tickets) {
    seal__gss_tickets *tickets = seal__alloc_zeroed(alloc, 1, sizeof *tickets);
    if (tickets == NULL)
        return SEAL_ERROR_NO_MEMORY;
    tickets->alloc = alloc;
    atomic_init(&tickets->refs, 1);
    pthread_mutex_init(&tickets->lock, NULL);
    *ret_tickets = tickets;
    return 0;
}

seal__gss_tickets *seal__gss_tickets_ref(seal__gss_tickets *tickets) {
    if (tickets != NULL)
        atomic_fetch_add_explicit(&tickets->refs, 1, memory_order_relaxed);
    return tickets;
}

void seal__gss_ready_free(seal__gss_ready *ready) {
    if (ready == NULL)
        return;
    OM_uint32 minor = 0;
    const seal_allocator *alloc = ready->alloc;
    gss_release_name(&minor, &ready->target);
    gss_release_cred(&minor, &ready->cred);
    if (ready->ticket.name[0] != '\0')
        seal__gss_ccache_destroy(ready->ticket.name);
    for (size_t i = 0; i < SEAL__GSS_READY_KEYS; i++)
        seal__release(alloc, ready->keys[i]);
    seal__release(alloc, ready->full);
    seal__release(alloc, ready->local);
    seal__release(alloc, ready);
}

void seal__gss_tickets_unref(seal__gss_tickets *tickets) {
    if (tickets == NULL || atomic_fetch_sub_explicit(&tickets->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < tickets->n_kept; i++)
        seal__gss_ready_free(tickets->kept[i]);
    pthread_mutex_destroy(&tickets->lock);
    seal__release(tickets->alloc, tickets);
}

/* What a handshake is for. The default cache may be named by the environment. */
static void keys_of(const seal__gss_initiator_options *options, const char *target,
                    const char *keys[SEAL__GSS_READY_KEYS]) {
    keys[0] = target;
    keys[1] = options->ccache != NULL ? options->ccache : secure_getenv("KRB5CCNAME");
    keys[2] = options->client_keytab;
    keys[3] = options->client_principal;
}

static bool same_text(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool fits(const seal__gss_ready *ready, const char *const keys[SEAL__GSS_READY_KEYS],
                 seal_mechanism mechanism) {
    bool same = ready->mechanism == mechanism;
    for (size_t i = 0; i < SEAL__GSS_READY_KEYS && same; i++)
        same = same_text(ready->keys[i], keys[i]);
    return same;
}

static seal__gss_ready *remove_at(seal__gss_tickets *tickets, size_t at) {
    seal__gss_ready *ready = tickets->kept[at];
    tickets->n_kept--;
    memmove(&tickets->kept[at], &tickets->kept[at + 1],
            (tickets->n_kept - at) * sizeof tickets->kept[0]);
    return ready;
}

/* The newest one that fits. */
static seal__gss_ready *take(seal__gss_tickets *tickets,
                             const char *const keys[SEAL__GSS_READY_KEYS],
                             seal_mechanism mechanism) {
    seal__gss_ready *found = NULL;
    pthread_mutex_lock(&tickets->lock);
    for (size_t i = tickets->n_kept; i > 0 && found == NULL; i--) {
        if (fits(tickets->kept[i - 1], keys, mechanism))
            found = remove_at(tickets, i - 1);
    }
    pthread_mutex_unlock(&tickets->lock);
    return found;
}

seal__gss_ready *seal__gss_tickets_take(seal__gss_tickets *tickets,
                                        const seal__gss_initiator_options *options) {
    const char *keys[SEAL__GSS_READY_KEYS];
    if (tickets == NULL || options->mechanism == SEAL_MECHANISM_NTLM)
        return NULL;
    keys_of(options, options->target, keys);
    seal__gss_ready *ready = take(tickets, keys, options->mechanism);
    while (ready != NULL && !seal__gss_ticket_is_good(&ready->ticket)) {
        seal__gss_ready_free(ready);
        ready = take(tickets, keys, options->mechanism);
    }
    return ready;
}

void seal__gss_tickets_give(seal__gss_tickets *tickets, seal__gss_ready *ready) {
    if (ready == NULL)
        return;
    seal__gss_ready *dropped = NULL;
    pthread_mutex_lock(&tickets->lock);
    if (ready->generation != tickets->generation) {
        dropped = ready;
    } else {
        if (tickets->n_kept == KEPT_MAX)
            dropped = remove_at(tickets, 0);
        tickets->kept[tickets->n_kept++] = ready;
    }
    pthread_mutex_unlock(&tickets->lock);
    seal__gss_ready_free(dropped);
}

void seal__gss_tickets_forget(seal__gss_tickets *tickets) {
    if (tickets == NULL)
        return;
    seal__gss_ready *dropped[KEPT_MAX];
    pthread_mutex_lock(&tickets->lock);
    size_t n = tickets->n_kept;
    memcpy(dropped, tickets->kept, n * sizeof dropped[0]);
    tickets->n_kept = 0;
    tickets->generation++;
    pthread_mutex_unlock(&tickets->lock);
    for (size_t i = 0; i < n; i++)
        seal__gss_ready_free(dropped[i]);
}

static unsigned generation(seal__gss_tickets *tickets) {
    pthread_mutex_lock(&tickets->lock);
    unsigned now = tickets->generation;
    pthread_mutex_unlock(&tickets->lock);
    return now;
}

static bool fill(seal__gss_ready *ready, const seal__gss_initiator_options *options,
                 const char *asked, bool is_private) {
    const char *keys[SEAL__GSS_READY_KEYS];
    OM_uint32 major = GSS_S_FAILURE;
    OM_uint32 minor = 0;
    keys_of(options, asked, keys);
    for (size_t i = 0; i < SEAL__GSS_READY_KEYS; i++) {
        ready->keys[i] = keys[i] == NULL ? NULL : seal__strdup(ready->alloc, keys[i]);
        if (keys[i] != NULL && ready->keys[i] == NULL)
            return false;
    }
    ready->full = seal__strdup(ready->alloc, options->target);
    if (ready->full == NULL ||
        !seal__gss_copy_ticket(options->ccache, options->target, is_private, &ready->ticket))
        return false;
    seal__gss_initiator_options from = *options;
    from.ccache = ready->ticket.name;
    from.client_keytab = NULL;
    int rc = ready->mechanism == SEAL_MECHANISM_KRB5
                 ? seal__gss_import_krb5_name(ready->full, &ready->target, NULL)
                 : seal__gss_import_principal(ready->full, &ready->target, NULL);
    return rc == 0 && seal__gss_acquire_initiator(&from, &ready->cred, &major, &minor, NULL) == 0 &&
           major == GSS_S_COMPLETE;
}

seal__gss_ready *seal__gss_tickets_make(seal__gss_tickets *tickets,
                                        const seal__gss_initiator_options *options,
                                        const char *asked, bool is_private) {
    if (tickets == NULL || options->mechanism == SEAL_MECHANISM_NTLM)
        return NULL;
    seal__gss_ready *ready = seal__alloc_zeroed(tickets->alloc, 1, sizeof *ready);
    if (ready == NULL)
        return NULL;
    ready->alloc = tickets->alloc;
    ready->mechanism = options->mechanism;
    ready->generation = generation(tickets);
    if (fill(ready, options, asked, is_private))
        return ready;
    seal__gss_ready_free(ready);
    return NULL;
}
