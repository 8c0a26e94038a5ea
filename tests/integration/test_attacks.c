/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attacker on the wire, between real ends: flips, drops, duplicates, swaps, reflects, cuts,
 * replays. Never does a handler run for what was changed, and both ends close. (Every bit of
 * everything: test_flips.c.)
 */
#include "harness.h"
#include "relay.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CALLS = 6, FIRST_RECORD = 3 };

static it_server s;
static it_client c;
static unsigned tried;

static bool full(void) {
    const char *value = getenv("SEALRPC_TEST_FULL");
    return value != NULL && value[0] == '1';
}

static int setup(void **state) {
    (void)state;
    seal_server_options options;
    it_server_options(&options);
    options.min_level = SEAL_LEVEL_INTEGRITY;
    options.handshake_timeout_ms = 1000;
    it_server_init(&s);
    it_server_start(&s, &options, NULL);
    it_client_init(&c);
    tried = 0;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    it_server_wait_idle(&s);
    it_client_done(&c);
    it_server_done(&s);
    return 0;
}

typedef struct outcome {
    unsigned ok;                    /* calls */
    unsigned runs;                  /* handlers */
    unsigned not_run;               /* failed calls that certainly did not run */
    size_t sent[2];                 /* bytes in each direction */
    size_t ends[2][RELAY_MESSAGES]; /* where the messages began */
    unsigned messages[2];
} outcome;

/* Calls through the relay until one fails. The ends must close by themselves: relay_join waits for
 * that. */
static void attack_with(const relay_plan *plan, seal_suite suite, seal_level level,
                        uint64_t timeout_us, outcome *ret_outcome) {
    static relay r;
    seal_channel_options options;
    it_channel_options(&options);
    options.suites = &suite;
    options.n_suites = 1;
    options.min_level = level;
    options.connect_timeout_ms = 1000;
    *ret_outcome = (outcome){0};
    unsigned runs = atomic_load(&s.runs);
    relay_start(&r, seal_server_port(s.server), plan);
    seal_channel *channel = it_channel_to(&c, r.port, &options);
    for (int i = 0; i < CALLS; i++) {
        seal_result *result =
            it_sync(channel, NULL, &(it_request){.size = 40, .timeout_us = timeout_us});
        bool ok = seal_result_status(result) == SEAL_STATUS_OK;
        ret_outcome->ok += ok;
        ret_outcome->not_run += !ok && seal_result_execution(result) == SEAL_NOT_EXECUTED;
        if (ok) {
            const Itest__Reply *reply = seal_result_reply(result);
            assert_int_equal(reply->data.len, 40);
            assert_true(it_pattern_matches(reply->data.data, 40));
        }
        seal_result_free(result);
        if (!ok)
            break;
    }
    seal_channel_free(channel);
    relay_join(&r);
    ret_outcome->runs = atomic_load(&s.runs) - runs;
    for (int d = 0; d < 2; d++) {
        ret_outcome->sent[d] = r.sides[d].len;
        ret_outcome->messages[d] = r.sides[d].n;
        memcpy(ret_outcome->ends[d], r.sides[d].starts, sizeof r.sides[d].starts);
    }
    if (plan->action != RELAY_PASS)
        assert_true(atomic_load(&r.acted));
    relay_free(&r);
    tried++;
}

static void check(const relay_plan *plan, const outcome *o) {
    bool right = o->ok < CALLS;
    if (plan->direction == RELAY_TO_SERVER)
        right = right && o->runs == o->ok;
    else
        right = right && o->runs <= o->ok + 1 && (o->not_run == 0 || o->runs == o->ok);
    if (plan->message < FIRST_RECORD)
        right = right && o->ok == 0 && o->runs == 0;
    if (!right)
        print_error("action %d, direction %d, message %u, bit %zu, bytes %zu: %u OK, %u handlers, "
                    "%u not run\n",
                    plan->action, plan->direction, plan->message, plan->bit, plan->bytes, o->ok,
                    o->runs, o->not_run);
    assert_true(right);
}

static void attack(const relay_plan *plan) {
    outcome o;
    attack_with(plan, SEAL_SUITE_AES256_GCM, SEAL_LEVEL_PRIVACY, 400000, &o);
    check(plan, &o);
}

