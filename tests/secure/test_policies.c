/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold once the mechanism is complete. */
#include "pair.h"

#include <string.h>

typedef struct policy_case {
    const char *name;
    void (*set)(pair *p);
    int client;
    int server;
} policy_case;

static void no_mutual(pair *p) {
    p->client.source.script.info.flags &= ~(uint32_t)SEAL__MECH_MUTUAL;
}
static void no_conf(pair *p) {
    p->server.source.script.info.flags &= ~(uint32_t)SEAL__MECH_CONF;
}
static void no_integ(pair *p) {
    p->server.source.script.info.flags &= ~(uint32_t)SEAL__MECH_INTEG;
}
static void no_replay(pair *p) {
    p->server.source.script.info.flags &= ~(uint32_t)SEAL__MECH_REPLAY;
}
static void no_sequence(pair *p) {
    p->client.source.script.info.flags &= ~(uint32_t)SEAL__MECH_SEQUENCE;
}
static void lies_about_mutual(pair *p) {
    p->client.source.script.info.authenticates_target = false;
}
static void lies_but_client_permits(pair *p) {
    p->client.source.script.info.authenticates_target = false;
    p->client.config.allow_one_way = true;
}
static void lies_but_server_permits(pair *p) {
    p->client.source.script.info.authenticates_target = false;
    p->server.config.allow_one_way = true;
}
static void no_peer(pair *p) {
    p->server.source.script.info.peer = NULL;
}
static void empty_peer(pair *p) {
    p->client.source.script.info.peer = "";
}
static void anonymous(pair *p) {
    p->server.source.script.info.flags |= SEAL__MECH_ANONYMOUS;
}
static void anonymous_permitted(pair *p) {
    anonymous(p);
    p->server.config.allow_anonymous = true;
}
static void weak(pair *p) {
    p->server.source.script.info.ssf = 56;
}
static void weak_for_client(pair *p) {
    p->client.config.min_ssf = 257;
}
static void strength_unknown(pair *p) {
    p->client.source.script.info.ssf = 0;
    p->server.source.script.info.ssf = 0;
}
static void other_target(pair *p) {
    p->client.source.script.info.target = "other/host@EXAMPLE";
}
static void longer_target(pair *p) {
    p->client.source.script.info.target = "echo/host/x@EXAMPLE";
}
static void escaped_target(pair *p) {
    p->client.source.script.info.target = "echo/host\\@EXAMPLE";
}
static void no_target(pair *p) {
    p->client.source.script.info.target = NULL;
}
static void other_realm(pair *p) {
    p->client.config.target = "echo/host@OTHER";
}
static void same_realm(pair *p) {
    p->client.config.target = "echo/host@EXAMPLE";
}
static void expired(pair *p) {
    p->server.source.script.info.lifetime_s = 0;
}
static void no_local(pair *p) {
    p->server.source.script.info.local = NULL;
}
static void same_process(pair *p) {
    memcpy(p->server.config.instance_id, p->client.config.instance_id, SEAL__INSTANCE_ID);
}
static void not_my_name(pair *p) {
    p->server.source.script.refuse_make = true;
}
static void broken_library(pair *p) {
    p->client.source.script.lying_unwrap = true;
}
static void broken_library_at_server(pair *p) {
    p->server.source.script.lying_unwrap = true;
}
static void no_wrap(pair *p) {
    p->server.source.script.no_wrap = true;
}
static void empty_continue(pair *p) {
    p->server.source.script.empty_at = 1;
    p->server.source.script.legs = 4;
}

