/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_TESTS_SUPPORT_TEMPORARY_FOLDER_H
#define SEAL_TESTS_SUPPORT_TEMPORARY_FOLDER_H

#include <stdio.h>
#include <stdlib.h>

/* Makes a folder NAME-XXXXXX below $TMPDIR or /tmp; 0, or -1 and errno. */
static inline int temporary_folder(const char *name, char *ret_path, size_t size) {
    const char *base = getenv("TMPDIR");
    snprintf(ret_path, size, "%s/%s-XXXXXX", base != NULL && base[0] != '\0' ? base : "/tmp", name);
    return mkdtemp(ret_path) == NULL ? -1 : 0;
}

#endif
