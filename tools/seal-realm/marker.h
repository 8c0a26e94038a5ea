/* SPDX-License-Identifier: Apache-2.0 */
/* The file by which a folder is known to be a realm of ours, and what it says about it. */
#ifndef SEAL_REALM_MARKER_H
#define SEAL_REALM_MARKER_H

#include "realm.h"

int marker_write(const struct realm *realm);

/* Fills `realm` from the marker in `folder`; STATUS_USAGE when there is none. */
int marker_load(struct realm *realm, const char *folder);

#endif
