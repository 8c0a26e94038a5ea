/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Re-authentication: a fresh handshake inside the channel, while records go on (docs/protocol.md,
 * "Re-authentication"). The client sends under the new keys right behind its FINISHED, the server
 * right behind SWITCH; so each end knows from the order of records which key the next one is under.
 */
#include "secure/channel_internal.h"

#include <string.h>

enum { PIECE_MAX = 16384, ATTEMPT = 2, MAX_ATTEMPTS = UINT16_MAX };

/* A server lets a peer try 16 times at once, and once more every 10 s. */
#define BURST 16
#define ATTEMPT_NS UINT64_C(10000000000)

/* A client does not renew what lives shorter than this. */
#define SHORTEST_NS UINT64_C(2000000000)

/* When a client tries, in per cent of the context's life. */
static const unsigned moments[] = {80, 90, 95, 98};
enum { N_MOMENTS = sizeof moments / sizeof moments[0] };

void seal__renewal_plan(seal__secure_channel *channel, uint64_t now_ns) {
    channel->renew_at_ns = UINT64_MAX;
    if (channel->config.role != SEAL__CLIENT || channel->info.expires_ns == UINT64_MAX)
        return;
    uint64_t life = channel->info.expires_ns - channel->valid_from_ns;
    if (life < SHORTEST_NS) /* the same old ticket again and again */
        return;
    for (; channel->renew_try < N_MOMENTS; channel->renew_try++) {
        uint64_t at = channel->valid_from_ns + life / 100 * moments[channel->renew_try];
        if (channel->renew_try > 0 && at <= now_ns)
            continue;
        channel->renew_at_ns = at;
        return;
    }
}

/* ---- Ends of an attempt ---- */

static void end_attempt(seal__secure_channel *channel) {
    seal__handshake_free(channel->hs);
    channel->hs = NULL;
    channel->switched = false;
    channel->deadline_ns = UINT64_MAX;
    seal__buf_done(&channel->pieces);
}

/* The old context goes on; the client tries again later. Takes the error. */
static void give_up(seal__secure_channel *channel, uint64_t now_ns, int code, seal_error *error) {
    const seal__handshake *hs = channel->hs;
    if (!hs->refused_by_peer && (hs->heard || hs->said_hello)) {
        uint16_t alert = hs->alert != 0 ? hs->alert : (uint16_t)seal__close_code_for(code);
        seal__buf_reset(&channel->alert_out);
        seal__put_alert(&channel->alert_out, alert, &hs->error_token);
        channel->alert_attempt = channel->attempt;
    }
    seal_error_free(channel->renewal_error);
    channel->renewal_error = error;
    end_attempt(channel);
    channel->renew_try++;
    seal__renewal_plan(channel, now_ns);
}

static int attempt_failed(seal__secure_channel *channel, uint64_t now_ns, int code,
                          seal_error *error, seal_error **reterr) {
    if (!channel->hs->soft) {
        seal__error_prefix(&error, "re-authentication");
        return seal__channel_fail(channel, code, error, true, reterr);
    }
    give_up(channel, now_ns, code, error);
    return 0;
}

/* Both directions are under the new keys. */
static void complete(seal__secure_channel *channel) {
    seal__handshake *hs = channel->hs;
    if (hs->suite->gss) {
        channel->mech->ops->free(channel->mech);
        channel->mech = hs->mech;
        hs->mech = NULL;
    }
    end_attempt(channel);
}

static void accept_new_life(seal__secure_channel *channel, uint64_t now_ns) {
    channel->info.expires_ns = channel->hs->expires_ns;
    channel->valid_from_ns = now_ns;
    channel->renew_try = 0;
    seal_error_free(channel->renewal_error);
    channel->renewal_error = NULL;
    channel->pending_event = SEAL__SECURE_REAUTHENTICATED;
    seal__renewal_plan(channel, now_ns);
}

/* ---- Receiving ---- */

static int protocol_error(seal__secure_channel *channel, const char *what, seal_error **reterr) {
    seal_error *error = NULL;
    seal__error(&error, SEAL_ERROR_PROTOCOL, "re-authentication: %s", what);
    return seal__channel_fail(channel, SEAL_ERROR_PROTOCOL, error, true, reterr);
}

