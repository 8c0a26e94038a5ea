/* SPDX-License-Identifier: Apache-2.0 */
/* seal-realm --ad: a real Samba domain controller, used with OpenLDAP's and MIT's own tools. */
#include "realm_support.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DOMAIN "ad.sealrpc.test"
#define NODE1 "greeter/node1." DOMAIN
#define NODE2 "greeter/node2." DOMAIN

static const char *template_folder;

/* As in test_directory.c; n1 and n2 are the two computers. */
static const char prelude[] =
    "r=$SEAL_REALM_PROGRAM B=$SEAL_DIRECTORY_BASE D=$SEAL_REALM_DIR\n"
    "C1=CN=node1,CN=Computers,$B C2=CN=node2,CN=Computers,$B\n"
    "log_in() { kinit -c $D/cc.$1 -k -t $D/$3.keytab $2 || exit 90; }\n"
    "log_in n1 'node1$' service; log_in n2 'node2$' service\n"
    "log_in alice alice users; log_in installer installer users\n"
    "as() { w=$1 c=$2; shift 2; KRB5CCNAME=FILE:$D/cc.$w $c -Q \"$@\" >$D/said 2>&1; }\n"
    "yes() { \"$@\" || { echo \"$* failed: $?\"; cat $D/said; exit 91; }; }\n"
    "no() { want=$1; shift; \"$@\"; got=$?; [ $got = $want ] ||\n"
    "  { echo \"$* ended with $got, not $want\"; cat $D/said; exit 92; }; }\n"
    "publish() { printf 'dn: CN=%s,%s\\nobjectClass: serviceConnectionPoint\\ncn: %s\\n"
    "serviceDNSName: node1." DOMAIN "\\nkeywords: demo.Greeter\\n' $2 $3 $2 >$D/ldif\n"
    "  as $1 ldapadd -f $D/ldif; }\n"
    "register() { printf 'dn: %s\\nchangetype: modify\\nadd: servicePrincipalName\\n"
    "servicePrincipalName: %s\\n' $2 $3 >$D/ldif; as $1 ldapmodify -f $D/ldif; }\n";

static void expect_script(const char *script) {
    char *whole = NULL;
    assert_true(asprintf(&whole, "%s%s", prelude, script) > 0);
    struct result result =
        RUN(seal_realm, "run", "--quiet", "--ad", "--ad-template", template_folder, "--service",
            NODE1, "--service", NODE2, "--keytab-for", "robot", "--", "sh", "-c", whole);
    free(whole);
    if (result.status != 0)
        fail_msg("status %d: %s%s", result.status, result.output, result.error);
    assert_string_equal(result.error, "");
}

static void users_and_services_have_keys_and_tickets(void **state) {
    (void)state;
    expect_script(
        "klist | grep -q 'alice@AD.SEALRPC.TEST' || exit 1\n"
        "[ \"$SEAL_DIRECTORY_URI $B\" = 'ldap://dc1." DOMAIN " dc=ad,dc=sealrpc,dc=test' ]\n"
        "[ -z \"$KRB5_KDC_PROFILE$SEAL_REALM_LDAPI\" ] || exit 2\n"
        "kinit -ki robot || exit 3\n"
        "grep '^alice ' $D/passwords | cut -d' ' -f2 | kinit -c $D/x alice >$D/said || exit 4\n"
        "kvno -k $D/service.keytab " NODE1 " " NODE2 " 'node1$' >$D/said || exit 5\n"
        "klist -e | grep -A1 " NODE1 " | grep -q 'aes256.*aes256' || exit 6\n"
        "for who in alice installer n1 robot; do [ $who = robot ] || \n"
        "  yes as $who ldapsearch -LLL -s base -b $B dn; done\n"
        "as alice ldapwhoami -O minssf=0,maxssf=0 && exit 7; exit 0");
}

static void names_resolve_in_the_domain_only(void **state) {
    (void)state;
    expect_script("for h in dc1." DOMAIN " node1." DOMAIN " node2." DOMAIN " localhost; do\n"
                  "  getent ahostsv4 $h >$D/said || { echo $h; exit 1; }; done\n"
                  "grep -q '^127' $D/said || exit 2\n"
                  "no 2 getent hosts www.example.com");
    struct result result = RUN("getent", "ahostsv4", "dc1." DOMAIN);
    assert_int_not_equal(result.status, 0);
}

