/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of an LDAP resolver: looks, watches or polls, and sends what it has found to the loop.
 */
#ifndef SEAL_NAMING_LDAP_AGENT_H
#define SEAL_NAMING_LDAP_AGENT_H

#include "naming/agent.h"
#include "naming/directory.h"
#include "naming/endpoints.h"

/* What to look for, and with whose credentials; strings owned. */
typedef struct seal__ldap_question {
    char *uris; /* NULL: those of ldap.conf */
    char *base;
    char *service;
    char *ccache;
    char *client_keytab;
    char *client_principal;
    char *server_principal;
    char *spn_class;
    char *spn_name;
    bool spn_port;
    uint32_t timeout_ms;
    uint32_t poll_ms;
} seal__ldap_question;

void seal__ldap_question_done(seal__ldap_question *question, const seal_allocator *alloc);

/* One look. `list` NULL: the directory cannot be asked, and `error` says why; otherwise `error`
 * says why nothing in it could be used, or is NULL. */
typedef struct seal__ldap_message {
    seal__endpoints *list;
    seal_error *error;
} seal__ldap_message;

/* Takes over the strings of the question; on failure they still belong to the caller. */
int seal__ldap_agent_start(seal_runtime *runtime, const seal__ldap_question *question,
                           void (*deliver)(void *owner, void *message), void *owner,
                           seal__agent **ret_agent, seal_error **reterr);
void seal__ldap_message_free(seal__shared *shared, void *message);

#endif
