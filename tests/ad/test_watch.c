/* SPDX-License-Identifier: Apache-2.0 */
/* The LDAP resolver in Active Directory: it is told about changes, and outlives the controller. */
#include "support/cmocka_all.h"

#include <string.h>

#include "naming/ldap_rig.h"

#define DOMAIN "ad.sealrpc.test"
#define HOST(n) "node" #n "." DOMAIN
#define ACCOUNT(n) "CN=node" #n ",CN=Computers,DC=ad,DC=sealrpc,DC=test"
/* Long enough that what a test sees in time was told by the directory. */
#define WATCHED "ldap:///demo.Greeter?poll=3600"
#define POLLED "ldap:///demo.Greeter?poll=1"

static void changes_are_told(void **state) {
    (void)state;
    ldap_rig r;
    ldap_rig_begin(&r, WATCHED);
    ldap_rig_until_code(&r, SEAL_ERROR_NOT_FOUND);
    ldap_rig_publish_as("node1$", ACCOUNT(1), "one", HOST(1), 7001);
    ldap_rig_until_list(&r, HOST(1) ":7001/0/0 ");
    ldap_rig_publish_as("node2$", ACCOUNT(2), "two", HOST(2), 7002);
    ldap_rig_until_list(&r, HOST(1) ":7001/0/0 " HOST(2) ":7002/0/0 ");
    ldap_rig_publish_as("node1$", ACCOUNT(1), "one", HOST(1), 7003);
    ldap_rig_until_list(&r, HOST(1) ":7003/0/0 " HOST(2) ":7002/0/0 ");
    ldap_rig_unpublish_as("node1$", ACCOUNT(1), "one");
    ldap_rig_until_list(&r, HOST(2) ":7002/0/0 ");
    ldap_rig_unpublish_as("node2$", ACCOUNT(2), "two");
    ldap_rig_until_code(&r, SEAL_ERROR_NOT_FOUND);
    assert_int_equal(r.resolver->outages, 0);
    ldap_rig_done(&r);
}

/* Who has removed it without a word, such as an administrator's tool, is noticed when looking. */
static void removals_by_others_are_found(void **state) {
    (void)state;
    char dn[SEAL__SCP_DN_MAX];
    ldap_rig r;
    ldap_rig_publish_as("node1$", ACCOUNT(1), "one", HOST(1), 7001);
    ldap_rig_begin(&r, POLLED);
    ldap_rig_until_list(&r, HOST(1) ":7001/0/0 ");
    seal__directory *d = ldap_rig_open("node1$");
    assert_true(seal__directory_child("one", ACCOUNT(1), dn, sizeof dn));
    assert_int_equal(seal__directory_delete(d, dn, NULL), 0);
    seal__directory_close(d);
    ldap_rig_until_code(&r, SEAL_ERROR_NOT_FOUND);
    ldap_rig_done(&r);
}

/* Here a computer may write any host into an SCP of its own: only the owner check is in the way. */
static void a_stranger_is_refused(void **state) {
    (void)state;
    ldap_rig r;
    ldap_rig_publish_as("node2$", ACCOUNT(2), "evil", HOST(1), 6666);
    ldap_rig_begin(&r, WATCHED);
    ldap_rig_until_code(&r, SEAL_ERROR_SPN_OWNER);
    assert_int_equal(r.n, 0);
    assert_non_null(strstr(r.message, "greeter/" HOST(1)));
    ldap_rig_publish_as("node1$", ACCOUNT(1), "good", HOST(1), 7001);
    ldap_rig_until_list(&r, HOST(1) ":7001/0/0 ");
    assert_true(ldap_rig_logged(&r, HOST(1) ":6666") > 0);
    ldap_rig_done(&r);
    ldap_rig_unpublish_as("node2$", ACCOUNT(2), "evil");
    ldap_rig_unpublish_as("node1$", ACCOUNT(1), "good");
}

static bool is_away(ldap_rig *r, void *user) {
    (void)user;
    return r->resolver->outages == 1 && r->code == SEAL_ERROR_DIRECTORY;
}

static void the_controller_fails(void **state) {
    (void)state;
    ldap_rig r;
    ldap_rig_publish_as("node1$", ACCOUNT(1), "one", HOST(1), 7001);
    ldap_rig_begin(&r, WATCHED);
    ldap_rig_until_list(&r, HOST(1) ":7001/0/0 ");
    ldap_rig_realm("kill", "dc");
    ldap_rig_until(&r, is_away, NULL);
    assert_int_equal(r.n, 1); /* the last list stays */
    assert_string_equal(r.list, HOST(1) ":7001/0/0 ");
    assert_int_not_equal(seal__resolver_away_ms(r.resolver), 0);
    ldap_rig_realm("restart", "dc");
    ldap_rig_publish_as("node2$", ACCOUNT(2), "two", HOST(2), 7002);
    ldap_rig_until_list(&r, HOST(1) ":7001/0/0 " HOST(2) ":7002/0/0 ");
    assert_int_equal(r.resolver->outages, 1);
    assert_int_equal(seal__resolver_away_ms(r.resolver), 0);
    assert_int_equal(ldap_rig_logged(&r, "source is back"), 1);
    /* The new watch tells, too. */
    ldap_rig_publish_as("node1$", ACCOUNT(1), "one", HOST(1), 7003);
    ldap_rig_until_list(&r, HOST(1) ":7003/0/0 " HOST(2) ":7002/0/0 ");
    ldap_rig_done(&r);
    ldap_rig_unpublish_as("node1$", ACCOUNT(1), "one");
    ldap_rig_unpublish_as("node2$", ACCOUNT(2), "two");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_told), cmocka_unit_test(removals_by_others_are_found),
        cmocka_unit_test(a_stranger_is_refused), cmocka_unit_test(the_controller_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
