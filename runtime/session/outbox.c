/* SPDX-License-Identifier: Apache-2.0 */
#include "session/outbox.h"

enum { MANY = 16 * 1024 }; /* bytes: a whole record more may come, and has room at once */

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
    if (outbox->wire.cap >= MANY && outbox->wire.cap - outbox->wire.len < n)
        seal__buf_ensure(&outbox->wire, n + SEAL__OUTBOX_RECORD);
    uint8_t *at = seal__buf_reserve(&outbox->wire, n);
    if (at == NULL)
        outbox->failed = true;
    return at;
}

static int end_record(seal__outbox *outbox) {
    const seal__sealer *sealer = &outbox->sealer;
    seal__buf *wire = &outbox->wire;
    if (outbox->lent.n > 0 && sealer->end_with != NULL)
        return sealer->end_with(sealer->user, wire, outbox->start, &outbox->lent);
    seal__gather_copy(&outbox->lent, wire->data + outbox->start + outbox->overhead);
    return sealer->end(sealer->user, wire, outbox->start);
}

int seal__outbox_seal(seal__outbox *outbox) {
    if (outbox->failed)
        return SEAL_ERROR_NO_MEMORY;
    if (!is_open(outbox))
        return 0;
    int code = end_record(outbox);
    outbox->start = SIZE_MAX;
    outbox->lent.n = 0;
    if (code == 0 && outbox->wire.failed)
        code = SEAL_ERROR_NO_MEMORY;
    if (code != 0)
        outbox->failed = true;
    return code;
}

bool seal__outbox_lend(seal__outbox *outbox, seal_bytes bytes, size_t behind) {
    seal__gathered *piece = &outbox->lent.pieces[outbox->lent.n++];
    piece->at = outbox->wire.len - behind - bytes.len - outbox->start - outbox->overhead;
    piece->bytes = bytes;
    return outbox->lent.n < SEAL__GATHER_MAX || seal__outbox_seal(outbox) == 0;
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
