/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files directory*.c. */
#ifndef SEAL_NAMING_DIRECTORY_INTERNAL_H
#define SEAL_NAMING_DIRECTORY_INTERNAL_H

#include <sys/time.h>

#include <ldap.h>

#include "base/arena.h"
#include "base/buf.h"
#include "naming/directory.h"
#include "secure/mech.h"

#define SEAL__DIRECTORY_NOTIFY_OID "1.2.840.113556.1.4.528"

enum {
    SEAL__DIRECTORY_MAX_LOGIN = 320 * 1024,         /* of LDAP, before it is read: until the end */
    SEAL__DIRECTORY_MAX_MESSAGE = 16 * 1024 * 1024, /* of the login, and after it */
    SEAL__DIRECTORY_MAX_PACKET = 65536,             /* sealed, as we tell the server */
    SEAL__DIRECTORY_MAX_SERVERS = 8,
    SEAL__DIRECTORY_HOST = 256,
    SEAL__DIRECTORY_URI = 300
};

/* ---- directory_layer.c: below libldap, above the socket ---- */

/* Passes bytes through until `mech` is set, and from then on nothing that is not sealed. Neither
 * reading nor writing blocks for longer than timeout_ms. */
typedef struct seal__directory_layer {
    int fd;
    uint32_t timeout_ms;
    seal__mech *mech;
    size_t send_max;  /* bytes in one packet, before sealing */
    bool tampered;    /* a packet could not be opened */
    seal__buf packet; /* the part of a sealed one that has come */
    seal__buf plain;  /* opened, of which `taken` bytes have been handed up */
    size_t taken;
    seal__buf out;
} seal__directory_layer;

void seal__directory_layer_init(seal__directory_layer *layer, const seal_allocator *alloc,
                                uint32_t timeout_ms);
/* Puts it into libldap's connection. */
bool seal__directory_layer_attach(seal__directory_layer *layer, Sockbuf *sockbuf);
/* After libldap's handle has gone. */
void seal__directory_layer_done(seal__directory_layer *layer);

/* ---- The connection ---- */

struct seal__directory {
    seal_allocator alloc;
    LDAP *ld;
    ldap_conncb on_connect;
    bool connected; /* libldap would connect again, and ask in clear: only the first one counts */
    bool lost;      /* no further operation */
    seal__directory_layer layer;
    uint32_t timeout_ms;
    uint32_t n_servers; /* that were named */
    uint32_t index;     /* of this one among them */
    char uri[SEAL__DIRECTORY_URI];
    char principal[SEAL__DIRECTORY_HOST + sizeof "ldap/"];
    char *base;
    bool is_ad;
    bool has_sync;
    bool has_notify;
    bool has_leases;
    char *context; /* the directory's main naming context; NULL: none */
    int watch_id;
    seal__directory_watch_kind watch_kind;
    char *watch_class;
};

typedef struct seal__directory_place {
    char uri[SEAL__DIRECTORY_URI];
    char host[SEAL__DIRECTORY_HOST]; /* of the principal */
} seal__directory_place;

/* ---- directory_bind.c ---- */

/* Connects to one server, and binds. */
int seal__directory_connect(const seal_allocator *alloc, const seal__directory_config *config,
                            const seal__directory_place *server, seal__directory **ret_directory,
                            seal_error **reterr);

/* ---- directory_result.c ---- */

uint64_t seal__directory_deadline(const seal__directory *directory); /* of an operation, in ns */
/*
 * What ldap_result says of the next message: its type; 0: none in time; -1. *ret_message: to be
 * freed; NULL: none, or it is not of this operation. libldap must not look for the operation
 * itself: it would keep all others without limit, and end the process for a notice without an OID.
 */
int seal__directory_next(seal__directory *directory, int msgid, struct timeval *limit,
                         LDAPMessage **ret_message);
/* The next message of an operation, to be freed. A failure ends the connection. */
int seal__directory_await(seal__directory *directory, int msgid, uint64_t deadline_ns,
                          LDAPMessage **ret_message, seal_error **reterr);
/* Waits for the only message of an operation and takes its result apart; `ret_code` NULL: anything
 * but success is an error. */
int seal__directory_finish(seal__directory *directory, int msgid, const char *what, const char *dn,
                           int *ret_code, seal_error **reterr);
/* The error for an operation that failed. diagnostic may be NULL. */
int seal__directory_fail(seal__directory *directory, int ldap_code, const char *diagnostic,
                         const char *what, const char *dn, seal_error **reterr);
/* Nothing can be asked any more. */
int seal__directory_check(const seal__directory *directory, seal_error **reterr);

/* ---- directory_entry.c ---- */

/* Takes a message apart. Everything of *ret_entry is in the arena. false: cannot be used. */
bool seal__directory_entry_read(LDAP *ld, LDAPMessage *message, seal__arena *arena,
                                seal__directory_entry *ret_entry);

/* ---- directory_dn.c ---- */

/* dn is `above`, or below it. */
bool seal__directory_is_within(const char *dn, const char *above);

#endif
