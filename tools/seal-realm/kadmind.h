/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_REALM_KADMIND_H
#define SEAL_REALM_KADMIND_H

#include "options.h"
#include "realm.h"

/* Writes who may do what over the network: `installer` may make services of the classes that the
 * options name; a service may look at itself (and change its own keys, which needs no rule).
 * Everything else is for kadmin.local. */
int kadmind_write_acl(const struct realm *realm, const struct options *options);

#endif
