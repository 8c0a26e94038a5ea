/* SPDX-License-Identifier: Apache-2.0 */
/* The LDAP resolver, with a directory and its replica. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "naming/ldap_rig.h"
#include "support/fake_ldap.h"

#define NODE1 RIG_NODE(1)
#define NODE2 RIG_NODE(2)
/* Long enough that what a test sees in time was told by the directory. */
#define WATCHED "ldap:///demo.Greeter?poll=3600"
#define POLLED "ldap:///demo.Greeter?poll=1"

static const seal__spn_policy greeter = {.spn_class = "greeter"};

#define ONE "node1.sealrpc.test:7001/0/0 "
#define TWO "node2.sealrpc.test:7002/0/0 "

static void publish_one(void) {
    ldap_rig_publish(NODE1, "one", "node1.sealrpc.test", 7001);
}

static void publish_two(void) {
    ldap_rig_publish(NODE2, "two", "node2.sealrpc.test", 7002);
}

/* ---- Finding ---- */

static void finds_what_is_published(void **state) {
    (void)state;
    ldap_rig r;
    publish_one();
    publish_two();
    ldap_rig_begin(&r, WATCHED);
    ldap_rig_until_list(&r, ONE TWO);
    assert_non_null(strstr(r.principals, "greeter/node1.sealrpc.test "));
    assert_non_null(strstr(r.principals, "greeter/node2.sealrpc.test "));
    assert_int_equal(r.resolver->outages, 0);
    ldap_rig_done(&r);
    ldap_rig_unpublish(NODE1, "one");
    ldap_rig_unpublish(NODE2, "two");
}

static void changes_are_told(void **state) {
    (void)state;
    ldap_rig r;
    ldap_rig_begin(&r, WATCHED);
    ldap_rig_until_code(&r, SEAL_ERROR_NOT_FOUND);
    assert_true(r.has_list);
    assert_non_null(strstr(r.message, "publish"));
    publish_one();
    ldap_rig_until_list(&r, ONE);
    publish_two();
    ldap_rig_until_list(&r, ONE TWO);
    ldap_rig_publish(NODE1, "one", "node1.sealrpc.test", 7003);
    ldap_rig_until_list(&r, "node1.sealrpc.test:7003/0/0 " TWO);
    ldap_rig_unpublish(NODE1, "one");
    ldap_rig_until_list(&r, TWO);
    ldap_rig_unpublish(NODE2, "two");
    ldap_rig_until_code(&r, SEAL_ERROR_NOT_FOUND);
    assert_int_equal(r.resolver->outages, 0);
    ldap_rig_done(&r);
}

static void other_services_do_not_count(void **state) {
    (void)state;
    ldap_rig r;
    publish_one();
    ldap_rig_begin(&r, "ldap:///demo.Other");
    ldap_rig_until_code(&r, SEAL_ERROR_NOT_FOUND);
    assert_non_null(strstr(r.message, "demo.Other"));
    ldap_rig_done(&r);
    /* Found by the directory, which does not look at case. */
    ldap_rig_begin(&r, "ldap:///DEMO.greeter");
    ldap_rig_until_code(&r, SEAL_ERROR_INVALID);
    assert_non_null(strstr(r.message, "other letters"));
    ldap_rig_done(&r);
    ldap_rig_unpublish(NODE1, "one");
}

/* ---- Whose connection point is it? ---- */

/* Somebody leads clients of "demo.Greeter" to another service, which would prove itself. */
static void a_stranger_is_refused(void **state) {
    (void)state;
    ldap_rig r;
    ldap_rig_publish(NODE2, "evil", "node1.sealrpc.test", 6666);
    ldap_rig_begin(&r, POLLED);
    ldap_rig_until_code(&r, SEAL_ERROR_SPN_OWNER);
    assert_true(r.has_list);
    assert_int_equal(r.n, 0);
    assert_non_null(strstr(r.message, "cn=evil," NODE2));
    assert_non_null(strstr(r.message, "greeter/node1.sealrpc.test"));
    assert_non_null(strstr(r.message, "node1.sealrpc.test:6666"));
    ldap_rig_publish(NODE1, "good", "node1.sealrpc.test", 7001);
    ldap_rig_until_list(&r, ONE);
    ldap_rig_unpublish(NODE1, "good");
    ldap_rig_until_code(&r, SEAL_ERROR_SPN_OWNER);
    assert_int_equal(
        ldap_rig_logged(&r,
                        "is not used: node1.sealrpc.test:6666: connection point cn=evil," NODE2),
        1);
    ldap_rig_done(&r);
    ldap_rig_unpublish(NODE2, "evil");
}

