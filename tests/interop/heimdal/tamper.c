/* SPDX-License-Identifier: Apache-2.0 */
#include "tamper.h"

#include <string.h>

enum { HEADER = 4, TYPE_TOKEN = 0x03, TYPE_FINISHED = 0x04, TYPE_RECORD = 0x20, HASH = 32 };

bool tamper_parse(const char *text, tamper_kind *ret_kind) {
    static const struct {
        const char *text;
        tamper_kind kind;
    } kinds[] = {{"token", TAMPER_TOKEN},
                 {"finished", TAMPER_FINISHED},
                 {"transcript", TAMPER_TRANSCRIPT},
                 {"record", TAMPER_RECORD},
                 {"close", TAMPER_CLOSE}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(text, kinds[i].text) != 0)
            continue;
        *ret_kind = kinds[i].kind;
        return true;
    }
    return false;
}

/* ---- On the wire ---- */

static bool is_victim(tamper_kind kind, uint8_t type) {
    return (kind == TAMPER_TOKEN && type == TYPE_TOKEN) ||
           (kind == TAMPER_FINISHED && type == TYPE_FINISHED) ||
           (kind == TAMPER_RECORD && type >= TYPE_RECORD);
}

void tamper_bytes(tamper *tampering, uint8_t *bytes, size_t len) {
    while (!tampering->done && len > HEADER) {
        size_t total = HEADER + (size_t)seal__load_u24(bytes);
        if (total > len)
            return;
        if (is_victim(tampering->kind, bytes[3])) {
            bytes[total - (tampering->kind == TAMPER_FINISHED ? 2 : 1)] ^= 1;
            tampering->done = true;
        }
        bytes += total;
        len -= total;
    }
}

/* ---- Before the mechanism wraps it ---- */

typedef struct spoiler {
    seal__mech base;
    seal__mech *inner;
    bool done;
} spoiler;

static int spoiler_step(seal__mech *mech, const uint8_t *in, size_t len, seal__buf *out,
                        seal_error **reterr) {
    spoiler *s = (spoiler *)(void *)mech;
    int rc = s->inner->ops->step(s->inner, in, len, out, reterr);
    s->base.info = s->inner->info;
    return rc;
}

static int spoiler_wrap(seal__mech *mech, bool conf, const uint8_t *in, size_t len,
                        seal__buf *out) {
    spoiler *s = (spoiler *)(void *)mech;
    uint8_t copy[2 * HASH];
    if (s->done || len != sizeof copy)
        return s->inner->ops->wrap(s->inner, conf, in, len, out);
    memcpy(copy, in, len);
    copy[HASH - 1] ^= 1;
    s->done = true;
    int rc = s->inner->ops->wrap(s->inner, conf, copy, len, out);
    seal__wipe(copy, sizeof copy);
    return rc;
}

static int spoiler_unwrap(seal__mech *mech, bool conf, const uint8_t *in, size_t len,
                          seal__buf *out) {
    spoiler *s = (spoiler *)(void *)mech;
    return s->inner->ops->unwrap(s->inner, conf, in, len, out);
}

static void spoiler_free(seal__mech *mech) {
    spoiler *s = (spoiler *)(void *)mech;
    if (s == NULL)
        return;
    s->inner->ops->free(s->inner);
    seal__release(&seal__default_allocator, s);
}

static int spoiler_make(void *user, seal_mechanism mechanism, const char *target,
                        seal__mech **ret_mech, seal_error **reterr) {
    static const seal__mech_ops ops = {
        .step = spoiler_step, .wrap = spoiler_wrap, .unwrap = spoiler_unwrap, .free = spoiler_free};
    const tamper *tampering = user;
    spoiler *s = seal__alloc_zeroed(&seal__default_allocator, 1, sizeof *s);
    if (s == NULL)
        return SEAL_ERROR_NO_MEMORY;
    const seal__mech_source *inner = &tampering->inner;
    int rc = inner->make(inner->user, mechanism, target, &s->inner, reterr);
    if (rc < 0) {
        seal__release(&seal__default_allocator, s);
        return rc;
    }
    s->base.ops = &ops;
    *ret_mech = &s->base;
    return 0;
}

void tamper_init(tamper *tampering, tamper_kind kind, seal__mech_source *source) {
    *tampering = (tamper){.kind = kind, .inner = *source};
    if (kind == TAMPER_TRANSCRIPT)
        *source = (seal__mech_source){.make = spoiler_make, .user = tampering};
}
