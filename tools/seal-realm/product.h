/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are installed with us. */
#ifndef SEAL_REALM_PRODUCT_H
#define SEAL_REALM_PRODUCT_H

/* The first of the folders, separated by colons, that has the file. On the heap, or NULL. */
char *product_find(const char *folders, const char *file);

/* Where `file` is: in share/sealrpc/NAME beside our own folder when installed, else in `source`. On
 * the heap, NULL after a complaint. */
char *product_folder(const char *name, const char *source, const char *file);

#endif
