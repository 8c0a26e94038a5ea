/* SPDX-License-Identifier: Apache-2.0 */
/* What travels beside a call's messages: metadata, trace context, details, advice. */
#include <string.h>

#include "call/details.h"
#include "call/metadata.h"
#include "call/trace.h"
#include "codec/codec.h"
#include "server/server_internal.h"

/* ---- Of the request ---- */

/* The value of a key that stands exactly once; "" otherwise. */
static const char *only_value(const seal_metadata *metadata, const char *key, size_t *ret_len) {
    const char *value = "";
    size_t found = 0;
    seal_metadata_entry entry;
    *ret_len = 0;
    for (size_t i = 0; seal_metadata_at(metadata, i, &entry); i++) {
        if (strcmp(entry.key, key) != 0)
            continue;
        value = entry.value;
        *ret_len = entry.value_len;
        found++;
    }
    return found == 1 ? value : "";
}

static void take_trace(seal_call *call) {
    size_t len = 0;
    const char *parent = only_value(call->metadata, "traceparent", &len);
    if (!seal__traceparent_ok(parent, len))
        return;
    call->scope.traceparent = parent;
    const char *state = only_value(call->metadata, "tracestate", &len);
    if (len <= SEAL__TRACESTATE_MAX)
        call->scope.tracestate = state;
}

int seal__call_take_metadata(seal_call *call, seal_bytes block) {
    int rc =
        seal__metadata_from_block(seal__runtime_alloc(call->loop->runtime), block, &call->metadata);
    if (rc == 0)
        take_trace(call);
    return rc;
}

const seal_metadata *seal_call_metadata(const seal_call *call) {
    return call->metadata != NULL ? call->metadata : seal__metadata_none();
}

uint32_t seal_call_attempt(const seal_call *call) {
    return call->scope.attempt;
}

const char *seal_call_traceparent(const seal_call *call) {
    return call->scope.traceparent;
}

const char *seal_call_tracestate(const seal_call *call) {
    return call->scope.tracestate;
}

/* ---- Before the first message ---- */

int seal__call_send_block(seal_call *call, seal_bytes block) {
    if (call->stream == NULL)
        return 0;
    seal__conn_mark_dirty(call->sc->conn);
    return seal__session_send_metadata(call->sc->conn->session, call->stream, block);
}

/* Through `out` on every thread: it is rare, and so the order is always right. */
int seal_call_send_metadata(seal_call *call, const seal_metadata *metadata) {
    size_t size = seal__metadata_block_size(metadata);
    seal__out_item *item =
        seal__out_item_new(seal__runtime_alloc(call->loop->runtime), SEAL__OUT_METADATA, size);
    if (item == NULL)
        return SEAL_ERROR_NO_MEMORY;
    if (size > 0)
        seal__metadata_write_block(metadata, item->bytes);
    return seal__call_hand_over(call, item, true);
}

/* ---- With the answer ---- */

int seal_call_set_trailing_metadata(seal_call *call, const seal_metadata *metadata) {
    const seal_allocator *alloc = seal__runtime_alloc(call->loop->runtime);
    uint8_t *block = NULL;
    size_t len = 0;
    int rc = seal__metadata_pack(alloc, metadata, &block, &len);
    if (rc < 0)
        return rc;
    uint8_t *unused = block;
    pthread_mutex_lock(&call->lock);
    bool late = atomic_load(&call->answered);
    if (!late) {
        unused = call->trailing;
        call->trailing = block;
        call->trailing_len = len;
    }
    pthread_mutex_unlock(&call->lock);
    seal__release(alloc, unused);
    return late ? SEAL_ERROR_ALREADY : 0;
}

void seal_call_set_retry_after(seal_call *call, uint32_t milliseconds) {
    pthread_mutex_lock(&call->lock);
    if (!atomic_load(&call->answered)) {
        call->has_retry_after = true;
        call->retry_after_ms = milliseconds;
    }
    pthread_mutex_unlock(&call->lock);
}

static size_t field_size(size_t len) {
    size_t size = 2 + len; /* tag, and a length of one byte */
    for (; len >= 0x80; len >>= 7)
        size++;
    return size;
}

/* As protobuf has it: details.h. */
static size_t detail_size(const char *type, size_t len) {
    size_t url = sizeof "type.googleapis.com/" - 1 + strlen(type);
    return field_size(field_size(url) + field_size(len));
}

/* The next two are called with the lock held. NULL: out of memory. */
static seal__buf *details_of(seal_call *call) {
    const seal_allocator *alloc = seal__runtime_alloc(call->loop->runtime);
    if (call->details == NULL) {
        call->details = seal__alloc(alloc, sizeof *call->details);
        if (call->details != NULL)
            seal__buf_init(call->details, alloc, SEAL__DETAILS_MAX);
    }
    return call->details;
}

/* What does not fit leaves the others as they are. */
static int add_detail(seal_call *call, const char *type, const uint8_t *value, size_t len) {
    if (atomic_load(&call->answered))
        return SEAL_ERROR_ALREADY;
    seal__buf *details = details_of(call);
    if (details == NULL)
        return SEAL_ERROR_NO_MEMORY;
    size_t before = details->len;
    if (detail_size(type, len) > SEAL__DETAILS_MAX - before)
        return SEAL_ERROR_TOO_BIG;
    seal__details_add(details, type, value, len);
    if (!details->failed)
        return 0;
    details->failed = false;
    details->len = before;
    return SEAL_ERROR_NO_MEMORY;
}

int seal_call_add_detail(seal_call *call, const ProtobufCMessage *detail) {
    size_t size = 0;
    if (detail == NULL || detail->descriptor == NULL ||
        seal__codec_measure(detail->descriptor, detail, &size, NULL) < 0)
        return SEAL_ERROR_INVALID;
    if (size > SEAL__DETAILS_MAX)
        return SEAL_ERROR_TOO_BIG;
    const seal_allocator *alloc = seal__runtime_alloc(call->loop->runtime);
    uint8_t *value = seal__alloc(alloc, size > 0 ? size : 1);
    if (value == NULL)
        return SEAL_ERROR_NO_MEMORY;
    seal__codec_pack(detail, value);
    pthread_mutex_lock(&call->lock);
    int rc = add_detail(call, detail->descriptor->name, value, size);
    pthread_mutex_unlock(&call->lock);
    seal__release(alloc, value);
    return rc;
}