/* Registering the name is what makes it count; the directory does not tell about accounts. */
static void registering_the_name_helps(void **state) {
    (void)state;
    ldap_rig r;
    publish_one();
    ldap_rig_init(&r);
    const seal__spn_policy policy = {.spn_class = "ledger", .spn_port = true, .spn_name = "x"};
    assert_int_equal(ldap_rig_try(&r, POLLED, &policy, NULL), 0);
    ldap_rig_until_code(&r, SEAL_ERROR_SPN_OWNER);
    assert_non_null(strstr(r.message, "ledger/node1.sealrpc.test:7001/x"));
    ldap_rig_set_spn(NODE1, "ledger/node1.sealrpc.test:7001/x", true);
    ldap_rig_until_list(&r, ONE);
    assert_string_equal(r.principals, "ledger/node1.sealrpc.test:7001/x ");
    ldap_rig_set_spn(NODE1, "ledger/node1.sealrpc.test:7001/x", false);
    ldap_rig_until_code(&r, SEAL_ERROR_SPN_OWNER);
    ldap_rig_done(&r);
    ldap_rig_unpublish(NODE1, "one");
}

/* With a principal that is given, the check is for that one. */
static void a_given_principal(void **state) {
    (void)state;
    ldap_rig r;
    publish_one();
    publish_two();
    ldap_rig_init(&r);
    const seal__spn_policy policy = {.server_principal = "greeter/node1.sealrpc.test@SEALRPC.TEST"};
    assert_int_equal(ldap_rig_try(&r, WATCHED, &policy, NULL), 0);
    ldap_rig_until_list(&r, ONE);
    assert_string_equal(r.principals, "greeter/node1.sealrpc.test@SEALRPC.TEST ");
    assert_int_equal(ldap_rig_logged(&r, "cn=two," NODE2), 1);
    ldap_rig_done(&r);
    ldap_rig_unpublish(NODE1, "one");
    ldap_rig_unpublish(NODE2, "two");
}

/* ---- Faults ---- */

static bool is_away(ldap_rig *r, void *user) {
    (void)user;
    /* The first thing told may be that the connection in use was lost. */
    return r->resolver->outages == 1 && r->code == SEAL_ERROR_DIRECTORY &&
           strstr(r->message, "; next, ") != NULL;
}

static void servers_fail(void **state) {
    (void)state;
    ldap_rig r;
    publish_one();
    ldap_rig_begin(&r, WATCHED);
    ldap_rig_until_list(&r, ONE);
    ldap_rig_until_replicated(&r, NODE1, "one");
    /* One: the other is asked, and nobody notices. */
    ldap_rig_realm("kill", "directory");
    ldap_rig_realm("restart", "directory");
    publish_two();
    ldap_rig_until_list(&r, ONE TWO);
    assert_int_equal(r.resolver->outages, 0);
    ldap_rig_until_replicated(&r, NODE2, "two");
    /* Both: the last list stays. */
    ldap_rig_realm("kill", "directory");
    ldap_rig_realm("kill", "replica");
    ldap_rig_until(&r, is_away, NULL);
    assert_int_equal(r.n, 2);
    assert_int_not_equal(seal__resolver_away_ms(r.resolver), 0);
    ldap_rig_realm("restart", "directory");
    ldap_rig_unpublish(NODE1, "one");
    ldap_rig_until_list(&r, TWO);
    assert_int_equal(r.resolver->outages, 1);
    assert_int_equal(seal__resolver_away_ms(r.resolver), 0);
    assert_int_equal(ldap_rig_logged(&r, "cannot be asked"), 1);
    assert_int_equal(ldap_rig_logged(&r, "source is back"), 1);
    ldap_rig_realm("restart", "replica");
    ldap_rig_done(&r);
    ldap_rig_unpublish(NODE2, "two");
}

static void only_the_replica_is_left(void **state) {
    (void)state;
    ldap_rig r;
    ldap_rig_init(&r);
    publish_one();
    ldap_rig_until_replicated(&r, NODE1, "one");
    ldap_rig_realm("kill", "directory");
    ldap_rig_start(&r, WATCHED);
    ldap_rig_until_list(&r, ONE);
    assert_int_equal(r.resolver->outages, 0);
    ldap_rig_realm("restart", "directory");
    ldap_rig_done(&r);
    ldap_rig_unpublish(NODE1, "one");
}

static void no_ticket(void **state) {
    (void)state;
    ldap_rig r;
    ldap_rig_init(&r);
    r.client_keytab = "/nowhere/client.keytab";
    ldap_rig_start(&r, WATCHED);
    ldap_rig_until_code(&r, SEAL_ERROR_KEYTAB);
    assert_false(r.has_list);
    assert_int_equal(r.resolver->outages, 1);
    ldap_rig_done(&r);
}

static const char *target_of(const fake_ldap *fake, const char *options) {
    static char target[200];
    snprintf(target, sizeof target, "%s/demo.Greeter?%s", fake_ldap_uri(fake), options);
    return target;
}

