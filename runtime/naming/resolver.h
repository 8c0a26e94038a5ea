/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolvers: from a target to a list of endpoints, watched. One interface for all sources. Loop
 * thread only.
 *
 * A resolver never falls back to another source. When its source cannot be asked, it says so, keeps
 * the last good list, and tries again (from 1 s, doubling to 60 s, with jitter).
 */
#ifndef SEAL_NAMING_RESOLVER_H
#define SEAL_NAMING_RESOLVER_H

#include "naming/endpoints.h"
#include "naming/target.h"
#include "net/runtime.h"

typedef struct seal__resolver seal__resolver;

/*
 * The list or the state of its source has changed. Never from inside a call to the resolver. It may
 * close the resolver.
 *
 * endpoints: the last good list, borrowed; NULL: there has not been one yet. It may be empty: the
 * source was asked, and there is nothing (usable).
 * error: NULL: the list is what the source says now. Otherwise why the source could not be asked,
 * or why nothing in its answer could be used; borrowed.
 */
typedef void seal__resolution_fn(void *user, const seal__endpoints *endpoints,
                                 const seal_error *error);

typedef struct seal__resolver_options {
    const seal__target *target; /* copied as needed */
    seal__spn_policy policy;    /* copied */
    /* With whose credentials an LDAP directory is asked: see seal_channel_options. Copied. */
    const char *ccache;
    const char *client_keytab;
    const char *client_principal;
} seal__resolver_options;

/* What a kind of resolver is. */
typedef struct seal__resolver_ops {
    void (*refresh)(seal__resolver *resolver);
    void (*close)(seal__resolver *resolver);
} seal__resolver_ops;

/* First member of every resolver. */
struct seal__resolver {
    const seal__resolver_ops *ops;
    seal_runtime *runtime;
    seal__resolution_fn *resolved; /* NULL: closed */
    void *user;
    seal__endpoints *last;        /* the last good list; NULL: none */
    const seal__endpoints *known; /* from the start, and told all the same; NULL: none */
    char *target;                 /* as written, for the log; NULL: started without resolver.c */
    seal_error *error;            /* what the user was told last; NULL: all is well */
    uint64_t updates;             /* lists that came from the source and differed */
    uint64_t outages;             /* times the source became unavailable */
    uint64_t away_since_ns;       /* of uv_hrtime; 0: the source is there */
    uint64_t last_refresh_ns;     /* 0: none */
    bool is_written;              /* the user wrote the list: no news for the log */
};

/* Starts looking, and calls back when there is something to say, at least once. 0;
 * SEAL_ERROR_INVALID: the policy cannot give these endpoints a principal, or the target cannot be
 * asked for; SEAL_ERROR_NO_MEMORY; SEAL_ERROR_TOO_MANY (agents, see agent.h). */
int seal__resolver_start(seal_runtime *runtime, const seal__resolver_options *options,
                         seal__resolution_fn *resolved, void *user, seal__resolver **ret_resolver,
                         seal_error **reterr);

/* Asks for another look soon, because an endpoint could not be reached. At most once a second has
 * an effect. */
void seal__resolver_refresh(seal__resolver *resolver);

/* No callback comes any more. The memory goes when the work under way has ended. */
void seal__resolver_close(seal__resolver *resolver);

/* ---- The kinds, each in its file ---- */

int seal__static_resolver_start(seal_runtime *runtime, const seal__resolver_options *options,
                                seal__resolution_fn *resolved, void *user,
                                seal__resolver **ret_resolver, seal_error **reterr);
int seal__dns_resolver_start(seal_runtime *runtime, const seal__resolver_options *options,
                             seal__resolution_fn *resolved, void *user,
                             seal__resolver **ret_resolver, seal_error **reterr);
int seal__ldap_resolver_start(seal_runtime *runtime, const seal__resolver_options *options,
                              seal__resolution_fn *resolved, void *user,
                              seal__resolver **ret_resolver, seal_error **reterr);

/* ---- For those files (resolver.c) ---- */

void seal__resolver_init(seal__resolver *resolver, const seal__resolver_ops *ops,
                         seal_runtime *runtime, seal__resolution_fn *resolved, void *user);
/* Takes over the reference to `list`, logs what changed, and tells the user if anything did.
 * `error` as in seal__resolution_fn; borrowed. */
void seal__resolver_publish(seal__resolver *resolver, seal__endpoints *list,
                            const seal_error *error);
/* The source cannot be asked: keeps the last list, logs it once per outage, tells the user. */
void seal__resolver_source_away(seal__resolver *resolver, const seal_error *error);
/* Both of the above do nothing for a closed resolver, and use it no more once they have told the
 * user, who may close it. Not from inside _start, _refresh or _close. */
/* Drops the list and everything else that resolver.c has put there; not the memory itself. */
void seal__resolver_done(seal__resolver *resolver);

/* For how long the source has been away; 0: it is there. */
uint64_t seal__resolver_away_ms(const seal__resolver *resolver);

/* Milliseconds to wait before try number `failures` (1, 2, ...): doubling from 1 s to 60 s, times a
 * random factor of 0.8 to 1.2. */
uint32_t seal__backoff_ms(uint32_t failures);

#endif
