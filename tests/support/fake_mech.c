/* SPDX-License-Identifier: Apache-2.0 */
#include "support/fake_mech.h"

#include "secure/crypto/crypto.h"

#include <stdlib.h>
#include <string.h>

enum { NONCE = 16, TOKEN_HEAD = 2 + NONCE, WRAP_HEAD = 13, WRAP_MAC = 16 };

typedef struct fake_mech {
    seal__mech base;
    fake_source *source;
    fake_script script;
    seal__role role;
    unsigned calls;
    unsigned tokens;
    uint8_t nonces[2][NONCE];
    uint64_t sent;
    uint64_t received;
} fake_mech;

static void put_token(fake_mech *m, seal__buf *out) {
    m->tokens++;
    uint8_t head[TOKEN_HEAD] = {'T', (uint8_t)m->tokens};
    (void)seal__random(head + 2, NONCE);
    if (m->tokens <= 2)
        memcpy(m->nonces[m->tokens - 1], head + 2, NONCE);
    seal__buf_put(out, head, sizeof head);
    for (size_t i = 0; i < m->script.padding; i++)
        seal__buf_put_u8(out, (uint8_t)i);
}

static int take_token(fake_mech *m, const uint8_t *in, size_t len, seal_error **reterr) {
    if (len >= 2 && in[0] == 'E')
        return seal__error(reterr, SEAL_ERROR_CLOCK_SKEW, "Clock skew too great");
    m->tokens++;
    if (len < TOKEN_HEAD || in[0] != 'T' || in[1] != m->tokens)
        return seal__error(reterr, SEAL_ERROR_AUTHENTICATION, "fake: bad token");
    if (m->tokens <= 2)
        memcpy(m->nonces[m->tokens - 1], in + 2, NONCE);
    return 0;
}

static int fake_step(seal__mech *mech, const uint8_t *in, size_t len, seal__buf *out,
                     seal_error **reterr) {
    fake_mech *m = (fake_mech *)(void *)mech;
    m->calls++;
    m->source->steps++;
    if (m->calls == m->script.fail_at) {
        if (m->script.error_token)
            seal__buf_put(out, "EE", 2);
        return seal__error(reterr, m->script.fail_code, "fake: scripted failure");
    }
    if (len > 0 || m->role == SEAL__SERVER) {
        int rc = take_token(m, in, len, reterr);
        if (rc != 0)
            return rc;
    }
    if (m->calls == m->script.empty_at)
        return SEAL__MECH_CONTINUE;
    if (m->tokens < m->script.legs)
        put_token(m, out);
    else
        return SEAL__MECH_DONE;
    return m->tokens == m->script.legs ? SEAL__MECH_DONE : SEAL__MECH_CONTINUE;
}

static void run_hmac(const fake_mech *m, const char *label, const seal_bytes *parts, size_t n,
                     uint8_t ret_mac[SEAL__HASH]) {
    uint8_t key[2 * NONCE];
    seal_bytes all[4] = {{(const uint8_t *)label, strlen(label)}};
    seal__hmac hmac = {0};
    memcpy(key, m->nonces[0], NONCE);
    memcpy(key + NONCE, m->nonces[1], NONCE);
    for (size_t i = 0; i < n; i++)
        all[1 + i] = parts[i];
    if (seal__hmac_init(&hmac, key, sizeof key) != 0 ||
        seal__hmac_compute(&hmac, all, n + 1, ret_mac) != 0)
        abort();
    seal__hmac_done(&hmac);
}

static void run_keystream(const fake_mech *m, const uint8_t *head, uint8_t *data, size_t len) {
    for (size_t at = 0; at < len; at += SEAL__HASH) {
        uint8_t block[4];
        uint8_t stream[SEAL__HASH];
        seal__store_u32(block, (uint32_t)at);
        const seal_bytes parts[] = {{head + 5, 8}, {head + 2, 1}, {block, 4}};
        run_hmac(m, "stream", parts, 3, stream);
        for (size_t i = at; i < len && i < at + SEAL__HASH; i++)
            data[i] ^= stream[i - at];
    }
}

