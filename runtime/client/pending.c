/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that wait for a connection or a stream: their order, their deadlines, their limit. */
#include <stdio.h>
#include <string.h>

#include "client/client_internal.h"

enum { TEXT_MAX = 512, MAX_LOST_CONNECTIONS = 3 };

static void copy_request(const void *message, uint8_t *at) {
    const seal_client_call *call = message;
    if (call->request_len > 0)
        memcpy(at, call->request, call->request_len);
}

bool seal__channel_is_ready(const seal_channel *channel, seal_level level) {
    return channel->is_open && channel->n_pending == 0 &&
           level <= seal_peer_level(channel->conn->peer) &&
           seal__session_can_open(channel->conn->session);
}

int seal__channel_send_request(seal_channel *channel, seal_client_call *call, size_t size,
                               seal__pack_fn *pack, const void *message) {
    seal__session *session = channel->conn->session;
    uint32_t limit = call->method->max_response;
    /* One that has not waited was started just now. */
    uint64_t now = call->request == NULL ? call->started_ns : uv_hrtime();
    int rc =
        seal__session_open(session, now, call->method->full_name, call->deadline_ns,
                           limit != 0 ? limit : channel->config.max_response, call, &call->stream);
    seal__conn_mark_dirty(channel->conn); /* where the outbox has failed, the flush finds out */
    if (rc < 0)
        return rc;
    rc = seal__session_send(session, call->stream, size, pack, message, true);
    if (rc < 0) {
        seal__session_cancel(session, call->stream);
        call->stream = NULL;
        return rc;
    }
    call->conn = channel->conn;
    return 0;
}

void seal__channel_unqueue(seal_channel *channel, seal_client_call *call) {
    if (seal__list_is_empty(&call->node))
        return;
    seal__list_remove(&call->node);
    seal__heap_remove(&channel->deadlines, &call->deadline);
    channel->n_pending--;
}

static seal_client_call *first_pending(const seal_channel *channel) {
    return SEAL__CONTAINER_OF(channel->pending.next, seal_client_call, node);
}

/* A call may ask for more protection than the connection has. Returns true when it was ended for
 * that. */
static bool refuse_level(const seal_channel *channel, seal_client_call *call) {
    seal_level level = seal_peer_level(channel->conn->peer);
    if (call->min_level <= level)
        return false;
    char text[TEXT_MAX];
    snprintf(text, sizeof text,
             "%s asks for level %s; the connection has %s: raise the channel's min_level",
             call->method->full_name, seal_level_name(call->min_level), seal_level_name(level));
    seal__client_call_deliver(call, &(seal__outcome){.status = SEAL_STATUS_FAILED_PRECONDITION,
                                                     .execution = SEAL_NOT_EXECUTED,
                                                     .cause = SEAL_ERROR_PROTECTION,
                                                     .message = text});
    return true;
}

static void send_pending(seal_channel *channel, seal_client_call *call) {
    seal__channel_unqueue(channel, call);
    if (refuse_level(channel, call))
        return;
    int rc = seal__channel_send_request(channel, call, call->request_len, copy_request, call);
    if (rc < 0) {
        seal__client_call_deliver(call, &(seal__outcome){.status = seal__status_of(rc),
                                                         .execution = SEAL_NOT_EXECUTED,
                                                         .cause = (seal_error_code)rc,
                                                         .message = seal_error_code_text(rc)});
        return;
    }
    seal__release(&call->shared->alloc, call->request);
    call->request = NULL;
}

void seal__channel_serve_pending(seal_channel *channel) {
    while (!channel->freeing && channel->n_pending > 0 && channel->is_open &&
           seal__session_can_open(channel->conn->session))
        send_pending(channel, first_pending(channel));
}

static void refuse(seal_client_call *call, seal_status status, seal_error_code cause,
                   const char *text) {
    seal__client_call_deliver(call, &(seal__outcome){.status = status,
                                                     .execution = SEAL_NOT_EXECUTED,
                                                     .cause = cause,
                                                     .message = text});
}

