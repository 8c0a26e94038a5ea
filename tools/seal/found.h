/* SPDX-License-Identifier: Apache-2.0 */
/* The one entry of the directory that somebody has in mind. Blocks. */
#ifndef SEAL_TOOL_FOUND_H
#define SEAL_TOOL_FOUND_H

#include "naming/scp.h"

/* What matches: how many, up to two, and which. A DN that does not fit is empty. */
struct found {
    size_t n;
    char dn[SEAL__SCP_DN_MAX];
    char other[SEAL__SCP_DN_MAX];
};

/* base NULL: the directory's. */
int found_search(seal__directory *directory, const char *base, seal__directory_scope scope,
                 const char *filter, struct found *ret_found, seal_error **reterr);

#endif
