/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers. Whoever claims a call answers it. On the loop thread a reply is packed straight into the
 * connection's outbox; on another thread it is packed there, into memory of its own, and handed
 * over behind the messages that were sent before.
 */
#include <stdarg.h>
#include <stdio.h>

#include "codec/codec.h"
#include "server/server_internal.h"

enum { TEXT_MAX = 1024 };

/* Of a method. */
#define WANT                                                                                       \
    "the handler of %s ended without an answer: answer before it returns, or keep the call with "  \
    "seal_call_ref and answer later"

bool seal__call_claim(seal_call *call) {
    pthread_mutex_lock(&call->lock);
    bool first = !atomic_exchange(&call->answered, true);
    pthread_mutex_unlock(&call->lock);
    return first;
}

void seal__call_over(seal_call *call, seal_status code, seal_execution execution,
                     const char *text) {
    if (call->is_over)
        return;
    call->is_over = true;
    call->outcome = (seal__call_status){.code = code, .execution = execution};
    if (call->server->n_interceptors == 0)
        return;
    call->duration_us = (uv_hrtime() - call->began_ns) / 1000;
    if (code != SEAL_STATUS_OK && text != NULL)
        call->outcome.text = seal__strdup(seal__runtime_alloc(call->loop->runtime), text);
}

/* ---- To the session ---- */

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

static void give_status(seal_call *call, const seal__call_status *status) {
    seal__call_over(call, status->code, status->execution, status->text);
    if (call->stream == NULL)
        return;
    seal__ending ending = {
        .status = status->code,
        .execution = status->execution,
        .text = status->text != NULL ? status->text : "",
        .metadata = {.data = call->trailing, .len = call->trailing_len},
    };
    if (status->code != SEAL_STATUS_OK) {
        if (call->details != NULL)
            ending.details = (seal_bytes){.data = call->details->data, .len = call->details->len};
        ending.has_retry_after = call->has_retry_after;
        ending.retry_after_ms = call->retry_after_ms;
    }
    stream_ended(call, seal__session_finish_with(call->sc->conn->session, call->stream, &ending));
}

static void give_ok(seal_call *call) {
    seal__call_status ok = {.code = SEAL_STATUS_OK, .execution = SEAL_EXECUTED};
    give_status(call, &ok);
}

static void give_no_memory(seal_call *call) {
    static char text[] = "the server is out of memory";
    seal__call_status status = {SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_EXECUTED, text};
    give_status(call, &status);
}

/* The one reply: packed, or still the handler's. Trailing metadata needs a STATUS behind it. */
static void give_message(seal_call *call, size_t size, const seal__out_item *packed,
                         const ProtobufCMessage *message) {
    seal__call_count_out(call);
    if (call->stream == NULL) {
        seal__call_over(call, SEAL_STATUS_OK, SEAL_EXECUTED, NULL);
        return;
    }
    bool end = call->trailing_len == 0;
    int rc = packed == NULL ? seal__call_send_here(call, message, size, end)
                            : seal__session_send(call->sc->conn->session, call->stream, size,
                                                 seal__call_copy_item, packed, end);
    if (!end) {
        if (rc < 0)
            give_no_memory(call);
        else
            give_ok(call);
        return;
    }
    seal__call_over(call, SEAL_STATUS_OK, SEAL_EXECUTED, NULL);
    stream_ended(call, rc);
}

/* What was found or has happened before the handler answered goes before its answer. True: the
 * answer is no longer wanted. */
static bool is_settled(seal_call *call) {
    if (call->is_over)
        return true;
    if (call->ended_by != SEAL_STATUS_OK) {
        seal__call_over(call, call->ended_by,
                        seal__call_has_begun(call) ? SEAL_EXECUTED : SEAL_NOT_EXECUTED,
                        "given up before it was answered");
        return false; /* it still has to end the stream */
    }
    if (!atomic_load(&call->has_verdict) || !seal__call_has_begun(call))
        return false;
    give_status(call, &call->verdict);
    return true;
}

static void log_want(const seal_call *call) {
    seal__log_limit *limit = &call->loop->want_limit;
    uint64_t suppressed = limit->suppressed;
    if (!seal__log_allowed(limit, uv_hrtime()))
        return;
    seal__log_line(seal__runtime_log(call->loop->runtime), SEAL_LOG_WARNING,
                   "call of %s: " WANT " (%llu more like it were not logged)",
                   seal_peer_principal(call->peer), seal_call_method(call),
                   (unsigned long long)suppressed);
}

static void give_answer(seal_call *call) {
    seal__call_answer *answer = &call->answer;
    if (is_settled(call))
        return;
    if (answer->is_for_want && call->ended_by == SEAL_STATUS_OK)
        log_want(call);
    if (answer->reply != NULL)
        give_message(call, answer->reply->size, answer->reply, NULL);
    else
        give_status(call, &answer->status);
}

/* ---- Handing over ---- */

