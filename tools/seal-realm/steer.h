/* SPDX-License-Identifier: Apache-2.0 */
/* What tests do to the daemons of a living realm: stop one for a while, kill it, start it again.
 * All return 0 or a status. */
#ifndef SEAL_REALM_STEER_H
#define SEAL_REALM_STEER_H

/* Returns when it has stopped. */
int steer_pause(const char *folder, const char *name);
int steer_resume(const char *folder, const char *name);

/* With SIGKILL; returns when it is dead. */
int steer_kill(const char *folder, const char *name);

/* Ends it if it lives, and starts it on the same port with the same data; returns when it listens.
 */
int steer_restart(const char *folder, const char *name);

#endif
