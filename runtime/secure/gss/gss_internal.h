/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of this folder. */
#ifndef SEAL_SECURE_GSS_GSS_INTERNAL_H
#define SEAL_SECURE_GSS_GSS_INTERNAL_H

#include "secure/gss/gss.h"

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

/* ---- names.c ---- */

/* Text on the stack: principals, file names, what a library says. Longer ones are cut. */
enum { SEAL__GSS_TEXT = 512 };

gss_OID seal__gss_mechanism_oid(seal_mechanism mechanism);
bool seal__gss_oid_equal(gss_const_OID a, gss_const_OID b);
/* The name of a concrete mechanism: "krb5", "ntlm", otherwise its OID dotted. */
void seal__gss_oid_text(gss_const_OID oid, char *text, size_t size);

gss_buffer_desc seal__gss_buffer(const void *data, size_t len);

/* The '@' before the realm, or the terminating NUL. */
const char *seal__gss_realm_mark(const char *principal);
/* Both parts equal; a missing realm equals any. */
bool seal__gss_principal_may_be(const char *a, const char *b);
/* The principal with its realm: its own, else the one that domain_realm gives its host, else the
 * default. No DNS. To be released with alloc. */
int seal__gss_complete_principal(const seal_allocator *alloc, const char *principal,
                                 char **ret_full, seal_error **reterr);
/* A complete principal as the name of a krb5 entity. */
int seal__gss_import_principal(const char *principal, gss_name_t *ret_name, seal_error **reterr);
/* The same in the form that krb5 takes as it is; any other it converts, and its configuration with
 * it, at each leg. */
int seal__gss_import_krb5_name(const char *principal, gss_name_t *ret_name, seal_error **reterr);
/* "class/host[:port][/...][@REALM]" as the host-based name class@host, for mechanisms other than
 * krb5. */
int seal__gss_import_hostbased(const char *principal, gss_name_t *ret_name, seal_error **reterr);
/* Stores a copy of the display name, to be released with alloc; NULL when it cannot be told. Sets
 * *ret_anonymous when it is the anonymous name. Returns 0 or SEAL_ERROR_NO_MEMORY. */
int seal__gss_display_name(const seal_allocator *alloc, gss_name_t name, char **ret_text,
                           bool *ret_anonymous);

/* Keeps one krb5_context open for the life of the process, and with it the parsed krb5.conf. */
void seal__gss_keep_config(void);

/* ---- status.c ---- */

typedef enum seal__gss_phase {
    SEAL__GSS_INITIATOR_ACQUIRES,
    SEAL__GSS_INITIATOR_STARTS,    /* first leg: the ticket comes from the cache or from the KDC */
    SEAL__GSS_INITIATOR_CONTINUES, /* reads what the acceptor sent */
    SEAL__GSS_ACCEPTOR_ACQUIRES,
    SEAL__GSS_ACCEPTOR_STEPS
} seal__gss_phase;

/* What was being done, with what, for the message. NULL where not known or default. */
typedef struct seal__gss_situation {
    seal__gss_phase phase;
    seal_mechanism mechanism;
    const char *service; /* whom the initiator wants; who the acceptor is */
    const char *ccache;
    const char *client_keytab;
    const char *client_principal;
    const char *keytab;
    const uint8_t *token; /* the peer's, while it is read */
    size_t token_len;
} seal__gss_situation;

/* Turns a failed GSS call into an error. On the thread of that call, before any other: the library
 * keeps the text there. Stores the krb5 code in *ret_krb5_code, 0 when it is none. */
int seal__gss_fail(const seal__gss_situation *at, OM_uint32 major, OM_uint32 minor,
                   int32_t *ret_krb5_code, seal_error **reterr);

int seal__gss_keytab_error(const char *keytab, const char *principal, const char *why,
                           const char *contents, seal_error **reterr);

/* The library's text for a failed krb5 call. */
void seal__gss_krb5_text(krb5_context krb5, krb5_error_code code, char *text, size_t size);
/* The error for a krb5 call that failed because of the configuration, or for any other reason. */
int seal__gss_krb5_fail(krb5_context krb5, krb5_error_code code, const char *what,
                        seal_error **reterr);

/* ---- stores.c: what is in keytabs and caches, for messages ---- */

void seal__gss_keytab_name(const char *keytab, char *text, size_t size);
void seal__gss_ccache_name(const char *ccache, char *text, size_t size);
void seal__gss_client_keytab_name(const char *keytab, char *text, size_t size);
/* "a/b@R kvno 2, c@R kvno 1"; or why it cannot be read. */
void seal__gss_keytab_contents(const char *keytab, char *text, size_t size);
/* The newest key version of a principal in a keytab; 0: none. */
unsigned seal__gss_keytab_kvno(const char *keytab, const char *principal);
/* The principal number `index` in a keytab, neighbours that are equal counted once; "": not so
 * many. */
