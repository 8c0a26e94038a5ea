/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/suite.h"

static const seal__suite suites[] = {
    {.code = SEAL_SUITE_AES256_GCM, .aead = SEAL__AEAD_AES256_GCM},
    {.code = SEAL_SUITE_AES128_GCM, .aead = SEAL__AEAD_AES128_GCM},
    {.code = SEAL_SUITE_CHACHA20_POLY1305, .aead = SEAL__AEAD_CHACHA20_POLY1305},
    {.code = SEAL_SUITE_GSS, .gss = true},
};

const seal__suite *seal__suite_find(unsigned code) {
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        if ((unsigned)suites[i].code == code)
            return suites[i].gss || seal__aead_available(suites[i].aead) ? &suites[i] : NULL;
    }
    return NULL;
}

static bool contains(const seal_suite *list, size_t n, unsigned code) {
    for (size_t i = 0; i < n; i++) {
        if ((unsigned)list[i] == code)
            return true;
    }
    return false;
}

const seal__suite *seal__suite_choose(const uint8_t *offered, size_t n_offered,
                                      const seal_suite *accepted, size_t n_accepted) {
    for (size_t i = 0; i < n_offered; i++) {
        const seal__suite *suite = seal__suite_find(offered[i]);
        if (suite != NULL && contains(accepted, n_accepted, offered[i]))
            return suite;
    }
    return NULL;
}
