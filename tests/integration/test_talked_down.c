/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NTLM where Kerberos is wanted: reached through SPNEGO, or alone in its three legs, against an
 * impostor that does not know the password. Its initiator reports success and mutual authentication
 * all the same.
 */
#include "harness.h"

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char self[300];

static bool ntlm_is_installed(void) {
    static gss_OID_desc ntlm = {10, (void *)(uintptr_t) "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"};
    OM_uint32 minor = 0;
    int present = 0;
    gss_OID_set mechanisms = GSS_C_NO_OID_SET;
    if (gss_indicate_mechs(&minor, &mechanisms) == GSS_S_COMPLETE)
        gss_test_oid_set_member(&minor, &ntlm, mechanisms, &present);
    gss_release_oid_set(&minor, &mechanisms);
    return present != 0;
}

/* ---- The server, in a process of its own with a user file of its own ---- */

static const seal_mechanism all[] = {SEAL_MECHANISM_KRB5, SEAL_MECHANISM_SPNEGO,
                                     SEAL_MECHANISM_NTLM};

static void print_refusals(it_log *log) {
    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; i < log->n; i++) {
        if (strstr(log->lines[i], "refused") != NULL)
            printf("log: %s\n", log->lines[i]);
    }
    pthread_mutex_unlock(&log->lock);
}

static int serve(bool allow_one_way) {
    static it_server s;
    char end;
    seal_server_options options;
    it_server_options(&options);
    options.mechanisms = all;
    options.n_mechanisms = 3;
    options.allow_one_way = allow_one_way;
    it_server_init(&s);
    it_server_start(&s, &options, NULL);
    printf("port: %u\n", seal_server_port(s.server));
    fflush(stdout);
    while (read(STDIN_FILENO, &end, 1) < 0) {
    }
    it_server_wait_idle(&s);
    print_refusals(&s.log);
    printf("runs: %u\n", atomic_load(&s.runs));
    it_server_done(&s);
    return 0;
}

typedef struct process {
    pid_t pid;
    int input;
    FILE *output;
    char target[64];
    char said[4096]; /* once it has ended */
} process;

static void exec_server(const int *in, const int *out, const char *users, bool allow_one_way) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    for (int i = 0; i < 2; i++) {
        close(in[i]);
        close(out[i]);
    }
    setenv("NTLM_USER_FILE", users, 1);
    execl(self, self, "--serve", allow_one_way ? "one-way" : "mutual", (char *)NULL);
    _exit(127);
}

static void process_start(process *p, const char *users, bool allow_one_way) {
    int in[2];
    int out[2];
    unsigned port = 0;
    assert_int_equal(pipe(in) | pipe(out), 0);
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0)
        exec_server(in, out, users, allow_one_way);
    close(in[0]);
    close(out[1]);
    p->input = in[1];
    p->output = fdopen(out[0], "r");
    assert_non_null(fgets(p->said, sizeof p->said, p->output));
    assert_int_equal(sscanf(p->said, "port: %u", &port), 1);
    snprintf(p->target, sizeof p->target, "localhost:%u", port);
}

