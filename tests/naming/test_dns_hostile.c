/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DNS resolver and a name server that says whatever it likes: what is believed, what is not,
 * and that the loop goes on in every case.
 */
#include "support/cmocka_all.h"

#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "naming/fake_dns.h"
#include "naming/rig.h"

#define Q "_sealrpc._tcp.x.test"
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

typedef struct scene {
    rig r;
    fake_dns fake;
    wire reply;
    unsigned ticks;
    uv_timer_t ticker;
} scene;

static scene s;

static void open_scene(bool with_tcp, fake_dns_fn *asked) {
    memset(&s, 0, sizeof s);
    rig_init(&s.r);
    fake_dns_init(&s.fake, &s.r.loop, with_tcp, asked, NULL);
}

static void start_with(const seal__spn_policy *policy) {
    char target[64];
    snprintf(target, sizeof target, "dns://127.0.0.1:%u/x.test", s.fake.port);
    rig_start(&s.r, target, policy);
}

static void start(void) {
    start_with(&rig_greeter);
}

static void close_scene(void) {
    fake_dns_close(&s.fake);
    rig_done(&s.r);
}

/* ---- Good answers ---- */

static void two(fake_dns *fake) {
    wire_begin(&s.reply, 0, Q);
    wire_srv(&s.reply, Q, 100, 10, 70, 7001, "Node1.x.test");
    wire_srv(&s.reply, Q, 100, 20, 0, 7002, "node2.elsewhere.test");
    fake_dns_send(fake, &s.reply);
}

static void good_answer(void **state) {
    (void)state;
    open_scene(false, two);
    start();
    rig_until_told(&s.r, 1);
    assert_int_equal(s.r.code, 0);
    assert_string_equal(s.r.list, "node1.x.test:7001 node2.elsewhere.test:7002");
    /* Of the name that was asked for, wherever it leads. */
    assert_string_equal(s.r.principals, "greeter/x.test greeter/x.test");
    assert_string_equal(s.r.ranks, "10/70 20/0");
    assert_true(rig_logged(&s.r, "2 endpoints (added node1.x.test:7001, node2"));
    /* The same again is no news. */
    unsigned queries = s.fake.n_queries;
    seal__resolver_refresh(s.r.resolver);
    while (s.fake.n_queries == queries)
        uv_run(&s.r.loop, UV_RUN_ONCE);
    rig_turn_ms(&s.r, 100);
    assert_int_equal(s.r.told, 1);
    assert_int_equal(s.r.resolver->updates, 1);
    close_scene();
}

static void policies(void **state) {
    (void)state;
    const seal__spn_policy parts = {.spn_class = "g", .spn_name = "bank.Ledger", .spn_port = true};
    open_scene(false, two);
    start_with(&parts);
    rig_until_told(&s.r, 1);
    assert_string_equal(s.r.principals, "g/x.test:7001/bank.Ledger g/x.test:7002/bank.Ledger");
    rig_close(&s.r);
    const seal__spn_policy fixed = {.server_principal = "a/b@C"};
    start_with(&fixed);
    rig_until_told(&s.r, 2);
    assert_string_equal(s.r.principals, "a/b@C a/b@C");
    close_scene();
}

static void by_alias(fake_dns *fake) {
    wire_begin(&s.reply, 0, Q);
    wire_cname(&s.reply, Q, 100, "_sealrpc._tcp.evil.test");
    wire_srv(&s.reply, "_sealrpc._tcp.evil.test", 100, 0, 0, 7001, "node.evil.test");
    fake_dns_send(fake, &s.reply);
}

static void alias_has_no_say_in_the_principal(void **state) {
    (void)state;
    open_scene(false, by_alias);
    start();
    rig_until_told(&s.r, 1);
    assert_string_equal(s.r.list, "node.evil.test:7001");
    assert_string_equal(s.r.principals, "greeter/x.test");
    close_scene();
}

/* ---- Answers to somebody else's question ---- */

static void send_evil(fake_dns *fake, uint16_t id, const char *question) {
    wire_begin(&s.reply, 0, question);
    wire_srv(&s.reply, question, 100, 0, 0, 1, "evil.test");
    wire_end(&s.reply);
    fake_dns_send_as(fake, &s.reply, id);
}

