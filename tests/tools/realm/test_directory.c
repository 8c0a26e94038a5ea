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

/* ---- thirty ways and more to write what one must not ---- */

/* What follows may end in any way but success, and changes nothing: `same` compares everything. */
static const char attempts[] =
    "dump() { as installer ldapsearch -LLL -o ldif-wrap=no '*' '+'; cat $D/said; }\n"
    "refused() { \"$@\" && { echo \"$* succeeded\"; cat $D/ldif; exit 94; }; }\n"
    "same() { dump >$D/after; cmp -s $D/before $D/after || { diff $D/before $D/after; exit 95; }; "
    "}\n"
    "add() { w=$1; shift; printf '%b\\n' \"$*\" >$D/ldif; as $w ldapadd -f $D/ldif; }\n"
    "class() { add n1 \"dn: cn=x,$A1\\nobjectClass: $1\\ncn: x\\n$2\"; }\n"
    "host() { class serviceConnectionPoint \"serviceDNSName$1\"; }\n"
    "move() { as n1 ldapmodrdn \"$@\"; }\n"
    "base64_of() { printf \"$1\" | base64 -w0; }\n"
    "yes publish n1 a $A1 node1; yes publish n2 b $A2 node2\n"
    "yes class serviceConnectionPoint; G=cn=sealrpc-installers,$B\n"
    "as n1 ldapmodrdn -r cn=x,$A1 cn=bare; dump >$D/before\n";

static void try_to_write(const char *script) {
    char *whole = NULL;
    assert_true(asprintf(&whole, "%s%ssame", attempts, script) > 0);
    script_expect(ARGUMENTS(NULL), whole);
    free(whole);
}

static void names_of_others_are_not_written(void **state) {
    (void)state;
    try_to_write(
        "O='servicePrincipalName: x/node2.sealrpc.test'\n"
        "for s in GREETER/NODE2.sealrpc.test x/NODE2.sealrpc.test x/node2.sealrpc.test. \\\n"
        "    x/node1.sealrpc.test. .x/node1.sealrpc.test@X x/node1.sealrpc.test@SEALRPC.TEST \\\n"
        "    x/node1.sealrpc.test/y@SEALRPC.TEST x/node1.sealrpc.test,ou=Accounts \\\n"
        "    x//node1.sealrpc.test x/node2.sealrpc.test/node1.sealrpc.test 'x/[::1]' x/node1 \\\n"
        "    'x\\/node1.sealrpc.test' x/node2.sealrpc.test:1/node1.sealrpc.test \\\n"
        "    'x y/node1.sealrpc.test' 'x/node2\\2esealrpc.test' \\\n"
        "    x/node1.sealrpc.test+cn=node2.sealrpc.test; do\n"
        "  refused register n1 $A1 add \"$s\"; done\n"
        "for o in ';lang-en' ';binary'; do\n"
        "  refused modify n1 $A1 \"add: servicePrincipalName$o\nservicePrincipalName$o: "
        "x/node2.sealrpc.test\"; done\n"
        "A=1.2.840.113556.1.4.771\n"
        "refused modify n1 $A1 \"add: $A\n$A: x/node2.sealrpc.test\"\n"
        "refused modify n1 $A1 \"add: servicePrincipalName\nservicePrincipalName: "
        "x/node1.sealrpc.test\n$O\"\n" /* one of two */
        "refused modify n1 $A1 \"add: servicePrincipalName\nservicePrincipalName:: "
        "$(base64_of 'x/node2.sealrpc.test\\nx/node1.sealrpc.test')\"\n"
        "refused modify n1 $A1 \"add: servicePrincipalName\nservicePrincipalName:: "
        "$(base64_of 'x/node1.sealrpc.test\\nx/node2.sealrpc.test')\"\n"
        "refused modify n1 $A1 \"add: dNSHostName\ndNSHostName: node2.sealrpc.test\"\n"
        "refused modify n1 $A1 \"add: userPrincipalName\nuserPrincipalName: alice\"\n"
        "for dn in $A2 cn=a,$A1 uid=alice,ou=People,$B; do\n"
        "  refused modify n1 $dn \"add: servicePrincipalName\n$O:1\"\n"
        "  refused modify n1 $dn \"add: objectClass\nobjectClass: spnAccount\n-\nadd: "
        "servicePrincipalName\nservicePrincipalName: x/node1.sealrpc.test:9\"; done\n"
        "refused modify alice uid=alice,ou=People,$B \"add: objectClass\nobjectClass: "
        "spnAccount\n-\nadd: servicePrincipalName\nservicePrincipalName: x/y\"\n"
        "refused modify n1 $A2 \"delete: servicePrincipalName\nservicePrincipalName: " NODE2
        "\"\n");
}

