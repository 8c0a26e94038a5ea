/* SPDX-License-Identifier: Apache-2.0 */
/* seal-realm --with-directory: real slapd and kadmind, used with OpenLDAP's and MIT's own tools. */
#include "directory_support.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what is there ---- */

static void everybody_is_who_they_should_be(void **state) {
    (void)state;
    struct result result = script_run(
        ARGUMENTS("--replica", "--service", "greeter/Node1.sealrpc.test:7001/x", "--principal",
                  "alice", "--principal", "carol/admin"),
        "unset KRB5_CLIENT_KTNAME\n"
        "log_in three greeter/Node1.sealrpc.test:7001/x service; log_in carol carol/admin users\n"
        "log_in odd 'odd/a$b+c' service\n"
        "for who in alice installer n1 n2 three carol odd; do for uri in $SEAL_DIRECTORY_URI; do\n"
        "as $who ldapwhoami -H $uri || exit 1; cat $D/said; done; done");
    assert_int_equal(result.status, 0);
    assert_string_equal(result.output, "dn:uid=alice,ou=people,dc=sealrpc,dc=test\n"
                                       "dn:uid=alice,ou=people,dc=sealrpc,dc=test\n"
                                       "dn:uid=installer,ou=people,dc=sealrpc,dc=test\n"
                                       "dn:uid=installer,ou=people,dc=sealrpc,dc=test\n"
                                       "dn:cn=node1.sealrpc.test,ou=accounts,dc=sealrpc,dc=test\n"
                                       "dn:cn=node1.sealrpc.test,ou=accounts,dc=sealrpc,dc=test\n"
                                       "dn:cn=node2.sealrpc.test,ou=accounts,dc=sealrpc,dc=test\n"
                                       "dn:cn=node2.sealrpc.test,ou=accounts,dc=sealrpc,dc=test\n"
                                       "dn:cn=node1.sealrpc.test,ou=accounts,dc=sealrpc,dc=test\n"
                                       "dn:cn=node1.sealrpc.test,ou=accounts,dc=sealrpc,dc=test\n"
                                       "dn:uid=carol/admin,cn=sealrpc.test,cn=gssapi,cn=auth\n"
                                       "dn:uid=carol/admin,cn=sealrpc.test,cn=gssapi,cn=auth\n"
                                       "dn:uid=odd/a$b\\2Bc,cn=sealrpc.test,cn=gssapi,cn=auth\n"
                                       "dn:uid=odd/a$b\\2Bc,cn=sealrpc.test,cn=gssapi,cn=auth\n");
}

static void the_environment_is_for_ldap_clients(void **state) {
    (void)state;
    setenv("SEAL_DIRECTORY_URI", "ldap://elsewhere", 1); /* of the outside */
    struct result result = RUN(seal_realm, "run", "--quiet", "--", "sh", "-c",
                               "echo \"<$SEAL_DIRECTORY_URI$SEAL_REALM_LDAPI>\"");
    unsetenv("SEAL_DIRECTORY_URI");
    assert_string_equal(result.output, "<>\n");
    result = RUN(seal_realm, "run", "--quiet", "--realm", "B.EXAMPLE.TEST", "--with-directory",
                 "--", "sh", "-c",
                 "echo $SEAL_DIRECTORY_BASE; ldapsearch -Q -LLL -s base dn; cat $LDAPCONF | "
                 "grep -c \"^URI $SEAL_DIRECTORY_URI\\$\"");
    assert_int_equal(result.status, 0);
    assert_string_equal(result.output,
                        "dc=b,dc=example,dc=test\ndn: dc=b,dc=example,dc=test\n\n1\n");
}

/* Neither without log-in nor without encryption. */
static void strangers_get_nothing(void **state) {
    (void)state;
    script_expect(ARGUMENTS(NULL),
                  "for base in $B $A1; do\n"
                  "  ldapsearch -x -LLL -b $base >$D/said 2>&1; [ $? = 50 ] || exit 1; done\n"
                  "yes as alice ldapwhoami -O minssf=56\n"
                  "as alice ldapwhoami -O minssf=0,maxssf=0 && exit 1\n"
                  "as alice ldapwhoami -O minssf=0,maxssf=1 && exit 2; exit 0");
}

