/* SPDX-License-Identifier: Apache-2.0 */
/* Why a GSSAPI call failed, between finding out (status.c) and saying it (explain.c). */
#ifndef SEAL_SECURE_GSS_EXPLAIN_H
#define SEAL_SECURE_GSS_EXPLAIN_H

#include "secure/gss/gss_internal.h"

typedef enum seal__gss_cause {
    SEAL__GSS_CAUSE_OTHER,
    SEAL__GSS_CAUSE_NO_TICKET,
    SEAL__GSS_CAUSE_EXPIRED,
    SEAL__GSS_CAUSE_SKEW,
    SEAL__GSS_CAUSE_NOT_YET,
    SEAL__GSS_CAUSE_UNKNOWN_SERVICE,
    SEAL__GSS_CAUSE_KDC,
    SEAL__GSS_CAUSE_CONFIG,
    SEAL__GSS_CAUSE_ACCOUNT, /* the KDC refuses the client */
    SEAL__GSS_CAUSE_KEY,     /* a key does not fit */
    SEAL__GSS_CAUSE_KEYTAB,
    SEAL__GSS_CAUSE_WRONG_TARGET,
    SEAL__GSS_CAUSE_ENCTYPE
} seal__gss_cause;

/* A KRB-ERROR that the peer sent; nobody authenticated it. */
typedef struct seal__gss_peer_error {
    bool present;
    int64_t ahead_s; /* its clock is so much ahead of ours */
    char text[128];
} seal__gss_peer_error;

typedef struct seal__gss_failure {
    const seal__gss_situation *at;
    const char *text;
    int32_t code;
    seal__gss_cause cause;
    seal__gss_peer_error peer;
    char store[SEAL__GSS_TEXT];  /* the cache, or the acceptor's keytab */
    char client[SEAL__GSS_TEXT]; /* initiator: own principal */
} seal__gss_failure;

/* Makes the error: its code and one line of text. */
int seal__gss_explain(const seal__gss_failure *f, OM_uint32 major, bool acceptor,
                      seal_error **reterr);
/* That for a configuration that cannot be used. */
int seal__gss_config_error(const char *text, seal_error **reterr);

#endif
