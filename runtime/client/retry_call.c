/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that are sent again: the decision about one, and those that wait for their time. */
#include "client/client_internal.h"
#include "secure/crypto/crypto.h"

/* Attempts must not multiply from service to service. */
static uint32_t max_attempts(const seal_client_call *call) {
    uint32_t own =
        call->max_attempts != 0 ? call->max_attempts : call->channel->config.max_attempts;
    return call->parent_attempt > 1 ? 1 : own;
}

static seal__attempt_end describe(const seal_client_call *call, const seal__outcome *outcome) {
    seal__attempt_end end = {.status = outcome->status,
                             .execution = outcome->execution,
                             .idempotency = call->method->idempotency,
                             .never_left = call->never_left,
                             .going_away = call->going_away,
                             .crowded_out = call->crowded_out,
                             .committed = call->committed,
                             .attempts = call->attempts,
                             .max_attempts = max_attempts(call),
                             .refusals = call->refusals,
                             .crowdings = call->crowdings,
                             .has_retry_after = outcome->has_retry_after,
                             .retry_after_ms = outcome->retry_after_ms,
                             .now_ns = uv_hrtime(),
                             .deadline_ns = call->deadline_ns};
    if (seal__random((uint8_t *)&end.random, sizeof end.random) != 0)
        end.random = UINT32_MAX / 2;
    return end;
}

static bool again_now(seal_client_call *call) {
    call->refusals += !call->never_left;
    call->channel->stats.calls_retried += !call->never_left;
    seal__client_call_reset_for_retry(call);
    seal__channel_enqueue(call->channel, call);
    return true;
}

static bool again_later(seal_client_call *call, uint64_t at_ns) {
    seal_channel *channel = call->channel;
    if (!seal__heap_insert(&channel->retries, &call->retry, at_ns))
        return false;
    channel->stats.calls_retried++;
    call->crowdings += call->crowded_out;
    seal__client_call_reset_for_retry(call);
    seal__channel_arm_timer(channel);
    return true;
}

static seal__link *link_of(const seal_client_call *call) {
    return call->conn != NULL ? call->conn->owner : NULL;
}

static bool is_rejected(const seal_client_call *call) {
    const seal__link *link = link_of(call);
    return link != NULL && link->rejects && !call->never_left;
}

bool seal__retry_consider(seal_client_call *call, const seal__outcome *outcome) {
    seal_channel *channel = call->channel;
    if (outcome->status == SEAL_STATUS_OK || channel->freeing || is_rejected(call))
        return false;
    uint64_t at_ns = 0;
    const seal__attempt_end end = describe(call, outcome);
    switch (seal__retry_decide(&end, &channel->budget, &at_ns)) {
    case SEAL__RETRY_NOW:
        return again_now(call);
    case SEAL__RETRY_LATER:
        return again_later(call, at_ns);
    case SEAL__RETRY_SPENT:
        channel->stats.calls_budget_spent++;
        return false;
    case SEAL__RETRY_NO:
        break;
    }
    return false;
}

void seal__retry_ended(seal_client_call *call, seal_status status) {
    seal_channel *channel = call->channel;
    if (status != SEAL_STATUS_OK) {
        channel->stats.calls_failed++;
        return;
    }
    seal__link *link = link_of(call);
    if (link != NULL)
        link->proved = true;
    channel->stats.calls_ok++;
    seal__retry_budget_succeeded(&channel->budget);
    seal__backoff_proved(&channel->backoff);
}

/* ---- Those that wait ---- */

void seal__retry_forget(seal_client_call *call) {
    seal__heap_remove(&call->channel->retries, &call->retry);
}

static seal_client_call *first_waiting(const seal_channel *channel) {
    seal__heap_node *first = seal__heap_first(&channel->retries);
    return first != NULL ? SEAL__CONTAINER_OF(first, seal_client_call, retry) : NULL;
}

uint64_t seal__retry_next(const seal_channel *channel) {
    const seal__heap_node *first = seal__heap_first(&channel->retries);
    return first != NULL ? first->key : UINT64_MAX;
}

void seal__retry_resume(seal_channel *channel, uint64_t now_ns) {
    while (!channel->freeing && seal__retry_next(channel) <= now_ns) {
        seal_client_call *call = first_waiting(channel);
        seal__retry_forget(call);
        seal__channel_enqueue(channel, call);
    }
}

void seal__retry_fail_all(seal_channel *channel, const seal__outcome *outcome) {
    for (seal_client_call *call = first_waiting(channel); call != NULL;
         call = first_waiting(channel)) {
        seal__retry_forget(call);
        seal__client_call_deliver(call, outcome);
    }
}
