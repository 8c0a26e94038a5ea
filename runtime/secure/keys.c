/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/keys.h"

#include "base/buf.h"

#include <assert.h>
#include <string.h>

static const char prefix[] = "sealrpc1 ";

static int expand(seal__hmac *secret, const char *label, uint8_t *ret_out, size_t len) {
    uint8_t info[64];
    size_t prefix_len = sizeof prefix - 1;
    size_t label_len = strlen(label);
    size_t n = 0;
    assert(prefix_len + label_len + 4 <= sizeof info && len <= UINT16_MAX);
    seal__store_u16(info, (uint16_t)len);
    info[2] = (uint8_t)(prefix_len + label_len);
    n = 3;
    memcpy(info + n, prefix, prefix_len);
    n += prefix_len;
    memcpy(info + n, label, label_len);
    n += label_len;
    info[n++] = 0; /* the context: the transcript is in the salt of the master secret */
    return seal__hkdf_expand_with(secret, (seal_bytes){info, n}, ret_out, len);
}

int seal__expand_labels(const uint8_t secret[SEAL__HASH], const seal__label *labels, size_t n) {
    seal__hmac hmac = {0};
    int rc = seal__hmac_init(&hmac, secret, SEAL__HASH);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = expand(&hmac, labels[i].text, labels[i].out, labels[i].len);
    seal__hmac_done(&hmac);
    return rc;
}

int seal__expand_label(const uint8_t secret[SEAL__HASH], const char *label, uint8_t *ret_out,
                       size_t len) {
    return seal__expand_labels(secret, &(seal__label){label, ret_out, len}, 1);
}

int seal__derive_secrets(const seal__key_inputs *inputs, seal__secrets *ret_secrets) {
    uint8_t material[2 * SEAL__HASH + SEAL__SHARE];
    uint8_t master[SEAL__HASH];
    memcpy(material, inputs->server_secret, SEAL__HASH);
    memcpy(material + SEAL__HASH, inputs->client_secret, SEAL__HASH);
    memcpy(material + 2 * (size_t)SEAL__HASH, inputs->shared, SEAL__SHARE);
    int rc = seal__hkdf_extract((seal_bytes){inputs->transcript, SEAL__HASH},
                                (seal_bytes){material, sizeof material}, master);
    const seal__label labels[] = {{"c traffic", ret_secrets->c_traffic, SEAL__HASH},
                                  {"s traffic", ret_secrets->s_traffic, SEAL__HASH},
                                  {"channel id", ret_secrets->id, SEAL__HASH}};
    if (rc == 0)
        rc = seal__expand_labels(master, labels, sizeof labels / sizeof labels[0]);
    seal__wipe(material, sizeof material);
    seal__wipe(master, sizeof master);
    return rc;
}
