/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security contexts through GSSAPI. The only folder that includes gssapi.h and krb5.h. Credentials
 * come from files named per object (gss_acquire_cred_from), never through changes of the
 * environment, on the worker that runs the handshake. They are kept between handshakes, over copies
 * of keytab and ticket in memory, until the file changes or the ticket is old.
 */
#ifndef SEAL_SECURE_GSS_GSS_H
#define SEAL_SECURE_GSS_GSS_H

#include "secure/gss/spn_check.h"
#include "secure/mech.h"

/* ---- Initiators ---- */

/* What handshakes leave to later ones, so that these need no files: service tickets copied into
 * memory, as long as the cache's file is unchanged and the ticket good. Thread-safe, reference
 * counted (contexts hold it), bounded. */
typedef struct seal__gss_tickets seal__gss_tickets;
int seal__gss_tickets_new(const seal_allocator *alloc, seal__gss_tickets **ret_tickets);
seal__gss_tickets *seal__gss_tickets_ref(seal__gss_tickets *tickets);
void seal__gss_tickets_unref(seal__gss_tickets *tickets);

typedef struct seal__gss_initiator_options {
    const seal_allocator *alloc;
    const char *target;        /* "class/host[:port][/name][@REALM]", used as a principal: no DNS */
    const char *ccache;        /* NULL: a private one with client_keytab, otherwise the default */
    const char *client_keytab; /* NULL: default */
    const char *client_principal; /* NULL: default */
    seal_mechanism mechanism;
    bool fresh_ticket;          /* remove the cached ticket for the target first */
    seal__gss_tickets *tickets; /* NULL: nothing is kept */
} seal__gss_initiator_options;

/* A fresh context; nothing is opened before its first step. Strings are copied. */
int seal__gss_initiator_new(const seal__gss_initiator_options *options, seal__mech **ret_mech,
                            seal_error **reterr);

/* ---- Acceptors ---- */

/* The identity of a server: principals and keytab. Thread-safe, reference counted (contexts hold
 * it). */
typedef struct seal__gss_acceptor seal__gss_acceptor;

typedef struct seal__gss_acceptor_options {
    const seal_allocator *alloc;
    const char *const *principals; /* the first one is the main one; with or without realm */
    size_t n_principals;
    const char *keytab; /* NULL: default */
    const seal_mechanism *mechanisms;
    size_t n_mechanisms;
} seal__gss_acceptor_options;

/* Copies the options; opens nothing. */
int seal__gss_acceptor_new(const seal__gss_acceptor_options *options,
                           seal__gss_acceptor **ret_acceptor, seal_error **reterr);
seal__gss_acceptor *seal__gss_acceptor_ref(seal__gss_acceptor *acceptor);
void seal__gss_acceptor_unref(seal__gss_acceptor *acceptor);

/* A fresh context for one connection. `target` is the SPN of the client's hello, NULL for the first
 * principal: SEAL_ERROR_WRONG_TARGET when it is not one of the principals. Here a missing realm
 * matches any, because the realms are not known before a worker has read krb5.conf; at the end of
 * the exchange the ticket must be for one of the complete principals, and for this target. */
int seal__gss_acceptor_context(seal__gss_acceptor *acceptor, seal_mechanism mechanism,
                               const char *target, seal__mech **ret_mech, seal_error **reterr);

/*
 * Proves that the credentials work. Blocks: on a worker.
 *
 * check_local: keytab readable, with a usable key for every principal; a ticket made from that key
 * is accepted through the path that connections take. Errors: SEAL_ERROR_KEYTAB,
 * SEAL_ERROR_KERBEROS_CONFIG.
 *
 * check_kdc: seal__spn_check for every principal. An error says that nobody could be asked, which
 * is no proof of anything.
 */
int seal__gss_acceptor_check_local(seal__gss_acceptor *acceptor, seal_error **reterr);
int seal__gss_acceptor_check_kdc(seal__gss_acceptor *acceptor, seal__spn_report *report,
                                 seal_error **reterr);

/* ---- A ticket without a KDC ---- */

/*
 * Mints a service ticket: encrypted with the service's own key from `keytab`, for client `client`,
 * and stores it in `ccache` (such as "MEMORY:x"), so that an initiator finds it there and needs no
 * KDC. Used by the start-up check and by tests: real tokens, real keys. Whoever holds a service's
 * key can do this; it proves nothing about the client to anybody else. Lifetime in seconds from now
 * (may be negative in tests, as may start_offset_s).
 */
typedef struct seal__gss_mint_options {
    const char *keytab;
    const char *service; /* principal with realm or in the default realm */
    const char *client;
    const char *ccache;
    int64_t start_offset_s;
    int64_t lifetime_s;
} seal__gss_mint_options;

int seal__gss_mint_ticket(const seal__gss_mint_options *options, seal_error **reterr);

/* ---- Names ---- */

/* True when an error token or status of the peer says that the client's cached service ticket is
 * stale (key version): trying once more with fresh_ticket may help. */
bool seal__gss_error_is_stale_ticket(int code);

#endif
