/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/ldap_look.h"

#include <stdio.h>
#include <string.h>

#include "naming/scp.h"

enum { ROOM_MIN = 16 };

typedef struct candidate {
    char dn[SEAL__SCP_DN_MAX];
    seal__endpoint endpoint;
} candidate;

typedef struct look {
    seal__directory *directory;
    const seal__ldap_question *question;
    seal__shared *shared;
    seal__ldap_memory *memory;
    candidate *items;
    size_t n;
    size_t room;
    bool no_memory;
    size_t n_bad;
    seal_error *bad; /* the first one */
    size_t n_refused;
    seal_error *refused; /* why the first one */
} look;

/* ---- Logging each trouble once ---- */

static uint64_t hash(const char *a, const char *b) {
    uint64_t h = 14695981039346656037u;
    for (; *a != '\0'; a++)
        h = (h ^ (uint8_t)*a) * 1099511628211u;
    h *= 1099511628211u;
    for (; *b != '\0'; b++)
        h = (h ^ (uint8_t)*b) * 1099511628211u;
    return h;
}

/* True the first time; false also when there is no more room, so that nobody can fill the log. */
static bool is_new(seal__ldap_memory *memory, uint64_t key) {
    for (size_t i = 0; i < memory->n; i++) {
        if (memory->seen[i] == key)
            return false;
    }
    if (memory->n == SEAL__LDAP_REMEMBERED)
        return false;
    memory->seen[memory->n++] = key;
    return true;
}

static void forget(seal__ldap_memory *memory, uint64_t key) {
    for (size_t i = 0; i < memory->n; i++) {
        if (memory->seen[i] == key) {
            memory->seen[i] = memory->seen[--memory->n];
            return;
        }
    }
}

/* ---- Finding ---- */

static void note_bad(void *user, const seal_error *why) {
    look *l = user;
    if (l->n_bad++ == 0)
        l->bad = seal__error_copy(why);
    if (is_new(l->memory, hash(seal_error_message(why), "")))
        seal__log_line(&l->shared->log, SEAL_LOG_WARNING, "connection point is not used: %s",
                       seal_error_message(why));
}

static bool make_room(look *l) {
    if (l->n < l->room)
        return true;
    size_t room = l->room == 0 ? ROOM_MIN : 2 * l->room;
    candidate *items = seal__resize(&l->shared->alloc, l->items, room * sizeof *items);
    if (items == NULL) {
        l->no_memory = true;
        return false;
    }
    l->items = items;
    l->room = room;
    return true;
}

static int compose(const look *l, const seal__scp *scp, candidate *c, seal_error **reterr) {
    const seal__ldap_question *q = l->question;
    const seal__spn_policy policy = {.server_principal = q->server_principal,
                                     .spn_class = q->spn_class,
                                     .spn_name = q->spn_name,
                                     .spn_port = q->spn_port};
    char text[SEAL_SPN_HOST_MAX + 8];
    snprintf(text, sizeof text, "%s:%u", scp->host, (unsigned)scp->port);
    snprintf(c->dn, sizeof c->dn, "%s", scp->dn);
    c->endpoint = (seal__endpoint){.priority = scp->priority, .weight = scp->weight};
    int rc = seal__address_parse(text, &c->endpoint.address, reterr);
    return rc < 0 ? rc
                  : seal__spn_policy_compose(&policy, scp->host, scp->port, c->endpoint.principal,
                                             reterr);
}

static void on_scp(void *user, const seal__scp *scp) {
    look *l = user;
    seal_error *why = NULL;
    if (!make_room(l))
        return;
    if (compose(l, scp, &l->items[l->n], &why) < 0) {
        seal__error_prefix(&why, "%.400s", scp->dn);
        note_bad(l, why);
    } else {
        l->n++;
    }
    seal_error_free(why);
}

static int find(look *l, seal_error **reterr) {
    seal_error *error = NULL;
    int rc = seal__scp_each(l->directory, l->question->service, on_scp, note_bad, l, &error);
    if (rc == SEAL_ERROR_TOO_MANY) {
        if (!l->memory->too_many)
            seal__log_line(&l->shared->log, SEAL_LOG_WARNING, "%s: %s; only the first %zu are used",
                           l->question->service, seal_error_message(error), l->n);
        l->memory->too_many = true;
        rc = 0;
    } else {
        l->memory->too_many = false;
    }
    if (l->no_memory)
        rc = seal__error_no_memory(reterr);
    else if (rc < 0)
        rc = seal__error(reterr, rc, "%s", seal_error_message(error));
    seal_error_free(error);
    return rc;
}