static bool is_asked(ldap_rig *r, void *user) {
    (void)r;
    return fake_ldap_connections(user) > 0;
}

/* The thread is inside a call that cannot be ended; nobody waits for it. */
static void closed_while_the_directory_is_silent(void **state) {
    (void)state;
    ldap_rig r;
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_SILENT, NULL, NULL);
    ldap_rig_begin(&r, target_of(fake, "timeout=5"));
    ldap_rig_until(&r, is_asked, fake);
    ldap_rig_close(&r);
    seal_runtime_free(r.runtime);
    uv_unref((uv_handle_t *)&r.guard);
    assert_int_equal(uv_run(&r.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(atomic_load(&r.shared->agents), 1);
    assert_int_equal(r.told, 0);
    fake_ldap_stop(fake); /* that ends the call */
    while (atomic_load(&r.shared->agents) != 0)
        uv_sleep(10);
    uv_close((uv_handle_t *)&r.guard, NULL);
    uv_run(&r.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r.loop), 0);
    seal__shared_unref(r.shared);
    pthread_mutex_destroy(&r.lock);
}

static void an_impostor(void **state) {
    (void)state;
    ldap_rig r;
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_IMPOSTOR, NULL, NULL);
    ldap_rig_begin(&r, target_of(fake, "timeout=5"));
    ldap_rig_until_code(&r, SEAL_ERROR_DIRECTORY_UNTRUSTED);
    assert_false(r.has_list);
    ldap_rig_done(&r);
    fake_ldap_stop(fake);
}

/* ---- Entries of all kinds ---- */

static fake_ldap_value value_of(const char *name, const char *text, size_t len) {
    return (fake_ldap_value){name, text, len};
}

enum { VALUES = 4 };

static void make_entry(fake_ldap_value values[VALUES], const char *host, size_t len,
                       const char *binding) {
    values[0] = value_of("keywords", SEAL__SCP_PRODUCT_GUID, strlen(SEAL__SCP_PRODUCT_GUID));
    values[1] = value_of("keywords", "demo.Greeter", 12);
    values[2] = value_of("serviceDNSName", host, len);
    values[3] = value_of("serviceBindingInformation", binding, strlen(binding));
}

/* A directory with these entries, and a resolver that asks it. */
static fake_ldap *start_honest(ldap_rig *r, const fake_ldap_script *script) {
    char keytab[512];
    snprintf(keytab, sizeof keytab, "%s/directory.keytab", getenv("SEAL_REALM_DIR"));
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_HONEST, keytab, script);
    ldap_rig_begin(r, target_of(fake, "poll=1"));
    return fake;
}

static void entries_of_all_kinds(void **state) {
    (void)state;
    static const struct {
        const char *host;
        size_t len;
        const char *binding;
    } kinds[] = {
        {"good.test", 9, "port=1;proto=sealrpc/1;priority=3;weight=4"},
        {"a.test", 6, "port=0;proto=sealrpc/1"},
        {"b.test", 6, "port=70000;proto=sealrpc/1"},
        {"c.test", 6, "port=1;proto=http"},
        {"d\0.test", 7, "port=1;proto=sealrpc/1"},
        {"\xff.test", 6, "port=1;proto=sealrpc/1"},
        {"e.test\nerror: forged line", 25, "port=1;proto=sealrpc/1"},
        {"10.1.2.3", 8, "port=1;proto=sealrpc/1"},
    };
    enum { N = sizeof kinds / sizeof kinds[0] };
    static fake_ldap_value values[N][VALUES];
    static fake_ldap_entry entries[N];
    static char dns[N][64];
    for (size_t i = 0; i < N; i++) {
        make_entry(values[i], kinds[i].host, kinds[i].len, kinds[i].binding);
        snprintf(dns[i], sizeof dns[i], "cn=%zu,cn=x,dc=sealrpc,dc=test", i);
        entries[i] = (fake_ldap_entry){dns[i], VALUES, values[i]};
    }
    const fake_ldap_script script = {
        .n = N, .entries = entries, .references = 2, .account = "cn=x,dc=sealrpc,dc=test"};
    ldap_rig r;
    fake_ldap *fake = start_honest(&r, &script);
    ldap_rig_until_list(&r, "good.test:1/3/4 ");
    assert_int_equal(ldap_rig_logged(&r, "connection point is not used"), 7);
    assert_int_equal(ldap_rig_logged(&r, "\n"), 0);
    ldap_rig_done(&r);
    fake_ldap_stop(fake);
}

static bool has_a_thousand(ldap_rig *r, void *user) {
    (void)user;
    return r->n == SEAL__DIRECTORY_MAX_ENTRIES && r->code == 0;
}

