/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines: a time in nanoseconds of a monotonic clock; UINT64_MAX: none. */
#ifndef SEAL_BASE_DEADLINE_H
#define SEAL_BASE_DEADLINE_H

#include <stdint.h>
#include <time.h>

/* The deadline that is so many microseconds away. UINT64_MAX, and what the clock will never show:
 * none. */
static inline uint64_t seal__deadline_after(uint64_t now_ns, uint64_t timeout_us) {
    uint64_t deadline = 0;
    if (timeout_us == UINT64_MAX || __builtin_mul_overflow(timeout_us, 1000u, &deadline) ||
        __builtin_add_overflow(deadline, now_ns, &deadline))
        return UINT64_MAX;
    return deadline;
}

/* The same clock as the kernel's last tick left it: some milliseconds behind at most, and a third
 * of the price. 0: there is none. */
static inline uint64_t seal__last_tick_ns(void) {
#ifdef CLOCK_MONOTONIC_COARSE
    struct timespec tick;
    if (clock_gettime(CLOCK_MONOTONIC_COARSE, &tick) == 0)
        return (uint64_t)tick.tv_sec * 1000000000u + (uint64_t)tick.tv_nsec;
#endif
    return 0;
}

#endif
