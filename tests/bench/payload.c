/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/payload.h"

#include <string.h>

void bench_payload_fill(uint8_t *payload, size_t len) {
    for (size_t i = 0; i < len; i++)
        payload[i] = (uint8_t)(i * 167 + (i >> 8));
    bench_payload_mark(payload, 0);
}

void bench_payload_mark(uint8_t *payload, uint64_t number) {
    memcpy(payload, &number, BENCH_MARK);
}

uint64_t bench_payload_number(const uint8_t *payload) {
    uint64_t number = 0;
    memcpy(&number, payload, BENCH_MARK);
    return number;
}

bool bench_payload_is(const uint8_t *payload, size_t len, size_t wanted_len, uint64_t number,
                      const uint8_t *pattern) {
    return len == wanted_len && len >= BENCH_MARK && bench_payload_number(payload) == number &&
           (pattern == NULL ||
            memcmp(payload + BENCH_MARK, pattern + BENCH_MARK, len - BENCH_MARK) == 0);
}
