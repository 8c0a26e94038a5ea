/* SPDX-License-Identifier: Apache-2.0 */
/* Making and freeing a channel. */
#include <assert.h>

#include "client/client_internal.h"

static void start_timer(void *arg) {
    seal_channel *channel = arg;
    uv_timer_init(channel->runtime->loop, &channel->timer);
    channel->timer.data = channel;
    channel->timer_open = true;
    seal__runtime_hold(channel->runtime);
    seal__plain_prepare(channel->runtime);
}

static void release(seal_channel *channel) {
    const seal_allocator *alloc = seal__runtime_alloc(channel->runtime);
    seal__heap_done(&channel->deadlines);
    seal__chain_unref(channel->chain);
    seal__heap_done(&channel->retries);
    seal__avoid_done(&channel->avoid, alloc);
    seal_error_free(channel->failure);
    seal__channel_config_done(&channel->config, alloc);
    seal__release(alloc, channel);
}

static int make_channel(seal_runtime *runtime, const char *target,
                        const seal_channel_options *options, const char *default_class,
                        seal_channel **ret_channel, seal_error **reterr) {
    const seal_allocator *alloc = seal__runtime_alloc(runtime);
    seal_channel *channel = seal__alloc_zeroed(alloc, 1, sizeof *channel);
    if (channel == NULL)
        return seal__error_no_memory(reterr);
    channel->runtime = runtime;
    channel->timer_ns = UINT64_MAX;
    channel->connect_deadline = UINT64_MAX;
    seal__list_init(&channel->pending);
    seal__list_init(&channel->leaving);
    seal__heap_init(&channel->deadlines, alloc);
    seal__heap_init(&channel->retries, alloc);
    seal__retry_budget_init(&channel->budget);
    channel->chain = seal__chain_new(alloc);
    int rc = channel->chain != NULL ? 0 : seal__error_no_memory(reterr);
    if (rc == 0)
        rc = seal__channel_config_make(target, options, default_class, alloc, &channel->config,
                                       reterr);
    if (rc < 0) {
        seal__chain_unref(channel->chain);
        seal__release(alloc, channel);
        return rc;
    }
    rc = seal__runtime_run(runtime, start_timer, channel);
    if (rc < 0) {
        release(channel);
        return seal__error(reterr, rc, "call it on the loop's thread");
    }
    *ret_channel = channel;
    return 0;
}

static int new_channel(seal_runtime *runtime, const char *target,
                       const seal_channel_options *options, const char *default_class,
                       seal_channel **ret_channel, seal_error **reterr) {
    if (ret_channel == NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID, "ret_channel must not be NULL");
    bool owns_runtime = runtime == NULL;
    int rc = owns_runtime ? seal__runtime_new_private(&runtime, reterr) : 0;
    if (rc < 0)
        return rc;
    seal_channel *channel = NULL;
    rc = make_channel(runtime, target, options, default_class, &channel, reterr);
    if (rc < 0) {
        if (owns_runtime)
            seal_runtime_free(runtime);
        return rc;
    }
    assert(channel != NULL);
    channel->owns_runtime = owns_runtime;
    *ret_channel = channel;
    return 0;
}

int seal_channel_new(seal_runtime *runtime, const char *target, const seal_channel_options *options,
                     seal_channel **ret_channel, seal_error **reterr) {
    return new_channel(runtime, target, options, NULL, ret_channel, reterr);
}

int seal_channel_new_for(seal_runtime *runtime, const char *target,
                         const seal_channel_options *options, const seal_service *service,
                         seal_channel **ret_channel, seal_error **reterr) {
    if (service->abi != SEAL_GEN_ABI || service->method_size != sizeof(seal_method))
        return seal__error(
            reterr, SEAL_ERROR_INVALID,
            "service %s: its stubs were generated for another version of sealrpc; run "
            "protoc-gen-seal again and rebuild",
            service->full_name);
    return new_channel(runtime, target, options, service->spn_class, ret_channel, reterr);
}

/* ---- Freeing ---- */

static void on_timer_closed(uv_handle_t *handle) {
    seal_channel *channel = handle->data;
    void (*released)(void *user) = channel->released;
    void *user = channel->released_user;
    seal_runtime *runtime = channel->runtime;
    bool owns_runtime = channel->owns_runtime;
    release(channel);
    seal__runtime_let_go(runtime);
    if (released != NULL)
        released(user);
    else if (owns_runtime)
        seal__runtime_free_here(runtime);
}

static void close_conn(seal__conn *conn) {
    if (conn == NULL)
        return;
    seal_error *why = NULL;
    seal__error(&why, SEAL_ERROR_CANCELLED, "the channel was freed");
    seal__conn_close(conn, SEAL__CLOSE_DONE, why);
}

/* Callbacks must not come from inside seal_channel_free, so calls end in the next turn of the loop.
 */
static void end_calls(seal__task *task) {
    seal_channel *channel = SEAL__CONTAINER_OF(task, seal_channel, free_task);
    seal__channel_unwatch(channel);
    seal__channel_stop_connecting(channel);
    const seal__outcome freed = {.status = SEAL_STATUS_CANCELLED,
                                 .execution = SEAL_NOT_EXECUTED,
                                 .cause = SEAL_ERROR_CANCELLED,
                                 .message = "the channel was freed"};
    seal__channel_fail_pending(channel, &freed);
    seal__retry_fail_all(channel, &freed);
    close_conn(channel->conn);
    while (!seal__list_is_empty(&channel->leaving))
        close_conn(SEAL__CONTAINER_OF(channel->leaving.next, seal__conn, owned));
    uv_close((uv_handle_t *)&channel->timer, on_timer_closed);
}

/* Calls that were made before this are on the queue now, and take their place before the second
 * turn ends them; calls made after it are refused. */
static void begin_free(seal__task *task) {
    seal_channel *channel = SEAL__CONTAINER_OF(task, seal_channel, free_task);
    channel->freeing = true;
    channel->free_task.run = end_calls;
    seal__runtime_queue(channel->runtime, &channel->free_task);
}

static void post_sem(void *user) {
    uv_sem_post(user);
}

void seal_channel_free(seal_channel *channel) {
    if (channel == NULL)
        return;
    seal_runtime *runtime = channel->runtime;
    channel->free_task.run = begin_free;
    bool owns_runtime = channel->owns_runtime;
    if (seal__runtime_on_loop(runtime) || !runtime->owns_loop) {
        channel->freeing = true;
        seal__runtime_queue(runtime, &channel->free_task);
        return;
    }
    uv_sem_t done;
    if (uv_sem_init(&done, 0) != 0)
        return;
    channel->released = post_sem;
    channel->released_user = &done;
    seal__runtime_queue(runtime, &channel->free_task);
    uv_sem_wait(&done);
    uv_sem_destroy(&done);
    if (owns_runtime)
        seal_runtime_free(runtime);
}