static void process_end(process *p) {
    int status = 0;
    close(p->input);
    size_t n = fread(p->said, 1, sizeof p->said - 1, p->output);
    p->said[n] = '\0';
    fclose(p->output);
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void expect_said(const process *p, const char *part) {
    if (strstr(p->said, part) == NULL)
        fail_msg("\"%s\" is not in what the server said:\n%s", part, p->said);
}

/* ---- The client ---- */

static char right[300];
static char wrong[300];

static int setup(void **state) {
    (void)state;
    snprintf(right, sizeof right, "%s", it_path("right"));
    snprintf(wrong, sizeof wrong, "%s", it_path("wrong"));
    it_write_file(right, "SEAL:alice:alicepw\n", 19);
    it_write_file(wrong, "SEAL:alice:another\n", 19);
    setenv("NTLM_USER_FILE", right, 1);
    return 0;
}

static void skip_without_ntlm(void) {
    if (ntlm_is_installed())
        return;
    print_message("skipped: gss-ntlmssp is not installed\n");
    skip();
}

/* One call; it must fail without having been run, and both ends say why. `server_says` NULL: the
 * client did not get so far. */
static void refused(const char *server_users, bool one_way, const seal_channel_options *options,
                    const char *client_says, const char *server_says) {
    static it_client c;
    process p;
    process_start(&p, server_users, one_way);
    it_client_init(&c);
    seal_channel *channel = it_channel(&c, p.target, options);
    it_expect(it_sync(channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAUTHENTICATED,
              SEAL_NOT_EXECUTED, client_says);
    seal_channel_free(channel);
    it_client_done(&c);
    process_end(&p);
    expect_said(&p, "runs: 0");
    if (server_says != NULL)
        expect_said(&p, server_says);
}

/* Nothing is wrong with the password; the mechanism does not prove the server. */
static void ntlm_alone(void **state) {
    (void)state;
    skip_without_ntlm();
    seal_channel_options options;
    it_channel_options(&options);
    options.mechanism = SEAL_MECHANISM_NTLM;
    refused(right, false, &options, "does not prove", "refused");
    refused(right, true, &options, "does not prove", "refused"); /* the client has a say */
    options.allow_one_way = true;
    refused(right, false, &options, NULL, "refused"); /* the server as well */
}

/* The impostor's server side cannot finish; and a client that demands a proof does not either. */
static void impostor(void **state) {
    (void)state;
    skip_without_ntlm();
    seal_channel_options options;
    it_channel_options(&options);
    options.mechanism = SEAL_MECHANISM_NTLM;
    refused(wrong, true, &options, "does not prove", "refused");
    options.allow_one_way = true;
    refused(wrong, true, &options, NULL, "refused");
}

/* Agreed on both ends it works, and the peer's name says what it is worth. */
static void agreed(void **state) {
    (void)state;
    skip_without_ntlm();
    static it_client c;
    process p;
    seal_channel_options options;
    it_channel_options(&options);
    options.mechanism = SEAL_MECHANISM_NTLM;
    options.allow_one_way = true;
    process_start(&p, right, true);
    it_client_init(&c);
    seal_channel *channel = it_channel(&c, p.target, &options);
    seal_result *result = it_sync(channel, NULL, &(it_request){.mode = ITEST__MODE__WHO});
    const Itest__Reply *reply = seal_result_reply(result);
    assert_non_null(reply);
    assert_memory_equal(reply->text, "one-way:", 8);
    assert_true(seal_peer_is_one_way(seal_result_peer(result)));
    it_expect_ok(result);
    it_echo(channel, 100000);
    /* "Everybody of the realm" is not everybody who says so. */
    it_expect(it_sync(channel, itest_echo_sync_realm_only, &(it_request){.size = 1}),
              SEAL_STATUS_PERMISSION_DENIED, SEAL_NOT_EXECUTED, NULL);
    seal_channel_free(channel);
    it_client_done(&c);
    process_end(&p);
    expect_said(&p, "runs: 2");
}

/* SPNEGO would fall back to NTLM when there is no ticket, or when the KDC does not know the
 * service, which anybody can say in its name. */
static void through_spnego(void **state) {
    (void)state;
    skip_without_ntlm();
    seal_channel_options options;
    char none[300];
    it_channel_options(&options);
    options.mechanism = SEAL_MECHANISM_SPNEGO;
    options.server_principal = "unknown/localhost";
    refused(right, true, &options, "unknown/localhost", NULL);
    options.allow_one_way = true;
    refused(right, true, &options, "unknown/localhost", NULL);
    it_channel_options(&options);
    options.mechanism = SEAL_MECHANISM_SPNEGO;
    options.allow_one_way = true;
    snprintf(none, sizeof none, "FILE:%s", it_path("none"));
    options.ccache = none;
    refused(right, true, &options, "kinit", NULL);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--serve") == 0)
        return serve(strcmp(argv[2], "one-way") == 0);
    snprintf(self, sizeof self, "%s", argv[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ntlm_alone),
        cmocka_unit_test(impostor),
        cmocka_unit_test(agreed),
        cmocka_unit_test(through_spnego),
    };
    return cmocka_run_group_tests_name("integration.talked_down", tests, setup, NULL);
}
