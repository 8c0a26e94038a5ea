/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/handshake.h"

#include <string.h>

static bool accepts_mechanism(const seal__secure_config *config, uint8_t mechanism) {
    for (size_t i = 0; i < config->n_mechanisms; i++) {
        if ((uint8_t)config->mechanisms[i] == mechanism)
            return true;
    }
    return false;
}

static int choose_protection(seal__handshake *hs, const seal__hello *hello, seal_error **reterr) {
    const seal__secure_config *config = hs->config;
    const seal__hs_terms *terms = hs->terms;
    if (hello->level != SEAL_LEVEL_INTEGRITY && hello->level != SEAL_LEVEL_PRIVACY)
        return seal__error(reterr, SEAL_ERROR_PROTECTION,
                           "the client asks for level %u, which does not exist",
                           (unsigned)hello->level);
    hs->level =
        hello->level > (uint8_t)config->min_level ? (seal_level)hello->level : config->min_level;
    hs->suite =
        seal__suite_choose(hello->suites, hello->n_suites, config->suites, config->n_suites);
    if (hs->suite == NULL) {
        hs->alert = SEAL__CLOSE_NO_SUITE;
        return seal__error(reterr, SEAL_ERROR_PROTECTION, "no suite in common with the client");
    }
    if (terms != NULL && (hello->n_suites != 1 || hs->suite != terms->suite ||
                          hello->level != (uint8_t)terms->level))
        return seal__error(reterr, SEAL_ERROR_PROTOCOL,
                           "re-authentication with another suite or level");
    if (!accepts_mechanism(config, hello->mechanism)) {
        hs->alert = SEAL__CLOSE_NO_MECHANISM;
        return seal__error(
            reterr, SEAL_ERROR_PROTECTION, "the client asks for mechanism %u (%s): not accepted",
            (unsigned)hello->mechanism, seal_mechanism_name((seal_mechanism)hello->mechanism));
    }
    return 0;
}

static int make_context(seal__handshake *hs, const seal__hello *hello, seal_error **reterr) {
    const seal__secure_config *config = hs->config;
    hs->target = seal__alloc(config->alloc, hello->target_len + 1);
    if (hs->target == NULL)
        return seal__error_no_memory(reterr);
    memcpy(hs->target, hello->target, hello->target_len);
    hs->target[hello->target_len] = '\0';
    int rc = config->mechs.make(config->mechs.user, (seal_mechanism)hello->mechanism, hs->target,
                                &hs->mech, reterr);
    hs->soft = rc != 0;
    return rc;
}

int seal__hs_on_client_hello(seal__handshake *hs, const uint8_t *body, size_t len,
                             seal_error **reterr) {
    seal__hello hello;
    if (!seal__get_client_hello(body, len, &hello))
        return seal__error(reterr, SEAL_ERROR_PROTOCOL, "malformed CLIENT_HELLO");
    if (!hello.has_version)
        return seal__error(reterr, SEAL_ERROR_VERSION,
                           "the client does not offer protocol version %d", SEAL__VERSION);
    if (seal__equal(hello.instance, hs->config->instance_id, SEAL__INSTANCE_ID))
        return seal__error(reterr, SEAL_ERROR_AUTHENTICATION,
                           "the peer is this very process, or reflects what it is sent");
    int rc = choose_protection(hs, &hello, reterr);
    if (rc == 0)
        rc = make_context(hs, &hello, reterr);
    if (rc != 0)
        return rc;
    hs->one_way_agreed = hs->config->allow_one_way && (hello.flags & SEAL__HELLO_ONE_WAY) != 0;
    hs->mechanism = hello.mechanism;
    memcpy(hs->peer_share, hello.share, SEAL__SHARE);
    hs->has_peer_share = true;
    hs->state = SEAL__HS_TOKEN;
    return 0;
}

/* Only when the mechanism has accepted the first token: a stranger gets no answer. */
static int emit_hello(seal__handshake *hs, seal_error **reterr) {
    const seal__secure_config *config = hs->config;
    uint8_t random[SEAL__RANDOM];
    seal__buf body;
    int rc = seal__random(random, sizeof random);
    if (rc != 0)
        return seal__error(reterr, rc, "no random bytes");
    const seal__hello hello = {
        .random = random,
        .instance = config->instance_id,
        .share = hs->pair.share,
        .mechanism = hs->mechanism,
        .flags = config->allow_one_way ? SEAL__HELLO_ONE_WAY : 0,
        .level = (uint8_t)hs->level,
        .suites = {(uint8_t)hs->suite->code},
    };
    seal__buf_init(&body, config->alloc, SEAL__HELLO_MAX);
    seal__put_server_hello(&body, &hello);
    rc = body.failed ? SEAL_ERROR_NO_MEMORY
                     : seal__hs_emit(hs, SEAL__SERVER_HELLO, body.data, body.len);
    seal__buf_done(&body);
    hs->said_hello = true;
    return rc == 0 ? 0 : seal__error_no_memory(reterr);
}

int seal__hs_server_stepped(seal__handshake *hs, const seal__buf *token, seal_error **reterr) {
    int rc = hs->said_hello ? 0 : emit_hello(hs, reterr);
    if (rc != 0)
        return rc;
    if (token->len > 0 && seal__hs_emit(hs, SEAL__TOKEN, token->data, token->len) != 0)
        return seal__error_no_memory(reterr);
    if (!hs->mech_done) {
        hs->state = SEAL__HS_TOKEN;
        return 0;
    }
    rc = seal__hs_emit_finished(hs, hs->server_secret, reterr);
    if (rc == 0)
        hs->state = SEAL__HS_FINISHED;
    return rc;
}

int seal__hs_on_client_finished(seal__handshake *hs, const uint8_t *body, size_t len,
                                seal_error **reterr) {
    int rc = seal__hs_check_finished(hs, body, len, hs->client_secret, reterr);
    if (rc == 0)
        rc = seal__hs_derive(hs, reterr);
    if (rc == 0)
        hs->state = SEAL__HS_DONE;
    return rc;
}
