/* SPDX-License-Identifier: Apache-2.0 */
/* The DNS resolver and a real name server. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "support/dnsmasq.h"
#include "naming/rig.h"

#define LEDGER "srv-host=_sealrpc._tcp.bank.test,"

static dnsmasq server;
static rig r;

static void open_rig(const char *records) {
    dnsmasq_init(&server);
    dnsmasq_start(&server, records);
    rig_init(&r);
}

static void start(const char *name) {
    char target[128];
    snprintf(target, sizeof target, "dns://127.0.0.1:%u/%s", server.port, name);
    rig_start(&r, target, &rig_greeter);
}

static void close_rig(void) {
    rig_done(&r);
    dnsmasq_done(&server);
}

static void refresh(void) {
    r.resolver->last_refresh_ns = 0; /* as if the last one were long ago */
    seal__resolver_refresh(r.resolver);
}

/* ---- Order ---- */

static uint32_t seeded(void *user, uint32_t bound) {
    uint64_t *x = user;
    *x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*x >> 33) % bound);
}

enum { DRAWS = 10000 };

/* How often the endpoint with this port is the first of DRAWS orders. */
static unsigned first_of_draws(uint16_t port) {
    const seal__endpoints *list = r.resolver->last;
    uint16_t order[16];
    uint64_t seed = 5;
    unsigned first = 0;
    assert_true(list->n <= 16);
    for (int i = 0; i < DRAWS; i++) {
        seal__endpoints_order(list, seeded, &seed, order);
        first += list->items[order[0]].address.port == port;
        assert_int_equal(list->items[order[list->n - 1]].address.port, 7004);
    }
    return first;
}

static void order_and_weights(void **state) {
    (void)state;
    open_rig(LEDGER "node1.bank.test,7001,10,70\n" LEDGER "node2.bank.test,7002,10,30\n" LEDGER
                    "node3.bank.test,7003,10,0\n" LEDGER "node4.bank.test,7004,20,1000\n");
    start("Bank.TEST");
    rig_until_told(&r, 1);
    assert_int_equal(r.code, 0);
    assert_int_equal(r.n, 4);
    assert_string_equal(r.principals,
                        "greeter/bank.test greeter/bank.test greeter/bank.test greeter/bank.test");
    assert_non_null(strstr(r.list, "node1.bank.test:7001"));
    assert_in_range(first_of_draws(7001), DRAWS * 65 / 100, DRAWS * 73 / 100);
    assert_in_range(first_of_draws(7002), DRAWS * 26 / 100, DRAWS * 34 / 100);
    assert_in_range(first_of_draws(7003), 1, DRAWS * 3 / 100);
    assert_int_equal(first_of_draws(7004), 0);
    close_rig();
}

static void other_services(void **state) {
    (void)state;
    open_rig("srv-host=_ledger._udp.bank.test,a.bank.test,1\n"
             "srv-host=_off._tcp.bank.test\n"
             "srv-host=_sealrpc._tcp.xn--bcher-kva.test,b.bank.test,2\n"
             "txt-record=_text._tcp.bank.test,hello\n");
    start("_Ledger._udp.bank.test");
    rig_until_told(&r, 1);
    assert_string_equal(r.list, "a.bank.test:1");
    assert_string_equal(r.principals, "greeter/bank.test");
    rig_close(&r);
    start("b\xc3\xbc"
          "cher.test");
    rig_until_told(&r, 2);
    assert_string_equal(r.list, "b.bank.test:2");
    assert_string_equal(r.principals, "greeter/xn--bcher-kva.test");
    rig_close(&r);
    start("_off._tcp.bank.test");
    rig_until_told(&r, 3);
    assert_int_equal(r.n, 0);
    assert_int_equal(r.code, SEAL_ERROR_NOT_FOUND);
    assert_non_null(strstr(r.message, "does not offer"));
    rig_close(&r);
    start("nowhere.test");
    rig_until_told(&r, 4);
    assert_int_equal(r.n, 0);
    assert_true(r.has_list);
    assert_int_equal(r.code, SEAL_ERROR_NOT_FOUND);
    assert_non_null(strstr(r.message, "_sealrpc._tcp.nowhere.test. SRV 0 0 PORT HOST."));
    rig_close(&r);
    start("_text._tcp.bank.test");
    rig_until_told(&r, 5);
    assert_int_equal(r.code, SEAL_ERROR_NOT_FOUND);
    assert_non_null(strstr(r.message, "no such records"));
    close_rig();
}

/* ---- Time ---- */

/* The records expire (dnsmasq gives them no time to live at all), and are asked for again by
 * itself. */
static void changed_records(void **state) {
    (void)state;
    open_rig(LEDGER "a.bank.test,1\n" LEDGER "b.bank.test,2\n");
    start("bank.test");
    rig_until_n(&r, 2);
    dnsmasq_stop(&server);
    dnsmasq_start(&server,
                  LEDGER "b.bank.test,2\n" LEDGER "c.bank.test,3\n" LEDGER "d.bank.test,4\n");
    rig_until_n(&r, 3);
    assert_int_equal(r.resolver->updates, 2);
    assert_true(rig_logged(&r, "; removed a.bank.test:1)"));
    dnsmasq_stop(&server);
    dnsmasq_start(&server, "");
    refresh();
    rig_until_code(&r, SEAL_ERROR_NOT_FOUND);
    assert_int_equal(r.n, 0);
    close_rig();
}

static void away_and_back(void **state) {
    (void)state;
    open_rig(LEDGER "a.bank.test,1\n" LEDGER "b.bank.test,2\n");
    start("bank.test");
    rig_until_n(&r, 2);
    dnsmasq_stop(&server);
    refresh();
    rig_until_code(&r, SEAL_ERROR_DNS);
    assert_int_equal(r.n, 2); /* the last list */
    assert_int_equal(r.resolver->outages, 1);
    assert_true(seal__resolver_away_ms(r.resolver) > 0);
    assert_true(rig_logged(&r, "the last list of 2 endpoints stays in use"));
    dnsmasq_start(&server, LEDGER "b.bank.test,2\n");
    rig_until_n(&r, 1);
    assert_string_equal(r.list, "b.bank.test:2");
    assert_true(rig_logged(&r, "the source is back"));
    assert_int_equal(seal__resolver_away_ms(r.resolver), 0);
    assert_int_equal(r.resolver->outages, 1);
    close_rig();
}

/* ---- TCP ---- */

/* More than a datagram holds: the answer is truncated, and comes over TCP. */
static void many_records(void **state) {
    (void)state;
    static char records[64 * 1024];
    size_t len = 0;
    enum { N = 200 };
    for (unsigned i = 1; i <= N; i++)
        len += (size_t)snprintf(records + len, sizeof records - len,
                                LEDGER "a-rather-long-name-of-node-%u.bank.test,%u,%u,%u\n", i, i,
                                i % 3, i);
    open_rig(records);
    start("bank.test");
    rig_until_told(&r, 1);
    assert_int_equal(r.code, 0);
    assert_int_equal(r.n, N);
    close_rig();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_weights), cmocka_unit_test(other_services),
        cmocka_unit_test(changed_records),   cmocka_unit_test(away_and_back),
        cmocka_unit_test(many_records),
    };
    return cmocka_run_group_tests_name("naming.dns", tests, NULL, NULL);
}
