/* SPDX-License-Identifier: Apache-2.0 */
#include "found.h"

#include <stdio.h>
#include <string.h>

static bool take(void *user, const seal__directory_entry *entry) {
    struct found *found = user;
    char *to = found->n == 0 ? found->dn : found->other;
    snprintf(to, SEAL__SCP_DN_MAX, "%s", strlen(entry->dn) < SEAL__SCP_DN_MAX ? entry->dn : "");
    return ++found->n < 2;
}

int found_search(seal__directory *directory, const char *base, seal__directory_scope scope,
                 const char *filter, struct found *ret_found, seal_error **reterr) {
    static const char *const nothing[] = {"1.1", NULL};
    seal_error *error = NULL;
    *ret_found = (struct found){0};
    int rc =
        seal__directory_search(directory, base, scope, filter, nothing, take, ret_found, &error);
    if (rc < 0 && rc != SEAL_ERROR_CANCELLED) { /* cancelled: two are enough */
        *reterr = error;
        return rc;
    }
    seal_error_free(error);
    return 0;
}
