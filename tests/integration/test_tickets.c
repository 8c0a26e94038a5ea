/* SPDX-License-Identifier: Apache-2.0 */
/* Clients and their tickets: none, old ones, somebody else's, clocks that differ, KDCs that do not
 * help. */
#include "harness.h"

#include <arpa/inet.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "secure/gss/gss.h"

static it_server s;
static it_client c;
static char self[300];
static char realm_config[300];

static int setup(void **state) {
    (void)state;
    it_server_init(&s);
    it_server_start(&s, NULL, NULL);
    it_client_init(&c);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    setenv("KRB5_CONFIG", realm_config, 1);
    it_client_done(&c);
    it_server_done(&s);
    return 0;
}

/* A call with these options must end so. */
static void call_fails(const seal_channel_options *options, seal_status status, int cause,
                       const char *part) {
    seal_channel *channel = it_channel(&c, s.target, options);
    seal_result *result = it_sync(channel, NULL, &(it_request){.size = 1});
    if ((int)seal_result_cause(result) != cause)
        print_error("wanted %s, got %s: %s\n", seal_error_code_name(cause),
                    seal_error_code_name(seal_result_cause(result)), seal_result_message(result));
    assert_int_equal(seal_result_cause(result), cause);
    it_expect(result, status, SEAL_NOT_EXECUTED, part);
    seal_channel_free(channel);
    assert_int_equal(atomic_load(&s.runs), 0);
}

/* A cache of a user's with nothing but a ticket-granting ticket. */
static const char *cache_of(const char *user) {
    static char name[300];
    char command[1024];
    snprintf(name, sizeof name, "FILE:%s", it_path(user));
    snprintf(command, sizeof command, "kinit -k -t \"$SEAL_REALM_DIR/users.keytab\" -c %s %s", name,
             user);
    it_shell(command);
    return name;
}

static void no_ticket(void **state) {
    (void)state;
    seal_channel_options options;
    char cache[300];
    snprintf(cache, sizeof cache, "FILE:%s", it_path("no-cache"));
    it_channel_options(&options);
    options.ccache = cache;
    call_fails(&options, SEAL_STATUS_UNAUTHENTICATED, SEAL_ERROR_CREDENTIALS, cache);
    call_fails(&options, SEAL_STATUS_UNAUTHENTICATED, SEAL_ERROR_CREDENTIALS, "kinit");
}

static void garbage_cache(void **state) {
    (void)state;
    seal_channel_options options;
    char cache[300];
    const char *path = it_path("garbage-cache");
    it_write_file(path, "no cache at all", 15);
    snprintf(cache, sizeof cache, "FILE:%s", path);
    it_channel_options(&options);
    options.ccache = cache;
    call_fails(&options, SEAL_STATUS_UNAUTHENTICATED, SEAL_ERROR_CREDENTIALS, cache);
}

static const char *minted(const char *name, int64_t start, int64_t life) {
    static char cache[300];
    snprintf(cache, sizeof cache, "FILE:%s", it_path(name));
    seal__gss_mint_options options = {.keytab = getenv("KRB5_KTNAME"),
                                      .service = IT_SERVICE "@" IT_REALM,
                                      .client = IT_ALICE,
                                      .ccache = cache,
                                      .start_offset_s = start,
                                      .lifetime_s = life};
    assert_int_equal(seal__gss_mint_ticket(&options, NULL), 0);
    return cache;
}

static void tickets_and_time(void **state) {
    (void)state;
    seal_channel_options options;
    it_channel_options(&options);
    options.ccache = minted("minted", 0, 3600);
    seal_channel *channel = it_channel(&c, s.target, &options);
    it_echo(channel, 1);
    atomic_store(&s.runs, 0);
    seal_channel_free(channel);
    options.ccache = minted("expired", -7200, -3600);
    call_fails(&options, SEAL_STATUS_UNAUTHENTICATED, SEAL_ERROR_CREDENTIALS_EXPIRED, "expired");
    options.ccache = minted("future", 3600, 7200);
    seal_channel *early = it_channel(&c, s.target, &options);
    seal_result *result = it_sync(early, NULL, &(it_request){.size = 1});
    assert_int_equal(atomic_load(&s.runs), 0);
    it_expect(result, SEAL_STATUS_UNAUTHENTICATED, SEAL_NOT_EXECUTED, NULL);
    seal_channel_free(early);
}

