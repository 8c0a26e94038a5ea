/* SPDX-License-Identifier: Apache-2.0 */
/* A realm is a private folder with the databases of its daemons, configuration, keytabs, caches. */
#ifndef SEAL_REALM_REALM_H
#define SEAL_REALM_REALM_H

#include <stdbool.h>

/* Files in the folder. */
#define REALM_MARKER ".seal-realm"
#define REALM_KRB5_CONF "krb5.conf"
#define REALM_KDC_CONF "kdc.conf"
#define REALM_KDC_LOG "kdc.log"
#define REALM_KADMIND_ACL "kadm5.acl"
#define REALM_GUARDIAN_LOCK "guardian.lock"
#define REALM_DATABASE "principal"
#define REALM_STASH "stash"
#define REALM_CCACHE "ccache"
#define REALM_RCACHE "rcache"
#define REALM_SERVICE_KEYTAB "service.keytab"
#define REALM_USERS_KEYTAB "users.keytab"
#define REALM_CLIENT_KEYTAB "client.keytab"
#define REALM_DIRECTORY_KEYTAB "directory.keytab"
#define REALM_LDAP_CONF "ldap.conf"

#define REALM_SMB_CONF "smb.conf"
#define REALM_SAMBA "samba" /* the folder of Samba's databases */
#define REALM_HOSTS "hosts"
#define REALM_RESOLV_CONF "resolv.conf"

/* A domain controller has fixed ports, and a network namespace of its own. */
#define REALM_DC_ADDRESS "127.0.0.20"

/* A realm has a KDC, and perhaps the next three; or it has a domain controller and nothing else. */
enum daemon {
    DAEMON_KDC,
    DAEMON_KADMIND,
    DAEMON_DIRECTORY,
    DAEMON_REPLICA,
    DAEMON_DC,
    DAEMON_COUNT
};

struct realm {
    char *folder; /* absolute; NULL until it exists */
    char *name;
    int ports[DAEMON_COUNT]; /* of 127.0.0.1, DAEMON_DC's of REALM_DC_ADDRESS; 0: the realm has no
                                such daemon */
    int kpasswd_port;        /* of kadmind, too */
    bool standing;           /* made by start, ended by stop */
};

/* A fresh folder below $TMPDIR or /tmp, mode 0700. */
int realm_create_temporary(struct realm *realm);

/* `folder`, which must not exist yet, or be an empty folder of ours. */
int realm_create_at(struct realm *realm, const char *folder);

/* On the heap. */
char *realm_path(const struct realm *realm, const char *file);

/* With this content, mode 0600. They complain. */
int realm_write_file(const struct realm *realm, const char *file, const char *text);
int realm_write_path(const char *path, const char *text);

/* The fully qualified one of the domain controller, such as dc1.ad.sealrpc.test. On the heap. */
char *realm_dc_host(const struct realm *realm);

/* The domain's short name, such as AD. On the heap. */
char *realm_workgroup(const struct realm *realm);

/* Of the directory, such as dc=sealrpc,dc=test. On the heap. */
char *realm_suffix(const struct realm *realm);

/* As ldapi takes it: the socket of DAEMON_DIRECTORY or DAEMON_REPLICA. On the heap. */
char *realm_ldapi(const struct realm *realm, enum daemon which);

/* The directory's and the replica's, separated by a space; NULL when there is none. On the heap. */
char *realm_directory_uris(const struct realm *realm);

void realm_done(struct realm *realm);

#endif