static void a_computer_registers_names_of_its_own_host(void **state) {
    (void)state;
    expect_script("yes register n1 $C1 other/node1." DOMAIN "\n"
                  "yes kvno -q other/node1." DOMAIN "\n"
                  "no 19 register n1 $C1 other/node2." DOMAIN "\n"
                  "no 50 register n1 $C2 other/node2." DOMAIN "\n"
                  "no 50 register alice $C1 third/node1." DOMAIN);
}

static void the_installer_registers_any_name_once(void **state) {
    (void)state;
    expect_script("yes register installer $C1 " NODE1 ":7001\n"
                  "yes register installer $C1 " NODE1 "/demo.Greeter\n"
                  "yes register installer $C2 virtual/ledger." DOMAIN "\n"
                  "no 19 register installer $C1 virtual/ledger." DOMAIN "\n"
                  "yes kvno -q " NODE1 ":7001 " NODE1 "/demo.Greeter virtual/ledger." DOMAIN "\n"
                  "no 50 register installer CN=alice,CN=Users,$B x/y." DOMAIN "\n"
                  "printf 'dn: %s\\nchangetype: modify\\nreplace: dNSHostName\\n"
                  "dNSHostName: evil.test\\n' $C1 >$D/ldif\n"
                  "no 50 as installer ldapmodify -f $D/ldif");
}

static void connection_points_are_below_their_own_account(void **state) {
    (void)state;
    expect_script("yes publish n1 a $C1\n"
                  "no 50 publish n1 b $C2\n"
                  "no 50 publish alice b $C1\n"
                  "yes as alice ldapsearch -LLL '(keywords=demo.greeter)' serviceDNSName\n"
                  "grep -q 'serviceDNSName: node1." DOMAIN "' $D/said || exit 1\n"
                  "no 50 as n2 ldapdelete CN=a,$C1\n"
                  "yes as n1 ldapdelete CN=a,$C1");
}

static void more_can_be_added(void **state) {
    (void)state;
    expect_script("$r add --quiet --principal bob --service third/node3." DOMAIN " --service "
                  "third/node1." DOMAIN ":1/x || exit 1\n"
                  "log_in bob bob users; log_in n3 'node3$' service\n"
                  "yes kvno -q -k $D/service.keytab third/node3." DOMAIN " third/node1." DOMAIN
                  ":1/x\n"
                  "getent hosts node3." DOMAIN " >$D/said || exit 2\n"
                  "no 70 $r add --service x/node1.elsewhere.test 2>$D/said\n"
                  "grep -q 'would need the same one' $D/said || exit 3\n"
                  "no 70 $r add --service " NODE1 " 2>$D/said\n"
                  "no 70 $r add --principal alice 2>$D/said\n"
                  "no 2 $r add --principal a/b 2>$D/said\n"
                  "no 2 $r add --service a-name-longer-than-15/a-name-longer-than-15 2>$D/said\n"
                  "yes as alice ldapsearch -LLL -s base -b $C1 dn");
}

static void the_controller_is_paused_killed_and_restarted(void **state) {
    (void)state;
    expect_script("yes publish n1 a $C1\n"
                  "yes $r pause kdc\n"
                  "timeout 1 kinit -c $D/x -k -t $D/users.keytab alice 2>$D/said\n"
                  "[ $? = 124 ] || exit 1\n"
                  "yes $r resume directory; log_in alice alice users\n"
                  "yes $r kill directory; no 70 $r kill kdc 2>$D/said\n"
                  "no 255 as alice ldapsearch -LLL -s base -b $C1 dn\n"
                  "yes $r restart kdc; log_in alice alice users\n"
                  "yes as alice ldapsearch -LLL -s base -b CN=a,$C1 dn\n"
                  "yes $r restart dc; log_in alice alice users\n"
                  "no 2 $r kill kadmind 2>$D/said");
}

/* ---- nothing stays ---- */

#define PAUSE "$SEAL_REALM_PROGRAM pause dc || exit; "
#define RESTART "$SEAL_REALM_PROGRAM restart dc || exit; "

static struct program start_run(const char *script) {
    return start_waiting(ARGUMENTS(seal_realm, "run", "--quiet", "--ad", "--ad-template",
                                   template_folder, "--", "sh", "-c", script));
}

