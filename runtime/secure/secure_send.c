/* SPDX-License-Identifier: Apache-2.0 */
/* The sending side of an established channel. */
#include "secure/channel_internal.h"

#include <string.h>

bool seal__secure_can_send(const seal__secure_channel *channel) {
    return channel->established && channel->failure == 0 && !channel->close_sent;
}

bool seal__secure_wants_flush(const seal__secure_channel *channel) {
    if (channel->out.len > 0 || channel->tell_peer)
        return true;
    if (channel->failure != 0 || channel->close_sent)
        return false;
    return channel->established ? seal__renewal_wants_flush(channel) : channel->hs->out.len > 0;
}

static int send_failed(seal__secure_channel *channel, int code) {
    return seal__channel_fail(channel, code, NULL, false, NULL);
}

/* What could not be sealed must not be sent: it is the content in clear. */
static void take_back(seal__buf *out, size_t start) {
    if (out->len > start) {
        seal__wipe(out->data + start, out->len - start);
        out->len = start;
    }
}

static int seal_with(seal__secure_channel *channel, seal__record_type type, seal__buf *out,
                     size_t start, const seal__gather *gather) {
    int rc = out->failed
                 ? SEAL_ERROR_NO_MEMORY
                 : seal__half_seal(&channel->sending, type, out, start, gather, &channel->scratch);
    if (rc == 0)
        return 0;
    take_back(out, start);
    return send_failed(channel, rc);
}

int seal__channel_seal(seal__secure_channel *channel, seal__record_type type, seal__buf *out,
                       size_t start) {
    return seal_with(channel, type, out, start, NULL);
}

int seal__channel_send(seal__secure_channel *channel, seal__record_type type,
                       const uint8_t *content, size_t len, seal__buf *out) {
    size_t start = out->len;
    seal__buf_reserve(out, SEAL__RECORD_HEADER);
    seal__buf_put(out, content, len);
    return seal__channel_seal(channel, type, out, start);
}

static int send_close(seal__secure_channel *channel, uint16_t code, seal__buf *out) {
    uint8_t content[2];
    seal__store_u16(content, code);
    channel->close_sent = true;
    channel->tell_peer = false;
    return seal__channel_send(channel, SEAL__RECORD_CLOSE, content, sizeof content, out);
}

static int move(seal__buf *from, seal__buf *out) {
    seal__buf_put(out, from->data, from->len);
    from->len = 0;
    return out->failed ? SEAL_ERROR_NO_MEMORY : 0;
}

int seal__secure_flush(seal__secure_channel *channel, seal__buf *out) {
    int rc = 0;
    if (channel->failure == 0 && !channel->established)
        rc = move(&channel->hs->out, out);
    if (rc == 0)
        rc = move(&channel->out, out);
    if (rc != 0)
        return send_failed(channel, rc);
    if (channel->tell_peer)
        return send_close(channel, (uint16_t)seal__close_code_for(channel->failure), out);
    if (channel->failure != 0 || channel->close_sent || !channel->established)
        return 0;
    return seal__renewal_flush(channel, out);
}

static int send_update(seal__secure_channel *channel, seal__buf *out) {
    static const uint8_t content[1] = {0}; /* libkrb5 leaks where it unwraps an empty message */
    int rc = seal__channel_send(channel, SEAL__RECORD_KEY_UPDATE, content, sizeof content, out);
    if (rc != 0)
        return rc;
    rc = seal__half_update(&channel->sending);
    return rc == 0 ? 0 : send_failed(channel, rc);
}

int seal__secure_update_key(seal__secure_channel *channel, seal__buf *out) {
    if (!seal__secure_can_send(channel))
        return SEAL_ERROR_STATE;
    int rc = seal__secure_flush(channel, out);
    return rc != 0 ? rc : send_update(channel, out);
}

size_t seal__secure_record_begin(seal__secure_channel *channel, seal__buf *out) {
    if (!seal__secure_can_send(channel) || out->failed)
        return SIZE_MAX;
    /* Handshake messages that wait go first: the order of records decides under which key they are.
     */
    if (seal__secure_wants_flush(channel) && seal__secure_flush(channel, out) != 0)
        return SIZE_MAX;
    size_t start = out->len;
    return seal__buf_reserve(out, SEAL__RECORD_HEADER) == NULL ? SIZE_MAX : start;
}

int seal__secure_record_end_with(seal__secure_channel *channel, seal__buf *out, size_t start,
                                 const seal__gather *gather) {
    size_t len = out->len - start - SEAL__RECORD_HEADER;
    if (channel->failure != 0) {
        take_back(out, start);
        return channel->failure;
    }
    if (!out->failed && (len == 0 || len > SEAL__RECORD_MAX_PLAIN)) {
        take_back(out, start);
        return len == 0 ? 0 : SEAL_ERROR_TOO_BIG;
    }
    int rc = seal_with(channel, SEAL__RECORD_DATA, out, start, gather);
    if (rc != 0)
        return rc;
    bool due = channel->sending.number >= channel->config.key_update_records ||
               channel->sending.bytes >= channel->config.key_update_bytes;
    return due ? send_update(channel, out) : 0;
}

int seal__secure_record_end(seal__secure_channel *channel, seal__buf *out, size_t start) {
    return seal__secure_record_end_with(channel, out, start, NULL);
}

static int close_handshake(seal__secure_channel *channel, seal__close_code code, seal__buf *out) {
    const seal__handshake *hs = channel->hs;
    seal_error *error = NULL;
    int rc = seal__secure_flush(channel, out);
    if (rc != 0)
        return rc;
    if ((hs->heard || hs->said_hello) && !seal__handshake_said_finished(hs))
        seal__put_alert(out, (uint16_t)code, NULL);
    channel->close_sent = true;
    seal__error(&error, SEAL_ERROR_CLOSED, "closed by this end: %s",
                seal__close_text((uint16_t)code));
    seal__channel_fail(channel, SEAL_ERROR_CLOSED, error, false, NULL);
    return out->failed ? SEAL_ERROR_NO_MEMORY : 0;
}

int seal__secure_close(seal__secure_channel *channel, seal__close_code code, seal__buf *out) {
    if (channel->close_sent)
        return 0;
    if (channel->failure != 0)
        return seal__secure_flush(channel, out);
    if (!channel->established)
        return close_handshake(channel, code, out);
    int rc = seal__secure_flush(channel, out);
    return rc != 0 ? rc : send_close(channel, (uint16_t)code, out);
}
