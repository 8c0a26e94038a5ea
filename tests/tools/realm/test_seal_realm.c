/* SPDX-License-Identifier: Apache-2.0 */
/* seal-realm, run as users run it, with real KDCs. */
#include "realm_support.h"

#include <dirent.h>
#include <fcntl.h>
#include <krb5.h>
#include <poll.h>
#include <pty.h>
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

/* ---- what the command finds ---- */

static void run_gives_the_first_principal_a_ticket(void **state) {
    (void)state;
    assert_int_equal(RUN(seal_realm, "run", "--", "klist", "-s").status, 0);
    struct result result = RUN(seal_realm, "run", "--", "klist");
    assert_contains(result.output, "Default principal: alice@SEALRPC.TEST");
    result = RUN(seal_realm, "run", "--principal", "bob", "--principal", "carol/admin", "klist");
    assert_contains(result.output, "Default principal: bob@SEALRPC.TEST");
    assert_contains(result.error, "carol/admin@SEALRPC.TEST, key in ");
}

static void run_puts_services_in_the_keytab(void **state) {
    (void)state;
    struct result result = RUN(seal_realm, "run", "--service", "greeter/localhost", "--service",
                               "host/a.example.test@SEALRPC.TEST", "--", "sh", "-c",
                               "klist -k && kvno -k ${KRB5_KTNAME#FILE:} greeter/localhost "
                               "host/a.example.test");
    assert_int_equal(result.status, 0);
    assert_contains(result.output, "greeter/localhost@SEALRPC.TEST: kvno = 1, keytab entry valid");
    assert_contains(result.output, "host/a.example.test@SEALRPC.TEST: kvno = 1");
    assert_contains(result.error, "service greeter/localhost@SEALRPC.TEST, key in ");
}

static void run_takes_the_realm_name_and_no_ticket(void **state) {
    (void)state;
    struct result result =
        RUN(seal_realm, "run", "--realm", "OTHER.TEST", "--no-ticket", "--", "sh", "-c",
            "klist -s && exit 1; kinit -kt "
            "$SEAL_REALM_DIR/users.keytab alice && klist");
    assert_int_equal(result.status, 0);
    assert_contains(result.output, "Default principal: alice@OTHER.TEST");
}

static void keytab_for_makes_a_client_keytab(void **state) {
    (void)state;
    struct result result = RUN(seal_realm, "run", "--keytab-for", "robot", "--", "sh", "-c",
                               "klist -k $KRB5_CLIENT_KTNAME; kinit -ki robot && klist");
    assert_int_equal(result.status, 0);
    assert_contains(result.output, "Default principal: robot@SEALRPC.TEST");
    setenv("KRB5_CLIENT_KTNAME", "FILE:/nonexistent", 1); /* of the outside: not for the command */
    result = RUN(seal_realm, "run", "--", "sh", "-c", "echo \"<$KRB5_CLIENT_KTNAME>\"");
    unsetenv("KRB5_CLIENT_KTNAME");
    assert_string_equal(result.output, "<>\n");
}

static void enctype_decides_the_keys(void **state) {
    (void)state;
    struct result result = RUN(seal_realm, "run", "--enctype", "aes128-cts-hmac-sha256-128",
                               "--service", "a/b", "sh", "-c", "klist -ke; kvno a/b; klist -e");
    assert_int_equal(result.status, 0);
    assert_contains(result.output, "aes128-cts-hmac-sha256-128");
    assert_null(strstr(result.output, "aes256"));
}

static void kadmin_works_in_the_realm(void **state) {
    (void)state;
    struct result result = RUN(seal_realm, "run", "--quiet", "--", "sh", "-c",
                               "PATH=$PATH:/usr/sbin; kadmin.local addprinc -pw sesame dave "
                               "&& echo sesame | kinit dave && klist");
    assert_int_equal(result.status, 0);
    assert_contains(result.output, "Default principal: dave@SEALRPC.TEST");
}

