/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of threads that block. A unary one is the asynchronous call and a wait
 * for its end; a stream has a mailbox, which the loop fills as long as little
 * lies there.
 */
#include <string.h>

#include "call/mailbox.h"
#include "client/client_internal.h"
#include "codec/codec.h"

enum { BOX_FULL = 64 * 1024 }; /* bytes: the loop asks for no more messages meanwhile */

static void nothing(void) {}

/* ---- Unary ---- */

typedef struct waiter {
    uv_sem_t done;
    seal_result *result;
} waiter;

static void keep_result(const seal_result *result, seal_any_fn *done, void *user) {
    (void)done;
    waiter *w = user;
    w->result = seal_result_ref(result);
    uv_sem_post(&w->done);
}

static seal_result *failed(seal_channel *channel, const seal_method *method, int rc,
                           seal_error *error) {
    if (error != NULL && method != NULL)
        seal__error_prefix(&error, "%s is not called", method->full_name);
    seal_result *result = seal__result_failed(channel->runtime->shared, rc,
                                              error != NULL ? seal_error_message(error) : NULL);
    seal_error_free(error);
    return result;
}

static int start_unary(seal_channel *channel, const seal__start *start) {
    const seal_method *method = start->method;
    const unsigned streams = SEAL_METHOD_CLIENT_STREAMING | SEAL_METHOD_SERVER_STREAMING;
    if (method != NULL && (method->flags & streams) != 0)
        return seal__error(start->reterr, SEAL_ERROR_INVALID,
                           "it is a stream: use its start or open function");
    return seal__client_call_start(channel, start, NULL);
}

static seal_result *start_and_wait(seal_channel *channel, seal__start what,
                                   int (*start)(seal_channel *channel, const seal__start *start)) {
    if (seal__runtime_must_not_block(channel->runtime))
        return seal__result_wrong_thread();
    waiter w = {.result = NULL};
    if (uv_sem_init(&w.done, 0) != 0)
        return seal__result_no_memory();
    seal_error *error = NULL;
    what.callbacks = (seal_stream_callbacks){.deliver = keep_result, .done = nothing, .user = &w};
    what.reterr = &error;
    int rc = start(channel, &what);
    if (rc == 0)
        uv_sem_wait(&w.done);
    uv_sem_destroy(&w.done);
    return rc == 0 ? w.result : failed(channel, what.method, rc, error);
}

seal_result *seal_channel_call_sync(seal_channel *channel, const seal_method *method,
                                    const ProtobufCMessage *request,
                                    const seal_call_options *options) {
    return start_and_wait(channel,
                          (seal__start){.method = method, .request = request, .options = options},
                          start_unary);
}

seal_result *seal_channel_connect_sync(seal_channel *channel, const seal_call_options *options) {
    return start_and_wait(channel, (seal__start){.options = options},
                          seal__client_call_start_connect);
}

/* ---- Streams ---- */

typedef struct seal__blocking {
    seal__mailbox box;
    atomic_size_t boxed;         /* bytes in the box */
    atomic_bool paused;          /* nothing was asked for, because the box is full */
    atomic_bool passing_over;    /* nobody reads what still comes */
    _Atomic(seal_error *) error; /* a message that cannot be used; set once */
    seal_result *result;         /* set before the box says that the call is over */
} seal__blocking;

static seal__blocking *blocking_new(seal__shared *shared) {
    seal__blocking *blocking = seal__alloc_zeroed(&shared->alloc, 1, sizeof *blocking);
    if (blocking != NULL)
        seal__mailbox_init(&blocking->box, &shared->blocks.alloc);
    return blocking;
}

void seal__blocking_free(seal__blocking *blocking, const seal_allocator *alloc) {
    if (blocking == NULL)
        return;
    seal__mailbox_done(&blocking->box);
    seal_result_free(blocking->result);
    seal_error_free(atomic_load(&blocking->error));
    seal__release(alloc, blocking);
}

const seal_error *seal__blocking_error(const seal_client_call *call) {
    return call->blocking != NULL ? atomic_load(&call->blocking->error) : NULL;
}

/* Whoever finds that there is room, after it was noted that there was none, asks. */
static void ask_again(seal_client_call *call) {
    seal__blocking *b = call->blocking;
    if (atomic_load(&b->boxed) < BOX_FULL && atomic_exchange(&b->paused, false))
        seal_client_call_read(call, 1);
}

int seal__blocking_message(seal_client_call *call, const uint8_t *data, size_t len) {
    seal__blocking *b = call->blocking;
    if (atomic_load(&b->passing_over))
        return 0;
    atomic_fetch_add(&b->boxed, len);
    int rc = seal__mailbox_put(&b->box, data, len);
    atomic_store(&b->paused, true);
    ask_again(call);
    return rc;
}

void seal__blocking_writable(seal_client_call *call) {
    seal__mailbox_set_writable(&call->blocking->box);
}

/* What was received before a failure may still be read, but not after the caller's own cancel. */
static void ended(const seal_result *result, seal_any_fn *done, void *user) {
    (void)done;
    const seal_client_call *call = user;
    seal__blocking *b = call->blocking;
    b->result = seal_result_ref(result);
    if (seal_result_cause(result) == SEAL_ERROR_CANCELLED)
        seal__mailbox_cancel(&b->box);
    else
        seal__mailbox_end(&b->box);
    seal__mailbox_set_writable(&b->box);
}