static void connection_points_are_nothing_else(void **state) {
    (void)state;
    try_to_write(
        "for c in 'alias\\nobjectClass: extensibleObject' 'referral\\nobjectClass: "
        "extensibleObject' \\\n"
        "    extensibleObject device applicationProcess subentry glue; do\n"
        "  t=; case $c in alias*) t=\"aliasedObjectName: $A2\";; referral*) t='ref: ldap://x/';; "
        "esac\n"
        "  refused class \"$c\" \"$t\"; done\n"
        "for c in spnAccount extensibleObject simpleSecurityObject uidObject dcObject pkiUser; do\n"
        "  refused class \"serviceConnectionPoint\\nobjectClass: $c\" \"uid: alice\\ndc: x\"\n"
        "  refused class \"serviceConnectionPoint\\nobjectClass: $c\"\n"
        "  refused modify n1 cn=a,$A1 \"add: objectClass\nobjectClass: $c\"; done\n"
        "for h in ': node2.sealrpc.test' ': node1.sealrpc.test.' ';lang-en: node2.sealrpc.test' "
        "\\\n"
        "    \": node2.sealrpc.test,ou=Accounts,$B\" ': node1.sealrpc.test+cn=node2.sealrpc.test' "
        "\\\n"
        "    \":: $(base64_of 'node1.sealrpc.test\\nnode2.sealrpc.test')\" \\\n"
        "    \":: $(base64_of 'node2.sealrpc.test\\nnode1.sealrpc.test')\" \\\n"
        "    \":: $(base64_of 'node2.sealrpc.test\\000node1.sealrpc.test')\"; do\n"
        "  refused host \"$h\"; done\n"
        "H=serviceDNSName=node2.sealrpc.test\n"
        "for rdn in $H cn=x+$H; do\n"
        "  refused add n1 \"dn: $rdn,$A1\\nobjectClass: serviceConnectionPoint\\ncn: x\\n"
        "serviceDNSName: node2.sealrpc.test\"; done\n"
        "refused modify n1 cn=a,$A1 'delete: serviceDNSName'\n"
        "refused modify n1 cn=bare,$A1 \"add: serviceDNSName\nserviceDNSName: "
        "node2.sealrpc.test\"\n"
        "refused modify n1 cn=a,$A1 \"add: description\ndescription: x\"\n"
        "refused add n1 \"dn: cn=y,cn=a,$A1\\nobjectClass: serviceConnectionPoint\\ncn: y\"\n");
}

static void entries_stay_where_they_are(void **state) {
    (void)state;
    try_to_write(
        "for to in ou=Accounts,$B ou=People,$B $B $A2 cn=bare,$A1; do\n"
        "  refused move -s $to cn=a,$A1 cn=node3.sealrpc.test; done\n"
        "for dn in cn=b,$A2 $A2 $G ou=People,$B uid=alice,ou=People,$B; do\n"
        "  refused move -s $A1 $dn cn=x; refused as n1 ldapdelete -r $dn; done\n"
        "for rdn in cn=node3.sealrpc.test cn=node2.sealrpc.test dNSHostName=node2.sealrpc.test; "
        "do\n"
        "  refused move $A1 $rdn; refused move -r $A1 $rdn; done\n"
        "refused as n1 ldapdelete $A1\n"
        "for change in 'cn: node2.sealrpc.test' 'description: x' \"seeAlso: $A2\" \"owner: $A2\" "
        "\\\n"
        "    \"member: $A1\" 'userPassword: x' 'uid: alice' 'authzTo: dn:*' 'authzFrom: dn:*' \\\n"
        "    'entryTtl: 100' 'objectClass: dynamicObject' 'objectClass: extensibleObject' \\\n"
        "    'objectClass: serviceConnectionPoint' 'creatorsName: cn=x'; do\n"
        "  for dn in $A1 $A2 $G uid=alice,ou=People,$B ou=Accounts,$B $B; do for w in n1 alice; "
        "do\n"
        "    refused modify $w $dn \"add: ${change%%:*}\n$change\"\n"
        "    refused modify $w $dn \"replace: ${change%%:*}\n$change\"; done; done; done\n"
        "refused as n1 ldapexop refresh $A1 10\n"
        "for dn in cn=z,ou=Accounts,$B cn=z,$B cn=z,ou=People,$B; do\n"
        "  refused add n1 \"dn: $dn\\nobjectClass: device\\nobjectClass: spnAccount\\ncn: z\\n"
        "servicePrincipalName: x/z\"; done\n");
}

