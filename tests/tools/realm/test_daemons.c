/* SPDX-License-Identifier: Apache-2.0 */
/* The daemons of a realm with a directory: paused, killed, started again, and gone at the end. */
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

/* ---- faults ---- */

#define FIRST "${SEAL_DIRECTORY_URI% *}"
#define SECOND "${SEAL_DIRECTORY_URI#* }"

static void the_replica_follows_and_stands_in(void **state) {
    (void)state;
    script_expect(ARGUMENTS("--replica"),
                  "has() { as alice ldapsearch -H " SECOND " -LLL -s base -b cn=$1,$A1 dn; }\n"
                  "yes publish n1 a $A1 node1; await has a\n"
                  "scp b $A1 node1 >$D/ldif; no 10 as n1 ldapadd -H " SECOND
                  " -f $D/ldif\n" /* a referral */
                  "yes $r kill directory\n"
                  "no 255 as alice ldapwhoami -H " FIRST "\n"
                  "yes exists cn=a,$A1\n" /* the list of URIs leads to the replica */
                  "yes $r restart directory\n"
                  "yes as alice ldapsearch -H " FIRST " -LLL -s base -b cn=a,$A1 dn\n"
                  "yes as n1 ldapadd -H " FIRST " -f $D/ldif; await has b\n"
                  "yes $r kill replica; no 255 has b\n"
                  "yes as n1 ldapdelete -H " FIRST " cn=b,$A1\n"
                  "yes $r restart replica\n"
                  "lacks() { has $1; [ $? = 32 ]; }\n"
                  "await lacks b; yes has a");
}

/* Its own ticket does not matter: it gets a new one for each connection. */
static void the_replica_outlives_its_ticket(void **state) {
    (void)state;
    script_expect(ARGUMENTS("--replica", "--ticket-life", "2s", "--clockskew", "1"),
                  "has() { log_in alice alice users\n"
                  "  as alice ldapsearch -H " SECOND " -LLL -s base -b cn=$1,$A1 dn; }\n"
                  "old() { ! klist -s -c $D/replica.ccache; }\n"
                  "await old; log_in n1 " NODE1 " service\n"
                  "yes $r restart directory; log_in n1 " NODE1 " service\n"
                  "yes publish n1 a $A1 node1; await has a");
}

static void a_paused_daemon_answers_when_it_is_resumed(void **state) {
    (void)state;
    script_expect(ARGUMENTS("--replica"),
                  "yes as alice ldapwhoami -H " FIRST "\n" /* now it has the ticket for that */
                  "for d in directory replica kdc kadmind; do yes $r pause $d; done\n"
                  "KRB5CCNAME=FILE:$D/cc.alice timeout 1 ldapwhoami -Q; [ $? = 124 ] || exit 1\n"
                  "for d in directory replica kdc kadmind; do yes $r resume $d; done\n"
                  "yes as alice ldapwhoami -H " FIRST "; yes as alice ldapwhoami -H " SECOND "\n"
                  "log_in alice alice users");
}

static void every_daemon_can_be_killed_and_restarted(void **state) {
    (void)state;
    script_expect(ARGUMENTS("--replica"),
                  "works() { log_in alice alice users; as alice ldapwhoami &&\n"
                  "  kadmin -p installer -k -t $D/users.keytab getprinc " NODE1 " >$D/said; }\n"
                  "for d in kdc kadmind directory replica; do\n"
                  "  yes $r kill $d; no 70 $r kill $d 2>$D/said; no 70 $r pause $d 2>$D/said\n"
                  "  yes $r restart $d; yes works; yes $r restart $d; yes works\n"
                  "  yes $r pause $d; yes $r restart $d; yes works; done\n"
                  "no 2 $r kill samba 2>$D/said; grep -q 'none of kdc' $D/said");
    struct result result = RUN(seal_realm, "run", "--quiet", "--with-directory", "sh", "-c",
                               "$SEAL_REALM_PROGRAM restart replica");
    assert_int_equal(result.status, 2);
    assert_contains(result.error, "it was made without --replica");
    result = RUN(seal_realm, "run", "--quiet", "sh", "-c",
                 "$SEAL_REALM_PROGRAM kill kdc && "
                 "$SEAL_REALM_PROGRAM restart kdc && "
                 "kinit -kt $SEAL_REALM_DIR/users.keytab "
                 "alice");
    assert_string_equal(result.error, "");
    assert_int_equal(result.status, 0);
}

/* ---- nothing stays ---- */

#define RESTART_ALL                                                                                \
    "for d in directory replica kadmind; do $SEAL_REALM_PROGRAM restart $d || exit; done; "
#define PAUSE_ALL "for d in directory replica kadmind kdc; do $SEAL_REALM_PROGRAM pause $d; done; "

static struct program start_run(const char *script) {
    return start_waiting(ARGUMENTS(seal_realm, "run", "--quiet", "--with-directory", "--replica",
                                   "--", "sh", "-c", script));
}

static void a_killed_run_leaves_no_daemon(void **state) {
    (void)state;
    static const char *const scripts[] = {WAITING, RESTART_ALL WAITING, PAUSE_ALL WAITING};
    static const int signals[] = {SIGKILL, SIGTERM};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        for (size_t j = 0; j < sizeof signals / sizeof signals[0]; j++) {
            struct program program = start_run(scripts[i]);
            is_killed(&program, signals[j]);
        }
    }
}

