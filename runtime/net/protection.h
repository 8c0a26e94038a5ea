/* SPDX-License-Identifier: Apache-2.0 */
/* The options about protection that servers and channels have in common. */
#ifndef SEAL_NET_PROTECTION_H
#define SEAL_NET_PROTECTION_H

#include "secure/secure_channel.h"

enum { SEAL__MAX_MESSAGE = 1024 * 1024 * 1024 };

/* Copies a user's suites, NULL for all of `standard`, and the level's floor, 0 for privacy. Returns
 * 0 or SEAL_ERROR_INVALID saying which value is wrong. */
int seal__set_protection(seal__secure_config *secure, const seal_suite *suites, size_t n_suites,
                         const seal_suite *standard, size_t n_standard, seal_level min_level,
                         seal_error **reterr);

/* An option whose 0 stands for a default. */
static inline uint32_t seal__or_default(uint32_t value, uint32_t standard) {
    return value != 0 ? value : standard;
}

#endif
