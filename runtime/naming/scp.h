/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service connection points: the entry, below the account of a service, that says where the service
 * is. Object class serviceConnectionPoint with the attributes that Active Directory has:
 *
 *   cn                         its name below the account
 *   keywords                   SEAL__SCP_PRODUCT_GUID, and each full service name ("bank.Ledger")
 *   serviceClassName           the class of the SPN
 *   serviceDNSName             the host of the SPN, normalized
 *   serviceDNSNameType         "A"
 *   serviceBindingInformation  "port=7001;proto=sealrpc/1[;priority=0][;weight=0]", the order and
 *                              unknown keys do not matter; values of other protocols are passed
 *                              over
 */
#ifndef SEAL_NAMING_SCP_H
#define SEAL_NAMING_SCP_H

#include <sealrpc/spn.h>

#include "naming/directory.h"
#include "naming/endpoints.h"

/* Found in every SCP of sealrpc: one search finds all services. */
#define SEAL__SCP_PRODUCT_GUID "6f3c1c5e-2f0b-4d3e-9a55-8b7d1f6a90c4"

enum { SEAL__SCP_DN_MAX = 1024, SEAL__SCP_CN_MAX = 64 + 1, SEAL__SCP_SERVICES = 64 };

typedef struct seal__scp {
    char dn[SEAL__SCP_DN_MAX];
    char spn_class[SEAL_SPN_CLASS_MAX]; /* as the SCP says: for display, never for an SPN */
    char host[SEAL_SPN_HOST_MAX];       /* normalized */
    uint16_t port;
    uint16_t priority;
    uint16_t weight;
    size_t n_services;
    char services[SEAL__SCP_SERVICES][SEAL_SPN_NAME_MAX];
} seal__scp;

/* Takes an entry apart. SEAL_ERROR_INVALID says which attribute of which entry is wrong: missing
 * host or port, a host that is none, another protocol. */
int seal__scp_parse(const seal__directory_entry *entry, seal__scp *ret_scp, seal_error **reterr);

/* The filter that finds the SCPs of a service; service NULL: all of sealrpc. */
bool seal__scp_filter(const char *service, char *ret_filter, size_t size);
/* The attributes to ask for. NULL-terminated. */
extern const char *const seal__scp_attributes[];

typedef void seal__scp_fn(void *user, const seal__scp *scp);
typedef void seal__scp_bad_fn(void *user, const seal_error *why);

/* Each SCP of a service (NULL: of all). Entries that cannot be taken apart are passed to `bad`,
 * which may be NULL. SEAL_ERROR_TOO_MANY: those that were passed are only the first ones. */
int seal__scp_each(seal__directory *directory, const char *service, seal__scp_fn *on_scp,
                   seal__scp_bad_fn *bad, void *user, seal_error **reterr);

/* The same into an array; SEAL_ERROR_TOO_MANY: *ret_n are there, and there are more. */
int seal__scp_search(seal__directory *directory, const char *service, seal__scp *scps, size_t max,
                     size_t *ret_n, seal__scp_bad_fn *bad, void *user, seal_error **reterr);

/*
 * The owner check: the account above the SCP carries the SPN that the client composed, and no other
 * account does. Without it, whoever may write any SCP could lead clients to any other service of
 * the realm. `spn` may have a realm, which is not compared: a directory is of one realm. 0;
 * SEAL_ERROR_SPN_OWNER, SEAL_ERROR_SPN_DUPLICATE: clients must not use it; others: it is not known.
 */
int seal__scp_check_owner(seal__directory *directory, const seal__scp *scp, const char *spn,
                          seal_error **reterr);

/*
 * Creates the SCP, or brings an existing one of this name up to date. scp->dn is filled in:
 * "cn=NAME,ACCOUNT". ttl_s: the lease where the directory has leases (it may grant another one, see
 * seal__directory_refresh); 0: none. What already is as it should be is not written again.
 * SEAL_ERROR_DIRECTORY_DENIED says which right is missing; SEAL_ERROR_ALREADY: the name is that of
 * something else.
 */
int seal__scp_publish(seal__directory *directory, const char *account_dn, const char *name,
                      seal__scp *scp, uint32_t ttl_s, seal_error **reterr);

/*
 * Removes an SCP. Active Directory tells about removals only whom it lets read what is removed, who
 * are administrators; so there the entry first loses what it is found by, which all are told, and
 * goes a quarter of a second later: Samba tells after a tenth, and not about what is gone by then.
 */
int seal__scp_remove(seal__directory *directory, const char *dn, seal_error **reterr);

/* The account that carries an SPN: its DN. SEAL_ERROR_NOT_FOUND; SEAL_ERROR_SPN_DUPLICATE when
 * several do (the message names two). */
int seal__scp_find_account(seal__directory *directory, const char *spn,
                           char ret_dn[SEAL__SCP_DN_MAX], seal_error **reterr);

/* What of serviceBindingInformation is ours; cut to size. */
void seal__scp_binding(const seal__scp *scp, char *text, size_t size);

#endif
