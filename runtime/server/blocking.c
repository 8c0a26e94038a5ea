/* SPDX-License-Identifier: Apache-2.0 */
/* Calls whose handlers block: their way to a worker thread, and what they wait for there. */
#include <stdio.h>
#include <string.h>

#include "server/server_internal.h"

enum { READ_AHEAD = 4 /* messages */, TEXT_MAX = 128 };

/* ---- To a worker ---- */

/* The worker has looked at a call and cannot begin it: it goes back to the loop, which refuses it,
 * unless that has dropped it already. */
static void give_back(seal_call *call) {
    int queued = SEAL__CALL_QUEUED;
    if (atomic_compare_exchange_strong(&call->phase, &queued, SEAL__CALL_RETURNED))
        seal__call_wake(call);
}

static void run_handler(seal_call *call) {
    const seal__server_method *m = call->method;
    if (m->method->invoke(m->ops, call, call->request, m->user)) {
        seal_call_unref(call);
        return;
    }
    seal__call_judge(call, SEAL_STATUS_UNIMPLEMENTED, "the server does not implement the method");
    atomic_store(&call->phase, SEAL__CALL_RETURNED);
    seal__call_wake(call);
}

/* Once the handler has begun, the loop counts it before anything it sends. */
static void begin(seal_call *call) {
    int queued = SEAL__CALL_QUEUED;
    if (!atomic_compare_exchange_strong(&call->phase, &queued, SEAL__CALL_BEGUN))
        return;
    seal__call_wake(call);
    run_handler(call);
}

static int decode_request(seal_call *call) {
    seal__mail *mail = call->work->request;
    return mail == NULL ? 0 : seal__call_decode(call, mail->bytes, mail->len, NULL, &call->request);
}

static void run(seal__work *work, bool expired) {
    seal_call *call = SEAL__CONTAINER_OF(work, seal__call_work, work)->call;
    if (expired) {
        seal__call_judge(call, SEAL_STATUS_DEADLINE_EXCEEDED,
                         "the deadline passed while the call waited for a worker thread");
        give_back(call);
    } else if (decode_request(call) < 0) {
        give_back(call);
    } else {
        begin(call);
    }
    seal__call_release(call);
}

int seal__call_keep(seal_call *call, const uint8_t *data, size_t len) {
    const seal_allocator *alloc = seal__runtime_alloc(call->loop->runtime);
    const seal_allocator *blocks = seal__runtime_blocks(call->loop->runtime);
    seal__call_work *work = seal__alloc_zeroed(alloc, 1, sizeof *work);
    if (work == NULL)
        return SEAL_ERROR_NO_MEMORY;
    if (data != NULL) {
        work->request = seal__alloc(blocks, sizeof *work->request + len);
        if (work->request == NULL) {
            seal__release(alloc, work);
            return SEAL_ERROR_NO_MEMORY;
        }
        work->request->len = len;
        memcpy(work->request->bytes, data, len);
    }
    seal__mailbox_init(&work->box, blocks);
    seal__list_init(&work->queued);
    work->call = call;
    work->work.deadline_ns = call->deadline_ns;
    work->work.run = run;
    call->work = work;
    return 0;
}

void seal__call_work_free(seal_call *call) {
    if (call->work == NULL)
        return;
    seal__mailbox_done(&call->work->box);
    seal__release(seal__runtime_blocks(call->loop->runtime), call->work->request);
    seal__release(seal__runtime_alloc(call->loop->runtime), call->work);
}

static void refuse_queueing(seal_call *call, int rc) {
    char text[TEXT_MAX];
    if (rc == SEAL_ERROR_TOO_MANY)
        snprintf(text, sizeof text,
                 "all worker threads are busy and worker_queue (%u) calls wait already",
                 call->server->config.worker_queue);
    else
        snprintf(text, sizeof text, "cannot start a worker thread: %s", seal_error_code_text(rc));
    if (seal__call_drop(call))
        seal__call_refuse(call, SEAL_STATUS_RESOURCE_EXHAUSTED, text);
}

void seal__call_queue(seal_call *call) {
    atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed); /* the queue's */
    atomic_store(&call->phase, SEAL__CALL_QUEUED);
    seal__list_append(&call->loop->queued, &call->work->queued);
    seal__count(&call->loop->stats.calls_queued, 1);
    int rc = seal__workers_submit(call->server->workers, &call->work->work);
    if (rc == 0)
        return;
    refuse_queueing(call, rc);
    seal__call_release(call);
}

/* ---- For handlers ---- */

/* The messages ahead are asked for two at a time, so that not every one wakes the loop. */
static void read_ahead(seal_call *call) {
    seal__call_work *work = call->work;
    if (!work->is_reading) {
        work->is_reading = true;
        seal__call_want(call, READ_AHEAD);
    } else if (++work->taken == READ_AHEAD / 2) {
        work->taken = 0;
        seal__call_want(call, READ_AHEAD / 2);
    }
}

int seal_call_take(seal_call *call, const seal_method *method,
                   const ProtobufCMessage **ret_message) {
    if (call->work == NULL || call->method->method != method || ret_message == NULL ||
        (method->flags & SEAL_METHOD_CLIENT_STREAMING) == 0)
        return SEAL_ERROR_INVALID;
    if (seal__runtime_must_not_block(call->loop->runtime))
        return SEAL_ERROR_WRONG_THREAD;
    if (atomic_load(&call->answered))
        return SEAL_ERROR_CANCELLED;
    read_ahead(call);
    seal__mail *mail = NULL;
    int rc = seal__mailbox_take(&call->work->box, &mail);
    if (rc <= 0)
        return rc;
    ProtobufCMessage *message = NULL;
    rc = seal__call_decode(call, mail->bytes, mail->len, NULL, &message);
    seal__release(call->work->box.alloc, mail);
    if (rc < 0) {
        seal__call_wake(call); /* which cancels it */
        return SEAL_ERROR_CANCELLED;
    }
    *ret_message = message;
    return 1;
}

int seal_call_put(seal_call *call, const seal_method *method, const ProtobufCMessage *message) {
    if (call->work == NULL)
        return SEAL_ERROR_INVALID;
    if (seal__runtime_must_not_block(call->loop->runtime))
        return SEAL_ERROR_WRONG_THREAD;
    int rc = 0;
    bool waited = false;
    seal__mailbox *box = &call->work->box;
    while ((rc = seal_call_send(call, method, message)) == SEAL_ERROR_AGAIN) {
        waited = true;
        rc = seal__mailbox_await_writable(box);
        if (rc < 0)
            return rc;
    }
    if (waited) /* another thread may have waited too */
        seal__mailbox_set_writable(box);
    return rc;
}
