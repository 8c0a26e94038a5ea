/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt of a call: a stream on a connection, and what is sent there. */
#include <string.h>

#include "call/metadata.h"
#include "client/client_internal.h"
#include "codec/codec.h"

static void pack_item(const void *message, uint8_t *at) {
    const seal__out_item *item = message;
    memcpy(at, item->bytes, item->size);
}

/* That of a plain call. */
static void send_request(seal_client_call *call) {
    int rc = seal__session_send(call->conn->session, call->stream, call->request->size, pack_item,
                                call->request, true);
    if (rc < 0)
        seal__client_call_break(call, rc);
}

int seal__client_call_attempt(seal_client_call *call, uint64_t now_ns) {
    const seal_channel *channel = call->channel;
    uint32_t limit = call->method->max_response;
    seal__open open = {.method = call->method->full_name,
                       .deadline_ns = call->deadline_ns,
                       .max_message = limit != 0 ? limit : channel->config.max_response,
                       .wanted = call->asked,
                       .attempt = call->attempts + 1,
                       .metadata = {.data = call->metadata, .len = call->metadata_len},
                       .user = call};
    int rc = seal__session_open_call(channel->conn->session, now_ns, &open, &call->stream);
    seal__conn_mark_dirty(channel->conn); /* where the outbox has failed, the flush finds out */
    if (rc < 0)
        return rc;
    call->conn = channel->conn;
    call->record = seal__outbox_position(&call->conn->outbox);
    call->attempts++;
    if (call->direct) {
        send_request(call);
        return 0;
    }
    seal__client_call_feed(call);
    seal__client_call_check_room(call);
    return 0;
}

/* A large one leaves from where it is kept, as far as it can leave now. */
static int send_item(seal_client_call *call, const seal__out_item *item, bool end) {
    const seal__parts parts = {.body = {.data = item->bytes, .len = item->size}};
    return seal__conn_send(call->conn, call->stream, item->size >= SEAL__CODEC_BODY ? &parts : NULL,
                           item->size, pack_item, item, end);
}

/* The next of the history; END together with the message before it. */
static int send_next(seal_client_call *call, const seal__out_item *item) {
    seal__session *session = call->conn->session;
    if ((item->kind & SEAL__OUT_END) != 0)
        return seal__session_end(session, call->stream);
    bool end = seal__history_ends(&call->history);
    int rc = send_item(call, item, end);
    if (rc == 0 && end && (item->kind & SEAL__OUT_LAST) == 0)
        seal__history_sent(&call->history);
    return rc;
}

static bool has_stream(const seal_client_call *call) {
    return call->stream != NULL && call->conn->state == SEAL__CONN_OPEN;
}

void seal__client_call_feed(seal_client_call *call) {
    const seal__out_item *item = NULL;
    int rc = 0;
    if (!has_stream(call) || atomic_load(&call->broken) != 0)
        return;
    while (rc == 0 && (item = seal__history_next(&call->history)) != NULL) {
        rc = send_next(call, item);
        if (rc == 0)
            seal__history_sent(&call->history);
    }
    call->committed |= call->history.incomplete;
    seal__conn_mark_dirty(call->conn);
    if (rc < 0 && rc != SEAL_ERROR_STATE) /* that is a stream that is over: it will be told */
        seal__client_call_break(call, rc);
}

bool seal__client_call_can_send(const seal_client_call *call) {
    return has_stream(call) && seal__history_next(&call->history) == NULL;
}

int seal__client_call_send(seal_client_call *call, const ProtobufCMessage *message, size_t size,
                           bool end) {
    seal__client_call_commit(call);
    call->messages_out++;
    uint8_t around[SEAL__CODEC_AROUND];
    seal__parts parts;
    bool split = seal__codec_split(message, size, around, &parts);
    int rc = seal__conn_send(call->conn, call->stream, split ? &parts : NULL, size,
                             seal__codec_pack, message, end);
    seal__conn_mark_dirty(call->conn);
    return rc;
}

void seal__client_call_add(seal_client_call *call, seal__out_item *item) {
    call->messages_out += (item->kind & SEAL__OUT_END) == 0;
    seal__history_add(&call->history, item);
}

void seal__client_call_break(seal_client_call *call, int code) {
    int none = 0;
    if (atomic_compare_exchange_strong(&call->broken, &none, code))
        seal__client_call_post(call, SEAL__WORK_BROKEN);
}

/* Nothing of the stream can have left, or is going to. */
static bool is_unsealed(const seal_client_call *call) {
    const seal__outbox *outbox = &call->conn->outbox;
    return call->conn->state == SEAL__CONN_OPEN && !outbox->failed && outbox->start != SIZE_MAX &&
           seal__outbox_position(outbox) == call->record;
}

bool seal__client_call_drop_stream(seal_client_call *call) {
    seal_channel *channel = call->channel;
    if (call->stream == NULL) {
        seal__channel_unqueue(channel, call);
        seal__heap_remove(&channel->retries, &call->retry);
        return true;
    }
    bool unsealed = is_unsealed(call);
    bool taken_back = seal__session_cancel(call->conn->session, call->stream);
    if (taken_back && unsealed) /* nobody will see it */
        call->attempts--;
    seal__conn_mark_dirty(call->conn);
    call->stream = NULL;
    return taken_back;
}

/* What comes later than this turn of the loop comes too late. The connection may be gone when the
 * call ends. When all calls end, this one does with them. */
void seal__client_call_take_back(seal_client_call *call) {
    seal_channel *channel = call->channel;
    if (call->stream == NULL || channel->freeing || !is_unsealed(call))
        return;
    seal__conn *conn = call->conn;
    (void)seal__client_call_drop_stream(call);
    call->conn = NULL;
    seal__channel_let_leave(channel, conn);
}

void seal__client_call_commit(seal_client_call *call) {
    if (call->committed)
        return;
    call->committed = true;
    seal__history_commit(&call->history);
}

void seal__client_call_reset_for_retry(seal_client_call *call) {
    call->stream = NULL;
    call->conn = NULL;
    seal_result_free(call->result);
    call->result = NULL;
    seal_metadata_free(call->initial);
    call->initial = NULL;
    call->messages_in = 0;
    call->never_left = false;
    call->going_away = false;
    call->crowded_out = false;
    if (call->plain)
        seal__plain_keep(call);
    seal__history_rewind(&call->history);
    if (call->streams_out)
        seal__client_call_publish(call);
}