/* Two thousand entries, each with a host of its own; what is over the limit is left out. */
static void too_many_entries(void **state) {
    (void)state;
    enum { N = 2000 };
    static char hosts[N][16];
    static fake_ldap_value values[N][VALUES];
    static fake_ldap_entry entries[N];
    for (size_t i = 0; i < N; i++) {
        snprintf(hosts[i], sizeof hosts[i], "h%zu.test", i);
        make_entry(values[i], hosts[i], strlen(hosts[i]), "port=1;proto=sealrpc/1");
        entries[i] = (fake_ldap_entry){"cn=a,cn=b,dc=sealrpc,dc=test", VALUES, values[i]};
    }
    const fake_ldap_script script = {
        .n = N, .entries = entries, .account = "cn=b,dc=sealrpc,dc=test"};
    ldap_rig r;
    fake_ldap *fake = start_honest(&r, &script);
    ldap_rig_until(&r, has_a_thousand, NULL);
    assert_int_equal(ldap_rig_logged(&r, "only the first 1000 are used"), 1);
    ldap_rig_done(&r);
    fake_ldap_stop(fake);
}

/* ---- Starting and ending ---- */

static void what_cannot_start(void **state) {
    (void)state;
    ldap_rig r;
    seal_error *error = NULL;
    ldap_rig_init(&r);
    assert_int_equal(ldap_rig_try(&r, "ldap://10.0.0.1/demo.Greeter", &greeter, &error),
                     SEAL_ERROR_INVALID);
    assert_non_null(strstr(seal_error_message(error), "host name"));
    seal_error_free(error);
    assert_int_equal(ldap_rig_try(&r, WATCHED, &(seal__spn_policy){.spn_class = NULL}, NULL),
                     SEAL_ERROR_INVALID);
    assert_int_equal(r.told, 0);
    ldap_rig_done(&r);
}

static bool was_closed(ldap_rig *r, void *user) {
    (void)user;
    return r->told > 0;
}

static void closed_by_the_callback(void **state) {
    (void)state;
    ldap_rig r;
    ldap_rig_init(&r);
    r.close_when_told = true;
    ldap_rig_start(&r, WATCHED);
    ldap_rig_until(&r, was_closed, NULL);
    assert_null(r.resolver);
    ldap_rig_done(&r);
}

static void closed_at_once(void **state) {
    (void)state;
    for (int i = 0; i < 10; i++) {
        ldap_rig r;
        ldap_rig_init(&r);
        ldap_rig_start(&r, WATCHED);
        if (i % 2 == 0)
            uv_run(&r.loop, UV_RUN_NOWAIT);
        ldap_rig_done(&r);
        assert_int_equal(r.told, 0);
    }
}

/* Asking keeps the caller's loop alive; waiting for news does not. */
static void the_loop_ends_when_there_is_an_answer(void **state) {
    (void)state;
    ldap_rig r;
    ldap_rig_begin(&r, WATCHED);
    assert_int_equal(uv_run(&r.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(r.code, SEAL_ERROR_NOT_FOUND);
    ldap_rig_done(&r);
}

static void looks_again_when_asked_to(void **state) {
    (void)state;
    ldap_rig r;
    ldap_rig_init(&r);
    const seal__spn_policy policy = {.spn_class = "late"};
    publish_one();
    assert_int_equal(ldap_rig_try(&r, WATCHED, &policy, NULL), 0);
    ldap_rig_until_code(&r, SEAL_ERROR_SPN_OWNER);
    ldap_rig_set_spn(NODE1, "late/node1.sealrpc.test", true);
    seal__resolver_refresh(r.resolver);
    ldap_rig_until_list(&r, ONE);
    ldap_rig_done(&r);
    ldap_rig_set_spn(NODE1, "late/node1.sealrpc.test", false);
    ldap_rig_unpublish(NODE1, "one");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_published),
        cmocka_unit_test(changes_are_told),
        cmocka_unit_test(other_services_do_not_count),
        cmocka_unit_test(a_stranger_is_refused),
        cmocka_unit_test(registering_the_name_helps),
        cmocka_unit_test(a_given_principal),
        cmocka_unit_test(looks_again_when_asked_to),
        cmocka_unit_test(no_ticket),
        cmocka_unit_test(closed_while_the_directory_is_silent),
        cmocka_unit_test(an_impostor),
        cmocka_unit_test(entries_of_all_kinds),
        cmocka_unit_test(too_many_entries),
        cmocka_unit_test(what_cannot_start),
        cmocka_unit_test(closed_by_the_callback),
        cmocka_unit_test(closed_at_once),
        cmocka_unit_test(the_loop_ends_when_there_is_an_answer),
        cmocka_unit_test(servers_fail),
        cmocka_unit_test(only_the_replica_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