static void wrong_then_right(fake_dns *fake) {
    for (unsigned i = 1; i < 50; i++)
        send_evil(fake, (uint16_t)(fake->id + i), Q);
    send_evil(fake, fake->id, "_sealrpc._tcp.y.test");
    s.reply.len = 5;
    fake_dns_send_as(fake, &s.reply, fake->id);
    two(fake);
}

static void foreign_answers_are_ignored(void **state) {
    (void)state;
    open_scene(false, wrong_then_right);
    start();
    rig_until_told(&s.r, 1);
    assert_int_equal(s.r.code, 0);
    assert_string_equal(s.r.list, "node1.x.test:7001 node2.elsewhere.test:7002");
    assert_false(rig_logged(&s.r, "evil"));
    close_scene();
}

/* ---- The source is away: the last list stays ---- */

static void servfail(fake_dns *fake) {
    wire_begin(&s.reply, 2, Q);
    fake_dns_send(fake, &s.reply);
}

static void refused(fake_dns *fake) {
    wire_begin(&s.reply, 5, Q);
    fake_dns_send(fake, &s.reply);
}

static void not_implemented(fake_dns *fake) {
    wire_begin(&s.reply, 4, Q);
    fake_dns_send(fake, &s.reply);
}

static void format_error(fake_dns *fake) {
    wire_begin(&s.reply, 1, Q);
    fake_dns_send(fake, &s.reply);
}

static void huge_counts(fake_dns *fake) {
    wire_begin(&s.reply, 0, Q);
    wire_srv(&s.reply, Q, 100, 0, 0, 1, "evil.test");
    s.reply.answers = 65535;
    fake_dns_send(fake, &s.reply);
}

static void circle(fake_dns *fake) {
    wire_begin(&s.reply, 0, Q);
    size_t data = wire_answer(&s.reply, Q, WIRE_SRV, 100);
    wire_bytes(&s.reply, "\0\0\0\0\0\1", 6);
    wire_pointer(&s.reply, (unsigned)s.reply.len);
    wire_data_end(&s.reply, data);
    fake_dns_send(fake, &s.reply);
}

static void owner_in_circles(fake_dns *fake) {
    wire_begin(&s.reply, 0, Q);
    s.reply.answers = 1;
    wire_pointer(&s.reply, (unsigned)s.reply.len);
    for (int i = 0; i < 30; i++)
        wire_u8(&s.reply, 0);
    fake_dns_send(fake, &s.reply);
}

static void alias_of_itself(fake_dns *fake) {
    wire_begin(&s.reply, 0, Q);
    wire_cname(&s.reply, Q, 100, Q);
    fake_dns_send(fake, &s.reply);
}

/* Truncated, and nobody listens for TCP. */
static void truncated(fake_dns *fake) {
    wire_begin(&s.reply, 0, Q);
    s.reply.bytes[2] |= 2;
    fake_dns_send(fake, &s.reply);
}

static void away(fake_dns_fn *act) {
    open_scene(false, act);
    start();
    rig_until_told(&s.r, 1);
    assert_int_equal(s.r.code, SEAL_ERROR_DNS);
    assert_false(s.r.has_list);
    assert_non_null(strstr(s.r.message, Q));
    assert_non_null(strstr(s.r.message, "dig @127.0.0.1 -p "));
    assert_true(rig_logged(&s.r, "the source cannot be asked"));
    assert_true(rig_logged(&s.r, "there has been no list yet"));
    /* It comes back by itself. */
    s.fake.asked = two;
    rig_until_n(&s.r, 2);
    assert_int_equal(s.r.resolver->outages, 1);
    assert_true(rig_logged(&s.r, "the source is back"));
    /* And goes away again; the list stays. */
    s.fake.asked = act;
    s.r.resolver->last_refresh_ns = 0;
    seal__resolver_refresh(s.r.resolver);
    rig_until_code(&s.r, SEAL_ERROR_DNS);
    assert_int_equal(s.r.n, 2);
    assert_true(seal__resolver_away_ms(s.r.resolver) > 0);
    assert_true(rig_logged(&s.r, "the last list of 2 endpoints stays in use"));
    close_scene();
}

