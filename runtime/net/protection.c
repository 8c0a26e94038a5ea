/* SPDX-License-Identifier: Apache-2.0 */
#include "net/protection.h"

#include <string.h>

int seal__set_protection(seal__secure_config *secure, const seal_suite *suites, size_t n_suites,
                         const seal_suite *standard, size_t n_standard, seal_level min_level,
                         seal_error **reterr) {
    const seal_suite *from = suites != NULL ? suites : standard;
    size_t n = suites != NULL ? n_suites : n_standard;
    if (n == 0 || n > SEAL__MAX_SUITES)
        return seal__error(reterr, SEAL_ERROR_INVALID, "n_suites is %zu; 1 to %d are possible", n,
                           SEAL__MAX_SUITES);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(seal_suite_name(from[i]), "?") == 0)
            return seal__error(reterr, SEAL_ERROR_INVALID, "suite %d is unknown", (int)from[i]);
        secure->suites[i] = from[i];
    }
    secure->n_suites = n;
    secure->min_level = min_level != 0 ? min_level : SEAL_LEVEL_PRIVACY;
    if (strcmp(seal_level_name(secure->min_level), "?") == 0)
        return seal__error(reterr, SEAL_ERROR_INVALID, "min_level %d is unknown", (int)min_level);
    return 0;
}
