/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/handshake.h"

#include <string.h>

static const struct {
    const char *name;
    size_t min, max; /* of the body */
} messages[SEAL__N_MESSAGES] = {
    [SEAL__CLIENT_HELLO] = {"CLIENT_HELLO", SEAL__MAGIC + 3, SEAL__HELLO_MAX},
    [SEAL__SERVER_HELLO] = {"SERVER_HELLO", SEAL__MAGIC + 2, SEAL__HELLO_MAX},
    [SEAL__TOKEN] = {"TOKEN", 1, SEAL__TOKEN_MAX},
    [SEAL__FINISHED] = {"FINISHED", 2 * (size_t)SEAL__HASH, SEAL__FINISHED_MAX},
    [SEAL__ALERT] = {"ALERT", 2, SEAL__ALERT_MAX},
    [SEAL__SWITCH] = {"SWITCH", 0, 0},
};

/* ---- Life ---- */

int seal__handshake_new(const seal__secure_config *config, const seal__hs_terms *terms,
                        uint32_t attempt, seal__handshake **ret_handshake, seal_error **reterr) {
    seal__handshake *hs = seal__alloc_zeroed(config->alloc, 1, sizeof *hs);
    if (hs == NULL)
        return seal__error_no_memory(reterr);
    hs->config = config;
    hs->terms = terms;
    hs->attempt = attempt;
    hs->expires_ns = UINT64_MAX;
    hs->state = SEAL__HS_CLIENT_HELLO;
    seal__buf_init(&hs->out, config->alloc, SEAL__TOKEN_MAX + (size_t)SEAL__HELLO_MAX * 3);
    seal__buf_init(&hs->error_token, config->alloc, SEAL__TOKEN_MAX);
    int rc = seal__sha256_init(&hs->transcript);
    if (rc == 0 && terms != NULL)
        rc = seal__sha256_update(&hs->transcript, terms->id, sizeof terms->id);
    if (rc != 0)
        seal__error(reterr, rc, "cannot start a SHA-256 computation");
    if (rc == 0 && config->role == SEAL__CLIENT)
        rc = seal__hs_client_begin(hs, reterr);
    /* A handshake that could not begin is returned all the same: it says how it failed. */
    *ret_handshake = hs;
    return rc;
}

void seal__handshake_free(seal__handshake *hs) {
    if (hs == NULL)
        return;
    const seal_allocator *alloc = hs->config->alloc;
    seal__secure_step_free(hs->step);
    if (hs->mech != NULL)
        hs->mech->ops->free(hs->mech);
    seal__sha256_done(&hs->transcript);
    seal__x25519_done(&hs->pair);
    seal__exchange_unref(hs->exchange);
    seal__buf_done_wiped(&hs->out);
    seal__buf_done(&hs->error_token);
    seal__release(alloc, hs->target);
    seal__wipe(hs, sizeof *hs);
    seal__release(alloc, hs);
}

/* ---- Messages ---- */

int seal__handshake_expects(const seal__handshake *hs, uint8_t type, size_t body_len,
                            seal_error **reterr) {
    if (seal__hs_find_action(hs->config->role, hs->state, type) == NULL) {
        const char *name = type < SEAL__N_MESSAGES ? messages[type].name : NULL;
        return seal__error(
            reterr, SEAL_ERROR_PROTOCOL, "message %s (type %u) where %s was expected",
            name != NULL ? name : "unknown", (unsigned)type, seal__hs_awaits(hs->state));
    }
    if (body_len > messages[type].max)
        return seal__error(reterr, SEAL_ERROR_TOO_BIG, "%s of %zu bytes, limit %zu",
                           messages[type].name, body_len, messages[type].max);
    if (body_len < messages[type].min)
        return seal__error(reterr, SEAL_ERROR_PROTOCOL, "%s of %zu bytes is too short",
                           messages[type].name, body_len);
    return 0;
}