/* ---- Checking ---- */

static void refuse(look *l, const candidate *c, const seal_error *why) {
    if (l->n_refused++ == 0)
        l->refused = seal__error_copy(why);
    if (is_new(l->memory, hash(c->dn, c->endpoint.principal)))
        seal__log_line(&l->shared->log, SEAL_LOG_WARNING, "an endpoint is not used: %s",
                       seal_error_message(why));
}

static int check_owner(look *l, const candidate *c, bool *ret_owned, seal_error **reterr) {
    seal__scp scp = {.port = 0};
    seal_error *error = NULL;
    memcpy(scp.dn, c->dn, sizeof scp.dn);
    int rc = seal__scp_check_owner(l->directory, &scp, c->endpoint.principal, &error);
    *ret_owned = rc == 0;
    if (rc == 0) {
        forget(l->memory, hash(c->dn, c->endpoint.principal));
        return 0;
    }
    if (rc != SEAL_ERROR_SPN_OWNER && rc != SEAL_ERROR_SPN_DUPLICATE)
        return seal__error_pass(reterr, error);
    char place[SEAL_SPN_HOST_MAX + 8];
    seal__endpoint_text(&c->endpoint, place, sizeof place);
    seal__error_prefix(&error, "%s", place);
    refuse(l, c, error);
    seal_error_free(error);
    return 0;
}

/* Keeps those that are owned. */
static int check_owners(look *l, seal_error **reterr) {
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++) {
        bool owned = false;
        int rc = check_owner(l, &l->items[i], &owned, reterr);
        if (rc < 0)
            return rc;
        if (owned && kept != i)
            l->items[kept] = l->items[i];
        kept += owned;
    }
    l->n = kept;
    return 0;
}

/* ---- What it comes to ---- */

static seal_error *why_nothing(const look *l) {
    const char *server = seal__directory_server(l->directory);
    seal_error *error = NULL;
    if (l->n_refused > 0)
        seal__error(&error, seal_error_get_code(l->refused),
                    "directory %s: none of the connection points of %s can be used (%zu refused): "
                    "%s",
                    server, l->question->service, l->n_refused, seal_error_message(l->refused));
    else if (l->n_bad > 0)
        error = seal__error_copy(l->bad);
    else
        seal__error(&error, SEAL_ERROR_NOT_FOUND,
                    "directory %s has no connection point of %s below %.300s; see that its servers "
                    "run and publish themselves, and that name and base are right",
                    server, l->question->service, seal__directory_base(l->directory));
    return error;
}

static int conclude(look *l, seal__ldap_message *ret_message, seal_error **reterr) {
    seal__endpoint *endpoints =
        l->n == 0 ? NULL : seal__alloc(&l->shared->alloc, l->n * sizeof *endpoints);
    if (l->n > 0 && endpoints == NULL)
        return seal__error_no_memory(reterr);
    for (size_t i = 0; i < l->n; i++)
        endpoints[i] = l->items[i].endpoint;
    ret_message->list = seal__endpoints_new(l->shared, endpoints, l->n);
    seal__release(&l->shared->alloc, endpoints);
    if (ret_message->list == NULL)
        return seal__error_no_memory(reterr);
    ret_message->error = l->n == 0 ? why_nothing(l) : NULL;
    return 0;
}

int seal__ldap_look(seal__directory *directory, const seal__ldap_question *question,
                    seal__shared *shared, seal__ldap_memory *memory,
                    seal__ldap_message *ret_message, size_t *ret_refused, seal_error **reterr) {
    look l = {.directory = directory, .question = question, .shared = shared, .memory = memory};
    int rc = find(&l, reterr);
    if (rc == 0)
        rc = check_owners(&l, reterr);
    if (rc == 0)
        rc = conclude(&l, ret_message, reterr);
    *ret_refused = l.n_refused;
    seal_error_free(l.bad);
    seal_error_free(l.refused);
    seal__release(&shared->alloc, l.items);
    return rc;
}
