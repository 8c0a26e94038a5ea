/* SPDX-License-Identifier: Apache-2.0 */
/* Realms that stay: what is done with their folders. All return 0 or a status. */
#ifndef SEAL_REALM_STANDING_H
#define SEAL_REALM_STANDING_H

#include "options.h"

int standing_env(const char *folder);
/* Becomes the command, in the realm. Returns only on failure. */
int standing_enter(const char *folder, char *const *command);

int standing_stop(const char *folder);

/* Adds the names in `options`, whose realm is set here. */
int standing_add(struct options *options, const char *folder);

/* Ends the daemons of the folder that live, and removes the folder. */
int standing_remove(const char *folder);

#endif
