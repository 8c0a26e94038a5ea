/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/record.h"

#include "secure/keys.h"
#include "secure/secure_channel.h"

#include <string.h>

static int install_aead(seal__half *half) {
    uint8_t key[SEAL__AEAD_KEY_MAX];
    seal__aead_kind kind = half->suite->aead;
    const seal__label labels[] = {{"key", key, seal__aead_key_size(kind)},
                                  {"iv", half->iv, sizeof half->iv}};
    int rc = seal__expand_labels(half->secret, labels, 2);
    if (rc == 0 && half->aead.ctx == NULL)
        rc = seal__aead_init(&half->aead, kind, half->sealing, key);
    else if (rc == 0)
        rc = seal__aead_rekey(&half->aead, key);
    seal__wipe(key, sizeof key);
    return rc;
}

static int install_mac(seal__half *half) {
    uint8_t key[SEAL__HASH];
    seal__hmac_done(&half->mac);
    int rc = seal__expand_label(half->secret, "mac", key, sizeof key);
    if (rc == 0)
        rc = seal__hmac_init(&half->mac, key, sizeof key);
    seal__wipe(key, sizeof key);
    return rc;
}

static int install_keys(seal__half *half) {
    half->number = 0;
    half->bytes = 0;
    return half->suite->gss ? install_mac(half) : install_aead(half);
}

int seal__half_init(seal__half *half, const seal__suite *suite, seal_level level, bool sealing,
                    const uint8_t secret[SEAL__HASH], seal__mech *mech) {
    seal__half_done(half);
    half->suite = suite;
    half->level = level;
    half->sealing = sealing;
    half->mech = mech;
    memcpy(half->secret, secret, SEAL__HASH);
    return install_keys(half);
}

void seal__half_done(seal__half *half) {
    seal__aead_done(&half->aead);
    seal__hmac_done(&half->mac);
    seal__wipe(half, sizeof *half);
    *half = (seal__half){0};
}

int seal__half_update(seal__half *half) {
    uint8_t next[SEAL__HASH];
    int rc = seal__expand_label(half->secret, "upd", next, sizeof next);
    if (rc == 0) {
        memcpy(half->secret, next, sizeof next);
        rc = install_keys(half);
    }
    seal__wipe(next, sizeof next);
    return rc;
}

static void make_nonce(const seal__half *half, uint8_t nonce[SEAL__AEAD_NONCE]) {
    uint8_t number[8];
    memcpy(nonce, half->iv, SEAL__AEAD_NONCE);
    seal__store_u64(number, half->number);
    for (size_t i = 0; i < sizeof number; i++)
        nonce[SEAL__AEAD_NONCE - sizeof number + i] ^= number[i];
}

static int make_tag(seal__half *half, const uint8_t *record, size_t len,
                    uint8_t ret_mac[SEAL__HASH]) {
    uint8_t number[8];
    seal__store_u64(number, half->number);
    const seal_bytes parts[] = {{number, sizeof number}, {record, len}};
    return seal__hmac_compute(&half->mac, parts, 2, ret_mac);
}

static void put_header(uint8_t *header, size_t body_len, seal__record_type type) {
    seal__store_u24(header, (uint32_t)body_len);
    header[3] = (uint8_t)type;
}

static bool encrypts(const seal__half *half) {
    return !half->suite->gss && half->level == SEAL_LEVEL_PRIVACY;
}

static int seal_aead(seal__half *half, seal__record_type type, seal__buf *out, size_t start,
                     const seal__gather *gather) {
    uint8_t nonce[SEAL__AEAD_NONCE];
    size_t len = out->len - start - SEAL__RECORD_HEADER;
    uint8_t *tag = seal__buf_reserve(out, SEAL__AEAD_TAG);
    if (tag == NULL)
        return SEAL_ERROR_NO_MEMORY;
    uint8_t *header = out->data + start;
    uint8_t *content = header + SEAL__RECORD_HEADER;
    put_header(header, len + SEAL__AEAD_TAG, type);
    make_nonce(half, nonce);
    if (encrypts(half))
        return seal__aead_seal_with(&half->aead, nonce, (seal_bytes){header, SEAL__RECORD_HEADER},
                                    content, len, gather, tag);
    return seal__aead_seal(&half->aead, nonce, (seal_bytes){header, SEAL__RECORD_HEADER + len},
                           NULL, 0, tag);
}

