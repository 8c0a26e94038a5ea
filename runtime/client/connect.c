/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt at one endpoint: dial and handshake; and the connection that comes of it, until it is
 * lost or leaves. */
#include <stdio.h>
#include <string.h>

#include "client/client_internal.h"

void seal__channel_place(const seal_channel *channel, const seal__endpoint *endpoint,
                         char text[SEAL__PLACE_MAX]) {
    const seal__channel_config *config = &channel->config;
    const char *target = config->target.text;
    char where[300];
    if (config->only_principal != NULL) {
        snprintf(text, SEAL__PLACE_MAX, "%s at %.900s", config->only_principal, target);
    } else if (endpoint != NULL) {
        seal__endpoint_text(endpoint, where, sizeof where);
        snprintf(text, SEAL__PLACE_MAX, "%s at %s (%.600s)", endpoint->principal, where, target);
    } else {
        snprintf(text, SEAL__PLACE_MAX, "%.900s", target);
    }
}

/* ---- Links ---- */

static seal__link *link_new(seal_channel *channel, const seal__endpoint *endpoint) {
    seal__link *link = seal__alloc(seal__runtime_alloc(channel->runtime), sizeof *link);
    if (link != NULL)
        *link = (seal__link){.channel = channel, .endpoint = *endpoint};
    return link;
}

static void link_free(seal__link *link) {
    if (link != NULL)
        seal__release(seal__runtime_alloc(link->channel->runtime), link);
}

/* ---- Events of the connection ---- */

static void on_established(seal__conn *conn) {
    const seal__link *link = conn->owner;
    seal_channel *channel = link->channel;
    channel->is_open = true;
    seal__channel_connected(channel);
    seal__channel_tell_connected(channel);
    seal__channel_serve_pending(channel);
}

static void current_is_over(seal_channel *channel, const seal__endpoint *endpoint, bool was_open,
                            const seal_error *why) {
    seal_error *closed = NULL;
    if (was_open) {
        seal__channel_disconnected(channel, endpoint, why);
        seal__channel_lost_connection(channel);
        seal__channel_connect(channel);
    } else {
        if (why == NULL)
            seal__error(&closed, SEAL_ERROR_CLOSED, "the server closed the connection");
        seal__channel_attempt_failed(channel, why != NULL ? why : closed);
        seal_error_free(closed);
    }
    seal__channel_arm_timer(channel);
}

static void on_closed(seal__conn *conn, const seal_error *why) {
    seal__link *link = conn->owner;
    seal_channel *channel = link->channel;
    bool was_current = conn == channel->conn;
    bool was_open = was_current && channel->is_open;
    channel->stats.connections_silent += conn->silent;
    if (conn->session != NULL)
        seal__channel_fail_streams(channel, conn, why);
    seal__list_remove(&conn->owned);
    if (was_current) {
        channel->conn = NULL;
        channel->is_open = false;
    }
    conn->owner = NULL;
    if (was_current && !channel->freeing)
        current_is_over(channel, &link->endpoint, was_open, why);
    link_free(link);
}

static const seal__conn_ops conn_ops = {
    .established = on_established, .event = seal__channel_event, .closed = on_closed};

static void release_tickets(void *tickets) {
    seal__gss_tickets_unref(tickets);
}

/* Shared by the channels of a runtime. Without memory nothing is kept. */
static seal__gss_tickets *tickets_of(seal_runtime *runtime) {
    seal__gss_tickets *tickets = runtime->tickets;
    if (tickets == NULL && seal__gss_tickets_new(seal__runtime_alloc(runtime), &tickets) == 0) {
        runtime->tickets = tickets;
        runtime->release_tickets = release_tickets;
    }
    return tickets;
}

/* Also for the re-authentication of a connection whose endpoint is in no list any more. */
static int make_mech(void *user, seal_mechanism mechanism, const char *target,
                     seal__mech **ret_mech, seal_error **reterr) {
    const seal_channel *channel = user;
    seal__gss_initiator_options options = {
        .alloc = seal__runtime_alloc(channel->runtime),
        .target = target,
        .ccache = channel->config.ccache,
        .client_keytab = channel->config.client_keytab,
        .client_principal = channel->config.client_principal,
        .mechanism = mechanism,
        .fresh_ticket = channel->fresh_ticket,
        .tickets = tickets_of(channel->runtime),
    };
    return seal__gss_initiator_new(&options, ret_mech, reterr);
}