/* The relay itself changes nothing, and the numbers of messages below are what they seem. */
static void without_attack(void **state) {
    (void)state;
    outcome o;
    attack_with(&(relay_plan){.action = RELAY_PASS}, SEAL_SUITE_AES256_GCM, SEAL_LEVEL_PRIVACY,
                20000000, &o);
    assert_int_equal(o.ok, CALLS);
    assert_int_equal(o.runs, CALLS);
    assert_true(o.messages[RELAY_TO_SERVER] >= FIRST_RECORD + CALLS);
    assert_true(o.messages[RELAY_TO_CLIENT] >= FIRST_RECORD + CALLS);
}

static void flips(void **state) {
    (void)state;
    static const seal_suite suites[] = {SEAL_SUITE_AES256_GCM, SEAL_SUITE_CHACHA20_POLY1305,
                                        SEAL_SUITE_GSS};
    const size_t stride = full() ? 7 : 401;
    for (unsigned message = 0; message < FIRST_RECORD + 3; message++) {
        for (int direction = 0; direction < 2; direction++) {
            /* The bits of the length make the receiver wait; they are tried one by one elsewhere.
             */
            for (size_t bit = 24 + message; bit < 6000; bit += stride) {
                outcome o;
                relay_plan plan = {
                    .action = RELAY_FLIP, .direction = direction, .message = message, .bit = bit};
                seal_level level = bit % 2 == 0 ? SEAL_LEVEL_PRIVACY : SEAL_LEVEL_INTEGRITY;
                attack_with(&plan, suites[(bit / stride) % 3], level, 400000, &o);
                check(&plan, &o);
                size_t len =
                    o.ends[direction][message + 1 < o.messages[direction] ? message + 1 : message] -
                    o.ends[direction][message];
                if (len != 0 && bit + stride >= len * 8)
                    break;
            }
        }
    }
    print_message("%u connections were attacked\n", tried);
}

static void flips_of_the_length(void **state) {
    (void)state;
    for (unsigned message = 0; message < FIRST_RECORD + 2; message++) {
        for (int direction = 0; direction < 2; direction++) {
            for (size_t bit = 0; bit < 24; bit += full() ? 1 : 11)
                attack(&(relay_plan){
                    .action = RELAY_FLIP, .direction = direction, .message = message, .bit = bit});
        }
    }
}

static void cut_at_every_boundary(void **state) {
    (void)state;
    static const size_t places[] = {0, 1, 4, 5, 20};
    for (unsigned message = 0; message < FIRST_RECORD + 3; message++) {
        for (int direction = 0; direction < 2; direction++) {
            for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
                /* A connection that ends before anything is tried once more by the kernel's rules
                 * only. */
                relay_plan plan = {.action = RELAY_CUT,
                                   .direction = direction,
                                   .message = message,
                                   .bytes = places[i]};
                attack(&plan);
            }
        }
    }
}

static void records_lost_repeated_and_swapped(void **state) {
    (void)state;
    static const relay_action actions[] = {RELAY_DROP, RELAY_DUPLICATE, RELAY_SWAP, RELAY_REFLECT};
    for (unsigned message = 0; message < FIRST_RECORD + 3; message++) {
        for (int direction = 0; direction < 2; direction++) {
            for (size_t i = 0; i < 4; i++) {
                outcome o;
                relay_plan plan = {
                    .action = actions[i], .direction = direction, .message = message};
                attack_with(&plan, SEAL_SUITE_AES256_GCM, SEAL_LEVEL_PRIVACY, 400000, &o);
                /* What arrived unchanged before its copy did was good. */
                bool copy = actions[i] == RELAY_DUPLICATE || actions[i] == RELAY_REFLECT;
                assert_true(o.ok < CALLS);
                assert_true(o.runs <= o.ok + (copy || direction == RELAY_TO_CLIENT ? 1 : 0));
                if (!copy)
                    check(&plan, &o);
            }
        }
    }
}

