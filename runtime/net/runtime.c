/* SPDX-License-Identifier: Apache-2.0 */
#include "net/runtime.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/options.h"
#include "net/conn.h"
#include "secure/crypto/crypto.h"

enum { DEFAULT_INITIATORS = 8, MAX_THREADS = 64, DEFAULT_QUEUE = 256, MAX_ACCEPTORS_DEFAULT = 8 };
enum { AGENTS_END_MS = 1000 };

bool seal__runtime_on_loop(const seal_runtime *runtime) {
    return pthread_equal(pthread_self(), runtime->thread) != 0;
}

/* Of the runtime beside whose loop this thread's is. */
static _Thread_local const seal_runtime *beside;

bool seal__runtime_on_any_loop(const seal_runtime *runtime) {
    return beside == runtime || seal__runtime_on_loop(runtime);
}

/* Whether this thread is that of a loop of ours, of whatever runtime. */
static _Thread_local bool is_loop_thread;

bool seal__on_loop_thread(void) {
    return is_loop_thread;
}

bool seal__runtime_must_not_block(const seal_runtime *runtime) {
    return is_loop_thread || seal__runtime_on_loop(runtime);
}

/* A caller's loop stays alive while something is under way; our own always does. */
static void keep_alive(seal_runtime *runtime) {
    if (runtime->owns_loop || runtime->handles_closing)
        return;
    if (runtime->freeing || runtime->jobs > 0 || runtime->loop_tasks > 0)
        uv_ref((uv_handle_t *)&runtime->wakeup);
    else
        uv_unref((uv_handle_t *)&runtime->wakeup);
}

void seal__runtime_queue(seal_runtime *runtime, seal__task *task) {
    if (seal__runtime_on_loop(runtime)) {
        runtime->loop_tasks++;
        keep_alive(runtime);
    }
    uv_mutex_lock(&runtime->lock);
    bool was_empty = seal__list_is_empty(&runtime->tasks);
    seal__list_append(&runtime->tasks, &task->node);
    if (was_empty)
        uv_async_send(&runtime->wakeup);
    uv_mutex_unlock(&runtime->lock);
}

/* ---- User's tasks ---- */

typedef struct user_task {
    seal__task task;
    seal_runtime *runtime;
    seal_task_fn *fn;
    void *user;
} user_task;

static void run_user_task(seal__task *task) {
    user_task *ut = SEAL__CONTAINER_OF(task, user_task, task);
    seal_task_fn *fn = ut->fn;
    void *user = ut->user;
    seal__release(seal__runtime_alloc(ut->runtime), ut);
    fn(user);
}

int seal_runtime_post(seal_runtime *runtime, seal_task_fn *task, void *user) {
    if (runtime == NULL || task == NULL)
        return SEAL_ERROR_INVALID;
    user_task *ut = seal__alloc(seal__runtime_alloc(runtime), sizeof *ut);
    if (ut == NULL)
        return SEAL_ERROR_NO_MEMORY;
    *ut = (user_task){.task.run = run_user_task, .runtime = runtime, .fn = task, .user = user};
    uv_mutex_lock(&runtime->lock);
    bool stopping = runtime->stopping;
    uv_mutex_unlock(&runtime->lock);
    if (stopping) {
        seal__release(seal__runtime_alloc(runtime), ut);
        return SEAL_ERROR_STATE;
    }
    seal__runtime_queue(runtime, &ut->task);
    return 0;
}

/* ---- Waiting for the loop thread ---- */

typedef struct waiting_task {
    seal__task task;
    void (*fn)(void *arg);
    void *arg;
    uv_sem_t done;
} waiting_task;

static void run_waiting_task(seal__task *task) {
    waiting_task *wt = SEAL__CONTAINER_OF(task, waiting_task, task);
    wt->fn(wt->arg);
    uv_sem_post(&wt->done);
}

