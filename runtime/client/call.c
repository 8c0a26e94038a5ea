/* SPDX-License-Identifier: Apache-2.0 */
/* One client call: from its start to its single delivery, and what other threads ask of it. */
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "base/options.h"
#include "call/metadata.h"
#include "client/client_internal.h"
#include "codec/codec.h"

enum { TEXT_MAX = 256 };

seal_client_call *seal__client_call_ref(seal_client_call *call) {
    atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
    return call;
}

/* What was not taken may be in the call's own memory. */
static void release_outgoing(seal_client_call *call) {
    seal__list items;
    seal__list *node = NULL;
    seal__list_init(&items);
    seal__outgoing_take(&call->outgoing, &items);
    while ((node = seal__list_take_first(&items)) != NULL)
        seal__history_add(&call->history, SEAL__CONTAINER_OF(node, seal__out_item, node));
    seal__outgoing_done(&call->outgoing, call->history.alloc);
}

void seal__client_call_destroy(seal_client_call *call) {
    seal__history_done(&call->history);
    pthread_mutex_destroy(&call->lock);
    seal__arena_done(&call->arena);
    if (call->initial != NULL)
        seal_metadata_free(call->initial);
    seal_result_free(call->result);
    seal__release(&call->shared->alloc, call->metadata);
    seal__release(&call->shared->alloc, call);
}

static void release(seal_client_call *call) {
    seal__shared *shared = call->shared;
    seal__chain *chain = call->chain;
    if (call->streams_out)
        release_outgoing(call);
    seal__hooks_done(call);
    seal__blocking_free(call->blocking, &shared->alloc);
    seal__client_call_destroy(call);
    seal__chain_unref(chain);
    seal__shared_unref(shared);
}

