/* SPDX-License-Identifier: Apache-2.0 */
#include "client/retry.h"

enum {
    TENTHS_PER_TOKEN = 10,
    WAIT_MIN_MS = 100,
    WAIT_MAX_MS = 2000,
    MS = 1000000 /* nanoseconds */
};

/* ---- Budget ---- */

void seal__retry_budget_init(seal__retry_budget *budget) {
    budget->tenths = SEAL__BUDGET_TENTHS;
}

void seal__retry_budget_succeeded(seal__retry_budget *budget) {
    if (budget->tenths < SEAL__BUDGET_TENTHS)
        budget->tenths++;
}

void seal__retry_budget_failed(seal__retry_budget *budget) {
    budget->tenths = budget->tenths > TENTHS_PER_TOKEN ? budget->tenths - TENTHS_PER_TOKEN : 0;
}

bool seal__retry_budget_allows(const seal__retry_budget *budget) {
    return budget->tenths >= SEAL__BUDGET_TENTHS / 2;
}

/* ---- Decision ---- */

static bool was_refused(const seal__attempt_end *end) {
    return end->status == SEAL_STATUS_UNAVAILABLE && end->execution == SEAL_NOT_EXECUTED;
}

/* The first refusal by a server that is going away says nothing about its load. */
static bool is_free(const seal__attempt_end *end) {
    return was_refused(end) && end->going_away && end->refusals == 0;
}

static bool advises_never(const seal__attempt_end *end) {
    return end->has_retry_after && end->retry_after_ms == SEAL_NEVER;
}

/* Signs of a service in distress. That a handler did not find something is none. */
static bool costs(const seal__attempt_end *end) {
    return (end->status == SEAL_STATUS_UNAVAILABLE || advises_never(end)) && !is_free(end);
}

/* Whether another execution would be in order, whatever it costs. */
static bool may_repeat(const seal__attempt_end *end) {
    if (end->status != SEAL_STATUS_UNAVAILABLE || end->committed || advises_never(end))
        return false;
    return end->execution == SEAL_NOT_EXECUTED || end->idempotency == SEAL_NO_SIDE_EFFECTS ||
           end->idempotency == SEAL_IDEMPOTENT;
}

static bool attempts_are_left(const seal__attempt_end *end) {
    uint32_t max = end->max_attempts != 0 ? end->max_attempts : SEAL__ATTEMPTS_DEFAULT;
    return end->attempts - end->crowdings < (max < SEAL__ATTEMPTS_MAX ? max : SEAL__ATTEMPTS_MAX);
}

/* What was sent again at once is not counted: the waits begin with the shortest. */
static uint32_t times_waited(const seal__attempt_end *end) {
    uint32_t others = end->refusals + end->crowdings + 1;
    if (end->crowded_out)
        return end->crowdings;
    return end->attempts > others ? end->attempts - others : 0;
}

static uint64_t wait_ns(const seal__attempt_end *end) {
    if (end->has_retry_after)
        return (uint64_t)end->retry_after_ms * MS;
    uint32_t waited = times_waited(end);
    uint64_t ms = waited < 5 ? (uint64_t)WAIT_MIN_MS << waited : WAIT_MAX_MS;
    uint64_t ns = (ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS) * MS;
    return ns * 4 / 5 + (ns * 2 / 5 * end->random) / UINT32_MAX;
}

static seal__retry_verdict decide_lost(const seal__attempt_end *end) {
    /* The caller's own decisions, and its deadline, are final. */
    bool is_final = end->status == SEAL_STATUS_OK || end->status == SEAL_STATUS_CANCELLED ||
                    end->status == SEAL_STATUS_DEADLINE_EXCEEDED;
    return is_final || end->committed || end->now_ns >= end->deadline_ns ? SEAL__RETRY_NO
                                                                         : SEAL__RETRY_NOW;
}

/* Says nothing about the service: this end has lost count, because it does not learn when the
 * handlers of the calls that it has given up are done. The call goes on waiting for a stream. */
static seal__retry_verdict decide_crowded(const seal__attempt_end *end, uint64_t *ret_at_ns) {
    uint64_t wait = wait_ns(end);
    if (end->committed || advises_never(end) || end->max_attempts == 1 ||
        end->now_ns >= end->deadline_ns || wait >= end->deadline_ns - end->now_ns)
        return SEAL__RETRY_NO;
    *ret_at_ns = end->now_ns + wait;
    return SEAL__RETRY_LATER;
}

seal__retry_verdict seal__retry_decide(const seal__attempt_end *end, seal__retry_budget *budget,
                                       uint64_t *ret_at_ns) {
    *ret_at_ns = end->now_ns;
    if (end->never_left)
        return decide_lost(end);
    if (end->crowded_out)
        return decide_crowded(end, ret_at_ns);
    if (costs(end))
        seal__retry_budget_failed(budget);
    if (!may_repeat(end) || !attempts_are_left(end))
        return SEAL__RETRY_NO;
    uint64_t wait = is_free(end) ? 0 : wait_ns(end);
    if (end->now_ns >= end->deadline_ns || wait >= end->deadline_ns - end->now_ns)
        return SEAL__RETRY_NO;
    if (!seal__retry_budget_allows(budget))
        return SEAL__RETRY_SPENT;
    *ret_at_ns = end->now_ns + wait;
    return is_free(end) ? SEAL__RETRY_NOW : SEAL__RETRY_LATER;
}
