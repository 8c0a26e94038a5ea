/* SPDX-License-Identifier: Apache-2.0 */
/* A channel and its resolver: the newest list, what it means for the connection, and figures. */
#include <string.h>

#include "client/client_internal.h"

/* Lists are immutable but for their count, which is why they are handed over as const. */
static seal__endpoints *counted(const seal__endpoints *list) {
    seal__endpoints *unqualified = NULL;
    memcpy(&unqualified, &list, sizeof list);
    return unqualified;
}

int seal__channel_watch(seal_channel *channel, seal_error **reterr) {
    const seal__channel_config *config = &channel->config;
    if (channel->source.resolver != NULL)
        return 0;
    const seal__resolver_options options = {.target = &config->target,
                                            .policy = config->policy,
                                            .ccache = config->ccache,
                                            .client_keytab = config->client_keytab,
                                            .client_principal = config->client_principal};
    seal__source *source = &channel->source;
    int rc = seal__resolver_start(channel->runtime, &options, seal__channel_resolved, channel,
                                  &source->resolver, reterr);
    if (rc == 0 && source->resolver->known != NULL)
        source->list = seal__endpoints_ref(counted(source->resolver->known));
    return rc;
}

void seal__channel_unwatch(seal_channel *channel) {
    seal__source *source = &channel->source;
    if (source->resolver != NULL)
        seal__resolver_close(source->resolver);
    seal__endpoints_unref(source->list);
    seal_error_free(source->error);
    *source = (seal__source){.resolver = NULL};
}

bool seal__channel_lists(const seal_channel *channel, const seal__endpoint *endpoint) {
    const seal__endpoints *list = channel->source.list;
    const seal__endpoint *listed = list != NULL ? seal__endpoints_find(list, endpoint) : NULL;
    return listed != NULL && seal__endpoint_equal(listed, endpoint);
}

/* Returns whether the list differs from the one before. */
static bool take(seal__source *source, const seal__endpoints *list, const seal_error *error) {
    seal_error_free(source->error);
    source->error = seal__error_copy(error);
    if (list == NULL || (source->list != NULL && seal__endpoints_equal(source->list, list)))
        return false;
    seal__endpoints_unref(source->list);
    source->list = seal__endpoints_ref(counted(list));
    return true;
}

/* The connection in use, or the attempt, goes on when its endpoint is still in the list; another
 * principal at the same place is another endpoint. */
static void follow_list(seal_channel *channel) {
    if (channel->is_open) {
        const seal__link *link = channel->conn->owner;
        if (!seal__channel_lists(channel, &link->endpoint))
            seal__channel_retire(channel, channel->conn);
    } else if (channel->round != NULL && !seal__channel_lists(channel, channel->trying)) {
        seal_error *why = NULL;
        seal__error(&why, SEAL_ERROR_NOT_FOUND, "it has left the list of endpoints");
        seal__channel_end_attempt(channel, SEAL__CLOSE_DONE, why);
    }
}

void seal__channel_resolved(void *user, const seal__endpoints *endpoints, const seal_error *error) {
    seal_channel *channel = user;
    if (channel->freeing)
        return;
    bool is_new = take(&channel->source, endpoints, error);
    bool is_empty = channel->source.list == NULL || channel->source.list->n == 0;
    if (is_empty)
        seal__channel_no_endpoints(channel);
    if (is_new)
        seal__backoff_skip(&channel->backoff); /* there may be something else to try */
    if (is_new)
        follow_list(channel);
    if (!is_empty && channel->connecting && channel->round == NULL)
        seal__channel_try_endpoints(channel);
    else if (!is_empty)
        seal__channel_connect(channel);
    seal__channel_arm_timer(channel);
}

/* ---- Figures ---- */

typedef struct stats_task {
    const seal_channel *channel;
    seal_channel_stats *stats;
} stats_task;

static void do_get_stats(void *arg) {
    const stats_task *task = arg;
    const seal__source *source = &task->channel->source;
    *task->stats = task->channel->stats;
    task->stats->calls_started = seal__chain_started(task->channel->chain);
    task->stats->backoff_ms = seal__channel_backoff_ms(task->channel);
    task->stats->endpoints = source->list != NULL ? (uint32_t)source->list->n : 0;
    if (source->resolver == NULL)
        return;
    task->stats->resolver_updates = source->resolver->updates;
    task->stats->resolver_outages = source->resolver->outages;
    task->stats->resolver_away_ms = seal__resolver_away_ms(source->resolver);
}

void seal_channel_get_stats(seal_channel *channel, seal_channel_stats *ret_stats) {
    *ret_stats = (seal_channel_stats){.endpoints = 0};
    stats_task task = {.channel = channel, .stats = ret_stats};
    (void)seal__runtime_run(channel->runtime, do_get_stats, &task);
}
