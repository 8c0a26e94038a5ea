/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The owner of an event loop, of the authentication threads, and of the memory of everything made
 * from it.
 *
 * Threading. A runtime and every object made from it belong to one thread: the one that runs its
 * loop. Functions may be called on that thread; those marked **thread-safe** on any thread. A
 * runtime that was made without a loop starts a thread of its own, and then every function that is
 * not marked "loop thread only" may be called from any other thread too: it is carried out on the
 * loop thread and the caller waits for it. Callbacks run on the loop thread, never from inside the
 * call that asked for them; if a function returns an error its callback is never called, otherwise
 * it is called exactly once. Callbacks may call any function except those that say they block.
 * Different runtimes share nothing. Do not fork with a live runtime.
 *
 * Servers with several loops (seal_server_options.loops). The first loop is the runtime's; each of
 * the others has a thread of its own. A connection and its calls belong to one of them for ever:
 * handlers and callbacks of a call run on the thread of its loop, "the call's loop thread", and
 * what is said above of the loop thread holds there for the call. Handlers of calls on different
 * loops run at the same time: what they share, such as the user pointer of a service, they must
 * protect. Callbacks of the server itself (started, published, stopped) run on the runtime's loop
 * thread. Functions that block must not be called on any of these threads, and are refused on those
 * of their own runtime; seal_server_free returns at once on each of them. With one loop nothing
 * runs at the same time.
 *
 * Blocking handlers (those of a service registered with its _register_blocking function) run on
 * worker threads, one call each, several at once whatever the number of loops. They may use every
 * thread-safe function and every function that blocks; callbacks of such a call still come on its
 * loop thread.
 *
 * Whatever may block (KDC, keytab, replay cache, names) runs on the runtime's own small pools of
 * threads, one for initiators and one for acceptors, never on the loop and never on libuv's pool.
 */
#ifndef SEALRPC_RUNTIME_H
#define SEALRPC_RUNTIME_H

#include <string.h>

#include <sealrpc/error.h>

SEAL_BEGIN_DECLS

struct uv_loop_s;

typedef struct seal_runtime seal_runtime;

/**
 * Options, here and elsewhere, begin with struct_size and are filled by their _init function before
 * anything is set: where it is 0, they are refused with SEAL_ERROR_INVALID. So programs and library
 * may be of different versions: what the program does not know has its default, and what the
 * library does not know is refused if it is set.
 */
typedef struct seal_runtime_options {
    size_t struct_size;              /**< set by seal_runtime_options_init */
    struct uv_loop_s *loop;          /**< the caller's loop, borrowed; NULL: own loop, own thread */
    const seal_allocator *allocator; /**< copied; NULL: malloc */
    seal_log_fn *log;                /**< NULL: no log */
    void *log_user;                  /**< passed to log */
    uint32_t initiator_threads;      /**< upper bound, 1..64; 0: 8. Started when needed */
    uint32_t acceptor_threads;       /**< upper bound, 1..64; 0: number of processors, at most 8 */
    uint32_t auth_queue;             /**< jobs that may wait in each pool; 0: 256 */
} seal_runtime_options;

/** Fills @p options with the defaults: all zero but struct_size. */
static inline void seal_runtime_options_init(seal_runtime_options *options) {
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/**
 * Makes a runtime. With options->loop the calling thread becomes the loop thread, and must be the
 * one that runs the loop; without it a thread is started.
 *
 * A write to a connection that the peer has closed must not end the process: a thread of the
 * runtime's own has SIGPIPE blocked; with the caller's loop SIGPIPE is set to be ignored, if it has
 * its default action.
 *
 * @param options NULL for the defaults.
 * @param ret_runtime receives the runtime, owned by the caller: seal_runtime_free.
 * @return 0, SEAL_ERROR_INVALID (an option is out of range), SEAL_ERROR_NO_MEMORY or
 * SEAL_ERROR_SYSTEM (a thread cannot be started).
 */
SEAL_API SEAL_MUST_USE int seal_runtime_new(const seal_runtime_options *options,
                                            seal_runtime **ret_runtime, seal_error **reterr_error);

/**
 * Ends a runtime. Every server and channel made from it must have been freed. With its own thread:
 * blocks until that thread has ended; not to be called on it. With the caller's loop: call it on
 * the loop thread and run the loop until it has nothing left to do (uv_run returns 0); the memory
 * is gone by then. Servers that were freed on the loop and still drain, with calls that a handler
 * has not let go of, are waited for. A thread that is stuck in a silent KDC is not waited for, and
 * one that works with a directory for a second at most (with the caller's loop not at all): their
 * memory is released when they come back. NULL is allowed.
 */
SEAL_API void seal_runtime_free(seal_runtime *runtime);

/** A function to be run on the loop thread. */
typedef void seal_task_fn(void *user);

/**
 * Runs @p task on the loop thread, soon, once. **Thread-safe**, also from callbacks; never blocks.
 * @return 0, SEAL_ERROR_NO_MEMORY, or SEAL_ERROR_STATE when the runtime is being freed; on failure
 * the task is not run.
 */
SEAL_API SEAL_MUST_USE int seal_runtime_post(seal_runtime *runtime, seal_task_fn *task, void *user);

/** Returns the loop, for use on the loop thread only. Borrowed. */
SEAL_API struct uv_loop_s *seal_runtime_loop(seal_runtime *runtime);

/** Returns the version of the library, such as "0.1.0". Compare with SEALRPC_VERSION_STRING. */
SEAL_API const char *seal_version(void);

SEAL_END_DECLS

#endif