static void a_killed_run_leaves_nothing(void **state) {
    (void)state;
    static const char *const scripts[] = {WAITING, RESTART WAITING, PAUSE WAITING};
    static const int signals[] = {SIGKILL, SIGTERM, SIGKILL};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct program program = start_run(scripts[i]);
        is_killed(&program, signals[i]);
    }
}

static void a_killed_guardian_takes_the_controller_along(void **state) {
    (void)state;
    guardian_is_killed(ARGUMENTS(seal_realm, "run", "--quiet", "--ad", "--ad-template",
                                 template_folder, "--", "sh", "-c",
                                 RESTART "kill -9 $PPID; exec tail -f $0", sandbox()));
}

static void a_run_killed_while_it_starts_leaves_nothing(void **state) {
    (void)state;
    killed_while_it_starts(ARGUMENTS(seal_realm, "run", "--quiet", "--ad", "--ad-template",
                                     template_folder, "--", "sh", "-c", WAITING),
                           (struct moments){.first_ms = 10, .step_ms = 90, .end_ms = 1200});
}

/* ---- several, standing, not root ---- */

/* On the same addresses and ports. */
static void two_at_once_do_not_meet(void **state) {
    (void)state;
    struct program programs[2];
    char line[8];
    for (int i = 0; i < 2; i++)
        programs[i] = program_start(
            ARGUMENTS(seal_realm, "run", "--quiet", "--ad", "--ad-template", template_folder,
                      "--service", i == 0 ? "a/x0." DOMAIN : "a/x1." DOMAIN, "--", "sh", "-c",
                      "echo; cat; kvno a/x0." DOMAIN "; [ $? = $0 ]", i == 0 ? "0" : "1"));
    for (int i = 0; i < 2; i++)
        program_read_line(&programs[i], line, sizeof line);
    for (int i = 0; i < 2; i++)
        assert_int_equal(program_finish(&programs[i]).status, 0);
}

static void a_standing_domain_is_entered_extended_and_stopped(void **state) {
    (void)state;
    char *folder = sandbox_path("domain");
    struct result result = RUN(seal_realm, "start", "--ad", "--ad-template", template_folder,
                               "--service", NODE1, folder);
    assert_int_equal(result.status, 0);
    assert_contains(result.error, "to use it: seal-realm enter");
    assert_int_equal(RUN(seal_realm, "add", "--service", NODE2, folder).status, 0);
    for (int i = 0; i < 2; i++) {
        result =
            RUN(seal_realm, "enter", folder, "sh", "-c",
                "cd \"$TMPDIR\" && kinit -k -t $SEAL_REALM_DIR/users.keytab alice && kvno " NODE1
                " " NODE2 " && ldapsearch -Q -s base dn >/dev/null && pwd");
        assert_int_equal(result.status, 0);
        assert_contains(result.output, sandbox());
        assert_int_equal(RUN(seal_realm, "restart", "kdc", folder).status, 0);
    }
    assert_int_equal(RUN(seal_realm, "kill", "kdc", folder).status, 0);
    result = RUN(seal_realm, "enter", folder, "true");
    assert_int_equal(result.status, 70);
    assert_contains(result.error, "seal-realm restart dc");
    assert_int_equal(RUN(seal_realm, "restart", "kdc", folder).status, 0);
    assert_int_equal(RUN(seal_realm, "enter", folder, "kvno", NODE1).status, 0);
    /* A folder in PATH that may not be searched would make it 126. */
    result = RUN("env", "PATH=/usr/bin:/bin", seal_realm, "enter", folder, "no-such-program");
    assert_int_equal(result.status, 127);
    assert_int_equal(RUN(seal_realm, "stop", folder).status, 0);
    assert_int_not_equal(access(folder, F_OK), 0);
    free(folder);
}

static bool may_run_as_user(void) {
    return geteuid() == 0 && RUN(AS_USER, "test", "-x", seal_realm).status == 0 &&
           RUN(AS_USER, "test", "-x", template_folder).status == 0;
}

