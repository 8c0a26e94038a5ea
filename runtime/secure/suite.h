/* SPDX-License-Identifier: Apache-2.0 */
/* What the suite numbers mean, and choosing one. */
#ifndef SEAL_SECURE_SUITE_H
#define SEAL_SECURE_SUITE_H

#include "secure/crypto/crypto.h"

typedef struct seal__suite {
    seal_suite code;
    bool gss; /* protected by the mechanism; otherwise by `aead` */
    seal__aead_kind aead;
} seal__suite;

/* NULL: unknown, or not in this build of OpenSSL. */
const seal__suite *seal__suite_find(unsigned code);

/* The first of the offered codes that is among the accepted ones and known; NULL: none. */
const seal__suite *seal__suite_choose(const uint8_t *offered, size_t n_offered,
                                      const seal_suite *accepted, size_t n_accepted);

#endif