/* ---- who may write ---- */

static void a_service_writes_its_own_connection_points(void **state) {
    (void)state;
    script_expect(ARGUMENTS(NULL),
                  "yes publish n1 a $A1 node1\n"
                  "yes exists cn=a,$A1\n"
                  "yes modify n1 cn=a,$A1 'replace: serviceBindingInformation\n"
                  "serviceBindingInformation: port=2\n-\nreplace: keywords\nkeywords: x\n"
                  "keywords: y'\n"
                  "yes as n1 ldapmodrdn cn=a,$A1 cn=b\n"
                  "yes as n1 ldapdelete cn=b,$A1");
}

static void a_service_writes_no_others(void **state) {
    (void)state;
    script_expect(
        ARGUMENTS(NULL),
        "no 50 publish n1 a $A2 node1\n"        /* below another account */
        "no 50 publish n1 a $A1 node2\n"        /* with another's host */
        "no 50 publish n1 a ou=Accounts,$B x\n" /* beside the accounts */
        "no 50 publish alice a $A1 node1\n"
        "no 50 publish n1 a $A1 node1 'objectClass: spnAccount\\n'\n"
        "no 50 publish n1 a $A1 node1 'objectClass: spnAccount\\nservicePrincipalName: g/x\\n'\n"
        "printf 'dn: cn=d,%s\\nobjectClass: device\\ncn: d\\n' $A1 >$D/ldif\n"
        "no 50 as n1 ldapadd -f $D/ldif\n"
        "yes publish n1 a $A1 node1\n"
        "no 50 publish n1 b cn=a,$A1 node1\n"
        "no 50 modify n1 cn=a,$A1 'replace: serviceDNSName\nserviceDNSName: node2.sealrpc.test'\n"
        "no 50 modify n1 cn=a,$A1 'delete: serviceDNSName\nserviceDNSName: node1.sealrpc.test\n-\n"
        "add: serviceDNSName\nserviceDNSName: node2.sealrpc.test'\n"
        "no 50 modify n2 cn=a,$A1 'replace: keywords\nkeywords: x'\n"
        "no 50 as n2 ldapdelete cn=a,$A1\n"
        "no 50 as n1 ldapmodrdn -s $A2 cn=a,$A1 cn=a\n"
        "no 50 modify n1 $A1 'replace: dNSHostName\ndNSHostName: node2.sealrpc.test'\n"
        "no 50 as n1 ldapmodrdn $A1 cn=node3.sealrpc.test\n"
        "no 50 as n1 ldapdelete $A2\n"
        "no 50 modify n1 cn=sealrpc-installers,$B \"add: member\nmember: $A1\"\n");
}

static void a_service_registers_names_of_its_own_host(void **state) {
    (void)state;
    script_expect(ARGUMENTS(NULL),
                  "for s in greeter/node1.sealrpc.test:7001 a.b_c-D9/node1.sealrpc.test \\\n"
                  "    greeter/node1.sealrpc.test/demo.Greeter x/node1.sealrpc.test:7/a@b \\\n"
                  "    x/node1.sealrpc.test:7/y; do\n"
                  "  case $s in *@*) no 50 register n1 $A1 add $s; continue;; esac\n"
                  "  yes register n1 $A1 add $s; yes register n1 $A1 delete $s; done\n"
                  "for s in greeter/node3.sealrpc.test greeter greeter/ /node1.sealrpc.test \\\n"
                  "    greeter/node1.sealrpc.test/a/b greeter/node1.sealrpc.test:x 'g!/x' \\\n"
                  "    greeter/node1.sealrpc.test.evil.test greeter/node1.sealrpc.test, \\\n"
                  "    'greeter/node1\\2esealrpc.test'; do\n"
                  "  no 50 register n1 $A1 add $s; done\n"
                  "no 50 register n1 $A2 add greeter/node2.sealrpc.test:1\n"
                  "no 50 register n1 $A2 add greeter/node1.sealrpc.test:1\n"
                  "no 50 register alice $A1 add greeter/node1.sealrpc.test:1\n"
                  "no 50 register n1 $A1 replace greeter/node1.sealrpc.test:2\n" /* all of them */
                  "no 50 modify n1 $A1 'delete: servicePrincipalName'");
}

