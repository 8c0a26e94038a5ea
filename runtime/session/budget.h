/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token bucket for frames that a good peer sends rarely: resets, pings, strays, tiny fragments.
 * 1,000 at once, 33 a second. Kept as the time at which the bucket would be full again.
 */
#ifndef SEAL_SESSION_BUDGET_H
#define SEAL_SESSION_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define SEAL__BUDGET_BURST 1000u
#define SEAL__BUDGET_PER_SECOND 33u
#define SEAL__BUDGET_COST_NS (UINT64_C(1000000000) / SEAL__BUDGET_PER_SECOND)

typedef struct seal__budget {
    uint64_t full_ns;
} seal__budget;

/* Of any size. False when it is used up; then nothing is taken. */
static inline bool seal__bucket_take(seal__budget *bucket, uint64_t now_ns, uint64_t burst,
                                     uint64_t cost_ns) {
    uint64_t from = bucket->full_ns > now_ns ? bucket->full_ns : now_ns;
    if (from - now_ns >= burst * cost_ns)
        return false;
    bucket->full_ns = from + cost_ns;
    return true;
}

/* From when on there is a token. */
static inline uint64_t seal__bucket_next(const seal__budget *bucket, uint64_t burst,
                                         uint64_t cost_ns) {
    return bucket->full_ns < burst * cost_ns ? 0 : bucket->full_ns - burst * cost_ns + 1;
}

/* The one above. */
static inline bool seal__budget_take(seal__budget *budget, uint64_t now_ns) {
    return seal__bucket_take(budget, now_ns, SEAL__BUDGET_BURST, SEAL__BUDGET_COST_NS);
}

#endif