/* ---- Attempts ---- */

static void on_dialed(void *user, seal__conn *conn, const seal_error *error) {
    seal_channel *channel = user;
    seal__link *link = channel->dialing;
    channel->dial = NULL;
    channel->dialing = NULL;
    if (conn == NULL) {
        link_free(link);
        seal__channel_attempt_failed(channel, error);
        return;
    }
    channel->conn = conn;
    seal__conn_start(conn);
}

static void conn_options(seal_channel *channel, seal__link *link, seal__conn_options *options) {
    seal_runtime *runtime = channel->runtime;
    *options = (seal__conn_options){.ops = &conn_ops, .owner = link, .pool = runtime->initiators};
    options->secure = channel->config.secure;
    options->secure.alloc = seal__runtime_alloc(runtime);
    options->secure.mechs = (seal__mech_source){.make = make_mech, .user = channel};
    options->secure.target = link->endpoint.principal;
    options->secure.handshake_timeout_ns = channel->config.connect_timeout_ns;
    memcpy(options->secure.instance_id, runtime->instance_id, sizeof runtime->instance_id);
    options->session.role = SEAL__SESSION_CLIENT;
    options->session.max_message = channel->config.max_response;
    options->session.stream_window = channel->config.stream_window;
    options->session.keepalive_ns = channel->config.keepalive_ns;
    options->session.keepalive_timeout_ns = channel->config.keepalive_timeout_ns;
    options->session.keepalive_idle = channel->config.keepalive_idle;
}

int seal__channel_attempt(seal_channel *channel, const seal__endpoint *endpoint,
                          seal_error **reterr) {
    seal__conn_options options;
    seal__link *link = link_new(channel, endpoint);
    if (link == NULL)
        return seal__error_no_memory(reterr);
    conn_options(channel, link, &options);
    int rc = seal__dial_start(channel->runtime, &link->endpoint.address, &options,
                              channel->round_deadline, on_dialed, channel, &channel->dial, reterr);
    if (rc < 0)
        link_free(link);
    else
        channel->dialing = link;
    return rc;
}

static void forget_dial(seal_channel *channel) {
    seal__dial_cancel(channel->dial);
    channel->dial = NULL;
    link_free(channel->dialing);
    channel->dialing = NULL;
}

void seal__channel_abandon_attempt(seal_channel *channel) {
    seal__conn *conn = channel->conn;
    if (channel->dial != NULL) {
        forget_dial(channel);
    } else if (conn != NULL && !channel->is_open) {
        seal_error *why = NULL;
        channel->conn = NULL;
        seal__error(&why, SEAL_ERROR_CANCELLED, "it is not needed any more");
        seal__conn_close(conn, SEAL__CLOSE_DONE, why);
    }
}

void seal__channel_end_attempt(seal_channel *channel, seal__close_code code, seal_error *why) {
    if (channel->dial == NULL) {
        seal__conn_close(channel->conn, code, why);
        return;
    }
    forget_dial(channel);
    seal__channel_attempt_failed(channel, why);
    seal_error_free(why);
}

/* ---- Leaving ---- */

void seal__channel_going_away(seal__conn *conn, const seal__event *event) {
    seal__link *link = conn->owner;
    seal_channel *channel = link->channel;
    bool is_error = event->code != SEAL__CLOSE_DONE && event->code != SEAL__CLOSE_GOING_AWAY;
    link->rejects |= is_error && !link->proved;
    seal__avoid_add(&channel->avoid, seal__runtime_alloc(channel->runtime), &link->endpoint,
                    event->retry_after_ms, uv_hrtime());
    if (conn == channel->conn)
        seal__channel_disconnected(channel, &link->endpoint, NULL);
}

void seal__channel_retire(seal_channel *channel, seal__conn *conn) {
    seal__link *link = conn->owner;
    link->leaving = true;
    if (conn == channel->conn) {
        channel->conn = NULL;
        channel->is_open = false;
        seal__backoff_left(&channel->backoff);
        seal__list_append(&channel->leaving, &conn->owned);
    }
    if (seal__session_stream_count(conn->session) == 0)
        seal__conn_close(conn, SEAL__CLOSE_DONE, NULL);
}

void seal__channel_let_leave(seal_channel *channel, seal__conn *conn) {
    const seal__link *link = conn->owner;
    if (link->leaving || seal__session_is_going_away(conn->session))
        seal__channel_retire(channel, conn);
}