static void other_identities(void **state) {
    (void)state;
    char keytab[300];
    seal_channel_options options;
    it_channel_options(&options);
    options.ccache = cache_of("bob");
    seal_channel *channel = it_channel(&c, s.target, &options);
    it_expect_ok(it_sync(channel, itest_echo_sync_bob_only, &(it_request){.size = 1}));
    it_expect(it_sync(channel, itest_echo_sync_alice_only, &(it_request){.size = 1}),
              SEAL_STATUS_PERMISSION_DENIED, SEAL_NOT_EXECUTED, "bob@" IT_REALM);
    seal_channel_free(channel);
    /* From a keytab, with no ticket at all. */
    it_channel_options(&options);
    snprintf(keytab, sizeof keytab, "%s/users.keytab", getenv("SEAL_REALM_DIR"));
    options.client_keytab = keytab;
    options.client_principal = "bob@" IT_REALM;
    options.ccache = "MEMORY:sealrpc-test-empty";
    channel = it_channel(&c, s.target, &options);
    it_expect_ok(it_sync(channel, itest_echo_sync_bob_only, &(it_request){.size = 1}));
    seal_channel_free(channel);
}

static void unknown_service(void **state) {
    (void)state;
    seal_channel_options options;
    it_channel_options(&options);
    options.server_principal = "echo/nowhere";
    call_fails(&options, SEAL_STATUS_UNAUTHENTICATED, SEAL_ERROR_UNKNOWN_SERVICE, "echo/nowhere");
}

