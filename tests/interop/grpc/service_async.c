/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that return at once; what is to be sent later is sent by callbacks. */
#include "service.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

typedef int send_fn(seal_call *call, const stream_response *message);

/* A call with a stream of responses. */
typedef struct stream {
    pthread_mutex_t lock; /* callbacks, and the thread that pauses */
    seal_call *call;      /* a reference, until it is answered */
    send_fn *send;
    interop_orders orders;
    bool half;    /* nothing is sent before the client's end */
    bool ended;   /* the client sends no more */
    bool reading; /* a message was asked for, and has not come */
    bool pausing; /* a thread waits until the next response is due */
    bool paused;  /* it has: the next response may go */
    bool slept;   /* a thread has known this stream */
    bool answered;
    struct stream *next;
} stream;

/* Threads that pause. A stream that one has known is kept to the end, because the other callbacks
 * may be under way when it is answered there. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t fewer;
    unsigned threads;
    stream *kept;
} pauses = {.lock = PTHREAD_MUTEX_INITIALIZER, .fewer = PTHREAD_COND_INITIALIZER};

static void stream_free(stream *s) {
    interop_orders_done(&s->orders);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void answered(stream *s) {
    s->answered = true;
    seal_call_unref(s->call);
}

static void fail(stream *s, int rc) {
    if (rc == SEAL_ERROR_CANCELLED)
        seal_call_fail(s->call, SEAL_STATUS_CANCELLED, "cancelled");
    else
        seal_call_fail(s->call, SEAL_STATUS_INTERNAL, "%s", seal_error_code_text(rc));
    answered(s);
}

/* ---- Pauses ---- */

static void advance(stream *s);

static void *pause_thread(void *arg) {
    stream *s = arg;
    pthread_mutex_lock(&s->lock);
    int32_t us = s->orders.list[s->orders.next].interval_us;
    pthread_mutex_unlock(&s->lock);
    struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    while (nanosleep(&time, &time) != 0)
        continue;
    pthread_mutex_lock(&s->lock);
    s->pausing = false;
    s->paused = true;
    if (!s->answered)
        advance(s);
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_lock(&pauses.lock);
    pauses.threads--;
    pthread_cond_broadcast(&pauses.fewer);
    pthread_mutex_unlock(&pauses.lock);
    return NULL;
}

static void pause_stream(stream *s) {
    pthread_t thread;
    pthread_mutex_lock(&pauses.lock);
    pauses.threads++;
    if (!s->slept) {
        s->next = pauses.kept;
        pauses.kept = s;
    }
    pthread_mutex_unlock(&pauses.lock);
    s->slept = true;
    s->pausing = true;
    if (pthread_create(&thread, NULL, pause_thread, s) == 0) {
        pthread_detach(thread);
        return;
    }
    pthread_mutex_lock(&pauses.lock);
    pauses.threads--;
    pthread_mutex_unlock(&pauses.lock);
    s->pausing = false;
    fail(s, SEAL_ERROR_SYSTEM);
}

void interop_async_done(void) {
    pthread_mutex_lock(&pauses.lock);
    while (pauses.threads > 0)
        pthread_cond_wait(&pauses.fewer, &pauses.lock);
    while (pauses.kept != NULL) {
        stream *s = pauses.kept;
        pauses.kept = s->next;
        stream_free(s);
    }
    pthread_mutex_unlock(&pauses.lock);
}

/* ---- Sending ---- */

/* False: not now, or not ever. */
static bool send_next(stream *s) {
    const interop_order *order = &s->orders.list[s->orders.next];
    if (order->interval_us > 0 && !s->paused) {
        pause_stream(s);
        return false;
    }
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
    stream_response reply = GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
    if (!interop_zeros(&payload, order->size)) {
        seal_call_fail(s->call, SEAL_STATUS_INVALID_ARGUMENT, "size is %d", order->size);
        answered(s);
        return false;
    }
    reply.payload = &payload;
    int rc = s->send(s->call, &reply);
    if (rc == SEAL_ERROR_AGAIN)
        return false; /* on_writable follows */
    if (rc < 0) {
        fail(s, rc);
        return false;
    }
    s->orders.next++;
    s->paused = false;
    return true;
}

/* Does whatever can be done. Locked, and not answered. */
static void advance(stream *s) {
    bool may_send = !s->half || s->ended;
    while (may_send && !s->pausing && s->orders.next < s->orders.n) {
        if (!send_next(s))
            return;
    }
    if (s->pausing)
        return;
    if (s->ended) {
        seal_call_finish(s->call);
        answered(s);
    } else if (!s->reading) {
        s->reading = true;
        seal_call_read(s->call, 1);
    }
}

/* ---- Callbacks ---- */

static void leave(stream *s) {
    bool gone = s->answered && !s->slept;
    pthread_mutex_unlock(&s->lock);
    if (gone)
        stream_free(s);
}