int seal__runtime_run(seal_runtime *runtime, void (*fn)(void *arg), void *arg) {
    if (seal__runtime_on_loop(runtime)) {
        fn(arg);
        return 0;
    }
    if (!runtime->owns_loop)
        return SEAL_ERROR_WRONG_THREAD;
    waiting_task wt = {.task.run = run_waiting_task, .fn = fn, .arg = arg};
    if (uv_sem_init(&wt.done, 0) != 0)
        return SEAL_ERROR_SYSTEM;
    seal__runtime_queue(runtime, &wt.task);
    uv_sem_wait(&wt.done);
    uv_sem_destroy(&wt.done);
    return 0;
}

/* ---- Jobs ---- */

static void run_finished_jobs(seal_runtime *runtime) {
    seal__list jobs;
    seal__list_init(&jobs);
    uv_mutex_lock(&runtime->lock);
    seal__list_append_all(&jobs, &runtime->finished_jobs);
    uv_mutex_unlock(&runtime->lock);
    for (seal__list *node = seal__list_take_first(&jobs); node != NULL;
         node = seal__list_take_first(&jobs)) {
        seal__auth_job *job = SEAL__CONTAINER_OF(node, seal__auth_job, node);
        seal__runtime_awaited(runtime);
        job->done(job, job->ran);
    }
}

/* On a worker. The loop may run at once, so it must not find the lock taken. The pool waits for
 * whoever is in here before it lets the runtime go. */
static void post_finished_job(void *user, seal__auth_job *job) {
    seal_runtime *runtime = user;
    uv_mutex_lock(&runtime->lock);
    bool was_empty = seal__list_is_empty(&runtime->finished_jobs);
    seal__list_append(&runtime->finished_jobs, &job->node);
    uv_mutex_unlock(&runtime->lock);
    if (was_empty)
        uv_async_send(&runtime->wakeup);
}

int seal__runtime_submit(seal_runtime *runtime, seal__auth_pool *pool, seal__auth_job *job) {
    int rc = seal__auth_pool_submit_for(pool, runtime, job);
    if (rc < 0)
        return rc;
    seal__runtime_await(runtime);
    return 0;
}

void seal__runtime_await(seal_runtime *runtime) {
    runtime->jobs++;
    keep_alive(runtime);
}

void seal__runtime_awaited(seal_runtime *runtime) {
    runtime->jobs--;
    keep_alive(runtime);
}

/* ---- The loop ---- */

static void run_tasks(seal_runtime *runtime) {
    seal__list tasks;
    seal__list_init(&tasks);
    runtime->loop_tasks = 0;
    keep_alive(runtime);
    uv_mutex_lock(&runtime->lock);
    seal__list_append_all(&tasks, &runtime->tasks);
    uv_mutex_unlock(&runtime->lock);
    for (seal__list *node = seal__list_take_first(&tasks); node != NULL;
         node = seal__list_take_first(&tasks)) {
        seal__task *task = SEAL__CONTAINER_OF(node, seal__task, node);
        task->run(task);
    }
}

static void on_wakeup(uv_async_t *handle) {
    seal_runtime *runtime = handle->data;
    run_finished_jobs(runtime);
    run_tasks(runtime);
}

static void flush_dirty(seal_runtime *runtime) {
    seal__list dirty;
    seal__list_init(&dirty);
    seal__list_append_all(&dirty, &runtime->dirty);
    for (seal__list *node = seal__list_take_first(&dirty); node != NULL;
         node = seal__list_take_first(&dirty))
        seal__conn_flush(SEAL__CONTAINER_OF(node, seal__conn, dirty));
}

/* What is sent because there was room again goes out with the second round, or after a look at what
 * has come meanwhile. */
static void on_prepare(uv_prepare_t *handle) {
    seal_runtime *runtime = handle->data;
    if (!seal__list_is_empty(&runtime->dirty))
        flush_dirty(runtime);
    if (!seal__list_is_empty(&runtime->dirty))
        flush_dirty(runtime);
    if (!seal__list_is_empty(&runtime->dirty))
        uv_async_send(&runtime->wakeup);
}