static void a_killed_guardian_takes_restarted_daemons_along(void **state) {
    (void)state;
    guardian_is_killed(ARGUMENTS(seal_realm, "run", "--with-directory", "--replica", "--", "sh",
                                 "-c", RESTART_ALL "kill -9 $PPID; exec tail -f $0", sandbox()));
}

static void a_run_killed_while_it_starts_leaves_nothing(void **state) {
    (void)state;
    killed_while_it_starts(ARGUMENTS(seal_realm, "run", "--quiet", "--with-directory", "--replica",
                                     "--", "sh", "-c", WAITING),
                           (struct moments){.first_ms = 20, .step_ms = 20, .end_ms = 400});
}

/* ---- several, standing, not root ---- */

static void two_at_once_do_not_meet(void **state) {
    (void)state;
    struct program programs[2];
    char line[8];
    for (int i = 0; i < 2; i++) {
        char script[160];
        snprintf(script, sizeof script,
                 "echo; cat; ldapwhoami -Q && ldapsearch -Q -LLL '(servicePrincipalName=g/h%d)' dn "
                 "| grep -x 'dn: cn=h%d,ou=.*'",
                 i, i);
        char service[] = "g/h0";
        service[3] = (char)('0' + i);
        programs[i] = program_start(ARGUMENTS(seal_realm, "run", "--quiet", "--with-directory",
                                              "--service", service, "--", "sh", "-c", script));
    }
    for (int i = 0; i < 2; i++)
        program_read_line(&programs[i], line, sizeof line);
    for (int i = 0; i < 2; i++)
        assert_int_equal(program_finish(&programs[i]).status, 0);
}

static void a_standing_directory_is_used_extended_and_stopped(void **state) {
    (void)state;
    char *folder = sandbox_path("realm");
    struct result result =
        RUN(seal_realm, "start", "--with-directory", "--replica", "--service", NODE1, folder);
    assert_int_equal(result.status, 0);
    assert_contains(result.error, "directory ldap://localhost:");
    result = RUN(seal_realm, "add", "--service", NODE1 ":7001", "--service", NODE2, "--principal",
                 "bob", folder);
    assert_string_equal(result.error + strlen(result.error) - 1, "\n");
    assert_int_equal(result.status, 0);
    result = RUN("sh", "-c",
                 "set -e; eval \"$(\"$0\" env \"$1\")\"; kinit -k " NODE1 ":7001; ldapwhoami -Q; "
                 "kinit -k " NODE2 "; ldapwhoami -Q; kinit -kt $1/users.keytab bob; "
                 "ldapwhoami -Q; ldapsearch -Q -LLL -b cn=node1.sealrpc.test,ou=Accounts,"
                 "$SEAL_DIRECTORY_BASE | grep -c ^servicePrincipalName:; \"$0\" kill directory; "
                 "\"$0\" restart directory; ldapwhoami -Q; \"$0\" pause replica $1",
                 seal_realm, folder);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.output, "dn:cn=node1.sealrpc.test,ou=accounts,dc=sealrpc,dc=test\n"
                                       "dn:cn=node2.sealrpc.test,ou=accounts,dc=sealrpc,dc=test\n"
                                       "dn:uid=bob,ou=people,dc=sealrpc,dc=test\n2\n"
                                       "dn:uid=bob,ou=people,dc=sealrpc,dc=test\n");
    assert_int_equal(RUN(seal_realm, "stop", folder).status, 0);
    assert_int_not_equal(access(folder, F_OK), 0);
    free(folder);
}

static void an_ordinary_user_has_a_directory(void **state) {
    (void)state;
    skip_unless_users_can_run_it();
    struct result result =
        RUN(AS_USER, seal_realm, "run", "--quiet", "--with-directory", "--replica", "--", "sh",
            "-c", "id -u; ldapwhoami -Q; " RESTART_ALL "ldapwhoami -Q");
    assert_int_equal(result.status, 0);
    assert_string_equal(result.output, "65534\ndn:uid=alice,ou=people,dc=sealrpc,dc=test\n"
                                       "dn:uid=alice,ou=people,dc=sealrpc,dc=test\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sandbox_setup, sandbox_teardown)

int main(int count, char **arguments) {
    if (!take_arguments(count, arguments))
        return 2;
    const struct CMUnitTest tests[] = {
        TEST(the_replica_follows_and_stands_in),
        TEST(the_replica_outlives_its_ticket),
        TEST(a_paused_daemon_answers_when_it_is_resumed),
        TEST(every_daemon_can_be_killed_and_restarted),
        TEST(a_killed_run_leaves_no_daemon),
        TEST(a_killed_guardian_takes_restarted_daemons_along),
        TEST(a_run_killed_while_it_starts_leaves_nothing),
        TEST(two_at_once_do_not_meet),
        TEST(a_standing_directory_is_used_extended_and_stopped),
        TEST(an_ordinary_user_has_a_directory),
    };
    return cmocka_run_group_tests_name("seal-realm: daemons", tests, NULL, NULL);
}
