/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes: who is told of a cancel, how often, and who holds the call. */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "call/scope.h"

typedef struct parent {
    seal__scope scope;
    atomic_int refs;
} parent;

typedef struct child {
    seal__scope_hook hook;
    atomic_int told;
} child;

static void ref(seal__scope *scope) {
    parent *p = SEAL__CONTAINER_OF(scope, parent, scope);
    atomic_fetch_add(&p->refs, 1);
}

static void unref(seal__scope *scope) {
    parent *p = SEAL__CONTAINER_OF(scope, parent, scope);
    if (atomic_fetch_sub(&p->refs, 1) != 1)
        return;
    seal__scope_done(&p->scope);
    free(p);
}

static void told(seal__scope_hook *hook) {
    child *c = SEAL__CONTAINER_OF(hook, child, hook);
    atomic_fetch_add(&c->told, 1);
}

static parent *new_parent(void) {
    parent *p = calloc(1, sizeof *p);
    assert_non_null(p);
    seal__scope_init(&p->scope);
    p->scope.ref = ref;
    p->scope.unref = unref;
    atomic_init(&p->refs, 1);
    return p;
}

static void child_init(child *c) {
    *c = (child){.hook = {.cancelled = told}};
}

static void begins_with_nothing(void **state) {
    (void)state;
    parent *p = new_parent();
    assert_int_equal(p->scope.deadline_ns, UINT64_MAX);
    assert_string_equal(p->scope.traceparent, "");
    assert_string_equal(p->scope.tracestate, "");
    assert_int_equal(p->scope.attempt, 1);
    assert_false(p->scope.cancelled);
    unref(&p->scope);
}

static void a_cancel_is_told_once(void **state) {
    (void)state;
    parent *p = new_parent();
    child children[4];
    for (size_t i = 0; i < 4; i++)
        child_init(&children[i]);
    for (size_t i = 0; i < 3; i++)
        assert_true(seal__scope_join(&p->scope, &children[i].hook));
    assert_int_equal(p->refs, 4);
    seal__scope_leave(&p->scope, &children[1].hook);
    assert_int_equal(p->refs, 3);
    seal__scope_cancel(&p->scope);
    seal__scope_cancel(&p->scope);
    assert_int_equal(children[0].told, 1);
    assert_int_equal(children[1].told, 0);
    assert_int_equal(children[2].told, 1);
    assert_false(seal__scope_join(&p->scope, &children[3].hook));
    assert_int_equal(p->refs, 3);
    for (size_t i = 0; i < 4; i++)
        seal__scope_leave(&p->scope, &children[i].hook);
    assert_int_equal(p->refs, 1);
    for (size_t i = 0; i < 4; i++)
        seal__scope_leave(&p->scope, &children[i].hook);
    assert_int_equal(p->refs, 1);
    assert_int_equal(children[3].told, 0);
    unref(&p->scope);
}

static void a_hook_that_never_joined_may_leave(void **state) {
    (void)state;
    parent *p = new_parent();
    child c;
    child_init(&c);
    seal__scope_leave(&p->scope, &c.hook);
    seal__scope_leave(NULL, &c.hook);
    assert_int_equal(p->refs, 1);
    assert_true(seal__scope_join(&p->scope, &c.hook));
    seal__scope_leave(&p->scope, &c.hook);
    assert_true(seal__scope_join(&p->scope, &c.hook)); /* again */
    seal__scope_cancel(&p->scope);
    assert_int_equal(c.told, 1);
    seal__scope_leave(&p->scope, &c.hook);
    unref(&p->scope);
}

static void the_last_child_ends_the_call(void **state) {
    (void)state;
    parent *p = new_parent();
    child c;
    child_init(&c);
    assert_true(seal__scope_join(&p->scope, &c.hook));
    unref(&p->scope);
    seal__scope_cancel(&p->scope); /* the child keeps it */
    assert_int_equal(c.told, 1);
    seal__scope_leave(&p->scope, &c.hook); /* frees it: sanitizers and valgrind see to that */
}

enum { THREADS = 4, ROUNDS = 2000 };

typedef struct crowd {
    parent *p;
    atomic_int joined;
    atomic_int refused;
    pthread_barrier_t start;
} crowd;

/* Children come and go, on the stack: after leave nothing may touch them. */
static void *come_and_go(void *arg) {
    crowd *all = arg;
    pthread_barrier_wait(&all->start);
    for (int i = 0; i < ROUNDS; i++) {
        child c;
        child_init(&c);
        bool joined = seal__scope_join(&all->p->scope, &c.hook);
        atomic_fetch_add(joined ? &all->joined : &all->refused, 1);
        if (!joined)
            assert_int_equal(c.told, 0);
        seal__scope_leave(&all->p->scope, &c.hook);
        int count = c.told;
        assert_in_range(count, 0, joined ? 1 : 0);
    }
    return NULL;
}

static void from_many_threads(void **state) {
    (void)state;
    for (int round = 0; round < 20; round++) {
        crowd all = {.p = new_parent()};
        pthread_t threads[THREADS];
        child early;
        child_init(&early);
        assert_true(seal__scope_join(&all.p->scope, &early.hook));
        assert_int_equal(pthread_barrier_init(&all.start, NULL, THREADS + 1), 0);
        for (size_t i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &all), 0);
        pthread_barrier_wait(&all.start);
        while (atomic_load(&all.joined) < round * 50)
            ;
        seal__scope_cancel(&all.p->scope);
        for (size_t i = 0; i < THREADS; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(all.joined + all.refused, THREADS * ROUNDS);
        assert_int_equal(early.told, 1);
        seal__scope_leave(&all.p->scope, &early.hook);
        assert_int_equal(all.p->refs, 1);
        unref(&all.p->scope);
        pthread_barrier_destroy(&all.start);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_with_nothing),
        cmocka_unit_test(a_cancel_is_told_once),
        cmocka_unit_test(a_hook_that_never_joined_may_leave),
        cmocka_unit_test(the_last_child_ends_the_call),
        cmocka_unit_test(from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
