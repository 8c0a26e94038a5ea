/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a call is tried again: the promises over every combination, then each rule by itself. */
#include "support/cmocka_all.h"

#include "client/retry.h"

#define MS 1000000ull
#define NOW (5000 * MS)

static seal__attempt_end refused(void) {
    return (seal__attempt_end){.status = SEAL_STATUS_UNAVAILABLE,
                               .execution = SEAL_NOT_EXECUTED,
                               .attempts = 1,
                               .max_attempts = 3,
                               .now_ns = NOW,
                               .deadline_ns = UINT64_MAX,
                               .random = UINT32_MAX / 2};
}

static seal__retry_budget full(void) {
    seal__retry_budget budget;
    seal__retry_budget_init(&budget);
    return budget;
}

static seal__retry_verdict verdict(const seal__attempt_end *end) {
    seal__retry_budget budget = full();
    uint64_t at = 0;
    return seal__retry_decide(end, &budget, &at);
}

static uint64_t wait_of(const seal__attempt_end *end) {
    seal__retry_budget budget = full();
    uint64_t at = 0;
    assert_int_equal(seal__retry_decide(end, &budget, &at), SEAL__RETRY_LATER);
    assert_true(at >= end->now_ns);
    return at - end->now_ns;
}

/* ---- Every combination ---- */

static const uint64_t deadlines[] = {NOW - 1, NOW, NOW + 1, NOW + 100 * MS, UINT64_MAX};
static const uint32_t advices[] = {0, 70, UINT32_MAX};
static const uint32_t budgets[] = {0, 49, 50, 59, 60, 100};

typedef struct trial {
    seal__attempt_end end;
    uint32_t tenths;
    uint32_t left; /* of the budget, afterwards */
    seal__retry_verdict verdict;
    uint64_t at;
} trial;

static bool is_idempotent(const seal__attempt_end *end) {
    return end->idempotency != SEAL_IDEMPOTENCY_UNKNOWN;
}

/* At most once: what may have run does not run again, unless the method allows it. */
static void check_safety(const trial *t) {
    const seal__attempt_end *end = &t->end;
    if (t->verdict != SEAL__RETRY_NOW && t->verdict != SEAL__RETRY_LATER)
        return;
    assert_false(end->committed);
    assert_true(t->at >= end->now_ns);
    assert_true(t->at < end->deadline_ns);
    assert_int_not_equal(end->status, SEAL_STATUS_OK);
    assert_int_not_equal(end->status, SEAL_STATUS_CANCELLED);
    assert_int_not_equal(end->status, SEAL_STATUS_DEADLINE_EXCEEDED);
    if (end->never_left)
        return;
    assert_true(end->execution == SEAL_NOT_EXECUTED || is_idempotent(end));
    assert_int_equal(end->status, SEAL_STATUS_UNAVAILABLE);
    assert_true(end->attempts < end->max_attempts);
    assert_true(t->left >= 50);
    assert_false(end->has_retry_after && end->retry_after_ms == UINT32_MAX);
}

static void check_now(const trial *t) {
    if (t->verdict != SEAL__RETRY_NOW)
        return;
    assert_int_equal(t->at, t->end.now_ns);
    assert_int_equal(t->left, t->tenths); /* costs nothing */
    assert_true(t->end.never_left || (t->end.going_away && t->end.refusals == 0 &&
                                      t->end.execution == SEAL_NOT_EXECUTED));
}

static void check_budget(const trial *t) {
    const seal__attempt_end *end = &t->end;
    bool distress = end->status == SEAL_STATUS_UNAVAILABLE ||
                    (end->has_retry_after && end->retry_after_ms == UINT32_MAX);
    bool is_free = end->going_away && end->refusals == 0 &&
                   end->status == SEAL_STATUS_UNAVAILABLE && end->execution == SEAL_NOT_EXECUTED;
    uint32_t cost = distress && !is_free && !end->never_left ? 10 : 0;
    assert_int_equal(t->left, t->tenths > cost ? t->tenths - cost : 0);
    if (t->verdict == SEAL__RETRY_SPENT)
        assert_true(t->left < 50 && !end->never_left);
}

/* Nothing is given up that may be done: the same with a full budget is a retry. */
static void check_spent(const trial *t) {
    if (t->verdict != SEAL__RETRY_SPENT)
        return;
    seal__retry_verdict rich = verdict(&t->end);
    assert_true(rich == SEAL__RETRY_NOW || rich == SEAL__RETRY_LATER);
}

static void try_budgets(const seal__attempt_end *end, unsigned seen[4]) {
    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
        trial t = {.end = *end, .tenths = budgets[i]};
        seal__retry_budget budget = {.tenths = budgets[i]};
        t.verdict = seal__retry_decide(&t.end, &budget, &t.at);
        t.left = budget.tenths;
        check_safety(&t);
        check_now(&t);
        check_budget(&t);
        check_spent(&t);
        seen[t.verdict]++;
    }
}

