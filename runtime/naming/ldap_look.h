/* SPDX-License-Identifier: Apache-2.0 */
/* One look into a directory: the connection points of a service whose account is the one that the
 * client would call. */
#ifndef SEAL_NAMING_LDAP_LOOK_H
#define SEAL_NAMING_LDAP_LOOK_H

#include "naming/ldap_agent.h"

enum { SEAL__LDAP_REMEMBERED = 256 };

/* What has been logged already, so that it is logged once. */
typedef struct seal__ldap_memory {
    size_t n;
    uint64_t seen[SEAL__LDAP_REMEMBERED];
    bool too_many;
} seal__ldap_memory;

/* 0: *ret_message is filled in; *ret_refused: entries that may be put right without the directory
 * telling. Otherwise the connection is of no more use. */
int seal__ldap_look(seal__directory *directory, const seal__ldap_question *question,
                    seal__shared *shared, seal__ldap_memory *memory,
                    seal__ldap_message *ret_message, size_t *ret_refused, seal_error **reterr);

#endif