int seal__handshake_take(seal__handshake *hs, const uint8_t *message, size_t len,
                         seal_error **reterr) {
    uint8_t type = message[3];
    const seal__hs_action *action = seal__hs_find_action(hs->config->role, hs->state, type);
    const uint8_t *body = message + SEAL__RECORD_HEADER;
    size_t body_len = len - SEAL__RECORD_HEADER;
    hs->heard = true;
    /* FINISHED covers what came before it, so its handler adds it after the check. */
    if (type != SEAL__FINISHED && seal__sha256_update(&hs->transcript, message, len) != 0)
        return seal__error(reterr, SEAL_ERROR_INTERNAL, "SHA-256 failed");
    return action->handler(hs, body, body_len, reterr);
}

int seal__hs_emit(seal__handshake *hs, seal__message type, const void *body, size_t len) {
    uint8_t header[SEAL__RECORD_HEADER];
    seal__store_u24(header, (uint32_t)len);
    header[3] = (uint8_t)type;
    seal__buf_put(&hs->out, header, sizeof header);
    seal__buf_put(&hs->out, body, len);
    if (hs->out.failed)
        return SEAL_ERROR_NO_MEMORY;
    int rc = seal__sha256_update(&hs->transcript, header, sizeof header);
    return rc != 0 ? rc : seal__sha256_update(&hs->transcript, body, len);
}

/* ---- Tokens ---- */

static int count_token(seal__handshake *hs, seal_error **reterr) {
    if (hs->tokens == SEAL__MAX_LEGS)
        return seal__error(reterr, SEAL_ERROR_TOO_MANY, "the mechanism needs more than %d tokens",
                           SEAL__MAX_LEGS);
    hs->tokens++;
    return 0;
}

int seal__hs_prepare_step(seal__handshake *hs, const uint8_t *token, size_t len,
                          seal_error **reterr) {
    hs->step = seal__step_new(hs->config->alloc, token, len);
    if (hs->step == NULL)
        return seal__error_no_memory(reterr);
    hs->step->mech = hs->mech;
    hs->step->attempt = hs->attempt;
    hs->step->keys = hs->config->keys;
    hs->step->pair = hs->pair;
    hs->step->has_peer_share = hs->has_peer_share;
    hs->step->exchanges_later = hs->config->role == SEAL__SERVER;
    memcpy(hs->step->peer_share, hs->peer_share, SEAL__SHARE);
    hs->pair.key = NULL; /* the share stays */
    hs->mech = NULL;
    hs->state = SEAL__HS_STEP;
    return 0;
}

int seal__hs_on_token(seal__handshake *hs, const uint8_t *body, size_t len, seal_error **reterr) {
    int rc = count_token(hs, reterr);
    return rc != 0 ? rc : seal__hs_prepare_step(hs, body, len, reterr);
}

static uint64_t expiry(uint64_t now_ns, uint64_t lifetime_s) {
    uint64_t lifetime_ns = 0;
    uint64_t at = 0;
    if (__builtin_mul_overflow(lifetime_s, UINT64_C(1000000000), &lifetime_ns) ||
        __builtin_add_overflow(now_ns, lifetime_ns, &at))
        return UINT64_MAX;
    return at;
}

static int step_failed(seal__handshake *hs, seal__secure_step *step, seal_error **reterr) {
    int code = step->result;
    hs->soft = true;
    hs->alert = SEAL__CLOSE_AUTHENTICATION;
    if (!step->out.failed)
        seal__buf_put(&hs->error_token, step->out.data, step->out.len);
    if (step->error == NULL)
        return seal__error(reterr, code, "%s", seal_error_code_text(code));
    if (reterr != NULL) {
        *reterr = step->error;
        step->error = NULL;
    }
    return code;
}

static int refused(uint16_t code, seal_error **reterr) {
    return seal__error(reterr, SEAL_ERROR_PEER_REFUSED, "the peer refused: %s (not authenticated)",
                       seal__close_text(code));
}

static int explain_refusal(seal__handshake *hs, seal__secure_step *step, seal_error **reterr) {
    if (step->result >= 0 || step->error == NULL)
        return refused(hs->peer_alert, reterr);
    int code = step_failed(hs, step, reterr);
    seal__error_prefix(reterr, "the peer refused (its reason is not authenticated)");
    return code;
}