static void nobody_is_somebody_else(void **state) {
    (void)state;
    try_to_write(
        "I=uid=installer,ou=People,$B\n"
        "refused as n1 ldapwhoami -X dn:$I; refused as n1 ldapwhoami -X u:installer\n"
        "refused as n1 ldapwhoami -e \"!authzid=dn:$I\"\n"
        "for c in -M '-e relax'; do\n"
        "  spn $A2 add " NODE1 " >$D/ldif; refused as installer ldapmodify $c -f $D/ldif\n"
        "  printf 'dn: %s\\nchangetype: modify\\nreplace: dNSHostName\\ndNSHostName: x\\n' $A1 "
        ">$D/ldif\n"
        "  refused as n1 ldapmodify $c -f $D/ldif; done\n"
        "x() { \"$@\" >$D/said 2>&1; }\n"
        "for f in '(objectClass=*)' '(servicePrincipalName=" NODE1 ")'; do\n"
        "  for b in $B $A1 cn=config cn=monitor; do refused x ldapsearch -x -b $b \"$f\"; done; "
        "done\n"
        "refused x ldapcompare -x $A1 'servicePrincipalName:" NODE1 "'; [ $? != 6 ] || exit 96\n"
        "refused x ldapwhoami -x -D $A1 -w x; refused x ldapwhoami -x -D $A1 -w ''\n"
        "refused x ldapwhoami -x -ZZ; refused x ldapwhoami -Q -Y EXTERNAL\n"
        "refused x ldapwhoami -Q -Y ANONYMOUS\n");
}

/* slapd asks no rule about the values in a new name; so entries with such names are not shown. */
static void a_new_name_leads_nowhere(void **state) {
    (void)state;
    char *whole = NULL;
    assert_true(
        asprintf(&whole, "%s%s", attempts,
                 "i=0; for rdn in serviceDNSName=node2.sealrpc.test "
                 "cn=y+serviceDNSName=node2.sealrpc.test \\\n"
                 "    SERVICEDNSNAME=node2.sealrpc.test+CN=y objectClass=spnAccount \\\n"
                 "    1.2.840.113556.1.4.619=node2.sealrpc.test+objectClass=spnAccount \\\n"
                 "    objectClass=spnAccount+servicePrincipalName=x/node9.sealrpc.test; do\n"
                 "  for flag in -v -r; do i=$((i+1))\n"
                 "    yes class serviceConnectionPoint \"keywords: k\"\n"
                 "    as n1 ldapmodrdn -r cn=x,$A1 cn=n$i\n"
                 "    as n1 ldapmodrdn $flag cn=n$i,$A1 \"$rdn\" || continue\n"
                 "    echo \"$rdn\" >>$D/renamed\n"
                 "    refused as n1 ldapmodrdn \"$rdn,$A1\" cn=back\n"
                 "    refused as n1 ldapmodrdn -s $A1 \"$rdn,$A1\" cn=back\n"
                 "    refused modify n1 \"$rdn,$A1\" \"add: cn\ncn: back\"\n"
                 "    for w in alice n1 n2; do as $w ldapsearch -LLL -o ldif-wrap=no -b $A1 \\\n"
                 "      '(|(serviceDNSName=node2.sealrpc.test)(servicePrincipalName=x/node9*)"
                 "(&(objectClass=spnAccount)(keywords=k)))' dn\n"
                 "      [ -s $D/said ] && { echo \"$w sees $rdn\"; cat $D/said; exit 97; }; done\n"
                 "    for how in add delete; do\n"
                 "      yes register installer $A2 $how x/node9.sealrpc.test; done\n"
                 "    as installer ldapdelete \"$rdn,$A1\" || exit 98\n"
                 "  done; done\n"
                 "[ -s $D/renamed ]") > 0);
    script_expect(ARGUMENTS(NULL), whole);
    free(whole);
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
    if (!take_arguments(count, arguments))
        return 2;
    const struct CMUnitTest tests[] = {
        TEST(everybody_is_who_they_should_be),
        TEST(the_environment_is_for_ldap_clients),
        TEST(strangers_get_nothing),
        TEST(a_service_writes_its_own_connection_points),
        TEST(a_service_writes_no_others),
        TEST(a_service_registers_names_of_its_own_host),
        TEST(names_of_others_are_not_written),
        TEST(connection_points_are_nothing_else),
        TEST(entries_stay_where_they_are),
        TEST(nobody_is_somebody_else),
        TEST(a_new_name_leads_nowhere),
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