static int start_handles(seal_runtime *runtime) {
    if (uv_async_init(runtime->loop, &runtime->wakeup, on_wakeup) != 0)
        return SEAL_ERROR_SYSTEM;
    uv_prepare_init(runtime->loop, &runtime->prepare);
    runtime->wakeup.data = runtime;
    runtime->prepare.data = runtime;
    uv_prepare_start(&runtime->prepare, on_prepare);
    uv_unref((uv_handle_t *)&runtime->prepare);
    if (!runtime->owns_loop)
        uv_unref((uv_handle_t *)&runtime->wakeup);
    return 0;
}

static void release_runtime(seal_runtime *runtime);

static void loop_thread(void *arg) {
    seal_runtime *runtime = arg;
    runtime->thread = uv_thread_self();
    beside = runtime->beside;
    is_loop_thread = true;
    uv_sem_post(&runtime->started);
    uv_run(runtime->loop, UV_RUN_DEFAULT);
    if (runtime->ended != NULL) {
        seal__runtime_queue(runtime->told, runtime->ended);
    } else if (runtime->frees_itself) {
        pthread_detach(pthread_self());
        uv_loop_close(&runtime->own_loop);
        release_runtime(runtime);
    }
}

/* Signals are for the program's own threads; that also turns SIGPIPE into EPIPE. */
static int start_loop_thread(seal_runtime *runtime) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    if (uv_sem_init(&runtime->started, 0) != 0)
        return SEAL_ERROR_SYSTEM;
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = uv_thread_create(&runtime->join, loop_thread, runtime);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        uv_sem_wait(&runtime->started);
    uv_sem_destroy(&runtime->started);
    return rc == 0 ? 0 : SEAL_ERROR_SYSTEM;
}

static void ignore_sigpipe(void) {
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
}

/* ---- Making ---- */

static int check_options(seal_runtime_options *options, seal_error **reterr) {
    if (options->initiator_threads == 0)
        options->initiator_threads = DEFAULT_INITIATORS;
    if (options->acceptor_threads == 0) {
        unsigned int cores = uv_available_parallelism();
        options->acceptor_threads = cores < MAX_ACCEPTORS_DEFAULT ? cores : MAX_ACCEPTORS_DEFAULT;
    }
    if (options->auth_queue == 0)
        options->auth_queue = DEFAULT_QUEUE;
    if (options->initiator_threads > MAX_THREADS || options->acceptor_threads > MAX_THREADS)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "initiator_threads and acceptor_threads are at most %d", MAX_THREADS);
    if (options->allocator != NULL &&
        (options->allocator->resize == NULL || options->allocator->release == NULL))
        return seal__error(reterr, SEAL_ERROR_INVALID, "allocator needs both resize and release");
    return 0;
}

static seal__shared *shared_new(const seal_runtime_options *options) {
    const seal_allocator *alloc =
        options->allocator != NULL ? options->allocator : &seal__default_allocator;
    seal__shared *shared = seal__alloc_zeroed(alloc, 1, sizeof *shared);
    if (shared == NULL)
        return NULL;
    atomic_init(&shared->refs, 1);
    shared->alloc = *alloc;
    seal__blocks_init(&shared->blocks, &shared->alloc);
    shared->log = (seal__log){.fn = options->log, .user = options->log_user};
    return shared;
}

static int make_pools(seal_runtime *runtime, const seal_runtime_options *options) {
    int rc = seal__auth_pool_new(runtime->shared, options->initiator_threads, options->auth_queue,
                                 post_finished_job, runtime, &runtime->initiators);
    if (rc == 0)
        rc = seal__auth_pool_new(runtime->shared, options->acceptor_threads, options->auth_queue,
                                 post_finished_job, runtime, &runtime->acceptors);
    return rc;
}