static void sources_away(void **state) {
    (void)state;
    fake_dns_fn *const acts[] = {servfail,         refused,         not_implemented,
                                 format_error,     huge_counts,     circle,
                                 owner_in_circles, alias_of_itself, truncated};
    for (size_t i = 0; i < COUNT(acts); i++)
        away(acts[i]);
}

/* ---- The source is there, and has nothing ---- */

static void no_name(fake_dns *fake) {
    wire_begin(&s.reply, 3, Q);
    fake_dns_send(fake, &s.reply);
}

static void no_data(fake_dns *fake) {
    wire_begin(&s.reply, 0, Q);
    fake_dns_send(fake, &s.reply);
}

static void not_offered(fake_dns *fake) {
    wire_begin(&s.reply, 0, Q);
    wire_srv(&s.reply, Q, 100, 0, 0, 0, "");
    fake_dns_send(fake, &s.reply);
}

static void alias_only(fake_dns *fake) {
    wire_begin(&s.reply, 0, Q);
    wire_cname(&s.reply, Q, 100, "y.test");
    fake_dns_send(fake, &s.reply);
}

static void unusable(fake_dns *fake) {
    wire_begin(&s.reply, 0, Q);
    wire_srv(&s.reply, Q, 100, 0, 0, 0, "node1.x.test");
    size_t data = wire_answer(&s.reply, Q, WIRE_SRV, 100);
    wire_bytes(&s.reply, "\0\0\0\0\0\1\5a.b/c", 12);
    wire_u8(&s.reply, 0);
    wire_data_end(&s.reply, data);
    wire_srv(&s.reply, Q, 100, 0, 0, 1, "*");
    fake_dns_send(fake, &s.reply);
}

static void nothing(fake_dns_fn *act, const char *part) {
    open_scene(false, two);
    start();
    rig_until_n(&s.r, 2);
    s.fake.asked = act;
    seal__resolver_refresh(s.r.resolver);
    rig_until_code(&s.r, SEAL_ERROR_NOT_FOUND);
    assert_true(s.r.has_list);
    assert_int_equal(s.r.n, 0);
    if (strstr(s.r.message, part) == NULL)
        print_error("%s\n", s.r.message);
    assert_non_null(strstr(s.r.message, part));
    assert_non_null(strstr(s.r.message, Q));
    assert_int_equal(s.r.resolver->outages, 0);
    assert_true(rig_logged(&s.r, "0 endpoints (removed node1.x.test:7001, node2"));
    s.fake.asked = two;
    s.r.resolver->last_refresh_ns = 0;
    seal__resolver_refresh(s.r.resolver);
    rig_until_n(&s.r, 2);
    close_scene();
}

static void empty_answers(void **state) {
    (void)state;
    nothing(no_name, "does not exist");
    nothing(no_data, "no such records");
    nothing(not_offered, "does not offer");
    nothing(alias_only, "alias of y.test");
    nothing(unusable, "port 0");
}

/* What can be used of an answer is used. */
static void mixed(fake_dns *fake) {
    wire_begin(&s.reply, 0, Q);
    wire_srv(&s.reply, Q, 100, 0, 0, 0, "");
    wire_srv(&s.reply, Q, 100, 0, 0, 0, "port0.x.test");
    wire_srv(&s.reply, Q, 100, 1, 2, 3, "a.x.test");
    wire_srv(&s.reply, Q, 100, 4, 5, 3, "A.x.test");
    wire_srv(&s.reply, Q, 100, 0, 0, 7, "127.0.0.1");
    fake_dns_send(fake, &s.reply);
}

static void what_can_be_used_is_used(void **state) {
    (void)state;
    open_scene(false, mixed);
    start();
    rig_until_told(&s.r, 1);
    assert_int_equal(s.r.code, 0);
    assert_string_equal(s.r.list, "a.x.test:3 127.0.0.1:7");
    assert_string_equal(s.r.ranks, "1/2 0/0");
    close_scene();
}

/* ---- TCP ---- */

enum { MANY = SEAL__ENDPOINTS_MAX + 100 };

static void many(fake_dns *fake) {
    wire_begin(&s.reply, 0, Q);
    if (fake->over_tcp == NULL) {
        s.reply.bytes[2] |= 2;
    } else {
        for (unsigned i = 1; i <= MANY; i++)
            wire_srv(&s.reply, Q, 100, 0, 0, i, "n");
    }
    fake_dns_send(fake, &s.reply);
}