void seal__client_call_unref(seal_client_call *call) {
    if (atomic_fetch_sub_explicit(&call->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (call->plain)
        seal__plain_release(call);
    else
        release(call);
}

bool seal__client_call_on_loop(const seal_client_call *call) {
    uv_thread_t self = uv_thread_self();
    return uv_thread_equal(&self, &call->loop_thread) != 0;
}

const char *seal__client_call_timeout(const seal_client_call *call, char text[SEAL__TIME_TEXT]) {
    bool is_short = call->timeout_us < 1000;
    snprintf(text, SEAL__TIME_TEXT, "%llu %s",
             (unsigned long long)(is_short ? call->timeout_us : call->timeout_us / 1000),
             is_short ? "us" : "ms");
    return text;
}

/* ---- The end ---- */

/* Whoever is posting work has done so when this returns, and nobody does afterwards. */
static void set_delivered(seal_client_call *call) {
    pthread_mutex_lock(&call->lock);
    atomic_store(&call->delivered, true);
    pthread_mutex_unlock(&call->lock);
}

void seal__client_call_deliver(seal_client_call *call, const seal__outcome *outcome) {
    seal__outcome whole = *outcome;
    if (whole.execution == SEAL_NOT_EXECUTED && call->may_have_run)
        whole.execution = SEAL_EXECUTION_UNKNOWN;
    seal_runtime *runtime = call->channel->runtime;
    seal_result *result = call->result != NULL ? call->result : seal__result_take(runtime);
    call->result = NULL;
    seal__client_call_leave(call);
    set_delivered(call);
    if (result != NULL) {
        seal__result_set(result, &whole, call->conn != NULL ? call->conn->peer : NULL);
        seal__result_set_call(result, call->attempts, call->initial);
        call->initial = NULL;
    } else {
        result = seal__result_no_memory();
    }
    seal__chain_end(call, result);
    call->deliver(result, call->done, call->user);
    seal__result_hand_back(runtime, result);
    seal__client_call_unref(call);
}

void seal__client_call_attempt_ended(seal_client_call *call, const seal__outcome *outcome) {
    if (call->never_left)
        call->attempts--;
    if (outcome->execution != SEAL_NOT_EXECUTED)
        call->may_have_run = true;
    if (outcome->status == SEAL_STATUS_OK || !seal__retry_consider(call, outcome))
        seal__client_call_deliver(call, outcome);
}

/* The outcome holds what is so if it has run. */
static void give_up(seal_client_call *call, seal__outcome *outcome) {
    seal_channel *channel = call->channel;
    seal__conn *conn = call->stream != NULL ? call->conn : NULL;
    if (seal__client_call_drop_stream(call))
        outcome->execution = SEAL_NOT_EXECUTED;
    seal__client_call_deliver(call, outcome);
    if (conn != NULL && conn->state == SEAL__CONN_OPEN)
        seal__channel_let_leave(channel, conn);
    seal__channel_serve_pending(channel);
}

static seal__outcome cancelled(seal_client_call *call, seal_execution execution) {
    return (seal__outcome){.status = SEAL_STATUS_CANCELLED,
                           .execution = execution,
                           .cause = SEAL_ERROR_CANCELLED,
                           .message = atomic_load(&call->parent_cancelled)
                                          ? "the call that it was made for was cancelled"
                                          : "cancelled by the caller"};
}

static void cancel(seal_client_call *call) {
    if (!call->submitted) {
        call->early_cancel = true;
        return;
    }
    seal__outcome outcome = cancelled(call, SEAL_EXECUTION_UNKNOWN);
    give_up(call, &outcome);
}

bool seal__client_call_is_called_off(seal_client_call *call) {
    if ((atomic_load(&call->work) & SEAL__WORK_CANCEL) == 0)
        return false;
    const seal__outcome outcome = cancelled(call, SEAL_NOT_EXECUTED);
    seal__client_call_deliver(call, &outcome);
    return true;
}

static seal_status status_of_break(int code) {
    if (code == SEAL_ERROR_MALFORMED)
        return SEAL_STATUS_INTERNAL;
    return code == SEAL_ERROR_TOO_BIG ? SEAL_STATUS_RESOURCE_EXHAUSTED : seal__status_of(code);
}

static void end_broken(seal_client_call *call) {
    int code = atomic_load(&call->broken);
    const seal_error *error = seal__blocking_error(call);
    give_up(call,
            &(seal__outcome){.status = status_of_break(code),
                             .execution = error != NULL ? SEAL_EXECUTED : SEAL_EXECUTION_UNKNOWN,
                             .cause = (seal_error_code)code,
                             .message = error != NULL ? seal_error_message(error)
                                                      : seal_error_code_text(code)});
}

/* ---- What the loop does for it ---- */

static void refuse(seal_client_call *call) {
    char text[TEXT_MAX];
    const char *cause = seal_error_code_text((int)call->refused);
    if (call->n_begun < call->chain->n)
        snprintf(text, sizeof text, "refused by an interceptor of the channel: %s", cause);
    else if (atomic_load(&call->parent_cancelled))
        snprintf(text, sizeof text, "the call that it is made for is cancelled");
    else
        snprintf(text, sizeof text, "%s", cause);
    seal__client_call_deliver(call, &(seal__outcome){.status = seal__status_of((int)call->refused),
                                                     .execution = SEAL_NOT_EXECUTED,
                                                     .cause = call->refused,
                                                     .message = text});
}

static void begin(seal_client_call *call) {
    call->owned = true;
    call->submitted = true;
    if (call->refused != SEAL_OK)
        refuse(call);
    else if (call->early_cancel)
        cancel(call);
    else
        seal__channel_enqueue(call->channel, call);
}

static void run(seal__task *task) {
    static void (*const steps[])(seal_client_call * call) = {begin,
                                                             seal__client_call_take_outgoing,
                                                             seal__client_call_pass_read,
                                                             seal__client_call_check_room,
                                                             seal__client_call_tell_metadata,
                                                             end_broken,
                                                             cancel};
    seal_client_call *call = SEAL__CONTAINER_OF(task, seal_client_call, task);
    unsigned work = atomic_exchange(&call->work, 0);
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if ((work & 1u << i) != 0 && !atomic_load(&call->delivered))
            steps[i](call);
    }
    seal__client_call_unref(call);
}

/* The loop may let go of the call before the lock is open again. */
void seal__client_call_post(seal_client_call *call, unsigned work) {
    seal__client_call_ref(call);
    if (call->plain)
        call->touched = true;
    pthread_mutex_lock(&call->lock);
    if (!atomic_load(&call->delivered) && atomic_fetch_or(&call->work, work) == 0) {
        seal__client_call_ref(call);
        seal__runtime_queue(call->channel->runtime, &call->task);
    } /* else it is on its way */
    pthread_mutex_unlock(&call->lock);
    seal__client_call_unref(call);
}

/* ---- Starting ---- */

static uint64_t timeout_of(const seal_channel *channel, const seal_method *method,
                           const seal_call_options *options) {
    if (options->timeout_us != 0)
        return options->timeout_us;
    return method->timeout_us != 0 ? method->timeout_us : channel->config.timeout_us;
}

void seal__client_call_limit(seal_client_call *call, const seal_call_options *options,
                             uint64_t timeout_us, uint64_t now_ns) {
    const seal_method *method = call->method;
    call->timeout_us = timeout_us;
    call->started_ns = now_ns;
    call->deadline_ns = seal__deadline_after(now_ns, timeout_us);
    call->min_level =
        options->min_level > method->min_level ? options->min_level : method->min_level;
    call->wait_for_ready = options->wait_for_ready;
    call->max_attempts = options->max_attempts;
    if (options->parent != NULL)
        seal__client_call_inherit(call, options->parent, options->timeout_us != 0);
}

static void set_kind(seal_client_call *call, const seal__start *start) {
    unsigned flags = call->method->flags;
    call->streams_out = (flags & SEAL_METHOD_CLIENT_STREAMING) != 0;
    call->streams_in = (flags & SEAL_METHOD_SERVER_STREAMING) != 0;
    call->blocking = start->blocking;
    call->message = start->callbacks.message;
    call->received = start->callbacks.message != NULL ? start->callbacks.received : NULL;
    call->deliver = start->callbacks.deliver;
    call->done = start->callbacks.done;
    call->user = start->blocking != NULL ? call : start->callbacks.user;
    /* Where nobody asks for messages, they are let through to the end. */
    bool is_asked = call->streams_in && (start->blocking != NULL || call->received != NULL);
    call->asked = is_asked ? 0 : SEAL__READ_ALL;
    if (call->streams_in && start->blocking != NULL)
        call->asked = 1;
}

seal_client_call *seal__client_call_new(seal_runtime *runtime, unsigned n_states) {
    seal__shared *shared = runtime->shared;
    seal_client_call *call = seal__alloc(&shared->alloc, sizeof *call);
    if (call == NULL)
        return NULL;
    const size_t used = offsetof(seal_client_call, states) + n_states * sizeof(void *);
    memset(&call->refs, 0, used - offsetof(seal_client_call, refs));
    atomic_init(&call->refs, 1);
    call->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    call->shared = shared;
    call->loop_thread = runtime->thread;
    call->task.run = run;
    call->asked = SEAL__READ_ALL;
    seal__list_init(&call->node);
    seal__list_init(&call->hook.node);
    seal__history_init(&call->history, &shared->blocks.alloc);
    seal__arena_init(&call->arena, &shared->blocks.alloc, 0);
    atomic_init(&call->ended, true);
    return call;
}

static seal_client_call *call_new(seal_channel *channel, const seal__start *start,
                                  const seal_call_options *options, uint64_t timeout_us) {
    seal_client_call *call = seal__client_call_new(channel->runtime, channel->chain->n);
    if (call == NULL)
        return NULL;
    seal__shared_ref(call->shared);
    call->channel = channel;
    call->owned = seal__runtime_on_loop(channel->runtime);
    call->method = start->method;
    call->chain = seal__chain_ref(channel->chain);
    seal__hooks_init(call);
    set_kind(call, start);
    seal__client_call_limit(call, options, timeout_us, uv_hrtime());
    if (call->streams_out)
        seal__outgoing_init(&call->outgoing);
    atomic_init(&call->ended, !call->streams_out);
    return call;
}

/* Where there is something to send, or somebody who may want to. */
static int make_metadata(const seal_client_call *call, const seal_call_options *options,
                         seal_metadata **ret_metadata) {
    bool has_trace = options->parent != NULL && seal__trace_is_there(options->parent);
    *ret_metadata = NULL;
    if (seal_metadata_count(options->metadata) == 0 && !has_trace &&
        !seal__chain_wants_metadata(call->chain))
        return 0;
    int rc = seal__metadata_copy(&call->shared->alloc, options->metadata, ret_metadata);
    if (rc == 0 && has_trace)
        seal__trace_inherit(*ret_metadata, options->parent);
    return rc;
}

/* From here on every failure is a result. */
static int prepare(seal_client_call *call, const seal_call_options *options,
                   seal_metadata *metadata) {
    int rc = seal__chain_begin(call, metadata);
    if (rc == 0 && options->parent != NULL && !seal__client_call_join(call, options->parent)) {
        atomic_store(&call->parent_cancelled, true);
        rc = SEAL_ERROR_CANCELLED;
    }
    if (rc == 0 && metadata != NULL)
        rc = seal__metadata_pack(&call->shared->alloc, metadata, &call->metadata,
                                 &call->metadata_len);
    return rc;
}

/* The one request, small ones in the call's own memory. */
static int pack_request(seal_client_call *call, const ProtobufCMessage *request, size_t size) {
    const int kind = SEAL__OUT_MESSAGE | SEAL__OUT_LAST;
    seal__out_item *item = size <= SEAL__SMALL_REQUEST
                               ? seal__history_place(call->small, kind, size)
                               : seal__out_item_new(call->history.alloc, kind, size);
    if (item == NULL)
        return SEAL_ERROR_NO_MEMORY;
    seal__codec_pack(request, item->bytes);
    seal__client_call_add(call, item);
    return 0;
}

/* On the loop with a connection at hand it is sent at once, and what is too large to be sent again
 * is packed where it leaves. */
static bool send_at_once(seal_client_call *call, const ProtobufCMessage *request, size_t size) {
    bool called_off = (atomic_load(&call->work) & SEAL__WORK_CANCEL) != 0; /* by an interceptor */
    if (!call->owned || called_off || !seal__channel_is_ready(call->channel, call->min_level))
        return false;
    bool is_large = size > SEAL__HISTORY_MAX;
    if (request != NULL && !is_large && pack_request(call, request, size) < 0)
        return false;
    if (seal__client_call_attempt(call, call->started_ns) < 0)
        return false;
    call->submitted = true;
    int rc = is_large ? seal__client_call_send(call, request, size, true) : 0;
    if (rc < 0)
        seal__client_call_break(call, rc);
    return true;
}

void seal__client_call_submit(seal_client_call *call, const ProtobufCMessage *request,
                              size_t size) {
    if (call->refused == SEAL_OK && send_at_once(call, request, size))
        return;
    if (call->refused == SEAL_OK && request != NULL && call->history.count == 0)
        call->refused = (seal_error_code)pack_request(call, request, size);
    seal__client_call_post(call, SEAL__WORK_SUBMIT);
}

static void submit(seal_client_call *call, const ProtobufCMessage *request, size_t size) {
    if (call->refused == SEAL_OK && request != NULL)
        seal__chain_sent(call, request);
    seal__client_call_submit(call, request, size);
}

static int check_options(const seal_call_options *given, seal_call_options *options,
                         seal_error **reterr) {
    seal_call_options_init(options);
    if (seal__options_copy(options, sizeof *options, given, "seal_call_options", reterr) < 0)
        return SEAL_ERROR_INVALID;
    if (options->max_attempts > SEAL__ATTEMPTS_MAX)
        return seal__error(reterr, SEAL_ERROR_INVALID, "max_attempts is %u; it is at most %d",
                           options->max_attempts, SEAL__ATTEMPTS_MAX);
    if ((unsigned)options->min_level > SEAL_LEVEL_PRIVACY)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "min_level %d is not a level; set SEAL_LEVEL_INTEGRITY, "
                           "SEAL_LEVEL_PRIVACY or 0",
                           (int)options->min_level);
    return 0;
}

