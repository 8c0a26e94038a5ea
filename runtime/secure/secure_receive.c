/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving side: messages of the first handshake, then records. */
#include "secure/channel_internal.h"

enum { SCATTER_LEAST = 4096 };

/* Finds the message at the front. *ret_total is 0 when more bytes are needed. */
static int next_message(seal__secure_channel *channel, const uint8_t *bytes, size_t len,
                        size_t *ret_total, seal_error **reterr) {
    char text[SEAL__SNIFF_TEXT] = "";
    seal_error *error = NULL;
    *ret_total = 0;
    if (!channel->sniffed) {
        seal__sniffed sniffed = seal__sniff(channel->config.role, bytes, len, text);
        if (sniffed == SEAL__SNIFF_OTHER) {
            seal__error(&error, SEAL_ERROR_NOT_SEALRPC, "the peer does not speak sealrpc: %s",
                        text);
            return seal__channel_fail(channel, SEAL_ERROR_NOT_SEALRPC, error, false, reterr);
        }
        channel->sniffed = sniffed == SEAL__SNIFF_OURS;
    }
    if (!channel->sniffed || len < SEAL__RECORD_HEADER)
        return 0;
    size_t body_len = seal__load_u24(bytes);
    channel->hs->heard = true;
    int rc = seal__handshake_expects(channel->hs, bytes[3], body_len, &error);
    if (rc != 0) /* nothing answers an alert */
        return seal__channel_fail(channel, rc, error, bytes[3] != SEAL__ALERT, reterr);
    size_t total = SEAL__RECORD_HEADER + body_len;
    *ret_total = len >= total ? total : 0;
    return 0;
}

static void announce_step(seal__secure_channel *channel, seal__secure_event *ret_event) {
    if (!seal__secure_has_step(channel) || channel->step_announced)
        return;
    channel->step_announced = true;
    ret_event->kind = SEAL__SECURE_STEP;
}

/* A server that talks first does not speak our protocol: no need to wait for a ticket to say so. */
static int check_early_bytes(seal__secure_channel *channel, const uint8_t *bytes, size_t len,
                             seal_error **reterr) {
    char text[SEAL__SNIFF_TEXT] = "";
    seal_error *error = NULL;
    if (channel->sniffed ||
        seal__sniff(channel->config.role, bytes, len, text) != SEAL__SNIFF_OTHER)
        return 0;
    seal__error(&error, SEAL_ERROR_NOT_SEALRPC, "the peer does not speak sealrpc: %s", text);
    return seal__channel_fail(channel, SEAL_ERROR_NOT_SEALRPC, error, false, reterr);
}

static int feed_handshake(seal__secure_channel *channel, uint64_t now_ns, const uint8_t *bytes,
                          size_t len, size_t *ret_consumed, seal__secure_event *ret_event,
                          seal_error **reterr) {
    while (channel->hs->state != SEAL__HS_STEP) {
        size_t total = 0;
        const uint8_t *message = bytes + *ret_consumed;
        int rc = next_message(channel, message, len - *ret_consumed, &total, reterr);
        if (rc != 0 || total == 0)
            return rc;
        seal_error *error = NULL;
        rc = seal__handshake_take(channel->hs, message, total, &error);
        if (rc != 0)
            return seal__channel_fail(channel, rc, error, true, reterr);
        *ret_consumed += total;
        if (channel->hs->state == SEAL__HS_DONE) {
            ret_event->kind = SEAL__SECURE_ESTABLISHED;
            return seal__channel_establish(channel, now_ns, reterr);
        }
        channel->step_announced = false;
    }
    announce_step(channel, ret_event);
    return check_early_bytes(channel, bytes + *ret_consumed, len - *ret_consumed, reterr);
}

static int protocol_error(seal__secure_channel *channel, const char *what, seal_error **reterr) {
    seal_error *error = NULL;
    seal__error(&error, SEAL_ERROR_PROTOCOL, "%s", what);
    return seal__channel_fail(channel, SEAL_ERROR_PROTOCOL, error, true, reterr);
}

static int on_key_update(seal__secure_channel *channel, const uint8_t *content, size_t len,
                         seal_error **reterr) {
    if (len != 1 || content[0] != 0)
        return protocol_error(channel, "a malformed KEY_UPDATE record", reterr);
    if (channel->update_credit < SEAL__UPDATE_COST)
        return protocol_error(channel, "too many key updates for so few records", reterr);
    channel->update_credit -= SEAL__UPDATE_COST;
    int rc = seal__half_update(&channel->receiving);
    return rc == 0 ? 0 : seal__channel_fail(channel, rc, NULL, false, reterr);
}