static void too_many_over_tcp(void **state) {
    (void)state;
    open_scene(true, many);
    start();
    rig_until_told(&s.r, 1);
    assert_int_equal(s.r.code, 0);
    assert_int_equal(s.r.n, SEAL__ENDPOINTS_MAX);
    assert_int_equal(s.fake.n_tcp, 1);
    assert_true(rig_logged(&s.r, Q " has 1124 SRV records; the first 1024 are used"));
    close_scene();
}

/* Half an answer, and then the end of the connection, or nothing more. */
static void half(fake_dns *fake) {
    if (fake->over_tcp == NULL) {
        truncated(fake);
        return;
    }
    fake_dns_send_raw(fake, "\xff\xff\0\1\2\3", 6);
    if (fake->user != NULL)
        fake_dns_send_raw(fake, NULL, 0);
}

static void half_answers_over_tcp(void **state) {
    (void)state;
    for (int closes = 0; closes < 2; closes++) {
        open_scene(true, half);
        s.fake.user = closes != 0 ? &s : NULL;
        start();
        rig_until_told(&s.r, 1);
        assert_int_equal(s.r.code, SEAL_ERROR_DNS);
        assert_true(s.fake.n_tcp > 0);
        close_scene();
    }
}

/* ---- Silence ---- */

static void say_nothing(fake_dns *fake) {
    (void)fake;
}

static void on_tick(uv_timer_t *timer) {
    (void)timer;
    s.ticks++;
}

/* The loop goes on while nobody answers. */
static void silent_server(void **state) {
    (void)state;
    open_scene(false, say_nothing);
    uv_timer_init(&s.r.loop, &s.ticker);
    uv_timer_start(&s.ticker, on_tick, 10, 10);
    start();
    rig_until_told(&s.r, 1);
    assert_int_equal(s.r.code, SEAL_ERROR_DNS);
    assert_non_null(strstr(s.r.message, "imeout"));
    assert_true(s.fake.n_queries >= 3); /* asked again */
    assert_true(s.ticks > 20);
    uv_close((uv_handle_t *)&s.ticker, NULL);
    close_scene();
}

/* The next server is asked. */
static void another_server(void **state) {
    (void)state;
    char target[128];
    fake_dns silent;
    open_scene(false, two);
    fake_dns_init(&silent, &s.r.loop, false, say_nothing, NULL);
    snprintf(target, sizeof target, "dns://127.0.0.1:%u,127.0.0.1:%u/x.test", silent.port,
             s.fake.port);
    rig_start(&s.r, target, &rig_greeter);
    rig_until_told(&s.r, 1);
    assert_int_equal(s.r.code, 0);
    assert_int_equal(s.r.n, 2);
    assert_true(silent.n_queries > 0);
    fake_dns_close(&silent);
    close_scene();
}

/* ---- Closing at any moment ---- */

static void closed_after_turns(fake_dns_fn *act, bool with_tcp, unsigned turns) {
    open_scene(with_tcp, act);
    s.fake.user = &s;
    start();
    for (unsigned i = 0; i < turns && s.r.told == 0; i++)
        uv_run(&s.r.loop, UV_RUN_ONCE);
    close_scene();
}

static void closed_at_any_moment(void **state) {
    (void)state;
    for (unsigned turns = 0; turns < 12; turns++) {
        closed_after_turns(two, false, turns);
        closed_after_turns(servfail, false, turns);
        closed_after_turns(many, true, turns);
        closed_after_turns(circle, false, turns);
    }
    closed_after_turns(say_nothing, false, 2);
}

static void closed_from_the_callback(void **state) {
    (void)state;
    fake_dns_fn *const acts[] = {two, servfail, no_name, not_offered, unusable, circle, many};
    for (size_t i = 0; i < COUNT(acts); i++) {
        open_scene(true, acts[i]);
        s.r.close_when_told = true;
        start();
        rig_until_told(&s.r, 1);
        assert_null(s.r.resolver);
        close_scene();
        assert_int_equal(s.r.told, 1);
    }
}