static int check_request(const seal__start *start, size_t *ret_size) {
    *ret_size = 0;
    if ((start->method->flags & SEAL_METHOD_CLIENT_STREAMING) == 0)
        return seal__codec_measure(start->method->request, start->request, ret_size, start->reterr);
    if (start->request != NULL)
        return seal__error(start->reterr, SEAL_ERROR_INVALID,
                           "its requests are a stream: start it without one, and write them");
    return 0;
}

/* Options that were given are taken to `given`; else *ret_options stays as it is. */
static int check_start(const seal_channel *channel, const seal__start *start,
                       seal_call_options *given, const seal_call_options **ret_options,
                       size_t *ret_size) {
    if (channel == NULL || start->method == NULL || start->callbacks.deliver == NULL ||
        start->callbacks.done == NULL)
        return seal__error(start->reterr, SEAL_ERROR_INVALID,
                           "channel, method and callbacks must not be NULL");
    if (start->options != NULL) {
        int rc = check_options(start->options, given, start->reterr);
        if (rc != 0)
            return rc;
        *ret_options = given;
    }
    return check_request(start, ret_size);
}

int seal__client_call_check_deadline(const seal_client_call *call, seal_error **reterr) {
    if (call->deadline_ns != UINT64_MAX || call->channel->config.keepalive_ns > 0)
        return 0;
    return seal__error(reterr, SEAL_ERROR_INVALID,
                       "there is no deadline (SEAL_NO_DEADLINE), and keepalive_ms of the channel "
                       "is SEAL_NEVER: set timeout_us or keepalive_ms");
}