/* Everything but the loop. */
static int make_parts(seal_runtime *runtime, const seal_runtime_options *options,
                      const seal_runtime *first) {
    seal__list_init(&runtime->tasks);
    seal__list_init(&runtime->finished_jobs);
    seal__list_init(&runtime->dirty);
    runtime->read_chunk = seal__alloc(seal__runtime_alloc(runtime), SEAL__READ_CHUNK);
    if (runtime->read_chunk == NULL)
        return SEAL_ERROR_NO_MEMORY;
    if (first != NULL) {
        memcpy(runtime->instance_id, first->instance_id, sizeof runtime->instance_id);
        runtime->acceptors = first->acceptors;
        runtime->beside = first;
        return 0;
    }
    if (seal__random(runtime->instance_id, sizeof runtime->instance_id) < 0)
        return SEAL_ERROR_SYSTEM;
    return make_pools(runtime, options);
}

static int start_loop(seal_runtime *runtime, const seal_runtime_options *options) {
    runtime->owns_loop = options->loop == NULL;
    if (!runtime->owns_loop) {
        runtime->loop = options->loop;
        runtime->thread = uv_thread_self();
        ignore_sigpipe();
        return start_handles(runtime);
    }
    if (uv_loop_init(&runtime->own_loop) != 0)
        return SEAL_ERROR_SYSTEM;
    runtime->loop = &runtime->own_loop;
    int rc = start_handles(runtime);
    if (rc == 0)
        rc = start_loop_thread(runtime);
    if (rc < 0) {
        uv_walk(&runtime->own_loop, (uv_walk_cb)uv_close, NULL);
        uv_run(&runtime->own_loop, UV_RUN_DEFAULT);
        uv_loop_close(&runtime->own_loop);
    }
    return rc;
}

static void end_pools(seal_runtime *runtime) {
    seal__auth_pool_stop(runtime->initiators);
    if (runtime->beside == NULL)
        seal__auth_pool_stop(runtime->acceptors);
    else if (runtime->acceptors != NULL)
        seal__auth_pool_leave(runtime->acceptors, runtime);
    runtime->initiators = NULL;
    runtime->acceptors = NULL;
}

static void release_runtime(seal_runtime *runtime) {
    seal__shared *shared = runtime->shared;
    end_pools(runtime);
    if (runtime->tickets != NULL)
        runtime->release_tickets(runtime->tickets);
    uv_mutex_destroy(&runtime->lock);
    seal__spares_done(&runtime->spare_calls);
    seal__spares_done(&runtime->spare_results);
    seal__spares_done(&runtime->spare_requests);
    seal__release(&shared->alloc, runtime->read_chunk);
    seal__release(&shared->alloc, runtime);
    seal__shared_unref(shared);
}

static int make_runtime(const seal_runtime_options *options, const seal_runtime *first,
                        seal_runtime **ret_runtime, seal_error **reterr) {
    seal__shared *shared = shared_new(options);
    if (shared == NULL)
        return seal__error_no_memory(reterr);
    seal_runtime *runtime = seal__alloc_zeroed(&shared->alloc, 1, sizeof *runtime);
    if (runtime == NULL || uv_mutex_init(&runtime->lock) != 0) {
        seal__release(&shared->alloc, runtime);
        seal__shared_unref(shared);
        return seal__error_no_memory(reterr);
    }
    runtime->shared = shared;
    int rc = make_parts(runtime, options, first);
    if (rc == 0)
        rc = start_loop(runtime, options);
    if (rc < 0) {
        release_runtime(runtime);
        return seal__error(reterr, rc, "cannot start a runtime: %s", seal_error_code_text(rc));
    }
    *ret_runtime = runtime;
    return 0;
}

int seal_runtime_new(const seal_runtime_options *given, seal_runtime **ret_runtime,
                     seal_error **reterr) {
    seal_runtime_options options;
    seal_runtime_options_init(&options);
    int rc = seal__options_copy(&options, sizeof options, given, "seal_runtime_options", reterr);
    if (rc == 0)
        rc = check_options(&options, reterr);
    return rc < 0 ? rc : make_runtime(&options, NULL, ret_runtime, reterr);
}

int seal__runtime_new_beside(seal_runtime *first, seal_runtime **ret_runtime, seal_error **reterr) {
    const seal__log *log = seal__runtime_log(first);
    seal_runtime_options options;
    seal_runtime_options_init(&options);
    options.allocator = seal__runtime_alloc(first);
    options.log = log->fn;
    options.log_user = log->user;
    return make_runtime(&options, first, ret_runtime, reterr);
}