static void on_writable(seal_call *call, void *user) {
    stream *s = user;
    (void)call;
    pthread_mutex_lock(&s->lock);
    if (!s->answered && !s->pausing)
        advance(s);
    leave(s);
}

static void on_cancel(seal_call *call, void *user) {
    stream *s = user;
    (void)call;
    pthread_mutex_lock(&s->lock);
    if (!s->answered)
        fail(s, SEAL_ERROR_CANCELLED);
    leave(s);
}

static void on_request(seal_call *call, const stream_request *request, void *user) {
    stream *s = user;
    (void)call;
    pthread_mutex_lock(&s->lock);
    s->reading = false;
    s->ended = s->ended || request == NULL;
    if (!s->answered && request != NULL &&
        (interop_echo_status(s->call, request->response_status) ||
         interop_refuse(s->call, request->response_type, NULL)))
        answered(s);
    if (!s->answered && request != NULL && !interop_orders_add(&s->orders, request))
        fail(s, SEAL_ERROR_NO_MEMORY);
    if (!s->answered)
        advance(s);
    leave(s);
}

/* ---- Handlers ---- */

static stream *stream_new(seal_call *call, send_fn *send) {
    stream *s = calloc(1, sizeof *s);
    interop_echo_metadata(call);
    if (s == NULL) {
        seal_call_fail(call, SEAL_STATUS_RESOURCE_EXHAUSTED, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&s->lock, NULL);
    s->call = seal_call_ref(call);
    s->send = send;
    seal_call_on_writable(call, on_writable, s);
    seal_call_on_cancel(call, on_cancel, s);
    return s;
}

static void streaming_output_call(seal_call *call, const stream_request *request, void *user) {
    (void)user;
    stream *s = stream_new(call, grpc_testing_test_service_send_streaming_output_call);
    if (s == NULL)
        return;
    s->ended = true;
    on_request(call, request, s);
}

static void full_duplex_call(seal_call *call, void *user) {
    (void)user;
    stream *s = stream_new(call, grpc_testing_test_service_send_full_duplex_call);
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    int rc = grpc_testing_test_service_receive_full_duplex_call(call, on_request, s);
    if (rc < 0)
        fail(s, rc);
    else
        advance(s);
    leave(s);
}

static void half_duplex_call(seal_call *call, void *user) {
    (void)user;
    stream *s = stream_new(call, grpc_testing_test_service_send_half_duplex_call);
    if (s == NULL)
        return;
    s->half = true;
    pthread_mutex_lock(&s->lock);
    int rc = grpc_testing_test_service_receive_half_duplex_call(call, on_request, s);
    if (rc < 0)
        fail(s, rc);
    else
        advance(s);
    leave(s);
}

/* ---- The sum of a stream of requests ---- */

typedef struct sum {
    int32_t bytes;
} sum;

static void sum_cancelled(seal_call *call, void *user) {
    seal_call_fail(call, SEAL_STATUS_CANCELLED, "cancelled");
    seal_call_unref(call);
    free(user);
}

static void sum_request(seal_call *call, const Grpc__Testing__StreamingInputCallRequest *request,
                        void *user) {
    sum *total = user;
    if (request == NULL) {
        Grpc__Testing__StreamingInputCallResponse reply =
            GRPC__TESTING__STREAMING_INPUT_CALL_RESPONSE__INIT;
        reply.aggregated_payload_size = total->bytes;
        grpc_testing_test_service_reply_streaming_input_call(call, &reply);
    } else if (!interop_refuse(call, GRPC__TESTING__PAYLOAD_TYPE__COMPRESSABLE,
                               request->expect_compressed)) {
        if (request->payload != NULL)
            total->bytes += (int32_t)request->payload->body.len;
        return;
    }
    seal_call_unref(call);
    free(total);
}

static void streaming_input_call(seal_call *call, void *user) {
    (void)user;
    sum *total = calloc(1, sizeof *total);
    interop_echo_metadata(call);
    if (total == NULL ||
        grpc_testing_test_service_receive_streaming_input_call(call, sum_request, total) < 0) {
        free(total);
        seal_call_fail(call, SEAL_STATUS_INTERNAL, "cannot receive");
        return;
    }
    seal_call_ref(call);
    seal_call_on_cancel(call, sum_cancelled, total);
    seal_call_read(call, SEAL_READ_ALL);
}

const grpc_testing_test_service_ops interop_async_ops = {
    .size = sizeof interop_async_ops,
    .empty_call = interop_empty_call,
    .unary_call = interop_unary_call,
    .cacheable_unary_call = interop_cacheable_unary_call,
    .streaming_output_call = streaming_output_call,
    .streaming_input_call = streaming_input_call,
    .full_duplex_call = full_duplex_call,
    .half_duplex_call = half_duplex_call};