int seal_channel_start(seal_channel *channel, const seal_method *method,
                       const ProtobufCMessage *request, const seal_call_options *options,
                       seal_client_call **ret_call) {
    if (channel == NULL || ret_call == NULL)
        return SEAL_ERROR_INVALID;
    if (seal__runtime_must_not_block(channel->runtime))
        return SEAL_ERROR_WRONG_THREAD;
    seal__blocking *blocking = blocking_new(channel->runtime->shared);
    if (blocking == NULL)
        return SEAL_ERROR_NO_MEMORY;
    int rc =
        seal__client_call_start(channel,
                                &(seal__start){.method = method,
                                               .request = request,
                                               .options = options,
                                               .callbacks = {.deliver = ended, .done = nothing},
                                               .blocking = blocking},
                                ret_call);
    if (rc < 0)
        seal__blocking_free(blocking, &channel->runtime->shared->alloc);
    return rc;
}

/* The next message that was received, still packed; NULL: there is none any more. */
static seal__mail *take_mail(seal_client_call *call) {
    seal__blocking *b = call->blocking;
    seal__mail *mail = NULL;
    if (seal__mailbox_take(&b->box, &mail) != 1)
        return NULL;
    atomic_fetch_sub(&b->boxed, mail->len);
    ask_again(call);
    return mail;
}

static int unpack(seal_client_call *call, const seal__mail *mail, ProtobufCMessage **ret_message,
                  seal_error **reterr) {
    const seal_method *method = call->method;
    seal__arena_reset(&call->arena, seal__codec_budget(mail->len));
    int rc = seal__codec_unpack(method->response, mail->bytes, mail->len, SEAL__CODEC_COPIES,
                                &call->arena, ret_message, reterr);
    if (rc < 0)
        seal__error_prefix(reterr, "a message of %s cannot be used", method->full_name);
    return rc;
}

/* The call fails, whatever it is just doing: seal_client_call_finish says why. */
static void fail_because(seal_client_call *call, seal_error *error) {
    seal_error *none = NULL;
    int code = seal_error_get_code(error);
    if (!atomic_compare_exchange_strong(&call->blocking->error, &none, error))
        seal_error_free(error);
    else if (!atomic_load(&call->delivered))
        seal__client_call_break(call, code);
}

/* The loop's thread, or the one that has its number when the loop is no more: then the call has
 * ended, and nothing waits. The same on other loops. */
static bool would_hold_up_a_loop(const seal_client_call *call) {
    if (seal__client_call_on_loop(call))
        return call->blocking->result == NULL;
    return seal__on_loop_thread() && !atomic_load(&call->delivered);
}

static int check_blocking(const seal_client_call *call, const seal_method *method, bool streams) {
    if (call == NULL || call->blocking == NULL || call->method != method || !streams)
        return SEAL_ERROR_INVALID;
    return would_hold_up_a_loop(call) ? SEAL_ERROR_WRONG_THREAD : 0;
}

int seal_client_call_take(seal_client_call *call, const seal_method *method,
                          const ProtobufCMessage **ret_message) {
    int rc = check_blocking(call, method, call != NULL && call->streams_in && ret_message != NULL);
    if (rc < 0)
        return rc;
    ProtobufCMessage *message = NULL;
    seal_error *error = NULL;
    if (seal__blocking_error(call) != NULL)
        return 0;
    seal__mail *mail = take_mail(call);
    if (mail == NULL)
        return 0;
    rc = unpack(call, mail, &message, &error);
    seal__release(call->blocking->box.alloc, mail);
    if (rc < 0) {
        fail_because(call, error);
        return 0;
    }
    seal__chain_received(call, message);
    *ret_message = message;
    return 1;
}

int seal_client_call_put(seal_client_call *call, const seal_method *method,
                         const ProtobufCMessage *message) {
    int rc = check_blocking(call, method, call != NULL && call->streams_out);
    if (rc < 0)
        return rc;
    bool waited = false;
    seal__mailbox *box = &call->blocking->box;
    while ((rc = seal_client_call_write(call, method, message)) == SEAL_ERROR_AGAIN) {
        waited = true;
        if (seal__mailbox_await_writable(box) < 0)
            return SEAL_ERROR_CLOSED;
    }
    if (waited) /* another thread may have waited too */
        seal__mailbox_set_writable(box);
    return rc;
}

/* It was delivered as OK before anybody had looked at its messages. */
static seal_result *spoilt(const seal_client_call *call, const seal_error *error) {
    seal_result *result = seal__result_new(call->shared);
    if (result == NULL)
        return seal__result_no_memory();
    seal_error_code code = seal_error_get_code(error);
    seal__result_set(result,
                     &(seal__outcome){.status = code == SEAL_ERROR_MALFORMED
                                                    ? SEAL_STATUS_INTERNAL
                                                    : SEAL_STATUS_RESOURCE_EXHAUSTED,
                                      .execution = SEAL_EXECUTED,
                                      .cause = code,
                                      .message = seal_error_message(error)},
                     seal__result_peer(call->blocking->result));
    return result;
}

seal_result *seal_client_call_finish(seal_client_call *call) {
    if (call->blocking == NULL)
        return seal__result_failed(call->shared, SEAL_ERROR_STATE,
                                   "the call was not started with a blocking start function");
    if (would_hold_up_a_loop(call))
        return seal__result_wrong_thread();
    seal__blocking *b = call->blocking;
    atomic_store(&b->passing_over, true);
    seal_client_call_end(call);
    seal_client_call_read(call, SEAL_READ_ALL);
    seal__mail *mail = NULL;
    while ((mail = take_mail(call)) != NULL)
        seal__release(b->box.alloc, mail);
    const seal_error *error = seal__blocking_error(call);
    if (error != NULL && seal_result_status(b->result) == SEAL_STATUS_OK)
        return spoilt(call, error);
    return seal_result_ref(b->result);
}