static void try_attempts(seal__attempt_end end, unsigned seen[4]) {
    for (end.max_attempts = 1; end.max_attempts <= 5; end.max_attempts++) {
        for (end.attempts = 1; end.attempts <= end.max_attempts; end.attempts++) {
            for (end.refusals = 0; end.refusals < 2; end.refusals++)
                try_budgets(&end, seen);
        }
    }
}

static void try_times(seal__attempt_end end, unsigned seen[4]) {
    for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++) {
        end.deadline_ns = deadlines[i];
        end.has_retry_after = false;
        try_attempts(end, seen);
        end.has_retry_after = true;
        for (size_t k = 0; k < sizeof advices / sizeof advices[0]; k++) {
            end.retry_after_ms = advices[k];
            try_attempts(end, seen);
        }
    }
}

static void every_combination(void **state) {
    (void)state;
    unsigned seen[4] = {0};
    for (int status = 0; status <= SEAL_STATUS_UNAUTHENTICATED; status++) {
        for (int bits = 0; bits < 8 * 9; bits++) {
            seal__attempt_end end = refused();
            end.status = (seal_status)status;
            end.never_left = (bits & 1) != 0;
            end.going_away = (bits & 2) != 0;
            end.committed = (bits & 4) != 0;
            end.execution = (seal_execution)(bits / 8 % 3);
            end.idempotency = (seal_idempotency)(bits / 24);
            try_times(end, seen);
        }
    }
    for (size_t i = 0; i < 4; i++)
        assert_true(seen[i] > 0);
}

/* ---- Which calls ---- */

