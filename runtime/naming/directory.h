/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to an LDAP directory that has authenticated itself: bound with SASL/GSSAPI, sealed,
 * and used by one thread at a time, which may block. The only users of ldap.h are directory*.c.
 *
 * The bind and its security layer (RFC 4752) are done here, with a context from secure/gss, and not
 * by libldap and Cyrus SASL: those believe a server that answers the first leg with success and no
 * proof, and ask for the principal that DNS gives, unless krb5.conf forbids it. Here the
 * directory's principal is ldap/HOST with HOST as configured, the mechanism is krb5, and a
 * connection is used only when both are proved and everything is encrypted (SSF >= 56). Referrals
 * are not followed. libldap may not connect again by itself. Every operation has a time limit.
 */
#ifndef SEAL_NAMING_DIRECTORY_H
#define SEAL_NAMING_DIRECTORY_H

#include "base/alloc.h"
#include "base/error.h"

enum {
    SEAL__DIRECTORY_MIN_SSF = 56,
    SEAL__DIRECTORY_MAX_ENTRIES = 1000, /* of one search */
    SEAL__DIRECTORY_MAX_VALUES = 256,   /* of one attribute */
    SEAL__DIRECTORY_MAX_VALUE = 64 * 1024
};

typedef struct seal__directory_config {
    const char
        *uris; /* "ldap://a:1389 ldap://b", tried in this order; NULL: libldap's (ldap.conf) */
    const char *base;   /* NULL: libldap's BASE, else what the directory itself says */
    const char *ccache; /* credentials, as in seal_channel_options */
    const char *client_keytab;
    const char *client_principal;
    uint32_t timeout_ms; /* of connecting and of each operation; 0: 5,000 */
    uint32_t
        first; /* which server is tried first, counted round: for another one after a failure */
} seal__directory_config;

typedef struct seal__directory seal__directory;

/*
 * Connects to the first server that works and binds. Blocks, at most about timeout_ms for each
 * server, and as long as libkrb5 waits for the KDC.
 * Errors: SEAL_ERROR_DIRECTORY (none can be reached or used: the message has each server and why;
 * or nothing is configured), SEAL_ERROR_DIRECTORY_UNTRUSTED (a server that did not prove itself or
 * does not seal; another server is not tried after that one), SEAL_ERROR_CREDENTIALS and the other
 * errors of an initiator, SEAL_ERROR_INVALID (uris).
 */
int seal__directory_open(const seal_allocator *alloc, const seal__directory_config *config,
                         seal__directory **ret_directory, seal_error **reterr);
void seal__directory_close(seal__directory *directory); /* NULL is allowed */

const char *seal__directory_server(const seal__directory *directory); /* the URI in use */
const char *seal__directory_base(const seal__directory *directory);
/* How many servers were named, and which of them this is: config.first of the next is one more. */
uint32_t seal__directory_servers(const seal__directory *directory);
uint32_t seal__directory_index(const seal__directory *directory);
/* What the directory offers, as its root entry says. */
bool seal__directory_is_ad(const seal__directory *directory);
bool seal__directory_has_sync(const seal__directory *directory);   /* RFC 4533 */
bool seal__directory_can_watch(const seal__directory *directory);  /* in one way or another */
bool seal__directory_has_leases(const seal__directory *directory); /* RFC 2589 */

/* ---- Entries ---- */

typedef struct seal__directory_attribute {
    const char *name;
    size_t n_values;
    const char *const *values; /* text in UTF-8; values that are none, or too long, or too many,
                                  are left out */
} seal__directory_attribute;

typedef struct seal__directory_entry {
    const char *dn;
    size_t n_attributes;
    const seal__directory_attribute *attributes;
} seal__directory_entry;

/* The attribute, name compared without case; NULL: none. The first value; NULL: none. */
const seal__directory_attribute *seal__directory_get(const seal__directory_entry *entry,
                                                     const char *name);
const char *seal__directory_get_one(const seal__directory_entry *entry, const char *name);

/* Borrowed until return. false ends the search, which then returns SEAL_ERROR_CANCELLED. */
typedef bool seal__directory_entry_fn(void *user, const seal__directory_entry *entry);