/* This executable as the command: prints how long the ticket lives. */
static int print_ticket_life(void) {
    krb5_context context;
    krb5_ccache ccache;
    krb5_cc_cursor cursor;
    krb5_creds credentials;
    if (krb5_init_context(&context) != 0 || krb5_cc_default(context, &ccache) != 0 ||
        krb5_cc_start_seq_get(context, ccache, &cursor) != 0)
        return 1;
    while (krb5_cc_next_cred(context, ccache, &cursor, &credentials) == 0) {
        if (!krb5_is_config_principal(context, credentials.server))
            printf("%ld\n", (long)credentials.times.endtime - (long)credentials.times.starttime);
        krb5_free_cred_contents(context, &credentials);
    }
    krb5_cc_end_seq_get(context, ccache, &cursor);
    krb5_cc_close(context, ccache);
    krb5_free_context(context);
    return 0;
}

static void ticket_life_limits_tickets(void **state) {
    (void)state;
    struct result result = RUN(seal_realm, "run", "--ticket-life", "12s", "--clockskew", "2", "--",
                               self, "--print-ticket-life");
    assert_string_equal(result.output, "12\n");
    result = RUN(seal_realm, "run", "--ticket-life", "12s", "--", "sh", "-c",
                 "kinit -l 1h -kt $SEAL_REALM_DIR/users.keytab alice && exec \"$0\" \"$1\"", self,
                 "--print-ticket-life");
    assert_string_equal(result.output, "12\n");
}

static void run_passes_streams_and_status(void **state) {
    (void)state;
    struct program program = program_start(ARGUMENTS(seal_realm, "run", "--quiet", "--", "cat"));
    assert_int_equal(write(program.input_fd, "a\0b\n", 4), 4);
    struct result result = program_finish(&program);
    assert_int_equal(result.status, 0);
    assert_memory_equal(result.output, "a\0b\n", 4);
    assert_string_equal(result.error, "");
    assert_int_equal(RUN(seal_realm, "run", "--", "sh", "-c", "exit 7").status, 7);
    assert_int_equal(RUN(seal_realm, "run", "--", "sh", "-c", "kill -9 $$").status, 137);
    assert_int_equal(RUN(seal_realm, "run", "--", "sh", "-c", "kill -INT $$").status, 130);
    /* A folder in PATH that may not be searched would make it "Permission denied". */
    result = RUN("env", "PATH=/usr/bin:/bin", seal_realm, "run", "--", "no-such-program");
    assert_int_equal(result.status, 127);
    assert_contains(result.error, "cannot run no-such-program");
    assert_int_equal(RUN(seal_realm, "run", "--", "/").status, 126);
    result =
        RUN("sh", "-c", "\"$0\" run --quiet -- sh -c 'test ! -e /proc/self/fd/1' >&-", seal_realm);
    assert_int_equal(result.status, 0);
}

/* The signal is passed on while the guardian has already seen the end of the command. */
static void a_late_signal_does_not_lose_the_status(void **state) {
    (void)state;
    for (int i = 0; i < 60; i++) {
        struct result result = RUN(seal_realm, "run", "--quiet", "--", "sh", "-c",
                                   "trap '' USR1; kill -USR1 0; kill -USR1 0; exit 3");
        assert_string_equal(result.error, "");
        assert_int_equal(result.status, 3);
    }
}

/* ---- nothing stays ---- */

static struct program start_run(const char *script) {
    return start_waiting(ARGUMENTS(seal_realm, "run", "--", "sh", "-c", script));
}

static void a_killed_run_leaves_nothing(void **state) {
    (void)state;
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGKILL, SIGUSR1};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct program program = start_run(WAITING);
        is_killed(&program, signals[i]);
    }
}

static void a_killed_process_group_leaves_nothing(void **state) {
    (void)state;
    struct program program = start_run(WAITING);
    kill(-program.pid, SIGKILL);
    assert_int_equal(program_finish_open(&program).status, 137);
    wait_until_nothing_is_left();
}