static int stepped(seal__handshake *hs, uint64_t now_ns, seal__secure_step *step,
                   seal_error **reterr) {
    if (hs->asking_why)
        return explain_refusal(hs, step, reterr);
    if (step->result < 0)
        return step_failed(hs, step, reterr);
    if (step->key_result != 0)
        return seal__error(reterr, step->key_result, "cannot make an X25519 key");
    if (step->out.failed)
        return seal__error(reterr, SEAL_ERROR_TOO_BIG, "the mechanism's token is over %d bytes",
                           SEAL__TOKEN_MAX);
    if (step->result == SEAL__MECH_CONTINUE && step->out.len == 0)
        return seal__error(reterr, SEAL_ERROR_AUTHENTICATION,
                           "the mechanism wants to continue but made no token");
    int rc = step->out.len > 0 ? count_token(hs, reterr) : 0;
    if (rc == 0 && step->result == SEAL__MECH_DONE) {
        hs->mech_done = true;
        hs->expires_ns = expiry(now_ns, hs->mech->info.lifetime_s);
        rc = seal__hs_verify(hs, reterr);
    }
    if (rc != 0)
        return rc;
    return hs->config->role == SEAL__CLIENT ? seal__hs_client_stepped(hs, &step->out, reterr)
                                            : seal__hs_server_stepped(hs, &step->out, reterr);
}

int seal__handshake_take_back(seal__handshake *hs, uint64_t now_ns, seal__secure_step *step,
                              seal_error **reterr) {
    hs->step_out = false;
    hs->mech = step->mech;
    step->mech = NULL;
    hs->pair = step->pair;
    step->pair.key = NULL;
    hs->has_shared = step->has_shared;
    memcpy(hs->shared, step->shared, SEAL__SHARE);
    int rc = stepped(hs, now_ns, step, reterr);
    seal__secure_step_free(step);
    return rc;
}

/* ---- Alerts, the switch ---- */

int seal__hs_on_alert(seal__handshake *hs, const uint8_t *body, size_t len, seal_error **reterr) {
    hs->peer_alert = seal__load_u16(body);
    hs->refused_by_peer = true;
    hs->soft = true;
    /* The mechanism can say more about its own error token than a code can. */
    if (hs->config->role == SEAL__CLIENT && len > 2 && !hs->mech_done) {
        hs->asking_why = true;
        return seal__hs_prepare_step(hs, body + 2, len - 2, reterr);
    }
    return refused(hs->peer_alert, reterr);
}

int seal__hs_on_switch(seal__handshake *hs, const uint8_t *body, size_t len, seal_error **reterr) {
    (void)body;
    (void)len;
    (void)reterr;
    hs->state = SEAL__HS_DONE;
    return 0;
}

/* ---- Finished ---- */

enum { FINISHED_PLAIN = 2 * SEAL__HASH };

int seal__hs_emit_finished(seal__handshake *hs, uint8_t ret_secret[SEAL__HASH],
                           seal_error **reterr) {
    uint8_t plain[FINISHED_PLAIN];
    seal__buf wrapped;
    seal__buf_init(&wrapped, hs->config->alloc, SEAL__FINISHED_MAX);
    int rc = seal__sha256_peek(&hs->transcript, plain);
    if (rc == 0)
        rc = seal__random(ret_secret, SEAL__HASH);
    memcpy(plain + SEAL__HASH, ret_secret, SEAL__HASH);
    if (rc == 0)
        rc = hs->mech->ops->wrap(hs->mech, true, plain, sizeof plain, &wrapped);
    if (rc == 0 && wrapped.failed)
        rc = SEAL_ERROR_NO_MEMORY;
    if (rc == 0)
        rc = seal__hs_emit(hs, SEAL__FINISHED, wrapped.data, wrapped.len);
    seal__wipe(plain, sizeof plain);
    seal__buf_done(&wrapped);
    return rc == 0 ? 0 : seal__error(reterr, rc, "cannot make the FINISHED message");
}

