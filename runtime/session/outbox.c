/* SPDX-License-Identifier: Apache-2.0 */
#include "session/outbox.h"

void seal__outbox_init(seal__outbox *outbox, const seal_allocator *alloc,
                       const seal__sealer *sealer) {
    *outbox = (seal__outbox){.sealer = *sealer, .start = SIZE_MAX};
    seal__buf_init(&outbox->wire, alloc, SIZE_MAX / 2);
}

void seal__outbox_done(seal__outbox *outbox) {
    seal__buf_done(&outbox->wire);
    outbox->start = SIZE_MAX;
}

static bool is_open(const seal__outbox *outbox) {
    return outbox->start != SIZE_MAX;
}

static bool open_record(seal__outbox *outbox) {
    size_t start = outbox->sealer.begin(outbox->sealer.user, &outbox->wire);
    if (start == SIZE_MAX || outbox->wire.failed) {
        outbox->failed = true;
        return false;
    }
    outbox->start = start;
    outbox->overhead = outbox->wire.len - start;
    return true;
}

size_t seal__outbox_room(const seal__outbox *outbox) {
    if (!is_open(outbox))
        return SEAL__OUTBOX_RECORD;
    return SEAL__OUTBOX_RECORD - (outbox->wire.len - outbox->start - outbox->overhead);
}

uint8_t *seal__outbox_reserve(seal__outbox *outbox, size_t n) {
    if (outbox->failed)
        return NULL;
    if (is_open(outbox) && n > seal__outbox_room(outbox) && seal__outbox_seal(outbox) != 0)
        return NULL;
    if (!is_open(outbox) && !open_record(outbox))
        return NULL;
    uint8_t *at = seal__buf_reserve(&outbox->wire, n);
    if (at == NULL)
        outbox->failed = true;
    return at;
}

int seal__outbox_seal(seal__outbox *outbox) {
    if (outbox->failed)
        return SEAL_ERROR_NO_MEMORY;
    if (!is_open(outbox))
        return 0;
    int code = outbox->sealer.end(outbox->sealer.user, &outbox->wire, outbox->start);
    outbox->start = SIZE_MAX;
    if (code == 0 && outbox->wire.failed)
        code = SEAL_ERROR_NO_MEMORY;
    if (code != 0)
        outbox->failed = true;
    return code;
}

uint64_t seal__outbox_position(const seal__outbox *outbox) {
    return outbox->written + (is_open(outbox) ? outbox->start : outbox->wire.len);
}

void seal__outbox_taken(seal__outbox *outbox, size_t n) {
    outbox->written += n;
    seal__buf_consume(&outbox->wire, n);
    if (is_open(outbox))
        outbox->start -= n;
}