static void daemons_of_the_command_do_not_stay(void **state) {
    (void)state;
    static const char daemons[] = "setsid sh -c 'setsid tail -f $SEAL_REALM_DIR/kdc.log & "
                                  "exec tail -f $SEAL_REALM_DIR/krb5.conf' >/dev/null & ";
    char script[256];
    snprintf(script, sizeof script, "%s echo $SEAL_REALM_DIR", daemons);
    assert_int_equal(RUN(seal_realm, "run", "--", "sh", "-c", script).status, 0);
    snprintf(script, sizeof script, "%s %s", daemons, WAITING);
    struct program program = start_run(script);
    kill(program.pid, SIGKILL);
    program_finish_open(&program);
    wait_until_nothing_is_left();
}

static void a_command_that_ignores_signals_is_ended(void **state) {
    (void)state;
    struct program program = start_run("trap '' TERM INT HUP; " WAITING);
    kill(program.pid, SIGTERM);
    assert_int_equal(program_finish_open(&program).status, 137);
}

static void a_run_killed_at_any_moment_leaves_nothing(void **state) {
    (void)state;
    killed_while_it_starts(ARGUMENTS(seal_realm, "run", "--quiet", "--", "sh", "-c", WAITING),
                           (struct moments){.first_ms = 0, .step_ms = 1, .end_ms = 50});
}

static void a_killed_guardian_leaves_nothing(void **state) {
    (void)state;
    guardian_is_killed(ARGUMENTS(seal_realm, "run", "--", "sh", "-c",
                                 "kill -9 $PPID; exec tail -f $0", sandbox()));
}

static void a_dead_kdc_is_told_and_leaves_nothing(void **state) {
    (void)state;
    struct result result = RUN(seal_realm, "run", "--", "sh", "-c",
                               "p=$(cat $SEAL_REALM_DIR/kdc.pid); kill -9 $p; "
                               "while kill -0 $p; do :; done 2>/dev/null; exit 3");
    assert_int_equal(result.status, 3);
    assert_contains(result.error, "the KDC has ended (signal 9)");
}

static void odd_files_are_removed_and_links_not_followed(void **state) {
    (void)state;
    char *outside = sandbox_path("outside");
    assert_int_equal(mkdir(outside, 0700), 0);
    struct result result = RUN(seal_realm, "run", "--", "sh", "-c",
                               "touch $0/kept; cd $SEAL_REALM_DIR; ln -s $0 link; mkdir -p a/b/c; "
                               "touch a/b/c/f; mkfifo p; chmod 0 a/b; chmod 500 .",
                               outside);
    assert_int_equal(result.status, 0);
    char *kept = sandbox_path("outside/kept");
    assert_int_equal(unlink(kept), 0);
    assert_int_equal(rmdir(outside), 0);
    free(kept);
    free(outside);
}

/* ---- several, standing, not root ---- */

static void two_at_once_do_not_meet(void **state) {
    (void)state;
    enum { COUNT = 4 };
    struct program programs[COUNT];
    for (int i = 0; i < COUNT; i++)
        programs[i] = program_start(ARGUMENTS(seal_realm, "run", "--service", "a/b", "--", "sh",
                                              "-c", "echo; cat; exec kvno a/b"));
    char line[8];
    for (int i = 0; i < COUNT; i++)
        program_read_line(&programs[i], line, sizeof line);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(program_finish(&programs[i]).status, 0);
}

static void a_standing_realm_is_used_extended_and_stopped(void **state) {
    (void)state;
    char *folder = sandbox_path("it's mine");
    struct result result = RUN(seal_realm, "start", folder);
    assert_int_equal(result.status, 2); /* a quote: krb5.conf could not have it */
    free(folder);
    folder = sandbox_path("my realm");
    result = RUN(seal_realm, "start", "--service", "greeter/localhost", folder);
    assert_int_equal(result.status, 0);
    assert_contains(result.error, "to end it: seal-realm stop");
    assert_int_equal(RUN(seal_realm, "start", folder).status, 2);
    assert_int_equal(RUN(seal_realm, "add", "--service", "second/x", folder).status, 0);
    result = RUN("sh", "-c",
                 "set -e; eval \"$(\"$0\" env \"$1\")\"; klist; \"$0\" add --principal bob; "
                 "kvno -k \"${KRB5_KTNAME#FILE:}\" greeter/localhost second/x; "
                 "kinit -kt \"$SEAL_REALM_DIR/users.keytab\" bob; klist",
                 seal_realm, folder);
    assert_int_equal(result.status, 0);
    assert_contains(result.output, "Default principal: alice@SEALRPC.TEST");
    assert_contains(result.output, "second/x@SEALRPC.TEST: kvno = 1, keytab entry valid");
    assert_contains(result.output, "Default principal: bob@SEALRPC.TEST");
    result = RUN(seal_realm, "add", "--principal", "alice", folder);
    assert_int_equal(result.status, 70);
    assert_contains(result.error, "already exists");
    assert_int_equal(RUN(seal_realm, "stop", folder).status, 0);
    assert_int_not_equal(access(folder, F_OK), 0);
    free(folder);
}