/* A message that cannot be sent any more must not be missing in the middle. */
static void give_item(seal_call *call, const seal__out_item *item) {
    if (call->stream == NULL)
        return;
    int rc = 0;
    if (item->kind == SEAL__OUT_METADATA)
        rc = seal__call_send_block(call, (seal_bytes){.data = item->bytes, .len = item->size});
    else if (!atomic_load(&call->has_verdict))
        rc = seal__session_send(call->sc->conn->session, call->stream, item->size,
                                seal__call_copy_item, item, false);
    if (rc < 0)
        seal__call_judge(call, SEAL_STATUS_RESOURCE_EXHAUSTED, "the server is out of memory");
    seal__conn_mark_dirty(call->sc->conn);
}

void seal__call_flush(seal_call *call) {
    seal__list items;
    seal__list_init(&items);
    pthread_mutex_lock(&call->lock);
    seal__outgoing_take(&call->out, &items);
    bool ready = call->answer.ready;
    pthread_mutex_unlock(&call->lock);
    bool any = !seal__list_is_empty(&items);
    for (seal__list *node = NULL; (node = seal__list_take_first(&items)) != NULL;) {
        seal__out_item *item = SEAL__CONTAINER_OF(node, seal__out_item, node);
        give_item(call, item);
        seal__release(seal__runtime_alloc(call->loop->runtime), item);
    }
    if (any)
        seal__call_publish(call);
    if (ready)
        give_answer(call);
}

/* The answer is written down. */
static void commit(seal_call *call) {
    pthread_mutex_lock(&call->lock);
    call->answer.ready = true;
    pthread_mutex_unlock(&call->lock);
    if (seal__call_on_loop(call))
        seal__call_flush(call);
    else
        seal__call_wake(call);
}

static void commit_status(seal_call *call, seal_status code, const char *text) {
    seal__call_status *status = &call->answer.status;
    status->code = code;
    status->execution = seal__call_has_begun(call) ? SEAL_EXECUTED : SEAL_NOT_EXECUTED;
    if (text != NULL && text[0] != '\0')
        status->text = seal__strdup(seal__runtime_alloc(call->loop->runtime), text);
    commit(call);
}

void seal__call_refuse(seal_call *call, seal_status code, const char *text) {
    if (seal__call_claim(call))
        commit_status(call, code, text);
    seal_call_unref(call);
}

void seal__call_answer_for_want(seal_call *call) {
    if (!seal__call_claim(call))
        return;
    char text[TEXT_MAX];
    snprintf(text, sizeof text, WANT, seal_call_method(call));
    call->answer.is_for_want = true;
    commit_status(call, SEAL_STATUS_INTERNAL, text);
}

/* ---- For handlers ---- */

static bool is_failure(seal_status status) {
    return status != SEAL_STATUS_OK && (unsigned)status <= SEAL_STATUS_UNAUTHENTICATED;
}

int seal_call_fail(seal_call *call, seal_status status, const char *format, ...) {
    if (!seal__call_claim(call))
        return SEAL_ERROR_ALREADY;
    char text[TEXT_MAX + 1] = "";
    if (format != NULL) {
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
    }
    commit_status(call, is_failure(status) ? status : SEAL_STATUS_UNKNOWN, text);
    return 0;
}

int seal_call_finish(seal_call *call) {
    if ((call->method->method->flags & SEAL_METHOD_SERVER_STREAMING) == 0)
        return SEAL_ERROR_INVALID;
    if (!seal__call_claim(call))
        return SEAL_ERROR_ALREADY;
    call->answer.status.execution = SEAL_EXECUTED;
    commit(call);
    return 0;
}

/* On the loop thread, with nothing from other threads before it. */
static void reply_here(seal_call *call, const ProtobufCMessage *reply, size_t size) {
    if (!seal__outgoing_is_empty(&call->out))
        seal__call_flush(call);
    if (!is_settled(call))
        give_message(call, size, NULL, reply);
}

static int reply_from_elsewhere(seal_call *call, const ProtobufCMessage *reply, size_t size) {
    call->answer.reply = seal__call_pack(call, reply, size);
    if (call->answer.reply == NULL) {
        commit_status(call, SEAL_STATUS_RESOURCE_EXHAUSTED, "the server is out of memory");
        return SEAL_ERROR_NO_MEMORY;
    }
    commit(call);
    return 0;
}

int seal_call_reply(seal_call *call, const seal_method *method, const ProtobufCMessage *reply) {
    seal_error *error = NULL;
    size_t size = 0;
    if (call->method->method != method || (method->flags & SEAL_METHOD_SERVER_STREAMING) != 0)
        return SEAL_ERROR_INVALID;
    bool here = seal__call_on_loop(call);
    bool is_alone = here && seal__call_is_alone(call);
    if (is_alone ? !seal__call_claim_alone(call) : !seal__call_claim(call))
        return SEAL_ERROR_ALREADY;
    int rc = seal__call_check(call, reply, &size, &error);
    if (rc < 0) {
        commit_status(
            call, rc == SEAL_ERROR_INVALID ? SEAL_STATUS_INTERNAL : SEAL_STATUS_RESOURCE_EXHAUSTED,
            seal_error_message(error));
        seal_error_free(error);
        return rc;
    }
    seal__call_show_sent(call, reply);
    if (!here)
        return reply_from_elsewhere(call, reply, size);
    reply_here(call, reply, size);
    return 0;
}