void seal__gss_keytab_principal(const char *keytab, size_t index, char *text, size_t size);
/* The version and type of the key that the ticket for a service in a cache was made with; 0: no
 * such ticket. */
unsigned seal__gss_ticket_kvno(const char *ccache, const char *service, int32_t *ret_enctype);
/* When the last ticket in a cache ends, in seconds since 1970; 0: there is none. */
int64_t seal__gss_ccache_end(const char *ccache);
/* Destroys a cache. */
void seal__gss_ccache_destroy(const char *ccache);
/* The principal of a cache; "" when there is none. */
void seal__gss_ccache_principal(const char *ccache, char *text, size_t size);
/* "/etc/krb5.conf, ..." */
void seal__gss_config_files(char *text, size_t size);

/* ---- copies.c ---- */

/* The state of a file when it was copied. An empty path: nothing is watched. */
typedef struct seal__gss_watch {
    char path[SEAL__GSS_TEXT];
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
    int64_t since; /* seconds since 1970, when nothing is watched */
} seal__gss_watch;

/* The file is unchanged; or nothing is watched, and that was tried a moment ago. */
bool seal__gss_watch_is_good(const seal__gss_watch *watch);

enum { SEAL__GSS_COPY_NAME = 64 };

/* A MEMORY cache with one service ticket. */
typedef struct seal__gss_ticket {
    char name[SEAL__GSS_COPY_NAME];
    seal__gss_watch cache;
    seal__gss_watch config;
    int64_t good_until; /* seconds since 1970 */
} seal__gss_ticket;

/* A credential over a copy of the keytab's entries for the principal (NULL: all). False when the
 * keytab is no file, or anything else goes wrong: then the ordinary way says what. */
bool seal__gss_acquire_copied(const char *keytab, const char *principal, seal_mechanism mechanism,
                              seal__gss_watch *ret_watch, gss_cred_id_t *ret_cred);
/* False when the cache does not hold the ticket yet, or not for long, or cannot be watched and is
 * not a private one, or the library would rather get new tickets now. */
bool seal__gss_copy_ticket(const char *ccache, const char *target, bool is_private,
                           seal__gss_ticket *ret_copy);
bool seal__gss_ticket_is_good(const seal__gss_ticket *copy);

/* ---- tickets.c ---- */

enum { SEAL__GSS_READY_KEYS = 4 };

/* All that the first step of an initiator needs. */
typedef struct seal__gss_ready {
    const seal_allocator *alloc;
    char *keys[SEAL__GSS_READY_KEYS]; /* whose and for whom; NULL: default */
    seal_mechanism mechanism;
    unsigned generation;
    char *full; /* the target with its realm */
    gss_name_t target;
    gss_cred_id_t cred;
    char *local; /* the client's name; NULL: not known yet */
    bool told;   /* a context that was made with these said that its target is `full` */
    seal__gss_ticket ticket;
} seal__gss_ready;

/* One that fits and is good, for the caller alone; NULL: none. `tickets` may be NULL. */
seal__gss_ready *seal__gss_tickets_take(seal__gss_tickets *tickets,
                                        const seal__gss_initiator_options *options);
/* A new one, from the ticket that is in the cache. options->target is complete, `asked` is what it
 * was made from. NULL: there is none that could be kept. */
seal__gss_ready *seal__gss_tickets_make(seal__gss_tickets *tickets,
                                        const seal__gss_initiator_options *options,
                                        const char *asked, bool is_private);
void seal__gss_tickets_give(seal__gss_tickets *tickets, seal__gss_ready *ready);
/* Drops all, and those that are in use when they come back. */
void seal__gss_tickets_forget(seal__gss_tickets *tickets);
void seal__gss_ready_free(seal__gss_ready *ready);

/* ---- context.c, message.c, info.c ---- */

typedef enum seal__gss_state {
    SEAL__GSS_FRESH,
    SEAL__GSS_STEPPING,
    SEAL__GSS_ESTABLISHED,
    SEAL__GSS_FAILED
} seal__gss_state;

/* What contexts of both kinds have. First member of both. */
typedef struct seal__gss_context {
    seal__mech base;
    const seal_allocator *alloc;
    seal_mechanism mechanism;
    bool initiator;
    bool is_krb5;
    seal__gss_state state;
    gss_ctx_id_t gss;
    gss_cred_id_t cred;
    int32_t krb5_code; /* of the failure */
    seal__buf scratch; /* where tokens are unwrapped */
    char *mechanism_text;
    char *peer_text;
    char *local_text;
    char *target_text;
} seal__gss_context;