/* A mechanism that takes a forged message (krb5 1.22.0 did, CVE-2025-57736) protects nothing. Not
 * asked of one-way mechanisms: a message that fails spoils the stream cipher of NTLM. */
static int check_canary(seal__handshake *hs, const uint8_t *body, size_t len, seal__buf *scratch,
                        seal_error **reterr) {
    uint8_t forged[SEAL__FINISHED_MAX];
    if (hs->one_way)
        return 0;
    memcpy(forged, body, len);
    forged[len / 2] ^= 1;
    if (hs->mech->ops->unwrap(hs->mech, true, forged, len, scratch) < 0) {
        seal__buf_reset(scratch);
        return 0;
    }
    return seal__error(reterr, SEAL_ERROR_AUTHENTICATION,
                       "mechanism %s accepts forged messages: its library must not be used",
                       hs->mech->info.mechanism);
}

bool seal__handshake_said_finished(const seal__handshake *hs) {
    bool server = hs->config->role == SEAL__SERVER;
    return hs->state == SEAL__HS_DONE || hs->state == SEAL__HS_SWITCH ||
           (server && hs->state == SEAL__HS_FINISHED);
}

int seal__hs_check_finished(seal__handshake *hs, const uint8_t *body, size_t len,
                            uint8_t ret_secret[SEAL__HASH], seal_error **reterr) {
    uint8_t expected[SEAL__HASH];
    uint8_t header[SEAL__RECORD_HEADER];
    seal__buf plain;
    seal__buf_init(&plain, hs->config->alloc, SEAL__FINISHED_MAX);
    int rc = check_canary(hs, body, len, &plain, reterr);
    if (rc != 0)
        goto done;
    rc = hs->mech->ops->unwrap(hs->mech, true, body, len, &plain);
    if (plain.failed) {
        rc = seal__error_no_memory(reterr);
        goto done;
    }
    if (rc != 0 || plain.len != FINISHED_PLAIN ||
        seal__sha256_peek(&hs->transcript, expected) != 0 ||
        !seal__equal(plain.data, expected, SEAL__HASH)) {
        rc = seal__error(
            reterr, SEAL_ERROR_AUTHENTICATION,
            "the peer's FINISHED does not verify: the handshake was changed on the way");
        goto done;
    }
    memcpy(ret_secret, plain.data + SEAL__HASH, SEAL__HASH);
    seal__store_u24(header, (uint32_t)len);
    header[3] = SEAL__FINISHED;
    if (seal__sha256_update(&hs->transcript, header, sizeof header) != 0 ||
        seal__sha256_update(&hs->transcript, body, len) != 0)
        rc = seal__error(reterr, SEAL_ERROR_INTERNAL, "SHA-256 failed");
done:
    seal__buf_done_wiped(&plain);
    return rc;
}

int seal__hs_derive(seal__handshake *hs, seal_error **reterr) {
    seal__key_inputs inputs;
    memcpy(inputs.server_secret, hs->server_secret, SEAL__HASH);
    memcpy(inputs.client_secret, hs->client_secret, SEAL__HASH);
    int rc = 0;
    if (hs->has_shared)
        memcpy(inputs.shared, hs->shared, SEAL__SHARE);
    else if (hs->exchange != NULL)
        rc = seal__exchange_take(hs->exchange, inputs.shared);
    else
        rc = seal__x25519_derive(&hs->pair, hs->peer_share, inputs.shared);
    if (rc == 0)
        rc = seal__sha256_peek(&hs->transcript, inputs.transcript);
    if (rc == 0)
        rc = seal__derive_secrets(&inputs, &hs->secrets);
    seal__wipe(&inputs, sizeof inputs);
    seal__wipe(hs->server_secret, SEAL__HASH);
    seal__wipe(hs->client_secret, SEAL__HASH);
    seal__wipe(hs->shared, SEAL__SHARE);
    seal__x25519_done(&hs->pair);
    return rc == 0 ? 0
                   : seal__error(reterr, rc, "cannot derive keys: the peer's X25519 share is bad");
}