/* Waiting for the next look does not keep the caller's loop alive; a query does. */
static void an_idle_resolver_lets_the_loop_end(void **state) {
    (void)state;
    open_scene(false, two);
    start();
    uv_unref((uv_handle_t *)&s.fake.poll);
    assert_int_equal(uv_run(&s.r.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(s.r.told, 1);
    close_scene();
}

static void refresh_does_not_disturb_a_query(void **state) {
    (void)state;
    open_scene(false, say_nothing);
    start();
    while (s.fake.n_queries == 0)
        uv_run(&s.r.loop, UV_RUN_ONCE);
    for (int i = 0; i < 5; i++) {
        s.r.resolver->last_refresh_ns = 0;
        seal__resolver_refresh(s.r.resolver);
        uv_run(&s.r.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(s.fake.n_queries, 1);
    s.fake.asked = two; /* the retransmission is answered */
    rig_until_told(&s.r, 1);
    assert_int_equal(s.r.n, 2);
    close_scene();
}

static void without_memory(void **state) {
    (void)state;
    bool all = false;
    for (size_t n = 1; !all; n++) {
        seal_error *error = NULL;
        char target[64];
        assert_true(n < 100);
        open_scene(false, two);
        snprintf(target, sizeof target, "dns://127.0.0.1:%u/x.test", s.fake.port);
        failing_alloc_fail_at(&s.r.alloc, n, true);
        int rc = rig_try(&s.r, target, &rig_greeter, &error);
        assert_int_equal(rc, rc == 0 ? 0 : SEAL_ERROR_NO_MEMORY);
        seal_error_free(error);
        if (rc == 0) {
            rig_until_n(&s.r, 2); /* perhaps after "out of memory" and a second of waiting */
            all = !failing_alloc_has_failed(&s.r.alloc);
        }
        close_scene();
    }
}

/* ---- A runtime with a thread of its own ---- */

typedef struct threaded {
    seal_runtime *runtime;
    seal__target target;
    seal__resolver *resolver;
    sem_t told;
    int rc;
} threaded;

static void on_threaded(void *user, const seal__endpoints *list, const seal_error *error) {
    threaded *t = user;
    (void)list;
    t->rc = seal_error_get_code(error);
    sem_post(&t->told);
}

static void start_threaded(void *arg) {
    threaded *t = arg;
    seal__resolver_options options = {.target = &t->target, .policy = rig_greeter};
    t->rc = seal__resolver_start(t->runtime, &options, on_threaded, t, &t->resolver, NULL);
}

static void close_threaded(void *arg) {
    threaded *t = arg;
    seal__resolver_close(t->resolver);
}

static void on_a_thread(void **state) {
    (void)state;
    for (int wait = 0; wait < 2; wait++) {
        threaded t = {.rc = 1};
        sem_init(&t.told, 0, 0);
        /* Port 9: nobody is there. */
        assert_int_equal(seal__target_parse("dns://127.0.0.1:9/x.test", &seal__default_allocator,
                                            &t.target, NULL),
                         0);
        assert_int_equal(seal_runtime_new(NULL, &t.runtime, NULL), 0);
        assert_int_equal(seal__runtime_run(t.runtime, start_threaded, &t), 0);
        if (wait == 1) {
            sem_wait(&t.told);
            assert_int_equal(t.rc, SEAL_ERROR_DNS);
        }
        assert_int_equal(seal__runtime_run(t.runtime, close_threaded, &t), 0);
        seal_runtime_free(t.runtime);
        seal__target_done(&t.target);
        sem_destroy(&t.told);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_answer),
        cmocka_unit_test(policies),
        cmocka_unit_test(alias_has_no_say_in_the_principal),
        cmocka_unit_test(foreign_answers_are_ignored),
        cmocka_unit_test(sources_away),
        cmocka_unit_test(empty_answers),
        cmocka_unit_test(what_can_be_used_is_used),
        cmocka_unit_test(too_many_over_tcp),
        cmocka_unit_test(half_answers_over_tcp),
        cmocka_unit_test(silent_server),
        cmocka_unit_test(another_server),
        cmocka_unit_test(closed_at_any_moment),
        cmocka_unit_test(closed_from_the_callback),
        cmocka_unit_test(an_idle_resolver_lets_the_loop_end),
        cmocka_unit_test(refresh_does_not_disturb_a_query),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(on_a_thread),
    };
    return cmocka_run_group_tests_name("naming.dns_hostile", tests, NULL, NULL);
}
