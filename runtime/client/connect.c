/* SPDX-License-Identifier: Apache-2.0 */
/* A channel's connection: made when a call needs it, lost, made again. */
#include <stdio.h>
#include <string.h>

#include "client/client_internal.h"

static void fail_all(seal_channel *channel, const seal_error *why) {
    int code = seal_error_get_code(why);
    char text[2048];
    snprintf(text, sizeof text, "%s at %s: %s", channel->config.server_principal,
             channel->config.target, seal_error_message(why));
    seal__channel_fail_pending(channel, &(seal__outcome){.status = seal__status_of(code),
                                                         .execution = SEAL_NOT_EXECUTED,
                                                         .cause = (seal_error_code)code,
                                                         .message = text});
}

static void on_established(seal__conn *conn) {
    seal_channel *channel = conn->owner;
    channel->is_open = true;
    channel->fresh_ticket = false;
    channel->connect_deadline = UINT64_MAX;
    seal__channel_serve_pending(channel);
}

/* The server's key may have changed since the cached ticket was issued: one more try with a new
 * one. */
static bool try_fresh_ticket(seal_channel *channel, const seal_error *why) {
    bool again =
        !channel->fresh_ticket && seal__gss_error_is_stale_ticket(seal_error_get_code(why));
    channel->fresh_ticket = again;
    if (again)
        seal__channel_connect(channel);
    return again;
}

static void on_closed(seal__conn *conn, const seal_error *why) {
    seal_channel *channel = conn->owner;
    bool was_current = conn == channel->conn;
    bool was_open = !was_current || channel->is_open;
    if (was_open)
        seal__channel_fail_streams(channel, conn, why);
    seal__list_remove(&conn->owned);
    if (was_current) {
        channel->conn = NULL;
        channel->is_open = false;
        channel->connect_deadline = UINT64_MAX;
    }
    if (channel->freeing || !was_current)
        return;
    if (was_open) {
        seal__channel_lost_connection(channel);
        seal__channel_connect(channel);
    } else if (why != NULL && !try_fresh_ticket(channel, why)) {
        fail_all(channel, why);
    }
    seal__channel_arm_timer(channel);
}

static const seal__conn_ops conn_ops = {
    .established = on_established, .event = seal__channel_event, .closed = on_closed};

static int make_mech(void *user, seal_mechanism mechanism, const char *target,
                     seal__mech **ret_mech, seal_error **reterr) {
    (void)target;
    const seal_channel *channel = user;
    seal__gss_initiator_options options = {
        .alloc = seal__runtime_alloc(channel->runtime),
        .target = channel->config.server_principal,
        .ccache = channel->config.ccache,
        .client_keytab = channel->config.client_keytab,
        .client_principal = channel->config.client_principal,
        .mechanism = mechanism,
        .fresh_ticket = channel->fresh_ticket,
    };
    return seal__gss_initiator_new(&options, ret_mech, reterr);
}

static void on_dialed(void *user, seal__conn *conn, const seal_error *error) {
    seal_channel *channel = user;
    channel->dial = NULL;
    if (conn == NULL) {
        channel->connect_deadline = UINT64_MAX;
        fail_all(channel, error);
        return;
    }
    channel->conn = conn;
    seal__conn_start(conn);
}

static void conn_options(seal_channel *channel, seal__conn_options *options) {
    seal_runtime *runtime = channel->runtime;
    *options =
        (seal__conn_options){.ops = &conn_ops, .owner = channel, .pool = runtime->initiators};
    options->secure = channel->config.secure;
    options->secure.alloc = seal__runtime_alloc(runtime);
    options->secure.mechs = (seal__mech_source){.make = make_mech, .user = channel};
    options->secure.target = channel->config.server_principal;
    options->secure.handshake_timeout_ns = channel->config.connect_timeout_ns;
    memcpy(options->secure.instance_id, runtime->instance_id, sizeof runtime->instance_id);
    options->session.role = SEAL__SESSION_CLIENT;
    options->session.max_message = channel->config.max_response;
}

/* A server that says goodbye takes no more calls: the old ones go on there, new ones need another
 * connection. */
void seal__channel_let_leave(seal_channel *channel, seal__conn *conn) {
    if (!seal__session_is_going_away(conn->session))
        return;
    if (conn == channel->conn) {
        channel->conn = NULL;
        channel->is_open = false;
        seal__list_append(&channel->leaving, &conn->owned);
    }
    if (seal__session_stream_count(conn->session) == 0)
        seal__conn_close(conn, SEAL__CLOSE_DONE, NULL);
}

void seal__channel_connect(seal_channel *channel) {
    if (channel->freeing || channel->dial != NULL || channel->n_pending == 0)
        return;
    if (channel->conn != NULL)
        return;
    seal__conn_options options;
    conn_options(channel, &options);
    channel->connect_deadline = uv_hrtime() + channel->config.connect_timeout_ns;
    seal_error *error = NULL;
    int rc =
        seal__dial_start(channel->runtime, &channel->config.address, &options,
                         channel->connect_deadline, on_dialed, channel, &channel->dial, &error);
    if (rc < 0) {
        channel->connect_deadline = UINT64_MAX;
        fail_all(channel, error);
        seal_error_free(error);
    }
    seal__channel_arm_timer(channel);
}

const char *seal__channel_stage(const seal_channel *channel) {
    if (channel->dial != NULL)
        return seal__dial_stage(channel->dial);
    if (channel->conn != NULL && !channel->is_open)
        return "getting a ticket from the KDC or authenticating";
    return channel->is_open ? "waiting for another call to end" : "waiting for a connection";
}

void seal__channel_connect_timed_out(seal_channel *channel) {
    channel->connect_deadline = UINT64_MAX;
    seal_error *error = NULL;
    seal__error(&error, SEAL_ERROR_TIMEOUT, "no connection within %llu ms, while %s",
                (unsigned long long)(channel->config.connect_timeout_ns / 1000000u),
                seal__channel_stage(channel));
    if (channel->dial != NULL) {
        seal__dial_cancel(channel->dial);
        channel->dial = NULL;
        fail_all(channel, error);
        seal_error_free(error);
    } else if (channel->conn != NULL) {
        seal__conn_close(channel->conn, SEAL__CLOSE_TIMEOUT, error);
    } else {
        seal_error_free(error);
    }
}