typedef enum seal__directory_scope {
    SEAL__SCOPE_BASE,
    SEAL__SCOPE_ONE,
    SEAL__SCOPE_SUBTREE
} seal__directory_scope;

/* Appends `text` to a filter, escaped (RFC 4515); false: does not fit. */
bool seal__directory_escape(char *filter, size_t size, const char *text);
/* The parent of an entry; escaped commas are understood. false: it has none or does not fit. */
bool seal__directory_parent(const char *dn, char *ret_parent, size_t size);
/* "cn=NAME,PARENT" with NAME escaped (RFC 4514). */
bool seal__directory_child(const char *name, const char *parent, char *ret_dn, size_t size);
/* Same entry: without case and spaces around separators. */
bool seal__directory_same_dn(const char *a, const char *b);

/*
 * ---- Operations ---- 0 or: SEAL_ERROR_DIRECTORY (connection lost, timed out, refused by the
 * server: open another one), SEAL_ERROR_DIRECTORY_DENIED (no right), SEAL_ERROR_NOT_FOUND (no such
 * entry), SEAL_ERROR_ALREADY (exists), SEAL_ERROR_SPN_DUPLICATE (constraint violation: not unique),
 * SEAL_ERROR_INVALID (the schema or the syntax does not allow it), SEAL_ERROR_TOO_MANY (entries).
 */

/* base NULL: seal__directory_base. attrs: NULL-terminated; NULL: all. */
int seal__directory_search(seal__directory *directory, const char *base,
                           seal__directory_scope scope, const char *filter,
                           const char *const *attrs, seal__directory_entry_fn *on_entry, void *user,
                           seal_error **reterr);
/* *ret_equal: whether the entry has the value, by the attribute's own rule of equality. */
int seal__directory_compare(seal__directory *directory, const char *dn, const char *attribute,
                            const char *value, bool *ret_equal, seal_error **reterr);
int seal__directory_add(seal__directory *directory, const seal__directory_entry *entry,
                        seal_error **reterr);

typedef enum seal__directory_change {
    SEAL__CHANGE_ADD,    /* values to an attribute */
    SEAL__CHANGE_DELETE, /* values; n_values 0: the attribute */
    SEAL__CHANGE_REPLACE
} seal__directory_change;

int seal__directory_modify(seal__directory *directory, const char *dn,
                           seal__directory_change change,
                           const seal__directory_attribute *attributes, size_t n,
                           seal_error **reterr);
int seal__directory_delete(seal__directory *directory, const char *dn, seal_error **reterr);
/* Prolongs a lease (RFC 2589). *ret_ttl_s: what the directory granted. */
int seal__directory_refresh(seal__directory *directory, const char *dn, uint32_t ttl_s,
                            uint32_t *ret_ttl_s, seal_error **reterr);
/* Our own identity as the directory sees it (RFC 4532, "dn:..." or "u:..."); "" when it does not
 * tell. */
int seal__directory_whoami(seal__directory *directory, char *ret_identity, size_t size,
                           seal_error **reterr);

/* ---- Watching: "something may have changed", the caller searches again ---- */

typedef enum seal__directory_watch_kind {
    SEAL__WATCH_SYNC,   /* RFC 4533, refreshAndPersist: OpenLDAP */
    SEAL__WATCH_NOTIFY, /* 1.2.840.113556.1.4.528: Active Directory */
    SEAL__WATCH_NONE    /* the caller polls */
} seal__directory_watch_kind;

/* Begins to watch what lies under `base` (NULL: seal__directory_base) and matches `filter` (SYNC)
 * or is of `object_class` (NOTIFY, which watches everything there; NULL: any). On this connection
 * no other operation may follow. *ret_kind: how; NONE is no error. Call seal__directory_watch_take
 * once before sleeping: something may have come already. */
int seal__directory_watch(seal__directory *directory, const char *base, const char *filter,
                          const char *object_class, seal__directory_watch_kind *ret_kind,
                          seal_error **reterr);
/* The descriptor to sleep on. */
int seal__directory_watch_fd(const seal__directory *directory);
/* Takes in what has come. *ret_changed: something may have changed. An error: the watch is over. */
int seal__directory_watch_take(seal__directory *directory, bool *ret_changed, seal_error **reterr);

#endif
