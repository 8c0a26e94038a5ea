/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The KDC's administration, kadmind, by MIT's libkadm5clnt. Its API is not stable between releases:
 * kadm5.c is the only user of its headers, and a build without it has kadm5_none.c instead. Blocks.
 */
#ifndef SEAL_TOOL_KADM5_H
#define SEAL_TOOL_KADM5_H

#include "login.h"

#include <krb5.h>

struct kadmin;

/* realm NULL: the default realm. SEAL_ERROR_KDC_UNREACHABLE, SEAL_ERROR_CREDENTIALS. */
int kadmin_open(const char *realm, const struct login *login, struct kadmin **ret_kadmin,
                seal_error **reterr);
void kadmin_close(struct kadmin *kadmin); /* NULL is allowed */

/* Of all: SEAL_ERROR_DIRECTORY_DENIED: the ACL of kadmind does not allow it. */

/* *ret_kvno: 0 when there is no such principal. */
int kadmin_find(struct kadmin *kadmin, const char *principal, uint32_t *ret_kvno,
                seal_error **reterr);
/* With random keys that nobody has. SEAL_ERROR_ALREADY. */
int kadmin_create(struct kadmin *kadmin, const char *principal, seal_error **reterr);
/* SEAL_ERROR_NOT_FOUND. */
int kadmin_delete(struct kadmin *kadmin, const char *principal, seal_error **reterr);
/* For each principal that matches a pattern with *, ?, []. */
int kadmin_list(struct kadmin *kadmin, const char *pattern,
                void (*each)(void *user, const char *principal), void *user, seal_error **reterr);

struct kadmin_keys {
    uint32_t kvno;
    size_t n;
    krb5_keyblock *keys;
};

/* New random keys: every keytab of this principal is too old from now on. */
int kadmin_rekey(struct kadmin *kadmin, const char *principal, struct kadmin_keys *ret_keys,
                 seal_error **reterr);
/* Wipes them. */
void kadmin_keys_done(struct kadmin_keys *keys);

#endif
