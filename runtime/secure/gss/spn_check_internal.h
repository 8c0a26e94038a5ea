/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the check of a service principal name. */
#ifndef SEAL_SECURE_GSS_SPN_CHECK_INTERNAL_H
#define SEAL_SECURE_GSS_SPN_CHECK_INTERNAL_H

#include <sealrpc/spn.h>

#include "base/shell.h"
#include "secure/gss/gss_internal.h"
#include "secure/gss/spn_check.h"

/* How the KDC took the name itself as a client, with the keytab's key. */
typedef enum seal__spn_own_login {
    SEAL__SPN_LOGIN_NOT_TRIED, /* the keytab has no key for it */
    SEAL__SPN_LOGIN_OK,
    SEAL__SPN_LOGIN_UNKNOWN,  /* no such client; in Active Directory no SPN is one */
    SEAL__SPN_LOGIN_WRONG_KEY /* the KDC has another key */
} seal__spn_own_login;

/* One check under way. */
typedef struct seal__spn_probe {
    const seal_allocator *alloc;
    krb5_context krb5;
    char *full; /* the name with its realm */
    krb5_principal principal;
    bool with_keytab;
    const char *keytab;                      /* NULL: default */
    char keytab_text[SEAL__SPN_CLIENT_TEXT]; /* for messages and commands */
    unsigned own_kvno;                       /* the newest one in the keytab; 0: none */
    seal__spn_own_login own_login;
    char client[SEAL__GSS_TEXT];  /* who asks; "": nobody can */
    krb5_ccache tickets;          /* a private one with a TGT of that client */
    char why[SEAL__GSS_TEXT];     /* the last reason why nobody can */
    char refused[SEAL__GSS_TEXT]; /* another one of the keytab, whose key is wrong; "": none */
    bool unreachable;
    seal__spn_report *report;
} seal__spn_probe;

/* ---- spn_check_login.c ---- */

/* Gets a TGT, with the keytab or from the user's cache; probe->client is "" when there is none. An
 * error only when the cache or the keytab cannot be used at all. */
int seal__spn_probe_login(seal__spn_probe *probe, const char *ccache, seal_error **reterr);
/* The KDC could not be asked. */
bool seal__spn_is_unreachable(krb5_error_code code);

/* ---- spn_check_kdc.c ---- */

/* Asks for a ticket and judges it; without a client, judges that. */
void seal__spn_probe_kdc(seal__spn_probe *probe);

/* ---- spn_check_ticket.c ---- */

typedef struct seal__spn_ticket {
    unsigned kvno;
    int32_t enctype;
    /* Which entry of the keytab opens it. */
    bool opened;
    bool by_own_name;
    bool by_own_version;
    char opener[SEAL__GSS_TEXT]; /* whose entry */
    unsigned opener_kvno;
} seal__spn_ticket;

/* What a ticket in credentials was made with, and what of the keytab opens it. */
krb5_error_code seal__spn_ticket_read(const seal__spn_probe *probe, const krb5_creds *creds,
                                      seal__spn_ticket *ret_ticket);

/* ---- spn_check.c ---- */

/* The name without its realm, as administrators' commands take it. */
void seal__spn_bare(const char *full, char text[SEAL_SPN_MAX]);
/* Both as words of a command. */
const char *seal__spn_full_word(const char *full, char word[SEAL__SPN_WORD]);
const char *seal__spn_bare_word(const char *full, char word[SEAL__SPN_WORD]);

#endif