int seal__runtime_new_private(seal_runtime **ret_runtime, seal_error **reterr) {
    seal_runtime_options options;
    seal_runtime_options_init(&options);
    options.log = seal_log_to_stderr;
    return seal_runtime_new(&options, ret_runtime, reterr);
}

struct uv_loop_s *seal_runtime_loop(seal_runtime *runtime) {
    return runtime->loop;
}

/* ---- Ending ---- */

/* With the caller's loop the last handle's close callback releases everything; with our own loop
 * the thread that joins does. */
static void on_handle_closed(uv_handle_t *handle) {
    seal_runtime *runtime = handle->data;
    runtime->handles_open--;
    if (runtime->handles_open == 0 && !runtime->owns_loop)
        release_runtime(runtime);
}

/* What still lives on the loop needs its tasks, jobs and flushes: they end when the last has gone.
 */
static void maybe_end(seal_runtime *runtime) {
    if (!runtime->freeing || runtime->handles_closing || runtime->holders > 0)
        return;
    runtime->handles_closing = true;
    end_pools(runtime);
    run_finished_jobs(runtime);
    run_tasks(runtime);
    runtime->handles_open = 2;
    uv_close((uv_handle_t *)&runtime->wakeup, on_handle_closed);
    uv_close((uv_handle_t *)&runtime->prepare, on_handle_closed);
}

void seal__runtime_hold(seal_runtime *runtime) {
    runtime->holders++;
}

void seal__runtime_let_go(seal_runtime *runtime) {
    runtime->holders--;
    maybe_end(runtime);
}

static void begin_free(void *arg) {
    seal_runtime *runtime = arg;
    run_tasks(runtime);
    runtime->freeing = true;
    keep_alive(runtime);
    maybe_end(runtime);
}

typedef struct free_task {
    seal__task task;
    seal_runtime *runtime;
} free_task;

static void run_free_task(seal__task *task) {
    begin_free(SEAL__CONTAINER_OF(task, free_task, task)->runtime);
}

/*
 * Whoever frees a runtime may end the program next, and a thread of ours that is still in a call
 * would find its libraries gone. Nearly all come back at once; one that asks somebody silent is
 * left to itself.
 */
static void await_agents(const seal__shared *shared) {
    for (unsigned ms = 0; ms < AGENTS_END_MS && atomic_load(&shared->agents) > 0; ms++)
        uv_sleep(1);
}

static void refuse_posts(seal_runtime *runtime) {
    uv_mutex_lock(&runtime->lock);
    runtime->stopping = true;
    uv_mutex_unlock(&runtime->lock);
}

void seal_runtime_free(seal_runtime *runtime) {
    if (runtime == NULL)
        return;
    refuse_posts(runtime);
    if (!runtime->owns_loop) {
        begin_free(runtime);
        return;
    }
    free_task ft = {.task.run = run_free_task, .runtime = runtime};
    seal__runtime_queue(runtime, &ft.task);
    uv_thread_join(&runtime->join);
    await_agents(runtime->shared);
    uv_loop_close(&runtime->own_loop);
    release_runtime(runtime);
}

static void free_itself(seal__task *task) {
    begin_free(SEAL__CONTAINER_OF(task, seal_runtime, free_task));
}

static void free_later(seal_runtime *runtime) {
    refuse_posts(runtime);
    runtime->free_task.run = free_itself;
    seal__runtime_queue(runtime, &runtime->free_task);
}

void seal__runtime_free_here(seal_runtime *runtime) {
    runtime->frees_itself = true;
    free_later(runtime);
}

void seal__runtime_end(seal_runtime *runtime, seal_runtime *first, seal__task *ended) {
    runtime->told = first;
    runtime->ended = ended;
    free_later(runtime);
}

void seal__runtime_join(seal_runtime *runtime) {
    uv_thread_join(&runtime->join);
    uv_loop_close(&runtime->own_loop);
    release_runtime(runtime);
}
