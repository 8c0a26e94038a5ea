/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_REALM_SLAPD_CONF_H
#define SEAL_REALM_SLAPD_CONF_H

#include "realm.h"

/* Writes the configuration of the directory, of its replica if there is one, and of LDAP clients.
 * Schema and access rules are the product's own, from share/sealrpc/openldap. */
int slapd_conf_write(const struct realm *realm);

#endif
