/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdlib.h>

bool interop_parse_level(const char *text, seal_level *ret_level) {
    for (seal_level l = SEAL_LEVEL_INTEGRITY; l <= SEAL_LEVEL_PRIVACY; l++) {
        if (strcmp(text, seal_level_name(l)) == 0) {
            *ret_level = l;
            return true;
        }
    }
    return false;
}

bool interop_parse_suite(const char *text, seal_suite *ret_suite) {
    for (seal_suite s = SEAL_SUITE_AES256_GCM; s <= SEAL_SUITE_GSS; s++) {
        if (strcmp(text, seal_suite_name(s)) == 0) {
            *ret_suite = s;
            return true;
        }
    }
    return false;
}

bool interop_parse_number(const char *text, uint32_t max, uint32_t *ret_number) {
    char *end = NULL;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long long number = strtoull(text, &end, 10);
    if (*end != '\0' || number > max)
        return false;
    *ret_number = (uint32_t)number;
    return true;
}

void interop_log(void *user, seal_log_level level, const char *line) {
    if (level <= SEAL_LOG_WARNING)
        seal_log_to_stderr(user, level, line);
}