static void stop_refuses_what_is_no_standing_realm(void **state) {
    (void)state;
    struct result result = RUN(seal_realm, "stop", sandbox());
    assert_int_equal(result.status, 2);
    assert_contains(result.error, "is not the folder of a realm");
    assert_int_equal(RUN(seal_realm, "env", "/nonexistent").status, 2);
    result = RUN(seal_realm, "run", "--quiet", "--", "sh", "-c", "\"$0\" stop $SEAL_REALM_DIR",
                 seal_realm);
    assert_int_equal(result.status, 2);
    assert_contains(result.error, "in use by a running seal-realm");
}

static void an_ordinary_user_can_run_it(void **state) {
    (void)state;
    skip_unless_users_can_run_it();
    struct result result =
        RUN(AS_USER, seal_realm, "run", "--service", "a/b", "--", "sh", "-c", "id -u; kvno a/b");
    assert_int_equal(result.status, 0);
    assert_contains(result.output, "65534");
}

/* ---- complaints ---- */

static void wrong_arguments_are_refused(void **state) {
    (void)state;
    const char *const wrong[][3] = {
        {"--principal", "al ice", "not a principal name"},
        {"--principal", "alice\naddprinc -pw x mallory", "not a principal name"},
        {"--principal", "a\"b", "not a principal name"},
        {"--principal", "-randkey", "not a principal name"},
        {"--principal", "", "not a principal name"},
        {"--principal", "/x", "not a principal name"},
        {"--service", "a//b", "not a principal name"},
        {"--service", "host/x@ELSEWHERE.TEST", "not in realm SEALRPC.TEST"},
        {"--keytab-for", "a\\b", "not a principal name"},
        {"--realm", "A B", "not a realm name"},
        {"--ticket-life", "soon", "does not take 'soon'"},
        {"--ticket-life", "0", "does not take '0'"},
        {"--clockskew", "-1", "does not take '-1'"},
        {"--enctype", "rot13", "does not know 'rot13'"},
        {"--frobnicate", "x", "does not know the option '--frobnicate'"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        refuses_arguments(wrong[i][0], wrong[i][1], wrong[i][2]);
    assert_int_equal(RUN(seal_realm).status, 2);
    assert_int_equal(RUN(seal_realm, "walk").status, 2);
    assert_int_equal(RUN(seal_realm, "run").status, 2);
    assert_int_equal(RUN(seal_realm, "run", "--principal").status, 2);
    assert_int_equal(RUN(seal_realm, "start").status, 2);
    assert_int_equal(RUN(seal_realm, "add", "/tmp").status, 2);
}

static void missing_tools_are_named_with_their_package(void **state) {
    (void)state;
    setenv("SEAL_REALM_TOOLS", "/nonexistent", 1);
    struct result result = RUN(seal_realm, "run", "--", "true");
    unsetenv("SEAL_REALM_TOOLS");
    assert_int_equal(result.status, 69);
    assert_contains(result.error, "krb5kdc is not installed");
    assert_contains(result.error, "apt-get install krb5-kdc");
}

static void write_script(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* Tools that fail, each in turn, and one that hangs while seal-realm is killed. */
static void failing_tools_are_quoted(void **state) {
    (void)state;
    static const char *const names[] = {"kdb5_util", "kadmin.local", "krb5kdc"};
    char *folder = sandbox_path("bin");
    assert_int_equal(mkdir(folder, 0755), 0);
    char *tools = NULL;
    assert_true(asprintf(&tools, "%s:/usr/sbin:/sbin", folder) > 0);
    setenv("SEAL_REALM_TOOLS", tools, 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = NULL;
        assert_true(asprintf(&path, "%s/%s", folder, names[i]) > 0);
        write_script(path, "#!/bin/sh\necho the disk is on fire >&2\nexit 3\n");
        struct result result = RUN(seal_realm, "run", "--", "true");
        assert_int_equal(result.status, 70);
        assert_contains(result.error, names[i]);
        assert_contains(result.error, "    the disk is on fire");
        unlink(path);
        write_script(path, "#!/bin/sh\necho hanging >\"$TMPDIR/bin/hangs\"; exec tail -f \"$0\"\n");
        char *hangs = sandbox_path("bin/hangs");
        assert_int_equal(mkfifo(hangs, 0600), 0);
        struct program program = program_start(ARGUMENTS(seal_realm, "run", "--", "true"));
        close(open(hangs, O_RDONLY | O_CLOEXEC)); /* waits until it does */
        kill(program.pid, i % 2 == 0 ? SIGTERM : SIGKILL);
        program_finish(&program);
        unlink(hangs);
        unlink(path);
        free(hangs);
        free(path);
    }
    unsetenv("SEAL_REALM_TOOLS");
    rmdir(folder);
    free(folder);
    free(tools);
    wait_until_nothing_is_left();
}

static void help_and_version_are_given(void **state) {
    (void)state;
    struct result result = RUN(seal_realm, "--help");
    assert_int_equal(result.status, 0);
    assert_contains(result.output, "usage: seal-realm run");
    result = RUN(seal_realm, "--version");
    assert_int_equal(result.status, 0);
    assert_contains(result.output, "seal-realm ");
}

/* ---- the terminal ---- */

/* A shell's part: seal-realm is a job in the foreground. Exits with 0 if all went as it should. */
static void be_shell(const char *const *arguments, bool stops, int expected) {
    signal(SIGTTOU, SIG_IGN);
    pid_t job = fork();
    if (job == 0) {
        setpgid(0, 0);
        tcsetpgrp(STDIN_FILENO, getpid());
        signal(SIGTTOU, SIG_DFL);
        execv(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(99);
    }
    int status;
    if (stops) {
        if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status))
            _exit(1);
        if (write(STDOUT_FILENO, "stopped\n", 8) != 8)
            _exit(2);
        kill(-job, SIGCONT);
    }
    if (waitpid(job, &status, 0) != job)
        _exit(3);
    bool right = expected > 128 ? WIFSIGNALED(status) && WTERMSIG(status) == expected - 128
                                : WIFEXITED(status) && WEXITSTATUS(status) == expected;
    _exit(right ? 0 : 4);
}

static void expect_on_terminal(int terminal, const char *text) {
    char seen[4096] = "";
    size_t length = 0;
    while (strstr(seen, text) == NULL) {
        struct pollfd polled = {.fd = terminal, .events = POLLIN};
        assert_int_equal(poll(&polled, 1, 30000), 1);
        ssize_t got = read(terminal, seen + length, sizeof seen - 1 - length);
        if (got <= 0)
            fail_msg("'%s' did not come, but: %s", text, seen);
        length += (size_t)got;
        seen[length] = '\0';
    }
}

static void type(int terminal, const char *keys) {
    assert_int_equal(write(terminal, keys, strlen(keys)), (ssize_t)strlen(keys));
}

static void finish_terminal(pid_t shell, int terminal) {
    int status;
    assert_int_equal(waitpid(shell, &status, 0), shell);
    close(terminal);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void control_c_reaches_the_command(void **state) {
    (void)state;
    int terminal;
    pid_t shell = forkpty(&terminal, NULL, NULL, NULL);
    if (shell == 0)
        be_shell(ARGUMENTS(seal_realm, "run", "--quiet", "sh", "-c", "echo read''y; exec cat"),
                 false, 130);
    expect_on_terminal(terminal, "ready");
    type(terminal, "\003");
    finish_terminal(shell, terminal);
    shell = forkpty(&terminal, NULL, NULL, NULL); /* a command that takes it as it likes */
    if (shell == 0)
        be_shell(ARGUMENTS(seal_realm, "run", "--quiet", "sh", "-c",
                           "trap 'echo caught; exit 5' INT; echo read''y; read x; exit 6"),
                 false, 5);
    expect_on_terminal(terminal, "ready");
    type(terminal, "\003");
    expect_on_terminal(terminal, "caught");
    finish_terminal(shell, terminal);
}

static void control_z_stops_and_fg_continues(void **state) {
    (void)state;
    int terminal;
    pid_t shell = forkpty(&terminal, NULL, NULL, NULL);
    if (shell == 0)
        be_shell(ARGUMENTS(seal_realm, "run", "--quiet", "sh", "-c",
                           "test -t 0 && echo read''y; read x && echo \"<$x>\"; exit 9"),
                 true, 9);
    expect_on_terminal(terminal, "ready");
    type(terminal, "\032");
    expect_on_terminal(terminal, "stopped");
    type(terminal, "hello\n");
    expect_on_terminal(terminal, "<hello>");
    finish_terminal(shell, terminal);
}

static void a_hangup_leaves_nothing(void **state) {
    (void)state;
    int terminal;
    pid_t shell = forkpty(&terminal, NULL, NULL, NULL);
    if (shell == 0)
        be_shell(ARGUMENTS(seal_realm, "run", "--quiet", "sh", "-c", "echo read''y; exec cat"),
                 false, 129);
    expect_on_terminal(terminal, "ready");
    close(terminal);
    waitpid(shell, NULL, 0);
    wait_until_nothing_is_left();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sandbox_setup, sandbox_teardown)

int main(int count, char **arguments) {
    if (count == 2 && strcmp(arguments[1], "--print-ticket-life") == 0)
        return print_ticket_life();
    if (!take_arguments(count, arguments))
        return 2;
    self = realpath("/proc/self/exe", NULL);
    static const int wanted[] = {SIGINT, SIGQUIT, SIGHUP}; /* ignored in a background job */
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        signal(wanted[i], SIG_DFL);
    const struct CMUnitTest tests[] = {
        TEST(run_gives_the_first_principal_a_ticket),
        TEST(run_puts_services_in_the_keytab),
        TEST(run_takes_the_realm_name_and_no_ticket),
        TEST(keytab_for_makes_a_client_keytab),
        TEST(enctype_decides_the_keys),
        TEST(kadmin_works_in_the_realm),
        TEST(ticket_life_limits_tickets),
        TEST(run_passes_streams_and_status),
        TEST(a_late_signal_does_not_lose_the_status),
        TEST(a_killed_run_leaves_nothing),
        TEST(a_killed_process_group_leaves_nothing),
        TEST(daemons_of_the_command_do_not_stay),
        TEST(a_command_that_ignores_signals_is_ended),
        TEST(a_run_killed_at_any_moment_leaves_nothing),
        TEST(a_killed_guardian_leaves_nothing),
        TEST(a_dead_kdc_is_told_and_leaves_nothing),
        TEST(odd_files_are_removed_and_links_not_followed),
        TEST(two_at_once_do_not_meet),
        TEST(a_standing_realm_is_used_extended_and_stopped),
        TEST(stop_refuses_what_is_no_standing_realm),
        TEST(an_ordinary_user_can_run_it),
        TEST(wrong_arguments_are_refused),
        TEST(missing_tools_are_named_with_their_package),
        TEST(failing_tools_are_quoted),
        TEST(help_and_version_are_given),
        TEST(control_c_reaches_the_command),
        TEST(control_z_stops_and_fg_continues),
        TEST(a_hangup_leaves_nothing),
    };
    return cmocka_run_group_tests_name("seal-realm", tests, NULL, NULL);
}
