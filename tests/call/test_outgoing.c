/* SPDX-License-Identifier: Apache-2.0 */
/* What other threads hand to the loop: order, who tells the loop, and when it is too much. */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <string.h>

#include "call/outgoing.h"
#include "support/failing_alloc.h"

static seal__out_item *item(int kind, size_t size) {
    seal__out_item *made = seal__out_item_new(&seal__default_allocator, kind, size);
    assert_non_null(made);
    assert_int_equal(made->kind, kind);
    assert_int_equal(made->size, size);
    return made;
}

static seal__out_item *first(seal__list *items) {
    seal__list *node = seal__list_take_first(items);
    return node == NULL ? NULL : SEAL__CONTAINER_OF(node, seal__out_item, node);
}

static void in_order_and_told_once(void **state) {
    (void)state;
    seal__outgoing out;
    seal__list taken;
    seal__outgoing_init(&out);
    seal__list_init(&taken);
    assert_true(seal__outgoing_is_empty(&out));
    assert_true(seal__outgoing_put(&out, item(0, 10)));
    assert_false(seal__outgoing_put(&out, item(1, 0)));
    assert_false(seal__outgoing_is_empty(&out));
    seal__outgoing_take(&out, &taken);
    assert_true(seal__outgoing_is_empty(&out));
    assert_true(seal__outgoing_put(&out, item(2, 5)));
    seal__outgoing_take(&out, &taken); /* goes to the end */
    seal__outgoing_take(&out, &taken); /* nothing there: harmless */
    for (int i = 0; i < 3; i++) {
        seal__out_item *next = first(&taken);
        assert_int_equal(next->kind, i);
        seal__release(&seal__default_allocator, next);
    }
    assert_true(seal__list_is_empty(&taken));
    seal__outgoing_done(&out, &seal__default_allocator);
}

static void full_at_the_limit(void **state) {
    (void)state;
    seal__outgoing out;
    seal__list taken;
    seal__outgoing_init(&out);
    seal__list_init(&taken);
    assert_false(seal__outgoing_is_full(&out));
    seal__outgoing_put(&out, item(0, SEAL__OUTGOING_LIMIT - 1));
    assert_false(seal__outgoing_is_full(&out));
    seal__outgoing_put(&out, item(0, 1));
    assert_true(seal__outgoing_is_full(&out));
    /* Taken, and nothing said of the session yet: it is still on its way. */
    seal__outgoing_take(&out, &taken);
    assert_true(seal__outgoing_is_full(&out));
    seal__outgoing_publish(&out, 100);
    assert_false(seal__outgoing_is_full(&out));
    seal__outgoing_put(&out, item(0, SEAL__OUTGOING_LIMIT - 101));
    assert_false(seal__outgoing_is_full(&out));
    seal__outgoing_publish(&out, 101);
    assert_true(seal__outgoing_is_full(&out));
    seal__outgoing_publish(&out, SIZE_MAX);
    assert_true(seal__outgoing_is_full(&out));
    seal__outgoing_publish(&out, 0);
    assert_false(seal__outgoing_is_full(&out));
    for (seal__out_item *next; (next = first(&taken)) != NULL;)
        seal__release(&seal__default_allocator, next);
    seal__outgoing_done(&out, &seal__default_allocator);
}

static void memory(void **state) {
    (void)state;
    failing_alloc alloc;
    failing_alloc_init(&alloc);
    assert_null(seal__out_item_new(&alloc.allocator, 0, SIZE_MAX));
    assert_int_equal(alloc.calls, 0);
    seal__outgoing out;
    seal__outgoing_init(&out);
    for (int i = 0; i < 3; i++) {
        seal__out_item *made = seal__out_item_new(&alloc.allocator, i, 100);
        assert_non_null(made);
        memset(made->bytes, 0xee, made->size);
        seal__outgoing_put(&out, made);
    }
    failing_alloc_fail_at(&alloc, 1, false);
    assert_null(seal__out_item_new(&alloc.allocator, 0, 1));
    assert_int_equal(alloc.live, 3);
    seal__outgoing_done(&out, &alloc.allocator); /* releases what was not taken */
    assert_int_equal(alloc.live, 0);
}

enum { SENDERS = 3, EACH = 3000 };

typedef struct traffic {
    seal__outgoing out;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    int wakes;
    int next_sender;
} traffic;

static void wake(traffic *t) {
    pthread_mutex_lock(&t->lock);
    t->wakes++;
    pthread_cond_signal(&t->woken);
    pthread_mutex_unlock(&t->lock);
}

static void *send_many(void *arg) {
    traffic *t = arg;
    pthread_mutex_lock(&t->lock);
    int me = t->next_sender++;
    pthread_mutex_unlock(&t->lock);
    for (int i = 0; i < EACH; i++) {
        seal__out_item *made = seal__out_item_new(&seal__default_allocator, me, sizeof i);
        if (made == NULL)
            return NULL;
        memcpy(made->bytes, &i, sizeof i);
        if (seal__outgoing_put(&t->out, made))
            wake(t);
        seal__outgoing_is_full(&t->out);
    }
    return NULL;
}

/* The loop sleeps until it is told, and still gets everything, each sender's in order. */
static void receive_all(traffic *t) {
    int seen[SENDERS] = {0}, total = 0;
    while (total < SENDERS * EACH) {
        pthread_mutex_lock(&t->lock);
        while (t->wakes == 0)
            pthread_cond_wait(&t->woken, &t->lock);
        t->wakes--;
        pthread_mutex_unlock(&t->lock);
        seal__list taken;
        seal__list_init(&taken);
        seal__outgoing_take(&t->out, &taken);
        for (seal__out_item *next; (next = first(&taken)) != NULL; total++) {
            int number = -1;
            memcpy(&number, next->bytes, sizeof number);
            assert_int_equal(number, seen[next->kind]++);
            seal__release(&seal__default_allocator, next);
        }
        seal__outgoing_publish(&t->out, 0);
    }
}

static void from_many_threads(void **state) {
    (void)state;
    traffic t = {.wakes = 0};
    seal__outgoing_init(&t.out);
    pthread_mutex_init(&t.lock, NULL);
    pthread_cond_init(&t.woken, NULL);
    pthread_t threads[SENDERS];
    for (size_t i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &t), 0);
    receive_all(&t);
    for (size_t i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(seal__outgoing_is_empty(&t.out));
    assert_false(seal__outgoing_is_full(&t.out));
    seal__outgoing_done(&t.out, &seal__default_allocator);
    pthread_cond_destroy(&t.woken);
    pthread_mutex_destroy(&t.lock);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_and_told_once),
        cmocka_unit_test(full_at_the_limit),
        cmocka_unit_test(memory),
        cmocka_unit_test(from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
