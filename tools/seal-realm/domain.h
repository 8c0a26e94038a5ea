/* SPDX-License-Identifier: Apache-2.0 */
/* A Samba domain controller of Active Directory: KDC, LDAP directory and DNS in one. */
#ifndef SEAL_REALM_DOMAIN_H
#define SEAL_REALM_DOMAIN_H

#include "children.h"
#include "options.h"
#include "realm.h"

/* Checks tools and names, and makes the DC's name resolve. In the namespaces. */
int domain_prepare(struct realm *realm, const struct options *options);

/* Makes the domain, or takes it from the template, with all accounts, and starts the controller. */
int domain_start(const struct realm *realm, const struct options *options,
                 struct children *children, int control_fd);

int domain_add(const struct realm *realm, const struct options *options, struct children *children);

/* Carries out the orders that samba-accounts.py knows. */
int domain_order(const struct realm *realm, const char *orders, struct children *children,
                 int control_fd);

#endif
