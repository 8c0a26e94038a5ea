/* SPDX-License-Identifier: Apache-2.0 */
/* Large replies from the handler's memory, which the handler frees right afterwards, while the
 * socket takes all, a part or nothing of them. */
#include "harness.h"

#include <string.h>

enum { MIB = 1024 * 1024, CALLS = 24, SMALL = 200 };

static void reply(size_t size) {
    seal_result *result = it_sync(
        it_c.channel, NULL, &(it_request){.mode = ITEST__MODE__SIZED, .number = (uint32_t)size});
    const Itest__Reply *got = seal_result_reply(result);
    assert_non_null(got);
    assert_int_equal(got->data.len, size);
    assert_true(it_pattern_matches(got->data.data, got->data.len));
    it_expect_ok(result);
}

static void one_by_one(void **state) {
    (void)state;
    static const size_t sizes[] = {131071, 131072,  131073, 32768,   65536,   262144, 262145,
                                   300000, MIB - 1, MIB,    2 * MIB, 3 * MIB, 20,     MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        reply(sizes[i]);
}

/* More than the sockets hold: the first leave whole, one in part, the others wait. */
static void many_at_once(void **state) {
    (void)state;
    it_ends ends = {0};
    for (unsigned i = 0; i < CALLS; i++)
        assert_int_equal(it_async(it_c.channel,
                                  &(it_request){.mode = ITEST__MODE__SIZED,
                                                .number = i % 2 == 0 ? 3 * MIB : 100000},
                                  &ends, NULL),
                         0);
    for (unsigned i = 0; i < SMALL; i++)
        assert_int_equal(it_async(it_c.channel,
                                  &(it_request){.mode = ITEST__MODE__SIZED, .number = i}, &ends,
                                  NULL),
                         0);
    it_wait_ends(&ends, CALLS + SMALL);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), CALLS + SMALL);
    assert_int_equal(atomic_load(&ends.wrong_data), 0);
}

static void echoes_at_once(void **state) {
    (void)state;
    it_ends ends = {0};
    for (unsigned i = 0; i < CALLS; i++)
        assert_int_equal(it_async(it_c.channel, &(it_request){.size = MIB + i * 1000}, &ends, NULL),
                         0);
    it_wait_ends(&ends, CALLS);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_OK]), CALLS);
    assert_int_equal(atomic_load(&ends.wrong_data), 0);
}

/* The connection goes while replies are on their way; then all works as before. */
static void cancelled_in_the_middle(void **state) {
    (void)state;
    it_ends ends = {0};
    seal_client_call *calls[CALLS];
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < CALLS; i++)
            assert_int_equal(it_async(it_c.channel,
                                      &(it_request){.mode = ITEST__MODE__SIZED, .number = 3 * MIB},
                                      &ends, &calls[i]),
                             0);
        it_wait_at_least(&ends.n, round * CALLS + 1, "the first reply");
        for (unsigned i = 0; i < CALLS; i++) {
            seal_client_call_cancel(calls[i]);
            seal_client_call_unref(calls[i]);
        }
        it_wait_ends(&ends, (round + 1) * CALLS);
    }
    assert_int_equal(atomic_load(&ends.wrong_data), 0);
    reply(MIB);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_by_one, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(many_at_once, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(echoes_at_once, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(cancelled_in_the_middle, it_setup, it_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
