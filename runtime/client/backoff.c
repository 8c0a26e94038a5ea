/* SPDX-License-Identifier: Apache-2.0 */
#include "client/backoff.h"

#include <sealrpc/error.h>

enum { MS = 1000000 };

typedef struct course {
    uint64_t first_ns;
    uint64_t last_ns;
    uint32_t tenths; /* the factor */
} course;

static const course courses[] = {
    [SEAL__BACKOFF_NONE] = {100ull * MS, 5000ull * MS, 16},
    [SEAL__BACKOFF_NETWORK] = {100ull * MS, 5000ull * MS, 16},
    [SEAL__BACKOFF_AWAY] = {500ull * MS, 10000ull * MS, 16},
    [SEAL__BACKOFF_REFUSED] = {1000ull * MS, 30000ull * MS, 20},
};

seal__backoff_cause seal__backoff_cause_of(int code) {
    switch (code) {
    case SEAL_ERROR_KDC_UNREACHABLE:
    case SEAL_ERROR_DNS:
    case SEAL_ERROR_DIRECTORY:
    case SEAL_ERROR_NOT_FOUND:
        return SEAL__BACKOFF_AWAY;
    case SEAL_ERROR_INVALID:
        return SEAL__BACKOFF_REFUSED;
    default:
        return code <= -300 && code > -500 ? SEAL__BACKOFF_REFUSED : SEAL__BACKOFF_NETWORK;
    }
}

void seal__backoff_saw(seal__backoff *backoff, int code) {
    seal__backoff_cause cause = seal__backoff_cause_of(code);
    if (backoff->cause == SEAL__BACKOFF_NONE || cause < backoff->cause)
        backoff->cause = cause;
}

/* Each failure in a row makes the wait longer, also where the cause changes. */
static uint64_t next_interval(const seal__backoff *backoff) {
    const course *c = &courses[backoff->cause];
    uint64_t interval = backoff->interval_ns * c->tenths / 10;
    if (interval < c->first_ns)
        return c->first_ns;
    return interval < c->last_ns ? interval : c->last_ns;
}

void seal__backoff_failed(seal__backoff *backoff, uint64_t now_ns, uint32_t random) {
    uint64_t interval = next_interval(backoff);
    backoff->interval_ns = interval;
    backoff->cause = SEAL__BACKOFF_NONE;
    backoff->connected_ns = 0;
    uint64_t chance_us = interval / 1000 * 2 / 5 * random / UINT32_MAX;
    backoff->until_ns = now_ns + interval * 4 / 5 + chance_us * 1000;
}

void seal__backoff_not_before(seal__backoff *backoff, uint64_t until_ns) {
    if (until_ns > backoff->until_ns)
        backoff->until_ns = until_ns;
}

void seal__backoff_connected(seal__backoff *backoff, uint64_t now_ns) {
    backoff->cause = SEAL__BACKOFF_NONE;
    backoff->connected_ns = now_ns;
    backoff->until_ns = 0;
}

/* What an older connection still brings says nothing about what is tried now. */
void seal__backoff_proved(seal__backoff *backoff) {
    if (backoff->connected_ns == 0)
        return;
    backoff->interval_ns = 0;
    backoff->short_lived = 0;
}

void seal__backoff_left(seal__backoff *backoff) {
    backoff->connected_ns = 0;
}

void seal__backoff_lost(seal__backoff *backoff, uint64_t now_ns, uint32_t random) {
    if (backoff->connected_ns == 0)
        return;
    if (now_ns - backoff->connected_ns >= SEAL__BACKOFF_LIVED_NS)
        seal__backoff_proved(backoff);
    else if (backoff->short_lived++ > 0)
        seal__backoff_failed(backoff, now_ns, random);
    backoff->connected_ns = 0;
}

void seal__backoff_skip(seal__backoff *backoff) {
    backoff->until_ns = 0;
}

uint64_t seal__backoff_rest_ns(const seal__backoff *backoff, uint64_t now_ns) {
    return backoff->until_ns > now_ns ? backoff->until_ns - now_ns : 0;
}
