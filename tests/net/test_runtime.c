/* SPDX-License-Identifier: Apache-2.0 */
/* Runtimes: their options, tasks from other threads, a loop of the caller's, their end. */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <uv.h>

#include <sealrpc/sealrpc.h>

#include "net/runtime.h"
#include "support/failing_alloc.h"

static void starts_and_ends(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++) {
        seal_runtime *runtime = NULL;
        assert_int_equal(seal_runtime_new(NULL, &runtime, NULL), 0);
        seal_runtime_free(runtime);
    }
    seal_runtime_free(NULL);
}

/* ---- Options ---- */

static void wrong(seal_runtime_options *options, const char *part) {
    seal_runtime *runtime = NULL;
    seal_error *error = NULL;
    assert_int_equal(seal_runtime_new(options, &runtime, &error), SEAL_ERROR_INVALID);
    assert_null(runtime);
    if (strstr(seal_error_message(error), part) == NULL)
        print_error("%s\n", seal_error_message(error));
    assert_non_null(strstr(seal_error_message(error), part));
    seal_error_free(error);
    assert_int_equal(seal_runtime_new(options, &runtime, NULL), SEAL_ERROR_INVALID);
}

static void options(void **state) {
    (void)state;
    seal_runtime_options o;
    seal_allocator half = {.resize = NULL};
    seal_runtime_options_init(&o);
    o.struct_size = 0;
    wrong(&o, "struct_size");
    o.struct_size = 1000000;
    wrong(&o, "struct_size");
    seal_runtime_options_init(&o);
    o.initiator_threads = 65;
    wrong(&o, "64");
    seal_runtime_options_init(&o);
    o.acceptor_threads = UINT32_MAX;
    wrong(&o, "64");
    seal_runtime_options_init(&o);
    o.allocator = &half;
    wrong(&o, "allocator");
}

/* A program that was compiled with a later, or an earlier, header. */
static void options_of_other_versions(void **state) {
    (void)state;
    struct {
        seal_runtime_options now;
        uint64_t later;
    } o = {.later = 0};
    seal_runtime *runtime = NULL;
    seal_runtime_options_init(&o.now);
    o.now.struct_size = sizeof o;
    assert_int_equal(seal_runtime_new(&o.now, &runtime, NULL), 0);
    seal_runtime_free(runtime);
    o.later = 1;
    wrong(&o.now, "older");
    seal_runtime_options_init(&o.now);
    o.now.struct_size = offsetof(seal_runtime_options, initiator_threads);
    o.now.initiator_threads = 1000; /* beyond what it knew: not read */
    assert_int_equal(seal_runtime_new(&o.now, &runtime, NULL), 0);
    seal_runtime_free(runtime);
}

static void allocator(void **state) {
    (void)state;
    failing_alloc failing;
    seal_runtime_options o;
    size_t n = 1;
    failing_alloc_init(&failing);
    seal_runtime_options_init(&o);
    o.allocator = &failing.allocator;
    for (; n < 100; n++) {
        seal_runtime *runtime = NULL;
        seal_error *error = NULL;
        failing_alloc_fail_at(&failing, n, true);
        int rc = seal_runtime_new(&o, &runtime, &error);
        if (rc == 0) {
            seal_runtime_free(runtime);
            assert_int_equal(failing.live, 0);
            break;
        }
        assert_int_equal(rc, SEAL_ERROR_NO_MEMORY);
        assert_int_equal(seal_error_get_code(error), SEAL_ERROR_NO_MEMORY);
        seal_error_free(error);
        assert_int_equal(failing.live, 0);
    }
    assert_true(n > 3 && n < 100);
}

/* ---- Tasks ---- */

enum { POSTERS = 8, POSTS = 2000 };

typedef struct posting {
    seal_runtime *runtime;
    atomic_uint ran;
    unsigned next[POSTERS]; /* loop thread only */
    unsigned out_of_order;
    bool elsewhere;
} posting;

typedef struct one_post {
    posting *p;
    unsigned poster;
    unsigned n;
} one_post;

static one_post posts[POSTERS][POSTS];

static void note_post(void *user) {
    one_post *post = user;
    posting *p = post->p;
    if (p->next[post->poster]++ != post->n)
        p->out_of_order++;
    if (!seal__runtime_on_loop(p->runtime))
        p->elsewhere = true;
    atomic_fetch_add(&p->ran, 1);
}

static void *poster(void *arg) {
    one_post *mine = arg;
    for (unsigned i = 0; i < POSTS; i++) {
        if (seal_runtime_post(mine[i].p->runtime, note_post, &mine[i]) != 0)
            return NULL;
    }
    return arg;
}