static int seal_gss(seal__half *half, seal__record_type type, seal__buf *out, size_t start,
                    seal__buf *scratch) {
    uint8_t mac[SEAL__HASH];
    seal__buf_reset(scratch);
    size_t content = start + SEAL__RECORD_HEADER;
    int rc = half->mech->ops->wrap(half->mech, half->level == SEAL_LEVEL_PRIVACY,
                                   out->data + content, out->len - content, scratch);
    if (rc != 0 || scratch->failed)
        return rc != 0 ? rc : SEAL_ERROR_NO_MEMORY;
    if (scratch->len + SEAL__AEAD_TAG > SEAL__RECORD_MAX_BODY)
        return SEAL_ERROR_TOO_BIG;
    out->len = content;
    seal__buf_put(out, scratch->data, scratch->len);
    uint8_t *tag = seal__buf_reserve(out, SEAL__AEAD_TAG);
    if (tag == NULL)
        return SEAL_ERROR_NO_MEMORY;
    put_header(out->data + start, scratch->len + SEAL__AEAD_TAG, type);
    rc = make_tag(half, out->data + start, SEAL__RECORD_HEADER + scratch->len, mac);
    memcpy(tag, mac, SEAL__AEAD_TAG);
    return rc;
}

int seal__half_seal(seal__half *half, seal__record_type type, seal__buf *out, size_t start,
                    const seal__gather *gather, seal__buf *scratch) {
    if (half->number > SEAL__KEY_MAX_RECORDS)
        return SEAL_ERROR_INTERNAL;
    if (!encrypts(half))
        seal__gather_copy(gather, out->data + start + SEAL__RECORD_HEADER);
    int rc = half->suite->gss ? seal_gss(half, type, out, start, scratch)
                              : seal_aead(half, type, out, start, gather);
    if (rc != 0)
        return rc;
    half->bytes += out->len - start - SEAL__RECORD_HEADER;
    half->number++;
    return 0;
}

static int open_aead(seal__half *half, uint8_t *record, size_t body_len, seal__scatter *scatter,
                     uint8_t **ret_content, size_t *ret_len) {
    uint8_t nonce[SEAL__AEAD_NONCE];
    size_t len = body_len - SEAL__AEAD_TAG;
    uint8_t *content = record + SEAL__RECORD_HEADER;
    const uint8_t *tag = content + len;
    make_nonce(half, nonce);
    *ret_content = content;
    *ret_len = len;
    if (half->level == SEAL_LEVEL_PRIVACY)
        return seal__aead_open_with(&half->aead, nonce, (seal_bytes){record, SEAL__RECORD_HEADER},
                                    content, len, scatter, tag);
    return seal__aead_open(&half->aead, nonce, (seal_bytes){record, SEAL__RECORD_HEADER + len},
                           NULL, 0, tag);
}

static int open_gss(seal__half *half, const uint8_t *record, size_t body_len, seal__buf *scratch,
                    uint8_t **ret_content, size_t *ret_len) {
    uint8_t mac[SEAL__HASH];
    const uint8_t *token = record + SEAL__RECORD_HEADER;
    size_t len = body_len - SEAL__AEAD_TAG;
    int rc = make_tag(half, record, SEAL__RECORD_HEADER + len, mac);
    if (rc != 0)
        return rc;
    if (!seal__equal(mac, token + len, SEAL__AEAD_TAG))
        return SEAL_ERROR_TAMPERED;
    seal__buf_reset(scratch);
    rc =
        half->mech->ops->unwrap(half->mech, half->level == SEAL_LEVEL_PRIVACY, token, len, scratch);
    if (rc != 0 || scratch->failed)
        return scratch->failed ? SEAL_ERROR_NO_MEMORY : SEAL_ERROR_TAMPERED;
    static uint8_t nothing[1];
    *ret_content = scratch->len > 0 ? scratch->data : nothing;
    *ret_len = scratch->len;
    return 0;
}

int seal__half_open(seal__half *half, uint8_t *record, size_t body_len, seal__scatter *scatter,
                    seal__buf *scratch, uint8_t **ret_content, size_t *ret_len) {
    if (body_len < SEAL__AEAD_TAG)
        return SEAL_ERROR_PROTOCOL;
    if (half->number > SEAL__KEY_MAX_RECORDS ||
        half->bytes > SEAL__KEY_MAX_BYTES + SEAL__RECORD_MAX_BODY)
        return SEAL_ERROR_TOO_BIG;
    int rc = half->suite->gss ? open_gss(half, record, body_len, scratch, ret_content, ret_len)
                              : open_aead(half, record, body_len, scatter, ret_content, ret_len);
    if (rc != 0)
        return rc;
    half->bytes += body_len;
    half->number++;
    return 0;
}
