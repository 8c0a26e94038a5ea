/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/handshake.h"

#include <string.h>

int seal__hs_client_begin(seal__handshake *hs, seal_error **reterr) {
    const seal__secure_config *config = hs->config;
    int rc = config->mechs.make(config->mechs.user, config->mechanisms[0], config->target,
                                &hs->mech, reterr);
    if (rc != 0) {
        hs->soft = true;
        return rc;
    }
    return seal__hs_prepare_step(hs, NULL, 0, reterr);
}

static int emit_hello(seal__handshake *hs, seal_error **reterr) {
    const seal__secure_config *config = hs->config;
    uint8_t random[SEAL__RANDOM];
    seal__buf body;
    seal__hello hello = {
        .random = random,
        .instance = config->instance_id,
        .share = hs->pair.share,
        .mechanism = (uint8_t)config->mechanisms[0],
        .flags = config->allow_one_way ? SEAL__HELLO_ONE_WAY : 0,
        .level = (uint8_t)(hs->terms != NULL ? hs->terms->level : config->min_level),
        .target = (const uint8_t *)config->target,
        .target_len = strlen(config->target),
    };
    if (hs->terms != NULL) {
        hello.suites[hello.n_suites++] = (uint8_t)hs->terms->suite->code;
    } else {
        for (size_t i = 0; i < config->n_suites; i++)
            hello.suites[hello.n_suites++] = (uint8_t)config->suites[i];
    }
    int rc = seal__random(random, sizeof random);
    if (rc != 0)
        return seal__error(reterr, rc, "no random bytes");
    seal__buf_init(&body, config->alloc, SEAL__HELLO_MAX);
    seal__put_client_hello(&body, &hello);
    rc = body.failed ? SEAL_ERROR_NO_MEMORY
                     : seal__hs_emit(hs, SEAL__CLIENT_HELLO, body.data, body.len);
    seal__buf_done(&body);
    hs->said_hello = true;
    return rc == 0 ? 0 : seal__error_no_memory(reterr);
}

int seal__hs_client_stepped(seal__handshake *hs, const seal__buf *token, seal_error **reterr) {
    bool first = !hs->said_hello;
    if (first && token->len == 0)
        return seal__error(reterr, SEAL_ERROR_AUTHENTICATION, "the mechanism made no first token");
    int rc = first ? emit_hello(hs, reterr) : 0;
    if (rc != 0)
        return rc;
    if (token->len > 0 && seal__hs_emit(hs, SEAL__TOKEN, token->data, token->len) != 0)
        return seal__error_no_memory(reterr);
    if (first)
        hs->state = SEAL__HS_SERVER_HELLO;
    else
        hs->state = hs->mech_done ? SEAL__HS_FINISHED : SEAL__HS_TOKEN;
    return 0;
}

static bool offered(const seal__handshake *hs, uint8_t suite) {
    if (hs->terms != NULL)
        return suite == (uint8_t)hs->terms->suite->code;
    for (size_t i = 0; i < hs->config->n_suites; i++) {
        if ((uint8_t)hs->config->suites[i] == suite)
            return true;
    }
    return false;
}

static int check_choice(seal__handshake *hs, const seal__hello *hello, seal_error **reterr) {
    const seal__secure_config *config = hs->config;
    seal_level floor = hs->terms != NULL ? hs->terms->level : config->min_level;
    if (seal__equal(hello->instance, config->instance_id, SEAL__INSTANCE_ID))
        return seal__error(reterr, SEAL_ERROR_AUTHENTICATION,
                           "the peer is this very process, or reflects what it is sent");
    if (seal__equal(hello->share, hs->pair.share, SEAL__SHARE))
        return seal__error(reterr, SEAL_ERROR_AUTHENTICATION,
                           "the peer sent our own key share back");
    if (hello->mechanism != (uint8_t)config->mechanisms[0]) {
        hs->alert = SEAL__CLOSE_NO_MECHANISM;
        return seal__error(reterr, SEAL_ERROR_PROTECTION, "the server chose mechanism %u, not %s",
                           (unsigned)hello->mechanism, seal_mechanism_name(config->mechanisms[0]));
    }
    if (hello->level != SEAL_LEVEL_INTEGRITY && hello->level != SEAL_LEVEL_PRIVACY)
        return seal__error(reterr, SEAL_ERROR_PROTECTION,
                           "the server chose level %u, which does not exist",
                           (unsigned)hello->level);
    if (hello->level < (uint8_t)floor || (hs->terms != NULL && hello->level != (uint8_t)floor))
        return seal__error(reterr, SEAL_ERROR_PROTECTION,
                           "the server chose level %s, the floor is %s",
                           seal_level_name((seal_level)hello->level), seal_level_name(floor));
    hs->suite = offered(hs, hello->suites[0]) ? seal__suite_find(hello->suites[0]) : NULL;
    if (hs->suite == NULL) {
        hs->alert = SEAL__CLOSE_NO_SUITE;
        return seal__error(reterr, SEAL_ERROR_PROTECTION,
                           "the server chose suite %u, which was not offered",
                           (unsigned)hello->suites[0]);
    }
    return 0;
}

int seal__hs_on_server_hello(seal__handshake *hs, const uint8_t *body, size_t len,
                             seal_error **reterr) {
    seal__hello hello;
    if (!seal__get_server_hello(body, len, &hello))
        return seal__error(reterr, SEAL_ERROR_PROTOCOL, "malformed SERVER_HELLO");
    if (!hello.has_version)
        return seal__error(reterr, SEAL_ERROR_VERSION,
                           "the server chose a version that was not offered");
    int rc = check_choice(hs, &hello, reterr);
    if (rc != 0)
        return rc;
    hs->level = (seal_level)hello.level;
    hs->one_way_agreed = hs->config->allow_one_way && (hello.flags & SEAL__HELLO_ONE_WAY) != 0;
    memcpy(hs->peer_share, hello.share, SEAL__SHARE);
    hs->has_peer_share = true;
    hs->state = hs->mech_done ? SEAL__HS_FINISHED : SEAL__HS_TOKEN;
    /* A mechanism that was complete with its first token had to wait for what the server permits.
     */
    return hs->mech_done ? seal__hs_verify(hs, reterr) : 0;
}

int seal__hs_on_server_finished(seal__handshake *hs, const uint8_t *body, size_t len,
                                seal_error **reterr) {
    int rc = seal__hs_check_finished(hs, body, len, hs->server_secret, reterr);
    if (rc == 0)
        rc = seal__hs_emit_finished(hs, hs->client_secret, reterr);
    if (rc == 0)
        rc = seal__hs_derive(hs, reterr);
    if (rc == 0)
        hs->state = hs->terms != NULL ? SEAL__HS_SWITCH : SEAL__HS_DONE;
    return rc;
}
