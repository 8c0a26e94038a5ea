/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam between the secure channel and GSSAPI: one security context of one mechanism. gss/
 * implements it; tests implement it with scripted legs.
 *
 * Locking: none. One thread at a time uses a context; it may move between threads. `step` may block
 * (KDC, keytab) and runs on a worker of the auth pool; everything else is CPU only.
 */
#ifndef SEAL_SECURE_MECH_H
#define SEAL_SECURE_MECH_H

#include "base/buf.h"
#include "base/error.h"

enum {
    SEAL__MECH_MUTUAL = 1u << 0,
    SEAL__MECH_CONF = 1u << 1,
    SEAL__MECH_INTEG = 1u << 2,
    SEAL__MECH_REPLAY = 1u << 3,
    SEAL__MECH_SEQUENCE = 1u << 4,
    SEAL__MECH_ANONYMOUS = 1u << 5
};

/* What an established context proved. Filled by the step that returns SEAL__MECH_DONE; the strings
 * belong to the context. */
typedef struct seal__mech_info {
    uint32_t flags;            /* SEAL__MECH_* */
    bool authenticates_target; /* the concrete mechanism has GSS_C_MA_AUTH_TARG */
    const char *mechanism;     /* the concrete mechanism: "krb5", "ntlm", or its OID dotted */
    const char *peer;          /* display name, "alice@REALM"; NULL when there is none */
    const char *local;         /* acceptor: the target the ticket was for; initiator: own name */
    const char *target;        /* initiator: the name the acceptor proved; acceptor: as local */
    uint64_t lifetime_s;       /* left when the step ended; UINT64_MAX: no end */
    uint32_t ssf;              /* strength in bits; 0: the mechanism does not tell */
} seal__mech_info;

typedef enum seal__mech_progress {
    SEAL__MECH_DONE = 0,
    SEAL__MECH_CONTINUE = 1 /* negative: failed, a seal_error_code */
} seal__mech_progress;

typedef struct seal__mech seal__mech;

typedef struct seal__mech_ops {
    /*
     * One leg. `in` is the peer's token (len 0 only for the initiator's first leg). Appends the
     * token for the peer to `out`, possibly none; on failure too: an error token for the peer.
     * Returns SEAL__MECH_DONE exactly when the major status was GSS_S_COMPLETE,
     * SEAL__MECH_CONTINUE, or a negative code with *reterr set. After a failure only `free` may be
     * called.
     */
    int (*step)(seal__mech *mech, const uint8_t *in, size_t len, seal__buf *out,
                seal_error **reterr);
    /* Appends the wrapped message to `out`. Fails unless the context really encrypts when conf is
     * asked for. Returns 0 or a negative code. */
    int (*wrap)(seal__mech *mech, bool conf, const uint8_t *in, size_t len, seal__buf *out);
    /* Appends the message to `out`. Fails unless the major status was GSS_S_COMPLETE (no duplicate,
     * no gap, no other order) and the confidentiality state equals conf. Returns 0 or a negative
     * code. */
    int (*unwrap)(seal__mech *mech, bool conf, const uint8_t *in, size_t len, seal__buf *out);
    /* Frees the context. */
    void (*free)(seal__mech *mech);
} seal__mech_ops;

/* First member of every implementation. */
struct seal__mech {
    const seal__mech_ops *ops;
    seal__mech_info info;
};

/*
 * Makes contexts: one for each handshake. `mechanism` is what both ends named in the hello.
 * Acceptor: `target` is the SPN the client asked for, to be checked against the configured ones
 * (also by the context itself at the end of the exchange). Initiator: the target of its own
 * channel's configuration, at every authentication. Called on the loop thread, must not block.
 */
typedef struct seal__mech_source {
    int (*make)(void *user, seal_mechanism mechanism, const char *target, seal__mech **ret_mech,
                seal_error **reterr);
    void *user;
} seal__mech_source;

#endif