static const policy_case policies[] = {
    {"no mutual", no_mutual, SEAL_ERROR_NOT_MUTUAL, SEAL_ERROR_PEER_REFUSED},
    {"no conf", no_conf, SEAL_ERROR_PEER_REFUSED, SEAL_ERROR_NOT_MUTUAL},
    {"no integ", no_integ, SEAL_ERROR_PEER_REFUSED, SEAL_ERROR_NOT_MUTUAL},
    {"no replay", no_replay, SEAL_ERROR_PEER_REFUSED, SEAL_ERROR_NOT_MUTUAL},
    {"no sequence", no_sequence, SEAL_ERROR_NOT_MUTUAL, SEAL_ERROR_PEER_REFUSED},
    {"lies", lies_about_mutual, SEAL_ERROR_NOT_MUTUAL, SEAL_ERROR_PEER_REFUSED},
    {"lies, client permits", lies_but_client_permits, SEAL_ERROR_NOT_MUTUAL,
     SEAL_ERROR_PEER_REFUSED},
    {"lies, server permits", lies_but_server_permits, SEAL_ERROR_NOT_MUTUAL,
     SEAL_ERROR_PEER_REFUSED},
    {"no peer", no_peer, SEAL_ERROR_PEER_REFUSED, SEAL_ERROR_AUTHENTICATION},
    {"empty peer", empty_peer, SEAL_ERROR_AUTHENTICATION, SEAL_ERROR_PEER_REFUSED},
    {"anonymous", anonymous, SEAL_ERROR_PEER_REFUSED, SEAL_ERROR_AUTHENTICATION},
    {"anonymous permitted", anonymous_permitted, 0, 0},
    {"weak", weak, SEAL_ERROR_PEER_REFUSED, SEAL_ERROR_PROTECTION},
    {"weak for client", weak_for_client, SEAL_ERROR_PROTECTION, SEAL_ERROR_PEER_REFUSED},
    {"strength unknown", strength_unknown, 0, 0},
    {"other target", other_target, SEAL_ERROR_WRONG_TARGET, SEAL_ERROR_PEER_REFUSED},
    {"longer target", longer_target, SEAL_ERROR_WRONG_TARGET, SEAL_ERROR_PEER_REFUSED},
    {"escaped target", escaped_target, SEAL_ERROR_WRONG_TARGET, SEAL_ERROR_PEER_REFUSED},
    {"no target", no_target, SEAL_ERROR_WRONG_TARGET, SEAL_ERROR_PEER_REFUSED},
    {"other realm", other_realm, SEAL_ERROR_WRONG_TARGET, SEAL_ERROR_PEER_REFUSED},
    {"same realm", same_realm, 0, 0},
    {"expired", expired, SEAL_ERROR_PEER_REFUSED, SEAL_ERROR_CONTEXT_EXPIRED},
    {"no local", no_local, SEAL_ERROR_PEER_REFUSED, SEAL_ERROR_WRONG_TARGET},
    {"same process", same_process, SEAL_ERROR_PEER_REFUSED, SEAL_ERROR_AUTHENTICATION},
    {"not my name", not_my_name, SEAL_ERROR_PEER_REFUSED, SEAL_ERROR_WRONG_TARGET},
    {"broken library", broken_library, SEAL_ERROR_AUTHENTICATION, SEAL_ERROR_PEER_REFUSED},
    {"broken at server", broken_library_at_server, 0, SEAL_ERROR_AUTHENTICATION},
    {"no wrap", no_wrap, SEAL_ERROR_PEER_REFUSED, SEAL_ERROR_AUTHENTICATION},
    {"empty continue", empty_continue, SEAL_ERROR_PEER_REFUSED, SEAL_ERROR_AUTHENTICATION},
};

static void what_must_hold(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        pair p;
        pair_init(&p);
        policies[i].set(&p);
        pair_start(&p);
        pair_pump(&p);
        if (policies[i].name[0] == 'b' && policies[i].client == 0) {
            /* The client was finished first and takes what follows for records: the server sends
             * nothing more, and the end of the stream is a truncation. */
            assert_int_equal(p.client.rc, 0);
            assert_int_equal(p.server.sent.len, p.server.delivered);
            assert_int_equal(seal__secure_eof(p.client.channel, NULL), SEAL_ERROR_TRUNCATED);
        } else if (p.client.rc != policies[i].client) {
            fail_msg("%s: client %d (%s)", policies[i].name, p.client.rc,
                     seal_error_message(p.client.error));
        }
        if (p.server.rc != policies[i].server)
            fail_msg("%s: server %d (%s)", policies[i].name, p.server.rc,
                     seal_error_message(p.server.error));
        assert_int_equal(seal__secure_is_established(p.server.channel), policies[i].server == 0);
        pair_done(&p);
    }
}

static void one_way(void **state) {
    (void)state;
    for (unsigned legs = 1; legs <= 3; legs++) {
        pair p;
        pair_init(&p);
        pair_end *ends[] = {&p.client, &p.server};
        for (size_t i = 0; i < 2; i++) {
            ends[i]->config.allow_one_way = true;
            ends[i]->source.script.legs = legs;
            ends[i]->source.script.info.flags = SEAL__MECH_CONF | SEAL__MECH_INTEG;
            ends[i]->source.script.info.authenticates_target = false;
        }
        p.client.source.script.info.peer = NULL;
        pair_connect(&p);
        assert_true(seal__secure_get_info(p.client.channel)->one_way);
        assert_string_equal(seal__secure_get_info(p.client.channel)->peer, "one-way:echo/host");
        assert_string_equal(seal__secure_get_info(p.server.channel)->peer, "one-way:alice@EXAMPLE");
        pair_done(&p);
        /* Neither end alone. A client that is complete with its first token has to wait for the
         * hello. */
        for (size_t i = 0; i < 2; i++) {
            pair_init(&p);
            pair_end *both[] = {&p.client, &p.server};
            for (size_t k = 0; k < 2; k++) {
                both[k]->config.allow_one_way = k == i;
                both[k]->source.script.legs = legs;
                both[k]->source.script.info.authenticates_target = false;
            }
            pair_expect_not_mutual(&p);
            pair_done(&p);
        }
        /* A mechanism that proves both ends is not called one-way because that would be allowed. */
        pair_init(&p);
        p.client.config.allow_one_way = p.server.config.allow_one_way = true;
        pair_connect(&p);
        assert_false(seal__secure_get_info(p.client.channel)->one_way);
        pair_done(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_must_hold),
        cmocka_unit_test(one_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
