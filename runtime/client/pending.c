/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that wait for a connection or a stream: their order, their deadlines, their limit. */
#include <stdio.h>

#include "client/client_internal.h"

enum { TEXT_MAX = 512, MAX_LOST_CONNECTIONS = 3 };

bool seal__channel_is_ready(const seal_channel *channel, seal_level level) {
    return channel->is_open && channel->n_pending == 0 &&
           level <= seal_peer_level(channel->conn->peer) &&
           seal__session_can_open(channel->conn->session);
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
    if (seal__client_call_is_called_off(call) || refuse_level(channel, call))
        return;
    int rc = seal__client_call_attempt(call, uv_hrtime());
    if (rc < 0)
        seal__client_call_deliver(call, &(seal__outcome){.status = seal__status_of(rc),
                                                         .execution = SEAL_NOT_EXECUTED,
                                                         .cause = (seal_error_code)rc,
                                                         .message = seal_error_code_text(rc)});
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

static void tell_connected(seal_channel *channel, seal_client_call *call) {
    if (refuse_level(channel, call))
        return;
    call->conn = channel->conn;
    seal__client_call_deliver(
        call, &(seal__outcome){.status = SEAL_STATUS_OK, .execution = SEAL_NOT_EXECUTED});
}

void seal__channel_enqueue(seal_channel *channel, seal_client_call *call) {
    if (channel->freeing) {
        refuse(call, SEAL_STATUS_CANCELLED, SEAL_ERROR_CANCELLED, "the channel was freed");
        return;
    }
    if (call->connects && channel->is_open) {
        tell_connected(channel, call);
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
    call->touched = true;
    seal__list_append(&channel->pending, &call->node);
    channel->n_pending++;
    seal__channel_serve_pending(channel);
    seal__channel_connect(channel);
    seal__channel_arm_timer(channel);
}

/* Takes from the line all calls, or those of which `is_tired` is true. */
static void take_pending(seal_channel *channel, bool (*is_tired)(seal_client_call *call),
                         seal__list *taken) {
    seal__list_init(taken);
    for (seal__list *node = channel->pending.next, *next = NULL; node != &channel->pending;
         node = next) {
        next = node->next;
        seal_client_call *call = SEAL__CONTAINER_OF(node, seal_client_call, node);
        if (is_tired != NULL && !is_tired(call))
            continue;
        seal__channel_unqueue(channel, call);
        seal__list_append(taken, &call->node);
    }
}

static void deliver_all(seal__list *calls, const seal__outcome *outcome) {
    for (seal__list *node = seal__list_take_first(calls); node != NULL;
         node = seal__list_take_first(calls))
        seal__client_call_deliver(SEAL__CONTAINER_OF(node, seal_client_call, node), outcome);
}

void seal__channel_fail_pending(seal_channel *channel, const seal__outcome *outcome) {
    seal__list failed;
    take_pending(channel, NULL, &failed);
    deliver_all(&failed, outcome);
}

static bool connects(seal_client_call *call) {
    return call->connects;
}

/* They need no stream, and so do not wait for the calls before them. */
void seal__channel_tell_connected(seal_channel *channel) {
    seal__list ready;
    take_pending(channel, connects, &ready);
    for (seal__list *node = seal__list_take_first(&ready); node != NULL;
         node = seal__list_take_first(&ready))
        tell_connected(channel, SEAL__CONTAINER_OF(node, seal_client_call, node));
}

static bool is_impatient(seal_client_call *call) {
    return !call->wait_for_ready;
}

void seal__channel_fail_impatient(seal_channel *channel, const seal__outcome *outcome) {
    seal__list failed;
    take_pending(channel, is_impatient, &failed);
    deliver_all(&failed, outcome);
}

static bool has_lost_enough(seal_client_call *call) {
    return ++call->lost_connections >= MAX_LOST_CONNECTIONS && !call->wait_for_ready;
}

void seal__channel_lost_connection(seal_channel *channel) {
    seal__list tired;
    take_pending(channel, has_lost_enough, &tired);
    deliver_all(&tired,
                &(seal__outcome){.status = SEAL_STATUS_UNAVAILABLE,
                                 .execution = SEAL_NOT_EXECUTED,
                                 .cause = SEAL_ERROR_CLOSED,
                                 .message = "the server accepts connections and closes them "
                                            "again before a call can be sent"});
}

/* ---- Time ---- */

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static void expire(seal_channel *channel, seal_client_call *call) {
    char place[SEAL__PLACE_MAX];
    char text[TEXT_MAX + SEAL__PLACE_MAX + SEAL__ROUND_TEXT];
    const seal__link *link = channel->conn != NULL ? channel->conn->owner : channel->dialing;
    seal__channel_place(channel, link != NULL ? &link->endpoint : NULL, place);
    const char *failure = channel->failure != NULL ? seal_error_message(channel->failure) : "";
    char deadline[SEAL__TIME_TEXT];
    snprintf(text, sizeof text, "the deadline of %s passed while %s (%s)%s%s",
             seal__client_call_timeout(call, deadline), seal__channel_stage(channel), place,
             channel->failure != NULL ? "; it has failed before: " : "", failure);
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
    seal__retry_resume(channel, now);
    seal__channel_connect(channel); /* the back-off may have passed */
    seal__channel_arm_timer(channel);
}

void seal__channel_arm_timer(seal_channel *channel) {
    const seal__heap_node *first = seal__heap_first(&channel->deadlines);
    uint64_t next = first != NULL ? first->key : UINT64_MAX;
    next = earlier(next, channel->connect_deadline);
    next = earlier(next, seal__channel_next_connect(channel));
    next = earlier(next, seal__retry_next(channel));
    if (channel->freeing || next >= channel->timer_ns)
        return;
    uint64_t now = uv_hrtime();
    uint64_t wait_ms = next > now ? (next - now + 999999u) / 1000000u : 0;
    uv_update_time(channel->runtime->loop);
    uv_timer_start(&channel->timer, seal__channel_on_timer, wait_ms, 0);
    channel->timer_ns = next;
}