static void an_ordinary_user_has_a_domain(void **state) {
    (void)state;
    if (geteuid() != 0)
        skip_because("this is an ordinary user already: all the others have shown it");
    if (!may_run_as_user())
        skip_because("user 65534 may not use this build folder");
    if (RUN(AS_USER, "unshare", "-Urnm", "true").status != 0)
        skip_because("this machine does not let users make namespaces");
    struct result result = RUN(AS_USER, seal_realm, "run", "--quiet", "--ad", "--ad-template",
                               template_folder, "--service", NODE1, "--", "sh", "-c",
                               RESTART "kvno -q " NODE1 " && ldapsearch -Q -LLL -s base dn");
    assert_string_equal(result.error, "");
    assert_int_equal(result.status, 0);
    assert_contains(result.output, "dn: DC=ad,DC=sealrpc,DC=test");
}

/* ---- complaints ---- */

static void without_rights_or_template_it_says_so(void **state) {
    (void)state;
    if (!may_run_as_user())
        skip_because("only root can become the user without rights, in a folder open to it");
    /* In a namespace where it is nobody, it may make none. */
    struct result result = RUN(AS_USER, "unshare", "-U", seal_realm, "run", "--ad", "--ad-template",
                               template_folder, "true");
    assert_int_equal(result.status, 69);
    assert_contains(result.error, "--ad needs namespaces of its own");
    result = RUN(AS_USER, "unshare", "-Ur", seal_realm, "run", "--ad", "--ad-template",
                 "/nonexistent", "true");
    assert_int_equal(result.status, 69);
    assert_contains(result.error, "only root can make it");
}

static void missing_tools_are_named_with_their_package(void **state) {
    (void)state;
    setenv("SEAL_REALM_TOOLS", "/nonexistent", 1);
    struct result result = RUN(seal_realm, "run", "--ad", "true");
    unsetenv("SEAL_REALM_TOOLS");
    assert_int_equal(result.status, 69);
    assert_contains(result.error, "samba is not installed");
    assert_contains(result.error, "apt-get install samba samba-ad-dc");
}

static void wrong_arguments_are_refused(void **state) {
    (void)state;
    static const char *const wrong[][3] = {
        {"--ad", "--with-directory", "--with-directory goes not with --ad"},
        {"--ad", "--ticket-life=5m", "--ticket-life goes not with --ad"},
        {"--ad", "--enctype=aes256-cts", "--enctype goes not with --ad"},
        {"--ad-template=/tmp", "--quiet", "--ad-template goes only with --ad"},
        {"--ad", "--realm=ad.sealrpc.test", "cannot be the realm of a domain"},
        {"--ad", "--realm=AD", "cannot be the realm of a domain"},
        {"--ad", "--principal=a/b", "'a/b' cannot be a user of a domain"},
        {"--ad", "--service=plain", "a domain has no account for 'plain'"},
        {"--ad", "--service=a/sixteen-letters-.b", "at most 15 characters"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        refuses_arguments(wrong[i][0], wrong[i][1], wrong[i][2]);
}

/* Takes long on a machine that is busy. */
static int make_template(void) {
    pid_t pid = fork();
    if (pid == 0) {
        execl(seal_realm, seal_realm, "run", "--quiet", "--ad", "--ad-template", template_folder,
              "true", (char *)NULL);
        _exit(99);
    }
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sandbox_setup, sandbox_teardown)

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: %s PATH-OF-SEAL-REALM FOLDER-OF-TEMPLATE\n", arguments[0]);
        return 2;
    }
    seal_realm = arguments[1];
    template_folder = arguments[2];
    signal(SIGPIPE, SIG_IGN);
    if (make_template() != 0) {
        fprintf(stderr, "there is no template in %s, and it cannot be made\n", template_folder);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        TEST(users_and_services_have_keys_and_tickets),
        TEST(names_resolve_in_the_domain_only),
        TEST(a_computer_registers_names_of_its_own_host),
        TEST(the_installer_registers_any_name_once),
        TEST(connection_points_are_below_their_own_account),
        TEST(more_can_be_added),
        TEST(the_controller_is_paused_killed_and_restarted),
        TEST(a_killed_run_leaves_nothing),
        TEST(a_killed_guardian_takes_the_controller_along),
        TEST(a_run_killed_while_it_starts_leaves_nothing),
        TEST(two_at_once_do_not_meet),
        TEST(a_standing_domain_is_entered_extended_and_stopped),
        TEST(an_ordinary_user_has_a_domain),
        TEST(without_rights_or_template_it_says_so),
        TEST(missing_tools_are_named_with_their_package),
        TEST(wrong_arguments_are_refused),
    };
    return cmocka_run_group_tests_name("seal-realm --ad", tests, NULL, NULL);
}
