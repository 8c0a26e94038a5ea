/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From calls that need a connection to one that works: waits for the list of endpoints, tries them
 * one after the other, and when none works ends the calls that wait. One time limit for all of it.
 */
#include <stdio.h>
#include <string.h>

#include "client/client_internal.h"
#include "secure/crypto/crypto.h"

static void refresh(seal_channel *channel) {
    if (channel->source.resolver != NULL)
        seal__resolver_refresh(channel->source.resolver);
}

void seal__channel_stop_connecting(seal_channel *channel) {
    seal__channel_abandon_attempt(channel);
    seal__round_free(channel->round);
    channel->round = NULL;
    channel->trying = NULL;
    channel->connecting = false;
    channel->fresh_ticket = false;
    channel->connect_deadline = UINT64_MAX;
}

/* No endpoint could be tried. put_off: nobody will tell when that has changed. */
static void give_up(seal_channel *channel, const seal_error *why, bool put_off) {
    char place[SEAL__PLACE_MAX];
    char text[SEAL__ROUND_TEXT];
    int code = seal_error_get_code(why);
    seal__channel_stop_connecting(channel);
    seal__channel_place(channel, NULL, place);
    snprintf(text, sizeof text, "%s: %s", place, seal_error_message(why));
    if (put_off) {
        seal__backoff_saw(&channel->backoff, code);
        seal__channel_put_off(channel, code, text);
    }
    seal__channel_fail_waiting(channel, code, text);
}

/* ---- Endpoints, one after the other ---- */

static uint32_t random_below(void *user, uint32_t bound) {
    (void)user;
    uint32_t number = 0;
    if (seal__random((uint8_t *)&number, sizeof number) != 0)
        return 0;
    return (uint32_t)((uint64_t)number * bound >> 32);
}

static void describe(const seal_channel *channel, char *text, size_t size) {
    const seal__round *round = channel->round;
    if (channel->config.only_principal == NULL) {
        seal__round_describe(round, channel->config.target.text, text, size);
        size_t len = strlen(text);
        if (channel->source.error != NULL)
            snprintf(text + len, size - len, "; the list may be out of date: %.500s",
                     seal_error_message(channel->source.error));
        return;
    }
    char place[SEAL__PLACE_MAX];
    seal__channel_place(channel, seal__round_error_endpoint(round), place);
    snprintf(text, size, "%s: %s", place, seal_error_message(seal__round_error(round)));
}

static void fail_round(seal_channel *channel) {
    const seal_error *why = seal__round_error(channel->round);
    if (why == NULL) { /* nobody waits any more, or all time went into the list */
        seal_error *error = NULL;
        seal__error(&error, SEAL_ERROR_TIMEOUT, "no time was left to connect");
        give_up(channel, error, channel->n_pending > 0);
        seal_error_free(error);
        return;
    }
    int code = seal_error_get_code(why);
    char text[SEAL__ROUND_TEXT];
    describe(channel, text, sizeof text);
    seal__channel_stop_connecting(channel);
    refresh(channel);
    seal__channel_put_off(channel, code, text);
    seal__channel_fail_waiting(channel, code, text);
}

/* ---- Order ---- */

typedef struct avoiding {
    const seal__avoid *avoid;
    uint64_t now;
} avoiding;

static bool is_avoided(void *user, const seal__endpoint *endpoint) {
    const avoiding *a = user;
    return seal__avoid_has(a->avoid, endpoint, a->now);
}

/* By priority and weight, but those that are going away last. */
static seal__round *draw(seal_channel *channel) {
    seal__round *round = seal__round_new(channel->source.list, random_below, NULL);
    avoiding a = {.avoid = &channel->avoid, .now = uv_hrtime()};
    if (round != NULL)
        seal__round_defer(round, is_avoided, &a);
    return round;
}

/* True when a newer list has come since the order was drawn. */
static bool redraw(seal_channel *channel, uint64_t now) {
    if (seal__round_list(channel->round) == channel->source.list || channel->n_pending == 0 ||
        now >= channel->round_deadline)
        return false;
    seal__round *round = draw(channel);
    if (round == NULL)
        return false;
    seal__round_free(channel->round);
    channel->round = round;
    return true;
}

static void set_deadline(seal_channel *channel, uint64_t now) {
    uint64_t end = channel->round_deadline;
    uint64_t left = end > now ? end - now : 0;
    channel->connect_deadline = now + seal__round_share(channel->round, left);
}

static int start_attempt(seal_channel *channel, uint64_t now, seal_error **reterr) {
    channel->attempt_began = now;
    set_deadline(channel, now);
    int rc = seal__channel_attempt(channel, channel->trying, reterr);
    channel->stats.connections_failed += rc < 0;
    return rc;
}

static int try_this(seal_channel *channel, uint64_t now, seal_error **reterr) {
    if (seal__avoid_ban(&channel->avoid, channel->trying, now) != 0)
        return seal__error(reterr, SEAL_ERROR_CLOSED, SEAL__BANNED_TEXT);
    int rc = start_attempt(channel, now, reterr);
    if (rc < 0)
        seal__backoff_saw(&channel->backoff, rc);
    return rc;
}

