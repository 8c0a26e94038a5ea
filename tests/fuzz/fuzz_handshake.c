/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handshake. The first byte chooses the role, how much of a genuine handshake goes before, and
 * whether the rest comes byte by byte; the rest goes to that end.
 */
#include "secure/pair_plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    plain_pair p;
    plain_start(&p, SEAL_SUITE_AES256_GCM, SEAL_LEVEL_PRIVACY);
    seal__role role = (data[0] & 1) != 0 ? SEAL__CLIENT : SEAL__SERVER;
    plain_exchange(&p, (data[0] >> 1) & 3);
    size_t chunk = (data[0] & 8) != 0 ? 1 : size;
    for (size_t at = 1; at < size; at += chunk)
        plain_feed(&p, role, data + at, size - at < chunk ? size - at : chunk);
    plain_done(&p);
    return 0;
}