static void posts_from_threads(void **state) {
    (void)state;
    posting p = {.ran = 0};
    pthread_t threads[POSTERS];
    assert_int_equal(seal_runtime_new(NULL, &p.runtime, NULL), 0);
    for (unsigned t = 0; t < POSTERS; t++) {
        for (unsigned i = 0; i < POSTS; i++)
            posts[t][i] = (one_post){.p = &p, .poster = t, .n = i};
        assert_int_equal(pthread_create(&threads[t], NULL, poster, posts[t]), 0);
    }
    for (int t = 0; t < POSTERS; t++) {
        void *result = NULL;
        pthread_join(threads[t], &result);
        assert_non_null(result);
    }
    /* What was posted before is run before the runtime ends. */
    seal_runtime_free(p.runtime);
    assert_int_equal(atomic_load(&p.ran), POSTERS * POSTS);
    assert_int_equal(p.out_of_order, 0);
    assert_false(p.elsewhere);
}

static void post_again(void *user) {
    posting *p = user;
    if (atomic_fetch_add(&p->ran, 1) < 99 && seal_runtime_post(p->runtime, post_again, p) != 0)
        p->elsewhere = true;
}

/* On the caller's loop a task of the loop's own thread keeps the loop going; never from inside the
 * post. */
static void posts_on_a_callers_loop(void **state) {
    (void)state;
    uv_loop_t loop;
    seal_runtime_options o;
    posting p = {.ran = 0};
    uv_loop_init(&loop);
    seal_runtime_options_init(&o);
    o.loop = &loop;
    assert_int_equal(seal_runtime_new(&o, &p.runtime, NULL), 0);
    assert_ptr_equal(seal_runtime_loop(p.runtime), &loop);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(seal_runtime_post(p.runtime, post_again, &p), 0);
    assert_int_equal(atomic_load(&p.ran), 0);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(atomic_load(&p.ran), 100);
    assert_false(p.elsewhere);
    seal_runtime_free(p.runtime);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void post_arguments(void **state) {
    (void)state;
    seal_runtime *runtime = NULL;
    assert_int_equal(seal_runtime_new(NULL, &runtime, NULL), 0);
    assert_int_equal(seal_runtime_post(NULL, post_again, NULL), SEAL_ERROR_INVALID);
    assert_int_equal(seal_runtime_post(runtime, NULL, NULL), SEAL_ERROR_INVALID);
    seal_runtime_free(runtime);
}

/* ---- Jobs ---- */

typedef struct slow_job {
    seal__auth_job job;
    seal_runtime *runtime;
    uv_sem_t begun;
    uv_sem_t go_on;
    atomic_uint done;
    atomic_uint orphaned;
    bool on_loop;
} slow_job;

static void slow_work(seal__auth_job *base) {
    slow_job *j = SEAL__CONTAINER_OF(base, slow_job, job);
    uv_sem_post(&j->begun);
    uv_sem_wait(&j->go_on);
}

static void slow_done(seal__auth_job *base, bool ran) {
    slow_job *j = SEAL__CONTAINER_OF(base, slow_job, job);
    j->on_loop = seal__runtime_on_loop(j->runtime);
    atomic_fetch_add(&j->done, ran ? 1 : 100);
}

static void slow_orphaned(seal__auth_job *base) {
    slow_job *j = SEAL__CONTAINER_OF(base, slow_job, job);
    atomic_fetch_add(&j->orphaned, 1);
}

static void slow_init(slow_job *j, seal_runtime *runtime) {
    memset(j, 0, sizeof *j);
    j->runtime = runtime;
    j->job = (seal__auth_job){
        .deadline_ns = UINT64_MAX, .work = slow_work, .done = slow_done, .orphaned = slow_orphaned};
    uv_sem_init(&j->begun, 0);
    uv_sem_init(&j->go_on, 0);
}

static void slow_destroy(slow_job *j) {
    uv_sem_destroy(&j->begun);
    uv_sem_destroy(&j->go_on);
}

/* A job keeps the caller's loop going until it is done. */
static void jobs_on_a_callers_loop(void **state) {
    (void)state;
    uv_loop_t loop;
    seal_runtime_options o;
    seal_runtime *runtime = NULL;
    slow_job j;
    uv_loop_init(&loop);
    seal_runtime_options_init(&o);
    o.loop = &loop;
    assert_int_equal(seal_runtime_new(&o, &runtime, NULL), 0);
    slow_init(&j, runtime);
    assert_int_equal(seal__runtime_submit(runtime, runtime->initiators, &j.job), 0);
    uv_sem_wait(&j.begun);
    assert_int_not_equal(uv_run(&loop, UV_RUN_NOWAIT), 0);
    uv_sem_post(&j.go_on);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(atomic_load(&j.done), 1);
    assert_true(j.on_loop);
    seal_runtime_free(runtime);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    slow_destroy(&j);
}

static void submit_on_loop(void *arg) {
    slow_job *j = arg;
    if (seal__runtime_submit(j->runtime, j->runtime->acceptors, &j->job) < 0)
        atomic_fetch_add(&j->done, 1000);
}

/* The runtime ends without waiting for a job that is stuck. */
static void a_stuck_job_is_left_behind(void **state) {
    (void)state;
    seal_runtime *runtime = NULL;
    slow_job j;
    assert_int_equal(seal_runtime_new(NULL, &runtime, NULL), 0);
    slow_init(&j, runtime);
    assert_int_equal(seal__runtime_run(runtime, submit_on_loop, &j), 0);
    uv_sem_wait(&j.begun);
    seal_runtime_free(runtime);
    assert_int_equal(atomic_load(&j.done), 0);
    uv_sem_post(&j.go_on);
    while (atomic_load(&j.orphaned) == 0)
        sched_yield();
    assert_int_equal(atomic_load(&j.done), 0);
}

/* ---- Beside ---- */

typedef struct companion {
    seal__task ended;
    seal_runtime *first;
    seal_runtime *runtime;
    atomic_uint joined;
    bool on_first;
} companion;

static void join_companion(seal__task *task) {
    companion *c = SEAL__CONTAINER_OF(task, companion, ended);
    c->on_first = seal__runtime_on_loop(c->first);
    seal__runtime_join(c->runtime);
    seal__runtime_awaited(c->first);
    seal__runtime_let_go(c->first);
    atomic_fetch_add(&c->joined, 1);
}

static void start_companion(void *arg) {
    companion *c = arg;
    seal__runtime_hold(c->first);
    assert_int_equal(seal__runtime_new_beside(c->first, &c->runtime, NULL), 0);
}

static void end_companion(void *arg) {
    companion *c = arg;
    c->ended.run = join_companion;
    seal__runtime_await(c->first);
    seal__runtime_end(c->runtime, c->first, &c->ended);
}

static void look_beside(void *arg) {
    companion *c = arg;
    assert_true(seal__runtime_on_loop(c->runtime));
    assert_false(seal__runtime_on_loop(c->first));
    assert_true(seal__runtime_on_any_loop(c->first));
    assert_true(seal__runtime_on_any_loop(c->runtime));
}

/* It uses the first one's threads, comes back to its own, and leaves a job that is stuck behind. */
static void beside_another(void **state) {
    (void)state;
    companion c = {.joined = 0};
    slow_job quick;
    slow_job stuck;
    assert_int_equal(seal_runtime_new(NULL, &c.first, NULL), 0);
    assert_int_equal(seal__runtime_run(c.first, start_companion, &c), 0);
    assert_memory_equal(c.runtime->instance_id, c.first->instance_id, SEAL__INSTANCE_ID);
    assert_int_equal(seal__runtime_run(c.runtime, look_beside, &c), 0);
    assert_false(seal__runtime_on_any_loop(c.first));
    slow_init(&quick, c.runtime);
    assert_int_equal(seal__runtime_run(c.runtime, submit_on_loop, &quick), 0);
    uv_sem_wait(&quick.begun);
    uv_sem_post(&quick.go_on);
    while (atomic_load(&quick.done) == 0)
        sched_yield();
    assert_int_equal(atomic_load(&quick.done), 1);
    assert_true(quick.on_loop);
    slow_init(&stuck, c.runtime);
    assert_int_equal(seal__runtime_run(c.runtime, submit_on_loop, &stuck), 0);
    uv_sem_wait(&stuck.begun);
    assert_int_equal(seal__runtime_run(c.first, end_companion, &c), 0);
    while (atomic_load(&c.joined) == 0)
        sched_yield();
    assert_true(c.on_first);
    uv_sem_post(&stuck.go_on);
    while (atomic_load(&stuck.orphaned) == 0)
        sched_yield();
    assert_int_equal(atomic_load(&stuck.done), 0);
    seal_runtime_free(c.first);
    slow_destroy(&quick);
}

/* The caller's loop goes on until the other one has ended. */
static void beside_a_callers_loop(void **state) {
    (void)state;
    uv_loop_t loop;
    seal_runtime_options o;
    companion c = {.joined = 0};
    uv_loop_init(&loop);
    seal_runtime_options_init(&o);
    o.loop = &loop;
    assert_int_equal(seal_runtime_new(&o, &c.first, NULL), 0);
    start_companion(&c);
    end_companion(&c);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(atomic_load(&c.joined), 1);
    start_companion(&c);
    end_companion(&c);
    seal_runtime_free(c.first);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(atomic_load(&c.joined), 2);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void wrong_thread(void **state) {
    (void)state;
    uv_loop_t loop;
    seal_runtime_options o;
    seal_runtime *runtime = NULL;
    uv_loop_init(&loop);
    seal_runtime_options_init(&o);
    o.loop = &loop;
    assert_int_equal(seal_runtime_new(&o, &runtime, NULL), 0);
    assert_true(seal__runtime_on_loop(runtime));
    seal_runtime_free(runtime);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_string_equal(seal_version(), SEALRPC_VERSION_STRING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_and_ends),
        cmocka_unit_test(options),
        cmocka_unit_test(options_of_other_versions),
        cmocka_unit_test(allocator),
        cmocka_unit_test(posts_from_threads),
        cmocka_unit_test(posts_on_a_callers_loop),
        cmocka_unit_test(post_arguments),
        cmocka_unit_test(jobs_on_a_callers_loop),
        cmocka_unit_test(a_stuck_job_is_left_behind),
        cmocka_unit_test(beside_another),
        cmocka_unit_test(beside_a_callers_loop),
        cmocka_unit_test(wrong_thread),
    };
    return cmocka_run_group_tests_name("net.runtime", tests, NULL, NULL);
}