/* 'W', conf, role, two bytes that nothing protects (like the RRC of RFC 4121), number, data, MAC.
 */
static int fake_wrap(seal__mech *mech, bool conf, const uint8_t *in, size_t len, seal__buf *out) {
    fake_mech *m = (fake_mech *)(void *)mech;
    uint8_t mac[SEAL__HASH];
    if (m->script.no_wrap)
        return SEAL_ERROR_AUTHENTICATION;
    uint8_t head[WRAP_HEAD] = {'W', conf, (uint8_t)m->role};
    seal__store_u64(head + 5, m->sent++);
    seal__buf_put(out, head, sizeof head);
    size_t at = out->len;
    seal__buf_put(out, in, len);
    if (out->failed)
        return SEAL_ERROR_NO_MEMORY;
    if (conf)
        run_keystream(m, head, out->data + at, len);
    const seal_bytes parts[] = {{head, 3}, {head + 5, 8}, {out->data + at, len}};
    run_hmac(m, "mac", parts, 3, mac);
    seal__buf_put(out, mac, WRAP_MAC);
    return 0;
}

static int fake_unwrap(seal__mech *mech, bool conf, const uint8_t *in, size_t len, seal__buf *out) {
    fake_mech *m = (fake_mech *)(void *)mech;
    uint8_t mac[SEAL__HASH];
    if (len < WRAP_HEAD + WRAP_MAC || in[0] != 'W' || in[1] != conf || in[2] == (uint8_t)m->role ||
        seal__load_u64(in + 5) != m->received)
        return SEAL_ERROR_TAMPERED;
    size_t n = len - WRAP_HEAD - WRAP_MAC;
    const seal_bytes parts[] = {{in, 3}, {in + 5, 8}, {in + WRAP_HEAD, n}};
    run_hmac(m, "mac", parts, 3, mac);
    if (!seal__equal(mac, in + WRAP_HEAD + n, WRAP_MAC) && !m->script.lying_unwrap)
        return SEAL_ERROR_TAMPERED;
    m->received++;
    size_t at = out->len;
    seal__buf_put(out, in + WRAP_HEAD, n);
    if (out->failed)
        return SEAL_ERROR_NO_MEMORY;
    if (conf && n > 0)
        run_keystream(m, in, out->data + at, n);
    return 0;
}

static void fake_free(seal__mech *mech) {
    fake_mech *m = (fake_mech *)(void *)mech;
    m->source->freed++;
    free(m);
}

static const seal__mech_ops ops = {fake_step, fake_wrap, fake_unwrap, fake_free};

static int make(void *user, seal_mechanism mechanism, const char *target, seal__mech **ret_mech,
                seal_error **reterr) {
    fake_source *source = user;
    source->asked_mechanism = mechanism;
    source->asked_target[0] = '\0';
    if (target != NULL)
        strncpy(source->asked_target, target, SEAL__TARGET_MAX);
    if (source->script.refuse_make)
        return seal__error(reterr, SEAL_ERROR_WRONG_TARGET, "fake: not my name");
    fake_mech *m = calloc(1, sizeof *m);
    if (m == NULL)
        return seal__error_no_memory(reterr);
    m->base.ops = &ops;
    m->base.info = source->script.info;
    m->source = source;
    m->script = source->script;
    m->role = source->role;
    source->made++;
    *ret_mech = &m->base;
    return 0;
}

void fake_source_init(fake_source *source, seal__role role) {
    bool client = role == SEAL__CLIENT;
    *source = (fake_source){.role = role};
    source->script = (fake_script){
        .legs = 2,
        .fail_code = SEAL_ERROR_AUTHENTICATION,
        .info = {.flags = FAKE_ALL_FLAGS,
                 .authenticates_target = true,
                 .mechanism = "fake",
                 .peer = client ? "echo/host@EXAMPLE" : "alice@EXAMPLE",
                 .local = client ? "alice@EXAMPLE" : "echo/host@EXAMPLE",
                 .target = "echo/host@EXAMPLE",
                 .lifetime_s = 3600,
                 .ssf = 256},
    };
}

seal__mech_source fake_source_ops(fake_source *source) {
    return (seal__mech_source){.make = make, .user = source};
}
