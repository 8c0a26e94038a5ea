/* SPDX-License-Identifier: Apache-2.0 */
/* When a channel may try to connect again. */
#include "support/cmocka_all.h"

#include <sealrpc/error.h>

#include "client/backoff.h"

#define MS 1000000ull
#define NOW (7000 * MS)

#define LOW 0u
#define MIDDLE (UINT32_MAX / 2)
#define HIGH UINT32_MAX

static uint64_t fail_with(seal__backoff *backoff, int code, uint32_t random) {
    seal__backoff_saw(backoff, code);
    seal__backoff_failed(backoff, NOW, random);
    return seal__backoff_rest_ns(backoff, NOW);
}

/* Give or take what rounding may take. */
static void assert_about(uint64_t ns, uint64_t wanted_ns) {
    assert_in_range(ns, wanted_ns - MS / 10, wanted_ns + MS / 10);
}

static void causes(void **state) {
    (void)state;
    static const struct {
        int code;
        seal__backoff_cause cause;
    } rows[] = {
        {SEAL_ERROR_CONNECT, SEAL__BACKOFF_NETWORK},
        {SEAL_ERROR_TRANSPORT, SEAL__BACKOFF_NETWORK},
        {SEAL_ERROR_ADDRESS, SEAL__BACKOFF_NETWORK},
        {SEAL_ERROR_CLOSED, SEAL__BACKOFF_NETWORK},
        {SEAL_ERROR_TRUNCATED, SEAL__BACKOFF_NETWORK},
        {SEAL_ERROR_TIMEOUT, SEAL__BACKOFF_NETWORK},
        {SEAL_ERROR_NO_MEMORY, SEAL__BACKOFF_NETWORK},
        {SEAL_ERROR_SYSTEM, SEAL__BACKOFF_NETWORK},
        {SEAL_ERROR_TOO_MANY, SEAL__BACKOFF_NETWORK},
        {SEAL_ERROR_DNS, SEAL__BACKOFF_AWAY},
        {SEAL_ERROR_DIRECTORY, SEAL__BACKOFF_AWAY},
        {SEAL_ERROR_NOT_FOUND, SEAL__BACKOFF_AWAY},
        {SEAL_ERROR_KDC_UNREACHABLE, SEAL__BACKOFF_AWAY},
        {SEAL_ERROR_CREDENTIALS, SEAL__BACKOFF_REFUSED},
        {SEAL_ERROR_CREDENTIALS_EXPIRED, SEAL__BACKOFF_REFUSED},
        {SEAL_ERROR_CLOCK_SKEW, SEAL__BACKOFF_REFUSED},
        {SEAL_ERROR_UNKNOWN_SERVICE, SEAL__BACKOFF_REFUSED},
        {SEAL_ERROR_PEER_REFUSED, SEAL__BACKOFF_REFUSED},
        {SEAL_ERROR_AUTHENTICATION, SEAL__BACKOFF_REFUSED},
        {SEAL_ERROR_PROTECTION, SEAL__BACKOFF_REFUSED},
        {SEAL_ERROR_WRONG_TARGET, SEAL__BACKOFF_REFUSED},
        {SEAL_ERROR_NOT_SEALRPC, SEAL__BACKOFF_REFUSED},
        {SEAL_ERROR_VERSION, SEAL__BACKOFF_REFUSED},
        {SEAL_ERROR_INVALID, SEAL__BACKOFF_REFUSED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(seal__backoff_cause_of(rows[i].code), rows[i].cause);
}

static void assert_course(int code, uint64_t first_ms, uint32_t tenths, uint64_t last_ms) {
    seal__backoff backoff = {.until_ns = 0};
    uint64_t wanted = first_ms * MS;
    assert_int_equal(seal__backoff_rest_ns(&backoff, NOW), 0);
    for (int i = 0; i < 40; i++) {
        assert_about(fail_with(&backoff, code, MIDDLE), wanted);
        wanted = wanted * tenths / 10 < last_ms * MS ? wanted * tenths / 10 : last_ms * MS;
    }
    assert_int_equal(wanted, last_ms * MS);
}

static void courses(void **state) {
    (void)state;
    assert_course(SEAL_ERROR_CONNECT, 100, 16, 5000);
    assert_course(SEAL_ERROR_KDC_UNREACHABLE, 500, 16, 10000);
    assert_course(SEAL_ERROR_CREDENTIALS, 1000, 20, 30000);
}

static void jitter(void **state) {
    (void)state;
    static const int codes[] = {SEAL_ERROR_CONNECT, SEAL_ERROR_DNS, SEAL_ERROR_AUTHENTICATION};
    for (size_t i = 0; i < 3; i++) {
        seal__backoff low = {.until_ns = 0};
        for (int n = 0; n < 20; n++) {
            seal__backoff middle = low;
            seal__backoff high = low;
            uint64_t m = fail_with(&middle, codes[i], MIDDLE);
            assert_about(fail_with(&low, codes[i], LOW), m * 4 / 5);
            assert_about(fail_with(&high, codes[i], HIGH), m * 6 / 5);
            assert_int_equal(low.interval_ns, high.interval_ns); /* it does not add up */
        }
    }
}

/* The first wait is never longer than calls wait for. */
static void patience(void **state) {
    (void)state;
    static const int codes[] = {SEAL_ERROR_CONNECT, SEAL_ERROR_DNS, SEAL_ERROR_AUTHENTICATION};
    for (size_t i = 0; i < 3; i++) {
        seal__backoff backoff = {.until_ns = 0};
        assert_true(fail_with(&backoff, codes[i], HIGH) <= SEAL__BACKOFF_PATIENCE_NS);
    }
}

/* Of several endpoints the one that may be back first says when. */
static void several_causes(void **state) {
    (void)state;
    seal__backoff backoff = {.until_ns = 0};
    seal__backoff_saw(&backoff, SEAL_ERROR_CREDENTIALS);
    seal__backoff_saw(&backoff, SEAL_ERROR_CONNECT);
    assert_about(fail_with(&backoff, SEAL_ERROR_DNS, MIDDLE), 100 * MS);
    assert_about(fail_with(&backoff, SEAL_ERROR_DNS, MIDDLE), 500 * MS);
    assert_about(fail_with(&backoff, SEAL_ERROR_CREDENTIALS, MIDDLE), 1000 * MS);
    for (int i = 0; i < 10; i++)
        fail_with(&backoff, SEAL_ERROR_CREDENTIALS, MIDDLE);
    assert_about(fail_with(&backoff, SEAL_ERROR_CONNECT, MIDDLE), 5000 * MS);
    seal__backoff_failed(&backoff, NOW, MIDDLE); /* nothing was tried at all */
    assert_about(seal__backoff_rest_ns(&backoff, NOW), 5000 * MS);
}

static void rest(void **state) {
    (void)state;
    seal__backoff backoff = {.until_ns = 0};
    uint64_t wait = fail_with(&backoff, SEAL_ERROR_CONNECT, MIDDLE);
    assert_int_equal(seal__backoff_rest_ns(&backoff, NOW + wait - 1), 1);
    assert_int_equal(seal__backoff_rest_ns(&backoff, NOW + wait), 0);
    assert_int_equal(seal__backoff_rest_ns(&backoff, NOW + wait + MS), 0);
    seal__backoff_not_before(&backoff, NOW + 1);
    assert_int_equal(seal__backoff_rest_ns(&backoff, NOW), wait);
    seal__backoff_not_before(&backoff, NOW + wait + 5);
    assert_int_equal(seal__backoff_rest_ns(&backoff, NOW), wait + 5);
    seal__backoff_skip(&backoff);
    assert_int_equal(seal__backoff_rest_ns(&backoff, NOW), 0);
    assert_about(fail_with(&backoff, SEAL_ERROR_CONNECT, MIDDLE), 160 * MS);
}

/* ---- Connections ---- */

static void after_a_life(void **state) {
    (void)state;
    seal__backoff backoff = {.until_ns = 0};
    for (int i = 0; i < 5; i++)
        fail_with(&backoff, SEAL_ERROR_CONNECT, MIDDLE);
    seal__backoff_connected(&backoff, NOW);
    assert_int_equal(seal__backoff_rest_ns(&backoff, NOW), 0);
    seal__backoff_lost(&backoff, NOW + SEAL__BACKOFF_LIVED_NS, MIDDLE);
    assert_int_equal(seal__backoff_rest_ns(&backoff, NOW), 0);
    assert_about(fail_with(&backoff, SEAL_ERROR_CONNECT, MIDDLE), 100 * MS);
}

static void after_a_call(void **state) {
    (void)state;
    seal__backoff backoff = {.until_ns = 0};
    for (int i = 0; i < 50; i++) {
        seal__backoff_connected(&backoff, NOW);
        seal__backoff_proved(&backoff);
        seal__backoff_lost(&backoff, NOW + 1, MIDDLE);
        assert_int_equal(seal__backoff_rest_ns(&backoff, NOW + 1), 0);
    }
    assert_about(fail_with(&backoff, SEAL_ERROR_CONNECT, MIDDLE), 100 * MS);
}

/* A server that accepts and closes again and again. */
static void short_lived(void **state) {
    (void)state;
    seal__backoff backoff = {.until_ns = 0};
    uint64_t now = NOW;
    uint64_t last = 0;
    for (int i = 0; i < 20; i++) {
        seal__backoff_connected(&backoff, now);
        seal__backoff_lost(&backoff, now + SEAL__BACKOFF_LIVED_NS - 1, MIDDLE);
        now += SEAL__BACKOFF_LIVED_NS - 1;
        uint64_t wait = seal__backoff_rest_ns(&backoff, now);
        assert_true(i == 0 ? wait == 0 : wait >= 99 * MS);
        assert_true(wait >= last);
        last = wait;
        now += wait;
    }
    assert_about(last, 5000 * MS);
    seal__backoff_connected(&backoff, now);
    seal__backoff_lost(&backoff, now + SEAL__BACKOFF_LIVED_NS, MIDDLE);
    seal__backoff_connected(&backoff, now);
    seal__backoff_lost(&backoff, now, MIDDLE);
    assert_int_equal(seal__backoff_rest_ns(&backoff, now), 0);
}

/* Calls that end on an older connection do not hide that no new one can be made. */
static void proved_too_late(void **state) {
    (void)state;
    seal__backoff backoff = {.until_ns = 0};
    seal__backoff_connected(&backoff, NOW);
    seal__backoff_left(&backoff);
    fail_with(&backoff, SEAL_ERROR_CONNECT, MIDDLE);
    seal__backoff_proved(&backoff);
    assert_about(fail_with(&backoff, SEAL_ERROR_CONNECT, MIDDLE), 160 * MS);
}

/* What was not connected cannot be lost. */
static void not_connected(void **state) {
    (void)state;
    seal__backoff backoff = {.until_ns = 0};
    uint64_t wait = fail_with(&backoff, SEAL_ERROR_CONNECT, MIDDLE);
    for (int i = 0; i < 3; i++)
        seal__backoff_lost(&backoff, NOW + 5000 * MS, MIDDLE);
    assert_int_equal(seal__backoff_rest_ns(&backoff, NOW), wait);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causes),          cmocka_unit_test(courses),
        cmocka_unit_test(jitter),          cmocka_unit_test(patience),
        cmocka_unit_test(several_causes),  cmocka_unit_test(rest),
        cmocka_unit_test(after_a_life),    cmocka_unit_test(after_a_call),
        cmocka_unit_test(short_lived),     cmocka_unit_test(not_connected),
        cmocka_unit_test(proved_too_late),
    };
    return cmocka_run_group_tests_name("client.backoff", tests, NULL, NULL);
}