static int handshake_done(seal__secure_channel *channel, uint64_t now_ns, seal_error **reterr) {
    if (channel->pieces.len > 0)
        return protocol_error(channel, "bytes behind the last message in its record", reterr);
    int rc = seal__channel_install(channel, channel->hs, false);
    if (rc == 0 && channel->config.role == SEAL__SERVER)
        rc = seal__hs_emit(channel->hs, SEAL__SWITCH, NULL, 0);
    if (rc != 0)
        return seal__channel_fail(channel, rc, NULL, false, reterr);
    accept_new_life(channel, now_ns);
    if (channel->config.role == SEAL__CLIENT)
        complete(channel);
    return 0;
}

static int take_messages(seal__secure_channel *channel, uint64_t now_ns, seal_error **reterr) {
    seal__buf *pieces = &channel->pieces;
    while (channel->hs != NULL && channel->hs->state != SEAL__HS_STEP &&
           pieces->len >= SEAL__RECORD_HEADER) {
        seal_error *error = NULL;
        size_t total = SEAL__RECORD_HEADER + seal__load_u24(pieces->data);
        int rc = seal__handshake_expects(channel->hs, pieces->data[3], total - SEAL__RECORD_HEADER,
                                         &error);
        if (rc != 0)
            return seal__channel_fail(channel, rc, error, true, reterr);
        if (pieces->len < total)
            break;
        rc = seal__handshake_take(channel->hs, pieces->data, total, &error);
        seal__buf_consume(pieces, total);
        if (rc != 0)
            return attempt_failed(channel, now_ns, rc, error, reterr);
        channel->step_announced = false;
        if (channel->hs->state == SEAL__HS_DONE)
            return handshake_done(channel, now_ns, reterr);
    }
    return 0;
}

static bool may_try(seal__secure_channel *channel, uint64_t now_ns) {
    uint64_t earliest = now_ns > BURST * ATTEMPT_NS ? now_ns - BURST * ATTEMPT_NS : 0;
    if (channel->renew_bucket_ns < earliest)
        channel->renew_bucket_ns = earliest;
    if (channel->renew_bucket_ns + ATTEMPT_NS > earliest + BURST * ATTEMPT_NS)
        return false;
    channel->renew_bucket_ns += ATTEMPT_NS;
    return true;
}

static int accept_attempt(seal__secure_channel *channel, uint64_t now_ns, uint16_t attempt,
                          seal_error **reterr) {
    seal_error *error = NULL;
    if (channel->hs != NULL && channel->hs->state == SEAL__HS_DONE)
        return protocol_error(channel, "a new one before SWITCH", reterr);
    if (!may_try(channel, now_ns)) {
        seal__error(&error, SEAL_ERROR_TOO_MANY, "too many attempts to re-authenticate");
        return seal__channel_fail(channel, SEAL_ERROR_TOO_MANY, error, true, reterr);
    }
    end_attempt(channel);
    channel->attempt = attempt;
    int rc = seal__handshake_new(&channel->config, &channel->terms, channel->attempt, &channel->hs,
                                 &error);
    return rc == 0 ? 0 : seal__channel_fail(channel, rc, error, true, reterr);
}

int seal__renewal_piece(seal__secure_channel *channel, uint64_t now_ns, const uint8_t *content,
                        size_t len, seal_error **reterr) {
    if (len <= ATTEMPT)
        return protocol_error(channel, "an empty HANDSHAKE record", reterr);
    uint16_t attempt = seal__load_u16(content);
    /* Not always the next number: a client may give one up before it has sent anything. */
    if (channel->config.role == SEAL__SERVER && attempt > channel->attempt) {
        int rc = accept_attempt(channel, now_ns, attempt, reterr);
        if (rc != 0)
            return rc;
    }
    if (attempt > channel->attempt || attempt == 0)
        return protocol_error(channel, "an attempt number out of turn", reterr);
    /* What the peer had sent before it learnt that the attempt is over. */
    if (attempt < channel->attempt || channel->hs == NULL || channel->hs->state == SEAL__HS_DONE)
        return 0;
    seal__buf_put(&channel->pieces, content + ATTEMPT, len - ATTEMPT);
    if (channel->pieces.failed)
        return seal__channel_fail(channel, SEAL_ERROR_TOO_BIG, NULL, true, reterr);
    return take_messages(channel, now_ns, reterr);
}

