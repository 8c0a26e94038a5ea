/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records. The first byte chooses suite and level. Then a list of actions on an established
 * channel: raw bytes, or contents of any record type that are sealed with the right keys, so that
 * the fuzzer gets behind the tag.
 */
#include "secure/pair_plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const seal_suite suites[] = {SEAL_SUITE_AES256_GCM, SEAL_SUITE_AES128_GCM,
                                        SEAL_SUITE_CHACHA20_POLY1305, SEAL_SUITE_GSS};
    if (size < 2)
        return 0;
    plain_pair p;
    plain_start(&p, suites[data[0] & 3],
                (data[0] & 4) != 0 ? SEAL_LEVEL_INTEGRITY : SEAL_LEVEL_PRIVACY);
    plain_exchange(&p, 9);
    size_t at = 1;
    while (at + 3 <= size) {
        uint8_t action = data[at];
        uint8_t type = data[at + 1];
        size_t len = data[at + 2];
        at += 3;
        if (len > size - at)
            len = size - at;
        seal__role to = (action & 1) != 0 ? SEAL__CLIENT : SEAL__SERVER;
        if ((action & 6) == 0)
            plain_feed(&p, to, data + at, len);
        else if ((action & 6) == 2)
            plain_time(&p, (uint64_t)type * 60 * UINT64_C(1000000000));
        else
            plain_record(&p, to, type, data + at, len);
        at += len;
    }
    plain_done(&p);
    return 0;
}
