/* SPDX-License-Identifier: Apache-2.0 */
/* An LDAP resolver on a loop of the test's own, what it has said and logged, and hands that change
 * the directory. */
#ifndef SEAL_TESTS_NAMING_LDAP_RIG_H
#define SEAL_TESTS_NAMING_LDAP_RIG_H

#include <pthread.h>

#include "naming/resolver.h"
#include "naming/scp.h"

#define RIG_BASE "dc=sealrpc,dc=test"
#define RIG_NODE(n) "cn=node" #n ".sealrpc.test,ou=Accounts," RIG_BASE

enum { RIG_LINES = 64 };

typedef struct ldap_rig {
    uv_loop_t loop;
    seal_runtime *runtime;
    seal__shared *shared;
    seal__resolver *resolver; /* NULL: none, or closed */
    uv_timer_t guard;
    bool timed_out;
    bool close_when_told;
    const char *client_keytab;
    unsigned told; /* callbacks so far; the rest is of the last one */
    bool has_list;
    size_t n;
    char list[4096]; /* "a:1/0/0 b:2/10/70 ", sorted */
    char principals[4096];
    int code; /* of the error; 0: none */
    char message[2048];
    pthread_mutex_t lock; /* of the lines: agents log on threads of their own */
    unsigned n_lines;
    char lines[RIG_LINES][2048];
} ldap_rig;

void ldap_rig_init(ldap_rig *r);
/* Also waits for the threads: they may be in a call that cannot be ended. */
void ldap_rig_done(ldap_rig *r);

int ldap_rig_try(ldap_rig *r, const char *target, const seal__spn_policy *policy,
                 seal_error **error);
/* Must start; composes greeter/HOST. */
void ldap_rig_start(ldap_rig *r, const char *target);
/* init and start. */
void ldap_rig_begin(ldap_rig *r, const char *target);
void ldap_rig_close(ldap_rig *r);

/* Turn the loop until it is so, or fail the test. */
void ldap_rig_until_list(ldap_rig *r, const char *list); /* and no error */
void ldap_rig_until_code(ldap_rig *r, int code);
void ldap_rig_until(ldap_rig *r, bool (*is_so)(ldap_rig *r, void *user), void *user);
unsigned ldap_rig_logged(ldap_rig *r, const char *part);

/* With the rights of an installer, or of the owner of a service keytab: a name with a slash or, in
 * Active Directory, of a computer ("node1$"). */
seal__directory *ldap_rig_open(const char *principal);
/* Publishes HOST:PORT below an account as an installer. */
void ldap_rig_publish(const char *account, const char *name, const char *host, uint16_t port);
void ldap_rig_unpublish(const char *account, const char *name);
/* As a service itself does. */
void ldap_rig_publish_as(const char *principal, const char *account, const char *name,
                         const char *host, uint16_t port);
void ldap_rig_unpublish_as(const char *principal, const char *account, const char *name);
/* Until the replica has it. */
void ldap_rig_until_replicated(ldap_rig *r, const char *account, const char *name);
/* Gives an account a name, or takes it away. */
void ldap_rig_set_spn(const char *account, const char *spn, bool present);
/* seal-realm COMMAND DAEMON */
void ldap_rig_realm(const char *command, const char *daemon);

#endif
