/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of endpoints: where a service can be reached, and who must answer there. */
#ifndef SEAL_NAMING_ENDPOINTS_H
#define SEAL_NAMING_ENDPOINTS_H

#include <sealrpc/spn.h>

#include "net/address.h"
#include "net/shared.h"

enum { SEAL__ENDPOINTS_MAX = 1024 }; /* of one list; more are cut off, with a line in the log */

typedef struct seal__endpoint {
    seal__address address;
    char principal[SEAL_SPN_MAX]; /* what the server must prove to be */
    uint16_t priority;            /* the smallest first, RFC 2782 */
    uint16_t weight;
} seal__endpoint;

/* An immutable list, reference counted; any thread. No two elements have the same address. */
typedef struct seal__endpoints {
    seal__shared *shared;
    atomic_uint refs;
    size_t n;
    seal__endpoint items[];
} seal__endpoints;

/* Copies. Of endpoints with equal addresses the first one stays. NULL: out of memory. */
seal__endpoints *seal__endpoints_new(seal__shared *shared, const seal__endpoint *items, size_t n);
seal__endpoints *seal__endpoints_ref(seal__endpoints *list);
void seal__endpoints_unref(seal__endpoints *list); /* NULL is allowed */

/* Same address; same address and principal. */
bool seal__endpoint_same_place(const seal__endpoint *a, const seal__endpoint *b);
bool seal__endpoint_equal(const seal__endpoint *a, const seal__endpoint *b);
/* The element at the same place; NULL: none. */
const seal__endpoint *seal__endpoints_find(const seal__endpoints *list, const seal__endpoint *what);
/* The same elements in any order, with the same priorities and weights. */
bool seal__endpoints_equal(const seal__endpoints *a, const seal__endpoints *b);

/* "host:port", "unix:/path"; cut to size. */
void seal__endpoint_text(const seal__endpoint *endpoint, char *text, size_t size);

/*
 * The order in which a client tries them: by priority; within one priority drawn by weight as RFC
 * 2782 says (weight 0 has a very small chance). `random` returns a number below `bound` (> 0).
 * ret_order: list->n indices.
 */
void seal__endpoints_order(const seal__endpoints *list,
                           uint32_t (*random)(void *user, uint32_t bound), void *user,
                           uint16_t *ret_order);

/* What changed, for a log line and for those who watch. Each callback may be NULL. */
typedef struct seal__endpoints_diff {
    void (*added)(void *user, const seal__endpoint *endpoint);
    void (*changed)(void *user, const seal__endpoint *before, const seal__endpoint *after);
    void (*removed)(void *user, const seal__endpoint *endpoint);
} seal__endpoints_diff;
/* `before` and `after` may be NULL: empty. */
void seal__endpoints_compare(const seal__endpoints *before, const seal__endpoints *after,
                             const seal__endpoints_diff *diff, void *user);

/* ---- Who must answer ---- */

/* What the user has said about the server's principal. */
typedef struct seal__spn_policy {
    const char *server_principal; /* for every endpoint; NULL: composed */
    const char *spn_class;        /* of the composed one; may be NULL when it is not composed */
    const char *spn_name;         /* its third part; NULL: none */
    bool spn_port;                /* it has the port */
} seal__spn_policy;

/* The principal of an endpoint whose host comes from a source that is trusted with it: what the
 * user wrote, the name that was queried, or an authenticated and sealed directory. Never a target
 * of DNS. SEAL_ERROR_INVALID when it cannot be composed; the message says what to set. */
int seal__spn_policy_compose(const seal__spn_policy *policy, const char *host, uint16_t port,
                             char ret_principal[SEAL_SPN_MAX], seal_error **reterr);

#endif
