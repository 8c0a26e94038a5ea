/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_REALM_CLEANUP_H
#define SEAL_REALM_CLEANUP_H

/* Removes a folder with all in it. Follows no symbolic link, leaves no file system. A folder that
 * is gone already is fine. Complains when something stays. */
int cleanup_folder(const char *folder);

#endif