static void names_are_unique_and_for_the_installer_to_give(void **state) {
    (void)state;
    script_expect(ARGUMENTS(NULL), "no 19 register installer $A2 add greeter/node1.sealrpc.test\n"
                                   "no 19 register installer $A2 add GREETER/NODE1.sealrpc.test\n"
                                   "yes register installer $A2 add greeter/virtual.sealrpc.test\n"
                                   "no 19 register installer $A1 add greeter/virtual.sealrpc.test\n"
                                   "printf 'dn: cn=new.test,ou=Accounts,%s\\nobjectClass: device\\n"
                                   "objectClass: spnAccount\\ncn: new.test\\nservicePrincipalName: "
                                   "greeter/node1.sealrpc.test\\n' $B >$D/ldif\n"
                                   "no 19 as installer ldapadd -f $D/ldif\n"
                                   "sed -i s/node1.sealrpc/new/ $D/ldif\n"
                                   "no 50 as n1 ldapadd -f $D/ldif\n"
                                   "yes as installer ldapadd -f $D/ldif\n"
                                   "no 50 modify installer cn=sealrpc-installers,$B "
                                   "\"add: member\nmember: uid=alice,ou=People,$B\"");
}

static void leases_expire_unless_their_owner_refreshes_them(void **state) {
    (void)state;
    script_expect(ARGUMENTS(NULL),
                  "yes publish n1 short $A1 node1 'objectClass: dynamicObject\\n'\n"
                  "yes publish n1 long $A1 node1 'objectClass: dynamicObject\\n'\n"
                  "no 1 as n2 ldapexop refresh cn=short,$A1 1\n"
                  "grep -q 'Insufficient access' $D/said || exit 1\n"
                  "yes as n1 ldapexop refresh cn=short,$A1 1\n"
                  "yes as n1 ldapexop refresh cn=long,$A1 3600\n"
                  "gone() { exists cn=short,$A1; [ $? = 32 ]; }\n"
                  "await gone; yes exists cn=long,$A1");
}

/* ---- kadmind ---- */

static void the_installer_makes_services_of_its_classes_only(void **state) {
    (void)state;
    script_expect(ARGUMENTS("--installer-class", "later"),
                  "k() { kadmin -p installer -k -t $D/users.keytab \"$@\" >$D/said 2>&1; }\n"
                  "for s in greeter/node3 greeter/node3/demo.Greeter later/x later/x:7/y; do\n"
                  "  yes k addprinc -randkey $s; yes k ktadd -k $D/new.keytab $s\n"
                  "  yes kinit -c $D/cc.new -k -t $D/new.keytab $s; yes k getprinc $s; done\n"
                  "for s in other/node3 alice2 root/admin; do\n"
                  "  no 1 k addprinc -randkey $s; grep -q \"requires .*add\" $D/said || exit 1\n"
                  "done\n"
                  "no 1 k ktadd -k $D/new.keytab ldap/localhost\n"
                  "no 1 k ktadd -norandkey -k $D/new.keytab " NODE1 "\n"
                  "no 1 k delprinc greeter/node3\n"
                  "no 1 k getprinc alice");
}

static void a_service_changes_its_own_keys(void **state) {
    (void)state;
    script_expect(ARGUMENTS(NULL),
                  "k() { kadmin -p " NODE1 " -k -t $D/service.keytab \"$@\" >$D/said 2>&1; }\n"
                  "yes k getprinc " NODE1 "\n"
                  "no 1 k getprinc " NODE2 "\n"
                  "no 1 k ktadd -k $D/new.keytab " NODE2 "\n"
                  "no 1 k addprinc -randkey greeter/x\n"
                  "yes k ktadd -k $D/service.keytab " NODE1 "\n"
                  "klist -k $D/service.keytab | grep -q '2 " NODE1 "' || exit 1\n"
                  "KRB5CCNAME=FILE:$D/cc.alice kvno -k $D/service.keytab " NODE1 " >$D/said");
}