/* Registered, but not what this server is. */
static void another_service(void **state) {
    (void)state;
    it_shell("kadmin.local -q 'addprinc -randkey echo/elsewhere' >/dev/null 2>&1");
    seal_channel_options options;
    it_channel_options(&options);
    options.server_principal = "echo/elsewhere";
    seal_channel *channel = it_channel(&c, s.target, &options);
    it_expect(it_sync(channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAUTHENTICATED,
              SEAL_NOT_EXECUTED, "echo/elsewhere");
    it_log_wait(&s.log, "echo/elsewhere");
    assert_int_equal(atomic_load(&s.runs), 0);
    seal_channel_free(channel);
}

/* The server gets a new key and forgets the old one: the client's cached ticket is of no use any
 * more. */
static void server_key_changes(void **state) {
    (void)state;
    static it_server rolling;
    char command[1024];
    char keytab[300];
    seal_server_options so;
    seal_channel_options co;
    snprintf(keytab, sizeof keytab, "%s", it_path("rolling.keytab"));
    snprintf(command, sizeof command,
             "kadmin.local -q 'addprinc -randkey echo/rolling' >/dev/null 2>&1 && "
             "kadmin.local -q 'ktadd -k %s echo/rolling' >/dev/null 2>&1",
             keytab);
    it_shell(command);
    it_server_options(&so);
    it_channel_options(&co);
    so.principal = co.server_principal = "echo/rolling";
    so.keytab = keytab;
    co.ccache = cache_of("alice");
    it_server_init(&rolling);
    it_server_start(&rolling, &so, NULL);
    char list[400];
    snprintf(list, sizeof list, "seal:///%s,%s", rolling.target, s.target);
    for (int round = 0; round < 4; round++) {
        seal_channel *channel = it_channel(&c, round % 2 == 0 ? rolling.target : list, &co);
        it_echo(channel, 1);
        seal_channel_free(channel);
        snprintf(command, sizeof command,
                 "kadmin.local -q 'ktadd -k %s.new echo/rolling' >/dev/null 2>&1 && mv %s.new %s",
                 keytab, keytab, keytab);
        it_shell(command);
    }
    it_server_done(&rolling);
}

/* ---- KDC ---- */

static void use_kdc_at(uint16_t port) {
    char text[512];
    int n = snprintf(
        text, sizeof text,
        "[libdefaults]\n default_realm = %s\n dns_lookup_kdc = false\n rdns = false\n"
        " dns_canonicalize_hostname = false\n[realms]\n %s = {\n  kdc = 127.0.0.1:%u\n }\n",
        IT_REALM, IT_REALM, port);
    const char *path = it_path("other.conf");
    it_write_file(path, text, (size_t)n);
    setenv("KRB5_CONFIG", path, 1);
}

static void kdc_refuses(void **state) {
    (void)state;
    seal_channel_options options;
    it_channel_options(&options);
    options.ccache = cache_of("alice");
    use_kdc_at(it_closed_port());
    call_fails(&options, SEAL_STATUS_UNAVAILABLE, SEAL_ERROR_KDC_UNREACHABLE, IT_REALM);
}

/* Neither TCP nor UDP ever answers. The sockets stay open: the threads that are stuck there must
 * not come back while the program ends and libraries are being unloaded. */
static void start_silent_kdc(void) {
    int fds[2];
    struct sockaddr_in addr = {.sin_family = AF_INET};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    uint16_t port = 0;
    fds[0] = it_listen(&port);
    fds[1] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    addr.sin_port = htons(port);
    assert_int_equal(bind(fds[1], (const struct sockaddr *)(const void *)&addr, sizeof addr), 0);
    use_kdc_at(port);
}

/* The call ends at its own deadline; others do not notice. */
static void kdc_is_silent(void **state) {
    (void)state;
    seal_channel_options options;
    it_channel_options(&options);
    seal_channel *good = it_channel(&c, s.target, NULL);
    it_echo(good, 1);
    unsigned runs = atomic_load(&s.runs);
    options.ccache = cache_of("bob");
    start_silent_kdc();
    enum { STUCK = 4 };
    seal_channel *stuck[STUCK];
    it_ends ends = {0};
    for (int i = 0; i < STUCK; i++) {
        stuck[i] = it_channel(&c, s.target, &options);
        assert_int_equal(it_async(stuck[i], &(it_request){.timeout_us = 500000}, &ends, NULL), 0);
    }
    it_echo(good, 1);
    seal_channel *another = it_channel(&c, s.target, NULL);
    it_echo(another, 1);
    it_expect(it_sync(stuck[0], NULL, &(it_request){.timeout_us = 300000}),
              SEAL_STATUS_DEADLINE_EXCEEDED, SEAL_NOT_EXECUTED, "KDC");
    it_wait_ends(&ends, STUCK);
    assert_int_equal(atomic_load(&ends.by_status[SEAL_STATUS_DEADLINE_EXCEEDED]), STUCK);
    assert_int_equal(atomic_load(&ends.by_execution[SEAL_NOT_EXECUTED]), STUCK);
    it_echo(good, 1);
    it_echo(another, 1);
    assert_int_equal(atomic_load(&s.runs), runs + 4);
    for (int i = 0; i < STUCK; i++)
        seal_channel_free(stuck[i]);
    seal_channel_free(another);
    seal_channel_free(good);
    /* teardown frees the runtime while the threads are stuck: it must not wait for them. */
}

/* That is not the endpoint's fault: it keeps the turn, and the next one is not blamed either. */
static void kdc_is_silent_for_a_list(void **state) {
    (void)state;
    char target[256];
    seal_channel_options options;
    seal_channel_stats stats;
    it_channel_options(&options);
    options.ccache = cache_of("alice");
    options.connect_timeout_ms = 2500;
    start_silent_kdc();
    snprintf(target, sizeof target, "seal:///%s,127.0.0.1:%u", s.target, it_closed_port());
    seal_channel *channel = it_channel(&c, target, &options);
    it_expect(it_sync(channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAVAILABLE,
              SEAL_NOT_EXECUTED, "no time was left for 1 more");
    seal_channel_get_stats(channel, &stats);
    assert_int_equal(stats.connections_failed, 1);
    seal_channel_free(channel);
}

/* ---- Clocks ---- */

/* What this program does as a child: one call; ends with the status as its exit code. */
static int child(const char *target) {
    seal_channel *channel = NULL;
    seal_channel_options options;
    it_channel_options(&options);
    if (itest_echo_channel_new(NULL, target, &options, &channel, NULL) < 0)
        return 99;
    seal_result *result = it_sync(channel, NULL, &(it_request){.size = 1});
    printf("%s: %s\n", seal_error_code_name(seal_result_cause(result)),
           seal_result_message(result));
    int status = (int)seal_result_status(result);
    seal_result_free(result);
    seal_channel_free(channel);
    return status;
}

static int child_with_offset(const char *library, const char *offset, char *text, size_t size) {
    char command[1024];
    snprintf(command, sizeof command,
             "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 LD_PRELOAD=%s "
             "FAKETIME=%s FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1 %s --call %s 2>&1",
             library, offset, self, s.target);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t n = fread(text, 1, size - 1, pipe);
    text[n] = '\0';
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void clocks_differ(void **state) {
    (void)state;
    glob_t found;
    char text[4096];
    if (glob("/usr/lib/*/faketime/libfaketime.so.1", 0, NULL, &found) != 0) {
        print_message("skipped: libfaketime is not installed\n");
        skip();
    }
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
    globfree(&found);
    print_message("skipped: libfaketime and this sanitizer do not go together\n");
    skip();
#endif
#endif
    int status = child_with_offset(found.gl_pathv[0], "+200s", text, sizeof text);
    if (status != SEAL_STATUS_OK)
        print_error("%s\n", text);
    assert_int_equal(status, SEAL_STATUS_OK);
    assert_int_equal(atomic_load(&s.runs), 1);
    status = child_with_offset(found.gl_pathv[0], "+1000s", text, sizeof text);
    if (status != SEAL_STATUS_UNAUTHENTICATED || strstr(text, "CLOCK_SKEW") == NULL)
        print_error("%s\n", text);
    assert_int_equal(status, SEAL_STATUS_UNAUTHENTICATED);
    assert_non_null(strstr(text, "CLOCK_SKEW"));
    assert_int_equal(atomic_load(&s.runs), 1);
    globfree(&found);
}

/* A server that accepts krb5 only. */
static void mechanism_not_accepted(void **state) {
    (void)state;
    seal_channel_options options;
    it_channel_options(&options);
    options.mechanism = SEAL_MECHANISM_SPNEGO;
    seal_channel *channel = it_channel(&c, s.target, &options);
    it_expect(it_sync(channel, NULL, &(it_request){.size = 1}), SEAL_STATUS_UNAUTHENTICATED,
              SEAL_NOT_EXECUTED, "mechanism");
    assert_int_equal(atomic_load(&s.runs), 0);
    seal_channel_free(channel);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--call") == 0)
        return child(argv[2]);
    snprintf(self, sizeof self, "%s", argv[0]);
    snprintf(realm_config, sizeof realm_config, "%s", getenv("KRB5_CONFIG"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_ticket, setup, teardown),
        cmocka_unit_test_setup_teardown(garbage_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(tickets_and_time, setup, teardown),
        cmocka_unit_test_setup_teardown(other_identities, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_service, setup, teardown),
        cmocka_unit_test_setup_teardown(another_service, setup, teardown),
        cmocka_unit_test_setup_teardown(kdc_is_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(kdc_is_silent_for_a_list, setup, teardown),
        cmocka_unit_test_setup_teardown(server_key_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(kdc_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(clocks_differ, setup, teardown),
        cmocka_unit_test_setup_teardown(mechanism_not_accepted, setup, teardown),
    };
    return cmocka_run_group_tests_name("integration.tickets", tests, NULL, NULL);
}
