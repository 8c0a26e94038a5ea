/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping a server's connection point in the directory, on a thread of its own. */
#ifndef SEAL_NAMING_PUBLISH_H
#define SEAL_NAMING_PUBLISH_H

#include "naming/agent.h"
#include "naming/scp.h"

enum { SEAL__PUBLISH_NO_LEASE = 0, SEAL__PUBLISH_LEASE_S = 60 };

/* What is published, where, and with whose rights. Constant once it is shared; reference counted,
 * any thread. */
typedef struct seal__publish_config {
    atomic_uint refs;
    seal__shared *shared;
    seal__directory_config directory; /* strings owned; without credentials those below are used */
    char *principal;                  /* the server's, perhaps with realm */
    char *keytab;                     /* the server's; NULL: default */
    char *spn;                        /* the principal without realm */
    char *account;                    /* NULL: the one that carries the SPN */
    char *name;                       /* cn; NULL until the port is known */
    uint32_t lease_s;                 /* SEAL__PUBLISH_NO_LEASE: none */
    seal__scp scp; /* port, and services where the user named none: at the start */
} seal__publish_config;

/* Zeroed but for refs and shared; NULL: out of memory. */
seal__publish_config *seal__publish_config_new(seal__shared *shared);
seal__publish_config *seal__publish_config_ref(seal__publish_config *config);
void seal__publish_config_unref(seal__publish_config *config); /* NULL is allowed */

/* Opens the directory with the configured credentials, or the server's own. `first`: as in
 * seal__directory_config. Blocks. */
int seal__publish_open(const seal__publish_config *config, uint32_t first,
                       seal__directory **ret_directory, seal_error **reterr);

/* ---- The thread ---- */

typedef struct seal__publication seal__publication;

typedef enum seal__publication_state {
    SEAL__PUBLICATION_UP,     /* the entry is in the directory; said after every look at it */
    SEAL__PUBLICATION_FAILED, /* an attempt failed; there will be another one */
    SEAL__PUBLICATION_GONE,   /* somebody has removed the entry; it will be made again */
    SEAL__PUBLICATION_REMOVED /* last: nothing of it is left, or `error` says why it may be */
} seal__publication_state;

/* On the loop, never from inside a call below. `text`: the DN, or NULL. Both are borrowed. */
typedef void seal__publication_fn(void *user, seal__publication_state state, const char *dn,
                                  const seal_error *error);

/* Loop thread, all. The thread is started, and waits for _go. Errors as of seal__agent_start. */
int seal__publication_start(seal_runtime *runtime, seal__publication_fn *changed, void *user,
                            seal__publication **ret_publication, seal_error **reterr);
void seal__publication_go(seal__publication *publication, seal__publish_config *config);
/* Asks for the removal: SEAL__PUBLICATION_REMOVED follows, unless closed before. */
void seal__publication_remove(seal__publication *publication);
/* No callback comes any more. An entry that is still there is removed if that takes no new
 * connection; the memory goes when the thread has ended. */
void seal__publication_close(seal__publication *publication);

#endif