int seal__renewal_step_back(seal__secure_channel *channel, uint64_t now_ns, seal__secure_step *step,
                            seal_error **reterr) {
    seal_error *error = NULL;
    int rc = seal__handshake_take_back(channel->hs, now_ns, step, &error);
    if (rc != 0)
        return attempt_failed(channel, now_ns, rc, error, reterr);
    return take_messages(channel, now_ns, reterr);
}

/* ---- Time ---- */

static int start(seal__secure_channel *channel, uint64_t now_ns, seal_error **reterr) {
    seal_error *error = NULL;
    if (channel->attempt == MAX_ATTEMPTS) {
        channel->renew_at_ns = UINT64_MAX;
        return 0;
    }
    channel->attempt++;
    channel->step_announced = false;
    int rc = seal__handshake_new(&channel->config, &channel->terms, channel->attempt, &channel->hs,
                                 &error);
    if (rc != 0 && channel->hs == NULL)
        return seal__channel_fail(channel, rc, error, true, reterr);
    if (rc != 0) {
        channel->hs->soft = true; /* nothing has been sent */
        return attempt_failed(channel, now_ns, rc, error, reterr);
    }
    uint64_t timeout = channel->config.handshake_timeout_ns;
    channel->deadline_ns = timeout > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + timeout;
    return 0;
}

int seal__renewal_tick(seal__secure_channel *channel, uint64_t now_ns, seal_error **reterr) {
    seal_error *error = NULL;
    if (channel->hs == NULL) {
        bool now = now_ns >= channel->renew_at_ns && seal__secure_can_send(channel) &&
                   !channel->close_received;
        return now ? start(channel, now_ns, reterr) : 0;
    }
    if (now_ns < channel->deadline_ns)
        return 0;
    seal__error(&error, SEAL_ERROR_TIMEOUT, "re-authentication was not complete within %llu ms",
                (unsigned long long)(channel->config.handshake_timeout_ns / 1000000));
    /* Once FINISHED is out there is no way back: the server may be under the new keys. */
    if (channel->hs->state == SEAL__HS_SWITCH)
        return seal__channel_fail(channel, SEAL_ERROR_TIMEOUT, error, true, reterr);
    give_up(channel, now_ns, SEAL_ERROR_TIMEOUT, error);
    return 0;
}

/* ---- Sending ---- */

bool seal__renewal_wants_flush(const seal__secure_channel *channel) {
    return channel->alert_out.len > 0 || (channel->hs != NULL && channel->hs->out.len > 0);
}

static int send_pieces(seal__secure_channel *channel, uint16_t attempt, seal__buf *from,
                       seal__buf *out) {
    uint8_t number[ATTEMPT];
    size_t at = 0;
    seal__store_u16(number, attempt);
    while (at < from->len) {
        /* To the end of the message, so that nothing stands behind one that changes keys. */
        size_t n = SEAL__RECORD_HEADER + seal__load_u24(from->data + at);
        for (size_t end = at + n; at < end; at += n) {
            n = end - at < PIECE_MAX ? end - at : PIECE_MAX;
            size_t start = out->len;
            seal__buf_reserve(out, SEAL__RECORD_HEADER);
            seal__buf_put(out, number, sizeof number);
            seal__buf_put(out, from->data + at, n);
            int rc = seal__channel_seal(channel, SEAL__RECORD_HANDSHAKE, out, start);
            if (rc != 0)
                return rc;
        }
    }
    from->len = 0;
    return 0;
}

int seal__renewal_flush(seal__secure_channel *channel, seal__buf *out) {
    int rc = send_pieces(channel, channel->alert_attempt, &channel->alert_out, out);
    if (rc != 0 || channel->hs == NULL)
        return rc;
    rc = send_pieces(channel, channel->attempt, &channel->hs->out, out);
    if (rc != 0)
        return rc;
    bool client_turn = channel->hs->state == SEAL__HS_SWITCH && !channel->switched;
    bool server_turn = channel->hs->state == SEAL__HS_DONE;
    if (!client_turn && !server_turn)
        return 0;
    channel->switched = true;
    rc = seal__channel_install(channel, channel->hs, true);
    if (rc != 0)
        return seal__channel_fail(channel, rc, NULL, false, NULL);
    if (server_turn)
        complete(channel);
    return 0;
}