static int start_new(seal_client_call *call, const seal__start *start,
                     const seal_call_options *options, size_t size, seal_client_call **ret_call) {
    seal_metadata *metadata = NULL;
    if (call->owned && call->channel->freeing)
        return SEAL_ERROR_STATE;
    int rc = seal__client_call_check_deadline(call, start->reterr);
    if (rc == 0)
        rc = make_metadata(call, options, &metadata);
    if (rc < 0)
        return rc;
    call->refused = (seal_error_code)prepare(call, options, metadata);
    if (metadata != NULL)
        seal_metadata_free(metadata);
    if (ret_call != NULL)
        *ret_call = seal__client_call_ref(call);
    submit(call, start->request, size);
    return 0;
}

int seal__client_call_start(seal_channel *channel, const seal__start *start,
                            seal_client_call **ret_call) {
    static const seal_call_options none = {.struct_size = sizeof none};
    seal_call_options given;
    const seal_call_options *options = &none;
    size_t size = 0;
    int rc = check_start(channel, start, &given, &options, &size);
    if (rc < 0)
        return rc;
    uint64_t timeout_us = timeout_of(channel, start->method, options);
    if (ret_call == NULL && seal__plain_is(channel, start, options))
        return seal__plain_start(channel, start, options, timeout_us, size);
    seal_client_call *call = call_new(channel, start, options, timeout_us);
    if (call == NULL)
        return SEAL_ERROR_NO_MEMORY;
    rc = start_new(call, start, options, size, ret_call);
    if (rc < 0) {
        call->blocking = NULL;
        seal__client_call_unref(call);
    }
    return rc;
}