/* A stream that ends without an authenticated close is a truncation, on both ends. */
static void fin_without_close(void **state) {
    (void)state;
    static relay r;
    relay_start(&r, seal_server_port(s.server),
                &(relay_plan){.action = RELAY_CUT,
                              .direction = RELAY_TO_CLIENT,
                              .message = FIRST_RECORD + 2});
    seal_channel *channel = it_channel_to(&c, r.port, NULL);
    seal_result *result = NULL;
    do {
        seal_result_free(result);
        result = it_sync(channel, NULL, &(it_request){.size = 4});
    } while (seal_result_status(result) == SEAL_STATUS_OK);
    assert_int_equal(seal_result_cause(result), SEAL_ERROR_TRUNCATED);
    it_expect(result, SEAL_STATUS_UNAVAILABLE, SEAL_EXECUTION_UNKNOWN, NULL);
    relay_join(&r);
    it_log_wait(&s.log, "ended");
    seal_channel_free(channel);
    relay_free(&r);
}

/* A call through a relay that keeps what both ends sent. */
static void record_echo(relay *r) {
    relay_start(r, seal_server_port(s.server), NULL);
    seal_channel *channel = it_channel_to(&c, r->port, NULL);
    it_echo(channel, 100);
    seal_channel_free(channel);
    relay_join(r);
}

/* All that a client ever sent, sent again: to the same server, and to one that was started anew. */
static void replay(void **state) {
    (void)state;
    static relay r;
    uint8_t answer[65536];
    record_echo(&r);
    unsigned runs = atomic_load(&s.runs);
    static it_server other;
    it_server_init(&other);
    it_server_start(&other, NULL, NULL);
    it_server *servers[] = {&s, &other};
    for (int i = 0; i < 4; i++) {
        int fd = it_connect(seal_server_port(servers[i % 2]->server));
        it_send(fd, r.sides[RELAY_TO_SERVER].bytes, r.sides[RELAY_TO_SERVER].len);
        it_read_to_end(fd, answer, sizeof answer);
        close(fd);
        it_server_wait_idle(servers[i % 2]);
    }
    assert_int_equal(atomic_load(&s.runs), runs);
    assert_int_equal(atomic_load(&other.runs), 0);
    seal_server_stats stats;
    it_server_stats(&other, &stats);
    assert_int_equal(stats.handshakes_completed, 0);
    assert_int_equal(stats.handshakes_failed, 2);
    relay_free(&r);
    it_server_done(&other);
}

/* And what the server sent, to a client. */
typedef struct parrot {
    int listener;
    const uint8_t *bytes;
    size_t len;
} parrot;

static void *repeat(void *arg) {
    const parrot *p = arg;
    uint8_t rest[4096];
    int fd = accept(p->listener, NULL, NULL);
    if (fd < 0)
        return NULL;
    if (read(fd, rest, sizeof rest) > 0)
        it_send(fd, p->bytes, p->len);
    while (read(fd, rest, sizeof rest) > 0) {
    }
    close(fd);
    return NULL;
}

static void replayed_server(void **state) {
    (void)state;
    static relay r;
    pthread_t thread;
    uint16_t port = 0;
    record_echo(&r);
    parrot p = {.listener = it_listen(&port),
                .bytes = r.sides[RELAY_TO_CLIENT].bytes,
                .len = r.sides[RELAY_TO_CLIENT].len};
    assert_int_equal(pthread_create(&thread, NULL, repeat, &p), 0);
    seal_channel *channel = it_channel_to(&c, port, NULL);
    seal_result *result = it_sync(channel, NULL, &(it_request){.size = 100});
    it_expect(result, SEAL_STATUS_UNAUTHENTICATED, SEAL_NOT_EXECUTED, NULL);
    seal_channel_free(channel);
    pthread_join(thread, NULL);
    close(p.listener);
    relay_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_attack, setup, teardown),
        cmocka_unit_test_setup_teardown(flips, setup, teardown),
        cmocka_unit_test_setup_teardown(flips_of_the_length, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_at_every_boundary, setup, teardown),
        cmocka_unit_test_setup_teardown(records_lost_repeated_and_swapped, setup, teardown),
        cmocka_unit_test_setup_teardown(fin_without_close, setup, teardown),
        cmocka_unit_test_setup_teardown(replay, setup, teardown),
        cmocka_unit_test_setup_teardown(replayed_server, setup, teardown),
    };
    return cmocka_run_group_tests_name("integration.attacks", tests, NULL, NULL);
}