/* Returns false when there is none left to try. */
static bool try_one(seal_channel *channel, uint64_t now, bool *ret_started) {
    seal_error *error = NULL;
    channel->trying = seal__round_next(channel->round, channel->source.list);
    if (channel->trying == NULL)
        return false;
    *ret_started = try_this(channel, now, &error) == 0;
    if (!*ret_started)
        seal__round_failed(channel->round, channel->trying, error);
    seal_error_free(error);
    return true;
}

static void try_next(seal_channel *channel) {
    uint64_t now = uv_hrtime();
    do {
        bool started = false;
        while (channel->n_pending > 0 && now < channel->round_deadline &&
               try_one(channel, now, &started)) {
            if (started)
                return;
        }
    } while (redraw(channel, now));
    fail_round(channel);
}

void seal__channel_try_endpoints(seal_channel *channel) {
    channel->round = draw(channel);
    if (channel->round != NULL) {
        try_next(channel);
        return;
    }
    seal_error *error = NULL;
    seal__error_no_memory(&error);
    give_up(channel, error, true);
}

/* ---- Beginning ---- */

void seal__channel_no_endpoints(seal_channel *channel) {
    const seal__source *source = &channel->source;
    seal_error *error = seal__error_copy(source->error);
    if (error == NULL)
        seal__error(&error, SEAL_ERROR_NOT_FOUND, "the list of endpoints is empty");
    give_up(channel, error, false); /* a new list will be told */
    seal_error_free(error);
}

void seal__channel_connect(seal_channel *channel) {
    if (channel->freeing || channel->connecting || channel->n_pending == 0 ||
        channel->conn != NULL || seal__channel_is_put_off(channel))
        return;
    const seal__source *source = &channel->source;
    channel->connecting = true;
    channel->round_deadline = uv_hrtime() + channel->config.connect_timeout_ns;
    channel->connect_deadline = channel->round_deadline;
    seal_error *error = NULL;
    if (seal__channel_watch(channel, &error) < 0) {
        give_up(channel, error, true);
        seal_error_free(error);
    } else if (source->list != NULL && source->list->n > 0) {
        seal__channel_try_endpoints(channel);
    } else if (source->list != NULL || source->error != NULL) {
        refresh(channel);
        seal__channel_no_endpoints(channel);
    }
    seal__channel_arm_timer(channel);
}

/* ---- Ends of an attempt ---- */

void seal__channel_connected(seal_channel *channel) {
    const seal__link *link = channel->conn->owner;
    channel->stats.connections_made++;
    seal__backoff_connected(&channel->backoff, uv_hrtime());
    seal__avoid_remove(&channel->avoid, &link->endpoint);
    seal_error_free(channel->failure);
    channel->failure = NULL;
    seal__channel_stop_connecting(channel);
}

/* The server's key may have changed since the cached ticket was issued: one more try with a new
 * one. */
static bool try_fresh_ticket(seal_channel *channel, const seal_error *why) {
    bool again = !channel->fresh_ticket && channel->n_pending > 0 &&
                 seal__gss_error_is_stale_ticket(seal_error_get_code(why));
    channel->fresh_ticket = again;
    return again && start_attempt(channel, uv_hrtime(), NULL) == 0;
}

void seal__channel_attempt_failed(seal_channel *channel, const seal_error *why) {
    channel->stats.connections_failed++;
    if (channel->freeing)
        return;
    if (!try_fresh_ticket(channel, why)) {
        channel->fresh_ticket = false;
        seal__backoff_saw(&channel->backoff, seal_error_get_code(why));
        seal__round_failed(channel->round, channel->trying, why);
        try_next(channel);
    }
    seal__channel_arm_timer(channel);
}

const char *seal__channel_stage(const seal_channel *channel) {
    if (channel->dial != NULL)
        return seal__dial_stage(channel->dial);
    if (channel->conn != NULL && !channel->is_open)
        return "getting a ticket from the KDC or authenticating";
    if (channel->connecting)
        return "waiting for the list of endpoints";
    if (seal__channel_next_connect(channel) != UINT64_MAX)
        return "waiting for the next attempt to connect";
    return channel->is_open ? "waiting for another call to end" : "waiting for a connection";
}

void seal__channel_connect_timed_out(seal_channel *channel) {
    uint64_t now = uv_hrtime();
    channel->connect_deadline = UINT64_MAX;
    if (!channel->connecting)
        return;
    /* A slow KDC is not the endpoint's fault, and would be as slow for the next one. */
    if (channel->conn != NULL && channel->conn->step != NULL && now < channel->round_deadline) {
        set_deadline(channel, now);
        return;
    }
    seal_error *error = NULL;
    bool all_time = channel->round == NULL || channel->config.only_principal != NULL;
    uint64_t limit = all_time ? channel->config.connect_timeout_ns : now - channel->attempt_began;
    seal__error(&error, SEAL_ERROR_TIMEOUT, "no connection within %llu ms, while %s",
                (unsigned long long)(limit / 1000000u), seal__channel_stage(channel));
    if (channel->round != NULL) {
        seal__channel_end_attempt(channel, SEAL__CLOSE_TIMEOUT, error);
        return;
    }
    refresh(channel); /* what the source has said may have got lost, for memory */
    give_up(channel, error, true);
    seal_error_free(error);
}