/* ---- complaints ---- */

static void wrong_arguments_are_refused(void **state) {
    (void)state;
    struct result result = RUN(seal_realm, "run", "--replica", "true");
    assert_int_equal(result.status, 2);
    assert_contains(result.error, "--replica goes only with --with-directory");
    result = RUN(seal_realm, "run", "--installer-class", "x", "true");
    assert_int_equal(result.status, 2);
    result = RUN(seal_realm, "run", "--with-directory", "--installer-class", "x/*", "true");
    assert_int_equal(result.status, 2);
    assert_contains(result.error, "--installer-class does not take 'x/*'");
    result = RUN(seal_realm, "run", "--with-directory", "--service", "ldap/localhost", "true");
    assert_int_equal(result.status, 2);
    assert_contains(result.error, "the directory's own service");
    result = RUN("env", "-u", "SEAL_REALM_DIR", seal_realm, "kill", "kdc");
    assert_int_equal(result.status, 2);
    assert_int_equal(RUN(seal_realm, "kill").status, 2);
    assert_int_equal(RUN(seal_realm, "restart", "kdc", "/nonexistent").status, 2);
}

/* Tools in turn; /usr/bin and /usr/sbin have them all. */
static void missing_tools_are_named_with_their_package(void **state) {
    (void)state;
    static const char *const tools[][2] = {{"krb5kdc", "krb5-kdc"},
                                           {"kadmind", "krb5-admin-server"},
                                           {"slapd", "slapd"},
                                           {"ldapmodify", "ldap-utils"},
                                           {"ldapsearch", "ldap-utils"}};
    enum { COUNT = sizeof tools / sizeof tools[0] };
    char *folder = sandbox_path("bin");
    for (size_t missing = 0; missing < COUNT; missing++) {
        assert_int_equal(mkdir(folder, 0755), 0);
        for (size_t i = 0; i < COUNT; i++) {
            struct result made = {0};
            if (i != missing)
                made = RUN("sh", "-c", "PATH=$PATH:/usr/sbin; ln -s \"$(command -v $0)\" \"$1/$0\"",
                           tools[i][0], folder);
            assert_int_equal(made.status, 0);
        }
        setenv("SEAL_REALM_TOOLS", folder, 1);
        struct result result = RUN(seal_realm, "run", "--with-directory", "true");
        unsetenv("SEAL_REALM_TOOLS");
        assert_int_equal(result.status, 69);
        char expected[64];
        snprintf(expected, sizeof expected, "%s is not installed", tools[missing][0]);
        assert_contains(result.error, expected);
        assert_contains(result.error, "apt-get install");
        assert_contains(result.error, tools[missing][1]);
        assert_int_equal(RUN("rm", "-r", folder).status, 0);
    }
    free(folder);
}

static void a_path_too_long_for_a_socket_is_told(void **state) {
    (void)state;
    char *folder =
        sandbox_path("a-folder-with-a-name-so-long-that-a-socket-below-it-would-not-fit-any-more");
    assert_int_equal(mkdir(folder, 0755), 0);
    setenv("TMPDIR", folder, 1);
    struct result result = RUN(seal_realm, "run", "--with-directory", "true");
    setenv("TMPDIR", sandbox(), 1);
    assert_int_equal(result.status, 2);
    assert_contains(result.error, "too long for a socket");
    assert_int_equal(rmdir(folder), 0);
    free(folder);
}

/* An installed seal-realm uses the files beside it: here, broken ones. */
static void the_rules_are_those_installed_beside_it(void **state) {
    (void)state;
    struct result result =
        RUN("sh", "-c",
            "set -e; cd $TMPDIR; mkdir -p p/bin p/share/sealrpc/openldap; cp \"$0\" p/bin/; "
            "for f in sealrpc.schema sealrpc-sasl.conf sealrpc-acl.conf; do "
            "echo 'frobnicate yes' >p/share/sealrpc/openldap/$f; done",
            seal_realm);
    assert_int_equal(result.status, 0);
    char *copy = sandbox_path("p/bin/seal-realm");
    result = RUN(copy, "run", "--with-directory", "true");
    assert_int_equal(result.status, 70);
    assert_contains(result.error, "slapd did not start");
    assert_contains(result.error, "<frobnicate>");
    char *folder = sandbox_path("p");
    assert_int_equal(RUN("rm", "-r", folder).status, 0);
    free(folder);
    free(copy);
}

