/* SPDX-License-Identifier: Apache-2.0 */
/* A realm is a private folder with a KDC's database, its configuration, keytabs and caches. */
#ifndef SEAL_REALM_REALM_H
#define SEAL_REALM_REALM_H

#include <stdbool.h>

/* Files in the folder. */
#define REALM_MARKER ".seal-realm"
#define REALM_KRB5_CONF "krb5.conf"
#define REALM_KDC_CONF "kdc.conf"
#define REALM_KDC_LOG "kdc.log"
#define REALM_KDC_PID "kdc.pid"
#define REALM_KDC_LOCK "kdc.lock"
#define REALM_GUARDIAN_LOCK "guardian.lock"
#define REALM_DATABASE "principal"
#define REALM_STASH "stash"
#define REALM_CCACHE "ccache"
#define REALM_RCACHE "rcache"
#define REALM_SERVICE_KEYTAB "service.keytab"
#define REALM_USERS_KEYTAB "users.keytab"
#define REALM_CLIENT_KEYTAB "client.keytab"

struct realm {
    char *folder; /* absolute; NULL until it exists */
    char *name;
    int port;
    bool standing; /* made by start, ended by stop */
};

/* A fresh folder below $TMPDIR or /tmp, mode 0700. */
int realm_create_temporary(struct realm *realm);

/* `folder`, which must not exist yet, or be an empty folder of ours. */
int realm_create_at(struct realm *realm, const char *folder);

/* On the heap. */
char *realm_path(const struct realm *realm, const char *file);

void realm_done(struct realm *realm);

#endif
