/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers. On the loop thread a reply is packed straight into the connection's outbox; on another
 * thread it is packed there, into memory of its own, and handed over.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codec/codec.h"
#include "server/server_internal.h"

enum { TEXT_MAX = 1024 };

static void copy_bytes(const void *message, uint8_t *at) {
    const seal_bytes *bytes = message;
    if (bytes->len > 0)
        memcpy(at, bytes->data, bytes->len);
}

/* The stream has ended: lets go of it and of what waited for that. */
static void stream_ended(seal_call *call, int rc) {
    seal__server_conn *sc = call->sc;
    seal__call_detach(call);
    seal__conn_mark_dirty(sc->conn);
    if (rc < 0) {
        seal_error *error = NULL;
        seal__error(&error, rc, "cannot send an answer: %s", seal_error_code_text(rc));
        seal__conn_close(sc->conn, SEAL__CLOSE_INTERNAL, error);
        return;
    }
    seal__server_maybe_close_idle(sc);
}

static void send_message(seal_call *call, size_t size, seal__pack_fn *pack, const void *message) {
    if (call->stream != NULL)
        stream_ended(call, seal__session_send(call->sc->conn->session, call->stream, size, pack,
                                              message, true));
}

static void send_status(seal_call *call, seal_status status, seal_execution execution,
                        const char *text) {
    if (call->stream != NULL)
        stream_ended(call, seal__session_finish(call->sc->conn->session, call->stream, status,
                                                execution, text != NULL ? text : ""));
}

void seal__call_refuse(seal_call *call, seal_status status, seal_execution execution,
                       const char *text) {
    if (atomic_exchange(&call->answered, true))
        return;
    if (!call->invoked)
        call->server->stats.calls_refused++;
    send_status(call, status, execution, text);
}

/* ---- From another thread ---- */

static void run_answer(seal__task *task) {
    seal_call *call = SEAL__CONTAINER_OF(task, seal_call, task);
    if (call->answer_status == SEAL_STATUS_OK) {
        seal_bytes bytes = {.data = call->answer, .len = call->answer_len};
        send_message(call, call->answer_len, copy_bytes, &bytes);
    } else {
        send_status(call, call->answer_status, call->answer_execution, call->answer_text);
    }
    seal__call_release(call);
}

static void hand_over(seal_call *call) {
    atomic_fetch_add(&call->refs, 1);
    call->task.run = run_answer;
    seal__runtime_queue(call->server->runtime, &call->task);
}

static void fail_now(seal_call *call, seal_status status, const char *text) {
    if (seal__runtime_on_loop(call->server->runtime)) {
        send_status(call, status, SEAL_EXECUTED, text);
        return;
    }
    call->answer_status = status;
    call->answer_execution = SEAL_EXECUTED;
    call->answer_text = seal__strdup(seal__runtime_alloc(call->server->runtime), text);
    hand_over(call);
}

static bool is_failure(seal_status status) {
    return status != SEAL_STATUS_OK && strcmp(seal_status_name(status), "?") != 0;
}

int seal_call_fail(seal_call *call, seal_status status, const char *format, ...) {
    if (atomic_exchange(&call->answered, true))
        return SEAL_ERROR_ALREADY;
    char text[TEXT_MAX + 1] = "";
    if (format != NULL) {
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
    }
    fail_now(call, is_failure(status) ? status : SEAL_STATUS_UNKNOWN, text);
    return 0;
}

static int pack_elsewhere(seal_call *call, size_t size, const ProtobufCMessage *reply) {
    if (size > 0) {
        call->answer = seal__alloc(seal__runtime_alloc(call->server->runtime), size);
        if (call->answer == NULL) {
            fail_now(call, SEAL_STATUS_RESOURCE_EXHAUSTED, "the server is out of memory");
            return SEAL_ERROR_NO_MEMORY;
        }
        seal__codec_pack(reply, call->answer);
    }
    call->answer_len = size;
    call->answer_status = SEAL_STATUS_OK;
    hand_over(call);
    return 0;
}

static uint32_t reply_limit(const seal_call *call) {
    uint32_t limit = call->method->method->max_response;
    return limit != 0 ? limit : call->server->config.max_response;
}

int seal_call_reply(seal_call *call, const seal_method *method, const ProtobufCMessage *reply) {
    if (call->method->method != method)
        return SEAL_ERROR_INVALID;
    if (atomic_exchange(&call->answered, true))
        return SEAL_ERROR_ALREADY;
    seal_error *error = NULL;
    if (seal__codec_check(method->response, reply, &error) < 0) {
        fail_now(call, SEAL_STATUS_INTERNAL, seal_error_message(error));
        seal_error_free(error);
        return SEAL_ERROR_INVALID;
    }
    size_t size = seal__codec_size(reply);
    if (size > reply_limit(call)) {
        char text[128];
        snprintf(text, sizeof text, "the reply has %zu bytes; the limit is %u", size,
                 reply_limit(call));
        fail_now(call, SEAL_STATUS_RESOURCE_EXHAUSTED, text);
        return SEAL_ERROR_TOO_BIG;
    }
    if (!seal__runtime_on_loop(call->server->runtime))
        return pack_elsewhere(call, size, reply);
    send_message(call, size, seal__codec_pack, reply);
    return 0;
}
