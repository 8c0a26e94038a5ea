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

/* False when it is used up; then nothing is taken. */
static inline bool seal__budget_take(seal__budget *budget, uint64_t now_ns) {
    uint64_t from = budget->full_ns > now_ns ? budget->full_ns : now_ns;
    if (from - now_ns >= SEAL__BUDGET_BURST * SEAL__BUDGET_COST_NS)
        return false;
    budget->full_ns = from + SEAL__BUDGET_COST_NS;
    return true;
}

#endif
