/* SPDX-License-Identifier: Apache-2.0 */
#include "support/gss_clock.h"

#include <stddef.h>
#include <sys/time.h>
#include <time.h>

int lab_clock_offset_s;
int64_t lab_clock_frozen_s;

static struct timespec get_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (lab_clock_frozen_s != 0)
        now.tv_sec = lab_clock_frozen_s;
    return now;
}

/* Libraries see these two only if they are exported. */
__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict tv,
                                                        void *restrict zone) {
    (void)zone;
    struct timespec now = get_time();
    tv->tv_sec = now.tv_sec + lab_clock_offset_s;
    tv->tv_usec = now.tv_nsec / 1000;
    return 0;
}

__attribute__((visibility("default"))) time_t time(time_t *ret_time) {
    struct timespec now = get_time();
    time_t at = now.tv_sec + lab_clock_offset_s;
    if (ret_time != NULL)
        *ret_time = at;
    return at;
}
