/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: what a user writes to say which service a channel is for.
 *
 *   host:port  127.0.0.1:port  [::1]:port  unix:/path  unix:@name     one address
 *   seal:///host1:port,host2:port,[::1]:port                          a list of addresses
 *   dns://[server[:port][,server[:port]]]/[_service._proto.]domain    SRV records
 *   ldap://[host[:port][,host[:port]]]/service[?base=DN][&poll=S][&timeout=S]   SCPs in a directory
 *
 * Percent-encoding is taken in the path and in values.
 */
#ifndef SEAL_NAMING_TARGET_H
#define SEAL_NAMING_TARGET_H

#include "base/error.h"
#include "net/address.h"

typedef enum seal__scheme {
    SEAL__SCHEME_STATIC, /* also one address */
    SEAL__SCHEME_DNS,
    SEAL__SCHEME_LDAP
} seal__scheme;

enum { SEAL__TARGET_ADDRESSES = 64, SEAL__TARGET_SERVERS = 8 };

typedef struct seal__target {
    const seal_allocator *alloc;
    char *text; /* as written */
    seal__scheme scheme;
    seal__address *addresses; /* static: the list, in its order */
    size_t n_addresses;
    seal__address servers[SEAL__TARGET_SERVERS]; /* DNS, LDAP: whom to ask; port 0: the usual one */
    size_t n_servers;                            /* 0: those that the system is configured with */
    char *name;      /* DNS: the domain queried for, without _service._proto; LDAP: the service */
    char *srv_name;  /* DNS: the whole name of the SRV records */
    char *base;      /* LDAP: where to search; NULL: default */
    uint32_t poll_s; /* LDAP: between two looks where the directory does not notify; 0: 30 */
    uint32_t timeout_s; /* LDAP: of one operation; 0: 5 */
} seal__target;

/* 0 or SEAL_ERROR_INVALID with the syntax that was expected; then there is nothing to be done with
 * *ret_target, but seal__target_done is harmless (unless `text` is NULL, empty or over 16 KiB). */
int seal__target_parse(const char *text, const seal_allocator *alloc, seal__target *ret_target,
                       seal_error **reterr);
void seal__target_done(seal__target *target);

#endif