int seal__client_call_start_connect(seal_channel *channel, const seal__start *start) {
    static const seal_method connect = {.full_name = "seal_channel_connect"};
    seal_call_options options;
    if (channel == NULL || start->callbacks.done == NULL)
        return SEAL_ERROR_INVALID;
    int rc = check_options(start->options, &options, start->reterr);
    if (rc < 0)
        return rc;
    options.parent = NULL;
    const seal__start with_method = {.method = &connect, .callbacks = start->callbacks};
    seal_client_call *call =
        call_new(channel, &with_method, &options, timeout_of(channel, &connect, &options));
    if (call == NULL)
        return SEAL_ERROR_NO_MEMORY;
    call->connects = true;
    rc = call->owned && channel->freeing ? SEAL_ERROR_STATE
                                         : seal__client_call_check_deadline(call, start->reterr);
    if (rc == 0)
        seal__client_call_post(call, SEAL__WORK_SUBMIT);
    else
        seal__client_call_unref(call);
    return rc;
}

static void tell_connected(const seal_result *result, seal_any_fn *done, void *user) {
    ((seal_channel_connected_fn *)done)(result, user);
}

int seal_channel_connect(seal_channel *channel, const seal_call_options *options,
                         seal_channel_connected_fn *connected, void *user) {
    return seal__client_call_start_connect(
        channel, &(seal__start){.options = options,
                                .callbacks = {.deliver = tell_connected,
                                              .done = (seal_any_fn *)connected,
                                              .user = user}});
}

int seal_channel_call(seal_channel *channel, const seal_method *method,
                      const ProtobufCMessage *request, const seal_call_options *options,
                      seal_deliver_fn *deliver, seal_any_fn *done, void *user,
                      seal_client_call **ret_call) {
    const unsigned streams = SEAL_METHOD_CLIENT_STREAMING | SEAL_METHOD_SERVER_STREAMING;
    if (method == NULL || (method->flags & streams) != 0)
        return SEAL_ERROR_INVALID;
    return seal__client_call_start(
        channel,
        &(seal__start){.method = method,
                       .request = request,
                       .options = options,
                       .callbacks = {.deliver = deliver, .done = done, .user = user}},
        ret_call);
}

/* ---- The caller's handle ---- */

void seal_client_call_cancel(seal_client_call *call) {
    if (call == NULL || atomic_load(&call->delivered))
        return;
    if (seal__client_call_on_loop(call))
        seal__client_call_take_back(call);
    seal__client_call_post(call, SEAL__WORK_CANCEL);
}

void seal_client_call_unref(seal_client_call *call) {
    if (call != NULL)
        seal__client_call_unref(call);
}

const char *seal_client_call_method(const seal_client_call *call) {
    return call->method->full_name;
}
