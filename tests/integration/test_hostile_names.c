/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody leads clients astray: through entries of the directory, a directory of their own, or
 * DNS. Everywhere a server that is really there, with a valid principal of the realm, waits for the
 * calls; none arrives.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "naming/scp.h"
#include "support/dnsmasq.h"
#include "support/fake_ldap.h"

#define SUFFIX "dc=sealrpc,dc=test"
#define OTHER "other.sealrpc.test"

/* As the directory's administrator, whom no rule stops. */
static void change(const char *tool, const char *text) {
    char command[512];
    const char *path = it_path("change.ldif");
    it_write_file(path, text, strlen(text));
    snprintf(command, sizeof command, "%s -Q -Y EXTERNAL -H \"$SEAL_REALM_LDAPI\" %s %s >/dev/null",
             tool, strcmp(tool, "ldapmodify") == 0 ? "-e relax -f" : "", path);
    it_shell(command);
}

/* An SCP below the account of `account`, which says that the service is at localhost. */
static void add_scp(const char *account) {
    char text[1024];
    snprintf(text, sizeof text,
             "dn: cn=here,cn=%s,ou=Accounts," SUFFIX "\nchangetype: add\n"
             "objectClass: serviceConnectionPoint\ncn: here\n"
             "keywords: " SEAL__SCP_PRODUCT_GUID "\nkeywords: itest.Echo\n"
             "serviceClassName: echo\nserviceDNSName: localhost\nserviceDNSNameType: A\n"
             "serviceBindingInformation: port=%u;proto=sealrpc/1\n",
             account, seal_server_port(it_s.server));
    change("ldapmodify", text);
}

static void remove_scp(const char *account) {
    char text[256];
    snprintf(text, sizeof text, "dn: cn=here,cn=%s,ou=Accounts," SUFFIX "\nchangetype: delete\n",
             account);
    change("ldapmodify", text);
}

/* One call, with the principal composed; it must fail for this reason, and not arrive. */
static void refused(const char *target, seal_status status, int cause, const char *part) {
    seal_channel_options options;
    it_channel_options(&options);
    options.server_principal = NULL;
    options.spn_class = "echo";
    seal_channel *channel = it_channel(&it_c, target, &options);
    seal_result *result = it_sync(channel, NULL, &(it_request){.size = 1});
    if ((int)seal_result_cause(result) != cause)
        print_error("%s\n", seal_result_message(result));
    assert_int_equal(seal_result_cause(result), cause);
    it_expect(result, status, SEAL_NOT_EXECUTED, part);
    seal_channel_free(channel);
    assert_int_equal(atomic_load(&it_s.runs), 0);
}

/* The control: an entry where it belongs. */
static void works_when_it_is_right(void **state) {
    (void)state;
    seal_channel_options options;
    it_channel_options(&options);
    options.server_principal = NULL;
    add_scp("localhost");
    seal_channel *channel = it_channel(&it_c, "ldap:///itest.Echo", &options);
    it_echo(channel, 1);
    seal_channel_free(channel);
    remove_scp("localhost");
}

static void scp_of_somebody_else(void **state) {
    (void)state;
    add_scp(OTHER);
    refused("ldap:///itest.Echo", SEAL_STATUS_UNAUTHENTICATED, SEAL_ERROR_SPN_OWNER, OTHER);
    it_log_wait(&it_c.log, "cn=here,cn=" OTHER);
    remove_scp(OTHER);
}

/* With two accounts under one name nobody can say whose it is. */
static void duplicate_spn(void **state) {
    (void)state;
    static const char add[] =
        "dn: cn=" OTHER ",ou=Accounts," SUFFIX "\nchangetype: modify\nadd: servicePrincipalName\n"
        "servicePrincipalName: " IT_SERVICE "\n";
    static const char take_back[] = "dn: cn=" OTHER ",ou=Accounts," SUFFIX
                                    "\nchangetype: modify\ndelete: servicePrincipalName\n"
                                    "servicePrincipalName: " IT_SERVICE "\n";
    static it_server second;
    change("ldapmodify", add);
    add_scp("localhost");
    refused("ldap:///itest.Echo", SEAL_STATUS_UNAUTHENTICATED, SEAL_ERROR_SPN_DUPLICATE, OTHER);
    /* Nor does a server start under it that has to do with this directory. */
    seal_server_options options;
    seal_server *server = NULL;
    seal_error *error = NULL;
    it_server_options(&options);
    options.skip_startup_check = false;
    it_server_init(&second);
    assert_int_equal(seal_runtime_new(&second.runtime_options, &second.runtime, NULL), 0);
    assert_int_equal(seal_server_new(second.runtime, &options, &server, NULL), 0);
    assert_int_equal(seal_server_add_address(server, "127.0.0.1:0", NULL), 0);
    assert_int_equal(seal_server_publish(server, NULL, NULL, NULL, NULL), 0);
    assert_int_equal(seal_server_start(server, &error), SEAL_ERROR_SPN_DUPLICATE);
    assert_non_null(strstr(seal_error_message(error), OTHER));
    seal_error_free(error);
    seal_server_free(server);
    it_server_done(&second);
    remove_scp("localhost");
    change("ldapmodify", take_back);
}

/* It says "success" to a login that proved nothing, and then whatever one likes to hear. The good
 * directory stands behind it in the list, and is not asked: the attacker would choose. */
static void directory_without_proof(void **state) {
    (void)state;
    char target[256];
    add_scp("localhost");
    fake_ldap *fake = fake_ldap_start(FAKE_LDAP_IMPOSTOR, NULL, NULL);
    unsigned good = 0;
    assert_int_equal(sscanf(getenv("SEAL_DIRECTORY_URI"), "ldap://localhost:%u", &good), 1);
    snprintf(target, sizeof target, "%s,localhost:%u/itest.Echo?base=" SUFFIX, fake_ldap_uri(fake),
             good);
    refused(target, SEAL_STATUS_UNAUTHENTICATED, SEAL_ERROR_DIRECTORY_UNTRUSTED, "localhost");
    fake_ldap_stop(fake);
    remove_scp("localhost");
}

/* The SRV record of one service leads to a server of the realm that is another one. */
static void dns_with_another_host(void **state) {
    (void)state;
    char records[128];
    char target[128];
    static dnsmasq dns;
    snprintf(records, sizeof records, "srv-host=_sealrpc._tcp." OTHER ",localhost,%u\n",
             seal_server_port(it_s.server));
    dnsmasq_init(&dns);
    dnsmasq_start(&dns, records);
    snprintf(target, sizeof target, "dns://127.0.0.1:%u/" OTHER, dns.port);
    refused(target, SEAL_STATUS_UNAUTHENTICATED, SEAL_ERROR_PEER_REFUSED, "echo/" OTHER);
    dnsmasq_done(&dns);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(works_when_it_is_right, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(scp_of_somebody_else, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(duplicate_spn, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(directory_without_proof, it_setup, it_teardown),
        cmocka_unit_test_setup_teardown(dns_with_another_host, it_setup, it_teardown),
    };
    return cmocka_run_group_tests_name("integration.hostile_names", tests, NULL, NULL);
}
