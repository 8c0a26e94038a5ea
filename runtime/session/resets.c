/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a client takes its calls back. A server keeps a budget for RESETs (budget.h): a client that
 * exceeds it loses the connection, and every other call on it. So the client keeps one of its own,
 * which is smaller. When that is used up, a stream whose owner has gone waits for its turn. It
 * still counts, as it does at the server, and what comes for it is ignored, as for any late stream.
 */
#include "session/internal.h"

/* As much smaller that what a stopped network or server lets pile up for a quarter of a minute
 * stays within the server's budget, too. */
enum { BURST = SEAL__BUDGET_BURST / 2, PER_SECOND = 30 };

static const uint64_t cost_ns = UINT64_C(1000000000) / PER_SECOND;

static bool take_token(seal__session *session) {
    return seal__bucket_take(&session->reset_budget, session->now_ns, BURST, cost_ns);
}

static int detach_and_send(seal__session *session, seal__stream *stream, uint32_t reason) {
    seal__stream_detach(session, stream, true);
    return seal__send_reset(session, stream->id, reason);
}

/* `gone` makes harmless what the owner may still do with it. */
static void wait_for_turn(seal__session *session, seal__stream *stream, uint32_t reason) {
    seal__list_remove(&stream->pending);
    seal__list_remove(&stream->ready);
    stream->pending_kind = SEAL__PENDING_NOTHING;
    seal__stream_drop_queue(session, stream);
    seal__inbox_drop(session, stream);
    stream->released = true;
    stream->gone = true;
    stream->reset_reason = reason;
    seal__list_append(&session->resets, &stream->ready);
}

int seal__stream_reset(seal__session *session, seal__stream *stream, uint32_t reason, bool lend) {
    if (!take_token(session)) {
        wait_for_turn(session, stream, reason);
        return 0;
    }
    int rc = detach_and_send(session, stream, reason);
    if (lend)
        seal__stream_lend(session, stream);
    else
        seal__stream_recycle(session, stream);
    return rc;
}

/* ---- Of a stream that waits ---- */

static void recycle(seal__session *session, seal__stream *stream) {
    seal__stream_recycle(session, stream);
    session->has_room = true;
}

static void send_waiting(seal__session *session, seal__stream *stream, uint32_t reason) {
    if (detach_and_send(session, stream, reason) != 0)
        session->no_memory = true;
    recycle(session, stream);
}

static seal__stream *stream_of(seal__list *node) {
    return SEAL__CONTAINER_OF(node, seal__stream, ready);
}

void seal__resets_send(seal__session *session) {
    while (!seal__list_is_empty(&session->resets) && take_token(session)) {
        seal__stream *stream = stream_of(session->resets.next);
        send_waiting(session, stream, stream->reset_reason);
    }
}

uint64_t seal__resets_due(const seal__session *session) {
    if (seal__list_is_empty(&session->resets))
        return UINT64_MAX;
    return seal__bucket_next(&session->reset_budget, BURST, cost_ns);
}

/* The server knows the deadline: this RESET costs nothing. */
void seal__reset_expired(seal__session *session, seal__stream *stream) {
    send_waiting(session, stream, SEAL__RESET_DEADLINE);
}

void seal__reset_drop(seal__session *session, seal__stream *stream) {
    seal__stream_detach(session, stream, false);
    recycle(session, stream);
}

void seal__resets_drop_above(seal__session *session, uint64_t last) {
    seal__list *node = session->resets.next;
    while (node != &session->resets) {
        seal__stream *stream = stream_of(node);
        node = node->next;
        if (stream->id > last)
            seal__reset_drop(session, stream);
    }
}