/* An opened record. Only now is its type looked at. */
static int on_record(seal__secure_channel *channel, uint64_t now_ns, uint8_t type, uint8_t *content,
                     size_t len, seal__secure_event *ret_event, seal_error **reterr) {
    if (len > SEAL__RECORD_MAX_PLAIN)
        return protocol_error(channel, "a record's content is over the limit", reterr);
    if (type != SEAL__RECORD_KEY_UPDATE && channel->update_credit < SEAL__UPDATE_CREDIT)
        channel->update_credit++;
    switch (type) {
    case SEAL__RECORD_DATA:
        if (len == 0)
            return protocol_error(channel, "an empty DATA record", reterr);
        *ret_event =
            (seal__secure_event){.kind = SEAL__SECURE_RECORD, .record = content, .record_len = len};
        return 0;
    case SEAL__RECORD_KEY_UPDATE:
        return on_key_update(channel, content, len, reterr);
    case SEAL__RECORD_CLOSE:
        if (len != 2)
            return protocol_error(channel, "a malformed CLOSE record", reterr);
        channel->close_received = true;
        *ret_event = (seal__secure_event){.kind = SEAL__SECURE_CLOSED,
                                          .close_code = seal__load_u16(content)};
        return 0;
    case SEAL__RECORD_HANDSHAKE:
        return seal__renewal_piece(channel, now_ns, content, len, reterr);
    default:
        return protocol_error(channel, "a record of unknown type", reterr);
    }
}

static int open_failed(seal__secure_channel *channel, int code, seal_error **reterr) {
    seal_error *error = NULL;
    if (code == SEAL_ERROR_TAMPERED)
        seal__error(&error, code,
                    "record %llu from the peer does not verify: bytes were changed on the way",
                    (unsigned long long)channel->receiving.number);
    else if (code == SEAL_ERROR_TOO_BIG)
        seal__error(&error, code, "the peer has used one key for too many records or bytes");
    return seal__channel_fail(channel, code, error, false, reterr);
}

static int check_record_header(seal__secure_channel *channel, size_t body_len,
                               seal_error **reterr) {
    seal_error *error = NULL;
    if (body_len >= SEAL__AEAD_TAG && body_len <= SEAL__RECORD_MAX_BODY)
        return 0;
    int code = body_len < SEAL__AEAD_TAG ? SEAL_ERROR_PROTOCOL : SEAL_ERROR_TOO_BIG;
    seal__error(&error, code, "a record of %zu bytes: at least %d, at most %d are allowed",
                body_len, SEAL__AEAD_TAG, SEAL__RECORD_MAX_BODY);
    return seal__channel_fail(channel, code, error, false, reterr);
}

/* Small records are opened in place: what they hold is copied in less time than is looked for. */
static int open_record(seal__secure_channel *channel, uint8_t *record, size_t body_len,
                       uint8_t **ret_content, size_t *ret_len) {
    bool may = body_len >= SCATTER_LEAST && record[3] == SEAL__RECORD_DATA;
    if (channel->scatter != NULL)
        channel->scatter->n = 0;
    return seal__half_open(&channel->receiving, record, body_len, may ? channel->scatter : NULL,
                           &channel->opened, ret_content, ret_len);
}

static int feed_records(seal__secure_channel *channel, uint64_t now_ns, uint8_t *bytes, size_t len,
                        size_t *ret_consumed, seal__secure_event *ret_event, seal_error **reterr) {
    while (ret_event->kind == SEAL__SECURE_NONE) {
        uint8_t *record = bytes + *ret_consumed;
        size_t left = len - *ret_consumed;
        if (left < SEAL__RECORD_HEADER)
            break;
        size_t body_len = seal__load_u24(record);
        uint8_t type = record[3];
        int rc = check_record_header(channel, body_len, reterr);
        if (rc != 0)
            return rc;
        if (left - SEAL__RECORD_HEADER < body_len)
            break;
        uint8_t *content = NULL;
        size_t content_len = 0;
        rc = open_record(channel, record, body_len, &content, &content_len);
        if (rc != 0)
            return open_failed(channel, rc, reterr);
        *ret_consumed += SEAL__RECORD_HEADER + body_len;
        rc = on_record(channel, now_ns, type, content, content_len, ret_event, reterr);
        if (rc != 0)
            return rc;
        if (ret_event->kind == SEAL__SECURE_NONE && channel->pending_event != SEAL__SECURE_NONE) {
            ret_event->kind = channel->pending_event;
            channel->pending_event = SEAL__SECURE_NONE;
        }
        if (ret_event->kind == SEAL__SECURE_NONE)
            announce_step(channel, ret_event);
    }
    return 0;
}

int seal__secure_feed(seal__secure_channel *channel, uint64_t now_ns, uint8_t *bytes, size_t len,
                      size_t *ret_consumed, seal__secure_event *ret_event, seal_error **reterr) {
    *ret_consumed = 0;
    *ret_event = (seal__secure_event){.kind = SEAL__SECURE_NONE};
    if (channel->failure != 0)
        return seal__channel_failed(channel, reterr);
    int rc = seal__channel_check_time(channel, now_ns, reterr);
    if (rc != 0)
        return rc;
    if (!channel->established)
        return feed_handshake(channel, now_ns, bytes, len, ret_consumed, ret_event, reterr);
    if (channel->pending_event != SEAL__SECURE_NONE) {
        ret_event->kind = channel->pending_event;
        channel->pending_event = SEAL__SECURE_NONE;
        return 0;
    }
    if (channel->close_received)
        return len == 0 ? 0 : protocol_error(channel, "bytes after the peer's CLOSE", reterr);
    announce_step(channel, ret_event);
    return feed_records(channel, now_ns, bytes, len, ret_consumed, ret_event, reterr);
}
