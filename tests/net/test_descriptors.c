/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing of ours is tested here, but what the suppressions for ThreadSanitizer cover: libuv closes
 * the descriptors of a loop by a raw system call, and another thread is given their numbers. The
 * tests of other layers meet that only when they are slow, and then fail for no fault of theirs. */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

enum { MANY = 16 };

static atomic_bool closed;

/* It learns of the end of the loop without being ordered after it, as a thread does that works for
 * a loop that ended before. */
static void *opens(void *arg) {
    FILE *files[MANY];
    while (!atomic_load_explicit(&closed, memory_order_relaxed))
        usleep(1000);
    for (int i = 0; i < MANY; i++)
        files[i] = fopen("/dev/null", "r");
    for (int i = 0; i < MANY; i++)
        if (files[i] != NULL)
            fclose(files[i]);
    return arg;
}

static void numbers_of_a_loop_are_given_out_again(void **state) {
    (void)state;
    uv_loop_t loop;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, opens, NULL), 0);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    atomic_store_explicit(&closed, true, memory_order_relaxed);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_of_a_loop_are_given_out_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
