/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_REALM_CONFIG_H
#define SEAL_REALM_CONFIG_H

#include "options.h"
#include "realm.h"

/* Writes krb5.conf and kdc.conf: all paths in the folder, no DNS, nothing from the system. */
int config_write(const struct realm *realm, const struct options *options);

/* Writes ldap.conf, for clients; `more` stands at its end. */
int config_write_ldap(const struct realm *realm, const char *more);

#endif