/* sealrpc-config-ldif, on a slapd that is configured by cn=config. */
static void a_slapd_with_cn_config_takes_the_rules(void **state) {
    (void)state;
    struct result result =
        RUN("sh", "-c",
            "PATH=$PATH:/usr/sbin; cd $TMPDIR && mkdir db config || exit 1\n"
            "me=gidNumber=$(id -g)+uidNumber=$(id -u),cn=peercred,cn=external,cn=auth\n"
            "schema=/etc/ldap/schema; [ -d $schema ] || schema=/etc/openldap/schema\n"
            "modules=/usr/lib/ldap; [ -d $modules ] || modules=/usr/lib64/openldap\n"
            "cat >slapd.conf <<CONF\ninclude $schema/core.schema\nmodulepath $modules\n"
            "moduleload back_mdb\ndatabase config\nrootdn $me\ndatabase mdb\n"
            "suffix dc=example,dc=com\nrootdn $me\ndirectory $TMPDIR/db\nCONF\n"
            "uri=ldapi://$(echo $TMPDIR/s | sed s,/,%2F,g)\n"
            "start() { slapd \"$@\" -h $uri -d none >log 2>&1 & pid=$!\n"
            "  until l ldapwhoami; do kill -0 $pid || { cat log; exit 2; }; sleep 0.02; done; }\n"
            "l() { c=$1; shift; LDAPCONF=/dev/null $c -Q -Y EXTERNAL -H $uri \"$@\" >said 2>&1; }\n"
            "start -f slapd.conf -F config\n"
            "\"$0\" dc=example,dc=com EXAMPLE.COM >ldif || exit 3\n"
            "l ldapmodify -f ldif || { cat said; kill $pid; exit 4; }\n"
            "kill $pid; wait $pid; start -F config\n" /* it is kept, and starts with it */
            "l ldapsearch -LLL -o ldif-wrap=no -b 'olcDatabase={1}mdb,cn=config'; cat said\n"
            "kill $pid; wait $pid; rm -r db config slapd.conf log said ldif; true",
            SEALRPC_CONFIG_LDIF);
    assert_int_equal(result.status, 0);
    assert_contains(result.output, "olcAddContentAcl: TRUE");
    assert_contains(result.output, "olcUniqueURI: ldap:///ou=Accounts,dc=example,dc=com?");
    assert_contains(result.output,
                    "by dn.base,expand=\"cn=${v1},ou=Accounts,dc=example,dc=com\" realself write");
    assert_contains(result.output, "olcOverlay: {1}dds");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sandbox_setup, sandbox_teardown)

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: %s PATH-OF-SEAL-REALM\n", arguments[0]);
        return 2;
    }
    seal_realm = arguments[1];
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(everybody_is_who_they_should_be),
        TEST(the_environment_is_for_ldap_clients),
        TEST(strangers_get_nothing),
        TEST(a_service_writes_its_own_connection_points),
        TEST(a_service_writes_no_others),
        TEST(a_service_registers_names_of_its_own_host),
        TEST(names_are_unique_and_for_the_installer_to_give),
        TEST(leases_expire_unless_their_owner_refreshes_them),
        TEST(the_installer_makes_services_of_its_classes_only),
        TEST(a_service_changes_its_own_keys),
        TEST(wrong_arguments_are_refused),
        TEST(missing_tools_are_named_with_their_package),
        TEST(a_path_too_long_for_a_socket_is_told),
        TEST(the_rules_are_those_installed_beside_it),
        TEST(a_slapd_with_cn_config_takes_the_rules),
    };
    return cmocka_run_group_tests_name("seal-realm --with-directory", tests, NULL, NULL);
}
