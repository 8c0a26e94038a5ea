/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security contexts over Heimdal's GSSAPI, behind the same seam as the runtime's own over MIT's
 * (runtime/secure/mech.h). Mechanisms: krb5, and SPNEGO that must end at krb5.
 *
 * The ticket cache and the keytab are the process's: KRB5CCNAME, KRB5_KTNAME.
 */
#ifndef SEAL_INTEROP_MECH_HEIMDAL_H
#define SEAL_INTEROP_MECH_HEIMDAL_H

#include "secure/mech.h"

/* Who this end wants (initiator) or is (acceptor). Outlives the contexts made from it. */
typedef struct heimdal_identity {
    const seal_allocator *alloc;
    bool initiator;
    char *principal; /* with its realm */
} heimdal_identity;

/* A principal without a realm gets the default one. */
int heimdal_identity_init(heimdal_identity *identity, const seal_allocator *alloc, bool initiator,
                          const char *principal, seal_error **reterr);
void heimdal_identity_done(heimdal_identity *identity);

/* The `make` of a seal__mech_source whose user is a heimdal_identity. */
int heimdal_make(void *user, seal_mechanism mechanism, const char *target, seal__mech **ret_mech,
                 seal_error **reterr);

#endif