void seal__channel_enqueue(seal_channel *channel, seal_client_call *call) {
    if (channel->freeing) {
        refuse(call, SEAL_STATUS_CANCELLED, SEAL_ERROR_CANCELLED, "the channel was freed");
        return;
    }
    if (channel->n_pending >= channel->config.max_pending) {
        char text[TEXT_MAX];
        snprintf(text, sizeof text, "%u calls to %s are waiting already; see max_pending",
                 channel->n_pending, channel->config.target.text);
        refuse(call, SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_ERROR_TOO_MANY, text);
        return;
    }
    if (!seal__heap_insert(&channel->deadlines, &call->deadline, call->deadline_ns)) {
        refuse(call, SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    seal__list_append(&channel->pending, &call->node);
    channel->n_pending++;
    seal__channel_serve_pending(channel);
    seal__channel_connect(channel);
    seal__channel_arm_timer(channel);
}

void seal__channel_fail_pending(seal_channel *channel, const seal__outcome *outcome) {
    seal__list failed;
    seal__list_init(&failed);
    while (channel->n_pending > 0) {
        seal_client_call *call = first_pending(channel);
        seal__channel_unqueue(channel, call);
        seal__list_append(&failed, &call->node);
    }
    for (seal__list *node = seal__list_take_first(&failed); node != NULL;
         node = seal__list_take_first(&failed))
        seal__client_call_deliver(SEAL__CONTAINER_OF(node, seal_client_call, node), outcome);
}

void seal__channel_lost_connection(seal_channel *channel) {
    seal__list tired;
    seal__list_init(&tired);
    for (seal__list *node = channel->pending.next, *next = NULL; node != &channel->pending;
         node = next) {
        next = node->next;
        seal_client_call *call = SEAL__CONTAINER_OF(node, seal_client_call, node);
        if (++call->lost_connections < MAX_LOST_CONNECTIONS)
            continue;
        seal__channel_unqueue(channel, call);
        seal__list_append(&tired, &call->node);
    }
    for (seal__list *node = seal__list_take_first(&tired); node != NULL;
         node = seal__list_take_first(&tired))
        refuse(SEAL__CONTAINER_OF(node, seal_client_call, node), SEAL_STATUS_UNAVAILABLE,
               SEAL_ERROR_CLOSED,
               "the server accepts connections and closes them again before a call can be sent");
}

/* ---- Time ---- */

static void expire(seal_channel *channel, seal_client_call *call) {
    char place[SEAL__PLACE_MAX];
    char text[TEXT_MAX + SEAL__PLACE_MAX];
    const seal__link *link = channel->conn != NULL ? channel->conn->owner : channel->dialing;
    seal__channel_place(channel, link != NULL ? &link->endpoint : NULL, place);
    snprintf(text, sizeof text, "the deadline of %llu ms passed while %s (%s)",
             (unsigned long long)(call->timeout_us / 1000), seal__channel_stage(channel), place);
    seal__channel_unqueue(channel, call);
    refuse(call, SEAL_STATUS_DEADLINE_EXCEEDED, SEAL_ERROR_TIMEOUT, text);
}

void seal__channel_on_timer(uv_timer_t *timer) {
    seal_channel *channel = timer->data;
    channel->timer_ns = UINT64_MAX;
    uint64_t now = uv_hrtime();
    for (seal__heap_node *first = seal__heap_first(&channel->deadlines);
         first != NULL && first->key <= now; first = seal__heap_first(&channel->deadlines))
        expire(channel, SEAL__CONTAINER_OF(first, seal_client_call, deadline));
    if (!channel->freeing && now >= channel->connect_deadline)
        seal__channel_connect_timed_out(channel);
    seal__channel_arm_timer(channel);
}

void seal__channel_arm_timer(seal_channel *channel) {
    const seal__heap_node *first = seal__heap_first(&channel->deadlines);
    uint64_t next = first != NULL ? first->key : UINT64_MAX;
    next = channel->connect_deadline < next ? channel->connect_deadline : next;
    if (channel->freeing || next >= channel->timer_ns)
        return;
    uint64_t now = uv_hrtime();
    uint64_t wait_ms = next > now ? (next - now + 999999u) / 1000000u : 0;
    uv_update_time(channel->runtime->loop);
    uv_timer_start(&channel->timer, seal__channel_on_timer, wait_ms, 0);
    channel->timer_ns = next;
}