static void by_execution_and_idempotency(void **state) {
    (void)state;
    static const struct {
        seal_execution execution;
        seal_idempotency idempotency;
        seal__retry_verdict verdict;
    } rows[] = {
        {SEAL_NOT_EXECUTED, SEAL_IDEMPOTENCY_UNKNOWN, SEAL__RETRY_LATER},
        {SEAL_NOT_EXECUTED, SEAL_NO_SIDE_EFFECTS, SEAL__RETRY_LATER},
        {SEAL_NOT_EXECUTED, SEAL_IDEMPOTENT, SEAL__RETRY_LATER},
        {SEAL_EXECUTION_UNKNOWN, SEAL_IDEMPOTENCY_UNKNOWN, SEAL__RETRY_NO},
        {SEAL_EXECUTION_UNKNOWN, SEAL_NO_SIDE_EFFECTS, SEAL__RETRY_LATER},
        {SEAL_EXECUTION_UNKNOWN, SEAL_IDEMPOTENT, SEAL__RETRY_LATER},
        {SEAL_EXECUTED, SEAL_IDEMPOTENCY_UNKNOWN, SEAL__RETRY_NO},
        {SEAL_EXECUTED, SEAL_NO_SIDE_EFFECTS, SEAL__RETRY_LATER},
        {SEAL_EXECUTED, SEAL_IDEMPOTENT, SEAL__RETRY_LATER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        seal__attempt_end end = refused();
        end.execution = rows[i].execution;
        end.idempotency = rows[i].idempotency;
        assert_int_equal(verdict(&end), rows[i].verdict);
        end.committed = true;
        assert_int_equal(verdict(&end), SEAL__RETRY_NO);
    }
}

static void only_unavailable(void **state) {
    (void)state;
    for (int status = 0; status <= SEAL_STATUS_UNAUTHENTICATED; status++) {
        seal__attempt_end end = refused();
        end.status = (seal_status)status;
        end.idempotency = SEAL_IDEMPOTENT;
        assert_int_equal(verdict(&end),
                         status == SEAL_STATUS_UNAVAILABLE ? SEAL__RETRY_LATER : SEAL__RETRY_NO);
    }
}

static void number_of_attempts(void **state) {
    (void)state;
    for (uint32_t max = 0; max <= 9; max++) {
        uint32_t allowed = max == 0 ? SEAL__ATTEMPTS_DEFAULT : max < 5 ? max : 5;
        for (uint32_t n = 1; n <= 10; n++) {
            seal__attempt_end end = refused();
            end.max_attempts = max;
            end.attempts = n;
            assert_int_equal(verdict(&end), n < allowed ? SEAL__RETRY_LATER : SEAL__RETRY_NO);
        }
    }
}

/* What never left this end is no attempt, and needs no budget, but time. */
static void never_left(void **state) {
    (void)state;
    seal__attempt_end end = refused();
    seal__retry_budget budget = {.tenths = 0};
    uint64_t at = 0;
    end.never_left = true;
    end.status = SEAL_STATUS_UNAUTHENTICATED; /* the connection ended for that, not the call */
    end.attempts = 9;
    end.max_attempts = 1;
    end.deadline_ns = NOW + 1;
    assert_int_equal(seal__retry_decide(&end, &budget, &at), SEAL__RETRY_NOW);
    assert_int_equal(at, NOW);
    end.committed = true;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
    end.committed = false;
    end.deadline_ns = NOW;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
    end.deadline_ns = UINT64_MAX;
    end.status = SEAL_STATUS_CANCELLED;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
}

static void going_away(void **state) {
    (void)state;
    seal__attempt_end end = refused();
    end.going_away = true;
    assert_int_equal(verdict(&end), SEAL__RETRY_NOW);
    end.attempts = 2;
    end.refusals = 1;
    assert_true(wait_of(&end) >= 80 * MS);
    assert_true(wait_of(&end) <= 120 * MS); /* the first wait, though the second attempt */
    end.attempts = 3;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
    end = refused();
    end.going_away = true;
    end.max_attempts = 1;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
    end = refused(); /* a lost connection of one that is going away proves nothing */
    end.going_away = true;
    end.execution = SEAL_EXECUTION_UNKNOWN;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
    end.idempotency = SEAL_IDEMPOTENT;
    assert_int_equal(verdict(&end), SEAL__RETRY_LATER);
    end = refused();
    end.going_away = true;
    seal__retry_budget budget = {.tenths = 49};
    uint64_t at = 0;
    assert_int_equal(seal__retry_decide(&end, &budget, &at), SEAL__RETRY_SPENT);
    assert_int_equal(budget.tenths, 49);
}

/* ---- When ---- */

static void waits_and_jitter(void **state) {
    (void)state;
    static const uint64_t middle[] = {100, 200, 400, 800};
    seal__attempt_end end = refused();
    end.max_attempts = 5;
    for (uint32_t n = 1; n <= 4; n++) {
        end.attempts = n;
        end.random = 0;
        assert_int_equal(wait_of(&end), middle[n - 1] * MS * 4 / 5);
        end.random = UINT32_MAX;
        assert_int_equal(wait_of(&end), middle[n - 1] * MS * 6 / 5);
        uint64_t last = 0;
        for (uint32_t i = 0; i < 256; i++) {
            end.random = i << 24;
            uint64_t wait = wait_of(&end);
            assert_true(wait >= middle[n - 1] * MS * 4 / 5 && wait <= middle[n - 1] * MS * 6 / 5);
            assert_true(i == 0 || wait > last);
            last = wait;
        }
    }
}

static void deadline(void **state) {
    (void)state;
    seal__attempt_end end = refused();
    end.random = UINT32_MAX;
    end.deadline_ns = NOW + 120 * MS;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
    end.deadline_ns++;
    assert_int_equal(verdict(&end), SEAL__RETRY_LATER);
    end.deadline_ns = NOW - 1;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
    end.now_ns = UINT64_MAX - 2; /* nothing overflows */
    end.deadline_ns = UINT64_MAX;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
}

static void advice(void **state) {
    (void)state;
    seal__attempt_end end = refused();
    end.has_retry_after = true;
    end.retry_after_ms = 0;
    assert_int_equal(wait_of(&end), 0);
    end.retry_after_ms = 7;
    assert_int_equal(wait_of(&end), 7 * MS);
    end.retry_after_ms = UINT32_MAX - 1;
    assert_int_equal(wait_of(&end), (UINT32_MAX - 1) * MS);
    end.deadline_ns = NOW + 60000 * MS;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
    end.retry_after_ms = UINT32_MAX;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
    end.going_away = true;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
    end.retry_after_ms = 5000; /* for those who come back; the first goes elsewhere at once */
    assert_int_equal(verdict(&end), SEAL__RETRY_NOW);
    end = refused();
    end.retry_after_ms = UINT32_MAX; /* not said */
    assert_int_equal(verdict(&end), SEAL__RETRY_LATER);
}

/* ---- Budget ---- */

static void budget_of_a_storm(void **state) {
    (void)state;
    seal__attempt_end end = refused();
    seal__retry_budget budget = full();
    uint64_t at = 0;
    for (int i = 0; i < 5; i++)
        assert_int_equal(seal__retry_decide(&end, &budget, &at), SEAL__RETRY_LATER);
    assert_int_equal(budget.tenths, 50);
    for (int i = 0; i < 20; i++)
        assert_int_equal(seal__retry_decide(&end, &budget, &at), SEAL__RETRY_SPENT);
    assert_int_equal(budget.tenths, 0);
    for (int i = 0; i < 59; i++)
        seal__retry_budget_succeeded(&budget);
    assert_int_equal(seal__retry_decide(&end, &budget, &at), SEAL__RETRY_SPENT);
    for (int i = 0; i < 11; i++)
        seal__retry_budget_succeeded(&budget);
    assert_int_equal(seal__retry_decide(&end, &budget, &at), SEAL__RETRY_LATER);
}

static void budget_bounds(void **state) {
    (void)state;
    seal__retry_budget budget = full();
    seal__retry_budget_succeeded(&budget);
    assert_int_equal(budget.tenths, SEAL__BUDGET_TENTHS);
    budget.tenths = 9;
    seal__retry_budget_failed(&budget);
    assert_int_equal(budget.tenths, 0);
    budget.tenths = 49;
    assert_false(seal__retry_budget_allows(&budget));
    seal__retry_budget_succeeded(&budget);
    assert_true(seal__retry_budget_allows(&budget));
}

/* Also calls that are not tried again show that the service is in distress; those that it has
 * answered do not, whatever the answer. */
static void what_costs(void **state) {
    (void)state;
    seal__attempt_end end = refused();
    seal__retry_budget budget = full();
    uint64_t at = 0;
    end.execution = SEAL_EXECUTED;
    assert_int_equal(seal__retry_decide(&end, &budget, &at), SEAL__RETRY_NO);
    assert_int_equal(budget.tenths, 90);
    end.status = SEAL_STATUS_NOT_FOUND;
    (void)seal__retry_decide(&end, &budget, &at);
    assert_int_equal(budget.tenths, 90);
    end.has_retry_after = true;
    end.retry_after_ms = UINT32_MAX;
    (void)seal__retry_decide(&end, &budget, &at);
    assert_int_equal(budget.tenths, 80);
}

/* ---- Too many calls for the server, some of which this end has given up ---- */

static seal__attempt_end crowded_out(void) {
    seal__attempt_end end = refused();
    end.status = SEAL_STATUS_RESOURCE_EXHAUSTED;
    end.crowded_out = true;
    return end;
}

static void crowded_out_goes_on_waiting(void **state) {
    (void)state;
    static const uint64_t waits[] = {100, 200, 400, 800, 1600, 2000, 2000};
    for (uint32_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        seal__attempt_end end = crowded_out();
        seal__retry_budget poor = {.tenths = 0};
        uint64_t at = 0;
        end.crowdings = i;
        end.attempts = i + 1;
        assert_int_equal(seal__retry_decide(&end, &poor, &at), SEAL__RETRY_LATER);
        assert_int_equal(poor.tenths, 0);
        assert_in_range(at - NOW, waits[i] * MS - MS, waits[i] * MS + MS);
        end.deadline_ns = at;
        assert_int_equal(verdict(&end), SEAL__RETRY_NO);
        end.deadline_ns = at + 1;
        assert_int_equal(verdict(&end), SEAL__RETRY_LATER);
    }
    seal__retry_budget budget = full();
    uint64_t at = 0;
    seal__attempt_end end = crowded_out();
    assert_int_equal(seal__retry_decide(&end, &budget, &at), SEAL__RETRY_LATER);
    assert_int_equal(budget.tenths, SEAL__BUDGET_TENTHS);
    end.has_retry_after = true;
    end.retry_after_ms = 70;
    assert_int_equal(wait_of(&end), 70 * MS);
    end.retry_after_ms = UINT32_MAX;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
    end = crowded_out();
    end.committed = true;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
    end = crowded_out();
    end.max_attempts = 1;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
}

/* What comes afterwards has all its attempts, and begins with the shortest wait. */
static void crowded_out_is_not_counted(void **state) {
    (void)state;
    seal__attempt_end end = refused();
    end.crowdings = 4;
    end.attempts = 5;
    assert_in_range(wait_of(&end), 99 * MS, 101 * MS);
    end.attempts = 6;
    assert_in_range(wait_of(&end), 199 * MS, 201 * MS);
    end.attempts = 7;
    assert_int_equal(verdict(&end), SEAL__RETRY_NO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination),
        cmocka_unit_test(by_execution_and_idempotency),
        cmocka_unit_test(only_unavailable),
        cmocka_unit_test(number_of_attempts),
        cmocka_unit_test(never_left),
        cmocka_unit_test(going_away),
        cmocka_unit_test(waits_and_jitter),
        cmocka_unit_test(deadline),
        cmocka_unit_test(advice),
        cmocka_unit_test(budget_of_a_storm),
        cmocka_unit_test(budget_bounds),
        cmocka_unit_test(what_costs),
        cmocka_unit_test(crowded_out_goes_on_waiting),
        cmocka_unit_test(crowded_out_is_not_counted),
    };
    return cmocka_run_group_tests_name("client.retry", tests, NULL, NULL);
}