void seal__gss_context_init(seal__gss_context *context, const seal__mech_ops *ops,
                            const seal_allocator *alloc, seal_mechanism mechanism, bool initiator);
void seal__gss_context_done(seal__gss_context *context);
/* Checks the state and the token before a leg. */
int seal__gss_context_enter(seal__gss_context *context, size_t token_len, seal_error **reterr);
/* Moves the output token of a leg to `out` and releases it. */
int seal__gss_context_emit(gss_buffer_t token, seal__buf *out, seal_error **reterr);
int seal__gss_context_fail(seal__gss_context *context, const seal__gss_situation *at,
                           OM_uint32 major, OM_uint32 minor, seal_error **reterr);

int seal__gss_wrap(seal__mech *mech, bool conf, const uint8_t *in, size_t len, seal__buf *out);
int seal__gss_unwrap(seal__mech *mech, bool conf, const uint8_t *in, size_t len, seal__buf *out);

/*
 * Fills base.info of an established context. `flags` and `lifetime` are those of the last leg,
 * `peer` is the name that accept_sec_context gave (initiator: GSS_C_NO_NAME), `asked` the target
 * that the initiator asked for.
 */
int seal__gss_info_fill(seal__gss_context *context, OM_uint32 flags, OM_uint32 lifetime,
                        gss_name_t peer, const char *asked, seal_error **reterr);

/* ---- initiator.c, acceptor.c, for check.c ---- */

enum { SEAL__GSS_SPARE_CREDS = 16 };

/* A credential between two handshakes. */
typedef struct seal__gss_spare {
    gss_cred_id_t cred;
    const char *identity;
    seal_mechanism mechanism;
    bool told;              /* that contexts made with it have `identity` as their target */
    seal__gss_watch keytab; /* which it has a copy of */
} seal__gss_spare;

struct seal__gss_acceptor {
    const seal_allocator *alloc;
    atomic_size_t refs;
    char **principals;
    size_t n_principals;
    pthread_mutex_t lock; /* of `full` until it is there, and of the spares */
    char **full;          /* with realms; filled by the first worker, then constant */
    seal__gss_spare spares[SEAL__GSS_SPARE_CREDS];
    size_t n_spares;
    char *keytab;
    seal_mechanism *mechanisms;
    size_t n_mechanisms;
};

/* Makes `full`. Worker. */
int seal__gss_acceptor_complete(seal__gss_acceptor *acceptor, seal_error **reterr);

/* ---- cred.c ---- */

/* The cache that an initiator really uses: its own, or a private one for tickets from a client
 * keytab. To be released with alloc; *ret_ccache is NULL for the default one. */
int seal__gss_initiator_ccache(const seal__gss_initiator_options *options, char **ret_ccache,
                               seal_error **reterr);
/* With options->ccache from above. The caller turns the status into an error; a negative result is
 * one already (a name that cannot be imported). */
int seal__gss_acquire_initiator(const seal__gss_initiator_options *options, gss_cred_id_t *ret_cred,
                                OM_uint32 *ret_major, OM_uint32 *ret_minor, seal_error **reterr);
/* principal: complete, or NULL for any in the keytab. */
int seal__gss_acquire_acceptor(const char *keytab, const char *principal, seal_mechanism mechanism,
                               gss_cred_id_t *ret_cred, OM_uint32 *ret_major, OM_uint32 *ret_minor,
                               seal_error **reterr);
/* Removes tickets for a service from a cache; does nothing where that is not possible. */
void seal__gss_drop_ticket(const char *ccache, const char *service);

/* ---- der.c ---- */

/* Writes DER from its end to its beginning, so that every length is known when it is written. */
typedef struct seal__der {
    uint8_t bytes[4096];
    size_t at; /* what is written stands in bytes[at...] */
    bool failed;
} seal__der;

void seal__der_init(seal__der *der);
/* Where the next element will end; pass it to seal__der_close once its content is written. */
size_t seal__der_open(const seal__der *der);
void seal__der_close(seal__der *der, uint8_t tag, size_t end);
void seal__der_bytes(seal__der *der, const void *bytes, size_t len);
void seal__der_string(seal__der *der, uint8_t tag, const void *bytes, size_t len);
void seal__der_integer(seal__der *der, int64_t value);
void seal__der_bits32(seal__der *der, uint32_t bits);
void seal__der_time(seal__der *der, int64_t seconds);

#endif
