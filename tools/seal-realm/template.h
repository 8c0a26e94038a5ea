/* SPDX-License-Identifier: Apache-2.0 */
/* Making a domain takes Samba ten seconds, and root. So it is done once, packed, and unpacked for
 * each realm. */
#ifndef SEAL_REALM_TEMPLATE_H
#define SEAL_REALM_TEMPLATE_H

#include "children.h"
#include "options.h"
#include "realm.h"

/* Puts a fresh domain into the realm's folder of Samba. */
int template_unpack(const struct realm *realm, const struct options *options,
                    struct children *children, int control_fd);

#endif
